//! Paths into JSON documents, as the server writes them into a difference (json_path.cc): `$`, then for each step `.name`,
//! `."quoted name"`, `[3]`, `[last]` or `[last-2]`. Wildcards and ranges do not name one place and are not permitted.

use std::borrow::Cow;

use super::MAX_DEPTH;
use crate::{Malformed, Reader};

const WHAT: &str = "path of a JSON difference";
const BAD: Malformed = Malformed::Invalid(WHAT);

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leg<'a> {
    /// To an object's member.
    Member(Cow<'a, [u8]>),
    /// To an array's element.
    Cell(Cell),
}

/// An element of an array, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    FromStart(usize),
    /// `last` is 0.
    FromEnd(usize),
}

impl Cell {
    /// Where the element is in an array of `len` elements, if there is one.
    pub(super) fn resolve(self, len: usize) -> Option<usize> {
        match self {
            Self::FromStart(at) => (at < len).then_some(at),
            Self::FromEnd(back) => len.checked_sub(back)?.checked_sub(1),
        }
    }

    /// Before which element a new one goes: beyond either end means at that end.
    pub(super) fn insertion_point(self, len: usize) -> usize {
        match self {
            Self::FromStart(at) => at.min(len),
            Self::FromEnd(_) => self.resolve(len).unwrap_or(0),
        }
    }
}

/// Reads a path. One with no steps is the document itself.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Leg<'_>>, Malformed> {
    let mut reader = Reader::new(text);
    if reader.u8(WHAT)? != b'$' {
        return Err(BAD);
    }
    let mut legs = Vec::new();
    while !reader.is_empty() {
        if legs.len() >= MAX_DEPTH {
            return Err(Malformed::TooLarge("depth of a path of a JSON difference"));
        }
        legs.push(match reader.u8(WHAT)? {
            b'.' => Leg::Member(member(&mut reader)?),
            b'[' => Leg::Cell(cell(&mut reader)?),
            _ => return Err(BAD),
        });
    }
    Ok(legs)
}

fn member<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, [u8]>, Malformed> {
    if reader.rest().first() == Some(&b'"') {
        reader.take(1, WHAT)?;
        return quoted(reader);
    }
    let rest = reader.rest();
    let len = rest
        .iter()
        .position(|b| matches!(b, b'.' | b'['))
        .unwrap_or(rest.len());
    match reader.take(len, WHAT)? {
        [] | [b'*', ..] => Err(BAD),
        name => Ok(Cow::Borrowed(name)),
    }
}

fn cell(reader: &mut Reader<'_>) -> Result<Cell, Malformed> {
    let rest = reader.rest();
    let len = rest.iter().position(|b| *b == b']').ok_or(BAD)?;
    let text = std::str::from_utf8(reader.take(len, WHAT)?).map_err(|_| BAD)?;
    reader.take(1, WHAT)?;
    match text.strip_prefix("last") {
        None => number(text).map(Cell::FromStart),
        Some("") => Ok(Cell::FromEnd(0)),
        Some(back) => number(back.strip_prefix('-').ok_or(BAD)?).map(Cell::FromEnd),
    }
}

fn number(digits: &str) -> Result<usize, Malformed> {
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().map_err(|_| BAD)
    } else {
        Err(BAD)
    }
}

