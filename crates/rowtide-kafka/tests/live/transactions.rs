//! What is visible when, and who may write.

use rowtide_kafka::{CheckpointStore, Delivery, KafkaError, KafkaOptions, Publisher, Recovery};

use crate::fixtures::checkpoint;
use crate::{add_limited, batch, kafka, options, prepared, send, values};

#[test]
fn only_what_is_committed_is_seen() {
    let options = options("committed");
    let topic = prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    send(&mut publisher, &topic, &batch(&[(Some("k"), Some("kept"))])).unwrap();
    publisher.commit(&checkpoint("committed", 10)).unwrap();
    publisher.begin().unwrap();
    send(&mut publisher, &topic, &batch(&[(Some("k"), Some("given up"))])).unwrap();
    publisher.abort().unwrap();
    publisher.begin().unwrap();
    send(&mut publisher, &topic, &batch(&[(Some("k"), None)])).unwrap();
    publisher.commit(&checkpoint("committed", 20)).unwrap();
    assert_eq!(values(&topic, true), ["kept", ""]);
    assert_eq!(
        CheckpointStore::read(&options).unwrap(),
        Some(checkpoint("committed", 20))
    );
}

#[test]
fn an_older_instance_is_fenced_and_its_open_transaction_aborted() {
    let options = options("fenced");
    let topic = prepared(&options, 1);
    let mut older = Publisher::connect(&options).unwrap();
    older.begin().unwrap();
    send(
        &mut older,
        &topic,
        &batch(&[(Some("k"), Some("older, committed"))]),
    )
    .unwrap();
    older.commit(&checkpoint("fenced", 10)).unwrap();
    older.begin().unwrap();
    send(&mut older, &topic, &batch(&[(Some("k"), Some("older, open"))])).unwrap();

    let mut newer = Publisher::connect(&options).unwrap();
    assert_eq!(
        CheckpointStore::read(&options).unwrap(),
        Some(checkpoint("fenced", 10))
    );
    let error = older.commit(&checkpoint("fenced", 20)).unwrap_err();
    assert_eq!(
        error,
        KafkaError::Fenced {
            transactional_id: "rowtide-fenced".into()
        }
    );
    assert_eq!(error.recovery(), Recovery::Stop);

    newer.begin().unwrap();
    send(&mut newer, &topic, &batch(&[(Some("k"), Some("newer"))])).unwrap();
    newer.commit(&checkpoint("fenced", 30)).unwrap();
    assert_eq!(values(&topic, true), ["older, committed", "newer"]);
    assert_eq!(
        CheckpointStore::read(&options).unwrap(),
        Some(checkpoint("fenced", 30))
    );
}

#[test]
fn a_new_publisher_ends_what_a_dead_one_left_open() {
    let options = options("left");
    let topic = prepared(&options, 1);
    let mut dead = Publisher::connect(&options).unwrap();
    dead.begin().unwrap();
    send(&mut dead, &topic, &batch(&[(Some("k"), Some("open"))])).unwrap();
    drop(dead);
    let at_least_once = KafkaOptions {
        delivery: Delivery::AtLeastOnce,
        ..options.clone()
    };
    let mut publisher = Publisher::connect(&at_least_once).unwrap();
    publisher.begin().unwrap();
    send(&mut publisher, &topic, &batch(&[(Some("k"), Some("next"))])).unwrap();
    publisher.commit(&checkpoint("left", 4)).unwrap();
    assert_eq!(values(&topic, true), ["next"]);
}

#[test]
fn two_transactional_ids_take_turns() {
    let options = options("turns");
    let topic = prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    let used = || (is_used("rowtide-turns"), is_used("rowtide-turns~2"));
    assert_eq!(used(), (false, false));
    let mut expected = Vec::new();
    for (pos, used_then) in [(10, (true, false)), (20, (true, true))] {
        let value = format!("up to {pos}");
        publisher.begin().unwrap();
        send(&mut publisher, &topic, &batch(&[(Some("k"), Some(&value))])).unwrap();
        publisher.commit(&checkpoint("turns", pos)).unwrap();
        assert_eq!(used(), used_then);
        expected.push(value);
    }
    // Ends what is under way of both.
    drop(Publisher::connect(&options).unwrap());
    assert_eq!(values(&topic, true), expected);
}

/// Whether a transaction of this id was ever begun, as Kafka's own tool tells.
fn is_used(transactional_id: &str) -> bool {
    let bootstrap = kafka().bootstrap();
    let arguments = ["--bootstrap-server", &bootstrap, "list"];
    let listed = kafka()
        .java("org.apache.kafka.tools.TransactionsCommand", &arguments)
        .unwrap();
    let line = listed
        .lines()
        .find(|line| line.split_whitespace().next() == Some(transactional_id))
        .expect("the id is known");
    line.split_whitespace().all(|word| word != "Empty")
}

#[test]
fn at_least_once_writes_the_checkpoint_only_after_everything_is_acknowledged() {
    let mut options = options("alo");
    options.delivery = Delivery::AtLeastOnce;
    let topic = prepared(&options, 1);
    add_limited(&options, "alo.small", 100);
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    send(&mut publisher, &topic, &batch(&[(Some("k"), Some("v"))])).unwrap();
    publisher.commit(&checkpoint("alo", 10)).unwrap();
    publisher.begin().unwrap();
    let large: String = ('!'..='~').cycle().take(3_000).collect();
    let sent = send(&mut publisher, "alo.small", &batch(&[(Some("k"), Some(&large))]));
    let error = sent
        .and_then(|()| publisher.commit(&checkpoint("alo", 20)))
        .unwrap_err();
    assert!(matches!(error, KafkaError::MessageTooLarge { .. }), "{error:?}");
    assert_eq!(values(&topic, true), ["v"]);
    assert_eq!(
        CheckpointStore::read(&options).unwrap(),
        Some(checkpoint("alo", 10))
    );
}
