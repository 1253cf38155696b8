//! The schema at every place of the stream: tables that are altered, swapped, dropped and made while nobody reads, without
//! shapes in the binlog; a binlog and a history that disagree; statements that nobody sees.

use std::process::Command;

use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};
use serde_json::{Value, json};

use crate::stage::{self, after, assert_says, fail, records, succeed};

/// The stream holds something that cannot be followed.
const STREAM: i32 = 7;

/// A server without shapes in its binlog.
pub(crate) fn without_shapes(version: ServerVersion) -> MySql {
    MySql::start(MySqlOptions {
        row_metadata: "MINIMAL",
        ..MySqlOptions::of(version)
    })
    .unwrap()
}

/// A run up to the end of what there is, from `start` if there is no checkpoint.
pub(crate) fn run(mysql: &MySql, prefix: &str, start: &str) -> Command {
    let mut run = stage::run(mysql, stage::kafka(), prefix, &format!("{prefix}(_2)?"));
    run.args(["--start", start, "--until-idle", "300ms"]);
    run
}

/// `after` of all records of a table's topic.
pub(crate) fn rows(prefix: &str, table: &str) -> Vec<Value> {
    let all = records(stage::kafka(), &format!("{prefix}.{table}"));
    all.iter().map(after).collect()
}

/// Makes a database and a table in it with a first row.
fn begin(mysql: &MySql, database: &str) {
    mysql
        .sql(&format!(
            "CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT); \
             INSERT INTO t VALUES (1, 10, 20)"
        ))
        .unwrap();
}

/// Alters, swaps, drops and makes tables, with rows behind each statement.
fn go_on(mysql: &MySql, database: &str) {
    let second = format!("{database}_2");
    mysql
        .sql(&format!(
            "USE {database};
             INSERT INTO t VALUES (2, 10, 20);
             ALTER TABLE t ADD c VARCHAR(10) CHARACTER SET latin1 AFTER id, DROP a, MODIFY b BIGINT UNSIGNED;
             INSERT INTO t VALUES (3, 'é', 18446744073709551615);
             ALTER TABLE t RENAME COLUMN b TO c, RENAME COLUMN c TO b;
             INSERT INTO t VALUES (4, 'x', 7);
             ALTER TABLE t MODIFY c BIGINT UNSIGNED FIRST;
             ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4;
             INSERT INTO t VALUES (8, 5, '😀');
             CREATE TABLE _t_gho LIKE t;
             ALTER TABLE _t_gho ADD d ENUM('x', 'y') AFTER c;
             INSERT INTO _t_gho (c, id, b) SELECT c, id, b FROM t WHERE id > 4;
             RENAME TABLE t TO _t_del, _t_gho TO t;
             INSERT INTO t VALUES (9, 'y', 6, 'after');
             DROP TABLE _t_del;
             DROP TABLE t;
             CREATE TABLE t (id BIGINT PRIMARY KEY, z DATE);
             INSERT INTO t VALUES (7, '1970-01-02');
             CREATE DATABASE {second} CHARACTER SET latin1;
             CREATE TABLE {second}.u (id INT PRIMARY KEY, n VARCHAR(5), e ENUM('é', 'b'));
             INSERT INTO {second}.u VALUES (1, 'é', 'é');
             CREATE TABLE {second}.v LIKE {second}.u;
             INSERT INTO {second}.v VALUES (2, 'ü', 'b');
             CREATE TABLE {second}.w AS SELECT id, e FROM {second}.u;
             INSERT INTO {second}.w VALUES (3, 'b')"
        ))
        .unwrap();
}

