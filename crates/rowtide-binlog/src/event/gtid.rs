//! GTID (33) and ANONYMOUS_GTID (34): a transaction begins. With a tag it is [`super::gtid_tagged`].

use rowtide_event::gtid::{Gtid, mysql};
use rowtide_event::{Malformed, Reader};

/// What stands before a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GtidEvent<'a> {
    /// The server that committed it first; all zero where the transaction has no id.
    pub uuid: [u8; 16],
    /// The tag, or empty.
    pub tag: &'a str,
    /// The transaction's number; 0 where it has no id.
    pub gno: u64,
    /// When it was committed; servers before MySQL 8.0.1 do not say.
    pub commit: Option<CommitTimestamps>,
    /// The transaction's number in its file, counted from 1; servers before MySQL 5.7 do not say.
    pub sequence_number: Option<u64>,
    /// Bytes of the transaction in the binlog, this event included.
    pub transaction_length: Option<u64>,
    /// The version of the server that committed it first, as 90704 for 9.7.4.
    pub original_server_version: Option<u32>,
}

/// When a transaction was committed, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitTimestamps {
    /// On the server that the stream comes from.
    pub immediate_us: u64,
    /// On the server on which it was committed first.
    pub original_us: u64,
}

const WHAT: &str = "GTID";
/// The largest transaction number, `GNO_END - 1` in the server's rpl_gtid.h.
pub(super) const MAX_GNO: u64 = i64::MAX as u64 - 1;

impl<'a> GtidEvent<'a> {
    /// Reads a body. Each server version appended something; what is not there is `None`.
    #[inline]
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.u8(WHAT)?;
        let uuid = *reader.array::<16>(WHAT)?;
        let gno = reader.u64(WHAT)?;
        if gno > MAX_GNO {
            return Err(Malformed::Invalid("GTID number"));
        }
        let mut event = Self::new(uuid, gno);
        event.read_since_5_7(&mut reader)?;
        Ok(event)
    }

    /// The transaction's id, or `None` where it has none.
    pub fn id(&self) -> Result<Option<Gtid>, Malformed> {
        if self.gno == 0 {
            Ok(None)
        } else {
            mysql::Gtid::new(self.uuid, self.tag, self.gno).map(|gtid| Some(Gtid::MySql(gtid)))
        }
    }

    pub(super) fn new(uuid: [u8; 16], gno: u64) -> Self {
        Self {
            uuid,
            tag: "",
            gno,
            commit: None,
            sequence_number: None,
            transaction_length: None,
            original_server_version: None,
        }
    }

    /// Logical timestamps, then commit timestamps (8.0.1), length (8.0.2), server versions (8.0.14).
    fn read_since_5_7(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        const LOGICAL_TIMESTAMPS: u8 = 2;
        if reader.is_empty() || reader.u8(WHAT)? != LOGICAL_TIMESTAMPS {
            return Ok(());
        }
        reader.take(8, "last committed transaction of a GTID")?;
        self.sequence_number = Some(reader.u64(WHAT)?);
        if reader.is_empty() {
            return Ok(());
        }
        self.commit = Some(CommitTimestamps::read(reader)?);
        if !reader.is_empty() {
            self.transaction_length = Some(reader.packed(WHAT)?);
        }
        if !reader.is_empty() {
            self.original_server_version = Some(server_version(reader)?);
        }
        Ok(())
    }
}

impl CommitTimestamps {
    /// Seven bytes; the highest bit says that the original timestamp differs and follows.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        const ORIGINAL_FOLLOWS: u64 = 1 << 55;
        let first = reader.u56(WHAT)?;
        let immediate_us = first & !ORIGINAL_FOLLOWS;
        let original_us = if first & ORIGINAL_FOLLOWS != 0 {
            reader.u56(WHAT)?
        } else {
            immediate_us
        };
        Ok(Self {
            immediate_us,
            original_us,
        })
    }
}

fn server_version(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    const ORIGINAL_FOLLOWS: u32 = 1 << 31;
    let immediate = reader.u32(WHAT)?;
    if immediate & ORIGINAL_FOLLOWS != 0 {
        reader.u32(WHAT)
    } else {
        Ok(immediate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body() -> Vec<u8> {
        let mut body = vec![1];
        body.extend([0xab; 16]);
        body.extend(7u64.to_le_bytes());
        body
    }

    fn body_8_0() -> Vec<u8> {
        let mut body = body();
        body.push(2);
        body.extend([0; 16]);
        body.extend([1, 0, 0, 0, 0, 0, 0x80]);
        body.extend([2, 0, 0, 0, 0, 0, 0]);
        body.extend([252, 0x28, 1]);
        body.extend((80_036u32 | 1 << 31).to_le_bytes());
        body.extend(80_035u32.to_le_bytes());
        body
    }

    #[test]
    fn what_each_version_appended() {
        let bytes = body();
        assert_eq!(GtidEvent::read(&bytes), Ok(GtidEvent::new([0xab; 16], 7)));
        let bytes = body_8_0();
        let event = GtidEvent::read(&bytes).unwrap();
        assert_eq!(
            event.commit,
            Some(CommitTimestamps {
                immediate_us: 1,
                original_us: 2
            })
        );
        assert_eq!(event.transaction_length, Some(296));
        assert_eq!(event.original_server_version, Some(80_035));
        let event = GtidEvent::read(&bytes[..42]).unwrap();
        assert_eq!((event.gno, event.commit), (7, None));
    }

    #[test]
    fn cuts_inside_a_field_are_errors() {
        let bytes = body_8_0();
        let whole = [25, 42, 56, 59, 67];
        for len in 0..bytes.len() {
            assert_eq!(
                GtidEvent::read(&bytes[..len]).is_ok(),
                whole.contains(&len),
                "{len} bytes"
            );
        }
        let mut beyond = body();
        beyond[24] = 0x80;
        assert_eq!(GtidEvent::read(&beyond), Err(Malformed::Invalid("GTID number")));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = GtidEvent::read(&bytes);
        }
    }
}
