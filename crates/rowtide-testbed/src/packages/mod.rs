//! Fetches the servers' programs by the package managers that the machine has: apt and Maven.
//!
//! Nothing is installed: everything lies in the [cache](crate::Cache) and is run from there.

mod debian;
mod maven;
mod servers;

pub use maven::{DEBEZIUM_VERSION, DebeziumPrograms, KafkaPrograms, VirtualMachine};
pub use servers::{ServerFolders, ServerPrograms};
