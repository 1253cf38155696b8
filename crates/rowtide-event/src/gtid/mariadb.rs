//! MariaDB's global transaction ids, and positions in them.
//!
//! Transactions are numbered within a *domain*; an id also names the server that committed the transaction first. All
//! servers of a domain share one order of transactions, so that the newest id of each domain says how far a replica has
//! come ("Global Transaction ID" in the server's manual). The numbers of a domain grow, as `gtid_strict_mode` enforces.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

use super::ParseGtidError;

/// One transaction's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gtid {
    /// The domain (`gtid_domain_id`).
    pub domain: u32,
    /// The server that committed it first (`server_id`).
    pub server: u32,
    /// Its number within the domain.
    pub number: u64,
}

/// The newest transaction of each domain, which stands for all transactions up to it.
///
/// In the history of a server's binlog (`gtid_binlog_state`, or a GTID_LIST event) a domain has one transaction for each
/// server that ever wrote in it; the newest of the domain comes last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidPosition {
    /// None of the lists is empty.
    domains: BTreeMap<u32, Vec<ServerNumber>>,
}

/// The newest transaction of one server in a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ServerNumber {
    server: u32,
    number: u64,
}

impl GtidPosition {
    /// Moves its domain to a transaction that was just executed.
    pub fn insert(&mut self, gtid: Gtid) {
        let at = ServerNumber::of(gtid);
        match self.domains.get_mut(&gtid.domain) {
            Some(servers) => {
                servers.clear();
                servers.push(at);
            }
            None => {
                self.domains.insert(gtid.domain, vec![at]);
            }
        }
    }

    /// Adds the next transaction of a history: the one before of the same server and domain no longer counts.
    pub fn append(&mut self, gtid: Gtid) {
        let servers = self.domains.entry(gtid.domain).or_default();
        servers.retain(|held| held.server != gtid.server);
        servers.push(ServerNumber::of(gtid));
    }

    /// The position after a whole history, however long it is: of each server in a domain its last transaction.
    pub fn of_history(history: impl IntoIterator<Item = Gtid, IntoIter: DoubleEndedIterator>) -> Self {
        let mut seen = HashSet::new();
        let mut position = Self::default();
        for gtid in history.into_iter().rev() {
            if seen.insert((gtid.domain, gtid.server)) {
                let servers = position.domains.entry(gtid.domain).or_default();
                servers.push(ServerNumber::of(gtid));
            }
        }
        for servers in position.domains.values_mut() {
            servers.reverse();
        }
        position
    }

    /// Moves each domain to where `other` is, where that is further on.
    pub fn union(&mut self, other: &Self) {
        for (domain, servers) in &other.domains {
            let own = self.domains.get(domain).map(|own| newest(own));
            if own.is_none_or(|own| own < newest(servers)) {
                self.domains.insert(*domain, servers.clone());
            }
        }
    }

    /// The transactions that `other` has not come to.
    pub fn subtract(&self, other: &Self) -> Self {
        let mut rest = Self::default();
        for gtid in self.iter().filter(|gtid| !other.contains(*gtid)) {
            rest.append(gtid);
        }
        rest
    }

    /// The newest transactions of domains in which `other` stands at an earlier one of the same server.
    pub fn ahead_of(&self, other: &Self) -> Self {
        let mut ahead = Self::default();
        for gtid in self.newest().iter() {
            let last = other.domains.get(&gtid.domain).and_then(|servers| servers.last());
            if last.is_some_and(|last| last.server == gtid.server && last.number < gtid.number) {
                ahead.append(gtid);
            }
        }
        ahead
    }

    /// Whether it has come to the transaction: by the numbers of the same server, if the domain has any, or else by
    /// those of the domain.
    pub fn contains(&self, gtid: Gtid) -> bool {
        let Some(servers) = self.domains.get(&gtid.domain) else {
            return false;
        };
        match servers.iter().find(|held| held.server == gtid.server) {
            Some(same) if same.number >= gtid.number => true,
            Some(_) if servers.len() > 1 => false,
            _ => newest(servers) >= gtid.number,
        }
    }

    /// Only the newest of each domain.
    pub fn newest(&self) -> Self {
        let last = |(domain, servers): (&u32, &Vec<ServerNumber>)| Some((*domain, vec![*servers.last()?]));
        Self {
            domains: self.domains.iter().filter_map(last).collect(),
        }
    }

    /// The domains that it has come to something in.
    pub fn domains(&self) -> impl Iterator<Item = u32> {
        self.domains.keys().copied()
    }

    /// Whether there is no domain.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = Gtid> {
        self.domains.iter().flat_map(|(domain, servers)| {
            servers.iter().map(|at| Gtid {
                domain: *domain,
                server: at.server,
                number: at.number,
            })
        })
    }
}

/// The number of the last.
fn newest(servers: &[ServerNumber]) -> u64 {
    servers.last().map_or(0, |last| last.number)
}

