use super::*;
use crate::schema::{NameCase, Session};
use crate::server::{Flavour, ServerVersion};
use proptest::prelude::*;

pub(super) const MYSQL: Session<'_> = Session::new(
    "db",
    ServerVersion {
        flavour: Flavour::MySql,
        major: 9,
        minor: 7,
        patch: 4,
    },
    NameCase::Matters,
);

fn with_mode(sql_mode: u64) -> Session<'static> {
    Session { sql_mode, ..MYSQL }
}

/// The class of a statement in one line: verb, tables, and whether the shape may change.
pub(super) fn class(sql: &str) -> String {
    class_in(sql, MYSQL)
}

pub(super) fn class_in(sql: &str, session: Session<'_>) -> String {
    match classify(sql, session) {
        Class::Table(t) => {
            let tables: Vec<String> = t.tables.iter().map(ToString::to_string).collect();
            let temporary = if t.temporary { " temporary" } else { "" };
            let shape = match t.changes_shape {
                ShapeChange::No => "",
                ShapeChange::IfNew => " shape-if-new",
                ShapeChange::Yes => " shape",
            };
            assert!(
                t.renames
                    .iter()
                    .all(|(from, to)| t.tables.contains(from) && t.tables.contains(to))
            );
            format!("{}{temporary} {}{shape}", t.verb, tables.join(" "))
        }
        Class::Views(v) => {
            let views: Vec<String> = v.views.iter().map(ToString::to_string).collect();
            let conditional = if v.conditional { " conditional" } else { "" };
            format!("{} {}{conditional}", v.verb, views.join(" "))
        }
        Class::Database(d) => format!("{} {}", d.verb, d.name),
        Class::NotTables {
            verb,
            may_hold_secrets: true,
        } => format!("- {verb} secret"),
        Class::NotTables { verb, .. } => format!("- {verb}"),
        Class::RowChange { verb, table } => {
            format!("rows {verb} {}", table.map_or("?".into(), |t| t.to_string()))
        }
        Class::Unknown { verb } => format!("? {verb}"),
    }
}

