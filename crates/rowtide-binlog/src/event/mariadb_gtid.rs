//! MariaDB's GTID (162): a transaction begins, or a statement that is one by itself.

use rowtide_event::gtid::mariadb::Gtid;
use rowtide_event::{Malformed, Reader};

use super::Xid;

/// What stands before a transaction. The server's id is in the event's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MariadbGtidEvent<'a> {
    /// The transaction's number in its domain.
    pub number: u64,
    /// The domain.
    pub domain: u32,
    /// What kind of group follows.
    pub flags: MariadbGtidFlags,
    /// Transactions with the same number were committed together.
    pub group_commit: Option<u64>,
    /// The XA transaction that is prepared by this group, or decided.
    pub xid: Option<Xid<'a>>,
    /// Which part of a two-phase ALTER TABLE the group is.
    pub alter: Option<AlterPhase>,
    /// The connection's thread id, where the server says (since 11.5).
    pub thread: Option<u32>,
}

/// The flags of a [`MariadbGtidEvent`] (`Gtid_log_event` in the server's log_event.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MariadbGtidFlags(pub u8);

/// A part of an ALTER TABLE that is logged twice (`binlog_alter_two_phase`): the table changes with the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlterPhase {
    /// It begins; nothing has changed yet.
    Start,
    /// It has succeeded; the number is that of its start.
    Commit(u64),
    /// It has failed; the number is that of its start.
    Rollback(u64),
}

const WHAT: &str = "MariaDB GTID";
/// `MAXGTRIDSIZE` and `MAXBQUALSIZE` in the server's sql/handler.h.
const MAX_XID_PART: usize = 64;

impl MariadbGtidFlags {
    /// The next event is the whole group: no COMMIT or XID follows.
    pub const STANDALONE: u8 = 0x01;
    /// The number of a group commit follows.
    pub const GROUP_COMMIT_ID: u8 = 0x02;
    /// It can be rolled back as a whole.
    pub const TRANSACTIONAL: u8 = 0x04;
    /// A DDL.
    pub const DDL: u8 = 0x20;
    /// It ends with XA PREPARE.
    pub const PREPARED_XA: u8 = 0x40;
    /// It is XA COMMIT or XA ROLLBACK.
    pub const COMPLETED_XA: u8 = 0x80;

    /// Whether this flag is set.
    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

impl<'a> MariadbGtidEvent<'a> {
    /// Reads a body. What a server does not write is zero, and reads as if it was not there.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let number = reader.u64(WHAT)?;
        let domain = reader.u32(WHAT)?;
        let flags = MariadbGtidFlags(reader.u8(WHAT)?);
        let group_commit = if flags.has(MariadbGtidFlags::GROUP_COMMIT_ID) {
            Some(reader.u64(WHAT)?)
        } else {
            None
        };
        let xid = if flags.has(MariadbGtidFlags::PREPARED_XA | MariadbGtidFlags::COMPLETED_XA) {
            Some(xid(&mut reader)?)
        } else {
            None
        };
        let (alter, thread) = extra(&mut reader)?;
        Ok(Self {
            number,
            domain,
            flags,
            group_commit,
            xid,
            alter,
            thread,
        })
    }

    /// The transaction's id, with the server of the event's header.
    pub fn id(&self, server_id: u32) -> Gtid {
        Gtid {
            domain: self.domain,
            server: server_id,
            number: self.number,
        }
    }
}

fn xid<'a>(reader: &mut Reader<'a>) -> Result<Xid<'a>, Malformed> {
    let format_id = reader.u32(WHAT)?;
    let lengths = (usize::from(reader.u8(WHAT)?), usize::from(reader.u8(WHAT)?));
    if lengths.0 > MAX_XID_PART || lengths.1 > MAX_XID_PART {
        return Err(Malformed::TooLarge("xid of a MariaDB GTID"));
    }
    Ok(Xid {
        format_id,
        gtrid: reader.take(lengths.0, WHAT)?,
        bqual: reader.take(lengths.1, WHAT)?,
    })
}

