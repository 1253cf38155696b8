//! The publisher on a way to Kafka that breaks, is silent, or leads to a broker that has restarted.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;
mod forms;
mod outages;
mod stage;
mod storms;
