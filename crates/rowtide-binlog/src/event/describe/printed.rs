//! Values as the server prints them.

use std::fmt::Write as _;

use rowtide_event::{Charset, ColumnType, Malformed, Value, json};

/// A value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Printed {
    /// NULL.
    Null,
    /// A number that is written without quotes wherever numbers are.
    Number(String),
    /// A number that is written without quotes in SQL and does not fit everybody's numbers: DECIMAL, BIT.
    Exact(String),
    /// Text, and whatever SQL writes in quotes.
    Text(String),
    /// Bytes: `0x` and their hexadecimal digits.
    Bytes(String),
}

impl Printed {
    /// A value of a column as the server prints it: TIMESTAMP in UTC, ENUM and SET by their members, or by their numbers
    /// where the members are not known. Text that is not in its character set, and all that is not text, is printed as
    /// bytes.
    ///
    /// # Errors
    /// If the value is damaged.
    pub fn of(value: &Value<'_>, ty: &ColumnType) -> Result<Self, Malformed> {
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
            Value::Date(date) => Self::Text(written(|out| date.write_text(out))),
            Value::Time(time) => Self::Text(written(|out| time.write_text(digits(ty), out))),
            Value::DateTime(time) => Self::Text(written(|out| time.write_text(digits(ty), out))),
            Value::Timestamp(time) => Self::Text(written(|out| time.write_text(digits(ty), out))),
            Value::Text(bytes) => text(bytes, ty),
            Value::Enum(index) => enumerated(*index, ty),
            Value::Set(bits) => set(*bits, ty),
            Value::Json(document) => {
                let mut out = Vec::new();
                json::write_text(document, &mut out)?;
                Self::Text(String::from_utf8_lossy(&out).into_owned())
            }
            Value::Binary(bytes) => match ty {
                ColumnType::Binary { length } => hex(bytes, usize::from(*length)),
                ColumnType::FixedBinary(ty) => {
                    let mut out = Vec::new();
                    ty.write_text(bytes, &mut out)?;
                    Self::Text(String::from_utf8_lossy(&out).into_owned())
                }
                _ => hex(bytes, 0),
            },
            Value::Geometry(bytes) | Value::Vector(bytes) => hex(bytes, 0),
        })
    }
}

/// As many digits as it takes, with an exponent where the server writes one.
fn floating<N: std::fmt::Display + std::fmt::LowerExp>(is_plain: bool, number: N) -> Printed {
    Printed::Number(if is_plain {
        format!("{number}")
    } else {
        format!("{number:e}")
    })
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
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

fn text(bytes: &[u8], ty: &ColumnType) -> Printed {
    let charset = match ty {
        ColumnType::Text { charset } => *charset,
        _ => Charset::Binary,
    };
    let decoded = match charset {
        // The character set is not known: readable UTF-8 is taken for text.
        Charset::Binary => std::str::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains(|c: char| c.is_control() && !c.is_ascii_whitespace()))
            .map(str::to_owned),
        charset => charset.decode_borrowed(bytes).ok().map(|text| text.into_owned()),
    };
    decoded.map_or_else(|| hex(bytes, 0), Printed::Text)
}

fn enumerated(index: u16, ty: &ColumnType) -> Printed {
    match ty {
        ColumnType::Enum { members } if !members.is_empty() => match usize::from(index).checked_sub(1) {
            None => Printed::Text(String::new()),
            Some(at) => members.get(at).map_or_else(
                || Printed::Number(index.to_string()),
                |member| Printed::Text(member.clone()),
            ),
        },
        _ => Printed::Number(index.to_string()),
    }
}

fn set(bits: u64, ty: &ColumnType) -> Printed {
    match ty {
        // Bits beyond the members would be lost among their names.
        ColumnType::Set { members } if !members.is_empty() && beyond(bits, members.len()) == 0 => {
            let chosen = (0_u32..)
                .zip(members)
                .filter(|(bit, _)| bits.checked_shr(*bit).is_some_and(|rest| rest & 1 == 1));
            Printed::Text(
                chosen
                    .map(|(_, member)| member.as_str())
                    .collect::<Vec<_>>()
                    .join(","),
            )
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

/// The bytes, and zero bytes up to `length`.
fn hex(bytes: &[u8], length: usize) -> Printed {
    let mut text = String::with_capacity(bytes.len().max(length).saturating_mul(2).saturating_add(2));
    text.push_str("0x");
    let padding = length.saturating_sub(bytes.len());
    for byte in bytes.iter().chain(std::iter::repeat_n(&0, padding)) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    Printed::Bytes(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: Value<'_>, ty: &ColumnType) -> Printed {
        Printed::of(&value, ty).unwrap()
    }

    fn number(text: &str) -> Printed {
        Printed::Number(text.to_owned())
    }

    fn string(text: &str) -> Printed {
        Printed::Text(text.to_owned())
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
        assert_eq!(
            printed(Value::Text(b"\xe9"), &unknown),
            Printed::Bytes("0xE9".into())
        );
        assert_eq!(
            printed(Value::Text(b"\0a"), &unknown),
            Printed::Bytes("0x0061".into())
        );
        let padded = ColumnType::Binary { length: 3 };
        assert_eq!(
            printed(Value::Binary(b"a"), &padded),
            Printed::Bytes("0x610000".into())
        );
        assert_eq!(printed(Value::Json(b""), &ColumnType::Json), string("null"));
        assert!(Printed::of(&Value::Json(b"\x0c"), &ColumnType::Json).is_err());
    }

    #[test]
    fn members_are_named_where_they_are_known() {
        let members = || vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
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
