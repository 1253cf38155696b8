//! What readers see of transactions, codecs, large records and many topics.

use rowtide_kafka::{CheckpointStore, Delivery, Publisher, TopicSpec};

use crate::fixtures::{batch, checkpoint, tables};
use crate::stage::{Stage, send, stage, transact};

#[test]
fn what_is_given_up_is_not_seen_and_what_follows_is() {
    let stage = stage();
    let options = stage.source("abort", Delivery::ExactlyOnce, &[("batch.size", "100")]);
    let topic = stage.topics(&options, 1, &TopicSpec::default()).remove(0);
    let mut publisher = Publisher::connect(&options).unwrap();
    let long = "given up ".repeat(30);
    for round in 0..3 {
        // Each of the two producers gives up in one round or another.
        transact(&mut publisher, &options, &topic, &["kept"]).unwrap();
        for given_up in [&[][..], &["not sent yet"], &[&long, &long, &long]] {
            publisher.begin().unwrap();
            send(&mut publisher, &topic, given_up).unwrap();
            publisher.abort().unwrap();
        }
        publisher.begin().unwrap();
        send(&mut publisher, &topic, &["second"]).unwrap();
        publisher
            .commit(&checkpoint(&options.source_name, round))
            .unwrap();
    }
    stage.await_values(&topic, &["kept", "second", "kept", "second", "kept", "second"]);
    assert_eq!(CheckpointStore::read(&options).unwrap().unwrap().pos, 2);
}

#[test]
fn a_record_larger_than_a_batch_goes_alone() {
    let stage = stage();
    let options = stage.source("large", Delivery::ExactlyOnce, &[("batch.size", "10000")]);
    let topic = format!("{}.t", options.source_name);
    stage
        .kafka
        .create_topic(&topic, 1, &[("max.message.bytes", "10000000")])
        .unwrap();
    let large: String = (0..400_000_u64)
        .map(|i| format!("{:08x}", (i * 2_654_435_761) as u32))
        .collect();
    let mut publisher = Publisher::connect(&options).unwrap();
    let values = ["small", &large, "small", &large, &large, "last"];
    transact(&mut publisher, &options, &topic, &values).unwrap();
    stage.await_values(&topic, &values);
}

#[test]
fn a_transaction_over_many_topics_is_whole() {
    const TOPICS: usize = 300;
    let stage = stage();
    let options = stage.source("many", Delivery::ExactlyOnce, &[]);
    let topics = stage.topics(&options, TOPICS, &TopicSpec::default());
    let mut publisher = Publisher::connect(&options).unwrap();
    for round in 0..3 {
        publisher.begin().unwrap();
        let value = format!("round {round}");
        let batch = batch((0..TOPICS as u32).map(|topic| (topic, None, Some(value.as_str()))));
        publisher.send(&tables(&topics), &batch, 0..TOPICS).unwrap();
        match round {
            1 => publisher.abort().unwrap(),
            _ => publisher
                .commit(&checkpoint(&options.source_name, round))
                .unwrap(),
        }
    }
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let seen = stage.await_records(&names, 2 * TOPICS);
    for of_topic in seen.chunks(2) {
        assert_eq!(of_topic[0].topic, of_topic[1].topic);
        assert_eq!(of_topic[0].value.as_deref(), Some(&b"round 0"[..]));
        assert_eq!(of_topic[1].value.as_deref(), Some(&b"round 2"[..]));
    }
}

