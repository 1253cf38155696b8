//! Text as a JSON string, escaped as Jackson does by default.

use crate::Malformed;

/// Appends `text` in quotes.
#[inline]
pub fn write(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

/// Appends `text` in quotes, or null.
pub(super) fn write_optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => write(text, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends bytes that ought to be UTF-8 in quotes.
#[inline]
pub(super) fn write_utf8(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Invalid("UTF-8 text"))?;
    write(text, out);
    Ok(())
}

/// Appends `text` without quotes.
///
/// Jackson escapes the quote, the backslash and control characters, and writes a character beyond U+FFFF as the escapes
/// of its two surrogates; all else stays as it is, the slash and U+2028 too.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        // A byte to escape is a whole character or the first byte of one, so that the split is at a character.
        let (plain, special) = rest
            .split_at_checked(plain_len(rest.as_bytes()))
            .unwrap_or((rest, ""));
        out.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        match characters.next() {
            Some(character) => escape_one(character, out),
            None => return,
        }
        rest = characters.as_str();
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";
const ONES: u64 = u64::MAX / 0xff;
const HIGH_BITS: u64 = ONES * 0x80;

/// How many bytes at the start need no escape: eight at a time, then one by one.
#[inline]
fn plain_len(bytes: &[u8]) -> usize {
    let (chunks, tail) = bytes.as_chunks::<8>();
    for (n, chunk) in chunks.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*chunk));
        if special != 0 {
            // The count is below 8, so that it fits.
            return n * 8 + usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
        }
    }
    chunks.len() * 8 + tail.iter().position(is_special).unwrap_or(tail.len())
}

/// The high bit of each byte that has to be escaped. A byte above one that has to be escaped may be marked too: only the
/// lowest mark counts.
#[inline]
fn special_bytes(word: u64) -> u64 {
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let control = below(word, 0x20);
    let quote = below(word ^ (ONES * 0x22), 1);
    let backslash = below(word ^ (ONES * 0x5c), 1);
    let four_bytes_long = word & (word << 1) & (word << 2) & (word << 3);
    (control | quote | backslash | four_bytes_long) & HIGH_BITS
}

#[inline]
fn is_special(byte: &u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\' | 0xf0..)
}

/// The letter behind the backslash of a character that has a short escape; 0 for the others.
const fn short_escape(character: char) -> u8 {
    match character {
        '"' => b'"',
        '\\' => b'\\',
        '\u{8}' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\u{c}' => b'f',
        '\r' => b'r',
        _ => 0,
    }
}

#[inline]
fn escape_one(character: char, out: &mut Vec<u8>) {
    match short_escape(character) {
        0 => character
            .encode_utf16(&mut [0; 2])
            .iter()
            .for_each(|unit| escape_unit(*unit, out)),
        letter => out.extend_from_slice(&[b'\\', letter]),
    }
}

fn escape_unit(unit: u16, out: &mut Vec<u8>) {
    let digit = |shift: u16| HEX.get(usize::from(unit >> shift & 0xf)).copied().unwrap_or(b'0');
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        write(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_are_jacksons() {
        assert_eq!(json(""), r#""""#);
        assert_eq!(
            json("é中😀 \\ \" \n\t\r\u{8}\u{c}/"),
            r#""é中\uD83D\uDE00 \\ \" \n\t\r\b\f/""#
        );
        assert_eq!(json("\u{1a}\0"), r#""\u001A\u0000""#);
        assert_eq!(
            json("<>&'\u{7f}\u{2028}\u{ffff}"),
            "\"<>&'\u{7f}\u{2028}\u{ffff}\""
        );
        assert_eq!(json("😀日本語"), r#""\uD83D\uDE00日本語""#);
    }

    #[test]
    fn every_byte_value_at_every_place_of_a_word() {
        for byte in 0..0x80u8 {
            for place in 0..20 {
                let mut text = "é".repeat(20);
                text.insert(place * 2, char::from(byte));
                assert_eq!(serde_json::from_str::<String>(&json(&text)).unwrap(), text);
            }
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        let mut out = Vec::new();
        assert_eq!(
            write_utf8(b"a\xff", &mut out),
            Err(Malformed::Invalid("UTF-8 text"))
        );
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in "\\PC*|[\\x00-\\x7f\u{10000}]*") {
            let written = json(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
