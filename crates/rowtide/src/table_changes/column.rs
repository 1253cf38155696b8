//! A column as Debezium writes it.

use rowtide_binlog::schema::tracked::{DataType, DefaultValue, Literal, Sign, TrackedColumn, TypeName};
use rowtide_event::Label;
use rowtide_kafka::history::ColumnImage;

/// What Debezium writes for CURRENT_TIMESTAMP.
const NOW: &str = "1970-01-01 00:00:00";

pub(super) fn image(column: &TrackedColumn, position: u32, comment: Option<String>) -> ColumnImage {
    let type_name = type_name(column);
    // A moment that is set by every change counts as filled by the server, a computed column does not.
    let filled = column.auto_increment || column.on_update.is_some();
    let (length, scale) = length_and_scale(column);
    ColumnImage {
        name: column.name.to_string(),
        jdbc_type: jdbc_type(column.declared.name),
        native_type: None,
        type_expression: Some(type_name.clone()),
        type_name,
        charset_name: charset(column),
        length,
        scale,
        position,
        optional: column.nullable,
        auto_incremented: filled,
        generated: filled,
        comment,
        has_default_value: column.default.is_some() || column.nullable,
        default_value_expression: column
            .default
            .as_deref()
            .and_then(|value| default(value, &column.data_type)),
        enum_values: Some(members(column)),
    }
}

/// The words of the type with UNSIGNED, ZEROFILL and BINARY behind them.
fn type_name(column: &TrackedColumn) -> String {
    let name = match column.declared.name {
        TypeName::Serial => "BIGINT",
        name => name.words(),
    };
    let sign = match &column.data_type {
        DataType::Integer { sign, .. }
        | DataType::Float(sign, _)
        | DataType::Double(sign, _)
        | DataType::Decimal(sign, ..) => *sign,
        _ => Sign::Signed,
    };
    let attribute = match sign {
        Sign::Signed if column.declared.binary => " BINARY",
        Sign::Signed => "",
        Sign::Unsigned => " UNSIGNED",
        Sign::ZeroFill => " UNSIGNED ZEROFILL",
    };
    format!("{name}{attribute}")
}

/// The numbers of `java.sql.Types`.
fn jdbc_type(name: TypeName) -> i32 {
    use TypeName as N;
    match name {
        N::Bit => -7,
        N::TinyInt | N::Int1 | N::SmallInt | N::Int2 => 5,
        N::MediumInt | N::Int3 | N::MiddleInt | N::Int | N::Integer | N::Int4 | N::Year => 4,
        N::BigInt | N::Int8 | N::Serial => -5,
        N::Bool | N::Boolean => 16,
        N::Real => 7,
        N::Double | N::DoublePrecision | N::Float8 => 8,
        N::Float | N::Float4 => 6,
        N::Decimal | N::Dec | N::Fixed | N::Number => 3,
        N::Numeric => 2,
        N::Date => 91,
        N::Time => 92,
        N::DateTime => 93,
        N::Timestamp => 2014,
        N::Char | N::Character | N::Enum | N::Set => 1,
        N::NChar | N::NationalChar | N::NationalCharacter => -15,
        _ if name.is_national() => -9,
        N::Binary => -2,
        N::VarBinary | N::Raw => -3,
        N::TinyBlob | N::Blob | N::MediumBlob | N::LongBlob | N::LongVarBinary => 2004,
        N::VarChar
        | N::VarCharacter
        | N::VarChar2
        | N::CharVarying
        | N::CharacterVarying
        | N::TinyText
        | N::Text
        | N::MediumText
        | N::LongText
        | N::Clob
        | N::Long
        | N::LongVarChar
        | N::LongVarCharacter
        | N::LongCharVarying
        | N::LongCharacterVarying => 12,
        _ => 1111,
    }
}

