//! XA_PREPARE (38): the transaction before it is prepared, and decided later.

use std::fmt;

use rowtide_event::{Malformed, Reader};

/// XA PREPARE, or XA COMMIT ... ONE PHASE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XaPrepare<'a> {
    /// Whether it is committed at once.
    pub one_phase: bool,
    /// Which transaction.
    pub xid: Xid<'a>,
}

/// The name that an XA transaction has outside the server.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Xid<'a> {
    /// The format of the other two.
    pub format_id: u32,
    /// The global transaction.
    pub gtrid: &'a [u8],
    /// The branch.
    pub bqual: &'a [u8],
}

const WHAT: &str = "XA_PREPARE";
/// `MAXGTRIDSIZE` and `MAXBQUALSIZE` in the server's sql/xa.h.
const MAX_PART: usize = 64;

impl<'a> XaPrepare<'a> {
    /// Reads a body.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let one_phase = reader.u8(WHAT)? != 0;
        let format_id = reader.u32(WHAT)?;
        let gtrid_len = part_len(&mut reader)?;
        let bqual_len = part_len(&mut reader)?;
        let xid = Xid {
            format_id,
            gtrid: reader.take(gtrid_len, WHAT)?,
            bqual: reader.take(bqual_len, WHAT)?,
        };
        reader.finish(WHAT)?;
        Ok(Self { one_phase, xid })
    }
}

fn part_len(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    match usize::try_from(reader.u32(WHAT)?) {
        Ok(len) if len <= MAX_PART => Ok(len),
        _ => Err(Malformed::TooLarge("XA_PREPARE xid")),
    }
}

impl fmt::Display for Xid<'_> {
    /// As the server writes it in XA statements: `X'6731',X'6231',1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(self.gtrid, f)?;
        f.write_str(",")?;
        hex(self.bqual, f)?;
        write!(f, ",{}", self.format_id)
    }
}

impl fmt::Debug for Xid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Xid({self})")
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("X'")?;
    for byte in bytes {
        write!(f, "{byte:02x}")?;
    }
    f.write_str("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"\x00\x01\0\0\0\x02\0\0\0\x01\0\0\0g1b";

    #[test]
    fn fields_and_text() {
        let prepare = XaPrepare::read(BODY).unwrap();
        assert!(!prepare.one_phase);
        assert_eq!(prepare.xid.to_string(), "X'6731',X'62',1");
        for len in 0..BODY.len() {
            assert!(XaPrepare::read(&BODY[..len]).is_err(), "{len} bytes");
        }
        assert_eq!(
            XaPrepare::read(&[BODY, b"x"].concat()),
            Err(Malformed::Trailing(WHAT))
        );
        assert_eq!(
            XaPrepare::read(b"\x00\x01\0\0\0\x41\0\0\0\x01\0\0\0"),
            Err(Malformed::TooLarge("XA_PREPARE xid"))
        );
    }
}
