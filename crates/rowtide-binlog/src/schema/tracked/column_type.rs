//! COLUMN_TYPE: a type as servers write it.

use rowtide_event::{GeometryKind, IntegerWidth, Label};

use super::data_type::{BlobSize, DataType, Sign};
use crate::server::{Flavour, ServerVersion};

impl DataType {
    /// The type as `information_schema.columns` of a server shows it.
    pub fn sql(&self, server: ServerVersion) -> String {
        match self {
            Self::Integer { width, sign, display } => integer(*width, *sign, *display, server),
            Self::Float(sign, digits) => format!("float{}{}", in_parentheses(*digits), attributes(*sign)),
            Self::Double(sign, digits) => format!("double{}{}", in_parentheses(*digits), attributes(*sign)),
            Self::Decimal(sign, precision, scale) => {
                format!("decimal({precision},{scale}){}", attributes(*sign))
            }
            Self::Bit(width) => format!("bit({width})"),
            Self::Year if shows_widths(server) => "year(4)".to_owned(),
            Self::Year => "year".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Time(fsp) => temporal("time", *fsp),
            Self::DateTime(fsp) => temporal("datetime", *fsp),
            Self::Timestamp(fsp) => temporal("timestamp", *fsp),
            Self::Char(length) => format!("char({length})"),
            Self::VarChar(length) => format!("varchar({length})"),
            Self::Text(size) => format!("{}text", size_prefix(*size)),
            Self::Binary(length) => format!("binary({length})"),
            Self::VarBinary(length) => format!("varbinary({length})"),
            Self::Blob(size) => format!("{}blob", size_prefix(*size)),
            Self::Enum(members) => format!("enum({})", list(members)),
            Self::Set(members) => format!("set({})", list(members)),
            Self::Json => "json".to_owned(),
            Self::Geometry(kind) => geometry(*kind, server).to_owned(),
            Self::Vector(length) => format!("vector({length})"),
            Self::Inet4 => "inet4".to_owned(),
            Self::Inet6 => "inet6".to_owned(),
            Self::Uuid => "uuid".to_owned(),
        }
    }
}

impl DataType {
    /// As the type of a sequence's values, which is shown with one digit more.
    pub(super) fn of_sequence(self) -> Self {
        match self {
            Self::Integer { width, sign, .. } => Self::Integer {
                width,
                sign,
                display: digits(width, sign).checked_add(1),
            },
            other => other,
        }
    }
}

/// Whether integers and YEAR are shown with a width.
fn shows_widths(server: ServerVersion) -> bool {
    server.flavour == Flavour::MariaDb || !server.is_at_least(8, 0, 19)
}

fn integer(width: IntegerWidth, sign: Sign, display: Option<u8>, server: ServerVersion) -> String {
    let name = match width {
        IntegerWidth::Tiny => "tinyint",
        IntegerWidth::Small => "smallint",
        IntegerWidth::Medium => "mediumint",
        IntegerWidth::Int => "int",
        IntegerWidth::Big => "bigint",
    };
    let digits = display.unwrap_or_else(|| digits(width, sign));
    let is_bool = width == IntegerWidth::Tiny && sign == Sign::Signed && display == Some(1);
    let shown = if shows_widths(server) || sign == Sign::ZeroFill || is_bool {
        format!("({digits})")
    } else {
        String::new()
    };
    format!("{name}{shown}{}", attributes(sign))
}

/// The width with which an integer is shown if none was written.
fn digits(width: IntegerWidth, sign: Sign) -> u8 {
    let (signed, unsigned) = match width {
        IntegerWidth::Tiny => (4, 3),
        IntegerWidth::Small => (6, 5),
        IntegerWidth::Medium => (9, 8),
        IntegerWidth::Int => (11, 10),
        IntegerWidth::Big => (20, 20),
    };
    if sign == Sign::Signed { signed } else { unsigned }
}

fn attributes(sign: Sign) -> &'static str {
    match sign {
        Sign::Signed => "",
        Sign::Unsigned => " unsigned",
        Sign::ZeroFill => " unsigned zerofill",
    }
}

fn in_parentheses(digits: Option<(u8, u8)>) -> String {
    digits.map_or_else(String::new, |(all, scale)| format!("({all},{scale})"))
}

fn temporal(name: &str, fsp: u8) -> String {
    match fsp {
        0 => name.to_owned(),
        _ => format!("{name}({fsp})"),
    }
}

fn size_prefix(size: BlobSize) -> &'static str {
    match size {
        BlobSize::Tiny => "tiny",
        BlobSize::Normal => "",
        BlobSize::Medium => "medium",
        BlobSize::Long => "long",
    }
}

/// Members as the server quotes them.
pub(super) fn list(members: &[Label]) -> String {
    let all: Vec<String> = members.iter().map(quoted_member).collect();
    all.join(",")
}

/// A member as SQL has it; one that is no text as its bytes.
pub(super) fn quoted_member(member: &Label) -> String {
    match member {
        Label::Text(text) => quoted(text),
        Label::Bytes(_) => member.quoted(),
    }
}

/// A string of SQL that means this text, if backslashes escape.
pub(super) fn quoted(member: &str) -> String {
    let mut text = String::with_capacity(member.len().saturating_add(2));
    text.push('\'');
    for c in member.chars() {
        match c {
            '\'' => text.push_str("''"),
            '\\' => text.push_str("\\\\"),
            '\0' => text.push_str("\\0"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
    text.push('\'');
    text
}

fn geometry(kind: GeometryKind, server: ServerVersion) -> &'static str {
    let is_short = server.flavour == Flavour::MySql && server.is_at_least(8, 0, 11);
    match kind {
        GeometryKind::Any => "geometry",
        GeometryKind::Point => "point",
        GeometryKind::LineString => "linestring",
        GeometryKind::Polygon => "polygon",
        GeometryKind::MultiPoint => "multipoint",
        GeometryKind::MultiLineString => "multilinestring",
        GeometryKind::MultiPolygon => "multipolygon",
        GeometryKind::Collection if is_short => "geomcollection",
        GeometryKind::Collection => "geometrycollection",
    }
}
