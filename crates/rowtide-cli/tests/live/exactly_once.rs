//! Every change once and in order, whoever is killed: the load of the issue, made smaller.
//!
//! `ROWTIDE_LOAD_CHANGES=1000000` gives the full load. Moments of kills depend on how far the topic has grown, never on
//! time; their seed is printed and can be given as `ROWTIDE_LOAD_SEED`.

use std::collections::HashSet;
use std::process::Command;
use std::sync::OnceLock;

use rowtide_testbed::oracle::{Findings, Oracle};
use rowtide_testbed::workload::{Changes, Workload};
use rowtide_testbed::{Kafka, KafkaOptions, MySql, MySqlOptions, SlowLink};
use serde_json::Value;

use crate::stage::{self, Running, eventually, succeed};

const DATABASE: &str = "load";
const TABLE: &str = "sbtest";
const KILLS: u64 = 10;

#[test]
fn an_undisturbed_run_delivers_everything_in_little_memory() {
    let load = load();
    let kafka = stage::kafka();
    let mut running = Running::start(run(load, kafka, "calm").args(["--until-idle", "1s"]));
    let mut peak = 0;
    eventually("the run has drained the load", || {
        peak = peak_memory_kb(running.id()).unwrap_or(peak);
        !running.is_running()
    });
    assert_eq!(running.exit_code(), Some(0));
    println!("peak memory: {peak} kB");
    assert!(0 < peak && peak < 100_000, "peak memory: {peak} kB");
    load.assert_complete(kafka, "calm");
}

#[test]
fn ten_kills_and_two_lost_brokers_lose_and_double_nothing() {
    let load = load();
    let kafka = Kafka::start(KafkaOptions::default()).unwrap();
    let mut moments = Moments::new(load.records() * 3 / 4 / (KILLS + 2));
    for kill in 0..KILLS {
        let mut running = Running::start(&mut slow_run(load, &kafka, "storm"));
        moments.await_growth(&kafka, "storm", &mut running);
        match kill {
            3 => kafka.restart().unwrap(),
            6 => {
                kafka.kill9();
                kafka.start_again().unwrap();
            }
            _ => {}
        }
        if kill == 3 || kill == 6 {
            moments.await_growth(&kafka, "storm", &mut running);
        }
        assert!(running.is_running(), "it went on by itself");
        running.kill9();
    }
    succeed(slow_run(load, &kafka, "storm").args(["--until-idle", "1s"]));
    load.assert_complete(&kafka, "storm");
}

#[test]
fn at_least_once_loses_nothing_and_repeats_in_order() {
    let load = load();
    let kafka = stage::kafka();
    let mut moments = Moments::new(load.records() / 6);
    let at_least_once = ["--delivery", "at-least-once"];
    for _ in 0..4 {
        let mut running = Running::start(slow_run(load, kafka, "often").args(at_least_once));
        moments.await_growth(kafka, "often", &mut running);
        running.kill9();
    }
    succeed(
        run(load, kafka, "often")
            .args(at_least_once)
            .args(["--until-idle", "1s"]),
    );

    let (mut all, mut firsts, mut seen) = (Oracle::default(), Oracle::default(), HashSet::new());
    let topic = topic("often");
    let judge = |record: rowtide_testbed::Record| {
        all.observe(&record)?;
        let place = record.value.as_deref().map(place);
        if place.is_some_and(|place| seen.insert(place)) {
            firsts.observe(&record)
        } else {
            Ok(())
        }
    };
    kafka.consume(&[&topic], true, judge).unwrap();
    let total = load.changes.total();
    assert_eq!(
        all.findings.changes - all.findings.duplicates,
        total,
        "{:?}",
        all.findings
    );
    assert_eq!(all.findings.out_of_order, 0, "{:?}", all.findings);
    assert_eq!(
        all.differences(&load.mysql, DATABASE, TABLE).unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        (firsts.findings.changes, firsts.findings.is_clean()),
        (total, true),
        "{:?}",
        firsts.findings
    );
}

