//! The common form of what decoders find: rows whose values are text.

use std::collections::BTreeMap;

/// A row that was changed. Values are known by the column's place in the table; those that are not logged are not there.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// `database.table`.
    pub table: String,
    pub before: Option<Image>,
    pub after: Option<Image>,
}

pub type Image = BTreeMap<usize, String>;

pub const NULL: &str = "NULL";

/// Bytes, those that are not printable ASCII escaped.
pub fn bytes(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// The same text for the same number, and another for zero below zero.
pub fn real(number: f64) -> String {
    format!("{number:?}")
}

/// Date and time of day with six digits of a second.
pub fn moment(date: (u64, u64, u64), time: (u64, u64, u64), micros: u64) -> String {
    format!(
        "{:04}-{:02}-{:02} {}",
        date.0,
        date.1,
        date.2,
        clock(time, micros)
    )
}

/// Hours, minutes, seconds and their six digits.
pub fn clock((hours, minutes, seconds): (u64, u64, u64), micros: u64) -> String {
    format!("{hours:02}:{minutes:02}:{seconds:02}.{micros:06}")
}

/// An instant: seconds since 1970 and their six digits.
pub fn instant(seconds: u64, micros: u64) -> String {
    format!("{seconds}.{micros:06}")
}

/// The same text for the same document: members in the order of their names; numbers that have a point as doubles.
pub fn document(mut document: serde_json::Value) -> String {
    document.sort_all_objects();
    document.to_string()
}
