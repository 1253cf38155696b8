//! What a record looks like in its topic, and which records are refused.

use rowtide_event::encode::TopicIndex;
use rowtide_event::encode::record::KeyHeader;
use rowtide_kafka::{CreateTopics, Delivery, KafkaError, Publisher, Recovery, TopicSpec, Topics};

use crate::fixtures::{self, checkpoint};
use crate::{add_limited, batch, committed, kafka, options, prepared, send, values};

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
    add_limited(&options, "large.small", 2000);
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
