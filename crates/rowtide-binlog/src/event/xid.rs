//! XID (16): COMMIT of a transaction in a transactional engine.

use rowtide_event::{Malformed, Reader};

/// The number of the transaction inside the server: unique only until it restarts.
pub fn read(body: &[u8]) -> Result<u64, Malformed> {
    let mut reader = Reader::new(body);
    let xid = reader.u64("XID")?;
    reader.finish("XID")?;
    Ok(xid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_and_no_more() {
        assert_eq!(read(&[1, 2, 0, 0, 0, 0, 0, 0]), Ok(0x201));
        assert_eq!(read(&[0; 7]), Err(Malformed::Truncated("XID")));
        assert_eq!(read(&[0; 9]), Err(Malformed::Trailing("XID")));
    }
}
