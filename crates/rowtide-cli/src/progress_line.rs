//! One line every few seconds that says how a run is doing.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rowtide::stats::{Snapshot, Stats};
use tracing::info;

const EVERY: Duration = Duration::from_secs(5);

/// Reports until it is dropped: on a terminal a line that is written over, otherwise a log line.
pub async fn report(stats: Arc<Stats>) {
    let terminal = std::io::stderr().is_terminal();
    let mut last = (Instant::now(), stats.snapshot());
    loop {
        tokio::time::sleep(EVERY).await;
        let now = (Instant::now(), stats.snapshot());
        let rate = rate(now.1.changes - last.1.changes.min(now.1.changes), now.0 - last.0);
        if terminal {
            // A terminal that is gone is no reason to stop.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(&now.1, rate));
        } else {
            let at = position(&now.1);
            info!(
                changes = now.1.changes,
                changes_per_s = rate,
                lag_ms = now.1.lag_ms.unwrap_or(0),
                position = at,
                "progress"
            );
        }
        last = now;
    }
}

fn rate(changes: u64, time: Duration) -> u64 {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    changes.saturating_mul(1_000) / ms
}

fn line(now: &Snapshot, rate: u64) -> String {
    let lag = now.lag_ms.map_or_else(
        || "up to date".to_owned(),
        |ms| format!("{:.1} s behind", ms as f64 / 1_000.0),
    );
    format!(
        "{rate} changes/s, {} in all, {lag}, at {}",
        now.changes,
        position(now)
    )
}

fn position(now: &Snapshot) -> String {
    now.position
        .as_ref()
        .map_or_else(|| "the start".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_rate_lag_and_position() {
        let mut now = Snapshot {
            changes: 1_200,
            ..Snapshot::default()
        };
        assert_eq!(
            line(&now, 40),
            "40 changes/s, 1200 in all, up to date, at the start"
        );
        now.lag_ms = Some(1_500);
        now.position = Some(rowtide::event::BinlogPosition::new("b.1", 9));
        assert_eq!(line(&now, 0), "0 changes/s, 1200 in all, 1.5 s behind, at b.1:9");
        assert_eq!(rate(500, Duration::from_millis(250)), 2_000);
    }
}
