//! What the crate `mysql_common` finds in a file.

use std::io;

use mysql_common::Value;
use mysql_common::binlog::EventStreamReader;
use mysql_common::binlog::consts::BinlogVersion;
use mysql_common::binlog::events::{Event, EventData, RowsEventData, TableMapEvent};
use mysql_common::binlog::jsonb::{JsonContainer, JsonDom, JsonNumber, JsonScalar};
use mysql_common::binlog::row::BinlogRow;
use mysql_common::binlog::value::BinlogValue;
use mysql_common::constants::ColumnType;

use crate::compare::Peer;
use crate::rows::{Image, NULL, Row, bytes, clock, document, instant, moment, real};
use crate::rowtide;

/// A reader of events, which has seen those before.
pub struct MysqlCommon(EventStreamReader);

impl MysqlCommon {
    pub fn new() -> Self {
        Self(EventStreamReader::new(BinlogVersion::Version4))
    }
}

impl Peer for MysqlCommon {
    fn rows(&mut self, event: &rowtide::Event) -> Result<Vec<Row>, String> {
        self.read(&event.bytes).map_err(|error| error.to_string())
    }
}

impl MysqlCommon {
    fn read(&mut self, bytes: &[u8]) -> io::Result<Vec<Row>> {
        let Some(event) = self.0.read(bytes)? else {
            return Ok(Vec::new());
        };
        match event.read_data()? {
            Some(EventData::TransactionPayloadEvent(payload)) => {
                let mut inside = payload.decompressed()?;
                let mut rows = Vec::new();
                while let Some(event) = self.0.read_decompressed(&mut inside)? {
                    rows.extend(self.rows_of(&event)?);
                }
                Ok(rows)
            }
            _ => self.rows_of(&event),
        }
    }

    fn rows_of(&self, event: &Event) -> io::Result<Vec<Row>> {
        let Some(EventData::RowsEvent(event)) = event.read_data()? else {
            return Ok(Vec::new());
        };
        let table = self.0.get_tme(event.table_id());
        let table = table.ok_or_else(|| io::Error::other("no table map"))?;
        let rows = event.rows(table);
        rows.map(|row| row_of(row?, &event, table)).collect()
    }
}

fn row_of(
    (before, after): (Option<BinlogRow>, Option<BinlogRow>),
    event: &RowsEventData<'_>,
    table: &TableMapEvent<'_>,
) -> io::Result<Row> {
    let places = |ones: Option<Vec<usize>>| ones.unwrap_or_default();
    let before_at = places(
        event
            .columns_before_image()
            .map(|bits| bits.iter_ones().collect()),
    );
    let after_at = places(event.columns_after_image().map(|bits| bits.iter_ones().collect()));
    Ok(Row {
        table: format!("{}.{}", table.database_name(), table.table_name()),
        before: before.map(|row| image(row, &before_at)).transpose()?,
        after: after.map(|row| image(row, &after_at)).transpose()?,
    })
}

fn image(row: BinlogRow, places: &[usize]) -> io::Result<Image> {
    let types: Vec<_> = row
        .columns_ref()
        .iter()
        .map(|column| column.column_type())
        .collect();
    let values = row.unwrap().into_iter().zip(types);
    let texts = values
        .zip(places)
        .map(|((value, ty), at)| Ok((*at, text(value, ty)?)));
    texts.collect()
}

fn text(value: BinlogValue<'_>, ty: ColumnType) -> io::Result<String> {
    Ok(match value {
        BinlogValue::Value(value) => plain(value, ty),
        BinlogValue::Jsonb(json) => document(tree(json.parse()?)),
        BinlogValue::JsonDiff(diffs) => format!("{} differences", diffs.len()),
    })
}

fn plain(value: Value, ty: ColumnType) -> String {
    use ColumnType as T;
    match value {
        Value::NULL => NULL.to_owned(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => real(f64::from(number)),
        Value::Double(number) => real(number),
        Value::Date(year, month, day, ..) if matches!(ty, T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE) => {
            format!("{year:04}-{month:02}-{day:02}")
        }
        Value::Date(year, month, day, hours, minutes, seconds, micros) => moment(
            (year.into(), month.into(), day.into()),
            (hours.into(), minutes.into(), seconds.into()),
            micros.into(),
        ),
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let hours = u64::from(days) * 24 + u64::from(hours);
            let sign = if negative { "-" } else { "" };
            let clock = clock((hours, minutes.into(), seconds.into()), micros.into());
            format!("{sign}{clock}")
        }
        Value::Bytes(value) => match ty {
            T::MYSQL_TYPE_NEWDECIMAL | T::MYSQL_TYPE_YEAR => String::from_utf8_lossy(&value).into_owned(),
            T::MYSQL_TYPE_TIMESTAMP2 => timestamp(&String::from_utf8_lossy(&value)),
            T::MYSQL_TYPE_BIT => number(value.iter()),
            T::MYSQL_TYPE_SET => number(value.iter().rev()),
            _ => bytes(&value),
        },
    }
}

/// It leaves a fraction of zero out.
fn timestamp(text: &str) -> String {
    if text.contains('.') {
        text.to_owned()
    } else {
        instant(text.parse().unwrap(), 0)
    }
}

/// Bytes, the highest first.
fn number<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    bytes
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte))
        .to_string()
}

/// Values of SQL types as Rowtide writes them: decimals as numbers, times without zeros at their end, bytes without a
/// word for their type.
fn tree(dom: JsonDom) -> serde_json::Value {
    match dom {
        JsonDom::Container(JsonContainer::Array(elements)) => elements.into_iter().map(tree).collect(),
        JsonDom::Container(JsonContainer::Object(members)) => {
            let members = members.into_iter().map(|(name, value)| (name, tree(value)));
            serde_json::Value::Object(members.collect())
        }
        JsonDom::Scalar(JsonScalar::Number(JsonNumber::Decimal(decimal))) => {
            serde_json::from_str(&decimal.to_string()).unwrap()
        }
        JsonDom::Scalar(JsonScalar::DateTime(time)) => time_in_document(&format!("{time:.6}")).into(),
        JsonDom::Scalar(JsonScalar::Opaque(opaque)) => {
            let text = opaque.to_string();
            text.rsplit(':').next().unwrap_or_default().into()
        }
        JsonDom::Scalar(scalar) => scalar.into(),
    }
}

fn time_in_document(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => text,
    }
}
