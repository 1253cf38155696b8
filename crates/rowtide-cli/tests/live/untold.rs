//! What a table is depends on settings of the session, on the storage engine or on tables that are not in the binlog.

use rowtide_testbed::{MySql, MySqlOptions, Record, ServerVersion};
use serde_json::{Value, json};

use crate::same_names::{run, without_names};
use crate::schema::rows;
use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed, text};

/// The stream holds something that cannot be followed.
const STREAM: i32 = 7;

/// MariaDB logs nothing of it.
#[test]
fn utf8_is_short_for_what_the_sessions_old_mode_says() {
    for row_metadata in ["NO_LOG", "MINIMAL", "FULL"] {
        let mariadb = MySql::start(MySqlOptions {
            row_metadata,
            ..MySqlOptions::of(ServerVersion::MariaDb118)
        })
        .unwrap();
        let prefix = format!("own_mode_{}", row_metadata.to_ascii_lowercase());
        let start = stage::position(&mariadb);
        mariadb
            .sql(&format!(
                "SET NAMES utf8mb4; SET old_mode = ''; CREATE DATABASE {prefix} CHARACTER SET utf8; USE {prefix};
                 CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), b TEXT COLLATE utf8_bin, e ENUM('é', 'b'));
                 INSERT INTO t VALUES (1, '😀', 'b', 'é');
                 ALTER TABLE t ADD c CHAR(9) CHARACTER SET utf8; INSERT INTO t VALUES (2, 'a', 'b', 'b', '😀')"
            ))
            .unwrap();
        succeed(&mut run(&mariadb, &prefix, &start));
        assert_eq!(
            rows(&prefix, &format!("{prefix}.t")),
            [
                json!({"id": 1, "a": "😀", "b": "b", "e": "é"}),
                json!({"id": 2, "a": "a", "b": "b", "e": "b", "c": "😀"})
            ],
            "{row_metadata}"
        );
    }
}

/// Runs statements while the program follows, which asks the server only for what it does not know, until tables have as
/// many records.
fn follow(server: &MySql, prefix: &str, statements: &str, tables: &[(&str, usize)]) {
    let mut command = stage::run(server, stage::kafka(), prefix, prefix);
    command.args([
        "--start",
        &stage::position(server),
        "--source-ssl-mode",
        "disabled",
    ]);
    server
        .sql(&format!(
            "CREATE DATABASE {prefix} CHARACTER SET latin1; CREATE TABLE {prefix}.first (id INT PRIMARY KEY);
             INSERT INTO {prefix}.first VALUES (1)"
        ))
        .unwrap();
    let _running = Running::start(&mut command);
    let has = |table: &str, number: usize| {
        eventually("the rows are there", || {
            records(stage::kafka(), &format!("{prefix}.{prefix}.{table}")).len() >= number
        });
    };
    has("first", 1);
    server.sql(&format!("USE {prefix}; {statements}")).unwrap();
    tables.iter().for_each(|(table, number)| has(table, *number));
}