#[test]
fn statements_that_change_tables() {
    let cases = [
        ("CREATE TABLE t (id INT)", "CREATE TABLE db.t shape"),
        (
            "create table if not exists `a``b`.`c d` (id int)",
            "CREATE TABLE a`b.c d shape-if-new",
        ),
        ("CREATE OR REPLACE TABLE t (a INT)", "CREATE TABLE db.t shape"),
        (
            "CREATE TEMPORARY TABLE t (a INT)",
            "CREATE TABLE temporary db.t shape",
        ),
        ("CREATE TABLE t LIKE other.u", "CREATE TABLE db.t shape"),
        (
            "CREATE TABLE `d5` (\n `id` int\n) START TRANSACTION",
            "CREATE TABLE db.d5 shape",
        ),
        (
            "/* c */ ALTER /*!80000 TABLE */ t ADD COLUMN a INT",
            "ALTER TABLE db.t shape",
        ),
        ("ALTER TABLE t ADD a INT", "ALTER TABLE db.t shape"),
        ("ALTER TABLE t ADD (a INT, b INT)", "ALTER TABLE db.t shape"),
        ("ALTER TABLE t ADD INDEX i (a), ADD KEY k (b)", "ALTER TABLE db.t"),
        ("ALTER TABLE t ADD UNIQUE KEY u (a)", "ALTER TABLE db.t shape"),
        (
            "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)",
            "ALTER TABLE db.t shape",
        ),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", "ALTER TABLE db.t shape"),
        ("ALTER TABLE t DROP PRIMARY KEY", "ALTER TABLE db.t shape"),
        ("ALTER TABLE t DROP COLUMN a", "ALTER TABLE db.t shape"),
        ("ALTER TABLE t DROP INDEX i", "ALTER TABLE db.t shape"),
        ("ALTER TABLE t DROP PARTITION p0", "ALTER TABLE db.t"),
        ("ALTER TABLE t TRUNCATE PARTITION p0", "ALTER TABLE db.t"),
        (
            "ALTER TABLE t ADD PARTITION (PARTITION p2 VALUES LESS THAN (5))",
            "ALTER TABLE db.t",
        ),
        (
            "ALTER TABLE t REORGANIZE PARTITION p INTO (PARTITION p VALUES LESS THAN (3))",
            "ALTER TABLE db.t",
        ),
        ("ALTER TABLE t REMOVE PARTITIONING", "ALTER TABLE db.t"),
        (
            "ALTER TABLE t ENGINE=InnoDB, COMMENT='x, ADD a INT'",
            "ALTER TABLE db.t",
        ),
        (
            "ALTER TABLE t COMMENT='x', MODIFY a BIGINT",
            "ALTER TABLE db.t shape",
        ),
        (
            "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
            "ALTER TABLE db.t shape",
        ),
        ("ALTER TABLE t ALTER INDEX i INVISIBLE", "ALTER TABLE db.t"),
        (
            "ALTER TABLE t ALTER COLUMN a SET DEFAULT 5",
            "ALTER TABLE db.t shape",
        ),
        ("ALTER TABLE t ALTER CHECK c NOT ENFORCED", "ALTER TABLE db.t"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "ALTER TABLE db.t"),
        (
            "ALTER TABLE t ADD CONSTRAINT CHECK (a > 0), ADD CONSTRAINT `u` UNIQUE (a)",
            "ALTER TABLE db.t shape",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id)",
            "ALTER TABLE db.t",
        ),
        (
            "ALTER TABLE t DROP FOREIGN KEY f, DROP CHECK c",
            "ALTER TABLE db.t",
        ),
        ("ALTER TABLE t DROP CONSTRAINT c", "ALTER TABLE db.t shape"),
        (
            "ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE x.u",
            "ALTER TABLE db.t x.u",
        ),
        ("ALTER TABLE t COALESCE PARTITION 2", "ALTER TABLE db.t"),
        (
            "ALTER TABLE t PARTITION BY HASH(id) PARTITIONS 4",
            "ALTER TABLE db.t",
        ),
        ("ALTER TABLE t DISCARD TABLESPACE", "ALTER TABLE db.t"),
        (
            "ALTER TABLE t ENGINE InnoDB ROW_FORMAT=COMPRESSED, ALGORITHM=INPLACE, LOCK=NONE",
            "ALTER TABLE db.t",
        ),
        ("ALTER TABLE t FORCE", "ALTER TABLE db.t"),
        ("ALTER TABLE t", "ALTER TABLE db.t"),
        (
            "ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS a INT",
            "ALTER TABLE db.t shape",
        ),
        (
            "ALTER TABLE t ADD COLUMN q INT COMMENT 'it\\'s, RENAME TO u'",
            "ALTER TABLE db.t shape",
        ),
        ("/*!40000 ALTER TABLE `t` DISABLE KEYS */", "ALTER TABLE db.t"),
        ("ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE db.t shape"),
        ("ALTER TABLE t RENAME INDEX a TO b", "ALTER TABLE db.t"),
        ("ALTER TABLE t RENAME TO x.u", "ALTER TABLE db.t x.u shape"),
        ("ALTER TABLE t RENAME AS u", "ALTER TABLE db.t db.u shape"),
        (
            "ALTER TABLE t ADD INDEX i (a), RENAME u",
            "ALTER TABLE db.t db.u shape",
        ),
        (
            "ALTER TABLE t CHANGE a a ENUM('x),','y')",
            "ALTER TABLE db.t shape",
        ),
        (
            "RENAME TABLE a TO b, c.d TO e",
            "RENAME TABLE db.a db.b c.d db.e shape",
        ),
        (
            "DROP TABLE `x1`,`x2` /* generated by server */",
            "DROP TABLE db.x1 db.x2 shape",
        ),
        ("RENAME TABLES IF EXISTS a TO b", "RENAME TABLE db.a db.b shape"),
        ("DROP TABLE IF EXISTS a.b CASCADE", "DROP TABLE a.b shape"),
        (
            "DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`",
            "DROP TABLE temporary db.t shape",
        ),
        (
            "DROP TEMPORARY TABLE IF EXISTS t",
            "DROP TABLE temporary db.t shape",
        ),
        ("TRUNCATE t", "TRUNCATE TABLE db.t"),
        ("TRUNCATE TABLE x.t", "TRUNCATE TABLE x.t"),
        ("CREATE INDEX i ON t (a)", "CREATE INDEX db.t"),
        (
            "CREATE UNIQUE INDEX i USING BTREE ON x.t (a)",
            "CREATE INDEX x.t shape",
        ),
        ("CREATE FULLTEXT INDEX i ON t (a)", "CREATE INDEX db.t"),
        ("CREATE SPATIAL INDEX i ON t (a)", "CREATE INDEX db.t"),
        ("CREATE VECTOR INDEX user ON event (v)", "CREATE INDEX db.event"),
        ("CREATE INDEX IF NOT EXISTS i ON t (a)", "CREATE INDEX db.t"),
        ("DROP INDEX i ON t", "DROP INDEX db.t shape"),
        ("DROP INDEX `PRIMARY` ON t", "DROP INDEX db.t shape"),
    ];
    for (sql, expected) in cases {
        assert_eq!(class(sql), expected, "{sql}");
    }
}

