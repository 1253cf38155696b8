//! What a column's values look like in Debezium's JSON, by its type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{calendar, document};
use crate::error::{Result, TestbedError};

/// A column of a table, as the server describes it.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) in_key: bool,
    /// The server prints the double 1.0 in a document as 1.
    pub(super) zero_fractions_are_hidden: bool,
    form: Form,
}

/// How a value is asked for and what JSON it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Integer,
    Float,
    Double,
    Decimal,
    Bit {
        width: u32,
    },
    Date,
    DateTimeMillis,
    DateTimeMicros,
    Time,
    Timestamp,
    Text,
    /// Text that SQL gives as it is to be: addresses and identifiers.
    Word,
    Bytes,
    Json,
    Point,
    Geometry,
    Vector,
}

impl Column {
    /// A column by its `DATA_TYPE`; `precision` is a temporal type's digits after the point or a BIT's width.
    pub(super) fn new(name: String, data_type: &str, precision: u32, in_key: bool) -> Result<Column> {
        match Form::of(data_type, precision) {
            Some(form) => Ok(Column {
                name,
                in_key,
                zero_fractions_are_hidden: false,
                form,
            }),
            None => Err(TestbedError::Unexpected(format!(
                "column {name}: the oracle does not know the type {data_type}"
            ))),
        }
    }

    /// The SQL that gives what [`Column::value`] takes. It says the same on every server.
    pub(super) fn expression(&self) -> String {
        let name = format!("`{}`", self.name.replace('`', "``"));
        match self.form {
            // The product is a DOUBLE, of which all digits are shown; a sum would lose the sign of 0.
            Form::Float | Form::Double => format!("{name} * 1e0"),
            Form::Bit { .. } => format!("{name} + 0"),
            Form::Timestamp => format!("CONCAT(REPLACE({name}, ' ', 'T'), 'Z')"),
            // The client would read zero bytes as blanks.
            Form::Text | Form::Json => format!("HEX(CONVERT({name} USING utf8mb4))"),
            // Not ST_AsBinary, which turns coordinates round on some servers.
            Form::Bytes | Form::Point | Form::Geometry | Form::Vector => format!("HEX({name})"),
            Form::Integer | Form::Decimal | Form::Word => name,
            Form::Date | Form::DateTimeMillis | Form::DateTimeMicros | Form::Time => name,
        }
    }

    /// The JSON of a cell, with Debezium's default options.
    pub(super) fn value(&self, cell: Option<&str>) -> Result<Value> {
        let Some(text) = cell else {
            return Ok(Value::Null);
        };
        self.form.value(text).ok_or_else(|| {
            let column = &self.name;
            TestbedError::Unexpected(format!("column {column}: cannot read the server's value"))
        })
    }

    /// A value as it arrived, brought into the form that [`Column::value`] gives where several mean the same.
    pub(super) fn meaning(&self, arrived: Value) -> Value {
        match (self.form, &arrived) {
            (Form::Json, Value::String(text)) => match document::canonical(text) {
                // A document of MySQL 5.7 as that server prints it does not tell 1.0 from 1.
                Some(text) if self.zero_fractions_are_hidden => {
                    Value::from(document::without_zero_fractions(&text))
                }
                canonical => canonical.map_or(arrived, Value::from),
            },
            (Form::Float, Value::Number(number)) => number.as_f64().map_or(arrived, float),
            (Form::Vector, Value::Array(numbers)) => {
                let elements: Option<Vec<Value>> =
                    numbers.iter().map(|number| number.as_f64().map(float)).collect();
                elements.map_or(arrived, Value::Array)
            }
            _ => arrived,
        }
    }
}

impl Form {
    fn of(data_type: &str, precision: u32) -> Option<Form> {
        Some(match data_type {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Form::Integer,
            "float" => Form::Float,
            "double" => Form::Double,
            "decimal" => Form::Decimal,
            "bit" => Form::Bit { width: precision },
            "date" => Form::Date,
            "datetime" if precision <= 3 => Form::DateTimeMillis,
            "datetime" => Form::DateTimeMicros,
            "time" => Form::Time,
            "timestamp" => Form::Timestamp,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
                Form::Text
            }
            "uuid" | "inet4" | "inet6" => Form::Word,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Form::Bytes,
            "json" => Form::Json,
            "point" => Form::Point,
            "geometry" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
            | "geomcollection" | "geometrycollection" => Form::Geometry,
            "vector" => Form::Vector,
            _ => return None,
        })
    }

    fn value(self, text: &str) -> Option<Value> {
        match self {
            Form::Integer => {
                let signed = text.parse::<i64>().ok().map(Value::from);
                signed.or_else(|| text.parse::<u64>().ok().map(Value::from))
            }
            // A date that no calendar has is null.
            Form::Date => calendar::days(text).map(Value::from),
            Form::DateTimeMillis => {
                let micros = calendar::date_time(text)?;
                Some(Value::from(micros.map(|micros| micros.div_euclid(1000))))
            }
            Form::DateTimeMicros => calendar::date_time(text).map(Value::from),
            Form::Time => calendar::time(text).map(Value::from),
            Form::Float => text.parse::<f64>().ok().map(float),
            Form::Double => text.parse::<f64>().ok().map(Value::from),
            Form::Decimal => unscaled(text).map(|bytes| base64(&bytes)),
            Form::Bit { width } => bits(text.parse().ok()?, width),
            // The zero timestamp is no moment.
            Form::Timestamp if text.starts_with("0000-00-00") => Some(Value::Null),
            Form::Timestamp | Form::Word => Some(Value::from(text)),
            Form::Text => String::from_utf8(unhex(text)?).ok().map(Value::from),
            Form::Bytes => unhex(text).map(|bytes| base64(&bytes)),
            Form::Json => document::canonical(&String::from_utf8(unhex(text)?).ok()?).map(Value::from),
            // What old servers put in the place of an invalid value is no geometry.
            Form::Point | Form::Geometry if text.is_empty() => Some(Value::Null),
            Form::Point => geometry(&unhex(text)?, true),
            Form::Geometry => geometry(&unhex(text)?, false),
            Form::Vector => vector(&unhex(text)?),
        }
    }
}

