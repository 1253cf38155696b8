//! The engine as a program embeds it, on a real MySQL and a real Kafka.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rowtide::binlog::client::SourceOptions;
use rowtide::event::BinlogPosition;
use rowtide::stats::Stats;
use rowtide::{ChangeEvent, ChangeStream, Error, ErrorKind, Pipeline, StartFrom, TableFilter};
use rowtide_testbed::{CDC_PASSWORD, CDC_USER, MySql, Record, shared};
use serde_json::{Value, json};

/// How long a condition may take to come true before a test gives up: long, since machines are slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// A source that had nothing new for so long has been read to its end.
const IDLE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_pipeline_runs_until_its_shutdown_future_is_ready_and_goes_on_from_there() {
    let (mysql, kafka) = (shared::mysql().unwrap(), shared::kafka().unwrap());
    let name = shop(mysql, "library");
    let from = end_of_binlog(mysql);
    mysql
        .sql(&format!(
            "INSERT INTO {name}.orders VALUES (1, 'tea'), (2, 'kite'); INSERT INTO {name}.secrets VALUES (1)"
        ))
        .unwrap();

    let pipeline = pipeline(&name, from.clone(), None);
    let stats = pipeline.stats();
    let done = pipeline.run_until(changes_committed(&stats, 2)).await.unwrap();
    assert_eq!((done.changes, done.records, done.restarts), (2, 2, 0));
    assert_eq!(
        done,
        stats.snapshot(),
        "the counters can be read after the run too"
    );

    mysql
        .sql(&format!(
            "UPDATE {name}.orders SET item = 'lamp' WHERE id = 1; DELETE FROM {name}.orders WHERE id = 2"
        ))
        .unwrap();
    let end = position(mysql);
    let done = self::pipeline(&name, from, Some(IDLE))
        .run_until(std::future::pending())
        .await
        .unwrap();
    assert_eq!(
        (done.changes, done.records),
        (2, 3),
        "the delete is two records: itself and a tombstone"
    );
    assert_reached(&done.position.unwrap(), &end);

    let records = kafka.read_all(&[&format!("{name}.{name}.orders")], true).unwrap();
    let expected = [
        (
            json!({"id": 1}),
            Some(("c", json!(null), json!({"id": 1, "item": "tea"}))),
        ),
        (
            json!({"id": 2}),
            Some(("c", json!(null), json!({"id": 2, "item": "kite"}))),
        ),
        (
            json!({"id": 1}),
            Some((
                "u",
                json!({"id": 1, "item": "tea"}),
                json!({"id": 1, "item": "lamp"}),
            )),
        ),
        (
            json!({"id": 2}),
            Some(("d", json!({"id": 2, "item": "kite"}), json!(null))),
        ),
        (json!({"id": 2}), None),
    ];
    assert_eq!(records.len(), expected.len());
    for (record, (key, change)) in records.iter().zip(expected) {
        assert_eq!(json(record.key.as_deref().unwrap()), key);
        assert_eq!(
            value(record),
            change.map(|(op, before, after)| (op.to_owned(), before, after))
        );
    }
    let topics = kafka.topics().unwrap();
    assert!(!topics.contains(&format!("{name}.{name}.secrets")), "{topics:?}");
}

#[tokio::test]
async fn a_change_stream_gives_the_changes_in_order_and_ends_when_the_source_is_idle() {
    let mysql = shared::mysql().unwrap();
    let name = shop(mysql, "stream");
    let from = end_of_binlog(mysql);
    mysql
        .sql(&format!(
            "INSERT INTO {name}.orders VALUES (7, 'tea'); \
             BEGIN; UPDATE {name}.orders SET item = NULL WHERE id = 7; DELETE FROM {name}.orders; COMMIT"
        ))
        .unwrap();
    let end = position(mysql);

    let mut stream = stream(&name, from)
        .until_idle(Some(IDLE))
        .connect()
        .await
        .unwrap();
    let mut changes = Vec::new();
    while let Some(change) = stream.next().await.unwrap() {
        changes.push(told(&change, &name));
    }
    let row = |item: Value| json!({"id": 7, "item": item});
    let expected = [
        ("c", json!(null), row(json!("tea"))),
        ("u", row(json!("tea")), row(json!(null))),
        ("d", row(json!(null)), json!(null)),
    ];
    assert_eq!(
        changes,
        expected.map(|(op, before, after)| (op.to_owned(), before, after))
    );
    assert!(!stream.has_more());
    assert_reached(&stream.ledger().position, &end);
}

