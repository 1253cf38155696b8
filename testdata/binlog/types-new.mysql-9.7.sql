-- What only a newer MySQL has: JSON with every kind of value, VECTOR, generated and invisible columns, many bits of null.
CREATE DATABASE types_new;
USE types_new;
SET NAMES utf8mb4;
CREATE TABLE documents (id INT PRIMARY KEY, j JSON);
INSERT INTO documents VALUES
  (1, '{"a": 1, "b": [true, false, null, -1.5, 1.0, "text", {"c": {}}], "": ""}'),
  (2, '[-32768, 32767, -32769, 65535, 65536, -2147483649, 4294967296, 18446744073709551615, 1e308]'),
  (3, JSON_ARRAY(CAST(1.50 AS DECIMAL(10,2)), CAST('2024-02-29' AS DATE), CAST('-12:34:56.5' AS TIME(1)), CAST('2024-02-29 12:00:00.000001' AS DATETIME(6)), x'00ff', ST_GeomFromText('POINT(1 2)'))),
  (4, 'null'), (5, '"🦀"'), (6, '{}'), (7, '[]'), (8, NULL), (9, 'true'), (10, JSON_OBJECT('k', REPEAT('x', 200)));
CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3), w VECTOR(2));
INSERT INTO vectors VALUES (1, STRING_TO_VECTOR('[1, -2.5, 3e10]'), NULL), (2, NULL, STRING_TO_VECTOR('[0, 1]'));
CREATE TABLE computed (id INT PRIMARY KEY, a INT, v INT GENERATED ALWAYS AS (a + 1) VIRTUAL, s INT AS (a * 2) STORED, i INT INVISIBLE DEFAULT 9);
INSERT INTO computed (id, a) VALUES (1, 1), (2, NULL);
UPDATE computed SET a = 5 WHERE id = 2;
CREATE TABLE wide (id INT PRIMARY KEY, c1 INT, c2 INT, c3 INT, c4 INT, c5 INT, c6 INT, c7 INT, c8 INT, c9 INT, c10 INT, c11 INT, c12 INT, c13 INT, c14 INT, c15 INT, c16 INT, c17 INT);
INSERT INTO wide (id, c7, c8, c17) VALUES (1, 7, 8, 17), (2, NULL, 8, NULL);
UPDATE wide SET c1 = 1, c8 = NULL, c16 = 16;
