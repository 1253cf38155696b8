//! The character sets of East Asia, whose characters take one to four bytes.
//!
//! `encoding_rs` knows their WHATWG namesakes; where the server maps a code otherwise, [`exceptions`] says so.
//! A code for which the server has no character is none here either.

mod exceptions;

use std::sync::OnceLock;

use encoding_rs::Encoding;

use super::push;
use exceptions::Exception;

/// A character set whose lead bytes are from 0x80 on.
pub(super) struct MultiByte {
    encoding: &'static Encoding,
    layout: Layout,
    exceptions: &'static [Exception],
    /// Characters of two bytes, made when first needed.
    pairs: OnceLock<Box<[u16]>>,
    /// Characters of a byte 0x8f and two more.
    triples: OnceLock<Box<[u16]>>,
}

/// How many bytes a character takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Two.
    Pairs,
    /// Two, or four where the second is a digit.
    Gb18030,
    /// One for half-width katakana (0xa1 to 0xdf), else two.
    ShiftJis,
    /// Three after a byte 0x8f, else two.
    Euc,
}

pub(super) static BIG5: MultiByte = MultiByte::new(&encoding_rs::BIG5_INIT, Layout::Pairs, exceptions::BIG5);
pub(super) static GB2312: MultiByte =
    MultiByte::new(&encoding_rs::GBK_INIT, Layout::Pairs, exceptions::GB2312);
pub(super) static GBK: MultiByte = MultiByte::new(&encoding_rs::GBK_INIT, Layout::Pairs, exceptions::GBK);
pub(super) static GB18030: MultiByte =
    MultiByte::new(&encoding_rs::GB18030_INIT, Layout::Gb18030, exceptions::GB18030);
pub(super) static SJIS: MultiByte =
    MultiByte::new(&encoding_rs::SHIFT_JIS_INIT, Layout::ShiftJis, exceptions::SJIS);
pub(super) static CP932: MultiByte = MultiByte::new(&encoding_rs::SHIFT_JIS_INIT, Layout::ShiftJis, &[]);
pub(super) static UJIS: MultiByte = MultiByte::new(&encoding_rs::EUC_JP_INIT, Layout::Euc, exceptions::UJIS);
pub(super) static EUCJPMS: MultiByte =
    MultiByte::new(&encoding_rs::EUC_JP_INIT, Layout::Euc, exceptions::EUCJPMS);
pub(super) static EUCKR: MultiByte = MultiByte::new(&encoding_rs::EUC_KR_INIT, Layout::Pairs, &[]);

/// The lead byte of a character of three bytes.
const TRIPLE: u8 = 0x8f;
/// The first code with a lead byte, and so the first in a table.
const FIRST_PAIR: u16 = 0x8000;

impl MultiByte {
    const fn new(encoding: &'static Encoding, layout: Layout, exceptions: &'static [Exception]) -> Self {
        Self {
            encoding,
            layout,
            exceptions,
            pairs: OnceLock::new(),
            triples: OnceLock::new(),
        }
    }

