//! `binlog_row_image` MINIMAL: stops, or what was asked for.

use crate::stage::{self, assert_says};

/// Images of the changes as `tail` shows them.
fn images(database: &str, start: &str, absent: &str) -> Vec<String> {
    let output = stage::succeed(
        stage::rowtide()
            .args(["tail", "--source", &stage::source(stage::mysql())])
            .args(["--server-id", &stage::next_server_id(), "--start", start])
            .args([
                "--include-table",
                &format!("{database}\\..*"),
                "--until-idle",
                "500ms",
            ])
            .args(["--absent-columns", absent]),
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    let image = |line: &str| line.split(",\"source\":").next().unwrap().to_owned();
    lines.lines().map(image).collect()
}

#[test]
fn a_column_that_no_image_has_stops_the_stream_or_is_what_was_asked_for() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE minimal; CREATE TABLE minimal.t (id INT PRIMARY KEY, n INT, v VARCHAR(9), b BLOB)")
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql(
            "USE minimal; INSERT INTO t VALUES (1, 1, 'a', 'b'); SET binlog_row_image = MINIMAL;
             UPDATE t SET n = 2; UPDATE t SET id = 2; DELETE FROM t",
        )
        .unwrap();
    let said = stage::fail(
        stage::run(mysql, kafka, "minimal", "minimal").args(["--start", &start, "--until-idle", "500ms"]),
        7,
    );
    assert_says(
        &said,
        &[
            "minimal.t",
            "column v",
            "binlog_row_image = FULL",
            "--absent-columns=omit",
        ],
    );

    let whole = r#"{"before":null,"after":{"id":1,"n":1,"v":"a","b":"Yg=="}"#;
    assert_eq!(
        images("minimal", &start, "omit"),
        [
            whole,
            r#"{"before":{"id":1},"after":{"id":1,"n":2}"#,
            r#"{"before":{"id":1},"after":null"#,
            r#"{"before":null,"after":{"id":2}"#,
            r#"{"before":{"id":2},"after":null"#
        ]
    );
    let unknown = r#""v":"__debezium_unavailable_value","b":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==""#;
    assert_eq!(
        images("minimal", &start, "placeholder")[..2],
        [
            whole.to_owned(),
            format!("{{\"before\":{{\"id\":1,{unknown}}},\"after\":{{\"id\":1,\"n\":2,{unknown}}}")
        ]
    );
}

/// Such a row has no bytes either, and is alone in its event.
#[test]
fn a_row_of_defaults_alone_is_not_lost() {
    let mysql = stage::mysql();
    mysql
        .sql("CREATE DATABASE minimal_d; CREATE TABLE minimal_d.t (d INT DEFAULT 7, n INT)")
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql(
            "USE minimal_d; SET binlog_row_image = MINIMAL; INSERT INTO t VALUES (); INSERT INTO t VALUES ();
             INSERT INTO t VALUES (1, 2)",
        )
        .unwrap();
    assert!(
        mysql
            .sql("USE minimal_d; SET binlog_row_image = MINIMAL; INSERT INTO t VALUES (), ()")
            .is_err()
    );
    let defaults = r#"{"before":null,"after":{}"#;
    assert_eq!(
        images("minimal_d", &start, "omit"),
        [defaults, defaults, r#"{"before":null,"after":{"d":1,"n":2}"#]
    );
}

/// Several workers find the row together with others behind it; what stands before it is handed over all the same.
#[test]
fn with_several_workers_all_before_the_row_that_stops_the_stream_is_delivered() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql(
            "CREATE DATABASE minimal_w; CREATE TABLE minimal_w.t (id INT PRIMARY KEY, n INT, v VARCHAR(500))",
        )
        .unwrap();
    let start = stage::position(mysql);
    let rows = |from: u32| {
        format!(
            "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {from} + 2999) \
             SELECT i, i, REPEAT('v', 400) FROM n;"
        )
    };
    mysql
        .sql(&format!(
            "SET cte_max_recursion_depth = 5000; USE minimal_w; {} {} SET binlog_row_image = MINIMAL;
             UPDATE t SET n = 0 WHERE id = 7; SET binlog_row_image = FULL; {}",
            rows(1),
            rows(3001),
            rows(6001)
        ))
        .unwrap();
    for workers in ["1", "4"] {
        let prefix = format!("minimal_w{workers}");
        let mut run = stage::run(mysql, kafka, &prefix, "minimal_w");
        run.args(["--start", &start, "--until-idle", "500ms", "--workers", workers]);
        assert_says(&stage::fail(&mut run, 7), &["minimal_w.t", "column v"]);
        let records = kafka.read_all(&[&format!("{prefix}.minimal_w.t")], true).unwrap();
        let keys: Vec<_> = records.iter().map(|r| r.key.clone().unwrap()).collect();
        let expected: Vec<_> = (1..=6000)
            .map(|id| format!("{{\"id\":{id}}}").into_bytes())
            .collect();
        assert!(keys == expected, "{workers} workers: {} records", keys.len());
    }
}
