//! Every form in which a MySQL writes its binlog: without GTIDs, without names, compressed, without checksums, in several
//! files.

use std::sync::OnceLock;

use rowtide_testbed::{MySql, MySqlOptions, Record, ServerVersion};
use serde_json::Value;

use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

/// The stream holds something that cannot be followed.
const STREAM: i32 = 7;
const UNTIL_IDLE: [&str; 2] = ["--until-idle", "500ms"];

/// A MySQL with the server's own defaults: no GTIDs, and no names of columns in the binlog.
fn bare() -> &'static MySql {
    static SHARED: OnceLock<MySql> = OnceLock::new();
    SHARED.get_or_init(another_bare)
}

fn another_bare() -> MySql {
    MySql::start(MySqlOptions {
        gtid: false,
        row_metadata: "MINIMAL",
        ..MySqlOptions::default()
    })
    .unwrap()
}

/// A field of a record's value, such as `/after/id`.
fn field(record: &Record, pointer: &str) -> Value {
    let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
    value.pointer(pointer).unwrap().clone()
}

/// `after.id` of all records of a topic, in their order.
fn ids(topic: &str) -> Vec<i64> {
    let all = records(stage::kafka(), topic);
    all.iter()
        .map(|r| field(r, "/after/id").as_i64().unwrap())
        .collect()
}

#[test]
fn without_gtids_a_killed_run_resumes_by_file_and_position() {
    let (mysql, kafka) = (bare(), stage::kafka());
    mysql
        .sql("CREATE DATABASE bypos; CREATE TABLE bypos.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO bypos.t VALUES (1), (2)").unwrap();
    let running = Running::start(stage::run(mysql, kafka, "bypos", "bypos").args(["--start", &start]));
    eventually("the first changes arrive", || {
        records(kafka, "bypos.bypos.t").len() == 2
    });
    running.kill9();
    // The place to resume from is in another file than the rest.
    mysql
        .sql("INSERT INTO bypos.t VALUES (3); FLUSH BINARY LOGS; INSERT INTO bypos.t VALUES (4)")
        .unwrap();
    succeed(stage::run(mysql, kafka, "bypos", "bypos").args(UNTIL_IDLE));
    assert_eq!(ids("bypos.bypos.t"), [1, 2, 3, 4]);
    for record in records(kafka, "bypos.bypos.t") {
        assert_eq!(field(&record, "/source/gtid"), Value::Null);
    }
    let checkpoint = records(kafka, "bypos.checkpoint").pop().unwrap();
    assert_eq!(field(&checkpoint, "/gtid_set"), Value::Null);
    let end = stage::position(mysql);
    let file = field(&checkpoint, "/file");
    assert!(
        end.contains(file.as_str().unwrap()),
        "{end} is not in the checkpoint's file {file}"
    );
}

#[test]
fn without_names_in_the_binlog_information_schema_gives_the_shape() {
    const COLUMNS: &str = "id INT UNSIGNED PRIMARY KEY, e ENUM('small', 'large'), s SET('a', 'b', 'c'), \
        u BIGINT UNSIGNED, l VARCHAR(20) CHARACTER SET latin1, d DECIMAL(8, 3), b BIT(9), t DATETIME(3), j JSON";
    const ROW: &str = "(4294967295, 'large', 'a,c', 18446744073709551615, 'Zoë', -12345.678, b'100000001', \
        '2026-03-04 05:06:07.089', '{\"k\": [1, null]}')";
    let kafka = stage::kafka();
    let after = |mysql: &MySql, prefix: &str| {
        mysql
            .sql(&format!(
                "CREATE DATABASE named; CREATE TABLE named.t ({COLUMNS})"
            ))
            .unwrap();
        let start = stage::position(mysql);
        mysql.sql(&format!("INSERT INTO named.t VALUES {ROW}")).unwrap();
        succeed(
            stage::run(mysql, kafka, prefix, "named")
                .args(["--start", &start])
                .args(UNTIL_IDLE),
        );
        let record = records(kafka, &format!("{prefix}.named.t")).pop().unwrap();
        (stage::text(&record.key), field(&record, "/after"))
    };
    let minimal = after(bare(), "named_minimal");
    assert_eq!(minimal, after(stage::mysql(), "named_full"));
    assert_eq!(minimal.0.as_deref(), Some("{\"id\":4294967295}"));
    assert_eq!(minimal.1["e"], "large");
    assert_eq!(minimal.1["l"], "Zoë");
}

