//! A transactional, idempotent producer that speaks Kafka's protocol on the thread of its caller.
//!
//! Records gather in a batch for each partition ([`batch`]), which is compressed and sent when it is full, when a commit
//! comes, or, the oldest first, when memory runs out; a request has batches for many partitions. What fails for a moment is
//! sent again in its order ([`partition`]), which the broker can tell from something new. Sockets do not block
//! ([`connection`], [`network`]); only here it is decided when to wait for them. Why there is a producer of our own:
//! docs/decisions/0017-a-producer-of-our-own.md.

mod batch;
mod compression;
mod connection;
mod control;
mod delivery;
mod fault;
mod instance;
mod leaders;
mod listing;
mod network;
mod partition;
mod partitioner;
mod settings;
mod socket;
mod spare;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::error::RDKafkaErrorCode as Code;

pub(crate) use batch::Record;
use compression::Compressor;
use control::Answer;
use delivery::Sent;
pub(crate) use fault::{FailedDelivery, Fault};
use instance::Instance;
use leaders::Topic;
pub(crate) use listing::Wanted;
use network::{Event, Lost, Network};
use partition::Partition;
pub(crate) use settings::Settings;
use spare::Spare;

/// A topic that the producer writes to, by its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicId(usize);

/// Produces records, in transactions or without. It blocks where it must wait, and does nothing between two calls.
pub(crate) struct Producer {
    settings: Settings,
    network: Network,
    /// With transactional ids: they take turns, since a coordinator writes the markers of a commit after it has answered,
    /// and refuses the next transaction of the same id until then.
    instances: Vec<Instance>,
    turn: usize,
    topics: Vec<Topic>,
    by_name: HashMap<String, usize>,
    partitions: Vec<Partition>,
    leaders_asked: Instant,
    leaders_are_stale: bool,
    /// The question for them that is under way.
    leaders_request: Option<u64>,
    /// Partitions with an open batch, the oldest first, and since when there are any.
    filling: VecDeque<usize>,
    filling_since: Option<Instant>,
    /// Bytes of batches that were closed one by one since something was last sent.
    settled_bytes: usize,
    /// Whose turn it is among them to be compressed while they gather.
    next_to_pack: usize,
    /// Partitions with batches that wait to be sent.
    sending: VecDeque<usize>,
    /// Something has changed since the last look at what can be sent.
    may_send: bool,
    /// Partitions that the transaction writes to.
    in_transaction: Vec<usize>,
    /// Requests with batches under way.
    under_way: HashMap<u64, Vec<Sent>>,
    /// Requests of other kinds, and their answers when they come.
    answers: HashMap<u64, Option<Answer>>,
    held: Held,
    compressor: Compressor,
    /// Buffers that are free.
    spare: Spare,
    events: Vec<Event>,
    /// When the records that are sent were made (Unix time).
    now_ms: i64,
    failed: Option<Fault>,
    /// What was last heard of a connection that ended.
    last_error: Option<String>,
}

/// What is in memory.
#[derive(Debug, Default)]
struct Held {
    /// Bytes of records in open batches that are not compressed.
    open_bytes: usize,
    /// Bytes of what is compressed in open batches.
    packed_bytes: usize,
    /// Bytes of batches that are not acknowledged.
    sealed_bytes: usize,
    /// Records of both.
    records: usize,
    /// Records that are not acknowledged and in closed batches.
    sealed_records: usize,
}

impl Producer {
    /// Connects, and gets an id for each of `transactional_ids`, which fences the older producers with it: their open
    /// transactions are aborted. Without any, one producer without transactions.
    ///
    /// # Errors
    /// If no broker answers in time, or one refuses.
    pub(crate) fn connect(settings: Settings, transactional_ids: &[&str]) -> Result<Self, Fault> {
        let mut producer = Self::unconnected(settings)?;
        producer.instances = match transactional_ids {
            [] => vec![Instance::new(None)],
            ids => ids
                .iter()
                .map(|id| Instance::new(Some((*id).to_owned())))
                .collect(),
        };
        let limit = producer.settings.connect_timeout;
        producer.meet(limit)?;
        for turn in 0..producer.instances.len() {
            producer.turn = turn;
            producer.introduce(limit)?;
        }
        producer.turn = 0;
        Ok(producer)
    }

