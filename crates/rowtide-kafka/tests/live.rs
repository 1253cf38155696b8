//! The publisher, the checkpoint and the topics against a real broker.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::time::{Duration, Instant};

use rowtide_event::encode::TopicIndex;
use rowtide_event::encode::record::{KeyHeader, RecordBatch};
use rowtide_kafka::{
    CheckpointStore, CreateTopics, Delivery, KafkaError, KafkaOptions, Publisher, Recovery, TopicSpec, Topics,
};
use rowtide_testbed::Kafka;

use fixtures::checkpoint;

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
fn only_a_range_of_a_batch_is_sent() {
    let options = options("range");
    let topic = prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    let batch = batch(&[
        (None, Some("0")),
        (None, Some("1")),
        (None, Some("2")),
        (None, Some("3")),
    ]);
    publisher.begin().unwrap();
    publisher
        .send(&fixtures::tables(&[&topic]), &batch, 1..3)
        .unwrap();
    publisher.commit(&checkpoint("range", 4)).unwrap();
    assert_eq!(values(&topic, true), ["1", "2"]);
}

/// Records of a table stand together, in batches that end anywhere: those of each key stay in their order, however many
/// partitions there are and whether there is enough to be sent at once, to be compressed, or to wait.
#[test]
fn records_that_come_table_by_table_stay_in_their_order() {
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut options = options(&format!("by-table-{delivery:?}"));
        options.delivery = delivery;
        let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
        topics.ensure_own_topics(-1).unwrap();
        let names = [("one", 1), ("three", 3), ("few", 2)].map(|(name, partitions)| {
            let topic = format!("{}.db.{name}", options.source_name);
            let spec = TopicSpec {
                partitions,
                ..TopicSpec::default()
            };
            topics.ensure_topic(&topic, &spec).unwrap();
            topic
        });
        let long = "x".repeat(300);
        // Of the last table there is less than is worth compressing.
        let of_table = |table: u32| (0..if table == 2 { 3 } else { 500 }).map(move |number| (table, number));
        let round: Vec<(u32, u32)> = (0..3).flat_map(of_table).collect();
        let text = |(table, number): (u32, u32), turn: u32| {
            (table, (number % 7).to_string(), format!("{turn} {number} {long}"))
        };
        let mut publisher = Publisher::connect(&options).unwrap();
        let tables = fixtures::tables(&names);
        publisher.begin().unwrap();
        publisher
            .expect(&tables, &[TopicIndex(0), TopicIndex(1), TopicIndex(2)])
            .unwrap();
        for turn in 0..2 {
            for some in round.chunks(170) {
                let records: Vec<_> = some.iter().map(|record| text(*record, turn)).collect();
                let records = records
                    .iter()
                    .map(|(table, key, value)| (*table, Some(key.as_str()), Some(value.as_str())));
                publisher
                    .send_by_table(&tables, &fixtures::batch(records))
                    .unwrap();
            }
        }
        publisher.commit(&checkpoint(&options.source_name, 10)).unwrap();
        for (table, name) in (0..3).zip(&names) {
            let written = (0..2).flat_map(|turn| of_table(table).map(move |record| (record, turn)));
            let written: Vec<_> = written.map(|(record, turn)| text(record, turn)).collect();
            let found = committed(name, written.len());
            for key in ["0", "1", "2", "3", "4", "5", "6"] {
                let found = found
                    .iter()
                    .filter(|record| record.key.as_deref() == Some(key.as_bytes()));
                let found: Vec<_> = found.filter_map(|record| record.value.as_deref()).collect();
                let written = written.iter().filter(|record| record.1 == key);
                let written: Vec<_> = written.map(|record| record.2.as_bytes()).collect();
                assert!(found == written, "{name}: the records of the key {key}");
            }
        }
    }
}

