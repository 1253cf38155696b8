//! MariaDB as a source: the oldest and the newest version that the testbed has.

use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};

use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

const UNTIL_IDLE: [&str; 2] = ["--until-idle", "1s"];
/// The source is not fit, or lacks what is asked for.
const CHECKPOINT: i32 = 6;

/// Every type that is MariaDB's own or is logged by it in a form of its own, and some of the others between them.
const TYPES: &str = "CREATE TABLE types (
    id INT PRIMARY KEY, u UUID, i4 INET4, i6 INET6, b4 BINARY(4), b16 BINARY(16), c16 CHAR(16), vb VARBINARY(12),
    vc VARCHAR(200) COMPRESSED CHARACTER SET utf8mb4, vbc VARBINARY(300) COMPRESSED, tc TEXT COMPRESSED, bc BLOB COMPRESSED,
    g POINT, l VARCHAR(20) CHARACTER SET latin1, g2 GEOMETRY, t2 VARCHAR(20) CHARACTER SET latin2,
    e ENUM('a', 'é') CHARACTER SET utf8mb4, s SET('x', 'y'), n DECIMAL(30, 10), bi BIGINT UNSIGNED, bt BIT(10), y YEAR,
    j JSON, d DATE, dt DATETIME(6), ti TIME(3), ts TIMESTAMP(4) NULL, f FLOAT, dbl DOUBLE,
    n38 DECIMAL(65, 38))";

const ROWS: [&str; 3] = [
    "(1, '123e4567-e89b-12d3-a456-426655440000', '192.168.0.1', '2001:db8::ff00:42:8329', 'ab', 'ab', 'ab', 'ab',
      REPEAT('é', 150), REPEAT(X'00ff', 150), REPEAT('text ', 400), REPEAT('b', 3000), POINT(1, 2), 'é', POINT(3, 4), 'ł',
      'é', 'x,y', -12345678901234567890.0123456789, 18446744073709551615, b'1000000001', 2155, '{\"a\": [1, null]}',
      '2026-11-21', '2026-11-21 12:34:56.789012', '-838:59:59.123', '2026-11-21 12:34:56.7890', 1.5, -2.25e-7,
      -123456789012345678901234567.12345678901234567890123456789012345678)",
    "(2, '00000000-0000-0000-0000-000000000000', '0.0.0.0', '::', '', '', '', '', '', '', '', '', NULL, '', NULL, '',
      'a', '', 0, 0, b'0', 1901, '[]', '1000-01-01', '1000-01-01 00:00:00', '00:00:00', NULL, 0, 0,
      0.00000000000000000000000000000000000001)",
    "(3, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.0', '::ffff:1.2.3.4', X'00000001', X'01', 'x', X'00',
      'short', 'short', 'short', 'short', NULL, 'x', NULL, 'x', NULL, NULL, 1, 1, b'1', 2000, '1', NULL, NULL, '00:00:01',
      '2038-01-19 03:14:07', 3.25, 1e300, NULL)",
];

fn server(version: ServerVersion) -> MySql {
    MySql::start(MySqlOptions::of(version)).unwrap()
}

/// The end of the binlog, as `--start` takes it.
fn gtid_now(mariadb: &MySql) -> String {
    let rows = mariadb.query("SELECT @@GLOBAL.gtid_binlog_pos").unwrap();
    format!("gtid:{}", rows[0][0].clone().unwrap_or_default())
}

/// Rebuilds a table from its topic and insists that it is what SELECT says.
fn assert_same(mariadb: &MySql, prefix: &str, table: &str, rows: usize) {
    let topic = format!("{prefix}.m.{table}");
    let oracle = stage::judged(stage::kafka(), &topic);
    assert!(oracle.findings.is_clean(), "{:?}", oracle.findings);
    assert_eq!(oracle.rows(&format!("m.{table}")), rows, "{topic}");
    let differences = oracle.differences(mariadb, "m", table).unwrap();
    assert_eq!(differences, Vec::<String>::new(), "{topic}");
}

