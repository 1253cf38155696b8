//! How much memory the schema takes while it is followed.

use rowtide_bench::start_history::table;
use rowtide_binlog::schema::tracked::{Outcome, SchemaTracker};
use rowtide_binlog::schema::{NameCase, Session};

const TABLES: u64 = 1_000;
/// What a table of ten columns may take.
const LIMIT: u64 = 1_400;

/// A table of ten columns.
fn definition(n: u64) -> String {
    table::definition(n, 64)
}

#[test]
fn a_table_takes_little_memory() {
    let session = Session::of_definition("shop", "9.7.4".parse().unwrap(), NameCase::Matters);
    let mut tracker = SchemaTracker::new();
    // What is made once for all.
    tracker.apply(&definition(TABLES), &session);
    let definitions: Vec<String> = (0..TABLES).map(definition).collect();
    let allocated = allocation_counter::measure(|| {
        for definition in &definitions {
            let outcome = tracker.apply(definition, &session);
            assert!(matches!(outcome, Outcome::Changes(_)), "{outcome:?}");
        }
    });
    assert_eq!(tracker.tables().count() as u64, TABLES + 1);
    let bytes = u64::try_from(allocated.bytes_current).unwrap() / TABLES;
    let blocks = u64::try_from(allocated.count_current).unwrap() / TABLES;
    println!("{bytes} bytes in {blocks} blocks a table");
    // An allocator adds 8 bytes to each, and rounds up to 16.
    assert!(bytes + blocks * 16 < LIMIT, "{bytes} bytes in {blocks} blocks");
}
