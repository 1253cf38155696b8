//! Integers, FLOAT, DOUBLE, DECIMAL, BIT and YEAR; and ENUM and SET, which are numbers in a row.

use rowtide_event::{ColumnType, Decimal, IntegerWidth, Malformed, Reader, Value};

use crate::event::WireType;

/// Reads a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberDecoder {
    I8,
    U8,
    I16,
    U16,
    I24,
    U24,
    I32,
    U32,
    I64,
    U64,
    Float,
    Double,
    Decimal(u8, u8),
    /// Bits.
    Bit(u8),
    Year,
    /// Bytes of the index, 1 or 2.
    Enum(u8),
    /// Bytes of the mask, 1 to 8.
    Set(u8),
}

impl NumberDecoder {
    pub(super) fn compile(wire: WireType, ty: &ColumnType) -> Option<Self> {
        Some(match (wire, ty) {
            (_, ColumnType::Integer { width, unsigned }) => integer(wire, *width, *unsigned)?,
            (WireType::Float, ColumnType::Float) => Self::Float,
            (WireType::Double, ColumnType::Double) => Self::Double,
            (WireType::Decimal(p, s), ColumnType::Decimal { precision, scale })
                if (p, s) == (*precision, *scale) =>
            {
                Self::Decimal(p, s)
            }
            (WireType::Bit(bits), ColumnType::Bit { width }) if bits == *width => Self::Bit(bits),
            (WireType::Year, ColumnType::Year) => Self::Year,
            (WireType::Enum(bytes), ColumnType::Enum { .. }) => Self::Enum(bytes),
            (WireType::Set(bytes), ColumnType::Set { .. }) => Self::Set(bytes),
            _ => return None,
        })
    }

    #[inline(always)]
    pub(super) fn read<'a>(self, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        Ok(match self {
            Self::I8 => Value::Int(i64::from(reader.u8("TINYINT")?.cast_signed())),
            Self::U8 => Value::UInt(u64::from(reader.u8("TINYINT")?)),
            Self::I16 => Value::Int(i64::from(reader.u16("SMALLINT")?.cast_signed())),
            Self::U16 => Value::UInt(u64::from(reader.u16("SMALLINT")?)),
            Self::I24 => Value::Int(i64::from(sign_extended(reader.u24("MEDIUMINT")?))),
            Self::U24 => Value::UInt(u64::from(reader.u24("MEDIUMINT")?)),
            Self::I32 => Value::Int(i64::from(reader.u32("INT")?.cast_signed())),
            Self::U32 => Value::UInt(u64::from(reader.u32("INT")?)),
            Self::I64 => Value::Int(reader.i64("BIGINT")?),
            Self::U64 => Value::UInt(reader.u64("BIGINT")?),
            Self::Float => Value::Float(f32::from_le_bytes(*reader.array("FLOAT")?)),
            Self::Double => Value::Double(f64::from_le_bytes(*reader.array("DOUBLE")?)),
            Self::Decimal(precision, scale) => Value::Decimal(Decimal::read(reader, precision, scale)?),
            Self::Bit(width) => Value::Bit(bit(reader, width)?),
            Self::Year => Value::Year(year(reader.u8("YEAR")?)),
            Self::Enum(1) => Value::Enum(u16::from(reader.u8("ENUM")?)),
            Self::Enum(_) => Value::Enum(reader.u16("ENUM")?),
            Self::Set(bytes) => Value::Set(mask(reader, bytes)?),
        })
    }
}

fn integer(wire: WireType, width: IntegerWidth, unsigned: bool) -> Option<NumberDecoder> {
    use NumberDecoder::{I8, I16, I24, I32, I64, U8, U16, U24, U32, U64};
    let (signed_decoder, unsigned_decoder) = match (wire, width) {
        (WireType::Tiny, IntegerWidth::Tiny) => (I8, U8),
        (WireType::Short, IntegerWidth::Small) => (I16, U16),
        (WireType::Int24, IntegerWidth::Medium) => (I24, U24),
        (WireType::Long, IntegerWidth::Int) => (I32, U32),
        (WireType::LongLong, IntegerWidth::Big) => (I64, U64),
        _ => return None,
    };
    Some(if unsigned {
        unsigned_decoder
    } else {
        signed_decoder
    })
}

#[inline]
fn sign_extended(three_bytes: u32) -> i32 {
    (three_bytes << 8).cast_signed() >> 8
}

fn year(stored: u8) -> u16 {
    if stored == 0 {
        0
    } else {
        u16::from(stored).saturating_add(1900)
    }
}

