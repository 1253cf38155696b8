//! Values of rows as decoded from the binlog of real servers, against what SELECT prints.

// Whatever goes wrong in a test, its helpers included, is a failure of the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod character_sets;
mod edge_values;
mod follow;
mod partial_json;
mod partitions;
mod row_images;
mod text;

use rowtide_testbed::{MySql, ServerVersion, shared};

/// The MySQL servers from a version on. All tests share them, and keep apart by databases of their own.
fn servers_since(version: ServerVersion) -> impl Iterator<Item = &'static MySql> {
    use ServerVersion::{MySql57, MySql80, MySql97};
    let all = [MySql57, MySql80, MySql97].into_iter();
    all.skip_while(move |server| *server != version)
        .map(|server| shared::server(server).unwrap())
}

/// The newest MySQL.
fn server() -> &'static MySql {
    shared::mysql().unwrap()
}

/// Makes a database of its own, and says its name.
fn database(server: &MySql, word: &str) -> String {
    let name = shared::unique_name(word);
    server
        .sql(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"))
        .unwrap();
    name
}
