-- What only MariaDB has: UUID, INET6, compressed columns, JSON as text, a sequence.
CREATE DATABASE types_new CHARACTER SET utf8mb4;
USE types_new;
SET NAMES utf8mb4;
CREATE TABLE addresses (id INT PRIMARY KEY, u UUID, i6 INET6);
INSERT INTO addresses VALUES
  (1, '123e4567-e89b-12d3-a456-426655440000', 'fe80::1'),
  (2, '00000000-0000-0000-0000-000000000000', '::'),
  (3, 'ffffffff-ffff-4fff-bfff-ffffffffffff', '::ffff:1.2.3.4'), (4, NULL, NULL);
CREATE TABLE packed (id INT PRIMARY KEY, v VARCHAR(1000) COMPRESSED, t TEXT COMPRESSED, b BLOB COMPRESSED);
INSERT INTO packed VALUES (1, REPEAT('ab', 300), REPEAT('é', 500), REPEAT(x'00ff', 200)), (2, 'short', '', NULL), (3, '', NULL, x'00');
CREATE TABLE documents (id INT PRIMARY KEY, j JSON);
INSERT INTO documents VALUES (1, '{"a": [1, 1.0, "x"]}'), (2, 'null'), (3, NULL);
CREATE SEQUENCE numbers;
SELECT NEXTVAL(numbers), NEXTVAL(numbers);
UPDATE packed SET v = 'changed', t = REPEAT('t', 300) WHERE id = 2;
DELETE FROM addresses WHERE id = 2;
