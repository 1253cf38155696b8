//! Temporary tables: a session that logs statements logs what it does to its own, under names that tables have too.

use std::collections::HashSet;

use rowtide_event::TableId;

use crate::schema::Session;
use crate::schema::statement::TableStatement;

/// How many are followed: more than connections have at once. Servers log that a table is gone with its connection.
const LIMIT: usize = 65_536;

/// The temporary tables that statements have made, each with the connection that has it.
#[derive(Debug, Clone, Default)]
pub(super) struct TemporaryTables(HashSet<(u32, TableId)>);

impl TemporaryTables {
    /// Follows a statement, and says whether it is about temporary tables.
    ///
    /// Of RENAME TABLE nobody can say so: its event does not name the connection.
    pub(super) fn follow(&mut self, statement: &TableStatement, session: &Session<'_>) -> bool {
        let (Some(connection), [first, ..]) = (session.connection, statement.tables.as_slice()) else {
            return statement.temporary;
        };
        if statement.temporary {
            if statement.verb == "DROP TABLE" {
                statement.tables.iter().for_each(|id| self.remove(connection, id));
            } else if !session.has_failed() {
                self.insert(connection, first);
            }
            return true;
        }
        if !keeps_its_kind(statement) || !self.0.contains(&(connection, first.clone())) {
            return false;
        }
        for (from, to) in &statement.renames {
            self.remove(connection, from);
            self.insert(connection, to);
        }
        true
    }

    /// Whether a statement that [`follow`](Self::follow) knows nothing of may be about a temporary table all the same, made
    /// before anything was followed: its event depends on the connection. MySQL's events from 8.0 on say where it is another.
    pub(super) fn may_be_about(statement: &TableStatement, session: &Session<'_>) -> bool {
        let is_another = session.logs_changes_of_dictionary() && session.changed_dictionary;
        let changes_it = keeps_its_kind(statement) && statement.verb != "TRUNCATE TABLE";
        session.connection.is_some() && changes_it && !is_another
    }

    /// Whether some connection has one of this name.
    pub(super) fn has(&self, table: &TableId) -> bool {
        self.0.iter().any(|(_, id)| id == table)
    }

    fn insert(&mut self, connection: u32, id: &TableId) {
        if self.0.len() < LIMIT {
            self.0.insert((connection, id.clone()));
        }
    }

    fn remove(&mut self, connection: u32, id: &TableId) {
        self.0.remove(&(connection, id.clone()));
    }
}

/// Whether a statement changes a table that is there, and is written alike for temporary ones.
fn keeps_its_kind(statement: &TableStatement) -> bool {
    ["ALTER TABLE", "CREATE INDEX", "DROP INDEX", "TRUNCATE TABLE"].contains(&statement.verb)
}
