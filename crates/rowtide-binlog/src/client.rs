//! A connection to a server: logs in and runs queries.

mod error;
mod options;
mod transport;

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub use self::error::ClientError;
pub use self::options::{Secret, SourceOptions};
pub use crate::wire::response::ServerError;
pub use crate::wire::result_set::{QueryResult, ResultRow};

use self::transport::Transport;
use crate::tls::{self, TlsMode};
use crate::wire::auth::{AuthExchange, AuthStep, Channel, KeyTrust, public_key};
use crate::wire::command;
use crate::wire::handshake::Greeting;
use crate::wire::packet::{MAX_PACKET, PacketBuffer};
use crate::wire::result_set::{QueryError, ResultReader};

/// The longest packet that is accepted from a server before the login is decided, in bytes.
const MAX_LOGIN_PACKET: usize = 1 << 20;
/// How long a polite goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection that is logged in.
pub struct Client {
    link: Link,
    server_version: String,
    connection_id: u32,
    encrypted: bool,
    /// An answer was not read to its end, because of an error or because who waited for it gave up.
    unfinished: bool,
}

impl Client {
    /// Connects and logs in, all of it within `options.connect_timeout`.
    ///
    /// # Errors
    /// If the server cannot be reached, TLS fails, or the login is refused; see [`ClientError`].
    pub async fn connect(options: &SourceOptions) -> Result<Self, ClientError> {
        let login = Box::pin(Self::log_in(options));
        match tokio::time::timeout(options.connect_timeout, login).await {
            Ok(client) => client,
            Err(_) => Err(ClientError::ConnectTimeout {
                address: options.address(),
                seconds: options.connect_timeout.as_secs_f64(),
            }),
        }
    }

    /// Runs one statement and gathers its result; meant for settings and catalogs, not for tables of rows.
    ///
    /// # Errors
    /// If the server refuses the statement ([`ClientError::Server`], after which the connection goes on), or the
    /// connection breaks.
    pub async fn query(&mut self, sql: &str) -> Result<QueryResult, ClientError> {
        if self.unfinished {
            return Err(ClientError::Unfinished);
        }
        self.unfinished = true;
        self.link.command(&command::query(sql)).await?;
        let mut reader = ResultReader::default();
        loop {
            match reader.feed(self.link.read_packet().await?) {
                Ok(None) => {}
                Ok(Some(result)) => {
                    self.unfinished = false;
                    return Ok(result);
                }
                Err(QueryError::Server(error)) => {
                    self.unfinished = false;
                    return Err(error.into());
                }
                Err(error) => return Err(ClientError::Query(error)),
            }
        }
    }

    /// The version that the server named in its greeting.
    pub fn server_version(&self) -> &str {
        &self.server_version
    }

    /// The number of this connection on the server, as `SHOW PROCESSLIST` has it.
    pub fn connection_id(&self) -> u32 {
        self.connection_id
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Takes leave of the server, which then logs no lost connection, and closes.
    pub async fn close(mut self) {
        // The connection ends here either way.
        let _ = tokio::time::timeout(GOODBYE, self.link.command(command::QUIT)).await;
    }

    /// The bare connection, for a command whose answer does not end.
    pub(crate) fn into_link(self) -> Result<Link, ClientError> {
        if self.unfinished {
            Err(ClientError::Unfinished)
        } else {
            Ok(self.link)
        }
    }

    async fn log_in(options: &SourceOptions) -> Result<Self, ClientError> {
        // Whatever is wrong with keys and certificates is known before anything is sent.
        let key = options.read_public_key()?;
        let tls = tls::client(&options.tls)?;
        let (transport, peer) = transport::connect(options).await?;
        let mut link = Link::new(transport);
        link.patience = options.answer_timeout;
        let greeting = Greeting::read(link.read_login_packet().await?)?;
        let mut encrypted = false;
        if let Some(client) = tls.filter(|_| options.tls.mode.is_wanted(&greeting, peer)) {
            link = link.encrypt(&greeting, &client, &options.host).await?;
            encrypted = true;
        } else if options.tls.mode >= TlsMode::Required {
            return Err(ClientError::Tls(tls::TlsError::NotOffered));
        }
        let trust = match key {
            Some(key) => KeyTrust::Pinned(key),
            None if options.allow_public_key_retrieval || peer.is_loopback() => KeyTrust::Fetched,
            None => KeyTrust::None,
        };
        let channel = match peer {
            _ if encrypted => Channel::Tls,
            Peer::Socket => Channel::Socket,
            Peer::Network(_) => Channel::Clear(trust),
        };
        link.authenticate(&greeting, options, channel).await?;
        link.packets.set_limit(MAX_PACKET);
        let (server_version, connection_id) = (greeting.server_version, greeting.connection_id);
        Ok(Self {
            link,
            server_version,
            connection_id,
            encrypted,
            unfinished: false,
        })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server_version", &self.server_version)
            .field("connection_id", &self.connection_id)
            .field("encrypted", &self.encrypted)
            .finish_non_exhaustive()
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process of this machine, by a unix socket.
    Socket,
    /// A network address.
    Network(IpAddr),
}

impl Peer {
    /// Whether packets do not leave this machine.
    fn is_loopback(self) -> bool {
        match self {
            Self::Socket => true,
            Self::Network(ip) => ip.to_canonical().is_loopback(),
        }
    }
}

/// A transport and the packets in it.
pub(crate) struct Link {
    transport: Box<dyn Transport>,
    pub(crate) packets: PacketBuffer,
    out: Vec<u8>,
    /// How long an answer may keep silent.
    patience: Duration,
}

impl Link {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            packets: PacketBuffer::new(MAX_LOGIN_PACKET),
            out: Vec::new(),
            patience: Duration::MAX,
        }
    }

