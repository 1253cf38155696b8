//! Random tables and changes: what is rebuilt from the events equals `SELECT`, value for value.
//!
//! A failure prints the seed of its round: `ROWTIDE_RANDOM_SEED` and `ROWTIDE_RANDOM_ROUNDS` run that round alone, or more
//! rounds than are run by default. Each server has a test of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use rowtide_testbed::generate::{END, Played, Refused, Round, RowImage, Size};
use rowtide_testbed::oracle::{self, Oracle};
use rowtide_testbed::{MySql, MySqlOptions, Scratch, ServerVersion};

use crate::stage;

/// How many rounds a server has, and the seed of the first, if nothing else is said.
const ROUNDS: u64 = 6;
const FIRST_SEED: u64 = 1;

#[test]
fn mysql_97() {
    rebuilt_tables_equal_the_servers(ServerVersion::MySql97);
}

#[test]
fn mysql_80() {
    rebuilt_tables_equal_the_servers(ServerVersion::MySql80);
}

#[test]
fn mysql_57() {
    rebuilt_tables_equal_the_servers(ServerVersion::MySql57);
}

#[test]
fn mariadb_118() {
    rebuilt_tables_equal_the_servers(ServerVersion::MariaDb118);
}

#[test]
fn mariadb_1011() {
    rebuilt_tables_equal_the_servers(ServerVersion::MariaDb1011);
}

#[test]
fn through_kafka() {
    const ROUNDS: usize = 3;
    const SMALL: Size = Size {
        tables: 4,
        transactions: 60,
        largest: 20_000,
    };
    let first = number("ROWTIDE_RANDOM_SEED").unwrap_or(FIRST_SEED);
    let server = MySql::start(MySqlOptions::default()).unwrap();
    let all = (first..).map(|seed| Round::new(seed, server.version(), SMALL));
    let told_in_full = all.filter(|round| round.row_image == RowImage::Full);
    for round in told_in_full.take(ROUNDS) {
        round.prepare(&server).unwrap();
        let start = stage::position(&server);
        round.play(&server).unwrap();
        let kafka = stage::kafka();
        let prefix = format!("kafka_{}", round.database);
        let mut run = stage::run(&server, kafka, &prefix, &round.database);
        stage::succeed(run.args(["--start", &start, "--until-idle", "500ms"]));
        let of_tables = format!("{prefix}.{}.", round.database);
        let mut topics = kafka.topics().unwrap();
        topics.retain(|topic| topic.starts_with(&of_tables));
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let mut oracle = Oracle::default();
        kafka
            .consume(&topics, true, |record| oracle.observe(&record))
            .unwrap();
        println!("{}: {} changes", round.database, oracle.findings.changes);
        assert_eq!(faults(&server, &round, &oracle), Vec::<String>::new());
    }
}

fn rebuilt_tables_equal_the_servers(version: ServerVersion) {
    let first = number("ROWTIDE_RANDOM_SEED").unwrap_or(FIRST_SEED);
    let rounds = number("ROWTIDE_RANDOM_ROUNDS").unwrap_or(ROUNDS);
    let server = MySql::start(MySqlOptions::of(version)).unwrap();
    let (mut sum, mut failed, begun) = (Sum::default(), Vec::new(), Instant::now());
    for seed in first..first + rounds {
        let round = Round::new(seed, version, SIZE);
        if let Some(failure) = failure(&server, &round, &mut sum) {
            println!("{version}, ROWTIDE_RANDOM_SEED={seed} ROWTIDE_RANDOM_ROUNDS=1:\n{failure}");
            failed.push(seed);
        }
    }
    println!("{version}: {rounds} rounds in {:.0?}, {sum:?}", begun.elapsed());
    assert!(
        failed.is_empty(),
        "{version}: rounds with the seeds {failed:?} failed"
    );
}

const SIZE: Size = Size {
    tables: 4,
    transactions: 60,
    largest: 200_000,
};

/// What the rounds did.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    tables: usize,
    pub(crate) changes: u64,
    statements: usize,
    refused: BTreeMap<u32, Refused>,
}

