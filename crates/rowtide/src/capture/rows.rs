//! Where the rows of a transaction go: into the open parcel, or to those that wait.

use rowtide_binlog::decoder::{EventContext, TransactionEnd};
use rowtide_event::encode::EncodeError;
use rowtide_event::{BinlogPosition, RowChange};

use super::{Capture, Open};
use crate::error::Error;
use crate::prepared::{Held, TooMuchHeld};
use crate::transaction::{HandedOver, Mark};

impl Capture {
    /// Encodes a row, if no earlier run has delivered it, to where rows of the transaction go.
    #[inline]
    pub(super) fn take(
        &mut self,
        tag: usize,
        change: &RowChange<'_, '_>,
        index: u32,
    ) -> Result<Result<(), EncodeError>, Error> {
        let Some(transaction) = &mut self.transaction else {
            return Err(Error::Fault("rows outside a transaction"));
        };
        transaction.read += 1;
        let number = transaction.read;
        if number <= transaction.skip {
            return Ok(Ok(()));
        }
        let encoder = self.catalog.encoder(tag)?;
        Ok(match &mut transaction.held {
            Some(held) => {
                let encoded = encoder.encode(change, index, &mut self.event, &mut held.batch);
                encoded.map(|()| held.end_row(number))
            }
            None => {
                transaction.taken = number;
                self.open.changes += 1;
                encoder.encode(change, index, &mut self.event, &mut self.open.batch)
            }
        })
    }

    /// After a row: closes the parcel if it is full, or lets the rows that follow wait if they may be rolled back. Too many
    /// that wait are handed over.
    pub(super) fn make_room(&mut self, context: &EventContext<'_>) -> Result<(), Error> {
        let full = self.is_full();
        let limit = self.prepared.savepoint_limit();
        let Some(transaction) = &mut self.transaction else {
            return Ok(());
        };
        match &transaction.held {
            Some(held) if transaction.xa => {
                let checked = self.prepared.check(held);
                checked.map_err(|TooMuchHeld { limit }| too_much_held(context, limit))
            }
            Some(_) if transaction.held_bytes() <= limit => Ok(()),
            Some(_) => match transaction.release() {
                Some(held) => self.hand_over(&held),
                None => Ok(()),
            },
            None if full => self.close_inside(),
            None => Ok(()),
        }
    }

    /// Closes the parcel inside of the transaction, unless the transaction may be rolled back: then its rows wait from here
    /// on.
    pub(super) fn close_inside(&mut self) -> Result<(), Error> {
        self.encode_aside()?;
        // Most of what was laid aside may have been of transactions before it.
        if !self.is_full() {
            return Ok(());
        }
        let few = self.open.batch.bytes.len() <= self.prepared.savepoint_limit();
        match &mut self.transaction {
            Some(transaction) if few && transaction.may_roll_back && !transaction.is_handed_over() => {
                transaction.hold();
                Ok(())
            }
            _ => self.close(false),
        }
    }

    /// Takes rows that waited into the parcel.
    pub(super) fn hand_over(&mut self, held: &Held) -> Result<(), Error> {
        self.encode_aside()?;
        self.close_if_full()?;
        let mut first = 0;
        for row in &held.rows {
            let transaction = self.open_transaction()?;
            transaction.taken = row.number;
            transaction.has_rows = true;
            if row.number > transaction.skip {
                self.open.batch.append(&held.batch, first..row.end);
                self.open.changes += 1;
            }
            first = row.end;
            self.close_if_full()?;
        }
        Ok(())
    }

    /// None of the transaction's rows are real. They can be taken back as long as nothing of it was handed over.
    pub(super) fn take_back(&mut self, truncate: fn(&mut Open, Mark)) -> Result<(), HandedOver> {
        let Some(transaction) = &self.transaction else {
            return Ok(());
        };
        match transaction.mark {
            Some(mark) if !transaction.is_handed_over() => {
                truncate(&mut self.open, mark);
                Ok(())
            }
            _ => Err(HandedOver),
        }
    }

    /// Rows that were handed over are rolled back at this position.
    pub(super) fn rolled_back(&self, file: &str, pos: u64) -> Error {
        Error::RolledBack {
            position: BinlogPosition::new(file, pos).to_string(),
            start: self.transaction_start(),
            limit: self.prepared.savepoint_limit(),
        }
    }

    /// Rows that were handed over are of a transaction that the server did not write to its end.
    pub(super) fn cut_short(&self, end: &TransactionEnd<'_>) -> Error {
        Error::CutShort {
            position: BinlogPosition::new(end.file, end.pos).to_string(),
            start: self.transaction_start(),
        }
    }

    fn transaction_start(&self) -> String {
        let transaction = self.transaction.as_ref();
        transaction.map_or_else(String::new, |transaction| transaction.start.to_string())
    }
}

fn too_much_held(context: &EventContext<'_>, limit: usize) -> Error {
    Error::TooMuchHeld {
        position: BinlogPosition::new(context.file, context.pos).to_string(),
        gtid: context.gtid.map(str::to_owned),
        limit,
    }
}
