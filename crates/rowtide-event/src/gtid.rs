//! Global transaction ids, and how far a stream has come in them. MySQL and MariaDB number transactions differently
//! ([`mysql`], [`mariadb`]); everything that only passes ids on uses the two types here.

pub mod mariadb;
pub mod mysql;

use std::fmt;
use std::str::FromStr;

use crate::Flavour;

/// One transaction's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Gtid {
    /// `UUID:NUMBER` or `UUID:TAG:NUMBER`.
    MySql(mysql::Gtid),
    /// `DOMAIN-SERVER-NUMBER`.
    MariaDb(mariadb::Gtid),
}

/// All transactions up to some moment: MySQL lists them, MariaDB names the newest of each domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GtidSet {
    /// Intervals of numbers for each server.
    MySql(mysql::GtidSet),
    /// The newest transaction of each domain.
    MariaDb(mariadb::GtidPosition),
}

impl Default for GtidSet {
    /// No transaction, which is the same on every server.
    fn default() -> Self {
        Self::MySql(mysql::GtidSet::default())
    }
}

impl GtidSet {
    /// No transaction of a server of this flavour.
    pub fn empty(flavour: Flavour) -> Self {
        match flavour {
            Flavour::MySql => Self::MySql(mysql::GtidSet::default()),
            Flavour::MariaDb => Self::MariaDb(mariadb::GtidPosition::default()),
        }
    }

    /// Reads the text form of one flavour.
    ///
    /// # Errors
    /// If the text is of the other flavour, or of none.
    pub fn parse(flavour: Flavour, text: &str) -> Result<Self, ParseGtidError> {
        match flavour {
            Flavour::MySql => text.parse().map(Self::MySql),
            Flavour::MariaDb => text.parse().map(Self::MariaDb),
        }
    }

    /// Whose transactions they are; `None` if there are none.
    pub fn flavour(&self) -> Option<Flavour> {
        match self {
            _ if self.is_empty() => None,
            Self::MySql(_) => Some(Flavour::MySql),
            Self::MariaDb(_) => Some(Flavour::MariaDb),
        }
    }

    /// Adds one that was just executed. A set with transactions of the other flavour is not changed.
    pub fn insert(&mut self, gtid: &Gtid) {
        match (self, gtid) {
            (Self::MySql(set), Gtid::MySql(gtid)) => set.insert(gtid),
            (Self::MariaDb(position), Gtid::MariaDb(gtid)) => position.insert(*gtid),
            (set, Gtid::MySql(gtid)) if set.is_empty() => {
                let mut new = mysql::GtidSet::default();
                new.insert(gtid);
                *set = Self::MySql(new);
            }
            (set, Gtid::MariaDb(gtid)) if set.is_empty() => {
                let mut new = mariadb::GtidPosition::default();
                new.insert(*gtid);
                *set = Self::MariaDb(new);
            }
            _ => {}
        }
    }

    /// Adds all of `other`. A set with transactions of the other flavour is not changed.
    pub fn union(&mut self, other: &Self) {
        match (self, other) {
            (Self::MySql(set), Self::MySql(other)) => set.union(other),
            (Self::MariaDb(position), Self::MariaDb(other)) => position.union(other),
            (set, other) if set.is_empty() => *set = other.clone(),
            _ => {}
        }
    }

    /// What is in `self` and not in `other`; sets of different flavours have nothing in common.
    pub fn subtract(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::MySql(set), Self::MySql(other)) => Self::MySql(set.subtract(other)),
            (Self::MariaDb(position), Self::MariaDb(other)) => Self::MariaDb(position.subtract(other)),
            _ => self.clone(),
        }
    }

    /// Whether the transaction is in the set.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        match (self, gtid) {
            (Self::MySql(set), Gtid::MySql(gtid)) => set.contains(gtid),
            (Self::MariaDb(position), Gtid::MariaDb(gtid)) => position.contains(*gtid),
            _ => false,
        }
    }

    /// Whether all transactions are in `other` too.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.subtract(other).is_empty()
    }

    /// Whether there is no transaction in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::MySql(set) => set.is_empty(),
            Self::MariaDb(position) => position.is_empty(),
        }
    }

    /// The place to take up a stream that has all of these behind it: a MariaDB server's history names several servers
    /// in a domain, a place in it only the newest.
    pub fn newest(&self) -> Self {
        match self {
            Self::MySql(_) => self.clone(),
            Self::MariaDb(position) => Self::MariaDb(position.newest()),
        }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MySql(gtid) => gtid.fmt(f),
            Self::MariaDb(gtid) => gtid.fmt(f),
        }
    }
}

/// The servers' own forms.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MySql(set) => set.fmt(f),
            Self::MariaDb(position) => position.fmt(f),
        }
    }
}

/// Why a text is no GTID or GTID set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{part}` is not part of a GTID set, which is written UUID:1-5:7,UUID:TAG:1-3, or 0-1-5,1-2-7 (DOMAIN-SERVER-NUMBER) \
     for MariaDB"
)]
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

/// Only MySQL's ids have a colon.
fn flavour_of(text: &str) -> Flavour {
    if text.contains(':') || text.trim().is_empty() {
        Flavour::MySql
    } else {
        Flavour::MariaDb
    }
}

impl FromStr for Gtid {
    type Err = ParseGtidError;

    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        match flavour_of(text) {
            Flavour::MySql => text.parse().map(Self::MySql),
            Flavour::MariaDb => text.parse().map(Self::MariaDb),
        }
    }
}

impl FromStr for GtidSet {
    type Err = ParseGtidError;

    /// Reads the text form of either flavour; blanks and line ends may stand between its parts.
    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        Self::parse(flavour_of(text), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UUID: &str = "11111111-1111-1111-1111-111111111111";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn the_text_tells_the_flavour() {
        let mysql = format!("{UUID}:1-5");
        assert_eq!(set(&mysql).flavour(), Some(Flavour::MySql));
        assert_eq!(set("0-1-5,1-2-7").flavour(), Some(Flavour::MariaDb));
        assert_eq!((set("").flavour(), set(" ").is_empty()), (None, true));
        for text in [mysql.as_str(), "0-1-5,1-2-7", ""] {
            assert_eq!(set(text).to_string(), text);
        }
        assert!(GtidSet::parse(Flavour::MariaDb, &mysql).is_err());
        assert!(GtidSet::parse(Flavour::MySql, "0-1-5").is_err());
        assert_eq!("0-1-5".parse::<Gtid>().unwrap().to_string(), "0-1-5");
        assert!("0-1".parse::<Gtid>().is_err() && UUID.parse::<GtidSet>().is_err());
    }

    #[test]
    fn an_empty_set_takes_either_flavour_and_a_full_one_only_its_own() {
        let mut set = GtidSet::default();
        set.insert(&"0-1-5".parse().unwrap());
        set.union(&"1-1-1".parse().unwrap());
        assert_eq!(set.to_string(), "0-1-5,1-1-1");
        let other: GtidSet = format!("{UUID}:1").parse().unwrap();
        set.union(&other);
        set.insert(&format!("{UUID}:1").parse().unwrap());
        assert_eq!(set.to_string(), "0-1-5,1-1-1");
        assert_eq!(other.subtract(&set), other);
        assert!(!other.is_subset_of(&set) && GtidSet::default().is_subset_of(&set));
        let mut empty = GtidSet::empty(Flavour::MariaDb);
        empty.union(&other);
        assert_eq!(empty, other);
    }

    proptest! {
        #[test]
        fn arbitrary_texts_never_panic(text: String) {
            let _ = (text.parse::<Gtid>(), text.parse::<GtidSet>());
        }
    }
}
