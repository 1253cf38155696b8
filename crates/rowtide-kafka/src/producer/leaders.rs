//! Topics, their partitions, and the brokers that lead them.

use std::time::Instant;

use rdkafka::error::RDKafkaErrorCode as Code;

use super::connection::Received;
use super::control::{Attempt, Called, Target};
use super::fault::Fault;
use super::instance::unreadable;
use super::partition::Partition;
use super::{Producer, Record, TopicId, partitioner};
use crate::wire::{Api, ErrorCode, metadata};

/// A topic that is written to.
#[derive(Debug)]
pub(super) struct Topic {
    pub name: String,
    /// The places of its partitions, in the order of their numbers; none before they are known.
    partitions: Vec<usize>,
    /// What the brokers last said of it.
    error: ErrorCode,
}

impl Topic {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            partitions: Vec::new(),
            error: ErrorCode::NONE,
        }
    }

    /// How many partitions are known.
    pub(super) fn partitions(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }

    /// The place of a partition.
    pub(super) fn place(&self, index: i32) -> Option<usize> {
        self.partitions.get(usize::try_from(index).ok()?).copied()
    }
}

impl Producer {
    /// The place of the partition that a record goes to.
    pub(super) fn place_of(
        &mut self,
        topic: TopicId,
        partition: Option<i32>,
        record: Record<'_>,
        number: usize,
    ) -> Result<usize, Fault> {
        let index = match partition {
            Some(index) => index,
            None => {
                let count = self.known(topic)?.partitions.len();
                i32::try_from(partitioner::partition(record.key, count)).unwrap_or(i32::MAX)
            }
        };
        self.partition_of(topic, index).map_err(|fault| match fault {
            Fault::Delivery(failed) => self.undelivered(Some(topic.0), failed.code, (number, record.len())),
            other => other,
        })
    }

    /// The place of a partition.
    pub(super) fn partition_of(&mut self, topic: TopicId, index: i32) -> Result<usize, Fault> {
        let place = self.known(topic)?.place(index);
        place.ok_or_else(|| self.undelivered(Some(topic.0), Code::UnknownPartition, NO_RECORD))
    }

    /// A topic whose partitions are known, asked for if need be.
    fn known(&mut self, topic: TopicId) -> Result<&Topic, Fault> {
        if self
            .topics
            .get(topic.0)
            .is_some_and(|topic| topic.partitions.is_empty())
        {
            self.find(topic)?;
        }
        let found = self.topics.get(topic.0);
        found.ok_or_else(|| {
            Fault::step(
                Code::UnknownTopic,
                "the list of topics has no such entry".to_owned(),
            )
        })
    }

    /// Asks for the partitions of all topics that are not known, until those of this one are.
    fn find(&mut self, topic: TopicId) -> Result<(), Fault> {
        let begun = Instant::now();
        let limit = self.settings.delivery_timeout;
        self.insist(limit, |producer, until| {
            producer.ask_for(|topic| topic.partitions.is_empty(), until)?;
            let Some(found) = producer.topics.get(topic.0) else {
                return Ok(Attempt::Done(()));
            };
            let error = found.error;
            if !found.partitions.is_empty() {
                return Ok(Attempt::Done(()));
            }
            let in_vain = begun.elapsed() >= producer.settings.topic_propagation;
            match error == ErrorCode::NONE || error.is_retriable() {
                true if in_vain && error != ErrorCode::NONE => {
                    Err(producer.undelivered(Some(topic.0), error.code(), NO_RECORD))
                }
                true => Ok(Attempt::Again(
                    Some(error).filter(|error| *error != ErrorCode::NONE),
                )),
                false => Err(producer.undelivered(Some(topic.0), error.code(), NO_RECORD)),
            }
        })
    }

