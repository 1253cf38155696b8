//! Rows of many events, decoded and encoded together: by several threads at once, or table by table.
//!
//! What the reading thread does with an event before its rows are decoded is little. So it only lays rows aside
//! ([`DetachedRows`]), and when there are enough of them it decodes and encodes them together with helping threads, each a
//! run of events at a time ([`Workers::encode`]). The records come back in the order that was asked for, whoever made them.
//! When the source has nothing more to send there is little to share, and the reading thread does it alone.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use rowtide_binlog::decoder::{DetachedRows, Rows};
use rowtide_event::encode::{EventText, ProcessedAt, RecordBatch, TableEncoder};

use crate::capture::{encode_error, source_info};
use crate::error::Error;
use crate::stats::processed_at;

/// Which rows are laid aside, to be decoded together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rounds {
    /// Threads that share a round, the reading thread among them. With more than one, the rows of a backlog are laid aside.
    pub(crate) workers: NonZeroUsize,
    /// Bytes that rows of a backlog of many tables may take, to be decoded table by table; none where changes are wanted in
    /// their order.
    pub(crate) by_table: Option<usize>,
}

impl Rounds {
    /// Rows are decoded as they come.
    pub(crate) const NONE: Self = Self {
        workers: NonZeroUsize::MIN,
        by_table: None,
    };
    /// Less is not worth it.
    const LEAST_BY_TABLE: usize = 1 << 20;

    /// For a Kafka that did not take so many rows in one transaction before it was too old: an eighth of them.
    pub(crate) fn smaller(self) -> Self {
        let by_table = self.by_table.map(|bytes| bytes / 8);
        Self {
            by_table: by_table.filter(|bytes| *bytes >= Self::LEAST_BY_TABLE),
            ..self
        }
    }
}

/// The threads that help, and what they keep between two rounds.
#[derive(Debug)]
pub(crate) struct Workers {
    workers: Vec<Worker>,
    spare: Vec<Run>,
}

/// What one thread has for itself.
#[derive(Debug, Default)]
struct Worker {
    event: EventText,
}

/// The records of a run of events.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) batch: RecordBatch,
    /// After each event.
    pub(crate) ends: Vec<RunEnd>,
}

/// Lengths of a [`Run`] after an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RunEnd {
    pub(crate) bytes: usize,
    pub(crate) records: usize,
    pub(crate) rows: u64,
}

/// Bytes of row images for each worker that are worth a thread.
pub(crate) const WORTH_A_WORKER: usize = 64 << 10;
/// Runs for each worker, so that none waits long for the others.
const RUNS: usize = 4;
/// More is given back to the allocator: a huge row must not stay in memory for ever.
const KEPT_BYTES: usize = 1 << 20;

/// How many events ahead memory is asked for: in another order than that of the stream none is in a cache.
const AHEAD: usize = 6;

impl Run {
    /// Rows of all its events.
    pub(crate) fn rows(&self) -> u64 {
        self.ends.last().map_or(0, |end| end.rows)
    }
}

