//! Ten thousand tables beside one, and tables that are not captured beside those that are.

mod filtered;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rowtide_testbed::{Kafka, KafkaOptions, MySql};

use crate::Extent;
use crate::drain::watch::Watch;
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::{Rowtide, Servers, create_topics};
use crate::statistics::{median, quotients};
use crate::usage::{Finished, Observed};

use filtered::PassedOver;

const TABLES: u64 = 10_000;
const CHANGES: u64 = 1_000_000;
/// Changes of a transaction.
const TRANSACTION: u64 = 100;
/// Statements handed to the client program at once.
const CHUNK: u64 = 20_000;
/// Tables whose topics are counted.
const SAMPLE: u64 = 100;
/// Runs before those that count: a broker that has just started takes twice the processor time.
const WARM_RUNS: u64 = 6;

/// The broker's heap. What it knows of 10,000 partitions takes some 600 MB, so that with the 1 GB of Kafka's start script it
/// collects without a pause.
const HEAP_MEGABYTES: u32 = 4096;

/// What an operator with so many topics sets. An index is a file of 10 MiB otherwise, of which the broker maps two for each
/// partition: where the system reads ahead of a mapping, they take more memory than most machines have.
const TOPIC_SETTINGS: &[(&str, &str)] = &[("segment.index.bytes", "65536")];

/// A server whose changes are spread over some tables.
struct Spread {
    servers: Servers,
    tables: u64,
    changes: u64,
}

/// One run over a spread.
#[derive(Clone, Copy, Debug)]
struct Run {
    rate: f64,
    cpu: f64,
    wall: f64,
    peak_memory: f64,
}

/// Measures both spreads in turn.
pub fn measure(rowtide: &Rowtide, extent: &Extent) -> Result<Part> {
    let (tables, changes) = (extent.of(TABLES).max(2), extent.of(CHANGES));
    eprintln!("tables: {tables} tables and twice {changes} changes are being made");
    let one = Spread::prepare(1, changes)?;
    let many = Spread::prepare(tables, changes)?;
    let mut part = Part::new("tables", "Many tables, and tables that are not captured", extent);
    let first = many.drain(rowtide, "first")?;
    for run in 1..=WARM_RUNS {
        let name = format!("warm{run}");
        one.drain(rowtide, &name)?;
        many.drain(rowtide, &name)?;
    }
    let (mut of_one, mut of_many, mut passed) = (vec![], vec![], PassedOver::default());
    for round in 0..extent.rounds {
        eprintln!("tables: round {} of {}", round + 1, extent.rounds);
        let name = format!("round{round}");
        of_one.push(one.drain(rowtide, &name)?);
        of_many.push(many.drain(rowtide, &name)?);
        passed.measure(&one, rowtide, "earliest", &name)?;
    }
    many.check(1 + WARM_RUNS + extent.rounds as u64)?;
    part.fact(
        "workload",
        format!(
            "{changes} inserts of one row and one statement each, {TRANSACTION} to a transaction: into one table, and in turn into \
             {tables} tables"
        ),
    );
    part.note(
        "Rates are from the first record's timestamp until a reader of committed records can see the last ones of the first and the \
         last table. All topics have `segment.index.bytes=65536`, and the brokers a heap of 4 GB. `many tables, first run`: a \
         broker makes the files of a partition's indexes when its log has its first 4 KiB. Then come six runs with \
         either, until the brokers' code is compiled, and then those that are shown. Filtered: the same log read with a filter that \
         captures none of the changed tables; its CPU and that of the captured run are taken without what a run takes that finds \
         nothing to read.",
    );
    report(&of_one, &of_many, &mut part)?;
    part.series(Series::new(
        "many tables, first run",
        "changes/s",
        vec![first.rate],
    ));
    let goal = passed.report(&of_one, "filtered", &mut part)?;
    part.goal(Goal::new(
        "filtered tables, CPU beside captured ones",
        Bound::AtMost(0.1),
        goal,
        "×",
    ));
    filtered::measure_many_rows(&one, rowtide, extent, &mut part)?;
    Ok(part)
}