fn assert_all(prefix: &str, database: &str) {
    let expected = [
        json!({"id": 1, "a": 10, "b": 20}),
        json!({"id": 2, "a": 10, "b": 20}),
        json!({"id": 3, "c": "é", "b": u64::MAX}),
        json!({"id": 4, "b": "x", "c": 7}),
        json!({"c": 8, "id": 5, "b": "😀"}),
        json!({"c": 9, "d": "y", "id": 6, "b": "after"}),
        json!({"id": 7, "z": 1}),
    ];
    assert_eq!(rows(prefix, &format!("{database}.t")), expected);
    let copied = [json!({"c": 8, "d": null, "id": 5, "b": "😀"})];
    assert_eq!(rows(prefix, &format!("{database}._t_gho")), copied);
    let second = |table: &str| rows(prefix, &format!("{database}_2.{table}"));
    assert_eq!(second("u"), [json!({"id": 1, "n": "é", "e": "é"})]);
    assert_eq!(second("v"), [json!({"id": 2, "n": "ü", "e": "b"})]);
    assert_eq!(
        second("w"),
        [json!({"id": 1, "e": "é"}), json!({"id": 3, "e": "b"})]
    );
}

/// Once with a history up to a place in the middle, and once read from before the tables were made.
fn every_row_has_its_shape(mysql: &MySql, name: &str) {
    let start = stage::position(mysql);
    begin(mysql, name);
    succeed(&mut run(mysql, name, &start));
    go_on(mysql, name);
    succeed(&mut run(mysql, name, &start));
    assert_all(name, name);
    let again = format!("{name}_again");
    let mut fresh = stage::run(mysql, stage::kafka(), &again, &format!("{name}(_2)?"));
    succeed(fresh.args(["--start", &start, "--until-idle", "300ms"]));
    assert_all(&again, name);
}

#[test]
fn without_shapes_a_backlog_of_statements_gives_every_row_its_shape() {
    every_row_has_its_shape(&without_shapes(ServerVersion::MySql97), "backlog");
}

#[test]
fn mariadb_without_shapes_a_backlog_of_statements_gives_every_row_its_shape() {
    let mariadb = without_shapes(ServerVersion::MariaDb118);
    every_row_has_its_shape(&mariadb, "maria_minimal");
    mariadb.sql("SET GLOBAL binlog_row_metadata = NO_LOG").unwrap();
    every_row_has_its_shape(&mariadb, "maria_nolog");
}

#[test]
fn mariadbs_own_kinds_of_tables_and_statements() {
    let mariadb = without_shapes(ServerVersion::MariaDb118);
    mariadb.sql("SET GLOBAL binlog_row_metadata = NO_LOG").unwrap();
    let start = stage::position(&mariadb);
    mariadb
        .sql(
            "CREATE DATABASE own; USE own; CREATE TABLE v (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING; \
             CREATE SEQUENCE s; CREATE SEQUENCE once; CREATE TABLE u (id UUID PRIMARY KEY, i INET6); \
             CREATE TABLE h (id INT PRIMARY KEY, a INT, UNIQUE (a) USING HASH); \
             CREATE TABLE k (id INT PRIMARY KEY, b TEXT NOT NULL, UNIQUE (b), UNIQUE (b(1000)))",
        )
        .unwrap();
    succeed(&mut run(&mariadb, "own", &start));
    mariadb
        .sql(
            "USE own; SET SESSION binlog_alter_two_phase = ON, system_versioning_alter_history = KEEP;
             INSERT INTO v VALUES (1, 2); SELECT NEXTVAL(s); SELECT SETVAL(s, 5000);
             ALTER TABLE v ADD b INT FIRST; INSERT INTO v VALUES (3, 2, 1); SELECT NEXTVAL(s);
             INSERT INTO u VALUES ('123e4567-e89b-12d3-a456-426655440000', '::1');
             ALTER TABLE once SEQUENCE=0; INSERT INTO once VALUES (1, 2, 3, 4, 5, 6, 0, 8);
             CREATE TEMPORARY SEQUENCE gone; DROP TEMPORARY SEQUENCE gone; INSERT INTO h VALUES (1, 2);
             INSERT INTO k VALUES (1, 'x');
             SET GLOBAL binlog_row_metadata = FULL; INSERT INTO h VALUES (2, NULL);
             ALTER TABLE u ADD w VECTOR(2) FIRST, ADD n INET4;
             INSERT INTO u VALUES (VEC_FromText('[1,2]'), '00000000-0000-0000-0000-000000000001', NULL, '1.2.3.4');
             ALTER TABLE u DROP w, ADD x INET6; INSERT INTO u VALUES ('00000000-0000-0000-0000-000000000002', '::3', NULL, '::2')",
        )
        .unwrap();
    succeed(&mut run(&mariadb, "own", &start));
    let told: Vec<(Value, Value, Value)> = rows("own", "own.v")
        .into_iter()
        .map(|row| (row["id"].clone(), row["a"].clone(), row["b"].clone()))
        .collect();
    assert_eq!(
        told,
        [(json!(1), json!(2), Value::Null), (json!(2), json!(1), json!(3))]
    );
    let once = rows("own", "own.once");
    assert_eq!(once.len(), 1, "a table that was a sequence has changes");
    assert_eq!(once[0]["cycle_count"], 8);
    assert_eq!(
        rows("own", "own.h"),
        [json!({"id": 1, "a": 2}), json!({"id": 2, "a": null})]
    );
    assert_eq!(rows("own", "own.k"), [json!({"id": 1, "b": "x"})]);
    assert_eq!(
        rows("own", "own.u"),
        [
            json!({"id": "123e4567-e89b-12d3-a456-426655440000", "i": "::1"}),
            json!({"w": [1.0, 2.0], "id": "00000000-0000-0000-0000-000000000001", "i": null, "n": "1.2.3.4"}),
            json!({"id": "00000000-0000-0000-0000-000000000002", "i": "::3", "n": null, "x": "::2"}),
        ]
    );
}

