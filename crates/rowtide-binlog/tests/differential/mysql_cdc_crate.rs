//! What the crate `mysql_cdc` finds in a file.

use std::collections::HashMap;

use mysql_cdc::errors::Error;
use mysql_cdc::events::binlog_event::BinlogEvent;
use mysql_cdc::events::event_header::EventHeader;
use mysql_cdc::events::event_parser::EventParser;
use mysql_cdc::events::row_events::mysql_value::MySqlValue;
use mysql_cdc::events::row_events::row_data::RowData;
use mysql_cdc::events::table_map_event::TableMapEvent;

use crate::compare::Peer;
use crate::rows::{Image, NULL, Row, bytes, clock, instant, moment, real};
use crate::rowtide;

/// A parser of events, and the tables that it found.
pub struct MysqlCdc {
    parser: EventParser,
    tables: HashMap<u64, TableMapEvent>,
}

/// Bytes of an event's header.
const HEADER: usize = 19;

impl MysqlCdc {
    pub fn new() -> Self {
        Self {
            parser: EventParser::new(),
            tables: HashMap::new(),
        }
    }

    fn read(&mut self, event: &[u8]) -> Result<Vec<Row>, Error> {
        let (header, body) = event.split_at(HEADER);
        let event = self.parser.parse_event(&EventHeader::parse(header)?, body)?;
        let rows = match event {
            BinlogEvent::TableMapEvent(table) => {
                self.tables.insert(table.table_id, table);
                Vec::new()
            }
            BinlogEvent::WriteRowsEvent(event) => {
                let table = &self.tables[&event.table_id];
                let after = |row| image(row, &event.columns_present, table);
                event
                    .rows
                    .iter()
                    .map(|row| of(table, None, Some(after(row))))
                    .collect()
            }
            BinlogEvent::DeleteRowsEvent(event) => {
                let table = &self.tables[&event.table_id];
                let before = |row| image(row, &event.columns_present, table);
                event
                    .rows
                    .iter()
                    .map(|row| of(table, Some(before(row)), None))
                    .collect()
            }
            BinlogEvent::UpdateRowsEvent(event) => {
                let table = &self.tables[&event.table_id];
                let rows = event.rows.iter().map(|row| {
                    let before = image(&row.before_update, &event.columns_before_update, table);
                    let after = image(&row.after_update, &event.columns_after_update, table);
                    of(table, Some(before), Some(after))
                });
                rows.collect()
            }
            _ => Vec::new(),
        };
        Ok(rows)
    }
}

impl Peer for MysqlCdc {
    fn rows(&mut self, event: &rowtide::Event) -> Result<Vec<Row>, String> {
        self.read(&event.bytes).map_err(|error| format!("{error:?}"))
    }
}

fn of(table: &TableMapEvent, before: Option<Image>, after: Option<Image>) -> Row {
    Row {
        table: format!("{}.{}", table.database_name, table.table_name),
        before,
        after,
    }
}

fn image(row: &RowData, present: &[bool], table: &TableMapEvent) -> Image {
    let unsigned = unsigned(table);
    let columns = row.cells.iter().zip(present).enumerate();
    let logged = columns.filter(|(_, (_, present))| **present);
    logged
        .map(|(at, (cell, _))| {
            let text = cell.as_ref().map(|value| text(value, unsigned[at]));
            (at, text.unwrap_or_else(|| NULL.to_owned()))
        })
        .collect()
}

/// Which columns are UNSIGNED, by the metadata as the crate decodes it: a bit for each column of a number.
fn unsigned(table: &TableMapEvent) -> Vec<bool> {
    let metadata = table.table_metadata.as_ref();
    let mut bits = metadata
        .and_then(|metadata| metadata.signedness.clone())
        .unwrap_or_default()
        .into_iter();
    // TINYINT to DOUBLE without NULL and TIMESTAMP, BIGINT, MEDIUMINT, DECIMAL.
    let is_number = |ty: &u8| matches!(ty, 1..=5 | 8 | 9 | 246);
    let of_column = |ty| is_number(ty) && bits.next().unwrap_or_default();
    table.column_types.iter().map(of_column).collect()
}

fn text(value: &MySqlValue, unsigned: bool) -> String {
    let signed = |number: i64, as_it_is: u64| {
        if unsigned {
            as_it_is.to_string()
        } else {
            number.to_string()
        }
    };
    match value {
        MySqlValue::TinyInt(n) => signed(n.cast_signed().into(), (*n).into()),
        MySqlValue::SmallInt(n) => signed(n.cast_signed().into(), (*n).into()),
        MySqlValue::MediumInt(n) => signed(((n << 8).cast_signed() >> 8).into(), (*n).into()),
        MySqlValue::Int(n) => signed(n.cast_signed().into(), (*n).into()),
        MySqlValue::BigInt(n) => signed(n.cast_signed(), *n),
        MySqlValue::Float(n) => real((*n).into()),
        MySqlValue::Double(n) => real(*n),
        MySqlValue::Decimal(text) => text.clone(),
        MySqlValue::String(text) => bytes(text.as_bytes()),
        MySqlValue::Blob(value) => bytes(value),
        // The lowest bit comes last.
        MySqlValue::Bit(bits) => bits
            .iter()
            .fold(0u64, |number, bit| number << 1 | u64::from(*bit))
            .to_string(),
        MySqlValue::Enum(index) => index.to_string(),
        MySqlValue::Set(members) => members.to_string(),
        MySqlValue::Year(year) => format!("{year:04}"),
        MySqlValue::Date(date) => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
        MySqlValue::Time(time) => clock(
            (
                time.hour.unsigned_abs().into(),
                time.minute.into(),
                time.second.into(),
            ),
            u64::from(time.millis) * 1000,
        ),
        MySqlValue::DateTime(at) => moment(
            (at.year.into(), at.month.into(), at.day.into()),
            (at.hour.into(), at.minute.into(), at.second.into()),
            u64::from(at.millis) * 1000,
        ),
        MySqlValue::Timestamp(millis) => instant(millis / 1000, millis % 1000 * 1000),
    }
}
