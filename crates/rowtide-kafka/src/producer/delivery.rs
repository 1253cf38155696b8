//! Batches to brokers and back: what is sent when, and what becomes of it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

use super::batch::{Author, OpenBatch};
use super::connection::Received;
use super::fault::Fault;
use super::instance::unreadable;
use super::leaders::grouped;
use super::network::Node;
use super::partition::Done;
use super::spare::Spare;
use super::{LOOK_AROUND, Producer};
use crate::wire::produce::{Appended, Head, PARTITION_BYTES};
use crate::wire::{Api, ErrorCode, produce};

/// A batch under way: its partition, and its place in the sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    place: usize,
    sequence: i32,
}

/// What becomes of a partition at a look at what can be sent.
enum Look {
    /// Into the request to its leader.
    Goes,
    /// It has to wait for something at its leader's connection.
    Waits,
    /// Nothing is left to be sent.
    Empty,
}

impl Producer {
    /// Closes all open batches.
    pub(super) fn seal_all(&mut self) -> Result<(), Fault> {
        let mut closed = 0;
        while let Some(place) = self.filling.pop_front() {
            self.close_in_turn(place, &mut closed)?;
        }
        self.filling_since = None;
        Ok(())
    }

    /// Compresses what open batches have gathered, in turn, until they hold no more than so many bytes together, or there
    /// is little left to compress.
    pub(super) fn pack_down_to(&mut self, bytes: usize) -> Result<(), Fault> {
        for _ in 0..self.filling.len() {
            if self.held.gathered() <= bytes {
                break;
            }
            self.next_to_pack = self.next_to_pack.saturating_add(1);
            if self.next_to_pack >= self.filling.len() {
                self.next_to_pack = 0;
            }
            if let Some(place) = self.filling.get(self.next_to_pack) {
                self.pack(*place)?;
            }
        }
        Ok(())
    }

    /// Compresses what the open batch of a partition has gathered, if that is enough.
    fn pack(&mut self, place: usize) -> Result<(), Fault> {
        let Some(open) = self
            .partitions
            .get_mut(place)
            .map(|partition| &mut partition.open)
        else {
            return Ok(());
        };
        let (records, packed) = (open.unpacked(), open.packed());
        if records >= WORTH_PACKING {
            self.spare.keep(open.pack(&mut self.compressor)?);
            let more = open.packed().saturating_sub(packed);
            self.held.open_bytes = self.held.open_bytes.saturating_sub(records);
            self.held.packed_bytes = self.held.packed_bytes.saturating_add(more);
        }
        Ok(())
    }

    /// Closes the open batch of a partition if it is worth a request, or compresses it.
    pub(super) fn settle_at(&mut self, place: usize) -> Result<(), Fault> {
        let gathered = self
            .partitions
            .get(place)
            .map_or(0, |partition| partition.open.len());
        if gathered >= WORTH_SENDING {
            self.settled_bytes = self.settled_bytes.saturating_add(self.seal(place)?);
            if self.settled_bytes >= REQUEST_BYTES {
                self.settled_bytes = 0;
                self.turn(Duration::ZERO)?;
            }
            return Ok(());
        }
        match self.compressor.appends() {
            true => self.pack(place),
            false => Ok(()),
        }
    }

    /// Closes open batches, the oldest first, until the others hold no more than so many bytes together.
    pub(super) fn seal_down_to(&mut self, bytes: usize) -> Result<(), Fault> {
        let mut closed = 0;
        while self.held.gathered() > bytes
            && let Some(place) = self.filling.pop_front()
        {
            self.close_in_turn(place, &mut closed)?;
        }
        self.filling_since = self.filling_since.filter(|_| !self.filling.is_empty());
        Ok(())
    }

