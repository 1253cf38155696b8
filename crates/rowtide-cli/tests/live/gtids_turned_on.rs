//! A server's GTIDs are turned on while it runs, or off for a while: its binlog has transactions that have none.

use std::process::Command;

use rowtide_testbed::{CDC_USER, MySql, MySqlOptions, ServerVersion};

use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

const ORDERS: &str = "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, item VARCHAR(20));";
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
        .sql(&format!(
            "{ORDERS} INSERT INTO shop.orders VALUES (1, 'kite'), (2, 'knot'); INSERT INTO shop.orders VALUES (3, 'kelp')"
        ))
        .unwrap();
    succeed(&mut run(server, prefix));
    assert_eq!(gtids(prefix), None);
    server.sql(TURN_ON).unwrap();

    go_on_in_permissive_mode(server, prefix);
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

/// And back, with changes between them that no GTID set can name. Each step begins a new file, and the server sends nothing of
/// those before the last if it is asked by GTID.
const TURN_OFF: &str = "SET GLOBAL gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = OFF_PERMISSIVE;
    SET GLOBAL gtid_mode = OFF; INSERT INTO shop.orders VALUES (3, 'unnamed'); UPDATE shop.orders SET item = 'so too' WHERE id = 2;
    SET GLOBAL gtid_mode = OFF_PERMISSIVE; SET GLOBAL gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = ON;
    INSERT INTO shop.orders VALUES (4, 'named')";

#[test]
fn mysql_97_off_for_a_while() {
    gtids_go_and_come(ServerVersion::MySql97);
}

#[test]
fn mysql_57_off_for_a_while() {
    gtids_go_and_come(ServerVersion::MySql57);
}

fn gtids_go_and_come(version: ServerVersion) {
    let server = &MySql::start(MySqlOptions::of(version)).unwrap();
    let prefix = &format!("gone{}", version.number().replace('.', ""));
    server
        .sql(&format!(
            "{ORDERS} INSERT INTO shop.orders VALUES (1, 'kite'), (2, 'knot')"
        ))
        .unwrap();
    succeed(&mut run(server, prefix));
    assert_eq!(gtids(prefix), Some(stage::executed(server)));

    // New files alone are no reason to stop.
    server.sql("FLUSH BINARY LOGS; FLUSH BINARY LOGS").unwrap();
    succeed(&mut run(server, prefix));
    server.sql(TURN_OFF).unwrap();
    go_on_in_permissive_mode(server, prefix);
    assert_complete(server, prefix, 5);
    server
        .sql("SET GLOBAL gtid_mode = ON; DELETE FROM shop.orders WHERE id = 1")
        .unwrap();
    succeed(&mut run(server, prefix));
    assert_complete(server, prefix, 6);
    assert_eq!(gtids(prefix), Some(stage::executed(server)));
}

#[test]
fn mysql_97_off_while_it_runs() {
    gtids_go_while_it_runs(ServerVersion::MySql97);
}

#[test]
fn mysql_57_off_while_it_runs() {
    gtids_go_while_it_runs(ServerVersion::MySql57);
}

/// Such a server stops the stream at the first of them, wherever it began. A new start does not go on behind them.
fn gtids_go_while_it_runs(version: ServerVersion) {
    let server = &MySql::start(MySqlOptions::of(version)).unwrap();
    let prefix = &format!("going{}", version.number().replace('.', ""));
    server.sql(ORDERS).unwrap();
    succeed(&mut run(server, prefix));
    let mut running = Running::start(&mut stage::run(server, stage::kafka(), prefix, "shop"));
    server
        .sql("INSERT INTO shop.orders VALUES (1, 'kite'), (2, 'knot')")
        .unwrap();
    let topic = format!("{prefix}.shop.orders");
    eventually("two changes are delivered", || {
        records(stage::kafka(), &topic).len() == 2
    });
    server.sql(TURN_OFF).unwrap();
    assert_eq!(running.exit_code(), Some(SOURCE));
    go_on_in_permissive_mode(server, prefix);
    assert_complete(server, prefix, 5);
}

