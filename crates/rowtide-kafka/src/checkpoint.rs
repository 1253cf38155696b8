//! The checkpoint: where to resume, as a record in a compacted topic that a person can read.

mod format;

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::delivery::DeliveryContext;
use crate::error::{KafkaError, Scene};
use crate::options::{Delivery, KafkaOptions};
use crate::publisher::Publisher;

pub use format::{Checkpoint, InTransaction, InvalidCheckpoint, PreparedXa, PreparedXaRows};

/// Reads and sets the checkpoint of a source.
#[derive(Debug, Clone, Copy)]
pub struct CheckpointStore;

impl CheckpointStore {
    /// The newest committed checkpoint of `options.source_name`, or nothing where there is none or it was deleted.
    ///
    /// Reads the one partition to its last stable offset. Make a [`Publisher`] before: that aborts the transaction that
    /// a dead instance left open, behind which a committed checkpoint would not be seen.
    ///
    /// # Errors
    /// [`KafkaError::CheckpointCorrupt`] and [`KafkaError::CheckpointTooNew`] name the offset of the newest record;
    /// others if the topic cannot be read.
    pub fn read(options: &KafkaOptions) -> Result<Option<Checkpoint>, KafkaError> {
        let found = Reader::open(options)?.newest(options.source_name.as_bytes())?;
        let Some((offset, value)) = found else {
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

/// A consumer of the checkpoint topic's one partition.
struct Reader<'a> {
    consumer: BaseConsumer<DeliveryContext>,
    options: &'a KafkaOptions,
}

impl<'a> Reader<'a> {
    fn open(options: &'a KafkaOptions) -> Result<Self, KafkaError> {
        let consumer: BaseConsumer<DeliveryContext> = options
            .reader_config()?
            .create_with_context(DeliveryContext::default())
            .map_err(|e| KafkaError::Client(e.to_string()))?;
        let mut start = TopicPartitionList::new();
        start
            .add_partition_offset(&options.checkpoint_topic, 0, Offset::Beginning)
            .and_then(|()| consumer.assign(&start))
            .map_err(|e| KafkaError::Client(e.to_string()))?;
        Ok(Self { consumer, options })
    }

    /// The offset and the value of the newest record with `key`, unless that is a tombstone.
    fn newest(&self, key: &[u8]) -> Result<Option<(i64, Vec<u8>)>, KafkaError> {
        let mut newest = None;
        let mut heard = Instant::now();
        // librdkafka says that a partition is at its end when it has reached the last stable offset, also where only
        // transaction markers or aborted records came before it.
        loop {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if message.key() == Some(key) {
                        newest = message.payload().map(|value| (message.offset(), value.to_vec()));
                    }
                }
                Some(Err(ClientError::PartitionEOF(_))) => return Ok(newest),
                Some(Err(e)) => self.check(&e)?,
                None => {}
            }
            if heard.elapsed() > self.options.timeouts.connect {
                return Err(self.silence());
            }
        }
    }

    /// Passes over what librdkafka mends by itself.
    fn check(&self, error: &ClientError) -> Result<(), KafkaError> {
        let id = self.options.transactional_id();
        let scene = Scene {
            brokers: &self.options.brokers,
            transactional_id: &id,
        };
        let action = format!("reading the topic {}", self.options.checkpoint_topic);
        match scene.admin(action, error) {
            KafkaError::Admin { transient: true, .. } => Ok(()),
            lasting => Err(lasting),
        }
    }

    fn silence(&self) -> KafkaError {
        let after = self.options.timeouts.connect;
        match self.consumer.context().last_error() {
            Some(reason) => KafkaError::Unreachable {
                brokers: self.options.brokers.clone(),
                after,
                reason,
            },
            None => KafkaError::Timeout {
                action: format!("reading the topic {}", self.options.checkpoint_topic),
                after,
            },
        }
    }
}

/// How long one look for a record takes at most.
const POLL: Duration = Duration::from_millis(100);
