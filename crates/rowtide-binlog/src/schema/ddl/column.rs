//! The definition of a column.

use super::key::{KeyKind, KeySpec};
use super::{DefaultValue, Result, TypeName, TypeSpec};
use crate::schema::sql::{Cursor, Kind};
use crate::server::Flavour;

/// A column as it was defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct ColumnSpec {
    pub(in crate::schema) name: String,
    pub(in crate::schema) data_type: TypeSpec,
    /// NULL or NOT NULL, where one was said.
    pub(in crate::schema) nullable: Option<bool>,
    pub(in crate::schema) default: Option<DefaultValue>,
    /// A definition says that there is no default, not even the one that would go without saying.
    pub(in crate::schema) no_default: bool,
    /// ON UPDATE CURRENT_TIMESTAMP with so many digits of a second.
    pub(in crate::schema) on_update: Option<u8>,
    pub(in crate::schema) auto_increment: bool,
    pub(in crate::schema) invisible: bool,
    pub(in crate::schema) comment: String,
    pub(in crate::schema) generated: Option<Generated>,
    pub(in crate::schema) srid: Option<u32>,
    /// MariaDB's WITHOUT SYSTEM VERSIONING is false.
    pub(in crate::schema) versioned: Option<bool>,
    /// The keys that stand in its definition.
    pub(in crate::schema) keys: Vec<KeySpec>,
}

/// What a generated column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum Generated {
    Virtual(String),
    Stored(String),
    /// MariaDB's GENERATED ALWAYS AS ROW START, and END.
    RowStart,
    RowEnd,
}

impl ColumnSpec {
    fn new(name: String, data_type: TypeSpec) -> Self {
        Self {
            name,
            data_type,
            nullable: None,
            default: None,
            no_default: false,
            on_update: None,
            auto_increment: false,
            invisible: false,
            comment: String::new(),
            generated: None,
            srid: None,
            versioned: None,
            keys: Vec::new(),
        }
    }

    /// Said twice it is still one key.
    fn add_key(&mut self, kind: KeyKind) {
        if self.keys.iter().all(|key| key.kind != kind) {
            let mut key = KeySpec::new(kind, None);
            key.add_column(&self.name);
            self.keys.push(key);
        }
    }

    /// MariaDB makes one key of PRIMARY KEY and UNIQUE behind a column.
    fn forget_unique_of_primary(&mut self) {
        if self.keys.iter().any(|key| key.kind == KeyKind::Primary) {
            self.keys.retain(|key| key.kind != KeyKind::Unique);
        }
    }

    fn make_serial(&mut self) {
        self.nullable = Some(false);
        self.auto_increment = true;
        self.add_key(KeyKind::Unique);
    }
}

