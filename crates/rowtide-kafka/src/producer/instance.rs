//! An instance of the producer as Kafka knows it: its id and epoch, its coordinator, and its transactions.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

use super::Producer;
use super::control::{Attempt, Called, Target};
use super::fault::Fault;
use super::leaders::{NO_RECORD, grouped};
use super::network::Node;
use super::partition::Partition;
use crate::error::StepError;
use crate::wire::add_partitions::Refused;
use crate::wire::{Api, ErrorCode, ProducerId, add_partitions, end_txn, find_coordinator, init_producer_id};

/// One of the producer's instances.
#[derive(Debug)]
pub(super) struct Instance {
    /// None without transactions.
    pub transactional_id: Option<String>,
    /// None before it is asked for, and after a transaction was given up.
    pub id: Option<ProducerId>,
    coordinator: Option<Node>,
    /// Partitions with records that the coordinator has to hear of before their batches can go.
    pub joining: Vec<usize>,
}

impl Instance {
    pub(super) fn new(transactional_id: Option<String>) -> Self {
        Self {
            transactional_id,
            id: None,
            coordinator: None,
            joining: Vec::new(),
        }
    }

    /// Notes that a partition has records of the transaction. The coordinator hears of all at once when the first batch goes: to
    /// tell it of each when it comes would take a request and a wait each time.
    pub(super) fn join(&mut self, place: usize, partition: &mut Partition) {
        if self.transactional_id.is_some() && !partition.in_transaction {
            partition.in_transaction = true;
            self.joining.push(place);
        }
    }
}

impl Producer {
    /// The instance whose turn it is.
    pub(super) fn instance(&self) -> Option<&Instance> {
        self.instances.get(self.turn)
    }

    pub(super) fn instance_mut(&mut self) -> Option<&mut Instance> {
        self.instances.get_mut(self.turn)
    }

    /// Gets an id and an epoch for the instance whose turn it is, unless it has them. Older producers with its
    /// transactional id are fenced, and what they left open is aborted.
    pub(super) fn introduce(&mut self, limit: Duration) -> Result<(), Fault> {
        let Some(instance) = self.instance().filter(|instance| instance.id.is_none()) else {
            return Ok(());
        };
        let transactional_id = instance.transactional_id.clone();
        let timeout = self.settings.transaction_timeout;
        let id = self.insist(limit, |producer, until| {
            let target = match &transactional_id {
                None => Target::Any,
                Some(_) => match producer.coordinator(until)? {
                    Attempt::Done(node) => Target::One(node),
                    Attempt::Again(error) => return Ok(Attempt::Again(error)),
                },
            };
            let request = |out: &mut Vec<u8>, _| {
                init_producer_id::request(out, transactional_id.as_deref(), timeout);
            };
            let Called::Answered(answer) = producer.call(target, Api::InitProducerId, until, request)? else {
                return Ok(producer.coordinator_is_lost());
            };
            let (error, id) = init_producer_id::response(&answer.body).map_err(unreadable)?;
            producer.judge(error, id)
        })?;
        if let Some(instance) = self.instance_mut() {
            instance.id = Some(id);
        }
        let turn = self.turn;
        let partitions = self.partitions.iter_mut();
        partitions.for_each(|partition| partition.begin_epoch(turn));
        Ok(())
    }

    /// Tells the coordinator of partitions with records that it does not know yet.
    pub(super) fn join_transaction(&mut self) -> Result<(), Fault> {
        let Some(instance) = self.instance_mut() else {
            return Ok(());
        };
        let joining = std::mem::take(&mut instance.joining);
        if joining.is_empty() {
            return Ok(());
        }
        let limit = self.settings.transaction_timeout;
        let begun = Instant::now();
        self.in_transaction.extend_from_slice(&joining);
        self.insist(limit, |producer, until| producer.join(&joining, begun, until))?;
        tracing::debug!(partitions = joining.len(), took = ?begun.elapsed(), "partitions joined the transaction");
        Ok(())
    }

    fn join(&mut self, joining: &[usize], begun: Instant, until: Instant) -> Result<Attempt<()>, Fault> {
        let Some((transactional_id, id)) = self.author_of_transactions() else {
            return Ok(Attempt::Done(()));
        };
        let node = match self.coordinator(until)? {
            Attempt::Done(node) => node,
            Attempt::Again(error) => return Ok(Attempt::Again(error)),
        };
        let mut body = Vec::new();
        let topics = grouped(&self.topics, &self.partitions, joining, |partition| {
            Some(partition.index)
        });
        add_partitions::request(&mut body, &transactional_id, id, &topics);
        let request = |out: &mut Vec<u8>, _| out.extend_from_slice(&body);
        let target = Target::One(node);
        let Called::Answered(answer) = self.call(target, Api::AddPartitionsToTxn, until, request)? else {
            return Ok(self.coordinator_is_lost());
        };
        let refused = add_partitions::response(&answer.body).map_err(unreadable)?;
        // Where one partition is refused, the others are not tried, and say so.
        let told = |refused: &&Refused| refused.error != OPERATION_NOT_ATTEMPTED;
        match refused.iter().find(told).or(refused.first()) {
            None => Ok(Attempt::Done(())),
            Some(refused) => self.judge_joining(refused, begun),
        }
    }

