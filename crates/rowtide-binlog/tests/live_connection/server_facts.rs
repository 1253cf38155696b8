//! What the server says of itself, and what preflight makes of it.

use rowtide_binlog::client::Client;
use rowtide_binlog::server::{self, ServerInfo, Severity, preflight};
use rowtide_binlog::tls::TlsMode;
use rowtide_testbed::{MySql, MySqlOptions};

use super::{cdc, make_user, root, server, server_with, user};

async fn errors(client: &mut Client, server_id: u32) -> Vec<String> {
    let info = ServerInfo::read(client).await.unwrap();
    let grants = server::grants(client).await.unwrap();
    let findings = preflight(&info, &grants, server_id);
    findings
        .into_iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| f.what)
        .collect()
}

#[tokio::test]
async fn facts_and_positions() {
    let server = server_with(&[]);
    server
        .sql("CREATE DATABASE a; FLUSH BINARY LOGS; CREATE DATABASE b")
        .unwrap();
    let mut client = Client::connect(&cdc(&server)).await.unwrap();
    let info = ServerInfo::read(&mut client).await.unwrap();
    assert!(
        info.version.to_string().starts_with("MySQL 9."),
        "{}",
        info.version
    );
    assert_eq!(info.server_uuid.len(), 36);
    assert_eq!(
        info.gtid_executed.to_string(),
        format!("{}:1-2", info.server_uuid)
    );
    assert!(info.gtid_purged.is_empty() && info.has_gtids() && info.log_bin);
    assert_eq!(
        [
            &info.binlog_format,
            &info.binlog_row_image,
            &info.binlog_row_metadata,
            &info.binlog_checksum
        ],
        ["ROW", "FULL", "FULL", "CRC32"]
    );
    assert_eq!(
        (
            info.binlog_row_value_options.as_str(),
            info.lower_case_table_names
        ),
        ("", 0)
    );
    assert_eq!(
        (info.max_allowed_packet, info.binlog_transaction_compression),
        (64 << 20, false)
    );

    let status = server::binlog_status(&mut client).await.unwrap().unwrap();
    assert_eq!(status.position.file, "binlog.000002");
    assert_eq!(status.executed, info.gtid_executed);
    let files = server::binary_logs(&mut client).await.unwrap();
    let names: Vec<_> = files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["binlog.000001", "binlog.000002"]);
    assert_eq!(files[1].size, status.position.pos);

    let grants = server::grants(&mut client).await.unwrap();
    assert_eq!(preflight(&info, &grants, 5400), []);
}

#[tokio::test]
async fn grants_may_come_by_an_active_role() {
    let server = server();
    let name = make_user(server, "IDENTIFIED BY 'pw'");
    let options = user(server, &name, "pw", TlsMode::Preferred);
    let lacking = ["REPLICATION SLAVE", "REPLICATION CLIENT"];
    let found = errors(&mut Client::connect(&options).await.unwrap(), 5400).await;
    assert!(
        found.len() == 2 && found.iter().zip(lacking).all(|(f, l)| f.contains(l)),
        "{found:?}"
    );

    server
        .sql(&format!(
            "CREATE ROLE {name}_role; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {name}_role; GRANT {name}_role TO {name}"
        ))
        .unwrap();
    let mut inactive = Client::connect(&options).await.unwrap();
    assert_eq!(errors(&mut inactive, 5400).await.len(), 2);
    let info = ServerInfo::read(&mut inactive).await.unwrap();
    let findings = preflight(&info, &server::grants(&mut inactive).await.unwrap(), 5400);
    assert!(
        findings[0]
            .remedy
            .ends_with(&format!("SET DEFAULT ROLE ALL TO `{name}`@`%`;")),
        "{findings:?}"
    );

    // The remedy is what mends it.
    server
        .sql(findings[0].remedy.split(": ").nth(1).unwrap())
        .unwrap();
    assert_eq!(
        errors(&mut Client::connect(&options).await.unwrap(), 5400).await,
        [""; 0]
    );
}

#[tokio::test]
async fn what_is_wrong_is_found_and_the_remedy_mends_it() {
    let server = server_with(&[
        "--binlog-format=STATEMENT",
        "--binlog-row-value-options=PARTIAL_JSON",
        "--binlog-row-metadata=MINIMAL",
        "--binlog-row-image=MINIMAL",
    ]);
    let mut client = root(&server).await;
    let info = ServerInfo::read(&mut client).await.unwrap();
    let grants = server::grants(&mut client).await.unwrap();
    let findings = preflight(&info, &grants, 1);
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    assert_eq!((findings.len(), errors), (5, 2), "{findings:?}");
    for finding in &findings {
        if finding.remedy.starts_with("SET ") {
            client.query(finding.remedy.trim_end_matches(';')).await.unwrap();
        }
    }
    let info = ServerInfo::read(&mut client).await.unwrap();
    assert_eq!(preflight(&info, &grants, 5400), []);
}

#[tokio::test]
async fn servers_without_gtids_or_binlog() {
    let off = MySql::start(MySqlOptions {
        gtid: false,
        ..MySqlOptions::default()
    })
    .unwrap();
    let mut client = root(&off).await;
    let info = ServerInfo::read(&mut client).await.unwrap();
    assert!(!info.has_gtids() && info.gtid_executed.is_empty());
    let findings = preflight(&info, &server::grants(&mut client).await.unwrap(), 5400);
    assert!(
        findings.len() == 1 && findings[0].severity == Severity::Warning,
        "{findings:?}"
    );

    let silent = server_with(&["--skip-log-bin"]);
    let mut client = root(&silent).await;
    assert_eq!(server::binlog_status(&mut client).await.unwrap(), None);
    let refused = server::binary_logs(&mut client).await.unwrap_err();
    assert!(refused.to_string().contains("1381"), "{refused}");
    let found = errors(&mut client, 5400).await;
    assert_eq!(found, ["The server writes no binary log (log_bin is OFF)"]);
}
