//! A backlog of many tables in turn, whose rows are decoded table by table: each topic has the changes of its table, each once
//! and in their order, whatever stands between them and whoever is killed.
//!
//! What is expected is not taken from the binlog: whoever makes the changes writes down what they do to each row.

mod backlog;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rowtide_testbed::{Kafka, KafkaOptions, MySql, MySqlOptions, Record, ServerVersion};
use serde_json::{Value, json};

use crate::stage::{self, Running, SetOnDrop, assert_says, eventually, fail, succeed};

use backlog::{Backlog, Table};

/// More than half of the window in which they are counted.
const TABLES: usize = 600;
const DATABASE: &str = "many";
/// What is logged where rows were not decoded as they came.
const BY_TABLE: &str = "rows were handed over table by table";
const STREAM: i32 = 7;

#[test]
fn all_kinds_of_changes_on_mysql_97() {
    all_kinds_of_changes(Many::shared(), "kinds_97", "1");
}

#[test]
fn all_kinds_of_changes_on_mysql_57() {
    all_kinds_of_changes(&Many::on(ServerVersion::MySql57), "kinds_57", "1");
}

#[test]
fn all_kinds_of_changes_on_mariadb_118() {
    all_kinds_of_changes(&Many::on(ServerVersion::MariaDb118), "kinds_118", "3");
}

fn all_kinds_of_changes(many: &Many, prefix: &str, workers: &str) {
    let mut run = run(&many.server, prefix);
    let said = until_idle(run.args(["--start", "earliest", "--workers", workers]));
    assert!(said.contains(BY_TABLE), "{said}");
    assert_delivered(prefix, &many.backlog.expected);
}

#[test]
fn kills_lose_and_double_nothing() {
    let many = Many::shared();
    let storm = || {
        let mut run = run(&many.server, "storm");
        run.args([
            "--start",
            "earliest",
            "--commit-interval",
            "20ms",
            "--commit-bytes",
            "262144",
        ]);
        // So that rounds are small.
        run.args(["--kafka-config", "queue.buffering.max.kbytes=512"]);
        run
    };
    let ends = kafka().ends(true).unwrap();
    for kill in 0..4 {
        let mut running = Running::start_with_log(&mut storm());
        while !running.log().contains(BY_TABLE) {
            assert!(running.is_running(), "it ended before it was disturbed");
            std::thread::sleep(Duration::from_millis(1));
        }
        if kill == 2 {
            running.terminate();
            assert_eq!(running.exit_code(), Some(0));
        }
        running.kill9();
        println!(
            "kill {kill}: {} commits",
            ends.of("storm.checkpoint").unwrap() / 2
        );
    }
    let said = until_idle(&mut storm());
    println!("{} rounds by table at last", said.matches(BY_TABLE).count());
    assert_delivered("storm", &many.backlog.expected);
}

#[test]
fn at_least_once_loses_nothing_and_repeats_in_order() {
    let many = Many::shared();
    let often = || {
        let mut run = run(&many.server, "often");
        run.args(["--start", "earliest", "--delivery", "at-least-once"]);
        run.args(["--commit-interval", "20ms", "--commit-bytes", "262144"]);
        run
    };
    let ends = kafka().ends(true).unwrap();
    let of_one = || ends.of("often.many.t300").unwrap();
    for _ in 0..3 {
        let before = of_one();
        let mut running = Running::start_with_log(&mut often());
        eventually("records of one table arrive", || {
            assert!(running.is_running(), "it ended before it was killed");
            of_one() > before
        });
        running.kill9();
    }
    let said = until_idle(&mut often());
    assert!(said.contains(BY_TABLE), "{said}");
    let mut doubled = 0;
    let once = |(table, changes): (String, Vec<(Place, Change)>)| {
        let (mut seen, all) = (HashSet::new(), changes.len());
        let changes = changes
            .into_iter()
            .filter(|(place, _)| seen.insert(place.clone()));
        let changes: Vec<Change> = changes.map(|(_, change)| change).collect();
        doubled += all - changes.len();
        (table, changes)
    };
    let delivered: Changes = delivered_with_places("often").into_iter().map(once).collect();
    println!("{doubled} doubled");
    assert_same(&delivered, &many.backlog.expected);
}

