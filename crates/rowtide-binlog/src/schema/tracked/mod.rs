//! The tables of a server as its statements make them: the second source of truth about shapes, beside the metadata of
//! table maps.
//!
//! [`SchemaTracker::apply`] is given each statement of the binlog in its order, those of transactions too. It starts from
//! nothing, or from what the server says at the position where reading starts:
//! [`set_database`](SchemaTracker::set_database) for each database, and for each table the text of SHOW CREATE TABLE given
//! to `apply` in [`Session::of_definition`](super::Session::of_definition). It asks nobody and keeps no statement.
//!
//! ```
//! use rowtide_binlog::schema::tracked::{Change, Collation, Outcome, SchemaTracker};
//! use rowtide_binlog::schema::{NameCase, Session};
//!
//! let session = Session::new("shop", "9.7.4".parse().unwrap(), NameCase::Matters);
//! let mut tracker = SchemaTracker::new();
//! tracker.set_database("shop", Collation::from_name("utf8mb4_0900_ai_ci").unwrap());
//! tracker.apply("CREATE TABLE orders (id INT PRIMARY KEY)", &session);
//! match tracker.apply("ALTER TABLE orders ADD note VARCHAR(20)", &session) {
//!     Outcome::Changes(changes) => match &changes[..] {
//!         [Change::Altered { after, .. }] => assert_eq!(after.columns.len(), 2),
//!         other => panic!("{other:?}"),
//!     },
//!     Outcome::NotTables => {}
//!     // The tables that it names are unclear now: read them from a table map or from the server.
//!     Outcome::Unreadable(unreadable) => eprintln!("{unreadable}"),
//! }
//! ```
//!
//! What it makes of statements is what servers make of them: `tests/ddl_corpus` runs some 1,700 on MySQL 5.7, 8.0 and 9.7
//! and MariaDB 10.11 and 11.8 and compares all tables after each. Where a server's doing depends on a setting that is not
//! in the statement's event, the version's default is taken: MySQL logs `explicit_defaults_for_timestamp` only with
//! statements that define a TIMESTAMP.

mod alter;
mod apply;
mod collation;
mod column_type;
mod create;
mod data_type;
mod definition;
mod error;
mod key;
mod pool;
mod table;
mod temporary;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rowtide_event::TableId;

pub use super::ddl::{DefaultValue, KeyKind, Literal, SyntaxError, TypeName};
pub use collation::Collation;
pub use data_type::{BlobSize, DataType, Sign};
pub use error::{Affected, Reason, Unreadable};
pub use key::{Key, KeyPart};
use pool::Pool;
pub use smol_str::SmolStr;
pub use table::{ColumnAttributes, Declared, Engine, Generation, Period, TrackedColumn, TrackedTable};
use temporary::TemporaryTables;
use views::Views;

/// All databases and tables of a server at one position.
///
/// Names are those that [`NameCase`](super::NameCase) folds. Tables are shared, not copied: a clone of the tracker is a
/// cheap picture of the schema at a position.
#[derive(Debug, Clone, Default)]
pub struct SchemaTracker {
    databases: BTreeMap<String, Database>,
    temporary: TemporaryTables,
    views: Views,
    /// Clones of a tracker have it together.
    pool: Arc<Mutex<Pool>>,
}

#[derive(Debug, Clone, Default)]
struct Database {
    /// `None` where a statement named the database before anything was known of it.
    collation: Option<Collation>,
    /// Whether a statement has made it: there is no table in it that no statement has made.
    is_made: bool,
    tables: BTreeMap<SmolStr, State>,
}

#[derive(Debug, Clone)]
enum State {
    Known(Arc<TrackedTable>),
    /// A statement that could not be read may have changed it.
    Unclear,
}

/// What is known of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked<'a> {
    /// Its shape.
    Known(&'a Arc<TrackedTable>),
    /// It is or was there, and a statement that could not be read may have changed it.
    Unclear,
    /// There is no such table, or none that was ever told of.
    Absent,
}

/// What a statement does to the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It changes tables or databases in these ways, in this order. None, where the statement found nothing to do, as
    /// CREATE TABLE IF NOT EXISTS for a table that is there.
    Changes(Vec<Change>),
    /// It changes no table: rows, views, routines, users, temporary tables and so on.
    NotTables,
    /// What it changes is not known.
    Unreadable(Unreadable),
}

