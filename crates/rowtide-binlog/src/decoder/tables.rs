//! The tables that rows events may refer to.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use smallvec::SmallVec;

use super::{CapturedTable, TableRows, place};

/// What is known of tables by their number. A TABLE_MAP is valid to the end of its statement; what it said is kept
/// longer, so that the same bytes need not be read again.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// What TABLE_MAPs have said.
    shapes: Vec<Shape>,
    /// Their places by what a TABLE_MAP says behind the number: a server gives a table another number whenever it opens it,
    /// and with more tables than `table_open_cache` that is for each statement.
    by_shape: HashTable<u32>,
    hashes: RandomState,
    /// The places of those that had their numbers last, each where its number says. A server gives new numbers after each DDL
    /// and FLUSH as well, and never reuses one.
    by_number: Vec<Numbered>,
    /// The tables of the statement. Without a shape the same bytes need not mean the same, and a table's rows are not wanted.
    valid: Vec<Numbered>,
}

/// What a TABLE_MAP says behind the number, and what its handler made of it. Where tables take turns no cache has it: it is in
/// two lines of one, for tables of a few columns.
#[derive(Debug, Clone)]
#[repr(align(64))]
struct Shape {
    bytes: SmallVec<[u8; 96]>,
    captured: Option<CapturedTable>,
}

/// A table that had a number, by the place of its shape.
#[derive(Debug, Clone, Copy, Default)]
struct Numbered {
    number: u64,
    shape: Option<u32>,
}

/// How many numbers are kept, and how many shapes. Where more tables take turns, they are found by what their TABLE_MAPs say.
const MOST_NUMBERS: u64 = 256;
const MOST_SHAPES: usize = 65_536;

impl Tables {
    /// Makes the table valid under this number if its TABLE_MAP, whose bytes behind the number are `shape`, is known, and
    /// says whether it is.
    pub(super) fn renew(&mut self, number: u64, shape: &[u8]) -> bool {
        let known = self.by_number.get(slot(number));
        let known = known.filter(|known| known.number == number);
        let is_it = |at: &u32| self.shape(*at).is_some_and(|known| *known.bytes == *shape);
        let same = known.and_then(|known| known.shape).filter(is_it);
        let find = || self.by_shape.find(self.hashes.hash_one(shape), is_it).copied();
        let Some(at) = same.or_else(find) else {
            return false;
        };
        self.number(number, at);
        true
    }

    /// Remembers a TABLE_MAP and what its handler made of it.
    pub(super) fn insert(&mut self, number: u64, shape: &[u8], rows: TableRows) {
        match rows {
            TableRows::Wanted(table) => self.remember(number, shape, Some(table)),
            TableRows::Unwanted => self.remember(number, shape, None),
            TableRows::UnwantedNow => self.make_valid(number, None),
        }
    }

    fn remember(&mut self, number: u64, shape: &[u8], captured: Option<CapturedTable>) {
        if self.shapes.len() >= MOST_SHAPES {
            self.forget_all_but_valid();
        }
        // There are never that many.
        let at = u32::try_from(self.shapes.len()).unwrap_or(u32::MAX);
        let bytes = SmallVec::from_slice(shape);
        self.shapes.push(Shape { bytes, captured });
        let (shapes, hashes) = (&self.shapes, &self.hashes);
        let hash_of = |at: &u32| {
            shapes
                .get(place(*at))
                .map_or(0, |shape| hashes.hash_one(&*shape.bytes))
        };
        self.by_shape.insert_unique(hashes.hash_one(shape), at, hash_of);
        self.number(number, at);
    }

    fn shape(&self, at: u32) -> Option<&Shape> {
        self.shapes.get(place(at))
    }

    fn number(&mut self, number: u64, at: u32) {
        if self.by_number.is_empty() {
            self.by_number
                .resize(slot(u64::MAX).saturating_add(1), Numbered::default());
        }
        if let Some(known) = self.by_number.get_mut(slot(number)) {
            let shape = Some(at);
            *known = Numbered { number, shape };
        }
        self.make_valid(number, Some(at));
    }

    fn make_valid(&mut self, number: u64, shape: Option<u32>) {
        match self.valid.iter_mut().find(|valid| valid.number == number) {
            Some(valid) => valid.shape = shape,
            None => self.valid.push(Numbered { number, shape }),
        }
    }

    /// The table with this number: `None` where no TABLE_MAP of this statement has it, `Some(None)` where its rows are
    /// not wanted.
    pub(super) fn valid(&self, number: u64) -> Option<Option<&CapturedTable>> {
        let valid = self.valid.iter().find(|valid| valid.number == number)?;
        let shape = valid.shape.and_then(|at| self.shape(at));
        Some(shape.and_then(|shape| shape.captured.as_ref()))
    }

    /// All TABLE_MAPs so far are no longer valid.
    pub(super) fn end_statement(&mut self) {
        self.valid.clear();
    }

    fn forget_all_but_valid(&mut self) {
        let all = std::mem::take(&mut self.shapes);
        self.by_shape.clear();
        self.by_number.clear();
        for valid in &mut self.valid {
            let kept = valid.shape.and_then(|at| all.get(place(at)));
            valid.shape = kept.and_then(|kept| {
                let at = u32::try_from(self.shapes.len()).ok()?;
                self.shapes.push(kept.clone());
                Some(at)
            });
        }
    }

    /// Forgets everything: numbers start again in another file, and a DDL may change what they mean.
    pub(super) fn clear(&mut self) {
        self.shapes.clear();
        self.by_shape.clear();
        self.by_number.clear();
        self.valid.clear();
    }
}

/// Where a number's table is noted. Numbers grow one by one, so that the last ones do not share a place.
fn slot(number: u64) -> usize {
    usize::try_from(number % MOST_NUMBERS).unwrap_or_default()
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
        let last = tables.by_number[slot(1)].shape.unwrap();
        assert_eq!(*tables.shapes[last as usize].bytes, *b"other");
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
            if id % 7 == 6 {
                assert!((id - 6..=id).all(|id| tables.valid(id).is_some()), "{id}");
                tables.end_statement();
            }
        }
        assert!(tables.by_number.len() <= slot(u64::MAX) + 1);
        assert!(tables.by_shape.len() <= MOST_SHAPES && tables.shapes.len() <= MOST_SHAPES);
    }

    #[test]
    fn numbers_that_share_a_place_are_told_apart() {
        let mut tables = Tables::default();
        let other = 5 + MOST_NUMBERS;
        tables.insert(5, b"one", TableRows::Unwanted);
        tables.insert(other, b"other", TableRows::UnwantedNow);
        assert!(tables.valid(5).is_some() && tables.valid(other).is_some());
        tables.end_statement();
        assert!(tables.renew(5, b"one") && !tables.renew(other, b"other") && tables.renew(other, b"one"));
        tables.end_statement();
        assert!(tables.renew(5, b"one") && tables.valid(other).is_none());
    }
}
