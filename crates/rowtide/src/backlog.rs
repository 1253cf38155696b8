//! The statements in the part of the binlog that is still to be read.
//!
//! Where the binlog does not carry the shapes of tables and the schema history does not have them, the server is asked for
//! them, and answers as of its end. For what was logged before a statement that changes a table, that answer is wrong. So
//! the way from the start to the end is read once for its statements alone, which is fast: no row is decoded.

use rowtide_binlog::client::Client;
use rowtide_binlog::decoder::{
    CapturedTable, Decoder, DecoderOptions, EventContext, Handler, Moved, Rollback, Rows, Statement,
    TransactionEnd, TransactionStart, XaDecision,
};
use rowtide_binlog::event::TableMap;
use rowtide_binlog::replica::{Replica, ReplicaOptions};
use rowtide_event::BinlogPosition;

use crate::error::Error;
use crate::history::HistoryWriter;
use crate::pass_over::PassOver;
use crate::resume::{Resume, is_before};
use crate::schema::Touched;
use crate::source::dump_from;

/// A statement that changes tables.
pub(crate) struct Found {
    /// What it may change.
    pub(crate) touched: Touched,
    /// Where it ends.
    pub(crate) end: BinlogPosition,
}

/// All statements that change tables from where `resume` says up to `end`, in order.
pub(crate) async fn statements(
    client: Client,
    options: ReplicaOptions,
    resume: &Resume,
    end: &BinlogPosition,
    history: &HistoryWriter,
) -> Result<Vec<Found>, Error> {
    let options = ReplicaOptions {
        follow: false,
        ..options
    };
    let from = dump_from(&resume.dump);
    let mut replica = Replica::start(client, &from, &options).await?;
    let decoder_options = DecoderOptions {
        checksum: replica.checksum(),
        transactions_left_out: replica.transactions_left_out(),
        ..DecoderOptions::default()
    };
    let mut decoder = Decoder::new(decoder_options, resume.first_position().clone());
    let mut scan = Scan {
        history,
        pass_over: PassOver::of(resume),
        captured: false,
        found: Vec::new(),
    };
    while let Some(event) = replica.next_event().await? {
        decoder.feed(event, &mut scan)?;
        let (file, pos) = decoder.position();
        if !decoder.in_transaction() && !is_before(&BinlogPosition::new(file, pos), end) {
            break;
        }
    }
    scan.found.retain(|found| !is_before(end, &found.end));
    Ok(scan.found)
}

/// Writes down statements and passes over everything else.
struct Scan<'a> {
    history: &'a HistoryWriter,
    pass_over: Option<PassOver>,
    captured: bool,
    found: Vec<Found>,
}

impl Handler for Scan<'_> {
    type Error = Error;

    fn begin(&mut self, start: &TransactionStart<'_>) -> Result<(), Error> {
        let start = BinlogPosition::new(start.file, start.pos);
        self.captured = PassOver::is_captured(&mut self.pass_over, &start);
        Ok(())
    }

    fn table(&mut self, _: &TableMap<'_>, _: &[u8]) -> Result<Option<CapturedTable>, Error> {
        Ok(None)
    }

    fn rows(&mut self, _: Rows<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<(), Error> {
        if self.captured {
            let end = BinlogPosition::new(statement.context.file, statement.context.end_pos);
            let touched = self.history.read(statement)?.touched();
            self.found.extend(touched.into_iter().map(|touched| Found {
                touched,
                end: end.clone(),
            }));
        }
        Ok(())
    }

    fn commit(&mut self, _: &TransactionEnd<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn rollback(&mut self, _: &Rollback<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn prepare(&mut self, _: &str, _: &TransactionEnd<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn decided(&mut self, _: &str, _: XaDecision, _: &EventContext<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn position(&mut self, _: &Moved<'_>) -> Result<(), Error> {
        Ok(())
    }
}
