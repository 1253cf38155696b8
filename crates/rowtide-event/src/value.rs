//! One column of one row.

use crate::{Date, DateTime, Decimal, Time, Timestamp};

/// The value of one column, borrowed from the bytes it was read from: a binlog row or a row of a SELECT.
///
/// What is not in here is in the column's [`ColumnType`](crate::ColumnType): the character set of a text, the
/// members of an ENUM, the declared length of a BINARY. Nothing is allocated to make one.
#[derive(Debug, Clone, Copy, PartialEq)]
// The payload of every variant begins at the same place. Where the compiler lays each out for itself, a small one shares a word
// with the tag: a value is then put together of bytes and read back as a word, for which the processor waits (a fifth of the
// time of decoding 40 mixed columns).
#[repr(C, u8)]
pub enum Value<'a> {
    /// The column is not part of this row image (`binlog_row_image` MINIMAL or NOBLOB). It is not NULL: its value is
    /// unknown.
    Absent,
    /// SQL NULL.
    Null,
    /// TINYINT to BIGINT, signed.
    Int(i64),
    /// TINYINT to BIGINT, unsigned.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE and REAL.
    Double(f64),
    /// DECIMAL, in the server's packed form.
    Decimal(Decimal<'a>),
    /// BIT: the bits as a number. The column type holds the width.
    Bit(u64),
    /// CHAR, VARCHAR and TEXT: bytes in the column's character set, as stored.
    Text(&'a [u8]),
    /// BINARY, VARBINARY and BLOB. A BINARY(n) comes as the binlog has it, without the trailing zero bytes that the
    /// server strips: the encoder pads it to n.
    Binary(&'a [u8]),
    /// DATE, with zero parts where the server has them.
    Date(Date),
    /// TIME.
    Time(Time),
    /// DATETIME, with zero parts where the server has them.
    DateTime(DateTime),
    /// TIMESTAMP: an instant, or the zero timestamp.
    Timestamp(Timestamp),
    /// YEAR: 0, or 1901 to 2155.
    Year(u16),
    /// ENUM: the member's index from 1; 0 is the empty string of an invalid value.
    Enum(u16),
    /// SET: a bit for each member, the first member lowest.
    Set(u64),
    /// JSON in the server's binary form (json_binary.h); empty bytes stand for JSON null.
    Json(&'a [u8]),
    /// GEOMETRY: SRID (u32, little-endian) and WKB.
    Geometry(&'a [u8]),
    /// VECTOR: 32-bit floats, little-endian.
    Vector(&'a [u8]),
}