fn base64(bytes: &[u8]) -> Value {
    Value::from(STANDARD.encode(bytes))
}

/// The shortest decimal that is read back as the same single-precision number.
fn float(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to single precision is the purpose"
    )]
    let single = number as f32;
    single.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// A BIT(1) is a flag, wider ones are bytes, the lowest first.
fn bits(number: u64, width: u32) -> Option<Value> {
    if width == 1 {
        return Some(Value::from(number == 1));
    }
    let bytes = usize::try_from(width.div_ceil(8)).ok()?;
    number.to_le_bytes().get(..bytes).map(base64)
}

/// The server's own form: the SRID in four bytes, then WKB, which of a point is byte order, kind, x and y.
fn geometry(bytes: &[u8], is_point: bool) -> Option<Value> {
    let (srid, wkb) = bytes.split_first_chunk::<4>()?;
    let srid = match u32::from_le_bytes(*srid) {
        0 => Value::Null,
        srid => Value::from(srid),
    };
    let wkb_text = base64(wkb);
    if !is_point {
        return Some(json!({ "wkb": wkb_text, "srid": srid }));
    }
    let (x, y) = wkb.get(5..)?.split_first_chunk::<8>()?;
    let (x, y) = (f64::from_le_bytes(*x), f64::from_le_bytes(*y.first_chunk()?));
    Some(json!({ "x": x, "y": y, "wkb": wkb_text, "srid": srid }))
}

fn vector(bytes: &[u8]) -> Option<Value> {
    let (elements, rest) = bytes.as_chunks::<4>();
    let number = |element: &[u8; 4]| float(f64::from(f32::from_le_bytes(*element)));
    rest.is_empty()
        .then(|| Value::Array(elements.iter().map(number).collect()))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    rest.is_empty().then_some(bytes)
}

/// The digits of a decimal as a whole number: two's complement, big-endian, no byte more than needed.
fn unscaled(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // Lowest byte first while it grows.
    let mut number = vec![0u8];
    for digit in digits.chars().filter(|character| *character != '.') {
        let mut carry = digit.to_digit(10)?;
        for byte in &mut number {
            carry += u32::from(*byte) * 10;
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry > 0 {
            number.push(carry.to_le_bytes()[0]);
        }
    }
    number.push(0);
    if text.starts_with('-') {
        let mut carry = true;
        for byte in &mut number {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    number.reverse();
    let redundant = |pair: &[u8]| {
        matches!(pair, [0, next] if *next < 0x80) || matches!(pair, [0xFF, next] if *next >= 0x80)
    };
    let skipped = number.windows(2).take_while(|pair| redundant(pair)).count();
    number.get(skipped..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_as_short_as_they_can_be() {
        assert_eq!(unscaled("0.00"), Some(vec![0]));
        assert_eq!(unscaled("-0.00"), Some(vec![0]));
        assert_eq!(unscaled("1.27"), Some(vec![0x7F]));
        assert_eq!(unscaled("1.28"), Some(vec![0, 0x80]));
        assert_eq!(unscaled("-1.28"), Some(vec![0x80]));
        assert_eq!(unscaled("-1.29"), Some(vec![0xFF, 0x7F]));
        assert_eq!(unscaled("65536"), Some(vec![1, 0, 0]));
        assert_eq!(unscaled("1x"), None);
    }

    #[test]
    fn decimals_have_up_to_65_digits() {
        // 10^40 = 0x1D6329F1C35CA4BFABB9F5610000000000.
        let expected = unhex("1D6329F1C35CA4BFABB9F5610000000000").unwrap();
        let text = format!("1{}", "0".repeat(40));
        assert_eq!(unscaled(&text), Some(expected));
        assert_eq!(unscaled(&"9".repeat(65)).map(|bytes| bytes.len()), Some(28));
    }

    #[test]
    fn bits_are_a_flag_or_bytes() {
        assert_eq!(bits(1, 1), Some(Value::Bool(true)));
        assert_eq!(bits(0x0102, 10), Some(base64(&[2, 1])));
        assert_eq!(bits(u64::MAX, 64), Some(base64(&[0xFF; 8])));
    }

    #[test]
    fn a_float_is_compared_as_one() {
        let column = Column::new("f".to_owned(), "float", 0, false).unwrap();
        let told = column.value(Some("1.100000023841858")).unwrap();
        assert_eq!(told, json!(1.1));
        assert_eq!(column.meaning(json!(1.1)), told);
    }

    #[test]
    fn an_unknown_type_is_named() {
        let refused = Column::new("c".to_owned(), "tuple", 0, false).err().unwrap();
        let expected = "unexpected data: column c: the oracle does not know the type tuple";
        assert_eq!(refused.to_string(), expected);
    }
}
