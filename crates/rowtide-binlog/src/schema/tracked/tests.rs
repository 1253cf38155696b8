use proptest::prelude::*;

use super::*;
use crate::schema::{NameCase, Session};

const UTF8: &str = "utf8mb4_0900_ai_ci";

fn session(server: &str) -> Session<'static> {
    Session::new("db", server.parse().unwrap(), NameCase::Matters)
}

fn tracker() -> SchemaTracker {
    let mut tracker = SchemaTracker::new();
    tracker.set_database("db", Collation::from_name(UTF8).unwrap());
    tracker
}

fn after(statements: &[&str]) -> SchemaTracker {
    let mut tracker = tracker();
    for sql in statements {
        match tracker.apply(sql, &session("9.7.4")) {
            Outcome::Unreadable(why) => panic!("{sql}: {why}"),
            Outcome::NotTables => panic!("{sql} does not touch tables"),
            Outcome::Changes(_) => {}
        }
    }
    tracker
}

/// Columns in one line each, as name, type, NULL.
fn columns(tracker: &SchemaTracker, table: &str) -> Vec<String> {
    let Tracked::Known(table) = tracker.table(&TableId::new("db", table)) else {
        panic!("{table} is not known");
    };
    let line = |column: &TrackedColumn| {
        let null = if column.nullable { " null" } else { "" };
        let charset = column
            .collation
            .as_ref()
            .map(|c| format!(" {}", c.charset().name()));
        let ty = column.data_type.sql("9.7.4".parse().unwrap());
        format!("{} {ty}{}{null}", column.name, charset.unwrap_or_default())
    };
    table.columns.iter().map(line).collect()
}

fn keys(tracker: &SchemaTracker, table: &str) -> Vec<String> {
    let Tracked::Known(table) = tracker.table(&TableId::new("db", table)) else {
        panic!("{table} is not known");
    };
    let part = |part: &KeyPart| part.column.as_deref().unwrap_or("?").to_owned();
    let line = |key: &Key| {
        let parts: Vec<String> = key.parts.iter().map(part).collect();
        format!("{}({})", key.name, parts.join(","))
    };
    table.keys.iter().map(line).collect()
}

#[test]
fn utf8_is_short_for_what_the_server_says() {
    let sql =
        "CREATE TABLE t (a TEXT CHARACTER SET utf8, b TEXT COLLATE utf8_bin, c NCHAR, d TEXT) CHARSET utf8";
    for (utf8_is_utf8mb4, name) in [(false, "utf8mb3"), (true, "utf8mb4")] {
        let mut tracker = tracker();
        let session = Session {
            utf8_is_utf8mb4,
            ..session("11.8.2-MariaDB")
        };
        assert!(matches!(tracker.apply(sql, &session), Outcome::Changes(_)));
        assert_eq!(
            columns(&tracker, "t"),
            [
                format!("a text {name} null"),
                format!("b text {name} null"),
                "c char(1) utf8mb3 null".to_owned(),
                format!("d text {name} null")
            ]
        );
    }
}

#[test]
fn a_temporary_table_may_have_the_name_of_another() {
    let mut tracker = after(&["CREATE TABLE t (a INT, b INT)", "CREATE TABLE u (a INT)"]);
    let mut apply = |sql: &str, connection| {
        let session = Session {
            connection,
            ..session("11.8.2-MariaDB")
        };
        tracker.apply(sql, &session)
    };
    let about_no_table = |outcome| matches!(outcome, Outcome::NotTables);
    assert!(about_no_table(apply(
        "CREATE TEMPORARY TABLE t (a INT, b INT)",
        Some(5)
    )));
    assert!(about_no_table(apply(
        "ALTER TABLE t CHANGE a b INT, CHANGE b a INT, RENAME x",
        Some(5)
    )));
    assert!(about_no_table(apply("ALTER TABLE x RENAME t", Some(5))));
    assert!(about_no_table(apply("CREATE INDEX k ON t (a)", Some(5))));
    assert!(about_no_table(apply("TRUNCATE t", Some(5))));
    assert!(!about_no_table(apply("ALTER TABLE t ADD c INT", Some(6))));
    assert!(!about_no_table(apply("ALTER TABLE t ADD d INT", None)));
    assert!(!about_no_table(apply(
        "ALTER TABLE u ADD b INT DEFAULT (CONNECTION_ID())",
        Some(5)
    )));
    assert!(about_no_table(apply("DROP TEMPORARY TABLE t", Some(5))));
    assert!(!about_no_table(apply("ALTER TABLE t ADD e INT", Some(5))));
    let names = |table| columns(&tracker, table).join(", ");
    assert_eq!(
        names("t"),
        "a int null, b int null, c int null, d int null, e int null"
    );
    assert_eq!(names("u"), "a int null, b int null");
}

