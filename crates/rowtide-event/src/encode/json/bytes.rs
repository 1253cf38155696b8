//! Bytes as base64: BINARY and BLOB, BIT, and the unscaled number of a DECIMAL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Decimal, Malformed};

/// Appends `bytes` as base64 in quotes.
#[inline]
pub(super) fn write(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    const TOO_LARGE: Malformed = Malformed::TooLarge("base64 text");
    let len = base64::encoded_len(bytes.len(), true).ok_or(TOO_LARGE)?;
    out.push(b'"');
    let start = out.len();
    out.resize(start + len, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    STANDARD.encode_slice(bytes, room).map_err(|_| TOO_LARGE)?;
    out.push(b'"');
    Ok(())
}

/// Appends a BINARY(length), with the zero bytes that the binlog leaves out.
pub(super) fn write_padded(
    bytes: &[u8],
    length: u16,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let length = usize::from(length);
    if bytes.len() > length {
        return Err(Malformed::TooLarge("BINARY"));
    }
    if bytes.len() == length {
        return write(bytes, out);
    }
    scratch.clear();
    scratch.extend_from_slice(bytes);
    scratch.resize(length, 0);
    write(scratch, out)
}

/// Appends a BIT(width) with more than one bit: the fewest bytes that hold so many bits, the lowest first.
pub(super) fn write_bits(bits: u64, width: u8, out: &mut Vec<u8>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Invalid("BIT");
    if width > 64 || bits.checked_shr(u32::from(width)).unwrap_or(0) != 0 {
        return Err(WHAT);
    }
    write(
        bits.to_le_bytes()
            .get(..usize::from(width.div_ceil(8)))
            .ok_or(WHAT)?,
        out,
    )
}

/// Appends a DECIMAL: the number without its point, in two's complement.
pub(super) fn write_decimal(
    value: &Decimal<'_>,
    scale: u8,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    // Without its point a number means nothing but with the scale of its column.
    if value.scale() != scale {
        return Err(Malformed::Invalid("scale of a DECIMAL"));
    }
    scratch.clear();
    value.write_unscaled(scratch);
    write(scratch, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bytes_of_any_length() {
        assert_eq!(text(|out| write(b"", out)), "\"\"");
        assert_eq!(text(|out| write(&[0, 1, 2, 3, 0xff], out)), "\"AAECA/8=\"");
        assert_eq!(text(|out| write(&[0xde, 0xad, 0xbe, 0xef], out)), "\"3q2+7w==\"");
    }

    #[test]
    fn binary_is_padded_and_never_cut() {
        let mut scratch = Vec::new();
        assert_eq!(
            text(|out| write_padded(b"A", 4, &mut scratch, out)),
            "\"QQAAAA==\""
        );
        assert_eq!(
            text(|out| write_padded(b"", 16, &mut scratch, out)),
            "\"AAAAAAAAAAAAAAAAAAAAAA==\""
        );
        assert_eq!(
            text(|out| write_padded(&[0xff; 16], 16, &mut scratch, out)),
            "\"/////////////////////w==\""
        );
        let too_long = write_padded(b"AB", 1, &mut scratch, &mut Vec::new());
        assert_eq!(too_long, Err(Malformed::TooLarge("BINARY")));
    }

    #[test]
    fn bits_are_little_endian() {
        assert_eq!(text(|out| write_bits(0b1_0000_0001, 9, out)), "\"AQE=\"");
        assert_eq!(
            text(|out| write_bits(0x8000_0000_0000_0001, 64, out)),
            "\"AQAAAAAAAIA=\""
        );
        assert_eq!(text(|out| write_bits(0b10, 2, out)), "\"Ag==\"");
        assert_eq!(
            write_bits(0b100, 2, &mut Vec::new()),
            Err(Malformed::Invalid("BIT"))
        );
        assert_eq!(write_bits(1, 65, &mut Vec::new()), Err(Malformed::Invalid("BIT")));
    }

    #[test]
    fn a_decimal_of_another_scale_is_refused() {
        let packed = [0x80, 0x00, 0x00, 0x01, 0x32]; // 1.50 as DECIMAL(10,2)
        let decimal = Decimal::read(&mut Reader::new(&packed), 10, 2).unwrap();
        let mut scratch = Vec::new();
        assert_eq!(
            text(|out| write_decimal(&decimal, 2, &mut scratch, out)),
            "\"AJY=\""
        );
        assert!(write_decimal(&decimal, 3, &mut scratch, &mut Vec::new()).is_err());
    }
}
