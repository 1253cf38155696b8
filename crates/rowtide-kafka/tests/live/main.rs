//! The publisher, the checkpoint and the topics against a real broker.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checkpoints;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod records;
mod topics;
mod transactions;

use std::time::{Duration, Instant};

use rowtide_event::encode::record::RecordBatch;
use rowtide_kafka::{CreateTopics, KafkaError, KafkaOptions, Publisher, TopicSpec, Topics};
use rowtide_testbed::Kafka;

/// One broker for all tests; each test has topics of its own.
fn kafka() -> &'static Kafka {
    rowtide_testbed::shared::kafka().expect("a broker")
}

fn options(source: &str) -> KafkaOptions {
    KafkaOptions::new(kafka().bootstrap(), source)
}

/// A source with its own topics and one data topic of `partitions`.
fn prepared(options: &KafkaOptions, partitions: i32) -> String {
    let topic = format!("{}.db.t", options.source_name);
    let mut topics = Topics::connect(options, CreateTopics::Allowed).unwrap();
    topics.ensure_own_topics(-1).unwrap();
    topics
        .ensure_topic(
            &topic,
            &TopicSpec {
                partitions,
                ..TopicSpec::default()
            },
        )
        .unwrap();
    topic
}

/// Another data topic, which takes no batch of more than so many bytes.
fn add_limited(options: &KafkaOptions, topic: &str, bytes: usize) {
    let spec = TopicSpec {
        config: vec![("max.message.bytes".into(), bytes.to_string())],
        ..TopicSpec::default()
    };
    let mut topics = Topics::connect(options, CreateTopics::Allowed).unwrap();
    topics.ensure_topic(topic, &spec).unwrap();
}

/// A batch with a record for each key and value.
fn batch(records: &[(Option<&str>, Option<&str>)]) -> RecordBatch {
    fixtures::batch(records.iter().map(|(key, value)| (0, *key, *value)))
}

fn send(publisher: &mut Publisher, topic: &str, batch: &RecordBatch) -> Result<(), KafkaError> {
    publisher.send(&fixtures::tables(&[topic]), batch, 0..batch.records.len())
}

fn values(topic: &str, read_committed: bool) -> Vec<String> {
    let records = kafka().read_all(&[topic], read_committed).unwrap();
    records
        .into_iter()
        .map(|r| String::from_utf8(r.value.unwrap_or_default()).unwrap())
        .collect()
}

/// The committed records of a topic, once there are so many: a transaction is committed when its coordinator says so, and
/// its marker reaches each partition a moment later.
fn committed(topic: &str, count: usize) -> Vec<rowtide_testbed::Record> {
    let begun = Instant::now();
    loop {
        let records = kafka().read_all(&[topic], true).unwrap();
        if records.len() >= count || begun.elapsed() > Duration::from_secs(60) {
            assert_eq!(records.len(), count);
            return records;
        }
    }
}
