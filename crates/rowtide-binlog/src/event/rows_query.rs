//! ROWS_QUERY (29): the statement whose rows follow (`binlog_rows_query_log_events`).

use rowtide_event::{Malformed, Reader};

/// The statement's bytes, in the client's character set. The length byte before them is ignored, as the server does:
/// it does not count beyond 255.
pub fn read(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body);
    reader.u8("ROWS_QUERY")?;
    Ok(reader.take_rest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_first_byte() {
        assert_eq!(read(b"\x08select 1"), Ok(&b"select 1"[..]));
        assert_eq!(read(b""), Err(Malformed::Truncated("ROWS_QUERY")));
    }
}
