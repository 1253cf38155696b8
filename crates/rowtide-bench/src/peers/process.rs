//! Start and idleness of both.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::worker::{Debezium, PREFIX, Tuning};
use super::{each, series};
use crate::Extent;
use crate::follower::Follower;
use crate::process;
use crate::report::Part;
use crate::servers::{Connection, Rowtide, Servers};
use crate::usage::Observed;

const NAMES: [&str; 2] = ["Rowtide", "Debezium, default"];

/// What a process takes to start, and then while nothing happens.
#[derive(Clone, Copy, Debug)]
struct Life {
    start_s: f64,
    start_cpu_s: f64,
    idle_percent: f64,
    idle_memory: f64,
}

/// Measures both in turn.
pub fn measure(
    rowtide: &Rowtide,
    debezium: &Debezium<'_>,
    servers: &Servers,
    connection: &mut Connection,
    extent: &Extent,
    part: &mut Part,
) -> Result<()> {
    process::prepare(servers, connection, process::TOPIC)?;
    let ours = |connection: &mut Connection| {
        let command = || Ok(process::command(rowtide, servers));
        live(servers, connection, process::TOPIC, extent, command)
    };
    // The first start makes the topics of the checkpoint and the schema history.
    ours(connection)?;
    let topic = format!("{PREFIX}.process.t");
    servers.kafka.create_topic(&topic, 1, &[])?;
    let mut all = [const { Vec::new() }; NAMES.len()];
    for round in 0..extent.rounds {
        eprintln!(
            "peers: start and idleness, round {} of {}",
            round + 1,
            extent.rounds
        );
        all[0].push(ours(connection)?);
        let command = || debezium.run(Tuning::Default, r"process\.t");
        all[1].push(live(servers, connection, &topic, extent, command)?);
    }
    let of = |of| each(&all, of);
    series(part, &NAMES, "start to first record", "s", &of(|l| l.start_s));
    series(part, &NAMES, "start, CPU", "s", &of(|l| l.start_cpu_s));
    series(part, &NAMES, "idle, CPU", "% of a core", &of(|l| l.idle_percent));
    series(
        part,
        &NAMES,
        "idle, resident memory",
        "MiB",
        &of(|l| l.idle_memory),
    );
    Ok(())
}

fn live(
    servers: &Servers,
    connection: &mut Connection,
    topic: &str,
    extent: &Extent,
    command: impl FnOnce() -> Result<Command>,
) -> Result<Life> {
    let follower = Follower::new(&servers.kafka, topic, true)?;
    // The consumer is connected before the clock runs.
    follower.next_within(Duration::from_millis(200))?;
    connection.execute("INSERT INTO process.t VALUES ()")?;
    let observed = Observed::start(&mut command()?)?;
    let arrival = follower.next()?;
    let start_cpu_s = observed.cpu_in_all()?.as_secs_f64();
    thread::sleep(SETTLE);
    let (seconds, before) = (extent.of(IDLE_S).max(2), observed.cpu()?);
    thread::sleep(Duration::from_secs(seconds));
    let idle = observed.cpu()?.saturating_sub(before).as_secs_f64();
    Ok(Life {
        start_s: arrival.at.duration_since(observed.begun()).as_secs_f64(),
        start_cpu_s,
        idle_percent: idle / seconds as f64 * 100.0,
        idle_memory: observed.memory()? as f64 / 1048576.0,
    })
}

/// How long after its first record a program counts as idle.
const SETTLE: Duration = Duration::from_secs(5);
const IDLE_S: u64 = 20;
