//! Columns that the server computes: generated ones of MariaDB, and those of indexes, which no statement sees.

use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};

use crate::stage::{self, assert_says, fail};

const TABLES: &str = "CREATE DATABASE g; USE g;
    CREATE TABLE t (id INT PRIMARY KEY, a INT, b TEXT, st INT AS (a + 1) STORED, vi INT AS (a + 2) VIRTUAL,
        vk VARCHAR(9) AS (CONCAT(b, '!')) VIRTUAL, d INT DEFAULT (a + 4), INDEX (vk));
    CREATE TABLE hashed (id INT PRIMARY KEY, b TEXT, v VARCHAR(4000) CHARACTER SET latin1, n INT, UNIQUE (b), UNIQUE (v));
    CREATE TABLE plainly_versioned (id INT PRIMARY KEY, a INT, b TEXT, g INT AS (a * 2) VIRTUAL, UNIQUE (b))
        WITH SYSTEM VERSIONING;
    CREATE TABLE versioned (id INT PRIMARY KEY, a INT, b TEXT, g INT AS (a * 2) VIRTUAL, UNIQUE (b),
        row_start TIMESTAMP(6) AS ROW START, row_end TIMESTAMP(6) AS ROW END, PERIOD FOR SYSTEM_TIME (row_start, row_end))
        WITH SYSTEM VERSIONING;
    CREATE SEQUENCE numbers CACHE 2;";

const CHANGES: &str = "USE g;
    INSERT INTO t (id, a, b) VALUES (1, 10, 'x'), (2, 20, NULL);
    UPDATE t SET a = 11, b = 'y' WHERE id = 1; UPDATE t SET id = 3 WHERE vi = 22;
    REPLACE INTO t (id, a) VALUES (1, 30); DELETE FROM t WHERE id = 3;
    SELECT NEXTVAL(numbers); SELECT NEXTVAL(numbers); SELECT NEXTVAL(numbers);
    INSERT INTO hashed VALUES (1, 'a', 'b', 1); UPDATE hashed SET b = 'c'; DELETE FROM hashed;
    CREATE TABLE keyless_text (b TEXT NOT NULL, UNIQUE (b)); INSERT INTO keyless_text VALUES ('a');
    CREATE TABLE keyless_long (b VARCHAR(1000) CHARACTER SET utf8mb4 NOT NULL, UNIQUE (b)) ENGINE = InnoDB;
    INSERT INTO keyless_long VALUES ('a');
    CREATE TABLE keyless_asked (b INT NOT NULL, UNIQUE (b) USING HASH); INSERT INTO keyless_asked VALUES (1);
    CREATE TABLE keyless_here (b VARCHAR(1500) CHARACTER SET latin1 NOT NULL, UNIQUE (b)) ENGINE = MyISAM;
    INSERT INTO keyless_here VALUES ('a');
    CREATE TABLE keyed (b VARCHAR(1500) CHARACTER SET latin1 NOT NULL, UNIQUE (b)) ENGINE = InnoDB;
    INSERT INTO keyed VALUES ('a');
    CREATE TABLE keyed_by_hash (b INT NOT NULL, UNIQUE (b) USING HASH) ENGINE = MEMORY; INSERT INTO keyed_by_hash VALUES (1)";

/// `before` and `after` of the changes of a table, as `tail` shows them with what is set by default.
fn images(mariadb: &MySql, table: &str, start: &str) -> Vec<String> {
    let output = stage::succeed(tail(mariadb, table, start).args(["--until-idle", "500ms"]));
    let lines = String::from_utf8(output.stdout).unwrap();
    let image = |line: &str| line.split(",\"source\":").next().unwrap().replace("\"", "");
    lines.lines().map(image).collect()
}

fn tail(mariadb: &MySql, table: &str, start: &str) -> std::process::Command {
    let mut tail = stage::rowtide();
    tail.args(["tail", "--source", &stage::source(mariadb)])
        .args(["--source-ssl-mode", "disabled"])
        .args(["--server-id", &stage::next_server_id(), "--start", start])
        .args(["--include-table", &format!("g\\.{table}")]);
    tail
}

