//! Queries: text, NULL, errors, and packets beyond 16 MB in both directions.

use std::time::Duration;

use rowtide_binlog::client::{Client, ClientError, SourceOptions};

use super::{cdc, root, server, value};

const LARGE: usize = 20_000_000;

#[tokio::test]
async fn values_and_nulls_by_column_name() {
    let mut client = Client::connect(&cdc(server())).await.unwrap();
    let result = client
        .query("SELECT 'é☃' AS Text, NULL AS nothing, X'00ff' AS bin UNION SELECT '', '0', ''")
        .await
        .unwrap();
    assert_eq!(result.columns, ["Text", "nothing", "bin"]);
    let rows: Vec<_> = result
        .iter()
        .map(|r| (r.text("text").unwrap(), r.text("nothing"), r.bytes("bin")))
        .collect();
    assert_eq!(
        rows,
        [
            ("é☃".into(), None, Some(&[0, 255][..])),
            ("".into(), Some("0".into()), Some(&[][..]))
        ]
    );
    assert!(
        client.server_version().starts_with("9."),
        "{}",
        client.server_version()
    );
    let id = value(&mut client, "SELECT CONNECTION_ID()").await;
    assert_eq!(id, client.connection_id().to_string());
}

#[tokio::test]
async fn large_results_and_large_queries() {
    let mut client = root(server()).await;
    let result = client
        .query(&format!(
            "SELECT REPEAT('abcdefghij', {}) AS t, 7 AS n",
            LARGE / 10
        ))
        .await
        .unwrap();
    let row = result.first().unwrap();
    assert!(row.bytes("t").unwrap() == b"abcdefghij".repeat(LARGE / 10));
    assert_eq!(row.text("n").unwrap(), "7");

    // Lengths around which a packet takes one frame more.
    for len in [(1 << 24) - 2, (1 << 24) - 1, 1 << 24, LARGE] {
        let text = "x".repeat(len - "SELECT LENGTH('')".len() - 1);
        assert_eq!(
            value(&mut client, &format!("SELECT LENGTH('{text}')")).await,
            text.len().to_string()
        );
        let shown = client
            .query(&format!("SELECT REPEAT('y', {})", len - 5))
            .await
            .unwrap();
        assert_eq!(shown.first().unwrap().nth_bytes(0).unwrap().len(), len - 5);
    }
}

#[tokio::test]
async fn a_refused_statement_leaves_the_connection_usable() {
    let mut client = Client::connect(&cdc(server())).await.unwrap();
    let error = client.query("SELECT bogus").await.unwrap_err();
    assert_eq!(error.code(), Some(1054));
    assert_eq!(
        error.to_string(),
        "Unknown column 'bogus' in 'field list' (error 1054, SQLSTATE 42S22)"
    );
    let denied = client.query("CREATE DATABASE forbidden").await.unwrap_err();
    assert_eq!(denied.code(), Some(1044));
    // An error after rows: the second row cannot be computed.
    let late = client
        .query("SELECT EXP(x) FROM (SELECT 1 AS x UNION ALL SELECT 1000) t")
        .await
        .unwrap_err();
    assert_eq!(late.code(), Some(1690), "{late}");
    assert_eq!(value(&mut client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn an_answer_that_nobody_waited_for_is_not_taken_for_the_next() {
    let mut client = root(server()).await;
    let given_up = tokio::time::timeout(
        std::time::Duration::ZERO,
        client.query("SELECT SLEEP(0.01), 'first'"),
    )
    .await;
    assert!(given_up.is_err());
    let error = client.query("SELECT 'second'").await.unwrap_err();
    assert!(
        matches!(error, ClientError::Unfinished) && error.is_retriable(),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_of_this_machine_is_not_given() {
    let server = super::server_with(&["--local-infile=ON"]);
    let mut client = root(&server).await;
    client.query("CREATE DATABASE d").await.unwrap();
    client.query("CREATE TABLE d.t (a TEXT)").await.unwrap();
    let error = client
        .query("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE d.t")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(3948), "{error}");
    assert_eq!(value(&mut client, "SELECT COUNT(*) FROM d.t").await, "0");
}

#[tokio::test]
async fn a_killed_connection_may_be_tried_again() {
    let mut victim = Client::connect(&cdc(server())).await.unwrap();
    root(server())
        .await
        .query(&format!("KILL {}", victim.connection_id()))
        .await
        .unwrap();
    let error = loop {
        if let Err(error) = victim.query("SELECT 1").await {
            break error;
        }
    };
    assert!(error.is_retriable(), "{error}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_dead_connection() {
    let patience = Duration::from_millis(300);
    let options = SourceOptions {
        answer_timeout: patience,
        ..cdc(server())
    };
    let mut client = Client::connect(&options).await.unwrap();
    let error = client.query("SELECT SLEEP(600)").await.unwrap_err();
    assert!(
        matches!(error, ClientError::Silent(waited) if waited == patience) && error.is_retriable(),
        "{error}"
    );
    assert!(matches!(
        client.query("SELECT 1").await,
        Err(ClientError::Unfinished)
    ));
}