impl Workers {
    /// So many threads, that of the caller among them.
    pub(crate) fn new(count: NonZeroUsize) -> Self {
        Self {
            workers: (0..count.get()).map(|_| Worker::default()).collect(),
            spare: Vec::new(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.workers.len()
    }

    /// The records of the rows of some events, in the order in which the events are named.
    ///
    /// # Errors
    /// If a row of any event cannot be decoded or encoded: not necessarily the first one of which that is so.
    pub(crate) fn encode(
        &mut self,
        aside: &DetachedRows,
        events: &[usize],
        encoders: &[TableEncoder],
    ) -> Result<Vec<Run>, Error> {
        let bytes = events.iter().map(|event| weight(aside, *event)).sum::<usize>();
        let threads = (bytes / WORTH_A_WORKER).clamp(1, self.workers.len());
        let shares = split(aside, events, bytes, threads);
        let mut runs: Vec<Result<Run, Error>> = shares.iter().map(|_| Ok(self.fresh_run())).collect();
        let work = Mutex::new(shares.into_iter().zip(&mut runs));
        let toil = |worker: &mut Worker| {
            while let Some((events, run)) = next(&work) {
                if let Ok(into) = run
                    && let Err(error) = worker.encode(aside, events, encoders, into)
                {
                    *run = Err(error);
                }
            }
        };
        std::thread::scope(|scope| {
            let Some((own, others)) = self.workers.split_first_mut() else {
                return;
            };
            for worker in others.iter_mut().take(threads.saturating_sub(1)) {
                let helper = std::thread::Builder::new().name("rowtide-encode".into());
                if helper.spawn_scoped(scope, || toil(worker)).is_err() {
                    // Whoever is there does the work of the thread that the system does not give.
                    break;
                }
            }
            toil(own);
        });
        runs.into_iter().collect()
    }

    /// Takes a run's memory back, to use it again.
    pub(crate) fn give_back(&mut self, mut run: Run) {
        if self.spare.len() < self.workers.len().saturating_mul(RUNS)
            && run.batch.bytes.capacity() <= KEPT_BYTES
        {
            run.batch.clear();
            run.ends.clear();
            self.spare.push(run);
        }
    }

    fn fresh_run(&mut self) -> Run {
        self.spare.pop().unwrap_or_default()
    }
}

/// Bytes of an event's row images, and some for what an event without many takes.
pub(crate) fn weight(aside: &DetachedRows, event: usize) -> usize {
    const EVENT: usize = 64;
    aside.bytes(event).saturating_add(EVENT)
}

/// Neighbouring events for each run: about as many bytes in each.
fn split<'a>(aside: &DetachedRows, events: &'a [usize], bytes: usize, threads: usize) -> Vec<&'a [usize]> {
    let most = if threads == 1 {
        usize::MAX
    } else {
        bytes.div_ceil(threads.saturating_mul(RUNS))
    };
    let mut bytes = 0usize;
    let full = |_: &usize, next: &usize| {
        bytes = bytes.saturating_add(weight(aside, *next));
        let fits = bytes < most;
        if !fits {
            bytes = 0;
        }
        fits
    };
    events.chunk_by(full).collect()
}

fn next<W: Iterator>(work: &Mutex<W>) -> Option<W::Item> {
    work.lock().unwrap_or_else(PoisonError::into_inner).next()
}

impl Worker {
    fn encode(
        &mut self,
        aside: &DetachedRows,
        events: &[usize],
        encoders: &[TableEncoder],
        run: &mut Run,
    ) -> Result<(), Error> {
        const DAMAGED: Error = Error::Fault("rows that were laid aside are damaged");
        let now = processed_at();
        for (at, event) in events.iter().enumerate() {
            if let Some(later) = events.get(at.saturating_add(AHEAD)) {
                aside.prefetch(*later);
            }
            let mut rows = aside.rows(*event)?.ok_or(DAMAGED)?;
            let encoder = encoders.get(rows.tag).ok_or(Error::Fault(UNKNOWN_TABLE))?;
            let rows = encode_rows(&mut rows, encoder, now, &mut self.event, &mut run.batch)?;
            let before = run.rows();
            run.ends.push(RunEnd {
                bytes: run.batch.bytes.len(),
                records: run.batch.records.len(),
                rows: before.saturating_add(rows),
            });
        }
        Ok(())
    }
}

pub(crate) const UNKNOWN_TABLE: &str = "rows of a table that was never captured";

/// Appends the records of all rows of an event, and says how many rows there are.
fn encode_rows(
    rows: &mut Rows<'_>,
    encoder: &TableEncoder,
    now: ProcessedAt,
    text: &mut EventText,
    batch: &mut RecordBatch,
) -> Result<u64, Error> {
    let context = *rows.context();
    encoder.begin_event(&source_info(&context), now, text);
    let mut index = 0u32;
    while let Some(change) = rows.next()? {
        encoder
            .encode(&change, index, text, batch)
            .map_err(|cause| encode_error(rows.plan().table(), &context, cause))?;
        index = index.saturating_add(1);
    }
    Ok(u64::from(index))
}
