//! `source.table` of a statement that may change several tables.

use rowtide_binlog::schema::statement::Class;
use rowtide_binlog::schema::tracked::Change;
use rowtide_event::TableId;

/// The tables of `database` that a statement has made, altered, renamed (by their new names) or dropped, separated by
/// commas: what `source.table` is in each of its records. It is empty for a statement that does something else, and none
/// for CREATE DATABASE and DROP DATABASE.
pub fn source_table(class: &Class, changes: &[Change], database: &str) -> Option<String> {
    if matches!(class, Class::Database(statement) if statement.verb != "ALTER DATABASE") {
        return None;
    }
    let mut tables: Vec<&TableId> = Vec::new();
    for id in changes.iter().filter_map(changed) {
        if id.database == database && !tables.contains(&id) {
            tables.push(id);
        }
    }
    let names: Vec<&str> = in_hash_order(tables).map(|id| id.table.as_str()).collect();
    Some(names.join(","))
}

fn changed(change: &Change) -> Option<&TableId> {
    match change {
        Change::Created(table) | Change::Altered { after: table, .. } => Some(&table.id),
        Change::Renamed { to: id, .. } | Change::Dropped { id, .. } => Some(id),
        Change::Indexed { .. }
        | Change::Truncated(_)
        | Change::DatabaseSet { .. }
        | Change::DatabaseDropped { .. } => None,
    }
}

/// Debezium keeps the tables in a set, and writes them in the order in which Java's `HashSet` goes over it: that of the low
/// bits of their hashes, and within a bucket that in which they came.
fn in_hash_order(mut tables: Vec<&TableId>) -> impl Iterator<Item = &TableId> {
    let mut buckets = 16;
    while tables.len() > buckets / 4 * 3 {
        buckets *= 2;
    }
    let bucket = |id: &TableId| {
        let hash = java_hash(&format!("{}.{}", id.database, id.table));
        usize::try_from(hash ^ hash >> 16).unwrap_or_default() & (buckets - 1)
    };
    tables.sort_by_key(|id| bucket(id));
    tables.into_iter()
}

/// `String.hashCode` of Java.
fn java_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowtide_binlog::schema::statement::classify;
    use rowtide_binlog::schema::tracked::{Outcome, SchemaTracker};
    use rowtide_binlog::schema::{NameCase, Session};

    fn session() -> Session<'static> {
        let mut session = Session::new("golden", "9.7.4".parse().unwrap(), NameCase::Matters);
        session.collation_server = Some(255);
        session
    }

    fn source_table_of(sql: &str, database: &str) -> Option<String> {
        let mut tracker = SchemaTracker::new();
        let session = session();
        let databases = ["golden", "other"].map(|name| format!("CREATE DATABASE {name}"));
        let tables =
            ["d1", "d2", "d3", "other.e"].map(|name| format!("CREATE TABLE {name} (id INT PRIMARY KEY)"));
        for statement in databases.iter().chain(&tables) {
            tracker.apply(statement, &session);
        }
        let changes = match tracker.apply(sql, &session) {
            Outcome::Changes(changes) => changes,
            _ => Vec::new(),
        };
        source_table(&classify(sql, session), &changes, database)
    }

    #[test]
    fn tables_are_named_by_what_they_are_called_afterwards() {
        let golden = |sql: &str| source_table_of(sql, "golden").unwrap();
        assert_eq!(golden("CREATE TABLE t (id INT)"), "t");
        assert_eq!(golden("ALTER TABLE d1 RENAME TO d1_new"), "d1_new");
        assert_eq!(golden("RENAME TABLE d2 TO d2_new, d3 TO d3_new"), "d3_new,d2_new");
        assert_eq!(
            golden("RENAME TABLE d1 TO t, t TO d2_new, d3 TO t"),
            golden("RENAME TABLE d1 TO t, t TO d2_new")
        );
        assert_eq!(golden("DROP TABLE IF EXISTS x3, nonexist"), "x3,nonexist");
        assert_eq!(golden("DROP TABLE d1, other.e"), "d1");
        assert_eq!(source_table_of("DROP TABLE d1, other.e", "other").unwrap(), "e");
    }

    #[test]
    fn statements_about_something_else_name_none() {
        for sql in [
            "CREATE TABLE IF NOT EXISTS d1 (id INT)",
            "CREATE INDEX i ON d1 (id)",
            "ALTER DATABASE golden CHARACTER SET latin1",
            "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM d1",
            "CREATE TABLE (",
        ] {
            assert_eq!(source_table_of(sql, "golden").as_deref(), Some(""), "{sql}");
        }
        for sql in ["CREATE DATABASE shop", "DROP DATABASE shop"] {
            assert_eq!(source_table_of(sql, "shop"), None, "{sql}");
        }
    }

    #[test]
    fn a_larger_set_has_more_buckets() {
        let ids: Vec<TableId> = (b'a'..=b'y')
            .step_by(2)
            .map(|letter| TableId::new("d", char::from(letter).to_string()))
            .collect();
        let names = |n: usize| -> String {
            in_hash_order(ids.iter().take(n).collect())
                .map(|id| id.table.as_str())
                .collect()
        };
        // 0x17d57, which becomes 0x17d56: bucket 6 of 16, 22 of 32.
        assert_eq!(java_hash("d.a"), 97_623);
        assert_eq!(names(12), "kmoaqcseugwi");
        assert_eq!(names(13), "kmoqsuwyacegi");
    }
}
