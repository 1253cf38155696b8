//! What many tables have in common is kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use super::collation::Collation;
use super::table::{ColumnAttributes, TrackedTable};
use crate::schema::ddl::DefaultValue;

/// What tables share. It forgets what no table has any more: not at once, but before it has grown to twice what is in
/// use.
#[derive(Debug, Default)]
pub(super) struct Pool {
    collations: Shared<Collation>,
    attributes: Shared<Arc<ColumnAttributes>>,
    defaults: Shared<Arc<DefaultValue>>,
}

impl Pool {
    /// Lets a table use what others have that is equal.
    pub(super) fn share(&mut self, table: &mut TrackedTable) {
        self.collations.share(&mut table.collation);
        for column in &mut table.columns {
            if let Some(known) = self.attributes.known(&column.attributes) {
                column.attributes = known;
                continue;
            }
            if let Some(collation) = &mut column.collation {
                self.collations.share(collation);
            }
            if let Some(default) = &mut column.default {
                self.defaults.share(default);
            }
            self.attributes.add(column.attributes.clone());
        }
    }
}

/// Values whose clones are one in memory.
#[derive(Debug)]
struct Shared<T> {
    values: HashSet<T>,
    /// How many there are when it is time to forget some.
    limit: usize,
}

/// Of so many it is not worth while to forget any.
const FEW: usize = 256;

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            values: HashSet::new(),
            limit: FEW,
        }
    }
}

impl<T: Counted> Shared<T> {
    /// The one that is kept of equal values.
    fn known(&self, value: &T) -> Option<T> {
        self.values.get(value).cloned()
    }

    fn add(&mut self, value: T) {
        if self.values.len() >= self.limit {
            self.values.retain(Counted::is_shared);
            self.limit = self.values.len().saturating_mul(2).max(FEW);
            self.values.shrink_to(self.limit);
        }
        self.values.insert(value);
    }

    fn share(&mut self, value: &mut T) {
        match self.known(value) {
            Some(known) => *value = known,
            None => self.add(value.clone()),
        }
    }
}

/// A value that knows whether there are clones of it.
trait Counted: Clone + Eq + Hash {
    fn is_shared(&self) -> bool;
}

impl Counted for Collation {
    fn is_shared(&self) -> bool {
        Collation::is_shared(self)
    }
}

impl<T: Eq + Hash> Counted for Arc<T> {
    fn is_shared(&self) -> bool {
        Arc::strong_count(self) > 1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rowtide_event::TableId;

    use super::super::{Outcome, SchemaTracker};
    use crate::schema::{NameCase, Session, definitions};

    fn run(tracker: &mut SchemaTracker, sql: &str) {
        let session = Session::of_definition("db", "9.7.4".parse().unwrap(), NameCase::Matters);
        let outcome = tracker.apply(sql, &session);
        assert!(matches!(outcome, Outcome::Changes(_)), "{sql}: {outcome:?}");
    }

    #[test]
    fn columns_that_are_the_same_are_kept_once() {
        let mut tracker = SchemaTracker::new();
        for table in ["a", "b"] {
            let columns = format!("{table} CHAR(9), x INT");
            run(
                &mut tracker,
                &format!("CREATE TABLE {table} ({columns}) COLLATE latin1_bin"),
            );
        }
        let tables: Vec<_> = tracker.tables().collect();
        for (a, b) in tables[0].columns.iter().zip(&tables[1].columns) {
            assert!(std::ptr::eq(&**a, &**b));
        }
        run(&mut tracker, "ALTER TABLE b MODIFY b CHAR(9) NOT NULL");
        let nullable: Vec<bool> = tracker.tables().map(|table| table.columns[0].nullable).collect();
        assert_eq!(nullable, [true, false]);
    }

    #[test]
    fn tables_that_are_told_share_too() {
        let mut tracker = SchemaTracker::new();
        for table in ["a", "b"] {
            let sql = format!("CREATE TABLE {table} (n INT DEFAULT 7) CHARSET=latin1");
            let id = TableId::new("db", table);
            let told = definitions::read(&id, &sql, "9.7.4".parse().unwrap(), NameCase::Matters);
            tracker.set_table(told.unwrap());
        }
        let tables: Vec<_> = tracker.tables().collect();
        let [a, b] = [0, 1].map(|n| &tables[n].columns[0].attributes);
        assert!(Arc::ptr_eq(a, b));
    }

    #[test]
    fn what_is_dropped_is_forgotten() {
        let mut tracker = SchemaTracker::new();
        for n in 0..2_000 {
            let columns = format!("a INT DEFAULT {n}, b CHAR COLLATE latin1_x{n}");
            run(
                &mut tracker,
                &format!("CREATE TABLE t ({columns}) COLLATE latin1_y{n}"),
            );
            run(&mut tracker, "DROP TABLE t");
        }
        let pool = tracker.pool();
        let kept = (pool.attributes.values.len(), pool.collations.values.len());
        assert!(kept.0 <= super::FEW + 1 && kept.1 <= super::FEW + 1, "{kept:?}");
    }
}
