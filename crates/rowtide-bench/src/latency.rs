//! From the commit, when the client knows of it, to the record at a consumer, at a steady light load.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Extent;
use crate::follower::{Follower, id_of};
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::{Connection, Rowtide, Servers};
use crate::statistics::{median, percentile};
use crate::usage::Observed;

/// Commits of one row in a second.
pub(crate) const RATE: u32 = 200;
pub(crate) const SECONDS: u64 = 20;
/// Commits of each round that count for nothing: 10 s, in which virtual machines compile.
pub(crate) const WARM: usize = 10 * RATE as usize;
const PAYLOAD: usize = 100;

/// How changes are delivered, and what the consumer is allowed to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    AtLeastOnce,
    ExactlyOnce,
}

impl Way {
    fn setting(self) -> &'static str {
        match self {
            Way::AtLeastOnce => "at-least-once",
            Way::ExactlyOnce => "exactly-once",
        }
    }

    pub(crate) fn short(self) -> &'static str {
        match self {
            Way::AtLeastOnce => "alo",
            Way::ExactlyOnce => "eo",
        }
    }

    /// The most that the median and the 99th percentile may be, in milliseconds.
    fn limits(self) -> (f64, f64) {
        match self {
            Way::AtLeastOnce => (1.2, 4.0),
            Way::ExactlyOnce => (4.0, 8.0),
        }
    }
}

/// One round of a way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    max_ms: f64,
    pub(crate) core_percent: f64,
}

/// What is written in a round, and where it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// In the database `latency`; made by the round.
    pub(crate) table: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) read_committed: bool,
    /// Commits that find everything cold and count for nothing.
    pub(crate) warm: usize,
    pub(crate) commits: usize,
}

/// Measures both ways in turn.
pub fn measure(rowtide: &Rowtide, extent: &Extent) -> Result<Part> {
    let servers = Servers::start()?;
    let mut connection = Connection::open(&servers.mysql)?;
    connection.execute("CREATE DATABASE latency")?;
    let commits = extent.of(SECONDS * u64::from(RATE)).max(u64::from(RATE)) as usize;
    let mut part = Part::new("latency", "Latency at 200 commits of one row a second", extent);
    let ways = [Way::AtLeastOnce, Way::ExactlyOnce];
    let mut rounds = [Vec::new(), Vec::new()];
    let mut run =
        |way: Way, name: &str| measure_round(rowtide, &servers, &mut connection, way, name, commits);
    eprintln!("latency: a round that counts for nothing");
    run(Way::ExactlyOnce, "cold")?;
    for round in 0..extent.rounds {
        eprintln!("latency: round {} of {}", round + 1, extent.rounds);
        for (way, rounds) in ways.iter().zip(&mut rounds) {
            let name = format!("{}{round}", way.short());
            rounds.push(run(*way, &name)?);
        }
    }
    part.fact(
        "load",
        format!("{commits} commits a round, {RATE} in a second, each a row of {PAYLOAD} bytes"),
    );
    for (way, rounds) in ways.iter().zip(&rounds) {
        report(*way, rounds, &mut part)?;
    }
    part.note(
        "A writer and a consumer share a process and its clock. A change's time begins when the server's answer to its \
         commit is read and ends when the consumer hands over its record: read_uncommitted for at-least-once, \
         read_committed for exactly-once. Rowtide runs with its defaults, the same with which it drains a backlog. CPU is \
         the share of one core that the process `rowtide` takes. The first 10 s of each round count for nothing, and so does a \
         round before the first, while the broker compiles.",
    );
    Ok(part)
}

pub(crate) fn measure_round(
    rowtide: &Rowtide,
    servers: &Servers,
    connection: &mut Connection,
    way: Way,
    name: &str,
    commits: usize,
) -> Result<Round> {
    let load = Load {
        table: name,
        topic: &format!("{name}.latency.{name}"),
        read_committed: way == Way::ExactlyOnce,
        warm: WARM,
        commits,
    };
    measure_run(servers, connection, &load, || {
        let mut command = rowtide.run(servers, name, &format!(r"latency\.{name}"));
        command.args(["--delivery", way.setting()]);
        Ok(command)
    })
}

