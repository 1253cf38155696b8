-- A client of binary sends bytes, which are read in the character set of the column.
SET NAMES binary;
CREATE TABLE w (a ENUM('ä','b') CHARACTER SET latin1, b SET('ü','c') CHARACTER SET utf8mb4, c ENUM('я') CHARACTER SET koi8r, d ENUM('ab','cd') CHARACTER SET ucs2);
SET NAMES utf8mb4;
SET character_set_connection = latin1;
CREATE TABLE x (a ENUM('ä','я','b') CHARACTER SET utf8mb4);
SET character_set_connection = binary;
CREATE TABLE y (a ENUM('ä','b') CHARACTER SET latin1, b SET('ü','c') CHARACTER SET utf8mb4);
SET NAMES latin1;
SET character_set_connection = binary;
CREATE TABLE z (a ENUM('é') CHARACTER SET latin1, b ENUM('é') CHARACTER SET cp1251);
SET NAMES utf8mb4;
-- The server logs these statements in its own words, in UTF-8.
CREATE TABLE base (e ENUM('ä','я') CHARACTER SET utf8mb4, l SET('é') CHARACTER SET latin1, v VARCHAR(5) COMMENT 'ö');
SET NAMES latin1;
CREATE TABLE copied SELECT * FROM base;
SET NAMES gbk;
CREATE TABLE copied2 SELECT * FROM base;
SET NAMES binary;
CREATE TABLE copied3 SELECT * FROM base;
SET NAMES utf8mb4;
