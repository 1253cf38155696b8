-- Labels with characters that their character set has not, or codes that have no character.
CREATE TABLE a (e ENUM('ä','É','@1','[2',']3','{4','}5','|6','~7','^8','`9','\\0','a') CHARACTER SET swe7);
CREATE TABLE b (e ENUM(0x40, x'7B', 'a', 'b') CHARACTER SET swe7, s SET(x'5B', x'5C5D') CHARACTER SET swe7);
ALTER TABLE b CONVERT TO CHARACTER SET latin1;
SET collation_connection = swe7_swedish_ci;
CREATE TABLE d (e ENUM('ä1','@2','{3','a') CHARACTER SET utf8mb4, s SET('ä1','@2','a') CHARACTER SET swe7, b ENUM('ä1','@2') CHARACTER SET binary);
CREATE TABLE d2 (e ENUM('ä1','é2','a') CHARACTER SET latin1 COMMENT 'ä@[', v VARCHAR(9) DEFAULT '@ä');
SET NAMES swe7;
CREATE TABLE g (e ENUM('ab','c') CHARACTER SET utf8mb4, s SET('a','b') CHARACTER SET swe7);
SET NAMES utf8mb4;
CREATE TABLE k (e ENUM(0xC8A1, 0xA440, 'a') CHARACTER SET big5);
CREATE TABLE k2 LIKE k;
ALTER TABLE k ADD c INT;
CREATE TABLE l (e ENUM(0xA440, 'a') CHARACTER SET big5, s SET(0xB0A1, 'é') CHARACTER SET gb2312);
CREATE TABLE n (e ENUM(0xFEA1, 'b', 0xB0A1FEA1) CHARACTER SET gb2312, s SET(0xA2A1, 'b', 0xB0) CHARACTER SET gb2312);
CREATE TABLE o (a ENUM(0x8061, 'b') CHARACTER SET gbk, b ENUM(0xFE40, 'b') CHARACTER SET big5, c ENUM(0xFD40B1, 'b') CHARACTER SET cp932, d ENUM(0x8FA1A1, 0xFF61) CHARACTER SET ujis, e ENUM(0xFFA1, 0xA4FF) CHARACTER SET euckr);
SET NAMES big5;
CREATE TABLE m (e ENUM('ȡ','b') CHARACTER SET big5, u ENUM('ȡ','b') CHARACTER SET utf8mb4);
SET NAMES utf8mb4;