#[test]
fn statements_that_change_databases() {
    let cases = [
        (
            "CREATE DATABASE golden DEFAULT CHARACTER SET utf8mb4",
            "CREATE DATABASE golden",
        ),
        ("CREATE SCHEMA IF NOT EXISTS `a b`", "CREATE DATABASE a b"),
        (
            "ALTER DATABASE golden CHARACTER SET latin1",
            "ALTER DATABASE golden",
        ),
        ("ALTER DATABASE CHARACTER SET latin1", "ALTER DATABASE db"),
        ("DROP DATABASE IF EXISTS x", "DROP DATABASE x"),
        ("DROP SCHEMA x", "DROP DATABASE x"),
        ("ALTER SCHEMA `read` READ ONLY = 1", "ALTER DATABASE read"),
    ];
    for (sql, expected) in cases {
        assert_eq!(class(sql), expected, "{sql}");
    }
}

#[test]
fn statements_that_change_neither() {
    let cases = [
        (
            "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`%` SQL SECURITY DEFINER VIEW `v1` AS SELECT 1",
            "CREATE VIEW db.v1",
        ),
        ("CREATE OR REPLACE VIEW v AS SELECT * FROM t", "CREATE VIEW db.v"),
        (
            "CREATE VIEW IF NOT EXISTS `x`.v (a) AS SELECT * FROM t",
            "CREATE VIEW x.v conditional",
        ),
        ("ALTER VIEW x.v AS SELECT 1", "ALTER VIEW x.v"),
        (
            "DROP VIEW IF EXISTS v, x.w CASCADE",
            "DROP VIEW db.v x.w conditional",
        ),
        (
            "CREATE JSON RELATIONAL DUALITY VIEW v AS SELECT 1",
            "CREATE VIEW db.v",
        ),
        ("DROP VIEW v1", "DROP VIEW db.v1"),
        (
            "CREATE DEFINER=`a`@`b` TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 1",
            "- CREATE TRIGGER",
        ),
        (
            "CREATE PROCEDURE p() BEGIN DROP TABLE t; END",
            "- CREATE PROCEDURE",
        ),
        (
            "CREATE FUNCTION f(x INT) RETURNS INT RETURN x",
            "- CREATE FUNCTION",
        ),
        (
            "CREATE AGGREGATE FUNCTION f RETURNS INT SONAME 'x'",
            "- CREATE FUNCTION",
        ),
        (
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
            "- CREATE EVENT",
        ),
        ("DROP TRIGGER tr1", "- DROP TRIGGER"),
        ("CREATE USER u IDENTIFIED BY 'secret'", "- CREATE USER secret"),
        (
            "ALTER USER u IDENTIFIED WITH caching_sha2_password AS '$A$'",
            "- ALTER USER secret",
        ),
        ("DROP USER u", "- DROP USER"),
        ("CREATE ROLE r", "- CREATE ROLE"),
        ("RENAME USER a TO b", "- RENAME USER"),
        (
            "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (PASSWORD 'x')",
            "- CREATE SERVER secret",
        ),
        ("CREATE TABLESPACE ts ADD DATAFILE 'x.ibd'", "- CREATE TABLESPACE"),
        ("CREATE SPATIAL REFERENCE SYSTEM 1 NAME 'x'", "- CREATE SPATIAL"),
        (
            "CREATE UNDO TABLESPACE u ADD DATAFILE 'u.ibu'",
            "- CREATE TABLESPACE",
        ),
        (
            "CREATE DEFINER=user@localhost VIEW v AS SELECT 1",
            "CREATE VIEW db.v",
        ),
        (
            "CREATE DEFINER=CURRENT_USER() EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            "- CREATE EVENT",
        ),
        ("CREATE LIBRARY l LANGUAGE JAVASCRIPT AS 'x'", "- CREATE LIBRARY"),
        ("CREATE RESOURCE GROUP g TYPE = USER", "- CREATE RESOURCE"),
        ("CREATE SEQUENCE s", "- CREATE SEQUENCE"),
        (
            "ALTER INSTANCE ROTATE INNODB MASTER KEY",
            "- ALTER INSTANCE secret",
        ),
        (
            "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 'x'",
            "- CHANGE secret",
        ),
        ("XA START 'x'", "- XA"),
        ("SAVEPOINT `s`", "- SAVEPOINT"),
        ("LOAD INDEX INTO CACHE t", "- LOAD INDEX"),
        ("SET @x = 1", "- SET"),
        ("# Dummy event replacing event type 161", "- "),
        ("", "- "),
        ("GRANT SELECT ON *.* TO u", "- GRANT secret"),
        ("REVOKE ALL ON *.* FROM u", "- REVOKE"),
        ("SET PASSWORD FOR u = 'x'", "- SET PASSWORD secret"),
        ("ANALYZE TABLE t", "- ANALYZE"),
        ("OPTIMIZE TABLE t", "- OPTIMIZE"),
        ("FLUSH TABLES", "- FLUSH"),
        ("INSTALL PLUGIN p SONAME 'x'", "- INSTALL"),
    ];
    for (sql, expected) in cases {
        assert_eq!(class(sql), expected, "{sql}");
    }
}

