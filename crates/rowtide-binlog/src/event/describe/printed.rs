//! Values as the server prints them.

use std::borrow::Cow;
use std::fmt;

use rowtide_event::{Charset, ColumnType, Label, Malformed, Value, json};

/// A value as text. What may be long is borrowed: a value may be as large as a gigabyte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Printed<'v> {
    /// NULL.
    Null,
    /// A number that is written without quotes wherever numbers are.
    Number(String),
    /// A number that is written without quotes in SQL and does not fit everybody's numbers: DECIMAL, BIT.
    Exact(String),
    /// Text, and whatever SQL writes in quotes.
    Text(Cow<'v, str>),
    /// Bytes.
    Bytes(Hexadecimal<'v>),
}

/// Bytes, which are displayed as `0x` and their hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hexadecimal<'v> {
    bytes: &'v [u8],
    /// Zero bytes behind them.
    padding: usize,
}

impl<'v> Hexadecimal<'v> {
    /// The bytes as they are.
    pub fn of(bytes: &'v [u8]) -> Self {
        Self { bytes, padding: 0 }
    }

    /// The bytes, and zero bytes up to `length`.
    fn padded(bytes: &'v [u8], length: usize) -> Self {
        Self {
            bytes,
            padding: length.saturating_sub(bytes.len()),
        }
    }
}

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Bytes whose digits are written at once.
        const PIECE: usize = 4096;
        f.write_str("0x")?;
        let mut digits = String::with_capacity(self.bytes.len().min(PIECE) * 2);
        for piece in self.bytes.chunks(PIECE) {
            digits.clear();
            for byte in piece {
                digits.push(digit(byte >> 4));
                digits.push(digit(byte & 0xf));
            }
            f.write_str(&digits)?;
        }
        (0..self.padding).try_for_each(|_| f.write_str("00"))
    }
}

fn digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

impl<'v> Printed<'v> {
    /// A value of a column as the server prints it: TIMESTAMP in UTC, ENUM and SET by their members, or by their numbers
    /// where the members are not known, or no text. Text that is not in its character set, and all that is not text, is
    /// printed as bytes.
    ///
    /// # Errors
    /// If the value is damaged.
    pub fn of(value: &Value<'v>, ty: &ColumnType) -> Result<Self, Malformed> {
        Ok(match value {
            Value::Absent | Value::Null => Self::Null,
            Value::Int(n) => Self::Number(n.to_string()),
            Value::UInt(n) => Self::Number(n.to_string()),
            Value::Float(n) => floating(n.abs() == 0.0 || (1e-5..1e15).contains(&n.abs()), n),
            Value::Double(n) => floating(n.abs() == 0.0 || (1e-5..1e15).contains(&n.abs()), n),
            Value::Decimal(decimal) => Self::Exact(written(|out| decimal.write_text(out))),
            Value::Bit(bits) => Self::Exact(format!("b'{bits:0width$b}'", width = bits_of(ty))),
            Value::Year(0) => Self::Number("0000".to_owned()),
            Value::Year(year) => Self::Number(year.to_string()),
            Value::Date(date) => Self::Text(written(|out| date.write_text(out)).into()),
            Value::Time(time) => Self::Text(written(|out| time.write_text(digits(ty), out)).into()),
            Value::DateTime(time) => Self::Text(written(|out| time.write_text(digits(ty), out)).into()),
            Value::Timestamp(time) => Self::Text(written(|out| time.write_text(digits(ty), out)).into()),
            Value::Text(bytes) => text(bytes, ty),
            Value::Enum(index) => enumerated(*index, ty),
            Value::Set(bits) => set(*bits, ty),
            Value::Json(document) => {
                let mut out = Vec::new();
                json::write_text(document, &mut out)?;
                Self::Text(text_of(out).into())
            }
            Value::Binary(bytes) => match ty {
                ColumnType::Binary { length } => {
                    Self::Bytes(Hexadecimal::padded(bytes, usize::from(*length)))
                }
                ColumnType::FixedBinary(ty) => {
                    let mut out = Vec::new();
                    ty.write_text(bytes, &mut out)?;
                    Self::Text(text_of(out).into())
                }
                _ => Self::Bytes(Hexadecimal::of(bytes)),
            },
            Value::Geometry(bytes) | Value::Vector(bytes) => Self::Bytes(Hexadecimal::of(bytes)),
        })
    }
}

/// As many digits as it takes, with an exponent where the server writes one.
fn floating<N: fmt::Display + fmt::LowerExp>(is_plain: bool, number: N) -> Printed<'static> {
    Printed::Number(if is_plain {
        format!("{number}")
    } else {
        format!("{number:e}")
    })
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    text_of(out)
}

fn text_of(written: Vec<u8>) -> String {
    String::from_utf8(written).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Digits of a second.
fn digits(ty: &ColumnType) -> u8 {
    match ty {
        ColumnType::Time { fsp } | ColumnType::DateTime { fsp } | ColumnType::Timestamp { fsp } => *fsp,
        _ => 0,
    }
}

fn bits_of(ty: &ColumnType) -> usize {
    match ty {
        ColumnType::Bit { width } => usize::from(*width),
        _ => 0,
    }
}

fn text<'v>(bytes: &'v [u8], ty: &ColumnType) -> Printed<'v> {
    let charset = match ty {
        ColumnType::Text { charset } => *charset,
        _ => Charset::Binary,
    };
    let decoded = match charset {
        // The character set is not known: readable UTF-8 is taken for text.
        Charset::Binary => std::str::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains(|c: char| c.is_control() && !c.is_ascii_whitespace()))
            .map(Cow::Borrowed),
        charset => charset.decode_borrowed(bytes).ok(),
    };
    decoded.map_or_else(|| Printed::Bytes(Hexadecimal::of(bytes)), Printed::Text)
}

