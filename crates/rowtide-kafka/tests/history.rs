//! The schema-history topic against a real broker.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rowtide_kafka::{
    Checkpoint, CreateTopics, Delivery, Effect, HistoryEnd, HistoryMessage, HistoryRange, HistoryStore,
    KafkaError, KafkaOptions, Publisher, Reader, Recovery, StoredMessage, Topics, WholeHistory,
};
use rowtide_testbed::Kafka;

/// One broker for all tests; each test has topics of its own.
fn kafka() -> &'static Kafka {
    rowtide_testbed::shared::kafka().expect("a broker")
}

/// A source with its own topics.
fn prepared(source: &str, delivery: Delivery) -> KafkaOptions {
    let options = KafkaOptions {
        delivery,
        ..KafkaOptions::new(kafka().bootstrap(), source)
    };
    Topics::connect(&options, CreateTopics::Allowed)
        .unwrap()
        .ensure_own_topics(-1)
        .unwrap();
    options
}

fn checkpoint(options: &KafkaOptions, history: Option<HistoryRange>) -> Checkpoint {
    Checkpoint {
        history,
        ..fixtures::checkpoint(&options.source_name, 4)
    }
}

/// The history message of a table that is there.
fn message(options: &KafkaOptions, table: &str) -> HistoryMessage {
    let mut message = fixtures::message(&options.source_name, 157);
    message.record.database_name = Some("db".into());
    message.record.ddl = Some(format!("CREATE TABLE {table} (id int)"));
    message.effects = vec![Effect::Table {
        database: "db".into(),
        table: table.into(),
        definition: format!("CREATE TABLE `{table}` (`id` int)"),
    }];
    message
}

/// Sends the messages in a transaction of their own, and gives the range that holds them and `before`.
fn commit(
    publisher: &mut Publisher,
    before: Option<HistoryRange>,
    messages: &[HistoryMessage],
    options: &KafkaOptions,
) -> HistoryRange {
    publisher.begin().unwrap();
    let mut tickets = Vec::new();
    // Several at once and one more: the order of things in a transaction is the caller's.
    let (last, first) = messages.split_last().unwrap();
    for messages in [first, std::slice::from_ref(last)] {
        tickets.extend(messages.iter().map(|m| publisher.send_history(m).unwrap()));
        publisher.settle_history().unwrap();
    }
    let offsets: Vec<i64> = tickets
        .iter()
        .map(|t| publisher.history_offset(*t).unwrap())
        .collect();
    let records = u64::try_from(offsets.len()).unwrap();
    let range = HistoryRange {
        first_offset: before.as_ref().map_or(offsets[0], |b| b.first_offset),
        last_offset: offsets[offsets.len() - 1],
        records: before.map_or(0, |b| b.records) + records,
        through: None,
    };
    publisher
        .commit(&checkpoint(options, Some(range.clone())))
        .unwrap();
    assert!(tickets.iter().all(|t| publisher.history_offset(*t).is_none()));
    range
}

fn whole(found: StoredMessage<'_>) -> HistoryMessage {
    HistoryMessage {
        record: found.record().unwrap(),
        effects: found.effects,
    }
}

fn read(
    options: &KafkaOptions,
    range: &HistoryRange,
) -> Result<(HistoryEnd, Vec<HistoryMessage>), KafkaError> {
    let mut read = Vec::new();
    let end = HistoryStore::read_range(options, range, |found| {
        read.push(whole(found));
        Ok::<_, KafkaError>(())
    })?;
    Ok((end, read))
}

/// All records of a topic, once there are so many: the marks of a transaction reach its partitions a moment after it.
fn committed(topic: &str, records: usize) -> Vec<rowtide_testbed::Record> {
    loop {
        let seen = kafka().read_all(&[topic], true).unwrap();
        assert!(seen.len() <= records);
        if seen.len() == records {
            return seen;
        }
    }
}

fn read_all(options: &KafkaOptions) -> Result<(WholeHistory, Vec<HistoryMessage>), KafkaError> {
    let mut read = Vec::new();
    let all = HistoryStore::read_all(options, |found| {
        read.push(whole(found));
        Ok::<_, KafkaError>(())
    })?;
    Ok((all, read))
}