/// The character set of text, and of what was written as text but is bytes. NATIONAL is utf8mb3 by its old name.
fn charset(column: &TrackedColumn) -> Option<String> {
    let name = column.declared.name;
    let is_bytes = matches!(
        name,
        TypeName::Binary
            | TypeName::VarBinary
            | TypeName::Raw
            | TypeName::TinyBlob
            | TypeName::Blob
            | TypeName::MediumBlob
            | TypeName::LongBlob
            | TypeName::LongVarBinary
    );
    match (&column.collation, &column.data_type) {
        (Some(_), _) if name.is_national() => Some("utf8".to_owned()),
        (Some(collation), _) => Some(collation.charset().name().to_owned()),
        (None, DataType::Binary(_) | DataType::VarBinary(_) | DataType::Blob(_)) if !is_bytes => {
            Some("binary".to_owned())
        }
        (None, _) => None,
    }
}

/// The numbers that were written in parentheses, or what goes without saying.
fn length_and_scale(column: &TrackedColumn) -> (Option<i64>, Option<i32>) {
    let declared = &column.declared;
    let written = (declared.length.map(i64::from), declared.scale.map(i32::from));
    match &column.data_type {
        DataType::Bit(width) => (Some(i64::from(*width)), None),
        DataType::Decimal(_, precision, scale) => (Some(i64::from(*precision)), Some(i32::from(*scale))),
        DataType::Enum(_) => (Some(1), None),
        // All members with commas between them, as if each were one character.
        DataType::Set(members) => {
            let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
            (Some(count.saturating_mul(2).saturating_sub(1)), None)
        }
        _ => written,
    }
}

/// The members of ENUM and SET with their quotes.
fn members(column: &TrackedColumn) -> Vec<String> {
    if let Some(written) = &column.declared.members {
        return written.iter().map(ToString::to_string).collect();
    }
    match &column.data_type {
        DataType::Enum(members) | DataType::Set(members) => members.iter().map(Label::quoted).collect(),
        _ => Vec::new(),
    }
}

/// The default as it was written, without the quotes around it; nothing for NULL and for expressions.
fn default(default: &DefaultValue, data_type: &DataType) -> Option<String> {
    match default {
        DefaultValue::Null | DefaultValue::Expression(_) => None,
        DefaultValue::Now(_) => Some(NOW.to_owned()),
        DefaultValue::Literal(literal) => Some(literal_text(literal, data_type)),
    }
}

fn literal_text(literal: &Literal, data_type: &DataType) -> String {
    let written = literal.written.as_str();
    let digits = |prefix: &&str| {
        written
            .strip_prefix(prefix)
            .map(|rest| rest.trim_end_matches('\''))
    };
    if let Some(digits) = ["x'", "X'", "0x"].iter().find_map(digits) {
        let is_number = matches!(data_type, DataType::Integer { .. } | DataType::Decimal(..));
        let number = u64::from_str_radix(digits, 16).ok().filter(|_| is_number);
        return number.map_or_else(|| digits.to_owned(), |number| number.to_string());
    }
    if let Some(digits) = ["b'", "B'", "0b"].iter().find_map(digits) {
        return digits.to_owned();
    }
    // N is not taken off, an introducer is.
    if written.starts_with(['N', 'n']) {
        return written.to_owned();
    }
    text(literal)
}

/// A string without its quotes and whatever stands before them; doubled quotes in it stay so. Anything else as it is.
fn text(literal: &Literal) -> String {
    let written = literal.written.as_str();
    let quote = ['\'', '"'].into_iter().find(|quote| written.ends_with(*quote));
    let inside = quote.and_then(|quote| {
        let (_, rest) = written.split_once(quote)?;
        rest.strip_suffix(quote).map(|inside| (quote, inside))
    });
    match inside {
        None => written.to_owned(),
        // Several strings are one.
        Some((quote, inside)) if inside.replace(&format!("{quote}{quote}"), "").contains(quote) => {
            literal.value().replace('\'', "''")
        }
        Some((_, inside)) => inside.to_owned(),
    }
}
