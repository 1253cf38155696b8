//! A row change and where it came from.

use crate::Value;

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// INSERT.
    Create,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// Read by a snapshot.
    Read,
}

/// One row change: the values before and after, in the order of the table's columns.
#[derive(Debug, Clone, Copy)]
pub enum RowChange<'v, 'a> {
    /// INSERT: the row as it is now.
    Create {
        /// The new row.
        after: &'v [Value<'a>],
    },
    /// UPDATE.
    Update {
        /// The row as it was.
        before: &'v [Value<'a>],
        /// The row as it is now.
        after: &'v [Value<'a>],
    },
    /// DELETE: the row as it was.
    Delete {
        /// The old row.
        before: &'v [Value<'a>],
    },
}

impl RowChange<'_, '_> {
    /// The operation this change is.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Create { .. } => Operation::Create,
            Self::Update { .. } => Operation::Update,
            Self::Delete { .. } => Operation::Delete,
        }
    }
}

/// Where a rows event came from: Debezium's `source` block but for what is the same for a whole run (connector,
/// topic prefix) or differs from row to row (`row`).
#[derive(Debug, Clone, Copy)]
pub struct SourceInfo<'a> {
    /// When the change was committed, in microseconds since 1970, as precisely as the server logs it: the GTID
    /// event's commit timestamp, or the event header's seconds.
    pub ts_us: u64,
    /// The `server_id` of the server on which the change was made first.
    pub server_id: u32,
    /// The transaction's GTID, where the server has GTIDs on.
    pub gtid: Option<&'a str>,
    /// The binlog file.
    pub file: &'a str,
    /// Where the rows event starts in the file; for an event inside a compressed transaction, where the compressed
    /// event starts.
    pub pos: u64,
    /// The connection's thread id, from the transaction's BEGIN.
    pub thread: Option<u32>,
    /// The statement, where the server logs it (`binlog_rows_query_log_events`) and it was asked for.
    pub query: Option<&'a str>,
}