/// One change of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// CREATE TABLE; also one that replaces a table.
    Created(Arc<TrackedTable>),
    /// ALTER TABLE. The name may have changed with it.
    Altered {
        /// The table before.
        before: Arc<TrackedTable>,
        /// The table after.
        after: Arc<TrackedTable>,
    },
    /// CREATE INDEX and DROP INDEX.
    Indexed {
        /// The table before.
        before: Arc<TrackedTable>,
        /// The table after.
        after: Arc<TrackedTable>,
    },
    /// RENAME TABLE, one pair of names.
    Renamed {
        /// The old name.
        from: TableId,
        /// The new name.
        to: TableId,
        /// The table under its new name; `None` if it is not known, as a view.
        table: Option<Arc<TrackedTable>>,
    },
    /// DROP TABLE, one table.
    Dropped {
        /// Its name.
        id: TableId,
        /// The table, if there was one that was known.
        before: Option<Arc<TrackedTable>>,
    },
    /// TRUNCATE TABLE: its shape stays.
    Truncated(TableId),
    /// CREATE DATABASE and ALTER DATABASE.
    DatabaseSet {
        /// Its name.
        name: String,
        /// The collation of tables that name none; `None` where it is not known.
        collation: Option<Collation>,
    },
    /// DROP DATABASE, with all its tables.
    DatabaseDropped {
        /// Its name.
        name: String,
        /// The tables that were in it.
        tables: Vec<TableId>,
    },
}

impl SchemaTracker {
    /// A tracker that knows no table.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is known of a table, by its folded name.
    pub fn table(&self, id: &TableId) -> Tracked<'_> {
        let state = self
            .databases
            .get(&id.database)
            .and_then(|database| database.tables.get(id.table.as_str()));
        match state {
            Some(State::Known(table)) => Tracked::Known(table),
            Some(State::Unclear) => Tracked::Unclear,
            None => Tracked::Absent,
        }
    }

    /// All tables that are known, in the order of their names.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TrackedTable>> {
        self.databases
            .values()
            .flat_map(|database| database.tables.values())
            .filter_map(|state| match state {
                State::Known(table) => Some(table),
                State::Unclear => None,
            })
    }

    /// The names of all tables that are [unclear](Tracked::Unclear), in their order.
    pub fn unclear(&self) -> impl Iterator<Item = TableId> {
        self.databases.iter().flat_map(|(database, all)| {
            let unclear = all
                .tables
                .iter()
                .filter(|(_, state)| matches!(state, State::Unclear));
            unclear.map(move |(table, _)| TableId::new(database, &**table))
        })
    }

    /// The collation of a database's new tables, if it is known.
    pub fn database(&self, name: &str) -> Option<&Collation> {
        self.databases.get(name)?.collation.as_ref()
    }

    /// Whether a statement has made a database: then all its tables are known.
    pub fn has_seen_made(&self, name: &str) -> bool {
        self.databases.get(name).is_some_and(|database| database.is_made)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // It holds whole values at any time.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of a database as the server has it.
    pub fn set_database(&mut self, name: &str, collation: Collation) {
        self.put_database(name, Some(collation));
    }

    /// Tells of a database as the history has it, whose collation may not be known.
    pub fn put_database(&mut self, name: &str, collation: Option<Collation>) {
        self.databases.entry(name.to_owned()).or_default().collation = collation;
    }

    /// Tells of a table as the server has it, or puts one right that was [unclear](Tracked::Unclear). What it has in common
    /// with others is kept once, unless somebody else holds the table too.
    pub fn set_table(&mut self, mut table: Arc<TrackedTable>) {
        if let Some(own) = Arc::get_mut(&mut table) {
            self.pool().share(own);
        }
        let id = &table.id;
        self.views.remove(id);
        let database = self.databases.entry(id.database.clone()).or_default();
        database
            .tables
            .insert(id.table.as_str().into(), State::Known(table));
    }

    /// Forgets a table: what was known of it may not be so any more.
    pub fn set_unclear(&mut self, id: &TableId) {
        let database = self.databases.entry(id.database.clone()).or_default();
        database.tables.insert(id.table.as_str().into(), State::Unclear);
    }

    /// Forgets all tables: what was known of any may not be so any more.
    pub fn set_all_unclear(&mut self) {
        let all = self.databases.values_mut().flat_map(|d| d.tables.values_mut());
        all.for_each(|state| *state = State::Unclear);
    }

    /// There is no such table any more.
    pub fn remove_table(&mut self, id: &TableId) {
        if let Some(database) = self.databases.get_mut(&id.database) {
            database.tables.remove(id.table.as_str());
        }
    }

    /// There is no such database any more.
    pub fn remove_database(&mut self, name: &str) {
        self.databases.remove(name);
    }

    /// All databases of which something is known, with the collations of their new tables.
    pub fn databases(&self) -> impl Iterator<Item = (&str, Option<&Collation>)> {
        self.databases
            .iter()
            .map(|(name, database)| (name.as_str(), database.collation.as_ref()))
    }
}

#[cfg(test)]
mod tests;
