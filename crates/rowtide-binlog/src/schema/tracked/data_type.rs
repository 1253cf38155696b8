//! What a declared type is.

use std::sync::Arc;

use rowtide_event::{Charset, ColumnType, FixedBinary, GeometryKind, IntegerWidth, Label};

use super::collation::{Collation, encoded, max_char_len};
use super::error::Reason;
use crate::schema::Session;
use crate::schema::ddl::{Member, MemberValue, TypeName, TypeSchema, TypeSpec};

/// A type with all that a server keeps of it, whatever it was called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DataType {
    /// TINYINT to BIGINT.
    Integer {
        /// How wide.
        width: IntegerWidth,
        /// UNSIGNED and ZEROFILL.
        sign: Sign,
        /// The width that was written for showing it.
        display: Option<u8>,
    },
    /// FLOAT.
    Float(Sign, Option<(u8, u8)>),
    /// DOUBLE.
    Double(Sign, Option<(u8, u8)>),
    /// DECIMAL with its digits, and those after the point.
    Decimal(Sign, u8, u8),
    /// BIT with so many.
    Bit(u8),
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// TIME with so many digits of a second.
    Time(u8),
    /// DATETIME with so many digits of a second.
    DateTime(u8),
    /// TIMESTAMP with so many digits of a second.
    Timestamp(u8),
    /// CHAR of so many characters.
    Char(u32),
    /// VARCHAR of so many characters.
    VarChar(u32),
    /// TINYTEXT to LONGTEXT.
    Text(BlobSize),
    /// BINARY of so many bytes.
    Binary(u32),
    /// VARBINARY of so many bytes.
    VarBinary(u32),
    /// TINYBLOB to LONGBLOB.
    Blob(BlobSize),
    /// ENUM.
    Enum(Arc<[Label]>),
    /// SET.
    Set(Arc<[Label]>),
    /// JSON.
    Json,
    /// GEOMETRY and its subtypes.
    Geometry(GeometryKind),
    /// VECTOR of so many numbers.
    Vector(u32),
    /// MariaDB's INET4.
    Inet4,
    /// MariaDB's INET6.
    Inet6,
    /// MariaDB's UUID.
    Uuid,
}

/// UNSIGNED and ZEROFILL of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Neither.
    Signed,
    /// UNSIGNED.
    Unsigned,
    /// ZEROFILL, which is UNSIGNED too.
    ZeroFill,
}

/// How long a TEXT or BLOB may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobSize {
    /// 255 bytes.
    Tiny,
    /// 65,535 bytes.
    Normal,
    /// 16,777,215 bytes.
    Medium,
    /// 4,294,967,295 bytes.
    Long,
}

impl BlobSize {
    /// The smallest that holds so many bytes.
    fn holding(bytes: u64) -> Self {
        [Self::Tiny, Self::Normal, Self::Medium]
            .into_iter()
            .find(|size| bytes <= size.bytes())
            .unwrap_or(Self::Long)
    }

    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Tiny => 0xff,
            Self::Normal => 0xffff,
            Self::Medium => 0xff_ffff,
            Self::Long => 0xffff_ffff,
        }
    }
}

/// The longest VARCHAR in bytes.
const LONGEST_VARCHAR: u64 = 0xffff;
/// The same on MariaDB, where its length and a bit for NULL must fit too.
const LONGEST_VARCHAR_OF_MARIADB: u64 = 65_532;
/// VECTOR without a length.
const VECTOR_LENGTH: u32 = 2048;