/// Swaps two columns: both shapes have three INT columns, and nothing in a row event would show the difference.
const SWAP: &str = "RENAME COLUMN a TO b, RENAME COLUMN b TO a";

#[test]
fn without_names_a_changed_table_is_asked_for_again() {
    let (mysql, kafka) = (bare(), stage::kafka());
    mysql
        .sql("CREATE DATABASE altered; CREATE TABLE altered.t (id INT PRIMARY KEY, a INT, b INT)")
        .unwrap();
    let start = stage::position(mysql);
    let run = || {
        let mut run = stage::run(mysql, kafka, "altered", "altered");
        run.args(["--start", &start]);
        run
    };
    let mut running = Running::start(&mut run());
    mysql.sql("INSERT INTO altered.t VALUES (1, 1, 2)").unwrap();
    eventually("the first change arrives", || ids("altered.altered.t") == [1]);
    mysql.sql(&format!("ALTER TABLE altered.t {SWAP}")).unwrap();
    mysql.sql("INSERT INTO altered.t VALUES (2, 1, 2)").unwrap();
    eventually("a change after the ALTER arrives", || {
        ids("altered.altered.t") == [1, 2]
    });
    mysql
        .sql("CREATE TABLE altered.later (id INT PRIMARY KEY); INSERT INTO altered.later VALUES (1)")
        .unwrap();
    eventually("a new table arrives", || ids("altered.altered.later") == [1]);
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));

    // Again while nobody reads.
    mysql.sql(&format!("ALTER TABLE altered.t {SWAP}")).unwrap();
    mysql.sql("INSERT INTO altered.t VALUES (3, 1, 2)").unwrap();
    succeed(run().args(UNTIL_IDLE));
    let shapes: Vec<(Value, Value)> = records(kafka, "altered.altered.t")
        .iter()
        .map(|record| (field(record, "/after/a"), field(record, "/after/b")))
        .collect();
    assert_eq!(
        shapes,
        [(1.into(), 2.into()), (2.into(), 1.into()), (1.into(), 2.into())]
    );
}

#[test]
fn without_names_rows_from_before_an_unread_change_stop_the_stream() {
    // Its own server: the position is exact, and other tests must not move it.
    let (mysql, kafka) = (&another_bare(), stage::kafka());
    mysql
        .sql("CREATE DATABASE between_two; CREATE TABLE between_two.t (id INT PRIMARY KEY, a INT, b INT)")
        .unwrap();
    mysql
        .sql("CREATE TABLE between_two.other (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO between_two.other VALUES (1)").unwrap();
    let place = stage::position(mysql).replace("position:", "");
    mysql.sql("INSERT INTO between_two.t VALUES (2, 1, 2)").unwrap();
    mysql.sql(&format!("ALTER TABLE between_two.t {SWAP}")).unwrap();
    let said = fail(
        stage::run(mysql, kafka, "between_two", "between_two").args(["--start", &start]),
        STREAM,
    );
    assert_says(
        &said,
        &[
            "between_two.t",
            &place,
            "ALTER TABLE changes it further on in the binlog",
            "SET PERSIST binlog_row_metadata = FULL",
            "rowtide checkpoint set",
        ],
    );
    assert_eq!(ids("between_two.between_two.other"), [1]);
    assert_eq!(ids("between_two.between_two.t"), [0; 0]);
}