    fn unconnected(settings: Settings) -> Result<Self, Fault> {
        let network = Network::new(
            &settings.bootstrap,
            settings.security.clone(),
            settings.network.clone(),
        )?;
        Ok(Self {
            compressor: Compressor::new(settings.compression),
            settings,
            network,
            instances: Vec::new(),
            turn: 0,
            topics: Vec::new(),
            by_name: HashMap::new(),
            partitions: Vec::new(),
            leaders_asked: Instant::now(),
            leaders_are_stale: false,
            leaders_request: None,
            filling: VecDeque::new(),
            filling_since: None,
            settled_bytes: 0,
            next_to_pack: 0,
            sending: VecDeque::new(),
            may_send: false,
            in_transaction: Vec::new(),
            under_way: HashMap::new(),
            answers: HashMap::new(),
            held: Held::default(),
            spare: Spare::default(),
            events: Vec::new(),
            now_ms: unix_ms(),
            failed: None,
            last_error: None,
        })
    }

    /// The place of a topic, which stays.
    pub(crate) fn topic(&mut self, name: &str) -> TopicId {
        if let Some(place) = self.by_name.get(name) {
            return TopicId(*place);
        }
        let place = self.topics.len();
        self.topics.push(Topic::new(name));
        self.by_name.insert(name.to_owned(), place);
        TopicId(place)
    }

    /// Begins a transaction. The one before it must be over.
    ///
    /// # Errors
    /// If the producer needs a new id after an abort, and gets none.
    pub(crate) fn begin(&mut self) -> Result<(), Fault> {
        self.introduce(self.settings.transaction_timeout)?;
        if self.leaders_asked.elapsed() >= self.settings.metadata_interval {
            self.leaders_are_stale = true;
        }
        Ok(())
    }

    /// Looks at the clock, for the timestamps of the records that follow.
    pub(crate) fn look_at_clock(&mut self) {
        self.now_ms = unix_ms();
    }

    /// Takes a record, with the number by which it is named if it cannot be delivered. Its partition is the one of its key,
    /// if none is given. Waits while too much is in memory.
    ///
    /// # Errors
    /// If the record is too large, its topic is not known to Kafka, or an earlier record cannot be delivered.
    pub(crate) fn send(
        &mut self,
        topic: TopicId,
        partition: Option<i32>,
        record: Record<'_>,
        number: usize,
    ) -> Result<(), Fault> {
        if record.len() > self.settings.record_bytes.min(self.settings.buffer_bytes) {
            return Err(self.undelivered(Some(topic.0), Code::MessageSizeTooLarge, (number, record.len())));
        }
        self.await_room()?;
        let place = self.place_of(topic, partition, record, number)?;
        let Some(partition) = self.partitions.get_mut(place) else {
            return Err(Fault::step(
                Code::UnknownPartition,
                "a partition is gone".to_owned(),
            ));
        };
        let is_full = partition.open.len().saturating_add(record.len()) > self.settings.batch_bytes
            || partition.open.count() >= self.settings.batch_records;
        if partition.open.count() > 0 && is_full {
            self.seal(place)?;
        }
        self.fill(place, record, number);
        Ok(())
    }

