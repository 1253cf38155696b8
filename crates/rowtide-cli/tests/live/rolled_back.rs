//! What is rolled back appears nowhere, also where the server writes it into the binlog: with a ROLLBACK or a ROLLBACK TO
//! SAVEPOINT behind it, when the transaction has touched what cannot be rolled back.

use rowtide_testbed::generate::Round;
use rowtide_testbed::{Kafka, MySql, MySqlOptions, ServerVersion, SlowLink};

use crate::random_schemas::{Sum, failure, number};
use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

/// How many rounds a server has, and the seed of the first, if nothing else is said.
const ROUNDS: u64 = 3;
const FIRST_SEED: u64 = 1;

#[test]
fn random_rollbacks_on_mysql_97() {
    random_rollbacks(ServerVersion::MySql97);
}

#[test]
fn random_rollbacks_on_mysql_80() {
    random_rollbacks(ServerVersion::MySql80);
}

#[test]
fn random_rollbacks_on_mysql_57() {
    random_rollbacks(ServerVersion::MySql57);
}

#[test]
fn random_rollbacks_on_mariadb_118() {
    random_rollbacks(ServerVersion::MariaDb118);
}

#[test]
fn random_rollbacks_on_mariadb_1011() {
    random_rollbacks(ServerVersion::MariaDb1011);
}

/// Without GTIDs, with which MySQL keeps transactional tables and others apart.
fn random_rollbacks(version: ServerVersion) {
    let first = number("ROWTIDE_RANDOM_SEED").unwrap_or(FIRST_SEED);
    let rounds = number("ROWTIDE_RANDOM_ROUNDS").unwrap_or(ROUNDS);
    let options = MySqlOptions {
        gtid: version.is_mariadb(),
        ..MySqlOptions::of(version)
    };
    let server = MySql::start(options).unwrap();
    let (mut sum, mut failed) = (Sum::default(), Vec::new());
    for seed in first..first + rounds {
        let round = Round::rolled_back(seed, version, 200);
        if let Some(failure) = failure(&server, &round, &mut sum) {
            println!("{version}, ROWTIDE_RANDOM_SEED={seed} ROWTIDE_RANDOM_ROUNDS=1:\n{failure}");
            failed.push(seed);
        }
    }
    println!("{version}: {rounds} rounds, {sum:?}, {:?}", Logged::by(&server));
    assert!(
        failed.is_empty(),
        "{version}: rounds with the seeds {failed:?} failed"
    );
    assert_eq!(Logged::by(&server).any(), logs_what_is_rolled_back(version));
}

#[test]
fn killed_inside_of_it_a_large_transaction_takes_back_the_same_rows() {
    for version in [ServerVersion::MariaDb118, ServerVersion::MySql57] {
        // With GTIDs, MySQL 5.7 refuses DROP TEMPORARY TABLE in transactions.
        let options = MySqlOptions {
            gtid: version.is_mariadb(),
            ..MySqlOptions::of(version)
        };
        let server = MySql::start(options).unwrap();
        let kafka = stage::kafka();
        let name = format!("large_{}", version.name().replace(['.', '-'], "_"));
        made(&server, &name);
        let start = stage::position(&server);
        server.sql(&large(&name)).unwrap();
        // Slow, so that a kill hits a run that has not come to the end.
        let link = SlowLink::to(server.port(), 500_000).unwrap();
        let run = || {
            let mut run = stage::run(&server, kafka, &name, &name);
            run.args(["--start", &start, "--commit-bytes", "65536"]);
            // Eight times as much as waits.
            run.args(["--xa-held-bytes", "6000000", "--source-ssl-mode", "disabled"]);
            run.args(["--workers", "3"]);
            run
        };
        let topic = format!("{name}.{name}.t");
        for killed in 1..=2 {
            let before = records(kafka, &topic).len();
            let mut running = Running::start(run().args(["--source", &stage::source_at(link.port())]));
            eventually("more rows are committed", || {
                assert!(running.is_running(), "it ended before it was killed");
                records(kafka, &topic).len() > before
            });
            running.kill9();
            println!("killed {killed}: {before} to {}", records(kafka, &topic).len());
        }
        succeed(run().args(["--until-idle", "1s"]));
        assert_rebuilt(&server, kafka, &name);
    }
}

/// A table to fill, and rows to fill it with.
fn made(server: &MySql, name: &str) {
    server
        .sql(&format!(
            "CREATE DATABASE {name}; USE {name};
             CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, pad VARCHAR(500));
             CREATE TABLE seed (id INT PRIMARY KEY AUTO_INCREMENT, pad VARCHAR(500)) ENGINE=InnoDB;
             INSERT INTO seed (pad) VALUES {}",
            vec!["(REPEAT('x', 500))"; 1000].join(",")
        ))
        .unwrap();
}

/// One transaction of some MB, of which parts are rolled back, small ones and large ones.
fn large(name: &str) -> String {
    let more = "INSERT INTO t (pad) SELECT pad FROM seed";
    let less = "INSERT INTO t (pad) SELECT pad FROM seed LIMIT 50";
    let part = format!(
        "SAVEPOINT a; {less}; SAVEPOINT b; {less}; ROLLBACK TO b; {less}; SAVEPOINT c; {less}; ROLLBACK TO a;
         {less}; SAVEPOINT a; {less}; UPDATE t SET pad = 'y' ORDER BY id DESC LIMIT 20; ROLLBACK TO a; {more};"
    );
    format!(
        "USE {name}; CREATE TEMPORARY TABLE gone (id INT); BEGIN; {less}; DROP TEMPORARY TABLE gone;
         CREATE TEMPORARY TABLE other (id INT) ENGINE=MyISAM; INSERT INTO other VALUES (1); {} COMMIT",
        part.repeat(6)
    )
}