#[test]
fn labels_given_as_bytes_have_zeros_in_front() {
    let tracker = after(&[
        "CREATE TABLE t (a ENUM(0xE4, x'0062') CHARACTER SET ucs2, b SET(0xE9) CHARACTER SET utf32)",
    ]);
    let expected = ["a enum('ä','b') ucs2 null", "b set('é') utf32 null"];
    assert_eq!(columns(&tracker, "t"), expected);
}

#[test]
fn comments_are_cut_as_servers_cut_them() {
    let (kept, more) = ("é".repeat(1024), "é".repeat(2049));
    let sql = [
        format!("CREATE TABLE t (a INT COMMENT '{kept}', b INT COMMENT '{kept}!') COMMENT '{more}'"),
        format!("ALTER TABLE t ADD c INT COMMENT '{more}', COMMENT '{more}!'"),
    ];
    let tracker = after(&[&sql[0], &sql[1]]);
    let Tracked::Known(table) = tracker.table(&TableId::new("db", "t")) else {
        panic!("it is not known");
    };
    assert!(table.columns.iter().all(|column| *column.comment == *kept));
    assert_eq!(table.comment.chars().count(), 2048);
}

#[test]
fn a_comment_that_holds_a_password_is_not_kept() {
    let spider = r#"ENGINE=SPIDER COMMENT='host "h", password "hunter2"'"#;
    let created = format!("CREATE TABLE t (id INT COMMENT 'c') {spider}");
    let altered = format!("ALTER TABLE t {spider}");
    for statements in [&[created.as_str()][..], &["CREATE TABLE t (id INT)", &altered]] {
        let tracker = after(statements);
        let Tracked::Known(table) = tracker.table(&TableId::new("db", "t")) else {
            panic!("t is not known");
        };
        assert_eq!(&*table.comment, "***");
    }
}

#[test]
fn a_table_is_followed_through_its_changes() {
    let tracker = after(&[
        "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(10), c TEXT CHARACTER SET latin1, KEY (b), UNIQUE (b))",
        "ALTER TABLE t ADD d DATETIME(3) FIRST, CHANGE b x VARCHAR(20) NOT NULL AFTER c, DROP PRIMARY KEY, RENAME COLUMN a TO y",
        "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb3, RENAME TO u",
    ]);
    assert_eq!(tracker.table(&TableId::new("db", "t")), Tracked::Absent);
    assert_eq!(
        columns(&tracker, "u"),
        [
            "d datetime(3) null",
            "y int",
            "c mediumtext utf8mb3 null",
            "x varchar(20) utf8mb3"
        ]
    );
    assert_eq!(keys(&tracker, "u"), ["b_2(x)", "b(x)"]);
}

#[test]
fn names_are_swapped() {
    let tracker = after(&[
        "CREATE TABLE a (x INT)",
        "CREATE TABLE b (y INT)",
        "RENAME TABLE a TO tmp, b TO a, tmp TO b",
    ]);
    assert_eq!(columns(&tracker, "a"), ["y int null"]);
    assert_eq!(columns(&tracker, "b"), ["x int null"]);
}