fn enumerated(index: u16, ty: &ColumnType) -> Printed<'static> {
    match ty {
        ColumnType::Enum { members } if !members.is_empty() => match usize::from(index).checked_sub(1) {
            None => Printed::Text(Cow::default()),
            Some(at) => members.get(at).and_then(Label::text).map_or_else(
                || Printed::Number(index.to_string()),
                |text| Printed::Text(text.to_owned().into()),
            ),
        },
        _ => Printed::Number(index.to_string()),
    }
}

fn set(bits: u64, ty: &ColumnType) -> Printed<'static> {
    match ty {
        // Bits beyond the members would be lost among their names.
        ColumnType::Set { members } if !members.is_empty() && beyond(bits, members.len()) == 0 => {
            let chosen = (0_u32..)
                .zip(members)
                .filter(|(bit, _)| bits.checked_shr(*bit).is_some_and(|rest| rest & 1 == 1));
            let names: Option<Vec<_>> = chosen.map(|(_, member)| member.text()).collect();
            let names = names.map(|names| Printed::Text(names.join(",").into()));
            names.unwrap_or_else(|| Printed::Number(bits.to_string()))
        }
        _ => Printed::Number(bits.to_string()),
    }
}

/// The bits that stand for no member.
fn beyond(bits: u64, members: usize) -> u64 {
    u32::try_from(members)
        .ok()
        .and_then(|members| bits.checked_shr(members))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed<'v>(value: Value<'v>, ty: &ColumnType) -> Printed<'v> {
        Printed::of(&value, ty).unwrap()
    }

    fn bytes(printed: Printed<'_>) -> String {
        match printed {
            Printed::Bytes(bytes) => bytes.to_string(),
            other => panic!("{other:?} is not printed as bytes"),
        }
    }

    fn number(text: &str) -> Printed<'_> {
        Printed::Number(text.to_owned())
    }

    fn string(text: &str) -> Printed<'_> {
        Printed::Text(text.into())
    }

    #[test]
    fn numbers() {
        let double = |n| printed(Value::Double(n), &ColumnType::Double);
        assert_eq!(double(1.0), number("1"));
        assert_eq!(double(-0.1), number("-0.1"));
        assert_eq!(double(1.5e300), number("1.5e300"));
        assert_eq!(double(0.00001), number("0.00001"));
        assert_eq!(double(0.0), number("0"));
        assert_eq!(printed(Value::Float(0.1), &ColumnType::Float), number("0.1"));
        let bit = ColumnType::Bit { width: 8 };
        assert_eq!(printed(Value::Bit(5), &bit), Printed::Exact("b'00000101'".into()));
        assert_eq!(printed(Value::Year(0), &ColumnType::Year), number("0000"));
        assert_eq!(
            printed(Value::UInt(u64::MAX), &bit),
            number("18446744073709551615")
        );
    }

    #[test]
    fn texts_and_bytes() {
        let latin = ColumnType::Text {
            charset: Charset::from_name("latin1").unwrap(),
        };
        assert_eq!(printed(Value::Text(b"\xe9"), &latin), string("é"));
        let unknown = ColumnType::Text {
            charset: Charset::Binary,
        };
        assert_eq!(printed(Value::Text("é\n".as_bytes()), &unknown), string("é\n"));
        assert_eq!(bytes(printed(Value::Text(b"\xe9"), &unknown)), "0xE9");
        assert_eq!(bytes(printed(Value::Text(b"\0a"), &unknown)), "0x0061");
        let padded = ColumnType::Binary { length: 3 };
        assert_eq!(bytes(printed(Value::Binary(b"a"), &padded)), "0x610000");
        let long: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let digits: String = long.iter().map(|byte| format!("{byte:02X}")).collect();
        let blob = ColumnType::Blob;
        assert_eq!(bytes(printed(Value::Binary(&long), &blob)), format!("0x{digits}"));
        assert_eq!(printed(Value::Json(b""), &ColumnType::Json), string("null"));
        assert!(Printed::of(&Value::Json(b"\x0c"), &ColumnType::Json).is_err());
    }

    #[test]
    fn members_are_named_where_they_are_known() {
        let members = || ["a", "b", "c"].map(Label::from).to_vec();
        let (known, unknown) = (
            ColumnType::Enum { members: members() },
            ColumnType::Enum { members: vec![] },
        );
        assert_eq!(printed(Value::Enum(2), &known), string("b"));
        assert_eq!(printed(Value::Enum(0), &known), string(""));
        assert_eq!(printed(Value::Enum(9), &known), number("9"));
        assert_eq!(printed(Value::Enum(2), &unknown), number("2"));
        let (known, unknown) = (
            ColumnType::Set { members: members() },
            ColumnType::Set { members: vec![] },
        );
        assert_eq!(printed(Value::Set(0b101), &known), string("a,c"));
        assert_eq!(printed(Value::Set(0), &known), string(""));
        assert_eq!(printed(Value::Set(0b1001), &known), number("9"));
        assert_eq!(printed(Value::Set(5), &unknown), number("5"));
    }
}