impl Spread {
    fn prepare(tables: u64, changes: u64) -> Result<Spread> {
        let servers = Servers::start_with(KafkaOptions::sustained_with_heap(HEAP_MEGABYTES))?;
        create_tables(&servers.mysql, tables)?;
        insert(&servers.mysql, tables, changes)?;
        let topics: Vec<String> = (0..tables).map(topic).collect();
        create_topics(&servers.kafka, &topics, TOPIC_SETTINGS)?;
        await_leaders(&servers.kafka, &topics)?;
        Ok(Spread {
            servers,
            tables,
            changes,
        })
    }

    /// Drains all changes; each run has a checkpoint of its own and the same topics.
    fn drain(&self, rowtide: &Rowtide, name: &str) -> Result<Run> {
        let begun_ms = unix_ms();
        let ends = self.ends();
        let watches = ends.iter().map(|topic| Watch::start(&self.servers.kafka, topic));
        let watches = watches.collect::<Result<Vec<Watch>>>()?;
        let finished = self.run(rowtide, CHANGED, "earliest", name)?;
        let first = self.await_records(begun_ms)? as f64 / 1e3;
        let mut last = first;
        for watch in watches {
            last = watch.last_growth()?.max(last);
        }
        if last <= first {
            bail!("the run {name} is too short to be timed");
        }
        Ok(Run::of(&finished, self.changes as f64 / (last - first)))
    }

    /// The topics of the first and the last table.
    fn ends(&self) -> Vec<String> {
        let tables = BTreeSet::from([0, self.tables - 1]);
        tables.into_iter().map(topic).collect()
    }

    /// When the first record since `begun_ms` was made, once all of the first and the last table's can be read: a commit is
    /// answered before its markers are in all partitions.
    fn await_records(&self, begun_ms: i64) -> Result<i64> {
        let topics = self.ends();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let tables = BTreeSet::from([0, self.tables - 1]);
        let expected: u64 = tables.iter().map(|table| self.changes_of(*table)).sum();
        let begun = Instant::now();
        loop {
            let (mut first, mut found) = (i64::MAX, 0);
            self.servers.kafka.consume(&topics, true, |record| {
                let at = record.timestamp.unwrap_or_default();
                if at >= begun_ms {
                    first = first.min(at);
                    found += 1;
                }
                Ok(())
            })?;
            if found == expected {
                return Ok(first);
            }
            if begun.elapsed() > MARKERS_PATIENCE {
                bail!("{found} of {expected} records can be read");
            }
        }
    }

    /// How many changes a table has.
    fn changes_of(&self, table: u64) -> u64 {
        (self.changes + self.tables - 1 - table) / self.tables
    }

    fn run(&self, rowtide: &Rowtide, tables: &str, start: &str, name: &str) -> Result<Finished> {
        let mut command = rowtide.command();
        command.args(rowtide.arguments(&self.servers, PREFIX, tables, start));
        command.args([
            "--until-idle",
            "500ms",
            "--checkpoint-topic",
            &format!("{name}.checkpoint"),
            // A broker with so many new topics takes its time for another one.
            "--kafka-connect-timeout",
            "300s",
        ]);
        Observed::start(&mut command)?.finish()
    }

    /// Counts the records of some tables.
    fn check(&self, runs: u64) -> Result<()> {
        let step = self.tables.div_ceil(SAMPLE);
        let sample: Vec<u64> = (0..self.tables).step_by(usize::try_from(step)?).collect();
        let topics: Vec<String> = sample.iter().map(|table| topic(*table)).collect();
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let mut found = 0;
        self.servers.kafka.consume(&names, true, |_| {
            found += 1;
            Ok(())
        })?;
        let of_sample: u64 = sample.iter().map(|table| self.changes_of(*table)).sum();
        let expected = runs * of_sample;
        if found != expected {
            bail!(
                "{} topics hold {found} records and should hold {expected}",
                sample.len()
            );
        }
        Ok(())
    }
}

