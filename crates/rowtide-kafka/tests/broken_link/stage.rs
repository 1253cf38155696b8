//! A broker behind a link, and what goes over it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rowtide_event::Flavour;
use rowtide_event::encode::record::{Record, RecordBatch, TopicIndex};
use rowtide_kafka::{
    Checkpoint, CreateTopics, Delivery, HistoryMessage, HistoryPosition, HistoryRange, HistoryRecord,
    HistorySource, HistoryStore, KafkaError, KafkaOptions, Publisher, TopicSpec, Topics,
};
use rowtide_testbed::{BrokenLink, Kafka};

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
        let kafka = Kafka::start(rowtide_testbed::KafkaOptions {
            settings: settings.into(),
            ..rowtide_testbed::KafkaOptions::default()
        });
        let kafka = kafka.unwrap();
        let bootstrap = kafka.bootstrap();
        let (_, port) = bootstrap.rsplit_once(':').unwrap();
        link.lead_to(port.parse().unwrap());
        Self { link, kafka }
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

    /// Waits until the committed records of a topic have these values. A commit is answered before its end is in the topic,
    /// and a broker that has just started does not show all that it has.
    pub fn await_values<T: AsRef<str>>(&self, topic: &str, expected: &[T]) {
        let expected: Vec<&[u8]> = expected.iter().map(|value| value.as_ref().as_bytes()).collect();
        let begun = Instant::now();
        loop {
            let records = self.kafka.read_all(&[topic], true).unwrap();
            let seen: Vec<&[u8]> = records
                .iter()
                .filter_map(|record| record.value.as_deref())
                .collect();
            if seen == expected {
                return;
            }
            let seen = seen
                .iter()
                .map(|value| String::from_utf8_lossy(&value[..value.len().min(20)]));
            assert!(
                begun.elapsed() < PATIENCE,
                "{topic}: {:?}",
                seen.collect::<Vec<_>>()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Records for topics by their places: key and value of each.
pub fn batch<'a>(records: impl IntoIterator<Item = (u32, Option<&'a str>, &'a str)>) -> RecordBatch {
    let mut batch = RecordBatch::default();
    for (topic, key, value) in records {
        let mut add = |text: &str| {
            let start = batch.bytes.len();
            batch.bytes.extend_from_slice(text.as_bytes());
            start..batch.bytes.len()
        };
        let (key, value) = (key.map(&mut add), Some(add(value)));
        batch.records.push(Record {
            topic: TopicIndex(topic),
            key,
            value,
            header: None,
        });
    }
    batch
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
    publisher.commit(&checkpoint(options, 1, None))
}

/// Sends these values to one topic.
pub fn send(publisher: &mut Publisher, topic: &str, values: &[&str]) -> Result<(), KafkaError> {
    let batch = batch(values.iter().map(|value| (0, Some("k"), *value)));
    publisher.send(&[topic.to_owned()], &batch, 0..batch.records.len())
}

/// A range of the schema history that has one more record.
pub fn longer(range: Option<HistoryRange>, offset: i64) -> HistoryRange {
    let records = range.as_ref().map_or(0, |range| range.records);
    HistoryRange {
        first_offset: range.map_or(offset, |range| range.first_offset),
        last_offset: offset,
        records: records + 1,
        through: None,
    }
}

/// The positions that the records of a range have.
pub fn history(options: &KafkaOptions, range: &HistoryRange) -> Vec<u64> {
    let mut positions = Vec::new();
    let end = HistoryStore::read_range(options, range, |found| {
        positions.push(found.position.pos);
        Ok::<_, KafkaError>(())
    });
    assert_eq!(end.unwrap().records_behind, 0);
    positions
}

pub fn message(options: &KafkaOptions, pos: u64) -> HistoryMessage {
    HistoryMessage {
        record: HistoryRecord {
            source: HistorySource {
                server: options.source_name.clone(),
            },
            position: HistoryPosition {
                file: "binlog.000001".into(),
                pos,
                ..HistoryPosition::default()
            },
            ts_ms: 1,
            database_name: None,
            schema_name: None,
            ddl: None,
            table_changes: vec![],
        },
        effects: vec![],
    }
}

pub fn checkpoint(options: &KafkaOptions, pos: u64, history: Option<HistoryRange>) -> Checkpoint {
    Checkpoint {
        format_version: Checkpoint::FORMAT_VERSION,
        source: options.source_name.clone(),
        flavour: Flavour::MySql,
        server_uuid: None,
        gtid_set: None,
        file: "binlog.000001".into(),
        pos,
        in_transaction: None,
        prepared_xa: Vec::new(),
        history,
        source_ts_ms: None,
        written_ts_ms: 0,
        rowtide_version: "test".into(),
    }
}