/// Writes a record as somebody else would.
fn put(options: &KafkaOptions, value: &[u8], headers: &[(&str, Option<&[u8]>)]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka().bootstrap())
        .create()
        .unwrap();
    let headers = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
        all.insert(Header { key, value: *value })
    });
    let record = BaseRecord::<[u8], [u8]>::to(&options.history_topic)
        .partition(0)
        .payload(value)
        .headers(headers);
    producer.send(record).map_err(|(e, _)| e).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// The refusal stops Rowtide, and its text names the topic and a way out.
fn refused<T: std::fmt::Debug>(options: &KafkaOptions, result: Result<T, KafkaError>) -> KafkaError {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.recovery(), Recovery::Stop, "{text}");
    assert!(text.contains(&options.history_topic), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let way_out = text.contains("rowtide checkpoint set") || text.contains("use the newer Rowtide");
    assert!(way_out, "{text}");
    error
}

/// A source with a history of three records, a transaction each.
fn of_three(source: &str) -> (KafkaOptions, HistoryRange) {
    let options = prepared(source, Delivery::ExactlyOnce);
    let mut publisher = Publisher::connect(&options).unwrap();
    let mut range = None;
    for table in ["a", "b", "c"] {
        range = Some(commit(
            &mut publisher,
            range,
            &[message(&options, table)],
            &options,
        ));
    }
    (options, range.unwrap())
}

#[test]
fn a_message_goes_to_partition_0_without_a_key_and_its_effects_into_a_header() {
    let options = prepared("history-form", Delivery::ExactlyOnce);
    let with = message(&options, "t");
    let without = HistoryMessage {
        effects: vec![],
        ..with.clone()
    };
    let mut publisher = Publisher::connect(&options).unwrap();
    commit(&mut publisher, None, &[without, with.clone()], &options);
    let seen = committed(&options.history_topic, 2);
    for record in &seen {
        assert_eq!((record.partition, &record.key), (0, &None));
        assert_eq!(record.value.as_deref(), Some(with.record.to_json().as_bytes()));
    }
    assert_eq!(
        seen[0].headers,
        [("rowtide.schema".to_owned(), Some(b"[]".to_vec()))]
    );
    let effects = br#"[{"table":{"database":"db","table":"t","definition":"CREATE TABLE `t` (`id` int)"}}]"#;
    assert_eq!(
        seen[1].headers,
        [("rowtide.schema".to_owned(), Some(effects.to_vec()))]
    );
}

#[test]
fn a_range_is_read_back_in_both_ways_of_delivery() {
    for (source, delivery) in [
        ("history-eo", Delivery::ExactlyOnce),
        ("history-alo", Delivery::AtLeastOnce),
    ] {
        let options = prepared(source, delivery);
        let names = ["a", "b", "c", "d", "e"];
        let messages: Vec<_> = names.iter().map(|name| message(&options, name)).collect();
        let mut publisher = Publisher::connect(&options).unwrap();
        commit(&mut publisher, None, &messages[..1], &options);
        let range = commit(&mut publisher, None, &messages[1..4], &options);
        let range = commit(&mut publisher, Some(range), &messages[4..], &options);
        let (end, found) = read(&options, &range).unwrap();
        assert_eq!(found, messages[1..]);
        assert_eq!((end.records_behind, end.last_offset), (0, range.last_offset));
        assert_eq!(range.records, 4);
    }
}

#[test]
fn offsets_are_those_of_the_topic_after_each_settling() {
    for (source, delivery) in [
        ("history-twice-eo", Delivery::ExactlyOnce),
        ("history-twice-alo", Delivery::AtLeastOnce),
    ] {
        let options = prepared(source, delivery);
        let mut publisher = Publisher::connect(&options).unwrap();
        let mut offsets = Vec::new();
        for settlings in [&[2, 3][..], &[1], &[4, 1, 1], &[], &[2], &[], &[], &[1]] {
            publisher.begin().unwrap();
            let mut tickets = Vec::new();
            for count in settlings {
                for _ in 0..*count {
                    let sent = publisher.send_history(&message(&options, "t")).unwrap();
                    assert_eq!(publisher.history_offset(sent), None);
                    tickets.push(sent);
                }
                publisher.settle_history().unwrap();
            }
            offsets.extend(tickets.iter().map(|t| publisher.history_offset(*t).unwrap()));
            publisher.commit(&checkpoint(&options, None)).unwrap();
            publisher.settle_history().unwrap();
        }
        // Waits until the transaction before is over, whose mark may be on its way.
        drop(Publisher::connect(&options).unwrap());
        let mut found = Vec::new();
        let note = |message: StoredMessage<'_>| {
            found.push(message.offset);
            Ok::<_, KafkaError>(())
        };
        HistoryStore::read_all(&options, note).unwrap();
        assert_eq!(offsets, found, "{source}");
    }
}

