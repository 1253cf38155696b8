//! `binlog_row_image` MINIMAL and NOBLOB: what neither image of an update has did not change.

use rowtide_binlog::decoder::DecodeErrorKind;
use rowtide_binlog::event::EventType;
use rowtide_binlog::event::file::BinlogFile;
use rowtide_event::BinlogPosition;

use super::follow::{Follow, now};
use super::{database, mysql_since, server};
use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};

/// Columns that change with others: generated ones, by a trigger, by ON UPDATE. No virtual column is a BLOB or TEXT: of those
/// MySQL 5.7.22 and 8.0.15 log memory that they have freed, in images before an update.
const TABLES: &str = "
    CREATE TABLE keyed (id INT PRIMARY KEY, n INT DEFAULT 7, t TEXT, b BLOB, j JSON, v VARCHAR(50) DEFAULT 'd',
        at TIMESTAMP(6) NULL ON UPDATE CURRENT_TIMESTAMP(6), g INT AS (n + 1) STORED, gv INT AS (n + 2) VIRTUAL,
        free INT AS (n + 3) VIRTUAL, jv VARCHAR(40) AS (j->>'$.a') VIRTUAL, changed INT DEFAULT 0, INDEX (gv));
    CREATE TABLE keyless LIKE keyed; ALTER TABLE keyless DROP PRIMARY KEY;
    CREATE TABLE uniq LIKE keyed; ALTER TABLE uniq DROP PRIMARY KEY, ADD UNIQUE (id);
    CREATE TABLE isam LIKE keyed; ALTER TABLE isam DROP INDEX gv, ENGINE = MyISAM;
    CREATE TRIGGER keyed_u BEFORE UPDATE ON keyed FOR EACH ROW SET NEW.changed = OLD.changed + 1;
    CREATE TRIGGER keyless_u BEFORE UPDATE ON keyless FOR EACH ROW SET NEW.changed = OLD.changed + 1;
    CREATE TABLE parent (id INT PRIMARY KEY, t TEXT);
    CREATE TABLE child (id INT PRIMARY KEY, t TEXT, parent INT,
        FOREIGN KEY (parent) REFERENCES parent (id) ON UPDATE CASCADE ON DELETE SET NULL);
    INSERT INTO parent VALUES (1, 'one'), (2, 'two');
    INSERT INTO child VALUES (1, 'of one', 1), (2, 'of two', 2);
";

const INSERTS: &str = r#"
    INSERT INTO {t} (id, n, t, b, j) VALUES (1, 1, 'text', 'blob', '{"a": [1, 2], "b": "x"}'), (2, NULL, NULL, NULL, NULL);
    INSERT INTO {t} (id) VALUES (3)"#;

const CHANGES: &[&str] = &[
    "UPDATE {t} SET n = n + 1",
    "UPDATE {t} SET t = 'other' WHERE id = 1",
    "UPDATE {t} SET t = CONCAT(t, '!'), v = b",
    "UPDATE {t} SET j = '[1.5]' WHERE id = 2",
    "UPDATE {t} SET id = id + 10 ORDER BY id DESC",
    "UPDATE {t} SET n = 5 ORDER BY id LIMIT 1",
    "UPDATE {t} SET n = n, v = 'same n'",
    "UPDATE {t} a, {t} b SET a.v = 'several', b.t = 'tables' WHERE a.id = b.id - 1",
    "UPDATE {t} SET b = NULL, n = NULL",
    "UPDATE {t} SET j = JSON_SET(j, '$.a[0]', 5) WHERE id = 11",
    "DELETE FROM {t} WHERE id = 13",
];

/// Changes that bring others with them, which servers log since MySQL 9.6.
const CASCADES: &str = "UPDATE parent SET id = id + 10; DELETE FROM parent WHERE id = 12";

/// Inserts whole rows and changes them with the row image that is asked for.
async fn changed(server: &MySql, table: &str, settings: &str) -> (String, BinlogPosition) {
    let name = database(server, "image");
    let from = now(server).await;
    let inserts = INSERTS.replace("{t}", table);
    server.sql(&format!("USE {name}; {TABLES}; {inserts}")).unwrap();
    let changes = CHANGES.join(";").replace("{t}", table);
    server.sql(&format!("USE {name}; {settings}; {changes}")).unwrap();
    (name, from)
}

#[tokio::test]
async fn what_is_in_neither_image_has_not_changed() {
    for server in mysql_since(ServerVersion::MySql57) {
        for image in ["MINIMAL", "NOBLOB"] {
            for table in ["keyed", "uniq", "keyless", "isam"] {
                let (name, from) = changed(server, table, &format!("SET binlog_row_image = {image}")).await;
                let follow = Follow::database(server, &name, &from).await;
                follow.assert_equal(server);
                // A table without a key has its whole rows before the change, and so all is known after it.
                let unavailable = follow.unavailable.contains_key(table);
                assert_eq!(unavailable, table != "keyless", "{image} {table}");
            }
        }
    }
}