/// In place of CREATE TABLE ... LIKE servers log a text without the character set that the temporary table has.
#[test]
fn a_table_like_a_temporary_one_has_its_character_set() {
    let old = [
        ServerVersion::MySql57,
        ServerVersion::MariaDb1011,
        ServerVersion::MariaDb118,
    ];
    for version in old {
        let (server, prefix) = without_names(version, "like");
        // What a client has written in the same form, of a table that the server could not be asked for.
        let own = "CREATE TABLE own (\n  id int(11) NOT NULL,\n  a varchar(9) DEFAULT NULL,\n  PRIMARY KEY (id)\n\
                   ) ENGINE=InnoDB; INSERT INTO own VALUES (1, 'é'); DROP TABLE own;";
        let statements = "CREATE TEMPORARY TABLE g (id INT PRIMARY KEY, a VARCHAR(9), e ENUM('é', 'б') CHARACTER SET utf8mb4)
             CHARACTER SET cp1251; CREATE TABLE t LIKE g; INSERT INTO t VALUES (1, 'бю', 'б');
             CREATE TABLE u LIKE information_schema.character_sets; INSERT INTO u VALUES ('é', 'ж', '', 1);
             SET sql_mode = 'ANSI'; CREATE TABLE ansi LIKE g; INSERT INTO ansi VALUES (1, 'бю', 'б');
             SET sql_mode = 'NO_TABLE_OPTIONS'; CREATE TABLE bare LIKE g; INSERT INTO bare VALUES (1, 'бю', 'б');
             SET sql_mode = '', sql_quote_show_create = 0; CREATE TABLE plain LIKE g;
             INSERT INTO plain VALUES (1, 'бю', 'б')";
        let all = [
            ("own", 1),
            ("t", 1),
            ("u", 1),
            ("ansi", 1),
            ("bare", 1),
            ("plain", 1),
        ];
        follow(&server, &prefix, &format!("{own} {statements}"), &all);
        assert_eq!(
            rows(&prefix, &format!("{prefix}.own")),
            [json!({"id": 1, "a": "é"})],
            "{version}"
        );
        for table in ["t", "ansi", "bare", "plain"] {
            assert_eq!(
                rows(&prefix, &format!("{prefix}.{table}")),
                [json!({"id": 1, "a": "бю", "e": "б"})],
                "{version} {table}"
            );
        }
        let of_schema: Vec<(Value, Value)> = rows(&prefix, &format!("{prefix}.u"))
            .into_iter()
            .map(|row| {
                (
                    row["CHARACTER_SET_NAME"].clone(),
                    row["DEFAULT_COLLATE_NAME"].clone(),
                )
            })
            .collect();
        assert_eq!(of_schema, [(json!("é"), json!("ж"))], "{version}");
    }
}

/// MariaDB writes this text as it does the one above, but the character set is that of the database, and rows come with it.
#[test]
fn a_table_made_of_a_query_is_known_from_its_statement() {
    for version in [ServerVersion::MariaDb1011, ServerVersion::MariaDb118] {
        let (server, prefix) = without_names(version, "selected");
        let start = stage::position(&server);
        server
            .sql(&format!(
                "CREATE DATABASE {prefix} CHARACTER SET cp1251; USE {prefix};
                 CREATE TABLE t (PRIMARY KEY (id)) ENGINE=InnoDB SELECT 1 AS id, CONVERT('бю' USING cp1251) AS a;
                 CREATE TABLE u (id INT PRIMARY KEY, a VARCHAR(9)) ENGINE=MyISAM SELECT id, a FROM t WHERE id = 2;
                 INSERT INTO u VALUES (2, 'я'); ALTER TABLE t ADD b INT FIRST; ALTER TABLE u ADD b INT FIRST"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        let rows = |table: &str| rows(&prefix, &format!("{prefix}.{table}"));
        assert_eq!(rows("t"), [json!({"id": 1, "a": "бю"})], "{version}");
        assert_eq!(rows("u"), [json!({"id": 2, "a": "я"})], "{version}");
    }
}

/// With these modes servers show no options of a table, and so not the character set that the statement has.
#[test]
fn a_table_made_of_a_query_without_options_has_its_character_set() {
    for (version, row_metadata, gtid) in [
        (ServerVersion::MySql57, "", false),
        (ServerVersion::MariaDb1011, "NO_LOG", true),
        (ServerVersion::MariaDb118, "NO_LOG", true),
    ] {
        let options = MySqlOptions {
            row_metadata,
            gtid,
            ..MySqlOptions::of(version)
        };
        let server = MySql::start(options).unwrap();
        let prefix = format!("optionless_{}", version.name().replace(['-', '.'], "_"));
        let statements = "SET sql_mode = 'ANSI';
             CREATE TABLE ansi (a VARCHAR(9)) CHARACTER SET cp1251 SELECT 1 AS id, 'бю' AS a;
             SET sql_mode = 'NO_TABLE_OPTIONS';
             CREATE TABLE bare (a VARCHAR(9)) CHARACTER SET cp1251 SELECT 1 AS id, 'бю' AS a";
        follow(&server, &prefix, statements, &[("ansi", 1), ("bare", 1)]);
        for table in ["ansi", "bare"] {
            assert_eq!(
                rows(&prefix, &format!("{prefix}.{table}")),
                [json!({"id": 1, "a": "бю"})],
                "{version} {table}"
            );
        }
    }
}

/// Where a file of somebody else lies in its folder, the tables are gone and so is the character set, which the binlog does
/// not tell; CREATE DATABASE IF NOT EXISTS gives it none.
#[test]
fn a_database_that_could_not_be_dropped_has_lost_its_character_set() {
    for version in [
        ServerVersion::MySql57,
        ServerVersion::MariaDb1011,
        ServerVersion::MariaDb118,
    ] {
        let (server, prefix) = without_names(version, "undropped");
        let start = stage::position(&server);
        let made = format!("CREATE DATABASE {prefix} CHARACTER SET cp1251; CREATE TABLE {prefix}.t (id INT)");
        server.sql(&made).unwrap();
        std::fs::write(server.datadir().join(&prefix).join("note.txt"), "").unwrap();
        assert!(
            server.sql(&format!("DROP DATABASE {prefix}")).is_err(),
            "{version}"
        );
        server
            .sql(&format!(
                "CREATE DATABASE IF NOT EXISTS {prefix} CHARACTER SET cp1251; SET collation_server = greek_general_ci;
                 USE {prefix}; CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9)); INSERT INTO t VALUES (1, 'ω')"
            ))
            .unwrap();
        succeed(&mut run(&server, &prefix, &start));
        assert_eq!(
            rows(&prefix, &format!("{prefix}.t")),
            [json!({"id": 1, "a": "ω"})],
            "{version}"
        );
    }
}