/// Where changes go on coming all the time, what has gathered does not wait until they are many or pause; and a single change
/// behind them appears at once.
#[test]
fn changes_behind_a_backlog_do_not_wait_for_others() {
    const SOON: Duration = Duration::from_secs(30);
    let server = server(ServerVersion::MySql97);
    let start = stage::position(&server);
    let run = |prefix: &str| {
        let mut run = run(&server, prefix);
        run.args(["--start", &start]);
        run
    };
    let mut backlog = Backlog::new(3);
    (0..TABLES).for_each(|table| backlog.insert(table, 1, 0));
    backlog.play(&server);
    // All topics are there then, which takes the longest.
    until_idle(&mut run("behind"));
    backlog.in_turn(6_000);
    backlog.play(&server);
    let of_one = backlog.expected["t7"].len();
    let stop = AtomicBool::new(false);
    let mut running = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut session = server.session().unwrap();
            let ids = (1_000_000..).take_while(|_| !stop.load(Ordering::Relaxed));
            ids.for_each(|id| {
                let table = id % (TABLES - 1);
                session
                    .execute(&format!("INSERT INTO many.t{table} (id) VALUES ({id})"))
                    .unwrap();
            });
        });
        let _stop = SetOnDrop(&stop);
        let running = Running::start_with_log(&mut run("behind"));
        let begun = Instant::now();
        while changes_in("behind.many.t7") < of_one {
            assert!(begun.elapsed() < SOON, "{}", running.log());
        }
        println!("there after {:?}", begun.elapsed());
        running
    });
    server.sql("INSERT INTO many.t599 (id) VALUES (2000000)").unwrap();
    let last = json!({"id": 2_000_000});
    eventually("a single change arrives", || {
        let records = stage::records(kafka(), "behind.many.t599");
        records.last().is_some_and(|record| key(record) == last)
    });
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));
}

fn changes_in(topic: &str) -> usize {
    let records = stage::records(kafka(), topic);
    records.iter().filter(|record| record.value.is_some()).count()
}

#[test]
fn a_row_that_cannot_be_encoded_stops_the_stream_before_it() {
    let server = server(ServerVersion::MySql97);
    server
        .sql(
            "CREATE TABLE many.no_text (id INT PRIMARY KEY, e ENUM('\u{e4}','b')) CHARACTER SET latin1;
             ALTER TABLE many.no_text CONVERT TO CHARACTER SET utf8mb4;
             USE many; XA START 'early'; INSERT INTO t0 (id) VALUES (0); XA END 'early'; XA PREPARE 'early'",
        )
        .unwrap();
    let start = stage::position(&server);
    let mut backlog = Backlog::new(4);
    backlog.in_turn(4_000);
    backlog.sql.push_str("INSERT INTO no_text VALUES (1, 1);\n");
    backlog.play(&server);
    let before = backlog.expected.clone();
    backlog.in_turn(2_000);
    // Of its rows nothing is known: that would stop the stream too.
    backlog.sql.push_str("XA COMMIT 'early';\n");
    backlog.play(&server);
    for first in ["rows are decoded one by one from the last commit on", ""] {
        let mut run = run(&server, "no_text");
        let said = fail(run.args(["--start", &start, "--until-idle", "500ms"]), STREAM);
        assert_says(&said, &[first, "whose bytes are no text", "many.no_text"]);
        assert_delivered("no_text", &before);
    }
}

