//! Produces records and commits them together with the checkpoint.

mod history;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;
use rowtide_event::BinlogPosition;
use rowtide_event::encode::{KeyHeader, Origins, Record as ChangeRecord, RecordBatch, TopicIndex};

use crate::checkpoint::Checkpoint;
use crate::error::{KafkaError, LoggedChange, Scene, StepError};
use crate::options::{Delivery, KafkaOptions};
use crate::producer::{FailedDelivery, Fault, Producer, Record, TopicId};

use history::HistorySent;
pub use history::HistoryTicket;

/// The one writer of a source's changes. It blocks, and belongs on a thread of its own.
///
/// With [`Delivery::ExactlyOnce`] everything between [`begin`](Self::begin) and [`commit`](Self::commit) becomes visible
/// to read_committed consumers at once, or not at all. After an error whose
/// [`recovery`](KafkaError::recovery) is `Restart` the publisher is of no more use: drop it, connect a new one, read the
/// checkpoint and resume there.
pub struct Publisher {
    producer: Producer,
    options: KafkaOptions,
    transactional_id: String,
    /// The topics of tables, by their indexes in the run's list.
    tables: Vec<(TableTopic, TopicId)>,
    own: OwnTopics,
    begun: Option<Instant>,
    /// How many change records were sent since the transaction began: the next one's number.
    sent: usize,
    origins: Origins,
    history: HistorySent,
    /// The topic whose records came last, where they come table by table.
    gathering: Option<TopicId>,
}

/// A topic, and the table whose changes it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTopic {
    /// The topic's name.
    pub topic: Arc<str>,
    /// `database.table`.
    pub table: Arc<str>,
}

/// The topics that a source has for itself.
#[derive(Debug, Clone, Copy)]
struct OwnTopics {
    checkpoint: TopicId,
    history: TopicId,
    schema_changes: TopicId,
}

/// The number of a record that is no change of a table.
const NO_CHANGE: usize = usize::MAX;

impl Publisher {
    /// Connects, and fences any older instance of the same source: its open transaction is aborted and its next commit
    /// fails.
    ///
    /// # Errors
    /// [`KafkaError::Setting`], [`KafkaError::Unreachable`], [`KafkaError::Authentication`],
    /// [`KafkaError::NotAuthorized`].
    pub fn connect(options: &KafkaOptions) -> Result<Self, KafkaError> {
        let producer = match options.delivery {
            Delivery::ExactlyOnce => connect(options, Transactions::Yes)?,
            Delivery::AtLeastOnce => {
                fence(options)?;
                connect(options, Transactions::No)?
            }
        };
        Ok(Self::over(producer, options))
    }

    fn over(mut producer: Producer, options: &KafkaOptions) -> Self {
        let own = OwnTopics {
            checkpoint: producer.topic(&options.checkpoint_topic),
            history: producer.topic(&options.history_topic),
            schema_changes: producer.topic(&options.source_name),
        };
        Self {
            producer,
            transactional_id: options.transactional_id(),
            options: options.clone(),
            tables: Vec::new(),
            own,
            begun: None,
            sent: 0,
            origins: Origins::default(),
            history: HistorySent::default(),
            gathering: None,
        }
    }

    /// Opens a transaction; for at-least-once, where there is none, only checks what was delivered so far.
    ///
    /// # Errors
    /// If an earlier delivery failed, or this instance was fenced.
    pub fn begin(&mut self) -> Result<(), KafkaError> {
        self.poll()?;
        self.producer
            .begin()
            .map_err(|fault| self.error("begin", fault))?;
        self.begun = Some(Instant::now());
        self.sent = 0;
        self.gathering = None;
        self.origins.clear();
        Ok(())
    }

