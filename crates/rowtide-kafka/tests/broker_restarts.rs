//! Exactly once, with a broker that is killed in the middle of transactions.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use rowtide_event::encode::record::RecordBatch;
use rowtide_kafka::{
    Checkpoint, CheckpointStore, CreateTopics, Delivery, KafkaError, KafkaOptions, Publisher, Recovery,
    TopicSpec, Topics,
};
use rowtide_testbed::Kafka;

use fixtures::{checkpoint, history, longer, message};

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
    let range = CheckpointStore::read(&options).unwrap().unwrap().history.unwrap();
    let halves: Vec<u64> = (0..RECORDS).step_by(IN_A_TRANSACTION as usize / 2).collect();
    assert_eq!(history(&options, &range), halves);
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
    let found = CheckpointStore::read(options)?;
    *done = found.as_ref().map_or(0, |checkpoint| checkpoint.pos);
    let mut range = found.and_then(|checkpoint| checkpoint.history);
    while *done < RECORDS {
        publisher.begin()?;
        let half = *done + IN_A_TRANSACTION / 2;
        let first = batch(*done, IN_A_TRANSACTION / 2);
        publisher.send(&fixtures::tables(&["restarts.t"]), &first, 0..first.records.len())?;
        let mut tickets = vec![publisher.send_history(&message(&options.source_name, *done))?];
        between(*done);
        let second = batch(half, IN_A_TRANSACTION / 2);
        publisher.send(
            &fixtures::tables(&["restarts.t"]),
            &second,
            0..second.records.len(),
        )?;
        tickets.push(publisher.send_history(&message(&options.source_name, half))?);
        publisher.settle_history()?;
        let offsets = tickets.into_iter().map(|t| publisher.history_offset(t).unwrap());
        range = offsets.fold(range, |range, offset| Some(longer(range, offset)));
        publisher.commit(&Checkpoint {
            history: range.clone(),
            ..checkpoint(&options.source_name, *done + IN_A_TRANSACTION)
        })?;
        *done += IN_A_TRANSACTION;
    }
    Ok(())
}

/// Without transactions a publisher outlives the broker, and sends again what was not acknowledged.
#[test]
fn the_offsets_of_records_that_were_sent_again_are_right() {
    let kafka = Kafka::start(rowtide_testbed::KafkaOptions::default()).unwrap();
    let options = KafkaOptions {
        delivery: Delivery::AtLeastOnce,
        ..KafkaOptions::new(kafka.bootstrap(), "again")
    };
    let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
    topics.ensure_own_topics(-1).unwrap();
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    let mut tickets = Vec::new();
    for pos in 0..1_000 {
        tickets.push(
            publisher
                .send_history(&message(&options.source_name, pos))
                .unwrap(),
        );
        if pos == 500 {
            kafka.kill9();
        }
    }
    kafka.start_again().unwrap();
    publisher.settle_history().unwrap();
    let offsets = tickets.into_iter().map(|t| publisher.history_offset(t).unwrap());
    let range = offsets
        .fold(None, |range, offset| Some(longer(range, offset)))
        .unwrap();
    publisher
        .commit(&Checkpoint {
            history: Some(range.clone()),
            ..checkpoint(&options.source_name, 1_000)
        })
        .unwrap();
    assert_eq!(range.records, 1_000);
    assert_eq!(history(&options, &range), (0..1_000).collect::<Vec<_>>());
}

/// Records whose values are numbers.
fn batch(from: u64, count: u64) -> RecordBatch {
    let values: Vec<_> = (from..from + count).map(|number| number.to_string()).collect();
    fixtures::batch(values.iter().map(|value| (0, None, Some(value.as_str()))))
}