#[tokio::test]
async fn rows_of_version_1() {
    for version in [ServerVersion::MySql57, ServerVersion::MySql80] {
        let server = MySql::start(MySqlOptions {
            arguments: vec!["--log-bin-use-v1-row-events=1".to_owned()],
            ..MySqlOptions::of(version)
        })
        .unwrap();
        for image in ["FULL", "MINIMAL", "NOBLOB"] {
            let (name, from) = changed(&server, "keyed", &format!("SET binlog_row_image = {image}")).await;
            Follow::database(&server, &name, &from)
                .await
                .assert_equal(&server);
        }
        let bytes = std::fs::read(server.datadir().join("binlog.000001")).unwrap();
        let mut file = BinlogFile::open(&bytes[..], 1 << 20).unwrap();
        let mut types = Vec::new();
        while let Some(event) = file.next_event().unwrap() {
            types.push(event.header.event_type);
        }
        use EventType::{DeleteRowsV1, UpdateRowsV1, WriteRowsV1};
        assert!(
            [WriteRowsV1, UpdateRowsV1, DeleteRowsV1]
                .iter()
                .all(|ty| types.contains(ty))
        );
        assert!(!types.contains(&EventType::UpdateRows));
    }
}

#[tokio::test]
async fn cascades_and_columns_of_functional_indexes() {
    for image in ["FULL", "MINIMAL", "NOBLOB"] {
        let (name, from) = changed(server(), "keyed", &format!("SET binlog_row_image = {image}")).await;
        server()
            .sql(&format!("USE {name}; SET binlog_row_image = {image}; {CASCADES}"))
            .unwrap();
        Follow::database(server(), &name, &from)
            .await
            .assert_equal(server());
    }
    // MySQL 8.0.13 to 8.0.17 log the hidden column of a functional index as one of the table.
    for image in ["FULL", "MINIMAL", "NOBLOB"] {
        let name = database(server(), "functional");
        let from = now(server()).await;
        server()
            .sql(&format!(
                "USE {name}; CREATE TABLE t (id INT PRIMARY KEY, n INT, t TEXT, u TEXT AS (CONCAT(t, n)) VIRTUAL,
                   INDEX ((n * 2)), INDEX ((LEFT(t, 3))), v INT, j JSON, INDEX ((CAST(j->'$.a' AS UNSIGNED ARRAY))));
                 INSERT INTO t (id, n, t, v, j) VALUES (1, 2, 'text', 3, '{{\"a\": [1, 2]}}'), (2, NULL, NULL, NULL, NULL); SET binlog_row_image = {image};
                 UPDATE t SET n = 3; UPDATE t SET v = 4; UPDATE t SET t = 'x'; UPDATE t SET id = id + 10; DELETE FROM t WHERE id = 12"
            ))
            .unwrap();
        Follow::database(server(), &name, &from)
            .await
            .assert_equal(server());
    }
}

#[tokio::test]
async fn differences_come_with_their_documents_or_stop() {
    let partial = "SET binlog_row_value_options = PARTIAL_JSON, binlog_row_image";
    for server in mysql_since(ServerVersion::MySql80) {
        for (image, table) in [
            ("FULL", "keyed"),
            ("NOBLOB", "keyed"),
            ("NOBLOB", "keyless"),
            ("MINIMAL", "keyless"),
        ] {
            let (name, from) = changed(server, table, &format!("{partial} = {image}")).await;
            let follow = Follow::database(server, &name, &from).await;
            follow.assert_equal(server);
            assert!(follow.partial_updates > 0, "{image} {table}");
        }
        let (name, from) = changed(server, "keyed", &format!("{partial} = MINIMAL")).await;
        let error = Follow::read(server, &name, &from).await.err().unwrap();
        assert!(matches!(error.cause, DecodeErrorKind::NoDocument), "{error}");
        let place = format!("table {name}.keyed)");
        assert!(error.to_string().ends_with(&place), "{error}");
    }
}

/// An insert leaves out columns that were given no value: they have their defaults, which the binlog does not tell.
#[tokio::test]
async fn defaults_are_not_in_a_minimal_image() {
    let name = database(server(), "image");
    let from = now(server()).await;
    server()
        .sql(&format!(
            "CREATE TABLE {name}.t (id INT AUTO_INCREMENT PRIMARY KEY, d INT DEFAULT 7, n INT, t TEXT);
             SET binlog_row_image = MINIMAL; INSERT INTO {name}.t (n) VALUES (1);
             SET binlog_row_image = NOBLOB; INSERT INTO {name}.t (n) VALUES (2)"
        ))
        .unwrap();
    let follow = Follow::database(server(), &name, &from).await;
    assert_eq!(
        follow.shown("t"),
        ["id 1, d absent, n 1, t absent", "id 2, d 7, n 2, t absent"]
    );
}