/// Changes of every kind, over and over with other values.
fn change(mariadb: &MySql) {
    mariadb
        .sql(
            "USE m; UPDATE types SET u = UUID(), i6 = 'fe80::1', tc = REPEAT('other ', 300), g = POINT(5, 6) WHERE id = 1;
             UPDATE types SET id = 20, vc = REPEAT('x', 200), vbc = NULL WHERE id = 2; DELETE FROM types WHERE id = 3;
             BEGIN; INSERT INTO types (id, u, bc) SELECT id + 100, u, REPEAT('z', 5000) FROM types;
             UPDATE types SET l = 'é' WHERE id > 100; COMMIT",
        )
        .unwrap();
}

fn every_type_and_form(version: ServerVersion) {
    let (mariadb, kafka) = (&server(version), stage::kafka());
    let prefix = format!("maria{}", version.number().replace('.', ""));
    mariadb.sql("CREATE DATABASE m").unwrap();
    let (start, place) = (gtid_now(mariadb), stage::position(mariadb));
    mariadb
        .sql(&format!(
            "USE m; {TYPES}; INSERT INTO types VALUES {}",
            ROWS.join(",")
        ))
        .unwrap();
    let run = |prefix: &str, start: &str| {
        let mut run = stage::run(mariadb, kafka, prefix, "m");
        run.args(["--start", start]).args(UNTIL_IDLE);
        run
    };
    succeed(&mut run(&prefix, &start));
    assert_same(mariadb, &prefix, "types", 3);
    change(mariadb);
    succeed(&mut run(&prefix, "now"));
    mariadb
        .sql("SET GLOBAL log_bin_compress = ON; SET GLOBAL log_bin_compress_min_len = 10; FLUSH BINARY LOGS")
        .unwrap();
    // The settings are taken over by sessions that begin now.
    mariadb
        .sql(&format!(
            "USE m; REPLACE INTO types VALUES {}; CREATE TABLE later (id INT PRIMARY KEY, v VARCHAR(300));
             INSERT INTO later VALUES (1, REPEAT('a', 300)), (2, 'b')",
            ROWS.join(",")
        ))
        .unwrap();
    change_compressed(mariadb);
    succeed(&mut run(&prefix, "now"));
    let rows = mariadb.query("SELECT COUNT(*) FROM m.types").unwrap()[0][0]
        .clone()
        .unwrap();
    assert_same(mariadb, &prefix, "types", rows.parse().unwrap());
    assert_same(mariadb, &prefix, "later", 2);
    // The same by file and position, into topics of their own.
    let by_place = format!("{prefix}pos");
    succeed(&mut run(&by_place, &place));
    assert_same(mariadb, &by_place, "types", rows.parse().unwrap());
    source_block_and_checkpoint(mariadb, &prefix);
    old_times(mariadb, &prefix);
}

fn change_compressed(mariadb: &MySql) {
    mariadb
        .sql(
            "USE m; UPDATE types SET tc = REPEAT('packed ', 1000) WHERE id < 3; DELETE FROM types WHERE id > 100;
             INSERT INTO types (id, vc) VALUES (30, REPEAT('q', 100)), (31, REPEAT('r', 100)), (32, NULL)",
        )
        .unwrap();
}

fn source_block_and_checkpoint(mariadb: &MySql, prefix: &str) {
    let last = records(stage::kafka(), &format!("{prefix}.m.types"))
        .pop()
        .unwrap();
    let value: serde_json::Value = serde_json::from_slice(last.value.as_deref().unwrap()).unwrap();
    let gtid = value["source"]["gtid"].as_str().unwrap();
    assert_eq!(value["source"]["connector"], "mariadb");
    assert_eq!(gtid.split('-').count(), 3, "{gtid}");
    let header = last
        .headers
        .iter()
        .find(|header| header.0 == "__debezium.context.connectorName")
        .unwrap();
    assert_eq!(header.1.as_deref(), Some(&b"mariadb"[..]));
    let shown = stage::checkpoint(stage::kafka(), prefix);
    let executed = gtid_now(mariadb).replace("gtid:", "");
    assert_eq!(
        (shown["flavour"].as_str(), shown["gtid_set"].as_str()),
        (Some("mariadb"), Some(&*executed))
    );
    let uid = mariadb.query("SELECT @@server_uid").unwrap()[0][0].clone();
    assert_eq!(shown["server_uuid"].as_str(), uid.as_deref());
}

