//! What it costs to pass over the changes of tables that are not captured.

use anyhow::{Context, Result};

use super::{Run, Spread};
use crate::Extent;
use crate::decode::workloads::SYSBENCH;
use crate::report::{Part, Series};
use crate::servers::Rowtide;
use crate::statistics::{median, quotients};

/// A filter that captures nothing of what changes.
const UNCHANGED: &str = r"quiet\..*";

/// Runs that capture nothing: over a log, and where there is nothing to read.
#[derive(Debug, Default)]
pub(super) struct PassedOver {
    filtered: Vec<Run>,
    empty: Vec<Run>,
}

impl PassedOver {
    /// One run of each kind; the log is read from `start` on.
    pub(super) fn measure(
        &mut self,
        spread: &Spread,
        rowtide: &Rowtide,
        start: &str,
        name: &str,
    ) -> Result<()> {
        let run = |start, kind| {
            let finished = spread.run(rowtide, UNCHANGED, start, &format!("{name}.{kind}"))?;
            Ok::<Run, anyhow::Error>(Run::of(&finished, 0.0))
        };
        self.filtered.push(run(start, "filtered")?);
        self.empty.push(run("now", "empty")?);
        Ok(())
    }

    /// The series, and the median of what is filtered in relation to what is captured.
    pub(super) fn report(&self, captured: &[Run], what: &str, part: &mut Part) -> Result<f64> {
        let without_start = |runs: &[Run]| {
            let pairs = runs.iter().zip(&self.empty);
            pairs
                .map(|(run, empty)| (run.cpu - empty.cpu).max(0.0))
                .collect::<Vec<f64>>()
        };
        let ratio = quotients(&without_start(&self.filtered), &without_start(captured));
        let measured = median(&ratio).context("no round took any processor time: take a larger --percent")?;
        let cpu = |runs: &[Run]| runs.iter().map(|run| run.cpu).collect::<Vec<f64>>();
        part.series(Series::new(format!("{what} / captured, CPU"), "×", ratio));
        part.series(Series::new(what, "CPU s", cpu(&self.filtered)));
        part.series(Series::new(
            format!("{what}, nothing to read"),
            "CPU s",
            cpu(&self.empty),
        ));
        Ok(measured)
    }
}

/// The same where many rows stand in one event.
pub(super) fn measure_many_rows(
    spread: &Spread,
    rowtide: &Rowtide,
    extent: &Extent,
    part: &mut Part,
) -> Result<()> {
    let from = SYSBENCH.log(&spread.servers.mysql, extent)?;
    let start = format!("position:{}:{}", from.file, from.pos);
    let (mut captured, mut passed) = (Vec::new(), PassedOver::default());
    for round in 0..extent.rounds {
        let name = format!("sysbench{round}");
        let finished = spread.run(rowtide, r"decode\.t", &start, &name)?;
        captured.push(Run::of(&finished, 0.0));
        passed.measure(spread, rowtide, &start, &name)?;
    }
    passed.report(&captured, "filtered, sysbench rows", part)?;
    let cpu = captured.iter().map(|run| run.cpu).collect();
    part.series(Series::new("captured, sysbench rows", "CPU s", cpu));
    Ok(())
}
