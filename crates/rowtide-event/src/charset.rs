//! The server's character sets, and how their bytes become UTF-8.

mod filename;
mod multi_byte;
// Sixteen numbers a line, as a code page is read.
#[rustfmt::skip]
mod single_byte;
mod well_formed;

use std::borrow::Cow;

use crate::{Flavour, Malformed};
use multi_byte::MultiByte;

macro_rules! charsets {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A character set of the server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Charset {
            $($(#[$doc])* $variant,)*
        }

        impl Charset {
            /// All of them.
            pub const ALL: &[Charset] = &[$(Charset::$variant),*];

            /// Its name, as `SHOW CHARACTER SET` has it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            fn malformed(self) -> Malformed {
                match self {
                    $(Self::$variant => Malformed::Invalid(concat!("text in character set ", $name)),)*
                }
            }
        }
    };
}

charsets! {
    /// No characters at all: bytes.
    Binary = "binary";
    /// utf8mb4.
    Utf8 = "utf8mb4";
    /// utf8mb3, whose characters are those of utf8mb4 with up to three bytes.
    Utf8Mb3 = "utf8mb3";
    /// ascii.
    Ascii = "ascii";
    /// latin1: Windows-1252, with control characters in its five holes.
    Latin1 = "latin1";
    /// latin2: ISO 8859-2.
    Latin2 = "latin2";
    /// latin5: ISO 8859-9.
    Latin5 = "latin5";
    /// latin7: ISO 8859-13.
    Latin7 = "latin7";
    /// ucs2: UTF-16 without surrogates, big-endian. Servers store them unchecked, and show a pair as no character; it is read
    /// as the one that it is in UTF-16.
    Ucs2 = "ucs2";
    /// utf16: big-endian.
    Utf16 = "utf16";
    /// utf16le.
    Utf16Le = "utf16le";
    /// utf32: big-endian.
    Utf32 = "utf32";
    /// big5.
    Big5 = "big5";
    /// gb2312.
    Gb2312 = "gb2312";
    /// gbk.
    Gbk = "gbk";
    /// gb18030.
    Gb18030 = "gb18030";
    /// sjis.
    Sjis = "sjis";
    /// cp932.
    Cp932 = "cp932";
    /// ujis: EUC-JP.
    Ujis = "ujis";
    /// eucjpms: EUC-JP with Microsoft's mapping.
    EucJpMs = "eucjpms";
    /// euckr.
    EucKr = "euckr";
    /// tis620.
    Tis620 = "tis620";
    /// armscii8.
    Armscii8 = "armscii8";
    /// cp1250.
    Cp1250 = "cp1250";
    /// cp1251.
    Cp1251 = "cp1251";
    /// cp1256.
    Cp1256 = "cp1256";
    /// cp1257.
    Cp1257 = "cp1257";
    /// cp850.
    Cp850 = "cp850";
    /// cp852.
    Cp852 = "cp852";
    /// cp866.
    Cp866 = "cp866";
    /// dec8.
    Dec8 = "dec8";
    /// geostd8.
    Geostd8 = "geostd8";
    /// greek: ISO 8859-7.
    Greek = "greek";
    /// hebrew: ISO 8859-8.
    Hebrew = "hebrew";
    /// hp8.
    Hp8 = "hp8";
    /// keybcs2.
    Keybcs2 = "keybcs2";
    /// koi8r.
    Koi8R = "koi8r";
    /// koi8u.
    Koi8U = "koi8u";
    /// macce.
    MacCe = "macce";
    /// macroman.
    MacRoman = "macroman";
    /// swe7.
    Swe7 = "swe7";
    /// MariaDB's filename: text as it stands in the names of files.
    Filename = "filename";
}

/// MariaDB's NOPAD collations have the number of the padding one and this.
const NOPAD: u16 = 1_024;

