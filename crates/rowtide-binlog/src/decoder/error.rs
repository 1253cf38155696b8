//! Why decoding stopped.

use std::fmt;

use rowtide_event::{BinlogPosition, Malformed};

use crate::event::EventType;
use crate::row::{PartialError, ShapeMismatch};

/// An event that cannot be decoded, and where it stands.
#[derive(Debug, thiserror::Error)]
#[error("{cause} ({place})")]
pub struct DecodeError {
    /// What is wrong.
    pub cause: DecodeErrorKind,
    /// Where.
    pub place: Box<Place>,
}

/// What can be wrong with an event. No message has row contents in it.
#[derive(Debug, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The bytes are not as their format wants.
    #[error("the event is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The bytes are not those that the server wrote.
    #[error(
        "the event's checksum does not match: it was damaged on the server's disk, in memory or on the way"
    )]
    ChecksumMismatch,
    /// The bytes are fewer or more than the server wrote.
    #[error(
        "the event came with {came} bytes, and its header says another length: it was damaged on the server's disk, in memory \
         or on the way"
    )]
    LengthMismatch {
        /// The bytes that came.
        came: usize,
    },
    /// Whether the bytes are those that the server wrote cannot be told, for they do not show how they are protected.
    #[error("the event's checksum cannot be verified: {0}")]
    Unverifiable(Malformed),
    /// An event that this version does not know and that may not be skipped.
    #[error("event type {0} is not known to this version of Rowtide and may not be skipped")]
    UnknownEvent(u8),
    /// An event or a feature that is known and not supported.
    #[error("{0}")]
    Unsupported(String),
    /// The event is larger than allowed.
    #[error("the event's {len} bytes exceed the limit of {limit} bytes")]
    TooLarge {
        /// Its bytes.
        len: u64,
        /// The bytes allowed.
        limit: u64,
    },
    /// Rows of a table that was not described: reading began inside a transaction, or the binlog is damaged.
    #[error(
        "rows of table number {0} come without its TABLE_MAP: start from a position where a transaction begins"
    )]
    RowsWithoutTableMap(u64),
    /// The rows do not fit the table as it is known.
    #[error(transparent)]
    ShapeMismatch(Box<ShapeMismatch>),
    /// A JSON column is logged as a difference (`binlog_row_value_options=PARTIAL_JSON`) from a document that the row image
    /// leaves out (`binlog_row_image` MINIMAL or NOBLOB).
    #[error(
        "a JSON column is logged as a difference from a document that is not in the row image, so that its new value is \
         nowhere in the binlog: set binlog_row_image=FULL or binlog_row_value_options='' on the server, and start from a \
         position after this transaction, with a new copy of the table"
    )]
    NoDocument,
    /// The images of a rows event have no column, and nothing else says how many rows they are: MariaDB logs inserts of
    /// defaults alone so (`binlog_row_image=MINIMAL`), and deletes of rows all of whose columns are generated.
    #[error(
        "the event has none of its rows' columns, so that nothing in the binlog says how many rows there were: set \
         binlog_row_image=FULL on the server, and start from a position after this transaction, with a new copy of the table"
    )]
    UncountedRows,
    /// Events are missing between this one and the last.
    #[error(
        "the event says that it starts at {found} (modulo 2^32), but the event before it ended at {expected}"
    )]
    PositionGap {
        /// Where it should start.
        expected: u64,
        /// Where it says that it starts.
        found: u32,
    },
    /// An event that cannot stand where it came.
    #[error("the event has no place here: {0}")]
    Misplaced(&'static str),
    /// A transaction begins while another is open.
    #[error("a transaction begins before the one that began at {0} has ended")]
    UnfinishedTransaction(u64),
    /// A part of a transaction where none has begun.
    #[error("the event is part of a transaction, and none has begun before it")]
    NoTransaction,
    /// Which rows are rolled back cannot be said.
    #[error(
        "the transaction is rolled back to a savepoint that it has not set in the binlog, so that it is not known which of its \
         rows are real: check the tables of the transaction, and start from a position after it"
    )]
    UnknownSavepoint,
    /// The server says that it lost events.
    #[error("the server reports lost events in its binlog (incident {code}: {message}): take a new snapshot")]
    Incident {
        /// The server's number.
        code: u16,
        /// The server's words.
        message: String,
    },
}

impl DecodeErrorKind {
    /// Whether events or bytes of them were lost, doubled or changed before they came here: if that was on the way, they
    /// will come right when they are sent again.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::ChecksumMismatch
                | Self::LengthMismatch { .. }
                | Self::Unverifiable(_)
                | Self::PositionGap { .. }
                | Self::Misplaced(_)
                | Self::RowsWithoutTableMap(_)
                | Self::UnfinishedTransaction(_)
                | Self::NoTransaction
        )
    }
}

impl From<PartialError> for DecodeErrorKind {
    fn from(error: PartialError) -> Self {
        match error {
            PartialError::Malformed(cause) => Self::Malformed(cause),
            PartialError::NoDocument => Self::NoDocument,
        }
    }
}

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which event it is.
    pub event_type: EventType,
    /// Where it starts.
    pub position: BinlogPosition,
    /// Its transaction.
    pub gtid: Option<String>,
    /// Its table, where that is known.
    pub table: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.event_type, self.position)?;
        if let Some(gtid) = &self.gtid {
            write!(f, ", transaction {gtid}")?;
        }
        if let Some(table) = &self.table {
            write!(f, ", table {table}")?;
        }
        Ok(())
    }
}