/// `{st:11,...}` where the server logs the generated columns of rows that are there already, and nothing else.
fn expected(logged: bool) -> Vec<String> {
    let row = |id: i32, a: i32, b: &str, d: i32, is_insert: bool| {
        let vk = if b == "null" {
            "null".to_owned()
        } else {
            format!("{b}!")
        };
        let generated = format!("st:{},vi:{},vk:{vk},", a + 1, a + 2);
        let generated = if is_insert || logged {
            generated
        } else {
            String::new()
        };
        format!("{{id:{id},a:{a},b:{b},{generated}d:{d}}}")
    };
    let change = |before: &str, after: &str| format!("{{before:{before},after:{after}");
    vec![
        change("null", &row(1, 10, "x", 14, true)),
        change("null", &row(2, 20, "null", 24, true)),
        change(&row(1, 10, "x", 14, false), &row(1, 11, "y", 14, false)),
        // The key changes: the old row goes and the new one comes.
        change(&row(2, 20, "null", 24, false), "null"),
        change("null", &row(3, 20, "null", 24, false)),
        change(&row(1, 11, "y", 14, false), &row(1, 30, "null", 34, false)),
        change(&row(3, 20, "null", 24, false), "null"),
    ]
}

#[test]
fn what_mariadb_does_not_log_of_generated_columns_stops_nothing() {
    for (version, logged) in [
        (ServerVersion::MariaDb1011, true),
        (ServerVersion::MariaDb118, false),
    ] {
        for metadata in ["FULL", "MINIMAL", "NO_LOG"] {
            let mariadb =
                MySql::start(MySqlOptions::of(version).with(&format!("--binlog-row-metadata={metadata}")))
                    .unwrap();
            mariadb.sql(TABLES).unwrap();
            let start = stage::position(&mariadb);
            mariadb.sql(CHANGES).unwrap();
            assert_eq!(
                images(&mariadb, "t", &start),
                expected(logged),
                "{version} {metadata}"
            );
            assert_eq!(
                images(&mariadb, "hashed", &start),
                [
                    "{before:null,after:{id:1,b:a,v:b,n:1}",
                    "{before:{id:1,b:a,v:b,n:1},after:{id:1,b:c,v:b,n:1}",
                    "{before:{id:1,b:c,v:b,n:1},after:null"
                ],
                "{version} {metadata}"
            );
            for text in ["keyless_text", "keyless_long", "keyless_here", "keyed"] {
                let expected = ["{before:null,after:{b:a}"];
                assert_eq!(images(&mariadb, text, &start), expected, "{version} {metadata}");
            }
            for number in ["keyless_asked", "keyed_by_hash"] {
                let expected = ["{before:null,after:{b:1}"];
                assert_eq!(images(&mariadb, number, &start), expected, "{version} {metadata}");
            }
            assert_eq!(
                images(&mariadb, ".*", &start).len(),
                7 + 3 + 6,
                "a sequence has no changes"
            );
        }
    }
}

/// Old versions of rows are rows too, and the end of their period is part of the key.
#[test]
fn system_versioned_tables() {
    for (version, logged) in [
        (ServerVersion::MariaDb1011, true),
        (ServerVersion::MariaDb118, false),
    ] {
        let mariadb = MySql::start(MySqlOptions::of(version)).unwrap();
        mariadb.sql(TABLES).unwrap();
        let start = stage::position(&mariadb);
        let insert = "INSERT INTO g.versioned (id, a, b) VALUES (1, 10, 'x')";
        mariadb
            .sql(&format!(
                "{insert}; UPDATE g.versioned SET a = 11; DELETE FROM g.versioned"
            ))
            .unwrap();
        let images = images(&mariadb, "versioned", &start);
        let row = |a: i32, g: bool| match g {
            true => format!("{{id:1,a:{a},b:x,g:{},row_start:", a * 2),
            false => format!("{{id:1,a:{a},b:x,row_start:"),
        };
        let expected = [
            ["null".to_owned(), row(10, true)],
            [row(10, logged), row(11, logged)],
            // The version before the update.
            ["null".to_owned(), row(10, true)],
            // The period ends: another key.
            [row(11, logged), "null".to_owned()],
            ["null".to_owned(), row(11, logged)],
        ];
        assert_eq!(images.len(), expected.len(), "{images:?}");
        for (image, [before, after]) in images.iter().zip(expected) {
            let image = image.replace("{before:", "").replace("after:", "");
            assert!(
                image.starts_with(&before) && image.contains(&format!(",{after}")),
                "{image}"
            );
        }
    }
}