    /// Produces the records of `batch` that `range` names, in their order. Waits while too much is in memory.
    ///
    /// # Errors
    /// If a record is too large, its topic is not in `topics`, or any delivery since [`begin`](Self::begin) failed.
    pub fn send(
        &mut self,
        topics: &[TableTopic],
        batch: &RecordBatch,
        range: Range<usize>,
    ) -> Result<(), KafkaError> {
        let first = self.number(batch);
        self.send_range(topics, batch, first, range)?;
        self.poll()
    }

    /// Says which topics the next records go to, so that the coordinator hears of all of them at once.
    ///
    /// # Errors
    /// If one is not in `topics`, or not known to Kafka.
    pub fn expect(&mut self, topics: &[TableTopic], coming: &[TopicIndex]) -> Result<(), KafkaError> {
        for topic in coming {
            let topic = self.table(topics, *topic)?;
            let expected = self.producer.expect(topic);
            expected.map_err(|fault| self.error("send", fault))?;
        }
        Ok(())
    }

    /// Produces all records of `batch`, in which those of a table stand together, as they do in the batches before and behind
    /// it. What has gathered for a table is compressed as soon as another table's records come, and goes on its way if it is
    /// much.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_by_table(&mut self, topics: &[TableTopic], batch: &RecordBatch) -> Result<(), KafkaError> {
        let first = self.number(batch);
        let mut start = 0_usize;
        for records in batch.records.chunk_by(|one, next| one.topic == next.topic) {
            let Some(record) = records.first() else {
                continue;
            };
            let topic = self.table(topics, record.topic)?;
            if let Some(last) = self.gathering.replace(topic).filter(|last| *last != topic) {
                let settled = self.producer.settle(last);
                settled.map_err(|fault| self.error("send", fault))?;
            }
            let end = start.saturating_add(records.len());
            self.send_range(topics, batch, first, start..end)?;
            start = end;
        }
        Ok(())
    }

    /// The number of a batch's first record. All its records are made now.
    fn number(&mut self, batch: &RecordBatch) -> usize {
        self.producer.look_at_clock();
        let first = self.sent;
        self.origins.extend(first, &batch.origins);
        self.sent = first.saturating_add(batch.records.len());
        first
    }

    fn send_range(
        &mut self,
        topics: &[TableTopic],
        batch: &RecordBatch,
        first: usize,
        range: Range<usize>,
    ) -> Result<(), KafkaError> {
        for (index, record) in range.clone().zip(batch.records.get(range).unwrap_or_default()) {
            let topic = self.table(topics, record.topic)?;
            let number = first.saturating_add(index);
            let sent = self.send_change(topic, batch, record, number);
            sent.map_err(|fault| self.error("send", fault))?;
        }
        Ok(())
    }

    /// The topic of a record, by its index in the run's list.
    fn table(&mut self, topics: &[TableTopic], topic: TopicIndex) -> Result<TopicId, KafkaError> {
        let index = place(topic);
        let Some(wanted) = topics.get(index) else {
            return Err(KafkaError::TopicGone {
                topic: format!("#{}", topic.0),
                reason: "the list of topics has no such entry".to_owned(),
            });
        };
        if let Some((known, id)) = self.tables.get(index)
            && (Arc::ptr_eq(&known.topic, &wanted.topic) || known == wanted)
        {
            return Ok(*id);
        }
        self.tables.truncate(index);
        let (producer, known) = (&mut self.producer, self.tables.len());
        // All of them, so that one question to Kafka finds the partitions of all.
        let new = topics.get(known..).unwrap_or_default();
        self.tables.extend(
            new.iter()
                .map(|table| (table.clone(), producer.topic(&table.topic))),
        );
        Ok(self.producer.topic(&wanted.topic))
    }

    fn send_change(
        &mut self,
        topic: TopicId,
        batch: &RecordBatch,
        record: &ChangeRecord,
        number: usize,
    ) -> Result<(), Fault> {
        let other_key = record.header.as_ref().map(|header| match header {
            KeyHeader::NewKey(span) => ("__debezium.newkey", batch.slice(span)),
            KeyHeader::OldKey(span) => ("__debezium.oldkey", batch.slice(span)),
        });
        let context = self.options.context_headers.iter();
        let context = context.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let headers: Vec<_> = match other_key.is_none() && self.options.context_headers.is_empty() {
            true => Vec::new(),
            false => other_key.into_iter().chain(context).collect(),
        };
        let record = Record {
            key: record.key.as_ref().map(|span| batch.slice(span)),
            value: record.value.as_ref().map(|span| batch.slice(span)),
            headers: &headers,
        };
        self.producer.send(topic, None, record, number)
    }

    /// Produces a record of the schema-change topic, which has the name of the source, to partition 0.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_schema_change(&mut self, key: &[u8], value: &[u8]) -> Result<(), KafkaError> {
        let context = self.options.context_headers.iter();
        let headers: Vec<_> = context
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let record = Record {
            key: Some(key),
            value: Some(value),
            headers: &headers,
        };
        let sent = self
            .producer
            .send_alone(self.own.schema_changes, record, NO_CHANGE);
        sent.map_err(|fault| self.error("send", fault))
    }

    /// Commits everything since [`begin`](Self::begin) together with `checkpoint`; for at-least-once, waits until all of
    /// it is acknowledged, and then writes `checkpoint` and waits for that.
    ///
    /// # Errors
    /// [`KafkaError::Fenced`] if another instance took over; otherwise what failed first. The checkpoint is then not
    /// ahead of what is delivered.
    pub fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), KafkaError> {
        if self.options.delivery == Delivery::AtLeastOnce {
            self.flush()?;
        }
        self.send_checkpoint(checkpoint)?;
        self.producer
            .commit()
            .map_err(|fault| self.error("commit", fault))?;
        self.begun = None;
        self.forget_history();
        Ok(())
    }

    /// Gives up what was produced since [`begin`](Self::begin). For at-least-once, what is already on its way may
    /// arrive all the same.
    ///
    /// # Errors
    /// If the transaction cannot be aborted; a new publisher aborts it as well.
    pub fn abort(&mut self) -> Result<(), KafkaError> {
        if self.begun.is_some() {
            self.producer
                .abort()
                .map_err(|fault| self.error("abort", fault))?;
            self.begun = None;
        }
        self.forget_history();
        Ok(())
    }

    /// Sends what waits and takes what brokers have answered, without waiting: call it now and then while nothing is sent.
    ///
    /// # Errors
    /// If a delivery failed.
    pub fn poll(&mut self) -> Result<(), KafkaError> {
        self.producer.poll().map_err(|fault| self.error("send", fault))
    }

    fn flush(&mut self) -> Result<(), KafkaError> {
        self.producer.flush().map_err(|fault| self.error("send", fault))
    }

    fn send_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), KafkaError> {
        let value = checkpoint.to_json();
        let record = Record {
            key: Some(self.options.source_name.as_bytes()),
            value: Some(value.as_bytes()),
            headers: &[],
        };
        let sent = self.producer.send_alone(self.own.checkpoint, record, NO_CHANGE);
        sent.map_err(|fault| self.error("send", fault))
    }

    /// What a fault of the producer means at this step.
    fn error(&self, step: &'static str, fault: Fault) -> KafkaError {
        match fault {
            Fault::Delivery(failed) => self.delivery_error(&failed),
            Fault::Step(error) => self.step_error(step, error),
            other => connect_error(&self.options, other),
        }
    }

    /// A coordinator that aborted a transaction for its age answers as if another instance had taken over.
    fn step_error(&self, step: &'static str, error: StepError) -> KafkaError {
        match self.scene().transaction(step, error) {
            KafkaError::Fenced { .. } if self.outlived() => KafkaError::Transaction {
                step,
                reason: format!(
                    "it was open for longer than transaction.timeout.ms ({} ms), and Kafka has aborted it",
                    self.transaction_timeout().as_millis()
                ),
                outcome_unknown: false,
            },
            error => error,
        }
    }

    fn outlived(&self) -> bool {
        self.begun
            .is_some_and(|begun| begun.elapsed() >= self.transaction_timeout())
    }

    fn transaction_timeout(&self) -> Duration {
        let given = self
            .options
            .effective("transaction.timeout.ms")
            .and_then(|ms| ms.parse().ok());
        given.map_or(self.options.timeouts.transaction, Duration::from_millis)
    }

    fn delivery_error(&self, failed: &FailedDelivery) -> KafkaError {
        match failed.code {
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::QueueFull => {
                KafkaError::MessageTooLarge {
                    topic: failed.topic.clone(),
                    bytes: failed.bytes,
                    origin: self.origin(failed),
                    limit: self.size_limits(&failed.topic),
                }
            }
            Code::InvalidRecord => KafkaError::RecordRefused {
                topic: failed.topic.clone(),
                origin: self.origin(failed),
            },
            code => match self.scene().delivery(&failed.topic, code) {
                KafkaError::Fenced { .. } if self.outlived() => KafkaError::Undelivered {
                    topic: failed.topic.clone(),
                    reason: code.to_string(),
                },
                error => error,
            },
        }
    }

    fn origin(&self, failed: &FailedDelivery) -> Option<LoggedChange> {
        let number = Some(failed.number).filter(|number| *number < self.sent)?;
        let origin = self.origins.of(number)?;
        let (table, _) = self.tables.get(place(origin.topic))?;
        Some(LoggedChange {
            table: table.table.to_string(),
            position: BinlogPosition::new(&*origin.file, origin.pos),
        })
    }

    fn size_limits(&self, topic: &str) -> String {
        let own = self.options.effective("message.max.bytes").unwrap_or_default();
        let queue = self
            .options
            .effective("queue.buffering.max.kbytes")
            .unwrap_or_default();
        format!(
            "Rowtide takes message.max.bytes={own} and queue.buffering.max.kbytes={queue} (--kafka-config), and the topic \
             takes its own max.message.bytes after compression (`kafka-configs.sh --alter --entity-type topics \
             --entity-name {topic} --add-config max.message.bytes=N`). Raise the one that is too small"
        )
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            brokers: &self.options.brokers,
            transactional_id: &self.transactional_id,
        }
    }
}

