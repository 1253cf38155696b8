//! Views, temporary tables and tables that have the name of another: what is logged is about one of them, and does not say
//! about which.

use std::process::Command;

use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};
use serde_json::{Value, json};

use crate::schema::{self, rows};
use crate::stage::{self, Running, assert_says, eventually, fail, succeed};

/// The stream holds something that cannot be followed.
const STREAM: i32 = 7;

/// A run without TLS, which the old servers have in forms that nobody should use.
pub(crate) fn run(server: &MySql, prefix: &str, start: &str) -> Command {
    let mut run = schema::run(server, prefix, start);
    run.args(["--source-ssl-mode", "disabled"]);
    run
}

/// A server whose binlog has no names of columns, and a prefix for its topics.
pub(crate) fn without_names(version: ServerVersion, what: &str) -> (MySql, String) {
    let row_metadata = match version {
        ServerVersion::MySql57 => "",
        ServerVersion::MySql80 | ServerVersion::MySql97 => "MINIMAL",
        ServerVersion::MariaDb1011 | ServerVersion::MariaDb118 => "NO_LOG",
    };
    let options = MySqlOptions {
        row_metadata,
        ..MySqlOptions::of(version)
    };
    let name = version.name().replace(['-', '.'], "_");
    (MySql::start(options).unwrap(), format!("{what}_{name}"))
}

