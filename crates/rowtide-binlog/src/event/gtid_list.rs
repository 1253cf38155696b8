//! MariaDB's GTID_LIST (163): the newest transactions in the files before this one.

use rowtide_event::gtid::mariadb::{Gtid, GtidPosition};
use rowtide_event::{Malformed, Reader};

const WHAT: &str = "GTID_LIST";
/// Flags take up the four highest bits of the count.
const COUNT_MASK: u32 = 0x0fff_ffff;

/// Reads a body: for each domain the newest transaction of each server, that of the domain last.
pub fn read(body: &[u8]) -> Result<GtidPosition, Malformed> {
    let mut reader = Reader::new(body);
    let count = reader.u32(WHAT)? & COUNT_MASK;
    let mut history = Vec::new();
    for _ in 0..count {
        history.push(Gtid {
            domain: reader.u32(WHAT)?,
            server: reader.u32(WHAT)?,
            number: reader.u64(WHAT)?,
        });
    }
    // Where the list is empty, two bytes follow so that the event is as long as its post-header.
    if history.is_empty() && reader.len() == 2 {
        reader.take_rest();
    }
    reader.finish(WHAT)?;
    Ok(GtidPosition::of_history(history))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(count: u32, gtids: &[(u32, u32, u64)]) -> Vec<u8> {
        let mut body = count.to_le_bytes().to_vec();
        for (domain, server, number) in gtids {
            body.extend([domain.to_le_bytes(), server.to_le_bytes()].concat());
            body.extend(number.to_le_bytes());
        }
        body
    }

    #[test]
    fn domains_and_servers() {
        let all = body(3 | 1 << 28, &[(0, 1, 5), (0, 2, 7), (3, 1, 1)]);
        assert_eq!(read(&all).unwrap().to_string(), "0-1-5,0-2-7,3-1-1");
        assert_eq!(read(&all[..all.len() - 1]), Err(Malformed::Truncated(WHAT)));
        assert!(read(&[0; 6]).unwrap().is_empty());
        assert_eq!(read(&[0; 7]), Err(Malformed::Trailing(WHAT)));
        let more = body(1, &[(0, 1, 5), (0, 2, 7)]);
        assert_eq!(read(&more), Err(Malformed::Trailing(WHAT)));
        assert_eq!(read(&body(COUNT_MASK, &[])), Err(Malformed::Truncated(WHAT)));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
        }
    }
}