    fn judge_joining(&mut self, refused: &Refused, begun: Instant) -> Result<Attempt<()>, Fault> {
        let unknown = refused.error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let in_vain = unknown && begun.elapsed() >= self.settings.topic_propagation;
        if in_vain || refused.error == TOPIC_AUTHORIZATION_FAILED {
            let topic = self.by_name.get(&refused.topic).copied();
            return Err(self.undelivered(topic, refused.error.code(), NO_RECORD));
        }
        self.judge(refused.error, ())
    }

    /// Ends the transaction, if it has written anything; the next one is another instance's.
    pub(super) fn end_transaction(&mut self, commit: bool) -> Result<(), Fault> {
        if !self.in_transaction.is_empty() {
            let begun = Instant::now();
            self.decide(commit)?;
            tracing::debug!(
                commit,
                partitions = self.in_transaction.len(),
                took = ?begun.elapsed(),
                "the transaction is decided"
            );
        }
        for place in self.in_transaction.drain(..) {
            if let Some(partition) = self.partitions.get_mut(place) {
                partition.in_transaction = false;
            }
        }
        if !commit && let Some(instance) = self.instance_mut() {
            // Nobody knows how much of the sequences the broker has seen.
            instance.id = None;
        }
        let instances = self.instances.len();
        self.turn = self
            .turn
            .saturating_add(1)
            .checked_rem(instances)
            .unwrap_or_default();
        Ok(())
    }

    fn decide(&mut self, commit: bool) -> Result<(), Fault> {
        let Some((transactional_id, id)) = self.author_of_transactions() else {
            return Ok(());
        };
        let limit = self.settings.transaction_timeout;
        let mut perhaps = false;
        let decided = self.insist(limit, |producer, until| {
            let node = match producer.coordinator(until)? {
                Attempt::Done(node) => node,
                Attempt::Again(error) => return Ok(Attempt::Again(error)),
            };
            let request = |out: &mut Vec<u8>, _| end_txn::request(out, &transactional_id, id, commit);
            match producer.call(Target::One(node), Api::EndTxn, until, request)? {
                Called::Answered(answer) => {
                    producer.judge(end_txn::response(&answer.body).map_err(unreadable)?, ())
                }
                Called::NotConnected => Ok(producer.coordinator_is_lost()),
                Called::Lost => {
                    perhaps = true;
                    Ok(producer.coordinator_is_lost())
                }
            }
        });
        if perhaps && let Some(instance) = self.instance_mut() {
            // A request without an answer may still be on its way: in another epoch, it cannot end a later transaction.
            instance.id = None;
        }
        decided.map_err(|fault| if perhaps { unknown_outcome(fault) } else { fault })
    }

    /// The coordinator of the instance whose turn it is.
    fn coordinator(&mut self, until: Instant) -> Result<Attempt<Node>, Fault> {
        let Some(instance) = self.instance() else {
            return Ok(Attempt::Again(None));
        };
        if let Some(node) = instance.coordinator {
            return Ok(Attempt::Done(node));
        }
        let id = instance.transactional_id.clone().unwrap_or_default();
        let request = |out: &mut Vec<u8>, _| find_coordinator::request(out, &id);
        let Called::Answered(answer) = self.call(Target::Any, Api::FindCoordinator, until, request)? else {
            return Ok(Attempt::Again(None));
        };
        let (error, broker) = find_coordinator::response(&answer.body).map_err(unreadable)?;
        if error != ErrorCode::NONE {
            return self.judge(error, Node::Broker(-1));
        }
        let node = self.network.learn(broker);
        if let Some(instance) = self.instance_mut() {
            instance.coordinator = Some(node);
        }
        Ok(Attempt::Done(node))
    }

    /// Another broker may be the coordinator now.
    fn coordinator_is_lost<T>(&mut self) -> Attempt<T> {
        if let Some(instance) = self.instance_mut() {
            instance.coordinator = None;
        }
        Attempt::Again(None)
    }

    fn judge<T>(&mut self, error: ErrorCode, done: T) -> Result<Attempt<T>, Fault> {
        if error == ErrorCode::NONE {
            return Ok(Attempt::Done(done));
        }
        if error.is_wrong_coordinator() {
            let _: Attempt<T> = self.coordinator_is_lost();
        }
        match error.is_retriable() || error == ErrorCode::UNKNOWN_SERVER_ERROR {
            true => Ok(Attempt::Again(Some(error))),
            false => Err(Fault::refused_step(error)),
        }
    }

    /// The transactional id and the id in its batches, where there are transactions.
    fn author_of_transactions(&self) -> Option<(String, ProducerId)> {
        let instance = self.instance()?;
        Some((instance.transactional_id.clone()?, instance.id?))
    }
}

/// A commit that may have been made all the same.
fn unknown_outcome(fault: Fault) -> Fault {
    match fault {
        Fault::Step(step) => Fault::Step(StepError {
            requires_abort: false,
            ..step
        }),
        Fault::Unreachable { reason, .. } => Fault::Step(StepError {
            code: Code::OperationTimedOut,
            reason,
            requires_abort: false,
        }),
        other => other,
    }
}

pub(super) fn unreadable(malformed: rowtide_event::Malformed) -> Fault {
    let reason = format!("the broker does not speak as expected: {malformed}");
    Fault::step(Code::BadMessage, reason)
}

const OPERATION_NOT_ATTEMPTED: ErrorCode = ErrorCode(55);
const TOPIC_AUTHORIZATION_FAILED: ErrorCode = ErrorCode(29);