/// Columns that were made with the format of MariaDB 5.3 keep it.
fn old_times(mariadb: &MySql, prefix: &str) {
    mariadb
        .sql(
            "SET GLOBAL mysql56_temporal_format = OFF; USE m;
             CREATE TABLE old (id INT PRIMARY KEY, t0 TIME, t1 TIME(1), t4 TIME(4), t6 TIME(6), d0 DATETIME, d3 DATETIME(3),
                 d5 DATETIME(5), s0 TIMESTAMP NULL, s2 TIMESTAMP(2) NULL, s6 TIMESTAMP(6) NULL);
             SET GLOBAL mysql56_temporal_format = ON;
             INSERT INTO old VALUES
                 (1, '-10:11:12', '-10:11:12.3', '00:00:00.0001', '-838:59:59.999999', '2026-11-21 01:02:03',
                  '2026-11-21 01:02:03.456', '9999-12-31 23:59:59.99999', '2026-11-21 01:02:03', '1970-01-01 00:00:01.25',
                  '2038-01-19 03:14:07.123456'),
                 (2, '838:59:59', '0:0:0', '-00:00:00.0001', '00:00:00', '1000-01-01', '1000-01-01', '1000-01-01', NULL,
                  NULL, NULL);
             UPDATE old SET t1 = '00:00:00.9' WHERE id = 2",
        )
        .unwrap();
    succeed(stage::run(mariadb, stage::kafka(), prefix, "m").args(UNTIL_IDLE));
    assert_same(mariadb, prefix, "old", 2);
}

#[test]
fn every_type_and_form_of_10_11() {
    every_type_and_form(ServerVersion::MariaDb1011);
}

#[test]
fn every_type_and_form_of_11_8() {
    every_type_and_form(ServerVersion::MariaDb118);
}

#[test]
fn vectors_and_names_that_are_not_logged() {
    let options = MySqlOptions {
        row_metadata: "NO_LOG",
        ..MySqlOptions::of(ServerVersion::MariaDb118)
    };
    let mariadb = &MySql::start(options).unwrap();
    mariadb
        .sql(
            "CREATE DATABASE m; USE m; CREATE TABLE v (id INT PRIMARY KEY, v VECTOR(3), vb VARBINARY(12), u UUID,
                 c VARCHAR(20) COMPRESSED);
             INSERT INTO v VALUES (1, VEC_FromText('[1,2.5,-3]'), 'abcdefghijkl', UUID(), 'x'), (2, NULL, NULL, NULL, NULL)",
        )
        .unwrap();
    let start = ["--start", "earliest"];
    succeed(
        stage::run(mariadb, stage::kafka(), "marianames", "m")
            .args(start)
            .args(UNTIL_IDLE),
    );
    assert_same(mariadb, "marianames", "v", 2);
    mariadb
        .sql("SET GLOBAL binlog_row_metadata = FULL; SET GLOBAL log_bin_compress = ON")
        .unwrap();
    mariadb
        .sql("INSERT INTO m.v VALUES (3, VEC_FromText('[0,0,1e10]'), REPEAT('z', 12), UUID(), 'y'); DELETE FROM m.v WHERE id = 2")
        .unwrap();
    succeed(stage::run(mariadb, stage::kafka(), "marianames", "m").args(UNTIL_IDLE));
    assert_same(mariadb, "marianames", "v", 2);
}

