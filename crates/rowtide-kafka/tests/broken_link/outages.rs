//! Brokers that are silent, away, or tired of a connection.

use std::thread;
use std::time::{Duration, Instant};

use rowtide_kafka::{Delivery, KafkaOptions, Publisher, Recovery, Timeouts, TopicSpec};

use crate::fixtures::checkpoint;
use crate::stage::{Stage, send, stage, transact};

/// Far more than any of the times that are set, and far less than the defaults.
const NO_HANG: Duration = Duration::from_secs(20);

/// Waits for nothing long.
fn impatient(stage: &Stage, source: &str, delivery: Delivery) -> (KafkaOptions, String) {
    let config = [
        ("request.timeout.ms", "500"),
        ("delivery.timeout.ms", "1500"),
        ("transaction.timeout.ms", "3000"),
        ("socket.connection.setup.timeout.ms", "1000"),
    ];
    let mut options = stage.source(source, delivery, &config);
    options.timeouts = Timeouts {
        connect: Duration::from_secs(2),
        ..Timeouts::default()
    };
    let topic = stage.topics(&options, 1, &TopicSpec::default()).remove(0);
    (options, topic)
}

#[test]
fn a_silent_broker_is_an_error_in_time() {
    let stage = stage();
    for (source, delivery) in [
        ("silent-e", Delivery::ExactlyOnce),
        ("silent-a", Delivery::AtLeastOnce),
    ] {
        stage.link.pass_all();
        let (options, topic) = impatient(&stage, source, delivery);
        for silent_before in ["connect", "begin", "send", "commit"] {
            stage.link.pass_all();
            let silence = |step| {
                if step == silent_before {
                    stage.link.pass_nothing();
                }
                Instant::now()
            };
            let mut begun = silence("connect");
            let result = Publisher::connect(&options).and_then(|mut publisher| {
                transact(&mut publisher, &options, &topic, &["seen"])?;
                begun = silence("begin");
                publisher.begin()?;
                begun = silence("send");
                send(&mut publisher, &topic, &["sent"])?;
                begun = silence("commit");
                publisher.commit(&checkpoint(&options.source_name, 2))
            });
            let took = begun.elapsed();
            let error = result.expect_err(silent_before);
            println!("{source}, {silent_before}: {took:?}: {error}");
            assert_eq!(error.recovery(), Recovery::Restart, "{silent_before}: {error}");
            assert!(took < NO_HANG, "{silent_before}: {took:?}");
        }
    }
}

#[test]
fn a_silence_that_ends_in_time_is_no_error() {
    let stage = stage();
    for (source, delivery) in DELIVERIES {
        let options = stage.source(
            &format!("short-{source}"),
            delivery,
            &[("request.timeout.ms", "300")],
        );
        let topic = stage.topics(&options, 1, &TopicSpec::default()).remove(0);
        let mut publisher = Publisher::connect(&options).unwrap();
        transact(&mut publisher, &options, &topic, &["before"]).unwrap();
        publisher.begin().unwrap();
        stage.link.pass_nothing();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_secs(2));
                stage.link.pass_all();
            });
            send(&mut publisher, &topic, &["during"]).unwrap();
            publisher.commit(&checkpoint(&options.source_name, 2)).unwrap();
        });
        transact(&mut publisher, &options, &topic, &["after"]).unwrap();
        transact(&mut publisher, &options, &topic, &["last"]).unwrap();
        stage.await_values(&topic, &["before", "during", "after", "last"]);
    }
}

const DELIVERIES: [(&str, Delivery); 2] = [("e", Delivery::ExactlyOnce), ("a", Delivery::AtLeastOnce)];

/// One that is killed shows its committed records when it likes (docs/operations.md): `broker_restarts.rs` kills it.
#[test]
fn a_broker_that_restarts_between_two_transactions_is_no_error() {
    let stage = stage();
    for (source, delivery) in DELIVERIES {
        let options = stage.source(&format!("away-{source}"), delivery, &[]);
        let topic = stage.topics(&options, 1, &TopicSpec::default()).remove(0);
        let mut publisher = Publisher::connect(&options).unwrap();
        for value in ["a", "b"] {
            transact(&mut publisher, &options, &topic, &[value]).unwrap();
        }
        stage.kafka.restart().unwrap();
        transact(&mut publisher, &options, &topic, &["last"]).unwrap();
        stage.await_values(&topic, &["a", "b", "last"]);
    }
}

#[test]
fn a_broker_that_restarts_in_a_transaction_is_no_error() {
    let stage = stage();
    for (source, delivery) in DELIVERIES {
        let options = stage.source(&format!("inside-{source}"), delivery, &[]);
        let topic = stage.topics(&options, 1, &TopicSpec::default()).remove(0);
        let mut publisher = Publisher::connect(&options).unwrap();
        transact(&mut publisher, &options, &topic, &["before"]).unwrap();
        publisher.begin().unwrap();
        send(&mut publisher, &topic, &["first"]).unwrap();
        stage.kafka.restart().unwrap();
        send(&mut publisher, &topic, &["second"]).unwrap();
        publisher.commit(&checkpoint(&options.source_name, 2)).unwrap();
        transact(&mut publisher, &options, &topic, &["last"]).unwrap();
        stage.await_values(&topic, &["before", "first", "second", "last"]);
    }
}

#[test]
fn connections_that_the_broker_closes_for_idleness_are_no_error() {
    let stage = stage();
    for (source, delivery) in DELIVERIES {
        let options = stage.source(&format!("idle-{source}"), delivery, &[]);
        let topic = stage.topics(&options, 1, &TopicSpec::default()).remove(0);
        let mut publisher = Publisher::connect(&options).unwrap();
        transact(&mut publisher, &options, &topic, &["0"]).unwrap();
        await_idle(&stage);
        transact(&mut publisher, &options, &topic, &["1"]).unwrap();
        publisher.begin().unwrap();
        await_idle(&stage);
        send(&mut publisher, &topic, &["2"]).unwrap();
        publisher.commit(&checkpoint(&options.source_name, 2)).unwrap();
        transact(&mut publisher, &options, &topic, &["3"]).unwrap();
        stage.await_values(&topic, &["0", "1", "2", "3"]);
    }
}

/// Waits until the broker has closed all connections.
fn await_idle(stage: &Stage) {
    let begun = Instant::now();
    while stage.link.open() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{} connections",
            stage.link.open()
        );
        thread::sleep(Duration::from_millis(50));
    }
}
