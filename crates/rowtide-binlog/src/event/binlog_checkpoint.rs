//! MariaDB's BINLOG_CHECKPOINT (161): the oldest file that the server needs to recover from a crash.

use rowtide_event::{Malformed, Reader};

use super::rotate::file_name;

/// The file's name.
pub fn read(body: &[u8]) -> Result<&str, Malformed> {
    const WHAT: &str = "BINLOG_CHECKPOINT";
    let mut reader = Reader::new(body);
    let len = usize::try_from(reader.u32(WHAT)?).map_err(|_| Malformed::TooLarge(WHAT))?;
    let name = reader.take(len, WHAT)?;
    reader.finish(WHAT)?;
    file_name(name, WHAT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_name_of_a_file() {
        let body = b"\x0b\0\0\0mbin.000001";
        assert_eq!(read(body), Ok("mbin.000001"));
        for len in 0..body.len() {
            assert!(read(&body[..len]).is_err(), "{len} bytes");
        }
        assert!(read(b"\x01\0\0\0ab").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }
}
