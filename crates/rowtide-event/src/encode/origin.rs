//! Which rows event a record comes from, so that an error about the record can say it.

use std::fmt;
use std::sync::Arc;

/// A rows event and its table. It holds nothing of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Where the event starts in its file.
    pub pos: u64,
    /// The binlog file.
    pub file: Arc<str>,
    /// `database.table`.
    pub table: Arc<str>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.table, self.file, self.pos)
    }
}

/// The origins of a sequence of records, kept once for all records of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// The first record of each run of records that have their origin in common.
    runs: Vec<(usize, Origin)>,
}

impl Origins {
    /// Notes that the records from number `first` on come from `origin`.
    pub fn note(&mut self, first: usize, origin: &Origin) {
        if self.runs.last().is_none_or(|(_, last)| last != origin) {
            self.runs.push((first, origin.clone()));
        }
    }

    /// Takes over the origins of records that follow as number `first` and the next ones.
    pub fn extend(&mut self, first: usize, other: &Origins) {
        let runs = other.runs.iter();
        self.runs
            .extend(runs.map(|(at, origin)| (first.saturating_add(*at), origin.clone())));
    }

    /// Where a record comes from; none before the first that was noted.
    pub fn of(&self, record: usize) -> Option<&Origin> {
        let next = self.runs.partition_point(|(first, _)| *first <= record);
        let (_, origin) = self.runs.get(next.checked_sub(1)?)?;
        Some(origin)
    }

    /// Bytes of memory, roughly: names of files and tables are shared.
    pub fn memory(&self) -> usize {
        self.runs.len().saturating_mul(size_of::<(usize, Origin)>())
    }

    /// Forgets the origins of all but the first `records`.
    pub fn truncate(&mut self, records: usize) {
        let kept = self.runs.partition_point(|(first, _)| *first < records);
        self.runs.truncate(kept);
    }

    /// Forgets all and keeps the memory.
    pub fn clear(&mut self) {
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(pos: u64) -> Origin {
        Origin {
            pos,
            file: "binlog.000001".into(),
            table: "shop.orders".into(),
        }
    }

    fn positions(origins: &Origins, records: std::ops::Range<usize>) -> Vec<Option<u64>> {
        records.map(|record| origins.of(record).map(|o| o.pos)).collect()
    }

    #[test]
    fn records_of_an_event_share_their_origin() {
        let mut origins = Origins::default();
        for (record, pos) in [(1, 10), (2, 10), (3, 20), (4, 20)] {
            origins.note(record, &origin(pos));
        }
        assert_eq!(origins.runs.len(), 2);
        assert_eq!(origins.memory(), 2 * size_of::<(usize, Origin)>());
        assert_eq!(
            positions(&origins, 0..6),
            [None, Some(10), Some(10), Some(20), Some(20), Some(20)]
        );
        assert_eq!(
            origins.of(3).unwrap().to_string(),
            "shop.orders at binlog.000001:20"
        );
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut origins = Origins::default();
        for (record, pos) in [(0, 10), (1, 20), (3, 30)] {
            origins.note(record, &origin(pos));
        }
        origins.truncate(2);
        origins.note(2, &origin(40));
        assert_eq!(
            positions(&origins, 0..4),
            [Some(10), Some(20), Some(40), Some(40)]
        );
        origins.truncate(0);
        assert_eq!(origins, Origins::default());
    }

    #[test]
    fn batches_follow_each_other() {
        let mut batch = Origins::default();
        batch.note(0, &origin(10));
        batch.note(2, &origin(20));
        let mut all = Origins::default();
        all.extend(0, &batch);
        all.extend(3, &batch);
        assert_eq!(
            positions(&all, 0..6),
            [Some(10), Some(10), Some(20), Some(10), Some(10), Some(20)]
        );
    }
}
