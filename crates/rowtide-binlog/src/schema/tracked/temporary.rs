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
    /// RENAME TABLE never is: its event does not name the connection.
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
        let keeps_its_kind =
            ["ALTER TABLE", "CREATE INDEX", "DROP INDEX", "TRUNCATE TABLE"].contains(&statement.verb);
        if !keeps_its_kind || !self.0.contains(&(connection, first.clone())) {
            return false;
        }
        for (from, to) in &statement.renames {
            self.remove(connection, from);
            self.insert(connection, to);
        }
        true
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
