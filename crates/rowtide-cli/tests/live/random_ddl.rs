//! Random changes of tables among random changes of their rows, with the program stopped, killed and started between
//! them: what is rebuilt from the topics equals `SELECT`, whatever the binlog tells of the tables' shapes.
//!
//! A failure prints the seed of its round: `ROWTIDE_RANDOM_SEED` and `ROWTIDE_RANDOM_ROUNDS` run that round alone, or more
//! rounds than are run by default. Each server has a test of its own.

use std::process::Command;
use std::time::Instant;

use rowtide_testbed::generate::{Round, RowImage, Size};
use rowtide_testbed::oracle::Oracle;
use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};

use crate::random_schemas::{Sum, number, ssl_mode};
use crate::stage::{self, Running, eventually};

const ROUNDS: u64 = 1;
const FIRST_SEED: u64 = 1;
const PARTS: usize = 5;
const SIZE: Size = Size {
    tables: 3,
    transactions: 60,
    largest: 2_000,
};

#[test]
fn mysql_97() {
    altered_tables_equal_the_servers(ServerVersion::MySql97);
}

#[test]
fn mysql_80() {
    altered_tables_equal_the_servers(ServerVersion::MySql80);
}

#[test]
fn mysql_57() {
    altered_tables_equal_the_servers(ServerVersion::MySql57);
}

#[test]
fn mariadb_118() {
    altered_tables_equal_the_servers(ServerVersion::MariaDb118);
}

#[test]
fn mariadb_1011() {
    altered_tables_equal_the_servers(ServerVersion::MariaDb1011);
}

fn altered_tables_equal_the_servers(version: ServerVersion) {
    let first = number("ROWTIDE_RANDOM_SEED").unwrap_or(FIRST_SEED);
    let rounds = number("ROWTIDE_RANDOM_ROUNDS").unwrap_or(ROUNDS);
    let server = MySql::start(MySqlOptions::of(version)).unwrap();
    let (mut sum, mut failed, begun) = (Sum::default(), Vec::new(), Instant::now());
    for seed in first..first + rounds {
        let from_before = seed.is_multiple_of(2);
        let parts = Round::altered(seed, version, SIZE, PARTS, from_before);
        if let Err(failure) = Stream::of(&server, seed, &parts).follow(&parts, &mut sum) {
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

/// A source that is followed in several runs.
struct Stream<'a> {
    server: &'a MySql,
    prefix: String,
    database: String,
    row_image: RowImage,
    compressed: bool,
    /// The tables are made after the place where the first run begins.
    from_before: bool,
    start: String,
    seed: u64,
}

impl<'a> Stream<'a> {
    fn of(server: &'a MySql, seed: u64, parts: &[Round]) -> Self {
        let round = &parts[0];
        Self {
            server,
            prefix: format!("ddl_{}_{}", server.port(), round.database),
            database: round.database.clone(),
            row_image: round.row_image,
            compressed: round.compressed,
            from_before: seed.is_multiple_of(2),
            start: String::new(),
            seed,
        }
    }

    /// Plays the parts and follows them; what was wrong, in words.
    fn follow(mut self, parts: &[Round], sum: &mut Sum) -> Result<(), String> {
        self.start = stage::position(self.server);
        for (number, part) in parts.iter().enumerate() {
            part.prepare(self.server)
                .map_err(|why| format!("{why}\n{}", part.setup.join(";\n")))?;
            if number == 0 && !self.from_before {
                // Where the tables are known of the server, and nothing else is told.
                self.start = stage::position(self.server);
                self.run_to_the_end()?;
            }
            let played = part.play(self.server).map_err(|why| why.to_string())?;
            sum.add(part, &played, 0);
            match (self.seed / 2 + number as u64) % 3 {
                0 => self.run_to_the_end()?,
                1 => self.run_and_kill()?,
                // Read by the next.
                _ => {}
            }
        }
        self.run_to_the_end()?;
        self.judge(sum)
    }

    fn run(&self) -> Command {
        let mut run = stage::run(self.server, stage::kafka(), &self.prefix, &self.database);
        run.args(["--start", &self.start, "--absent-columns", "omit"]);
        run.args(["--source-ssl-mode", ssl_mode(self.server)]);
        run
    }

    fn run_to_the_end(&self) -> Result<(), String> {
        let output = self.run().args(["--until-idle", "300ms"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        output.status.success().then_some(()).ok_or(said.into_owned())
    }

    /// Kills a run as soon as it has committed something.
    fn run_and_kill(&self) -> Result<(), String> {
        let topic = format!("{}.checkpoint", self.prefix);
        let ends = stage::kafka().ends(true).unwrap();
        let before = ends.of(&topic).unwrap();
        let mut running = Running::start_with_log(self.run().args(["--commit-bytes", "20000"]));
        let mut ended = false;
        eventually("something is committed", || {
            ended = !running.is_running();
            ended || ends.of(&topic).unwrap() > before
        });
        let said = running.log();
        running.kill9();
        (!ended).then_some(()).ok_or(said)
    }

    /// Compares what is rebuilt with what the server has.
    fn judge(&self, sum: &mut Sum) -> Result<(), String> {
        let kafka = stage::kafka();
        let of_tables = format!("{}.{}.", self.prefix, self.database);
        let mut topics = kafka.topics().unwrap();
        topics.retain(|topic| topic.starts_with(&of_tables));
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let mut oracle = match self.row_image {
            RowImage::Full => Oracle::default(),
            RowImage::Minimal | RowImage::NoBlob => Oracle::of_partial_images(),
        };
        kafka
            .consume(&topics, true, |record| oracle.observe(&record))
            .unwrap();
        let mut found = Vec::new();
        for table in self.tables() {
            let differences = oracle.differences(self.server, &self.database, &table).unwrap();
            if !differences.is_empty() {
                found.push(table);
                found.extend(differences);
            }
        }
        let findings = &oracle.findings;
        if findings.wrong_before > 0 || !(self.compressed || findings.is_clean()) {
            found.push(format!("{findings:?}"));
        }
        sum.changes += findings.changes;
        if found.is_empty() {
            Ok(())
        } else {
            Err(found.join("\n"))
        }
    }

    /// The names of all tables that are left.
    fn tables(&self) -> Vec<String> {
        let query = format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}' AND table_type = 'BASE TABLE'",
            self.database
        );
        let rows = self.server.query(&query).unwrap();
        rows.into_iter().flatten().flatten().collect()
    }
}
