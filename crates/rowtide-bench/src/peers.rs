//! A real Debezium at the same work, in turn with Rowtide: a Kafka Connect worker in one process, as its makers set it and
//! as well set as was found.

mod drain;
mod latency;
mod process;
mod worker;

use anyhow::Result;
use rowtide_testbed::packages::DEBEZIUM_VERSION;

use crate::Extent;
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::Rowtide;
use crate::statistics::{median, quotients};

/// Measures the drain, the latency, the start and idleness of both.
pub fn measure(rowtide: &Rowtide, extent: &Extent) -> Result<Part> {
    let title = format!("Beside Debezium {DEBEZIUM_VERSION}");
    let mut part = Part::new("peers", &title, extent);
    drain::measure(rowtide, extent, &mut part)?;
    latency::measure(rowtide, extent, &mut part)?;
    for tuning in [worker::Tuning::Drain, worker::Tuning::Latency] {
        part.fact(&tuning.to_string(), tuning.listed());
    }
    part.note(
        "Debezium runs in a standalone Kafka Connect worker with JSON without schemas, without a snapshot, at least once, \
         with Kafka's own settings of the virtual machine and a heap of at most 2 GB. Rowtide runs with its defaults, and \
         exactly once unless a row says otherwise. Drain: the changes are in the log before either starts; the clock runs \
         from the first record's timestamp to the last one's visibility, and CPU `in the drain` leaves out what the worker \
         takes to start. Latency: as in the part above; the worker has 10 s to warm up. Start: from the start of the \
         process until a consumer has the record of a change that waits in the log.",
    );
    Ok(part)
}

/// A quantity of all rounds of several programs.
fn each<R, const N: usize>(all: &[Vec<R>; N], of: fn(&R) -> f64) -> [Vec<f64>; N] {
    all.each_ref().map(|rounds| rounds.iter().map(of).collect())
}

/// Adds a quantity of several programs, in the order of `names`.
fn series(part: &mut Part, names: &[&str], what: &str, unit: &str, values: &[Vec<f64>]) {
    for (name, values) in names.iter().zip(values) {
        part.series(Series::new(format!("{name}: {what}"), unit, values.clone()));
    }
}

/// Adds a goal about the quotient of two quantities, round by round.
fn ratio(part: &mut Part, what: &str, bound: Bound, ours: &[f64], theirs: &[f64]) {
    if let Some(measured) = median(&quotients(ours, theirs)) {
        part.goal(Goal::new(what, bound, measured, "×"));
    }
}