/// The second byte of flags and what each of them adds; absent, or zero, before 10.6.
fn extra(reader: &mut Reader<'_>) -> Result<(Option<AlterPhase>, Option<u32>), Malformed> {
    const MULTI_ENGINE: u8 = 0x01;
    const START_ALTER: u8 = 0x02;
    const COMMIT_ALTER: u8 = 0x04;
    const ROLLBACK_ALTER: u8 = 0x08;
    const THREAD_ID: u8 = 0x10;
    if reader.is_empty() {
        return Ok((None, None));
    }
    let flags = reader.u8(WHAT)?;
    let has = |flag| flags & flag != 0;
    if has(MULTI_ENGINE) {
        reader.u8(WHAT)?;
    }
    let start = if has(COMMIT_ALTER | ROLLBACK_ALTER) {
        reader.u64(WHAT)?
    } else {
        0
    };
    let thread = if has(THREAD_ID) {
        Some(reader.u32(WHAT)?)
    } else {
        None
    };
    let alter = match (has(START_ALTER), has(COMMIT_ALTER), has(ROLLBACK_ALTER)) {
        (false, false, false) => None,
        (true, false, false) => Some(AlterPhase::Start),
        (false, true, false) => Some(AlterPhase::Commit(start)),
        (false, false, true) => Some(AlterPhase::Rollback(start)),
        _ => return Err(Malformed::Invalid("phase of an ALTER in a MariaDB GTID")),
    };
    Ok((alter, thread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|b| *b != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    /// Written by MariaDB 11.8.
    #[test]
    fn groups_of_each_kind() {
        let body = bytes("0600000000000000 00000000 0c 10 05000000 00");
        let event = MariadbGtidEvent::read(&body).unwrap();
        assert_eq!(event.id(7).to_string(), "0-7-6");
        assert!(event.flags.has(MariadbGtidFlags::TRANSACTIONAL));
        assert!(!event.flags.has(MariadbGtidFlags::STANDALONE));
        assert_eq!((event.thread, event.alter, event.xid), (Some(5), None, None));

        let body = bytes("0e00000000000000 00000000 4c 01000000 01 00 61 11ff 05000000");
        let prepared = MariadbGtidEvent::read(&body).unwrap();
        assert!(prepared.flags.has(MariadbGtidFlags::PREPARED_XA));
        assert_eq!(prepared.xid.unwrap().to_string(), "X'61',X'',1");
        assert_eq!(prepared.thread, None.or(prepared.thread));

        let body = bytes("1400000000000000 00000000 29 12 05000000 00");
        let start = MariadbGtidEvent::read(&body).unwrap();
        assert_eq!((start.alter, start.thread), (Some(AlterPhase::Start), Some(5)));
        assert!(start.flags.has(MariadbGtidFlags::STANDALONE) && start.flags.has(MariadbGtidFlags::DDL));

        let body = bytes("1500000000000000 00000000 29 14 1400000000000000 05000000");
        let commit = MariadbGtidEvent::read(&body).unwrap();
        assert_eq!(commit.alter, Some(AlterPhase::Commit(0x14)));
    }

    /// Written by MariaDB 10.5 and with a group commit.
    #[test]
    fn what_older_servers_do_not_write_is_zero() {
        let old = bytes("0100000000000000 00000000 0c 000000000000");
        let event = MariadbGtidEvent::read(&old).unwrap();
        assert_eq!((event.number, event.thread, event.group_commit), (1, None, None));
        let grouped = bytes("0100000000000000 03000000 0e 0900000000000000");
        let event = MariadbGtidEvent::read(&grouped).unwrap();
        assert_eq!((event.domain, event.group_commit), (3, Some(9)));
        for len in 0..grouped.len() {
            assert!(MariadbGtidEvent::read(&grouped[..len]).is_err(), "{len} bytes");
        }
        assert!(MariadbGtidEvent::read(&bytes("0100000000000000 03000000 40 01000000 41 00 61")).is_err());
        assert!(MariadbGtidEvent::read(&bytes("0100000000000000 03000000 29 0a 0000000000000000")).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = MariadbGtidEvent::read(&bytes);
        }
    }
}
