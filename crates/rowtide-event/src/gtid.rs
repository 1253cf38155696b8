//! MySQL's global transaction ids and sets of them.
//!
//! The text form is that of the server's manual, "GTID Format and Storage"; the binary form that of
//! `Gtid_set::encode` (rpl_gtid_set.cc), with tags since 8.3.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{Malformed, Reader};

/// One transaction's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gtid {
    /// Who committed it first, and under which tag.
    pub source: GtidSource,
    /// Its number, from 1.
    pub number: u64,
}

/// A server, and a tag of its: each counts its own transactions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GtidSource {
    /// The server's UUID.
    pub uuid: Uuid,
    /// The tag; empty for none. At most 32 characters of a-z, 0-9 and `_`.
    pub tag: Box<str>,
}

/// The numbers end before 2^63 - 1.
const MAX_NUMBER: u64 = i64::MAX as u64 - 1;
const MAX_TAG: usize = 32;

impl Gtid {
    /// An id of these parts.
    ///
    /// # Errors
    /// If the number is out of range or the tag has other characters than a tag may have.
    pub fn new(uuid: [u8; 16], tag: &str, number: u64) -> Result<Self, Malformed> {
        if number == 0 || number > MAX_NUMBER {
            return Err(Malformed::Invalid("GTID number"));
        }
        Ok(Self {
            source: GtidSource::new(uuid, tag)?,
            number,
        })
    }
}

impl GtidSource {
    fn new(uuid: [u8; 16], tag: &str) -> Result<Self, Malformed> {
        if !is_tag(tag) {
            return Err(Malformed::Invalid("GTID tag"));
        }
        Ok(Self {
            uuid: Uuid::from_bytes(uuid),
            tag: tag.into(),
        })
    }
}

/// Whether `tag` is a tag, or none.
fn is_tag(tag: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    tag.len() <= MAX_TAG && tag.chars().all(legal) && !tag.starts_with(|c: char| c.is_ascii_digit())
}

impl fmt::Display for GtidSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.tag {
            "" => write!(f, "{}", self.uuid),
            tag => write!(f, "{}:{tag}", self.uuid),
        }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.number)
    }
}

/// Why a text is no GTID or GTID set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is not part of a GTID set, which is written UUID:1-5:7,UUID:TAG:1-3")]
pub struct ParseGtidError {
    part: String,
}

impl ParseGtidError {
    fn new(part: &str) -> Self {
        // A long text is shown by its beginning.
        Self {
            part: part.chars().take(64).collect(),
        }
    }
}

impl FromStr for Gtid {
    type Err = ParseGtidError;

    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        let set: GtidSet = text.parse()?;
        let mut sources = set.sources.into_iter();
        match (sources.next(), sources.next()) {
            (Some((source, intervals)), None) => match intervals.all.as_slice() {
                [Interval { start, end }] if *end == start + 1 => Ok(Self {
                    source,
                    number: *start,
                }),
                _ => Err(ParseGtidError::new(text)),
            },
            _ => Err(ParseGtidError::new(text)),
        }
    }
}

/// A set of transaction ids: for each source, intervals of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet {
    sources: BTreeMap<GtidSource, Intervals>,
}

/// Sorted, apart from each other, none empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Intervals {
    all: Vec<Interval>,
}

/// Numbers from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interval {
    start: u64,
    end: u64,
}

impl GtidSet {
    /// Adds one id; the next number of a source that is known costs no memory.
    pub fn insert(&mut self, gtid: &Gtid) {
        match self.sources.get_mut(&gtid.source) {
            Some(intervals) => intervals.insert(gtid.number),
            None => {
                let mut intervals = Intervals::default();
                intervals.insert(gtid.number);
                self.sources.insert(gtid.source.clone(), intervals);
            }
        }
    }

    /// Adds all of `other`.
    pub fn union(&mut self, other: &Self) {
        for (source, intervals) in &other.sources {
            let own = self.sources.entry(source.clone()).or_default();
            own.all.extend_from_slice(&intervals.all);
            own.normalise();
        }
    }

    /// What is in `self` and not in `other`.
    pub fn subtract(&self, other: &Self) -> Self {
        let mut rest = Self::default();
        for (source, intervals) in &self.sources {
            let left = match other.sources.get(source) {
                Some(away) => intervals.subtract(away),
                None => intervals.clone(),
            };
            if !left.all.is_empty() {
                rest.sources.insert(source.clone(), left);
            }
        }
        rest
    }