#[tokio::test]
async fn a_change_stream_follows_the_server_as_it_writes() {
    let mysql = shared::mysql().unwrap();
    let name = shop(mysql, "follow");
    let mut stream = stream(&name, StartFrom::Now).connect().await.unwrap();
    for item in ["tea", "kite"] {
        mysql
            .sql(&format!("REPLACE INTO {name}.orders VALUES (1, '{item}')"))
            .unwrap();
        let change = tokio::time::timeout(PATIENCE, stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(told(&change, &name).2, json!({"id": 1, "item": item}));
        assert_eq!(change.key.as_deref(), Some(&br#"{"id":1}"#[..]));
    }
}

#[tokio::test]
async fn several_workers_give_the_same_changes_in_the_same_order() {
    let mysql = shared::mysql().unwrap();
    let name = shop(mysql, "workers");
    let from = end_of_binlog(mysql);
    mysql.sql(&backlog(&name)).unwrap();

    let alone = all_changes(stream(&name, from.clone())).await;
    // A row whose key is changed is deleted and created.
    assert_eq!(alone.len(), 3 * 4_000 + 300 + 1 + 2 * 4_301 + 4_300);
    for workers in [2, 5] {
        let together = all_changes(stream(&name, from.clone()).workers(workers.try_into().unwrap())).await;
        assert_eq!(together.len(), alone.len(), "{workers} workers");
        let differs = alone.iter().zip(&together).position(|(a, b)| a != b);
        assert_eq!(
            differs.map(|at| (&alone[at], &together[at])),
            None,
            "{workers} workers"
        );
    }
}

/// Transactions of one row and of megabytes, whose table is altered between them.
fn backlog(name: &str) -> String {
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) SELECT";
    let single = |i: u32| format!("INSERT INTO {name}.orders (id, item) VALUES ({i}, 'single');");
    [
        format!("SET SESSION cte_max_recursion_depth = 5000; USE {name}; CREATE TABLE wide (id INT PRIMARY KEY, text TEXT);"),
        format!("INSERT INTO wide {numbers} i, REPEAT(CHAR(97 + i % 26), 600) FROM n;"),
        format!("INSERT INTO orders {numbers} i, CONCAT('item ', i) FROM n;"),
        "ALTER TABLE wide ADD COLUMN more INT DEFAULT 5;".to_owned(),
        (4_001..=4_300).map(single).collect(),
        "BEGIN; UPDATE wide SET more = -id; INSERT INTO orders VALUES (9999, NULL); COMMIT;".to_owned(),
        "BEGIN; UPDATE orders SET id = id + 10000 ORDER BY id DESC; INSERT INTO secrets VALUES (1); COMMIT;".to_owned(),
        "DELETE FROM orders WHERE item IS NOT NULL".to_owned(),
    ]
    .concat()
}

/// Topic, key and value of all changes; without the times at which they were worked on.
async fn all_changes(stream: rowtide::change_stream::Builder) -> Vec<(String, Option<Value>, Value)> {
    let mut stream = stream.until_idle(Some(IDLE)).connect().await.unwrap();
    let mut changes = Vec::new();
    while let Some(change) = stream.next().await.unwrap() {
        let mut value = json(&change.value);
        for time in ["ts_ms", "ts_us", "ts_ns"] {
            assert!(value.as_object_mut().unwrap().remove(time).is_some());
        }
        changes.push((change.topic.to_string(), change.key.as_deref().map(json), value));
    }
    changes
}

#[tokio::test]
async fn errors_tell_who_is_at_fault() {
    let bad = Pipeline::builder(source(), 0, "127.0.0.1:9", "p")
        .build()
        .unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::Config);
    let mut stranger = source();
    stranger.password = "wrong".into();
    let refused = ChangeStream::builder(stranger, next_server_id(), "p")
        .connect()
        .await
        .err()
        .unwrap();
    assert_eq!(refused.kind(), ErrorKind::Source);
    assert!(!refused.to_string().contains("wrong"), "{refused}");
    let tables = TableFilter::new(&["nowhere.nothing"], &[]).unwrap();
    let missing = ChangeStream::builder(source(), next_server_id(), "p")
        .tables(tables)
        .connect()
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&missing, Error::UnknownTable(table) if table.to_string() == "nowhere.nothing"),
        "{missing}"
    );
}

