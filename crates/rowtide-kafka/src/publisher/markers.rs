//! How long to leave the transaction coordinator alone after a commit.

use std::time::{Duration, Instant};

/// The pause between a commit's answer and the next transaction.
///
/// The coordinator answers when the commit is decided, and then writes its markers into the partitions. Until that is done
/// it refuses the next transaction's partitions (CONCURRENT_TRANSACTIONS), and librdkafka tries again after
/// [`REFUSED_WAIT`]. Changes gather meanwhile, so that the transaction after that begins at once and is refused too: where
/// nothing breaks the row, every change waits for that.
#[derive(Debug)]
pub(super) struct Markers {
    /// What refusals have taught: how long the coordinator takes here.
    learned: Duration,
    next_begin: Instant,
}

impl Markers {
    /// None are to be written.
    pub(super) fn none() -> Self {
        Self {
            learned: Duration::ZERO,
            next_begin: Instant::now(),
        }
    }

    /// Waits until they are most likely written.
    pub(super) fn wait(&self) {
        std::thread::sleep(self.next_begin.saturating_duration_since(Instant::now()));
    }

    /// The coordinator has answered a commit that took so long, of a transaction that was open for so long before.
    pub(super) fn committed(&mut self, open: Duration, took: Duration) {
        self.learned = learned(self.learned, open, took);
        self.next_begin = Instant::now() + pause(self.learned, took);
    }
}

/// Twice as long after a commit that was most likely refused, and a little less after any other. One of a transaction that
/// was open for long says nothing: its partitions were known to the coordinator before it began.
fn learned(before: Duration, open: Duration, took: Duration) -> Duration {
    if open < REFUSED_WAIT && took >= REFUSED_WAIT {
        (before * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE)
    } else {
        before - before / 16
    }
}

/// Markers take the coordinator a part of what a commit of little takes, both being appends to logs and ways between
/// threads, and librdkafka lets 1 ms pass before it names a partition.
fn pause(learned: Duration, took: Duration) -> Duration {
    learned.max(took / 2).min(LONGEST_PAUSE)
}

/// How long librdkafka waits after a refusal.
const REFUSED_WAIT: Duration = Duration::from_millis(20);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// Half of what a refusal costs.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn refusals_lengthen_the_pause_to_its_limit() {
        let mut pause = Duration::ZERO;
        let pauses: Vec<Duration> = (0..5)
            .map(|_| {
                pause = learned(pause, ms(1), ms(25));
                pause
            })
            .collect();
        assert_eq!(pauses, [ms(2), ms(4), ms(8), ms(10), ms(10)]);
    }

    #[test]
    fn what_was_learned_is_forgotten_slowly() {
        assert_eq!(learned(ms(8), ms(1), ms(5)), Duration::from_micros(7_500));
        let later = (0..100).fold(ms(10), |pause, _| learned(pause, ms(1), ms(5)));
        assert!(later < Duration::from_micros(20), "{later:?}");
    }

    #[test]
    fn the_commit_of_a_long_transaction_teaches_nothing() {
        assert_eq!(learned(ms(2), ms(200), ms(25)), Duration::from_micros(1_875));
    }

    #[test]
    fn a_pause_is_a_part_of_the_commit_or_what_was_learned() {
        assert_eq!(pause(Duration::ZERO, ms(4)), ms(2));
        assert_eq!(pause(ms(3), ms(4)), ms(3));
        assert_eq!(pause(ms(3), ms(400)), LONGEST_PAUSE);
    }
}
