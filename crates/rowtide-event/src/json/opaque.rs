//! Values of SQL types inside a JSON document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{DateTime, Decimal, Malformed, Reader, Time};

/// Column types by their number (field_types.h).
mod field_type {
    pub const TIMESTAMP: u8 = 7;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const NEWDECIMAL: u8 = 246;
}

const WHAT: &str = "value of an SQL type in a JSON document";

/// Appends a value of a column type: a DECIMAL as a number with all its digits, dates and times as strings, all else as
/// a string of base64.
pub(super) fn write(field_type: u8, data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    match field_type {
        field_type::NEWDECIMAL => decimal(data, out),
        field_type::DATE => {
            let date = DateTime::from_packed(packed(data)?)?.date;
            quoted(out, |out| date.write_text(out));
            Ok(())
        }
        field_type::TIME => {
            let time = Time::from_packed(packed(data)?)?;
            quoted(out, |out| {
                time.write_text(digits(time.micros.unsigned_abs()), out)
            });
            Ok(())
        }
        field_type::DATETIME | field_type::TIMESTAMP => {
            let datetime = DateTime::from_packed(packed(data)?)?;
            quoted(out, |out| datetime.write_text(digits(datetime.micros), out));
            Ok(())
        }
        _ => base64(data, out),
    }
}

fn base64(data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    const TOO_LARGE: Malformed = Malformed::TooLarge(WHAT);
    out.push(b'"');
    let start = out.len();
    let len = base64::encoded_len(data.len(), true).ok_or(TOO_LARGE)?;
    out.resize(start + len, 0);
    STANDARD
        .encode_slice(data, out.get_mut(start..).unwrap_or_default())
        .map_err(|_| TOO_LARGE)?;
    out.push(b'"');
    Ok(())
}

fn decimal(data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut reader = Reader::new(data);
    let (precision, scale) = (reader.u8(WHAT)?, reader.u8(WHAT)?);
    Decimal::read_in_json(&mut reader, precision, scale)?.write_text(out);
    reader.finish(WHAT)
}

fn packed(data: &[u8]) -> Result<i64, Malformed> {
    let mut reader = Reader::new(data);
    let packed = reader.i64(WHAT)?;
    reader.finish(WHAT)?;
    Ok(packed)
}

/// Digits of a second up to the last that is not zero.
fn digits(micros: u64) -> u8 {
    let mut fraction = micros % 1_000_000;
    let mut digits = if fraction == 0 { 0 } else { 6 };
    while digits > 0 && fraction.is_multiple_of(10) {
        fraction /= 10;
        digits -= 1;
    }
    digits
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(field_type: u8, data: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        write(field_type, data, &mut out).ok()?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn values_of_sql_types() {
        let datetime = ((2024u64 * 13 + 1) << 22 | 2 << 17 | 3 << 12 | 4 << 6 | 5) << 24 | 678_901;
        assert_eq!(
            text(12, &datetime.to_le_bytes()).as_deref(),
            Some("\"2024-01-02 03:04:05.678901\"")
        );
        assert_eq!(
            text(10, &datetime.to_le_bytes()).as_deref(),
            Some("\"2024-01-02\"")
        );
        let time = -((10i64 << 12) << 24);
        assert_eq!(text(11, &time.to_le_bytes()).as_deref(), Some("\"-10:00:00\""));
        let half = (12i64 << 12 | 34 << 6 | 56) << 24 | 500_000;
        assert_eq!(text(11, &half.to_le_bytes()).as_deref(), Some("\"12:34:56.5\""));
        assert_eq!(text(246, &[3, 2, 0x81, 0x32]).as_deref(), Some("1.50"));
        assert_eq!(
            text(15, &[0xde, 0xad, 0xbe, 0xef]).as_deref(),
            Some("\"3q2+7w==\"")
        );
        assert_eq!(text(12, &[0; 7]), None);
        assert_eq!(text(246, &[3, 2, 0x81, 0x32, 0]), None);
    }
}
