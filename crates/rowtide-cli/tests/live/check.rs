//! `rowtide check`: what it finds on real servers, and that the SQL which it shows mends it.

use std::process::Output;

use rowtide_testbed::{MySql, MySqlOptions};

use crate::stage::{self, assert_says, succeed};

const SOURCE_UNFIT: i32 = 4;

/// `rowtide check` by the account `looker` for one pattern of tables.
fn check(mysql: &MySql, tables: &str, arguments: &[&str]) -> Output {
    let source = format!("mysql://looker@127.0.0.1:{}", mysql.port());
    let mut command = stage::rowtide();
    command.env("ROWTIDE_SOURCE_PASSWORD", "look");
    command.args([
        "check",
        "--source",
        &source,
        "--server-id",
        &stage::next_server_id(),
    ]);
    command.args(["--include-table", tables]).args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn summary(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines below the findings.
fn remedies(output: &Output) -> Vec<String> {
    let said = said(output);
    let remedies = said.lines().filter_map(|line| line.strip_prefix("    "));
    remedies.map(str::to_owned).collect()
}

/// A server set up badly, with an account that may do nothing but log in.
fn bad_server() -> MySql {
    let arguments = [
        "--binlog-format=MIXED",
        "--binlog-row-image=MINIMAL",
        "--binlog-row-metadata=MINIMAL",
    ];
    let mysql = MySql::start(MySqlOptions {
        gtid: false,
        arguments: arguments.map(str::to_owned).to_vec(),
        ..MySqlOptions::default()
    })
    .unwrap();
    mysql
        .sql(
            "CREATE USER looker@'%' IDENTIFIED BY 'look'; CREATE DATABASE chk; \
             CREATE TABLE chk.a (id INT PRIMARY KEY); CREATE TABLE chk.b (id INT PRIMARY KEY)",
        )
        .unwrap();
    mysql
}

#[test]
fn every_finding_is_mended_by_the_sql_below_it() {
    let mysql = bad_server();
    let before = check(&mysql, "chk\\..*", &[]);
    assert_eq!(before.status.code(), Some(SOURCE_UNFIT), "{}", said(&before));
    assert_says(
        &said(&before),
        &[
            "error: binlog_format is MIXED",
            "warning: binlog_row_image is MINIMAL",
            "warning: binlog_row_metadata is MINIMAL",
            "warning: gtid_mode is OFF",
            "error: The account lacks REPLICATION SLAVE",
            "error: The account lacks REPLICATION CLIENT",
            "error: The account sees no table of the database chk",
            "captured: none of the tables that the account sees",
        ],
    );
    assert_says(&summary(&before), &["`rowtide run` would not start: 4 errors"]);
    assert_eq!(remedies(&before).len(), 7);
    for sql in remedies(&before) {
        mysql.sql(&sql).unwrap();
    }
    let after = check(&mysql, "chk\\..*", &[]);
    assert_eq!(after.status.code(), Some(0), "{}", said(&after));
    let uuid = mysql.query("SELECT @@server_uuid").unwrap()[0][0]
        .clone()
        .unwrap();
    let version = mysql.query("SELECT VERSION()").unwrap()[0][0].clone().unwrap();
    let version = version.split('-').next().unwrap();
    assert_eq!(
        said(&after),
        format!("source: MySQL {version} with the server_uuid {uuid}\ncaptured: 2 tables\nok\n")
    );
}

#[test]
fn select_is_needed_where_the_binlog_does_not_carry_shapes_and_only_there() {
    let mysql = MySql::start(MySqlOptions {
        arguments: vec!["--binlog-row-metadata=MINIMAL".to_owned()],
        ..MySqlOptions::default()
    })
    .unwrap();
    mysql
        .sql(
            "CREATE USER looker@'%' IDENTIFIED BY 'look'; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO looker@'%'; \
             CREATE DATABASE chk; CREATE TABLE chk.a (id INT PRIMARY KEY); CREATE TABLE chk.b (id INT PRIMARY KEY)",
        )
        .unwrap();
    let blind = check(&mysql, "chk\\..*", &[]);
    assert_eq!(blind.status.code(), Some(SOURCE_UNFIT));
    assert_says(&said(&blind), &["    GRANT SELECT ON `chk`.* TO `looker`@`%`;"]);
    assert_says(&summary(&blind), &["1 error\n"]);

    mysql.sql("GRANT SELECT ON chk.a TO looker@'%'").unwrap();
    let partly = check(&mysql, "chk\\..*", &[]);
    assert_eq!(partly.status.code(), Some(0));
    assert_says(
        &said(&partly),
        &[
            "warning: The account has SELECT on some tables of the database chk only",
            "captured: 1 table\n",
        ],
    );
    let named = check(&mysql, "chk.b", &[]);
    assert_eq!(named.status.code(), Some(SOURCE_UNFIT));
    assert_says(
        &said(&named),
        &[
            "error: There is no table chk.b",
            "    GRANT SELECT ON `chk`.`b` TO `looker`@`%`;",
        ],
    );
    assert!(!said(&check(&mysql, "chk.a", &[])).contains("SELECT"));

    mysql
        .sql("REVOKE SELECT ON chk.a FROM looker@'%'; SET GLOBAL binlog_row_metadata = FULL")
        .unwrap();
    let full = check(&mysql, "chk\\..*", &[]);
    assert_eq!(full.status.code(), Some(0), "{}", said(&full));
    assert!(!said(&full).contains("SELECT"), "{}", said(&full));
}

#[test]
fn a_run_does_not_start_either_where_it_would_see_nothing() {
    let mysql = bad_server();
    mysql
        .sql(
            "SET GLOBAL binlog_format = ROW; \
             GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO looker@'%'",
        )
        .unwrap();
    let source = format!("mysql://looker@127.0.0.1:{}", mysql.port());
    let mut run = stage::run(&mysql, stage::kafka(), "blind", "chk");
    run.args(["--source", &source])
        .env("ROWTIDE_SOURCE_PASSWORD", "look");
    let said = stage::fail(&mut run, SOURCE_UNFIT);
    assert_says(&said, &["GRANT SELECT ON `chk`.* TO `looker`@`%`;"]);
}

#[test]
fn a_server_id_in_use_and_topics_that_do_not_fit_are_found() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    kafka
        .create_topic("chkflat.checkpoint", 1, &[("cleanup.policy", "delete")])
        .unwrap();
    let mut first = stage::run(mysql, kafka, "chkfirst", "nodb");
    let _first = stage::Running::start(first.args(["--server-id", "7878"]));
    stage::eventually("the first replica is registered", || {
        let replicas = mysql.query("SHOW REPLICAS").unwrap();
        replicas.iter().any(|row| row[0].as_deref() == Some("7878"))
    });
    let check = |prefix: &str| {
        let mut command = stage::rowtide();
        command.args(["check", "--source", &stage::source(mysql), "--server-id", "7878"]);
        command.args([
            "--include-table",
            "nodb\\..*",
            "--topic-prefix",
            prefix,
            "--kafka",
            &kafka.bootstrap(),
        ]);
        command.output().unwrap()
    };
    let other = check("chkflat");
    assert_eq!(other.status.code(), Some(SOURCE_UNFIT), "{}", said(&other));
    assert_says(
        &said(&other),
        &[
            "error: Another replica of the source has the server id 7878",
            "chkflat.checkpoint",
            "cleanup.policy=compact",
        ],
    );
    assert_says(&summary(&other), &["2 errors"]);
    let same = check("chkfirst");
    assert_eq!(
        same.status.code(),
        Some(0),
        "a run does not stand in its own way: {}",
        said(&same)
    );
    assert_says(
        &said(&same),
        &["Kafka: reachable, and fit to be written to\nok\n"],
    );
}

#[test]
fn it_needs_no_kafka() {
    let mysql = stage::mysql();
    let mut command = stage::rowtide();
    command.args(["check", "--source", &stage::source(mysql), "--server-id", "7979"]);
    let output = succeed(&mut command);
    assert!(said(&output).ends_with("ok\n"), "{}", said(&output));
    let wrong = stage::fail(command.args(["--topic-config", "nothing"]), 2);
    assert_says(&wrong, &["--topic-config"]);
}
