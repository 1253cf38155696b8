use super::any;
use crate::schema::tracked::{Collation, Outcome, SchemaTracker, Tracked, TrackedTable};
use crate::schema::{NameCase, Session};
use rowtide_event::TableId;

fn session(server: &str) -> Session<'static> {
    Session::new("db", server.parse().unwrap(), NameCase::Matters)
}

/// The table `t` after statements.
fn made(server: &str, statements: &[&str]) -> TrackedTable {
    let mut tracker = SchemaTracker::new();
    tracker.set_database("db", Collation::from_name("utf8mb4_general_ci").unwrap());
    for sql in statements {
        let outcome = tracker.apply(sql, &session(server));
        assert!(matches!(outcome, Outcome::Changes(_)), "{sql}: {outcome:?}");
    }
    known(&tracker, &TableId::new("db", "t"))
}

fn known(tracker: &SchemaTracker, id: &TableId) -> TrackedTable {
    match tracker.table(id) {
        Tracked::Known(table) => (**table).clone(),
        other => panic!("{other:?}"),
    }
}

/// The table that is read from a definition of this one, by a tracker that knows nothing.
fn read(server: &str, table: &TrackedTable, definition: &str) -> TrackedTable {
    let mut tracker = SchemaTracker::new();
    let session = Session::of_definition("db", server.parse().unwrap(), NameCase::Matters);
    let outcome = tracker.apply(definition, &session);
    assert!(
        matches!(outcome, Outcome::Changes(_)),
        "{definition}: {outcome:?}"
    );
    known(&tracker, &table.id)
}

/// The definition after statements, from which the same table comes.
fn definition(server: &str, statements: &[&str]) -> String {
    let table = made(server, statements);
    let definition = table.definition();
    assert_eq!(read(server, &table, &definition), table, "{definition}");
    definition
}

#[test]
fn as_a_server_shows_it() {
    let sql = "CREATE TABLE t (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) CHARACTER SET latin1 NOT NULL \
        DEFAULT 'it''s', price DECIMAL(10,2), state ENUM('new','a''b','c\\\\d') DEFAULT 'new', \
        seen TIMESTAMP(3) NULL ON UPDATE NOW(3) DEFAULT NOW(3), total INT GENERATED ALWAYS AS (price * 2) STORED, note TEXT COMMENT 'free', \
        at POINT NOT NULL SRID 4326, hidden INT INVISIBLE DEFAULT (1 + 2), UNIQUE KEY by_name (name(10) DESC, price), \
        KEY (state) INVISIBLE, KEY e ((price + 1))) COMMENT 'all'";
    let expected = "\
CREATE TABLE `t` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL DEFAULT 'it''s',
  `price` decimal(10,2) DEFAULT NULL,
  `state` enum('new','a''b','c\\\\d') DEFAULT 'new',
  `seen` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  `total` int GENERATED ALWAYS AS (price * 2) STORED,
  `note` text COMMENT 'free',
  `at` point NOT NULL /*!50700 SRID 4326 *//*M! REF_SYSTEM_ID=4326 */,
  `hidden` int DEFAULT (1 + 2) INVISIBLE,
  PRIMARY KEY (`id`),
  UNIQUE KEY `by_name` (`name`(10) DESC,`price`),
  KEY `state` (`state`) /*!50700 INVISIBLE *//*M! IGNORED */,
  KEY `e` ((/* expression */))
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='all'";
    assert_eq!(definition("9.7.4", &[sql]), expected);
}

#[test]
fn of_mariadb() {
    let sql = "CREATE TABLE t (a INT(5) ZEROFILL, j JSON, z VARCHAR(9) COMPRESSED, f DATE NOT NULL, u DATE NOT NULL, \
        s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, \
        PERIOD FOR SYSTEM_TIME (s, e), PERIOD FOR p (f, u), UNIQUE (a, p WITHOUT OVERLAPS), KEY (z) IGNORED, \
        CONSTRAINT k FOREIGN KEY (f) REFERENCES o (f)) WITH SYSTEM VERSIONING COLLATE latin1_bin";
    let expected = "\
CREATE TABLE `t` (
  `a` int(5) unsigned zerofill DEFAULT NULL,
  `j` longtext /*R! DECLARED JSON */ CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `z` varchar(9) /*M!100301 COMPRESSED*/ DEFAULT NULL,
  `f` date NOT NULL,
  `u` date NOT NULL,
  `s` timestamp(6) GENERATED ALWAYS AS ROW START NOT NULL,
  `e` timestamp(6) GENERATED ALWAYS AS ROW END NOT NULL,
  UNIQUE KEY `a` (`a`,`e`,`p` WITHOUT OVERLAPS),
  KEY `z` (`z`) /*!50700 INVISIBLE *//*M! IGNORED */,
  KEY `k` (`f`) /*R! FOREIGN */,
  PERIOD FOR SYSTEM_TIME (`s`, `e`),
  PERIOD FOR `p` (`f`, `u`)
) DEFAULT CHARSET=latin1 COLLATE=latin1_bin WITH SYSTEM VERSIONING";
    assert_eq!(definition("11.8.2-MariaDB", &[sql]), expected);
}