/// A session that logs statements logs those on its temporary tables, too.
#[test]
fn a_temporary_table_may_have_the_name_of_another() {
    for version in [ServerVersion::MySql97, ServerVersion::MariaDb118] {
        let server = without_shapes(version);
        let prefix = format!("veiled_{}", version.name().replace(['-', '.'], "_"));
        let start = stage::position(&server);
        server
            .sql(&format!(
                "CREATE DATABASE {prefix}; USE {prefix}; CREATE TABLE t (a INT PRIMARY KEY, b INT); \
                 SET SESSION binlog_format = STATEMENT; CREATE TEMPORARY TABLE t (a INT, b INT); \
                 ALTER TABLE t CHANGE a b INT, CHANGE b a INT; CREATE UNIQUE INDEX k ON t (a); \
                 DROP TEMPORARY TABLE t; SET SESSION binlog_format = ROW; INSERT INTO t VALUES (1, 2)"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        assert_eq!(rows(&prefix, &format!("{prefix}.t")), [json!({"a": 1, "b": 2})]);
    }
}

/// MariaDB logs nothing of it.
#[test]
fn utf8_is_short_for_what_the_servers_old_mode_says() {
    let mariadb = MySql::start(MySqlOptions {
        row_metadata: "MINIMAL",
        ..MySqlOptions::of(ServerVersion::MariaDb118).with("--old-mode=")
    })
    .unwrap();
    let start = stage::position(&mariadb);
    mariadb
        .sql(
            "SET NAMES utf8mb4; CREATE DATABASE short CHARACTER SET utf8; USE short;
             CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), b TEXT COLLATE utf8_bin); INSERT INTO t VALUES (1, '😀', 'b');
             ALTER TABLE t ADD c CHAR(9) CHARACTER SET utf8; INSERT INTO t VALUES (2, 'a', 'b', '😀')",
        )
        .unwrap();
    succeed(&mut run(&mariadb, "short", &start));
    assert_eq!(
        rows("short", "short.t"),
        [
            json!({"id": 1, "a": "😀", "b": "b"}),
            json!({"id": 2, "a": "a", "b": "b", "c": "😀"})
        ]
    );
}

