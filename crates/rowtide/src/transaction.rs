//! The transaction that is being read: which of its rows are handed over, which wait, and what a rollback takes back.
//!
//! Rows go into the open parcel as they are read. From the first savepoint on they wait, so that those that are rolled back
//! are in no parcel; those of an XA transaction wait from the beginning. A transaction that may end with ROLLBACK is not cut
//! before it has more rows than may wait.

use rowtide_event::{BinlogPosition, Gtid};

use crate::prepared::{Held, HeldMark};

/// What is known of the transaction.
pub(crate) struct Transaction {
    pub(crate) gtid: Option<Gtid>,
    pub(crate) start: BinlogPosition,
    pub(crate) captured: bool,
    /// Captured rows as they stand in the binlog, those that are rolled back and those of an earlier run among them.
    pub(crate) read: u64,
    /// The last of them that is in a parcel.
    pub(crate) taken: u64,
    /// The last of them that an earlier run has delivered.
    pub(crate) skip: u64,
    /// Rows that wait.
    pub(crate) held: Option<Held>,
    /// They wait to be decided as an XA transaction is.
    pub(crate) xa: bool,
    /// It has rows of tables that are captured, whether it is itself or not.
    pub(crate) has_rows: bool,
    /// Where it starts in the open parcel, so that it can be taken back; none once a part of it was handed over.
    pub(crate) mark: Option<Mark>,
    /// How many of the events whose rows are laid aside are of earlier transactions; only behind their records is `mark`
    /// right.
    pub(crate) aside_before: usize,
    /// Bytes that those take.
    pub(crate) aside_bytes_before: usize,
    /// It may end with ROLLBACK.
    pub(crate) may_roll_back: bool,
    savepoints: Vec<Savepoint>,
}

/// Lengths of the open parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) bytes: usize,
    pub(crate) records: usize,
    pub(crate) history: usize,
    pub(crate) schema_changes: usize,
    pub(crate) changes: u64,
}

/// Savepoints with no row between them: from a number on, up to that of the next.
#[derive(Debug, Clone, Copy)]
struct Savepoint {
    first: u64,
    held: HeldMark,
}

/// Rows that are rolled back were handed over before that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HandedOver;

impl Transaction {
    /// One that starts at `start`, which is `mark` in the open parcel.
    pub(crate) fn new(gtid: Option<Gtid>, start: BinlogPosition, mark: Mark) -> Self {
        Self {
            // MariaDB tells by nothing in the binlog whether it will be able to leave out what is rolled back.
            may_roll_back: matches!(gtid, Some(Gtid::MariaDb(_))),
            gtid,
            start,
            captured: false,
            read: 0,
            taken: 0,
            skip: 0,
            held: None,
            xa: false,
            has_rows: false,
            mark: Some(mark),
            aside_before: 0,
            aside_bytes_before: 0,
            savepoints: Vec::new(),
        }
    }

    /// Rows wait from here on.
    pub(crate) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// SAVEPOINT. The numbers of savepoints grow.
    pub(crate) fn savepoint(&mut self, number: u64) {
        // What an earlier run has delivered it has also rolled back before.
        if !self.captured || self.read < self.skip {
            return;
        }
        let held = self.held.get_or_insert_default().mark();
        if self.savepoints.last().is_none_or(|last| last.held != held) {
            let first = number;
            self.savepoints.push(Savepoint { first, held });
        }
    }

    /// ROLLBACK TO SAVEPOINT: the rows since then that wait are gone.
    ///
    /// # Errors
    /// If there are others.
    pub(crate) fn roll_back_to(&mut self, number: u64) -> Result<(), HandedOver> {
        if !self.captured || self.read < self.skip {
            return Ok(());
        }
        let at = self.savepoints.iter().rposition(|known| known.first <= number);
        let Some(savepoint) = at.and_then(|at| self.savepoints.get(at)) else {
            // It was set before the last row that was handed over.
            return Err(HandedOver);
        };
        if let Some(held) = &mut self.held {
            held.truncate(savepoint.held);
        }
        self.savepoints.truncate(at.map_or(0, |at| at.saturating_add(1)));
        Ok(())
    }

    /// The rows that wait, which are to be handed over now, whatever becomes of them.
    pub(crate) fn release(&mut self) -> Option<Held> {
        self.savepoints.clear();
        self.held.take()
    }

