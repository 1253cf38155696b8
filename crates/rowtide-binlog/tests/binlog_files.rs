//! Whole binlog files that a MySQL 9.7.4 wrote, in testdata/binlog with the SQL that made them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test fails with it"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use rowtide_binlog::decoder::{
    CapturedTable, DecodeError, Decoder, DecoderOptions, EventContext, Handler, Moved, Rollback, Rows,
    Statement, TableRows, TransactionEnd, TransactionStart, XaDecision,
};
use rowtide_binlog::event::describe::{Describer, Printed};
use rowtide_binlog::event::file::BinlogFile;
use rowtide_binlog::event::{Header, TableMap};
use rowtide_binlog::row::RowPlan;
use rowtide_binlog::schema::metadata;
use rowtide_event::{BinlogPosition, Malformed, RowChange, Table, Value, json};

fn bytes_of(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/binlog")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Keeps all tables and writes down what it is told.
#[derive(Default)]
struct Seen {
    tables: Vec<Table>,
    counts: BTreeMap<&'static str, usize>,
    lines: Vec<String>,
}

impl Seen {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

impl Handler for Seen {
    type Error = DecodeError;

    fn begin(&mut self, _: &TransactionStart<'_>) -> Result<(), DecodeError> {
        self.lines.push("begin".into());
        Ok(())
    }

    fn table(&mut self, map: &TableMap<'_>, _shape: &[u8]) -> Result<TableRows, DecodeError> {
        assert!(metadata::metadata_is_full(map), "{}", map.table);
        let table = metadata::table(map).unwrap_or_else(|error| panic!("{}: {error}", map.table));
        let plan = RowPlan::compile(map, &table).unwrap();
        self.tables.push(table);
        Ok(TableRows::Wanted(CapturedTable::new(self.tables.len() - 1, plan)))
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), DecodeError> {
        let table = self.tables[rows.tag].id.table.clone();
        while let Some(change) = rows.next()? {
            let (operation, values) = match change {
                RowChange::Create { after } => ("insert", shown(after)),
                RowChange::Update { before, after } => {
                    ("update", format!("{} to {}", shown(before), shown(after)))
                }
                RowChange::Delete { before } => ("delete", shown(before)),
            };
            self.count(operation);
            self.lines.push(format!("{operation} {table} {values}"));
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<(), DecodeError> {
        self.count("statement");
        let text = String::from_utf8_lossy(statement.query);
        self.lines.push(format!(
            "statement {}",
            text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
        ));
        Ok(())
    }

    fn savepoint(&mut self, number: u64) -> Result<(), DecodeError> {
        self.lines.push(format!("savepoint {number}"));
        Ok(())
    }

    fn rolled_back_to(&mut self, number: u64, _: &EventContext<'_>) -> Result<(), DecodeError> {
        self.lines.push(format!("rolled back to {number}"));
        Ok(())
    }

    fn commit(&mut self, end: &TransactionEnd<'_>) -> Result<(), DecodeError> {
        self.count("commit");
        // The server's uuid is another in each run.
        let number = end
            .gtid_text
            .and_then(|gtid| gtid.get(37..))
            .unwrap_or("anonymous");
        self.lines.push(format!("commit {number}"));
        Ok(())
    }

    fn rollback(&mut self, _: &Rollback<'_>) -> Result<(), DecodeError> {
        self.count("rollback");
        Ok(())
    }

    fn prepare(&mut self, xid: &str, _: &TransactionEnd<'_>) -> Result<(), DecodeError> {
        self.lines.push(format!("prepare {xid}"));
        Ok(())
    }

    fn decided(&mut self, xid: &str, decision: XaDecision, _: &EventContext<'_>) -> Result<(), DecodeError> {
        self.lines.push(format!("{decision:?} {xid}"));
        Ok(())
    }

    fn position(&mut self, moved: &Moved<'_>) -> Result<(), DecodeError> {
        self.lines
            .push(format!("{:?} {}:{}", moved.cause, moved.file, moved.pos));
        Ok(())
    }
}

/// The values of a row, those of INT and VARCHAR columns in short.
fn shown(values: &[Value<'_>]) -> String {
    let show = |value: &Value<'_>| match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Json(document) => written(|text| json::write_text(document, text).unwrap()),
        Value::Decimal(number) => written(|text| number.write_text(text)),
        Value::DateTime(time) => written(|text| time.write_text(6, text)),
        other => format!("{other:?}"),
    };
    values.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut text = Vec::new();
    write(&mut text);
    String::from_utf8(text).unwrap()
}

fn decode(bytes: &[u8], seen: &mut Seen) -> usize {
    let start = BinlogPosition::new("binlog.000001", 4);
    let mut decoder = Decoder::new(DecoderOptions::default(), start);
    let mut file = BinlogFile::open(bytes, 1 << 30).unwrap();
    let mut events = 0;
    while let Some(event) = file.next_event().unwrap() {
        assert_eq!(decoder.position(), ("binlog.000001", event.pos));
        decoder
            .feed(event.bytes, seen)
            .unwrap_or_else(|error| panic!("{error}"));
        events += 1;
    }
    assert!(!decoder.in_transaction());
    events
}

#[test]
fn every_row_of_the_golden_workload() {
    let mut seen = Seen::default();
    decode(&bytes_of("mysql-9.7-golden.binlog"), &mut seen);
    // The capture of Debezium beside it has one insert more: its own end marker, which is not in the SQL.
    assert_eq!(
        (
            seen.counts["insert"],
            seen.counts["update"],
            seen.counts["delete"]
        ),
        (193, 41, 26)
    );
}

#[test]
fn integers_at_their_limits() {
    let mut seen = Seen::default();
    decode(&bytes_of("mysql-9.7-golden.binlog"), &mut seen);
    let rows = [
        "insert t_int_s 1, -128, -32768, -8388608, -2147483648, -9223372036854775808, -128, -1, 0",
        "insert t_int_s 2, 127, 32767, 8388607, 2147483647, 9223372036854775807, 127, 99999, 1",
        "insert t_int_s 4, Null, Null, Null, Null, Null, Null, Null, -1",
        "insert t_bigpk UInt(18446744073709551615), UInt(18446744073709551615)",
    ];
    for row in rows {
        assert!(seen.lines.iter().any(|line| line == row), "{row}");
    }
}

#[test]
fn signs_without_those_of_years_and_whole_seconds_in_fractions() {
    let mut seen = Seen::default();
    decode(&bytes_of("mysql-8.0-corners.binlog"), &mut seen);
    let rows: Vec<_> = seen
        .lines
        .iter()
        .filter(|line| line.starts_with("insert"))
        .collect();
    assert_eq!(
        rows,
        [
            "insert years UInt(4294967295), -2, -3, Year(2010), UInt(16777215), UInt(18446744073709551615), -6, Float(-7.0), Double(-8.0)",
            "insert seconds 1, Timestamp(Micros(2000000)), 1970-01-01 00:00:02.000000",
        ]
    );
}

#[test]
fn row_images_that_are_not_whole_and_differences_of_documents() {
    let mut seen = Seen::default();
    decode(&bytes_of("mysql-9.7-row-images.binlog"), &mut seen);
    assert_eq!(
        (
            seen.counts["insert"],
            seen.counts["update"],
            seen.counts["delete"]
        ),
        (5, 14, 1)
    );
    let after = |row: &str| format!(" to {row}");
    let rows = [
        // Differences, one without operations, and what NOBLOB and MINIMAL leave out.
        after(r#"1, {"a":1.0,"deep":{"er":[{"x":null}]},"list":[1,"two",3,4]}, 1, [0,{"é":"🦀"}], text"#),
        after(r#"1, {"deep":{"er":[{"x":null}]},"list":[1,"two",3,4]}, 1, ["-10:00:00.5",{"é":1.50}], text"#),
        after(
            r#"1, {"a b":"AP8=","deep":{"er":[{"x":{"y":[true]}}]},"list":[1,"two",3,4]}, 1, ["-10:00:00.5",{"é":1.50}], changed"#,
        ),
        after(r#"2, {"age":26,"name":"Joe"}, 3, Null, Null"#),
        after(r#"2, {"age":26}, 3, Null, Absent"#),
        "update doc 2, Absent, Absent, Absent, Absent to 2, Absent, 5, {}, Absent".to_owned(),
        "update doc 2, Absent, Absent, Absent, Absent to 3, Absent, Absent, Absent, Absent".to_owned(),
        "insert doc 4, Absent, Absent, Absent, Absent".to_owned(),
        "delete doc 1, Absent, Absent, Absent, Absent".to_owned(),
        r#"update keyless 1, [1,2] to 1, ["one",2]"#.to_owned(),
        r#"update part 1, {} to 2, {"a":1}"#.to_owned(),
    ];
    for row in rows {
        assert!(seen.lines.iter().any(|line| line.ends_with(&row)), "{row}");
    }
}

#[test]
fn transactions_of_every_shape() {
    let mut seen = Seen::default();
    decode(&bytes_of("mysql-9.7-shapes.binlog"), &mut seen);
    let expected = [
        &["begin", "statement CREATE DATABASE shapes", "commit 1"][..],
        &["begin", "statement CREATE TABLE t", "commit 2"],
        &["begin", "statement CREATE TABLE m", "commit 3"],
        &["begin", "statement CREATE TABLE x", "commit 4"],
        &["begin", "insert t 1, a", "insert t 2, b", "commit 5"],
        &[
            "begin",
            "insert t 3, c",
            "savepoint 0",
            "insert t 5, e",
            "commit 6",
        ],
        &["begin", "insert m 1, m", "commit 7"],
        &["begin", "statement CREATE TABLE `c`"],
        &[
            "insert c 1, a",
            "insert c 2, b",
            "insert c 3, c",
            "insert c 5, e",
            "commit 8",
        ],
        &[
            "begin",
            "insert t 10, compressed",
            "insert t 11, compressed",
            "insert t 12, compressed",
            "commit 9",
        ],
        &[
            "begin",
            "update t 10, compressed to 10, changed",
            "update t 11, compressed to 11, changed",
        ],
        &["update t 12, compressed to 12, changed", "commit 10"],
        &["begin", "update t 1, Absent to 1, Null", "commit 11"],
        &["begin", "delete t 2, Absent", "commit 12"],
        &["begin", "insert t 20, tagged", "commit mytag:1"],
        &["begin", "insert t 30, xa", "commit 13"],
        &["begin", "insert x 1, 1", "prepare X'74776f',X'',1"],
        &["begin", "Commit X'74776f',X'',1", "commit 15"],
        &["begin", "insert x 2, 2", "prepare X'7468726565',X'',1"],
        &["begin", "Rollback X'7468726565',X'',1", "commit 17"],
        &["begin", "commit 5"],
        &["begin", "statement INSERT INTO t", "commit 18"],
        &["begin", "statement TRUNCATE TABLE c", "commit 19"],
        &["begin", "statement DROP TABLE `c`", "commit 20"],
        &["Rotate binlog.000002:4"],
    ];
    assert_eq!(seen.lines, expected.concat());
}

#[test]
fn keys_are_those_of_the_server() {
    let mut seen = Seen::default();
    decode(&bytes_of("mysql-9.7-golden.binlog"), &mut seen);
    let key = |name: &str| -> Vec<String> {
        let table = seen.tables.iter().find(|table| table.id.table == name).unwrap();
        table.key_columns().map(|column| column.name.clone()).collect()
    };
    assert_eq!(key("t_cpk"), ["b", "a", "c"]);
    assert_eq!(key("t_uniq"), ["b"]);
    assert_eq!(key("t_uniq_null"), [""; 0]);
    assert_eq!(key("t_nopk"), [""; 0]);
}

#[test]
fn every_event_can_be_described() {
    for name in ["mysql-9.7-golden.binlog", "mysql-9.7-shapes.binlog"] {
        let bytes = bytes_of(name);
        let mut file = BinlogFile::open(&bytes[..], 1 << 30).unwrap();
        let mut describer = Describer::default();
        let (mut rows, mut decoded) = (0, 0);
        while let Some(event) = file.next_event().unwrap() {
            describer
                .describe::<Malformed>(&event.header, event.body, |description| {
                    let count = description.fields.iter().find(|(field, _)| *field == "rows");
                    rows += count.map_or(0, |(_, count)| count.parse::<usize>().unwrap());
                    match &description.rows {
                        Some(described) => described.each(|_| {
                            decoded += 1;
                            Ok(())
                        }),
                        None => Ok(()),
                    }
                })
                .unwrap();
        }
        assert_eq!(decoded, rows);
        assert_eq!(
            rows,
            if name.contains("golden") {
                193 + 41 + 26
            } else {
                21
            },
            "{name}"
        );
    }
}

#[test]
fn a_damaged_event_without_a_checksum_is_described_or_refused() {
    let names = [
        "mysql-9.7-golden.binlog",
        "mysql-9.7-shapes.binlog",
        "mysql-9.7-row-images.binlog",
    ];
    for name in names {
        let bytes = bytes_of(name);
        let mut file = BinlogFile::open(&bytes[..], 1 << 30).unwrap();
        let mut describer = Describer::default();
        let mut refused = 0;
        while let Some(event) = file.next_event().unwrap() {
            for at in 0..event.body.len() {
                let mut damaged = event.body.to_vec();
                damaged[at] ^= 1 << (at % 8);
                refused += usize::from(printed(&mut describer, &event.header, &damaged).is_err());
            }
            printed(&mut describer, &event.header, event.body).unwrap();
        }
        assert!(refused > 500, "{name}: {refused}");
    }
}

/// Describes an event and prints all of its values.
fn printed(describer: &mut Describer, header: &Header, body: &[u8]) -> Result<(), Malformed> {
    describer.describe(header, body, |description| {
        let Some(rows) = description.rows else {
            return Ok(());
        };
        rows.each(|row| {
            let images = [row.before, row.after];
            for (column, value) in images.iter().flatten().flat_map(|image| image.columns()) {
                Printed::of(value, &column.ty)?;
            }
            Ok::<_, Malformed>(())
        })
    })
}