/// Its files have the old names and other contents: GTIDs say where to go on.
#[test]
fn a_server_restored_with_its_gtids() {
    let server = &MySql::start(MySqlOptions::default()).unwrap();
    let prefix = "restored";
    server
        .sql(&format!(
            "{ORDERS} INSERT INTO shop.orders VALUES (1, 'kite'); INSERT INTO shop.orders VALUES (2, 'knot')"
        ))
        .unwrap();
    succeed(&mut run(server, prefix));
    server
        .sql(&format!(
            "RESET BINARY LOGS AND GTIDS; SET GLOBAL gtid_purged = '{}'; FLUSH BINARY LOGS;
             DELETE FROM shop.orders WHERE id = 1",
            stage::executed(server)
        ))
        .unwrap();
    let said = succeed(&mut run(server, prefix)).stderr;
    assert_says(
        &String::from_utf8(said).unwrap(),
        &["the checkpoint's position is none"],
    );
    assert_complete(server, prefix, 3);
}

/// To look for transactions without GTIDs takes a connection, which ends before the next one.
#[test]
fn an_account_of_one_connection() {
    let server = &MySql::start(MySqlOptions::default()).unwrap();
    server
        .sql(&format!(
            "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT, item VARCHAR(200));
             ALTER USER {CDC_USER} WITH MAX_USER_CONNECTIONS 1"
        ))
        .unwrap();
    let run_until = |rows: usize| {
        let mut run = stage::run(server, stage::kafka(), "alone", "shop");
        let mut running = Running::start(run.args(["--start", "earliest"]));
        eventually("the rows are delivered", || {
            assert!(running.is_running());
            records(stage::kafka(), "alone.shop.orders").len() == rows
        });
        running.terminate();
        assert_eq!(running.exit_code(), Some(0));
    };
    server
        .sql("INSERT INTO shop.orders (item) VALUES ('kite')")
        .unwrap();
    run_until(1);
    // More than fits on the way: the server is still sending when the connection ends.
    let doubling = "INSERT INTO shop.orders (item) SELECT REPEAT('x', 200) FROM shop.orders;";
    server
        .sql(&format!("FLUSH BINARY LOGS; {}", doubling.repeat(16)))
        .unwrap();
    run_until(1 << 16);
    assert_eq!(gtids("alone"), Some(stage::executed(server)));
}

/// What comes next has no GTIDs, and the server keeps it back until it is told otherwise.
fn go_on_in_permissive_mode(server: &MySql, prefix: &str) {
    let said = fail(&mut run(server, prefix), SOURCE);
    assert_says(&said, &["gtid_mode = ON_PERMISSIVE", "anonymous"]);
    server.sql("SET GLOBAL gtid_mode = ON_PERMISSIVE").unwrap();
    succeed(&mut run(server, prefix));
}

fn run(server: &MySql, prefix: &str) -> Command {
    let mut run = stage::run(server, stage::kafka(), prefix, "shop");
    run.args(["--start", "earliest", "--until-idle", "500ms"]);
    run
}

/// Each change once, and the table is what the server has.
fn assert_complete(server: &MySql, prefix: &str, changes: u64) {
    let oracle = stage::judged(stage::kafka(), &format!("{prefix}.shop.orders"));
    assert!(oracle.findings.is_clean(), "{:?}", oracle.findings);
    assert_eq!(oracle.findings.changes, changes);
    let differences = oracle.differences(server, "shop", "orders").unwrap();
    assert_eq!(differences, Vec::<String>::new());
}

/// The GTIDs of the checkpoint.
fn gtids(prefix: &str) -> Option<String> {
    let shown = stage::checkpoint(stage::kafka(), prefix);
    shown["gtid_set"].as_str().map(str::to_owned)
}
