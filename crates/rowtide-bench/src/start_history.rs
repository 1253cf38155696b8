//! How soon the program is at work when the past is long: with many tables and many statements that changed them.

mod past;
pub mod table;

use std::time::Duration;

use anyhow::{Context, Result};
use rowtide::kafka::{CheckpointStore, HistoryRange, KafkaOptions};

use crate::Extent;
use crate::follower::Follower;
use crate::process;
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::{Connection, Rowtide, Servers};
use crate::statistics::median;
use crate::tables::create_tables;
use crate::usage::Observed;

const TABLES: u64 = 10_000;
const STATEMENTS: u64 = 100_000;
const MANY_TABLES: u64 = 100_000;
const TOPIC: &str = "old.process.t";

/// One start.
#[derive(Clone, Copy)]
struct Start {
    s: f64,
    cpu_s: f64,
    peak_bytes: f64,
}

/// Measures starts with a history of 10,000 tables and 100,000 statements, with one of 100,000 tables, and the very first
/// start at a server of 10,000 tables.
pub fn measure(rowtide: &Rowtide, extent: &Extent) -> Result<Part> {
    let (tables, statements) = (extent.of(TABLES), extent.of(STATEMENTS));
    let mut part = Part::new("start-history", "Start with a long past", extent);
    let servers = Servers::start()?;
    let mut connection = Connection::open(&servers.mysql)?;
    process::prepare(&servers, &mut connection, TOPIC)?;
    let mut bench = Bench {
        rowtide,
        servers: &servers,
        connection,
        kafka: KafkaOptions::new(servers.kafka.bootstrap(), "old"),
    };
    // The first start makes the topics, the checkpoint, and a history of one table.
    bench.start()?;
    let alone = bench.starts(extent)?;
    eprintln!("start-history: the past of {tables} tables is being made");
    let all = past::without_image(&bench.kafka, tables, statements)?;
    let without_image = bench.starts_from(&all, extent)?;
    let newest = past::from_image(&bench.kafka, tables, statements)?;
    let from_image = bench.starts_from(&newest, extent)?;
    let many = extent.of(MANY_TABLES);
    eprintln!("start-history: the past of {many} tables is being made");
    let newest = past::from_image(&bench.kafka, many, 0)?;
    let of_many = bench.starts_from(&newest, extent)?;
    let first = first_starts(rowtide, tables, extent)?;
    let measured = Measured {
        tables,
        many,
        alone,
        from_image,
        without_image,
        of_many,
        first,
    };
    measured.report(statements, &mut part)?;
    Ok(part)
}

struct Bench<'a> {
    rowtide: &'a Rowtide,
    servers: &'a Servers,
    connection: Connection,
    kafka: KafkaOptions,
}

impl Bench<'_> {
    fn starts_from(&mut self, range: &HistoryRange, extent: &Extent) -> Result<Vec<Start>> {
        let mut starts = Vec::new();
        for _ in 0..extent.rounds {
            let mut checkpoint = CheckpointStore::read(&self.kafka)?.context("there is no checkpoint")?;
            checkpoint.history = Some(range.clone());
            CheckpointStore::write(&self.kafka, &checkpoint)?;
            starts.push(self.start()?);
        }
        Ok(starts)
    }

    fn starts(&mut self, extent: &Extent) -> Result<Vec<Start>> {
        (0..extent.rounds).map(|_| self.start()).collect()
    }

    /// From the start of the process until a consumer has the record of a change that was made before.
    fn start(&mut self) -> Result<Start> {
        let follower = Follower::new(&self.servers.kafka, TOPIC, true)?;
        follower.next_within(Duration::from_millis(200))?;
        self.connection.execute("INSERT INTO process.t VALUES ()")?;
        let start = run(
            &mut self.rowtide.run(self.servers, "old", r"process\..*"),
            &follower,
        )?;
        eprintln!("start-history: {:.2} s", start.s);
        Ok(start)
    }
}