/// The rows that wait when the damage comes are delivered, and nothing behind it.
#[test]
fn damage_in_a_backlog_stops_the_stream_before_it() {
    let server = server(ServerVersion::MySql97);
    server
        .sql("CREATE TABLE many.marked (id INT PRIMARY KEY, v TEXT)")
        .unwrap();
    let start = stage::position(&server);
    let run = || {
        let mut run = run(&server, "damaged_many");
        run.args(["--start", &start]);
        run
    };
    let mut backlog = Backlog::new(5);
    backlog.in_turn(TABLES);
    backlog.play(&server);
    // A broker that makes topics leaves the server little of the processor.
    until_idle(&mut run());

    backlog.in_turn(8_000);
    let before = backlog.expected.clone();
    backlog.sql.push_str("INSERT INTO marked VALUES (1, 'seven');\n");
    backlog.in_turn(2_000);
    backlog.play(&server);
    let marked = ("c".to_owned(), Value::Null, json!({"id": 1, "v": "seven"}));
    backlog.expected.insert("marked".to_owned(), vec![marked]);

    let marked = InBinlog::find(&server, b"seven");
    marked.flip_a_bit();
    let said = fail(run().args(["--until-idle", "500ms"]), STREAM);
    assert_says(
        &said,
        &[BY_TABLE, "damaged on the server's disk, in memory or on the way"],
    );
    assert_delivered("damaged_many", &before);
    marked.flip_a_bit();
    until_idle(&mut run());
    assert_delivered("damaged_many", &backlog.expected);
}

/// A byte of a server's binlog.
struct InBinlog {
    file: PathBuf,
    at: u64,
}

impl InBinlog {
    /// The first byte of some that are in the newest file.
    fn find(server: &MySql, bytes: &[u8]) -> Self {
        let position = stage::position(server);
        let name = position.split(':').nth(1).unwrap();
        let file = server.datadir().join(name);
        let log = std::fs::read(&file).unwrap();
        let at = log.windows(bytes.len()).position(|some| some == bytes).unwrap();
        Self { file, at: at as u64 }
    }

    fn flip_a_bit(&self) {
        let mut file = File::options().read(true).write(true).open(&self.file).unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::Start(self.at)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(self.at)).unwrap();
        file.write_all(&[byte[0] ^ 1]).unwrap();
    }
}

/// A server with many tables and changes to them.
struct Many {
    server: MySql,
    backlog: Backlog,
}

impl Many {
    fn on(version: ServerVersion) -> Self {
        let server = server(version);
        let mut backlog = Backlog::new(1);
        backlog.all_kinds(version);
        backlog.play(&server);
        backlog.assert_is_of(&server);
        Self { server, backlog }
    }

    /// The server that tests share.
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Many> = OnceLock::new();
        SHARED.get_or_init(|| Self::on(ServerVersion::MySql97))
    }
}

fn kafka() -> &'static Kafka {
    static SHARED: OnceLock<Kafka> = OnceLock::new();
    SHARED.get_or_init(|| Kafka::start(KafkaOptions::default()).unwrap())
}

/// A server with the tables.
fn server(version: ServerVersion) -> MySql {
    let server = MySql::start(MySqlOptions::of(version)).unwrap();
    let tables: String = (0..TABLES).map(|table| Table::numbered(table).create()).collect();
    server
        .sql(&format!("CREATE DATABASE {DATABASE}; USE {DATABASE}; {tables}"))
        .unwrap();
    server
}

fn run(server: &MySql, prefix: &str) -> Command {
    let mut run = stage::run(server, kafka(), prefix, DATABASE);
    run.args(["--log", "rowtide=debug"]);
    // A partition's first 4 KiB make the broker write two files of this size.
    run.args(["--topic-config", "segment.index.bytes=65536"]);
    run
}

/// Runs to the end of the binlog and gives what was said.
fn until_idle(run: &mut Command) -> String {
    let output = succeed(run.args(["--until-idle", "500ms"]));
    String::from_utf8(output.stderr).unwrap()
}

