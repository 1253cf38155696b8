//! Values of rows as decoded from the binlog of a real MySQL 9.7, against what SELECT prints.

// Whatever goes wrong in a test, its helpers included, is a failure of the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod character_sets;
mod edge_values;
mod follow;
mod partial_json;
mod partitions;
mod row_images;
mod text;

use rowtide_testbed::{MySql, shared};

/// The server that all tests share. They keep apart by databases of their own.
fn server() -> &'static MySql {
    shared::mysql().unwrap()
}

/// Makes a database of its own, and says its name.
fn database(word: &str) -> String {
    let name = shared::unique_name(word);
    server().sql(&format!("CREATE DATABASE {name}")).unwrap();
    name
}
