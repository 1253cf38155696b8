//! A broker behind a link, and what goes over it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rowtide_kafka::{CreateTopics, Delivery, KafkaError, KafkaOptions, Publisher, TopicSpec, Topics};
use rowtide_testbed::{BrokenLink, Kafka, Record};

use crate::fixtures::{batch, checkpoint, tables};

/// A broker that all clients reach over the link.
pub struct Stage {
    pub link: BrokenLink,
    pub kafka: Kafka,
}

/// How long it may take until all is there.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the broker keeps a connection that nobody uses.
const IDLE_MS: u32 = 5_000;

/// The stage, for one test at a time.
pub fn stage() -> MutexGuard<'static, Stage> {
    static STAGE: OnceLock<Mutex<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Mutex::new(Stage::start()));
    // A test that failed leaves nothing behind that another cannot work with.
    let stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
    stage.link.pass_all();
    if stage.kafka.pid().is_none() {
        stage.kafka.start_again().unwrap();
    }
    stage
}

impl Stage {
    fn start() -> Self {
        let link = BrokenLink::new().unwrap();
        let advertised = format!("PLAINTEXT://127.0.0.1:{}", link.port());
        let settings = [
            ("advertised.listeners", advertised),
            ("connections.max.idle.ms", IDLE_MS.to_string()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let kafka = Kafka::start_at(|port| {
            link.lead_to(port);
            rowtide_testbed::KafkaOptions {
                settings: settings.into(),
                ..rowtide_testbed::KafkaOptions::default()
            }
        });
        Self {
            link,
            kafka: kafka.unwrap(),
        }
    }

    /// A source whose own topics are there.
    pub fn source(&self, name: &str, delivery: Delivery, config: &[(&str, &str)]) -> KafkaOptions {
        let config = config
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let options = KafkaOptions {
            delivery,
            config: config.collect(),
            ..KafkaOptions::new(format!("127.0.0.1:{}", self.link.port()), name)
        };
        self.topics(&options, 0, &TopicSpec::default());
        options
    }

    /// Makes so many topics of a source, beside its own; their names.
    pub fn topics(&self, options: &KafkaOptions, count: usize, spec: &TopicSpec) -> Vec<String> {
        let mut topics = Topics::connect(options, CreateTopics::Allowed).unwrap();
        topics.ensure_own_topics(-1).unwrap();
        let names: Vec<_> = (0..count)
            .map(|i| format!("{}.t{i}", options.source_name))
            .collect();
        let specs: Vec<_> = names.iter().map(|name| (name.clone(), spec.clone())).collect();
        for (name, spec) in &specs {
            topics.ensure_topic(name, spec).unwrap();
        }
        names
    }

    /// Waits until the committed records of a topic have these values.
    pub fn await_values<T: AsRef<str>>(&self, topic: &str, expected: &[T]) {
        let expected = expected.iter().map(|value| value.as_ref().as_bytes());
        self.read_until(&[topic], |records| {
            let seen = records.iter().filter_map(|record| record.value.as_deref());
            seen.eq(expected.clone())
        });
    }

    /// Waits until so many committed records are in these topics.
    pub fn await_records(&self, topics: &[&str], count: usize) -> Vec<Record> {
        self.read_until(topics, |records| records.len() == count)
    }

    /// Reads the committed records of topics until they are all there. A commit is answered before its end is in each of the
    /// topics, and a broker that has just started does not show all that it has.
    fn read_until(&self, topics: &[&str], are_all: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let begun = Instant::now();
        loop {
            let records = self.kafka.read_all(topics, true).unwrap();
            if are_all(&records) {
                return records;
            }
            let seen = records.iter().filter_map(|record| record.value.as_deref());
            let seen = seen.map(|value| String::from_utf8_lossy(&value[..value.len().min(20)]));
            assert!(
                begun.elapsed() < PATIENCE,
                "{topics:?}: {} records: {:?}",
                records.len(),
                seen.collect::<Vec<_>>()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// One transaction with these values for one topic.
pub fn transact(
    publisher: &mut Publisher,
    options: &KafkaOptions,
    topic: &str,
    values: &[&str],
) -> Result<(), KafkaError> {
    publisher.begin()?;
    send(publisher, topic, values)?;
    publisher.commit(&checkpoint(&options.source_name, 1))
}

/// Sends these values to one topic.
pub fn send(publisher: &mut Publisher, topic: &str, values: &[&str]) -> Result<(), KafkaError> {
    let batch = batch(values.iter().map(|value| (0, Some("k"), Some(*value))));
    publisher.send(&tables(&[topic]), &batch, 0..batch.records.len())
}
