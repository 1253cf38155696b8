//! Statements of `testdata/ddl` and statements made by code, run on real servers: after each of them the tables that
//! [`SchemaTracker`](rowtide_binlog::schema::tracked::SchemaTracker) has read out of the binlog are those that the
//! server has.

// Whatever goes wrong in a test, its helpers included, is a failure of the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod corpus;
mod definitions;
mod generated;
mod play;
mod server_tables;
mod tracked_tables;

use rowtide_testbed::ServerVersion;

#[tokio::test]
async fn on_mysql_9_7() {
    let played = play::all(ServerVersion::MySql97).await;
    assert_eq!(played.refused, Vec::<String>::new());
}

#[tokio::test]
async fn on_mysql_8_0() {
    play::all(ServerVersion::MySql80).await;
}

#[tokio::test]
async fn on_mysql_5_7() {
    play::all(ServerVersion::MySql57).await;
}

#[tokio::test]
async fn on_mariadb_11_8() {
    play::all(ServerVersion::MariaDb118).await;
}

#[tokio::test]
async fn on_mariadb_10_11() {
    play::all(ServerVersion::MariaDb1011).await;
}