    /// Sends the first packet of a new command.
    pub(crate) async fn command(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        self.packets.begin_command();
        self.send(payload).await
    }

    /// Sends a packet that continues what is going on.
    async fn send(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        self.out.clear();
        self.packets.frame(payload, &mut self.out);
        let written = self.transport.write_all(&self.out).await;
        // What was sent may be a password, or long.
        self.out.fill(0);
        self.out = Vec::new();
        written?;
        Ok(self.transport.flush().await?)
    }

    /// The next packet of an answer.
    pub(crate) async fn read_packet(&mut self) -> Result<&[u8], ClientError> {
        let patience = self.patience;
        while !self.packets.advance()? {
            let in_time = tokio::time::timeout(patience, self.read_more()).await;
            in_time.map_err(|_| ClientError::Silent(patience))??;
        }
        Ok(self.packets.packet())
    }

    /// Waits for bytes and adds them to the buffer. Dropped while it waits, it has taken none.
    pub(crate) async fn read_more(&mut self) -> Result<(), ClientError> {
        let n = self.transport.read(self.packets.space()).await?;
        if n == 0 {
            return Err(ClientError::Closed);
        }
        self.packets.filled(n);
        Ok(())
    }

    /// The next packet before the login is decided, which may be the server's refusal.
    async fn read_login_packet(&mut self) -> Result<&[u8], ClientError> {
        let packet = self.read_packet().await?;
        if ServerError::is_in(packet) {
            Err(ServerError::read(packet)?.into())
        } else {
            Ok(packet)
        }
    }

    async fn encrypt(
        mut self,
        greeting: &Greeting,
        client: &rowtide_tls::Client,
        host: &str,
    ) -> Result<Self, ClientError> {
        // Bytes that came before TLS are nobody's: whoever stands between may have put them there.
        if self.packets.has_unread() {
            return Err(ClientError::Tls(tls::TlsError::BytesBeforeTls));
        }
        self.send(&greeting.tls_request()).await?;
        self.transport = Box::new(tls::handshake(client, host, self.transport).await?);
        Ok(self)
    }

    async fn authenticate(
        &mut self,
        greeting: &Greeting,
        options: &SourceOptions,
        channel: Channel,
    ) -> Result<(), ClientError> {
        let encrypted = channel == Channel::Tls;
        let mut exchange = AuthExchange::new(greeting, options.password.reveal(), channel);
        let response = exchange.first_response()?;
        self.send(&greeting.answer(encrypted, &options.user, exchange.plugin_name(), &response))
            .await?;
        loop {
            match exchange.next(self.read_login_packet().await?)? {
                AuthStep::Send(response) => self.send(&response).await?,
                AuthStep::Wait => {}
                AuthStep::Done => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::tls::{TlsError, TlsOptions};

    const GREETING: &[u8] =
        b"\x0a9.7.4\0\x01\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0\
        ijklmnopqrst\0caching_sha2_password\0";

    fn framed(packets: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sender = PacketBuffer::default();
        for packet in packets {
            sender.frame(packet, &mut out);
        }
        out
    }

    #[tokio::test]
    async fn bytes_that_came_before_tls_are_refused() {
        let (ours, mut theirs) = duplex(1 << 16);
        theirs
            .write_all(&framed(&[GREETING, b"\0\0\0\x02\0\0\0"]))
            .await
            .unwrap();
        let mut link = Link::new(Box::new(ours));
        let greeting = Greeting::read(link.read_login_packet().await.unwrap()).unwrap();
        let options = TlsOptions {
            mode: TlsMode::Required,
            ..TlsOptions::default()
        };
        let config = tls::client(&options).unwrap().unwrap();
        let refused = link.encrypt(&greeting, &config, "db").await.err();
        assert!(
            matches!(refused, Some(ClientError::Tls(TlsError::BytesBeforeTls))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_switch_to_the_native_password_is_followed() {
        let (ours, mut theirs) = duplex(1 << 16);
        theirs.write_all(&framed(&[GREETING])).await.unwrap();
        let mut link = Link::new(Box::new(ours));
        let greeting = Greeting::read(link.read_login_packet().await.unwrap()).unwrap();
        let options = SourceOptions::new("db", 3306, "cdc", "pw");
        let server = async {
            let mut answer = vec![0; 4];
            theirs.read_exact(&mut answer).await.unwrap();
            let mut body = vec![0; usize::from(answer[0])];
            theirs.read_exact(&mut body).await.unwrap();
            let switch = b"\x34\0\0\x02\xfemysql_native_password\0ABCDEFGHIJKLMNOPQRST\0";
            let mut switch = switch.to_vec();
            switch[0] = (switch.len() - 4) as u8;
            theirs.write_all(&switch).await.unwrap();
            let mut response = vec![0; 24];
            theirs.read_exact(&mut response).await.unwrap();
            assert_eq!(response[..4], [20, 0, 0, 3]);
            theirs.write_all(b"\x07\0\0\x04\0\0\0\x02\0\0\0").await.unwrap();
        };
        let login = link.authenticate(&greeting, &options, Channel::Clear(KeyTrust::None));
        let (login, ()) = tokio::join!(login, server);
        login.unwrap();
    }

    #[tokio::test]
    async fn an_end_in_the_middle_of_a_packet_is_an_error() {
        let (ours, mut theirs) = duplex(64);
        theirs.write_all(b"\x05\0\0\0ab").await.unwrap();
        drop(theirs);
        let mut link = Link::new(Box::new(ours));
        assert!(matches!(link.read_packet().await, Err(ClientError::Closed)));
    }
}
