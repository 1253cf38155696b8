//! Reads a topic of one partition up to its end.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::delivery::DeliveryContext;
use crate::error::{KafkaError, Scene};
use crate::options::KafkaOptions;

/// A reader of the committed records of partition 0 of a topic.
pub(crate) struct Reader<'a> {
    consumer: BaseConsumer<DeliveryContext>,
    options: &'a KafkaOptions,
    topic: &'a str,
}

/// A record's offset, and its value unless it is a tombstone.
type Found = (i64, Option<Vec<u8>>);

impl<'a> Reader<'a> {
    /// Makes a client; it connects when it is used.
    pub(crate) fn open(options: &'a KafkaOptions, topic: &'a str) -> Result<Self, KafkaError> {
        let consumer: BaseConsumer<DeliveryContext> = options
            .reader_config()?
            .create_with_context(DeliveryContext::default())
            .map_err(|e| KafkaError::Client(e.to_string()))?;
        Ok(Self {
            consumer,
            options,
            topic,
        })
    }

    /// The offset and the value of the newest record with `key`, unless that is a tombstone.
    ///
    /// Compaction leaves the newest part of a topic alone, which may hold millions of records of the same key: so it
    /// is read from its end backwards, in steps.
    pub(crate) fn newest(&self, key: &[u8]) -> Result<Option<(i64, Vec<u8>)>, KafkaError> {
        let (low, end) = self.bounds()?;
        let mut back = FIRST_STEP;
        loop {
            let start = end.saturating_sub(back).max(low);
            if let Some((offset, value)) = self.newest_from(start, key)? {
                return Ok(value.map(|value| (offset, value)));
            }
            if start == low {
                return Ok(None);
            }
            back = back.saturating_mul(STEP_FACTOR);
        }
    }

    /// The offsets of the first record and behind the last that is stable.
    ///
    /// Asking for them also tells librdkafka where the partition's leader is. When it is to read a partition whose
    /// leader it does not know, it looks again after half a second.
    fn bounds(&self) -> Result<(i64, i64), KafkaError> {
        let start = Instant::now();
        loop {
            match self.consumer.fetch_watermarks(self.topic, 0, SLICE) {
                Ok(bounds) => return Ok(bounds),
                Err(error) => self.check(&error)?,
            }
            self.serve()?;
            if start.elapsed() > self.options.timeouts.connect {
                return Err(self.silence());
            }
        }
    }

    /// Takes note of what librdkafka has to report.
    fn serve(&self) -> Result<(), KafkaError> {
        match self.consumer.poll(REPORTS) {
            Some(Err(error)) => self.check(&error),
            _ => Ok(()),
        }
    }

    fn newest_from(&self, start: i64, key: &[u8]) -> Result<Option<Found>, KafkaError> {
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(self.topic, 0, Offset::Offset(start))
            .and_then(|()| self.consumer.assign(&place))
            .map_err(|e| KafkaError::Client(e.to_string()))?;
        let mut newest = None;
        let mut heard = Instant::now();
        // librdkafka says that a partition is at its end when it has reached the last stable offset, also where only
        // transaction markers or aborted records came before it.
        loop {
            match self.consumer.poll(SLICE) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if message.key() == Some(key) {
                        newest = Some((message.offset(), message.payload().map(<[u8]>::to_vec)));
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
        let action = format!("reading the topic {}", self.topic);
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
                action: format!("reading the topic {}", self.topic),
                after,
            },
        }
    }
}

impl Drop for Reader<'_> {
    /// rdkafka closes a consumer as well, but looks only every 100 ms whether it is closed.
    fn drop(&mut self) {
        let start = Instant::now();
        if self.consumer.close_queue().is_ok() {
            while !self.consumer.closed() && start.elapsed() < SLICE {
                self.consumer.poll(CLOSING_LOOK);
            }
        }
    }
}

/// Records before the end that are read first; each commit leaves a record and a marker.
const FIRST_STEP: i64 = 1_000;
/// How many times farther back the next step goes.
const STEP_FACTOR: i64 = 100;
/// How long one question, or one look for a record, takes at most.
const SLICE: Duration = Duration::from_millis(500);
/// How long reports of errors are listened to after a question had no answer.
const REPORTS: Duration = Duration::from_millis(10);
/// How often to look whether the consumer is closed.
const CLOSING_LOOK: Duration = Duration::from_millis(1);