#[test]
fn what_was_given_up_is_not_seen() {
    let options = prepared("history-abort", Delivery::ExactlyOnce);
    let mut publisher = Publisher::connect(&options).unwrap();
    let range = commit(&mut publisher, None, &[message(&options, "a")], &options);
    publisher.begin().unwrap();
    let ticket = publisher.send_history(&message(&options, "hunter2")).unwrap();
    publisher.settle_history().unwrap();
    assert!(publisher.history_offset(ticket).is_some());
    publisher.abort().unwrap();
    assert_eq!(publisher.history_offset(ticket), None);
    let range = commit(&mut publisher, Some(range), &[message(&options, "b")], &options);
    let (end, found) = read(&options, &range).unwrap();
    assert_eq!(found, [message(&options, "a"), message(&options, "b")]);
    assert_eq!(end.records_behind, 0);
    // An abort at the very end is neither a record behind nor in the way.
    publisher.begin().unwrap();
    publisher.send_history(&message(&options, "hunter2")).unwrap();
    publisher.settle_history().unwrap();
    publisher.abort().unwrap();
    assert_eq!(read(&options, &range).unwrap(), (end, found));
}

#[test]
fn what_at_least_once_left_behind_is_counted_and_passed_over() {
    let options = prepared("history-behind", Delivery::AtLeastOnce);
    let mut dead = Publisher::connect(&options).unwrap();
    let range = commit(&mut dead, None, &[message(&options, "a")], &options);
    dead.begin().unwrap();
    dead.send_history(&message(&options, "b")).unwrap();
    dead.send_history(&message(&options, "c")).unwrap();
    dead.settle_history().unwrap();
    drop(dead);

    let mut publisher = Publisher::connect(&options).unwrap();
    let reader = Reader::open(&options).unwrap();
    let found = reader.checkpoint().unwrap().unwrap();
    assert_eq!(found.history, Some(range.clone()));
    let (end, found) = read(&options, &range).unwrap();
    assert_eq!(found, [message(&options, "a")]);
    assert_eq!((end.records_behind, end.last_offset), (2, range.last_offset + 2));
    let longer = HistoryRange {
        last_offset: end.last_offset,
        records: range.records + end.records_behind,
        ..range
    };
    let again = [message(&options, "b")];
    let range = commit(&mut publisher, Some(longer), &again, &options);
    let names = ["a", "b", "c", "b"].map(|name| message(&options, name));
    assert_eq!(read(&options, &range).unwrap().1, names);
}

#[test]
fn one_reader_reads_the_checkpoint_and_the_history() {
    let (options, range) = of_three("history-both");
    let reader = Reader::open(&options).unwrap();
    for _ in 0..2 {
        assert_eq!(reader.checkpoint().unwrap().unwrap().history, Some(range.clone()));
        let mut offsets = Vec::new();
        let note = |found: StoredMessage<'_>| {
            offsets.push(found.offset);
            Ok::<_, KafkaError>(())
        };
        let end = reader.history_range(&range, note).unwrap();
        // The markers of transactions stand between them, or behind, if they are slow.
        assert_eq!((offsets.len(), offsets[0], offsets[2]), (3, 0, range.last_offset));
        assert_eq!((end.records_behind, end.last_offset), (0, range.last_offset));
    }
}

#[test]
fn the_callers_error_ends_the_reading() {
    let (options, range) = of_three("history-ended");
    let mut seen = 0;
    let fail = |_: StoredMessage<'_>| {
        seen += 1;
        Err(KafkaError::Client("enough".into()))
    };
    let result = HistoryStore::read_range(&options, &range, fail);
    assert_eq!(result, Err(KafkaError::Client("enough".into())));
    assert_eq!(seen, 1);
}

