//! Decoding of what a server sent: the bare packet reader, typed values, JSON; all from the same bytes.

pub mod recording;
pub mod sink;
pub mod workloads;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rowtide_testbed::MySql;

use self::recording::Recording;
use self::sink::{Chain, Depth, Seen};
use self::workloads::{FAMILIES, WORKLOADS, Workload};
use crate::Extent;
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::start_mysql;
use crate::statistics::{median, quotients};
use crate::usage::cpu_of_this_thread;

/// What one pass over a recording took.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Processor time of the thread that reads.
    pub cpu: Duration,
    /// Time on the clock.
    pub wall: Duration,
    /// What was seen.
    pub seen: Seen,
}

/// Takes a recording that comes through a socket so far.
pub fn pass(recording: &Recording, depth: Depth) -> Result<Pass> {
    let mut chain = Chain::new(depth, &recording.file);
    let replay = recording.replay()?;
    let (begun, before) = (Instant::now(), cpu_of_this_thread()?);
    replay.events(|event| Ok(chain.feed(event)?))?;
    Ok(Pass {
        cpu: cpu_of_this_thread()?.saturating_sub(before),
        wall: begun.elapsed(),
        seen: chain.seen(),
    })
}

/// Keeps what a server sends for a workload in a file.
pub fn record(name: &str, file: &Path, percent: u64) -> Result<()> {
    let mut all = WORKLOADS.iter().chain(&FAMILIES);
    let workload = all.find(|workload| workload.name == name);
    let workload = workload.with_context(|| format!("there is no workload {name}"))?;
    let extent = Extent { rounds: 1, percent };
    workload.record(&start_mysql()?, &extent)?.write(file)
}

/// Records the workloads from a server, and measures them.
pub fn measure(extent: &Extent) -> Result<Part> {
    let mysql = start_mysql()?;
    let mut part = Part::new("decode", "Decoding", extent);
    for workload in WORKLOADS {
        measure_workload(&workload, &mysql, extent, &mut part)?;
    }
    for workload in FAMILIES {
        measure_workload(&workload, &mysql, extent, &mut part)?;
    }
    part.note(
        "The stream of a real server, recorded and sent again through a loopback socket by another thread; the time is \
         the reading thread's alone, the system's part of the socket included. `packets` is the bare packet reader, \
         `events` adds checksums, positions and transactions but no row (what a filtered table costs), `values` decodes \
         every value, `json` writes keys and values as well. ns a value is what comes on top of `packets`.",
    );
    Ok(part)
}

/// The passes of one depth over all rounds.
struct Passes {
    depth: Depth,
    cpu: Vec<f64>,
    seen: Seen,
}

const DEPTHS: [(Depth, &str); 4] = [
    (Depth::Packets, "packets"),
    (Depth::Events, "events"),
    (Depth::Values, "values"),
    (Depth::Json, "json"),
];

fn measure_workload(workload: &Workload, mysql: &MySql, extent: &Extent, part: &mut Part) -> Result<()> {
    eprintln!("decode: {} is being recorded", workload.name);
    let recording = workload.record(mysql, extent)?;
    let mut all: Vec<Passes> = DEPTHS.iter().map(|(depth, _)| Passes::new(*depth)).collect();
    // The first pass finds cold caches and counts for nothing.
    pass(&recording, Depth::Json)?;
    for _ in 0..extent.rounds.max(MIN_PASSES) {
        for passes in &mut all {
            passes.add(pass(&recording, passes.depth)?);
        }
    }
    let megabytes = recording.bytes.len() as f64 / 1e6;
    let [packets, events, values, json] = all.as_slice() else {
        return Ok(());
    };
    let name = workload.name;
    part.fact(
        name,
        format!(
            "{}: {} row changes, {} values, {} events, {megabytes:.1} MB of binlog, {:.1} MB of keys and values",
            workload.what,
            json.seen.rows,
            json.seen.values,
            json.seen.events,
            json.seen.record_bytes as f64 / 1e6
        ),
    );
    if !workload.family {
        for (passes, (_, depth)) in all.iter().zip(DEPTHS) {
            part.series(Series::new(
                format!("{name}, {depth}"),
                "CPU ms",
                scaled(&passes.cpu, 1e3),
            ));
        }
        let ratio = |over: &Passes| quotients(&over.cpu, &packets.cpu);
        part.series(Series::new(
            format!("{name}, events / packets"),
            "×",
            ratio(events),
        ));
        part.series(Series::new(
            format!("{name}, values / packets"),
            "×",
            ratio(values),
        ));
        let rate: Vec<f64> = json.cpu.iter().map(|seconds| megabytes / seconds).collect();
        part.series(Series::new(format!("{name}, json"), "MB/s of CPU", rate));
    }
    for (passes, label) in [(values, "values"), (json, "json")] {
        part.series(Series::new(
            format!("{name}, {label}"),
            "ns a value",
            passes.ns_a_value(packets),
        ));
    }
    goals(name, packets, values, json, megabytes, part)
}

/// Passes are short, and a shared machine is uneven.
const MIN_PASSES: usize = 5;

impl Passes {
    fn new(depth: Depth) -> Passes {
        Passes {
            depth,
            cpu: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn add(&mut self, pass: Pass) {
        self.cpu.push(pass.cpu.as_secs_f64());
        self.seen = pass.seen;
    }

    fn ns_a_value(&self, packets: &Passes) -> Vec<f64> {
        let pairs = self.cpu.iter().zip(&packets.cpu);
        let values = self.seen.values.max(1) as f64;
        pairs.map(|(all, bare)| (all - bare) * 1e9 / values).collect()
    }
}

fn scaled(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| value * factor).collect()
}

fn goals(
    name: &str,
    packets: &Passes,
    values: &Passes,
    json: &Passes,
    megabytes: f64,
    part: &mut Part,
) -> Result<()> {
    let middle = |series: &[f64]| median(series).context("no pass was measured");
    let ratio = middle(&quotients(&values.cpu, &packets.cpu))?;
    let to_packets = |text: &str| Goal::new(text, Bound::AtMost(3.0), ratio, "×");
    match name {
        "sysbench" => {
            part.goal(to_packets(
                "decoding sysbench rows, CPU beside the bare packet reader",
            ));
            let rate = megabytes / middle(&json.cpu)?;
            let text = "decoding sysbench rows and writing JSON, binlog on one core";
            part.goal(Goal::new(text, Bound::AtLeast(500.0), rate, "MB/s"));
        }
        "small" => part.goal(to_packets(
            "decoding single-row transactions, CPU beside the bare packet reader",
        )),
        "wide" => {
            let value = middle(&values.ns_a_value(packets))?;
            part.goal(Goal::new(
                "decoding 40 mixed columns",
                Bound::AtMost(10.0),
                value,
                "ns a value",
            ));
        }
        _ => {}
    }
    Ok(())
}
