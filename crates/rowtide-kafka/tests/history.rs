//! The schema-history topic against a real broker.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rowtide_event::Flavour;
use rowtide_kafka::{
    Checkpoint, CreateTopics, Delivery, Effect, HistoryEnd, HistoryMessage, HistoryPosition, HistoryRange,
    HistoryRecord, HistorySource, HistoryStore, KafkaError, KafkaOptions, Publisher, Topics,
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
        format_version: Checkpoint::FORMAT_VERSION,
        source: options.source_name.clone(),
        flavour: Flavour::MySql,
        server_uuid: None,
        gtid_set: None,
        file: "binlog.000001".into(),
        pos: 4,
        in_transaction: None,
        prepared_xa: Vec::new(),
        history,
        source_ts_ms: None,
        written_ts_ms: 0,
        rowtide_version: "test".into(),
    }
}

/// The history message of a table that is there.
fn message(options: &KafkaOptions, table: &str) -> HistoryMessage {
    HistoryMessage {
        record: HistoryRecord {
            source: HistorySource {
                server: options.source_name.clone(),
            },
            position: HistoryPosition {
                file: "binlog.000001".into(),
                pos: 157,
                ..HistoryPosition::default()
            },
            ts_ms: 1,
            database_name: Some("db".into()),
            schema_name: None,
            ddl: Some(format!("CREATE TABLE {table} (id int)")),
            table_changes: vec![],
        },
        effects: vec![Effect::Table {
            database: "db".into(),
            table: table.into(),
            definition: format!("CREATE TABLE `{table}` (`id` int)"),
        }],
    }
}

/// Sends the messages in a transaction of their own, and gives the range that holds them and `before`.
fn commit(
    publisher: &mut Publisher,
    before: Option<HistoryRange>,
    messages: &[HistoryMessage],
    options: &KafkaOptions,
) -> HistoryRange {
    publisher.begin().unwrap();
    let tickets: Vec<_> = messages
        .iter()
        .map(|m| publisher.send_history(m).unwrap())
        .collect();
    publisher.settle_history().unwrap();
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

fn read(
    options: &KafkaOptions,
    range: &HistoryRange,
) -> Result<(HistoryEnd, Vec<HistoryMessage>), KafkaError> {
    let mut read = Vec::new();
    let end = HistoryStore::read_range(options, range, |found| {
        read.push(HistoryMessage {
            record: found.record().unwrap(),
            effects: found.effects,
        });
        Ok::<_, KafkaError>(())
    })?;
    Ok((end, read))
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
    let seen = kafka().read_all(&[&options.history_topic], true).unwrap();
    assert_eq!(seen.len(), 2);
    for record in &seen {
        assert_eq!((record.partition, &record.key), (0, &None));
        assert_eq!(record.value.as_deref(), Some(with.record.to_json().as_bytes()));
    }
    assert_eq!(seen[0].headers, []);
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
        commit(&mut publisher, None, &messages[..2], &options);
        let range = commit(&mut publisher, None, &messages[2..4], &options);
        let range = commit(&mut publisher, Some(range), &messages[4..], &options);
        let (end, found) = read(&options, &range).unwrap();
        assert_eq!(found, messages[2..]);
        assert_eq!((end.records_behind, end.last_offset), (0, range.last_offset));
        assert_eq!(range.records, 3);
    }
}