#[test]
fn without_names_truncate_and_changes_of_other_tables_do_not_stop_the_stream() {
    let (mysql, kafka) = (bare(), stage::kafka());
    mysql
        .sql("CREATE DATABASE kept; CREATE TABLE kept.t (id INT PRIMARY KEY)")
        .unwrap();
    mysql
        .sql("CREATE DATABASE aside; CREATE TABLE aside.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql(
            "INSERT INTO kept.t VALUES (1); TRUNCATE TABLE kept.t; INSERT INTO kept.t VALUES (2);
             ALTER TABLE aside.t ADD COLUMN v INT; INSERT INTO aside.t VALUES (1, 1); CREATE VIEW kept.v AS SELECT 1;
             CREATE USER IF NOT EXISTS aside@'%' IDENTIFIED BY 'a'; RENAME TABLE aside.t TO aside.u;
             INSERT INTO kept.t VALUES (3); ANALYZE TABLE kept.t; DROP TABLE aside.u; INSERT INTO kept.t VALUES (4)",
        )
        .unwrap();
    succeed(
        stage::run(mysql, kafka, "kept", "kept")
            .args(["--start", &start])
            .args(UNTIL_IDLE),
    );
    assert_eq!(ids("kept.kept.t"), [1, 2, 3, 4]);
}

#[test]
fn without_names_labels_that_the_server_cannot_show_stop_the_stream() {
    let (mysql, kafka) = (bare(), stage::kafka());
    mysql
        .sql("CREATE DATABASE moods; CREATE TABLE moods.t (id INT PRIMARY KEY, mood ENUM('😀', 'ok'))")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO moods.t VALUES (1, '😀')").unwrap();
    let said = fail(
        stage::run(mysql, kafka, "moods", "moods").args(["--start", &start]),
        STREAM,
    );
    assert_says(&said, &["moods.t", "question mark", "binlog_row_metadata = FULL"]);
}

#[test]
fn mysql_80_logs_no_sign_for_a_year() {
    let mysql = MySql::start(MySqlOptions::of(ServerVersion::MySql80)).unwrap();
    mysql
        .sql("CREATE DATABASE years; CREATE TABLE years.t (id INT PRIMARY KEY, y YEAR, a BIGINT UNSIGNED, b BIGINT)")
        .unwrap();
    mysql
        .sql("INSERT INTO years.t VALUES (1, 2026, 18446744073709551615, -1)")
        .unwrap();
    let kafka = stage::kafka();
    // It knows no version of TLS that is still in use.
    succeed(
        stage::run(&mysql, kafka, "years", "years")
            .args(["--source-ssl-mode", "disabled", "--start", "earliest"])
            .args(UNTIL_IDLE),
    );
    let record = records(kafka, "years.years.t").pop().unwrap();
    let expected = serde_json::json!({"id": 1, "y": 2026, "a": u64::MAX, "b": -1});
    assert_eq!(field(&record, "/after"), expected);
}

#[test]
fn a_compressed_transaction_has_the_values_of_a_plain_one() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql(
            "CREATE DATABASE packed;
             CREATE TABLE packed.a (id INT PRIMARY KEY, t TEXT, b BLOB, d DECIMAL(9, 2), n INT);
             CREATE TABLE packed.z LIKE packed.a",
        )
        .unwrap();
    let start = stage::position(mysql);
    let changes = |table: &str| {
        format!(
            "BEGIN; INSERT INTO {table} SELECT n, REPEAT('ab', n), REPEAT(X'FF00', n), n / 7, NULL FROM
                 (WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 200) SELECT n FROM r) s;
             UPDATE {table} SET t = 'short', n = id WHERE id % 3 = 0; DELETE FROM {table} WHERE id % 5 = 0; COMMIT;"
        )
    };
    mysql.sql(&changes("packed.a")).unwrap();
    mysql
        .sql(&format!(
            "SET SESSION binlog_transaction_compression = ON; {}",
            changes("packed.z")
        ))
        .unwrap();
    let file = start.split(':').nth(1).unwrap();
    let events = mysql.query(&format!("SHOW BINLOG EVENTS IN '{file}'")).unwrap();
    assert!(
        events
            .iter()
            .any(|event| event[2].as_deref() == Some("Transaction_payload")),
        "the server has compressed it"
    );
    succeed(
        stage::run(mysql, kafka, "packed", "packed")
            .args(["--start", &start])
            .args(UNTIL_IDLE),
    );
    let rows = |topic: &str| -> Vec<_> {
        let all = records(kafka, topic);
        let row = |r: &Record| {
            let value = r.value.as_ref().map(|_| {
                (
                    field(r, "/op"),
                    field(r, "/before"),
                    field(r, "/after"),
                    field(r, "/source/row"),
                )
            });
            (stage::text(&r.key), value)
        };
        all.iter().map(row).collect()
    };
    let plain = rows("packed.packed.a");
    assert_eq!(plain.len(), 200 + 66 + 2 * 40, "tombstones included");
    assert_eq!(plain, rows("packed.packed.z"));
}

