//! Servers that all tests of one binary share, since each takes a second or more to start.
//!
//! They live until the process ends; a watchdog then ends them. Tests keep apart by names of their own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::Result;
use crate::{Kafka, KafkaOptions, MySql, MySqlOptions, ServerVersion};

/// One for each of [`ServerVersion::ALL`].
static SERVERS: [OnceLock<MySql>; ServerVersion::ALL.len()] =
    [const { OnceLock::new() }; ServerVersion::ALL.len()];
static KAFKA: OnceLock<Kafka> = OnceLock::new();

/// The MySQL 9.7 that the tests of this process share, with the usual options. Do not restart it.
pub fn mysql() -> Result<&'static MySql> {
    server(ServerVersion::default())
}

/// The server of this version that the tests of this process share, with the usual options. Do not restart it.
pub fn server(version: ServerVersion) -> Result<&'static MySql> {
    let [mysql57, mysql80, mysql97, mariadb1011, mariadb118] = &SERVERS;
    let cell = match version {
        ServerVersion::MySql57 => mysql57,
        ServerVersion::MySql80 => mysql80,
        ServerVersion::MySql97 => mysql97,
        ServerVersion::MariaDb1011 => mariadb1011,
        ServerVersion::MariaDb118 => mariadb118,
    };
    once(cell, || MySql::start(MySqlOptions::of(version)))
}

/// The broker that the tests of this process share, with the usual options. Do not restart it.
pub fn kafka() -> Result<&'static Kafka> {
    once(&KAFKA, || Kafka::start(KafkaOptions::default()))
}

/// A name for a database or a topic prefix that no other test of this process has: `word_1`, `word_2` …
pub fn unique_name(word: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("{word}_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn once<T>(cell: &'static OnceLock<T>, start: impl FnOnce() -> Result<T>) -> Result<&'static T> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    match cell.get() {
        Some(server) => Ok(server),
        None => start().map(|server| cell.get_or_init(|| server)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_get_the_same_server_and_different_names() {
        assert_eq!(mysql().unwrap().port(), mysql().unwrap().port());
        assert_ne!(unique_name("shop"), unique_name("shop"));
    }
}