#[test]
fn a_killed_run_resumes_by_gtid_over_domains_files_and_alters() {
    let (mariadb, kafka) = (&server(ServerVersion::MariaDb118), stage::kafka());
    mariadb
        .sql("CREATE DATABASE m; CREATE TABLE m.k (id INT PRIMARY KEY, a VARCHAR(100))")
        .unwrap();
    let start = gtid_now(mariadb);
    let run = || stage::run(mariadb, kafka, "mariakill", "m");
    let topic = "mariakill.m.k";
    for round in 0..4 {
        let running = Running::start(run().args(["--start", &start]));
        let from = round * 1000;
        mariadb
            .sql(&format!(
                "SET gtid_domain_id = {}; USE m; INSERT INTO k (id, a) SELECT seq, UUID() FROM seq_{}_to_{};
                 FLUSH BINARY LOGS; SET gtid_domain_id = 0; UPDATE k SET a = 'x' WHERE id % 3 = 0",
                round % 3,
                from + 1,
                from + 1000
            ))
            .unwrap();
        let wanted = usize::try_from(from).unwrap() + 1;
        eventually("changes of this round arrive", || {
            records(kafka, topic).len() > wanted
        });
        running.kill9();
        mariadb
            .sql(&format!(
                "SET binlog_alter_two_phase = ON; ALTER TABLE m.k ADD KEY k{round} (a); DELETE FROM m.k WHERE id % 7 = 0"
            ))
            .unwrap();
    }
    succeed(run().args(UNTIL_IDLE));
    let rows = mariadb.query("SELECT COUNT(*) FROM m.k").unwrap()[0][0]
        .clone()
        .unwrap();
    assert_same(mariadb, "mariakill", "k", rows.parse().unwrap());
}

#[test]
fn what_the_server_no_longer_has_or_never_had_is_refused() {
    let (mariadb, kafka) = (&server(ServerVersion::MariaDb1011), stage::kafka());
    mariadb
        .sql("CREATE DATABASE m; CREATE TABLE m.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = gtid_now(mariadb);
    let run = || stage::run(mariadb, kafka, "mariagone", "m");
    succeed(run().args(["--start", &start]).args(UNTIL_IDLE));
    mariadb
        .sql("INSERT INTO m.t VALUES (1); FLUSH BINARY LOGS; INSERT INTO m.t VALUES (2); FLUSH BINARY LOGS")
        .unwrap();
    let last = mariadb.query("SHOW MASTER STATUS").unwrap()[0][0]
        .clone()
        .unwrap();
    eventually("the server lets go of its older files", || {
        mariadb.sql(&format!("PURGE BINARY LOGS TO '{last}'")).unwrap();
        mariadb.query("SHOW BINARY LOGS").unwrap().len() == 1
    });
    let said = fail(run().args(UNTIL_IDLE), CHECKPOINT);
    assert_says(&said, &["purged transactions that were never read: 0-"]);
    let said = fail(
        stage::run(mariadb, kafka, "mariaahead", "m").args(["--start", "gtid:0-1-99999"]),
        CHECKPOINT,
    );
    assert_says(&said, &["never executed: 0-1-99999"]);
    let mysql_set = "gtid:9de2dde1-e55f-11f1-bc9f-02fc00000001:1-7";
    let said = fail(
        stage::run(mariadb, kafka, "mariaother", "m").args(["--start", mysql_set]),
        CHECKPOINT,
    );
    assert_says(&said, &["never executed: 9de2dde1"]);
    mariadb.sql("CREATE USER poor@'%' IDENTIFIED BY 'pw'").unwrap();
    let mut check = stage::rowtide();
    check
        .args(["check", "--server-id", "5399", "--include-table", "m\\..*"])
        .args(["--source", &format!("mysql://poor@127.0.0.1:{}", mariadb.port())])
        .env("ROWTIDE_SOURCE_PASSWORD", "pw");
    let output = check.output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_says(&said, &["GRANT REPLICATION SLAVE", "GRANT BINLOG MONITOR"]);
}
