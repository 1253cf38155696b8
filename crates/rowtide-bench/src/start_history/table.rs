//! A table as many of them are.

/// A table of ten columns, a primary key and an index. It has no name, no comment and no member of an ENUM in common
/// with that of another `n`; `length` is that of a VARCHAR.
pub fn definition(n: u64, length: u64) -> String {
    format!(
        "CREATE TABLE `customer_orders_{n}` (
  `order_{n}_id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `customer_{n}_id` int NOT NULL,
  `reference_{n}` varchar({length}) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT '',
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
