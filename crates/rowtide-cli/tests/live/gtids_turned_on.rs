//! A server's GTIDs are turned on while it runs: its binlog begins with transactions that have none.

use std::process::Command;

use rowtide_testbed::oracle::Oracle;
use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};
use serde_json::Value;

use crate::stage::{self, assert_says, fail, succeed};

/// The steps that the manual has for a server in use ("Enabling GTID Transactions Online"), with changes between them.
const TURN_ON: &str = "SET GLOBAL enforce_gtid_consistency = ON; SET GLOBAL gtid_mode = OFF_PERMISSIVE;
    INSERT INTO shop.orders VALUES (4, 'permissive'); SET GLOBAL gtid_mode = ON_PERMISSIVE;
    INSERT INTO shop.orders VALUES (5, 'first'); SET GLOBAL gtid_mode = ON;
    UPDATE shop.orders SET item = 'second' WHERE id < 3; DELETE FROM shop.orders WHERE id = 2";
/// The source cannot be read.
const SOURCE: i32 = 3;

#[test]
fn mysql_97() {
    gtids_come_later(ServerVersion::MySql97);
}

#[test]
fn mysql_57() {
    gtids_come_later(ServerVersion::MySql57);
}

fn gtids_come_later(version: ServerVersion) {
    let server = &MySql::start(MySqlOptions {
        gtid: false,
        ..MySqlOptions::of(version)
    })
    .unwrap();
    let prefix = &format!("later{}", version.number().replace('.', ""));
    server
        .sql(
            "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, item VARCHAR(20));
             INSERT INTO shop.orders VALUES (1, 'kite'), (2, 'knot'); INSERT INTO shop.orders VALUES (3, 'kelp')",
        )
        .unwrap();
    succeed(&mut run(server, prefix));
    assert_eq!(gtids(prefix), None);
    server.sql(TURN_ON).unwrap();

    // What comes next has none, and such a server keeps it back.
    let said = fail(&mut run(server, prefix), SOURCE);
    assert_says(&said, &["gtid_mode = ON_PERMISSIVE", "anonymous"]);
    server.sql("SET GLOBAL gtid_mode = ON_PERMISSIVE").unwrap();
    succeed(&mut run(server, prefix));
    assert_complete(server, prefix, 8);
    assert_eq!(gtids(prefix), None, "it goes by position");

    // Every change of the mode begins a new file, and with it the place is known by its GTIDs too.
    server
        .sql("SET GLOBAL gtid_mode = ON; INSERT INTO shop.orders VALUES (6, 'last')")
        .unwrap();
    succeed(&mut run(server, prefix));
    assert_eq!(gtids(prefix), Some(stage::executed(server)));
    server.sql("DELETE FROM shop.orders WHERE id = 6").unwrap();
    succeed(&mut run(server, prefix));
    assert_eq!(gtids(prefix), Some(stage::executed(server)));
    assert_complete(server, prefix, 10);
}

fn run(server: &MySql, prefix: &str) -> Command {
    let mut run = stage::run(server, stage::kafka(), prefix, "shop");
    run.args(["--start", "earliest", "--until-idle", "500ms"]);
    run
}

/// Each change once, and the table is what the server has.
fn assert_complete(server: &MySql, prefix: &str, changes: u64) {
    let mut oracle = Oracle::default();
    let topic = format!("{prefix}.shop.orders");
    stage::kafka()
        .consume(&[&topic], true, |record| oracle.observe(&record))
        .unwrap();
    assert!(oracle.findings.is_clean(), "{:?}", oracle.findings);
    assert_eq!(oracle.findings.changes, changes);
    let differences = oracle.differences(server, "shop", "orders").unwrap();
    assert_eq!(differences, Vec::<String>::new());
}

/// The GTIDs of the checkpoint.
fn gtids(prefix: &str) -> Option<String> {
    let mut show = stage::rowtide();
    show.args(["checkpoint", "show", "--kafka", &stage::kafka().bootstrap()]);
    let shown = succeed(show.args(["--topic-prefix", prefix])).stdout;
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    shown["gtid_set"].as_str().map(str::to_owned)
}
