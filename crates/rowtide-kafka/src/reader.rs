//! Reads Rowtide's own topics, of one partition each, up to their ends.

mod context;

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{KafkaError, Scene};
use crate::options::KafkaOptions;

use context::ReaderContext;

/// A consumer of the checkpoint and the schema-history topic, one after the other, which connects once. Blocks.
///
/// It sees committed records only. Make a [`Publisher`](crate::Publisher) before: that aborts the transaction that a dead
/// instance left open, behind which a committed record would not be seen.
///
/// [`checkpoint`](Self::checkpoint), [`history_range`](Self::history_range) and [`history`](Self::history) read.
pub struct Reader<'a> {
    consumer: BaseConsumer<ReaderContext>,
    options: &'a KafkaOptions,
}

impl<'a> Reader<'a> {
    /// Makes a client of the topics that `options` names; it connects when it is used.
    ///
    /// # Errors
    /// [`KafkaError::Setting`], [`KafkaError::Client`].
    pub fn open(options: &'a KafkaOptions) -> Result<Self, KafkaError> {
        let consumer = options
            .reader_config()?
            .create_with_context(ReaderContext::default())
            .map_err(|e| KafkaError::Client(e.to_string()))?;
        Ok(Self { consumer, options })
    }

    /// What is set of the way to Kafka.
    pub fn options(&self) -> &'a KafkaOptions {
        self.options
    }

    /// Partition 0 of `topic`; none if it does not exist.
    pub(crate) fn partition<'r>(&'r self, topic: &'r str) -> Result<Option<Partition<'r>>, KafkaError> {
        let mut partition = Partition {
            consumer: &self.consumer,
            options: self.options,
            topic,
            low: 0,
            end: 0,
        };
        Ok(partition.look()?.then_some(partition))
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

/// The partition that a [`Reader`] reads; it reads one at a time.
pub(crate) struct Partition<'r> {
    consumer: &'r BaseConsumer<ReaderContext>,
    options: &'r KafkaOptions,
    topic: &'r str,
    low: i64,
    end: i64,
}

/// A record's offset, and its value unless it is a tombstone.
type Found = (i64, Option<Vec<u8>>);

impl<'r> Partition<'r> {
    /// The offset of the first record that was not deleted, when it was last looked at.
    pub(crate) fn low(&self) -> i64 {
        self.low
    }

    /// The offset behind the last stable record, when it was last looked at.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Looks where the partition begins and ends, and says whether it exists.
    ///
    /// Asking for that also tells librdkafka where the partition's leader is. When it is to read a partition whose
    /// leader it does not know, it looks again after half a second.
    pub(crate) fn look(&mut self) -> Result<bool, KafkaError> {
        let start = Instant::now();
        loop {
            match self.consumer.fetch_watermarks(self.topic, 0, SLICE) {
                Ok((low, end)) => {
                    (self.low, self.end) = (low, end);
                    return Ok(true);
                }
                Err(error) if is_missing(&error) => return Ok(false),
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

    /// The offset and the value of the newest record with `key`, unless that is a tombstone.
    ///
    /// Compaction leaves the newest part of a topic alone, which may hold millions of records of the same key: so it
    /// is read from its end backwards, in steps.
    pub(crate) fn newest(&self, key: &[u8]) -> Result<Option<(i64, Vec<u8>)>, KafkaError> {
        let mut back = FIRST_STEP;
        loop {
            let start = self.end.saturating_sub(back).max(self.low);
            if let Some((offset, value)) = self.newest_from(start, key)? {
                return Ok(value.map(|value| (offset, value)));
            }
            if start == self.low {
                return Ok(None);
            }
            back = back.saturating_mul(STEP_FACTOR);
        }
    }

    fn newest_from(&self, start: i64, key: &[u8]) -> Result<Option<Found>, KafkaError> {
        self.start_at(start)?;
        let mut newest = None;
        while let Some(message) = self.next()? {
            if message.key() == Some(key) {
                newest = Some((message.offset(), message.payload().map(<[u8]>::to_vec)));
            }
        }
        Ok(newest)
    }

    /// Lets [`next`](Self::next) begin at an offset.
    pub(crate) fn start_at(&self, offset: i64) -> Result<(), KafkaError> {
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(self.topic, 0, Offset::Offset(offset))
            .and_then(|()| self.consumer.assign(&place))
            .map_err(|e| KafkaError::Client(e.to_string()))
    }

    /// The next record, or nothing at the last stable offset.
    pub(crate) fn next(&self) -> Result<Option<BorrowedMessage<'r>>, KafkaError> {
        let start = Instant::now();
        // librdkafka says that a partition is at its end when it has reached the last stable offset, also where only
        // transaction markers or aborted records came before it.
        loop {
            match self.consumer.poll(SLICE) {
                Some(Ok(message)) => return Ok(Some(message)),
                Some(Err(ClientError::PartitionEOF(_))) => return Ok(None),
                Some(Err(e)) => self.check(&e)?,
                None => {}
            }
            if start.elapsed() > self.options.timeouts.connect {
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
        match scene.admin(reading(self.topic), error) {
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
                action: reading(self.topic),
                after,
            },
        }
    }
}

/// What is done, for an error's text.
pub(crate) fn reading(topic: &str) -> String {
    format!("reading the topic {topic}")
}

fn is_missing(error: &ClientError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)
    )
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
