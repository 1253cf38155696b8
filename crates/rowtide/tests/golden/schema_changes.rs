//! Records of the schema-change topic against those of a real Debezium, key and value byte for byte.

use rowtide::event::SourceInfo;
use rowtide::event::encode::EncodeOptions;
use rowtide::schema_change::{SchemaChange, source_table};
use rowtide::table_changes::{Comments, table_changes};
use serde_json::Value;

use crate::captured;
use crate::replay::{Replayed, replay};

/// Where Debezium is wrong: the beginning of the statement, the beginning of the place (a column, or nothing for the whole
/// record), what stands there once in its record, what in Rowtide's.
type Exception = (&'static str, &'static str, &'static str, &'static str);

/// Compares all records of statements that were read from the binlog.
fn compare(history_file: &str, prefix: &str, comments: Comments, exceptions: &[Exception]) {
    let history = captured::history(history_file, &format!("sh.{prefix}"));
    let mut theirs = captured::records("schema-changes.jsonl.gz", prefix).into_iter();
    let mut used = vec![0; exceptions.len()];
    for statement in replay(&history) {
        if statement.records[0].position.snapshot.is_some() {
            continue;
        }
        let changes = table_changes(&statement.changes, comments);
        for at in 0..statement.records.len() {
            let record = theirs.next().unwrap();
            let (key, value) = ours(
                &statement,
                at,
                changes.get(at).map_or(&[], Vec::as_slice),
                &record,
            );
            assert_eq!(record["key"], key);
            let ddl = &statement.entries[at].ddl;
            let expected = excepted(ddl, &record, exceptions, &mut used);
            if ddl.starts_with(UNREAD) {
                assert_eq!(without_changes(&value), without_changes(&expected));
            } else {
                assert_eq!(value, expected);
            }
        }
    }
    assert_eq!(theirs.next(), None);
    for (exception, used) in exceptions.iter().zip(used) {
        assert_eq!(used, 1, "{exception:?}");
    }
}

/// Rowtide's record of part `at` of a statement that stands where `theirs` says.
fn ours(
    statement: &Replayed<'_>,
    at: usize,
    changes: &[rowtide::kafka::history::TableChange],
    theirs: &Value,
) -> (String, String) {
    let value: Value = serde_json::from_str(theirs["value"].as_str().unwrap()).unwrap();
    let entry = &statement.entries[at];
    let table = source_table(&statement.class, &statement.changes, &entry.database);
    let change = SchemaChange {
        source: source(&value["source"]),
        table: table.as_deref(),
        ts_ms: value["ts_ms"].as_i64().unwrap(),
        database: &entry.database,
        ddl: &entry.ddl,
        changes,
    };
    let options = EncodeOptions {
        topic_prefix: theirs["topic"].as_str().unwrap().to_owned(),
        version: "3.6.1.Final".to_owned(),
        ..EncodeOptions::default()
    };
    let text = |json| String::from_utf8(json).unwrap();
    (text(change.key()), text(change.value(&options)))
}

/// Times and places: they are not those of the statement that is played here, but of the captured one.
fn source(theirs: &Value) -> SourceInfo<'_> {
    let number = |name: &str| theirs[name].as_u64();
    SourceInfo {
        ts_us: number("ts_us").unwrap(),
        server_id: number("server_id").unwrap().try_into().unwrap(),
        gtid: theirs["gtid"].as_str(),
        file: theirs["file"].as_str().unwrap(),
        pos: number("pos").unwrap(),
        thread: number("thread").map(|thread| thread.try_into().unwrap()),
        query: None,
    }
}