#[test]
fn a_missing_or_empty_topic_is_refused() {
    let (options, range) = of_three("history-gone");
    let missing = KafkaOptions {
        history_topic: "history-nowhere".into(),
        ..options
    };
    let empty = prepared("history-empty", Delivery::ExactlyOnce);
    for (options, expected) in [(&missing, "does not exist"), (&empty, "holds no records")] {
        for error in [
            refused(options, read(options, &range)),
            refused(options, read_all(options)),
        ] {
            assert!(
                matches!(&error, KafkaError::HistoryMissing { problem, .. } if *problem == expected),
                "{error:?}"
            );
        }
    }
}

fn incomplete(options: &KafkaOptions, range: &HistoryRange) -> String {
    match refused(options, read(options, range)) {
        KafkaError::HistoryIncomplete { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cut_topic_is_refused() {
    let (options, range) = of_three("history-cut");
    kafka().delete_records(&options.history_topic, 1).unwrap();
    let problem = incomplete(&options, &range);
    assert!(
        problem.ends_with("what stood before the offset 1 is deleted"),
        "{problem}"
    );
    let all = refused(&options, read_all(&options));
    assert!(matches!(all, KafkaError::HistoryIncomplete { .. }), "{all:?}");

    // What an image makes superfluous may be deleted.
    let mut image = message(&options, "d");
    image.effects.insert(0, Effect::ImageBegins);
    let mut publisher = Publisher::connect(&options).unwrap();
    let newer = commit(&mut publisher, None, std::slice::from_ref(&image), &options);
    assert_eq!(read(&options, &newer).unwrap().1, [image]);
    let (all, found) = read_all(&options).unwrap();
    assert_eq!((all.range.records, found.len()), (3, 3));
    assert!(all.range.first_offset >= 1, "{:?}", all.range);
    assert_eq!(all.deleted_before, Some(1));
}

#[test]
fn a_topic_that_ends_too_early_is_refused() {
    let (options, range) = of_three("history-early");
    let longer = HistoryRange {
        last_offset: 10,
        records: 4,
        ..range
    };
    let problem = incomplete(&options, &longer);
    assert!(
        problem.ends_with("up to the offset 10, and the topic ends before the offset 6"),
        "{problem}"
    );
}

#[test]
fn a_range_with_more_or_fewer_records_is_refused() {
    let (options, range) = of_three("history-count");
    let compacted = HistoryRange {
        records: 4,
        ..range.clone()
    };
    let problem = incomplete(&options, &compacted);
    let last = range.last_offset;
    let expected = format!("the checkpoint names 4 records from the offset 0 to {last}, and there are 3");
    assert_eq!(problem, expected);
    // A second writer.
    put(&options, message(&options, "x").value().as_bytes(), &[]);
    let mut publisher = Publisher::connect(&options).unwrap();
    let range = commit(&mut publisher, Some(range), &[message(&options, "d")], &options);
    let problem = incomplete(&options, &range);
    let last = range.last_offset;
    let expected = format!("the checkpoint names 4 records from the offset 0 to {last}, and there are 5");
    assert_eq!(problem, expected);
}

#[test]
fn a_damaged_record_is_refused_without_its_contents() {
    let (options, range) = of_three("history-damaged");
    let valid = message(&options, "t").value();
    let bare: &[(&str, Option<&[u8]>)] = &[];
    let broken: &[(&str, Option<&[u8]>)] = &[("rowtide.schema", Some(b"[\"hunter2"))];
    let valueless: &[(&str, Option<&[u8]>)] = &[("rowtide.schema", None)];
    let twice: &[(&str, Option<&[u8]>)] = &[
        ("rowtide.schema", Some(b"[]")),
        ("other", None),
        ("rowtide.schema", Some(b"[]")),
    ];
    for (value, headers) in [
        ("hunter2", bare),
        ("{\"source\":\"hunter2\"}", bare),
        ("", bare),
        (&valid, broken),
        (&valid, valueless),
        (&valid, twice),
    ] {
        let topic = format!("history-damaged-{}", kafka().topics().unwrap().len());
        let options = KafkaOptions {
            history_topic: topic,
            ..options.clone()
        };
        Topics::connect(&options, CreateTopics::Allowed)
            .unwrap()
            .ensure_own_topics(-1)
            .unwrap();
        put(&options, message(&options, "t").value().as_bytes(), &[]);
        put(&options, value.as_bytes(), headers);
        put(&options, message(&options, "t").value().as_bytes(), &[]);
        let short = HistoryRange {
            last_offset: 0,
            records: 1,
            ..range.clone()
        };
        let whole = HistoryRange {
            last_offset: 2,
            ..range.clone()
        };
        for result in [
            read(&options, &whole).map(drop),
            read(&options, &short).map(drop),
            read_all(&options).map(drop),
        ] {
            let error = refused(&options, result);
            assert!(
                matches!(&error, KafkaError::HistoryCorrupt { offset: 1, .. }),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_foreign_record_is_refused() {
    let (options, range) = of_three("history-foreign");
    let mut foreign = message(&options, "t");
    foreign.record.source.server = "another".into();
    put(&options, foreign.value().as_bytes(), &[]);
    for result in [read(&options, &range).map(drop), read_all(&options).map(drop)] {
        let error = refused(&options, result);
        let text = error.to_string();
        assert!(
            matches!(error, KafkaError::HistoryForeign { offset: 6, .. }),
            "{error:?}"
        );
        assert!(
            text.contains("`another`") && text.contains("`history-foreign`"),
            "{text}"
        );
    }
}

#[test]
fn what_a_newer_rowtide_wrote_is_refused() {
    let (options, range) = of_three("history-newer");
    let value = message(&options, "t").value();
    put(
        &options,
        value.as_bytes(),
        &[("rowtide.schema", Some(b"[{\"hunter2\":{}}]"))],
    );
    for result in [read(&options, &range).map(drop), read_all(&options).map(drop)] {
        let error = refused(&options, result);
        assert!(
            matches!(error, KafkaError::HistoryTooNew { offset: 6, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_debeziums_history_is_read_whole() {
    let options = prepared("history-debezium", Delivery::ExactlyOnce);
    let bare = ["a", "b"].map(|table| HistoryMessage {
        effects: vec![],
        ..message(&options, table)
    });
    for message in &bare {
        put(&options, message.value().as_bytes(), &[]);
    }
    let (all, found) = read_all(&options).unwrap();
    assert_eq!(found, bare);
    let range = all.range;
    assert_eq!((range.first_offset, range.last_offset, range.records), (0, 1, 2));
    assert_eq!(read(&options, &range).unwrap().1, bare);
}

#[test]
fn ten_thousand_records_are_read_back() {
    const RECORDS: usize = 10_000;
    let options = prepared("history-many", Delivery::ExactlyOnce);
    let mut large = message(&options, "t");
    // What is compressed like a definition, and is as long: 5 KB in all.
    let columns: Vec<String> = (0..100)
        .map(|i| format!("`column_{i}` varchar({})", i * 37 % 251))
        .collect();
    let definition = format!("CREATE TABLE `t` ({})", columns.join(", "));
    large.record.ddl = Some(definition.clone());
    large.effects = vec![Effect::Table {
        database: "db".into(),
        table: "t".into(),
        definition,
    }];
    let bytes = large.value().len() + large.header().len();
    let mut publisher = Publisher::connect(&options).unwrap();
    let begun = Instant::now();
    let range = commit(&mut publisher, None, &vec![large.clone(); RECORDS], &options);
    eprintln!(
        "{RECORDS} records of {bytes} bytes written in {:?}",
        begun.elapsed()
    );

    let reader = Reader::open(&options).unwrap();
    let begun = Instant::now();
    reader.checkpoint().unwrap();
    eprintln!("the checkpoint read in {:?}", begun.elapsed());
    let begun = Instant::now();
    let mut seen = 0;
    let end = reader.history_range(&range, |found| {
        assert_eq!(found.effects, large.effects);
        seen += 1;
        Ok::<_, KafkaError>(())
    });
    eprintln!("the history read in {:?}", begun.elapsed());
    assert_eq!(end.unwrap().records_behind, 0);
    assert_eq!(seen, RECORDS);
}
