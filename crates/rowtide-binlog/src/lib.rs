//! The replica: bytes to packets, packets to binlog events, events to row changes.
//!
//! - [`wire`]: packets, handshake, authentication plugins, query results; pure functions of bytes
//! - [`event`]: one file a binlog event; pure functions of bytes
//! - [`row`]: row images to [`rowtide_event::Value`]s, by a plan compiled once for each version of a table
//! - [`schema`]: a table's shape from the binlog's metadata or from information_schema, and what a DDL touches
//! - [`decoder`]: events to transactions, with positions, checksums and compressed payloads
//! - [`client`], [`replica`], [`server`], [`tls`]: the only modules that read and write sockets

pub mod client;
pub mod decoder;
pub mod event;
pub mod replica;
pub mod row;
pub mod schema;
pub mod server;
pub mod tls;
pub mod wire;