impl Charset {
    /// The character set of a name in `SHOW CHARACTER SET`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "utf8" => Some(Self::Utf8Mb3),
            _ => Self::ALL.iter().copied().find(|charset| charset.name() == name),
        }
    }

    /// The character set of a collation, by its number in `information_schema.collations`. MySQL's are below 400;
    /// MariaDB has 32 more for each Unicode set from 576 on, and 256 of UCA 14.0.0 for each from 2048 on.
    pub fn from_collation(id: u16) -> Option<Self> {
        Some(match id {
            63 => Self::Binary,
            45 | 46 | 224..=247 | 255..=323 | 608..=639 | 2304..=2559 => Self::Utf8,
            33 | 76 | 83 | 192..=215 | 223 | 576..=607 | 2048..=2303 => Self::Utf8Mb3,
            11 | 65 => Self::Ascii,
            5 | 8 | 15 | 31 | 47..=49 | 94 => Self::Latin1,
            2 | 9 | 21 | 27 | 77 => Self::Latin2,
            30 | 78 => Self::Latin5,
            20 | 41 | 42 | 79 => Self::Latin7,
            35 | 90 | 128..=151 | 159 | 640..=671 | 2560..=2815 => Self::Ucs2,
            54 | 55 | 101..=124 | 672..=703 | 2816..=3071 => Self::Utf16,
            56 | 62 | 704..=735 => Self::Utf16Le,
            60 | 61 | 160..=183 | 736..=767 | 3072..=3327 => Self::Utf32,
            1 | 84 => Self::Big5,
            24 | 86 => Self::Gb2312,
            28 | 87 => Self::Gbk,
            248..=250 => Self::Gb18030,
            13 | 88 => Self::Sjis,
            95 | 96 => Self::Cp932,
            12 | 91 => Self::Ujis,
            97 | 98 => Self::EucJpMs,
            19 | 85 => Self::EucKr,
            18 | 89 => Self::Tis620,
            32 | 64 => Self::Armscii8,
            26 | 34 | 44 | 66 | 99 => Self::Cp1250,
            14 | 23 | 50..=52 => Self::Cp1251,
            57 | 67 => Self::Cp1256,
            29 | 58 | 59 => Self::Cp1257,
            4 | 80 => Self::Cp850,
            40 | 81 => Self::Cp852,
            36 | 68 => Self::Cp866,
            3 | 69 => Self::Dec8,
            92 | 93 => Self::Geostd8,
            25 | 70 => Self::Greek,
            16 | 71 => Self::Hebrew,
            6 | 72 => Self::Hp8,
            37 | 73 => Self::Keybcs2,
            7 | 74 => Self::Koi8R,
            22 | 75 => Self::Koi8U,
            38 | 43 => Self::MacCe,
            39 | 53 => Self::MacRoman,
            10 | 82 => Self::Swe7,
            17 => Self::Filename,
            _ => {
                return id
                    .checked_sub(NOPAD)
                    .filter(|base| *base < 256)
                    .and_then(Self::from_collation);
            }
        })
    }

    /// Appends `bytes` of this character set as UTF-8.
    ///
    /// # Errors
    /// If they are no text of it: nothing is replaced by guesses. What was appended by then stays.
    #[inline]
    pub fn decode(self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.is_utf8(bytes) {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        self.decode_other(bytes, out).ok_or(self.malformed())
    }

    /// Appends `bytes` as the server shows them to clients of utf8mb4: a code that has no character there, which the
    /// server stores all the same, is a question mark.
    ///
    /// # Errors
    /// If they are no text of this character set, and none that the server would store.
    #[inline]
    pub fn convert(self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let start = out.len();
        self.decode(bytes, out).or_else(|malformed| {
            out.truncate(start);
            self.replace('?', bytes, None, out).ok_or(malformed)
        })
    }

    /// `bytes` as a server shows them to clients of utf8mb4, where all of it is text or codes without a character: servers
    /// differ in what is not well-formed. Bytes of `binary` may be text.
    pub fn shown(self, bytes: &[u8], server: Flavour) -> Option<Cow<'_, str>> {
        if let Ok(text) = self.decode_borrowed(bytes) {
            return Some(text);
        }
        if self == Self::Binary {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        let mut utf8 = Vec::with_capacity(bytes.len());
        self.replace('?', bytes, Some(server), &mut utf8)?;
        String::from_utf8(utf8).ok().map(Cow::Owned)
    }

    /// `bytes` as text whatever they are: U+FFFD stands for what is none. Those of `binary` are taken for UTF-8, as names
    /// are that a client of it has sent.
    pub fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        if let Ok(text) = self.decode_borrowed(bytes) {
            return text;
        }
        let mut utf8 = Vec::with_capacity(bytes.len());
        match self.replace(char::REPLACEMENT_CHARACTER, bytes, None, &mut utf8) {
            Some(()) => Cow::Owned(String::from_utf8_lossy(&utf8).into_owned()),
            None => String::from_utf8_lossy(bytes),
        }
    }

    /// Appends `bytes` character by character, with `other` for each code without one, as this server counts codes that are
    /// not well-formed. None where the server checks what it stores.
    fn replace(self, other: char, bytes: &[u8], server: Option<Flavour>, out: &mut Vec<u8>) -> Option<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = match self {
                Self::Ucs2 => 2,
                Self::Utf32 => utf32_length(rest)?,
                Self::Utf8 | Self::Utf8Mb3 => utf8_length(rest)?,
                Self::Filename => filename::length(rest)?,
                _ => match self.multi_byte() {
                    Some(set) if other == char::REPLACEMENT_CHARACTER => set.length_in_statement(rest),
                    Some(set) => match server {
                        None => set.length(rest),
                        Some(server) => match well_formed::length(self, set, rest, server) {
                            Some(length) => length,
                            None => return Some(()),
                        },
                    },
                    None if self.table().is_some() || matches!(self, Self::Ascii | Self::Tis620) => 1,
                    None => return None,
                },
            };
            let (code, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            let start = out.len();
            if self.decode(code, out).is_err() {
                out.truncate(start);
                push(other, out);
            }
            rest = after;
        }
        Some(())
    }

    /// `bytes` of this character set as UTF-8: themselves where they are that already.
    ///
    /// # Errors
    /// As those of [`decode`](Self::decode).
    pub fn decode_borrowed(self, bytes: &[u8]) -> Result<Cow<'_, str>, Malformed> {
        if self.is_utf8(bytes) {
            return std::str::from_utf8(bytes)
                .map(Cow::Borrowed)
                .map_err(|_| self.malformed());
        }
        let mut utf8 = Vec::with_capacity(bytes.len());
        self.decode(bytes, &mut utf8)?;
        String::from_utf8(utf8)
            .map(Cow::Owned)
            .map_err(|_| self.malformed())
    }

    /// Whether these are bytes of a character set that is UTF-8 or a part of it.
    #[inline]
    fn is_utf8(self, bytes: &[u8]) -> bool {
        match self {
            Self::Utf8 | Self::Utf8Mb3 => std::str::from_utf8(bytes).is_ok(),
            Self::Ascii => bytes.is_ascii(),
            _ => false,
        }
    }

    fn decode_other(self, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
        if let Some(table) = self.table() {
            return decode_table(table, bytes, out);
        }
        match self {
            Self::Ucs2 | Self::Utf16 => decode_utf16(bytes, u16::from_be_bytes, out),
            Self::Utf16Le => decode_utf16(bytes, u16::from_le_bytes, out),
            Self::Utf32 => decode_utf32(bytes, out),
            Self::Tis620 => decode_tis620(bytes, out),
            Self::Filename => filename::decode(bytes, out),
            _ => self.multi_byte()?.decode(bytes, out),
        }
    }

    /// Whether it has a character: servers write a question mark in place of one that a character set has not.
    pub fn has(self, c: char) -> bool {
        let code = u32::from(c);
        match self {
            Self::Binary | Self::Utf8 | Self::Utf16 | Self::Utf16Le | Self::Utf32 | Self::Gb18030 => true,
            Self::Utf8Mb3 | Self::Ucs2 | Self::Filename => code <= 0xffff,
            Self::Ascii => c.is_ascii(),
            Self::Tis620 => matches!(code, 0..=0x9f | 0xe01..=0xe3a | 0xe3f..=0xe5b),
            _ => match (self.table(), self.multi_byte()) {
                (Some(table), _) => table.iter().any(|known| u32::from(*known) == code),
                (None, several) => several.is_some_and(|several| several.has(c)),
            },
        }
    }

    fn multi_byte(self) -> Option<&'static MultiByte> {
        Some(match self {
            Self::Big5 => &multi_byte::BIG5,
            Self::Gb2312 => &multi_byte::GB2312,
            Self::Gbk => &multi_byte::GBK,
            Self::Gb18030 => &multi_byte::GB18030,
            Self::Sjis => &multi_byte::SJIS,
            Self::Cp932 => &multi_byte::CP932,
            Self::Ujis => &multi_byte::UJIS,
            Self::EucJpMs => &multi_byte::EUCJPMS,
            Self::EucKr => &multi_byte::EUCKR,
            _ => return None,
        })
    }

    fn table(self) -> Option<&'static [u16; 256]> {
        use single_byte as table;
        Some(match self {
            Self::Latin1 => &table::LATIN1,
            Self::Latin2 => &table::LATIN2,
            Self::Latin5 => &table::LATIN5,
            Self::Latin7 => &table::LATIN7,
            Self::Armscii8 => &table::ARMSCII8,
            Self::Cp1250 => &table::CP1250,
            Self::Cp1251 => &table::CP1251,
            Self::Cp1256 => &table::CP1256,
            Self::Cp1257 => &table::CP1257,
            Self::Cp850 => &table::CP850,
            Self::Cp852 => &table::CP852,
            Self::Cp866 => &table::CP866,
            Self::Dec8 => &table::DEC8,
            Self::Geostd8 => &table::GEOSTD8,
            Self::Greek => &table::GREEK,
            Self::Hebrew => &table::HEBREW,
            Self::Hp8 => &table::HP8,
            Self::Keybcs2 => &table::KEYBCS2,
            Self::Koi8R => &table::KOI8R,
            Self::Koi8U => &table::KOI8U,
            Self::MacCe => &table::MACCE,
            Self::MacRoman => &table::MACROMAN,
            Self::Swe7 => &table::SWE7,
            _ => return None,
        })
    }
}