impl DataType {
    /// What a declaration means, in this collation if it is text.
    pub(super) fn of(spec: &TypeSpec, collation: &Collation, session: &Session<'_>) -> Result<Self, Reason> {
        use TypeName as N;
        let charset = collation.charset();
        Ok(match spec.name {
            N::TinyInt | N::Int1 => integer(IntegerWidth::Tiny, spec)?,
            N::Bool | N::Boolean => Self::Integer {
                width: IntegerWidth::Tiny,
                sign: sign(spec),
                display: Some(1),
            },
            N::SmallInt | N::Int2 => integer(IntegerWidth::Small, spec)?,
            N::MediumInt | N::Int3 | N::MiddleInt => integer(IntegerWidth::Medium, spec)?,
            N::Int | N::Integer | N::Int4 => integer(IntegerWidth::Int, spec)?,
            N::BigInt | N::Int8 | N::Serial => integer(IntegerWidth::Big, spec)?,
            N::Bit => Self::Bit(number(spec.length.filter(|n| *n > 0).unwrap_or(1))?),
            N::Float | N::Float4 => float(spec)?,
            N::Real if session.real_is_float() => Self::Float(sign(spec), digits(spec)?),
            N::Real | N::Double | N::DoublePrecision | N::Float8 => Self::Double(sign(spec), digits(spec)?),
            N::Decimal | N::Dec | N::Numeric | N::Fixed => decimal(spec)?,
            N::Number if spec.length.is_none() => Self::Double(sign(spec), None),
            N::Number => decimal(spec)?,
            N::Date if date_has_time(spec, session) => Self::DateTime(0),
            N::Date => Self::Date,
            N::Year => Self::Year,
            N::Time => Self::Time(number(spec.length.unwrap_or(0))?),
            N::DateTime => Self::DateTime(number(spec.length.unwrap_or(0))?),
            N::Timestamp if timestamp_is_datetime(spec, session) => {
                Self::DateTime(number(spec.length.unwrap_or(0))?)
            }
            N::Timestamp => Self::Timestamp(number(spec.length.unwrap_or(0))?),
            N::Json if session.is_mariadb() => Self::Text(BlobSize::Long),
            N::Json => Self::Json,
            N::Enum => Self::Enum(members(spec, charset, session)?),
            N::Set => Self::Set(members(spec, charset, session)?),
            N::Vector => Self::Vector(number(spec.length.unwrap_or(VECTOR_LENGTH.into()))?),
            N::Inet4 => Self::Inet4,
            N::Inet6 => Self::Inet6,
            N::Uuid => Self::Uuid,
            _ => match geometry(spec.name) {
                Some(kind) => Self::Geometry(kind),
                None => text(spec, charset, session)?,
            },
        })
    }

    /// Whether it has a character set.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Char(_) | Self::VarChar(_) | Self::Text(_) | Self::Enum(_) | Self::Set(_)
        )
    }

    /// The same type when its text is converted from one character set to another: it holds as many characters.
    pub(super) fn converted(
        &self,
        from: Charset,
        to: Charset,
        session: &Session<'_>,
    ) -> Result<Self, Reason> {
        let is_binary = to == Charset::Binary;
        Ok(match self {
            Self::Char(length) if is_binary => Self::Binary(*length),
            Self::VarChar(length) if is_binary => Self::VarBinary(*length),
            Self::VarChar(length) => varchar(u64::from(*length), to, session),
            Self::Text(size) => {
                let characters = size.bytes().checked_div(max_char_len(from)).unwrap_or(0);
                let size = BlobSize::holding(characters.saturating_mul(max_char_len(to)));
                if is_binary {
                    Self::Blob(size)
                } else {
                    Self::Text(size)
                }
            }
            // Servers keep the bytes of members, and read them in the new character set.
            Self::Enum(members) => Self::Enum(reread(members, from, to, session)?),
            Self::Set(members) => Self::Set(reread(members, from, to, session)?),
            other => other.clone(),
        })
    }

    /// What decoding needs of it; `None` for types that cannot be decoded.
    pub fn column_type(&self, collation: Option<&Collation>) -> Option<ColumnType> {
        Some(match self {
            Self::Integer { width, sign, .. } => ColumnType::Integer {
                width: *width,
                unsigned: *sign != Sign::Signed,
            },
            Self::Float(..) => ColumnType::Float,
            Self::Double(..) => ColumnType::Double,
            Self::Decimal(_, precision, scale) => ColumnType::Decimal {
                precision: *precision,
                scale: *scale,
            },
            Self::Bit(width) => ColumnType::Bit { width: *width },
            Self::Year => ColumnType::Year,
            Self::Date => ColumnType::Date,
            Self::Time(fsp) => ColumnType::Time { fsp: *fsp },
            Self::DateTime(fsp) => ColumnType::DateTime { fsp: *fsp },
            Self::Timestamp(fsp) => ColumnType::Timestamp { fsp: *fsp },
            Self::Char(_) | Self::VarChar(_) | Self::Text(_) => ColumnType::Text {
                charset: collation?.charset(),
            },
            Self::Binary(length) => ColumnType::Binary {
                length: u16::try_from(*length).ok()?,
            },
            Self::VarBinary(_) | Self::Blob(_) => ColumnType::Blob,
            Self::Enum(members) => ColumnType::Enum {
                members: members.to_vec(),
            },
            Self::Set(members) => ColumnType::Set {
                members: members.to_vec(),
            },
            Self::Json => ColumnType::Json,
            Self::Geometry(kind) => ColumnType::Geometry(*kind),
            Self::Vector(_) => ColumnType::Vector,
            Self::Inet4 => ColumnType::FixedBinary(FixedBinary::Inet4),
            Self::Inet6 => ColumnType::FixedBinary(FixedBinary::Inet6),
            Self::Uuid => ColumnType::FixedBinary(FixedBinary::Uuid),
        })
    }
}

