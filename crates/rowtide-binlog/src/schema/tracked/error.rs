//! Why a statement's effect is not known.

use rowtide_event::TableId;

use crate::schema::ddl::SyntaxError;

/// A statement whose effect on tables is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// Why.
    pub why: Reason,
    /// The tables that it may have changed. Their shapes are not known from here on.
    pub tables: Affected,
}

/// Which tables a statement may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affected {
    /// These, and no others.
    Tables(Vec<TableId>),
    /// Any table.
    Any,
}

/// Why a statement's effect is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is not a statement that Rowtide knows.
    #[error("a statement that begins with {0} is not known")]
    Verb(String),
    /// Its text was not understood.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// It ended with this error, which leaves open what it has done.
    #[error("it ended with error {0}")]
    Error(u16),
    /// A table that it changes is not known.
    #[error("the shape of {0} before it is not known")]
    Table(TableId),
    /// It drops a view that may have been a table.
    #[error("{0} may be a view that it drops, or a table that stays")]
    View(TableId),
    /// It changes a table, or a temporary table that has the same name.
    #[error("{0} may be a temporary table that hides another of its name")]
    Temporary(TableId),
    /// A column that it names is not there.
    #[error("{table} has no column {column}")]
    Column {
        /// The table.
        table: TableId,
        /// The column.
        column: String,
    },
    /// A key that it names is not there.
    #[error("{table} has no key {key}")]
    Key {
        /// The table.
        table: TableId,
        /// The key.
        key: String,
    },
    /// It drops keys and adds the same again.
    #[error(
        "whether the keys of {0} have another order now depends on old_alter_table, which the binlog does not tell"
    )]
    KeyOrder(TableId),
    /// MariaDB moves keys of hashes of its own to another storage engine, which does otherwise with them, or from one.
    #[error("what becomes of the keys of {0} in another storage engine is not known")]
    Engine(TableId),
    /// It adds a column that is there already.
    #[error("{table} has a column {column} already")]
    ColumnExists {
        /// The table.
        table: TableId,
        /// The column.
        column: String,
    },
    /// The server has logged its own text in place of CREATE TABLE ... LIKE a temporary table, or of a query's.
    #[error(
        "the character set of {0} may be that of a temporary table that it was made like, or one that sql_mode has kept out of \
         the binlog"
    )]
    LostCharset(TableId),
    /// The character set of its database is not known.
    #[error("the character set of the database {0} is not known")]
    Database(String),
    /// The columns come from a query.
    #[error("its columns come from a query")]
    Query,
    /// A character set or collation that Rowtide does not know.
    #[error("the character set or collation {0} is not known")]
    Charset(String),
    /// What the members of an ENUM or SET are in another character set depends on bytes of which too little is known.
    #[error("what becomes of members of an ENUM or SET in another character set is not known")]
    Members,
    /// The members of an ENUM or SET are others in utf8mb4 than in utf8mb3, and the statement may not say which.
    #[error(
        "members of an ENUM or SET depend on whether utf8 is utf8mb3 or utf8mb4, which old_mode says and the binlog does not tell"
    )]
    Utf8,
    /// The client's character set has letters in place of signs.
    #[error("it has signs that may be letters in the client's character set swe7")]
    Swe7,
    /// A type needs a length and has none.
    #[error("a type has no length")]
    NoLength,
    /// A length that its type cannot have.
    #[error("a length of {0} is more than the type can have")]
    Length(u64),
}
