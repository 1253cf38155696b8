//! Records to acknowledged, transactional Kafka deliveries: the room that knows librdkafka, and the only one.
//!
//! - [`options`]: what a user sets, checked before anything connects
//! - [`publisher`]: produces records and commits them together with the checkpoint
//! - [`checkpoint`]: where to resume, as a record that a person can read
//! - [`history`]: Debezium's schema-history records, and beside them what only Rowtide reads
//! - [`reader`]: reads both again
//! - [`topics`]: creates missing topics and refuses unfit ones
//! - [`error`]: what went wrong, and whether starting again mends it
//!
//! Everything here blocks and belongs on a thread of its own.

pub mod checkpoint;
mod commit;
mod delivery;
pub mod error;
mod flush;
pub mod history;
pub mod options;
pub mod publisher;
pub mod reader;
// The producer of our own, which is to come, uses it.
#[allow(dead_code, unused_imports)]
mod security;
pub mod topics;

pub use checkpoint::{
    Checkpoint, CheckpointStore, HistoryRange, HistoryThrough, InTransaction, PreparedXa, PreparedXaRows,
};
pub use error::{KafkaError, Recovery};
pub use history::{
    Effect, HistoryEnd, HistoryMessage, HistoryPosition, HistoryRecord, HistorySource, HistoryStore,
    InvalidHistory, StoredMessage, WholeHistory,
};
pub use options::{Delivery, KafkaOptions, Timeouts};
pub use publisher::{HistoryTicket, Publisher};
pub use reader::Reader;
pub use topics::{CreateTopics, TopicSpec, Topics};
