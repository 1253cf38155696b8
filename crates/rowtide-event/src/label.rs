//! Members of ENUM and SET.

use smol_str::SmolStr;

use crate::{Charset, Flavour};

/// A member of an ENUM or SET.
///
/// Servers keep the bytes of members where a column gets another character set, by CONVERT TO CHARACTER SET and the like,
/// and read them in the new one (`Create_field` in sql_table.cc takes the typelib over as it is). What they are then may be no
/// text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Label {
    /// What it is called.
    Text(SmolStr),
    /// Bytes that are no text in the character set of the column.
    Bytes(Box<[u8]>),
}

impl Label {
    /// The member that has these bytes in a column of this character set: text as the server shows it, which counts codes
    /// without a character in its own way.
    pub fn of(bytes: &[u8], charset: Charset, server: Flavour) -> Self {
        match charset.shown(bytes, server) {
            Some(text) => Self::Text(text.into()),
            None => Self::Bytes(bytes.into()),
        }
    }

    /// What it is called, if its bytes are text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(_) => None,
        }
    }

    /// As it stands in a column's definition where backslashes do not escape, `'it''s'`; what is no text as its bytes,
    /// `x'E4'`.
    pub fn quoted(&self) -> String {
        match self {
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Bytes(bytes) => {
                let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
                format!("x'{}'", digits.collect::<String>())
            }
        }
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_stay_bytes() {
        let label = |charset, bytes: &[u8]| Label::of(bytes, charset, Flavour::MySql);
        let bytes = label(Charset::Utf8, b"a\xe4");
        assert_eq!(bytes, Label::Bytes(b"a\xe4"[..].into()));
        assert_eq!((bytes.text(), &*bytes.quoted()), (None, "x'61E4'"));
        assert_eq!(Label::from("it's").quoted(), "'it''s'");
        assert_eq!(label(Charset::Latin1, b"a\xe4"), "aä".into());
        assert_eq!(label(Charset::Utf8, "ä\u{fffd}".as_bytes()), "ä\u{fffd}".into());
        assert_eq!(label(Charset::Utf16, b"\0a\0"), Label::Bytes(b"\0a\0"[..].into()));
        assert_eq!(label(Charset::Binary, b"a"), "a".into());
        assert_eq!(label(Charset::Binary, b"\xe4"), Label::Bytes(b"\xe4"[..].into()));
        // Codes without a character are shown, as question marks.
        assert_eq!(label(Charset::Ascii, b"a\xe4"), "a?".into());
        assert_eq!(label(Charset::Gb2312, b"\xfe\xa1"), "?".into());
    }
}
