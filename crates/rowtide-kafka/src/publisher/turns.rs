//! The producers of a source, which take turns.

use std::panic::resume_unwind;
use std::thread;

use super::instance::{Client, Instance, serve};
use crate::error::KafkaError;
use crate::options::KafkaOptions;

/// One producer, or two transactional ones for every other transaction.
///
/// A coordinator answers a commit when it is decided, and writes its markers into the partitions after that. Until they
/// are written it refuses the next transaction of the same transactional id (CONCURRENT_TRANSACTIONS), and librdkafka tries
/// again 20 ms later. Another id is not refused. A transaction still begins only after the one before it is decided:
/// nothing is committed out of order, and no two are open.
pub(super) struct Turns {
    current: Client,
    resting: Option<Client>,
}

impl Turns {
    /// Two transactional producers. Older instances of this source are fenced by both ids, so that none of their
    /// transactions is open afterwards and none can be committed.
    pub(super) fn connect(options: &KafkaOptions) -> Result<Self, KafkaError> {
        let (first, second) = options.transactional_ids();
        let connect = |id: &str| Instance::connect(options, Some(id));
        thread::scope(|scope| {
            let other = scope.spawn(|| connect(&second));
            let current = connect(&first);
            let resting = other.join().unwrap_or_else(|panic| resume_unwind(panic));
            Ok(Self {
                current: current?,
                resting: Some(resting?),
            })
        })
    }

    /// One producer without transactions.
    pub(super) fn alone(options: &KafkaOptions) -> Result<Self, KafkaError> {
        Ok(Self {
            current: Instance::connect(options, None)?,
            resting: None,
        })
    }

    /// The one whose turn it is.
    pub(super) fn current(&self) -> &Client {
        &self.current
    }

    /// The turn of the other one, if there is one.
    pub(super) fn change(&mut self) {
        if let Some(resting) = &mut self.resting {
            std::mem::swap(&mut self.current, resting);
        }
    }

    /// Serves the reports of the one that rests.
    pub(super) fn serve_resting(&self) {
        self.resting.iter().for_each(serve);
    }
}
