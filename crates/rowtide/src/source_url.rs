//! The source's address as one text: `mysql://USER@HOST:PORT`.

use std::path::PathBuf;

/// The parts of a source's address. A password is no part of it: addresses show in process lists and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUrl {
    /// The account.
    pub user: String,
    /// Name or address of the host.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// A unix socket to be used in place of host and port.
    pub socket: Option<PathBuf>,
}

/// Why a text is no source address. The text itself is not shown, since it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceUrlError {
    /// Another scheme, or none.
    #[error("a source begins with mysql:// or mariadb://, for example mysql://cdc@127.0.0.1:3306")]
    Scheme,
    /// No account.
    #[error("the source names no user; write mysql://USER@HOST:PORT")]
    User,
    /// A password in the address.
    #[error(
        "the source holds a password, which would show in the process list; \
         leave it out and set ROWTIDE_SOURCE_PASSWORD or --source-password-file"
    )]
    Password,
    /// No host.
    #[error("the source names no host; write mysql://USER@HOST:PORT")]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error("the source's port is not a number from 1 to 65535")]
    Port,
    /// Something after the port that is not understood.
    #[error("after the port a source may have only ?socket=PATH; filters and TLS have options of their own")]
    Rest,
    /// A percent sign without two hex digits, or bytes that are no UTF-8.
    #[error("a percent sign in the source is not followed by two hexadecimal digits")]
    Escape,
}

const DEFAULT_PORT: u16 = 3306;

impl std::str::FromStr for SourceUrl {
    type Err = SourceUrlError;

    fn from_str(text: &str) -> Result<Self, SourceUrlError> {
        let rest = ["mysql://", "mariadb://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .ok_or(SourceUrlError::Scheme)?;
        let (user, rest) = rest.rsplit_once('@').ok_or(SourceUrlError::User)?;
        if user.contains(':') {
            return Err(SourceUrlError::Password);
        }
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = host_and_port(address)?;
        let user = unescape(user)?;
        if user.is_empty() {
            return Err(SourceUrlError::User);
        }
        Ok(Self {
            user,
            host,
            port,
            socket: socket(query)?,
        })
    }
}

fn host_and_port(address: &str) -> Result<(String, u16), SourceUrlError> {
    if address.contains('/') {
        return Err(SourceUrlError::Rest);
    }
    let (host, port) = match address.strip_prefix('[').and_then(|a| a.split_once(']')) {
        Some((ip, rest)) => (ip, rest.strip_prefix(':')),
        None => address
            .split_once(':')
            .map_or((address, None), |(h, p)| (h, Some(p))),
    };
    if host.is_empty() {
        return Err(SourceUrlError::Host);
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|p| *p != 0)
            .ok_or(SourceUrlError::Port)?,
    };
    Ok((host.to_owned(), port))
}

fn socket(query: &str) -> Result<Option<PathBuf>, SourceUrlError> {
    if query.is_empty() {
        return Ok(None);
    }
    let path = query
        .strip_prefix("socket=")
        .filter(|p| !p.is_empty() && !p.contains('&'));
    unescape(path.ok_or(SourceUrlError::Rest)?).map(|p| Some(PathBuf::from(p)))
}

/// Replaces `%XX` by the byte it stands for.
fn unescape(text: &str) -> Result<String, SourceUrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| {
            b.and_then(|b| char::from(b).to_digit(16))
                .ok_or(SourceUrlError::Escape)
        };
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| SourceUrlError::Escape)?);
    }
    String::from_utf8(bytes).map_err(|_| SourceUrlError::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(user: &str, host: &str, port: u16, socket: Option<&str>) -> SourceUrl {
        SourceUrl {
            user: user.into(),
            host: host.into(),
            port,
            socket: socket.map(PathBuf::from),
        }
    }

    #[test]
    fn addresses() {
        let cases = [
            ("mysql://cdc@127.0.0.1:3307", url("cdc", "127.0.0.1", 3307, None)),
            ("mysql://cdc@db/", url("cdc", "db", 3306, None)),
            ("mariadb://c%40x@[::1]:33", url("c@x", "::1", 33, None)),
            (
                "mysql://cdc@localhost?socket=/run/my%20sql.sock",
                url("cdc", "localhost", 3306, Some("/run/my sql.sock")),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("postgres://a@b", SourceUrlError::Scheme),
            ("mysql://127.0.0.1:3306", SourceUrlError::User),
            ("mysql://@h", SourceUrlError::User),
            ("mysql://cdc:secret@h", SourceUrlError::Password),
            ("mysql://cdc@:33", SourceUrlError::Host),
            ("mysql://cdc@h:0", SourceUrlError::Port),
            ("mysql://cdc@h:x", SourceUrlError::Port),
            ("mysql://cdc@h/shop", SourceUrlError::Rest),
            ("mysql://cdc@h?ssl=1", SourceUrlError::Rest),
            ("mysql://c%4@h", SourceUrlError::Escape),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<SourceUrl>(), Err(expected), "{text}");
            assert!(!expected.to_string().contains("secret"));
        }
    }
}
