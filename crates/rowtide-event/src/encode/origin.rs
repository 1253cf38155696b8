//! Which rows event a record comes from, so that an error about the record can say it.

use std::sync::Arc;

use super::TopicIndex;

/// A rows event: its place and, by its topic, its table. It holds nothing of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The binlog file.
    pub file: Arc<str>,
    /// Where the event starts in its file.
    pub pos: u64,
    /// The topic of its table.
    pub topic: TopicIndex,
}

/// The origins of a sequence of records, kept once for all records of an event, and the names of files once for all of
/// theirs: many events have a single row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    events: Vec<Event>,
    /// The first record of each run of records from one file.
    files: Vec<(usize, Arc<str>)>,
}

/// The first record of those that an event has in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Event {
    first: usize,
    pos: u64,
    topic: TopicIndex,
}

impl Origins {
    /// Notes that the records from number `first` on come from `origin`.
    #[inline]
    pub fn note(&mut self, first: usize, origin: &Origin) {
        let is_same_file = self.is_in(&origin.file);
        let last = self.events.last();
        if is_same_file && last.is_some_and(|last| (last.pos, last.topic) == (origin.pos, origin.topic)) {
            return;
        }
        if !is_same_file {
            self.files.push((first, Arc::clone(&origin.file)));
        }
        self.events.push(Event {
            first,
            pos: origin.pos,
            topic: origin.topic,
        });
    }

    /// Whether the last record is from this file.
    #[inline]
    fn is_in(&self, file: &Arc<str>) -> bool {
        let last = self.files.last();
        last.is_some_and(|(_, last)| Arc::ptr_eq(last, file) || last == file)
    }

    /// Takes over the origins of records that follow as number `first` and the next ones.
    pub fn extend(&mut self, first: usize, other: &Origins) {
        for (at, file) in &other.files {
            if !self.is_in(file) {
                self.files.push((first.saturating_add(*at), Arc::clone(file)));
            }
        }
        self.events.extend(other.events.iter().map(|event| Event {
            first: first.saturating_add(event.first),
            ..*event
        }));
    }

    /// Where a record comes from; none before the first that was noted.
    pub fn of(&self, record: usize) -> Option<Origin> {
        let next = self.events.partition_point(|event| event.first <= record);
        let event = self.events.get(next.checked_sub(1)?)?;
        let next = self.files.partition_point(|(first, _)| *first <= record);
        let (_, file) = self.files.get(next.checked_sub(1)?)?;
        Some(Origin {
            file: Arc::clone(file),
            pos: event.pos,
            topic: event.topic,
        })
    }

    /// Bytes of memory, roughly: names of files are shared.
    pub fn memory(&self) -> usize {
        self.events.len().saturating_mul(size_of::<Event>())
    }

    /// Forgets the origins of all but the first `records`.
    pub fn truncate(&mut self, records: usize) {
        let kept = self.events.partition_point(|event| event.first < records);
        self.events.truncate(kept);
        let kept = self.files.partition_point(|(first, _)| *first < records);
        self.files.truncate(kept);
    }

    /// Forgets all and keeps the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.files.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_file(file: &str, pos: u64) -> Origin {
        Origin {
            file: file.into(),
            pos,
            topic: TopicIndex(7),
        }
    }

    fn origin(pos: u64) -> Origin {
        in_file("binlog.000001", pos)
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
        assert_eq!((origins.events.len(), origins.files.len()), (2, 1));
        assert_eq!(origins.memory(), 2 * size_of::<Event>());
        assert_eq!(
            positions(&origins, 0..6),
            [None, Some(10), Some(10), Some(20), Some(20), Some(20)]
        );
        assert_eq!(origins.of(3), Some(origin(20)));
    }

    #[test]
    fn the_same_position_in_another_file_or_table_is_another_event() {
        let mut origins = Origins::default();
        let other_table = Origin {
            topic: TopicIndex(8),
            ..in_file("b.2", 10)
        };
        let all = [in_file("b.1", 10), in_file("b.2", 10), other_table];
        for (record, origin) in all.iter().enumerate() {
            origins.note(record, origin);
        }
        let told: Vec<_> = (0..3).filter_map(|record| origins.of(record)).collect();
        assert_eq!(told, all);
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut origins = Origins::default();
        origins.note(0, &origin(10));
        origins.note(1, &origin(20));
        origins.note(3, &in_file("b.2", 30));
        origins.truncate(2);
        origins.note(2, &origin(40));
        assert_eq!(
            positions(&origins, 0..4),
            [Some(10), Some(20), Some(40), Some(40)]
        );
        assert_eq!(origins.of(3), Some(origin(40)));
        origins.truncate(0);
        assert_eq!(origins, Origins::default());
    }

    #[test]
    fn batches_follow_each_other() {
        let mut batch = Origins::default();
        batch.note(0, &origin(10));
        batch.note(2, &in_file("b.2", 20));
        let mut all = Origins::default();
        all.extend(0, &batch);
        all.extend(3, &batch);
        let files = (0..6).filter_map(|record| all.of(record));
        assert_eq!(
            files
                .map(|origin| (origin.file.to_string(), origin.pos))
                .collect::<Vec<_>>(),
            [(0, 10), (0, 10), (1, 20), (0, 10), (0, 10), (1, 20)]
                .map(|(file, pos)| (["binlog.000001", "b.2"][file].to_owned(), pos))
        );
    }
}