    /// Takes a record that is made now, for the first partition of its topic.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) fn send_alone(
        &mut self,
        topic: TopicId,
        record: Record<'_>,
        number: usize,
    ) -> Result<(), Fault> {
        self.look_at_clock();
        self.send(topic, Some(0), record, number)
    }

    /// Lets the partition of a topic that has one join the transaction, whose records come soon. Of many, it is not known which
    /// ones they go to.
    ///
    /// # Errors
    /// If the topic is not known to Kafka.
    pub(crate) fn expect(&mut self, topic: TopicId) -> Result<(), Fault> {
        let place = self.partition_of(topic, 0)?;
        let topic = self.topics.get(topic.0);
        if topic.is_some_and(|topic| topic.partitions() == 1)
            && let Some(partition) = self.partitions.get_mut(place)
            && let Some(instance) = self.instances.get_mut(self.turn)
        {
            instance.join(place, partition);
        }
        Ok(())
    }

    /// Says that no more records of a topic come for a while: those that have gathered for it go on their way if they are
    /// many, and are compressed if they are some.
    ///
    /// # Errors
    /// If a record cannot be delivered.
    pub(crate) fn settle(&mut self, topic: TopicId) -> Result<(), Fault> {
        let partitions = self.topics.get(topic.0).map_or(0, Topic::partitions);
        for index in 0..partitions {
            let place = self.topics.get(topic.0).and_then(|topic| topic.place(index));
            if let Some(place) = place {
                self.settle_at(place)?;
            }
        }
        Ok(())
    }

    fn fill(&mut self, place: usize, record: Record<'_>, number: usize) {
        let Some(partition) = self.partitions.get_mut(place) else {
            return;
        };
        if partition.open.lacks_buffer() {
            partition.open.lend(self.spare.take());
        }
        if partition.open.count() == 0 {
            self.filling.push_back(place);
            self.filling_since.get_or_insert_with(Instant::now);
            if let Some(instance) = self.instances.get_mut(self.turn) {
                instance.join(place, partition);
            }
        }
        let before = partition.open.unpacked();
        partition.open.add(record, number, self.now_ms);
        let added = partition.open.unpacked().saturating_sub(before);
        self.held.open_bytes = self.held.open_bytes.saturating_add(added);
        self.held.records = self.held.records.saturating_add(1);
    }

    /// Sends what can be sent, and takes the answers that are there, without waiting.
    ///
    /// # Errors
    /// If a record cannot be delivered.
    pub(crate) fn poll(&mut self) -> Result<(), Fault> {
        let lingered = self
            .filling_since
            .is_some_and(|since| since.elapsed() >= self.settings.linger);
        if lingered {
            self.seal_all()?;
        }
        self.turn(Duration::ZERO)
    }

    /// Waits until all records are acknowledged.
    ///
    /// # Errors
    /// If one cannot be delivered.
    pub(crate) fn flush(&mut self) -> Result<(), Fault> {
        let begun = Instant::now();
        self.seal_all()?;
        let records = self.held.sealed_records;
        while self.held.sealed_records > 0 {
            self.turn(LOOK_AROUND)?;
        }
        tracing::debug!(records, took = ?begun.elapsed(), "all is acknowledged");
        self.check()
    }

    /// Waits until all records are acknowledged, and commits them. The next transaction is the other instance's.
    ///
    /// # Errors
    /// If a record cannot be delivered, or Kafka does not commit.
    pub(crate) fn commit(&mut self) -> Result<(), Fault> {
        self.flush()?;
        self.end_transaction(true)
    }

    /// Gives up the records since [`begin`](Self::begin), and why they could not be delivered.
    ///
    /// # Errors
    /// If Kafka does not abort.
    pub(crate) fn abort(&mut self) -> Result<(), Fault> {
        self.give_up();
        self.failed = None;
        self.end_transaction(false)
    }

    /// Remembers where the records of this partition come to stand, for [`placed`](Self::placed).
    ///
    /// # Errors
    /// If its topic is not known to Kafka.
    pub(crate) fn follow(&mut self, topic: TopicId, partition: i32) -> Result<(), Fault> {
        let place = self.partition_of(topic, partition)?;
        if let Some(partition) = self.partitions.get_mut(place) {
            partition.placed.get_or_insert_default();
        }
        Ok(())
    }

    /// Where the acknowledged records of a partition that is [followed](Self::follow) stand since the last call, in their
    /// order: offsets, and how many records from there on.
    pub(crate) fn placed(&mut self, topic: TopicId, partition: i32) -> Vec<(i64, i32)> {
        let place = self.topics.get(topic.0).and_then(|topic| topic.place(partition));
        let partition = place.and_then(|place| self.partitions.get_mut(place));
        let placed = partition.and_then(|partition| partition.placed.as_mut());
        placed.map(std::mem::take).unwrap_or_default()
    }

    /// Waits until there is room for another record. Of many partitions, those that have gathered longest are sent while the
    /// others go on gathering.
    fn await_room(&mut self) -> Result<(), Fault> {
        let sealed_limit = (self.settings.buffer_bytes / 3).min(SEALED_BYTES);
        let open_limit = self.settings.buffer_bytes.saturating_sub(sealed_limit);
        let has_too_many = |held: &Held, settings: &Settings| held.records >= settings.buffer_records;
        if has_too_many(&self.held, &self.settings) {
            self.seal_all()?;
        } else if self.held.gathered() >= open_limit {
            let left = open_limit.saturating_sub(open_limit / AT_ONCE);
            if self.compressor.appends() && self.held.packed_bytes < open_limit / 2 {
                self.pack_down_to(left)?;
            }
            self.seal_down_to(left)?;
            self.turn(Duration::ZERO)?;
        }
        while self.held.sealed_records > 0
            && (self.held.sealed_bytes >= sealed_limit || has_too_many(&self.held, &self.settings))
        {
            self.turn(LOOK_AROUND)?;
        }
        Ok(())
    }

    /// One turn of the work: asks for leaders that are not known any more, sends what can be sent, and takes what has come,
    /// or comes within `wait`.
    fn turn(&mut self, wait: Duration) -> Result<(), Fault> {
        self.check()?;
        self.refresh_leaders();
        self.dispatch()?;
        let has_business = !self.sending.is_empty() || !self.under_way.is_empty();
        let wait = match self.sending.is_empty() {
            true => wait,
            false => wait.min(PAUSED_LOOK),
        };
        if has_business || wait.is_zero() {
            self.pump(wait)?;
        }
        self.check()
    }

    /// Takes what has come at the sockets, or comes within `wait`.
    fn pump(&mut self, wait: Duration) -> Result<(), Fault> {
        let mut events = std::mem::take(&mut self.events);
        let served = self.network.serve(wait, &mut events);
        for event in events.drain(..) {
            self.may_send = true;
            self.take(event);
        }
        self.events = events;
        Ok(served?)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Ready => {}
            Event::Received(received) if self.leaders_request == Some(received.ticket) => {
                self.take_leaders(&received);
            }
            Event::Received(received) => match self.under_way.remove(&received.ticket) {
                Some(sent) => self.take_acknowledgements(&received, sent),
                None => {
                    if let Some(answer) = self.answers.get_mut(&received.ticket) {
                        *answer = Some(Answer::Body(received));
                    }
                }
            },
            Event::Ended(lost) => self.take_loss(lost),
        }
    }

    fn take_loss(&mut self, lost: Lost) {
        let (address, reason) = (&lost.address, &lost.ended.reason);
        match lost.was_ready && !lost.tickets.is_empty() {
            true => tracing::info!(%address, %reason, "a connection to Kafka has ended"),
            false => tracing::debug!(%address, %reason, "no connection to Kafka"),
        }
        self.last_error = Some(format!("{address}: {reason}"));
        self.failed = self.failed.take().or_else(|| Fault::of(&lost.ended));
        self.leaders_are_stale = true;
        for ticket in lost.tickets {
            self.leaders_request = self.leaders_request.filter(|asked| *asked != ticket);
            if let Some(sent) = self.under_way.remove(&ticket) {
                self.send_again(sent);
            } else if let Some(answer) = self.answers.get_mut(&ticket) {
                *answer = Some(Answer::Lost);
            }
        }
    }

    /// What failed first, if anything did.
    fn check(&self) -> Result<(), Fault> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// What to say of a record, its number and bytes, for a topic.
    fn undelivered(&self, topic: Option<usize>, code: Code, (number, bytes): (usize, usize)) -> Fault {
        let topic = topic.and_then(|topic| self.topics.get(topic));
        Fault::Delivery(FailedDelivery {
            topic: topic.map(|topic| topic.name.clone()).unwrap_or_default(),
            code,
            bytes,
            number,
        })
    }
}

fn unix_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// The most bytes that may be on their way: more is of no use to any broker, and few tables get by with it.
const SEALED_BYTES: usize = 16 << 20;
/// Which part of what gathers is sent at once when memory runs out: less would be many small requests, more would let brokers
/// wait.
const AT_ONCE: usize = 8;
/// How long to wait for a socket where batches wait for their time.
const PAUSED_LOOK: Duration = Duration::from_millis(10);
/// How long to wait for a socket before looking at the time again.
const LOOK_AROUND: Duration = Duration::from_millis(100);
