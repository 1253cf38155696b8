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
use crate::wire::packet::PacketBuffer;
use crate::wire::result_set::{QueryError, ResultReader};

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
        let tls = tls::client_config(&options.tls)?;
        let (transport, peer) = transport::connect(options).await?;
        let mut link = Link::new(transport);
        let greeting = Greeting::read(link.read_login_packet().await?)?;
        let mut encrypted = false;
        if let Some(config) = tls.filter(|_| options.tls.mode.is_wanted(&greeting, peer)) {
            link = link.encrypt(&greeting, config, &options.host).await?;
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
}

impl Link {
    fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            packets: PacketBuffer::default(),
            out: Vec::new(),
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

    /// The next packet.
    pub(crate) async fn read_packet(&mut self) -> Result<&[u8], ClientError> {
        while !self.packets.advance()? {
            self.read_more().await?;
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
        config: tls::Config,
        host: &str,
    ) -> Result<Self, ClientError> {
        // Bytes that came before TLS are nobody's: whoever stands between may have put them there.
        if self.packets.has_unread() {
            return Err(ClientError::Tls(tls::TlsError::BytesBeforeTls));
        }
        self.send(&greeting.tls_request()).await?;
        self.transport = Box::new(tls::handshake(config, host, self.transport).await?);
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