#[test]
fn rows_changed_by_statements_and_what_is_not_known() {
    let cases = [
        ("INSERT INTO t VALUES (1)", "rows INSERT db.t"),
        ("INSERT IGNORE INTO `x`.`t` SELECT * FROM u", "rows INSERT x.t"),
        ("REPLACE INTO t VALUES (1)", "rows REPLACE db.t"),
        ("DELETE FROM t WHERE a = 1", "rows DELETE db.t"),
        ("DELETE FROM x.t", "rows DELETE x.t"),
        ("DELETE LOW_PRIORITY FROM t LIMIT 1", "rows DELETE db.t"),
        ("DELETE FROM a USING a JOIN b", "rows DELETE ?"),
        ("DELETE b FROM a JOIN b", "rows DELETE ?"),
        ("DELETE FROM a, b USING a JOIN b", "rows DELETE ?"),
        ("DELETE FROM a.* USING a", "rows DELETE ?"),
        ("INSERT t VALUES (1)", "rows INSERT db.t"),
        ("UPDATE t SET a = 1", "rows UPDATE db.t"),
        ("UPDATE IGNORE x.t SET a = 1", "rows UPDATE x.t"),
        ("UPDATE t, u SET t.a = 1", "rows UPDATE ?"),
        ("UPDATE t JOIN u SET u.a = 1", "rows UPDATE ?"),
        ("SELECT `db`.`f`(1)", "rows SELECT ?"),
        ("LOAD XML INFILE 'x' REPLACE INTO TABLE x.t", "rows LOAD x.t"),
        ("LOAD DATA INFILE 'x' INTO TABLE t", "rows LOAD db.t"),
        ("WITH c AS (SELECT 1) DELETE FROM t", "rows WITH ?"),
        ("FROBNICATE TABLE t", "? FROBNICATE"),
        ("CREATE WIDGET w", "? CREATE"),
        ("RENAME TABLE a", "? RENAME"),
        ("RENAME TABLE a TO b,", "? RENAME"),
        ("DROP TABLE a,", "? DROP"),
        ("CREATE WIDGET user", "? CREATE"),
        ("'", "? "),
        ("ALTER TABLE", "? ALTER"),
    ];
    for (sql, expected) in cases {
        assert_eq!(class(sql), expected, "{sql}");
    }
}

