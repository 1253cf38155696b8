//! Which changes were made and when, and which arrived and when.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rowtide_testbed::{Record, Result, TestbedError};
use serde_json::Value;

/// What tells a change from every other of the shop: ids are never used again, and each insert or update gives the
/// row a new `version`; for a delete it is 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Change {
    /// The table.
    pub(super) table: String,
    /// `c`, `u` or `d`.
    pub(super) op: String,
    /// The primary key.
    pub(super) id: i64,
    /// Which state of the row, or 0.
    pub(super) version: i64,
}

/// Both sides of the books.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// When the server confirmed the commit; `None` while it has not.
    made: HashMap<Change, Option<Instant>>,
    seen: HashMap<Change, Instant>,
    /// When a topic's first record came.
    first: HashMap<String, Instant>,
}

/// The final count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) made: usize,
    pub(super) records: usize,
    pub(super) tombstones: usize,
    pub(super) duplicates: usize,
    pub(super) missing: usize,
    /// Records of changes that nobody made.
    pub(super) unknown: usize,
}

impl Count {
    pub(super) fn is_exact(&self) -> bool {
        self.made > 0 && self.duplicates == 0 && self.missing == 0 && self.unknown == 0
    }
}

impl Ledger {
    /// Notes changes that are about to be committed.
    pub(super) fn announce(&self, changes: &[Change]) {
        let mut entries = self.entries();
        entries
            .made
            .extend(changes.iter().map(|change| (change.clone(), None)));
    }

    /// Notes that the server has confirmed them.
    pub(super) fn confirm(&self, changes: &[Change]) {
        let now = Some(Instant::now());
        let mut entries = self.entries();
        entries
            .made
            .extend(changes.iter().map(|change| (change.clone(), now)));
    }

    /// Notes an arrival; returns how long after the confirmation, which may still be on its way: then zero.
    pub(super) fn arrived(&self, change: &Change, at: Instant) -> Duration {
        let mut entries = self.entries();
        entries.first.entry(change.table.clone()).or_insert(at);
        entries.seen.entry(change.clone()).or_insert(at);
        let made = entries.made.get(change).copied().flatten();
        made.map_or(Duration::ZERO, |made| at.saturating_duration_since(made))
    }

    /// How many changes have not arrived yet.
    pub(super) fn missing(&self) -> usize {
        let entries = self.entries();
        entries
            .made
            .keys()
            .filter(|change| !entries.seen.contains_key(change))
            .count()
    }

    /// Median and 99th percentile in milliseconds, of changes made after their topic was there.
    pub(super) fn latency(&self) -> Option<(f64, f64)> {
        let entries = self.entries();
        let mut latencies: Vec<f64> = entries
            .seen
            .iter()
            .filter_map(|(change, seen)| {
                let made = (*entries.made.get(change)?)?;
                let counted = entries
                    .first
                    .get(&change.table)
                    .is_some_and(|first| *first < made);
                counted.then(|| seen.saturating_duration_since(made).as_secs_f64() * 1000.0)
            })
            .collect();
        latencies.sort_by(f64::total_cmp);
        Some((percentile(&latencies, 50)?, percentile(&latencies, 99)?))
    }

    /// Compares all that is in the topics with all that was made.
    pub(super) fn count(&self, records: &[Record]) -> Result<Count> {
        let entries = self.entries();
        let mut times: HashMap<Change, usize> = HashMap::new();
        let mut tombstones = 0;
        for record in records {
            match change_of(record)? {
                Some((change, _)) => *times.entry(change).or_default() += 1,
                None => tombstones += 1,
            }
        }
        Ok(Count {
            made: entries.made.len(),
            records: times.values().sum(),
            tombstones,
            duplicates: times.values().map(|times| times - 1).sum(),
            missing: entries
                .made
                .keys()
                .filter(|change| !times.contains_key(change))
                .count(),
            unknown: times
                .keys()
                .filter(|change| !entries.made.contains_key(change))
                .count(),
        })
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The change that a record tells, and its event; `None` for a tombstone.
pub(super) fn change_of(record: &Record) -> Result<Option<(Change, Value)>> {
    let Some(value) = &record.value else {
        return Ok(None);
    };
    let not_understood = |why: &str| {
        let place = format!(
            "{}, partition {}, offset {}",
            record.topic, record.partition, record.offset
        );
        TestbedError::Unexpected(format!("{place}: {why}"))
    };
    let event: Value = serde_json::from_slice(value).map_err(|error| not_understood(&error.to_string()))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let change = || {
        let op = text(event.get("op")?)?;
        let row = event.get(if op == "d" { "before" } else { "after" })?;
        let version = if op == "d" {
            0
        } else {
            row.get("version")?.as_i64()?
        };
        let table = text(event.get("source")?.get("table")?)?;
        Some(Change {
            table,
            op,
            id: row.get("id")?.as_i64()?,
            version,
        })
    };
    let change = change().ok_or_else(|| not_understood("no op, table, id or version"))?;
    Ok(Some((change, event)))
}

fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: i64) -> Change {
        Change {
            table: "users".to_owned(),
            op: "c".to_owned(),
            id,
            version: 1,
        }
    }

    fn record(id: i64) -> Record {
        let value = format!(
            "{{\"before\":null,\"after\":{{\"id\":{id},\"version\":1}},\"source\":{{\"table\":\"users\"}},\"op\":\"c\"}}"
        );
        Record {
            value: Some(value.into_bytes()),
            ..Record::default()
        }
    }

    #[test]
    fn doubled_missing_and_unknown_changes_are_counted() {
        let ledger = Ledger::default();
        ledger.announce(&[change(1), change(2)]);
        let count = ledger
            .count(&[record(1), record(1), record(3), Record::default()])
            .unwrap();
        let expected = Count {
            made: 2,
            records: 3,
            tombstones: 1,
            duplicates: 1,
            missing: 1,
            unknown: 1,
        };
        assert_eq!(count, expected);
        assert!(!count.is_exact());
        assert!(ledger.count(&[record(1), record(2)]).unwrap().is_exact());
    }

    #[test]
    fn the_record_that_makes_a_topic_does_not_count_for_latency() {
        let ledger = Ledger::default();
        let begin = Instant::now();
        ledger.confirm(&[change(1)]);
        ledger.arrived(&change(1), begin + Duration::from_secs(9));
        assert_eq!(ledger.latency(), None);
        assert_eq!(ledger.missing(), 0);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 50), percentile(&values, 99)),
            (Some(100.0), Some(198.0))
        );
        assert_eq!(percentile(&[], 50), None);
    }
}