impl ServerNumber {
    fn of(gtid: Gtid) -> Self {
        Self {
            server: gtid.server,
            number: gtid.number,
        }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.number)
    }
}

/// Domains in order, as the server writes them.
impl fmt::Display for GtidPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, gtid) in self.iter().enumerate() {
            let separator = if at == 0 { "" } else { "," };
            write!(f, "{separator}{gtid}")?;
        }
        Ok(())
    }
}

impl FromStr for Gtid {
    type Err = ParseGtidError;

    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        let mut parts = text.trim().split('-');
        let mut next = || {
            parts
                .next()
                .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
        };
        let gtid = (|| {
            Some(Self {
                domain: next()?.parse().ok()?,
                server: next()?.parse().ok()?,
                number: next()?.parse().ok()?,
            })
        })();
        gtid.filter(|_| parts.next().is_none())
            .ok_or_else(|| ParseGtidError::new(text))
    }
}

impl FromStr for GtidPosition {
    type Err = ParseGtidError;

    /// Reads the text form. Of two with the same domain the second is the newer one.
    fn from_str(text: &str) -> Result<Self, ParseGtidError> {
        let mut position = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            position.append(part.parse()?);
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn position(text: &str) -> GtidPosition {
        text.parse().unwrap()
    }

    fn gtid(text: &str) -> Gtid {
        text.parse().unwrap()
    }

    #[test]
    fn text_and_back() {
        for text in [
            "0-1-5",
            "0-1-5,1-2-7",
            "0-2-7,0-1-9",
            "",
            "4294967295-1-18446744073709551615",
        ] {
            assert_eq!(position(text).to_string(), text);
        }
        assert_eq!(position(" 1-2-7,\n0-1-5 ").to_string(), "0-1-5,1-2-7");
        for bad in [
            "0-1",
            "0-1-2-3",
            "0-1-x",
            "0--1",
            "-1-2-3",
            "0-1-+2",
            "4294967296-1-1",
            "0:1:2",
        ] {
            assert!(bad.parse::<GtidPosition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_transaction_moves_its_domain() {
        let mut at = position("0-1-5,1-2-7");
        at.insert(gtid("0-3-6"));
        at.insert(gtid("2-1-1"));
        assert_eq!(at.to_string(), "0-3-6,1-2-7,2-1-1");
        at.insert(gtid("0-1-4"));
        assert_eq!(at.to_string(), "0-1-4,1-2-7,2-1-1");
        let mut history = position("0-1-5");
        history.append(gtid("0-2-6"));
        history.append(gtid("0-1-7"));
        assert_eq!(history.to_string(), "0-2-6,0-1-7");
        assert_eq!(history.newest().to_string(), "0-1-7");
    }

    #[test]
    fn a_history_leaves_the_last_of_each_server() {
        let history = ["0-1-5", "0-2-6", "3-1-1", "0-1-7", "3-1-2"].map(gtid);
        let mut one_by_one = GtidPosition::default();
        for gtid in history {
            one_by_one.append(gtid);
        }
        let position = GtidPosition::of_history(history);
        assert_eq!(position, one_by_one);
        assert_eq!(position.to_string(), "0-2-6,0-1-7,3-1-2");
        let many = (0..200_000).map(|server| Gtid {
            domain: 0,
            server,
            number: 1,
        });
        assert_eq!(GtidPosition::of_history(many).newest().to_string(), "0-199999-1");
    }

    #[test]
    fn what_has_been_reached() {
        let history = position("0-2-6,0-1-9,3-1-1");
        for (id, reached) in [
            ("0-1-9", true),
            ("0-1-10", false),
            ("0-2-6", true),
            ("0-2-7", false),
            ("0-5-8", true),
            ("0-5-10", false),
            ("1-1-1", false),
        ] {
            assert_eq!(history.contains(gtid(id)), reached, "{id}");
        }
        assert_eq!(position("0-1-9,1-1-1").subtract(&history).to_string(), "1-1-1");
        assert_eq!(position("0-1-10").subtract(&position("0-2-11")).to_string(), "");
        let mut at = position("0-1-5,1-1-5");
        at.union(&position("0-2-4,1-2-6,2-1-1"));
        assert_eq!(at.to_string(), "0-1-5,1-2-6,2-1-1");
    }

    proptest! {
        #[test]
        fn what_was_inserted_is_contained(ids in prop::collection::vec((0u32..4, 1u32..4, 1u64..50), 1..40)) {
            let mut at = GtidPosition::default();
            for (domain, server, number) in ids {
                let id = Gtid { domain, server, number };
                at.insert(id);
                prop_assert!(at.contains(id));
                prop_assert_eq!(&position(&at.to_string()), &at);
                prop_assert!(at.subtract(&at).is_empty());
            }
        }
    }
}