fn sign(spec: &TypeSpec) -> Sign {
    match (spec.zerofill, spec.unsigned) {
        (true, _) => Sign::ZeroFill,
        (false, true) => Sign::Unsigned,
        (false, false) => Sign::Signed,
    }
}

fn integer(width: IntegerWidth, spec: &TypeSpec) -> Result<DataType, Reason> {
    let display = spec.length.filter(|length| *length > 0).map(number).transpose()?;
    Ok(DataType::Integer {
        width,
        sign: sign(spec),
        display,
    })
}

/// FLOAT(24) has 32 bits, FLOAT(25) has 64.
fn float(spec: &TypeSpec) -> Result<DataType, Reason> {
    Ok(match spec.length {
        Some(25..) if spec.scale.is_none() => DataType::Double(sign(spec), None),
        _ => DataType::Float(sign(spec), digits(spec)?),
    })
}

/// Digits in all and after the point, where both were written.
fn digits(spec: &TypeSpec) -> Result<Option<(u8, u8)>, Reason> {
    match (spec.length, spec.scale) {
        (Some(length), Some(scale)) => Ok(Some((number(length)?, number(scale)?))),
        _ => Ok(None),
    }
}

fn decimal(spec: &TypeSpec) -> Result<DataType, Reason> {
    let precision = spec.length.filter(|length| *length > 0).unwrap_or(10);
    let scale = spec.scale.unwrap_or(0);
    Ok(DataType::Decimal(sign(spec), number(precision)?, number(scale)?))
}

fn date_has_time(spec: &TypeSpec, session: &Session<'_>) -> bool {
    spec.schema
        .map_or_else(|| session.date_has_time(), |schema| schema == TypeSchema::Oracle)
}

fn timestamp_is_datetime(spec: &TypeSpec, session: &Session<'_>) -> bool {
    spec.schema.map_or_else(
        || session.timestamp_is_datetime(),
        |schema| schema == TypeSchema::MaxDb,
    )
}

fn number<N: TryFrom<u64>>(n: u64) -> Result<N, Reason> {
    N::try_from(n).map_err(|_| Reason::Length(n))
}

/// Blanks at the end of a member are not kept; in a definition are those that were.
fn members(spec: &TypeSpec, charset: Charset, session: &Session<'_>) -> Result<Arc<[Label]>, Reason> {
    if has_doubtful_utf8(spec, charset, session) {
        return Err(Reason::Utf8);
    }
    let member = |member: &Member| match &member.value {
        MemberValue::Text(text) if session.is_definition => Some(text.as_str().into()),
        MemberValue::Text(text) => literal(text, charset, session),
        // It tells so what is no text.
        MemberValue::Bytes(bytes) if session.is_definition => {
            Some(Label::of(bytes, charset, session.server.flavour))
        }
        MemberValue::Bytes(bytes) => Some(of_bytes(bytes.clone(), charset, session)),
    };
    let keeps = charset == Charset::Binary || session.is_definition;
    let kept = |label| match label {
        Label::Text(text) => {
            let text = if keeps { &text } else { text.trim_end_matches(' ') };
            before_nul(text, charset, session).into()
        }
        Label::Bytes(_) => label,
    };
    let all: Option<Arc<[Label]>> = spec.members.iter().map(|m| member(m).map(kept)).collect();
    all.ok_or(Reason::Members)
}

