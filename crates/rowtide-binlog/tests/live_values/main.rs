//! Values of rows as decoded from the binlog of real servers, against what SELECT prints.

// Whatever goes wrong in a test, its helpers included, is a failure of the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod character_sets;
mod edge_values;
mod follow;
mod mariadb_types;
mod partial_json;
mod partitions;
mod row_images;
mod sizes;
mod text;

use rowtide_testbed::{MySql, ServerVersion, shared};

/// The MySQL servers from a version on. All tests share them, and keep apart by databases of their own.
fn mysql_since(version: ServerVersion) -> impl Iterator<Item = &'static MySql> {
    use ServerVersion::{MySql57, MySql80, MySql97};
    let all = [MySql57, MySql80, MySql97].into_iter();
    all.skip_while(move |server| *server != version)
        .map(|server| shared::server(server).unwrap())
}

/// MySQL and MariaDB of every version.
fn all_servers() -> impl Iterator<Item = &'static MySql> {
    ServerVersion::ALL
        .into_iter()
        .map(|server| shared::server(server).unwrap())
}

/// MariaDB of every version.
fn mariadb() -> impl Iterator<Item = &'static MySql> {
    all_servers().filter(|server| server.version().is_mariadb())
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
