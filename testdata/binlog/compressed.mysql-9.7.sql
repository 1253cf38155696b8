-- Compressed transactions: of one row and of many, of two tables, with statements, with a difference of a document, one
-- after the other and with others between them.
CREATE DATABASE compressed;
USE compressed;
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100));
CREATE TABLE doc (id INT PRIMARY KEY, j JSON);
SET binlog_transaction_compression = ON;
INSERT INTO t VALUES (1, 'one');
INSERT INTO doc VALUES (1, '{"a": 1, "b": [1, 2, 3]}');
BEGIN; UPDATE t SET v = 'two tables'; UPDATE doc SET j = JSON_SET(j, '$.a', 2); COMMIT;
SET binlog_transaction_compression_level_zstd = 19, binlog_rows_query_log_events = ON;
INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i, REPEAT('many', 10) FROM n;
SET binlog_transaction_compression = OFF;
INSERT INTO t VALUES (1000, 'between');
SET binlog_transaction_compression = ON, binlog_row_value_options = PARTIAL_JSON;
UPDATE doc SET j = JSON_SET(j, '$.b[1]', 'partial');
SET gtid_next = 'AUTOMATIC:zip';
DELETE FROM t WHERE id > 50;
SET gtid_next = 'AUTOMATIC';
BEGIN; INSERT INTO t VALUES (3000, 'kept'); SAVEPOINT s; INSERT INTO t VALUES (3001, 'gone'); ROLLBACK TO s; COMMIT;
