//! The checkpoint: where to resume, as a record in a compacted topic that a person can read.

mod format;

use crate::error::KafkaError;
use crate::options::{Delivery, KafkaOptions};
use crate::publisher::Publisher;
use crate::reader::{Reader, reading};

pub use format::{
    Checkpoint, HistoryRange, HistoryThrough, InTransaction, InvalidCheckpoint, PreparedXa, PreparedXaRows,
};

/// Reads and sets the checkpoint of a source.
#[derive(Debug, Clone, Copy)]
pub struct CheckpointStore;

impl CheckpointStore {
    /// The newest committed checkpoint, as [`Reader::checkpoint`] reads it.
    ///
    /// # Errors
    /// As [`Reader::checkpoint`].
    pub fn read(options: &KafkaOptions) -> Result<Option<Checkpoint>, KafkaError> {
        Reader::open(options)?.checkpoint()
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

impl Reader<'_> {
    /// The newest committed checkpoint of the source, or nothing where there is none or it was deleted. Reads the
    /// checkpoint topic to its last stable offset, from as far before it as is needed.
    ///
    /// # Errors
    /// [`KafkaError::CheckpointCorrupt`] and [`KafkaError::CheckpointTooNew`] name the offset of the newest record;
    /// others if the topic cannot be read.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, KafkaError> {
        let options = self.options();
        let Some(partition) = self.partition(&options.checkpoint_topic)? else {
            return Err(KafkaError::Admin {
                action: reading(&options.checkpoint_topic),
                reason: "it does not exist".to_owned(),
                transient: false,
            });
        };
        let Some((offset, value)) = partition.newest(options.source_name.as_bytes())? else {
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
}
