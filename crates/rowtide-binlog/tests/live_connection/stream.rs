//! The stream: bytes as the server's files have them, signs of life, and being replaced.

use std::path::Path;
use std::time::Duration;

use rowtide_binlog::client::Client;
use rowtide_binlog::event::{Checksum, EventType, Header};
use rowtide_binlog::replica::{DumpFrom, DumpRefused, Replica, ReplicaError, ReplicaOptions};
use rowtide_binlog::server;
use rowtide_event::BinlogPosition;
use rowtide_testbed::{MySql, MySqlOptions, shared};

use super::{cdc, root, server, server_with};

pub fn file_start(file: &str) -> DumpFrom {
    DumpFrom::Position(BinlogPosition::new(file, 4))
}

pub async fn start(server: &MySql, from: &DumpFrom, options: &ReplicaOptions) -> Replica {
    Replica::start(Client::connect(&cdc(server)).await.unwrap(), from, options)
        .await
        .unwrap()
}

/// To the end of the binlog, under an id that no other test uses.
pub fn to_the_end(server_id: u32) -> ReplicaOptions {
    ReplicaOptions {
        follow: false,
        ..ReplicaOptions::new(server_id)
    }
}

/// Events of a file on disk.
fn events_of_file(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = bytes.strip_prefix(b"\xfebin").unwrap();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[9..13].try_into().unwrap()) as usize;
        let (event, after) = rest.split_at(len);
        events.push(event.to_vec());
        rest = after;
    }
    events
}

#[tokio::test]
async fn events_of_any_size_are_those_of_the_file() {
    let server = MySql::start(MySqlOptions::default()).unwrap();
    server
        .sql("CREATE DATABASE d; CREATE TABLE d.t (v LONGBLOB); INSERT INTO d.t VALUES ('')")
        .unwrap();
    let file = server.datadir().join("binlog.000001");
    let around_the_value = events_of_file(&file).iter().rev().nth(1).unwrap().len();
    // A packet is the event and one byte before it. Lengths around which it takes one frame more, and beyond.
    let frame = (1 << 24) - 1;
    for packet in [frame - 1, frame, frame + 1, 2 * frame, 20_000_000, 35_000_000] {
        let len = packet - 1 - around_the_value;
        server
            .sql(&format!(
                "INSERT INTO d.t VALUES (LEFT(REPEAT('0123456789', {len} / 10 + 1), {len}))"
            ))
            .unwrap();
    }
    let expected = events_of_file(&file);
    assert!(
        expected.iter().any(|event| event.len() + 1 == frame)
            && expected.iter().any(|event| event.len() + 1 == 2 * frame)
    );
    let mut replica = start(&server, &file_start("binlog.000001"), &to_the_end(7001)).await;
    assert_eq!(replica.checksum(), Checksum::Crc32);
    let (mut at, mut seen) = (0, 0);
    while let Some(event) = replica.next_event().await.unwrap() {
        let (header, _) = Header::split(event).unwrap();
        Checksum::Crc32.verify(event).unwrap();
        if header.flags.is_artificial() {
            continue;
        }
        // The server marks the copy of its first event that it sends.
        if header.event_type != EventType::FormatDescription {
            assert!(event == expected[at], "event {at}");
        }
        at += 1;
        seen += event.len();
    }
    assert_eq!(at, expected.len());
    assert!(seen > 130_000_000);
    assert!(
        replica.next_event().await.unwrap().is_none(),
        "the end is the end"
    );
}

