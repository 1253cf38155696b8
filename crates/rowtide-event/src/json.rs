//! JSON in the server's binary form (json_binary.h), as compact text.
//!
//! A document is untrusted: every offset is checked against what holds it, depth is limited, and so is the work, since
//! overlapping offsets could make a small document expand without end.

mod diff;
mod double;
mod node;
mod opaque;
mod path;
mod text;

use crate::{Malformed, Reader};

pub use diff::apply_diff;
pub use double::write_double;

/// The server's own limit of nesting (JSON_DOCUMENT_MAX_DEPTH).
const MAX_DEPTH: usize = 100;
const WHAT: &str = "JSON document";
const BAD: Malformed = Malformed::Invalid(WHAT);

/// Types of values in a document.
mod kind {
    pub const SMALL_OBJECT: u8 = 0x00;
    pub const LARGE_OBJECT: u8 = 0x01;
    pub const SMALL_ARRAY: u8 = 0x02;
    pub const LARGE_ARRAY: u8 = 0x03;
    pub const LITERAL: u8 = 0x04;
    pub const INT16: u8 = 0x05;
    pub const UINT16: u8 = 0x06;
    pub const INT32: u8 = 0x07;
    pub const UINT32: u8 = 0x08;
    pub const INT64: u8 = 0x09;
    pub const UINT64: u8 = 0x0a;
    pub const DOUBLE: u8 = 0x0b;
    pub const STRING: u8 = 0x0c;
    pub const OPAQUE: u8 = 0x0f;
}

/// Appends a binary document as compact JSON text. Empty bytes stand for JSON null.
///
/// Numbers keep their kind: a double always has a point or an exponent, as in the server's own text. Dates and times
/// are strings in the server's form, without zeros at the end of a fraction; other opaque values are base64.
///
/// # Errors
/// If the document is damaged, nested deeper than the server permits, or made to expand without end.
pub fn write_text(document: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut reader = Reader::new(document);
    if reader.is_empty() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let kind = reader.u8(WHAT)?;
    // An element takes at least three bytes where it is listed; more elements than that would be listed twice.
    let mut writer = Writer {
        out,
        budget: document.len(),
    };
    writer.value(kind, reader.rest(), 0)
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Elements and bytes that may still be written.
    budget: usize,
}

impl Writer<'_> {
    fn spend(&mut self, cost: usize) -> Result<(), Malformed> {
        self.budget = self.budget.checked_sub(cost).ok_or(Malformed::TooLarge(WHAT))?;
        Ok(())
    }

    /// A value whose bytes begin at the start of `bytes`.
    fn value(&mut self, kind: u8, bytes: &[u8], depth: usize) -> Result<(), Malformed> {
        let mut reader = Reader::new(bytes);
        match kind {
            kind::SMALL_OBJECT | kind::LARGE_OBJECT | kind::SMALL_ARRAY | kind::LARGE_ARRAY => {
                self.container(bytes, Layout::of(kind), depth)
            }
            kind::LITERAL => self.literal(reader.u8(WHAT)?),
            kind::STRING => {
                let text = variable(&mut reader)?;
                self.string(text)
            }
            kind::OPAQUE => {
                let field_type = reader.u8(WHAT)?;
                let data = variable(&mut reader)?;
                self.spend(data.len())?;
                opaque::write(field_type, data, self.out)
            }
            _ => self.number(kind, &mut reader),
        }
    }

    fn number(&mut self, kind: u8, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match kind {
            kind::INT16 => self.integer(i16::from_le_bytes(*reader.array(WHAT)?)),
            kind::UINT16 => self.integer(reader.u16(WHAT)?),
            kind::INT32 => self.integer(i32::from_le_bytes(*reader.array(WHAT)?)),
            kind::UINT32 => self.integer(reader.u32(WHAT)?),
            kind::INT64 => self.integer(reader.i64(WHAT)?),
            kind::UINT64 => self.integer(reader.u64(WHAT)?),
            kind::DOUBLE => write_double(f64::from_le_bytes(*reader.array(WHAT)?), self.out),
            _ => Err(BAD),
        }
    }

    fn literal(&mut self, literal: u8) -> Result<(), Malformed> {
        let text: &[u8] = match literal {
            0 => b"null",
            1 => b"true",
            2 => b"false",
            _ => return Err(BAD),
        };
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn integer<I: itoa::Integer>(&mut self, n: I) -> Result<(), Malformed> {
        self.out
            .extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        Ok(())
    }

    fn string(&mut self, text: &[u8]) -> Result<(), Malformed> {
        self.spend(text.len())?;
        let string = std::str::from_utf8(text).map_err(|_| Malformed::Invalid("text in a JSON document"))?;
        text::write_quoted(string, self.out);
        Ok(())
    }

    /// An object or array. All its offsets count from the start of `bytes`, its first being its element count.
    fn container(&mut self, bytes: &[u8], layout: Layout, depth: usize) -> Result<(), Malformed> {
        if depth >= MAX_DEPTH {
            return Err(Malformed::TooLarge("depth of a JSON document"));
        }
        let mut reader = Reader::new(bytes);
        let count = layout.number(&mut reader)?;
        let size = layout.number(&mut reader)?;
        let bytes = bytes.get(..size).ok_or(BAD)?;
        let mut keys = Reader::new(reader.take(layout.keys_len(count)?, WHAT)?);
        let mut values = Reader::new(reader.take(count.checked_mul(layout.value_len()).ok_or(BAD)?, WHAT)?);
        self.out.push(if layout.object { b'{' } else { b'[' });
        for index in 0..count {
            self.spend(1)?;
            if index > 0 {
                self.out.push(b',');
            }
            if layout.object {
                self.key(bytes, &mut keys, layout)?;
            }
            let kind = values.u8(WHAT)?;
            let entry = values.take(layout.number_len(), WHAT)?;
            self.element(bytes, kind, entry, layout, depth)?;
        }
        self.out.push(if layout.object { b'}' } else { b']' });
        Ok(())
    }

    fn key(&mut self, bytes: &[u8], keys: &mut Reader<'_>, layout: Layout) -> Result<(), Malformed> {
        let offset = layout.number(keys)?;
        let len = usize::from(keys.u16(WHAT)?);
        let end = offset.checked_add(len).ok_or(BAD)?;
        self.string(bytes.get(offset..end).ok_or(BAD)?)?;
        self.out.push(b':');
        Ok(())
    }

    /// A value is in its entry if it fits there, else where its entry says.
    fn element(
        &mut self,
        bytes: &[u8],
        kind: u8,
        entry: &[u8],
        layout: Layout,
        depth: usize,
    ) -> Result<(), Malformed> {
        if layout.inlines(kind) {
            return self.value(kind, entry, depth + 1);
        }
        let offset = layout.number(&mut Reader::new(entry))?;
        self.value(kind, bytes.get(offset..).ok_or(BAD)?, depth + 1)
    }
}