#[test]
fn what_cannot_be_read_leaves_its_tables_unclear() {
    let mut tracker = after(&["CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)"]);
    let id = |table| TableId::new("db", table);
    let outcome = tracker.apply("ALTER TABLE t ADD b FANCY", &session("9.7.4"));
    let Outcome::Unreadable(Unreadable { tables, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(tables, Affected::Tables(vec![id("t")]));
    assert_eq!(tracker.table(&id("t")), Tracked::Unclear);
    assert!(matches!(tracker.table(&id("u")), Tracked::Known(_)));
    let outcome = tracker.apply("ALTER TABLE t ADD c INT", &session("9.7.4"));
    assert!(matches!(outcome, Outcome::Unreadable(_)));
    tracker.apply("DROP TABLE t", &session("9.7.4"));
    assert_eq!(tracker.table(&id("t")), Tracked::Absent);
    tracker.apply("FANCY", &session("9.7.4"));
    assert_eq!(tracker.table(&id("u")), Tracked::Unclear);
}

#[test]
fn work_on_partitions_leaves_a_table_as_little_known_as_it_was() {
    let mut tracker = tracker();
    for sql in [
        "ALTER TABLE t REPAIR PARTITION p0, p1",
        "ALTER TABLE t OPTIMIZE PARTITION ALL",
    ] {
        assert_eq!(
            tracker.apply(sql, &session("9.7.4")),
            Outcome::Changes(Vec::new())
        );
        assert_eq!(tracker.table(&TableId::new("db", "t")), Tracked::Absent);
    }
}

#[test]
fn a_database_gives_its_character_set() {
    let tracker = after(&[
        "CREATE DATABASE d CHARACTER SET latin1",
        "CREATE TABLE d.t (a CHAR(1))",
        "ALTER DATABASE db COLLATE greek_bin",
        "CREATE TABLE t (a CHAR(1))",
    ]);
    assert_eq!(tracker.database("d").unwrap().name(), "latin1_swedish_ci");
    assert_eq!(columns(&tracker, "t"), ["a char(1) greek null"]);
    let mut empty = SchemaTracker::new();
    let outcome = empty.apply("CREATE TABLE t (a CHAR(1))", &session("9.7.4"));
    assert!(matches!(
        outcome,
        Outcome::Unreadable(Unreadable {
            why: Reason::Database(_),
            ..
        })
    ));
}

#[test]
fn keys_that_are_dropped_and_added_again_alone_stay_where_they_are() {
    let made =
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE b (b), UNIQUE d (a), KEY c (c))";
    let stays = ["b(b)", "d(a)", "c(c)"];
    let moves = ["d(a)", "b(b)", "c(c)"];
    for (more, expected) in [
        ("", stays),
        (", DROP INDEX c, ADD INDEX c (c)", stays),
        (", ALGORITHM = INPLACE, LOCK=NONE", stays),
        (", ALGORITHM=COPY", moves),
        (", FORCE", moves),
        (", COMMENT = 'x'", moves),
        (", MODIFY c INT", moves),
    ] {
        let sql = format!("ALTER TABLE t DROP INDEX b, ADD UNIQUE INDEX b (b){more}");
        assert_eq!(keys(&after(&[made, &sql]), "t"), expected, "{sql}");
    }
}

#[test]
fn a_key_of_virtual_columns_names_no_rows() {
    let tracker = after(&[
        "CREATE TABLE t (a INT NOT NULL, b INT AS (a) VIRTUAL NOT NULL, UNIQUE (b), UNIQUE k (a, b))",
        "CREATE TABLE u (a INT NOT NULL, b INT AS (a) STORED NOT NULL, UNIQUE (b), UNIQUE (a))",
    ]);
    for (table, key) in [("t", &[][..]), ("u", &[1])] {
        let Tracked::Known(known) = tracker.table(&TableId::new("db", table)) else {
            panic!("{table} is not known");
        };
        assert_eq!(known.shape().unwrap().key, key, "{table}");
    }
}

#[test]
fn the_shape_for_decoding() {
    let tracker = after(&[
        "CREATE TABLE t (a INT NOT NULL, b BINARY(3) NOT NULL, c VARCHAR(5), UNIQUE (c), UNIQUE k (b, a), UNIQUE (a))",
    ]);
    let Tracked::Known(table) = tracker.table(&TableId::new("db", "t")) else {
        panic!("it is not known");
    };
    let shape = table.shape().unwrap();
    assert_eq!(shape.key, [1, 0]);
    assert_eq!(
        shape.columns[1].ty,
        rowtide_event::ColumnType::Binary { length: 3 }
    );
}

#[test]
fn the_period_of_a_versioned_table_is_part_of_its_key() {
    let mut tracker = tracker();
    let session = session("11.8.2-MariaDB");
    for (sql, key, columns) in [
        (
            "CREATE TABLE t (a INT PRIMARY KEY, b INT) WITH SYSTEM VERSIONING",
            &[0, 3][..],
            4,
        ),
        ("CREATE TABLE t (a INT, b INT) WITH SYSTEM VERSIONING", &[], 4),
        (
            "CREATE TABLE t (e TIMESTAMP(6) AS ROW END, s TIMESTAMP(6) AS ROW START, a INT NOT NULL UNIQUE,
             PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
            &[2, 0],
            3,
        ),
    ] {
        tracker.apply("DROP TABLE IF EXISTS t", &session);
        tracker.apply(sql, &session);
        let Tracked::Known(table) = tracker.table(&TableId::new("db", "t")) else {
            panic!("{sql}");
        };
        let shape = table.shape().unwrap();
        assert_eq!((&*shape.key, shape.columns.len()), (key, columns), "{sql}");
    }
}

#[test]
fn what_no_statement_sees_of_a_table() {
    let mut tracker = tracker();
    let mut shape = |sql: &str, server: &str| {
        tracker.apply("DROP TABLE IF EXISTS t", &session(server));
        tracker.apply(sql, &session(server));
        let Tracked::Known(table) = tracker.table(&TableId::new("db", "t")) else {
            panic!("{sql}");
        };
        table.shape().unwrap()
    };
    let sql = "CREATE TABLE t (a INT AS (b + 1) VIRTUAL, b INT, c INT AS (b) STORED, d TEXT, e VARCHAR(600), UNIQUE (d),
               UNIQUE (e), UNIQUE (b), KEY (d(9)))";
    let table = shape(sql, "10.11.14-MariaDB");
    let generated: Vec<bool> = table.columns.iter().map(|column| column.generated).collect();
    assert_eq!(generated, [true, false, true, false, false]);
    assert_eq!(table.hidden, 2);
    let sql =
        "CREATE TABLE t (a TEXT, b BLOB, c VARCHAR(2000), UNIQUE (a(200)), UNIQUE (b(4000)), UNIQUE (c(10)))";
    assert_eq!(shape(sql, "11.8.3-MariaDB").hidden, 1);
    let mut key = |column: &str| {
        let sql = format!("CREATE TABLE t (a {column} NOT NULL, UNIQUE (a))");
        shape(&sql, "11.8.3-MariaDB").key
    };
    assert!(key("TEXT").is_empty());
    assert!(key("VARCHAR(1000) CHARACTER SET utf8mb4").is_empty());
    assert_eq!(key("VARCHAR(768) CHARACTER SET utf8mb4"), [0]);
    let columns = "a INT, s DATE, e DATE, PERIOD FOR p (s, e), PRIMARY KEY (a, p WITHOUT OVERLAPS)";
    let mut versioned = |columns: &str| {
        shape(
            &format!("CREATE TABLE t ({columns}) WITH SYSTEM VERSIONING"),
            "11.8.3-MariaDB",
        )
        .key
    };
    assert_eq!(versioned(columns), [0, 4, 2, 1]);
    let columns_of_period = "a INT, s DATE, e DATE, PERIOD FOR p (s, e), PRIMARY KEY (a, e, s)";
    assert_eq!(versioned(columns_of_period), [0, 2, 1, 4]);
    let shown = "f TIMESTAMP(6) AS ROW START, t TIMESTAMP(6) AS ROW END, PERIOD FOR SYSTEM_TIME (f, t)";
    assert_eq!(versioned(&format!("{columns}, {shown}")), [0, 4, 2, 1]);
    let table = shape(
        "CREATE TABLE t (a INT, b INT, KEY ((a + 1), b, (a + 2)), UNIQUE (b))",
        "8.0.15",
    );
    assert_eq!(table.hidden, 2);
}