/// The names of the columns in the key of a topic's last record.
fn key_of(prefix: &str, table: &str) -> Vec<String> {
    let all: Vec<Record> = records(stage::kafka(), &format!("{prefix}.{prefix}.{table}"));
    let Some(key) = text(&all.last().unwrap().key) else {
        return Vec::new();
    };
    let key: Value = serde_json::from_str(&key).unwrap();
    key.as_object().unwrap().keys().cloned().collect()
}

/// Which keys MariaDB makes of hashes depends on the storage engine; a key of hashes is not the table's.
#[test]
fn keys_of_hashes_are_no_tables_key() {
    for version in [ServerVersion::MariaDb1011, ServerVersion::MariaDb118] {
        let (server, prefix) = without_names(version, "hashes");
        let start = stage::position(&server);
        let tables = [
            ("innodb", "a VARBINARY(1500)", "", "InnoDB", "a"),
            ("told", "a VARBINARY(15)", "USING HASH", "InnoDB", "b"),
            ("myisam", "a VARBINARY(1500)", "", "MyISAM", "b"),
            ("aria", "a VARBINARY(1500)", "", "Aria", "a"),
            ("memory", "a VARBINARY(15)", "USING HASH", "MEMORY", "a"),
        ];
        server.sql(&format!("CREATE DATABASE {prefix}")).unwrap();
        for (table, column, using, engine, _) in tables {
            server
                .sql(&format!(
                    "USE {prefix}; CREATE TABLE {table} ({column} NOT NULL, b INT NOT NULL, UNIQUE ua (a) {using}, \
                     UNIQUE ub (b)) ENGINE={engine}; INSERT INTO {table} VALUES ('a', 1)"
                ))
                .unwrap();
        }
        succeed(&mut run(&server, &prefix, &start));
        let keys: Vec<Vec<String>> = tables.iter().map(|table| key_of(&prefix, table.0)).collect();
        let expected: Vec<Vec<String>> = tables.iter().map(|table| vec![table.4.to_owned()]).collect();
        assert_eq!(keys, expected, "{version}: without metadata");
        server.sql("SET GLOBAL binlog_row_metadata = FULL").unwrap();
        for (table, ..) in tables {
            server
                .sql(&format!("INSERT INTO {prefix}.{table} VALUES ('b', 2)"))
                .unwrap();
        }
        succeed(&mut run(&server, &prefix, &start));
        let keys: Vec<Vec<String>> = tables.iter().map(|table| key_of(&prefix, table.0)).collect();
        assert_eq!(keys, expected, "{version}: as the server says");
        server.sql("SET GLOBAL binlog_row_metadata = NO_LOG").unwrap();
        let moved = "CREATE TABLE moved LIKE memory; ALTER TABLE moved ENGINE=InnoDB; INSERT INTO moved VALUES ('a', 1)";
        server.sql(&format!("USE {prefix}; {moved}")).unwrap();
        succeed(&mut run(&server, &prefix, &start));
        assert_eq!(key_of(&prefix, "moved"), [""; 0], "{version}");
        server.sql("SET GLOBAL binlog_row_metadata = FULL").unwrap();
        let more = format!("INSERT INTO {prefix}.moved VALUES ('b', 2)");
        server.sql(&more).unwrap();
        succeed(&mut run(&server, &prefix, &start));
        assert_eq!(key_of(&prefix, "moved"), [""; 0], "{version}: as the server says");
    }
}

