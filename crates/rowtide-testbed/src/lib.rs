//! The room of real servers: fetches, starts and checks MySQL, MariaDB and Kafka for the demo, tests and benchmarks.
//!
//! It knows nothing of Rowtide's own crates, so that what it says about them is independent of them.

pub mod binlogs;
mod broken_link;
mod cache;
mod command;
mod damaged_link;
mod error;
pub mod generate;
mod kafka;
mod link;
mod mysql;
pub mod oracle;
pub mod packages;
mod random;
mod scratch;
mod server_process;
pub mod shared;
mod slow_link;
mod version;
pub mod workload;

pub use broken_link::BrokenLink;
pub use cache::Cache;
pub use damaged_link::{Damage, DamagedLink};
pub use error::{Result, TestbedError};
pub use kafka::{BrokerTls, Ends, Kafka, KafkaOptions, Listener, Record, Secured, consume, read_all};
pub use mysql::{CDC_PASSWORD, CDC_USER, MySql, MySqlOptions, Row, Session};
pub use scratch::Scratch;
pub use server_process::{ServerProcess, free_port};
pub use slow_link::SlowLink;
pub use version::ServerVersion;
