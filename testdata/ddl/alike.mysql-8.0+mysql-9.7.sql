-- The server logs these statements in its own words, in UTF-8. What older servers log has lost the character set of the table.
CREATE TEMPORARY TABLE mould (e ENUM('ä','я') CHARACTER SET utf8mb4, l SET('é') CHARACTER SET latin1);
SET NAMES latin1;
CREATE TABLE alike LIKE mould;
SET NAMES binary;
CREATE TABLE alike3 LIKE mould;
SET NAMES utf8mb4;