/// Memory is for a few records of each, so that what has gathered is compressed, where the codec can do so bit by bit, and the
/// oldest are sent over and over while others gather.
#[test]
fn records_of_many_topics_keep_their_order_in_little_memory() {
    const TOPICS: usize = 40;
    const ROUNDS: usize = 50;
    let stage = stage();
    for (source, delivery, codec, kbytes) in [
        ("little", Delivery::ExactlyOnce, "lz4", "64"),
        ("least", Delivery::AtLeastOnce, "lz4", "64"),
        ("packed-lz4", Delivery::ExactlyOnce, "lz4", "256"),
        ("packed-snappy", Delivery::ExactlyOnce, "snappy", "256"),
        ("packed-gzip", Delivery::ExactlyOnce, "gzip", "256"),
    ] {
        let settings = [
            ("queue.buffering.max.kbytes", kbytes),
            ("message.max.bytes", "20000"),
            ("compression.type", codec),
        ];
        let options = stage.source(source, delivery, &settings);
        let topics = stage.topics(&options, TOPICS, &TopicSpec::default());
        let mut publisher = Publisher::connect(&options).unwrap();
        publisher.begin().unwrap();
        for round in 0..ROUNDS {
            // One topic has large records beside the small ones of the others.
            let values = (0..TOPICS).map(|topic| match topic {
                0 => format!("{round} {}", "large ".repeat(2_000)),
                _ => format!("{round} {}", "small ".repeat(topic)),
            });
            let values: Vec<String> = values.collect();
            let records = values.iter().enumerate();
            let batch = batch(records.map(|(topic, value)| (topic as u32, None, Some(value.as_str()))));
            publisher.send(&tables(&topics), &batch, 0..TOPICS).unwrap();
        }
        publisher.commit(&checkpoint(&options.source_name, 1)).unwrap();
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let seen = stage.await_records(&names, TOPICS * ROUNDS);
        for name in names {
            let of_topic = seen.iter().filter(|record| record.topic == name);
            let rounds: Vec<usize> = of_topic
                .map(|record| {
                    let text = std::str::from_utf8(record.value.as_deref().unwrap()).unwrap();
                    text.split(' ').next().unwrap().parse().unwrap()
                })
                .collect();
            assert!(rounds.iter().copied().eq(0..ROUNDS), "{name}: {rounds:?}");
        }
    }
    let count = 3 * TOPICS * ROUNDS;
    let read = by_kafkas_own_reader(&stage, "packed-[a-z0-9]+\\.t[0-9]+", count);
    assert_eq!(read.lines().count(), count);
}

/// So many committed records of topics, with headers and key, as the consumer in Kafka's own package prints them.
fn by_kafkas_own_reader(stage: &Stage, topics: &str, count: usize) -> String {
    let bootstrap = stage.kafka.bootstrap();
    let count = count.to_string();
    let arguments = [
        "--bootstrap-server",
        &bootstrap,
        "--include",
        topics,
        "--from-beginning",
        "--isolation-level",
        "read_committed",
        "--max-messages",
        &count,
        "--timeout-ms",
        "30000",
        "--formatter-property",
        "print.headers=true",
        "--formatter-property",
        "print.key=true",
    ];
    stage
        .kafka
        .java("org.apache.kafka.tools.consumer.ConsoleConsumer", &arguments)
        .unwrap()
}

#[test]
fn every_codec_is_read_by_kafkas_own_reader_too() {
    const RECORDS: usize = 500;
    let stage = stage();
    let mut all = Vec::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let source = format!("codec-{codec}");
        let mut options = stage.source(&source, Delivery::ExactlyOnce, &[("compression.type", codec)]);
        options.context_headers = vec![("context".to_owned(), codec.to_owned())];
        let topic = stage.topics(&options, 1, &TopicSpec::default()).remove(0);
        let mut publisher = Publisher::connect(&options).unwrap();
        let mut expected = Vec::new();
        for round in 0..3 {
            // One record, some, and more than a block of any codec holds; text, and what does not become smaller.
            let texts = (0..RECORDS.min(1 + round * RECORDS)).map(|i| {
                let noise = (i as u64)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(i as u32);
                format!("{codec} {round} {i} {} {noise:x}", "text ".repeat(i % 100))
            });
            let texts: Vec<_> = texts.collect();
            let values: Vec<&str> = texts.iter().map(String::as_str).collect();
            transact(&mut publisher, &options, &topic, &values).unwrap();
            expected.extend(texts);
        }
        stage.await_values(&topic, &expected);
        all.extend(expected);
    }
    let read = by_kafkas_own_reader(&stage, "codec-[a-z0-9]+\\.t0", all.len());
    let mut read: Vec<&str> = read.lines().collect();
    let expected = all.iter().map(|value| {
        let codec = value.split(' ').next().unwrap_or_default();
        format!("context:{codec}\tk\t{value}")
    });
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    read.sort_unstable();
    assert_eq!(read.len(), expected.len());
    assert!(
        read == expected,
        "{:?}",
        read.iter().zip(&expected).find(|(a, b)| *a != b)
    );
}