/// A round of any program; `command` is called when the table is there.
pub(crate) fn measure_run(
    servers: &Servers,
    connection: &mut Connection,
    load: &Load<'_>,
    command: impl FnOnce() -> Result<Command>,
) -> Result<Round> {
    let (payload, table) = ("x".repeat(PAYLOAD), load.table);
    connection.execute(&format!(
        "CREATE TABLE latency.{table} (id INT NOT NULL PRIMARY KEY, payload VARCHAR(200) NOT NULL)"
    ))?;
    servers.kafka.create_topic(load.topic, 1, &[])?;
    let follower = Follower::new(&servers.kafka, load.topic, load.read_committed)?;
    let observed = Observed::start(&mut command()?)?;
    let mut insert =
        |id: usize| connection.execute(&format!("INSERT INTO latency.{table} VALUES ({id},'{payload}')"));
    let measured = load.warm..load.warm + load.commits;
    thread::scope(|scope| {
        insert(0)?;
        follower.next()?;
        let arrivals = scope.spawn(|| arrivals(&follower, measured.end));
        steady(1..load.warm, &mut insert)?;
        let (begun, before) = (Instant::now(), observed.cpu()?);
        let confirmed = steady(measured.clone(), &mut insert)?;
        let core = (observed.cpu()?.saturating_sub(before)).as_secs_f64() / begun.elapsed().as_secs_f64();
        let Ok(arrivals) = arrivals.join() else {
            bail!("the consumer's thread has panicked");
        };
        round(&confirmed, &arrivals?, load.warm, core * 100.0)
    })
}

/// Commits at the rate, and tells when each was confirmed. A commit that is late does not delay the ones after it.
fn steady(ids: std::ops::Range<usize>, insert: &mut impl FnMut(usize) -> Result<()>) -> Result<Vec<Instant>> {
    let (begun, interval) = (Instant::now(), Duration::from_secs(1) / RATE);
    let mut due = begun;
    let mut confirmed = Vec::with_capacity(ids.len());
    for id in ids {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        insert(id)?;
        confirmed.push(Instant::now());
        due += interval;
    }
    Ok(confirmed)
}

/// When each row up to `end` arrived, row 0 left out.
fn arrivals(follower: &Follower, end: usize) -> Result<Vec<Option<Instant>>> {
    let mut arrived = vec![None; end];
    for _ in 1..end {
        let arrival = follower.next()?;
        let place = arrived.get_mut(id_of(&arrival.key)?);
        if place
            .context("a record of a row that nobody wrote")?
            .replace(arrival.at)
            .is_some()
        {
            bail!("a record came twice");
        }
    }
    Ok(arrived)
}

fn round(
    confirmed: &[Instant],
    arrived: &[Option<Instant>],
    warm: usize,
    core_percent: f64,
) -> Result<Round> {
    let pairs = confirmed.iter().zip(arrived.iter().skip(warm));
    let times: Option<Vec<f64>> = pairs
        .map(|(made, seen)| Some((*seen)?.saturating_duration_since(*made).as_secs_f64() * 1e3))
        .collect();
    let times = times.context("a record is missing")?;
    let at = |percent| percentile(&times, percent).context("no commit was measured");
    Ok(Round {
        p50_ms: at(50)?,
        p99_ms: at(99)?,
        max_ms: at(100)?,
        core_percent,
    })
}

fn report(way: Way, rounds: &[Round], part: &mut Part) -> Result<()> {
    let name = way.setting();
    let of = |of: fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
    let (p50, p99, core) = (of(|r| r.p50_ms), of(|r| r.p99_ms), of(|r| r.core_percent));
    let (limit50, limit99) = way.limits();
    for (what, limit, values, unit) in [
        ("p50", limit50, &p50, "ms"),
        ("p99", limit99, &p99, "ms"),
        ("share of a core", 6.0, &core, "%"),
    ] {
        let measured = median(values).context("no round was measured")?;
        let text = format!("{name} at 200 commits/s, {what}");
        part.goal(Goal::new(&text, Bound::AtMost(limit), measured, unit));
    }
    part.series(Series::new(format!("{name}, p50"), "ms", p50));
    part.series(Series::new(format!("{name}, p99"), "ms", p99));
    part.series(Series::new(format!("{name}, slowest"), "ms", of(|r| r.max_ms)));
    part.series(Series::new(format!("{name}, CPU"), "% of a core", core));
    Ok(())
}