#[test]
fn headers_come_in_debeziums_order() {
    let mut options = options("headers");
    options.context_headers = vec![
        ("__debezium.context.taskId".into(), "0".into()),
        ("b".into(), "x".into()),
    ];
    let topic = prepared(&options, 1);
    let mut batch = batch(&[
        (Some("1"), Some("d")),
        (Some("2"), Some("c")),
        (Some("3"), Some("u")),
    ]);
    let key = |i: usize| batch.records[i].key.clone().unwrap();
    let (first, second) = (key(0), key(1));
    batch.records[0].header = Some(KeyHeader::NewKey(second));
    batch.records[1].header = Some(KeyHeader::OldKey(first));
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    send(&mut publisher, &topic, &batch).unwrap();
    publisher.commit(&checkpoint("headers", 4)).unwrap();
    let seen: Vec<_> = kafka()
        .read_all(&[&topic], true)
        .unwrap()
        .into_iter()
        .map(|r| r.headers)
        .collect();
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    let context = [header("__debezium.context.taskId", "0"), header("b", "x")];
    assert_eq!(
        seen[0],
        [&[header("__debezium.newkey", "2")], &context[..]].concat()
    );
    assert_eq!(
        seen[1],
        [&[header("__debezium.oldkey", "1")], &context[..]].concat()
    );
    assert_eq!(seen[2], context);
}