#[test]
fn sequences() {
    let definition = definition("11.8.2-MariaDB", &["CREATE SEQUENCE t AS SMALLINT"]);
    let lines: Vec<&str> = definition.lines().collect();
    assert_eq!(
        lines[1],
        "  `next_not_cached_value` smallint(7) /*R! DECLARED BIGINT(21) */ NOT NULL,"
    );
    assert_eq!(
        lines.last(),
        Some(&") DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci SEQUENCE=1")
    );
}

#[test]
fn what_sql_cannot_say_stands_in_comments() {
    let column = |server: &str, statements: &[&str]| {
        let definition = definition(server, statements);
        definition.lines().nth(1).unwrap().trim().to_owned()
    };
    for (sql, text) in [
        (
            "SERIAL",
            "bigint unsigned /*R! DECLARED SERIAL */ NOT NULL AUTO_INCREMENT,",
        ),
        ("BOOLEAN", "tinyint(1) /*R! DECLARED BOOLEAN */ DEFAULT NULL"),
        ("VARCHAR(70000)", "mediumtext /*R! DECLARED VARCHAR(70000) */"),
        (
            "CHAR(3) BINARY",
            "char(3) /*R! DECLARED CHAR(3) BINARY */ CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL",
        ),
        ("DECIMAL", "decimal DEFAULT NULL"),
        ("NUMERIC", "decimal(10,0) /*R! DECLARED NUMERIC */ DEFAULT NULL"),
        (
            "ENUM(\"a*/\", '\\b')",
            "enum('a*/','\u{8}') /*R! DECLARED ENUM('\"a*\\/\"','''\\\\b''') */ DEFAULT NULL",
        ),
        (
            "INT DEFAULT (1 /* one */)",
            "int DEFAULT (/*R! EXPRESSION '1 /* one *\\/' */)",
        ),
        ("INT AS (2 -- two\n)", "int GENERATED ALWAYS AS (2 -- two"),
    ] {
        let create = format!("CREATE TABLE t (a {sql})");
        assert_eq!(column("9.7.4", &[&create]), format!("`a` {text}"));
    }
    assert_eq!(
        column(
            "9.7.4",
            &["CREATE TABLE t (a INT)", "ALTER TABLE t ALTER a DROP DEFAULT"]
        ),
        "`a` int /*R! NO DEFAULT */"
    );
}

#[test]
fn of_other_sql_modes() {
    const NO_BACKSLASH_ESCAPES: u64 = 0x10_0000;
    let session = Session {
        sql_mode: NO_BACKSLASH_ESCAPES,
        ..session("9.7.4")
    };
    let mut tracker = SchemaTracker::new();
    tracker.set_database("db", Collation::from_name("utf8mb4_general_ci").unwrap());
    tracker.apply(
        "CREATE TABLE t (a CHAR(9) DEFAULT 'x\\', b INT AS (instr('\\', '(')), c ENUM('\\'))",
        &session,
    );
    let table = known(&tracker, &TableId::new("db", "t"));
    let definition = table.definition();
    let lines: Vec<&str> = definition.lines().collect();
    assert_eq!(
        lines[1..4],
        [
            "  `a` char(9) DEFAULT 'x\\\\' /*R! WRITTEN '''x\\\\''' NO_BACKSLASH_ESCAPES */,",
            "  `b` int GENERATED ALWAYS AS (/*R! EXPRESSION 'instr(''\\\\'', ''('')' */) VIRTUAL,",
            "  `c` enum('\\\\') /*R! DECLARED ENUM */ DEFAULT NULL",
        ]
    );
    assert_eq!(read("9.7.4", &table, &definition), table);
}

proptest::proptest! {
    #[test]
    fn any_table_comes_back(table in any::table()) {
        let definition = table.definition();
        proptest::prop_assert_eq!(&read("11.8.2-MariaDB", &table, &definition), &table);
        let table = any::without_what_only_mariadb_has(table);
        let definition = table.definition();
        proptest::prop_assert_eq!(read("9.7.4", &table, &definition), table);
    }
}
