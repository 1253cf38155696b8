-- Times in the form before MySQL 5.6, which MariaDB can still write: the binlog does not tell their digits of a second.
CREATE DATABASE old_times;
USE old_times;
SET GLOBAL mysql56_temporal_format = OFF;
CREATE TABLE old_times (id INT PRIMARY KEY, a TIME, b TIME(3), c DATETIME, d DATETIME(6), e TIMESTAMP(2) NULL);
INSERT INTO old_times VALUES (1, '-838:59:59', '12:34:56.789', '2024-02-29 12:00:00', '2024-02-29 12:00:00.000001', '2024-02-29 12:00:00.25');
SET GLOBAL mysql56_temporal_format = ON;
