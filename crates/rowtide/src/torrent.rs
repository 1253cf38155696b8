//! When to let a source's bytes gather before they are read.
//!
//! A server sends a backlog in pieces of some 16 KiB. A reader that is faster than the server is woken for each: that costs
//! both of them more than what is done with the piece.

use std::time::{Duration, Instant};

/// How many bytes came lately.
#[derive(Debug, Default)]
pub(crate) struct Torrent {
    since: Option<Instant>,
    bytes: usize,
}

/// So many bytes in each [`WINDOW`] are a torrent: no changes come so fast but those of a backlog or of a large transaction.
const MUCH: usize = 64 << 10;
const WINDOW: Duration = Duration::from_millis(1);
/// How long they gather. The buffers of a connection take what a server sends meanwhile.
const REST: Duration = Duration::from_micros(500);

impl Torrent {
    /// So many bytes were read.
    #[inline]
    pub(crate) fn came(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// There is nothing more to read at `now`: how long to let bytes gather, if they have come in a torrent until now.
    pub(crate) fn rest(&mut self, now: Instant) -> Option<Duration> {
        let elapsed = self
            .since
            .map_or(Duration::MAX, |since| now.saturating_duration_since(since));
        if self.bytes < MUCH && elapsed <= WINDOW {
            return None;
        }
        let windows = u32::try_from(self.bytes / MUCH).unwrap_or(u32::MAX);
        let rest = (elapsed <= WINDOW.saturating_mul(windows)).then_some(REST);
        self.since = now.checked_add(rest.unwrap_or_default());
        self.bytes = 0;
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done when nothing is left at these times, in microseconds, after so many bytes each.
    fn rests(pieces: &[(u64, usize)]) -> Vec<bool> {
        let (mut torrent, start) = (Torrent::default(), Instant::now());
        let after = |(at, bytes): &(u64, usize)| {
            torrent.came(*bytes);
            torrent.rest(start + Duration::from_micros(*at)).is_some()
        };
        pieces.iter().map(after).collect()
    }

    #[test]
    fn much_in_a_short_time_is_a_torrent() {
        let piece = MUCH / 4;
        let pieces: Vec<_> = (0..6).map(|at| (at * 50, piece)).collect();
        assert_eq!(rests(&pieces), [false, false, false, false, true, false]);
        // The bytes that have gathered meanwhile.
        assert_eq!(
            rests(&[(0, 0), (100, MUCH), (650, MUCH), (1_250, MUCH)]),
            [false, true, true, true]
        );
    }

    #[test]
    fn what_comes_slowly_is_read_at_once() {
        assert_eq!(rests(&[(0, MUCH), (2_000, MUCH), (4_000, MUCH)]), [false; 3]);
        assert_eq!(
            rests(&[(0, 0), (500, MUCH - 1), (1_001, 1), (1_500, MUCH)]),
            [false, false, false, true]
        );
    }

    #[test]
    fn a_reader_that_is_busy_for_long_has_more_to_read() {
        assert_eq!(rests(&[(0, 0), (3_000, 3 * MUCH)]), [false, true]);
        assert_eq!(rests(&[(0, 0), (3_001, 3 * MUCH)]), [false, false]);
    }
}
