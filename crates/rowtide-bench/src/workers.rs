//! Decoding and encoding by one thread and by several: the engine without Kafka, the same backlog, the same order.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rowtide::binlog::client::SourceOptions;
use rowtide::event::BinlogPosition;
use rowtide::{ChangeStream, StartFrom, TableFilter};
use rowtide_testbed::workload::{Changes, Workload};
use rowtide_testbed::{CDC_PASSWORD, CDC_USER, MySql};
use tokio::runtime::Runtime;

use crate::Extent;
use crate::report::{Part, Series};
use crate::servers::{new_binlog_file, start_mysql};
use crate::statistics::quotients;
use crate::usage::cpu_with_ended_threads;

/// What one pass over the backlog took.
#[derive(Clone, Copy, Debug)]
struct Pass {
    seconds: f64,
    /// Of the whole process: who takes the changes is a part of it.
    cpu: f64,
    /// Of all topics, keys and values, in their order; without the times at which they were worked on.
    order: u64,
}

/// Loads a server and reads what it logged again and again.
pub fn measure(extent: &Extent) -> Result<Part> {
    let mysql = start_mysql()?;
    let runtime = Runtime::new()?;
    let from = new_binlog_file(&mysql)?;
    let workload = Workload {
        changes: extent.of(1_000_000),
        ..Workload::default()
    };
    eprintln!("workers: {} changes are being made", workload.changes);
    let changes = mysql.load(&workload)?;
    let take = |workers| runtime.block_on(pass(&mysql, &from, &changes, workers));
    take(ONE)?;
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 0..extent.rounds {
        eprintln!("workers: round {} of {}", round + 1, extent.rounds);
        one.push(take(ONE)?);
        two.push(take(TWO)?);
    }
    if one.iter().chain(&two).any(|pass| pass.order != one[0].order) {
        bail!("the changes are not the same, or not in the same order");
    }
    Ok(report(&changes, &one, &two, extent))
}

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

async fn pass(
    mysql: &MySql,
    from: &BinlogPosition,
    changes: &Changes,
    workers: NonZeroUsize,
) -> Result<Pass> {
    let source = SourceOptions::new(mysql.host(), mysql.port(), CDC_USER, CDC_PASSWORD);
    let mut stream = ChangeStream::builder(source, SERVER_ID, "workers")
        .tables(TableFilter::new(&[r"load\..*"], &[])?)
        .start(StartFrom::Position(from.clone()))
        .workers(workers)
        .connect()
        .await?;
    let (begun, before) = (Instant::now(), cpu_with_ended_threads()?);
    let mut order = DefaultHasher::new();
    for _ in 0..changes.total() {
        let change = tokio::time::timeout(PATIENCE, stream.next()).await??;
        let change = change.context("the stream has ended early")?;
        (&change.topic, &change.key, before_the_times(&change.value)).hash(&mut order);
    }
    Ok(Pass {
        seconds: begun.elapsed().as_secs_f64(),
        cpu: cpu_with_ended_threads()?.saturating_sub(before).as_secs_f64(),
        order: order.finish(),
    })
}

const SERVER_ID: u32 = 7_700;
/// The server may be slow to send.
const PATIENCE: Duration = Duration::from_secs(60);

/// An envelope ends with the times at which it was made, from `"ts_ms"` on, each of them behind a comma.
fn before_the_times(value: &[u8]) -> &[u8] {
    let times = value.iter().rev().scan(0, |commas, byte| {
        *commas += usize::from(*byte == b',');
        (*commas < 3).then_some(())
    });
    &value[..value.len().saturating_sub(times.count())]
}

fn report(changes: &Changes, one: &[Pass], two: &[Pass], extent: &Extent) -> Part {
    let mut part = Part::new("workers", "Workers", extent);
    let total = changes.total() as f64;
    let rates = |passes: &[Pass]| {
        passes
            .iter()
            .map(|pass| total / pass.seconds)
            .collect::<Vec<f64>>()
    };
    let cpu = |passes: &[Pass]| passes.iter().map(|pass| pass.cpu).collect::<Vec<f64>>();
    part.fact(
        "workload",
        format!("{} changes, that of the drain", changes.total()),
    );
    part.series(Series::new("1 worker", "changes/s", rates(one)));
    part.series(Series::new("2 workers", "changes/s", rates(two)));
    part.series(Series::new(
        "2 workers / 1 worker",
        "×",
        quotients(&rates(two), &rates(one)),
    ));
    part.series(Series::new("1 worker, CPU", "s", cpu(one)));
    part.series(Series::new("2 workers, CPU", "s", cpu(two)));
    part.note(
        "`ChangeStream` reads the backlog from a real server, and its changes are counted and compared: topics, keys, values \
         and their order are the same however many workers there are. Server and reader share two cores, so that two \
         workers do not have one each; CPU is that of the whole process, with what takes the changes.",
    );
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_an_envelope_are_left_out() {
        let value = br#"{"after":{"a":"x,y"},"op":"c","ts_ms":1,"ts_us":1000,"ts_ns":1000000}"#;
        assert_eq!(before_the_times(value), br#"{"after":{"a":"x,y"},"op":"c","#);
    }
}
