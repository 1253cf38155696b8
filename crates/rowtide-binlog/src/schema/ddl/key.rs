//! Keys and constraints, in the definition of a table and in statements of their own.

use super::Result;
use crate::schema::sql::Cursor;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The primary key.
    Primary,
    /// UNIQUE.
    Unique,
    /// Not unique.
    Plain,
    /// FULLTEXT.
    FullText,
    /// SPATIAL.
    Spatial,
    /// MariaDB's VECTOR.
    Vector,
    /// The key that a foreign key needs where there is no other.
    Foreign,
}

/// A key as it was defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct KeySpec {
    pub(in crate::schema) kind: KeyKind,
    pub(in crate::schema) name: Option<String>,
    pub(in crate::schema) parts: Vec<PartSpec>,
    pub(in crate::schema) if_not_exists: bool,
    /// MariaDB's CREATE OR REPLACE INDEX.
    pub(in crate::schema) or_replace: bool,
    pub(in crate::schema) invisible: bool,
    /// USING HASH.
    pub(in crate::schema) hash: bool,
    /// MariaDB's period WITHOUT OVERLAPS, whose columns belong to the key.
    pub(in crate::schema) period: Option<String>,
}

/// A column of a key, or an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct PartSpec {
    /// `None` for an expression.
    pub(in crate::schema) column: Option<String>,
    /// Characters or bytes, where it is only the beginning of the column.
    pub(in crate::schema) prefix: Option<u32>,
    pub(in crate::schema) descending: bool,
}

/// What options say of an index.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IndexOptions {
    /// Whether the optimizer may not use it.
    pub(super) invisible: bool,
    /// USING HASH.
    pub(super) hash: bool,
}

fn is_hash(key_type: String) -> bool {
    key_type.eq_ignore_ascii_case("HASH")
}

/// A constraint of a table.
pub(super) enum Constraint {
    Key(KeySpec),
    /// CHECK; and in a definition FOREIGN KEY, whose key is shown as one of its own.
    WithoutKey,
}

impl KeySpec {
    pub(super) fn new(kind: KeyKind, name: Option<String>) -> Self {
        Self {
            kind,
            name,
            parts: Vec::new(),
            if_not_exists: false,
            or_replace: false,
            invisible: false,
            hash: false,
            period: None,
        }
    }

    pub(super) fn add_column(&mut self, column: &str) {
        self.parts.push(PartSpec {
            column: Some(column.to_owned()),
            prefix: None,
            descending: false,
        });
    }
}