#[test]
fn names_are_compared_as_the_server_does_and_may_hold_anything() {
    let mariadb = MySql::start(MySqlOptions {
        row_metadata: "MINIMAL",
        ..MySqlOptions::of(ServerVersion::MariaDb118).with("--lower-case-table-names=1")
    })
    .unwrap();
    let start = stage::position(&mariadb);
    mariadb
        .sql("CREATE DATABASE Folded; USE FOLDED; CREATE TABLE T (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 2)")
        .unwrap();
    succeed(&mut run(&mariadb, "folded", &start));
    mariadb
        .sql(
            "USE fOLDED; ALTER TABLE t ADD b INT FIRST; INSERT INTO T VALUES (3, 2, 4); RENAME TABLE T TO `U.'x\"``ж`; \
             INSERT INTO `u.'X\"``ж` VALUES (5, 3, 6); ALTER TABLE `u.'x\"``Ж` DROP a; \
             INSERT INTO `u.'X\"``ж` VALUES (7, 4)",
        )
        .unwrap();
    succeed(&mut run(&mariadb, "folded", &start));
    assert_eq!(
        rows("folded", "folded.t"),
        [json!({"id": 1, "a": 2}), json!({"b": 3, "id": 2, "a": 4})]
    );
    let topics = stage::kafka().topics().unwrap();
    let renamed = topics
        .iter()
        .find(|topic| topic.starts_with("folded.folded.u."))
        .unwrap();
    let renamed: Vec<Value> = records(stage::kafka(), renamed).iter().map(after).collect();
    assert_eq!(
        renamed,
        [json!({"b": 5, "id": 3, "a": 6}), json!({"b": 7, "id": 4})]
    );
}

#[test]
fn a_statement_that_was_not_logged_stops_the_stream_or_the_binlog_counts() {
    let mysql = stage::mysql();
    begin(mysql, "unlogged");
    let start = stage::position(mysql);
    succeed(&mut run(mysql, "unlogged", &start));
    mysql.sql("USE unlogged; INSERT INTO t VALUES (2, 1, 1)").unwrap();
    succeed(&mut run(mysql, "unlogged", &start));
    mysql
        .sql(
            "USE unlogged; SET sql_log_bin = 0; ALTER TABLE t MODIFY b BIGINT, ADD c INT; SET sql_log_bin = 1; \
             INSERT INTO t VALUES (3, 1, 424242424242, 5)",
        )
        .unwrap();
    let said = fail(&mut run(mysql, "unlogged", &start), STREAM);
    assert_says(
        &said,
        &["unlogged.t", "b bigint", "b int", "c int", "trust-binlog"],
    );
    assert!(!said.contains("424242424242"), "row contents: {said}");
    let trusting = ["--schema-disagreement", "trust-binlog"];
    succeed(run(mysql, "unlogged", &start).args(trusting));
    mysql.sql("INSERT INTO unlogged.t VALUES (4, 1, 2, 3)").unwrap();
    succeed(&mut run(mysql, "unlogged", &start));
    mysql
        .sql("USE unlogged; ALTER TABLE t DROP a; INSERT INTO t VALUES (5, 2, 3)")
        .unwrap();
    succeed(&mut run(mysql, "unlogged", &start));
    assert_eq!(
        rows("unlogged", "unlogged.t"),
        [
            json!({"id": 2, "a": 1, "b": 1}),
            json!({"id": 3, "a": 1, "b": 424_242_424_242_u64, "c": 5}),
            json!({"id": 4, "a": 1, "b": 2, "c": 3}),
            json!({"id": 5, "b": 2, "c": 3}),
        ]
    );
}