fn run(command: &mut std::process::Command, follower: &Follower) -> Result<Start> {
    let mut observed = Observed::start(command)?;
    let arrival = follower.next()?;
    let (took, cpu) = (
        arrival.at.duration_since(observed.begun()),
        observed.cpu_in_all()?,
    );
    observed.runs()?;
    let peak = observed.peak_memory();
    observed.stop()?;
    Ok(Start {
        s: took.as_secs_f64(),
        cpu_s: cpu.as_secs_f64(),
        peak_bytes: peak as f64,
    })
}

/// Starts without a checkpoint, at a server of so many tables.
fn first_starts(rowtide: &Rowtide, tables: u64, extent: &Extent) -> Result<Vec<Start>> {
    let servers = Servers::start()?;
    create_tables(&servers.mysql, tables)?;
    servers
        .mysql
        .sql("INSERT INTO spread.t0 VALUES (1, 1, 'waits')")?;
    let mut starts = Vec::new();
    for round in 0..extent.rounds {
        let prefix = format!("first{round}");
        let topic = format!("{prefix}.spread.t0");
        servers.kafka.create_topic(&topic, 1, &[])?;
        let follower = Follower::new(&servers.kafka, &topic, true)?;
        follower.next_within(Duration::from_millis(200))?;
        let start = run(&mut rowtide.run(&servers, &prefix, r"spread\..*"), &follower)?;
        eprintln!("start-history: the first start: {:.2} s", start.s);
        starts.push(start);
    }
    Ok(starts)
}

struct Measured {
    tables: u64,
    many: u64,
    alone: Vec<Start>,
    from_image: Vec<Start>,
    without_image: Vec<Start>,
    of_many: Vec<Start>,
    first: Vec<Start>,
}

impl Measured {
    fn report(&self, statements: u64, part: &mut Part) -> Result<()> {
        let (tables, many) = (self.tables, self.many);
        let seconds = |starts: &[Start]| starts.iter().map(|start| start.s).collect::<Vec<f64>>();
        let middle = |of: Vec<f64>| median(&of).context("no round was measured");
        let a_table = self.bytes_a_table()?;
        for (what, limit, measured, unit) in [
            (
                "start, 10,000 tables and 100,000 statements",
                2.0,
                middle(seconds(&self.from_image))?,
                "s",
            ),
            (
                "start, 100,000 tables",
                10.0,
                middle(seconds(&self.of_many))?,
                "s",
            ),
            ("memory a table", 2_048.0, a_table, "bytes"),
        ] {
            part.goal(Goal::new(what, Bound::AtMost(limit), measured, unit));
        }
        for (what, starts) in [
            ("one table".to_owned(), &self.alone),
            (
                format!("{tables} tables, from the newest image"),
                &self.from_image,
            ),
            (
                format!("{tables} tables, a history without image"),
                &self.without_image,
            ),
            (format!("{many} tables"), &self.of_many),
            (format!("the very first start, {tables} tables"), &self.first),
        ] {
            part.series(Series::new(what.as_str(), "s", seconds(starts)));
            let cpu = starts.iter().map(|start| start.cpu_s).collect();
            part.series(Series::new(format!("{what}, CPU"), "s", cpu));
            let peak = starts
                .iter()
                .map(|start| start.peak_bytes / 1_048_576.0)
                .collect();
            part.series(Series::new(format!("{what}, peak resident memory"), "MiB", peak));
        }
        part.fact(
            "past",
            format!("{statements} statements, each of which changes a table of ten columns"),
        );
        part.note(
            "The clock runs from the start of the process until a read_committed consumer has the record of a change that \
             waits in the log. Behind the newest image stand as many statements as can before the next is due, two a table. A \
             history without image is read from its first message on, and then a start writes an image. Memory a table: the \
             peak with the most tables less that with one, and with it all that reading the history needs. The very first \
             start asks the server for each table and writes an image of all.",
        );
        Ok(())
    }

    fn bytes_a_table(&self) -> Result<f64> {
        let peak = |starts: &[Start]| {
            let peaks: Vec<f64> = starts.iter().map(|start| start.peak_bytes).collect();
            median(&peaks).context("no round was measured")
        };
        Ok((peak(&self.of_many)? - peak(&self.alone)?) / self.many as f64)
    }
}