    /// Whether the id is in the set.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        let holds = |i: &Interval| (i.start..i.end).contains(&gtid.number);
        self.sources
            .get(&gtid.source)
            .is_some_and(|intervals| intervals.all.iter().any(holds))
    }

    /// Whether all ids are in `other` too.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.subtract(other).is_empty()
    }

    /// Whether there is no id in it.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Whether any id has a tag: servers before 8.3 do not know them.
    pub fn has_tags(&self) -> bool {
        self.sources.keys().any(|source| !source.tag.is_empty())
    }

    /// Appends the binary form, as COM_BINLOG_DUMP_GTID sends it and PREVIOUS_GTIDS holds it: with tags only if there are
    /// any, so that older servers understand it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let count = self.sources.len() as u64;
        let tagged = self.has_tags();
        let head = if tagged {
            TAGGED << 56 | count << 8 | TAGGED
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
            out.extend_from_slice(&(intervals.all.len() as u64).to_le_bytes());
            for interval in &intervals.all {
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
            TAGGED => (true, head >> 8 & 0x0000_ffff_ffff_ffff),
            _ => return Err(Malformed::Unsupported("format of a GTID set")),
        };
        let mut set = Self::default();
        for _ in 0..count {
            let (source, intervals) = decode_source(&mut reader, tagged)?;
            if set.sources.insert(source, intervals).is_some() {
                return Err(Malformed::Invalid(WHAT));
            }
        }
        reader.finish(WHAT)?;
        Ok(set)
    }
}

const WHAT: &str = "GTID set";
/// The format of a binary set with tags.
const TAGGED: u64 = 1;

fn decode_source(reader: &mut Reader<'_>, tagged: bool) -> Result<(GtidSource, Intervals), Malformed> {
    let uuid = *reader.array::<16>(WHAT)?;
    let tag = if tagged { decode_tag(reader)? } else { "" };
    let count = reader.u64(WHAT)?;
    let mut intervals = Intervals::default();
    let mut last = 0;
    for _ in 0..count {
        let (start, end) = (reader.u64(WHAT)?, reader.u64(WHAT)?);
        if start <= last || end <= start || end > MAX_NUMBER + 1 {
            return Err(Malformed::Invalid(WHAT));
        }
        last = end;
        intervals.all.push(Interval { start, end });
    }
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

impl Intervals {
    fn insert(&mut self, number: u64) {
        match self.all.last_mut() {
            Some(last) if last.end == number => last.end = number + 1,
            Some(last) if number >= last.start => {
                if number > last.end {
                    self.all.push(Interval {
                        start: number,
                        end: number + 1,
                    });
                }
            }
            _ => {
                self.all.push(Interval {
                    start: number,
                    end: number + 1,
                });
                self.normalise();
            }
        }
    }

    /// Sorts, and joins what touches.
    fn normalise(&mut self) {
        self.all.sort_unstable_by_key(|i| i.start);
        let mut joined: Vec<Interval> = Vec::with_capacity(self.all.len());
        for next in &self.all {
            match joined.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => joined.push(*next),
            }
        }
        self.all = joined;
    }

    fn subtract(&self, away: &Self) -> Self {
        let mut left = Vec::new();
        for interval in &self.all {
            let mut start = interval.start;
            for hole in away
                .all
                .iter()
                .filter(|h| h.end > interval.start && h.start < interval.end)
            {
                if hole.start > start {
                    left.push(Interval {
                        start,
                        end: hole.start,
                    });
                }
                start = start.max(hole.end);
            }
            if start < interval.end {
                left.push(Interval {
                    start,
                    end: interval.end,
                });
            }
        }
        Self { all: left }
    }
}

