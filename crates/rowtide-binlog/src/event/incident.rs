//! INCIDENT (26): events are missing from the server's binlog.

use rowtide_event::{Malformed, Reader};

/// What the server says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident<'a> {
    /// 1 is LOST_EVENTS, the only one there is.
    pub code: u16,
    /// The server's words.
    pub message: &'a [u8],
}

impl<'a> Incident<'a> {
    /// Reads a body.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let code = reader.u16("INCIDENT")?;
        let len = reader.u8("INCIDENT")?;
        let message = reader.take(usize::from(len), "INCIDENT")?;
        reader.finish("INCIDENT")?;
        Ok(Self { code, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message() {
        assert_eq!(
            Incident::read(b"\x01\0\x04lost"),
            Ok(Incident {
                code: 1,
                message: b"lost"
            })
        );
        assert_eq!(
            Incident::read(b"\x01\0\x05lost"),
            Err(Malformed::Truncated("INCIDENT"))
        );
        assert_eq!(
            Incident::read(b"\x01\0\x03lost"),
            Err(Malformed::Trailing("INCIDENT"))
        );
    }
}
