//! The tables that rows events may refer to.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::CapturedTable;

/// What is known of tables by their number. A TABLE_MAP is valid to the end of its statement; what it said is kept
/// longer, so that the same bytes need not be read again.
#[derive(Debug, Default)]
pub(super) struct Tables {
    by_id: HashMap<u64, Known, RandomState>,
    statement: u64,
}

#[derive(Debug)]
struct Known {
    raw: Vec<u8>,
    captured: Option<CapturedTable>,
    /// The statement that it was last valid in.
    statement: u64,
}

/// How many tables are kept: a server gives new numbers after each DDL and FLUSH, and never reuses one.
const MOST_KEPT: usize = 65_536;

impl Tables {
    /// Makes the table valid if its TABLE_MAP is the one that is known, and says whether it is.
    pub(super) fn renew(&mut self, id: u64, raw: &[u8]) -> bool {
        match self.by_id.get_mut(&id) {
            Some(known) if known.raw == raw => {
                known.statement = self.statement;
                true
            }
            _ => false,
        }
    }

    /// Remembers a TABLE_MAP and what its handler made of it.
    pub(super) fn insert(&mut self, id: u64, raw: &[u8], captured: Option<CapturedTable>) {
        if self.by_id.len() >= MOST_KEPT {
            let now = self.statement;
            self.by_id.retain(|_, known| known.statement == now);
        }
        self.by_id.insert(
            id,
            Known {
                raw: raw.to_vec(),
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_to_the_end_of_the_statement_and_known_longer() {
        let mut tables = Tables::default();
        assert!(!tables.renew(1, b"map"));
        tables.insert(1, b"map", None);
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
    fn what_is_kept_is_bounded() {
        let mut tables = Tables::default();
        for id in 0..200_000 {
            tables.insert(id, b"", None);
            tables.end_statement();
        }
        assert!(tables.by_id.len() <= MOST_KEPT);
    }
}
