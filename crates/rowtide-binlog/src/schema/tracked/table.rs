//! What a table is.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use rowtide_event::{Column, ColumnType, Table, TableId};
use smol_str::SmolStr;

use super::collation::Collation;
use super::data_type::DataType;
use super::key::Key;
use crate::schema::ddl::{DefaultValue, KeyKind, TypeName};

/// A table as the statements so far have made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedTable {
    /// Its name, as [`NameCase`](crate::schema::NameCase) folds it.
    pub id: TableId,
    /// The collation of columns that name none.
    pub collation: Collation,
    /// Its comment, or empty; `***` for one that holds a password, as those of MariaDB's SPIDER may.
    pub comment: Box<str>,
    /// Its columns in their order, generated and invisible ones too.
    pub columns: Vec<TrackedColumn>,
    /// Its keys in the server's order: the primary key first, then unique ones, then others.
    pub keys: Vec<Key>,
    /// The period of its rows that is not the system's, on MariaDB.
    pub period: Option<Box<Period>>,
    /// Whether it is one of MariaDB's system-versioned tables.
    pub system_versioned: bool,
    /// Whether it is one of MariaDB's sequences.
    pub is_sequence: bool,
    /// Where its rows are, as far as it counts.
    pub engine: Engine,
    /// Whether there may be a view in its place, of which nothing was known: CREATE TABLE IF NOT EXISTS does nothing then,
    /// and is logged all the same.
    pub may_be_view: bool,
}

/// The storage engine of a table: what servers do with keys depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// InnoDB, or none that a statement has named.
    #[default]
    Usual,
    /// MEMORY, which has keys of hashes of its own.
    Memory,
    /// Another. MySQL's events do not tell whether a statement has changed such a table.
    Other,
}

impl Engine {
    /// The engine of this name.
    pub(super) fn named(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "INNODB" => Self::Usual,
            "MEMORY" | "HEAP" => Self::Memory,
            _ => Self::Other,
        }
    }
}

/// MariaDB's period of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Its name.
    pub name: Box<str>,
    /// The column with its start.
    pub from: Box<str>,
    /// The column with its end.
    pub to: Box<str>,
}

/// A column of a [`TrackedTable`]. What it is, is read and changed as if it stood here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedColumn {
    /// Its name.
    pub name: SmolStr,
    /// Its comment, or empty.
    pub comment: Box<str>,
    /// What it is, shared with columns that are the same.
    pub attributes: Arc<ColumnAttributes>,
}

/// What a column is, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnAttributes {
    /// What it holds.
    pub data_type: DataType,
    /// How its type was written.
    pub declared: Declared,
    /// The collation of its text.
    pub collation: Option<Collation>,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Its default; `None` where it has none, not even NULL.
    pub default: Option<Arc<DefaultValue>>,
    /// Whether it is AUTO_INCREMENT.
    pub auto_increment: bool,
    /// ON UPDATE CURRENT_TIMESTAMP with so many digits of a second.
    pub on_update: Option<u8>,
    /// Whether the server computes it.
    pub generation: Generation,
    /// Whether `SELECT *` leaves it out.
    pub invisible: bool,
    /// Whether it is one of MariaDB's COMPRESSED columns.
    pub compressed: bool,
    /// The SRID that all its geometries have.
    pub srid: Option<u32>,
}

impl Deref for TrackedColumn {
    type Target = ColumnAttributes;

    fn deref(&self) -> &ColumnAttributes {
        &self.attributes
    }
}

impl DerefMut for TrackedColumn {
    /// Other columns stay as they are.
    fn deref_mut(&mut self) -> &mut ColumnAttributes {
        Arc::make_mut(&mut self.attributes)
    }
}

/// How a type was written, for records that repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Declared {
    /// The type's name.
    pub name: TypeName,
    /// The first number in parentheses.
    pub length: Option<u32>,
    /// The second number in parentheses.
    pub scale: Option<u8>,
    /// Whether the attribute BINARY was written.
    pub binary: bool,
    /// The members of ENUM and SET with their quotes, if they do not follow from what they mean.
    pub members: Option<Arc<Vec<SmolStr>>>,
}

/// Whether and how the server computes a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Generation {
    /// It does not.
    None,
    /// When the column is read.
    Virtual(Box<str>),
    /// When the row is written.
    Stored(Box<str>),
    /// As the moment from which a version of a row counts.
    RowStart,
    /// As the moment to which a version of a row counts.
    RowEnd,
}

impl TrackedColumn {
    /// Servers make no key of a virtual column the one that rows are found by.
    fn can_name_rows(&self) -> bool {
        !self.nullable && !matches!(self.generation, Generation::Virtual(_))
    }
}

impl TrackedTable {
    /// The column of a name, whatever its case.
    pub fn column(&self, name: &str) -> Option<&TrackedColumn> {
        self.columns.iter().find(|column| same_name(&column.name, name))
    }

