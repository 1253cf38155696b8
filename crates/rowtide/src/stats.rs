//! What a run has done so far, for a progress line or a metric.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rowtide_event::BinlogPosition;
use rowtide_event::encode::ProcessedAt;

/// Counters of a run; shared by its threads, readable at any time.
#[derive(Debug, Default)]
pub struct Stats {
    changes: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    commits: AtomicU64,
    restarts: AtomicU64,
    committed_source_us: AtomicU64,
    pending: AtomicU64,
    position: Mutex<Option<BinlogPosition>>,
}

/// [`Stats`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Row changes committed to Kafka.
    pub changes: u64,
    /// Records of row changes committed to Kafka: a delete is two of them.
    pub records: u64,
    /// Bytes of keys and values committed to Kafka.
    pub bytes: u64,
    /// Kafka transactions (or acknowledged rounds) done.
    pub commits: u64,
    /// How often the stream was taken up again after a failure.
    pub restarts: u64,
    /// How far behind the source the last committed change was when it was committed, in milliseconds; none when
    /// nothing is waiting.
    pub lag_ms: Option<u64>,
    /// The position up to which everything is committed.
    pub position: Option<BinlogPosition>,
}

impl Stats {
    /// Reads all counters.
    pub fn snapshot(&self) -> Snapshot {
        let source_us = self.committed_source_us.load(Ordering::Relaxed);
        let waiting = self.pending.load(Ordering::Relaxed) > 0 && source_us > 0;
        Snapshot {
            changes: self.changes.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            lag_ms: waiting.then(|| unix_micros().saturating_sub(source_us) / 1_000),
            position: self
                .position
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// A parcel with so many changes is on its way.
    pub(crate) fn taken(&self, changes: u64) {
        self.pending.fetch_add(changes, Ordering::Relaxed);
    }

    /// Everything of the open transaction is committed.
    pub(crate) fn committed(&self, done: &Committed, position: &BinlogPosition, source_ts_us: u64) {
        self.changes.fetch_add(done.changes, Ordering::Relaxed);
        self.records.fetch_add(done.records, Ordering::Relaxed);
        self.bytes.fetch_add(done.bytes, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.pending.fetch_sub(
            done.changes.min(self.pending.load(Ordering::Relaxed)),
            Ordering::Relaxed,
        );
        self.committed_source_us.store(source_ts_us, Ordering::Relaxed);
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(position.clone());
    }

    /// The stream is taken up again from the checkpoint: what was on its way is read anew.
    pub(crate) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.pending.store(0, Ordering::Relaxed);
    }
}

/// What one commit made durable.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Committed {
    pub(crate) changes: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// The wall clock, as an envelope wants it.
pub(crate) fn processed_at() -> ProcessedAt {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ProcessedAt {
        ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
    }
}

/// The wall clock in microseconds since 1970.
pub(crate) fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_only_while_something_waits() {
        let stats = Stats::default();
        stats.taken(3);
        let at = BinlogPosition::new("b.1", 9);
        stats.committed(
            &Committed {
                changes: 2,
                records: 4,
                bytes: 10,
            },
            &at,
            1,
        );
        let seen = stats.snapshot();
        assert_eq!(
            (seen.changes, seen.records, seen.bytes, seen.commits),
            (2, 4, 10, 1)
        );
        assert!(seen.lag_ms.is_some_and(|ms| ms > 1_000_000));
        stats.committed(
            &Committed {
                changes: 1,
                records: 1,
                bytes: 1,
            },
            &at,
            1,
        );
        assert_eq!(stats.snapshot().lag_ms, None);
        assert_eq!(stats.snapshot().position, Some(at));
    }
}
