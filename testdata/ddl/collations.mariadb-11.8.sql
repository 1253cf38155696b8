-- What CHARACTER SET alone means is a setting of the session.
SET character_set_collations = '';
CREATE TABLE a (a CHAR(1) CHARACTER SET utf8mb4, b CHAR(1) CHARACTER SET utf8mb3, c CHAR(1) CHARACTER SET latin1);
SET character_set_collations = 'utf8mb4=utf8mb4_unicode_ci,latin1=latin1_bin';
CREATE TABLE b (a CHAR(1) CHARACTER SET utf8mb4, b CHAR(1) CHARACTER SET utf8mb3, c CHAR(1) CHARACTER SET latin1);
CREATE TABLE c (a CHAR(1) CHARACTER SET utf8mb4 COLLATE DEFAULT, b CHAR(1)) DEFAULT CHARACTER SET utf8mb3;
CREATE TABLE d (a CHAR(1) BINARY, b NCHAR(2), c CHAR(1) CHARACTER SET utf8mb4) CHARACTER SET DEFAULT;
CREATE TABLE e (a CHAR(1) BINARY, b NCHAR(2), c CHAR(1) CHARACTER SET utf8mb4) COLLATE DEFAULT;
CREATE TABLE f (a CHAR(1), b TEXT) CHARACTER SET latin2;
ALTER TABLE f CONVERT TO CHARACTER SET utf8mb3;
ALTER TABLE f CONVERT TO CHARACTER SET DEFAULT;
ALTER TABLE f CONVERT TO CHARACTER SET DEFAULT COLLATE DEFAULT;
CREATE DATABASE ddl_collations_other CHARACTER SET utf8mb4;
CREATE TABLE ddl_collations_other.a (a CHAR(1));
ALTER DATABASE ddl_collations_other COLLATE DEFAULT;
CREATE TABLE ddl_collations_other.b (a CHAR(1) COLLATE DEFAULT);
ALTER DATABASE ddl_collations_other CHARACTER SET DEFAULT;
CREATE TABLE ddl_collations_other.c (a CHAR(1));
CREATE TABLE ddl_collations_other.d (a CHAR(1)) COLLATE DEFAULT;
ALTER DATABASE ddl_collations_other CHARACTER SET utf8mb3;
CREATE TABLE ddl_collations_other.e (a CHAR(1) COLLATE DEFAULT);
DROP DATABASE ddl_collations_other;
-- The setting stands before the character set of the statement in its event.
SET NAMES latin1;
CREATE TABLE `é` (a ENUM('é', 'ü') CHARACTER SET latin1, b SET('ö') CHARACTER SET utf8mb4 DEFAULT 'ö');
SET NAMES utf8mb4;
SET character_set_collations = DEFAULT;
ALTER TABLE `Ã©` ADD c CHAR(1) CHARACTER SET ucs2;