#[test]
fn a_binlog_without_checksums_and_one_that_changes_its_mind() {
    let mysql = MySql::start(MySqlOptions {
        arguments: vec!["--binlog-checksum=NONE".to_owned()],
        ..MySqlOptions::default()
    })
    .unwrap();
    let kafka = stage::kafka();
    mysql
        .sql("CREATE DATABASE sums; CREATE TABLE sums.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(&mysql);
    mysql.sql("INSERT INTO sums.t VALUES (1)").unwrap();
    let mut running = Running::start(stage::run(&mysql, kafka, "sums", "sums").args(["--start", &start]));
    eventually("a change without a checksum arrives", || {
        ids("sums.sums.t") == [1]
    });
    mysql
        .sql("SET GLOBAL binlog_checksum = CRC32; INSERT INTO sums.t VALUES (2)")
        .unwrap();
    eventually("a change with a checksum arrives", || {
        ids("sums.sums.t") == [1, 2]
    });
    mysql
        .sql("SET GLOBAL binlog_checksum = NONE; INSERT INTO sums.t VALUES (3)")
        .unwrap();
    eventually("a change without one arrives again", || {
        ids("sums.sums.t") == [1, 2, 3]
    });
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));
    mysql.sql("INSERT INTO sums.t VALUES (4)").unwrap();
    succeed(stage::run(&mysql, kafka, "sums", "sums").args(UNTIL_IDLE));
    assert_eq!(ids("sums.sums.t"), [1, 2, 3, 4]);
}

#[test]
fn a_change_logged_as_a_statement_stops_the_stream() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE stated; CREATE TABLE stated.t (id INT PRIMARY KEY)")
        .unwrap();
    mysql
        .sql("CREATE DATABASE unstated; CREATE TABLE unstated.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql(
            "INSERT INTO stated.t VALUES (1); SET SESSION binlog_format = 'STATEMENT'; INSERT INTO unstated.t VALUES (1);
             SET SESSION binlog_format = 'ROW'; INSERT INTO stated.t VALUES (2);
             SET SESSION binlog_format = 'STATEMENT'; INSERT INTO stated.t VALUES (7777)",
        )
        .unwrap();
    let mut run = stage::run(mysql, kafka, "stated", "stated");
    let said = fail(run.args(["--start", &start]).args(UNTIL_IDLE), STREAM);
    let file = start.split(':').nth(1).unwrap();
    assert_says(
        &said,
        &[
            "stated.t",
            "INSERT",
            &format!("{file}:"),
            "binlog_format=ROW",
            "checkpoint",
        ],
    );
    assert!(!said.contains("7777"), "row contents: {said}");
}

#[test]
fn a_new_binlog_file_in_the_middle_loses_and_doubles_nothing() {
    // Its own server: other tests look for their events in the file in which they began.
    let (mysql, kafka) = (&MySql::start(MySqlOptions::default()).unwrap(), stage::kafka());
    mysql
        .sql("CREATE DATABASE rotated; CREATE TABLE rotated.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    let mut running =
        Running::start(stage::run(mysql, kafka, "rotated", "rotated").args(["--start", &start]));
    for id in 0..20 {
        mysql
            .sql(&format!(
                "INSERT INTO rotated.t VALUES ({id}); FLUSH BINARY LOGS; FLUSH BINARY LOGS"
            ))
            .unwrap();
    }
    let expected: Vec<i64> = (0..20).collect();
    eventually("all changes arrive", || {
        ids("rotated.rotated.t").len() >= expected.len()
    });
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));
    succeed(stage::run(mysql, kafka, "rotated", "rotated").args(UNTIL_IDLE));
    assert_eq!(ids("rotated.rotated.t"), expected);
    let files: std::collections::HashSet<_> = records(kafka, "rotated.rotated.t")
        .iter()
        .map(|r| field(r, "/source/file").to_string())
        .collect();
    assert_eq!(files.len(), 20);
}
