//! Records compared with what a real Debezium wrote (testdata/golden), from values made by hand after the SQL that it saw.

mod bytes_and_text;
mod numbers;
mod properties;
mod records;
mod temporal;

use super::*;
use crate::encode::AbsentColumns;
use crate::{Charset, Column, ColumnType, IntegerWidth, Malformed, TableId};

const TINY: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Tiny,
    unsigned: false,
};
const INT: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Int,
    unsigned: false,
};
const BIGINT: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Big,
    unsigned: false,
};
const BIGINT_UNSIGNED: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Big,
    unsigned: true,
};
const TEXT: ColumnType = ColumnType::Text {
    charset: Charset::Utf8,
};
const LATIN1: ColumnType = ColumnType::Text {
    charset: Charset::Latin1,
};
const NULL: Value<'_> = Value::Null;
const NOW: ProcessedAt = ProcessedAt {
    ns: 1_795_239_064_207_250_967,
};

fn table(name: &str, key: &[usize], columns: &[(&str, ColumnType)]) -> Table {
    let column = |(name, ty): &(&str, ColumnType)| Column {
        name: (*name).to_owned(),
        ty: ty.clone(),
        nullable: true,
        generated: false,
    };
    let columns = columns.iter().map(column).collect();
    Table {
        id: TableId::new("golden", name),
        columns,
        key: key.to_vec(),
        hidden: 0,
    }
}

fn options() -> EncodeOptions {
    EncodeOptions {
        topic_prefix: "gA".to_owned(),
        version: "3.6.1.Final".to_owned(),
        ..EncodeOptions::default()
    }
}

/// The source of the change of a key of t_cpk.
fn source() -> SourceInfo<'static> {
    SourceInfo {
        ts_us: 1_795_239_064_181_614,
        server_id: 97,
        gtid: Some("9de2dde1-e55f-11f1-bc9f-02fc00000001:321954"),
        file: "binlog.000010",
        pos: 594_428_150,
        thread: Some(494),
        query: Some("UPDATE t_cpk SET b='z'"),
    }
}

/// An encoder, and an event of its table that has begun.
struct Begun {
    table: TableEncoder,
    event: EventText,
}

impl Begun {
    fn begin_event(&mut self, source: &SourceInfo<'_>, now: ProcessedAt) {
        self.table.begin_event(source, now, &mut self.event);
    }

    fn encode(
        &mut self,
        change: &RowChange<'_, '_>,
        row: u32,
        batch: &mut RecordBatch,
    ) -> Result<(), EncodeError> {
        self.table.encode(change, row, &mut self.event, batch)
    }
}

fn encoder(table: &Table, options: &EncodeOptions) -> Begun {
    let mut begun = Begun {
        table: TableEncoder::compile(table, TopicIndex(7), options),
        event: EventText::default(),
    };
    begun.begin_event(&source(), NOW);
    begun
}

/// Key and `after` of an inserted row.
fn created(table: &Table, after: &[Value<'_>]) -> (String, String) {
    let batch = encode(table, RowChange::Create { after }).unwrap();
    let [
        Record {
            key,
            value: Some(value),
            header: None,
            ..
        },
    ] = batch.records.as_slice()
    else {
        panic!("{:?}", batch.records)
    };
    let text = |span: &Span| String::from_utf8(batch.slice(span).to_vec()).unwrap();
    let value = text(value);
    serde_json::from_str::<serde_json::Value>(&value).unwrap();
    let (row, _) = value.split_once(",\"source\":{").unwrap();
    let after = row.strip_prefix("{\"before\":null,\"after\":").unwrap();
    (key.as_ref().map(text).unwrap_or_default(), after.to_owned())
}

/// Rows of one table: the values, and `after` as Debezium wrote it.
fn check(table: &Table, rows: &[(&[Value<'_>], &str)]) {
    for (values, expected) in rows {
        assert_eq!(created(table, values).1, *expected, "{}", table.id);
    }
}

/// Why a value is none of a column of this type.
fn refused(ty: ColumnType, value: Value<'_>) -> Malformed {
    let error = encode(
        &table("t", &[], &[("c", ty)]),
        RowChange::Create { after: &[value] },
    )
    .unwrap_err();
    match error {
        EncodeError::Column { column, cause } if column == "c" => cause,
        other => panic!("{other}"),
    }
}

fn encode(table: &Table, change: RowChange<'_, '_>) -> Result<RecordBatch, EncodeError> {
    let mut batch = RecordBatch::default();
    encoder(table, &options()).encode(&change, 0, &mut batch)?;
    Ok(batch)
}