#[test]
fn names_have_no_characters_beyond_utf8mb3() {
    let tracker = after(&["CREATE TABLE 𩸽 (a INT, `b😀é` INT)", "ALTER TABLE `?` DROP a"]);
    let Tracked::Known(table) = tracker.table(&TableId::new("db", "?")) else {
        panic!("it is not known");
    };
    assert_eq!(table.shape().unwrap().columns[0].name, "b?é");
    assert_eq!(tracker.tables().count(), 1);
}

#[test]
fn names_in_another_case() {
    let mut tracker = tracker();
    let session = Session::new("DB", "9.7.4".parse().unwrap(), NameCase::Ignored);
    tracker.apply("CREATE TABLE Orders (Id INT)", &session);
    tracker.apply("ALTER TABLE db.ORDERS ADD Note INT, MODIFY id BIGINT", &session);
    tracker.apply("RENAME TABLE orders TO Größe", &session);
    assert_eq!(columns(&tracker, "größe"), ["id bigint null", "Note int null"]);
}

#[test]
fn timestamps_of_old_servers() {
    let mut tracker = tracker();
    tracker.apply(
        "CREATE TABLE t (a TIMESTAMP, b TIMESTAMP, c TIMESTAMP NULL)",
        &session("5.7.44"),
    );
    let Tracked::Known(table) = tracker.table(&TableId::new("db", "t")) else {
        panic!("it is not known");
    };
    let [a, b, c] = &table.columns[..] else {
        panic!("{table:?}")
    };
    assert_eq!(
        (a.nullable, a.default.as_deref(), a.on_update),
        (false, Some(&DefaultValue::Now(0)), Some(0))
    );
    assert!(!b.nullable && matches!(b.default.as_deref(), Some(DefaultValue::Literal(_))));
    assert!(c.nullable && c.default.as_deref() == Some(&DefaultValue::Null));
}

