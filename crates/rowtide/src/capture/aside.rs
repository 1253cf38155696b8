//! Rows that are not decoded as they come, but laid aside for several threads.

use rowtide_binlog::decoder::{DetachedRows, Rows};

use super::{Capture, Open};
use crate::error::Error;
use crate::transaction::Transaction;
use crate::workers::{Run, RunEnd, WORTH_A_WORKER};

impl Capture {
    /// The rows apart from their event, where they can be decoded later: not while rows are counted that an earlier run has
    /// delivered, nor where they wait for what becomes of them.
    pub(super) fn apart(&self, rows: &Rows<'_>) -> Option<DetachedRows> {
        self.workers.as_ref()?;
        let transaction = self.transaction.as_ref()?;
        if transaction.held.is_some() || transaction.skip > 0 {
            return None;
        }
        rows.detach()
    }

    /// Lays rows aside. Their records come behind those that are in the open parcel.
    pub(super) fn lay_aside(&mut self, rows: DetachedRows, source_ts_us: u64) -> Result<(), Error> {
        self.open.source_ts_us = self.open.source_ts_us.max(source_ts_us);
        self.aside.push(rows);
        if self.is_full() {
            self.close_inside()
        } else {
            Ok(())
        }
    }

    /// Whether there is enough for all workers.
    pub(super) fn is_enough_aside(&self) -> bool {
        let workers = self.workers.as_ref().map_or(0, |workers| workers.count());
        let each = match self.transaction {
            None => 2 * WORTH_A_WORKER,
            Some(_) => 4 * WORTH_A_WORKER,
        };
        !self.aside.is_empty() && self.aside.bytes() >= workers.saturating_mul(each)
    }

    /// Decodes what is laid aside, and puts its records into the open parcel.
    ///
    /// # Errors
    /// If that is not possible. The open parcel is empty then, and what was handed over before is all that there is: which
    /// transaction has the row is only found by decoding rows as they come.
    pub(super) fn encode_aside(&mut self) -> Result<(), Error> {
        let Some(workers) = self.workers.as_mut().filter(|_| !self.aside.is_empty()) else {
            return Ok(());
        };
        match workers.encode(&self.aside, self.catalog.encoders()) {
            Ok(runs) => {
                self.append(runs);
                Ok(())
            }
            Err(error) => {
                self.forget_open();
                Err(error)
            }
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
            if let Some(workers) = &mut self.workers {
                workers.give_back(run);
            }
        }
        if let Some(transaction) = &mut self.transaction {
            if transaction.aside_before >= events {
                transaction.starts_behind(&self.open, RunEnd::default());
            }
            transaction.aside_before = 0;
        }
        self.aside.clear();
    }

    fn forget_open(&mut self) {
        self.open = Open {
            batch: self.pool.take(),
            ..Open::default()
        };
        self.transaction = None;
        self.aside.clear();
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