fn assert_rebuilt(server: &MySql, kafka: &Kafka, name: &str) {
    let oracle = stage::judged(kafka, &format!("{name}.{name}.t"));
    assert!(oracle.findings.is_clean(), "{:?}", oracle.findings);
    let differences = oracle.differences(server, name, "t").unwrap();
    assert_eq!(differences, Vec::<String>::new());
}

#[test]
fn rows_wait_up_to_a_bound_and_then_a_rollback_stops() {
    let server = MySql::start(MySqlOptions::of(ServerVersion::MariaDb1011)).unwrap();
    let kafka = stage::kafka();
    let more = "INSERT INTO t (pad) SELECT pad FROM seed";
    let cannot = "CREATE TEMPORARY TABLE x (id INT) ENGINE=MyISAM; INSERT INTO x VALUES (1)";
    let cases = [
        (
            "bound_savepoint",
            format!(
                "BEGIN; SAVEPOINT a; {cannot}; {more}; SAVEPOINT b; {more}; {more}; ROLLBACK TO b; COMMIT"
            ),
        ),
        (
            "bound_whole",
            format!("BEGIN; {cannot}; {more}; {more}; {more}; ROLLBACK"),
        ),
    ];
    for ((name, transaction), workers) in cases.into_iter().zip(["1", "3"]) {
        made(&server, name);
        let start = stage::position(&server);
        server
            .sql(&format!(
                "USE {name}; INSERT INTO t (pad) VALUES ('first'); {transaction}"
            ))
            .unwrap();
        server
            .sql(&format!("INSERT INTO {name}.t (pad) VALUES ('last')"))
            .unwrap();
        let run = |bytes: &str| {
            let mut run = stage::run(&server, kafka, name, name);
            run.args(["--start", &start, "--until-idle", "1s", "--xa-held-bytes", bytes]);
            run.args(["--workers", workers]);
            run
        };
        let said = fail(&mut run("80000"), 7);
        assert_says(
            &said,
            &[
                "are rolled back at binlog.000001:",
                "not more than 10000 bytes",
                "--xa-held-bytes",
                "rowtide checkpoint set",
            ],
        );
        // Nothing of it was committed: with more room the same start succeeds.
        succeed(&mut run("100000000"));
        assert_rebuilt(&server, kafka, name);
    }
}

#[test]
fn xa_transactions_that_wait_over_a_restart_know_what_was_rolled_back_to_a_savepoint() {
    let server = MySql::start(MySqlOptions::of(ServerVersion::MariaDb118)).unwrap();
    let (kafka, name) = (stage::kafka(), "xa_savepoints");
    made(&server, name);
    let start = stage::position(&server);
    let run = || {
        let mut run = stage::run(&server, kafka, name, name);
        run.args(["--start", &start, "--until-idle", "1s"]);
        run
    };
    let insert = |pad: &str| format!("INSERT INTO t (pad) VALUES ('{pad}')");
    let steps = [
        "XA START 'x'".to_owned(),
        insert("one"),
        "SAVEPOINT s".to_owned(),
        "CREATE TEMPORARY TABLE x (id INT) ENGINE=MyISAM".to_owned(),
        "INSERT INTO x VALUES (1)".to_owned(),
        insert("two"),
        "ROLLBACK TO s".to_owned(),
        insert("three"),
        "XA END 'x'".to_owned(),
        "XA PREPARE 'x'".to_owned(),
    ];
    server.sql(&format!("USE {name}; {}", steps.join("; "))).unwrap();
    succeed(&mut run());
    assert_eq!(records(kafka, &format!("{name}.{name}.t")).len(), 0);
    assert_eq!(Logged::by(&server).to_savepoint, 1);
    server.sql("XA COMMIT 'x'").unwrap();
    succeed(&mut run());
    assert_eq!(records(kafka, &format!("{name}.{name}.t")).len(), 2);
    assert_rebuilt(&server, kafka, name);
}

fn logs_what_is_rolled_back(version: ServerVersion) -> bool {
    version.is_mariadb() || version == ServerVersion::MySql57
}

/// How often the binlog has what is rolled back.
#[derive(Debug, Default)]
struct Logged {
    whole: usize,
    to_savepoint: usize,
}

impl Logged {
    fn by(server: &MySql) -> Self {
        let mut logged = Self::default();
        let files = server.query("SHOW BINARY LOGS").unwrap();
        for file in files.iter().filter_map(|row| row[0].as_deref()) {
            for event in server.query(&format!("SHOW BINLOG EVENTS IN '{file}'")).unwrap() {
                let text = event[5].as_deref().unwrap_or_default();
                logged.whole += usize::from(text == "ROLLBACK");
                logged.to_savepoint += usize::from(text.contains("ROLLBACK TO "));
            }
        }
        logged
    }

    fn any(&self) -> bool {
        self.whole > 0 && self.to_savepoint > 0
    }
}