/// Whether a member has a character that utf8mb4 has and utf8mb3 has not: which of them `utf8` was short for, MariaDB's
/// `old_mode` says, which a session may set and no event tells. It may have been written for the table.
fn has_doubtful_utf8(spec: &TypeSpec, charset: Charset, session: &Session<'_>) -> bool {
    let is_doubtful = |member: &Member| match &member.value {
        MemberValue::Text(text) => text.chars().any(|c| !Charset::Utf8Mb3.has(c)),
        MemberValue::Bytes(_) => false,
    };
    let is_told = session.is_definition || !session.is_mariadb() || charset != Charset::Utf8Mb3;
    !is_told && spec.members.iter().any(is_doubtful)
}

/// MySQL 5.7 writes members to a file in which a NUL ends them.
fn before_nul<'m>(member: &'m str, charset: Charset, session: &Session<'_>) -> &'m str {
    let has_files = !session.is_mariadb() && !session.server.is_at_least(8, 0, 0);
    match member.split_once('\0') {
        Some((before, _)) if has_files && width(charset) == 1 => before,
        _ => member,
    }
}

/// A member as it is in the character set of its column: servers convert it to that of the session's literals and from
/// there to the column's, whatever `sql_mode` says. A binary column takes the bytes of the first. Literals that are bytes
/// are taken as they are.
fn literal(member: &str, charset: Charset, session: &Session<'_>) -> Option<Label> {
    if let Some(client) = session.bytes_of_client {
        let bytes = bytes_of(member, client)?;
        return Some(of_bytes(bytes, charset, session));
    }
    let Some(literals) = session.charset_of_literals() else {
        return Some(in_charset(member, charset).into());
    };
    let member = in_charset(member, literals);
    match charset {
        Charset::Binary => Some(of_bytes(encoded(&member, literals)?, charset, session)),
        _ => Some(in_charset(&member, charset).into()),
    }
}

/// A member that was given as its bytes, which servers keep. What they show of those that are no text is another matter.
fn of_bytes(bytes: Vec<u8>, charset: Charset, session: &Session<'_>) -> Label {
    let mut bytes = aligned(bytes, charset);
    if let Some(blank) = encoded(" ", charset).filter(|_| charset != Charset::Binary) {
        while !blank.is_empty() && bytes.ends_with(&blank) {
            bytes.truncate(bytes.len().saturating_sub(blank.len()));
        }
    }
    Label::of(&bytes, charset, session.server.flavour)
}

fn in_charset(member: &str, charset: Charset) -> String {
    let kept = |c| match charset {
        _ if charset.has(c) => c,
        // It takes the lower sixteen bits (`my_wc_mb_filename`).
        Charset::Filename => char::from_u32(u32::from(c) & 0xffff).unwrap_or('?'),
        _ => '?',
    };
    member.chars().map(kept).collect()
}

/// What a client has sent, unless it was no text: then it is lost.
fn bytes_of(member: &str, client: Charset) -> Option<Vec<u8>> {
    let is_whole = !member.contains(char::REPLACEMENT_CHARACTER);
    is_whole.then(|| encoded(member, client)).flatten()
}

/// Servers put zeros in front of bytes that are no whole number of characters.
fn aligned(mut bytes: Vec<u8>, charset: Charset) -> Vec<u8> {
    let whole = bytes.len().next_multiple_of(width(charset));
    let lacking = whole.saturating_sub(bytes.len());
    bytes.splice(0..0, std::iter::repeat_n(0, lacking));
    bytes
}

/// Bytes of the shortest character.
fn width(charset: Charset) -> usize {
    match charset {
        Charset::Ucs2 | Charset::Utf16 | Charset::Utf16Le => 2,
        Charset::Utf32 => 4,
        _ => 1,
    }
}

/// Members whose bytes are read in another character set. It fails for those whose bytes are not known, and where the server
/// shows codes without a character.
fn reread(
    members: &[Label],
    from: Charset,
    to: Charset,
    session: &Session<'_>,
) -> Result<Arc<[Label]>, Reason> {
    let reread = |member: &Label| {
        let bytes = match member {
            Label::Text(text) if text.contains('?') && has_codes_without_characters(from) => return None,
            Label::Text(text) => encoded(text, from)?,
            Label::Bytes(bytes) => bytes.to_vec(),
        };
        let label = Label::of(&bytes, to, session.server.flavour);
        let is_known = label.text().is_none() || to == Charset::Binary || to.decode_borrowed(&bytes).is_ok();
        is_known.then_some(label)
    };
    let all: Option<Arc<[Label]>> = members.iter().map(reread).collect();
    all.ok_or(Reason::Members)
}

