//! How much memory the schema takes while it is followed.

use rowtide_binlog::schema::tracked::{Outcome, SchemaTracker};
use rowtide_binlog::schema::{NameCase, Session};

const TABLES: u64 = 1_000;
/// What a table of ten columns may take.
const LIMIT: u64 = 2_048;

/// A table of ten columns, a primary key and an index. It has no name, no comment and no member of an ENUM in common
/// with another.
fn definition(n: u64) -> String {
    format!(
        "CREATE TABLE `customer_orders_{n}` (
  `order_{n}_id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `customer_{n}_id` int NOT NULL,
  `reference_{n}` varchar(64) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT '',
  `status_{n}` enum('new','paid','shipped','returned_{n}') NOT NULL DEFAULT 'new',
  `amount_{n}` decimal(12,2) NOT NULL DEFAULT '0.00',
  `note_{n}` text COMMENT 'what customer {n} wrote',
  `attributes_{n}` json DEFAULT NULL,
  `is_gift_{n}` tinyint(1) DEFAULT NULL,
  `created_at_{n}` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `updated_at_{n}` datetime(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (`order_{n}_id`),
  KEY `by_customer_{n}` (`customer_{n}_id`,`created_at_{n}`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"
    )
}

#[test]
fn a_table_takes_less_than_2_kb() {
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
