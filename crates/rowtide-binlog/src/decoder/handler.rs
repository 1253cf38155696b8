//! What a [`Decoder`](super::Decoder) tells: transactions, tables, rows and statements.

use std::sync::Arc;

use rowtide_event::{Gtid, GtidSet};

use crate::event::{CommitTimestamps, StatusVariables, TableMap};
use crate::row::RowPlan;

use super::{DecodeError, Rows, RowsApart};

/// Takes what a [`Decoder`](super::Decoder) finds in the events. All calls of one transaction come between
/// [`begin`](Self::begin) and [`commit`](Self::commit), [`rollback`](Self::rollback) or [`prepare`](Self::prepare).
///
/// What is not implemented is passed over: who only looks for something implements what tells of it.
pub trait Handler {
    /// What stops the decoding.
    type Error: From<DecodeError>;

    /// A transaction begins.
    fn begin(&mut self, transaction: &TransactionStart<'_>) -> Result<(), Self::Error> {
        let _ = transaction;
        Ok(())
    }

    /// A table whose rows may follow, when what its TABLE_MAP says is new; `shape` are the bytes behind the table's number,
    /// which may change without the table.
    fn table(&mut self, map: &TableMap<'_>, shape: &[u8]) -> Result<TableRows, Self::Error> {
        let _ = (map, shape);
        Ok(TableRows::Unwanted)
    }

    /// Whether rows of the table with this tag may be [taken](Self::rows_apart) without being decoded.
    fn takes_apart(&mut self, tag: usize) -> bool {
        let _ = tag;
        false
    }

    /// Rows of a captured table before any of them is decoded. Returns whether they were taken, to be decoded later
    /// ([`DetachedRows`](super::DetachedRows)): otherwise they are decoded now.
    fn rows_apart(&mut self, rows: &RowsApart<'_>) -> Result<bool, Self::Error> {
        let _ = rows;
        Ok(false)
    }

    /// Rows of a captured table.
    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), Self::Error> {
        let _ = rows;
        Ok(())
    }

    /// A statement that is not BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE SAVEPOINT or XA: a DDL, or a change in
    /// statement format, whose rows are not in the binlog.
    fn statement(&mut self, statement: &Statement<'_>) -> Result<(), Self::Error> {
        let _ = statement;
        Ok(())
    }

    /// A savepoint of the transaction: [`rolled_back_to`](Self::rolled_back_to) may name its number. Numbers grow, and no
    /// two of a transaction are the same.
    fn savepoint(&mut self, number: u64) -> Result<(), Self::Error> {
        let _ = number;
        Ok(())
    }

    /// None of the transaction's rows since the savepoint are real, and its later savepoints are gone.
    fn rolled_back_to(&mut self, number: u64, context: &EventContext<'_>) -> Result<(), Self::Error> {
        let _ = (number, context);
        Ok(())
    }

    /// The transaction is committed.
    fn commit(&mut self, end: &TransactionEnd<'_>) -> Result<(), Self::Error> {
        let _ = end;
        Ok(())
    }

    /// The transaction is rolled back.
    fn rollback(&mut self, rollback: &Rollback<'_>) -> Result<(), Self::Error> {
        let _ = rollback;
        Ok(())
    }

    /// The XA transaction is prepared: whether its rows are real is decided later, maybe in another file, by
    /// [`decided`](Self::decided) with the same `xid`, which is written as in XA statements: `X'6731',X'6231',1`.
    fn prepare(&mut self, xid: &str, end: &TransactionEnd<'_>) -> Result<(), Self::Error> {
        let _ = (xid, end);
        Ok(())
    }

    /// What becomes of a prepared XA transaction, which may have been prepared before the stream began. Called inside a
    /// transaction that holds nothing else, for the statement at `context`.
    fn decided(
        &mut self,
        xid: &str,
        decision: XaDecision,
        context: &EventContext<'_>,
    ) -> Result<(), Self::Error> {
        let _ = (xid, decision, context);
        Ok(())
    }

    /// The stream moved without a transaction, and none is open.
    fn position(&mut self, moved: &Moved<'_>) -> Result<(), Self::Error> {
        let _ = moved;
        Ok(())
    }

    /// All transactions in the files before the one that begins.
    fn previous_gtids(&mut self, set: GtidSet) -> Result<(), Self::Error> {
        let _ = set;
        Ok(())
    }
}

/// A transaction's first event.
#[derive(Debug, Clone, Copy)]
pub struct TransactionStart<'a> {
    /// The file it is in, and with it the whole transaction.
    pub file: &'a str,
    /// Where its first event (GTID, or BEGIN where there are none) starts.
    pub pos: u64,
    /// Its id, where the server has them on.
    pub gtid: Option<&'a Gtid>,
    /// Its id as text.
    pub gtid_text: Option<&'a str>,
    /// When it was committed, where the GTID event says so.
    pub commit: Option<CommitTimestamps>,
    /// The first event's timestamp in seconds since 1970.
    pub timestamp: u32,
    /// The server on which it was committed first.
    pub server_id: u32,
    /// The connection's thread id, from BEGIN or the statement.
    pub thread: Option<u32>,
    /// Whether it is an XA transaction, whose rows are not real before it is decided.
    pub xa: bool,
}

