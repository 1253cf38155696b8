//! `binlog_row_image` MINIMAL and NOBLOB: what neither image of an update has did not change.

use rowtide_binlog::decoder::DecodeErrorKind;
use rowtide_event::BinlogPosition;

use super::follow::{Follow, now};
use super::{database, server};

/// Columns that change with others: generated ones, by a trigger, by ON UPDATE.
const TABLES: &str = "
    CREATE TABLE keyed (id INT PRIMARY KEY, n INT DEFAULT 7, t TEXT, b BLOB, j JSON, v VARCHAR(50) DEFAULT 'd',
        at TIMESTAMP(6) NULL ON UPDATE CURRENT_TIMESTAMP(6), g INT AS (n + 1) STORED, gv INT AS (n + 2) VIRTUAL,
        free INT AS (n + 3) VIRTUAL, jv TEXT AS (j->>'$.a') VIRTUAL, changed INT DEFAULT 0, INDEX ((n * 2)), INDEX (gv));
    CREATE TABLE keyless LIKE keyed; ALTER TABLE keyless DROP PRIMARY KEY;
    CREATE TABLE uniq LIKE keyed; ALTER TABLE uniq DROP PRIMARY KEY, ADD UNIQUE (id);
    CREATE TABLE isam LIKE keyed; ALTER TABLE isam DROP INDEX functional_index, DROP INDEX gv, ENGINE = MyISAM;
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
    "UPDATE {t} SET j = '[1.0]' WHERE id = 2",
    "UPDATE {t} SET id = id + 10 ORDER BY id DESC",
    "UPDATE {t} SET n = 5 ORDER BY id LIMIT 1",
    "UPDATE {t} SET n = n, v = 'same n'",
    "UPDATE {t} a, {t} b SET a.v = 'several', b.t = 'tables' WHERE a.id = b.id - 1",
    "UPDATE {t} SET b = NULL, n = NULL",
    "UPDATE {t} SET j = JSON_SET(j, '$.a[0]', 5) WHERE id = 11",
    "DELETE FROM {t} WHERE id = 13",
    "UPDATE parent SET id = id + 10; DELETE FROM parent WHERE id = 12",
];

/// Inserts whole rows and changes them with the row image that is asked for.
async fn changed(table: &str, settings: &str) -> (String, BinlogPosition) {
    let name = database("image");
    let from = now(server()).await;
    let inserts = INSERTS.replace("{t}", table);
    server().sql(&format!("USE {name}; {TABLES}; {inserts}")).unwrap();
    for change in CHANGES {
        let change = change.replace("{t}", table);
        server()
            .sql(&format!("USE {name}; {settings}; {change}"))
            .unwrap();
    }
    (name, from)
}

#[tokio::test]
async fn what_is_in_neither_image_has_not_changed() {
    for image in ["MINIMAL", "NOBLOB"] {
        for table in ["keyed", "uniq", "keyless", "isam"] {
            let (name, from) = changed(table, &format!("SET binlog_row_image = {image}")).await;
            let follow = Follow::database(server(), &name, &from).await;
            follow.assert_equal(server());
            // A table without a key has its whole rows before the change, and so all is known after it.
            let unavailable = follow.unavailable.contains_key(table);
            assert_eq!(unavailable, table != "keyless", "{image} {table}");
        }
    }
}

#[tokio::test]
async fn differences_come_with_their_documents_or_stop() {
    let partial = "SET binlog_row_value_options = PARTIAL_JSON, binlog_row_image";
    for (image, table) in [
        ("FULL", "keyed"),
        ("NOBLOB", "keyed"),
        ("NOBLOB", "keyless"),
        ("MINIMAL", "keyless"),
    ] {
        let (name, from) = changed(table, &format!("{partial} = {image}")).await;
        let follow = Follow::database(server(), &name, &from).await;
        follow.assert_equal(server());
        assert!(follow.partial_updates > 0, "{image} {table}");
    }
    let (name, from) = changed("keyed", &format!("{partial} = MINIMAL")).await;
    let error = Follow::read(server(), &name, &from).await.err().unwrap();
    assert!(matches!(error.cause, DecodeErrorKind::NoDocument), "{error}");
    let place = format!("table {name}.keyed)");
    assert!(error.to_string().ends_with(&place), "{error}");
}

/// An insert leaves out columns that were given no value: they have their defaults, which the binlog does not tell.
#[tokio::test]
async fn defaults_are_not_in_a_minimal_image() {
    let name = database("image");
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