#[test]
fn a_view_of_which_nothing_is_known_is_not_taken_for_a_table() {
    for version in ServerVersion::ALL {
        let (server, prefix) = without_names(version, "viewed");
        server
            .sql(&format!(
                "CREATE DATABASE {prefix}; USE {prefix}; CREATE VIEW t AS SELECT 1 a; CREATE VIEW u AS SELECT 1 a"
            ))
            .unwrap();
        let start = stage::position(&server);
        server
            .sql(&format!(
                "USE {prefix}; CREATE TABLE IF NOT EXISTS t (a INT PRIMARY KEY, b INT); \
                 CREATE TABLE IF NOT EXISTS u (a INT, b INT)"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        server
            .sql(&format!(
                "USE {prefix}; DROP VIEW t; CREATE TABLE IF NOT EXISTS t (b INT PRIMARY KEY, a INT); \
                 INSERT INTO t VALUES (1, 2); DROP VIEW IF EXISTS u; CREATE TABLE IF NOT EXISTS u (b INT, a INT); \
                 INSERT INTO u VALUES (3, 4)"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        let rows = |table: &str| rows(&prefix, &format!("{prefix}.{table}"));
        assert_eq!(rows("t"), [json!({"b": 1, "a": 2})], "{version}");
        assert_eq!(rows("u"), [json!({"b": 3, "a": 4})], "{version}");
    }
}

/// The names of the tables that are known at the checkpoint.
fn tables_known(prefix: &str) -> Vec<String> {
    let mut show = stage::rowtide();
    show.args(["schema", "show", "--format", "json", "--kafka"])
        .args([&stage::kafka().bootstrap(), "--topic-prefix", prefix]);
    let shown = String::from_utf8(succeed(&mut show).stdout).unwrap();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].to_string();
    shown.lines().map(id).collect()
}

/// MariaDB does not log CREATE TABLE IF NOT EXISTS then.
#[test]
fn no_table_is_known_by_the_name_of_a_view() {
    for version in ServerVersion::ALL {
        let (server, prefix) = without_names(version, "unseen");
        server
            .sql(&format!(
                "CREATE DATABASE {prefix}; USE {prefix}; CREATE VIEW t AS SELECT 1 a; CREATE VIEW u AS SELECT 1 a"
            ))
            .unwrap();
        let start = stage::position(&server);
        let make = |table: &str| {
            let sql = format!("USE {prefix}; CREATE TABLE IF NOT EXISTS {table} (a INT PRIMARY KEY, b INT)");
            server.sql(&sql).unwrap();
        };
        make("kept");
        make("t");
        succeed(&mut run(&server, &prefix, &start));
        let kept = [format!("{:?}", format!("\"{prefix}\".\"kept\""))];
        assert_eq!(
            tables_known(&prefix),
            kept,
            "{version}: a start before the statement"
        );
        make("u");
        succeed(&mut run(&server, &prefix, &start));
        assert_eq!(tables_known(&prefix), kept, "{version}: while nobody read");
        let mut follow = stage::run(&server, stage::kafka(), &prefix, &prefix);
        let mut follower = Running::start(follow.args(["--source-ssl-mode", "disabled"]));
        server
            .sql(&format!("INSERT INTO {prefix}.kept VALUES (1, 2)"))
            .unwrap();
        let rows = || rows(&prefix, &format!("{prefix}.kept"));
        eventually("it follows", || rows().len() == 1);
        make("t");
        server
            .sql(&format!("INSERT INTO {prefix}.kept VALUES (3, 4)"))
            .unwrap();
        eventually("it has come to the statement", || rows().len() == 2);
        follower.terminate();
        assert_eq!(follower.exit_code(), Some(0));
        assert_eq!(tables_known(&prefix), kept, "{version}: while it ran");
    }
}

/// MariaDB does not log the statement then.
#[test]
fn a_table_from_before_the_start_is_not_taken_for_one_that_would_be_made() {
    for version in [
        ServerVersion::MySql57,
        ServerVersion::MySql80,
        ServerVersion::MySql97,
    ] {
        let (server, prefix) = without_names(version, "earlier");
        server
            .sql(&format!(
                "CREATE DATABASE {prefix}; USE {prefix}; CREATE TABLE t (b INT PRIMARY KEY, a INT)"
            ))
            .unwrap();
        let start = stage::position(&server);
        server
            .sql(&format!(
                "USE {prefix}; CREATE TABLE IF NOT EXISTS t (a INT PRIMARY KEY, b INT); INSERT INTO t VALUES (1, 2); \
                 ALTER TABLE t ADD c INT"
            ))
            .unwrap();
        let said = fail(&mut run(&server, &prefix, &start), STREAM);
        assert_says(
            &said,
            &[&format!("{prefix}.t"), "ALTER TABLE changes it further on"],
        );
    }
}

#[test]
fn a_table_that_is_made_if_there_is_none_is_known_where_its_database_was_made() {
    for version in ServerVersion::ALL {
        let (server, prefix) = without_names(version, "made");
        let start = stage::position(&server);
        server
            .sql(&format!(
                "CREATE DATABASE {prefix}; USE {prefix}; CREATE TABLE IF NOT EXISTS t (a INT PRIMARY KEY, b INT); \
                 INSERT INTO t VALUES (1, 2); ALTER TABLE t ADD c INT FIRST; INSERT INTO t VALUES (3, 4, 5)"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        assert_eq!(
            rows(&prefix, &format!("{prefix}.t")),
            [json!({"a": 1, "b": 2}), json!({"c": 3, "a": 4, "b": 5})],
            "{version}"
        );
    }
}

/// MariaDB logs such a statement as if it were about the other table, and no session tells that it has the temporary one.
#[test]
fn a_temporary_table_that_is_renamed_leaves_the_table_that_it_hides() {
    for version in [ServerVersion::MariaDb1011, ServerVersion::MariaDb118] {
        let (server, prefix) = without_names(version, "renamed");
        let start = stage::position(&server);
        server
            .sql(&format!(
                "CREATE DATABASE {prefix}; USE {prefix}; CREATE TABLE t (a INT PRIMARY KEY, b INT); \
                 CREATE TABLE u (b INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 2)"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        server
            .sql(&format!(
                "USE {prefix}; CREATE TEMPORARY TABLE t (z INT); RENAME TABLE t TO u; DROP TEMPORARY TABLE u; \
                 INSERT INTO t VALUES (3, 4); INSERT INTO u VALUES (5, 6)"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        server
            .sql(&format!(
                "USE {prefix}; CREATE TEMPORARY TABLE t (z INT); RENAME TABLE t TO v; DROP TEMPORARY TABLE v; \
                 INSERT INTO t VALUES (7, 8); CREATE TABLE IF NOT EXISTS v (b INT PRIMARY KEY, a INT); \
                 INSERT INTO v VALUES (9, 10)"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        let rows = |table: &str| rows(&prefix, &format!("{prefix}.{table}"));
        let of_t = [(1, 2), (3, 4), (7, 8)].map(|(a, b)| json!({"a": a, "b": b}));
        assert_eq!(rows("t"), of_t, "{version}");
        assert_eq!(rows("u"), [json!({"b": 5, "a": 6})], "{version}");
        assert_eq!(rows("v"), [json!({"b": 9, "a": 10})], "{version}");
    }
}