/// How a container is laid out.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// Numbers of four bytes in place of two.
    large: bool,
    /// Elements have keys.
    object: bool,
}

impl Layout {
    /// That of an object or array.
    fn of(kind: u8) -> Self {
        Self {
            large: matches!(kind, kind::LARGE_OBJECT | kind::LARGE_ARRAY),
            object: matches!(kind, kind::SMALL_OBJECT | kind::LARGE_OBJECT),
        }
    }

    fn number_len(self) -> usize {
        if self.large { 4 } else { 2 }
    }

    /// Whether values of this type stand in the list itself.
    fn inlines(self, kind: u8) -> bool {
        match kind {
            kind::LITERAL | kind::INT16 | kind::UINT16 => true,
            kind::INT32 | kind::UINT32 => self.large,
            _ => false,
        }
    }

    /// A type and an offset or the value itself.
    fn value_len(self) -> usize {
        1 + self.number_len()
    }

    /// For each key an offset and a length.
    fn keys_len(self, count: usize) -> Result<usize, Malformed> {
        if self.object {
            count.checked_mul(self.number_len() + 2).ok_or(BAD)
        } else {
            Ok(0)
        }
    }

    fn number(self, reader: &mut Reader<'_>) -> Result<usize, Malformed> {
        let n = if self.large {
            reader.u32(WHAT)?
        } else {
            u32::from(reader.u16(WHAT)?)
        };
        usize::try_from(n).map_err(|_| BAD)
    }
}

/// Bytes after their length: seven bits in a byte, the lowest first, the high bit says that another follows.
fn variable<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    const MAX_BYTES: u32 = 5;
    let mut len = 0usize;
    for index in 0..MAX_BYTES {
        let byte = reader.u8(WHAT)?;
        len |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return reader.take(len, WHAT);
        }
    }
    Err(BAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(document: &[u8]) -> Result<String, Malformed> {
        let mut out = Vec::new();
        write_text(document, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn scalars() {
        assert_eq!(text(&[]).unwrap(), "null");
        assert_eq!(text(&[4, 1]).unwrap(), "true");
        assert_eq!(text(&[5, 0xff, 0xff]).unwrap(), "-1");
        assert_eq!(
            text(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).unwrap(),
            "18446744073709551615"
        );
        assert_eq!(text(&[0x0c, 4, b'a', b'"', 0xc3, 0xa9]).unwrap(), "\"a\\\"é\"");
    }

    #[test]
    fn a_small_object_with_an_array() {
        // {"a":[1,null],"bc":"x"}
        let document = [
            0x00, 2, 0, 34, 0, // count, size
            18, 0, 1, 0, 19, 0, 2, 0, // keys: offset, length
            2, 21, 0, 12, 31, 0, // values: array at 21, string at 31
            b'a', b'b', b'c', // keys at 18
            2, 0, 10, 0, 5, 1, 0, 4, 0, 0, // array: count, size, 1, null
            1, b'x', 0,
        ];
        assert_eq!(text(&document).unwrap(), r#"{"a":[1,null],"bc":"x"}"#);
    }

    #[test]
    fn damage_is_refused() {
        assert!(text(&[4, 3]).is_err());
        assert!(text(&[0x0d]).is_err());
        assert!(text(&[0, 1, 0]).is_err());
        assert!(text(&[0x0c, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        // An array whose only element is itself.
        assert!(text(&[2, 1, 0, 7, 0, 2, 0, 0]).is_err());
        // An array of many elements that are all the same long string.
        let mut bomb = vec![2, 0x40, 0, 0x00, 0x02];
        for _ in 0..0x40 {
            bomb.extend_from_slice(&[0x0c, 0xc4, 0]);
        }
        bomb.extend_from_slice(&[0xff, 1]);
        bomb.resize(0x201, b'x');
        assert_eq!(text(&bomb), Err(Malformed::TooLarge(WHAT)));
    }

    proptest! {
        #[test]
        fn arbitrary_documents_never_panic(document: Vec<u8>) {
            if let Ok(text) = text(&document) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            }
        }
    }
}
