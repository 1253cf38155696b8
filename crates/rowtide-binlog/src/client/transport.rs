//! The sockets.

use std::net::Ipv4Addr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::{ClientError, Peer, SourceOptions};

/// What packets travel over: TCP, a unix socket, TLS over one of them.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// Connects to what `options` names.
pub(super) async fn connect(options: &SourceOptions) -> Result<(Box<dyn Transport>, Peer), ClientError> {
    let unreachable = |source| ClientError::Connect {
        address: options.address(),
        source,
    };
    if let Some(path) = &options.socket {
        let stream = UnixStream::connect(path).await.map_err(unreachable)?;
        return Ok((Box::new(stream), Peer::Socket));
    }
    let stream = TcpStream::connect((options.host.as_str(), options.port))
        .await
        .map_err(unreachable)?;
    let peer = stream
        .peer_addr()
        .map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip());
    tune(&stream).map_err(unreachable)?;
    Ok((Box::new(stream), Peer::Network(peer)))
}

/// Small packets leave at once, and a peer that has vanished is noticed within two minutes of silence, also where no
/// heartbeat is agreed.
fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
