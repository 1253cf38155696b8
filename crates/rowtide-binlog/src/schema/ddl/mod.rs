//! Reads DDL: what a statement says about tables and databases, in words of its own; what it makes of them is for
//! [`tracked`](super::tracked).

mod alter;
mod column;
mod create_table;
mod data_type;
mod default;
mod expression;
mod head;
mod key;
mod option;
mod type_name;

use rowtide_event::TableId;

use super::Session;
use super::sql::Cursor;

pub(super) use alter::{Clause, Place, read_clauses};
pub(super) use column::{ColumnSpec, Generated};
pub(super) use create_table::{CreateTable, PeriodSpec, Source};
pub(super) use data_type::{CharsetSpec, Member, MemberValue, TypeSchema, TypeSpec};
pub(super) use head::Head;
pub use key::KeyKind;
pub(super) use key::{KeySpec, PartSpec};
pub(super) use option::TableOptions;
pub use type_name::TypeName;

pub use default::{DefaultValue, Literal};

/// A statement about tables or databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ddl {
    CreateTable(CreateTable),
    AlterTable {
        table: TableId,
        clauses: Vec<Clause>,
    },
    DropTables(Vec<TableId>),
    /// DROP SEQUENCE, which leaves tables that are none.
    DropSequences(Vec<TableId>),
    /// Old and new names, in the order in which they are changed.
    RenameTables(Vec<(TableId, TableId)>),
    TruncateTable(TableId),
    CreateIndex {
        table: TableId,
        key: KeySpec,
    },
    DropIndex {
        table: TableId,
        name: String,
    },
    CreateDatabase {
        name: String,
        or_replace: bool,
        if_not_exists: bool,
        charset: CharsetSpec,
    },
    AlterDatabase {
        name: String,
        charset: CharsetSpec,
    },
    DropDatabase(String),
    CreateSequence {
        table: TableId,
        or_replace: bool,
        if_not_exists: bool,
        data_type: TypeSpec,
    },
    /// Settings of a sequence; `None` where its type stays.
    AlterSequence {
        table: TableId,
        data_type: Option<TypeSpec>,
    },
}

impl Ddl {
    /// The table in whose place CREATE OR REPLACE puts another: it is gone also where that fails.
    pub(super) fn replaced(&self) -> Option<&TableId> {
        match self {
            Self::CreateTable(create) if create.head.or_replace => Some(&create.head.table),
            Self::CreateSequence {
                table,
                or_replace: true,
                ..
            } => Some(table),
            _ => None,
        }
    }
}

/// Where reading ended because something else was expected. It shows no literals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected} is expected at byte {at}{}", Found(.found))]
pub struct SyntaxError {
    /// What would have fitted.
    pub expected: &'static str,
    /// Bytes from the statement's start.
    pub at: usize,
    /// The word or sign that stands there; none at the statement's end and for literals and quoted names.
    pub found: Option<String>,
}

struct Found<'a>(&'a Option<String>);

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(found) => write!(f, ", where {found:?} stands"),
            None => Ok(()),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, SyntaxError>;

/// Reads a statement that concerns tables or databases which are not temporary.
pub(super) fn read(sql: &str, session: Session<'_>) -> Result<Ddl> {
    read_all(&mut Cursor::new(sql, session))
}

/// Reads the statement at whose beginning the cursor is.
pub(super) fn read_all(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let head = cursor
        .head()
        .ok_or_else(|| cursor.expected("a statement about tables"))?;
    let ddl = cursor.body(head)?;
    while cursor.accept_symbol(';') {}
    if cursor.is_before_end() {
        return Err(cursor.expected("the end"));
    }
    Ok(ddl)
}

impl Cursor<'_> {
    fn body(&mut self, head: Head) -> Result<Ddl> {
        Ok(match head {
            Head::CreateTable(head) => Ddl::CreateTable(self.create_table_body(head)?),
            Head::AlterTable { table } => Ddl::AlterTable {
                clauses: read_clauses(self)?,
                table,
            },
            Head::DropTables { tables, .. } => {
                self.accept(&["RESTRICT"]);
                self.accept(&["CASCADE"]);
                self.accept_wait();
                Ddl::DropTables(tables)
            }
            Head::RenameTables { renames } => Ddl::RenameTables(renames),
            Head::TruncateTable { table } => {
                self.accept_wait();
                self.accept(&["DROP", "STORAGE"]);
                self.accept(&["REUSE", "STORAGE"]);
                Ddl::TruncateTable(table)
            }
            Head::CreateIndex { key, table } => Ddl::CreateIndex {
                key: self.index_body(key)?,
                table,
            },
            Head::DropIndex { name, table, .. } => {
                self.index_options()?;
                Ddl::DropIndex { table, name }
            }
            Head::CreateDatabase {
                name,
                or_replace,
                if_not_exists,
            } => Ddl::CreateDatabase {
                charset: self.database_options()?,
                name,
                or_replace,
                if_not_exists,
            },
            Head::AlterDatabase { name } => Ddl::AlterDatabase {
                charset: self.database_options()?,
                name,
            },
            Head::DropDatabase { name } => Ddl::DropDatabase(name),
            Head::CreateSequence {
                table,
                or_replace,
                if_not_exists,
            } => Ddl::CreateSequence {
                data_type: self.sequence_options()?.unwrap_or_else(TypeSpec::of_sequence),
                table,
                or_replace,
                if_not_exists,
            },
            Head::AlterSequence { table } => Ddl::AlterSequence {
                data_type: self.sequence_options()?,
                table,
            },
            Head::DropSequences { tables } => Ddl::DropSequences(tables),
        })
    }
}

#[cfg(test)]
mod tests;