    /// Closes one of many open batches. If they are more than a request, brokers have the first ones while the next are
    /// compressed.
    fn close_in_turn(&mut self, place: usize, closed: &mut usize) -> Result<(), Fault> {
        *closed = closed.saturating_add(self.close(place)?);
        if *closed >= REQUEST_BYTES {
            *closed = 0;
            self.turn(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Closes the open batch of a partition, and gives its bytes.
    pub(super) fn seal(&mut self, place: usize) -> Result<usize, Fault> {
        // Mostly one of the last that have begun to gather.
        if let Some(at) = self.filling.iter().rposition(|filling| *filling == place) {
            self.filling.remove(at);
        }
        self.close(place)
    }

    /// The bytes of the closed batch.
    fn close(&mut self, place: usize) -> Result<usize, Fault> {
        let (turn, instance) = (self.turn, self.instances.get_mut(self.turn));
        let (Some(partition), Some(instance)) = (self.partitions.get_mut(place), instance) else {
            return Ok(0);
        };
        let Some(producer) = instance.id else {
            return Err(Fault::step(
                Code::State,
                "a record was sent before a transaction began".to_owned(),
            ));
        };
        let author = Author {
            producer,
            sequence: partition.next_sequence(turn),
            transactional: instance.transactional_id.is_some(),
        };
        let open = std::mem::take(&mut partition.open);
        self.held.open_bytes = self.held.open_bytes.saturating_sub(open.unpacked());
        self.held.packed_bytes = self.held.packed_bytes.saturating_sub(open.packed());
        let sealed = open.seal(author, &mut self.compressor, &mut self.spare)?;
        let bytes = sealed.bytes.len();
        self.held.sealed_bytes = self.held.sealed_bytes.saturating_add(bytes);
        self.held.sealed_records = self.held.sealed_records.saturating_add(as_usize(sealed.count));
        partition.push(sealed, turn, Instant::now());
        self.list(place);
        Ok(bytes)
    }

    /// Notes that a partition has something to send.
    fn list(&mut self, place: usize) {
        if let Some(partition) = self.partitions.get_mut(place)
            && !partition.is_listed
        {
            partition.is_listed = true;
            self.sending.push_back(place);
        }
        self.may_send = true;
    }

    /// Sends what can be sent.
    pub(super) fn dispatch(&mut self) -> Result<(), Fault> {
        if !self.may_send || self.sending.is_empty() {
            return Ok(());
        }
        self.join_transaction()?;
        self.may_send = false;
        while self.send_one_to_each()? {}
        Ok(())
    }

    /// Sends a request to each broker that has room for one; whether there was any.
    fn send_one_to_each(&mut self) -> Result<bool, Fault> {
        let mut requests: HashMap<Node, Request> = HashMap::new();
        let mut waiting = VecDeque::with_capacity(self.sending.len());
        while let Some(place) = self.sending.pop_front() {
            match self.look(place, &mut requests)? {
                // Its next batch is for the next request.
                Look::Goes | Look::Waits => waiting.push_back(place),
                Look::Empty => {
                    if let Some(partition) = self.partitions.get_mut(place) {
                        partition.is_listed = false;
                    }
                }
            }
        }
        self.sending = waiting;
        let any = !requests.is_empty();
        for (node, request) in requests {
            self.send_batches(node, request.places);
        }
        Ok(any)
    }

    fn look(&mut self, place: usize, requests: &mut HashMap<Node, Request>) -> Result<Look, Fault> {
        let now = Instant::now();
        let Some(partition) = self.partitions.get(place) else {
            return Ok(Look::Empty);
        };
        if !partition.has_waiting() {
            return Ok(Look::Empty);
        }
        let (bytes, leader) = (partition.sendable(now).map(<[u8]>::len), partition.leader);
        let Some((bytes, leader)) = bytes.zip(leader) else {
            self.may_send = true;
            self.leaders_are_stale |= leader.is_none();
            return self.check_age(place).map(|()| Look::Waits);
        };
        let node = Node::Broker(leader);
        let bytes = bytes.saturating_add(PARTITION_BYTES);
        let request = match requests.entry(node) {
            Entry::Occupied(request) => request.into_mut(),
            Entry::Vacant(_) if !self.network.has_room(node) => {
                // Nothing tells that it may be connected to again.
                self.may_send |= !self.network.is_ready(node);
                return self.check_age(place).map(|()| Look::Waits);
            }
            Entry::Vacant(room) => room.insert(Request::default()),
        };
        if !request.places.is_empty() && request.bytes.saturating_add(bytes) > REQUEST_BYTES {
            return Ok(Look::Waits);
        }
        request.bytes = request.bytes.saturating_add(bytes);
        request.places.push(place);
        Ok(Look::Goes)
    }

    /// # Errors
    /// If the partition's oldest batch has waited too long.
    fn check_age(&self, place: usize) -> Result<(), Fault> {
        let oldest = self
            .partitions
            .get(place)
            .and_then(|partition| partition.oldest());
        match oldest {
            Some(oldest) if oldest.since.elapsed() >= self.settings.delivery_timeout => {
                Err(self.undelivered_at(place, Code::MessageTimedOut, oldest.largest))
            }
            _ => Ok(()),
        }
    }

    /// One request with the next batch of each of these partitions, which `node` leads.
    fn send_batches(&mut self, node: Node, places: Vec<usize>) {
        let Some(version) = self.network.version(node, Api::Produce) else {
            self.failed.get_or_insert_with(|| Fault::no_version(Api::Produce));
            return;
        };
        let now = Instant::now();
        let topics = grouped(&self.topics, &self.partitions, &places, |partition| {
            Some((partition.index, partition.sendable(now)?))
        });
        let head = Head {
            transactional_id: self
                .instances
                .get(self.turn)
                .and_then(|i| i.transactional_id.as_deref()),
            timeout: self.settings.request_timeout,
        };
        let timeout = self.settings.request_timeout.saturating_mul(2);
        let ticket = self.network.send(node, Api::Produce, version, timeout, |out| {
            produce::request(out, head, &topics);
        });
        let sent = places.into_iter().filter_map(|place| {
            let sequence = self.partitions.get_mut(place)?.mark_sent()?;
            Some(Sent { place, sequence })
        });
        let mut sent: Vec<_> = sent.collect();
        sent.sort_unstable_by_key(|sent| sent.place);
        self.under_way.insert(ticket, sent);
    }

    /// What a broker says of the batches of a request.
    pub(super) fn take_acknowledgements(&mut self, received: &Received, mut sent: Vec<Sent>) {
        let mut told = Vec::with_capacity(sent.len());
        let read = produce::response(&received.body, received.version, |appended| told.push(appended));
        if let Err(malformed) = read {
            self.failed.get_or_insert_with(|| unreadable(malformed));
        }
        for appended in told {
            let place = self
                .by_name
                .get(appended.topic)
                .and_then(|topic| self.topics.get(*topic));
            let place = place.and_then(|topic| topic.place(appended.partition));
            let found = place.and_then(|place| sent.binary_search_by_key(&place, |sent| sent.place).ok());
            if let Some(sent) = found.and_then(|at| sent.get_mut(at)) {
                let batch = *sent;
                sent.sequence = ANSWERED;
                self.take_acknowledgement(batch, appended);
            }
        }
        sent.retain(|sent| sent.sequence != ANSWERED);
        self.send_again(sent);
    }

    fn take_acknowledgement(&mut self, sent: Sent, appended: Appended<'_>) {
        let Some(partition) = self.partitions.get_mut(sent.place) else {
            return;
        };
        match appended.error {
            ErrorCode::NONE => {
                let (held, spare) = (&mut self.held, &mut self.spare);
                partition.acknowledge(sent.sequence, appended.offset, |done| held.release(done, spare));
            }
            // Older than what the broker remembers the place of.
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER if partition.placed.is_none() => {
                let (held, spare) = (&mut self.held, &mut self.spare);
                partition.acknowledge(sent.sequence, -1, |done| held.release(done, spare));
            }
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER if partition.is_behind_another(sent.sequence) => {
                self.again(sent, appended.error);
            }
            error if error.is_retriable() => self.again(sent, error),
            error => {
                let largest = partition
                    .look(sent.sequence)
                    .map_or((usize::MAX, 0), |failed| failed.largest);
                let fault = self.undelivered_at(sent.place, error.code(), largest);
                self.failed.get_or_insert(fault);
            }
        }
    }

    /// Batches whose request was lost.
    pub(super) fn send_again(&mut self, sent: Vec<Sent>) {
        for sent in sent {
            self.again(sent, ErrorCode::NETWORK_EXCEPTION);
        }
    }

    fn again(&mut self, sent: Sent, error: ErrorCode) {
        self.leaders_are_stale |= error.is_wrong_leader();
        let Some(failed) = self
            .partitions
            .get_mut(sent.place)
            .and_then(|p| p.fail(sent.sequence))
        else {
            return;
        };
        tracing::debug!(
            partition = sent.place,
            tries = failed.tries,
            error = error.0,
            "records are sent again"
        );
        let age = failed.since.elapsed();
        let unknown = error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let reason = match (unknown, failed.tries > self.settings.retries) {
            (true, _) if age >= self.settings.topic_propagation => Some(error.code()),
            _ if age >= self.settings.delivery_timeout => Some(Code::MessageTimedOut),
            (_, true) => Some(error.code()),
            _ => None,
        };
        if let Some(code) = reason {
            let fault = self.undelivered_at(sent.place, code, failed.largest);
            self.failed.get_or_insert(fault);
        }
        let wait = self.backoff(failed.tries.saturating_sub(1), Some(error));
        // One that came too early waits for those before it anyway.
        if error != ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
            && let Some(partition) = self.partitions.get_mut(sent.place)
        {
            partition.paused_until = Some(Instant::now() + wait);
        }
        self.list(sent.place);
    }

    /// Gives up all records that are not acknowledged, once nothing is under way.
    pub(super) fn give_up(&mut self) {
        // A request that gets no answer ends its connection, so that this ends.
        while !self.under_way.is_empty() && self.pump(LOOK_AROUND).is_ok() {}
        let (held, spare) = (&mut self.held, &mut self.spare);
        for partition in &mut self.partitions {
            partition.clear(|done| held.release(done, spare));
            partition.is_listed = false;
            partition.open = OpenBatch::default();
            if let Some(placed) = &mut partition.placed {
                placed.clear();
            }
        }
        self.held = super::Held::default();
        self.filling.clear();
        self.filling_since = None;
        self.sending.clear();
        let joining = self
            .instance_mut()
            .map(|instance| std::mem::take(&mut instance.joining));
        for place in joining.unwrap_or_default() {
            if let Some(partition) = self.partitions.get_mut(place) {
                partition.in_transaction = false;
            }
        }
    }

    fn undelivered_at(&self, place: usize, code: Code, record: (usize, usize)) -> Fault {
        let topic = self.partitions.get(place).map(|partition| partition.topic);
        self.undelivered(topic, code, record)
    }
}

/// A request that is being put together.
#[derive(Debug, Default)]
struct Request {
    places: Vec<usize>,
    bytes: usize,
}

impl super::Held {
    /// Bytes of open batches in memory.
    pub(super) fn gathered(&self) -> usize {
        self.open_bytes.saturating_add(self.packed_bytes)
    }

    fn release(&mut self, done: Done, spare: &mut Spare) {
        let records = as_usize(done.count);
        self.sealed_bytes = self.sealed_bytes.saturating_sub(done.bytes.len());
        self.sealed_records = self.sealed_records.saturating_sub(records);
        self.records = self.records.saturating_sub(records);
        spare.keep(done.bytes);
    }
}

fn as_usize(count: i32) -> usize {
    usize::try_from(count).unwrap_or_default()
}

/// Bytes of batches in a request, unless one batch alone is larger: far below what brokers take
/// (`socket.request.max.bytes`, 100 MiB).
const REQUEST_BYTES: usize = 4 << 20;
/// Bytes of records that are compressed before their batch is closed: of fewer, compression would make little less.
const WORTH_PACKING: usize = 2 << 10;
/// Records of a partition of which no more come for a while are sent if they are so many bytes: a broker takes as long for a
/// batch whatever is in it.
const WORTH_SENDING: usize = 16 << 10;
/// No batch has this place in a sequence.
const ANSWERED: i32 = -1;
