//! Reads the schema history again, and refuses one that has lost records.

use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Headers, Message};

use super::effect::{self, Effect};
use super::message::{InvalidHistory, StoredMessage};
use crate::checkpoint::HistoryRange;
use crate::error::KafkaError;
use crate::options::KafkaOptions;
use crate::reader::{Partition, Reader};

/// Reads the schema history of a source. A start that reads the checkpoint as well does both with one [`Reader`].
#[derive(Debug, Clone, Copy)]
pub struct HistoryStore;

impl HistoryStore {
    /// Reads the records of a range, as [`Reader::history_range`] does.
    ///
    /// # Errors
    /// As [`Reader::history_range`].
    pub fn read_range<E: From<KafkaError>>(
        options: &KafkaOptions,
        range: &HistoryRange,
        each: impl FnMut(StoredMessage<'_>) -> Result<(), E>,
    ) -> Result<HistoryEnd, E> {
        Reader::open(options)?.history_range(range, each)
    }

    /// Reads all records, as [`Reader::history`] does.
    ///
    /// # Errors
    /// As [`Reader::history`].
    pub fn read_all<E: From<KafkaError>>(
        options: &KafkaOptions,
        each: impl FnMut(StoredMessage<'_>) -> Result<(), E>,
    ) -> Result<WholeHistory, E> {
        Reader::open(options)?.history(each)
    }
}

/// All that a topic holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeHistory {
    /// From its first record to its last.
    pub range: HistoryRange,
    /// Records stood before this offset and are deleted: what comes first tells of tables only from the next image on.
    pub deleted_before: Option<i64>,
}

/// Where the topic ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryEnd {
    /// Records behind the range, which are committed and of no checkpoint: with at-least-once delivery a dead instance
    /// leaves them. They are in the topic for good, so that a range that goes on over them counts them. What they say is
    /// of a time after the checkpoint, and is said again: who reads that longer range meets it too early, unless a new
    /// image begins behind them.
    pub records_behind: u64,
    /// The offset of the last record, whether in the range or behind it.
    pub last_offset: i64,
}

