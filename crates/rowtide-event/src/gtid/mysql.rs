//! MySQL's global transaction ids and sets of them.
//!
//! The text form is that of the server's manual, "GTID Format and Storage"; the binary form that of
//! `Gtid_set::encode` (rpl_gtid_set.cc), with tags since 8.3.

mod binary;
mod intervals;
mod set;

use std::fmt::{self, Write as _};
use std::str::FromStr;

use uuid::Uuid;

use super::ParseGtidError;
use crate::Malformed;

pub use set::GtidSet;

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
        let mut text = Uuid::encode_buffer();
        f.write_str(self.uuid.hyphenated().encode_lower(&mut text))?;
        if !self.tag.is_empty() {
            f.write_char(':')?;
            f.write_str(&self.tag)?;
        }
        Ok(())
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)?;
        f.write_char(':')?;
        f.write_str(itoa::Buffer::new().format(self.number))
    }
}

impl FromStr for Gtid {
    type Err = ParseGtidError;

    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        let set: GtidSet = text.parse()?;
        let mut sources = set.sources.into_iter();
        match (sources.next(), sources.next()) {
            (Some((source, intervals)), None) => match intervals.as_slice() {
                [only] if only.end == only.start + 1 => Ok(Self {
                    source,
                    number: only.start,
                }),
                _ => Err(ParseGtidError::new(text)),
            },
            _ => Err(ParseGtidError::new(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    const A: &str = "11111111-1111-1111-1111-111111111111";

    #[test]
    fn one_id_as_text() {
        let gtid: Gtid = format!("{A}:tag:7").parse().unwrap();
        assert_eq!((gtid.number, &*gtid.source.tag), (7, "tag"));
        assert_eq!(gtid.to_string(), format!("{A}:tag:7"));
        assert!(format!("{A}:1-2").parse::<Gtid>().is_err());
    }

    #[test]
    fn an_id_is_made_of_parts_in_their_range() {
        let gtid = |tag, number| Gtid::new([0x11; 16], tag, number);
        let mut text = String::new();
        write!(text, "{}", gtid("", MAX_NUMBER).unwrap()).unwrap();
        assert_eq!(text, format!("{A}:9223372036854775806"));
        assert!(gtid("_a1", 1).is_ok());
        assert!(gtid("", 0).is_err());
        assert!(gtid("", MAX_NUMBER + 1).is_err());
        for tag in ["1a", "A", "a-b", "é", &"a".repeat(33)] {
            assert_eq!(gtid(tag, 1), Err(Malformed::Invalid("GTID tag")), "{tag}");
        }
    }
}