impl Sum {
    pub(crate) fn add(&mut self, round: &Round, played: &Played, changes: u64) {
        self.tables += round.tables.len();
        self.changes += changes;
        self.statements += played.statements;
        for (error, refused) in &played.refused {
            let sum = self.refused.entry(*error).or_insert_with(|| Refused {
                count: 0,
                ..refused.clone()
            });
            sum.count += refused.count;
        }
    }
}

/// Runs a round; what was wrong, in words.
pub(crate) fn failure(server: &MySql, round: &Round, sum: &mut Sum) -> Option<String> {
    if let Err(why) = round.prepare(server) {
        return Some(format!("{why}\n{}", round.setup.join(";\n")));
    }
    let start = stage::position(server);
    let played = round.play(server).unwrap();
    let oracle = match observed(server, round, &start) {
        Ok(oracle) => oracle,
        Err(why) => return Some(format!("{}\n{why}", described(server, round, &[]))),
    };
    sum.add(round, &played, oracle.findings.changes);
    let found = faults(server, round, &oracle);
    (!found.is_empty()).then(|| found.join("\n"))
}

/// What differs between the tables that were rebuilt and the server's, and what was wrong on the way.
fn faults(server: &MySql, round: &Round, oracle: &Oracle) -> Vec<String> {
    let mut found = Vec::new();
    for table in &round.tables {
        let differences = oracle.differences(server, &round.database, table).unwrap();
        if !differences.is_empty() {
            found.push(described(server, round, std::slice::from_ref(table)));
            found.extend(differences);
        }
    }
    let findings = &oracle.findings;
    if findings.wrong_before > 0 || !(round.compressed || findings.is_clean()) {
        found.push(format!("{findings:?}"));
    }
    found
}

/// What `tail` shows of a round, up to its last change.
fn observed(server: &MySql, round: &Round, start: &str) -> Result<Oracle, String> {
    let keys = oracle::keys(server, &round.database).unwrap();
    let mut oracle = match round.row_image {
        RowImage::Full => Oracle::default(),
        RowImage::Minimal | RowImage::NoBlob => Oracle::of_partial_images(),
    };
    let log = Scratch::new("tail").unwrap();
    let messages = log.path().join("stderr");
    let mut tail = stage::rowtide()
        .args(["tail", "--source", &stage::source(server), "--start", start])
        .args(["--server-id", &stage::next_server_id()])
        .args(["--include-table", &format!("{}\\..*", round.database)])
        .args(["--absent-columns", "omit", "--source-ssl-mode", ssl_mode(server)])
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&messages).unwrap())
        .spawn()
        .unwrap();
    let end = format!("\"table\":\"{END}\"");
    let mut ended = false;
    for line in BufReader::new(tail.stdout.take().unwrap()).split(b'\n') {
        let line = line.unwrap();
        oracle.observe_line(&line, &keys).unwrap();
        ended = String::from_utf8_lossy(&line).contains(&end);
        if ended {
            break;
        }
    }
    // It may have ended by itself.
    let _ = tail.kill();
    tail.wait().unwrap();
    if ended {
        Ok(oracle)
    } else {
        Err(std::fs::read_to_string(&messages).unwrap())
    }
}

/// MySQL 8.0.15 knows no version of TLS that is still in use.
pub(crate) fn ssl_mode(server: &MySql) -> &'static str {
    match server.version() {
        ServerVersion::MySql80 => "disabled",
        _ => "preferred",
    }
}

/// The settings of a round and how its tables were made.
fn described(server: &MySql, round: &Round, tables: &[String]) -> String {
    let mut text = round.setup.first().cloned().unwrap_or_default();
    for statement in round.setup.iter().chain(&round.changes) {
        if statement.starts_with("SET ") {
            text.push_str("; ");
            text.push_str(statement);
        }
    }
    for table in tables {
        let name = table.replace('`', "``");
        let rows = server
            .query(&format!("SHOW CREATE TABLE {}.`{name}`", round.database))
            .unwrap();
        let ddl = rows.into_iter().flatten().flatten().nth(1).unwrap_or_default();
        text.push_str(&format!("\n{ddl}"));
    }
    text
}

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
