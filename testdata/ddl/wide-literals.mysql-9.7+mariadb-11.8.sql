-- A binary column takes the bytes of a literal, in the character set of the connection.
SET collation_connection = utf16_general_ci;
CREATE TABLE a (e ENUM('a','b ') CHARACTER SET binary, s SET('x','yz') CHARACTER SET binary);
ALTER TABLE a ADD f ENUM('ab','e') CHARACTER SET binary;
SET collation_connection = utf32_general_ci;
CREATE TABLE b (e ENUM('a','b') CHARACTER SET binary, s SET('x','yz') CHARACTER SET binary);
SET collation_connection = ucs2_general_ci;
CREATE TABLE c (e ENUM('a','b') CHARACTER SET binary, s SET('x','yz') CHARACTER SET binary);
CREATE TABLE j LIKE a;