impl Cursor<'_> {
    /// A key or constraint, if one is next.
    pub(super) fn constraint(&mut self) -> Result<Option<Constraint>> {
        let symbol = self.constraint_name()?;
        let is_named = symbol.is_some();
        let symbol = symbol.flatten();
        if self.accept(&["CHECK"]) {
            self.accept(&["IF", "NOT", "EXISTS"]);
            self.check_body()?;
            return Ok(Some(Constraint::WithoutKey));
        }
        if self.accept(&["FOREIGN", "KEY"]) {
            return self.foreign_key(symbol).map(Some);
        }
        match self.key_kind() {
            Some(kind) => Ok(Some(Constraint::Key(self.key(kind, symbol)?))),
            None if is_named => Err(self.expected("a key or CHECK")),
            None => Ok(None),
        }
    }

    /// `CONSTRAINT [name]`, if it is next.
    fn constraint_name(&mut self) -> Result<Option<Option<String>>> {
        if !self.accept(&["CONSTRAINT"]) {
            return Ok(None);
        }
        self.accept(&["IF", "NOT", "EXISTS"]);
        let kinds = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"];
        if kinds.iter().any(|word| self.peeks(word)) {
            return Ok(Some(None));
        }
        self.expect_name().map(|name| Some(Some(name)))
    }

    fn key_kind(&mut self) -> Option<KeyKind> {
        if self.accept(&["PRIMARY", "KEY"]) {
            return Some(KeyKind::Primary);
        }
        if self.accept(&["UNIQUE"]) {
            self.accept_index();
            return Some(KeyKind::Unique);
        }
        if self.accept(&["FULLTEXT"]) {
            self.accept_index();
            return Some(KeyKind::FullText);
        }
        if self.accept(&["SPATIAL"]) {
            self.accept_index();
            return Some(KeyKind::Spatial);
        }
        if self.is_vector_key() {
            self.accept(&["VECTOR"]);
            self.accept_index();
            return Some(KeyKind::Vector);
        }
        self.accept_index().then_some(KeyKind::Plain)
    }

    /// Without INDEX or KEY behind it, the word is the name of a column unless the key's parts follow at once.
    fn is_vector_key(&self) -> bool {
        let is_next = self.word_is(1, "INDEX") || self.word_is(1, "KEY") || self.symbol_is(1, '(');
        self.session.is_mariadb() && self.peeks("VECTOR") && is_next
    }

    pub(super) fn accept_index(&mut self) -> bool {
        self.accept(&["INDEX"]) || self.accept(&["KEY"])
    }

    /// `[IF NOT EXISTS] [name] [USING type] (parts) [options]`
    fn key(&mut self, kind: KeyKind, symbol: Option<String>) -> Result<KeySpec> {
        let if_not_exists = self.accept(&["IF", "NOT", "EXISTS"]);
        let is_named = !self.peeks_symbol('(') && !self.peeks("USING") && !self.peeks("TYPE");
        let name = if is_named {
            Some(self.expect_name()?)
        } else {
            symbol
        };
        let key_type = self.key_type()?;
        self.index_body(KeySpec {
            if_not_exists,
            hash: key_type.is_some_and(is_hash),
            ..KeySpec::new(kind, name)
        })
    }

    /// `USING type`, if it is next.
    pub(super) fn key_type(&mut self) -> Result<Option<String>> {
        let is_next = self.accept(&["USING"]) || self.accept(&["TYPE"]);
        is_next.then(|| self.expect_name()).transpose()
    }

    /// `(parts) [options]`
    pub(super) fn index_body(&mut self, mut key: KeySpec) -> Result<KeySpec> {
        self.expect_symbol('(')?;
        loop {
            if self.word_is(1, "WITHOUT") {
                key.period = Some(self.expect_name()?);
                self.expect(&["WITHOUT", "OVERLAPS"], "WITHOUT OVERLAPS")?;
            } else {
                key.parts.push(self.key_part()?);
            }
            if !self.accept_symbol(',') {
                break;
            }
        }
        self.expect_symbol(')')?;
        let options = self.index_options()?;
        key.invisible = options.invisible;
        key.hash |= options.hash;
        if self.session.is_definition && self.accept(&["FOREIGN"]) {
            key.kind = KeyKind::Foreign;
        }
        Ok(key)
    }

    fn key_part(&mut self) -> Result<PartSpec> {
        let mut part = PartSpec {
            column: None,
            prefix: None,
            descending: false,
        };
        if self.peeks_symbol('(') {
            self.parenthesised()?;
        } else {
            part.column = Some(self.expect_name()?);
            if self.accept_symbol('(') {
                let prefix = self.number()?;
                part.prefix = Some(u32::try_from(prefix).map_err(|_| self.expected("a length"))?);
                self.expect_symbol(')')?;
            }
        }
        self.accept(&["ASC"]);
        part.descending = self.accept(&["DESC"]);
        Ok(part)
    }

    /// Options behind a key or an index.
    pub(super) fn index_options(&mut self) -> Result<IndexOptions> {
        let mut options = IndexOptions::default();
        loop {
            if self.accept(&["INVISIBLE"]) || self.accept(&["IGNORED"]) {
                options.invisible = true;
            } else if self.accept(&["VISIBLE"]) || self.accept(&["NOT", "IGNORED"]) {
                options.invisible = false;
            } else if self.accept(&["WITH", "PARSER"]) {
                self.expect_name()?;
            } else if let Some(key_type) = self.key_type()? {
                options.hash = is_hash(key_type);
            } else if !self.index_option()? {
                return Ok(options);
            }
        }
    }

    /// `name [=] value`
    fn index_option(&mut self) -> Result<bool> {
        const NAMES: [&str; 7] = [
            "KEY_BLOCK_SIZE",
            "COMMENT",
            "ENGINE_ATTRIBUTE",
            "SECONDARY_ENGINE_ATTRIBUTE",
            "ALGORITHM",
            "LOCK",
            "CLUSTERING",
        ];
        let of_engine = self.session.is_mariadb() && self.peeked_name_and_equals();
        if !of_engine && !NAMES.iter().any(|name| self.peeks(name)) {
            return Ok(false);
        }
        self.advance();
        self.accept_symbol('=');
        self.option_value()?;
        Ok(true)
    }

    /// `[IF NOT EXISTS] [name] (columns) REFERENCES …`: the key that it needs.
    fn foreign_key(&mut self, symbol: Option<String>) -> Result<Constraint> {
        let if_not_exists = self.accept(&["IF", "NOT", "EXISTS"]);
        let name = if self.peeks_symbol('(') {
            None
        } else {
            Some(self.expect_name()?)
        };
        let name = symbol.or(name);
        let mut key = KeySpec {
            if_not_exists,
            ..KeySpec::new(KeyKind::Foreign, name)
        };
        self.expect_symbol('(')?;
        loop {
            key.parts.push(self.key_part()?);
            if !self.accept_symbol(',') {
                break;
            }
        }
        self.expect_symbol(')')?;
        self.expect(&["REFERENCES"], "REFERENCES")?;
        self.references_body()?;
        if self.session.is_definition {
            return Ok(Constraint::WithoutKey);
        }
        Ok(Constraint::Key(key))
    }
}