#[test]
fn names_in_double_quotes_follow_the_sql_mode() {
    let sql = r#"ALTER TABLE "a""b"."c" ADD d INT"#;
    let Class::Table(statement) = classify(sql, with_mode(0x4)) else {
        panic!()
    };
    assert_eq!(statement.tables, [TableId::new("a\"b", "c")]);
    assert_eq!(classify(sql, MYSQL), Class::Unknown { verb: "ALTER".into() });
}

#[test]
fn renames_are_pairs() {
    let renames = |sql| match classify(sql, MYSQL) {
        Class::Table(statement) => statement.renames,
        other => panic!("{other:?}"),
    };
    let pair = |from, to| (TableId::new("db", from), TableId::new("db", to));
    assert_eq!(
        renames("RENAME TABLE a TO b, c TO a"),
        [pair("a", "b"), pair("c", "a")]
    );
    assert_eq!(
        renames("ALTER TABLE a ENGINE=InnoDB, RENAME TO b"),
        [pair("a", "b")]
    );
    assert_eq!(renames("ALTER TABLE a RENAME COLUMN b TO c"), []);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(sql: String, sql_mode: u64) {
        let _ = classify(&sql, with_mode(sql_mode));
    }

    #[test]
    fn text_behind_keywords_never_panics(
        verb in "(CREATE|ALTER|DROP|RENAME|TRUNCATE|INSERT) (TABLE|INDEX|DATABASE|INTO)?",
        rest in "[a-z`'\"(),.=/*! ]{0,40}",
    ) {
        let _ = classify(&format!("{verb} {rest}"), MYSQL);
    }

    #[test]
    fn any_quoted_name_is_read_back(name in "[\u{1}-\u{ffff}]{1,20}") {
        let sql = format!("ALTER TABLE `{}` ADD COLUMN a INT", name.replace('`', "``"));
        let expected = Class::Table(TableStatement {
            verb: "ALTER TABLE",
            temporary: false,
            tables: vec![TableId::new("db", name)],
            renames: Vec::new(),
            changes_shape: ShapeChange::Yes,
        });
        prop_assert_eq!(classify(&sql, MYSQL), expected);
    }

    #[test]
    fn it_does_not_matter_how_a_name_is_quoted(
        database in "q[a-z0-9_$é表]{0,8}",
        name in "q[a-z0-9_$é表]{0,8}",
        verb in "(CREATE TABLE|ALTER TABLE|DROP TABLE|TRUNCATE TABLE|RENAME TABLE x TO|INSERT INTO|CREATE INDEX i ON)",
        blank in "( |\t|\n|/\\* \\. \\*/| -- \\.\n| #'\n)",
    ) {
        let classes = ["", "`", "\""].map(|quote| {
            let id = format!("{quote}{database}{quote}{blank}.{blank}{quote}{name}{quote}");
            classify(&format!("{verb}{blank}{id}"), with_mode(0x4))
        });
        let unknown = matches!(classes[0], Class::Unknown { .. });
        prop_assert!(!unknown);
        prop_assert_eq!(&classes[0], &classes[1]);
        prop_assert_eq!(&classes[0], &classes[2]);
    }
}
