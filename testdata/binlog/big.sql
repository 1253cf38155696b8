-- One statement and one transaction of many rows events.
CREATE DATABASE big;
USE big;
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE n (d INT);
INSERT INTO n VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
BEGIN;
INSERT INTO t SELECT a.d + 10 * b.d + 100 * c.d, 'row' FROM n a, n b, n c WHERE c.d < 3;
UPDATE t SET v = 'changed' WHERE id % 2 = 0;
DELETE FROM t WHERE id >= 100;
COMMIT;
