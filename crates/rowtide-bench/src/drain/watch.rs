//! When a topic's last record became visible to readers of committed records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rowtide_testbed::Kafka;

/// A thread that asks for the end of a topic again and again.
pub struct Watch {
    ending: Arc<AtomicBool>,
    thread: JoinHandle<Result<Option<f64>>>,
}

/// Between two questions: small beside a drain, and little work for the broker.
const INTERVAL: Duration = Duration::from_millis(10);

impl Watch {
    /// Watches a topic, which need not be there yet.
    pub fn start(kafka: &Kafka, topic: &str) -> Result<Watch> {
        let ends = kafka.ends(true)?;
        let topic = topic.to_owned();
        let ending = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ending);
        let thread = thread::spawn(move || {
            let (mut last, mut moved) = (0, None);
            while !end.load(Ordering::Relaxed) {
                let now = ends.of(&topic)?;
                if now > last {
                    (last, moved) = (now, Some(unix_s()));
                }
                thread::sleep(INTERVAL);
            }
            Ok(moved)
        });
        Ok(Watch { ending, thread })
    }

    /// When the topic last grew, in seconds since 1970.
    pub fn last_growth(self) -> Result<f64> {
        self.ending.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(moved) => moved?.context("the topic has not grown"),
            Err(_) => bail!("the thread that watches a topic has panicked"),
        }
    }
}

fn unix_s() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64()
}