impl Reader<'_> {
    /// Gives `each` the records of `range`, in their order; those behind it are looked at and counted. Reads to the last
    /// stable offset, and ends early when `each` fails.
    ///
    /// # Errors
    /// What `each` fails with. [`KafkaError::HistoryMissing`] if the topic is empty or missing,
    /// [`KafkaError::HistoryIncomplete`] if it does not hold the range any more, [`KafkaError::HistoryCorrupt`],
    /// [`KafkaError::HistoryForeign`] and [`KafkaError::HistoryTooNew`] of a record that cannot be used; others if the
    /// topic cannot be read.
    pub fn history_range<E: From<KafkaError>>(
        &self,
        range: &HistoryRange,
        mut each: impl FnMut(StoredMessage<'_>) -> Result<(), E>,
    ) -> Result<HistoryEnd, E> {
        let partition = self.history_partition(Some(range))?;
        check_bounds(partition.low(), partition.end(), range).map_err(|problem| self.incomplete(problem))?;
        partition.start_at(range.first_offset)?;
        let mut count = Count::of(range);
        while let Some(found) = partition.next()? {
            let message = self.placed(&found)?;
            if count.add(message.offset) {
                each(message)?;
            }
        }
        Ok(count.end().map_err(|problem| self.incomplete(problem))?)
    }

    /// Gives `each` all records from the topic's start to its last stable offset: for a history of which no checkpoint
    /// names a range.
    ///
    /// # Errors
    /// As [`history_range`](Self::history_range), where [`KafkaError::HistoryIncomplete`] says that the start of the
    /// topic was deleted and no image of all tables came after.
    pub fn history<E: From<KafkaError>>(
        &self,
        mut each: impl FnMut(StoredMessage<'_>) -> Result<(), E>,
    ) -> Result<WholeHistory, E> {
        let partition = self.history_partition(None)?;
        partition.start_at(partition.low())?;
        let (mut range, mut image): (Option<HistoryRange>, bool) = (None, false);
        while let Some(found) = partition.next()? {
            let message = self.placed(&found)?;
            image |= message.effects.contains(&Effect::ImageBegins);
            grow(&mut range, message.offset);
            each(message)?;
        }
        let deleted_before = Some(partition.low()).filter(|low| *low > 0);
        if let Some(low) = deleted_before.filter(|_| !image) {
            let problem = format!("what stood before the offset {low} is deleted");
            return Err(self.incomplete(problem).into());
        }
        Ok(WholeHistory {
            range: range.ok_or_else(|| self.missing(EMPTY))?,
            deleted_before,
        })
    }

    /// The topic's partition, once it is there as far as `range` says.
    fn history_partition(&self, range: Option<&HistoryRange>) -> Result<Partition<'_>, KafkaError> {
        let gone = || self.missing("does not exist");
        let topic = &self.options().history_topic;
        let mut partition = self.partition(topic)?.ok_or_else(gone)?;
        let last = range.map_or(-1, |range| range.last_offset);
        let start = Instant::now();
        while partition.end() <= last && start.elapsed() < MARKERS_WAIT {
            std::thread::sleep(MARKERS_LOOK);
            partition.look()?.then_some(()).ok_or_else(gone)?;
        }
        match partition.low() < partition.end() {
            true => Ok(partition),
            false => Err(self.missing(EMPTY)),
        }
    }

    /// A record as far as it must be read to know whose it is.
    fn placed<'m>(&self, found: &'m BorrowedMessage<'_>) -> Result<StoredMessage<'m>, KafkaError> {
        let offset = found.offset();
        let value = found.payload().unwrap_or_default();
        let read = header(found).and_then(|header| StoredMessage::read(offset, value, header));
        let topic = || self.options().history_topic.clone();
        match read {
            Ok(message) if message.server == self.options().source_name => Ok(message),
            Ok(message) => Err(KafkaError::HistoryForeign {
                topic: topic(),
                offset,
                found: message.server,
                expected: self.options().source_name.clone(),
            }),
            Err(InvalidHistory::TooNew) => Err(KafkaError::HistoryTooNew {
                topic: topic(),
                offset,
            }),
            Err(damaged) => Err(KafkaError::HistoryCorrupt {
                topic: topic(),
                offset,
                reason: damaged.to_string(),
            }),
        }
    }

    fn missing(&self, problem: &'static str) -> KafkaError {
        KafkaError::HistoryMissing {
            topic: self.options().history_topic.clone(),
            problem,
        }
    }

    fn incomplete(&self, problem: String) -> KafkaError {
        KafkaError::HistoryIncomplete {
            topic: self.options().history_topic.clone(),
            problem,
        }
    }
}

/// The value of the one header with effects.
fn header<'m>(found: &'m BorrowedMessage<'_>) -> Result<Option<&'m [u8]>, InvalidHistory> {
    let Some(headers) = found.headers() else {
        return Ok(None);
    };
    let mut ours = headers.iter().filter(|header| header.key == effect::HEADER);
    let first = match ours.next() {
        None => return Ok(None),
        Some(header) => header.value,
    };
    match (first, ours.next()) {
        (Some(value), None) => Ok(Some(value)),
        (None, _) => Err(InvalidHistory::Header("it has no value".to_owned())),
        (Some(_), Some(_)) => Err(InvalidHistory::Header("the record has it twice".to_owned())),
    }
}

fn grow(range: &mut Option<HistoryRange>, offset: i64) {
    let range = range.get_or_insert(HistoryRange {
        first_offset: offset,
        last_offset: offset,
        records: 0,
        through: None,
    });
    range.last_offset = offset;
    range.records = range.records.saturating_add(1);
}

/// Whether there still are the offsets of `range` between the partition's `low` and `end`, and what is wrong if not.
fn check_bounds(low: i64, end: i64, range: &HistoryRange) -> Result<(), String> {
    let HistoryRange {
        first_offset: first,
        last_offset: last,
        ..
    } = range;
    if low > *first {
        return Err(format!(
            "the checkpoint needs the records from the offset {first}, and what stood before the offset {low} is deleted"
        ));
    }
    if end <= *last {
        return Err(format!(
            "the checkpoint needs the records up to the offset {last}, and the topic ends before the offset {end}"
        ));
    }
    Ok(())
}