/// Whatever is generated, columns that a smaller image leaves out stop the stream, and the remedy is one that MariaDB has.
#[test]
fn other_columns_that_are_not_logged_stop_the_stream() {
    let mariadb = MySql::start(MySqlOptions::of(ServerVersion::MariaDb118)).unwrap();
    mariadb.sql(TABLES).unwrap();
    mariadb
        .sql("INSERT INTO g.t (id, a, b) VALUES (1, 10, 'x')")
        .unwrap();
    let start = stage::position(&mariadb);
    mariadb
        .sql("SET binlog_row_image = FULL_NODUP; UPDATE g.t SET a = 12")
        .unwrap();
    assert_eq!(
        images(&mariadb, "t", &start),
        ["{before:{id:1,a:10,b:x,d:14},after:{id:1,a:12,b:x,d:14}"]
    );
    mariadb
        .sql("SET binlog_row_image = MINIMAL; UPDATE g.t SET a = 11")
        .unwrap();
    let said = fail(tail(&mariadb, "t", &start).args(["--until-idle", "500ms"]), 7);
    assert_says(&said, &["g.t", "column b", "SET GLOBAL binlog_row_image = FULL"]);
}

/// MySQL 8.0.13 to 8.0.17 log the hidden columns of functional indexes.
#[test]
fn hidden_columns_of_functional_indexes() {
    for metadata in ["FULL", "MINIMAL"] {
        let options = MySqlOptions::of(ServerVersion::MySql80);
        let mysql = MySql::start(options.with(&format!("--binlog-row-metadata={metadata}"))).unwrap();
        mysql
            .sql(
                "CREATE DATABASE g; CREATE TABLE g.t (id INT PRIMARY KEY, n INT, t TEXT, INDEX ((n * 2)), v INT,
                 INDEX ((LEFT(t, 3)), (n + 1)))",
            )
            .unwrap();
        let start = stage::position(&mysql);
        mysql
            .sql("USE g; INSERT INTO t VALUES (1, 2, 'text', 3); UPDATE t SET n = 4;")
            .unwrap();
        assert_eq!(
            images(&mysql, "t", &start),
            [
                "{before:null,after:{id:1,n:2,t:text,v:3}",
                "{before:{id:1,n:2,t:text,v:3},after:{id:1,n:4,t:text,v:3}"
            ],
            "{metadata}"
        );
        let start = stage::position(&mysql);
        mysql
            .sql(
                "USE g; CREATE TABLE a (b BIGINT PRIMARY KEY, c BIGINT, INDEX ((b + 1))) CHARACTER SET latin1; \
                 ALTER TABLE a ADD d BIGINT; INSERT INTO a VALUES (10, 20, 30); ALTER TABLE a MODIFY b BIGINT AFTER d; \
                 UPDATE a SET c = 21; ALTER TABLE a DROP d; DELETE FROM a",
            )
            .unwrap();
        assert_eq!(
            images(&mysql, "a", &start),
            [
                "{before:null,after:{b:10,c:20,d:30}",
                "{before:{c:20,d:30,b:10},after:{c:21,d:30,b:10}",
                "{before:{c:21,b:10},after:null"
            ],
            "{metadata}"
        );
        if metadata == "MINIMAL" {
            mysql
                .sql(
                    "USE g; INSERT INTO a VALUES (1, 2); ALTER TABLE a ADD e BIGINT; SET binlog_row_image = MINIMAL; \
                     UPDATE a SET c = 3",
                )
                .unwrap();
            let said = fail(tail(&mysql, "a", &start).args(["--until-idle", "500ms"]), 7);
            assert_says(&said, &["g.a", "binlog_row_metadata=FULL"]);
        }
    }
}
