//! XA transactions: their rows appear with XA COMMIT, at its place in the order, or never.

use rowtide_testbed::{Kafka, MySql, MySqlOptions, ServerVersion};
use serde_json::{Value, json};

use crate::same_names;
use crate::schema::rows;
use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

#[test]
fn rows_appear_with_xa_commit_and_never_after_xa_rollback() {
    let mysql = stage::mysql();
    rows_appear_with_xa_commit(mysql, "xa", &stage::position(mysql));
}

#[test]
fn rows_appear_with_xa_commit_where_there_are_no_gtids() {
    let mysql = MySql::start(MySqlOptions {
        gtid: false,
        ..MySqlOptions::default()
    })
    .unwrap();
    rows_appear_with_xa_commit(&mysql, "xa_by_position", &stage::position(&mysql));
}

#[test]
fn rows_appear_with_xa_commit_on_mariadb() {
    for version in [ServerVersion::MariaDb1011, ServerVersion::MariaDb118] {
        let mariadb = MySql::start(MySqlOptions::of(version)).unwrap();
        let name = format!("xa_{}", version.name().replace(['.', '-'], "_"));
        rows_appear_with_xa_commit(&mariadb, &name, "earliest");
    }
}

fn rows_appear_with_xa_commit(mysql: &MySql, name: &str, start: &str) {
    let kafka = stage::kafka();
    let topic = format!("{name}.{name}.t");
    mysql
        .sql(&format!(
            "CREATE DATABASE {name}; CREATE TABLE {name}.t (id INT PRIMARY KEY, v INT);
             CREATE DATABASE {name}_not; CREATE TABLE {name}_not.t (id INT PRIMARY KEY, v INT)"
        ))
        .unwrap();
    let run = || {
        let mut run = stage::run(mysql, kafka, name, name);
        run.args(["--start", start]);
        run
    };
    let insert = |id: u32| format!("INSERT INTO {name}.t VALUES ({id}, {id})");
    let mut running = Running::start(&mut run());
    mysql
        .sql(&format!(
            "XA START 'a'; {}; {}; XA END 'a'; XA PREPARE 'a'",
            insert(1),
            insert(2)
        ))
        .unwrap();
    mysql
        .sql(&format!(
            "XA START 'b'; {}; XA END 'b'; XA PREPARE 'b'",
            insert(10)
        ))
        .unwrap();
    mysql
        .sql(&format!(
            "XA START 'c'; INSERT INTO {name}_not.t VALUES (1, 1); XA END 'c'; XA PREPARE 'c'"
        ))
        .unwrap();
    mysql.sql(&insert(3)).unwrap();
    eventually("what is not prepared arrives", || ids(kafka, &topic) == [3]);

    // Both ways to end, with transactions that are decided only by the next run.
    running.kill9();
    mysql.sql("FLUSH BINARY LOGS").unwrap();
    mysql.sql(&insert(4)).unwrap();
    running = Running::start(&mut run());
    eventually("the run goes on", || ids(kafka, &topic) == [3, 4]);
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));

    mysql
        .sql("XA COMMIT 'a'; XA ROLLBACK 'b'; XA COMMIT 'c'")
        .unwrap();
    mysql
        .sql(&format!(
            "XA START 'd'; {}; XA END 'd'; XA COMMIT 'd' ONE PHASE",
            insert(6)
        ))
        .unwrap();
    mysql.sql(&insert(5)).unwrap();
    // The same name again.
    mysql
        .sql(&format!(
            "XA START 'a'; {}; XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a'",
            insert(7)
        ))
        .unwrap();
    succeed(run().args(["--until-idle", "1s"]));
    assert_eq!(ids(kafka, &topic), [3, 4, 1, 2, 6, 5, 7]);
    let oracle = stage::judged(kafka, &topic);
    assert_eq!(
        oracle.differences(mysql, name, "t").unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn an_xa_commit_of_rows_from_before_the_start_stops() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE xa_early; CREATE TABLE xa_early.t (id INT PRIMARY KEY)")
        .unwrap();
    let mut session = mysql.session().unwrap();
    session
        .execute("XA START 'early'; INSERT INTO xa_early.t VALUES (1); XA END 'early'; XA PREPARE 'early'")
        .unwrap();
    let start = stage::position(mysql);
    session.execute("XA COMMIT 'early'").unwrap();
    let said = fail(
        stage::run(mysql, kafka, "xa_early", "xa_early").args(["--start", &start, "--until-idle", "1s"]),
        7,
    );
    assert!(
        said.contains("XA COMMIT X'6561726c79',X'',1 at binlog."),
        "{said}"
    );
    assert!(said.contains("rowtide checkpoint set"), "{said}");
}

