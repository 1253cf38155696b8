//! CHAR, VARCHAR, BINARY, VARBINARY, TEXT and BLOB; JSON, GEOMETRY and VECTOR: bytes with their length before them.

use rowtide_event::{ColumnType, Malformed, Reader, Value};

use crate::event::WireType;

/// Reads bytes preceded by their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BytesDecoder {
    length: Length,
    holds: Holds,
    /// The longest value that the column can have.
    max: u32,
}

/// Bytes of the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    One,
    Two,
    Three,
    Four,
}

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Binary,
    Json,
    Geometry,
    Vector,
}

impl BytesDecoder {
    pub(super) fn compile(wire: WireType, ty: &ColumnType) -> Option<Self> {
        let holds = match (wire, ty) {
            (
                WireType::VarChar(_)
                | WireType::Char(_)
                | WireType::Blob(_)
                | WireType::VarCharCompressed(_)
                | WireType::BlobCompressed(_),
                ColumnType::Text { .. },
            ) => Holds::Text,
            (
                WireType::VarChar(_)
                | WireType::Blob(_)
                | WireType::VarCharCompressed(_)
                | WireType::BlobCompressed(_),
                ColumnType::Blob,
            ) => Holds::Binary,
            (WireType::Char(bytes), ColumnType::Binary { length }) if bytes == *length => Holds::Binary,
            (WireType::Char(bytes), ColumnType::FixedBinary(ty)) if bytes == ty.length() => Holds::Binary,
            // MariaDB logs a VECTOR as a VARBINARY.
            (WireType::VarChar(_), ColumnType::Vector) => Holds::Vector,
            (WireType::Json(_), ColumnType::Json) => Holds::Json,
            (WireType::Geometry(_), ColumnType::Geometry(_)) => Holds::Geometry,
            (WireType::Vector(_), ColumnType::Vector) => Holds::Vector,
            _ => return None,
        };
        let (length, max) = match wire {
            WireType::VarChar(max) | WireType::Char(max) => {
                (if max > 255 { Length::Two } else { Length::One }, u32::from(max))
            }
            WireType::Blob(size)
            | WireType::Json(size)
            | WireType::Geometry(size)
            | WireType::Vector(size) => (Length::of(size)?, u32::MAX),
            // As [`RowPlan::uncompress_values`](super::RowPlan::uncompress_values) writes them.
            WireType::VarCharCompressed(_) | WireType::BlobCompressed(_) => (Length::Four, u32::MAX),
            _ => return None,
        };
        Some(Self { length, holds, max })
    }

    pub(super) fn is_json(self) -> bool {
        self.holds == Holds::Json
    }

    #[inline(always)]
    pub(super) fn read<'a>(self, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        let len = match self.length {
            Length::One => u32::from(reader.u8("length of a string")?),
            Length::Two => u32::from(reader.u16("length of a string")?),
            Length::Three => reader.u24("length of a string")?,
            Length::Four => reader.u32("length of a string")?,
        };
        if len > self.max {
            return Err(Malformed::Invalid("length of a string"));
        }
        let len = usize::try_from(len).map_err(|_| Malformed::TooLarge("length of a string"))?;
        let bytes = reader.take(len, "string")?;
        Ok(match self.holds {
            Holds::Text => Value::Text(bytes),
            Holds::Binary => Value::Binary(bytes),
            Holds::Json => Value::Json(bytes),
            Holds::Geometry => Value::Geometry(bytes),
            Holds::Vector => Value::Vector(bytes),
        })
    }
}

impl Length {
    fn of(size: u8) -> Option<Self> {
        match size {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            4 => Some(Self::Four),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowtide_event::Charset;

    const TEXT: ColumnType = ColumnType::Text {
        charset: Charset::Utf8,
    };

    fn read<'a>(wire: WireType, ty: &ColumnType, bytes: &'a [u8]) -> Result<Value<'a>, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = BytesDecoder::compile(wire, ty).unwrap().read(&mut reader)?;
        reader.finish("test")?;
        Ok(value)
    }

    #[test]
    fn the_length_has_one_byte_up_to_255() {
        assert_eq!(
            read(WireType::VarChar(255), &TEXT, b"\x02ab"),
            Ok(Value::Text(b"ab"))
        );
        assert_eq!(
            read(WireType::VarChar(256), &TEXT, b"\x02\0ab"),
            Ok(Value::Text(b"ab"))
        );
        assert_eq!(
            read(WireType::Char(1020), &TEXT, b"\x02\0ab"),
            Ok(Value::Text(b"ab"))
        );
        assert_eq!(
            read(WireType::Blob(3), &ColumnType::Blob, b"\x02\0\0ab"),
            Ok(Value::Binary(b"ab"))
        );
        assert_eq!(
            read(WireType::Blob(4), &TEXT, b"\x01\0\0\0a"),
            Ok(Value::Text(b"a"))
        );
    }

    #[test]
    fn a_value_longer_than_its_column_or_its_row_is_malformed() {
        let binary = ColumnType::Binary { length: 1 };
        assert_eq!(
            read(WireType::Char(1), &binary, b"\x01a"),
            Ok(Value::Binary(b"a"))
        );
        assert_eq!(
            read(WireType::Char(1), &binary, b"\x02ab"),
            Err(Malformed::Invalid("length of a string"))
        );
        assert_eq!(
            read(WireType::Blob(1), &TEXT, b"\x02a"),
            Err(Malformed::Truncated("string"))
        );
        assert_eq!(BytesDecoder::compile(WireType::Char(2), &binary), None);
    }

    #[test]
    fn a_vector_that_a_server_wrote() {
        let bytes = b"\x0c\0\0\0\xcd\xcc\x8c\x3f\xcd\xcc\x0c\x40\x33\x33\x53\x40";
        assert_eq!(
            read(WireType::Vector(4), &ColumnType::Vector, bytes),
            Ok(Value::Vector(&bytes[4..]))
        );
        assert_eq!(
            read(WireType::Json(4), &ColumnType::Json, b"\0\0\0\0"),
            Ok(Value::Json(b""))
        );
        assert_eq!(
            BytesDecoder::compile(WireType::Blob(4), &ColumnType::Vector),
            None
        );
    }
}
