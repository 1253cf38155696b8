//! What Rowtide finds in a file.

use rowtide_binlog::decoder::{
    CapturedTable, DecodeError, Decoder, DecoderOptions, Handler, Rows, TableRows,
};
use rowtide_binlog::event::file::BinlogFile;
use rowtide_binlog::event::{EventType, Header, TableMap};
use rowtide_binlog::row::RowPlan;
use rowtide_binlog::schema::metadata;
use rowtide_event::{BinlogPosition, ColumnType, RowChange, Table, Timestamp, Value, json};

use crate::rows::{Image, NULL, Row, bytes, document, instant, real};

/// An event of a file, and the rows that are in it or in the payload that it is.
pub struct Event {
    pub header: Header,
    pub bytes: Vec<u8>,
    pub rows: Vec<TypedRow>,
}

/// A row, and of each column of its table the word for its type.
pub struct TypedRow {
    pub row: Row,
    pub types: Vec<&'static str>,
    /// Which of the rows events it is in: a payload has several.
    pub rows_event: usize,
}

/// How a decoder shows values that it hands over as they are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Documents as text.
    Text,
    /// Documents in their binary form.
    RawDocuments,
    /// Documents as text, and vectors as numbers.
    Printed,
}

/// All events of a file, or those before the one that it stops at, and why.
pub fn decode(file: &[u8], style: Style) -> (Vec<Event>, Option<String>) {
    let mut found = Found {
        style,
        tables: Vec::new(),
        rows: Vec::new(),
        rows_events: 0,
    };
    let mut decoder = Decoder::new(DecoderOptions::default(), BinlogPosition::new("binlog.000001", 4));
    let mut events = Vec::new();
    let mut file = match BinlogFile::open(file, 1 << 30) {
        Ok(file) => file,
        Err(error) => return (events, Some(error.to_string())),
    };
    loop {
        let event = match file.next_event() {
            Ok(Some(event)) => event,
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error.to_string())),
        };
        if let Err(error) = decoder.feed(event.bytes, &mut found) {
            return (events, Some(error.to_string()));
        }
        events.push(Event {
            header: event.header,
            bytes: event.bytes.to_vec(),
            rows: std::mem::take(&mut found.rows),
        });
    }
}

impl Event {
    /// Whether the event is a TRANSACTION_PAYLOAD.
    pub fn is_payload(&self) -> bool {
        self.header.event_type == EventType::TransactionPayload
    }
}

struct Found {
    style: Style,
    tables: Vec<Table>,
    rows: Vec<TypedRow>,
    rows_events: usize,
}

impl Found {
    fn image(&self, table: &Table, values: &[Value<'_>]) -> Option<Image> {
        let columns = table.columns.iter().zip(values).enumerate();
        let logged = columns.filter(|(_, (_, value))| **value != Value::Absent);
        Some(
            logged
                .map(|(at, (column, value))| (at, text(value, &column.ty, self.style)))
                .collect(),
        )
    }
}

impl Handler for Found {
    type Error = DecodeError;

    fn table(&mut self, map: &TableMap<'_>, _shape: &[u8]) -> Result<TableRows, DecodeError> {
        let table = metadata::table(map).or_else(|_| metadata::as_logged(map));
        // Rows of tables that cannot be decoded are left out.
        let Ok(table) = table else {
            return Ok(TableRows::Unwanted);
        };
        let plan = RowPlan::compile(map, &table).unwrap();
        self.tables.push(table);
        let tag = self.tables.len() - 1;
        Ok(TableRows::Wanted(CapturedTable::new(tag, plan)))
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), DecodeError> {
        let table = self.tables[rows.tag].clone();
        let types: Vec<_> = table.columns.iter().map(|column| word(&column.ty)).collect();
        self.rows_events += 1;
        while let Some(change) = rows.next()? {
            let (before, after) = match change {
                RowChange::Create { after } => (None, self.image(&table, after)),
                RowChange::Update { before, after } => {
                    (self.image(&table, before), self.image(&table, after))
                }
                RowChange::Delete { before } => (self.image(&table, before), None),
            };
            let row = Row {
                table: table.id.to_string(),
                before,
                after,
            };
            self.rows.push(TypedRow {
                row,
                types: types.clone(),
                rows_event: self.rows_events,
            });
        }
        Ok(())
    }
}

fn word(ty: &ColumnType) -> &'static str {
    match ty {
        ColumnType::Integer { .. } => "integer",
        ColumnType::Float => "FLOAT",
        ColumnType::Double => "DOUBLE",
        ColumnType::Decimal { .. } => "DECIMAL",
        ColumnType::Bit { .. } => "BIT",
        ColumnType::Year => "YEAR",
        ColumnType::Date => "DATE",
        ColumnType::Time { .. } => "TIME",
        ColumnType::DateTime { .. } => "DATETIME",
        ColumnType::Timestamp { .. } => "TIMESTAMP",
        ColumnType::Text { .. } => "text",
        ColumnType::Binary { .. } | ColumnType::Blob | ColumnType::FixedBinary(_) => "bytes",
        ColumnType::Enum { .. } => "ENUM",
        ColumnType::Set { .. } => "SET",
        ColumnType::Json => "JSON",
        ColumnType::Geometry(_) => "GEOMETRY",
        ColumnType::Vector => "VECTOR",
    }
}

fn text(value: &Value<'_>, ty: &ColumnType, style: Style) -> String {
    match value {
        Value::Absent | Value::Null => NULL.to_owned(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) | Value::Bit(number) | Value::Set(number) => number.to_string(),
        Value::Float(number) => real(f64::from(*number)),
        Value::Double(number) => real(*number),
        Value::Decimal(decimal) => written(|out| decimal.write_text(out)),
        Value::Year(year) => format!("{year:04}"),
        Value::Enum(index) => index.to_string(),
        Value::Date(date) => written(|out| date.write_text(out)),
        Value::Time(time) => written(|out| time.write_text(6, out)),
        Value::DateTime(time) => written(|out| time.write_text(6, out)),
        Value::Timestamp(Timestamp::Zero) => instant(0, 0),
        Value::Timestamp(Timestamp::Micros(micros)) => instant(micros / 1_000_000, micros % 1_000_000),
        Value::Json(json) if style != Style::RawDocuments => {
            let mut text = Vec::new();
            json::write_text(json, &mut text).unwrap_or_else(|error| panic!("{ty:?}: {error}"));
            document(serde_json::from_slice(&text).unwrap())
        }
        Value::Vector(floats) if style == Style::Printed => vector(floats),
        Value::Text(value)
        | Value::Binary(value)
        | Value::Geometry(value)
        | Value::Vector(value)
        | Value::Json(value) => bytes(value),
    }
}

fn vector(floats: &[u8]) -> String {
    let (numbers, _) = floats.as_chunks::<4>();
    let numbers = numbers
        .iter()
        .map(|bytes| real(f32::from_le_bytes(*bytes).into()));
    numbers.collect::<Vec<_>>().join(",")
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}
