//! Latency at a steady light load, start and idleness of both.

use anyhow::Result;

use super::worker::{Debezium, PREFIX, Tuning};
use super::{each, process, series};
use crate::Extent;
use crate::latency::{Load, RATE, Round, SECONDS, WARM, Way, measure_round, measure_run};
use crate::report::Part;
use crate::servers::{Connection, Rowtide, Servers};

const NAMES: [&str; 4] = [
    "Rowtide, exactly once",
    "Rowtide, at least once",
    "Debezium, default",
    "Debezium, tuned for latency",
];

/// Measures both in turn.
pub fn measure(rowtide: &Rowtide, extent: &Extent, part: &mut Part) -> Result<()> {
    let servers = Servers::start()?;
    let mut connection = Connection::open(&servers.mysql)?;
    let debezium = Debezium::prepare(&servers, &mut connection)?;
    connection.execute("CREATE DATABASE latency")?;
    let commits = extent.of(SECONDS * u64::from(RATE)).max(u64::from(RATE)) as usize;
    let mut all = [const { Vec::new() }; NAMES.len()];
    for round in 0..extent.rounds {
        eprintln!("peers: latency, round {} of {}", round + 1, extent.rounds);
        for (way, rounds) in [Way::ExactlyOnce, Way::AtLeastOnce].into_iter().zip(&mut all) {
            let name = format!("{}{round}", way.short());
            rounds.push(measure_round(
                rowtide,
                &servers,
                &mut connection,
                way,
                &name,
                commits,
            )?);
        }
        for (tuning, rounds) in [Tuning::Default, Tuning::Latency].into_iter().zip(&mut all[2..]) {
            let name = format!("{tuning:?}{round}").to_lowercase();
            rounds.push(round_of_debezium(
                &debezium,
                &servers,
                &mut connection,
                tuning,
                &name,
                commits,
            )?);
        }
    }
    report(&all, part);
    process::measure(rowtide, &debezium, &servers, &mut connection, extent, part)
}

fn round_of_debezium(
    debezium: &Debezium<'_>,
    servers: &Servers,
    connection: &mut Connection,
    tuning: Tuning,
    name: &str,
    commits: usize,
) -> Result<Round> {
    let load = Load {
        table: name,
        topic: &format!("{PREFIX}.latency.{name}"),
        read_committed: false,
        warm: WARM,
        commits,
    };
    let command = || debezium.run(tuning, &format!(r"latency\.{name}"));
    measure_run(servers, connection, &load, command)
}

fn report(all: &[Vec<Round>; NAMES.len()], part: &mut Part) {
    let of = |of| each(all, of);
    series(part, &NAMES, "latency p50", "ms", &of(|r| r.p50_ms));
    series(part, &NAMES, "latency p99", "ms", &of(|r| r.p99_ms));
    series(
        part,
        &NAMES,
        "CPU at 200 commits/s",
        "% of a core",
        &of(|r| r.core_percent),
    );
}
