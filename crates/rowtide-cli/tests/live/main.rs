//! The program against real servers: MySQL and Kafka, started by the testbed.

mod bad_input;
mod checkpoint;
mod exactly_once;
mod golden;
mod golden_exceptions;
mod stage;
mod stopping;
