-- Literals are in the character set of the connection before they are in that of their column.
SET collation_connection = utf16_general_ci;
CREATE TABLE a (l ENUM('é','a ') CHARACTER SET latin1);
ALTER TABLE a ADD g ENUM('ab','ю') CHARACTER SET utf16;
SET collation_connection = ucs2_general_ci;
CREATE TABLE c (m ENUM('a','😀') CHARACTER SET utf16);
SET collation_connection = latin1_swedish_ci;
CREATE TABLE d (e ENUM('a','ю') CHARACTER SET binary, s SET('é','x') CHARACTER SET utf8mb4, m ENUM('ю','é') CHARACTER SET utf8mb4);
SET collation_connection = koi8r_general_ci;
CREATE TABLE f (e ENUM('a','é') CHARACTER SET binary, s SET('é','ю') CHARACTER SET koi8r, m ENUM('ю','é') CHARACTER SET utf8mb4);
SET NAMES latin1;
CREATE TABLE g (e ENUM('a','é') CHARACTER SET binary, s SET('é') CHARACTER SET latin1, `é` INT);
SET NAMES binary;
CREATE TABLE h (e ENUM('a','é') CHARACTER SET binary, s SET('a') CHARACTER SET latin1, u ENUM('é') CHARACTER SET utf8mb4);
SET NAMES utf8mb4;
CREATE TABLE i (e ENUM('a','é') CHARACTER SET binary, s SET(0x61, 0x62) CHARACTER SET binary);
CREATE TABLE j LIKE f;
