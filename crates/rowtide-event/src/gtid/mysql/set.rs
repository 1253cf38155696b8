//! Sets of GTIDs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::super::ParseGtidError;
use super::intervals::{Interval, Intervals};
use super::{Gtid, GtidSource};

/// A set of transaction ids: for each source, intervals of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet {
    /// None of them without numbers.
    pub(super) sources: BTreeMap<GtidSource, Intervals>,
}

impl GtidSet {
    /// Adds one id; the next number of a source that is known costs no memory.
    pub fn insert(&mut self, gtid: &Gtid) {
        match self.sources.get_mut(&gtid.source) {
            Some(intervals) => intervals.insert(gtid.number),
            None => self
                .sources
                .entry(gtid.source.clone())
                .or_default()
                .insert(gtid.number),
        }
    }

    /// Adds all of `other`.
    pub fn union(&mut self, other: &Self) {
        for (source, intervals) in &other.sources {
            match self.sources.get_mut(source) {
                Some(own) => own.union(intervals),
                None => {
                    self.sources.insert(source.clone(), intervals.clone());
                }
            }
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
            if !left.is_empty() {
                rest.sources.insert(source.clone(), left);
            }
        }
        rest
    }

    /// Whether the id is in the set.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.sources
            .get(&gtid.source)
            .is_some_and(|intervals| intervals.contains(gtid.number))
    }

    /// Whether all ids are in `other` too.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        let held = |(source, own)| {
            other
                .sources
                .get(source)
                .is_some_and(|all: &Intervals| all.covers(own))
        };
        self.sources.iter().all(held)
    }

    /// Whether there is no id in it.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Whether any id has a tag: servers before 8.3 do not know them.
    pub fn has_tags(&self) -> bool {
        self.sources.keys().any(|source| !source.tag.is_empty())
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

impl FromStr for GtidSet {
    type Err = ParseGtidError;

    /// Reads the text form; blanks and line ends may stand anywhere between its parts.
    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        let mut set = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            set.parse_sources(part)?;
        }
        Ok(set)
    }
}

impl GtidSet {
    /// `UUID:1-5:7:tag:1-3`, which is two sources.
    fn parse_sources(&mut self, text: &str) -> Result<(), ParseGtidError> {
        let mut parts = text.split(':').map(str::trim);
        let bad = || ParseGtidError::new(text);
        let uuid = parts
            .next()
            .and_then(|p| Uuid::try_parse(p).ok())
            .ok_or_else(bad)?;
        let mut source = GtidSource { uuid, tag: "".into() };
        let mut found = Vec::new();
        for (index, part) in parts.enumerate() {
            if part.starts_with(|c: char| c.is_ascii_digit()) {
                found.push(parse_interval(part)?);
                continue;
            }
            // A tag may follow the UUID at once; after another tag, numbers must have come.
            if part.is_empty() || (found.is_empty() && index > 0) {
                return Err(bad());
            }
            self.add(source, std::mem::take(&mut found));
            let tag = part.to_ascii_lowercase();
            source = GtidSource::new(uuid.into_bytes(), &tag).map_err(|_| ParseGtidError::new(part))?;
        }
        if found.is_empty() {
            return Err(bad());
        }
        self.add(source, found);
        Ok(())
    }

    fn add(&mut self, source: GtidSource, found: Vec<Interval>) {
        if !found.is_empty() {
            self.sources.entry(source).or_default().extend(found);
        }
    }
}

fn parse_interval(text: &str) -> Result<Interval, ParseGtidError> {
    let bad = || ParseGtidError::new(text);
    let (start, last) = text.split_once('-').unwrap_or((text, text));
    let number = |t: &str| t.trim().parse::<u64>().ok();
    let (start, last) = (number(start).ok_or_else(bad)?, number(last).ok_or_else(bad)?);
    Interval::new(start, last.saturating_add(1)).ok_or_else(bad)
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
            format!("{A}:tag:other:1"),
            format!("{A}:9223372036854775807"),
            "x:1".into(),
            format!("{A}:t-x:1"),
        ] {
            assert!(bad.parse::<GtidSet>().is_err(), "{bad}");
        }
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
        fn text_comes_back(a in numbers(), b in numbers(), tagged: bool) {
            let tag = if tagged { "t:" } else { "" };
            let mut both = of_numbers(&a);
            for n in &b {
                both.insert(&format!("{B}:{tag}{n}").parse().unwrap());
            }
            prop_assert_eq!(&both.to_string().parse::<GtidSet>().unwrap(), &both);
        }

        #[test]
        fn arbitrary_texts_never_panic(text: String) {
            let _ = text.parse::<GtidSet>();
        }
    }
}
