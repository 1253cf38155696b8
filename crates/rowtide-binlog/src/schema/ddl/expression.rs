//! Expressions, which are passed over, and single steps that can fail.

use super::default::Literal;
use super::{Result, SyntaxError};
use crate::schema::sql::{Cursor, Kind};

/// Words at which an expression without parentheses ends, in the definition of a column.
const COLUMN_WORDS: [&str; 27] = [
    "AFTER",
    "AS",
    "AUTO_INCREMENT",
    "CHECK",
    "COLLATE",
    "COLUMN_FORMAT",
    "COMMENT",
    "CONSTRAINT",
    "DEFAULT",
    "ENCRYPTED",
    "FIRST",
    "GENERATED",
    "INVISIBLE",
    "KEY",
    "NOT",
    "NULL",
    "ON",
    "PRIMARY",
    "REFERENCES",
    "REF_SYSTEM_ID",
    "SERIAL",
    "STORAGE",
    "UNIQUE",
    "VIRTUAL",
    "VISIBLE",
    "WITH",
    "WITHOUT",
];

impl Cursor<'_> {
    pub(super) fn expected(&self, expected: &'static str) -> SyntaxError {
        let (at, _) = self.place();
        SyntaxError {
            expected,
            at,
            found: self.shown(),
        }
    }

    pub(super) fn expect(&mut self, words: &[&str], expected: &'static str) -> Result<()> {
        if self.accept(words) {
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    pub(super) fn expect_symbol(&mut self, symbol: char) -> Result<()> {
        if self.accept_symbol(symbol) {
            return Ok(());
        }
        Err(self.expected(match symbol {
            '(' => "(",
            ')' => ")",
            ',' => ",",
            '=' => "=",
            _ => "another sign",
        }))
    }

    pub(super) fn expect_name(&mut self) -> Result<String> {
        self.name().ok_or_else(|| self.expected("a name"))
    }

    /// The name of a column, which may stand behind its table's, and that behind its database's.
    pub(super) fn expect_column(&mut self) -> Result<String> {
        let mut name = self.expect_name()?;
        while self.accept_symbol('.') {
            name = self.expect_name()?;
        }
        Ok(name)
    }

    /// A whole number. As for the server, the greatest stands for all that are greater, and a fraction does not count.
    pub(super) fn number(&mut self) -> Result<u64> {
        let word = self
            .peeked_word()
            .filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
        let word = word.ok_or_else(|| self.expected("a number"))?;
        self.advance();
        if self.peeks_symbol('.') && self.touches_last() {
            self.advance();
            if self.touches_last() && self.peeked_number(0) {
                self.advance();
            }
        }
        Ok(word.parse().unwrap_or(u64::MAX))
    }

    /// A string.
    pub(super) fn text_value(&mut self) -> Result<String> {
        Ok(self.literal_text()?.value())
    }

    /// A name, or a string that stands for one.
    pub(super) fn name_or_text(&mut self) -> Result<String> {
        match self.name() {
            Some(name) => Ok(name),
            None => self.text_value(),
        }
    }

    /// A string literal with what may stand in front of it and the parts that are put together.
    pub(super) fn literal_text(&mut self) -> Result<Literal> {
        let before = self.mark();
        match self.literal()? {
            literal if literal.is_text() => Ok(literal),
            _ => {
                self.return_to(before);
                Err(self.expected("a string"))
            }
        }
    }

    /// Passes over `( ... )`, and tells what is between the parentheses.
    pub(in crate::schema) fn parenthesised(&mut self) -> Result<String> {
        if let Some(expression) = self.marked_expression()? {
            return Ok(expression);
        }
        let (start, _) = self.place();
        self.expect_symbol('(')?;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.advance() {
                Some(Kind::Symbol('(')) => depth = depth.saturating_add(1),
                Some(Kind::Symbol(')')) => depth = depth.saturating_sub(1),
                Some(_) => {}
                None => return Err(self.expected(")")),
            }
        }
        let (_, end) = self.place();
        let all = self.between(start, end);
        let inside = all.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        Ok(inside.unwrap_or(all).to_owned())
    }

    /// `(EXPRESSION 'text')` in a definition: an expression whose text would be read otherwise if it stood there.
    fn marked_expression(&mut self) -> Result<Option<String>> {
        let is_next = self.session.is_definition
            && self.peeks_symbol('(')
            && self.word_is(1, "EXPRESSION")
            && self.peeked_kind(2) == Some(&Kind::Text)
            && self.symbol_is(3, ')');
        if !is_next {
            return Ok(None);
        }
        self.expect_symbol('(')?;
        self.expect(&["EXPRESSION"], "EXPRESSION")?;
        let expression = self.text_value()?;
        self.expect_symbol(')')?;
        Ok(Some(expression))
    }

    /// Passes over an expression without parentheses around it, as MariaDB allows them for defaults.
    pub(super) fn bare_expression(&mut self) -> Result<String> {
        let (start, _) = self.place();
        let begun = self.mark();
        while self.is_before_end() && !self.ends_expression(self.mark() == begun) {
            if self.peeks_symbol('(') {
                self.parenthesised()?;
            } else {
                self.advance();
            }
        }
        if self.mark() == begun {
            return Err(self.expected("an expression"));
        }
        let (_, end) = self.place();
        Ok(self.between(start, end).to_owned())
    }

    fn ends_expression(&self, first: bool) -> bool {
        let word = !first && COLUMN_WORDS.contains(&self.word(0).as_str());
        word || [',', ')', ';'].iter().any(|symbol| self.peeks_symbol(*symbol))
    }
}
