//! How a column's values are written in a row image: the type's number with its metadata.

use std::fmt;

use rowtide_event::{Malformed, Reader};

/// The type of a column on the wire. Whether an integer has a sign and which character set a text has is not part
/// of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// DECIMAL as MySQL 4.1 and older stored it.
    OldDecimal,
    /// TINYINT.
    Tiny,
    /// SMALLINT.
    Short,
    /// MEDIUMINT.
    Int24,
    /// INT.
    Long,
    /// BIGINT.
    LongLong,
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// A column that is always NULL.
    Null,
    /// TIMESTAMP as MySQL 5.5 and older stored it.
    OldTimestamp,
    /// DATE.
    Date,
    /// TIME as MySQL 5.5 and older stored it.
    OldTime,
    /// DATETIME as MySQL 5.5 and older stored it.
    OldDateTime,
    /// YEAR.
    Year,
    /// TIMESTAMP with its digits of a second.
    Timestamp(u8),
    /// DATETIME with its digits of a second.
    DateTime(u8),
    /// TIME with its digits of a second.
    Time(u8),
    /// VARCHAR or VARBINARY with its longest value in bytes.
    VarChar(u16),
    /// CHAR or BINARY with its longest value in bytes.
    Char(u16),
    /// BIT with its width.
    Bit(u8),
    /// DECIMAL(precision, scale).
    Decimal(u8, u8),
    /// ENUM with the bytes of its index, 1 or 2.
    Enum(u8),
    /// SET with the bytes of its mask, 1 to 8.
    Set(u8),
    /// A BLOB or TEXT with the bytes of its length, 1 to 4.
    Blob(u8),
    /// JSON with the bytes of its length.
    Json(u8),
    /// GEOMETRY with the bytes of its length.
    Geometry(u8),
    /// VECTOR with the bytes of its length.
    Vector(u8),
    /// The hidden column of a multi-valued index.
    TypedArray,
    /// MariaDB's VARCHAR or VARBINARY COMPRESSED with its longest value in bytes, the head of a compressed one included.
    VarCharCompressed(u16),
    /// MariaDB's BLOB or TEXT COMPRESSED with the bytes of its length, 1 to 4.
    BlobCompressed(u8),
}

const WHAT: &str = "TABLE_MAP column metadata";

impl WireType {
    /// Reads the metadata of a column whose type has this number.
    pub(super) fn read(number: u8, meta: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match number {
            0 => Self::OldDecimal,
            1 => Self::Tiny,
            2 => Self::Short,
            3 => Self::Long,
            4 => sized(meta, 4).map(|()| Self::Float)?,
            5 => sized(meta, 8).map(|()| Self::Double)?,
            6 => Self::Null,
            7 => Self::OldTimestamp,
            8 => Self::LongLong,
            9 => Self::Int24,
            // The server writes 10; 14 (NEWDATE) is its name for the same three bytes in memory.
            10 | 14 => Self::Date,
            11 => Self::OldTime,
            12 => Self::OldDateTime,
            13 => Self::Year,
            15 => Self::VarChar(meta.u16(WHAT)?),
            16 => bit(meta)?,
            17 => Self::Timestamp(fsp(meta)?),
            18 => Self::DateTime(fsp(meta)?),
            19 => Self::Time(fsp(meta)?),
            20 => typed_array(meta)?,
            140 => Self::BlobCompressed(length_size(meta)?),
            141 => Self::VarCharCompressed(meta.u16(WHAT)?),
            242 => Self::Vector(length_size(meta)?),
            245 => Self::Json(length_size(meta)?),
            246 => decimal(meta)?,
            249..=252 => Self::Blob(length_size(meta)?),
            253 | 254 => string(meta)?,
            255 => Self::Geometry(length_size(meta)?),
            _ => return Err(Malformed::Unsupported("a column type of the TABLE_MAP")),
        })
    }

    /// Whether the optional metadata has a sign bit for it.
    pub fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::OldDecimal
                | Self::Tiny
                | Self::Short
                | Self::Int24
                | Self::Long
                | Self::LongLong
                | Self::Year
                | Self::Float
                | Self::Double
                | Self::Decimal(..)
        )
    }

    /// Whether it is an integer, whose values mean one thing with a sign and may mean another without.
    pub fn is_integer(self) -> bool {
        matches!(
            self,
            Self::Tiny | Self::Short | Self::Int24 | Self::Long | Self::LongLong
        )
    }

    /// Whether it is a time in the form before MySQL 5.6, which MariaDB also writes with digits of a second.
    pub fn is_old_time(self) -> bool {
        matches!(self, Self::OldTime | Self::OldDateTime | Self::OldTimestamp)
    }

    /// Whether the optional metadata has a character set for it. VECTOR is among them as MySQL writes it; JSON and
    /// GEOMETRY are not.
    pub fn is_character(self) -> bool {
        matches!(
            self,
            Self::VarChar(_)
                | Self::Char(_)
                | Self::Blob(_)
                | Self::Vector(_)
                | Self::VarCharCompressed(_)
                | Self::BlobCompressed(_)
        )
    }

    /// Whether it is ENUM or SET.
    pub fn is_enum_or_set(self) -> bool {
        matches!(self, Self::Enum(_) | Self::Set(_))
    }
}

