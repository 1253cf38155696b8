//! Which bytes servers take for one character of several, whether there is such a one or not.
//!
//! As in their ctype-*.c (MariaDB's `IS_MB2_CHAR` and `IS_MB3_CHAR`), tried with all codes of two bytes on a MariaDB 11.8, and
//! with labels of ENUM on a MySQL 5.7 and 8.0.

use super::Charset;
use super::multi_byte::MultiByte;
use crate::Flavour;

/// How many bytes this server takes for the first character; none where it ends before it.
pub(super) fn length(charset: Charset, set: &MultiByte, bytes: &[u8], server: Flavour) -> Option<usize> {
    match server {
        Flavour::MariaDb => Some(pairs(charset, bytes)),
        Flavour::MySql if is_cut(charset, bytes) => None,
        Flavour::MySql if counts(charset) => Some(pairs(charset, bytes)),
        Flavour::MySql => Some(set.length(bytes)),
    }
}

/// One byte where they are not well-formed.
fn pairs(charset: Charset, bytes: &[u8]) -> usize {
    match (charset, bytes) {
        (Charset::Ujis | Charset::EucJpMs, [0x8f, 0xa1..=0xfe, 0xa1..=0xfe, ..]) => 3,
        (_, [first, second, ..]) if is_pair(charset, [*first, *second]) => 2,
        _ => 1,
    }
}

/// Whether MySQL too counts what is not well-formed byte by byte. Elsewhere it takes any two.
fn counts(charset: Charset) -> bool {
    use Charset::{Cp932, EucJpMs, Sjis, Ujis};
    matches!(charset, Sjis | Cp932 | Ujis | EucJpMs)
}

/// Whether the last character is cut: MySQL ends there.
fn is_cut(charset: Charset, bytes: &[u8]) -> bool {
    match charset {
        Charset::Ujis | Charset::EucJpMs => {
            matches!(bytes, [0x8e | 0x8f | 0xa1..=0xfe] | [0x8f, 0xa1..=0xfe])
        }
        Charset::Sjis | Charset::Cp932 => matches!(bytes, [0x80..=0xa0 | 0xe0..=0xff]),
        Charset::Gb18030 => false,
        _ => matches!(bytes, [0x80..=0xff]),
    }
}

fn is_pair(charset: Charset, pair: [u8; 2]) -> bool {
    match charset {
        Charset::Big5 => matches!(pair, [0xa1..=0xf9, 0x40..=0x7e | 0xa1..=0xfe]),
        Charset::Gb2312 => matches!(pair, [0xa1..=0xf7, 0xa1..=0xfe]),
        Charset::Gbk => matches!(pair, [0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe]),
        Charset::EucKr => matches!(pair, [0x81..=0xfe, 0x41..=0x5a | 0x61..=0x7a | 0x81..=0xfe]),
        Charset::Sjis | Charset::Cp932 => {
            matches!(pair, [0x81..=0x9f | 0xe0..=0xfc, 0x40..=0x7e | 0x80..=0xfc])
        }
        Charset::Ujis | Charset::EucJpMs => {
            matches!(pair, [0xa1..=0xfe, 0xa1..=0xfe] | [0x8e, 0xa1..=0xdf])
        }
        _ => false,
    }
}
