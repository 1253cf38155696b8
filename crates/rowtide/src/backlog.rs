//! The statements in the part of the binlog that is still to be read.
//!
//! Where the binlog does not carry the shapes of tables and the schema history does not have them, the server is asked for
//! them, and answers as of its end. For what was logged before a statement that changes a table, that answer is wrong. So
//! the way from the start to the end is read once for its statements alone, which is fast: no row is decoded.

use rowtide_binlog::client::Client;
use rowtide_binlog::decoder::{Handler, Statement, TransactionStart};
use rowtide_binlog::replica::ReplicaOptions;
use rowtide_event::BinlogPosition;

use crate::error::Error;
use crate::history::HistoryWriter;
use crate::pass_over::PassOver;
use crate::resume::{Resume, is_before};
use crate::schema::Touched;
use crate::source::start;

/// What the statements from where `resume` says up to `end` may change, in order.
pub(crate) async fn statements(
    client: Client,
    options: ReplicaOptions,
    resume: &Resume,
    end: &BinlogPosition,
    history: &HistoryWriter,
) -> Result<Vec<Touched>, Error> {
    let mut found = Vec::new();
    each_statement(client, options, resume, end, |statement| {
        found.extend(history.read(statement).touched());
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Gives `each` the statements from where `resume` says up to `end`, in order.
pub(crate) async fn each_statement(
    client: Client,
    options: ReplicaOptions,
    resume: &Resume,
    end: &BinlogPosition,
    each: impl FnMut(&Statement<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let options = ReplicaOptions {
        follow: false,
        ..options
    };
    let (mut replica, mut decoder) = start(client, &resume.dump, resume.first_position(), &options).await?;
    let mut scan = Scan {
        each,
        end,
        pass_over: PassOver::of(resume),
        captured: false,
    };
    while let Some(event) = replica.next_event().await? {
        decoder.feed(event, &mut scan)?;
        let (file, pos) = decoder.position();
        if !decoder.in_transaction() && !is_before(&BinlogPosition::new(file, pos), end) {
            break;
        }
    }
    Ok(())
}

fn statement_end(statement: &Statement<'_>) -> BinlogPosition {
    BinlogPosition::new(statement.context.file, statement.context.end_pos)
}

/// Hands over statements and passes over everything else.
struct Scan<'a, F> {
    each: F,
    end: &'a BinlogPosition,
    pass_over: Option<PassOver>,
    captured: bool,
}

impl<F: FnMut(&Statement<'_>) -> Result<(), Error>> Handler for Scan<'_, F> {
    type Error = Error;

    fn begin(&mut self, start: &TransactionStart<'_>) -> Result<(), Error> {
        let start = BinlogPosition::new(start.file, start.pos);
        self.captured = PassOver::is_captured(&mut self.pass_over, &start);
        Ok(())
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<(), Error> {
        if self.captured && !is_before(self.end, &statement_end(statement)) {
            (self.each)(statement)?;
        }
        Ok(())
    }
}
