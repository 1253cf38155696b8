//! USER_VAR (14): a user variable that the statement that follows reads.

use rowtide_event::{Charset, Decimal, Malformed, Reader};

/// A user variable and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserVar<'a> {
    /// Its name, without `@`.
    pub name: &'a str,
    /// Its value.
    pub value: UserValue<'a>,
}

/// A user variable's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UserValue<'a> {
    /// NULL.
    Null,
    /// Bytes and the id of their collation.
    Text(&'a [u8], u32),
    /// A DOUBLE.
    Double(f64),
    /// An integer with a sign.
    Int(i64),
    /// An integer without a sign.
    UInt(u64),
    /// A DECIMAL.
    Decimal(Decimal<'a>),
    /// Of a type (`Item_result`) that has no literal.
    Other(u8, &'a [u8]),
}

const WHAT: &str = "USER_VAR";

impl<'a> UserVar<'a> {
    /// Reads a body.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let len = reader.u32(WHAT)?;
        let name = reader.take(length(len)?, WHAT)?;
        let name = std::str::from_utf8(name).map_err(|_| Malformed::Invalid(WHAT))?;
        let value = if reader.u8(WHAT)? != 0 {
            UserValue::Null
        } else {
            value(&mut reader)?
        };
        Ok(Self { name, value })
    }
}

/// Type, collation, length and bytes; a byte of flags follows since MySQL 5.1.59, which says whether an integer has a
/// sign, and MariaDB adds more.
fn value<'a>(reader: &mut Reader<'a>) -> Result<UserValue<'a>, Malformed> {
    const UNSIGNED: u8 = 1;
    let (kind, collation, len) = (reader.u8(WHAT)?, reader.u32(WHAT)?, reader.u32(WHAT)?);
    let bytes = reader.take(length(len)?, WHAT)?;
    let flags = reader.rest().first().copied().unwrap_or(0);
    let mut value = Reader::new(bytes);
    Ok(match kind {
        0 => UserValue::Text(bytes, collation),
        1 => UserValue::Double(f64::from_le_bytes(*value.array(WHAT)?)),
        2 if flags & UNSIGNED != 0 => UserValue::UInt(value.u64(WHAT)?),
        2 => UserValue::Int(value.i64(WHAT)?),
        4 => {
            let (precision, scale) = (value.u8(WHAT)?, value.u8(WHAT)?);
            UserValue::Decimal(Decimal::read(&mut value, precision, scale)?)
        }
        other => UserValue::Other(other, bytes),
    })
}

fn length(len: u32) -> Result<usize, Malformed> {
    usize::try_from(len).map_err(|_| Malformed::TooLarge(WHAT))
}

impl UserValue<'_> {
    /// The value as a literal: text in its character set, or as bytes where that is not known or the bytes are none of it.
    pub fn to_literal(self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Text(bytes, collation) => text(bytes, collation),
            Self::Double(number) => format!("{number:?}"),
            Self::Int(number) => number.to_string(),
            Self::UInt(number) => number.to_string(),
            Self::Decimal(number) => {
                let mut out = Vec::new();
                number.write_text(&mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
            Self::Other(kind, bytes) => format!("type {kind} {}", hexadecimal(bytes)),
        }
    }
}

fn text(bytes: &[u8], collation: u32) -> String {
    let charset = u16::try_from(collation).ok().and_then(Charset::from_collation);
    charset
        .filter(|charset| *charset != Charset::Binary)
        .and_then(|charset| charset.decode_borrowed(bytes).ok())
        .map_or_else(
            || hexadecimal(bytes),
            |text| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        )
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold("0x".to_owned(), |text, byte| format!("{text}{byte:02X}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(kind: u8, collation: u32, value: &[u8], flags: &[u8]) -> Vec<u8> {
        let mut body = vec![1, 0, 0, 0, b'v', 0, kind];
        body.extend(collation.to_le_bytes());
        body.extend((value.len() as u32).to_le_bytes());
        body.extend(value);
        body.extend(flags);
        body
    }

    fn literal(body: &[u8]) -> String {
        let variable = UserVar::read(body).unwrap();
        assert_eq!(variable.name, "v");
        variable.value.to_literal()
    }

    #[test]
    fn values_of_every_type() {
        assert_eq!(literal(&[1, 0, 0, 0, b'v', 1]), "NULL");
        assert_eq!(literal(&body(0, 8, b"it's \xe9", &[0])), "'it\\'s é'");
        assert_eq!(literal(&body(0, 63, b"a", &[0])), "0x61");
        assert_eq!(literal(&body(0, 45, b"\xff", &[])), "0xFF");
        assert_eq!(literal(&body(1, 8, &(-1.5f64).to_le_bytes(), &[0])), "-1.5");
        assert_eq!(literal(&body(2, 8, &[0xff; 8], &[0])), "-1");
        assert_eq!(literal(&body(2, 8, &[0xff; 8], &[])), "-1");
        assert_eq!(literal(&body(2, 8, &[0xff; 8], &[1])), "18446744073709551615");
        assert_eq!(literal(&body(4, 8, &[3, 2, 0x81, 0x32], &[0])), "1.50");
        assert_eq!(literal(&body(3, 8, &[1], &[0])), "type 3 0x01");
    }

    #[test]
    fn cuts_are_errors() {
        let whole = body(2, 8, &[0xff; 8], &[]);
        for len in 0..whole.len() {
            assert!(UserVar::read(&whole[..len]).is_err(), "{len} bytes");
        }
        assert!(UserVar::read(&body(2, 8, &[1], &[])).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(variable) = UserVar::read(&bytes) {
                variable.value.to_literal();
            }
        }
    }
}