impl fmt::Display for WireType {
    /// As SQL would name the type, as far as the wire tells.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldDecimal => f.write_str("decimal of MySQL 4"),
            Self::Tiny => f.write_str("tinyint"),
            Self::Short => f.write_str("smallint"),
            Self::Int24 => f.write_str("mediumint"),
            Self::Long => f.write_str("int"),
            Self::LongLong => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Null => f.write_str("null"),
            Self::OldTimestamp => f.write_str("timestamp of MySQL 5.5"),
            Self::Date => f.write_str("date"),
            Self::OldTime => f.write_str("time of MySQL 5.5"),
            Self::OldDateTime => f.write_str("datetime of MySQL 5.5"),
            Self::Year => f.write_str("year"),
            Self::Timestamp(fsp) => write!(f, "timestamp({fsp})"),
            Self::DateTime(fsp) => write!(f, "datetime({fsp})"),
            Self::Time(fsp) => write!(f, "time({fsp})"),
            Self::VarChar(bytes) => write!(f, "varchar of {bytes} bytes"),
            Self::Char(bytes) => write!(f, "char of {bytes} bytes"),
            Self::Bit(width) => write!(f, "bit({width})"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::Enum(bytes) => write!(f, "enum of {bytes} bytes"),
            Self::Set(bytes) => write!(f, "set of {bytes} bytes"),
            Self::Blob(bytes) => write!(f, "blob with a length of {bytes} bytes"),
            Self::Json(_) => f.write_str("json"),
            Self::Geometry(_) => f.write_str("geometry"),
            Self::Vector(_) => f.write_str("vector"),
            Self::TypedArray => f.write_str("typed array"),
            Self::VarCharCompressed(bytes) => write!(f, "varchar of {bytes} bytes compressed"),
            Self::BlobCompressed(bytes) => write!(f, "blob with a length of {bytes} bytes compressed"),
        }
    }
}

/// FLOAT and DOUBLE name their size, which is never another.
fn sized(meta: &mut Reader<'_>, size: u8) -> Result<(), Malformed> {
    if meta.u8(WHAT)? == size {
        Ok(())
    } else {
        Err(Malformed::Invalid("size of a FLOAT or DOUBLE"))
    }
}

fn fsp(meta: &mut Reader<'_>) -> Result<u8, Malformed> {
    let fsp = meta.u8(WHAT)?;
    if fsp <= 6 {
        Ok(fsp)
    } else {
        Err(Malformed::Invalid("digits of a second"))
    }
}

fn length_size(meta: &mut Reader<'_>) -> Result<u8, Malformed> {
    let size = meta.u8(WHAT)?;
    if (1..=4).contains(&size) {
        Ok(size)
    } else {
        Err(Malformed::Invalid("length size of a BLOB"))
    }
}

/// MySQL has up to 30 digits after the point, MariaDB up to 38.
fn decimal(meta: &mut Reader<'_>) -> Result<WireType, Malformed> {
    let (precision, scale) = (meta.u8(WHAT)?, meta.u8(WHAT)?);
    if (1..=65).contains(&precision) && scale <= 38 && scale <= precision {
        Ok(WireType::Decimal(precision, scale))
    } else {
        Err(Malformed::Invalid("precision or scale of a DECIMAL"))
    }
}

/// The width is written as whole bytes and the bits left over.
fn bit(meta: &mut Reader<'_>) -> Result<WireType, Malformed> {
    let (bits, bytes) = (meta.u8(WHAT)?, meta.u8(WHAT)?);
    let width = bytes.checked_mul(8).and_then(|whole| whole.checked_add(bits));
    match width {
        Some(width @ 1..=64) if bits < 8 => Ok(WireType::Bit(width)),
        _ => Err(Malformed::Invalid("width of a BIT")),
    }
}