    /// Bytes that rows that wait take, and what is known of them.
    pub(crate) fn held_bytes(&self) -> usize {
        let held = self.held.as_ref().map_or(0, Held::bytes);
        held.saturating_add(self.savepoints.len().saturating_mul(size_of::<Savepoint>()))
    }

    /// Whether a part of it was handed over, now or by an earlier run.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.mark.is_none() || self.skip > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(skip: u64) -> Transaction {
        let mark = Mark {
            bytes: 0,
            records: 0,
            history: 0,
            schema_changes: 0,
            changes: 0,
        };
        Transaction {
            captured: true,
            skip,
            ..Transaction::new(None, BinlogPosition::new("b.1", 4), mark)
        }
    }

    fn rows(transaction: &mut Transaction, count: u64) {
        for _ in 0..count {
            transaction.read += 1;
            let row = transaction.read;
            if row <= transaction.skip {
                continue;
            }
            match &mut transaction.held {
                Some(held) => held.end_row(row),
                None => transaction.taken = row,
            }
        }
    }

    fn waiting(transaction: &Transaction) -> Vec<u64> {
        let held = transaction.held.as_ref();
        held.map(|held| held.rows.iter().map(|row| row.number).collect())
            .unwrap_or_default()
    }

    #[test]
    fn rows_wait_from_the_first_savepoint_on_and_go_with_a_rollback() {
        let mut transaction = transaction(0);
        rows(&mut transaction, 2);
        transaction.savepoint(0);
        transaction.savepoint(1);
        rows(&mut transaction, 2);
        transaction.savepoint(2);
        rows(&mut transaction, 1);
        assert_eq!(waiting(&transaction), [3, 4, 5]);
        assert_eq!(transaction.roll_back_to(2), Ok(()));
        rows(&mut transaction, 1);
        assert_eq!(transaction.roll_back_to(2), Ok(()));
        assert_eq!(waiting(&transaction), [3, 4]);
        rows(&mut transaction, 1);
        assert_eq!(transaction.roll_back_to(1), Ok(()));
        assert_eq!((waiting(&transaction).len(), transaction.read), (0, 7));
        rows(&mut transaction, 1);
        assert_eq!((waiting(&transaction), transaction.taken), (vec![8], 2));
    }

    #[test]
    fn what_was_handed_over_cannot_be_taken_back() {
        let mut transaction = transaction(0);
        transaction.savepoint(0);
        rows(&mut transaction, 3);
        assert!(transaction.held_bytes() > 0);
        assert_eq!(transaction.release().map(|held| held.rows.len()), Some(3));
        rows(&mut transaction, 1);
        transaction.savepoint(1);
        rows(&mut transaction, 2);
        assert_eq!(transaction.roll_back_to(1), Ok(()));
        assert_eq!(waiting(&transaction), [0u64; 0]);
        assert_eq!(transaction.roll_back_to(0), Err(HandedOver));
    }

    /// Rows 1 and 2, a savepoint, 3 to 10, a rollback to it, 11 to 20.
    fn rolled_back(skip: u64) -> (Transaction, Result<(), HandedOver>) {
        let mut transaction = transaction(skip);
        rows(&mut transaction, 2);
        transaction.savepoint(0);
        rows(&mut transaction, 8);
        let result = transaction.roll_back_to(0);
        rows(&mut transaction, 10);
        (transaction, result)
    }

    #[test]
    fn a_restart_inside_it_takes_back_the_same_rows() {
        let waiting_after = |skip| {
            let (transaction, result) = rolled_back(skip);
            assert_eq!((result, transaction.read), (Ok(()), 20));
            waiting(&transaction)
        };
        let last_ten: Vec<u64> = (11..=20).collect();
        for skip in [0, 1, 2] {
            assert_eq!(waiting_after(skip), last_ten, "{skip} rows are delivered");
        }
        // The rollback was seen before row 11 was delivered; from there on rows do not wait.
        for skip in [11, 15, 20] {
            let (transaction, result) = rolled_back(skip);
            assert_eq!((result, transaction.held.is_none()), (Ok(()), true));
        }
        // One of the rows that are rolled back was the last to be handed over.
        for skip in [3, 10] {
            assert_eq!(rolled_back(skip).1, Err(HandedOver), "{skip} rows are delivered");
        }
    }

    #[test]
    fn what_is_not_captured_does_not_matter() {
        let mut transaction = transaction(0);
        transaction.captured = false;
        transaction.savepoint(0);
        assert!(transaction.held.is_none());
        assert_eq!(transaction.roll_back_to(7), Ok(()));
    }
}
