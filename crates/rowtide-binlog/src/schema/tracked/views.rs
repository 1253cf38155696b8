//! Views: no table has the name of one.

use std::collections::BTreeSet;

use rowtide_event::TableId;

use super::error::{Affected, Reason, Unreadable};
use super::{Outcome, SchemaTracker, Tracked};
use crate::schema::Session;
use crate::schema::statement::ViewStatement;

/// The views that statements have made, and those that the server has told of.
#[derive(Debug, Clone, Default)]
pub(super) struct Views(BTreeSet<TableId>);

impl Views {
    pub(super) fn has(&self, id: &TableId) -> bool {
        self.0.contains(id)
    }

    /// RENAME TABLE is for views too.
    pub(super) fn rename(&mut self, from: &TableId, to: &TableId) {
        if self.0.remove(from) {
            self.0.insert(to.clone());
        }
    }

    /// There is a table of this name.
    pub(super) fn remove(&mut self, id: &TableId) {
        self.0.remove(id);
    }

    pub(super) fn remove_database(&mut self, name: &str) {
        self.0.retain(|id| id.database != name);
    }
}

/// Whether all that a statement names is or was a view.
fn is_certain(statement: &ViewStatement, session: &Session<'_>) -> bool {
    let has_done_all = session.changed_dictionary && statement.views.len() == 1;
    !session.has_failed()
        && (!statement.conditional || (session.logs_changes_of_dictionary() && has_done_all))
}

impl SchemaTracker {
    /// Tells of a view as the server has it. Whether a table was known by its name, as after a CREATE TABLE IF NOT EXISTS
    /// that had found the view: there is none.
    pub fn set_view(&mut self, id: &TableId) -> bool {
        self.views.0.insert(id.clone());
        self.take(id).is_some()
    }

    /// Follows a statement about views: a table that has the name of one is none, but CREATE TABLE IF NOT EXISTS has found
    /// the view.
    pub(super) fn follow_views(&mut self, statement: &ViewStatement, session: &Session<'_>) -> Outcome {
        let drops = statement.verb == "DROP VIEW";
        if !is_certain(statement, session) {
            let may_do_something = session.changed_dictionary || !session.logs_changes_of_dictionary();
            return if drops && may_do_something {
                self.drop_views_or_nothing(&statement.views)
            } else {
                Outcome::NotTables
            };
        }
        let mut changes = Vec::new();
        for id in &statement.views {
            if self.table(id) != Tracked::Absent {
                changes.push(self.drop_table(id.clone()));
            }
            if drops {
                self.views.remove(id);
            } else {
                self.views.0.insert(id.clone());
            }
        }
        if changes.is_empty() {
            return Outcome::NotTables;
        }
        Outcome::Changes(changes)
    }

