//! Change to record bytes.

pub mod record;

pub use record::{KeyHeader, Record, RecordBatch, Span, TopicIndex};
