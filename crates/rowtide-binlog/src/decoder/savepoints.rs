//! The savepoints of a transaction. As a rule the server leaves out of the binlog what was rolled back to one. It writes it,
//! with the ROLLBACK TO behind it, where the transaction has touched what cannot be rolled back: MariaDB for tables of a
//! non-transactional engine and temporary ones, MySQL 5.7 for DROP TEMPORARY TABLE. Rows of non-transactional tables stand
//! in transactions of their own, and are not rolled back. Savepoints of stored functions and triggers are not logged.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Savepoints by their folded names and by their numbers, which grow.
#[derive(Debug, Default)]
pub(super) struct Savepoints {
    numbers: HashMap<Arc<str>, u64>,
    names: BTreeMap<u64, Arc<str>>,
    next: u64,
    /// Some names have characters beyond ASCII, which servers compare each in its own way.
    beyond_ascii: bool,
}

/// More of one transaction are not remembered: the server does not log RELEASE SAVEPOINT.
const MOST: usize = 1 << 16;

impl Savepoints {
    /// SAVEPOINT: a new number. A savepoint of the same name is gone.
    pub(super) fn set(&mut self, name: &[u8]) -> u64 {
        let name = folded(name);
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.beyond_ascii |= !name.is_ascii();
        if let Some(old) = self.numbers.insert(Arc::clone(&name), number) {
            self.names.remove(&old);
        }
        self.names.insert(number, name);
        if self.names.len() > MOST
            && let Some((_, oldest)) = self.names.pop_first()
        {
            self.numbers.remove(&oldest);
        }
        number
    }

    /// ROLLBACK TO: its number, if it is certain. Savepoints that were set after it are gone.
    pub(super) fn roll_back_to(&mut self, name: &[u8]) -> Option<u64> {
        let name = folded(name);
        let number = *self.numbers.get(&name)?;
        let mut ambiguous = false;
        for gone in self.names.split_off(&number.wrapping_add(1)).into_values() {
            ambiguous |= self.beyond_ascii && may_be_same(&gone, &name);
            self.numbers.remove(&gone);
        }
        (!ambiguous).then_some(number)
    }

    /// The transaction has ended.
    pub(super) fn clear(&mut self) {
        if self.next > 0 {
            *self = Self::default();
        }
    }
}

/// A name without its quotes, which depend on the session, in lower case: case does not count.
fn folded(name: &[u8]) -> Arc<str> {
    let name = String::from_utf8_lossy(name.trim_ascii());
    for quote in ['`', '"'] {
        if let Some(inner) = name.strip_prefix(quote).and_then(|name| name.strip_suffix(quote)) {
            let doubled = [quote, quote].iter().collect::<String>();
            return inner.replace(&doubled, &quote.to_string()).to_lowercase().into();
        }
    }
    name.to_lowercase().into()
}

/// Whether a server may take these names for the same: MySQL does not tell `e` from `é`, MariaDB 11 does.
fn may_be_same(one: &str, other: &str) -> bool {
    let same = |(a, b): (char, char)| a == b || !a.is_ascii() || !b.is_ascii();
    one.chars().count() == other.chars().count() && one.chars().zip(other.chars()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_without_their_quotes_and_case() {
        let mut savepoints = Savepoints::default();
        assert_eq!(savepoints.set(b"`Ab`"), 0);
        assert_eq!(savepoints.set(b"`x\"y``z`"), 1);
        assert_eq!(savepoints.set("`Größe`".as_bytes()), 2);
        assert_eq!(savepoints.roll_back_to("\"GRÖSSE\"".as_bytes()), None);
        assert_eq!(savepoints.roll_back_to("\"gRÖßE\"".as_bytes()), Some(2));
        assert_eq!(savepoints.roll_back_to(b"\"X\"\"Y`Z\""), Some(1));
        assert_eq!(savepoints.roll_back_to(b"ab"), Some(0));
        assert_eq!(savepoints.roll_back_to(b"`x\"y``z`"), None, "it was set later");
    }

    #[test]
    fn a_name_that_is_set_again_is_a_new_savepoint() {
        let mut savepoints = Savepoints::default();
        assert_eq!([b"a", b"b", b"a"].map(|name| savepoints.set(name)), [0, 1, 2]);
        assert_eq!(savepoints.roll_back_to(b"a"), Some(2));
        assert_eq!(savepoints.roll_back_to(b"b"), Some(1));
        assert_eq!(savepoints.roll_back_to(b"a"), None);
        savepoints.clear();
        assert_eq!(savepoints.roll_back_to(b"b"), None);
        assert_eq!(savepoints.set(b"b"), 0);
    }

    #[test]
    fn names_that_only_some_servers_tell_apart_are_not_certain() {
        let mut savepoints = Savepoints::default();
        savepoints.set("`é`".as_bytes());
        savepoints.set(b"`f`");
        assert_eq!(
            savepoints.roll_back_to("`é`".as_bytes()),
            None,
            "an `é` may be taken for an `f` as for an `e`"
        );
        savepoints.set("`é`".as_bytes());
        savepoints.set(b"`ef`");
        assert_eq!(savepoints.roll_back_to("`É`".as_bytes()), Some(2));
    }

    #[test]
    fn the_oldest_of_very_many_are_forgotten() {
        let mut savepoints = Savepoints::default();
        for n in 0..=MOST {
            savepoints.set(n.to_string().as_bytes());
        }
        assert_eq!(savepoints.roll_back_to(b"0"), None);
        assert_eq!(savepoints.roll_back_to(b"1"), Some(1));
    }
}
