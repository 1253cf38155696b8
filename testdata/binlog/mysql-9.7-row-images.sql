-- Row images that are not whole, and documents that are logged as differences.
CREATE DATABASE images;
USE images;
CREATE TABLE doc (id INT PRIMARY KEY, j JSON, n INT DEFAULT 7, k JSON, t TEXT);
CREATE TABLE keyless (n INT, j JSON);
CREATE TABLE part (id INT PRIMARY KEY, j JSON) PARTITION BY HASH (id) PARTITIONS 4;

SET binlog_row_value_options = PARTIAL_JSON;
INSERT INTO doc VALUES (1, '{"a": 1, "list": [1, 2, 3], "deep": {"er": [{"x": null}]}}', 1, '[0, {"é": "🦀"}]', 'text'),
  (2, '{"name": "Joe", "age": 25}', 2, NULL, NULL);
UPDATE doc SET j = JSON_SET(j, '$.a', 1.0, '$.list[1]', 'two', '$.list[9]', 4);
UPDATE doc SET j = JSON_REMOVE(JSON_REPLACE(j, '$.age', 26), '$.a'), k = JSON_SET(k, '$[last].é', 1.50, '$[0]', TIME'-10:00:00.5');
UPDATE doc SET j = JSON_SET(j, '$.deep.er[0].x', CAST('{"y": [true]}' AS JSON), '$."a b"', x'00ff'), t = 'changed' WHERE id = 1;
UPDATE doc SET j = JSON_SET(j, '$.age', 26), n = 3 WHERE id = 2;
SET binlog_row_image = NOBLOB;
UPDATE doc SET j = JSON_REMOVE(j, '$.list[0]', '$.name');
UPDATE doc SET n = n + 1;
SET binlog_row_image = MINIMAL, binlog_row_value_options = '';
UPDATE doc SET n = n + 1, k = '{}' WHERE id = 2;
UPDATE doc SET id = 3 WHERE id = 2;
INSERT INTO doc (id) VALUES (4);
DELETE FROM doc WHERE id = 1;
SET binlog_row_value_options = PARTIAL_JSON;
INSERT INTO keyless VALUES (1, '[1, 2]');
UPDATE keyless SET j = JSON_SET(j, '$[0]', 'one');
INSERT INTO part VALUES (1, '{}');
SET binlog_row_image = FULL;
UPDATE part SET id = 2, j = JSON_SET(j, '$.a', 1);