/// Whether a question mark may stand for a code that has no character, given as bytes: these are not known any more.
fn has_codes_without_characters(charset: Charset) -> bool {
    matches!(
        charset,
        Charset::Big5
            | Charset::Gb2312
            | Charset::Gbk
            | Charset::Gb18030
            | Charset::Sjis
            | Charset::Cp932
            | Charset::Ujis
            | Charset::EucJpMs
            | Charset::EucKr
    )
}

fn geometry(name: TypeName) -> Option<GeometryKind> {
    Some(match name {
        TypeName::Geometry => GeometryKind::Any,
        TypeName::Point => GeometryKind::Point,
        TypeName::LineString => GeometryKind::LineString,
        TypeName::Polygon => GeometryKind::Polygon,
        TypeName::MultiPoint => GeometryKind::MultiPoint,
        TypeName::MultiLineString => GeometryKind::MultiLineString,
        TypeName::MultiPolygon => GeometryKind::MultiPolygon,
        TypeName::GeometryCollection | TypeName::GeomCollection => GeometryKind::Collection,
        _ => return None,
    })
}

/// Text and bytes; text in the character set binary is bytes.
fn text(spec: &TypeSpec, charset: Charset, session: &Session<'_>) -> Result<DataType, Reason> {
    use TypeName as N;
    let blob = |size| {
        if charset == Charset::Binary {
            DataType::Blob(size)
        } else {
            DataType::Text(size)
        }
    };
    Ok(match spec.name {
        N::Char | N::Character | N::NChar | N::NationalChar | N::NationalCharacter => {
            let length = number(spec.length.unwrap_or(1))?;
            if charset == Charset::Binary {
                DataType::Binary(length)
            } else {
                DataType::Char(length)
            }
        }
        N::Binary => DataType::Binary(number(spec.length.unwrap_or(1))?),
        N::VarBinary | N::Raw => varchar(spec.length.ok_or(Reason::NoLength)?, Charset::Binary, session),
        N::TinyBlob => DataType::Blob(BlobSize::Tiny),
        N::Blob => DataType::Blob(sized(spec, 1)),
        N::MediumBlob | N::LongVarBinary => DataType::Blob(BlobSize::Medium),
        N::LongBlob => DataType::Blob(BlobSize::Long),
        N::TinyText => blob(BlobSize::Tiny),
        N::Text => blob(sized(spec, max_char_len(charset))),
        N::MediumText
        | N::Long
        | N::LongVarChar
        | N::LongVarCharacter
        | N::LongCharVarying
        | N::LongCharacterVarying => blob(BlobSize::Medium),
        N::LongText | N::Clob => blob(BlobSize::Long),
        _ => varchar(spec.length.ok_or(Reason::NoLength)?, charset, session),
    })
}

/// TEXT(n) and BLOB(n): the smallest type that holds it.
fn sized(spec: &TypeSpec, char_len: u64) -> BlobSize {
    match spec.length {
        None | Some(0) => BlobSize::Normal,
        Some(length) => BlobSize::holding(length.saturating_mul(char_len)),
    }
}

/// VARCHAR and VARBINARY; one that is too long becomes a TEXT or BLOB, where `sql_mode` is not strict.
fn varchar(length: u64, charset: Charset, session: &Session<'_>) -> DataType {
    let longest = if session.is_mariadb() {
        LONGEST_VARCHAR_OF_MARIADB
    } else {
        LONGEST_VARCHAR
    };
    let bytes = length.saturating_mul(max_char_len(charset));
    let is_binary = charset == Charset::Binary;
    match u32::try_from(length) {
        Ok(length) if bytes <= longest && is_binary => DataType::VarBinary(length),
        Ok(length) if bytes <= longest => DataType::VarChar(length),
        _ if is_binary => DataType::Blob(BlobSize::holding(bytes)),
        _ => DataType::Text(BlobSize::holding(bytes)),
    }
}
