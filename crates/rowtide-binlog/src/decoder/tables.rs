//! The tables that rows events may refer to.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{CapturedTable, TableRows};

/// What is known of tables by their number. A TABLE_MAP is valid to the end of its statement; what it said is kept
/// longer, so that the same bytes need not be read again.
#[derive(Debug, Default)]
pub(super) struct Tables {
    by_id: HashMap<u64, Known, RandomState>,
    /// By what a TABLE_MAP says behind the number: a server gives a table another number whenever it opens it, and with
    /// more tables than `table_open_cache` that is for each statement.
    by_shape: HashMap<Arc<[u8]>, Option<CapturedTable>, RandomState>,
    statement: u64,
}

/// A table by its number. A server gives new numbers after each DDL and FLUSH as well, and never reuses one.
#[derive(Debug)]
struct Known {
    /// None if the same bytes need not mean the same.
    shape: Option<Arc<[u8]>>,
    captured: Option<CapturedTable>,
    /// The statement that it was last valid in.
    statement: u64,
}

/// How many numbers are kept, and how many shapes.
const MOST_NUMBERS: usize = 16_384;
const MOST_SHAPES: usize = 65_536;

impl Tables {
    /// Makes the table valid under this number if its TABLE_MAP, whose bytes behind the number are `shape`, is known, and
    /// says whether it is.
    pub(super) fn renew(&mut self, id: u64, shape: &[u8]) -> bool {
        match self.by_id.get_mut(&id) {
            Some(known) if known.shape.as_deref() == Some(shape) => {
                known.statement = self.statement;
                return true;
            }
            _ => {}
        }
        let Some((shape, captured)) = self.by_shape.get_key_value(shape) else {
            return false;
        };
        let (shape, captured) = (Arc::clone(shape), captured.clone());
        self.number(id, Some(shape), captured);
        true
    }

    /// Remembers a TABLE_MAP and what its handler made of it.
    pub(super) fn insert(&mut self, id: u64, shape: &[u8], rows: TableRows) {
        match rows {
            TableRows::Wanted(table) => self.remember(id, shape, Some(table)),
            TableRows::Unwanted => self.remember(id, shape, None),
            TableRows::UnwantedNow => self.number(id, None, None),
        }
    }

    fn remember(&mut self, id: u64, shape: &[u8], captured: Option<CapturedTable>) {
        if self.by_shape.len() >= MOST_SHAPES {
            self.by_shape.clear();
        }
        let shape: Arc<[u8]> = shape.into();
        self.by_shape.insert(Arc::clone(&shape), captured.clone());
        self.number(id, Some(shape), captured);
    }

    fn number(&mut self, id: u64, shape: Option<Arc<[u8]>>, captured: Option<CapturedTable>) {
        if self.by_id.len() >= MOST_NUMBERS {
            let now = self.statement;
            self.by_id.retain(|_, known| known.statement == now);
        }
        self.by_id.insert(
            id,
            Known {
                shape,
                captured,
                statement: self.statement,
            },
        );
    }

    /// The table with this number: `None` where no TABLE_MAP of this statement has it, `Some(None)` where its rows are
    /// not wanted.
    pub(super) fn valid(&self, id: u64) -> Option<Option<&CapturedTable>> {
        let known = self
            .by_id
            .get(&id)
            .filter(|known| known.statement == self.statement)?;
        Some(known.captured.as_ref())
    }

    /// All TABLE_MAPs so far are no longer valid.
    pub(super) fn end_statement(&mut self) {
        self.statement = self.statement.wrapping_add(1);
    }

    /// Forgets everything: numbers start again in another file, and a DDL may change what they mean.
    pub(super) fn clear(&mut self) {
        self.by_id.clear();
        self.by_shape.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_to_the_end_of_the_statement_and_known_longer() {
        let mut tables = Tables::default();
        assert!(!tables.renew(1, b"map"));
        tables.insert(1, b"map", TableRows::Unwanted);
        assert!(matches!(tables.valid(1), Some(None)));
        assert!(tables.valid(2).is_none());
        tables.end_statement();
        assert!(tables.valid(1).is_none());
        assert!(!tables.renew(1, b"other"));
        assert!(tables.renew(1, b"map"));
        assert!(tables.valid(1).is_some());
        tables.clear();
        assert!(!tables.renew(1, b"map"));
    }

    #[test]
    fn the_same_table_under_another_number() {
        let mut tables = Tables::default();
        tables.insert(1, b"map", TableRows::Unwanted);
        tables.insert(2, b"other", TableRows::Unwanted);
        tables.end_statement();
        assert!(tables.renew(3, b"map"));
        assert!(matches!(tables.valid(3), Some(None)));
        assert!(tables.valid(1).is_none());
        // A number goes over to another table after a restart of the server.
        assert!(tables.renew(1, b"other"));
        assert_eq!(tables.by_id[&1].shape.as_deref(), Some(b"other".as_slice()));
    }

    #[test]
    fn what_is_not_wanted_now_is_asked_for_again() {
        let mut tables = Tables::default();
        tables.insert(1, b"map", TableRows::UnwantedNow);
        assert!(matches!(tables.valid(1), Some(None)));
        assert!(!tables.renew(1, b"map"));
        assert!(!tables.renew(2, b"map"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut tables = Tables::default();
        for id in 0..200_000_u64 {
            tables.insert(id, &id.to_le_bytes(), TableRows::Unwanted);
            tables.end_statement();
        }
        assert!(tables.by_id.len() <= MOST_NUMBERS);
        assert!(tables.by_shape.len() <= MOST_SHAPES);
    }
}
