//! Steps over the tokens of a statement.

use rowtide_event::{Charset, TableId};

use super::tokens::{Kind, Tokens, tokens};
use crate::schema::Session;

/// A cursor over the tokens of a statement.
pub(in crate::schema) struct Cursor<'a> {
    sql: &'a str,
    pub(in crate::schema) session: Session<'a>,
    tokens: Tokens,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(in crate::schema) fn new(sql: &'a str, session: Session<'a>) -> Self {
        Self {
            sql,
            session,
            tokens: tokens(sql, &session),
            at: 0,
        }
    }
}

/// Single steps.
impl<'a> Cursor<'a> {
    /// The word so many tokens ahead in upper case; empty if there is none.
    pub(in crate::schema) fn word(&self, ahead: usize) -> String {
        self.word_ahead(ahead).unwrap_or_default().to_ascii_uppercase()
    }

    pub(in crate::schema) fn word_ahead(&self, ahead: usize) -> Option<&'a str> {
        let token = self.tokens.all.get(self.at.checked_add(ahead)?)?;
        self.sql
            .get(token.span.clone())
            .filter(|_| token.kind == Kind::Word)
    }

    /// Whether the next token is this word.
    pub(in crate::schema) fn peeks(&self, word: &str) -> bool {
        self.word_ahead(0)
            .is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    /// Whether the token so many ahead is this word.
    pub(in crate::schema) fn word_is(&self, ahead: usize, word: &str) -> bool {
        self.word_ahead(ahead)
            .is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    /// The next token, if it is an unquoted word or number.
    pub(in crate::schema) fn peeked_word(&self) -> Option<&'a str> {
        self.word_ahead(0)
    }

    /// What the token so many ahead is.
    pub(in crate::schema) fn peeked_kind(&self, ahead: usize) -> Option<&Kind> {
        let token = self.tokens.all.get(self.at.checked_add(ahead)?)?;
        Some(&token.kind)
    }

    /// Whether the token so many ahead begins with a digit.
    pub(in crate::schema) fn peeked_number(&self, ahead: usize) -> bool {
        self.word_ahead(ahead)
            .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Whether `name =` is next.
    pub(in crate::schema) fn peeked_name_and_equals(&self) -> bool {
        let is_name = matches!(self.peeked_kind(0), Some(Kind::Word | Kind::Name(_)));
        is_name && self.symbol_is(1, '=')
    }

    pub(in crate::schema) fn peeks_symbol(&self, symbol: char) -> bool {
        self.symbol_is(0, symbol)
    }

    pub(in crate::schema) fn symbol_is(&self, ahead: usize, symbol: char) -> bool {
        self.peeked_kind(ahead) == Some(&Kind::Symbol(symbol))
    }

    /// Where the cursor is, for [`return_to`](Self::return_to).
    pub(in crate::schema) fn mark(&self) -> usize {
        self.at
    }

    pub(in crate::schema) fn return_to(&mut self, mark: usize) {
        self.at = mark;
    }

    /// The text between two [places](Self::place).
    pub(in crate::schema) fn between(&self, start: usize, end: usize) -> &'a str {
        self.sql.get(start..end).unwrap_or_default()
    }

    /// The next token as it may be shown: neither a literal nor a name that might be one.
    pub(in crate::schema) fn shown(&self) -> Option<String> {
        match self.peeked_kind(0)? {
            Kind::Word => self.word_ahead(0).map(str::to_owned),
            Kind::Symbol(symbol) => Some(symbol.to_string()),
            Kind::Name(_) | Kind::Text | Kind::Unread => None,
        }
    }

    /// Whether nothing stands between the next token and the one before it.
    pub(in crate::schema) fn touches_last(&self) -> bool {
        let (next, last) = self.place();
        next == last && self.is_before_end()
    }

    /// Whether the token before is a number up to its exponent, `1e`.
    pub(in crate::schema) fn last_ends_in_exponent(&self) -> bool {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.all.get(at));
        let text = last.and_then(|token| self.sql.get(token.span.clone()));
        let digits = text.and_then(|text| text.strip_suffix(['e', 'E']));
        digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    }

    pub(in crate::schema) fn is_before_end(&self) -> bool {
        self.at < self.tokens.all.len()
    }

    /// Passes over the next token.
    pub(in crate::schema) fn advance(&mut self) -> Option<&Kind> {
        let token = self.tokens.all.get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(&token.kind)
    }

    /// Passes over these words if all of them are next.
    pub(in crate::schema) fn accept(&mut self, words: &[&str]) -> bool {
        let fits = |(ahead, word): (usize, &&str)| {
            self.word_ahead(ahead)
                .is_some_and(|w| w.eq_ignore_ascii_case(word))
        };
        let all = words.iter().enumerate().all(fits);
        if all {
            self.at = self.at.saturating_add(words.len());
        }
        all
    }

    pub(in crate::schema) fn accept_symbol(&mut self, symbol: char) -> bool {
        let next = self
            .tokens
            .all
            .get(self.at)
            .is_some_and(|token| token.kind == Kind::Symbol(symbol));
        self.at = self.at.saturating_add(usize::from(next));
        next
    }

    pub(in crate::schema) fn accept_tables(&mut self) -> bool {
        self.accept(&["TABLE"]) || self.accept(&["TABLES"])
    }

    pub(in crate::schema) fn accept_database(&mut self) -> bool {
        self.accept(&["DATABASE"]) || self.accept(&["SCHEMA"])
    }

    /// MariaDB's `WAIT seconds` or `NOWAIT` behind a table.
    pub(in crate::schema) fn accept_wait(&mut self) {
        if self.accept(&["WAIT"]) {
            self.advance();
        } else {
            self.accept(&["NOWAIT"]);
        }
    }

    /// Reads, or stays where it is.
    pub(in crate::schema) fn try_read<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.at;
        let value = read(self);
        if value.is_none() {
            self.at = before;
        }
        value
    }

    /// `a TO b`
    pub(in crate::schema) fn rename_pair(&mut self) -> Option<(TableId, TableId)> {
        let from = self.table()?;
        self.accept_wait();
        self.accept(&["TO"]).then_some(())?;
        Some((from, self.table()?))
    }

    pub(in crate::schema) fn table_list(&mut self) -> Option<Vec<TableId>> {
        let mut tables = vec![self.table()?];
        while self.accept_symbol(',') {
            tables.push(self.table()?);
        }
        Some(tables)
    }

    /// `[[database].]table`: a point alone means the current database on MariaDB and on MySQL before 8.0.
    pub(in crate::schema) fn table(&mut self) -> Option<TableId> {
        self.accept_symbol('.');
        let first = self.name()?;
        if self.accept_symbol('.') {
            let table = self.name()?;
            return Some(self.folded(&first, &table));
        }
        Some(self.folded(self.session.database, &first))
    }

    pub(in crate::schema) fn folded(&self, database: &str, table: &str) -> TableId {
        let case = self.session.name_case;
        TableId::new(case.folded(database), case.folded(table))
    }

    /// A database's name.
    pub(in crate::schema) fn database(&mut self) -> Option<String> {
        let name = self.name()?;
        Some(self.session.name_case.folded(&name))
    }

    pub(in crate::schema) fn name(&mut self) -> Option<String> {
        let token = self.tokens.all.get(self.at)?;
        let name = match &token.kind {
            Kind::Name(name) => name.clone(),
            Kind::Word => self.sql.get(token.span.clone())?.to_owned(),
            Kind::Text | Kind::Symbol(_) | Kind::Unread => return None,
        };
        self.at = self.at.saturating_add(1);
        Some(in_utf8mb3(name))
    }

    /// The text without comments before and behind it.
    pub(in crate::schema) fn text(&self) -> &'a str {
        self.sql.get(self.tokens.extent.clone()).unwrap_or_default()
    }

    /// Where the next token starts, and where the one before it ends.
    pub(in crate::schema) fn place(&self) -> (usize, usize) {
        let next = self
            .tokens
            .all
            .get(self.at)
            .map_or(self.sql.len(), |token| token.span.start);
        let last = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.all.get(at))
            .map_or(0, |token| token.span.end);
        (next, last)
    }
}

/// A name as servers keep it, in utf8mb3: a question mark stands for each character that it has not.
fn in_utf8mb3(name: String) -> String {
    if name.chars().all(|c| Charset::Utf8Mb3.has(c)) {
        return name;
    }
    let kept = |c| if Charset::Utf8Mb3.has(c) { c } else { '?' };
    name.chars().map(kept).collect()
}