#[tokio::test]
async fn giving_up_waiting_loses_nothing() {
    let server = server_with(&[]);
    server
        .sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v LONGBLOB)")
        .unwrap();
    server
        .sql("INSERT INTO d.t VALUES (1, REPEAT('x', 17000000)), (2, 'y')")
        .unwrap();
    let expected = events_of_file(&server.datadir().join("binlog.000001"));
    let mut replica = start(&server, &file_start("binlog.000001"), &to_the_end(7002)).await;
    let mut events = Vec::new();
    let mut given_up = 0;
    loop {
        // Polled once and dropped, unless all bytes of the event are there already.
        let event = tokio::select! {
            biased;
            event = replica.next_event() => event.unwrap().map(<[u8]>::to_vec),
            () = std::future::ready(()) => {
                given_up += 1;
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Some(event) = event else { break };
        if !Header::split(&event).unwrap().0.flags.is_artificial() {
            events.push(event);
        }
    }
    assert!(given_up > 0);
    assert!(events.iter().skip(1).eq(expected.iter().skip(1)));
}

#[tokio::test]
async fn a_heartbeat_comes_when_the_server_is_idle() {
    let options = ReplicaOptions {
        heartbeat_period: Duration::from_millis(100),
        ..ReplicaOptions::new(7003)
    };
    let server = server_with(&[]);
    let status = server::binlog_status(&mut root(&server).await)
        .await
        .unwrap()
        .unwrap();
    let mut replica = start(&server, &DumpFrom::Position(status.position), &options).await;
    let mut heartbeats = 0;
    while heartbeats < 2 {
        let event = replica.next_event().await.unwrap().unwrap();
        if let EventType::HeartbeatV2 = Header::split(event).unwrap().0.event_type {
            heartbeats += 1;
        }
    }
    assert_eq!(replica.buffered_event().unwrap(), None);
}

#[tokio::test]
async fn a_replica_is_listed_and_a_second_of_its_id_replaces_it() {
    let server = server_with(&[]);
    let mut watch = root(&server).await;
    let options = ReplicaOptions {
        name: "shop".into(),
        ..ReplicaOptions::new(7004)
    };
    let from = DumpFrom::Gtid(Default::default());
    let mut first = start(&server, &from, &options).await;
    first.next_event().await.unwrap().unwrap();
    let listed = server::connected_replicas(&mut watch).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].server_id, listed[0].host.as_str()), (7004, "shop"));
    assert_eq!(listed[0].uuid, options.uuid().to_string());

    let mut second = start(&server, &from, &options).await;
    second.next_event().await.unwrap().unwrap();
    let error = loop {
        if let Err(error) = first.next_event().await {
            break error;
        }
    };
    assert!(
        matches!(error, ReplicaError::Refused(DumpRefused::DuplicateReplica(_))),
        "{error}"
    );
    assert!(error.is_duplicate_server_id() && !error.is_retriable());
}

#[tokio::test]
async fn a_killed_stream_may_be_taken_up_again() {
    let server = server();
    let client = Client::connect(&cdc(server)).await.unwrap();
    let id = client.connection_id();
    let mut replica = Replica::start(
        client,
        &DumpFrom::Gtid(Default::default()),
        &ReplicaOptions::new(7005),
    )
    .await
    .unwrap();
    replica.next_event().await.unwrap().unwrap();
    root(server).await.query(&format!("KILL {id}")).await.unwrap();
    let error = loop {
        if let Err(error) = replica.next_event().await {
            break error;
        }
    };
    assert!(error.is_retriable(), "{error}");
}

#[tokio::test]
async fn a_server_without_checksums() {
    let server = server_with(&["--binlog-checksum=NONE"]);
    let mut replica = start(&server, &file_start("binlog.000001"), &to_the_end(7006)).await;
    assert_eq!(replica.checksum(), Checksum::None);
    let event = replica.next_event().await.unwrap().unwrap();
    assert_eq!(Header::split(event).unwrap().0.event_type, EventType::Rotate);
}

#[tokio::test]
async fn an_event_beyond_the_limit_is_refused() {
    let server = server();
    let database = shared::unique_name("large");
    server
        .sql(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.t (v LONGTEXT)"
        ))
        .unwrap();
    server
        .sql(&format!("INSERT INTO {database}.t VALUES (REPEAT('x', 100000))"))
        .unwrap();
    let options = ReplicaOptions {
        max_event_bytes: 50_000,
        ..to_the_end(7007)
    };
    let mut replica = start(server, &DumpFrom::Gtid(Default::default()), &options).await;
    let error = loop {
        if let Err(error) = replica.next_event().await {
            break error;
        }
    };
    assert!(error.to_string().contains("exceeds the limit"), "{error}");
    assert!(!error.is_retriable());
}
