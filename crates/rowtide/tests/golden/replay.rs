//! The statements of a captured schema history, played once more.

use rowtide::binlog::schema::statement::{Class, HistoryEntry, classify, history_entries};
use rowtide::binlog::schema::tracked::{Change, Outcome, SchemaTracker};
use rowtide::binlog::schema::{NameCase, Session};
use rowtide::kafka::HistoryRecord;

/// A statement, what Debezium said of it and what Rowtide makes of it.
pub struct Replayed<'a> {
    /// Debezium's records.
    pub records: &'a [HistoryRecord],
    pub class: Class,
    /// Rowtide's entries of the schema history: one for each record, but for those of a snapshot.
    pub entries: Vec<HistoryEntry>,
    pub changes: Vec<Change>,
}

/// Plays all statements, in their order.
pub fn replay(records: &[HistoryRecord]) -> Vec<Replayed<'_>> {
    let mut tracker = SchemaTracker::new();
    let statements = statements(records).into_iter();
    statements
        .map(|(sql, records)| {
            let database = records[0].database_name.as_deref().unwrap();
            let mut session = Session::new(database, "9.7.4".parse().unwrap(), NameCase::Matters);
            session.collation_server = Some(255);
            let changes = match tracker.apply(&sql, &session) {
                Outcome::Changes(changes) => changes,
                Outcome::NotTables => Vec::new(),
                Outcome::Unreadable(why) => panic!("{sql}: {why}"),
            };
            let class = classify(&sql, session);
            let entries = history_entries(&sql, &class, session);
            let is_snapshot = records[0].position.snapshot.is_some();
            assert!(is_snapshot || entries.len() == records.len(), "{sql}");
            Replayed {
                records,
                class,
                entries,
                changes,
            }
        })
        .collect()
}

/// The records that one statement has made, and the statement.
fn statements(records: &[HistoryRecord]) -> Vec<(String, &[HistoryRecord])> {
    let is_one = |a: &HistoryRecord, b: &HistoryRecord| {
        ["RENAME TABLE ", "DROP TABLE "]
            .iter()
            .any(|verb| starts(a, verb) && starts(b, verb))
            && a.position.snapshot.is_none()
            && a.position.pos == b.position.pos
    };
    let statements = records.chunk_by(is_one);
    statements.map(|records| (statement(records), records)).collect()
}

fn starts(record: &HistoryRecord, verb: &str) -> bool {
    record.ddl.as_deref().is_some_and(|ddl| ddl.starts_with(verb))
}

/// RENAME and DROP were taken apart.
fn statement(records: &[HistoryRecord]) -> String {
    let verbs = ["RENAME TABLE ", "DROP TABLE IF EXISTS ", "DROP TABLE "];
    let verb = verbs
        .into_iter()
        .find(|verb| starts(&records[0], verb))
        .unwrap_or_default();
    let tables: Vec<&str> = records
        .iter()
        .map(|record| record.ddl.as_deref().unwrap().strip_prefix(verb).unwrap())
        .collect();
    format!("{verb}{}", tables.join(", "))
}