/// CHAR, BINARY, ENUM and SET. The first byte is the real type; two of its bits are used for a CHAR longer than 255
/// bytes, inverted, so that they read as the type where the length fits in the second byte.
fn string(meta: &mut Reader<'_>) -> Result<WireType, Malformed> {
    let (first, second) = (meta.u8(WHAT)?, meta.u8(WHAT)?);
    let real = first | 0x30;
    match (real, first & 0x30) {
        (247, 0x30) if (1..=2).contains(&second) => Ok(WireType::Enum(second)),
        (248, 0x30) if (1..=8).contains(&second) => Ok(WireType::Set(second)),
        (254 | 253, bits) => Ok(WireType::Char(u16::from(second) | u16::from(bits ^ 0x30) << 4)),
        _ => Err(Malformed::Invalid("type inside a STRING")),
    }
}

/// A typed array has its element's type and metadata; only a VARCHAR element's is three bytes long.
fn typed_array(meta: &mut Reader<'_>) -> Result<WireType, Malformed> {
    match meta.u8(WHAT)? {
        15 => meta.u24(WHAT).map(|_| ())?,
        20 => return Err(Malformed::Invalid("element of a typed array")),
        element => WireType::read(element, meta).map(|_| ())?,
    }
    Ok(WireType::TypedArray)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(number: u8, meta: &[u8]) -> Result<WireType, Malformed> {
        let mut reader = Reader::new(meta);
        let wire_type = WireType::read(number, &mut reader)?;
        reader.finish("test")?;
        Ok(wire_type)
    }

    #[test]
    fn char_enum_and_set_share_a_type() {
        assert_eq!(read(254, &[254, 20]), Ok(WireType::Char(20)));
        // CHAR(255) of utf8mb4: 1020 bytes, 0x3fc.
        assert_eq!(read(254, &[0xce, 0xfc]), Ok(WireType::Char(1020)));
        assert_eq!(read(254, &[247, 1]), Ok(WireType::Enum(1)));
        assert_eq!(read(254, &[248, 8]), Ok(WireType::Set(8)));
        assert_eq!(
            read(254, &[247, 3]),
            Err(Malformed::Invalid("type inside a STRING"))
        );
        assert_eq!(
            read(254, &[248, 9]),
            Err(Malformed::Invalid("type inside a STRING"))
        );
    }

    #[test]
    fn metadata_of_the_other_types() {
        assert_eq!(read(15, &[0x2c, 1]), Ok(WireType::VarChar(300)));
        assert_eq!(read(16, &[2, 1]), Ok(WireType::Bit(10)));
        assert_eq!(read(16, &[0, 8]), Ok(WireType::Bit(64)));
        assert_eq!(read(16, &[0, 0]), Err(Malformed::Invalid("width of a BIT")));
        assert_eq!(read(18, &[6]), Ok(WireType::DateTime(6)));
        assert_eq!(read(18, &[7]), Err(Malformed::Invalid("digits of a second")));
        assert_eq!(read(246, &[65, 38]), Ok(WireType::Decimal(65, 38)));
        let too_many = Err(Malformed::Invalid("precision or scale of a DECIMAL"));
        assert_eq!(read(246, &[65, 39]), too_many);
        assert_eq!(
            read(246, &[5, 6]),
            Err(Malformed::Invalid("precision or scale of a DECIMAL"))
        );
        assert_eq!(read(252, &[5]), Err(Malformed::Invalid("length size of a BLOB")));
        assert_eq!(read(242, &[4]), Ok(WireType::Vector(4)));
        assert_eq!(read(20, &[15, 1, 2, 3]), Ok(WireType::TypedArray));
        assert_eq!(read(20, &[8]), Ok(WireType::TypedArray));
        assert_eq!(read(140, &[2]), Ok(WireType::BlobCompressed(2)));
        assert_eq!(read(141, &[0x91, 1]), Ok(WireType::VarCharCompressed(401)));
        assert_eq!(read(4, &[4]), Ok(WireType::Float));
        assert_eq!(
            read(4, &[8]),
            Err(Malformed::Invalid("size of a FLOAT or DOUBLE"))
        );
        assert!(read(99, &[]).is_err());
    }
}