/// The bits as a number, big-endian in as few bytes as hold them.
fn bit(reader: &mut Reader<'_>, width: u8) -> Result<u64, Malformed> {
    let bytes = reader.take(usize::from(width.div_ceil(8)), "BIT")?;
    let value = bytes
        .iter()
        .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    if value.checked_shr(u32::from(width)).unwrap_or(0) == 0 {
        Ok(value)
    } else {
        Err(Malformed::Invalid("BIT"))
    }
}

fn mask(reader: &mut Reader<'_>, bytes: u8) -> Result<u64, Malformed> {
    let mut wide = [0u8; 8];
    for (to, from) in wide.iter_mut().zip(reader.take(usize::from(bytes), "SET")?) {
        *to = *from;
    }
    Ok(u64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(decoder: NumberDecoder, bytes: &[u8]) -> Value<'_> {
        let mut reader = Reader::new(bytes);
        let value = decoder.read(&mut reader).unwrap();
        assert!(reader.is_empty());
        value
    }

    #[test]
    fn integers_of_every_width_and_sign() {
        use NumberDecoder as D;
        assert_eq!(read(D::I8, &[0x80]), Value::Int(-128));
        assert_eq!(read(D::U8, &[0x80]), Value::UInt(128));
        assert_eq!(read(D::I16, &[0, 0x80]), Value::Int(-32768));
        assert_eq!(read(D::U16, &[0, 0x80]), Value::UInt(32768));
        assert_eq!(read(D::I24, &[0, 0, 0x80]), Value::Int(-8_388_608));
        assert_eq!(read(D::I24, &[0xff, 0xff, 0xff]), Value::Int(-1));
        assert_eq!(read(D::I24, &[0xff, 0xff, 0x7f]), Value::Int(8_388_607));
        assert_eq!(read(D::U24, &[0xff, 0xff, 0xff]), Value::UInt(16_777_215));
        assert_eq!(read(D::I32, &[0, 0, 0, 0x80]), Value::Int(i64::from(i32::MIN)));
        assert_eq!(read(D::U32, &[0, 0, 0, 0x80]), Value::UInt(1 << 31));
        assert_eq!(read(D::I64, &[0, 0, 0, 0, 0, 0, 0, 0x80]), Value::Int(i64::MIN));
        assert_eq!(read(D::U64, &[0xff; 8]), Value::UInt(u64::MAX));
    }

    #[test]
    fn other_numbers() {
        use NumberDecoder as D;
        assert_eq!(read(D::Float, &1.5f32.to_le_bytes()), Value::Float(1.5));
        assert_eq!(read(D::Double, &(-0.1f64).to_le_bytes()), Value::Double(-0.1));
        assert_eq!(read(D::Year, &[0]), Value::Year(0));
        assert_eq!(read(D::Year, &[255]), Value::Year(2155));
        assert_eq!(read(D::Bit(10), &[0x02, 0x01]), Value::Bit(0x201));
        assert_eq!(read(D::Bit(64), &[0xff; 8]), Value::Bit(u64::MAX));
        assert_eq!(
            D::Bit(9).read(&mut Reader::new(&[2, 0])),
            Err(Malformed::Invalid("BIT"))
        );
        assert_eq!(read(D::Enum(1), &[3]), Value::Enum(3));
        assert_eq!(read(D::Enum(2), &[0, 1]), Value::Enum(256));
        assert_eq!(read(D::Set(3), &[1, 0, 0x80]), Value::Set(0x80_0001));
    }

    #[test]
    fn only_what_fits_compiles() {
        let unsigned = ColumnType::Integer {
            width: IntegerWidth::Int,
            unsigned: true,
        };
        assert_eq!(
            NumberDecoder::compile(WireType::Long, &unsigned),
            Some(NumberDecoder::U32)
        );
        assert_eq!(NumberDecoder::compile(WireType::LongLong, &unsigned), None);
        let decimal = ColumnType::Decimal {
            precision: 10,
            scale: 2,
        };
        assert_eq!(
            NumberDecoder::compile(WireType::Decimal(10, 2), &decimal),
            Some(NumberDecoder::Decimal(10, 2))
        );
        assert_eq!(NumberDecoder::compile(WireType::Decimal(10, 3), &decimal), None);
        assert_eq!(NumberDecoder::compile(WireType::Float, &ColumnType::Double), None);
    }

    proptest! {
        #[test]
        fn mediumint_keeps_its_sign(value in -8_388_608i32..8_388_608) {
            let bytes = value.to_le_bytes();
            prop_assert_eq!(read(NumberDecoder::I24, &bytes[..3]), Value::Int(i64::from(value)));
        }
    }
}
