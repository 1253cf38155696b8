//! Where a stream begins, and the server's reasons to refuse.

use rowtide_binlog::client::Client;
use rowtide_binlog::event::{EventType, Header};
use rowtide_binlog::replica::{DumpFrom, DumpRefused, Replica, ReplicaError};
use rowtide_binlog::server::{self, ServerInfo};
use rowtide_binlog::tls::TlsMode;
use rowtide_event::{BinlogPosition, GtidSet};
use rowtide_testbed::{MySql, MySqlOptions};

use super::stream::{file_start, start, to_the_end};
use super::{make_user, root, server, server_with, user};

/// Why the server refuses to stream from there.
async fn refusal(server: &MySql, from: &DumpFrom) -> DumpRefused {
    let mut replica = start(server, from, &to_the_end(7100)).await;
    match replica.next_event().await {
        Err(ReplicaError::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

async fn types(server: &MySql, from: &DumpFrom) -> Vec<EventType> {
    let mut replica = start(server, from, &to_the_end(7101)).await;
    let mut types = Vec::new();
    while let Some(event) = replica.next_event().await.unwrap() {
        types.push(Header::split(event).unwrap().0.event_type);
    }
    types
}

#[tokio::test]
async fn from_gtid_sets_and_positions() {
    let server = server_with(&[]);
    server
        .sql("CREATE DATABASE a; CREATE DATABASE b; CREATE DATABASE c")
        .unwrap();
    let info = ServerInfo::read(&mut root(&server).await).await.unwrap();
    let statements = |types: &[EventType]| types.iter().filter(|t| **t == EventType::Query).count();
    let first: GtidSet = format!("{}:1", info.server_uuid).parse().unwrap();
    let all = types(&server, &DumpFrom::Gtid(GtidSet::default())).await;
    assert_eq!(statements(&all), 3);
    assert_eq!(statements(&types(&server, &DumpFrom::Gtid(first)).await), 2);
    assert_eq!(
        statements(&types(&server, &DumpFrom::Gtid(info.gtid_executed)).await),
        0
    );
    assert_eq!(types(&server, &file_start("binlog.000001")).await, all);

    let end = server::binlog_status(&mut root(&server).await)
        .await
        .unwrap()
        .unwrap()
        .position;
    let at_end = types(&server, &DumpFrom::Position(end)).await;
    assert_eq!(at_end[..2], [EventType::Rotate, EventType::FormatDescription]);
    assert_eq!(statements(&at_end), 0);
}

#[tokio::test]
async fn purged_binlogs() {
    let server = server_with(&[]);
    server
        .sql("CREATE DATABASE a; FLUSH BINARY LOGS; PURGE BINARY LOGS TO 'binlog.000002'")
        .unwrap();
    for from in [
        DumpFrom::Gtid(GtidSet::default()),
        file_start("binlog.000001"),
        file_start("other.000007"),
    ] {
        let reason = refusal(&server, &from).await;
        assert!(matches!(reason, DumpRefused::Purged(_)), "{reason}");
        assert!(ReplicaError::from(reason).is_purged());
    }
}

#[tokio::test]
async fn a_future_that_the_server_does_not_have() {
    let server = server();
    let info = ServerInfo::read(&mut root(server).await).await.unwrap();
    let ahead: GtidSet = format!("{}:1-99999999", info.server_uuid).parse().unwrap();
    let reason = refusal(server, &DumpFrom::Gtid(ahead)).await;
    assert!(matches!(reason, DumpRefused::ReplicaAhead(_)), "{reason}");

    let beyond = DumpFrom::Position(BinlogPosition::new("binlog.000001", 4_000_000_000));
    let reason = refusal(server, &beyond).await;
    assert!(matches!(reason, DumpRefused::ImpossiblePosition(_)), "{reason}");
}

#[tokio::test]
async fn a_server_without_gtids() {
    let server = MySql::start(MySqlOptions {
        gtid: false,
        ..MySqlOptions::default()
    })
    .unwrap();
    let reason = refusal(&server, &DumpFrom::Gtid(GtidSet::default())).await;
    assert!(matches!(reason, DumpRefused::GtidsOff(_)), "{reason}");
    assert!(
        types(&server, &file_start("binlog.000001"))
            .await
            .contains(&EventType::FormatDescription)
    );
}

#[tokio::test]
async fn a_server_without_a_binlog() {
    let server = server_with(&["--skip-log-bin"]);
    let reason = refusal(&server, &file_start("binlog.000001")).await;
    assert!(matches!(reason, DumpRefused::BinlogOff(_)), "{reason}");
}

#[tokio::test]
async fn an_account_that_may_not_read_the_binlog() {
    let server = server();
    let name = make_user(server, "IDENTIFIED BY 'pw'");
    let client = Client::connect(&user(server, &name, "pw", TlsMode::Preferred))
        .await
        .unwrap();
    let error = Replica::start(client, &file_start("binlog.000001"), &to_the_end(7102))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ReplicaError::Refused(DumpRefused::NoPrivilege(_))),
        "{error}"
    );
    assert!(error.to_string().contains("GRANT REPLICATION SLAVE"), "{error}");
}
