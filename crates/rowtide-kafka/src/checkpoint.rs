//! The checkpoint: where to resume, as a record in a compacted topic that a person can read.

mod format;

use crate::error::KafkaError;
use crate::options::{Delivery, KafkaOptions};
use crate::publisher::Publisher;
use crate::reader::Reader;

pub use format::{Checkpoint, InTransaction, InvalidCheckpoint, PreparedXa, PreparedXaRows};

/// Reads and sets the checkpoint of a source.
#[derive(Debug, Clone, Copy)]
pub struct CheckpointStore;

impl CheckpointStore {
    /// The newest committed checkpoint of `options.source_name`, or nothing where there is none or it was deleted.
    ///
    /// Reads the one partition to its last stable offset, from as far before it as is needed. Make a [`Publisher`]
    /// before: that aborts the transaction that a dead instance left open, behind which a committed checkpoint would
    /// not be seen.
    ///
    /// # Errors
    /// [`KafkaError::CheckpointCorrupt`] and [`KafkaError::CheckpointTooNew`] name the offset of the newest record;
    /// others if the topic cannot be read.
    pub fn read(options: &KafkaOptions) -> Result<Option<Checkpoint>, KafkaError> {
        let reader = Reader::open(options, &options.checkpoint_topic)?;
        let Some((offset, value)) = reader.newest(options.source_name.as_bytes())? else {
            return Ok(None);
        };
        let topic = || options.checkpoint_topic.clone();
        match Checkpoint::from_json(&value) {
            Ok(checkpoint) if checkpoint.source == options.source_name => Ok(Some(checkpoint)),
            Ok(_) => Err(KafkaError::CheckpointCorrupt {
                topic: topic(),
                offset,
                reason: "its key and its field `source` name different sources".to_owned(),
            }),
            Err(InvalidCheckpoint::Malformed(reason)) => Err(KafkaError::CheckpointCorrupt {
                topic: topic(),
                offset,
                reason,
            }),
            Err(InvalidCheckpoint::TooNew(found)) => Err(KafkaError::CheckpointTooNew {
                topic: topic(),
                offset,
                found,
                known: Checkpoint::FORMAT_VERSION,
            }),
        }
    }

    /// Sets the checkpoint in a transaction of its own. An instance of this source that runs is fenced by it and stops.
    ///
    /// # Errors
    /// If the broker cannot be reached or does not take it.
    pub fn write(options: &KafkaOptions, checkpoint: &Checkpoint) -> Result<(), KafkaError> {
        let options = KafkaOptions {
            delivery: Delivery::ExactlyOnce,
            ..options.clone()
        };
        let mut publisher = Publisher::connect(&options)?;
        publisher.begin()?;
        publisher.commit(checkpoint)
    }
}
