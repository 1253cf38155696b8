//! One value, by what its column is.

use super::labels::Labels;
use super::{bytes, float, spatial, string};
use crate::{Charset, ColumnType, FixedBinary, GeometryKind, Malformed, Timestamp, Value, json};

/// How a column's values are written: chosen once for each version of a table.
#[derive(Debug, Clone)]
pub(super) enum ValueWriter {
    Signed,
    Unsigned,
    Float,
    Double,
    Decimal {
        scale: u8,
    },
    Flag,
    Bits {
        width: u8,
    },
    Year,
    Date,
    Time,
    /// DATETIME(0) to DATETIME(3): milliseconds.
    DateTimeMillis,
    /// DATETIME(4) to DATETIME(6): microseconds.
    DateTimeMicros,
    Timestamp {
        fsp: u8,
    },
    Utf8,
    Text {
        charset: Charset,
    },
    Binary {
        length: u16,
    },
    Blob,
    Enum(Labels),
    Set(Labels),
    Json,
    Point,
    Geometry,
    Vector,
    /// As text.
    FixedBinary(FixedBinary),
}

const NOT_OF_THE_TYPE: Malformed = Malformed::Invalid("a column of this type");

impl ValueWriter {
    pub(super) fn compile(ty: &ColumnType) -> Self {
        match ty {
            ColumnType::Integer { unsigned: false, .. } => Self::Signed,
            ColumnType::Integer { unsigned: true, .. } => Self::Unsigned,
            ColumnType::Float => Self::Float,
            ColumnType::Double => Self::Double,
            ColumnType::Decimal { scale, .. } => Self::Decimal { scale: *scale },
            ColumnType::Bit { width: 1 } => Self::Flag,
            ColumnType::Bit { width } => Self::Bits { width: *width },
            ColumnType::Year => Self::Year,
            ColumnType::Date => Self::Date,
            ColumnType::Time { .. } => Self::Time,
            ColumnType::DateTime { fsp: 0..=3 } => Self::DateTimeMillis,
            ColumnType::DateTime { .. } => Self::DateTimeMicros,
            ColumnType::Timestamp { fsp } => Self::Timestamp { fsp: *fsp },
            ColumnType::Text {
                charset: Charset::Utf8 | Charset::Utf8Mb3,
            } => Self::Utf8,
            ColumnType::Text { charset } => Self::Text { charset: *charset },
            ColumnType::Binary { length } => Self::Binary { length: *length },
            ColumnType::Blob => Self::Blob,
            ColumnType::Enum { members } => Self::Enum(Labels::compile(members)),
            ColumnType::Set { members } => Self::Set(Labels::compile(members)),
            ColumnType::Json => Self::Json,
            ColumnType::Geometry(GeometryKind::Point) => Self::Point,
            ColumnType::Geometry(_) => Self::Geometry,
            ColumnType::Vector => Self::Vector,
            ColumnType::FixedBinary(ty) => Self::FixedBinary(*ty),
        }
    }

    /// Appends a value. `scratch` is memory to work in.
    ///
    /// # Errors
    /// If the value is not one of the column's. What has been appended then is for the caller to take away.
    #[inline]
    pub(super) fn write(
        &self,
        value: &Value<'_>,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        match (self, value) {
            (_, Value::Null) => write_null(out),
            (Self::Signed, Value::Int(n)) => write_integer(*n, out),
            (Self::Unsigned, Value::UInt(n)) => write_integer(*n, out),
            (Self::Utf8, Value::Text(text)) => {
                // MariaDB stores halves of surrogate pairs too.
                return string::write_utf8(text, out)
                    .or_else(|_| write_text(text, Charset::Utf8, scratch, out));
            }
            (Self::Text { charset }, Value::Text(text)) => return write_text(text, *charset, scratch, out),
            (Self::Float, Value::Float(f)) => float::write_float(*f, out),
            (Self::Double, Value::Double(f)) => float::write_double(*f, out),
            (Self::Decimal { scale }, Value::Decimal(d)) => {
                return bytes::write_decimal(d, *scale, scratch, out);
            }
            (Self::Enum(labels), Value::Enum(index)) => return labels.write_member(*index, out),
            (Self::Set(labels), Value::Set(bits)) => return labels.write_members(*bits, out),
            (Self::Json, Value::Json(document)) => return write_json(document, scratch, out),
            (Self::Year | Self::Date | Self::Time, _) => return self.write_temporal(value, out),
            (Self::DateTimeMillis | Self::DateTimeMicros | Self::Timestamp { .. }, _) => {
                return self.write_temporal(value, out);
            }
            _ => return self.write_bytes(value, scratch, out),
        }
        Ok(())
    }

    /// Dates that no calendar has, zero dates among them, are null: any number would be another date.
    fn write_temporal(&self, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        match (self, value) {
            (Self::Year, Value::Year(year)) => write_integer(*year, out),
            (Self::Date, Value::Date(date)) => write_known(date.epoch_days(), out),
            (Self::Time, Value::Time(time)) => write_integer(time.micros, out),
            (Self::DateTimeMillis, Value::DateTime(at)) => {
                write_known(at.epoch_micros().map(|micros| micros.div_euclid(1000)), out);
            }
            (Self::DateTimeMicros, Value::DateTime(at)) => write_known(at.epoch_micros(), out),
            (Self::Timestamp { .. }, Value::Timestamp(Timestamp::Zero)) => write_null(out),
            (Self::Timestamp { fsp }, Value::Timestamp(at)) => {
                out.push(b'"');
                at.write_iso_utc(*fsp, out);
                out.push(b'"');
            }
            _ => return Err(NOT_OF_THE_TYPE),
        }
        Ok(())
    }

    fn write_bytes(
        &self,
        value: &Value<'_>,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        match (self, value) {
            (Self::Flag, Value::Bit(0)) => out.extend_from_slice(b"false"),
            (Self::Flag, Value::Bit(1)) => out.extend_from_slice(b"true"),
            (Self::Bits { width }, Value::Bit(bits)) => return bytes::write_bits(*bits, *width, out),
            (Self::Binary { length }, Value::Binary(b)) => {
                return bytes::write_padded(b, *length, scratch, out);
            }
            (Self::Blob, Value::Binary(b)) => return bytes::write(b, out),
            (Self::FixedBinary(ty), Value::Binary(b)) => {
                out.push(b'"');
                ty.write_text(b, out)?;
                out.push(b'"');
            }
            (Self::Point, Value::Geometry(g)) => return spatial::write_point(g, out),
            (Self::Geometry, Value::Geometry(g)) => return spatial::write_geometry(g, out),
            (Self::Vector, Value::Vector(v)) => return spatial::write_vector(v, out),
            _ => return Err(NOT_OF_THE_TYPE),
        }
        Ok(())
    }
}

#[inline]
fn write_null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

#[inline]
fn write_integer(n: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

#[inline]
fn write_known(n: Option<impl itoa::Integer>, out: &mut Vec<u8>) {
    match n {
        Some(n) => write_integer(n, out),
        None => write_null(out),
    }
}

fn write_text(
    text: &[u8],
    charset: Charset,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    scratch.clear();
    charset.convert(text, scratch)?;
    string::write_utf8(scratch, out)
}

/// A document is a string that holds its text.
fn write_json(document: &[u8], scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    scratch.clear();
    json::write_text(document, scratch)?;
    string::write_utf8(scratch, out)
}
