//! Whole records: envelopes, keys, headers and tombstones, and what is refused.

use super::*;
use crate::{Date, DateTime, Flavour};

fn t_cpk() -> Table {
    table(
        "t_cpk",
        &[1, 0, 2],
        &[
            ("a", INT),
            ("b", TEXT),
            ("c", ColumnType::DateTime { fsp: 3 }),
            ("v", INT),
        ],
    )
}

fn cpk_row(a: i64, b: &str, millis: u64, v: i64) -> [Value<'_>; 4] {
    let c = DateTime {
        date: Date {
            year: 2024,
            month: 1,
            day: 1,
        },
        micros: millis * 1000,
    };
    [
        Value::Int(a),
        Value::Text(b.as_bytes()),
        Value::DateTime(c),
        Value::Int(v),
    ]
}

/// Key, value and header of a record as text.
type Texts = (Option<String>, Option<String>, Option<(&'static str, String)>);

fn texts(batch: &RecordBatch) -> Vec<Texts> {
    let text = |span: &Span| String::from_utf8(batch.slice(span).to_vec()).unwrap();
    let header = |header: &KeyHeader| match header {
        KeyHeader::NewKey(span) => ("newkey", text(span)),
        KeyHeader::OldKey(span) => ("oldkey", text(span)),
    };
    let one = |r: &Record| {
        (
            r.key.as_ref().map(text),
            r.value.as_ref().map(text),
            r.header.as_ref().map(header),
        )
    };
    batch.records.iter().map(one).collect()
}

fn encoded(table: &Table, change: &RowChange<'_, '_>, options: &EncodeOptions) -> Vec<Texts> {
    let mut batch = RecordBatch::default();
    encoder(table, options).encode(change, 0, &mut batch).unwrap();
    assert!(batch.records.iter().all(|record| record.topic == TopicIndex(7)));
    texts(&batch)
}

const ENVELOPE_END: &str = r#","source":{"version":"3.6.1.Final","connector":"mysql","name":"gA","ts_ms":1795239064181,"snapshot":"false","db":"golden","sequence":null,"ts_us":1795239064181614,"ts_ns":1795239064181614000,"table":"t_cpk","server_id":97,"gtid":"9de2dde1-e55f-11f1-bc9f-02fc00000001:321954","file":"binlog.000010","pos":594428150,"row":0,"thread":494,"query":null},"transaction":null,"op":"d","ts_ms":1795239064207,"ts_us":1795239064207250,"ts_ns":1795239064207250967}"#;

#[test]
fn a_changed_key_is_a_delete_a_tombstone_and_a_create() {
    let (before, after) = (cpk_row(1, "y", 3, 30), cpk_row(1, "z", 3, 30));
    let change = RowChange::Update {
        before: &before,
        after: &after,
    };
    let old = r#"{"b":"y","a":1,"c":1704067200003}"#.to_owned();
    let new = r#"{"b":"z","a":1,"c":1704067200003}"#.to_owned();
    let delete =
        format!(r#"{{"before":{{"a":1,"b":"y","c":1704067200003,"v":30}},"after":null{ENVELOPE_END}"#);
    let end = ENVELOPE_END.replace("\"op\":\"d\"", "\"op\":\"c\"");
    let create = format!(r#"{{"before":null,"after":{{"a":1,"b":"z","c":1704067200003,"v":30}}{end}"#);
    let newkey = Some(("newkey", new.clone()));
    let expected = vec![
        (Some(old.clone()), Some(delete), newkey.clone()),
        (Some(old.clone()), None, newkey),
        (Some(new), Some(create), Some(("oldkey", old))),
    ];
    assert_eq!(encoded(&t_cpk(), &change, &options()), expected);
    let without_tombstones = EncodeOptions {
        tombstones_on_delete: false,
        ..options()
    };
    let kept: Vec<_> = expected.into_iter().filter(|record| record.1.is_some()).collect();
    assert_eq!(encoded(&t_cpk(), &change, &without_tombstones), kept);
}

#[test]
fn an_update_of_the_same_key_is_one_record() {
    let (before, after) = (cpk_row(1, "x", 1, 10), cpk_row(1, "x", 1, 11));
    let records = encoded(
        &t_cpk(),
        &RowChange::Update {
            before: &before,
            after: &after,
        },
        &options(),
    );
    let end = ENVELOPE_END.replace("\"op\":\"d\"", "\"op\":\"u\"");
    let rows = r#"{"before":{"a":1,"b":"x","c":1704067200001,"v":10},"after":{"a":1,"b":"x","c":1704067200001,"v":11}"#;
    let key = Some(r#"{"b":"x","a":1,"c":1704067200001}"#.to_owned());
    assert_eq!(records, [(key, Some(format!("{rows}{end}")), None)]);
}

#[test]
fn a_table_without_a_key_has_records_without_a_key() {
    let t = table("t_cpk", &[], &[("a", INT), ("b", TEXT)]);
    let (one, other) = ([Value::Int(1), Value::Text(b"a")], [Value::Int(2), Value::Null]);
    let delete = format!(r#"{{"before":{{"a":1,"b":"a"}},"after":null{ENVELOPE_END}"#);
    let deleted = encoded(&t, &RowChange::Delete { before: &one }, &options());
    assert_eq!(deleted, [(None, Some(delete), None), (None, None, None)]);
    let end = ENVELOPE_END.replace("\"op\":\"d\"", "\"op\":\"u\"");
    let update = format!(r#"{{"before":{{"a":1,"b":"a"}},"after":{{"a":2,"b":null}}{end}"#);
    let updated = encoded(
        &t,
        &RowChange::Update {
            before: &one,
            after: &other,
        },
        &options(),
    );
    assert_eq!(updated, [(None, Some(update), None)]);
}

#[test]
fn rows_are_numbered_and_events_told_apart() {
    let t = table("t", &[0], &[("id", INT)]);
    let mut batch = RecordBatch::default();
    let query = EncodeOptions {
        include_query: true,
        flavour: Flavour::MariaDb,
        ..options()
    };
    let mut encoder = encoder(&t, &query);
    let row = [Value::Int(1)];
    let change = RowChange::Create { after: &row };
    encoder.encode(&change, 41, &mut batch).unwrap();
    let next = SourceInfo {
        gtid: None,
        thread: None,
        query: None,
        ts_us: 5_000,
        ..source()
    };
    encoder.begin_event(&next, ProcessedAt { ns: 1_999_999 });
    encoder.encode(&change, 42, &mut batch).unwrap();
    let [first, second] = [0, 1].map(|n| texts(&batch)[n].1.clone().unwrap());
    assert!(first.contains(r#""connector":"mariadb""#), "{first}");
    assert!(
        first.contains(r#""row":41,"thread":494,"query":"UPDATE t_cpk SET b='z'"}"#),
        "{first}"
    );
    assert!(
        second.contains(r#""ts_us":5000,"ts_ns":5000000,"table":"t","server_id":97,"gtid":null,"#),
        "{second}"
    );
    let end = r#""row":42,"thread":null,"query":null},"transaction":null,"op":"c","ts_ms":1,"ts_us":1999,"ts_ns":1999999}"#;
    assert!(second.ends_with(end), "{second}");
}

/// `before` and `after` of a record of a row of which only the key is known.
fn images(absent_columns: AbsentColumns, change: &RowChange<'_, '_>) -> Result<String, EncodeError> {
    let columns = [
        ("n", INT),
        ("id", INT),
        ("b", TEXT),
        ("j", ColumnType::Json),
        ("x", ColumnType::Blob),
        ("y", ColumnType::Binary { length: 2 }),
        ("e", ColumnType::Enum { members: vec![] }),
    ];
    let options = EncodeOptions {
        absent_columns,
        ..options()
    };
    let mut batch = RecordBatch::default();
    encoder(&table("t", &[1], &columns), &options).encode(change, 0, &mut batch)?;
    let value = texts(&batch)[0].1.clone().unwrap();
    Ok(value.split(",\"source\":").next().unwrap().to_owned())
}

#[test]
fn what_the_row_image_leaves_out_is_what_was_asked_for_and_never_null() {
    use AbsentColumns::{Omit, Placeholder, Stop};
    let mut row = [Value::Absent; 7];
    row[1] = Value::Int(1);
    let update = RowChange::Update {
        before: &row,
        after: &row,
    };
    let refused = EncodeError::Absent {
        column: "n".to_owned(),
        source_flavour: Flavour::MySql,
    };
    assert_eq!(images(Stop, &update), Err(refused.clone()));
    assert_eq!(images(Stop, &RowChange::Create { after: &row }), Err(refused));
    assert_eq!(
        images(Stop, &RowChange::Delete { before: &row }).unwrap(),
        r#"{"before":{"id":1},"after":null"#
    );
    assert_eq!(
        images(Omit, &update).unwrap(),
        r#"{"before":{"id":1},"after":{"id":1}"#
    );
    let shown = r#"{"id":1,"b":"__debezium_unavailable_value","j":"__debezium_unavailable_value","x":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","y":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="}"#;
    assert_eq!(
        images(Placeholder, &update).unwrap(),
        format!("{{\"before\":{shown},\"after\":{shown}")
    );
    row[1] = Value::Absent;
    for absent in [Stop, Omit, Placeholder] {
        let refused = images(absent, &RowChange::Delete { before: &row }).unwrap_err();
        assert!(matches!(refused, EncodeError::KeyAbsent { column } if column == "id"));
    }
}

/// MariaDB 11.8 logs generated columns with inserts only.
#[test]
fn a_generated_column_of_mariadb_that_is_not_logged_stops_nothing() {
    let mut t = table("t", &[0], &[("id", INT), ("n", INT), ("g", TEXT)]);
    t.columns[2].generated = true;
    let known = [Value::Int(1), Value::Int(2), Value::Absent];
    let images = |flavour, absent_columns, row: &[Value<'_>]| {
        let options = EncodeOptions {
            flavour,
            absent_columns,
            ..options()
        };
        let mut batch = RecordBatch::default();
        let update = RowChange::Update {
            before: row,
            after: row,
        };
        encoder(&t, &options).encode(&update, 0, &mut batch)?;
        let value = texts(&batch)[0].1.clone().unwrap();
        Ok(value.split(",\"source\":").next().unwrap().to_owned())
    };
    use AbsentColumns::{Omit, Placeholder, Stop};
    let left_out = r#"{"before":{"id":1,"n":2},"after":{"id":1,"n":2}"#;
    for absent in [Stop, Omit] {
        assert_eq!(images(Flavour::MariaDb, absent, &known).unwrap(), left_out);
    }
    let shown = images(Flavour::MariaDb, Placeholder, &known).unwrap();
    assert!(
        shown.ends_with(r#""n":2,"g":"__debezium_unavailable_value"}"#),
        "{shown}"
    );
    let refused = |flavour, column: &str| {
        Err(EncodeError::Absent {
            column: column.to_owned(),
            source_flavour: flavour,
        })
    };
    assert_eq!(images(Flavour::MySql, Stop, &known), refused(Flavour::MySql, "g"));
    let unknown = [Value::Int(1), Value::Absent, Value::Absent];
    assert_eq!(
        images(Flavour::MariaDb, Stop, &unknown),
        refused(Flavour::MariaDb, "n")
    );
    let told = images(Flavour::MariaDb, Stop, &unknown).unwrap_err().to_string();
    assert!(told.contains("SET GLOBAL binlog_row_image = FULL"), "{told}");
}

#[test]
fn a_row_of_which_nothing_is_known_is_an_empty_object() {
    let keyless = table("t", &[], &[("a", INT)]);
    let row = [Value::Absent];
    let records = encoded(&keyless, &RowChange::Delete { before: &row }, &options());
    let value = records[0].1.clone().unwrap();
    assert!(value.starts_with(r#"{"before":{},"after":null,"#), "{value}");
}

#[test]
fn nothing_stays_of_a_row_that_is_refused() {
    let t = table("t", &[0], &[("id", INT), ("b", TEXT)]);
    let good = [Value::Int(1), Value::Text(b"secret")];
    let mut batch = RecordBatch::default();
    let mut encoder = encoder(&t, &options());
    encoder
        .encode(&RowChange::Delete { before: &good }, 0, &mut batch)
        .unwrap();
    let before = (batch.bytes.clone(), batch.records.clone());
    let bad = [Value::Int(2), Value::Text(b"secret\xff")];
    for change in [
        RowChange::Create { after: &bad },
        RowChange::Update {
            before: &good,
            after: &bad,
        },
        RowChange::Delete { before: &bad },
    ] {
        let error = encoder.encode(&change, 1, &mut batch).unwrap_err();
        assert_eq!(
            error,
            EncodeError::Column {
                column: "b".to_owned(),
                cause: Malformed::Invalid("text in character set utf8mb4")
            }
        );
        assert!(!error.to_string().contains("secret"));
        assert_eq!((&batch.bytes, &batch.records), (&before.0, &before.1));
    }
}

#[test]
fn rows_that_do_not_fit_the_table_are_refused() {
    let t = table("t", &[0], &[("id", INT), ("b", TEXT)]);
    let refused = |row: &[Value<'_>]| {
        let mut batch = RecordBatch::default();
        encoder(&t, &options())
            .encode(&RowChange::Create { after: row }, 0, &mut batch)
            .unwrap_err()
    };
    assert_eq!(
        refused(&[Value::Int(1)]),
        EncodeError::Width {
            values: 1,
            columns: 2
        }
    );
    assert_eq!(
        refused(&[]),
        EncodeError::Width {
            values: 0,
            columns: 2
        }
    );
    let absent = EncodeError::KeyAbsent {
        column: "id".to_owned(),
    };
    assert_eq!(refused(&[Value::Absent, Value::Null]), absent);
    // MySQL 5.7 does not know SET PERSIST.
    let told = absent.to_string();
    assert!(
        told.ends_with("run `SET GLOBAL binlog_row_image = FULL` on the source"),
        "{told}"
    );
    let unsigned = EncodeError::Column {
        column: "id".to_owned(),
        cause: Malformed::Invalid("a column of this type"),
    };
    assert_eq!(refused(&[Value::UInt(1), Value::Null]), unsigned);
    let row = [Value::Int(1), Value::Null];
    let change = RowChange::Create { after: &row };
    let of_another_table = encoder(&t, &options()).event;
    for mut event in [EventText::default(), of_another_table] {
        let encoder = TableEncoder::compile(&t, TopicIndex(8), &options());
        let encoded = encoder.encode(&change, 0, &mut event, &mut RecordBatch::default());
        assert_eq!(encoded, Err(EncodeError::NoEvent));
    }
}
