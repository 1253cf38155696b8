//! Records to acknowledged, transactional Kafka deliveries: the room that knows Kafka, and the only one.
//!
//! - [`options`]: what a user sets, checked before anything connects
//! - [`publisher`]: produces records and commits them together with the checkpoint
//! - [`checkpoint`]: where to resume, as a record that a person can read
//! - [`history`]: Debezium's schema-history records, and beside them what only Rowtide reads
//! - [`reader`]: reads both again
//! - [`topics`]: creates missing topics and refuses unfit ones
//! - [`error`]: what went wrong, and whether starting again mends it
//!
//! Records are produced by `producer/`, which speaks Kafka's protocol (`wire/`) over connections secured by `security/`;
//! librdkafka reads and manages topics. Everything here blocks and belongs on a thread of its own.

pub mod checkpoint;
pub mod error;
pub mod history;
pub mod options;
mod producer;
pub mod publisher;
pub mod reader;
mod security;
pub mod topics;
mod wire;

pub use checkpoint::{
    Checkpoint, CheckpointStore, HistoryRange, HistoryThrough, InTransaction, PreparedXa, PreparedXaRows,
};
pub use error::{KafkaError, LoggedChange, Recovery};
pub use history::{
    Effect, HistoryEnd, HistoryMessage, HistoryPosition, HistoryRecord, HistorySource, HistoryStore,
    InvalidHistory, StoredMessage, WholeHistory,
};
pub use options::{Delivery, KafkaOptions, Timeouts};
pub use publisher::{HistoryTicket, Publisher, TableTopic};
pub use reader::Reader;
pub use topics::{CreateTopics, TopicSpec, Topics};
