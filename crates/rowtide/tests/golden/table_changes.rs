//! `tableChanges` against what a real Debezium wrote for the same statements.

use rowtide::kafka::HistoryRecord;
use rowtide::kafka::history::TableChange;
use rowtide::table_changes::{Comments, table_changes};

use crate::captured;
use crate::replay::replay;

/// Replays all statements; each record with what it says and what Rowtide says, where they differ.
fn differences(records: &[HistoryRecord], comments: Comments) -> Vec<String> {
    let mut differences = Vec::new();
    for statement in replay(records) {
        let mut made = table_changes(&statement.changes, comments);
        made.resize(statement.records.len(), Vec::new());
        for (record, made) in statement.records.iter().zip(made) {
            let ddl = record.ddl.as_deref().unwrap();
            differences.extend(difference(ddl, &record.table_changes, &made));
        }
    }
    differences
}

/// `statement: path: theirs, ours` of all fields that differ.
fn difference(ddl: &str, theirs: &[TableChange], ours: &[TableChange]) -> Vec<String> {
    let (theirs, ours) = (
        serde_json::to_value(theirs).unwrap(),
        serde_json::to_value(ours).unwrap(),
    );
    let mut found = Vec::new();
    compare("", &theirs, &ours, &mut found);
    let head: String = ddl.chars().take(60).collect();
    found.iter().map(|text| format!("{head}: {text}")).collect()
}

fn compare(path: &str, theirs: &serde_json::Value, ours: &serde_json::Value, found: &mut Vec<String>) {
    match (theirs, ours) {
        (serde_json::Value::Array(a), serde_json::Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                let name = a.get("name").and_then(|name| name.as_str());
                let step = name.map_or_else(|| at.to_string(), str::to_owned);
                compare(&format!("{path}/{step}"), a, b, found);
            }
        }
        (serde_json::Value::Object(a), serde_json::Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, a) in a {
                compare(&format!("{path}/{key}"), a, &b[key], found);
            }
        }
        _ if theirs != ours => found.push(format!("{path}: {theirs} {ours}")),
        _ => {}
    }
}

/// Where Debezium is wrong, and why: the beginning of the statement, the field, what each says.
fn assert_only(found: &[String], known: &[(&str, &str, &str)]) {
    let known: Vec<String> = known
        .iter()
        .map(|(statement, field, says)| format!("{statement}: {field}: {says}"))
        .collect();
    let short: Vec<String> = found
        .iter()
        .map(|text| text.chars().take(180).collect())
        .collect();
    for text in &short {
        assert!(
            known.iter().any(|known| text.starts_with(known.as_str())),
            "{text}"
        );
    }
    assert_eq!(short.len(), known.len(), "{short:#?}");
}

const DROP_PRIMARY_KEY: (&str, &str, &str) = (
    // There is a unique key of columns that are not nullable, which names rows from then on: the server's own rule.
    "ALTER TABLE d1 DROP PRIMARY KEY",
    "/0/table/primaryKeyColumnNames",
    r#"[] ["a3","id"]"#,
);

#[test]
fn of_three_files() {
    let records = captured::history("debezium-a.jsonl.gz", "sh.gA");
    assert_eq!(records.len(), 101);
    assert_only(&differences(&records, Comments::LeftOut), &[DROP_PRIMARY_KEY]);
}

#[test]
fn of_a_snapshot_and_hard_statements() {
    const H4: &str = "CREATE TABLE h4 (id INT PRIMARY KEY, `value` INT, status INT";
    const H5: &str = "CREATE TABLE h5 (a LONG VARCHAR, b LONG VARBINARY, c CHARACT";
    const H6: &str = "CREATE TABLE h6 (id SERIAL, a INT DEFAULT +1, b INT DEFAULT ";
    let known = [
        // Debezium could not read it, and went on without the table.
        (H4, "", "[] [{"),
        // ASCII, UNICODE and BYTE are character sets.
        (H5, "/0/table/columns/l/charsetName", r#""utf8mb4" "latin1""#),
        (H5, "/0/table/columns/m/charsetName", r#""utf8mb4" "ucs2""#),
        (H5, "/0/table/columns/o/charsetName", r#""utf8mb4" "binary""#),
        // Of 0x41 and 0b101 Debezium drops the last digit as if it were a quote; and 0x41 is 65 where a number is due.
        (H6, "/0/table/columns/b/defaultValueExpression", r#""4" "65""#),
        (H6, "/0/table/columns/h/defaultValueExpression", r#""414" "4142""#),
        (H6, "/0/table/columns/i/defaultValueExpression", r#""10" "101""#),
        // 'a' 'b' is 'ab', and not 'a''b'.
        (H6, "/0/table/columns/m/defaultValueExpression", r#""a''b" "ab""#),
        // The new default is that of columns from then on.
        (
            "ALTER TABLE h2b DEFAULT CHARACTER SET = latin1 COLLATE = lat",
            "/0/table/defaultCharsetName",
            r#""utf8mb4" "latin1""#,
        ),
    ];
    let records = captured::history("schema-history.jsonl.gz", "sh.gH");
    assert_eq!(records.len(), 152);
    assert_only(&differences(&records, Comments::LeftOut), &known);
}

#[test]
fn with_comments() {
    const COMMENT: &str = "CREATE TABLE t_comment (id INT NOT NULL PRIMARY KEY COMMENT ";
    let known = [
        DROP_PRIMARY_KEY,
        // A doubled quote is one, and an empty comment none.
        (
            COMMENT,
            "/0/table/columns/v/comment",
            r#""it''s a \"value\" — 中" "it's a"#,
        ),
        (COMMENT, "/0/table/columns/n/comment", r#""" null"#),
        (
            COMMENT,
            "/0/comment",
            r#""table comment; with ''quotes'' é" "table comment; with 'quotes' é""#,
        ),
        // LIKE takes over the comment.
        (
            "CREATE TABLE d4 LIKE d1",
            "/0/comment",
            r#"null "now with comment""#,
        ),
    ];
    let records = captured::history("schema-history.jsonl.gz", "sh.gD");
    assert_eq!(records.len(), 102);
    assert_only(&differences(&records, Comments::Included), &known);
}
