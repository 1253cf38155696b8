-- What mysql-9.7-shapes.binlog is made of: every shape that a transaction can have.
CREATE DATABASE shapes;
USE shapes;
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=MyISAM;
CREATE TABLE x (id INT PRIMARY KEY, v INT);
-- Transactional: BEGIN to XID.
INSERT INTO t VALUES (1, 'a'), (2, 'b');
-- A savepoint: the row rolled back is not in the binlog.
BEGIN; INSERT INTO t VALUES (3, 'c'); SAVEPOINT s; INSERT INTO t VALUES (4, 'gone'); ROLLBACK TO s; INSERT INTO t VALUES (5, 'e'); COMMIT;
-- Non-transactional: BEGIN to COMMIT.
INSERT INTO m VALUES (1, 'm');
-- CREATE TABLE ... AS SELECT is one transaction of statement and rows.
CREATE TABLE c AS SELECT * FROM t;
-- A compressed transaction with its statement.
SET SESSION binlog_rows_query_log_events = ON;
SET SESSION binlog_transaction_compression = ON;
INSERT INTO t VALUES (10, 'compressed'), (11, 'compressed'), (12, 'compressed');
UPDATE t SET v = 'changed' WHERE id >= 10;
SET SESSION binlog_transaction_compression = OFF;
-- Part of the columns.
SET SESSION binlog_row_image = MINIMAL;
UPDATE t SET v = NULL WHERE id = 1;
DELETE FROM t WHERE id = 2;
SET SESSION binlog_row_image = FULL;
-- A GTID with a tag.
SET SESSION gtid_next = 'AUTOMATIC:mytag';
INSERT INTO t VALUES (20, 'tagged');
SET SESSION gtid_next = 'AUTOMATIC';
-- XA in one phase, and XA in two of a table that the test does not capture.
XA START 'one'; INSERT INTO t VALUES (30, 'xa'); XA END 'one'; XA COMMIT 'one' ONE PHASE;
XA START 'two'; INSERT INTO x VALUES (1, 1); XA END 'two'; XA PREPARE 'two'; XA COMMIT 'two';
XA START 'three'; INSERT INTO x VALUES (2, 2); XA END 'three'; XA PREPARE 'three'; XA ROLLBACK 'three';
-- Empty: a GTID of its own.
SET SESSION gtid_next = '11111111-1111-1111-1111-111111111111:5'; COMMIT; SET SESSION gtid_next = 'AUTOMATIC';
-- A statement in statement format, and what belongs to it.
SET SESSION binlog_format = STATEMENT; SET @v = 'by statement'; INSERT INTO t VALUES (40, @v); SET SESSION binlog_format = ROW;
TRUNCATE TABLE c;
DROP TABLE c;