fn decode_table(table: &[u16; 256], bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    for byte in bytes {
        match table.get(usize::from(*byte)).copied()? {
            0 if *byte != 0 => return None,
            code => push(char::from_u32(u32::from(code))?, out),
        }
    }
    Some(())
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, out: &mut Vec<u8>) -> Option<()> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        push(c.ok()?, out);
    }
    Some(())
}

fn decode_utf32(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (units, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    for unit in units {
        push(char::from_u32(u32::from_be_bytes(*unit))?, out);
    }
    Some(())
}

/// ASCII, control characters, and the Thai block from 0xa1 on.
fn decode_tis620(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    for byte in bytes {
        let code = match byte {
            0..=0x9f => u32::from(*byte),
            0xa1..=0xda | 0xdf..=0xfb => u32::from(*byte) + 0x0d60,
            _ => return None,
        };
        push(char::from_u32(code)?, out);
    }
    Some(())
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// How many bytes the first character takes, or the half of a surrogate pair, which MariaDB stores as if it were one.
fn utf8_length(bytes: &[u8]) -> Option<usize> {
    let length = match bytes.first()? {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    let character = bytes.get(..length)?;
    let is_surrogate = matches!(character, [0xed, 0xa0..=0xbf, 0x80..=0xbf]);
    (is_surrogate || std::str::from_utf8(character).is_ok()).then_some(length)
}

/// The same in UTF-32, in which MySQL before 9 stores the halves too.
fn utf32_length(bytes: &[u8]) -> Option<usize> {
    let unit = u32::from_be_bytes(*bytes.first_chunk()?);
    let is_stored = matches!(unit, 0xd800..=0xdfff) || char::from_u32(unit).is_some();
    is_stored.then_some(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(charset: Charset, bytes: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        charset.decode(bytes, &mut out).ok()?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn one_text_in_each_family() {
        let cases: [(Charset, &[u8], &str); 13] = [
            (Charset::Utf8, "é中😀".as_bytes(), "é中😀"),
            (Charset::Latin1, &[0xe9, 0x80, 0x81], "é€\u{81}"),
            (Charset::Gbk, &[0xd6, 0xd0, 0xce, 0xc4], "中文"),
            (Charset::Big5, &[0xa4, 0xa4], "中"),
            (Charset::Sjis, &[0x93, 0xfa, 0xb1], "日ｱ"),
            (Charset::EucKr, &[0xc7, 0xd1], "한"),
            (Charset::Koi8R, &[0xf0], "П"),
            (Charset::Cp1251, &[0x88], "€"),
            (Charset::Ucs2, &[0x4e, 0x2d], "中"),
            (Charset::Ucs2, &[0xd8, 0x3d, 0xde, 0x00], "😀"),
            (Charset::Utf16Le, &[0x3d, 0xd8, 0x00, 0xde], "😀"),
            (Charset::Utf32, &[0, 1, 0xf6, 0], "😀"),
            (Charset::Tis620, &[0xa1, 0x41], "กA"),
        ];
        for (charset, bytes, expected) in cases {
            assert_eq!(
                decoded(charset, bytes).as_deref(),
                Some(expected),
                "{}",
                charset.name()
            );
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let cases: [(Charset, &[u8]); 7] = [
            (Charset::Utf8, &[0xff]),
            (Charset::Ascii, "é".as_bytes()),
            (Charset::Ucs2, &[0x4e]),
            (Charset::Utf16, &[0xd8, 0x00]),
            (Charset::Utf32, &[0, 0x11, 0, 0]),
            (Charset::Gbk, &[0xd6]),
            (Charset::Tis620, &[0xfe]),
        ];
        for (charset, bytes) in cases {
            assert_eq!(decoded(charset, bytes), None, "{}", charset.name());
        }
    }

    #[test]
    fn codes_without_a_character_are_shown_as_question_marks() {
        // Answers of a MySQL 9.7 to CONVERT(_charset X'...' USING utf8mb4), but of ucs2: that is its answer USING utf16.
        let cases: [(Charset, &[u8], &str); 9] = [
            (Charset::Ujis, &[0x8e, 0xa0, b'a'], "??a"),
            (Charset::Ucs2, &[0, b'a', 0xd8, 0x00, 0, b'b'], "a?b"),
            (Charset::Big5, &[0xc8, 0x40, b'a', 0xa4, 0xa4], "?a中"),
            (Charset::EucKr, &[0xa2, 0xe8, 0xc7, 0xd1], "?한"),
            (Charset::Sjis, &[0xfc, 0x40, 0xb1], "?ｱ"),
            (Charset::Ujis, &[0x8f, 0xa1, 0xa1, 0xc6, 0xfc], "?日"),
            (Charset::Ascii, &[b'a', 0x80], "a?"),
            (Charset::Tis620, &[0xfe, 0xa1], "?ก"),
            (Charset::Gbk, &[0xa1, 0x40, b'a'], "?a"),
        ];
        for (charset, bytes, expected) in cases {
            let mut out = b"x".to_vec();
            charset.convert(bytes, &mut out).unwrap();
            assert_eq!(out, format!("x{expected}").as_bytes(), "{}", charset.name());
        }
        assert!(Charset::Utf8.convert(&[0xff], &mut Vec::new()).is_err());
        assert!(
            Charset::Utf8
                .convert(&[0xed, 0x20, 0x80], &mut Vec::new())
                .is_err()
        );
        let mut halves = Vec::new();
        Charset::Utf8
            .convert(b"\xc3\xa9\xed\xa0\x80\xf0\x9f\x98\x80\xed\xbf\xbf", &mut halves)
            .unwrap();
        assert_eq!(halves, "é?😀?".as_bytes());
        halves.clear();
        Charset::Utf32
            .convert(b"\0\0\0a\0\0\xd8\0\0\0\xdf\xff\0\x10\xff\xff", &mut halves)
            .unwrap();
        assert_eq!(halves, "a??\u{10ffff}".as_bytes());
        let none = [
            (Charset::Utf16, &[0xd8, 0x00][..]),
            (Charset::Utf32, &[0, 0x11, 0, 0]),
            (Charset::Utf32, &[0, 0, 0xd8]),
        ];
        for (charset, bytes) in none {
            assert!(charset.convert(bytes, &mut Vec::new()).is_err(), "{charset:?}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_shown_as_each_server_shows_it() {
        // Labels of ENUM and SET, given as bytes, as a MySQL 8.0 and a MariaDB 11.8 show them.
        let cases: [(Charset, &[u8], &str, &str); 9] = [
            (Charset::Gb2312, &[0xb0, 0xa1, 0xfe, 0xa1], "啊?", "啊??"),
            (Charset::Gb2312, &[0xa2, 0xa1], "?", "?"),
            (Charset::Gb2312, &[b'a', 0xb0], "a", "a?"),
            (Charset::Gbk, &[0x80, b'a'], "?", "?a"),
            (Charset::Big5, &[0xfe, 0x40], "?", "?@"),
            (Charset::Ujis, &[0x8f, 0xa1, 0xa1, b'a'], "?a", "?a"),
            (Charset::Ujis, &[0xff, 0x61], "?a", "?a"),
            (Charset::Cp932, &[0xfd, 0x40, 0xb1], "?@ｱ", "?@ｱ"),
            (Charset::EucKr, &[0xff, 0xa1], "?", "??"),
        ];
        for (charset, bytes, mysql, mariadb) in cases {
            let shown = |server| charset.shown(bytes, server);
            assert_eq!(shown(Flavour::MySql).as_deref(), Some(mysql), "{charset:?}");
            assert_eq!(shown(Flavour::MariaDb).as_deref(), Some(mariadb), "{charset:?}");
        }
    }

    #[test]
    fn every_statement_is_text_somehow() {
        assert_eq!(Charset::Binary.decode_lossy("é".as_bytes()), "é");
        assert_eq!(Charset::Utf8.decode_lossy(&[b'a', 0xff, b'b']), "a\u{fffd}b");
        assert_eq!(Charset::Big5.decode_lossy(&[0xc8, 0x40, b'b']), "\u{fffd}b");
        for charset in [Charset::Gbk, Charset::Sjis, Charset::Ujis, Charset::Gb18030] {
            assert_eq!(
                charset.decode_lossy(b"'\xff\xfd')"),
                "'\u{fffd}\u{fffd}')",
                "{charset:?}"
            );
            assert_eq!(charset.decode_lossy(b"\x8f'0'"), "\u{fffd}'0'", "{charset:?}");
        }
        assert_eq!(Charset::Latin1.decode_lossy(&[0xe9]), "é");
    }

    #[test]
    fn each_has_its_own_characters() {
        let cases: [(char, &[Charset], &[Charset]); 6] = [
            (
                'é',
                &[Charset::Latin1, Charset::Utf8, Charset::Binary],
                &[Charset::Ascii, Charset::Cp1251],
            ),
            (
                'П',
                &[Charset::Koi8R, Charset::Gbk],
                &[Charset::Latin1, Charset::Tis620],
            ),
            (
                'ก',
                &[Charset::Tis620, Charset::Utf8Mb3],
                &[Charset::Sjis, Charset::Swe7],
            ),
            ('ｱ', &[Charset::Sjis, Charset::Ujis], &[Charset::EucKr]),
            (
                '丂',
                &[Charset::Ujis, Charset::Gbk, Charset::Ucs2],
                &[Charset::Sjis, Charset::Gb2312],
            ),
            (
                '😀',
                &[Charset::Utf16Le, Charset::Gb18030],
                &[Charset::Utf8Mb3, Charset::Ucs2, Charset::Gbk],
            ),
        ];
        for (c, with, without) in cases {
            let has = |charset: &&Charset| charset.has(c);
            assert!(with.iter().all(|charset| has(&charset)), "{c}");
            assert_eq!(without.iter().find(has), None, "{c}");
        }
    }

    #[test]
    fn utf8_is_borrowed_and_the_rest_is_made() {
        assert!(matches!(
            Charset::Utf8.decode_borrowed("é".as_bytes()),
            Ok(Cow::Borrowed("é"))
        ));
        assert_eq!(Charset::Latin1.decode_borrowed(&[0xe9]).as_deref(), Ok("é"));
        assert_eq!(
            Charset::Gbk.decode_borrowed(&[0xd6]),
            Err(Malformed::Invalid("text in character set gbk"))
        );
    }

    #[test]
    fn names_and_collations() {
        for charset in Charset::ALL {
            assert_eq!(Charset::from_name(charset.name()), Some(*charset));
        }
        let cases = [
            (255, Charset::Utf8),
            (8, Charset::Latin1),
            (63, Charset::Binary),
            (1032, Charset::Latin1),
            (2304, Charset::Utf8),
            (577, Charset::Utf8Mb3),
            (610, Charset::Utf8),
        ];
        for (id, charset) in cases {
            assert_eq!(Charset::from_collation(id), Some(charset), "{id}");
        }
        assert_eq!(Charset::from_collation(0), None);
        assert_eq!(Charset::from_collation(5000), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, id: u16) {
            if let Some(charset) = Charset::from_collation(id) {
                let is_pair = |c: char| charset == Charset::Ucs2 && c > '\u{ffff}';
                let has = |text: String| text.chars().all(|c| charset.has(c) || is_pair(c));
                prop_assert!(decoded(charset, &bytes).is_none_or(has));
                let borrowed = charset.decode_borrowed(&bytes).ok().map(Cow::into_owned);
                let _ = charset.decode_lossy(&bytes);
                let mut converted = Vec::new();
                let is_shown = charset.convert(&bytes, &mut converted).is_ok();
                prop_assert!(borrowed.as_ref().is_none_or(|text| is_shown && text.as_bytes() == converted));
                prop_assert_eq!(decoded(charset, &bytes), borrowed);
            }
        }
    }
}
