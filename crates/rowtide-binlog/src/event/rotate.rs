//! ROTATE (4): the stream goes on in another file.

use rowtide_event::{Malformed, Reader};

/// Where the stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotate<'a> {
    /// The next file's name.
    pub file: &'a str,
    /// The position in it, normally 4.
    pub pos: u64,
}

impl<'a> Rotate<'a> {
    /// Reads a body.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let pos = reader.u64("ROTATE")?;
        let file = file_name(reader.take_rest(), "ROTATE")?;
        Ok(Self { file, pos })
    }
}

/// A binlog file's name: not empty, without NUL, at most 512 bytes (`FN_REFLEN`).
pub(super) fn file_name<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, Malformed> {
    let name = std::str::from_utf8(bytes).map_err(|_| Malformed::Invalid(what))?;
    if name.is_empty() || name.len() > 512 || name.contains('\0') {
        return Err(Malformed::Invalid(what));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_and_name() {
        let body = b"\x04\0\0\0\0\0\0\0binlog.000002";
        assert_eq!(
            Rotate::read(body),
            Ok(Rotate {
                file: "binlog.000002",
                pos: 4
            })
        );
        assert_eq!(Rotate::read(&body[..8]), Err(Malformed::Invalid("ROTATE")));
        assert_eq!(Rotate::read(&body[..7]), Err(Malformed::Truncated("ROTATE")));
        assert_eq!(
            Rotate::read(b"\x04\0\0\0\0\0\0\0a\0"),
            Err(Malformed::Invalid("ROTATE"))
        );
    }
}
