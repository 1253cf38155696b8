//! Why a connection cannot be made or used, and the questions one has about it.

use std::io;
use std::time::Duration;

use rowtide_event::Malformed;

use crate::tls::TlsError;
use crate::wire::auth::AuthError;
use crate::wire::packet::PacketError;
use crate::wire::response::ServerError;
use crate::wire::result_set::QueryError;

/// Why a connection cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers.
    #[error("{address} cannot be reached: {source}")]
    Connect {
        /// Host and port, or the socket's path.
        address: String,
        /// The operating system's word.
        source: io::Error,
    },
    /// The connection was not made, or the login not decided, in time.
    #[error("no login at {address} within {seconds} s")]
    ConnectTimeout {
        /// Host and port, or the socket's path.
        address: String,
        /// The time that was given.
        seconds: f64,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// An answer does not come.
    #[error("the server has not answered for {} s; the connection counts as dead", .0.as_secs_f64())]
    Silent(Duration),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The server refused.
    #[error("{error}{advice}", error = .0, advice = remedy(.0))]
    Server(#[from] ServerError),
    /// The password could not be proven.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The file of the server's public key cannot be read.
    #[error("the server's public key {path} cannot be read: {source}")]
    PublicKeyFile {
        /// The file.
        path: String,
        /// The operating system's word.
        source: io::Error,
    },
    /// The connection cannot be encrypted as asked for.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A query's answer makes no sense.
    #[error(transparent)]
    Query(QueryError),
    /// What came is no packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// What came is not what the protocol has at this place.
    #[error("the server is not understood; is it MySQL or MariaDB? {0}")]
    Protocol(#[from] Malformed),
    /// The connection holds the rest of an answer that nobody waited for.
    #[error("an earlier query on this connection was given up before its answer was complete; connect again")]
    Unfinished,
}

/// Error numbers of the server, as in its error reference.
mod code {
    pub const CON_COUNT_ERROR: u16 = 1040;
    pub const DBACCESS_DENIED: u16 = 1044;
    pub const ACCESS_DENIED: u16 = 1045;
    pub const SERVER_SHUTDOWN: u16 = 1053;
    pub const HOST_IS_BLOCKED: u16 = 1129;
    pub const HOST_NOT_PRIVILEGED: u16 = 1130;
    pub const TABLEACCESS_DENIED: u16 = 1142;
    pub const NET_ERRORS: std::ops::RangeInclusive<u16> = 1158..=1161;
    pub const TOO_MANY_USER_CONNECTIONS: u16 = 1203;
    pub const LOCK_WAIT_TIMEOUT: u16 = 1205;
    pub const LOCK_DEADLOCK: u16 = 1213;
    pub const USER_LIMIT_REACHED: u16 = 1226;
    pub const SPECIFIC_ACCESS_DENIED: u16 = 1227;
    pub const NOT_SUPPORTED_AUTH_MODE: u16 = 1251;
    pub const QUERY_INTERRUPTED: u16 = 1317;
    pub const MUST_CHANGE_PASSWORD: u16 = 1820;
    pub const MUST_CHANGE_PASSWORD_LOGIN: u16 = 1862;
    pub const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
    pub const ACCOUNT_LOCKED: u16 = 3118;
    pub const SECURE_TRANSPORT_REQUIRED: u16 = 3159;
    pub const SESSION_KILLED: u16 = 3169;
    pub const CLIENT_INTERACTION_TIMEOUT: u16 = 4031;
}

impl ClientError {
    /// The server's error number, if it is the server that refused.
    pub fn code(&self) -> Option<u16> {
        self.server().map(|e| e.code)
    }

    /// What the server said, if it is the server that refused.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) | Self::Query(QueryError::Server(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether the login was refused, or could not be done: user, password, plugin, host, or TLS that the account asks
    /// for.
    pub fn is_auth(&self) -> bool {
        const LOGIN: [u16; 9] = [
            code::DBACCESS_DENIED,
            code::ACCESS_DENIED,
            code::HOST_NOT_PRIVILEGED,
            code::NOT_SUPPORTED_AUTH_MODE,
            code::ACCESS_DENIED_NO_PASSWORD,
            code::MUST_CHANGE_PASSWORD,
            code::MUST_CHANGE_PASSWORD_LOGIN,
            code::ACCOUNT_LOCKED,
            code::SECURE_TRANSPORT_REQUIRED,
        ];
        match self {
            Self::Auth(_) | Self::PublicKeyFile { .. } => true,
            _ => self.code().is_some_and(|code| LOGIN.contains(&code)),
        }
    }

    /// Whether the account lacks a privilege.
    pub fn is_missing_privilege(&self) -> bool {
        matches!(
            self.code(),
            Some(code::SPECIFIC_ACCESS_DENIED | code::TABLEACCESS_DENIED)
        )
    }

    /// Whether TLS is what failed.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether nobody answered at the address.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::ConnectTimeout { .. })
    }

    /// Whether the server, or the account, has no connection left.
    pub fn is_limit(&self) -> bool {
        const LIMITS: [u16; 3] = [
            code::CON_COUNT_ERROR,
            code::TOO_MANY_USER_CONNECTIONS,
            code::USER_LIMIT_REACHED,
        ];
        self.code().is_some_and(|code| LIMITS.contains(&code))
    }

    /// Whether the same again may succeed with nothing changed.
    pub fn is_retriable(&self) -> bool {
        const PASSING: [u16; 6] = [
            code::SERVER_SHUTDOWN,
            code::LOCK_WAIT_TIMEOUT,
            code::LOCK_DEADLOCK,
            code::QUERY_INTERRUPTED,
            code::SESSION_KILLED,
            code::CLIENT_INTERACTION_TIMEOUT,
        ];
        match self {
            Self::Io(_) | Self::Closed | Self::Silent(_) | Self::Unfinished => true,
            Self::Packet(PacketError::OutOfOrder { .. }) => true,
            Self::Tls(error) => error.is_retriable(),
            _ if self.is_unreachable() || self.is_limit() => true,
            _ => self
                .code()
                .is_some_and(|code| PASSING.contains(&code) || code::NET_ERRORS.contains(&code)),
        }
    }
}

/// What an operator can do about the server's refusal, to follow its text.
fn remedy(error: &ServerError) -> &'static str {
    match error.code {
        code::ACCESS_DENIED | code::ACCESS_DENIED_NO_PASSWORD => {
            "; check user, password and the account's host part"
        }
        code::HOST_NOT_PRIVILEGED => "; create an account whose host part matches this machine",
        code::HOST_IS_BLOCKED => "; run TRUNCATE TABLE performance_schema.host_cache on the server",
        code::MUST_CHANGE_PASSWORD | code::MUST_CHANGE_PASSWORD_LOGIN => {
            "; set a new password with ALTER USER"
        }
        code::ACCOUNT_LOCKED => "; unlock it with ALTER USER ... ACCOUNT UNLOCK",
        code::SECURE_TRANSPORT_REQUIRED => "; switch TLS on (mode required or better)",
        code::CON_COUNT_ERROR | code::TOO_MANY_USER_CONNECTIONS => "; raise max_connections, or wait",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16) -> ClientError {
        ServerError {
            code,
            sqlstate: "HY000".into(),
            message: "no".into(),
        }
        .into()
    }

    #[test]
    fn questions() {
        assert!(server(1045).is_auth() && !server(1045).is_retriable());
        assert!(server(1040).is_retriable() && !server(1040).is_auth());
        assert!(server(1226).is_limit() && !server(1053).is_limit());
        assert!(server(1160).is_retriable());
        assert!(server(1227).is_missing_privilege() && !server(1227).is_auth());
        assert_eq!(server(1064).code(), Some(1064));
        let unreachable = ClientError::Connect {
            address: "db:3306".into(),
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        assert!(unreachable.is_unreachable() && unreachable.is_retriable() && unreachable.code().is_none());
        assert!(ClientError::Closed.is_retriable() && ClientError::Silent(Duration::ZERO).is_retriable());
        assert!(!ClientError::Tls(TlsError::NotOffered).is_retriable());
        assert!(ClientError::Auth(AuthError::SecondFactor).is_auth());
    }

    #[test]
    fn refusals_say_what_to_do() {
        assert!(server(1045).to_string().contains("check user, password"));
        assert_eq!(server(1064).to_string(), "no (error 1064, SQLSTATE HY000)");
    }
}