const PREFIX: &str = "many";
/// The tables of a spread.
const CHANGED: &str = r"spread\..*";

fn topic(table: u64) -> String {
    format!("{PREFIX}.spread.t{table}")
}

impl Run {
    fn of(finished: &Finished, rate: f64) -> Run {
        Run {
            rate,
            cpu: finished.cpu.as_secs_f64(),
            wall: finished.wall.as_secs_f64(),
            peak_memory: finished.peak_memory as f64 / 1048576.0,
        }
    }
}

/// The broker answers before it has made all the files of so many partitions.
fn await_leaders(kafka: &Kafka, topics: &[String]) -> Result<()> {
    let begun = Instant::now();
    while let Some(error) = topics
        .last()
        .and_then(|last| kafka.ends(true).and_then(|ends| ends.of(last)).err())
    {
        if begun.elapsed() > LEADERS_PATIENCE {
            return Err(error).context("the broker does not come to terms with so many topics");
        }
    }
    Ok(())
}

const LEADERS_PATIENCE: Duration = Duration::from_secs(600);
const MARKERS_PATIENCE: Duration = Duration::from_secs(600);

/// Makes tables `spread.t0` and so on, and a binary log without them.
pub(crate) fn create_tables(mysql: &MySql, tables: u64) -> Result<()> {
    mysql.sql("CREATE DATABASE quiet; CREATE TABLE quiet.t (id INT PRIMARY KEY); CREATE DATABASE spread;")?;
    for first in (0..tables).step_by(1_000) {
        let mut script = String::from("USE spread;\n");
        for table in first..tables.min(first + 1_000) {
            writeln!(
                script,
                "CREATE TABLE t{table} (id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL);"
            )?;
        }
        mysql.sql(&script)?;
    }
    // The changes are measured, not the making of the tables.
    mysql.sql("RESET BINARY LOGS AND GTIDS")?;
    Ok(())
}

fn insert(mysql: &MySql, tables: u64, changes: u64) -> Result<()> {
    let text = "0123456789-".repeat(10);
    for first in (0..changes).step_by(usize::try_from(CHUNK)?) {
        let mut script = String::from("USE spread;\n");
        for change in first..changes.min(first + CHUNK) {
            if change % TRANSACTION == 0 {
                script.push_str("BEGIN;\n");
            }
            writeln!(
                script,
                "INSERT INTO t{} VALUES ({change},{change},'{text}');",
                change % tables
            )?;
            if change % TRANSACTION == TRANSACTION - 1 || change + 1 == changes {
                script.push_str("COMMIT;\n");
            }
        }
        mysql.sql(&script)?;
    }
    Ok(())
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn report(one: &[Run], many: &[Run], part: &mut Part) -> Result<()> {
    let of = |runs: &[Run], of: fn(&Run) -> f64| runs.iter().map(of).collect::<Vec<f64>>();
    let (rate1, rates) = (of(one, |r| r.rate), of(many, |r| r.rate));
    let ratio = quotients(&rates, &rate1);
    let measured = median(&ratio).context("no round was measured")?;
    part.goal(Goal::new(
        "10,000 tables, rate beside one table",
        Bound::AtLeast(0.7),
        measured,
        "×",
    ));
    part.series(Series::new("one table", "changes/s", rate1));
    part.series(Series::new("many tables", "changes/s", rates));
    part.series(Series::new("many tables / one table", "×", ratio));
    part.series(Series::new("one table", "CPU s", of(one, |r| r.cpu)));
    part.series(Series::new("many tables", "CPU s", of(many, |r| r.cpu)));
    part.series(Series::new("one table, whole run", "s", of(one, |r| r.wall)));
    part.series(Series::new("many tables, whole run", "s", of(many, |r| r.wall)));
    part.series(Series::new(
        "many tables, peak resident memory",
        "MiB",
        of(many, |r| r.peak_memory),
    ));
    Ok(())
}
