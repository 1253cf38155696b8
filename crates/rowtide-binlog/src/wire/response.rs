//! OK, ERR and EOF: how the server ends what was asked of it.

use rowtide_event::{Malformed, Reader};

/// What the server said in an ERR packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (error {code}, SQLSTATE {sqlstate})")]
pub struct ServerError {
    /// The error's number, as in the server's error reference.
    pub code: u16,
    /// The five characters of its SQLSTATE; `HY000` where the server sent none.
    pub sqlstate: String,
    /// Its text, with control characters replaced.
    pub message: String,
}

impl ServerError {
    /// Whether `packet` is an ERR.
    pub fn is_in(packet: &[u8]) -> bool {
        packet.first() == Some(&0xff)
    }

    /// Reads an ERR packet. One that is sent before the handshake has no SQLSTATE.
    pub fn read(packet: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "ERR packet";
        let mut reader = Reader::new(packet);
        if reader.u8(WHAT)? != 0xff {
            return Err(Malformed::Invalid(WHAT));
        }
        let code = reader.u16(WHAT)?;
        let mut sqlstate = "HY000".to_owned();
        if reader.rest().first() == Some(&b'#') {
            reader.u8(WHAT)?;
            sqlstate = printable(reader.take(5, WHAT)?);
        }
        Ok(Self {
            code,
            sqlstate,
            message: printable(reader.rest()),
        })
    }
}

/// Text of the server's without what would upset a terminal or a log.
pub(crate) fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Whether `packet` is an EOF; a row may begin with the same byte and is longer.
pub fn is_eof(packet: &[u8]) -> bool {
    packet.first() == Some(&0xfe) && packet.len() < 9
}

/// Whether `packet` is an OK where no row is expected.
pub fn is_ok(packet: &[u8]) -> bool {
    packet.first() == Some(&0x00)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_with_and_without_sqlstate() {
        let error = ServerError::read(b"\xff\x15\x04#28000Access denied").unwrap();
        assert_eq!(
            error,
            ServerError {
                code: 1045,
                sqlstate: "28000".into(),
                message: "Access denied".into()
            }
        );
        assert_eq!(error.to_string(), "Access denied (error 1045, SQLSTATE 28000)");
        let early = ServerError::read(b"\xff\x10\x04Too many\x1b[31m").unwrap();
        assert_eq!(
            early,
            ServerError {
                code: 1040,
                sqlstate: "HY000".into(),
                message: "Too many [31m".into()
            }
        );
        assert_eq!(
            ServerError::read(b"\xff\x10"),
            Err(Malformed::Truncated("ERR packet"))
        );
        assert_eq!(
            ServerError::read(b"\xff\x10\x04#28"),
            Err(Malformed::Truncated("ERR packet"))
        );
    }

    #[test]
    fn an_eof_is_short() {
        assert!(is_eof(&[0xfe, 0, 0, 2, 0]));
        assert!(is_eof(&[0xfe]));
        assert!(!is_eof(&[0xfe, 0, 0, 0, 1, 0, 0, 0, 0]));
        assert!(!is_eof(&[]));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = ServerError::read(&bytes);
            is_eof(&bytes);
        }
    }
}
