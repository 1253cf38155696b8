//! Every server of the testbed, one test each: what tests ask of a server holds for all of them.

// Whatever goes wrong in a test, its helpers included, is a failure of the test.
#![allow(clippy::unwrap_used)]

use rowtide_testbed::{CDC_PASSWORD, CDC_USER, MySql, MySqlOptions, Row, ServerVersion};

#[test]
fn mysql_57() {
    check(ServerVersion::MySql57);
}

#[test]
fn mysql_80() {
    check(ServerVersion::MySql80);
}

#[test]
fn mysql_97() {
    check(ServerVersion::MySql97);
}

#[test]
fn mariadb_1011() {
    check(ServerVersion::MariaDb1011);
}

#[test]
fn mariadb_118() {
    check(ServerVersion::MariaDb118);
}

#[test]
fn without_gtids() {
    for version in [ServerVersion::MySql57, ServerVersion::MySql97] {
        let options = MySqlOptions {
            gtid: false,
            ..MySqlOptions::of(version)
        };
        let server = MySql::start(options).unwrap();
        assert_eq!(server.query("SELECT @@gtid_mode").unwrap(), [row(&["OFF"])]);
    }
    let options = MySqlOptions {
        gtid: false,
        ..MySqlOptions::of(ServerVersion::MariaDb118)
    };
    let refused = MySql::start(options).unwrap_err().to_string();
    assert_eq!(refused, "MariaDB has GTIDs always");
}

#[test]
fn mariadb_has_its_ways_to_log_in_and_its_compression() {
    for (version, plugins) in [
        (ServerVersion::MariaDb1011, ["auth_ed25519"].as_slice()),
        (ServerVersion::MariaDb118, &["auth_ed25519", "auth_parsec"]),
    ] {
        let mut options = MySqlOptions::of(version).with("--log-bin-compress=ON");
        for plugin in plugins {
            options = options.with(&format!("--plugin-load-add={plugin}"));
        }
        let server = MySql::start(options).unwrap();
        assert_eq!(server.query("SELECT @@log_bin_compress").unwrap(), [row(&["1"])]);
        let query = "SELECT CONCAT('auth_', plugin_name) FROM information_schema.plugins \
            WHERE plugin_name IN ('ed25519', 'parsec') AND plugin_status = 'ACTIVE' ORDER BY 1";
        let expected: Vec<Row> = plugins.iter().map(|plugin| row(&[*plugin])).collect();
        assert_eq!(server.query(query).unwrap(), expected);
    }
}

fn check(version: ServerVersion) {
    let options = MySqlOptions::of(version).with("--binlog-row-image=NOBLOB");
    let server = MySql::start(options).unwrap();
    let number = server
        .query("SELECT VERSION()")
        .unwrap()
        .remove(0)
        .remove(0)
        .unwrap();
    assert!(number.starts_with(version.number()), "{number}");
    settings_are_as_asked(&server);
    rows_are_read_back_and_outlive_restarts(&server);
    rows_are_in_the_binary_log(&server);
    the_replica_user_may_dump_and_not_write(&server);
    refused_statements_are_explained_and_leave_a_session_usable(&server);
}

fn settings_are_as_asked(server: &MySql) {
    let settings = "SELECT @@binlog_format, @@binlog_row_image, @@log_bin, @@server_id, @@binlog_checksum";
    let expected = row(&["ROW", "NOBLOB", "1", "1", "CRC32"]);
    assert_eq!(server.query(settings).unwrap(), [expected]);
    if server.version() != ServerVersion::MySql57 {
        let metadata = server.query("SELECT @@binlog_row_metadata").unwrap();
        assert_eq!(metadata, [row(&["FULL"])]);
    }
    if !server.version().is_mariadb() {
        assert_eq!(server.query("SELECT @@gtid_mode").unwrap(), [row(&["ON"])]);
    }
}

fn rows_are_read_back_and_outlive_restarts(server: &MySql) {
    server
        .sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v TEXT CHARACTER SET utf8mb4, b BLOB)")
        .unwrap();
    server
        .sql("INSERT INTO d.t VALUES (1, 'a<\\n\\'ü🦀', x'00FF0A'), (2, NULL, NULL), (3, 'NULL', '')")
        .unwrap();
    let rows = [
        row(&["1", "a<\n'ü🦀", "00FF0A", "61"]),
        vec![Some("2".to_owned()), None, None, Some("61".to_owned())],
        row(&["3", "NULL", "", "61"]),
    ];
    let query = "SELECT id, v, HEX(b), HEX('a') FROM d.t ORDER BY id";
    assert_eq!(server.query(query).unwrap(), rows);
    let port = server.port();
    server.restart().unwrap();
    server.kill9();
    assert_eq!(server.pid(), None);
    server.start_again().unwrap();
    assert_eq!(server.port(), port);
    assert_eq!(server.query(query).unwrap(), rows);
    let bytes = server.query("SELECT HEX(v) FROM d.t WHERE id = 1").unwrap();
    assert_eq!(bytes, [row(&["613C0A27C3BCF09FA680"])]);
}

fn rows_are_in_the_binary_log(server: &MySql) {
    let printed = server.print_binlog("binlog.000001").unwrap();
    let printed = String::from_utf8_lossy(&printed);
    assert!(printed.contains("### INSERT INTO `d`.`t`"), "{printed}");
}

fn the_replica_user_may_dump_and_not_write(server: &MySql) {
    let mut session = server.session_as(CDC_USER, CDC_PASSWORD).unwrap();
    assert!(!session.query("SHOW BINARY LOGS").unwrap().is_empty());
    assert_eq!(session.query("SELECT COUNT(*) FROM d.t").unwrap(), [row(&["3"])]);
    let refused = session.execute("CREATE DATABASE x").unwrap_err().to_string();
    let expected = "Access denied for user 'cdc'@'%' to database 'x'";
    assert!(refused.contains(expected), "{refused}");
}

fn refused_statements_are_explained_and_leave_a_session_usable(server: &MySql) {
    let refused = server.sql("SELECT bogus").unwrap_err().to_string();
    assert!(refused.contains("Unknown column 'bogus'"), "{refused}");
    let mut session = server.session().unwrap();
    session.execute("SET @a = 7; BEGIN;").unwrap();
    let refused = session
        .execute("SELECT bogus, '<row>\n<'")
        .unwrap_err()
        .to_string();
    assert!(refused.contains("Unknown column 'bogus'"), "{refused}");
    assert_eq!(session.query("SELECT @a, 'ü'").unwrap(), [row(&["7", "ü"])]);
    server.kill9();
    assert!(session.execute("SELECT 1").is_err());
}

fn row(cells: &[&str]) -> Row {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}