/// A change: its kind, and the row before and behind it.
type Change = (String, Value, Value);
/// The changes of tables, by the tables' names.
type Changes = BTreeMap<String, Vec<Change>>;
/// Where a change stands in the binlog.
type Place = (String, u64, u64, String);

fn delivered(prefix: &str) -> Changes {
    let tables = delivered_with_places(prefix).into_iter();
    let bare = |changes: Vec<(Place, Change)>| changes.into_iter().map(|(_, change)| change).collect();
    tables.map(|(table, changes)| (table, bare(changes))).collect()
}

/// What a read_committed consumer sees in the topics of the tables.
fn delivered_with_places(prefix: &str) -> BTreeMap<String, Vec<(Place, Change)>> {
    /// Most of the time of each is waiting for the broker.
    const READERS: usize = 8;
    let of_tables = format!("{prefix}.{DATABASE}.");
    let mut topics = kafka().topics().unwrap();
    topics.retain(|topic| topic.starts_with(&of_tables));
    std::thread::scope(|scope| {
        let shares = topics.chunks(topics.len().div_ceil(READERS).max(1));
        let readers: Vec<_> = shares.map(|share| scope.spawn(|| read(share))).collect();
        let read = readers.into_iter().flat_map(|reader| reader.join().unwrap());
        let of_table = |(topic, changes): (String, _)| (topic[of_tables.len()..].to_owned(), changes);
        read.map(of_table).collect()
    })
}

/// The changes in topics. Each DELETE has a tombstone behind it.
fn read(topics: &[String]) -> BTreeMap<String, Vec<(Place, Change)>> {
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut read: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut deleted = None;
    let observe = |record: Record| {
        let Some(value) = &record.value else {
            assert_eq!(
                deleted.take(),
                Some(key(&record)),
                "a tombstone in {}",
                record.topic
            );
            return Ok(());
        };
        assert_eq!(deleted, None, "a tombstone is missing before this: {record:?}");
        let mut value: Value = serde_json::from_slice(value).unwrap();
        let op = value["op"].as_str().unwrap().to_owned();
        deleted = (op == "d").then(|| key(&record));
        let source = &value["source"];
        let number = |name: &str| source[name].as_u64().unwrap();
        let file = source["file"].as_str().unwrap().to_owned();
        let place = (file, number("pos"), number("row"), op.clone());
        let change = (op, value["before"].take(), value["after"].take());
        read.entry(record.topic).or_default().push((place, change));
        Ok(())
    };
    kafka().consume(&names, true, observe).unwrap();
    assert_eq!(deleted, None, "a tombstone is missing");
    read
}

/// Insists that each topic has the changes of its table, in their order. Of many partitions, a broker has not ended the
/// transaction in all of them when it says that it is committed: with index files of 10 MiB that was seen to take 9 s.
fn assert_delivered(prefix: &str, expected: &Changes) {
    let count = |changes: &Changes| changes.values().map(Vec::len).sum::<usize>();
    let (mut found, begun) = (delivered(prefix), Instant::now());
    while count(&found) < count(expected) && begun.elapsed() < Duration::from_secs(60) {
        found = delivered(prefix);
    }
    assert_same(&found, expected);
}

/// Names the first difference alone.
fn assert_same(delivered: &Changes, expected: &Changes) {
    for (table, expected) in expected {
        let found = delivered.get(table).map_or(&[][..], Vec::as_slice);
        let same = found
            .iter()
            .zip(expected)
            .take_while(|(found, expected)| found == expected);
        let at = same.count();
        assert_eq!(
            found.get(at),
            expected.get(at),
            "change {at} of {}, of {table}",
            expected.len()
        );
    }
    assert!(delivered.keys().eq(expected.keys()), "changes of other tables");
}

fn key(record: &Record) -> Value {
    serde_json::from_slice(record.key.as_deref().unwrap()).unwrap()
}