/// A database with a table that is captured, `orders`, and one that is not, `secrets`; its name.
fn shop(mysql: &MySql, word: &str) -> String {
    let name = shared::unique_name(word);
    mysql
        .sql(&format!(
            "CREATE DATABASE {name}; USE {name}; \
             CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(20)); CREATE TABLE secrets (id INT PRIMARY KEY)"
        ))
        .unwrap();
    name
}

fn pipeline(name: &str, start: StartFrom, until_idle: Option<Duration>) -> Pipeline {
    Pipeline::builder(
        source(),
        next_server_id(),
        shared::kafka().unwrap().bootstrap(),
        name,
    )
    .tables(orders_of(name))
    .start(start)
    .until_idle(until_idle)
    .build()
    .unwrap()
}

fn stream(name: &str, start: StartFrom) -> rowtide::change_stream::Builder {
    ChangeStream::builder(source(), next_server_id(), name)
        .tables(orders_of(name))
        .start(start)
}

fn orders_of(name: &str) -> TableFilter {
    TableFilter::new(&[format!("{name}\\..*")], &[format!("{name}\\.secrets")]).unwrap()
}

fn source() -> SourceOptions {
    let mysql = shared::mysql().unwrap();
    SourceOptions::new(mysql.host(), mysql.port(), CDC_USER, CDC_PASSWORD)
}

/// A number that no other replica of this test process has.
fn next_server_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(6_400);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Ready when so many changes are committed.
async fn changes_committed(stats: &Stats, changes: u64) {
    let reached = async {
        while stats.snapshot().changes < changes {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}

fn end_of_binlog(mysql: &MySql) -> StartFrom {
    StartFrom::Position(position(mysql))
}

fn position(mysql: &MySql) -> BinlogPosition {
    let status = mysql.query("SHOW BINARY LOG STATUS").unwrap();
    let [file, pos] = [0, 1].map(|column| status[0][column].clone().unwrap());
    BinlogPosition::new(file, pos.parse().unwrap())
}

/// The other tests of this process write to the same server, so that a stream may have read further.
fn assert_reached(reached: &BinlogPosition, end: &BinlogPosition) {
    assert_eq!(reached.file, end.file);
    assert!(reached.pos >= end.pos, "{reached} is before {end}");
}

/// Operation, row before and row after of a change of `orders`.
fn told(change: &ChangeEvent, name: &str) -> (String, Value, Value) {
    assert_eq!(&*change.topic, format!("{name}.{name}.orders"));
    envelope(&change.value)
}

/// The same of a record; none for a tombstone.
fn value(record: &Record) -> Option<(String, Value, Value)> {
    record.value.as_deref().map(envelope)
}

fn envelope(value: &[u8]) -> (String, Value, Value) {
    let event = json(value);
    (
        event["op"].as_str().unwrap().to_owned(),
        event["before"].clone(),
        event["after"].clone(),
    )
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}
