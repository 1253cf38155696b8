//! The program against real servers: MySQL and Kafka, started by the testbed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_input;
mod by_table;
mod check;
mod checkpoint;
mod connections;
mod crashed;
mod damaged;
mod delivery;
mod exactly_once;
mod failover;
mod formats;
mod generated_columns;
mod golden;
mod golden_exceptions;
mod gtids_turned_on;
mod inspect;
mod large_rows;
mod links;
mod mariadb;
mod partitions;
mod passwords;
mod random_ddl;
mod random_schemas;
mod readme;
mod replication;
mod rolled_back;
mod row_images;
mod same_names;
mod schema;
mod schema_changes;
mod schema_commands;
mod schema_history;
mod settings;
mod stage;
mod stopping;
mod tail;
mod untold;
mod xa;
