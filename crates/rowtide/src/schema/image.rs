//! A picture of all tables for the schema history, so that the next start need not read what came before it.

use std::sync::Arc;

use rowtide_binlog::schema::tracked::{Collation, SchemaTracker, TrackedTable};
use rowtide_event::TableId;

/// All databases and tables at one place, fetched some at a time.
#[derive(Debug)]
pub(crate) struct Image {
    databases: std::vec::IntoIter<(String, Option<Collation>)>,
    tables: std::vec::IntoIter<Arc<TrackedTable>>,
}

/// What an image tells of.
#[derive(Debug)]
pub(crate) enum Pictured {
    /// A database.
    Database(String, Option<Collation>),
    /// A table.
    Table(Arc<TrackedTable>),
    /// A table that is not what it was taken for. No image has it.
    Forgotten(TableId),
    /// What was taken for a table is a view. No image has it.
    View(TableId),
}

impl Image {
    /// The picture of what `tracker` knows.
    pub(crate) fn of(tracker: &SchemaTracker) -> Self {
        let databases: Vec<_> = tracker
            .databases()
            .map(|(name, collation)| (name.to_owned(), collation.cloned()))
            .collect();
        let tables: Vec<_> = tracker.tables().cloned().collect();
        Self {
            databases: databases.into_iter(),
            tables: tables.into_iter(),
        }
    }

    /// Whether all was fetched.
    pub(crate) fn is_over(&self) -> bool {
        self.databases.len() == 0 && self.tables.len() == 0
    }
}

impl Iterator for Image {
    type Item = Pictured;

    fn next(&mut self) -> Option<Pictured> {
        let database = self.databases.next();
        database
            .map(|(name, collation)| Pictured::Database(name, collation))
            .or_else(|| self.tables.next().map(Pictured::Table))
    }
}
