//! The change-data-capture engine to embed: reads a server's binlog as a replica and writes every committed row change
//! to Kafka, exactly once.
//!
//! - [`Pipeline`]: from a server to Kafka, until it is told to stop
//! - [`ChangeStream`]: one level below, the changes themselves, without Kafka and without state
//! - [`filter`], [`start`], [`source_url`]: what is captured, from where
//! - [`progress`], [`resume`]: the decisions, as pure functions and state machines
//! - [`table_changes`], [`schema_change`]: what the schema history and the schema-change topic say of a statement
//! - [`known_schema`]: what is known of tables at a place, for a person to look at
//! - [`verify`]: compares that with the server
//! - [`stats`]: what a run has done so far

mod backlog;
mod capture;
mod catalog;
pub mod change_stream;
pub mod check;
pub mod checkpoint;
mod deliver;
pub mod error;
pub mod filter;
mod history;
mod history_log;
mod ingest;
pub mod known_schema;
mod parcel;
mod pass_over;
mod pictures;
pub mod pipeline;
mod prepared;
pub mod progress;
mod queue;
pub mod resume;
mod schema;
pub mod schema_change;
mod source;
pub mod source_url;
pub mod start;
pub mod stats;
mod supervise;
pub mod table_changes;
mod transaction;
mod unnamed;
pub mod verify;
mod visibility;
mod workers;

pub use rowtide_binlog as binlog;
pub use rowtide_event as event;
pub use rowtide_kafka as kafka;

pub use change_stream::{ChangeEvent, ChangeStream};
pub use error::{Error, ErrorKind};
pub use filter::TableFilter;
pub use pipeline::{Pipeline, PipelineBuilder};
pub use schema::SchemaDisagreement;
pub use source_url::SourceUrl;
pub use start::StartFrom;
