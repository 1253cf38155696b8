//! XA transactions: their rows appear with XA COMMIT, at its place in the order, or never.

use rowtide_testbed::{Kafka, MySql, MySqlOptions, ServerVersion};
use serde_json::Value;

use crate::stage::{self, Running, eventually, fail, records, succeed};

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
