//! Decoding of what a server sent: the bare packet reader, typed values, JSON; all from the same bytes.

mod bare;
mod live;
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
        "The stream of a real server, recorded and sent again through a loopback socket by another thread, in pieces as large \
         as fit; the time is the reading thread's alone, the system's part of the socket included. `packets` cuts packets \
         and throws them away, `events` adds checksums, positions and transactions but no row (what a filtered table costs), \
         `values` decodes every value, `json` writes keys and values as well. ns a value is what comes on top of `packets`. \
         `from the server`: not recorded, but as it comes from the server, in pieces of some 16 KiB. The bare packet reader is \
         a blocking socket there and nothing else, `values` is Rowtide's replica and decoder. This is how the limit in the goal \
         was measured, and what is held against it; beside a recording, which takes a reader of packets a third, the ratio is larger.",
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
    let rounds = extent.rounds.max(MIN_PASSES);
    let mut all = DEPTHS.map(|(depth, _)| Passes::new(depth));
    // The first pass finds cold caches and counts for nothing.
    pass(&recording, Depth::Json)?;
    for _ in 0..rounds {
        for passes in &mut all {
            passes.add(pass(&recording, passes.depth)?);
        }
    }
    report(workload, &recording, &all, part)?;
    if !workload.family {
        let ratio = live::measure(workload.name, mysql, &recording.file, rounds, part)?;
        beside_packets(workload.name, middle(&ratio)?, part);
    }
    Ok(())
}

fn report(workload: &Workload, recording: &Recording, all: &[Passes; 4], part: &mut Part) -> Result<()> {
    let name = workload.name;
    let megabytes = recording.bytes.len() as f64 / 1e6;
    let [packets, events, values, json] = all;
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
            let cpu = scaled(&passes.cpu, 1e3);
            part.series(Series::new(format!("{name}, {depth}"), "CPU ms", cpu));
        }
        for (passes, depth) in [(events, "events"), (values, "values")] {
            let ratio = quotients(&passes.cpu, &packets.cpu);
            part.series(Series::new(format!("{name}, {depth} / packets"), "×", ratio));
        }
        let rate: Vec<f64> = json.cpu.iter().map(|seconds| megabytes / seconds).collect();
        part.series(Series::new(format!("{name}, json"), "MB/s of CPU", rate));
    }
    for (passes, depth) in [(values, "values"), (json, "json")] {
        let series = passes.ns_a_value(packets);
        part.series(Series::new(format!("{name}, {depth}"), "ns a value", series));
    }
    match name {
        "sysbench" => {
            let rate = megabytes / middle(&json.cpu)?;
            let text = "decoding sysbench rows and writing JSON, binlog on one core";
            part.goal(Goal::new(text, Bound::AtLeast(500.0), rate, "MB/s"));
        }
        "wide" => {
            let value = middle(&values.ns_a_value(packets))?;
            let text = "decoding 40 mixed columns";
            part.goal(Goal::new(text, Bound::AtMost(10.0), value, "ns a value"));
        }
        _ => {}
    }
    Ok(())
}

/// Holds what decoding takes, beside the bare packet reader at the same server, against its goal.
fn beside_packets(name: &str, ratio: f64, part: &mut Part) {
    let what = match name {
        "sysbench" => "sysbench rows",
        "small" => "single-row transactions",
        _ => return,
    };
    let text = format!("decoding {what} from the server, CPU beside the bare packet reader");
    part.goal(Goal::new(&text, Bound::AtMost(3.0), ratio, "×"));
}

fn middle(series: &[f64]) -> Result<f64> {
    median(series).context("no pass was measured")
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
