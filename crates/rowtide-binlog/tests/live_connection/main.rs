//! The connection, the stream and the facts about the server, on a real MySQL 9.7.

// Whatever goes wrong in a test, its helpers included, is a failure of the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod information_schema;
mod login;
mod login_mariadb;
mod positions;
mod queries;
mod server_facts;
mod stream;
mod tls;

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::tls::{TlsMode, TlsOptions};
use rowtide_testbed::{CDC_PASSWORD, CDC_USER, MySql, MySqlOptions, shared};

/// The server that most tests share.
fn server() -> &'static MySql {
    shared::mysql().unwrap()
}

/// A server with more arguments.
fn server_with(arguments: &[&str]) -> MySql {
    let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
    MySql::start(MySqlOptions {
        arguments,
        ..MySqlOptions::default()
    })
    .unwrap()
}

/// The replica's user by TCP, with TLS if the server has it.
fn cdc(server: &MySql) -> SourceOptions {
    SourceOptions::new(server.host(), server.port(), CDC_USER, CDC_PASSWORD)
}

/// A user by TCP, with or without TLS.
fn user(server: &MySql, name: &str, password: &str, mode: TlsMode) -> SourceOptions {
    let tls = TlsOptions {
        mode,
        ..TlsOptions::default()
    };
    SourceOptions {
        tls,
        ..SourceOptions::new(server.host(), server.port(), name, password)
    }
}

/// `root` by TCP, who has no password.
async fn root(server: &MySql) -> Client {
    Client::connect(&user(server, "root", "", TlsMode::Preferred))
        .await
        .unwrap()
}

/// Makes a user with a name of its own; `how` follows its name in CREATE USER.
fn make_user(server: &MySql, how: &str) -> String {
    let name = shared::unique_name("user");
    server.sql(&format!("CREATE USER {name}@'%' {how}")).unwrap();
    name
}

/// The first value of a query, as text.
async fn value(client: &mut Client, sql: &str) -> String {
    let result = client.query(sql).await.unwrap();
    result.first().unwrap().nth_text(0).unwrap().into_owned()
}
