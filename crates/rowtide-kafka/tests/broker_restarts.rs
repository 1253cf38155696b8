//! Exactly once, with a broker that is killed in the middle of transactions.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rowtide_event::Flavour;
use rowtide_event::encode::record::{Record, RecordBatch, TopicIndex};
use rowtide_kafka::{
    Checkpoint, CheckpointStore, CreateTopics, KafkaError, KafkaOptions, Publisher, Recovery, TopicSpec,
    Topics,
};
use rowtide_testbed::Kafka;

const RECORDS: u64 = 2_000;
const IN_A_TRANSACTION: u64 = 100;
/// The broker is killed when so many records have been committed at least.
const KILL_AT: [u64; 2] = [500, 1_200];

#[test]
fn every_record_is_there_once_though_the_broker_is_killed() {
    let kafka = Kafka::start(rowtide_testbed::KafkaOptions::default()).unwrap();
    let options = KafkaOptions::new(kafka.bootstrap(), "restarts");
    let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
    topics.ensure_own_topics(-1).unwrap();
    topics.ensure_topic("restarts.t", &TopicSpec::default()).unwrap();

    let mut kills = KILL_AT.iter();
    let mut next_kill = kills.next();
    let mut done = 0;
    while done < RECORDS {
        let result = run_on(&options, &mut done, |at| {
            if next_kill.is_some_and(|limit| at >= *limit) {
                next_kill = kills.next();
                kafka.kill9();
                kafka.start_again().unwrap();
            }
        });
        if let Err(error) = result {
            assert_eq!(error.recovery(), Recovery::Restart, "{error}");
        }
    }
    assert_eq!(next_kill, None);
    let expected: Vec<String> = (0..RECORDS).map(|i| i.to_string()).collect();
    let seen: Vec<String> = kafka
        .read_all(&["restarts.t"], true)
        .unwrap()
        .into_iter()
        .map(|record| String::from_utf8(record.value.unwrap()).unwrap())
        .collect();
    assert_eq!(seen, expected);
}

/// Resumes at the checkpoint and goes on until all is done or something fails; `between` runs with a transaction open.
fn run_on(options: &KafkaOptions, done: &mut u64, mut between: impl FnMut(u64)) -> Result<(), KafkaError> {
    let mut publisher = Publisher::connect(options)?;
    *done = CheckpointStore::read(options)?.map_or(0, |checkpoint| checkpoint.pos);
    while *done < RECORDS {
        publisher.begin()?;
        let first = batch(*done, IN_A_TRANSACTION / 2);
        publisher.send(&["restarts.t".into()], &first, 0..first.records.len())?;
        between(*done);
        let second = batch(*done + IN_A_TRANSACTION / 2, IN_A_TRANSACTION / 2);
        publisher.send(&["restarts.t".into()], &second, 0..second.records.len())?;
        publisher.commit(&checkpoint(*done + IN_A_TRANSACTION))?;
        *done += IN_A_TRANSACTION;
    }
    Ok(())
}

fn batch(from: u64, count: u64) -> RecordBatch {
    let mut batch = RecordBatch::default();
    for i in from..from + count {
        let start = batch.bytes.len();
        batch.bytes.extend_from_slice(i.to_string().as_bytes());
        let value = Some(start..batch.bytes.len());
        batch.records.push(Record {
            topic: TopicIndex(0),
            key: None,
            value,
            header: None,
        });
    }
    batch
}

fn checkpoint(pos: u64) -> Checkpoint {
    Checkpoint {
        format_version: Checkpoint::FORMAT_VERSION,
        source: "restarts".into(),
        flavour: Flavour::MySql,
        server_uuid: None,
        gtid_set: None,
        file: "binlog.000001".into(),
        pos,
        in_transaction: None,
        prepared_xa: Vec::new(),
        history: None,
        source_ts_ms: None,
        written_ts_ms: 0,
        rowtide_version: "test".into(),
    }
}