#[test]
fn a_transaction_larger_than_a_commit_is_resumed_inside() {
    const ROWS: u64 = 20_000;
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE large; CREATE TABLE large.t (id INT PRIMARY KEY, v INT, pad VARCHAR(300))")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql(&large_transaction(ROWS)).unwrap();
    // Some 10 MB: the kills come before its end on a fast machine too.
    let link = SlowLink::to(mysql.port(), 2 << 20).unwrap();
    let large = || {
        let mut run = stage::run(mysql, kafka, "large", "large");
        run.args(["--source", &stage::source_at(link.port())]);
        run.args(["--start", &start, "--commit-bytes", "65536"]);
        run
    };
    let mut moments = Moments::new(ROWS / 4);
    for _ in 0..3 {
        let mut running = Running::start(&mut large());
        moments.await_growth_of(kafka, "large.large.t", &mut running);
        running.kill9();
        let inside = &stage::checkpoint(kafka, "large")["in_transaction"];
        let rows = inside["rows"]
            .as_u64()
            .expect("it was killed inside the transaction");
        assert!(0 < rows && rows < ROWS * 3 / 2, "{rows}");
    }
    succeed(large().args(["--until-idle", "1s"]));
    assert_eq!(stage::checkpoint(kafka, "large")["in_transaction"], Value::Null);
    let oracle = stage::judged(kafka, "large.large.t");
    assert!(oracle.findings.is_clean(), "{:?}", oracle.findings);
    assert_eq!(oracle.findings.changes, ROWS * 3 / 2);
    assert_eq!(
        oracle.differences(mysql, "large", "t").unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn a_restarted_and_a_killed_server_are_taken_up_again() {
    let load = Load::new(changes_wanted() / 2);
    // The testbed's server keeps its tables in good order only when it is shut down in good order.
    load.mysql.restart().unwrap();
    let kafka = stage::kafka();
    let mut moments = Moments::new(load.records() / 4);
    let mut running = Running::start(&mut slow_run(&load, kafka, "outage"));
    moments.await_growth(kafka, "outage", &mut running);
    load.mysql.kill9();
    load.mysql.start_again().unwrap();
    moments.await_growth(kafka, "outage", &mut running);
    load.mysql.restart().unwrap();
    let ends = kafka.ends(true).unwrap();
    eventually("the rest arrives", || {
        assert!(running.is_running());
        // Each commit adds a marker; so the end of the topic alone does not tell.
        ends.of(&topic("outage")).unwrap() >= load.records().cast_signed()
            && stage::judged(kafka, &topic("outage")).findings.changes == load.changes.total()
    });
    load.mysql.sql("DELETE FROM load.sbtest WHERE id < 100").unwrap();
    eventually("what comes after the outages arrives", || {
        stage::judged(kafka, &topic("outage"))
            .differences(&load.mysql, DATABASE, TABLE)
            .unwrap()
            .is_empty()
    });
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));
    let findings = stage::judged(kafka, &topic("outage")).findings;
    assert!(findings.is_clean(), "{findings:?}");
}

/// A server whose log holds the load before anything reads it.
struct Load {
    mysql: MySql,
    /// A connection that takes some 20 s for the whole load.
    link: SlowLink,
    changes: Changes,
}

impl Load {
    fn new(changes: u64) -> Self {
        let mysql = MySql::start(MySqlOptions::default()).unwrap();
        let workload = Workload {
            database: DATABASE.to_owned(),
            table: TABLE.to_owned(),
            changes,
            seed: seed(),
        };
        let changes = mysql.load(&workload).unwrap();
        // A change takes some 300 bytes of the log.
        let link = SlowLink::to(mysql.port(), changes.total() * 300 / 20).unwrap();
        Self { mysql, link, changes }
    }

    /// Changes and the tombstones that follow deletes.
    fn records(&self) -> u64 {
        self.changes.total() + self.changes.deletes
    }

