//! Instructions a row, counted by callgrind: the same on a busy machine as on an idle one, so that they can have limits.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rowtide_testbed::Scratch;

use crate::Extent;
use crate::decode::recording::Recording;
use crate::decode::sink::{Chain, Depth};
use crate::decode::workloads::WORKLOADS;
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::start_mysql;

/// The most instructions that a row may take: for each workload to values, and with JSON. A change that makes it more
/// belongs in the log with its reason; one that makes it less should lower them.
const LIMITS: [(&str, f64, f64); 3] = [
    ("sysbench", 1_000.0, 3_600.0),
    ("small", 6_800.0, 12_000.0),
    ("wide", 6_000.0, 24_000.0),
];
/// Rows are counted on a hundredth of the workloads: valgrind is slow, and the count does not need more.
const PERCENT: u64 = 1;
/// The start of the program is in both runs, and the difference is that of the passes.
const PASSES: [u64; 2] = [1, 3];

/// Counts, for each workload.
pub fn measure(extent: &Extent) -> Result<Part> {
    let mysql = start_mysql()?;
    let scratch = Scratch::new("callgrind")?;
    let mut part = Part::new("instructions", "Instructions", extent);
    part.fact("valgrind", version()?);
    for (workload, (name, values, json)) in WORKLOADS.iter().zip(LIMITS) {
        eprintln!("instructions: {name}");
        let recording = workload.record(
            &mysql,
            &Extent {
                rounds: 1,
                percent: PERCENT,
            },
        )?;
        let file = scratch.path().join(name);
        recording.write(&file)?;
        let rows = rows(&recording)?;
        for (word, limit) in [("values", values), ("json", json)] {
            let a_row = count(&file, word, scratch.path())? / rows;
            let (what, bound) = (format!("{name}, {word}"), Bound::AtMost(limit));
            part.series(Series::new(&what, "instructions a row", vec![a_row]));
            part.goal(Goal::new(&what, bound, a_row, "instructions a row"));
        }
    }
    part.note(
        "Counted by callgrind while a recording is taken out of memory: checksum, transactions, table maps, rows. More \
         than the limit makes `make bench` fail.",
    );
    Ok(part)
}

/// Fails if a limit is passed.
pub fn check(part: &Part) -> Result<()> {
    let passed: Vec<&str> = part
        .goals
        .iter()
        .filter(|goal| !goal.is_met())
        .map(|goal| goal.what.as_str())
        .collect();
    if !passed.is_empty() {
        bail!("more instructions than allowed: {}", passed.join("; "));
    }
    Ok(())
}

/// What runs under callgrind.
pub fn take(file: &Path, depth: Depth, passes: u64) -> Result<()> {
    let recording = Recording::read(file)?;
    for _ in 0..passes {
        let mut chain = Chain::new(depth, &recording.file);
        recording.events(|event| Ok(chain.feed(event)?))?;
    }
    Ok(())
}

fn rows(recording: &Recording) -> Result<f64> {
    let mut chain = Chain::new(Depth::Values, &recording.file);
    recording.events(|event| Ok(chain.feed(event)?))?;
    Ok(chain.seen().rows as f64)
}

/// Instructions of one pass.
fn count(file: &Path, depth: &str, scratch: &Path) -> Result<f64> {
    let [few, many] = PASSES;
    let difference = collected(file, depth, many, scratch)? - collected(file, depth, few, scratch)?;
    Ok(difference / (many - few) as f64)
}

fn collected(file: &Path, depth: &str, passes: u64, scratch: &Path) -> Result<f64> {
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!(
            "--callgrind-out-file={}",
            scratch.join("callgrind.out").display()
        ))
        .arg(std::env::current_exe()?)
        .arg("take-recording")
        .arg(file)
        .args(["--depth", depth, "--passes", &passes.to_string()])
        .stdin(Stdio::null())
        .output()
        .context(NEEDED)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("callgrind ended with {}:\n{said}", output.status);
    }
    collected_in(&said).with_context(|| format!("callgrind says no number of instructions:\n{said}"))
}

const NEEDED: &str =
    "valgrind is needed for this part (Debian: `apt install valgrind`); leave it out with --parts";

fn version() -> Result<String> {
    let output = Command::new("valgrind")
        .arg("--version")
        .output()
        .context(NEEDED)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `==12== Collected : 123456`
fn collected_in(said: &str) -> Option<f64> {
    let (_, rest) = said.split_once("Collected : ")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read() {
        let said = "==9== Events    : Ir\n==9== Collected : 123456\n==9== \n";
        assert_eq!(collected_in(said), Some(123_456.0));
        assert_eq!(collected_in("==9== \n"), None);
    }

    #[test]
    fn limits_are_for_the_workloads() {
        let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
        assert_eq!(LIMITS.map(|(name, ..)| name), names.as_slice());
    }

    #[test]
    fn a_passed_limit_fails() {
        let mut part = Part::new(
            "instructions",
            "",
            &Extent {
                rounds: 1,
                percent: 1,
            },
        );
        part.goal(Goal::new("a", Bound::AtMost(10.0), 9.0, ""));
        check(&part).unwrap();
        part.goal(Goal::new("b", Bound::AtMost(10.0), 11.0, ""));
        assert!(check(&part).unwrap_err().to_string().ends_with("allowed: b"));
    }
}