/// Whether a handler wants the rows that follow a TABLE_MAP.
#[derive(Debug, Clone)]
pub enum TableRows {
    /// It does, and whenever the same TABLE_MAP comes again.
    Wanted(CapturedTable),
    /// It does not, and not when the same TABLE_MAP comes again.
    Unwanted,
    /// It does not in this statement, and is asked again when the same TABLE_MAP comes again.
    UnwantedNow,
}

/// A table whose rows the handler wants.
#[derive(Debug, Clone)]
pub struct CapturedTable {
    /// The handler's own name for it, given back with its rows.
    pub tag: usize,
    /// How to decode its rows.
    pub(super) plan: Arc<RowPlan>,
    /// Of the plan, where it is at hand without it.
    pub(super) has_compressed_values: bool,
}

impl CapturedTable {
    /// A table whose rows are decoded by `plan` and given back with `tag`.
    pub fn new(tag: usize, plan: RowPlan) -> Self {
        Self {
            tag,
            has_compressed_values: plan.has_compressed_values(),
            plan: Arc::new(plan),
        }
    }
}

/// Where an event stands and what is known of its transaction.
#[derive(Debug, Clone, Copy)]
pub struct EventContext<'a> {
    /// The binlog file.
    pub file: &'a str,
    /// Where the event starts; for an event inside a compressed transaction, where the compressed event starts.
    pub pos: u64,
    /// Where the next event starts.
    pub end_pos: u64,
    /// The event's timestamp in seconds since 1970.
    pub timestamp: u32,
    /// The server on which it was logged first.
    pub server_id: u32,
    /// The transaction's id as text.
    pub gtid: Option<&'a str>,
    /// When the transaction was committed, where its GTID event says so.
    pub commit: Option<CommitTimestamps>,
    /// The connection's thread id.
    pub thread: Option<u32>,
    /// The statement that made the rows, in the client's character set (`binlog_rows_query_log_events`).
    pub query: Option<&'a [u8]>,
}

/// A QUERY that frames nothing.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// Where it stands.
    pub context: EventContext<'a>,
    /// The current database, or empty.
    pub database: &'a str,
    /// Its text, in the character set of `variables.collations.client`.
    pub query: &'a [u8],
    /// `sql_mode`, character sets and more.
    pub variables: StatusVariables,
    /// The error it ended with, 0 for none.
    pub error_code: u16,
    /// The thread id of its connection, where it depends on that, as with temporary tables.
    pub connection: Option<u32>,
    /// Whether its transaction is just this statement, as with a DDL; [`Handler::commit`] follows at once.
    pub ends_group: bool,
}

/// A transaction's last event.
#[derive(Debug, Clone, Copy)]
pub struct TransactionEnd<'a> {
    /// The file.
    pub file: &'a str,
    /// Where the event after the transaction starts: where reading can go on.
    pub pos: u64,
    /// The transaction's id.
    pub gtid: Option<&'a Gtid>,
    /// The transaction's id as text.
    pub gtid_text: Option<&'a str>,
    /// When it was committed, where the GTID event says so.
    pub commit: Option<CommitTimestamps>,
    /// The last event's timestamp in seconds since 1970.
    pub timestamp: u32,
    /// The server on which it was committed first.
    pub server_id: u32,
}

/// What becomes of a prepared XA transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XaDecision {
    /// XA COMMIT: its rows are real, now.
    Commit,
    /// XA ROLLBACK: its rows never were.
    Rollback,
}

/// How a transaction was rolled back.
#[derive(Debug, Clone, Copy)]
pub enum Rollback<'a> {
    /// By a ROLLBACK in the binlog. The server writes such a transaction because it touched tables of a non-transactional
    /// engine or temporary ones. Rows of the former stand in transactions of their own: these here are not real. Its
    /// statements are: DROP TEMPORARY TABLE. The transaction's id counts as executed.
    Logged(TransactionEnd<'a>),
    /// By a crash of the server while it was being written. None of its rows are real, and its id may be used again.
    Interrupted(TransactionEnd<'a>),
}

/// A move of the stream.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    /// The file.
    pub file: &'a str,
    /// The position in it.
    pub pos: u64,
    /// What moved it.
    pub cause: MoveCause,
    /// The event's timestamp in seconds since 1970, or 0.
    pub timestamp: u32,
}

/// Why the stream moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveCause {
    /// Another file.
    Rotate,
    /// The server has nothing to send.
    Heartbeat,
}