/// The server's own form: sources in order, the tags of one UUID after each other, intervals merged.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last: Option<Uuid> = None;
        for (source, intervals) in &self.sources {
            match last {
                Some(uuid) if uuid == source.uuid => write!(f, ":{}", source.tag)?,
                Some(_) => write!(f, ",{source}")?,
                None => write!(f, "{source}")?,
            }
            last = Some(source.uuid);
            write!(f, "{intervals}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Interval { start, end } in &self.all {
            match end - 1 {
                last if last == *start => write!(f, ":{start}")?,
                last => write!(f, ":{start}-{last}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for GtidSet {
    type Err = ParseGtidError;

    /// Reads the text form; blanks and line ends may stand anywhere between its parts.
    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        let mut set = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            set.parse_source(part)?;
        }
        Ok(set)
    }
}

impl GtidSet {
    /// `UUID:1-5:7:tag:1-3`
    fn parse_source(&mut self, text: &str) -> Result<(), ParseGtidError> {
        let mut parts = text.split(':').map(str::trim);
        let bad = || ParseGtidError::new(text);
        let uuid = parts
            .next()
            .and_then(|p| Uuid::try_parse(p).ok())
            .ok_or_else(bad)?;
        let mut source = GtidSource { uuid, tag: "".into() };
        let mut found = 0usize;
        for part in parts {
            if part.starts_with(|c: char| c.is_ascii_digit()) {
                let intervals = self.sources.entry(source.clone()).or_default();
                intervals.all.push(parse_interval(part)?);
                intervals.normalise();
                found += 1;
            } else {
                let tag = part.to_ascii_lowercase();
                source = GtidSource::new(uuid.into_bytes(), &tag).map_err(|_| ParseGtidError::new(part))?;
                if tag.is_empty() {
                    return Err(bad());
                }
                found = 0;
            }
        }
        if found == 0 { Err(bad()) } else { Ok(()) }
    }
}

fn parse_interval(text: &str) -> Result<Interval, ParseGtidError> {
    let bad = || ParseGtidError::new(text);
    let (start, last) = text.split_once('-').unwrap_or((text, text));
    let number = |t: &str| {
        t.trim()
            .parse::<u64>()
            .ok()
            .filter(|n| (1..=MAX_NUMBER).contains(n))
    };
    let (start, last) = (number(start).ok_or_else(bad)?, number(last).ok_or_else(bad)?);
    if last < start {
        Err(bad())
    } else {
        Ok(Interval { start, end: last + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const A: &str = "11111111-1111-1111-1111-111111111111";
    const B: &str = "22222222-2222-2222-2222-222222222222";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn text_is_brought_to_the_servers_form() {
        let cases = [
            (format!("{A}:1-5:7"), format!("{A}:1-5:7")),
            (format!("{B}:3 ,\n{A}:6-7:1-5"), format!("{A}:1-7,{B}:3")),
            (format!("{A}:1:Tag_a:1-3:7"), format!("{A}:1:tag_a:1-3:7")),
            (format!("{A}:tag:2"), format!("{A}:tag:2")),
            (A.replace('-', "") + ":1", format!("{A}:1")),
            (String::new(), String::new()),
        ];
        for (given, expected) in cases {
            assert_eq!(set(&given).to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bad in [
            A.to_owned(),
            format!("{A}:"),
            format!("{A}:5-3"),
            format!("{A}:0"),
            format!("{A}:1:tag"),
            "x:1".into(),
            format!("{A}:t-x:1"),
        ] {
            assert!(bad.parse::<GtidSet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn one_id_as_text() {
        let gtid: Gtid = format!("{A}:tag:7").parse().unwrap();
        assert_eq!((gtid.number, &*gtid.source.tag), (7, "tag"));
        assert_eq!(gtid.to_string(), format!("{A}:tag:7"));
        assert!(format!("{A}:1-2").parse::<Gtid>().is_err());
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

    fn of_numbers(numbers: &BTreeSet<u64>) -> GtidSet {
        let mut set = GtidSet::default();
        for number in numbers {
            set.insert(&format!("{A}:{number}").parse().unwrap());
        }
        set
    }

    fn numbers() -> impl Strategy<Value = BTreeSet<u64>> {
        prop::collection::btree_set(1u64..60, 0..40)
    }

    proptest! {
        #[test]
        fn algebra_is_that_of_plain_sets(a in numbers(), b in numbers(), order in any::<prop::sample::Index>()) {
            let (x, y) = (of_numbers(&a), of_numbers(&b));
            let mut both = x.clone();
            both.union(&y);
            prop_assert_eq!(&both, &of_numbers(&a.union(&b).copied().collect()));
            prop_assert_eq!(x.subtract(&y), of_numbers(&a.difference(&b).copied().collect()));
            prop_assert_eq!(x.is_subset_of(&y), a.is_subset(&b));
            let mut shuffled: Vec<u64> = a.iter().copied().collect();
            if !shuffled.is_empty() {
                let at = order.index(shuffled.len());
                shuffled.rotate_left(at);
            }
            let mut inserted = GtidSet::default();
            for n in &shuffled {
                inserted.insert(&format!("{A}:{n}").parse().unwrap());
            }
            prop_assert_eq!(&inserted, &x);
            for n in 1..60u64 {
                prop_assert_eq!(x.contains(&format!("{A}:{n}").parse().unwrap()), a.contains(&n));
            }
        }

        #[test]
        fn text_and_bytes_come_back(a in numbers(), b in numbers(), tagged: bool) {
            let tag = if tagged { "t:" } else { "" };
            let mut both = of_numbers(&a);
            for n in &b {
                both.insert(&format!("{B}:{tag}{n}").parse().unwrap());
            }
            prop_assert_eq!(&both.to_string().parse::<GtidSet>().unwrap(), &both);
            let mut bytes = Vec::new();
            both.encode(&mut bytes);
            prop_assert_eq!(GtidSet::decode(&bytes), Ok(both));
        }

        #[test]
        fn arbitrary_bytes_and_texts_never_panic(bytes: Vec<u8>, text: String) {
            let _ = GtidSet::decode(&bytes);
            let _ = text.parse::<GtidSet>();
            let _ = text.parse::<Gtid>();
        }
    }
}
