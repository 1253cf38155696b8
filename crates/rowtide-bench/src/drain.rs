//! A backlog of changes drained to Kafka, exactly once, beside librdkafka alone with the same records in the same
//! transactions.

pub mod alone;
pub mod records;
pub(crate) mod watch;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rowtide_testbed::workload::{Changes, Workload};
use rowtide_testbed::{Kafka, Scratch};

use self::alone::Alone;
use self::records::RecordWriter;
use self::watch::Watch;
use crate::Extent;
use crate::report::{Bound, Goal, Part, Series};
use crate::servers::{Rowtide, Servers, delete_topics};
use crate::statistics::{median, quotients};
use crate::usage::{Finished, Observed};

/// What one drain gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    /// From the first record's timestamp until the last one was visible.
    pub(crate) seconds: f64,
    pub(crate) cpu: f64,
    pub(crate) peak_memory: f64,
    pub(crate) records: f64,
}

/// What was found in a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) records: u64,
    pub(crate) tombstones: u64,
    bytes: u64,
    pub(crate) first_ms: i64,
}

/// Loads a server and drains it again and again.
pub fn measure(rowtide: &Rowtide, extent: &Extent) -> Result<Part> {
    let servers = Servers::start()?;
    let workload = Workload {
        changes: extent.of(1_000_000),
        ..Workload::default()
    };
    eprintln!("drain: {} changes are being made", workload.changes);
    let changes = servers.mysql.load(&workload)?;
    let scratch = Scratch::new("bench")?;
    let file = scratch.path().join("records");
    let mut part = Part::new("drain", "Drain of a backlog", extent);

    // The first of each finds a cold broker and counts for nothing; its records are what the other produces.
    let (_, found) = drain_by_rowtide(rowtide, &servers, "warm", &changes, Some(&file))?;
    produce_alone(&file, &servers.kafka, "alone-warm", &found)?;
    let (mut ours, mut alone) = (Vec::new(), Vec::new());
    for round in 0..extent.rounds {
        eprintln!("drain: round {} of {}", round + 1, extent.rounds);
        ours.push(drain_by_rowtide(rowtide, &servers, &format!("ours{round}"), &changes, None)?.0);
        alone.push(produce_alone(
            &file,
            &servers.kafka,
            &format!("alone{round}"),
            &found,
        )?);
    }
    describe(&changes, &found, &mut part);
    report(&ours, &alone, &mut part)?;
    Ok(part)
}

pub(crate) fn drain_by_rowtide(
    rowtide: &Rowtide,
    servers: &Servers,
    prefix: &str,
    changes: &Changes,
    keep: Option<&Path>,
) -> Result<(Drain, Found)> {
    let topic = format!("{prefix}.load.sbtest");
    let mut command = rowtide.run(servers, prefix, r"load\..*");
    command.args(["--until-idle", "500ms"]);
    let watch = Watch::start(&servers.kafka, &topic)?;
    let finished = Observed::start(&mut command)?.finish();
    let end = watch.last_growth();
    let finished = finished?;
    let found = take_all(&servers.kafka, &topic, changes, keep)?;
    Ok((Drain::of(&finished, &found, end?), found))
}

/// Counts what is in a topic, which must be all that was made, and deletes it.
pub(crate) fn take_all(kafka: &Kafka, topic: &str, changes: &Changes, keep: Option<&Path>) -> Result<Found> {
    let found = look(kafka, topic, keep)?;
    if found.records != changes.total() + changes.deletes || found.tombstones != changes.deletes {
        bail!("{topic} holds {found:?}, and {changes:?} were made");
    }
    delete_topics(kafka, &[topic])?;
    Ok(found)
}

impl Drain {
    fn of(finished: &Finished, found: &Found, end: f64) -> Drain {
        Drain {
            seconds: end - found.first_ms as f64 / 1e3,
            cpu: finished.cpu.as_secs_f64(),
            peak_memory: finished.peak_memory as f64 / 1048576.0,
            records: found.records as f64,
        }
    }
}