/// MySQL 5.7 keeps no lock on the tables of a prepared transaction once its session has ended, and logs no names of columns.
#[test]
fn rows_whose_table_is_another_since_xa_prepare_are_not_read_again_by_its_shape() {
    let (mysql, prefix) = same_names::without_names(ServerVersion::MySql57, "xa_swapped");
    let start = stage::position(&mysql);
    mysql
        .sql(&format!(
            "CREATE DATABASE {prefix}; USE {prefix};
             CREATE TABLE t (id INT PRIMARY KEY, a INT UNSIGNED, b INT);
             CREATE TABLE u (id INT PRIMARY KEY, b INT, a INT UNSIGNED); CREATE TABLE v (id INT PRIMARY KEY, a INT)"
        ))
        .unwrap();
    let prepare = |xid: &str, insert: &str| {
        mysql
            .sql(&format!(
                "USE {prefix}; XA START '{xid}'; {insert}; XA END '{xid}'; XA PREPARE '{xid}'"
            ))
            .unwrap();
    };
    prepare("seen", "INSERT INTO t VALUES (1, 4000000000, -1)");
    prepare("undone", "INSERT INTO t VALUES (2, 4000000000, -1)");
    prepare("lost", "INSERT INTO t VALUES (3, 4000000000, -1)");
    prepare("other", "INSERT INTO v VALUES (4, 5)");
    let swap = "RENAME TABLE t TO x, u TO t, x TO u; INSERT INTO t VALUES (5, -1, 4000000000)";
    let run = || same_names::run(&mysql, &prefix, &start);
    mysql
        .sql(&format!("USE {prefix}; {swap}; XA COMMIT 'seen'"))
        .unwrap();
    succeed(&mut run());
    let before = [
        json!({"id": 5, "b": -1, "a": 4_000_000_000_u32}),
        json!({"id": 1, "a": 4_000_000_000_u32, "b": -1}),
    ];
    assert_eq!(rows(&prefix, &format!("{prefix}.t")), before, "in one run");
    mysql.sql("XA ROLLBACK 'undone'; XA COMMIT 'other'").unwrap();
    succeed(&mut run());
    let other = [json!({"id": 4, "a": 5})];
    assert_eq!(
        rows(&prefix, &format!("{prefix}.v")),
        other,
        "its table is as it was"
    );
    mysql.sql("XA COMMIT 'lost'").unwrap();
    let said = fail(&mut run(), 7);
    assert_says(
        &said,
        &[
            "XA COMMIT X'6c6f7374'",
            "a statement that has changed a table of its rows",
        ],
    );
    assert_eq!(rows(&prefix, &format!("{prefix}.t")), before);
}

#[test]
fn what_waits_for_xa_commit_is_bounded() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE xa_bound; CREATE TABLE xa_bound.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    let mut session = mysql.session().unwrap();
    session
        .execute("XA START 'bound'; INSERT INTO xa_bound.t VALUES (1); XA END 'bound'; XA PREPARE 'bound'")
        .unwrap();
    session.execute("XA ROLLBACK 'bound'").unwrap();
    let mut run = stage::run(mysql, kafka, "xa_bound", "xa_bound");
    run.args(["--start", &start, "--until-idle", "1s", "--xa-held-bytes", "100"]);
    let said = fail(&mut run, 7);
    assert!(
        said.contains("more than 100 bytes. Raise --xa-held-bytes"),
        "{said}"
    );
}

/// The keys of what was committed, in order.
fn ids(kafka: &Kafka, topic: &str) -> Vec<i64> {
    let id = |key: &[u8]| {
        serde_json::from_slice::<Value>(key).unwrap()["id"]
            .as_i64()
            .unwrap()
    };
    records(kafka, topic)
        .iter()
        .map(|record| id(record.key.as_deref().unwrap()))
        .collect()
}
