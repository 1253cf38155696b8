-- Members of ENUM and SET with a character that the character set of their column has not.
CREATE TABLE t (a ENUM('a','ю','ö') CHARACTER SET latin1, b SET('ж','ก') CHARACTER SET gbk, c ENUM('中 ','e','x') CHARACTER SET ascii);
ALTER TABLE t MODIFY a ENUM('a','ю','ö') CHARACTER SET koi8r, ADD d SET('한','é') CHARACTER SET swe7;
CREATE TABLE u (a ENUM('אb','s') NOT NULL, b SET('日本','ｱ')) CHARACTER SET cp932;
CREATE TABLE v LIKE u;
ALTER TABLE v ADD c ENUM('é','n','א') CHARACTER SET hebrew FIRST, ADD d ENUM('€','ю') CHARACTER SET binary;