/// With `old_alter_table` MySQL makes anew what it leaves as it is without.
#[test]
fn keys_that_are_dropped_and_added_again_stay_or_move() {
    for version in [
        ServerVersion::MySql57,
        ServerVersion::MySql80,
        ServerVersion::MySql97,
    ] {
        let (server, prefix) = without_names(version, "readded");
        for engine in ["InnoDB", "MyISAM"] {
            let [stays, moves] = ["stays", "moves"].map(|name| format!("{name}_{engine}"));
            let prefix = format!("{prefix}_{}", engine.to_ascii_lowercase());
            let statements = format!(
                "CREATE TABLE {stays} (a INT NOT NULL, b INT NOT NULL, UNIQUE ua (a), UNIQUE ub (b)) ENGINE={engine};
                 CREATE TABLE {moves} LIKE {stays}; ALTER TABLE {stays} DROP INDEX ua, ADD UNIQUE ua (a);
                 SET old_alter_table = 1; ALTER TABLE {moves} DROP INDEX ua, ADD UNIQUE ua (a);
                 INSERT INTO {stays} VALUES (1, 2); INSERT INTO {moves} VALUES (1, 2)"
            );
            follow(&server, &prefix, &statements, &[(&stays, 1), (&moves, 1)]);
            assert_eq!(key_of(&prefix, &stays), ["a"], "{version} {engine}");
            assert_eq!(key_of(&prefix, &moves), ["b"], "{version} {engine}");
        }
    }
}

