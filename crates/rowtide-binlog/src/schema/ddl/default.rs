//! Literals, and the defaults of columns.

use super::Result;
use crate::schema::sql::{Cursor, Kind, unquoted};

/// The DEFAULT of a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DefaultValue {
    /// NULL.
    Null,
    /// A literal.
    Literal(Literal),
    /// CURRENT_TIMESTAMP and its other names, with so many digits of a second.
    Now(u8),
    /// An expression, without the parentheses around it.
    Expression(String),
}

/// A literal as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Literal {
    /// With its sign, its quotes, and `N`, `_charset`, `DATE` and so on in front of it.
    pub written: String,
    /// Whether a backslash in it makes the next character special; true too where there is none.
    pub backslash_escapes: bool,
}

impl Literal {
    pub(super) fn is_text(&self) -> bool {
        self.written.ends_with(['\'', '"']) && !self.is_digits()
    }

    /// Whether it is `b'101'` or `X'41'`.
    fn is_digits(&self) -> bool {
        matches!(self.written.as_bytes(), [b'b' | b'B' | b'x' | b'X', b'\'', ..])
    }

    /// The bytes of `0x61`, `X'61'`, `0b1100001` or `b'1100001'`.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let digits = |prefix: &&str| {
            self.written
                .strip_prefix(prefix)
                .map(|rest| rest.trim_end_matches('\''))
        };
        let (radix, in_byte, digits) = match ["0x", "x'", "X'"].iter().find_map(digits) {
            Some(digits) => (16, 2, digits),
            None => (2, 8, ["0b", "b'", "B'"].iter().find_map(digits)?),
        };
        let from_the_end = digits.as_bytes().rchunks(in_byte);
        let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
        from_the_end.rev().map(byte).collect()
    }

    /// What a string means, put together where it has several parts; anything else is given as it was written.
    pub fn value(&self) -> String {
        if !self.is_text() {
            return self.written.clone();
        }
        let mut value = String::new();
        let mut rest = self.written.as_str();
        while let Some(start) = rest.find(['\'', '"']) {
            let quoted = rest.get(start..).unwrap_or_default();
            let len = quoted_len(quoted, self.backslash_escapes);
            value.push_str(&unquoted(
                quoted.get(..len).unwrap_or_default(),
                self.backslash_escapes,
            ));
            rest = quoted.get(len..).unwrap_or_default();
        }
        value
    }
}

/// Bytes up to the closing quote of the text that begins with the opening one.
fn quoted_len(text: &str, escapes: bool) -> usize {
    let mut chars = text.char_indices().peekable();
    let Some((_, quote)) = chars.next() else { return 0 };
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote {
            if chars.peek().is_none_or(|(_, next)| *next != quote) {
                return at.saturating_add(1);
            }
            chars.next();
        }
    }
    text.len()
}

/// Names for CURRENT_TIMESTAMP.
const NOW: [&str; 4] = ["CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"];

