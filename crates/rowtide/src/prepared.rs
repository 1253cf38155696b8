//! Rows that wait, encoded, for what becomes of them: those of XA transactions between XA PREPARE and the decision, and those
//! of transactions with savepoints up to their end.

use std::collections::{BTreeSet, HashMap};

use rowtide_event::encode::RecordBatch;

/// The records of a transaction that is not decided yet.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The records, in order.
    pub(crate) batch: RecordBatch,
    /// The row changes that they are of.
    pub(crate) rows: Vec<HeldRow>,
    /// The tables that they are of, by the tags of their encoders.
    pub(crate) tables: BTreeSet<usize>,
}

/// A row change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldRow {
    /// Which of the transaction's captured rows it is, counted from 1 as they stand in the binlog.
    pub(crate) number: u64,
    /// How many records there are after it.
    pub(crate) end: usize,
}

/// Lengths of a [`Held`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldMark {
    bytes: usize,
    records: usize,
    rows: usize,
}

impl Held {
    /// All records of the row change of this number are there.
    pub(crate) fn end_row(&mut self, number: u64) {
        let end = self.batch.records.len();
        self.rows.push(HeldRow { number, end });
    }

    /// Where it ends now.
    pub(crate) fn mark(&self) -> HeldMark {
        HeldMark {
            bytes: self.batch.bytes.len(),
            records: self.batch.records.len(),
            rows: self.rows.len(),
        }
    }

    /// Takes back all that came after `mark`.
    pub(crate) fn truncate(&mut self, mark: HeldMark) {
        self.batch.truncate(mark.bytes, mark.records);
        self.rows.truncate(mark.rows);
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let records = self
            .batch
            .records
            .len()
            .saturating_mul(size_of::<rowtide_event::encode::Record>());
        self.batch
            .bytes
            .len()
            .saturating_add(records)
            .saturating_add(self.rows.len().saturating_mul(size_of::<HeldRow>()))
    }
}

/// All that are prepared, by their xid as XA statements write it.
#[derive(Debug)]
pub(crate) struct PreparedTransactions {
    waiting: HashMap<String, Held>,
    bytes: usize,
    limit: usize,
}

/// What part of the limit a transaction with savepoints may take.
const PART_OF_SAVEPOINTS: usize = 8;

/// More would have to be held than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuchHeld {
    /// The limit, in bytes.
    pub(crate) limit: usize,
}

impl PreparedTransactions {
    /// Nothing yet, but the xids in `without_rows`, and at most `limit` bytes of records at any time.
    pub(crate) fn new(without_rows: impl Iterator<Item = String>, limit: usize) -> Self {
        Self {
            waiting: without_rows.map(|xid| (xid, Held::default())).collect(),
            bytes: 0,
            limit,
        }
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether another transaction of which `held` was read so far can go on waiting.
    pub(crate) fn check(&self, held: &Held) -> Result<(), TooMuchHeld> {
        if self.bytes.saturating_add(held.bytes()) > self.limit {
            Err(TooMuchHeld { limit: self.limit })
        } else {
            Ok(())
        }
    }

    /// The tables of which rows wait, by the tags of their encoders.
    pub(crate) fn tables(&self) -> BTreeSet<usize> {
        self.waiting
            .values()
            .flat_map(|held| &held.tables)
            .copied()
            .collect()
    }

    /// The transactions with rows of any of these tables.
    pub(crate) fn with_rows_of<'a>(
        &'a self,
        tables: &'a BTreeSet<usize>,
    ) -> impl Iterator<Item = &'a String> {
        let of_any = |held: &Held| !held.tables.is_disjoint(tables);
        self.waiting
            .iter()
            .filter(move |(_, held)| of_any(held))
            .map(|(xid, _)| xid)
    }

    /// How many bytes of records of a transaction that is none of XA may wait because it may be rolled back.
    pub(crate) fn savepoint_limit(&self) -> usize {
        self.limit.div_euclid(PART_OF_SAVEPOINTS)
    }

    /// XA PREPARE.
    pub(crate) fn insert(&mut self, xid: &str, held: Held) {
        self.bytes = self.bytes.saturating_add(held.bytes());
        if let Some(old) = self.waiting.insert(xid.to_owned(), held) {
            self.bytes = self.bytes.saturating_sub(old.bytes());
        }
    }

    /// XA COMMIT or XA ROLLBACK; none if its XA PREPARE was not seen.
    pub(crate) fn remove(&mut self, xid: &str) -> Option<Held> {
        let held = self.waiting.remove(xid)?;
        self.bytes = self.bytes.saturating_sub(held.bytes());
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(bytes: usize) -> Held {
        Held {
            batch: RecordBatch {
                bytes: vec![0; bytes],
                ..RecordBatch::default()
            },
            ..Held::default()
        }
    }

    #[test]
    fn what_came_after_a_mark_is_taken_back() {
        let mut held = held(3);
        held.end_row(1);
        let mark = held.mark();
        held.batch.bytes.extend_from_slice(b"more");
        held.end_row(5);
        assert_eq!(held.rows.last(), Some(&HeldRow { number: 5, end: 0 }));
        held.truncate(mark);
        assert_eq!((held.mark(), held.rows.len()), (mark, 1));
        assert_eq!(held.batch.bytes.len(), 3);
    }

    #[test]
    fn rows_are_known_by_their_tables() {
        let of = |tables: &[usize]| Held {
            tables: tables.iter().copied().collect(),
            ..Held::default()
        };
        let mut prepared = PreparedTransactions::new(["none".to_owned()].into_iter(), 100);
        prepared.insert("a", of(&[1, 2]));
        prepared.insert("b", of(&[3]));
        assert_eq!(prepared.tables(), BTreeSet::from([1, 2, 3]));
        let changed = BTreeSet::from([2, 4]);
        assert_eq!(prepared.with_rows_of(&changed).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut prepared = PreparedTransactions::new(["none".to_owned()].into_iter(), 100);
        assert_eq!(
            (prepared.check(&held(100)), prepared.savepoint_limit()),
            (Ok(()), 12)
        );
        prepared.insert("a", held(60));
        assert_eq!(prepared.check(&held(40)), Ok(()));
        assert_eq!(prepared.check(&held(41)), Err(TooMuchHeld { limit: 100 }));
        prepared.insert("a", held(50));
        assert_eq!(prepared.check(&held(50)), Ok(()));
        assert_eq!(prepared.remove("a").map(|h| h.batch.bytes.len()), Some(50));
        assert!(prepared.remove("a").is_none());
        assert_eq!(prepared.remove("none").map(|h| h.rows.len()), Some(0));
        assert_eq!(prepared.check(&held(100)), Ok(()));
    }
}
