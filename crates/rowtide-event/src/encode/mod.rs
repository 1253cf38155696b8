//! Change to record bytes: a plan compiled once for each version of a table, then one pass over a row's values straight
//! into the batch that Kafka's client reads from.
//!
//! The format is Debezium's plain JSON (Kafka Connect's JsonConverter with `schemas.enable=false`) with the default
//! options of Debezium 3.6.

mod json;
mod origin;
pub mod record;
mod topic;

pub use json::{EventText, TableEncoder, write_source, write_text};
pub use origin::{Origin, Origins};
pub use record::{KeyHeader, Record, RecordBatch, Span, TopicIndex};
pub use topic::{MAX_TOPIC_NAME, TopicNameError, topic_name};

use crate::{Flavour, Malformed};

/// What of the records is the same for a whole run or a matter of choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeOptions {
    /// `source.name`: the topic prefix.
    pub topic_prefix: String,
    /// Whose server the source is: `source.connector`, and what its row images leave out.
    pub flavour: Flavour,
    /// `source.version`.
    pub version: String,
    /// Whether a record without a value follows each delete, so that a compacted topic forgets the key.
    pub tombstones_on_delete: bool,
    /// Whether `source.query` holds the statement where the source tells it; else it is null.
    pub include_query: bool,
    /// What stands for a column that the row image leaves out.
    pub absent_columns: AbsentColumns,
}

/// What becomes of a column that the source's row image leaves out (`binlog_row_image` MINIMAL or NOBLOB), so that its value
/// is not known. It is never null, which would be a value.
///
/// A generated column of MariaDB is one that no setting makes the server log: it stops nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentColumns {
    /// A row whose state after the change is not known in full is refused, generated columns of MariaDB aside, which the
    /// object does not have then. `before` has the columns that are known.
    #[default]
    Stop,
    /// The object does not have the column.
    Omit,
    /// A column whose values are strings has [`UNAVAILABLE`], and one of bytes has its bytes; the object does not have the
    /// others.
    Placeholder,
}

/// Debezium's default `unavailable.value.placeholder`.
pub const UNAVAILABLE: &str = "__debezium_unavailable_value";

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            topic_prefix: String::new(),
            flavour: Flavour::MySql,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tombstones_on_delete: true,
            include_query: false,
            absent_columns: AbsentColumns::default(),
        }
    }
}

/// When Rowtide worked on a change: the envelope's `ts_ms`, `ts_us` and `ts_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessedAt {
    /// Nanoseconds since 1970.
    pub ns: u64,
}

/// Why a row has no record. It never holds what is in the row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A column's value cannot be written down as what the column is.
    #[error("column {column}: {cause}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with its value.
        cause: Malformed,
    },
    /// The row image leaves out a column, and [`AbsentColumns::Stop`] says that it must not.
    #[error(
        "the row image has no value of column {column} after the change ({}); run `SET GLOBAL binlog_row_image = FULL` on the \
         source, and read what is logged already with --absent-columns=omit or --absent-columns=placeholder",
        why_absent(*.source_flavour)
    )]
    Absent {
        /// The column.
        column: String,
        /// Whose server it is.
        source_flavour: Flavour,
    },
    /// The row image leaves out a column of the key.
    #[error(
        "column {column} is part of the key and not part of the row image; run `SET GLOBAL binlog_row_image = FULL` on the \
         source"
    )]
    KeyAbsent {
        /// The column.
        column: String,
    },
    /// The row is not one of this table.
    #[error("the row has {values} values where the table has {columns} columns")]
    Width {
        /// Values of the row.
        values: usize,
        /// Columns of the table.
        columns: usize,
    },
    /// A row came before [`TableEncoder::begin_event`], or with an event of another table.
    #[error("a row came without the event that it is part of")]
    NoEvent,
}

fn why_absent(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::MySql => "binlog_row_image is not FULL",
        Flavour::MariaDb => {
            "binlog_row_image is not FULL, or it is a generated column of a table that Rowtide knows from the binlog alone"
        }
    }
}