impl Cursor<'_> {
    /// What follows DEFAULT.
    pub(in crate::schema) fn default_value(&mut self) -> Result<DefaultValue> {
        if let Some(digits) = self.now()? {
            return Ok(DefaultValue::Now(digits));
        }
        let before = self.mark();
        if self.accept(&["NULL"]) && self.ends_default() {
            return Ok(DefaultValue::Null);
        }
        self.return_to(before);
        if self.peeks_symbol('(') {
            let inside = self.parenthesised()?;
            if self.ends_default() {
                return Ok(DefaultValue::Expression(inside));
            }
            self.return_to(before);
        }
        if let Ok(literal) = self.literal()
            && self.ends_default()
        {
            return Ok(DefaultValue::Literal(self.as_written(literal)?));
        }
        self.return_to(before);
        Ok(DefaultValue::Expression(self.bare_expression()?))
    }

    /// The literal that a definition says was WRITTEN, if it does, and else the one that was read.
    fn as_written(&mut self, read: Literal) -> Result<Literal> {
        if !self.session.is_definition || !self.accept(&["WRITTEN"]) {
            return Ok(read);
        }
        Ok(Literal {
            written: self.text_value()?,
            backslash_escapes: !self.accept(&["NO_BACKSLASH_ESCAPES"]),
        })
    }

    /// Whether an operator is next: then what was read is only the beginning of an expression.
    fn ends_default(&self) -> bool {
        let operators = [
            '+', '-', '*', '/', '%', '|', '&', '^', '<', '>', '=', '.', '(', '!',
        ];
        let words = [
            "DIV", "MOD", "AND", "OR", "XOR", "IS", "IN", "LIKE", "BETWEEN", "REGEXP", "RLIKE",
        ];
        !operators.iter().any(|symbol| self.peeks_symbol(*symbol)) && !words.contains(&self.word(0).as_str())
    }

    /// CURRENT_TIMESTAMP with its digits of a second, if it is next.
    pub(super) fn now(&mut self) -> Result<Option<u8>> {
        let before = self.mark();
        let Some(word) = NOW.into_iter().find(|word| self.accept(&[word])) else {
            return Ok(None);
        };
        let mut digits = 0;
        if self.accept_symbol('(') {
            if !self.accept_symbol(')') {
                let number = self.number()?;
                digits = u8::try_from(number).map_err(|_| self.expected("0 to 6"))?;
                self.expect_symbol(')')?;
            }
        } else if word == "NOW" {
            self.return_to(before);
            return Ok(None);
        }
        if !self.ends_default() {
            self.return_to(before);
            return Ok(None);
        }
        Ok(Some(digits))
    }

    /// A literal.
    pub(super) fn literal(&mut self) -> Result<Literal> {
        let (start, _) = self.place();
        let _ = self.accept_symbol('-') || self.accept_symbol('+');
        self.unsigned_literal()?;
        let (_, end) = self.place();
        let written = self.between(start, end).to_owned();
        Ok(Literal {
            backslash_escapes: self.session.has_backslash_escapes() || !written.contains('\\'),
            written,
        })
    }

    fn unsigned_literal(&mut self) -> Result<()> {
        if self.accept(&["TRUE"]) || self.accept(&["FALSE"]) {
            return Ok(());
        }
        let word = self.word(0);
        let is_prefix = matches!(word.as_str(), "N" | "B" | "X" | "DATE" | "TIME" | "TIMESTAMP");
        let introduces_text =
            (is_prefix || word.starts_with('_')) && self.peeked_kind(1) == Some(&Kind::Text);
        if introduces_text || (word.starts_with('_') && self.peeked_number(1)) {
            self.advance();
        }
        if self.peeked_kind(0) == Some(&Kind::Text) {
            while self.peeked_kind(0) == Some(&Kind::Text) {
                self.advance();
            }
            return Ok(());
        }
        self.number_literal()
    }

    /// Digits with a point and an exponent, which are tokens of their own; or `0x41`.
    fn number_literal(&mut self) -> Result<()> {
        if !self.peeks_symbol('.') && !self.peeked_number(0) {
            return Err(self.expected("a literal"));
        }
        self.advance();
        while self.touches_last() {
            let continues = self.peeks_symbol('.') || self.peeked_number(0) || self.is_exponent();
            let signed = self.last_ends_in_exponent() && (self.peeks_symbol('-') || self.peeks_symbol('+'));
            if !continues && !signed {
                break;
            }
            self.advance();
        }
        Ok(())
    }

    fn is_exponent(&self) -> bool {
        let word = self.word(0);
        let digits = word.strip_prefix('E');
        digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{NameCase, Session};

    fn default(sql: &str) -> DefaultValue {
        let session = Session::new("db", "11.8.2-MariaDB".parse().unwrap(), NameCase::Matters);
        let mut cursor = Cursor::new(sql, session);
        let value = cursor.default_value().unwrap();
        assert_eq!(cursor.word(0), "NOT", "{sql}");
        value
    }

    #[test]
    fn literals_as_they_were_written() {
        for text in [
            "5",
            "-7",
            "+1",
            "1.50",
            ".5",
            "-2.25e10",
            "1e-5",
            "1.e+3",
            "0x41",
            "X'4142'",
            "b'101'",
            "0b11",
            "'a''b'",
            "\"dq\"",
            "N'x'",
            "_utf8mb4'x'",
            "_binary 0x41",
            "DATE '2020-01-01'",
            "'a' 'b'",
            "TRUE",
            "''",
        ] {
            let literal = match default(&format!("{text} NOT NULL")) {
                DefaultValue::Literal(literal) => literal,
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(literal.written, text);
        }
    }

    #[test]
    fn what_strings_mean() {
        let value = |written: &str| {
            let (written, backslash_escapes) = (written.to_owned(), true);
            Literal {
                written,
                backslash_escapes,
            }
            .value()
        };
        assert_eq!(value("_utf8mb4'it''s' \"a\\\"b\""), "it'sa\"b");
        assert_eq!(value("X'41'"), "X'41'");
        assert_eq!(value("-5"), "-5");
    }

    #[test]
    fn digits_as_bytes() {
        let bytes = |written: &str| {
            let (written, backslash_escapes) = (written.to_owned(), true);
            Literal {
                written,
                backslash_escapes,
            }
            .bytes()
        };
        assert_eq!(bytes("0x6162").as_deref(), Some(&b"ab"[..]));
        assert_eq!(bytes("0x00f").as_deref(), Some(&[0, 15][..]));
        assert_eq!(bytes("b'101100001'").as_deref(), Some(&b"\x01a"[..]));
        let long = format!("X'{}'", "C3A9".repeat(20));
        assert_eq!(bytes(&long), Some("é".repeat(20).into_bytes()));
        assert_eq!(bytes("'x'"), None);
        assert_eq!(bytes("5"), None);
    }

    #[test]
    fn moments_and_expressions() {
        assert_eq!(default("NULL NOT NULL"), DefaultValue::Null);
        assert_eq!(default("now() NOT NULL"), DefaultValue::Now(0));
        assert_eq!(default("CURRENT_TIMESTAMP(6) NOT NULL"), DefaultValue::Now(6));
        assert_eq!(default("LOCALTIME NOT NULL"), DefaultValue::Now(0));
        let expression = |text: &str| DefaultValue::Expression(text.to_owned());
        assert_eq!(default("(1 + (2)) NOT NULL"), expression("1 + (2)"));
        assert_eq!(default("(1) + 2 NOT NULL"), expression("(1) + 2"));
        assert_eq!(default("1+2 NOT NULL"), expression("1+2"));
        assert_eq!(default("uuid() NOT NULL"), expression("uuid()"));
        assert_eq!(
            default("now() + interval 1 day NOT NULL"),
            expression("now() + interval 1 day")
        );
        assert_eq!(
            default("NEXT VALUE FOR s NOT NULL"),
            expression("NEXT VALUE FOR s")
        );
    }
}