#[test]
fn without_names_in_the_binlog_its_signs_and_character_sets_are_compared() {
    let mysql = &without_shapes(ServerVersion::MySql97);
    mysql
        .sql(
            "CREATE DATABASE signs; CREATE TABLE signs.t (id INT PRIMARY KEY, n INT, c VARCHAR(20)) CHARSET latin1",
        )
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO signs.t VALUES (1, -1, 'a')").unwrap();
    succeed(&mut run(mysql, "signs", &start));
    mysql
        .sql(
            "USE signs; SET sql_log_bin = 0; DELETE FROM t; ALTER TABLE t MODIFY n INT UNSIGNED; SET sql_log_bin = 1; \
             INSERT INTO t VALUES (2, 4294967295, 'b')",
        )
        .unwrap();
    let said = fail(&mut run(mysql, "signs", &start), STREAM);
    assert_says(
        &said,
        &["signs.t", "n int unsigned null", "n int null", "trust-binlog"],
    );
    let trusting = ["--schema-disagreement", "trust-binlog"];
    succeed(run(mysql, "signs", &start).args(trusting));
    mysql
        .sql("INSERT INTO signs.t VALUES (3, 4294967294, 'c')")
        .unwrap();
    succeed(&mut run(mysql, "signs", &start));
    mysql
        .sql(
            "USE signs; SET sql_log_bin = 0; ALTER TABLE t MODIFY c VARCHAR(20) CHARSET cp1251; SET sql_log_bin = 1; \
             INSERT INTO t VALUES (4, 4, 'ж'); UPDATE t SET n = 5 WHERE id = 4",
        )
        .unwrap();
    let said = fail(&mut run(mysql, "signs", &start), STREAM);
    assert_says(&said, &["signs.t", "cp1251", "latin1"]);
    succeed(run(mysql, "signs", &start).args(trusting));
    assert_eq!(
        rows("signs", "signs.t"),
        [
            json!({"id": 1, "n": -1, "c": "a"}),
            json!({"id": 2, "n": 4_294_967_295_u64, "c": "b"}),
            json!({"id": 3, "n": 4_294_967_294_u64, "c": "c"}),
            json!({"id": 4, "n": 4, "c": "ж"}),
            json!({"id": 4, "n": 5, "c": "ж"}),
        ]
    );
}

#[test]
fn a_table_that_was_made_unseen_is_told_by_the_binlog_or_by_the_server() {
    let (full, bare) = (stage::mysql(), &without_shapes(ServerVersion::MySql97));
    for (mysql, name) in [(full, "unseen_full"), (bare, "unseen_bare")] {
        begin(mysql, name);
        let start = stage::position(mysql);
        mysql
            .sql(&format!("INSERT INTO {name}.t VALUES (2, 1, 1)"))
            .unwrap();
        succeed(&mut run(mysql, name, &start));
        mysql
            .sql(&format!(
                "USE {name}; SET sql_log_bin = 0; CREATE TABLE u (id INT PRIMARY KEY, a INT); SET sql_log_bin = 1; \
                 ALTER TABLE u ADD b INT FIRST; INSERT INTO u VALUES (1, 2, 3); INSERT INTO t VALUES (3, 1, 1)"
            ))
            .unwrap();
        succeed(&mut run(mysql, name, &start));
        assert_eq!(
            rows(name, &format!("{name}.u")),
            [json!({"b": 1, "id": 2, "a": 3})]
        );
        assert_eq!(rows(name, &format!("{name}.t")).len(), 2);
    }
    bare.sql(
        "USE unseen_bare; SET sql_log_bin = 0; CREATE TABLE v (id INT PRIMARY KEY, a INT); SET sql_log_bin = 1; \
         INSERT INTO v VALUES (1, 2); ALTER TABLE v ADD b INT FIRST; INSERT INTO v VALUES (1, 2, 3)",
    )
    .unwrap();
    let said = fail(&mut run(bare, "unseen_bare", "now"), STREAM);
    assert_says(&said, &["unseen_bare.v", "ALTER TABLE changes it further on"]);
}

