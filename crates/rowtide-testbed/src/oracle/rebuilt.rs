//! A table as its changes make it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use serde_json::value::RawValue;

/// A place in the binary log; files of one server sort by name while their numbers have six digits.
pub(super) type Place = (String, u64, u64);

/// The rows of a table, as JSON.
#[derive(Debug, Default)]
pub(super) struct Rebuilt {
    /// Rows of a table with a key, by it.
    pub(super) keyed: HashMap<String, String>,
    /// Rows of a table without one: how many there are of each.
    pub(super) keyless: HashMap<String, i64>,
    /// The last row that was taken away, and where: a changed key is a delete and a create of one place.
    taken: Option<(Place, String)>,
}

/// A change of a row.
pub(super) struct Change<'a> {
    /// As [`canonical_key`] gives it.
    pub(super) key: Option<String>,
    pub(super) before: Option<&'a str>,
    pub(super) after: Option<&'a str>,
    pub(super) place: Place,
    /// Columns may be left out that the row before has.
    pub(super) is_partial: bool,
}

impl Rebuilt {
    /// Applies a change; whether its row before is what the changes until now left.
    pub(super) fn apply(&mut self, change: Change<'_>) -> bool {
        match change.key.clone() {
            Some(key) if change.is_partial => self.apply_partial(key, &change),
            Some(key) => self.apply_full(key, &change),
            None => {
                self.apply_keyless(&change);
                true
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        let keyless: i64 = self.keyless.values().sum();
        self.keyed.len() + usize::try_from(keyless).unwrap_or(0)
    }

    fn apply_full(&mut self, key: String, change: &Change<'_>) -> bool {
        let known = match change.after {
            Some(after) => self.keyed.insert(key, after.to_owned()),
            None => self.keyed.remove(&key),
        };
        known.as_deref() == change.before
    }

    fn apply_partial(&mut self, key: String, change: &Change<'_>) -> bool {
        let known = self.keyed.remove(&key);
        let follows = match (known.as_deref(), change.before) {
            (Some(known), Some(before)) => agrees(known, before),
            (None, before) => before.is_none(),
            (Some(_), None) => false,
        };
        let Some(after) = change.after else {
            self.taken = known.map(|row| (change.place.clone(), row));
            return follows;
        };
        let moved = self.taken.take().filter(|(place, _)| *place == change.place);
        let base = known.or(moved.map(|(_, row)| row));
        self.keyed.insert(key, merged(base.as_deref(), after));
        follows
    }

    /// Nothing tells two equal rows apart; their order among partitions is not known either, so that only the sum counts.
    fn apply_keyless(&mut self, change: &Change<'_>) {
        let mut count = |row: String, by: i64| {
            let count = self.keyless.entry(row).or_default();
            *count += by;
        };
        if let Some(before) = change.before {
            count(merged(None, before), -1);
        }
        if let Some(after) = change.after {
            count(merged(change.before, after), 1);
        }
        self.keyless.retain(|_, count| *count != 0);
    }
}

/// A key with its columns in one order and its values in one form.
pub(super) fn canonical_key(key: BTreeMap<String, Value>) -> String {
    serde_json::to_string(&key).unwrap_or_default()
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

fn fields(row: &str) -> Fields<'_> {
    serde_json::from_str(row).unwrap_or_default()
}

/// The row before, with the columns of the image after put in.
fn merged(base: Option<&str>, after: &str) -> String {
    let mut row = base.map(fields).unwrap_or_default();
    row.extend(fields(after));
    serde_json::to_string(&row).unwrap_or_default()
}

/// Whether what the image says is what is known. It may say more: a column that was never told until then.
fn agrees(known: &str, image: &str) -> bool {
    let known = fields(known);
    let same =
        |(name, value): (&String, &&RawValue)| known.get(name).is_none_or(|known| known.get() == value.get());
    fields(image).iter().all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change<'a>(
        key: Option<&str>,
        before: Option<&'a str>,
        after: Option<&'a str>,
        pos: u64,
    ) -> Change<'a> {
        Change {
            key: key.map(str::to_owned),
            before,
            after,
            place: ("binlog.000001".to_owned(), pos, 0),
            is_partial: true,
        }
    }

    #[test]
    fn what_an_image_leaves_out_stays() {
        let mut table = Rebuilt::default();
        let whole = r#"{"id":1,"a":1,"b":2}"#;
        assert!(table.apply(change(Some("1"), None, Some(whole), 1)));
        assert!(table.apply(change(
            Some("1"),
            Some(r#"{"id":1}"#),
            Some(r#"{"id":1,"b":3}"#),
            2
        )));
        assert_eq!(table.keyed["1"], r#"{"a":1,"b":3,"id":1}"#);
        assert!(!table.apply(change(Some("1"), Some(r#"{"a":7}"#), None, 3)));
    }

    #[test]
    fn a_row_keeps_its_values_under_a_new_key() {
        let mut table = Rebuilt::default();
        table.apply(change(Some("1"), None, Some(r#"{"id":1,"a":1}"#), 1));
        table.apply(change(Some("1"), Some(r#"{"id":1}"#), None, 2));
        table.apply(change(Some("2"), None, Some(r#"{"id":2}"#), 2));
        assert_eq!(table.keyed["2"], r#"{"a":1,"id":2}"#);
        table.apply(change(Some("2"), Some(r#"{"id":2}"#), None, 3));
        table.apply(change(Some("3"), None, Some(r#"{"id":3}"#), 4));
        assert_eq!(table.keyed["3"], r#"{"id":3}"#);
    }

    #[test]
    fn equal_rows_without_a_key_are_counted() {
        let mut table = Rebuilt::default();
        for pos in 0..3 {
            table.apply(change(None, None, Some(r#"{"a":1}"#), pos));
        }
        table.apply(change(None, Some(r#"{"a":1}"#), None, 4));
        assert_eq!(table.keyless[r#"{"a":1}"#], 2);
        assert_eq!(table.len(), 2);
    }
}