#[test]
fn a_schema_change_goes_to_partition_0_of_the_topic_named_as_the_source() {
    let mut options = options("schema-changes");
    options.context_headers = vec![("context".into(), "c".into())];
    prepared(&options, 1);
    let data = TopicSpec {
        partitions: 3,
        ..TopicSpec::default()
    };
    let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
    let spec = TopicSpec::schema_changes(&data);
    topics.check_topic("schema-changes", &spec).unwrap();
    topics.ensure_topic("schema-changes", &spec).unwrap();
    assert_eq!(kafka().partitions("schema-changes").unwrap(), 1);

    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    for value in ["first", "second"] {
        publisher.send_schema_change(b"db", value.as_bytes()).unwrap();
    }
    publisher.commit(&checkpoint("schema-changes", 4)).unwrap();
    let seen = kafka().read_all(&["schema-changes"], true).unwrap();
    let values: Vec<_> = seen
        .iter()
        .map(|record| record.value.as_deref().unwrap())
        .collect();
    assert_eq!(values, [&b"first"[..], b"second"]);
    for record in seen {
        assert_eq!((record.partition, record.key.as_deref()), (0, Some(&b"db"[..])));
        assert_eq!(record.headers, [("context".to_owned(), Some(b"c".to_vec()))]);
    }
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
fn setting_the_checkpoint_fences_who_runs() {
    let options = options("set");
    prepared(&options, 1);
    assert_eq!(CheckpointStore::read(&options).unwrap(), None);
    let mut running = Publisher::connect(&options).unwrap();
    running.begin().unwrap();
    running.commit(&checkpoint("set", 10)).unwrap();
    CheckpointStore::write(&options, &checkpoint("set", 99)).unwrap();
    let late = running
        .begin()
        .and_then(|()| running.commit(&checkpoint("set", 20)));
    assert!(matches!(late, Err(KafkaError::Fenced { .. })), "{late:?}");
    assert_eq!(
        CheckpointStore::read(&options).unwrap(),
        Some(checkpoint("set", 99))
    );
}

#[test]
fn a_broken_or_deleted_checkpoint_is_told_from_none() {
    let options = options("broken");
    prepared(&options, 1);
    // Any record can be put there: the checkpoint topic serves as a data topic.
    let put = |value: Option<&str>| {
        let free = KafkaOptions {
            checkpoint_topic: "elsewhere".into(),
            ..options.clone()
        };
        let mut topics = Topics::connect(&free, CreateTopics::Allowed).unwrap();
        topics
            .ensure_topic("elsewhere", &TopicSpec::checkpoint(-1))
            .unwrap();
        let mut publisher = Publisher::connect(&free).unwrap();
        publisher.begin().unwrap();
        send(
            &mut publisher,
            "broken.checkpoint",
            &batch(&[(Some("broken"), value), (Some("other"), Some("x"))]),
        )
        .unwrap();
        publisher.commit(&checkpoint("broken", 4)).unwrap();
    };
    put(Some("{"));
    let error = CheckpointStore::read(&options).unwrap_err();
    assert!(
        matches!(&error, KafkaError::CheckpointCorrupt { offset: 0, .. }),
        "{error:?}"
    );
    put(Some(r#"{"format_version":7}"#));
    let error = CheckpointStore::read(&options).unwrap_err();
    assert!(
        matches!(&error, KafkaError::CheckpointTooNew { found: 7, .. }),
        "{error:?}"
    );
    put(Some(&checkpoint("another", 4).to_json()));
    let error = CheckpointStore::read(&options).unwrap_err();
    assert!(
        matches!(&error, KafkaError::CheckpointCorrupt { .. }),
        "{error:?}"
    );
    put(None);
    assert_eq!(CheckpointStore::read(&options).unwrap(), None);
}

#[test]
fn a_checkpoint_is_found_far_before_the_end_of_its_topic() {
    let options = options("far");
    prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    publisher.commit(&checkpoint("far", 10)).unwrap();
    let other = KafkaOptions {
        checkpoint_topic: options.checkpoint_topic.clone(),
        ..KafkaOptions::new(kafka().bootstrap(), "far-other")
    };
    prepared(&other, 1);
    let mut publisher = Publisher::connect(&other).unwrap();
    publisher.begin().unwrap();
    let many = batch(&[(Some("far-another"), Some("x")); 1_500]);
    send(&mut publisher, &options.checkpoint_topic, &many).unwrap();
    publisher.commit(&checkpoint("far-other", 20)).unwrap();
    let found = |options| CheckpointStore::read(options).unwrap();
    assert_eq!(found(&options), Some(checkpoint("far", 10)));
    assert_eq!(found(&other), Some(checkpoint("far-other", 20)));
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

/// Keys of all lengths modulo 4, by which murmur2 takes them.
const KEYS: [&str; 7] = [
    "a",
    "{\"id\":1}",
    "{\"name\":\"Zoë €\"}",
    "abcd",
    "abcde",
    "abcdef",
    "abcdefg",
];

#[test]
fn keys_go_where_javas_client_puts_them_and_null_keys_to_one_partition() {
    let options = options("partitions");
    let topic = prepared(&options, 12);
    let mut publisher = Publisher::connect(&options).unwrap();
    let keyed = KEYS.map(|key| (Some(key), Some("v")));
    for _ in 0..3 {
        publisher.begin().unwrap();
        send(&mut publisher, &topic, &batch(&keyed)).unwrap();
        send(
            &mut publisher,
            &topic,
            &batch(&[(None, Some("1")), (None, Some("2")), (None, Some("3"))]),
        )
        .unwrap();
        publisher.commit(&checkpoint("partitions", 4)).unwrap();
    }
    let by_java = format!("{topic}.by-java");
    let spec = TopicSpec {
        partitions: 12,
        ..TopicSpec::default()
    };
    let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
    topics.ensure_topic(&by_java, &spec).unwrap();
    let keys_and_values = KEYS.map(|key| (key.to_owned(), "v".to_owned()));
    kafka().produce_by_java(&by_java, &keys_and_values).unwrap();
    let records = committed(&topic, 3 * (KEYS.len() + 3));
    for record in committed(&by_java, KEYS.len()) {
        let (key, partition) = (String::from_utf8(record.key.unwrap()).unwrap(), record.partition);
        let of_key: Vec<_> = records
            .iter()
            .filter(|r| r.key.as_deref() == Some(key.as_bytes()))
            .collect();
        assert_eq!(of_key.len(), 3, "{key}");
        assert!(
            of_key.iter().all(|r| r.partition == partition),
            "{key}: {of_key:?}"
        );
    }
    let keyless: Vec<_> = records.iter().filter(|r| r.key.is_none()).collect();
    assert!(keyless.iter().all(|r| r.partition == keyless[0].partition));
    let order: Vec<_> = keyless.iter().map(|r| r.value.as_deref().unwrap()).collect();
    assert_eq!(order, [b"1", b"2", b"3", b"1", b"2", b"3", b"1", b"2", b"3"]);
}

#[test]
fn a_record_over_the_topics_limit_is_named_with_the_limits() {
    let options = options("large");
    prepared(&options, 1);
    let small = TopicSpec {
        config: vec![("max.message.bytes".into(), "2000".into())],
        ..TopicSpec::default()
    };
    Topics::connect(&options, CreateTopics::Allowed)
        .unwrap()
        .ensure_topic("large.small", &small)
        .unwrap();
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    // Text that lz4 cannot make smaller.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b' ' + u8::try_from(state >> 58).unwrap())
    });
    let text: String = noise.take(50_000).collect();
    let sent = send(
        &mut publisher,
        "large.small",
        &batch(&[(Some("k"), Some("v")), (Some("k"), Some(&text))]),
    );
    let error = sent
        .and_then(|()| publisher.commit(&checkpoint("large", 4)))
        .unwrap_err();
    let KafkaError::MessageTooLarge {
        topic, bytes, limit, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((topic.as_str(), *bytes), ("large.small", 50_001));
    assert!(
        limit.contains("max.message.bytes") && limit.contains("16000000"),
        "{limit}"
    );
    assert_eq!(error.recovery(), Recovery::Stop);
}

#[test]
fn a_record_over_the_clients_limits_is_refused_at_once() {
    for (setting, value) in [("message.max.bytes", "5000"), ("queue.buffering.max.kbytes", "5")] {
        let mut options = options(&format!("large-{setting}"));
        options.config.push((setting.into(), value.into()));
        let topic = prepared(&options, 1);
        let mut publisher = Publisher::connect(&options).unwrap();
        publisher.begin().unwrap();
        let error = send(
            &mut publisher,
            &topic,
            &batch(&[(None, Some(&"x".repeat(6_000)))]),
        )
        .unwrap_err();
        assert!(
            matches!(&error, KafkaError::MessageTooLarge { bytes: 6_000, .. }),
            "{setting}: {error:?}"
        );
        assert!(
            error.to_string().contains(&format!("{setting}={value}")),
            "{error}"
        );
    }
}

#[test]
fn a_full_queue_holds_the_sender_back_and_loses_nothing() {
    let mut options = options("full");
    options
        .config
        .push(("queue.buffering.max.messages".into(), "10".into()));
    let topic = prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    let texts: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    let all: Vec<_> = texts.iter().map(|text| (None, Some(text.as_str()))).collect();
    publisher.begin().unwrap();
    send(&mut publisher, &topic, &batch(&all)).unwrap();
    publisher.commit(&checkpoint("full", 4)).unwrap();
    assert_eq!(values(&topic, true), texts);
}

#[test]
fn at_least_once_writes_the_checkpoint_only_after_everything_is_acknowledged() {
    let mut options = options("alo");
    options.delivery = Delivery::AtLeastOnce;
    let topic = prepared(&options, 1);
    let small = TopicSpec {
        config: vec![("max.message.bytes".into(), "100".into())],
        ..TopicSpec::default()
    };
    Topics::connect(&options, CreateTopics::Allowed)
        .unwrap()
        .ensure_topic("alo.small", &small)
        .unwrap();
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

#[test]
fn a_checkpoint_topic_that_is_not_compacted_is_refused_with_the_command() {
    let options = options("uncompacted");
    kafka()
        .create_topic("uncompacted.checkpoint", 1, &[("cleanup.policy", "delete")])
        .unwrap();
    let error = Topics::connect(&options, CreateTopics::Allowed)
        .unwrap()
        .ensure_own_topics(-1)
        .unwrap_err();
    assert!(matches!(&error, KafkaError::TopicUnfit { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("cleanup.policy=delete") && text.contains("--entity-name uncompacted.checkpoint"),
        "{text}"
    );
    assert_eq!(error.recovery(), Recovery::Stop);
}

#[test]
fn a_topic_with_the_wrong_partitions_or_retention_is_refused() {
    let options = options("unfit");
    kafka()
        .create_topic("unfit.checkpoint", 2, &[("cleanup.policy", "compact")])
        .unwrap();
    let error = Topics::connect(&options, CreateTopics::Allowed)
        .unwrap()
        .ensure_own_topics(-1)
        .unwrap_err();
    assert!(error.to_string().contains("it has 2 partitions"), "{error}");

    let options = KafkaOptions {
        checkpoint_topic: "unfit.other".into(),
        ..options
    };
    kafka()
        .create_topic("unfit.schema-history2", 1, &[("retention.ms", "1000")])
        .unwrap();
    let options = KafkaOptions {
        history_topic: "unfit.schema-history2".into(),
        ..options
    };
    let error = Topics::connect(&options, CreateTopics::Allowed)
        .unwrap()
        .ensure_own_topics(-1)
        .unwrap_err();
    assert!(error.to_string().contains("retention.ms=1000"), "{error}");
}

#[test]
fn a_missing_topic_is_refused_where_creating_is_not_allowed() {
    let options = options("forbidden");
    let mut topics = Topics::connect(&options, CreateTopics::Forbidden).unwrap();
    let spec = TopicSpec {
        partitions: 3,
        ..TopicSpec::default()
    };
    let error = topics.ensure_topic("forbidden.t", &spec).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("forbidden.t") && text.contains("--partitions 3"),
        "{text}"
    );
    assert!(topics.check_topic("forbidden.t", &spec).is_err());
    assert!(!kafka().topics().unwrap().contains(&"forbidden.t".to_owned()));
    // Once somebody has made it, it is found.
    kafka().create_topic("forbidden.t", 3, &[]).unwrap();
    topics.ensure_topic("forbidden.t", &spec).unwrap();
}

#[test]
fn many_topics_are_created_at_once_and_an_impossible_one_is_named() {
    let options = options("many");
    let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
    let names: Vec<String> = (0..30).map(|i| format!("many.{i}")).collect();
    let wanted: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), TopicSpec::default()))
        .collect();
    topics.ensure_topics(&wanted).unwrap();
    topics.ensure_topics(&wanted).unwrap();
    let there = kafka().topics().unwrap();
    assert!(names.iter().all(|name| there.contains(name)));
    let replicated = TopicSpec {
        replication_factor: 3,
        ..TopicSpec::default()
    };
    let error = topics.ensure_topic("many.replicated", &replicated).unwrap_err();
    assert!(error.to_string().contains("many.replicated"), "{error}");
    assert_eq!(error.recovery(), Recovery::Stop);
}

#[test]
fn a_topic_that_is_gone_is_an_error_and_is_not_made_by_the_broker() {
    let mut options = options("gone");
    options
        .config
        .push(("topic.metadata.propagation.max.ms".into(), "500".into()));
    prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    let sent = send(&mut publisher, "gone.never", &batch(&[(None, Some("v"))]));
    let error = sent
        .and_then(|()| publisher.commit(&checkpoint("gone", 4)))
        .unwrap_err();
    assert!(
        matches!(&error, KafkaError::TopicGone { topic, .. } if topic == "gone.never"),
        "{error:?}"
    );
    assert!(!kafka().topics().unwrap().contains(&"gone.never".to_owned()));
}

#[test]
fn an_unreachable_broker_is_named() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let mut options = KafkaOptions::new(&address, "nowhere");
    options.timeouts.connect = Duration::from_millis(700);
    let start = Instant::now();
    let failures = [
        Publisher::connect(&options).err(),
        Topics::connect(&options, CreateTopics::Allowed).err(),
        CheckpointStore::read(&options).err(),
    ];
    for error in failures {
        let error = error.expect("nobody listens there");
        assert!(matches!(&error, KafkaError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains(&address), "{error}");
        assert_eq!(error.recovery(), Recovery::Restart);
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}