#[test]
fn labels_that_the_servers_own_text_has_lost_are_not_taken_for_right() {
    let (full, bare) = (stage::mysql(), &without_shapes(ServerVersion::MySql97));
    for (mysql, name) in [(full, "lost_full"), (bare, "lost_bare")] {
        mysql.sql(&format!("CREATE DATABASE {name}")).unwrap();
        let start = stage::position(mysql);
        mysql
            .sql(&format!(
                "USE {name}; CREATE TABLE t (id INT PRIMARY KEY, e ENUM('😀', 'b') CHARACTER SET utf8mb4);
                 INSERT INTO t VALUES (1, '😀'); CREATE TABLE u AS SELECT * FROM t"
            ))
            .unwrap();
        match name {
            "lost_full" => {
                succeed(&mut run(mysql, name, &start));
                assert_eq!(rows(name, "lost_full.u"), [json!({"id": 1, "e": "😀"})]);
            }
            _ => assert_says(
                &fail(&mut run(mysql, name, &start), STREAM),
                &["lost_bare.u", "question mark"],
            ),
        }
        assert_eq!(rows(name, &format!("{name}.t")), [json!({"id": 1, "e": "😀"})]);
    }
}

#[test]
fn defaults_that_are_no_text_do_not_hide_a_table() {
    for version in [ServerVersion::MySql57, ServerVersion::MariaDb1011] {
        let server = MySql::start(MySqlOptions {
            row_metadata: "",
            ..MySqlOptions::of(version)
        })
        .unwrap();
        let name = format!("binary_{}", server.port());
        server
            .sql(&format!(
                "CREATE DATABASE {name}; CREATE TABLE {name}.t (id INT PRIMARY KEY, b VARBINARY(9) DEFAULT x'1EBDE227FF')"
            ))
            .unwrap();
        let start = stage::position(&server);
        server
            .sql(&format!("INSERT INTO {name}.t VALUES (1, x'00')"))
            .unwrap();
        succeed(&mut run(&server, &name, &start));
        server
            .sql(&format!(
                "USE {name}; ALTER TABLE t ADD c INT FIRST, ADD d VARBINARY(3) DEFAULT x'FF27'; INSERT INTO t VALUES (5, 2, x'', x'01')"
            ))
            .unwrap();
        succeed(&mut run(&server, &name, &start));
        assert_eq!(
            rows(&name, &format!("{name}.t")),
            [
                json!({"id": 1, "b": "AA=="}),
                json!({"c": 5, "id": 2, "b": "", "d": "AQ=="})
            ]
        );
    }
}

/// MySQL 5.7 drops the tables that it can, and logs the names of all.
#[test]
fn a_table_that_a_failed_drop_has_left_is_followed_further_on() {
    let mysql = &MySql::start(MySqlOptions::of(ServerVersion::MySql57)).unwrap();
    let name = &format!("left_{}", mysql.port());
    let start = stage::position(mysql);
    mysql
        .sql(&format!(
            "CREATE DATABASE {name}; USE {name}; CREATE TABLE parent (id INT PRIMARY KEY, a INT); CREATE TABLE other (id INT);
             CREATE TABLE child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES parent (id));
             INSERT INTO parent VALUES (1, 10)"
        ))
        .unwrap();
    let refused = mysql.sql(&format!("USE {name}; DROP TABLE parent, other"));
    assert!(refused.unwrap_err().to_string().contains("1217"));
    mysql
        .sql(&format!("INSERT INTO {name}.parent VALUES (2, 20)"))
        .unwrap();
    succeed(&mut run(mysql, name, &start));
    mysql
        .sql(&format!(
            "USE {name}; CREATE TABLE IF NOT EXISTS parent (b INT, id INT); INSERT INTO parent VALUES (3, 30);
             CREATE TABLE other (id VARCHAR(5)); INSERT INTO other VALUES ('x')"
        ))
        .unwrap();
    succeed(&mut run(mysql, name, &start));
    let parent = [(1, 10), (2, 20), (3, 30)].map(|(id, a)| json!({"id": id, "a": a}));
    assert_eq!(rows(name, &format!("{name}.parent")), parent);
    assert_eq!(rows(name, &format!("{name}.other")), [json!({"id": "x"})]);
}
