//! The schema history: Debezium's records to the byte, and in a header beside them what only Rowtide reads.
//!
//! - [`record`]: the value, which any Debezium reads
//! - [`effect`]: the header, which tells what a record does to the tables that Rowtide knows
//! - [`message`]: both together, as they are written and read
//! - [`store`]: reads the topic again, and refuses one that has lost records

pub mod effect;
pub mod message;
pub mod record;
pub mod store;

pub use crate::checkpoint::{HistoryRange, HistoryThrough};
pub use effect::Effect;
pub use message::{HistoryMessage, InvalidHistory, StoredMessage};
pub use record::{
    Attribute, ColumnImage, HistoryPosition, HistoryRecord, HistorySource, TableChange, TableChangeKind,
    TableImage,
};
pub use store::{HistoryEnd, HistoryStore, WholeHistory};