impl Cursor<'_> {
    /// `name type attributes`
    pub(super) fn column_spec(&mut self) -> Result<ColumnSpec> {
        let name = self.expect_column()?;
        self.column_of_name(name)
    }

    /// `type attributes`
    pub(super) fn column_of_name(&mut self, name: String) -> Result<ColumnSpec> {
        let data_type = self.data_type()?;
        let is_serial = data_type.name == TypeName::Serial;
        let mut column = ColumnSpec::new(name, data_type);
        if is_serial {
            column.data_type.unsigned = true;
            column.make_serial();
        }
        while self.column_attribute(&mut column)? {}
        if self.session.is_mariadb() {
            column.forget_unique_of_primary();
        }
        Ok(column)
    }

    fn column_attribute(&mut self, column: &mut ColumnSpec) -> Result<bool> {
        Ok(self.value_attribute(column)?
            || self.key_attribute(column)?
            || self.constraint_attribute(column)?
            || self.storage_attribute(column)?)
    }

    /// Attributes that say which values there are.
    fn value_attribute(&mut self, column: &mut ColumnSpec) -> Result<bool> {
        if self.accept(&["NOT", "NULL"]) {
            column.nullable = Some(false);
        } else if self.accept(&["NULL"]) {
            column.nullable = Some(true);
        } else if self.accept(&["DEFAULT"]) {
            column.default = Some(self.default_value()?);
        } else if self.session.is_definition && self.accept(&["NO", "DEFAULT"]) {
            column.no_default = true;
        } else if self.accept(&["ON", "UPDATE"]) {
            let digits = self.now()?.ok_or_else(|| self.expected("CURRENT_TIMESTAMP"))?;
            column.on_update = Some(digits);
        } else if self.accept(&["AUTO_INCREMENT"]) {
            column.auto_increment = true;
            // A NULL behind it would count, one before it does not.
            column.nullable = column.nullable.filter(|_| self.session.is_definition);
        } else if self.accept(&["SERIAL", "DEFAULT", "VALUE"]) {
            column.make_serial();
        } else if self.accept(&["GENERATED", "ALWAYS"]) {
            self.expect(&["AS"], "AS")?;
            column.generated = Some(self.generated()?);
        } else if self.accept(&["AS"]) {
            column.generated = Some(self.generated()?);
        } else if let Some(collation) = self.collate_clause()? {
            column.data_type.charset.collation = Some(collation);
        } else if let Some(charset) = self.charset_clause()? {
            column.data_type.charset.charset = Some(charset);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn generated(&mut self) -> Result<Generated> {
        if self.accept(&["ROW", "START"]) {
            return Ok(Generated::RowStart);
        }
        if self.accept(&["ROW", "END"]) {
            return Ok(Generated::RowEnd);
        }
        let expression = self.parenthesised()?;
        if self.accept(&["STORED"]) || self.accept(&["PERSISTENT"]) {
            return Ok(Generated::Stored(expression));
        }
        self.accept(&["VIRTUAL"]);
        Ok(Generated::Virtual(expression))
    }

    fn key_attribute(&mut self, column: &mut ColumnSpec) -> Result<bool> {
        if self.accept(&["UNIQUE"]) {
            self.accept(&["KEY"]);
            column.add_key(KeyKind::Unique);
        } else if self.accept(&["PRIMARY", "KEY"]) || self.accept(&["PRIMARY"]) || self.accept(&["KEY"]) {
            column.add_key(KeyKind::Primary);
        } else {
            return Ok(false);
        }
        if self.accept(&["USING"]) {
            self.expect_name()?;
        }
        Ok(true)
    }

    /// CHECK, which changes neither columns nor keys, and REFERENCES, which may need a key.
    fn constraint_attribute(&mut self, column: &mut ColumnSpec) -> Result<bool> {
        let mut name = None;
        let is_constraint = self.accept(&["CONSTRAINT"]);
        if is_constraint && !self.peeks("CHECK") && !self.peeks("REFERENCES") {
            name = Some(self.expect_name()?);
        }
        if self.accept(&["CHECK"]) {
            self.check_body()?;
        } else if self.accept(&["REFERENCES"]) {
            self.references_body()?;
            if self.heeds_inline_references() {
                let mut key = KeySpec::new(KeyKind::Foreign, name);
                key.add_column(&column.name);
                column.keys.push(key);
            }
        } else if is_constraint {
            return Err(self.expected("CHECK or REFERENCES"));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Older servers read REFERENCES of a column and do nothing with it.
    fn heeds_inline_references(&self) -> bool {
        let server = self.session.server;
        match server.flavour {
            Flavour::MySql => server.is_at_least(9, 0, 0),
            Flavour::MariaDb => server.is_at_least(10, 5, 0),
        }
    }

    /// Attributes that say how values are kept and shown.
    fn storage_attribute(&mut self, column: &mut ColumnSpec) -> Result<bool> {
        if self.accept(&["COMMENT"]) {
            self.accept_symbol('=');
            column.comment = self.text_value()?;
        } else if self.accept(&["VISIBLE"]) {
            column.invisible = false;
        } else if self.accept(&["INVISIBLE"]) {
            column.invisible = true;
        } else if self.accept(&["SRID"]) || self.accept(&["REF_SYSTEM_ID"]) {
            self.accept_symbol('=');
            let srid = self.number()?;
            column.srid = Some(u32::try_from(srid).map_err(|_| self.expected("an SRID"))?);
        } else if self.accept(&["COLUMN_FORMAT"]) || self.accept(&["STORAGE"]) {
            self.expect_name()?;
        } else if self.accept(&["COMPRESSED"]) {
            // MariaDB up to 10.11 takes it here too.
            column.data_type.compressed = true;
        } else if self.accept(&["WITHOUT", "SYSTEM", "VERSIONING"]) {
            column.versioned = Some(false);
        } else if self.accept(&["WITH", "SYSTEM", "VERSIONING"]) {
            column.versioned = Some(true);
        } else if !self.accept(&["NOT", "SECONDARY"]) {
            return self.engine_attribute();
        }
        Ok(true)
    }

    /// `ENGINE_ATTRIBUTE [=] '…'`, or an attribute of MariaDB's engines, `name = value`.
    fn engine_attribute(&mut self) -> Result<bool> {
        if self.accept(&["ENGINE_ATTRIBUTE"]) || self.accept(&["SECONDARY_ENGINE_ATTRIBUTE"]) {
            self.accept_symbol('=');
            self.text_value()?;
            return Ok(true);
        }
        if !self.session.is_mariadb() || self.peeked_kind(1) != Some(&Kind::Symbol('=')) {
            return Ok(false);
        }
        self.expect_name()?;
        self.accept_symbol('=');
        self.option_value()?;
        Ok(true)
    }

    /// `(condition) [[NOT] ENFORCED]`
    pub(super) fn check_body(&mut self) -> Result<()> {
        self.parenthesised()?;
        let _ = self.accept(&["NOT", "ENFORCED"]) || self.accept(&["ENFORCED"]);
        Ok(())
    }

    /// What follows REFERENCES.
    pub(super) fn references_body(&mut self) -> Result<()> {
        self.table().ok_or_else(|| self.expected("a table"))?;
        if self.peeks_symbol('(') {
            self.parenthesised()?;
        }
        loop {
            if self.accept(&["MATCH"]) {
                self.expect_name()?;
            } else if self.accept(&["ON", "DELETE"]) || self.accept_on_update_action() {
                let two = [["SET", "NULL"], ["SET", "DEFAULT"], ["NO", "ACTION"]];
                if !two.iter().any(|words| self.accept(words)) {
                    self.expect_name()?;
                }
            } else {
                return Ok(());
            }
        }
    }

    /// ON UPDATE of a foreign key; the one of a column is followed by a moment.
    fn accept_on_update_action(&mut self) -> bool {
        let action = self.word(2);
        let is_action = matches!(action.as_str(), "CASCADE" | "RESTRICT" | "SET" | "NO");
        is_action && self.accept(&["ON", "UPDATE"])
    }
}