/// In a process of its own, so that nothing else is in its processor time.
fn produce_alone(file: &Path, kafka: &Kafka, topic: &str, expected: &Found) -> Result<Drain> {
    kafka.create_topic(topic, 1, &[])?;
    let watch = Watch::start(kafka, topic)?;
    let output = Command::new(std::env::current_exe()?)
        .arg("produce-alone")
        .arg(file)
        .args(["--kafka", &kafka.bootstrap(), "--topic", topic])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let end = watch.last_growth();
    if !output.status.success() {
        bail!("librdkafka alone ended with {}", output.status);
    }
    let alone: Alone = serde_json::from_slice(&output.stdout)?;
    let found = look(kafka, topic, None)?;
    if (found.records, found.bytes) != (expected.records, expected.bytes) {
        bail!("librdkafka alone has written {found:?} in place of {expected:?}");
    }
    delete_topics(kafka, &[topic])?;
    Ok(Drain {
        seconds: end? - found.first_ms as f64 / 1e3,
        cpu: alone.cpu_s,
        peak_memory: 0.0,
        records: alone.records as f64,
    })
}

/// Counts what a reader of committed records sees.
fn look(kafka: &Kafka, topic: &str, keep: Option<&Path>) -> Result<Found> {
    let mut writer = keep.map(RecordWriter::create).transpose()?;
    let (mut found, mut failed) = (Found::default(), None);
    kafka.consume(&[topic], true, |record| {
        if found.records == 0 {
            found.first_ms = record.timestamp.unwrap_or_default();
        }
        found.records += 1;
        found.tombstones += u64::from(record.value.is_none());
        let length = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, |part| part.len() as u64);
        found.bytes += length(&record.key) + length(&record.value);
        if let Some(writer) = &mut writer {
            failed = failed.take().or(writer.push(&record).err());
        }
        Ok(())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    writer.map_or(Ok(()), RecordWriter::finish)?;
    Ok(found)
}

fn describe(changes: &Changes, found: &Found, part: &mut Part) {
    part.fact(
        "workload",
        format!(
            "{} inserts, {} updates, {} deletes in transactions of 100 changes",
            changes.inserts, changes.updates, changes.deletes
        ),
    );
    part.fact(
        "records",
        format!(
            "{} with {} tombstones, {:.1} MB of keys and values; counted in the topic after every drain",
            found.records,
            found.tombstones,
            found.bytes as f64 / 1e6
        ),
    );
    part.note(
        "`rowtide run` with its defaults (exactly-once, lz4, a commit every 200 ms) drains what the server logged before. \
         librdkafka alone produces the same keys, values and headers out of memory, in the transactions in which they \
         were found in Rowtide's topic, with the same acknowledgements and compression. Both are timed from the first \
         record's timestamp until a reader of committed records can see the last one; CPU is user and system time, \
         for Rowtide from start to end of the process.",
    );
}

fn report(ours: &[Drain], alone: &[Drain], part: &mut Part) -> Result<()> {
    let series = |drains: &[Drain], of: fn(&Drain) -> f64| drains.iter().map(of).collect::<Vec<f64>>();
    let rate: fn(&Drain) -> f64 = |drain| drain.records / drain.seconds;
    let (our_rate, alone_rate) = (series(ours, rate), series(alone, rate));
    let (our_cpu, alone_cpu) = (series(ours, |d| d.cpu), series(alone, |d| d.cpu));
    let memory = series(ours, |d| d.peak_memory);
    let (rates, cpus) = (quotients(&our_rate, &alone_rate), quotients(&our_cpu, &alone_cpu));
    part.goal(goal(
        "drain, records/s beside librdkafka alone",
        Bound::AtLeast(0.8),
        &rates,
        "×",
    )?);
    part.goal(goal(
        "drain, CPU beside librdkafka alone",
        Bound::AtMost(2.0),
        &cpus,
        "×",
    )?);
    part.goal(goal("drain, peak memory", Bound::AtMost(64.0), &memory, "MiB")?);
    part.series(Series::new("Rowtide", "records/s", our_rate));
    part.series(Series::new("librdkafka alone", "records/s", alone_rate));
    part.series(Series::new("Rowtide / librdkafka alone, records/s", "×", rates));
    part.series(Series::new("Rowtide", "CPU s", our_cpu));
    part.series(Series::new("librdkafka alone", "CPU s", alone_cpu));
    part.series(Series::new("Rowtide / librdkafka alone, CPU", "×", cpus));
    part.series(Series::new("Rowtide, peak resident memory", "MiB", memory));
    Ok(())
}

fn goal(what: &str, bound: Bound, values: &[f64], unit: &str) -> Result<Goal> {
    let measured = median(values).context("no round was measured")?;
    Ok(Goal::new(what, bound, measured, unit))
}
