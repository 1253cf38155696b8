//! Records to acknowledged, transactional Kafka deliveries: the room that knows librdkafka, and the only one.
//!
//! - [`options`]: what a user sets, checked before anything connects
//! - [`publisher`]: produces records and commits them together with the checkpoint
//! - [`checkpoint`]: where to resume, as a record that a person can read
//! - [`history`]: Debezium's schema-history records, to the byte
//! - [`topics`]: creates missing topics and refuses unfit ones
//! - [`error`]: what went wrong, and whether starting again mends it
//!
//! Everything here blocks and belongs on a thread of its own.

pub mod checkpoint;
mod delivery;
pub mod error;
mod flush;
pub mod history;
pub mod options;
pub mod publisher;
mod reader;
pub mod topics;

pub use checkpoint::{Checkpoint, CheckpointStore, InTransaction, PreparedXa, PreparedXaRows};
pub use error::{KafkaError, Recovery};
pub use history::{HistoryPosition, HistoryRecord, HistorySource};
pub use options::{Delivery, KafkaOptions, Timeouts};
pub use publisher::Publisher;
pub use topics::{CreateTopics, TopicSpec, Topics};
