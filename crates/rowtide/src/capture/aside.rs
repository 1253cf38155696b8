//! Rows that are not decoded as they come, but laid aside: for several threads, or to be decoded table by table.

use rowtide_binlog::decoder::{DetachedRows, RowsApart};

use super::{Capture, Open};
use crate::error::Error;
use crate::transaction::Transaction;
use crate::workers::{Run, RunEnd, WORTH_A_WORKER};

/// Bytes of a transaction that is being read which are laid aside to be decoded table by table: until it has ended, its rows
/// are decoded in their order.
const OF_ONE_TRANSACTION: usize = 1 << 20;

/// More is given back to the allocator when a backlog is over.
const KEPT_BYTES: usize = 4 << 20;

impl Capture {
    /// Lays rows aside, if they can be decoded later: not while rows are counted that an earlier run has delivered, nor where
    /// they wait for what becomes of them.
    pub(super) fn lay_aside(&mut self, rows: &RowsApart<'_>) -> Result<bool, Error> {
        let open = self.open_transaction()?;
        if !open.captured || open.held.is_some() || open.skip > 0 {
            return Ok(false);
        }
        open.has_rows = true;
        let is_aside = self.aside.push(rows);
        if is_aside {
            self.gather();
        }
        Ok(is_aside)
    }

    /// Rows were laid aside. Their records come behind those that are in the open parcel.
    pub(super) fn laid_aside(&mut self, source_ts_us: u64) -> Result<(), Error> {
        self.open.source_ts_us = self.open.source_ts_us.max(source_ts_us);
        if self.is_full() {
            self.close_inside()
        } else {
            Ok(())
        }
    }

    /// Whether there is enough to be decoded together.
    pub(super) fn is_enough_aside(&self) -> bool {
        let is_enough = self.aside.memory() >= self.enough_aside();
        !self.aside.is_empty() && (is_enough || (self.transaction.is_none() && self.has_gathered_long()))
    }

    fn enough_aside(&self) -> usize {
        let transaction = self.transaction.as_ref();
        if let Some(limit) = self.rounds.by_table.filter(|_| self.is_by_table()) {
            return match transaction {
                None => limit,
                Some(open) => open.aside_bytes_before.saturating_add(OF_ONE_TRANSACTION),
            };
        }
        let each = match transaction {
            None => 2 * WORTH_A_WORKER,
            Some(_) => 4 * WORTH_A_WORKER,
        };
        self.workers.count().saturating_mul(each)
    }

    /// Decodes what is laid aside, and puts its records into the open parcel, behind those that are handed over table by
    /// table.
    ///
    /// # Errors
    /// If that is not possible. The open parcel is empty then, and what was handed over before is all that there is: which
    /// transaction has the row is only found by decoding rows as they come.
    pub(super) fn encode_aside(&mut self) -> Result<(), Error> {
        self.empty_aside(false)
    }

    /// As [`encode_aside`](Self::encode_aside), for a source that is idle or not.
    pub(super) fn empty_aside(&mut self, source_idle: bool) -> Result<(), Error> {
        if self.aside.is_empty() {
            return Ok(());
        }
        self.encode_all_aside(source_idle).map_err(|error| {
            self.forget_open();
            match error {
                Error::Interrupted => error,
                error => Error::LaidAside(Box::new(error)),
            }
        })
    }

    fn encode_all_aside(&mut self, source_idle: bool) -> Result<(), Error> {
        let first = self.hand_over_by_table(source_idle)?;
        let rest: Vec<usize> = (first..self.aside.len()).collect();
        if !rest.is_empty() {
            let runs = self.workers.encode(&self.aside, &rest, self.catalog.encoders())?;
            self.append(runs);
        }
        self.clear_aside(source_idle);
        Ok(())
    }

    /// Keeps the memory of what was laid aside as long as a backlog lasts.
    fn clear_aside(&mut self, source_idle: bool) {
        self.gathering = None;
        let is_much = self.aside.memory() > KEPT_BYTES;
        match is_much && (source_idle || !self.is_by_table()) {
            true => self.aside = DetachedRows::default(),
            false => self.aside.clear(),
        }
    }

    fn append(&mut self, runs: Vec<Run>) {
        let mut events = 0;
        for run in runs {
            if let Some(transaction) = &mut self.transaction {
                transaction.appended(&run, events, &self.open);
            }
            self.open.batch.append_all(&run.batch);
            self.open.changes += run.rows();
            events += run.ends.len();
            self.workers.give_back(run);
        }
        if let Some(transaction) = &mut self.transaction {
            if transaction.aside_before >= events {
                transaction.starts_behind(&self.open, RunEnd::default());
            }
            (transaction.aside_before, transaction.aside_bytes_before) = (0, 0);
        }
    }

    fn forget_open(&mut self) {
        self.open = Open {
            batch: self.pool.take(),
            ..Open::default()
        };
        self.transaction = None;
        self.clear_aside(true);
    }
}

impl Transaction {
    /// The records of a run are being put behind those in `open`; `first` events were in earlier runs.
    fn appended(&mut self, run: &Run, first: usize, open: &Open) {
        let earlier = self.aside_before.saturating_sub(first);
        if earlier >= run.ends.len() {
            return;
        }
        let before = earlier.checked_sub(1).and_then(|last| run.ends.get(last));
        let before = before.copied().unwrap_or_default();
        if self.aside_before > 0 && self.aside_before >= first {
            self.starts_behind(open, before);
        }
        self.read += run.rows().saturating_sub(before.rows);
        self.taken = self.read;
    }

    /// The transaction's own records begin behind those in `open` and so many more.
    fn starts_behind(&mut self, open: &Open, more: RunEnd) {
        if let Some(mark) = &mut self.mark {
            mark.bytes = open.batch.bytes.len().saturating_add(more.bytes);
            mark.records = open.batch.records.len().saturating_add(more.records);
            mark.changes = open.changes.saturating_add(more.rows);
        }
    }
}
