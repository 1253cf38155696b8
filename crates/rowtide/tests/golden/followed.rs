//! A Debezium's schema history is taken over: all tables are known after it but those of which it says something else.

use rowtide::binlog::schema::NameCase;
use rowtide::binlog::schema::tracked::{SchemaTracker, Tracked};
use rowtide::event::TableId;
use rowtide::table_changes::follow_foreign;

use crate::captured;

/// Follows all records of a topic; the tracker and the names of tables that were unclear at some time.
fn followed(file: &str, topic: &str) -> (SchemaTracker, Vec<String>) {
    let mut tracker = SchemaTracker::new();
    let mut unclear = Vec::new();
    for record in captured::history(file, topic) {
        let now = follow_foreign(&mut tracker, &record, "9.7.4".parse().unwrap(), NameCase::Matters);
        unclear.extend(now.iter().map(ToString::to_string));
    }
    unclear.sort();
    unclear.dedup();
    (tracker, unclear)
}

fn known(tracker: &SchemaTracker) -> usize {
    tracker.tables().count()
}

#[test]
fn of_three_files() {
    let (tracker, unclear) = followed("debezium-a.jsonl.gz", "sh.gA");
    assert_eq!(unclear, Vec::<String>::new());
    assert_eq!(known(&tracker), 53);
}

#[test]
fn of_a_snapshot_and_hard_statements() {
    let (tracker, unclear) = followed("schema-history.jsonl.gz", "sh.gH");
    // ASCII, UNICODE and BYTE are character sets, which Debezium does not know.
    assert_eq!(unclear, ["golden.h5"]);
    assert_eq!(tracker.table(&TableId::new("golden", "h5")), Tracked::Unclear);
    // Debezium could not read its statement.
    assert!(matches!(
        tracker.table(&TableId::new("golden", "h4")),
        Tracked::Known(_)
    ));
    assert_eq!(known(&tracker), 69);
}

#[test]
fn with_comments() {
    let (tracker, unclear) = followed("schema-history.jsonl.gz", "sh.gD");
    assert_eq!(unclear, Vec::<String>::new());
    assert_eq!(known(&tracker), 53);
}