    /// Asks for the leaders of all partitions again, if they may have changed and nobody asked a moment ago. Does not wait
    /// for the answer: where no broker is connected, one is asked later.
    pub(super) fn refresh_leaders(&mut self) {
        let is_asked = self.leaders_request.is_some();
        if !self.leaders_are_stale || is_asked || self.leaders_asked.elapsed() < self.settings.retry_backoff.0
        {
            return;
        }
        let node = self.network.any();
        let Some(node) = node.filter(|node| self.network.is_ready(*node)) else {
            return;
        };
        // A broker without it is an error where topics are first asked for.
        let Some(version) = self.network.version(node, Api::Metadata) else {
            return;
        };
        let known = self.topics.iter().filter(|topic| !topic.partitions.is_empty());
        let names: Vec<&str> = known.map(|topic| topic.name.as_str()).collect();
        let timeout = self.settings.request_timeout;
        let ticket = self.network.send(node, Api::Metadata, version, timeout, |out| {
            metadata::request(out, names.into_iter());
        });
        self.leaders_request = Some(ticket);
        self.leaders_asked = Instant::now();
    }

    /// Takes the answer to the question for leaders.
    pub(super) fn take_leaders(&mut self, received: &Received) {
        self.leaders_request = None;
        match self.learn_cluster(received) {
            Ok(()) => self.leaders_are_stale = false,
            Err(fault) => drop(self.failed.get_or_insert(fault)),
        }
    }

    /// Asks a broker for topics; learns nothing if none answers.
    fn ask_for(&mut self, wanted: impl Fn(&Topic) -> bool, until: Instant) -> Result<(), Fault> {
        let names: Vec<&str> = self
            .topics
            .iter()
            .filter(|topic| wanted(topic))
            .map(|topic| topic.name.as_str())
            .collect();
        let mut body = Vec::new();
        metadata::request(&mut body, names.into_iter());
        let request = |out: &mut Vec<u8>, _| out.extend_from_slice(&body);
        match self.call(Target::Any, Api::Metadata, until, request)? {
            Called::Answered(received) => self.learn_cluster(&received),
            Called::Lost | Called::NotConnected => Ok(()),
        }
    }

    /// Takes over what a broker says of the cluster.
    fn learn_cluster(&mut self, received: &Received) -> Result<(), Fault> {
        for topic in self.read_cluster(received)? {
            self.learn_topic(&topic);
        }
        Ok(())
    }

    /// Takes over which brokers there are, and gives what is said of topics.
    pub(super) fn read_cluster(&mut self, received: &Received) -> Result<Vec<metadata::Topic>, Fault> {
        let cluster = metadata::response(&received.body, received.version).map_err(unreadable)?;
        for broker in cluster.brokers {
            self.network.learn(broker);
        }
        Ok(cluster.topics)
    }

    fn learn_topic(&mut self, told: &metadata::Topic) {
        let Some((place, topic)) = self
            .by_name
            .get(&told.name)
            .and_then(|place| Some((*place, self.topics.get_mut(*place)?)))
        else {
            return;
        };
        topic.error = told.error;
        if told.error != ErrorCode::NONE {
            // What is known of its partitions stays until something better is; its batches have their own time limit.
            return;
        }
        for (leader, index) in told.leaders.iter().zip(0..) {
            let known = topic
                .place(index)
                .and_then(|place| self.partitions.get_mut(place));
            let leader = Some(*leader).filter(|leader| *leader >= 0);
            match known {
                Some(partition) => partition.leader = leader,
                None => {
                    topic.partitions.push(self.partitions.len());
                    let mut partition = Partition::new(place, index, self.instances.len());
                    partition.leader = leader;
                    self.partitions.push(partition);
                }
            }
        }
    }
}

/// Topics' names, each once, and what `of` tells of those of their partitions that are at `places`.
pub(super) fn grouped<'a, T>(
    topics: &'a [Topic],
    partitions: &'a [Partition],
    places: &[usize],
    of: impl Fn(&'a Partition) -> Option<T>,
) -> Vec<(&'a str, Vec<T>)> {
    let mut chosen: Vec<_> = places.iter().filter_map(|place| partitions.get(*place)).collect();
    chosen.sort_unstable_by_key(|partition| (partition.topic, partition.index));
    let of_topics = chosen.chunk_by(|a, b| a.topic == b.topic);
    let named = of_topics.filter_map(|of_topic| {
        let name = topics.get(of_topic.first()?.topic)?.name.as_str();
        Some((
            name,
            of_topic.iter().filter_map(|partition| of(partition)).collect(),
        ))
    });
    named.collect()
}

/// For errors of topics that no record is the cause of.
pub(super) const NO_RECORD: (usize, usize) = (usize::MAX, 0);
