//! The program against real servers: MySQL and Kafka, started by the testbed.

mod bad_input;
mod checkpoint;
mod exactly_once;
mod formats;
mod golden;
mod inspect;
mod stage;
mod stopping;
mod tail;
