//! The type of a column, with length, sign and character set.

use super::{Result, TypeName};
use crate::schema::sql::Cursor;

/// A type as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct TypeSpec {
    pub(in crate::schema) name: TypeName,
    /// The one of MariaDB's schemas of types that it names; without it `sql_mode` says it.
    pub(in crate::schema) schema: Option<TypeSchema>,
    /// Characters, bytes, digits, or digits of a second.
    pub(in crate::schema) length: Option<u64>,
    /// Digits after the point.
    pub(in crate::schema) scale: Option<u64>,
    /// The members of ENUM and SET: what they mean, and how they were written.
    pub(in crate::schema) members: Vec<Member>,
    pub(in crate::schema) unsigned: bool,
    pub(in crate::schema) zerofill: bool,
    pub(in crate::schema) charset: CharsetSpec,
    /// MariaDB's COMPRESSED.
    pub(in crate::schema) compressed: bool,
    /// How it was written before, where a definition tells that too.
    pub(in crate::schema) declared: Option<Box<TypeSpec>>,
}

/// Whose types are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schema) enum TypeSchema {
    MariaDb,
    /// DATE has a time of day.
    Oracle,
    /// TIMESTAMP is DATETIME.
    MaxDb,
}

/// A member of an ENUM or SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct Member {
    pub(in crate::schema) value: MemberValue,
    /// With its quotes.
    pub(in crate::schema) written: String,
}

/// What a member means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum MemberValue {
    Text(String),
    /// Text in the column's character set.
    Bytes(Vec<u8>),
}

/// A character set or collation as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::schema) struct CharsetSpec {
    /// In lower case; `default` for that of the database.
    pub(in crate::schema) charset: Option<String>,
    /// In lower case.
    pub(in crate::schema) collation: Option<String>,
    /// The attribute BINARY: the `_bin` collation of the character set.
    pub(in crate::schema) binary: bool,
}

impl TypeSpec {
    pub(in crate::schema) fn new(name: TypeName) -> Self {
        Self {
            name,
            schema: None,
            length: None,
            scale: None,
            members: Vec::new(),
            unsigned: false,
            zerofill: false,
            charset: CharsetSpec::default(),
            compressed: false,
            declared: None,
        }
    }

    /// The type of a sequence's values where none is named.
    pub(super) fn of_sequence() -> Self {
        Self::new(TypeName::BigInt)
    }
}

impl Cursor<'_> {
    pub(super) fn data_type(&mut self) -> Result<TypeSpec> {
        let schema = self.type_schema()?;
        let name = self.type_name().ok_or_else(|| self.expected("a type"))?;
        let mut spec = TypeSpec::new(name);
        spec.schema = schema;
        if matches!(name, TypeName::Enum | TypeName::Set) {
            spec.members = self.members()?;
        } else {
            self.length_and_scale(&mut spec)?;
        }
        while self.type_attribute(&mut spec)? {}
        Ok(spec)
    }

    fn type_schema(&mut self) -> Result<Option<TypeSchema>> {
        let schema = if self.accept(&["MARIADB_SCHEMA"]) {
            TypeSchema::MariaDb
        } else if self.accept(&["ORACLE_SCHEMA"]) {
            TypeSchema::Oracle
        } else if self.accept(&["MAXDB_SCHEMA"]) {
            TypeSchema::MaxDb
        } else {
            return Ok(None);
        };
        self.expect_symbol('.')?;
        Ok(Some(schema))
    }

    fn members(&mut self) -> Result<Vec<Member>> {
        self.expect_symbol('(')?;
        let mut members = vec![self.member()?];
        while self.accept_symbol(',') {
            members.push(self.member()?);
        }
        self.expect_symbol(')')?;
        Ok(members)
    }

    /// A string, or the bytes of one as `0x61` or `b'1100001'`.
    fn member(&mut self) -> Result<Member> {
        let before = self.mark();
        let literal = self.literal()?;
        let value = if literal.is_text() {
            Some(MemberValue::Text(literal.value()))
        } else {
            literal.bytes().map(MemberValue::Bytes)
        };
        match value {
            Some(value) => Ok(Member {
                value,
                written: literal.written,
            }),
            None => {
                self.return_to(before);
                Err(self.expected("a string"))
            }
        }
    }

    fn length_and_scale(&mut self, spec: &mut TypeSpec) -> Result<()> {
        if !self.accept_symbol('(') {
            return Ok(());
        }
        spec.length = Some(self.number()?);
        if self.accept_symbol(',') {
            self.accept_symbol('-');
            spec.scale = Some(self.number()?);
        }
        // Oracle's VARCHAR2(10 CHAR).
        let _ = self.accept(&["CHAR"]) || self.accept(&["BYTE"]);
        self.expect_symbol(')')
    }

    /// What follows DECLARED in a definition: a type as it was written, the members of ENUM and SET with their quotes as
    /// strings, where they do not follow from what they mean.
    fn declared(&mut self) -> Result<TypeSpec> {
        let name = self.type_name().ok_or_else(|| self.expected("a type"))?;
        let mut spec = TypeSpec::new(name);
        if !matches!(name, TypeName::Enum | TypeName::Set) {
            self.length_and_scale(&mut spec)?;
        } else if self.peeks_symbol('(') {
            spec.members = self.members()?;
        }
        spec.charset.binary = self.accept(&["BINARY"]);
        Ok(spec)
    }

    /// Sign and character set, in any order.
    fn type_attribute(&mut self, spec: &mut TypeSpec) -> Result<bool> {
        let charset = &mut spec.charset;
        if self.session.is_definition && self.accept(&["DECLARED"]) {
            spec.declared = Some(Box::new(self.declared()?));
        } else if self.accept(&["UNSIGNED"]) {
            spec.unsigned = true;
        } else if self.accept(&["SIGNED"]) {
            // What is said last counts.
            spec.unsigned = false;
        } else if self.accept(&["ZEROFILL"]) {
            spec.zerofill = true;
        } else if self.accept(&["ASCII"]) {
            charset.charset = Some("latin1".to_owned());
        } else if self.accept(&["UNICODE"]) {
            charset.charset = Some("ucs2".to_owned());
        } else if self.accept(&["BYTE"]) {
            charset.charset = Some("binary".to_owned());
        } else if self.accept(&["BINARY"]) {
            charset.binary = true;
        } else if self.accept(&["COMPRESSED"]) {
            spec.compressed = true;
            if self.accept_symbol('=') {
                self.name_or_text()?;
            }
        } else if let Some(name) = self.charset_clause()? {
            charset.charset = Some(name);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `{CHARACTER SET | CHAR SET | CHARSET} [=] name`, its name in lower case.
    pub(super) fn charset_clause(&mut self) -> Result<Option<String>> {
        let words = [&["CHARACTER", "SET"][..], &["CHAR", "SET"], &["CHARSET"]];
        if !words.iter().any(|words| self.accept(words)) {
            return Ok(None);
        }
        self.accept_symbol('=');
        Ok(Some(self.name_or_text()?.to_ascii_lowercase()))
    }

    /// `COLLATE [=] name`, its name in lower case.
    pub(super) fn collate_clause(&mut self) -> Result<Option<String>> {
        if !self.accept(&["COLLATE"]) {
            return Ok(None);
        }
        self.accept_symbol('=');
        Ok(Some(self.name_or_text()?.to_ascii_lowercase()))
    }
}