    /// Of what may be a table or a view nobody knows whether it is there any more.
    fn drop_views_or_nothing(&mut self, views: &[TableId]) -> Outcome {
        let is_doubtful =
            |id: &&TableId| matches!(self.table(id), Tracked::Known(table) if table.may_be_view);
        let doubtful: Vec<TableId> = views.iter().filter(is_doubtful).cloned().collect();
        views.iter().for_each(|id| self.views.remove(id));
        let Some(first) = doubtful.first() else {
            return Outcome::NotTables;
        };
        let why = Reason::View(first.clone());
        doubtful.iter().for_each(|id| self.set_unclear(id));
        Outcome::Unreadable(Unreadable {
            why,
            tables: Affected::Tables(doubtful),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::NameCase;
    use crate::schema::tracked::Collation;

    /// What is known of `db.t` after these statements: how many columns it has. One that begins with `!` is the last of a
    /// transaction of the server's dictionary.
    fn after(statements: &[&str]) -> Result<usize, &'static str> {
        on("9.7.4", statements)
    }

    fn on(server: &str, statements: &[&str]) -> Result<usize, &'static str> {
        let mut tracker = SchemaTracker::new();
        tracker.set_database("db", Collation::from_name("latin1_bin").unwrap());
        for sql in statements {
            let session = Session {
                changed_dictionary: sql.starts_with('!'),
                ..Session::new("db", server.parse().unwrap(), NameCase::Matters)
            };
            tracker.apply(sql.trim_start_matches('!'), &session);
        }
        match tracker.table(&TableId::new("db", "t")) {
            Tracked::Known(table) => Ok(table.columns.len()),
            Tracked::Unclear => Err("unclear"),
            Tracked::Absent => Err("absent"),
        }
    }

    const ONE: &str = "CREATE TABLE IF NOT EXISTS t (a INT)";
    const TWO: &str = "CREATE TABLE IF NOT EXISTS t (a INT, b INT)";

    #[test]
    fn a_view_hides_what_would_make_a_table() {
        let view = "CREATE OR REPLACE VIEW t AS SELECT 1";
        assert_eq!(after(&[view, ONE]), Err("absent"));
        assert_eq!(after(&[ONE, "ALTER VIEW t AS SELECT 2"]), Err("absent"));
        assert_eq!(after(&[view, ONE, "DROP VIEW t", TWO]), Ok(2));
        assert_eq!(after(&[view, "!DROP VIEW IF EXISTS db.t", TWO]), Ok(2));
        assert_eq!(after(&[view, "RENAME TABLE t TO u", TWO]), Ok(2));
        assert_eq!(
            after(&["CREATE VIEW u AS SELECT 1", "RENAME TABLE u TO t", TWO]),
            Err("absent")
        );
        assert_eq!(
            after(&[view, "DROP DATABASE db", "CREATE DATABASE db CHARSET latin1", TWO]),
            Ok(2)
        );
        assert_eq!(after(&["CREATE VIEW IF NOT EXISTS t AS SELECT 1", ONE]), Ok(1));
    }

    #[test]
    fn a_view_that_the_server_tells_of_is_no_table() {
        let session = Session::new("db", "9.7.4".parse().unwrap(), NameCase::Matters);
        let mut tracker = SchemaTracker::new();
        tracker.set_database("db", Collation::from_name("latin1_bin").unwrap());
        let id = TableId::new("db", "t");
        tracker.apply(ONE, &session);
        assert!(tracker.set_view(&id));
        assert!(!tracker.set_view(&id));
        assert_eq!(tracker.apply(TWO, &session), Outcome::Changes(Vec::new()));
        assert_eq!(tracker.table(&id), Tracked::Absent);
        tracker.apply("DROP VIEW t", &session);
        tracker.apply(TWO, &session);
        assert!(matches!(tracker.table(&id), Tracked::Known(table) if table.columns.len() == 2));
    }

    #[test]
    fn what_may_be_a_view_is_one_when_it_is_dropped_as_one() {
        assert_eq!(after(&[ONE, TWO]), Ok(1));
        assert_eq!(after(&[ONE, "DROP VIEW t", TWO]), Ok(2));
        assert_eq!(after(&[ONE, "DROP VIEW IF EXISTS t"]), Ok(1));
        assert_eq!(after(&[ONE, "!DROP VIEW IF EXISTS t", TWO]), Ok(2));
        assert_eq!(after(&[ONE, "!DROP VIEW IF EXISTS t, u", TWO]), Err("unclear"));
        assert_eq!(on("5.7.22", &[ONE, "DROP VIEW IF EXISTS t"]), Err("unclear"));
        assert_eq!(on("5.7.22", &[ONE, "DROP VIEW IF EXISTS t", TWO]), Err("unclear"));
        assert_eq!(after(&[ONE, &format!("!{TWO}")]), Ok(2));
    }

    #[test]
    fn what_is_a_table_for_certain_stays() {
        let drop = "DROP VIEW IF EXISTS t";
        let after = |statements: &[&str]| on("5.7.22", statements);
        assert_eq!(after(&["CREATE TABLE t (a INT)", drop]), Ok(1));
        assert_eq!(after(&[&format!("!{ONE}"), drop]), Ok(1));
        assert_eq!(after(&[ONE, "ALTER TABLE t ADD b INT", drop]), Ok(2));
        assert_eq!(
            after(&[
                "CREATE TABLE t (a INT)",
                "CREATE TABLE u LIKE t",
                "DROP TABLE t",
                "RENAME TABLE u TO t",
                drop
            ]),
            Ok(1)
        );
    }
}