/// Servers keep the bytes of labels where a column gets another character set, and show something else in their place.
#[test]
fn a_row_whose_label_is_no_text_stops_the_stream() {
    for (version, row_metadata) in [
        (ServerVersion::MySql57, ""),
        (ServerVersion::MySql97, "MINIMAL"),
        (ServerVersion::MySql97, "FULL"),
        (ServerVersion::MariaDb118, "NO_LOG"),
        (ServerVersion::MariaDb118, "FULL"),
    ] {
        let options = MySqlOptions {
            row_metadata,
            ..MySqlOptions::of(version)
        };
        let server = MySql::start(options.with("--sql-mode=")).unwrap();
        let prefix = format!(
            "no_text_{}_{row_metadata}",
            version.name().replace(['-', '.'], "_")
        );
        let database = prefix.to_ascii_lowercase();
        let prefix = database.as_str();
        let start = stage::position(&server);
        let sql = |sql: &str| server.sql(&format!("USE {prefix}; {sql}")).unwrap();
        server.sql(&format!("CREATE DATABASE {prefix}")).unwrap();
        sql("CREATE TABLE t (id INT PRIMARY KEY, e ENUM('\u{e4}','b'), s SET('a\u{e4}','b')) CHARACTER SET latin1;
             INSERT INTO t VALUES (1, '\u{e4}', 'a\u{e4},b'); ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4");
        let late = stage::position(&server);
        sql("INSERT INTO t VALUES (2, 'b', 'b')");
        succeed(&mut run(&server, prefix, &start));
        sql("INSERT INTO t VALUES (3, 'b', 'b')");
        succeed(&mut run(&server, prefix, &start));
        let b = |id: i64| json!({"id": id, "e": "b", "s": "b"});
        let first = json!({"id": 1, "e": "\u{e4}", "s": "a\u{e4},b"});
        let of_table = |prefix: &str| rows(prefix, &format!("{database}.t"));
        assert_eq!(of_table(prefix), [first, b(2), b(3)], "{version} {row_metadata}");
        if row_metadata == "FULL" {
            let prefix = format!("{database}_late");
            let mut run = stage::run(&server, stage::kafka(), &prefix, &database);
            succeed(run.args([
                "--start",
                &late,
                "--until-idle",
                "300ms",
                "--source-ssl-mode",
                "disabled",
            ]));
            assert_eq!(
                of_table(&prefix),
                [b(2), b(3)],
                "{version}, from behind the statement"
            );
        }
        sql("ALTER TABLE t CONVERT TO CHARACTER SET latin1; INSERT INTO t VALUES (4, '\u{e4}', 'a\u{e4}')");
        succeed(&mut run(&server, prefix, &start));
        let back = json!({"id": 4, "e": "\u{e4}", "s": "a\u{e4}"});
        assert_eq!(of_table(prefix).pop(), Some(back), "{version} {row_metadata}");
        sql("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4; INSERT INTO t VALUES (5, 1, 'b')");
        let said = fail(&mut run(&server, prefix, &start), STREAM);
        assert_says(
            &said,
            &[
                "member of an ENUM or SET whose bytes are no text",
                &format!("{prefix}.t"),
            ],
        );
    }
}

/// Servers keep the bytes that a statement gives for a label, whatever they show of them.
#[test]
fn a_label_that_was_given_as_bytes_which_are_no_text_is_not_taken_for_a_question_mark() {
    for version in ServerVersion::ALL {
        let (server, prefix) = without_names(version, "no_text_given");
        let start = stage::position(&server);
        let sql = |sql: &str| server.sql(&format!("USE {prefix}; {sql}")).unwrap();
        server
            .sql(&format!("CREATE DATABASE {prefix} CHARACTER SET utf8mb4"))
            .unwrap();
        sql(
            "CREATE TABLE t (id INT PRIMARY KEY, e ENUM('b', 0xE420), s SET('b', 0x61E4));
             CREATE TABLE u LIKE t; INSERT INTO t VALUES (1, 'b', 'b');
             ALTER TABLE t CONVERT TO CHARACTER SET latin1; INSERT INTO t VALUES (2, 2, 2);
             INSERT INTO u VALUES (1, 'b', 'b')",
        );
        succeed(&mut run(&server, &prefix, &start));
        let rows = |table: &str| rows(&prefix, &format!("{prefix}.{table}"));
        let b = json!({"id": 1, "e": "b", "s": "b"});
        assert_eq!(rows("u"), std::slice::from_ref(&b), "{version}");
        assert_eq!(rows("t"), [b, json!({"id": 2, "e": "ä", "s": "aä"})], "{version}");
        sql("INSERT INTO u VALUES (2, 2, 'b')");
        let said = fail(&mut run(&server, &prefix, &start), STREAM);
        assert_says(&said, &["whose bytes are no text", &format!("{prefix}.u")]);
    }
}