    /// For a read_committed consumer: every change once, in order, and the rebuilt table equal to `SELECT`.
    fn assert_complete(&self, kafka: &Kafka, prefix: &str) {
        let oracle = stage::judged(kafka, &topic(prefix));
        let expected = Findings {
            changes: self.changes.total(),
            tombstones: self.changes.deletes,
            ..Findings::default()
        };
        assert_eq!(oracle.findings, expected);
        assert_eq!(
            oracle.differences(&self.mysql, DATABASE, TABLE).unwrap(),
            Vec::<String>::new()
        );
    }
}

/// The load that the tests share which leave its server alone.
fn load() -> &'static Load {
    static SHARED: OnceLock<Load> = OnceLock::new();
    SHARED.get_or_init(|| Load::new(changes_wanted()))
}

fn changes_wanted() -> u64 {
    number_from_environment("ROWTIDE_LOAD_CHANGES").unwrap_or(60_000)
}

fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let seed = number_from_environment("ROWTIDE_LOAD_SEED").unwrap_or(time);
        println!("ROWTIDE_LOAD_SEED={seed}");
        seed
    })
}

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn run(load: &Load, kafka: &Kafka, prefix: &str) -> Command {
    let mut run = stage::run(&load.mysql, kafka, prefix, DATABASE);
    run.args(["--start", "earliest"]);
    run
}

/// As [`run`], with small commits: kills land between them, in them, and inside transactions of the source. It reads
/// over the slow link, so that a moment is not over before it is noticed.
fn slow_run(load: &Load, kafka: &Kafka, prefix: &str) -> Command {
    let commit_bytes = (load.changes.total() / 15).to_string();
    let mut run = run(load, kafka, prefix);
    run.args(["--source", &stage::source_at(load.link.port())]);
    run.args(["--commit-interval", "20ms", "--commit-bytes", &commit_bytes]);
    run
}

fn topic(prefix: &str) -> String {
    format!("{prefix}.{DATABASE}.{TABLE}")
}

/// Random amounts by which a topic must grow before something happens.
struct Moments {
    random: u64,
    at_most: u64,
}

impl Moments {
    fn new(at_most: u64) -> Self {
        Self {
            random: seed(),
            at_most,
        }
    }

    fn await_growth(&mut self, kafka: &Kafka, prefix: &str, running: &mut Running) {
        self.await_growth_of(kafka, &topic(prefix), running);
    }

    /// Waits until more has been committed to the topic by a random amount.
    fn await_growth_of(&mut self, kafka: &Kafka, topic: &str, running: &mut Running) {
        // Marsaglia's xorshift; the seed is not 0.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let growth = 1 + self.random % self.at_most;
        let ends = kafka.ends(true).unwrap();
        let start = ends.of(topic).unwrap();
        println!("{topic}: from {start} on, {growth} more");
        eventually("the topic has grown", || {
            assert!(running.is_running(), "it ended before it was disturbed");
            ends.of(topic).unwrap() >= start + growth.cast_signed()
        });
    }
}

/// What tells one change from all others.
fn place(value: &[u8]) -> (String, u64, u64, String) {
    let value: Value = serde_json::from_slice(value).unwrap();
    let source = &value["source"];
    let number = |name: &str| source[name].as_u64().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&source["file"]),
        number("pos"),
        number("row"),
        text(&value["op"]),
    )
}

/// Inserts so many rows and updates half of them, all in one transaction.
fn large_transaction(rows: u64) -> String {
    format!(
        "SET SESSION cte_max_recursion_depth = {rows}; BEGIN;
         USE large; INSERT INTO t WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {rows})
           SELECT id, 0, REPEAT(SHA2(id, 256), 4) FROM n;
         UPDATE t SET v = v + id WHERE id % 2 = 0;
         COMMIT"
    )
}

/// The most memory that the process has had, while it is there to say so.
fn peak_memory_kb(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