/// Debezium's value with the exceptions put in.
fn excepted(ddl: &str, record: &Value, exceptions: &[Exception], used: &mut [usize]) -> String {
    let mut value = record["value"].as_str().unwrap().to_owned();
    for ((statement, place, theirs, ours), used) in exceptions.iter().zip(used) {
        if !ddl.starts_with(statement) {
            continue;
        }
        let (start, end) = match *place {
            "" => (0, value.len()),
            place => {
                let start = value.find(place).unwrap();
                (start, start + value[start..].find('}').unwrap())
            }
        };
        assert_eq!(
            value[start..end].matches(theirs).count(),
            1,
            "{theirs} in {value}"
        );
        let right = value[start..end].replace(theirs, ours);
        value.replace_range(start..end, &right);
        *used += 1;
    }
    value
}

/// Debezium could not read it, and knows no table and no change.
const UNREAD: &str = "CREATE TABLE h4 (";

fn without_changes(value: &str) -> &str {
    value.split_once("\"tableChanges\":").unwrap().0
}

/// There is a unique key of columns that are not nullable, which names rows from then on: the server's own rule.
const DROP_PRIMARY_KEY: Exception = (
    "ALTER TABLE d1 DROP PRIMARY KEY",
    "",
    r#""primaryKeyColumnNames":[]"#,
    r#""primaryKeyColumnNames":["a3","id"]"#,
);

#[test]
fn of_three_files() {
    compare(
        "debezium-a.jsonl.gz",
        "gA",
        Comments::LeftOut,
        &[DROP_PRIMARY_KEY],
    );
}

#[test]
fn with_comments() {
    const COMMENT: &str = "CREATE TABLE t_comment (";
    let known = [
        DROP_PRIMARY_KEY,
        // A doubled quote is one, and an empty comment none.
        (
            COMMENT,
            "",
            r#""it''s a \"value\" — 中""#,
            r#""it's a \"value\" — 中""#,
        ),
        (COMMENT, "", r#""comment":"""#, r#""comment":null"#),
        (
            COMMENT,
            "",
            r#""comment":"table comment; with ''quotes'' é""#,
            r#""comment":"table comment; with 'quotes' é""#,
        ),
        // LIKE takes over the comment.
        (
            "CREATE TABLE d4 LIKE d1",
            "",
            r#""comment":null}}]"#,
            r#""comment":"now with comment"}}]"#,
        ),
    ];
    compare("schema-history.jsonl.gz", "gD", Comments::Included, &known);
}

#[test]
fn of_hard_statements() {
    const H5: &str = "CREATE TABLE h5 (";
    const H6: &str = "CREATE TABLE h6 (";
    const UTF8MB4: &str = r#""charsetName":"utf8mb4""#;
    let known = [
        // The number is that of the last row before.
        ("CREATE TABLE `h12`", "", r#""row":1"#, r#""row":0"#),
        ("CREATE TABLE `h14`", "", r#""row":1"#, r#""row":0"#),
        (UNREAD, "", r#""table":"""#, r#""table":"h4""#),
        // ASCII, UNICODE and BYTE are character sets.
        (H5, r#"{"name":"l""#, UTF8MB4, r#""charsetName":"latin1""#),
        (H5, r#"{"name":"m""#, UTF8MB4, r#""charsetName":"ucs2""#),
        (H5, r#"{"name":"o""#, UTF8MB4, r#""charsetName":"binary""#),
        // Of 0x41 and 0b101 Debezium drops the last digit as if it were a quote; and 0x41 is 65 where a number is due.
        (H6, r#"{"name":"b""#, r#":"4","#, r#":"65","#),
        (H6, r#"{"name":"h""#, r#":"414","#, r#":"4142","#),
        (H6, r#"{"name":"i""#, r#":"10","#, r#":"101","#),
        // 'a' 'b' is 'ab', and not 'a''b'.
        (H6, r#"{"name":"m""#, r#":"a''b","#, r#":"ab","#),
        // The new default is that of columns from then on.
        (
            "ALTER TABLE h2b DEFAULT CHARACTER SET = latin1",
            "",
            r#""defaultCharsetName":"utf8mb4""#,
            r#""defaultCharsetName":"latin1""#,
        ),
    ];
    compare("schema-history.jsonl.gz", "gH", Comments::LeftOut, &known);
}
