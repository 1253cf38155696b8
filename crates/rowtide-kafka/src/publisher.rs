//! Produces records and commits them together with the checkpoint.

mod drain;
mod history;
mod instance;
mod turns;

use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};
use rowtide_event::encode::{KeyHeader, Origin, Origins, Record, RecordBatch};

use crate::checkpoint::Checkpoint;
use crate::commit::commit;
use crate::delivery::FailedDelivery;
use crate::error::{KafkaError, Scene, StepError};
use crate::options::{Delivery, KafkaOptions};

use drain::LAST_BATCHES;
use history::HistorySent;
pub use history::HistoryTicket;
use instance::{Client, Instance, is_retriable, serve};
use turns::Turns;

/// The one writer of a source's changes. It blocks, and belongs on a thread of its own.
///
/// With [`Delivery::ExactlyOnce`] everything between [`begin`](Self::begin) and [`commit`](Self::commit) becomes visible
/// to read_committed consumers at once, or not at all. After an error whose
/// [`recovery`](KafkaError::recovery) is `Restart` the publisher is of no more use: drop it, connect a new one, read the
/// checkpoint and resume there.
pub struct Publisher {
    turns: Turns,
    options: KafkaOptions,
    transactional_id: String,
    context_headers: Option<OwnedHeaders>,
    begun: Option<Instant>,
    /// How many change records were sent since the transaction began: the next one's number.
    sent: usize,
    origins: Origins,
    history: HistorySent,
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
        let turns = match options.delivery {
            Delivery::ExactlyOnce => Turns::connect(options)?,
            Delivery::AtLeastOnce => {
                fence(options)?;
                Turns::alone(options)?
            }
        };
        Ok(Self {
            turns,
            transactional_id: options.transactional_id(),
            options: options.clone(),
            context_headers: context_headers(&options.context_headers),
            begun: None,
            sent: 0,
            origins: Origins::default(),
            history: HistorySent::default(),
        })
    }

    /// Connects, and leaves again: tells an unreachable broker from a refused login, with the reason.
    pub(crate) fn probe(options: &KafkaOptions) -> Result<(), KafkaError> {
        Instance::connect(options, None).map(drop)
    }

    /// Opens a transaction; for at-least-once, where there is none, only checks what was delivered so far.
    ///
    /// # Errors
    /// If an earlier delivery failed, or this instance was fenced.
    pub fn begin(&mut self) -> Result<(), KafkaError> {
        self.poll()?;
        if self.options.delivery == Delivery::ExactlyOnce {
            self.producer()
                .begin_transaction()
                .map_err(|e| self.step_error("begin", &e))?;
        }
        self.begun = Some(Instant::now());
        self.sent = 0;
        self.origins.clear();
        Ok(())
    }

    /// Produces the records of `batch` that `range` names, in their order. Waits while librdkafka's queue is full.
    ///
    /// # Errors
    /// If a record is too large, its topic is not in `topics`, or any delivery since [`begin`](Self::begin) failed.
    pub fn send(
        &mut self,
        topics: &[String],
        batch: &RecordBatch,
        range: Range<usize>,
    ) -> Result<(), KafkaError> {
        self.await_room(batch, topics.len())?;
        let first = self.sent;
        self.origins.extend(first, &batch.origins);
        self.sent = first.saturating_add(batch.records.len());
        for (index, record) in range.clone().zip(batch.records.get(range).unwrap_or_default()) {
            let Some(topic) = usize::try_from(record.topic.0).ok().and_then(|i| topics.get(i)) else {
                return Err(KafkaError::TopicGone {
                    topic: format!("#{}", record.topic.0),
                    reason: "the list of topics has no such entry".to_owned(),
                });
            };
            self.produce(BaseRecord {
                topic,
                partition: None,
                payload: record.value.as_ref().map(|span| batch.slice(span)),
                key: record.key.as_ref().map(|span| batch.slice(span)),
                timestamp: None,
                headers: self.headers(batch, record),
                delivery_opaque: first.saturating_add(index),
            })?;
        }
        self.poll()
    }

    /// Produces a record of the schema-change topic, which has the name of the source, to partition 0.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_schema_change(&mut self, key: &[u8], value: &[u8]) -> Result<(), KafkaError> {
        let topic = self.options.source_name.clone();
        self.produce(BaseRecord {
            headers: self.context_headers.clone(),
            ..BaseRecord::with_opaque_to(&topic, NO_CHANGE)
                .partition(0)
                .key(key)
                .payload(value)
        })
    }

    /// Commits everything since [`begin`](Self::begin) together with `checkpoint`; for at-least-once, waits until all of
    /// it is acknowledged, and then writes `checkpoint` and waits for that.
    ///
    /// # Errors
    /// [`KafkaError::Fenced`] if another instance took over; otherwise what failed first. The checkpoint is then not
    /// ahead of what is delivered.
    pub fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), KafkaError> {
        match self.options.delivery {
            Delivery::ExactlyOnce => {
                self.send_checkpoint(checkpoint)?;
                self.drain_to(LAST_BATCHES)?;
                self.commit_transaction()?;
                self.change_turns();
            }
            Delivery::AtLeastOnce => {
                self.flush()?;
                self.send_checkpoint(checkpoint)?;
                self.flush()?;
            }
        }
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
        if self.begun.take().is_some() && self.options.delivery == Delivery::ExactlyOnce {
            let start = Instant::now();
            // librdkafka waits until the reports of the records given up are served, which is done between two tries.
            while let Err(error) = self.producer().abort_transaction(ABORT_SLICE) {
                self.serve();
                if !is_retriable(&error) || start.elapsed() >= self.options.timeouts.transaction {
                    return Err(self.step_error("abort", &error));
                }
            }
            self.serve();
            self.producer().context().forget_failures();
            self.change_turns();
        }
        self.forget_history();
        Ok(())
    }

    /// Serves librdkafka's reports without waiting: call it now and then while nothing is sent.
    ///
    /// # Errors
    /// If a delivery failed.
    pub fn poll(&mut self) -> Result<(), KafkaError> {
        self.serve();
        match self.producer().context().failed() {
            Some(failed) => Err(self.delivery_error(&failed)),
            None => Ok(()),
        }
    }

    fn send_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), KafkaError> {
        let value = checkpoint.to_json();
        let topic = self.options.checkpoint_topic.clone();
        let key = self.options.source_name.clone();
        self.produce(
            BaseRecord::with_opaque_to(&topic, NO_CHANGE)
                .partition(0)
                .key(key.as_bytes())
                .payload(value.as_bytes()),
        )
    }

    /// Hands one record to librdkafka, waiting while its queue is full.
    fn produce(&mut self, mut record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), KafkaError> {
        loop {
            match self.producer().send(record) {
                Ok(()) => return Ok(()),
                Err((ClientError::MessageProduction(Code::QueueFull), returned))
                    if self.producer().in_flight_count() > 0 =>
                {
                    record = returned;
                    self.poll()?;
                    std::thread::sleep(FULL_QUEUE_WAIT);
                }
                Err((error, returned)) => {
                    let failed = FailedDelivery {
                        topic: returned.topic.to_owned(),
                        code: error.rdkafka_error_code().unwrap_or(Code::Fail),
                        bytes: returned
                            .key
                            .map_or(0, <[u8]>::len)
                            .saturating_add(returned.payload.map_or(0, <[u8]>::len)),
                        number: returned.delivery_opaque,
                    };
                    return Err(self.delivery_error(&failed));
                }
            }
        }
    }

    fn headers(&self, batch: &RecordBatch, record: &Record) -> Option<OwnedHeaders> {
        let (name, span) = match &record.header {
            None => return self.context_headers.clone(),
            Some(KeyHeader::NewKey(span)) => ("__debezium.newkey", span),
            Some(KeyHeader::OldKey(span)) => ("__debezium.oldkey", span),
        };
        let first = OwnedHeaders::new().insert(Header {
            key: name,
            value: Some(batch.slice(span)),
        });
        Some(with_context(first, &self.options.context_headers))
    }

    /// The error in which the transaction is stuck, if it is: librdkafka then holds its records until they time out.
    fn transaction_state(&self) -> Result<(), KafkaError> {
        if self.options.delivery == Delivery::AtLeastOnce || self.begun.is_none() {
            return Ok(());
        }
        // Beginning twice is always refused, and the refusal says what is wrong, if something is.
        match self.producer().begin_transaction() {
            Err(error) if error.rdkafka_error_code() != Some(Code::State) => {
                Err(self.step_error("commit", &error))
            }
            _ => Ok(()),
        }
    }

    /// A delivery that failed makes the commit fail, and says more about it.
    fn commit_transaction(&mut self) -> Result<(), KafkaError> {
        let start = Instant::now();
        while let Err(error) = commit(self.producer().client(), COMMIT_SLICE) {
            if !error.is_retriable || start.elapsed() >= self.options.timeouts.transaction {
                self.poll()?;
                return Err(self.step_error("commit", error.error));
            }
            self.serve();
        }
        Ok(())
    }

    /// After a transaction with history records the same producer goes on: its next transaction begins when the
    /// markers are written, and then the history ends where the broker says ([`Self::settle_history`]).
    fn change_turns(&mut self) {
        if !self.history.is_in_transaction() {
            self.turns.change();
        }
    }

    fn serve(&self) {
        serve(self.producer());
        if self.begun.is_none() {
            self.turns.serve_resting();
        }
    }

    /// The one whose turn it is.
    fn producer(&self) -> &Client {
        self.turns.current()
    }

    /// A coordinator that aborted a transaction for its age answers as if another instance had taken over.
    fn step_error(&self, step: &'static str, error: impl Into<StepError>) -> KafkaError {
        match self.scene().transaction(step, error.into()) {
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
            // Only what follows from the error of the transaction, which says more.
            Code::PurgeQueue | Code::PurgeInflight | Code::Fatal | Code::State => {
                match self.transaction_state() {
                    Err(cause) => cause,
                    Ok(()) => self.scene().delivery(&failed.topic, failed.code),
                }
            }
            code => match self.scene().delivery(&failed.topic, code) {
                KafkaError::Fenced { .. } if self.outlived() => KafkaError::Undelivered {
                    topic: failed.topic.clone(),
                    reason: code.to_string(),
                },
                error => error,
            },
        }
    }

    fn origin(&self, failed: &FailedDelivery) -> Option<Origin> {
        let number = Some(failed.number).filter(|number| *number < self.sent)?;
        self.origins.of(number).cloned()
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

/// Aborts what an exactly-once instance of this source left open, and fences it if it still runs. A principal that may
/// not use transactions cannot have left one.
fn fence(options: &KafkaOptions) -> Result<(), KafkaError> {
    match Turns::connect(options) {
        Ok(_) | Err(KafkaError::NotAuthorized { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn context_headers(all: &[(String, String)]) -> Option<OwnedHeaders> {
    (!all.is_empty()).then(|| with_context(OwnedHeaders::new_with_capacity(all.len()), all))
}

fn with_context(start: OwnedHeaders, all: &[(String, String)]) -> OwnedHeaders {
    all.iter().fold(start, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value),
        })
    })
}

/// How long one try to commit and to abort lasts; librdkafka resumes where it was.
const COMMIT_SLICE: Duration = Duration::from_millis(100);
const ABORT_SLICE: Duration = Duration::from_millis(20);
/// How long to wait for room in librdkafka's queue before looking again.
const FULL_QUEUE_WAIT: Duration = Duration::from_micros(500);
