//! The binary form of a GTID set, which COM_BINLOG_DUMP_GTID sends and PREVIOUS_GTIDS holds.

use super::intervals::{Interval, Intervals};
use super::{GtidSet, GtidSource, MAX_TAG};
use crate::{Malformed, Reader};

const WHAT: &str = "GTID set";
/// The format of a binary set with tags.
const TAGGED: u64 = 1;

impl GtidSet {
    /// Appends the binary form, with tags only if there are any, so that older servers understand it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let count = self.sources.len() as u64;
        let tagged = self.has_tags();
        let head = if tagged {
            (TAGGED << 56) | (count << 8) | TAGGED
        } else {
            count
        };
        out.extend_from_slice(&head.to_le_bytes());
        for (source, intervals) in &self.sources {
            out.extend_from_slice(source.uuid.as_bytes());
            if tagged {
                // At most 32 bytes, whose length is one byte of a variable-length integer: the value shifted by one.
                out.push(u8::try_from(source.tag.len() << 1).unwrap_or(0));
                out.extend_from_slice(source.tag.as_bytes());
            }
            out.extend_from_slice(&(intervals.as_slice().len() as u64).to_le_bytes());
            for interval in intervals.as_slice() {
                out.extend_from_slice(&interval.start.to_le_bytes());
                out.extend_from_slice(&interval.end.to_le_bytes());
            }
        }
    }

    /// Reads the binary form, which must take up all of `bytes`.
    ///
    /// # Errors
    /// If it is cut short, or holds an interval that is empty or out of order.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let head = reader.u64(WHAT)?;
        let (tagged, count) = match head >> 56 {
            0 => (false, head & 0x00ff_ffff_ffff_ffff),
            TAGGED => (true, (head >> 8) & 0x0000_ffff_ffff_ffff),
            _ => return Err(Malformed::Unsupported("format of a GTID set")),
        };
        let mut set = Self::default();
        for _ in 0..count {
            let (source, intervals) = decode_source(&mut reader, tagged)?;
            // A source without numbers says nothing.
            if !intervals.is_empty() && set.sources.insert(source, intervals).is_some() {
                return Err(Malformed::Invalid(WHAT));
            }
        }
        reader.finish(WHAT)?;
        Ok(set)
    }
}

fn decode_source(reader: &mut Reader<'_>, tagged: bool) -> Result<(GtidSource, Intervals), Malformed> {
    let uuid = *reader.array::<16>(WHAT)?;
    let tag = if tagged { decode_tag(reader)? } else { "" };
    let count = reader.u64(WHAT)?;
    let mut found = Vec::new();
    let mut last = 0;
    for _ in 0..count {
        let (start, end) = (reader.u64(WHAT)?, reader.u64(WHAT)?);
        let interval = Interval::new(start, end)
            .filter(|i| i.start > last)
            .ok_or(Malformed::Invalid(WHAT))?;
        last = interval.end;
        found.push(interval);
    }
    let mut intervals = Intervals::default();
    intervals.extend(found);
    Ok((GtidSource::new(uuid, tag)?, intervals))
}

/// A length of at most 32 is one byte of a variable-length integer, whose lowest bit is then 0.
fn decode_tag<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    const TAG: &str = "GTID tag";
    let len = reader.u8(TAG)?;
    if len & 1 != 0 || usize::from(len >> 1) > MAX_TAG {
        return Err(Malformed::Invalid(TAG));
    }
    std::str::from_utf8(reader.take(usize::from(len >> 1), TAG)?).map_err(|_| Malformed::Invalid(TAG))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "11111111-1111-1111-1111-111111111111";
    const B: &str = "22222222-2222-2222-2222-222222222222";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn the_tagged_bytes_of_a_real_server() {
        // PREVIOUS_GTIDS of a MySQL 9.6.0: 55778904-0299-11f1-b1b8-4ef0c4956feb:1-13:mytag:1-2.
        let uuid = [
            0x55, 0x77, 0x89, 0x04, 0x02, 0x99, 0x11, 0xf1, 0xb1, 0xb8, 0x4e, 0xf0, 0xc4, 0x95, 0x6f, 0xeb,
        ];
        let number = |n: u64| n.to_le_bytes();
        let mut bytes = vec![1, 2, 0, 0, 0, 0, 0, 1];
        bytes.extend(uuid.iter().chain(&[0]));
        bytes.extend([number(1), number(1), number(14)].concat());
        bytes.extend(uuid.iter().chain(&[0x0a]));
        bytes.extend(b"mytag");
        bytes.extend([number(1), number(1), number(3)].concat());
        let decoded = GtidSet::decode(&bytes).unwrap();
        assert_eq!(
            decoded.to_string(),
            "55778904-0299-11f1-b1b8-4ef0c4956feb:1-13:mytag:1-2"
        );
        let mut again = Vec::new();
        decoded.encode(&mut again);
        assert_eq!(again, bytes);
    }

    #[test]
    fn sets_without_tags_keep_the_old_format() {
        let mut bytes = Vec::new();
        set(&format!("{A}:1-5:9")).encode(&mut bytes);
        assert_eq!(bytes[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes.len(), 8 + 16 + 8 + 2 * 16);
        assert_eq!(GtidSet::decode(&bytes), Ok(set(&format!("{A}:1-5:9"))));
    }

    #[test]
    fn damaged_sets_are_refused_and_empty_sources_ignored() {
        let number = |n: u64| n.to_le_bytes().to_vec();
        let of = |intervals: &[u64]| {
            let count = intervals.len() as u64 / 2;
            let numbers: Vec<u8> = intervals.iter().copied().flat_map(number).collect();
            GtidSet::decode(&[number(1), vec![0x11; 16], number(count), numbers].concat())
        };
        assert_eq!(of(&[1, 6, 9, 10]), Ok(set(&format!("{A}:1-5:9"))));
        assert_eq!(of(&[]), Ok(GtidSet::default()));
        for bad in [
            [0, 5, 7, 8],
            [5, 5, 7, 8],
            [5, 4, 7, 8],
            [1, 7, 7, 8],
            [9, 10, 1, 2],
            [1, 2, 3, 1 << 63],
        ] {
            assert_eq!(of(&bad), Err(Malformed::Invalid(WHAT)), "{bad:?}");
        }
        assert_eq!(GtidSet::decode(&number(1 << 40)), Err(Malformed::Truncated(WHAT)));
        assert_eq!(
            GtidSet::decode(&number(2 << 56)),
            Err(Malformed::Unsupported("format of a GTID set"))
        );
    }

    proptest! {
        #[test]
        fn bytes_come_back(a in prop::collection::btree_set(1u64..60, 1..40), last: u32, tagged: bool) {
            let tag = if tagged { "t:" } else { "" };
            let numbers: String = a.iter().map(|n| format!(":{n}")).collect();
            let both = set(&format!("{A}{numbers},{B}:{tag}1-{}", u64::from(last) + 1));
            let mut bytes = Vec::new();
            both.encode(&mut bytes);
            prop_assert_eq!(GtidSet::decode(&bytes), Ok(both));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = GtidSet::decode(&bytes);
        }
    }
}
