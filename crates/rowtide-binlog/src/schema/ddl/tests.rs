use proptest::prelude::*;

use super::*;
use crate::schema::NameCase;

fn on(server: &str, sql: &str) -> Result<Ddl> {
    read(
        sql,
        Session::new("db", server.parse().unwrap(), NameCase::Matters),
    )
}

fn clauses(sql: &str) -> Vec<Clause> {
    match on("9.7.4", sql).unwrap() {
        Ddl::AlterTable { clauses, .. } => clauses,
        other => panic!("{other:?}"),
    }
}

fn create(sql: &str) -> CreateTable {
    match on("9.7.4", sql).unwrap() {
        Ddl::CreateTable(create) => create,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_with_everything() {
    let table = create(
        "CREATE TABLE t (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'it''s', \
         e ENUM('a','b') CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'a', g INT AS (id + (1)) STORED INVISIBLE, \
         d DECIMAL(10,2) ZEROFILL CHECK (d > 0) NOT ENFORCED, p INT REFERENCES q (x) ON DELETE SET NULL ON UPDATE CASCADE, \
         ts TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), x POINT NOT NULL SRID 4326, \
         UNIQUE KEY u (e(3) DESC, (d + 1)) USING BTREE COMMENT 'k', CONSTRAINT c CHECK (id < 5), \
         CONSTRAINT f FOREIGN KEY (p) REFERENCES q (x) MATCH FULL, FULLTEXT (e) WITH PARSER ngram) \
         ENGINE=InnoDB, DEFAULT CHARSET utf8mb4 COLLATE=utf8mb4_bin COMMENT 'c' ROW_FORMAT=DYNAMIC UNION=(a,b) \
         PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10) COMMENT 'x')",
    );
    let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["id", "e", "g", "d", "p", "ts", "x"]);
    let kinds: Vec<_> = table
        .keys
        .iter()
        .map(|k| (k.kind, k.name.as_deref(), k.parts.len()))
        .collect();
    assert_eq!(
        kinds,
        [
            (KeyKind::Primary, None, 1),
            (KeyKind::Foreign, None, 1),
            (KeyKind::Unique, Some("u"), 2),
            (KeyKind::Foreign, Some("f"), 1),
            (KeyKind::FullText, None, 1),
        ]
    );
    assert_eq!(table.columns[0].comment, "it's");
    assert_eq!(table.columns[5].on_update, Some(3));
    assert_eq!(table.columns[6].srid, Some(4326));
    assert_eq!(table.options.charset.collation.as_deref(), Some("utf8mb4_bin"));
    assert_eq!(table.options.comment.as_deref(), Some("c"));
    assert_eq!(table.source, Source::None);
}

#[test]
fn where_columns_come_from() {
    let source = |sql| create(sql).source;
    assert_eq!(
        source("CREATE TABLE t LIKE x.u"),
        Source::Like(TableId::new("x", "u"))
    );
    assert_eq!(
        source("CREATE TABLE t (LIKE u)"),
        Source::Like(TableId::new("db", "u"))
    );
    for query in [
        "CREATE TABLE t AS SELECT 1",
        "CREATE TABLE t SELECT 1",
        "CREATE TABLE t (a INT) ENGINE=InnoDB REPLACE AS SELECT 1 AS a",
        "CREATE TABLE t (SELECT 1)",
        "CREATE TABLE t AS VALUES ROW(1)",
        "CREATE TABLE t PARTITION BY HASH (a) PARTITIONS 2 AS SELECT 1 AS a",
        "CREATE TABLE t AS WITH c AS (SELECT 1) SELECT * FROM c",
    ] {
        assert_eq!(source(query), Source::Query, "{query}");
    }
    assert_eq!(
        source("CREATE TABLE `t` (\n  `a` int\n) START TRANSACTION"),
        Source::None
    );
}

#[test]
fn clauses_of_alter_table() {
    let read = clauses(
        "ALTER TABLE t ADD COLUMN a INT FIRST, ADD (b INT, KEY (b)), DROP c, CHANGE d e BIGINT AFTER a, MODIFY f TEXT, \
         RENAME COLUMN g TO h, ALTER i SET DEFAULT 5, ALTER COLUMN j DROP DEFAULT, ALTER k SET INVISIBLE, \
         DROP PRIMARY KEY, ADD PRIMARY KEY (a), DROP INDEX l, RENAME KEY m TO n, ALTER INDEX o INVISIBLE, \
         ADD CONSTRAINT CHECK (a > 1), DROP CHECK p, DROP FOREIGN KEY q, DROP CONSTRAINT r, \
         CONVERT TO CHARACTER SET utf8mb4, ENGINE=InnoDB COMMENT='x', RENAME TO u, ALGORITHM=COPY, LOCK=NONE, FORCE",
    );
    assert_eq!(read.len(), 21);
    assert_eq!(
        read[17],
        Clause::Options(TableOptions {
            comment: Some("x".into()),
            engine: Some("InnoDB".into()),
            ..TableOptions::default()
        })
    );
    assert_eq!(read[18], Clause::RenameTo(TableId::new("db", "u")));
    assert_eq!(read[19..], [Clause::Rebuild, Clause::Rebuild]);
}

#[test]
fn clauses_that_change_nothing_here() {
    for sql in [
        "ALTER TABLE t",
        "ALTER TABLE t ADD PARTITION (PARTITION p VALUES IN (1, 2))",
        "ALTER TABLE t REORGANIZE PARTITION a, b INTO (PARTITION c VALUES LESS THAN (3))",
        "ALTER TABLE t TRUNCATE PARTITION a, b",
        "ALTER TABLE t PARTITION BY KEY ALGORITHM=2 (a) PARTITIONS 3",
        "ALTER TABLE t REMOVE PARTITIONING",
        "ALTER TABLE t ORDER BY a, b DESC",
        "ALTER TABLE t IMPORT PARTITION p0 TABLESPACE",
    ] {
        assert!(
            clauses(sql).iter().all(|clause| *clause == Clause::Rebuild),
            "{sql}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_placed_and_not_shown() {
    let error = on("9.7.4", "ALTER TABLE t ADD a FANCY(5)").unwrap_err();
    assert_eq!(
        error.to_string(),
        "a type is expected at byte 20, where \"FANCY\" stands"
    );
    let error = on("9.7.4", "ALTER TABLE t ADD a INT 'secret'").unwrap_err();
    assert_eq!(
        error.to_string(),
        "a clause of ALTER TABLE is expected at byte 24"
    );
    assert!(on("9.7.4", "CREATE TABLE t (a INT").is_err());
    assert!(on("9.7.4", "RENAME TABLE a TO b c").is_err());
}

#[test]
fn clauses_of_mariadb() {
    for sql in [
        "CREATE OR REPLACE TABLE t (a INT DEFAULT uuid(), b INET6, c UUID, d VARCHAR(5) COMPRESSED, e INT INVISIBLE)",
        "CREATE TABLE t (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, \
         PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
        "CREATE TABLE t (a INT WITHOUT SYSTEM VERSIONING, f DATE, g DATE, PERIOD FOR p (f, g), UNIQUE (a, p WITHOUT OVERLAPS))",
        "CREATE TABLE t (v VECTOR(5) NOT NULL, VECTOR INDEX (v) M=8 DISTANCE=cosine)",
        "CREATE TABLE t (v VECTOR(5) NOT NULL, vector VECTOR(2), VECTOR KEY i (v), VECTOR (v) M=8)",
        "ALTER TABLE t ADD VECTOR(v), ADD vector VECTOR(2)",
        "ALTER TABLE IF EXISTS t NOWAIT ADD COLUMN IF NOT EXISTS a INT, DROP COLUMN IF EXISTS b, ADD INDEX IF NOT EXISTS i (a)",
        "ALTER TABLE t ADD SYSTEM VERSIONING",
        "ALTER TABLE t CONVERT PARTITION p TO TABLE u",
        "CREATE SEQUENCE s START WITH 5 INCREMENT BY -2 NOCACHE CYCLE",
        "ALTER SEQUENCE s RESTART 5",
        "CREATE TABLE t (a INT) ENGINE=InnoDB PAGE_COMPRESSED=1 `ENCRYPTED`=YES",
    ] {
        assert!(
            on("11.8.2-MariaDB", sql).is_ok(),
            "{sql}: {:?}",
            on("11.8.2-MariaDB", sql)
        );
    }
}

const WORDS: &str = "(CREATE|ALTER|TABLE|DROP|RENAME|INDEX|ADD|COLUMN|INT|VARCHAR|ENUM|t|u|`x`|'a'|5|1e|\\.|-|\\(|\\)|,|=|DEFAULT|\
    NOT|NULL|KEY|UNIQUE|PRIMARY|CHARACTER|SET|COLLATE|COMMENT|AS|SELECT|LIKE|CHANGE|MODIFY|AFTER|FIRST|TO|ON|UPDATE|\
    CURRENT_TIMESTAMP|GENERATED|ALWAYS|CHECK|CONSTRAINT|FOREIGN|REFERENCES|PARTITION|BY|CONVERT|SEQUENCE|DATABASE|\
    IF|EXISTS|PERIOD|FOR|WITHOUT|/\\*!80000|\\*/|;)";

proptest! {
    #[test]
    fn arbitrary_text_never_panics(sql: String) {
        let _ = on("9.7.4", &sql);
    }

    #[test]
    fn words_in_any_order_never_panic(words in prop::collection::vec(WORDS, 0..25)) {
        for server in ["5.7.44", "9.7.4", "11.8.2-MariaDB"] {
            let _ = on(server, &words.join(" "));
            let _ = on(server, &format!("CREATE TABLE t (a INT {}", words.join(" ")));
            let _ = on(server, &format!("ALTER TABLE t {}", words.join(" ")));
        }
    }
}
