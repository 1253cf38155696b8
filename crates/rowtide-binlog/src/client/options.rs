//! How to reach a server and who logs in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rsa::RsaPublicKey;

use super::{ClientError, public_key};
use crate::tls::TlsOptions;

/// A text that is never shown: neither by `Debug` nor by `Display`, which it does not have.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// How to reach a server and who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// Name or address of the host; with [`socket`](Self::socket) it is only the name in the server's certificate.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// A unix socket to be used in place of host and port.
    pub socket: Option<PathBuf>,
    /// The account.
    pub user: String,
    /// The account's password; may be empty.
    pub password: Secret,
    /// Encryption.
    pub tls: TlsOptions,
    /// How long it may take to connect and log in.
    pub connect_timeout: Duration,
    /// How long the server may send nothing while it owes an answer; a query on its catalog may take minutes.
    pub answer_timeout: Duration,
    /// A file with the server's public key (PEM), with which a password is encrypted where the connection is not.
    pub server_public_key: Option<PathBuf>,
    /// Whether the server may be asked for its public key where the connection is not encrypted, which gives the
    /// password to anybody who can stand between: not by default. On this machine (a unix socket, a loopback address)
    /// nobody stands between, and it is always done.
    pub allow_public_key_retrieval: bool,
}

impl SourceOptions {
    /// A server by TCP, with encryption if the server offers it, ten seconds to connect and ten minutes for an answer.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        user: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            socket: None,
            user: user.into(),
            password: password.into(),
            tls: TlsOptions::default(),
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(600),
            server_public_key: None,
            allow_public_key_retrieval: false,
        }
    }

    /// The same by a unix socket.
    pub fn by_socket(path: impl Into<PathBuf>, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self {
            socket: Some(path.into()),
            ..Self::new("localhost", 3306, user, password)
        }
    }

    /// Where the server is, for messages: a socket's path or `HOST:PORT`.
    pub fn address(&self) -> String {
        match &self.socket {
            Some(path) => path.display().to_string(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    pub(super) fn read_public_key(&self) -> Result<Option<RsaPublicKey>, ClientError> {
        let Some(path) = &self.server_public_key else {
            return Ok(None);
        };
        let pem = std::fs::read(path).map_err(|source| ClientError::PublicKeyFile {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Some(public_key(&pem)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show() {
        let options = SourceOptions::new("db", 3306, "cdc", "hunter2");
        assert!(!format!("{options:?}").contains("hunter2"));
        assert_eq!(options.password.reveal(), "hunter2");
    }

    #[test]
    fn addresses() {
        assert_eq!(SourceOptions::new("::1", 3307, "u", "").address(), "[::1]:3307");
        assert_eq!(SourceOptions::new("db", 3307, "u", "").address(), "db:3307");
        assert_eq!(
            SourceOptions::by_socket("/run/m.sock", "u", "").address(),
            "/run/m.sock"
        );
    }
}