const WORDS: &str = "(ADD|DROP|COLUMN|INT|VARCHAR\\(9\\)|ENUM\\('a'\\)|TEXT|a|b|c|x|DEFAULT|NOT|NULL|KEY|UNIQUE|PRIMARY KEY|\\(a\\)|\
    \\(b,c\\)|,|,|,|CHANGE|MODIFY|AFTER|FIRST|TO|RENAME|CONVERT TO CHARACTER SET latin1|CHARACTER SET utf8mb4|COLLATE|'a'|5|\
    AUTO_INCREMENT|AS \\(a\\)|TIMESTAMP|JSON|COMMENT|SET|ALTER|INVISIBLE|INDEX|FOREIGN KEY|REFERENCES|CONSTRAINT)";

/// Each table that is known is read again from its definition.
fn all_come_back(tracker: &SchemaTracker, server: &str) {
    for table in tracker.tables() {
        let definition = table.definition();
        let session = Session::of_definition(&table.id.database, server.parse().unwrap(), NameCase::Matters);
        let mut alone = SchemaTracker::new();
        alone.apply(&definition, &session);
        assert_eq!(alone.table(&table.id), Tracked::Known(table), "{definition}");
    }
}

proptest! {
    #[test]
    fn any_statement_has_an_outcome(words in prop::collection::vec(WORDS, 0..12)) {
        let mut tracker = after(&["CREATE TABLE t (a INT, b VARCHAR(9), c TEXT, KEY k (a, b))"]);
        for start in ["CREATE TABLE x (a INT ", "CREATE TABLE y (a ", "ALTER TABLE t ", ""] {
            let _ = tracker.apply(&format!("{start}{}", words.join(" ")), &session("9.7.4"));
            let _ = tracker.apply(&format!("{start}{})", words.join(" ")), &session("9.7.4"));
        }
        all_come_back(&tracker, "9.7.4");
    }

    #[test]
    fn any_text_has_an_outcome(sql: String, sql_mode: u64) {
        let session = Session { sql_mode, ..session("11.8.2-MariaDB") };
        let _ = tracker().apply(&sql, &session);
    }
}
