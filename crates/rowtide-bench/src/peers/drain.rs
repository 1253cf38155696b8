//! A backlog drained by both.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use rowtide_testbed::workload::{Changes, Workload};

use super::worker::{Debezium, PREFIX, Tuning};
use super::{each, ratio, series};
use crate::Extent;
use crate::drain::{Drain, drain_by_rowtide, take_all};
use crate::report::{Bound, Part};
use crate::servers::{Connection, Rowtide, Servers};
use crate::usage::Observed;

const NAMES: [&str; 3] = ["Rowtide", "Debezium, default", "Debezium, tuned for the drain"];

/// A drain, and the processor time of the whole process from its start.
#[derive(Clone, Copy, Debug)]
struct Drained {
    drain: Drain,
    cpu_in_all: f64,
}

/// Loads a server and drains it by each in turn.
pub fn measure(rowtide: &Rowtide, extent: &Extent, part: &mut Part) -> Result<()> {
    let servers = Servers::start()?;
    let mut connection = Connection::open(&servers.mysql)?;
    eprintln!("peers: Debezium takes its first look");
    let debezium = Debezium::prepare(&servers, &mut connection)?;
    let workload = Workload {
        changes: extent.of(1_000_000),
        ..Workload::default()
    };
    eprintln!("peers: {} changes are being made", workload.changes);
    let changes = servers.mysql.load(&workload)?;
    drain_by_rowtide(rowtide, &servers, "warm", &changes, None)?;
    let mut all = [const { Vec::new() }; NAMES.len()];
    for round in 0..extent.rounds {
        eprintln!("peers: drain, round {} of {}", round + 1, extent.rounds);
        let ours = drain_by_rowtide(rowtide, &servers, &format!("ours{round}"), &changes, None)?.0;
        all[0].push(Drained {
            drain: ours,
            cpu_in_all: ours.cpu,
        });
        all[1].push(drain_by_debezium(&debezium, &servers, Tuning::Default, &changes)?);
        all[2].push(drain_by_debezium(&debezium, &servers, Tuning::Drain, &changes)?);
    }
    report(&all, part);
    Ok(())
}

fn drain_by_debezium(
    debezium: &Debezium<'_>,
    servers: &Servers,
    tuning: Tuning,
    changes: &Changes,
) -> Result<Drained> {
    let topic = format!("{PREFIX}.load.sbtest");
    let expected = changes.total() + changes.deletes;
    let mut observed = Observed::start(&mut debezium.run(tuning, r"load\.sbtest")?)?;
    let (before, end_s) = await_records(&mut observed, servers, &topic, expected)?;
    let cpu_in_all = observed.cpu_in_all()?.as_secs_f64();
    let peak_memory = observed.peak_memory() as f64 / 1048576.0;
    drop(observed);
    let found = take_all(&servers.kafka, &topic, changes, None)?;
    let drain = Drain {
        seconds: end_s - found.first_ms as f64 / 1e3,
        cpu: cpu_in_all - before,
        peak_memory,
        records: found.records as f64,
    };
    Ok(Drained { drain, cpu_in_all })
}

/// The processor time before the first record, in seconds, and when the last one was visible, in seconds since 1970.
fn await_records(
    observed: &mut Observed,
    servers: &Servers,
    topic: &str,
    expected: u64,
) -> Result<(f64, f64)> {
    let ends = servers.kafka.ends(true)?;
    let begun = Instant::now();
    let mut before = 0.0;
    loop {
        if !observed.runs()? || begun.elapsed() > PATIENCE {
            bail!("Debezium has not written {expected} records to {topic}; what it said is above");
        }
        let end = ends.of(topic)?;
        if end == 0 {
            before = observed.cpu_in_all()?.as_secs_f64();
        }
        if end >= i64::try_from(expected)? {
            let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
            return Ok((before, since.as_secs_f64()));
        }
        thread::sleep(LOOK);
    }
}

const LOOK: Duration = Duration::from_millis(10);
/// Some ten times what it was seen to take.
const PATIENCE: Duration = Duration::from_secs(600);

fn report(all: &[Vec<Drained>; NAMES.len()], part: &mut Part) {
    let of = |of| each(all, of);
    let rates = of(|d| d.drain.records / d.drain.seconds);
    let cpu = of(|d| d.drain.cpu);
    let memory = of(|d| d.drain.peak_memory);
    series(part, &NAMES, "drain", "records/s", &rates);
    series(part, &NAMES, "CPU in the drain", "s", &cpu);
    series(part, &NAMES, "CPU from start to end", "s", &of(|d| d.cpu_in_all));
    series(part, &NAMES, "peak resident memory in the drain", "MiB", &memory);
    let [ours, default, tuned] = &rates;
    ratio(
        part,
        "drain beside Debezium's default, records/s",
        Bound::AtLeast(10.0),
        ours,
        default,
    );
    ratio(
        part,
        "drain beside a tuned Debezium, records/s",
        Bound::AtLeast(8.0),
        ours,
        tuned,
    );
    let [ours, default, _] = &cpu;
    ratio(
        part,
        "drain beside Debezium's default, CPU",
        Bound::AtMost(0.1),
        ours,
        default,
    );
    let [ours, default, _] = &memory;
    ratio(
        part,
        "drain beside Debezium's default, memory",
        Bound::AtMost(1.0 / 35.0),
        ours,
        default,
    );
}