    /// The key of a name, whatever its case.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| same_name(&key.name, name))
    }

    /// The key that names rows: the primary key, or else the first unique key without a nullable or virtual column, an
    /// expression, or a part of a column. MariaDB's keys of hashes are none, nor are those behind one that was told to
    /// be of hashes: a table that was one of MEMORY may have some.
    pub fn identifying_key(&self) -> Option<&Key> {
        self.identifying_key_with(self.least_hashes())
    }

    /// The same where so many keys are of hashes.
    fn identifying_key_with(&self, hashes: usize) -> Option<&Key> {
        let of_hashes = self.keys_of_hashes(hashes);
        let is_of_hashes = |key: &Key| of_hashes.iter().any(|other| other.name == key.name);
        self.keys
            .iter()
            .find(|key| key.kind == KeyKind::Primary)
            .or_else(|| {
                let mut keys = self
                    .keys
                    .iter()
                    .take_while(|key| !(key.hash && is_of_hashes(key)));
                keys.find(|key| !is_of_hashes(key) && self.identifies_rows(key))
            })
    }

    /// How many keys are of hashes in any storage engine.
    fn least_hashes(&self) -> usize {
        let unique = self.keys.iter().filter(|key| key.kind == KeyKind::Unique);
        unique.filter(|key| key.must_be_hashes(&self.columns)).count()
    }

    /// The keys of hashes where there are so many: those that must be, those that are told to be, and then the longest.
    fn keys_of_hashes(&self, number: usize) -> Vec<&Key> {
        let may_be = |key: &&Key| key.may_be_hashes(&self.columns);
        let mut keys: Vec<&Key> = self.keys.iter().filter(may_be).collect();
        keys.sort_by_key(|key| {
            let must_be = key.must_be_hashes(&self.columns);
            (!must_be, !key.hash, std::cmp::Reverse(key.bytes(&self.columns)))
        });
        keys.truncate(number);
        keys
    }

    fn identifies_rows(&self, key: &Key) -> bool {
        let is_whole = |part: &super::KeyPart| {
            let column = part.column.as_deref().and_then(|name| self.column(name));
            part.prefix.is_none() && column.is_some_and(TrackedColumn::can_name_rows)
        };
        key.kind == KeyKind::Unique && key.parts.iter().all(is_whole)
    }

    /// Its shape as decoding needs it.
    ///
    /// # Errors
    /// The first column whose type cannot be decoded.
    pub fn shape(&self) -> Result<Table, &TrackedColumn> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(Column {
                name: column.name.to_string(),
                ty: column
                    .data_type
                    .column_type(column.collation.as_ref())
                    .ok_or(column)?,
                nullable: column.nullable,
                generated: matches!(column.generation, Generation::Virtual(_) | Generation::Stored(_)),
            });
        }
        if self.has_hidden_period() {
            columns.extend(["row_start", "row_end"].map(|name| Column {
                name: name.to_owned(),
                ty: ColumnType::Timestamp { fsp: 6 },
                nullable: false,
                generated: false,
            }));
        }
        Ok(Table {
            id: self.id.clone(),
            columns,
            key: self.key_indexes(self.identifying_key()),
            hidden: self
                .keys
                .iter()
                .map(|key| key.hidden_columns(&self.columns))
                .sum(),
        })
    }

    /// Gives back memory that it does not need.
    pub(super) fn shrink(&mut self) {
        self.columns.shrink_to_fit();
        self.keys.shrink_to_fit();
        for key in &mut self.keys {
            key.parts.shrink_to_fit();
        }
    }

    /// Its key as decoding needs it, where the server has added so many columns for keys of hashes: which keys MariaDB
    /// makes of hashes depends on the storage engine.
    pub fn key_with_hashes(&self, hidden: usize) -> Vec<usize> {
        self.key_indexes(self.identifying_key_with(hidden.max(self.least_hashes())))
    }

    fn key_indexes(&self, identifying: Option<&Key>) -> Vec<usize> {
        let Some(identifying) = identifying else {
            return Vec::new();
        };
        let index = |name: &str| {
            self.columns
                .iter()
                .position(|column| same_name(&column.name, name))
        };
        let parts = identifying.parts.iter();
        let mut key: Vec<usize> = parts
            .filter_map(|part| part.column.as_deref().and_then(index))
            .collect();
        // The server adds the end of the period to each unique key: a row and its old versions differ in it.
        if let Some(end) = self.row_end().filter(|end| !key.is_empty() && !key.contains(end)) {
            key.insert(identifying.before_period().min(key.len()), end);
        }
        key
    }

    /// The index of the column that says until when a version of a row counts, of a system-versioned table.
    fn row_end(&self) -> Option<usize> {
        if self.has_hidden_period() {
            return self.columns.len().checked_add(1);
        }
        let is_end = |column: &TrackedColumn| column.generation == Generation::RowEnd;
        let end = self.columns.iter().position(is_end)?;
        self.system_versioned.then_some(end)
    }

    /// Whether the server has added columns for the period of a row that are not in the table's definition.
    fn has_hidden_period(&self) -> bool {
        let is_start = |column: &TrackedColumn| column.generation == Generation::RowStart;
        self.system_versioned && !self.columns.iter().any(is_start)
    }
}

/// A default in its place: most columns share that of NULL.
pub(super) fn shared(default: DefaultValue) -> Arc<DefaultValue> {
    static NULL: LazyLock<Arc<DefaultValue>> = LazyLock::new(|| Arc::new(DefaultValue::Null));
    match default {
        DefaultValue::Null => NULL.clone(),
        other => Arc::new(other),
    }
}

/// Whether two names of columns or keys are the same: case does not count.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let fold = |c: char| c.to_lowercase();
    a == b || a.chars().flat_map(fold).eq(b.chars().flat_map(fold))
}
