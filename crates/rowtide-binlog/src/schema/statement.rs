//! What a statement in the binlog changes: tables, databases, rows, or nothing that concerns rows.
//!
//! This tells what is touched, not how: the shape of a table comes from the binlog's metadata.

mod alter;
mod history;
mod read;
mod redact;
mod rows;

use rowtide_event::TableId;

pub use history::{HistoryEntry, history_entries};
pub(super) use read::classified;
pub use read::classify;
pub use redact::redacted;
pub(super) use redact::redacted_comment;

/// What kind of statement it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// It changes tables.
    Table(TableStatement),
    /// It changes a database as a whole.
    Database(DatabaseStatement),
    /// It makes, changes or drops views.
    Views(ViewStatement),
    /// It changes neither tables nor rows: routines, users and so on.
    NotTables {
        /// Its first words.
        verb: String,
        /// Whether its text may hold a password: it must not be shown or recorded.
        may_hold_secrets: bool,
    },
    /// It changes rows, whose values are then not in the binlog.
    RowChange {
        /// Its first word.
        verb: String,
        /// The table, where that is easy to tell.
        table: Option<TableId>,
    },
    /// It is not known what it changes.
    Unknown {
        /// Its first word.
        verb: String,
    },
}

/// A statement that changes tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStatement {
    /// What it does: `ALTER TABLE` and so on.
    pub verb: &'static str,
    /// Whether the tables are temporary ones, which are never captured.
    pub temporary: bool,
    /// All tables that it touches, of a rename both names; [folded](super::NameCase::folded), as all names here.
    pub tables: Vec<TableId>,
    /// Old and new names, in the order in which they are changed.
    pub renames: Vec<(TableId, TableId)>,
    /// Whether columns or keys may be others afterwards.
    pub changes_shape: ShapeChange,
}

/// A statement about views, whose names no table has at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewStatement {
    /// What it does: `CREATE VIEW`, `ALTER VIEW` or `DROP VIEW`.
    pub verb: &'static str,
    /// The views.
    pub views: Vec<TableId>,
    /// Whether it is logged also where one of them is no view: IF EXISTS and IF NOT EXISTS.
    pub conditional: bool,
}

/// Whether a statement may change the columns or keys of its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShapeChange {
    /// It does not: partitions, plain indexes, table options, checks.
    No,
    /// Only where there was no such table: `CREATE TABLE IF NOT EXISTS`, which is logged also where there was one.
    IfNew,
    /// It may.
    Yes,
}

/// A statement that changes a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseStatement {
    /// What it does: `CREATE DATABASE`, `ALTER DATABASE` or `DROP DATABASE`.
    pub verb: &'static str,
    /// The database.
    pub name: String,
}
