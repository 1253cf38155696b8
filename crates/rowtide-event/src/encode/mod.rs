//! Change to record bytes: a plan compiled once for each version of a table, then one pass over a row's values straight
//! into the batch that Kafka's client reads from.
//!
//! The format is Debezium's plain JSON (Kafka Connect's JsonConverter with `schemas.enable=false`) with the default
//! options of Debezium 3.6.

mod json;
mod origin;
pub mod record;
mod topic;

pub use json::TableEncoder;
pub use origin::{Origin, Origins};
pub use record::{KeyHeader, Record, RecordBatch, Span, TopicIndex};
pub use topic::{MAX_TOPIC_NAME, TopicNameError, topic_name};

use crate::Malformed;

/// What of the records is the same for a whole run or a matter of choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeOptions {
    /// `source.name`: the topic prefix.
    pub topic_prefix: String,
    /// `source.connector`: `mysql` or `mariadb`.
    pub connector_name: String,
    /// `source.version`.
    pub version: String,
    /// Whether a record without a value follows each delete, so that a compacted topic forgets the key.
    pub tombstones_on_delete: bool,
    /// Whether `source.query` holds the statement where the source tells it; else it is null.
    pub include_query: bool,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            topic_prefix: String::new(),
            connector_name: "mysql".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tombstones_on_delete: true,
            include_query: false,
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
    /// The row image leaves out a column of the key.
    #[error(
        "column {column} is part of the key and not part of the row image; run `SET PERSIST binlog_row_image = FULL` \
         on the source"
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
    /// A row came before [`TableEncoder::begin_event`].
    #[error("a row came without the event that it is part of")]
    NoEvent,
}