fn place(topic: TopicIndex) -> usize {
    usize::try_from(topic.0).unwrap_or(usize::MAX)
}

/// Whether a producer has transactional ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transactions {
    Yes,
    No,
}

fn connect(options: &KafkaOptions, transactions: Transactions) -> Result<Producer, KafkaError> {
    let settings = options.producer_settings()?;
    let (first, second) = options.transactional_ids();
    let ids = [first.as_str(), second.as_str()];
    let ids: &[&str] = match transactions {
        Transactions::Yes => &ids,
        Transactions::No => &[],
    };
    Producer::connect(settings, ids).map_err(|fault| connect_error(options, fault))
}

/// Aborts what an exactly-once instance of this source left open, and fences it if it still runs. A principal that may
/// not use transactions cannot have left one.
fn fence(options: &KafkaOptions) -> Result<(), KafkaError> {
    match connect(options, Transactions::Yes) {
        Ok(_) | Err(KafkaError::NotAuthorized { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What a fault means before there is anything to deliver.
pub(crate) fn connect_error(options: &KafkaOptions, fault: Fault) -> KafkaError {
    let transactional_id = options.transactional_id();
    let scene = Scene {
        brokers: &options.brokers,
        transactional_id: &transactional_id,
    };
    match fault {
        Fault::Refused { code, reason } => scene.admin_code("connecting".to_owned(), code, reason),
        Fault::Unreachable { reason, after } => KafkaError::Unreachable {
            brokers: options.brokers.clone(),
            after,
            reason,
        },
        Fault::Delivery(failed) => scene.delivery(&failed.topic, failed.code),
        Fault::Step(error) => scene.transaction("begin", error),
    }
}