    /// Appends the characters; none if there is a code without one.
    pub(super) fn decode(&self, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if first.is_ascii() {
                out.push(*first);
                rest = after;
            } else {
                rest = self.decode_character(rest, out)?;
            }
        }
        Some(())
    }

    /// How many bytes the first character takes, whether there is such a one or not.
    pub(super) fn length(&self, bytes: &[u8]) -> usize {
        match (self.layout, bytes) {
            (_, [first, ..]) if first.is_ascii() => 1,
            (Layout::ShiftJis, [0xa1..=0xdf, ..]) => 1,
            (Layout::Gb18030, [_, 0x30..=0x39, ..]) => 4,
            (Layout::Euc, [TRIPLE, ..]) => 3,
            // The server stores them, and takes each byte for one.
            (Layout::Euc, [0x8e, 0xa0, ..] | [0xa0, ..]) => 1,
            _ => 2,
        }
    }

    /// How many bytes a server that reads a statement takes for its first character: a byte is alone where no character
    /// goes on with the next, so that a quote stays one.
    pub(super) fn length_in_statement(&self, bytes: &[u8]) -> usize {
        let is_alone = match (self.layout, bytes) {
            (_, [0x80 | 0xff, ..]) => true,
            (Layout::Euc, [TRIPLE, a, b, ..]) => !(*a > 0xa0 && *b > 0xa0),
            (Layout::Euc, [_, second, ..]) => *second <= 0xa0,
            (Layout::Gb18030, [_, 0x30..=0x39, c, d, ..]) => !(*c > 0x80 && d.is_ascii_digit()),
            (_, [_, second, ..]) => *second < 0x40,
            _ => false,
        };
        if is_alone { 1 } else { self.length(bytes) }
    }

    /// One character that is not ASCII; returns what follows it.
    fn decode_character<'a>(&self, bytes: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
        match (self.layout, bytes) {
            (Layout::ShiftJis, [katakana @ 0xa1..=0xdf, rest @ ..]) => {
                push(char::from_u32(0xff61 + u32::from(katakana - 0xa1))?, out);
                Some(rest)
            }
            (Layout::Gb18030, [a, b @ 0x30..=0x39, c, d, rest @ ..]) => {
                push(self.foreign(&[*a, *b, *c, *d])?, out);
                Some(rest)
            }
            (Layout::Euc, [TRIPLE, a, b, rest @ ..]) => {
                push(self.tabled(&self.triples, &[TRIPLE], [*a, *b])?, out);
                Some(rest)
            }
            (_, [a, b, rest @ ..]) => {
                push(self.tabled(&self.pairs, &[], [*a, *b])?, out);
                Some(rest)
            }
            _ => None,
        }
    }

    /// Whether a code stands for the character; for those of up to 16 bits.
    pub(super) fn has(&self, c: char) -> bool {
        if c.is_ascii() || (self.layout == Layout::ShiftJis && matches!(c, '\u{ff61}'..='\u{ff9f}')) {
            return true;
        }
        let Ok(code) = u16::try_from(u32::from(c)) else {
            return false;
        };
        let triples = || self.triples.get_or_init(|| self.table(&[TRIPLE]));
        self.pairs.get_or_init(|| self.table(&[])).contains(&code)
            || (self.layout == Layout::Euc && triples().contains(&code))
    }

    fn tabled(&self, table: &OnceLock<Box<[u16]>>, prefix: &[u8], pair: [u8; 2]) -> Option<char> {
        let table = table.get_or_init(|| self.table(prefix));
        let at = u16::from_be_bytes(pair).checked_sub(FIRST_PAIR)?;
        // No set maps two or three bytes to NUL, which here stands for no character.
        table
            .get(usize::from(at))
            .and_then(|code| char::from_u32(u32::from(*code)))
            .filter(|c| *c != '\0')
    }

    /// The characters of all pairs after `prefix`, 0 where there is none.
    fn table(&self, prefix: &[u8]) -> Box<[u16]> {
        let character = |pair: u16| {
            let [a, b] = pair.to_be_bytes();
            let code = prefix
                .iter()
                .chain(&[a, b])
                .fold(0u32, |code, byte| (code << 8) | u32::from(*byte));
            self.exception(code).unwrap_or_else(|| {
                let character = self.foreign(&[prefix, &[a, b]].concat());
                // The server has no characters beyond 16 bits here.
                character
                    .and_then(|c| u16::try_from(u32::from(c)).ok())
                    .unwrap_or(0)
            })
        };
        (FIRST_PAIR..=u16::MAX).map(character).collect()
    }

    fn exception(&self, code: u32) -> Option<u16> {
        let after = self.exceptions.partition_point(|(first, ..)| *first <= code);
        let (first, count, to) = self.exceptions.get(after.checked_sub(1)?)?;
        let at = code.checked_sub(*first).filter(|at| at < count)?;
        if *to == 0 {
            Some(0)
        } else {
            to.checked_add(u16::try_from(at).ok()?)
        }
    }

    /// The one character that these bytes are in the WHATWG encoding.
    fn foreign(&self, bytes: &[u8]) -> Option<char> {
        let mut decoder = self.encoding.new_decoder_without_bom_handling();
        let mut utf8 = [0u8; 16];
        let (result, _, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut utf8, true);
        let text = std::str::from_utf8(utf8.get(..written)?).ok()?;
        let mut chars = text.chars();
        match (result, chars.next(), chars.next()) {
            (encoding_rs::DecoderResult::InputEmpty, Some(c), None) => Some(c),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(set: &MultiByte, bytes: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        set.decode(bytes, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn codes_that_the_server_maps_otherwise_than_whatwg() {
        // Answers of a MySQL 9.7.
        let cases: [(&MultiByte, &[u8], &str); 9] = [
            (&SJIS, &[0x81, 0x5f], "\\"),
            (&SJIS, &[0x81, 0x60], "\u{301c}"),
            (&CP932, &[0x81, 0x60], "\u{ff5e}"),
            (&UJIS, &[0xa1, 0xc1], "\u{301c}"),
            (&EUCJPMS, &[0xa1, 0xc1], "\u{ff5e}"),
            (&UJIS, &[0xfc, 0xa2], "\u{e293}"),
            (&BIG5, &[0xa2, 0x44], "\u{a5}"),
            (&GB2312, &[0xa1, 0xa4], "\u{30fb}"),
            (&GB18030, &[0xfe, 0x59], "\u{e81e}"),
        ];
        for (set, bytes, expected) in cases {
            assert_eq!(text(set, bytes).as_deref(), Some(expected), "{bytes:x?}");
        }
    }

    #[test]
    fn characters_of_every_length() {
        assert_eq!(
            text(&GB18030, &[0x94, 0x39, 0xda, 0x33, b'a', 0xd6, 0xd0]).as_deref(),
            Some("💩a中")
        );
        assert_eq!(
            text(&UJIS, &[0x8f, 0xb0, 0xa1, 0x8e, 0xb1, 0xc6, 0xfc]).as_deref(),
            Some("丂ｱ日")
        );
        assert_eq!(text(&CP932, &[0xb1, 0x93, 0xfa, b'\\']).as_deref(), Some("ｱ日\\"));
    }

    #[test]
    fn codes_without_a_character_are_refused() {
        let cases: [(&MultiByte, &[u8]); 9] = [
            (&GBK, &[0x80]),
            (&GBK, &[0xd6]),
            (&GBK, &[0xa1, 0x40]),
            (&GBK, &[0x81, 0x30, 0x81, 0x30]),
            (&GB2312, &[0x81, 0x40]),
            (&BIG5, &[0xc8, 0x40]),
            (&SJIS, &[0xfc, 0x40]),
            (&EUCKR, &[0x80, b'a']),
            (&UJIS, &[0x8f, 0xb0]),
        ];
        for (set, bytes) in cases {
            assert_eq!(text(set, bytes), None, "{bytes:x?}");
        }
    }
}