/// A JSON string behind its first quote.
fn quoted<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, [u8]>, Malformed> {
    let mut name = Cow::Borrowed(&[][..]);
    loop {
        let rest = reader.rest();
        let len = rest.iter().position(|b| matches!(b, b'"' | b'\\')).ok_or(BAD)?;
        let plain = reader.take(len, WHAT)?;
        match &mut name {
            Cow::Owned(name) => name.extend_from_slice(plain),
            Cow::Borrowed(name) => *name = plain,
        }
        if reader.u8(WHAT)? == b'"' {
            return Ok(name);
        }
        let character = escaped(reader)?;
        name.to_mut()
            .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// The character behind a backslash.
fn escaped(reader: &mut Reader<'_>) -> Result<char, Malformed> {
    Ok(match reader.u8(WHAT)? {
        same @ (b'"' | b'\\' | b'/') => char::from(same),
        b'b' => '\u{8}',
        b't' => '\t',
        b'n' => '\n',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'u' => utf16(reader)?,
        _ => return Err(BAD),
    })
}

/// Four digits, or a surrogate and the escape of its other half.
fn utf16(reader: &mut Reader<'_>) -> Result<char, Malformed> {
    let first = unit(reader)?;
    let second = if (0xd800..0xdc00).contains(&first) {
        if reader.array::<2>(WHAT)? != b"\\u" {
            return Err(BAD);
        }
        Some(unit(reader)?)
    } else {
        None
    };
    char::decode_utf16(std::iter::once(first).chain(second))
        .next()
        .and_then(Result::ok)
        .ok_or(BAD)
}

fn unit(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    let digits = std::str::from_utf8(reader.array::<4>(WHAT)?).map_err(|_| BAD)?;
    u16::from_str_radix(digits, 16).map_err(|_| BAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(name: &str) -> Leg<'_> {
        Leg::Member(Cow::Borrowed(name.as_bytes()))
    }

    fn parsed(text: &str) -> Vec<Leg<'_>> {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_kind_of_step() {
        assert_eq!(parsed("$"), []);
        assert_eq!(
            parsed("$.a.été[0][12]"),
            [
                member("a"),
                member("été"),
                Leg::Cell(Cell::FromStart(0)),
                Leg::Cell(Cell::FromStart(12))
            ]
        );
        assert_eq!(
            parsed("$[last][last-3]"),
            [Leg::Cell(Cell::FromEnd(0)), Leg::Cell(Cell::FromEnd(3))]
        );
        assert_eq!(
            parsed(r#"$."".".[\"".b."\u00e9\ud83d\ude00\n\\""#),
            [member(""), member(".[\""), member("b"), member("é😀\n\\")]
        );
    }

    #[test]
    fn what_names_no_one_place_is_refused() {
        let bad = [
            "",
            "a",
            "$a",
            "$.",
            "$..a",
            "$.*",
            "$**.a",
            "$[*]",
            "$[1 to 2]",
            "$[-1]",
            "$[+1]",
            "$[]",
            "$[1",
            "$[last+1]",
            "$[last-]",
            "$.\"a",
            r#"$."\x""#,
            r#"$."\ud800""#,
            r#"$."\ud800\u0041""#,
        ];
        for path in bad {
            assert!(parse(path.as_bytes()).is_err(), "{path}");
        }
        assert!(parse("$".repeat(2).as_bytes()).is_err());
        assert!(parse(format!("${}", "[0]".repeat(100)).as_bytes()).is_ok());
        assert!(parse(format!("${}", "[0]".repeat(101)).as_bytes()).is_err());
    }

    #[test]
    fn cells_from_either_end() {
        assert_eq!(Cell::FromStart(2).resolve(3), Some(2));
        assert_eq!(Cell::FromStart(3).resolve(3), None);
        assert_eq!(Cell::FromEnd(0).resolve(3), Some(2));
        assert_eq!(Cell::FromEnd(3).resolve(3), None);
        assert_eq!(Cell::FromEnd(0).resolve(0), None);
        assert_eq!(Cell::FromStart(9).insertion_point(3), 3);
        assert_eq!(Cell::FromEnd(0).insertion_point(3), 2);
        assert_eq!(Cell::FromEnd(7).insertion_point(3), 0);
    }

    proptest! {
        #[test]
        fn any_quoted_name_is_read_back(name: String) {
            let path = format!("$.{}", serde_json::Value::from(name.as_str()));
            prop_assert_eq!(parsed(&path), [member(&name)]);
        }

        #[test]
        fn never_panics(path in "\\$([.\\[\\]\"\\\\a*0-9]|last|\\\\u[0-9a-f]{4}|-){0,20}") {
            let _ = parse(path.as_bytes());
        }
    }
}
