//! The process by itself: how soon it is at work, what it takes while nothing happens, how large it is.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::Extent;
use crate::follower::Follower;
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::{Connection, Rowtide, Servers, file_size};
use crate::statistics::median;
use crate::usage::Observed;

pub(crate) const TOPIC: &str = "process.process.t";
/// How long idleness is watched in a round.
const IDLE_S: u64 = 20;
/// How long after its last change the program counts as idle.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures starts with a change that waits, and idleness.
pub fn measure(rowtide: &Rowtide, extent: &Extent) -> Result<Part> {
    let servers = Servers::start()?;
    let mut connection = Connection::open(&servers.mysql)?;
    prepare(&servers, &mut connection, TOPIC)?;
    let mut part = Part::new("process", "Start, idleness, size", extent);
    // The first start makes the topics of the checkpoint and the schema history.
    start(rowtide, &servers, &mut connection)?;
    let mut starts = Vec::new();
    for _ in 0..extent.rounds.max(MIN_STARTS) {
        starts.push(start(rowtide, &servers, &mut connection)?);
    }
    let idle = idle(rowtide, &servers, &mut connection, extent)?;
    report(&starts, &idle, file_size(&rowtide.program)?, &mut part)?;
    Ok(part)
}

/// Makes the table, and the topic of its changes.
pub(crate) fn prepare(servers: &Servers, connection: &mut Connection, topic: &str) -> Result<()> {
    connection.execute("CREATE DATABASE process")?;
    connection.execute("CREATE TABLE process.t (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT)")?;
    servers.kafka.create_topic(topic, 1, &[])?;
    Ok(())
}

/// The program for that table.
pub(crate) fn command(rowtide: &Rowtide, servers: &Servers) -> Command {
    rowtide.run(servers, "process", r"process\..*")
}

/// Starts are short, and a shared machine is uneven.
const MIN_STARTS: usize = 7;

struct Start {
    ms: f64,
    cpu_ms: f64,
}

/// From the start of the process until a consumer has the record of a change that was made before.
fn start(rowtide: &Rowtide, servers: &Servers, connection: &mut Connection) -> Result<Start> {
    let follower = Follower::new(&servers.kafka, TOPIC, true)?;
    // The consumer is connected before the clock runs.
    follower.next_within(Duration::from_millis(200))?;
    connection.execute("INSERT INTO process.t VALUES ()")?;
    let observed = Observed::start(&mut command(rowtide, servers))?;
    let arrival = follower.next()?;
    let (took, cpu) = (arrival.at.duration_since(observed.begun()), observed.cpu()?);
    observed.stop()?;
    Ok(Start {
        ms: took.as_secs_f64() * 1e3,
        cpu_ms: cpu.as_secs_f64() * 1e3,
    })
}

/// Percent of a core and MiB, a pair a round.
fn idle(
    rowtide: &Rowtide,
    servers: &Servers,
    connection: &mut Connection,
    extent: &Extent,
) -> Result<Vec<(f64, f64)>> {
    let follower = Follower::new(&servers.kafka, TOPIC, true)?;
    let observed = Observed::start(&mut command(rowtide, servers))?;
    connection.execute("INSERT INTO process.t VALUES ()")?;
    follower.next()?;
    thread::sleep(SETTLE);
    let seconds = extent.of(IDLE_S).max(2);
    let mut rounds = Vec::new();
    for round in 0..extent.rounds.min(MAX_IDLE_ROUNDS) {
        eprintln!("process: idle round {}", round + 1);
        let before = observed.cpu()?;
        thread::sleep(Duration::from_secs(seconds));
        let cpu = observed.cpu()?.saturating_sub(before).as_secs_f64();
        rounds.push((
            cpu / seconds as f64 * 100.0,
            observed.memory()? as f64 / 1048576.0,
        ));
    }
    observed.stop()?;
    Ok(rounds)
}

const MAX_IDLE_ROUNDS: usize = 3;

fn report(starts: &[Start], idle: &[(f64, f64)], size: u64, part: &mut Part) -> Result<()> {
    let took: Vec<f64> = starts.iter().map(|start| start.ms).collect();
    let (cpu, memory): (Vec<f64>, Vec<f64>) = idle.iter().copied().unzip();
    let megabytes = size as f64 / 1e6;
    for (what, limit, measured, unit) in [
        (
            "start to the first record at a consumer",
            300.0,
            median(&took),
            "ms",
        ),
        ("idle, CPU", 0.1, median(&cpu), "% of a core"),
        ("idle, resident memory", 25.0, median(&memory), "MiB"),
        ("size of the program", 25.0, Some(megabytes), "MB"),
    ] {
        let measured = measured.context("no round was measured")?;
        part.goal(Goal::new(what, Bound::AtMost(limit), measured, unit));
    }
    part.series(Series::new("start to first record", "ms", took));
    part.series(Series::new(
        "start, CPU",
        "ms",
        starts.iter().map(|start| start.cpu_ms).collect(),
    ));
    part.series(Series::new("idle", "% of a core", cpu));
    part.series(Series::new("idle, resident", "MiB", memory));
    part.series(Series::new("size of the program", "MB", vec![megabytes]));
    part.note(
        "Start: a checkpoint is there and one change waits in the log; the clock runs from the start of the process until \
         a read_committed consumer has the record. Idle: connected, with nothing changing; heartbeats go on.",
    );
    Ok(())
}