const EMPTY: &str = "holds no records";
/// How long the end of a transaction may be on its way to the history when its checkpoint is seen already: its marker
/// reaches the partitions one after the other.
const MARKERS_WAIT: Duration = Duration::from_secs(1);
/// How often to look whether it has come.
const MARKERS_LOOK: Duration = Duration::from_millis(10);

/// Compares the records that come with those that a range names.
#[derive(Debug)]
struct Count<'a> {
    range: &'a HistoryRange,
    within: u64,
    behind: u64,
    first: Option<i64>,
    last_within: Option<i64>,
    last: i64,
}

impl<'a> Count<'a> {
    fn of(range: &'a HistoryRange) -> Self {
        Self {
            range,
            within: 0,
            behind: 0,
            first: None,
            last_within: None,
            last: range.last_offset,
        }
    }

    /// Counts the next record, and says whether it is in the range.
    fn add(&mut self, offset: i64) -> bool {
        let within = offset <= self.range.last_offset;
        let counted = if within {
            &mut self.within
        } else {
            &mut self.behind
        };
        *counted = counted.saturating_add(1);
        self.first = self.first.or(Some(offset));
        if within {
            self.last_within = Some(offset);
        }
        self.last = offset;
        within
    }

    /// The end, if all are there; else what is wrong.
    fn end(&self) -> Result<HistoryEnd, String> {
        let range = self.range;
        let (first, last) = (range.first_offset, range.last_offset);
        if self.within != range.records {
            return Err(format!(
                "the checkpoint names {} records from the offset {first} to {last}, and there are {}",
                range.records, self.within
            ));
        }
        if (self.first, self.last_within) != (Some(first), Some(last)) {
            return Err(format!(
                "the checkpoint names records at the offsets {first} and {last}, and one of them is not there"
            ));
        }
        Ok(HistoryEnd {
            records_behind: self.behind,
            last_offset: self.last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first_offset: i64, last_offset: i64, records: u64) -> HistoryRange {
        HistoryRange {
            first_offset,
            last_offset,
            records,
            through: None,
        }
    }

    fn end(offsets: &[i64]) -> Result<HistoryEnd, String> {
        let range = range(4, 7, 3);
        let mut count = Count::of(&range);
        for offset in offsets {
            count.add(*offset);
        }
        count.end()
    }

    #[test]
    fn what_stands_behind_the_range_is_counted() {
        let behind = |records_behind, last_offset| {
            Ok(HistoryEnd {
                records_behind,
                last_offset,
            })
        };
        assert_eq!(end(&[4, 5, 7]), behind(0, 7));
        assert_eq!(end(&[4, 5, 7, 9, 10]), behind(2, 10));
    }

    #[test]
    fn a_range_that_is_not_there_whole_is_refused() {
        let number =
            |found| format!("the checkpoint names 3 records from the offset 4 to 7, and there are {found}");
        let ends =
            "the checkpoint names records at the offsets 4 and 7, and one of them is not there".to_owned();
        assert_eq!(end(&[]), Err(number(0)));
        assert_eq!(end(&[4, 7]), Err(number(2)));
        assert_eq!(end(&[4, 5, 8]), Err(number(2)));
        assert_eq!(end(&[4, 5, 6, 7]), Err(number(4)));
        assert_eq!(end(&[4, 5, 6]), Err(ends.clone()));
        assert_eq!(end(&[5, 6, 7]), Err(ends));
    }

    #[test]
    fn a_topic_that_was_cut_or_ends_early_is_refused() {
        let range = range(4, 7, 3);
        assert_eq!(check_bounds(0, 9, &range), Ok(()));
        assert_eq!(check_bounds(4, 8, &range), Ok(()));
        let problem = |low, end| check_bounds(low, end, &range).unwrap_err();
        assert!(problem(5, 9).ends_with("from the offset 4, and what stood before the offset 5 is deleted"));
        assert!(problem(0, 7).ends_with("up to the offset 7, and the topic ends before the offset 7"));
    }

    #[test]
    fn a_range_of_all_grows_with_each_record() {
        let mut range = None;
        [3, 4, 9].into_iter().for_each(|offset| grow(&mut range, offset));
        let range = range.unwrap();
        assert_eq!(
            (
                range.first_offset,
                range.last_offset,
                range.records,
                range.through
            ),
            (3, 9, 3, None)
        );
    }
}
