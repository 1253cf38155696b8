CREATE DATABASE corners;
USE corners;

-- Eight numbers whose signs fill a byte, and a YEAR between them, which this server does not count.
CREATE TABLE years (a INT UNSIGNED PRIMARY KEY, b SMALLINT, c TINYINT, y YEAR, d MEDIUMINT UNSIGNED, e BIGINT UNSIGNED,
  f DECIMAL(10,0), g FLOAT, h DOUBLE);
INSERT INTO years VALUES (4294967295, -2, -3, 2010, 16777215, 18446744073709551615, -6, -7, -8);

-- A whole second that this server stores as a fraction of the second before.
SET TIMESTAMP = 1.9999999;
CREATE TABLE seconds (id INT PRIMARY KEY, t TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6), d DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6));
INSERT INTO seconds (id) VALUES (1);
SET TIMESTAMP = DEFAULT;
