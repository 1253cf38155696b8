-- Members of ENUM and SET with a NUL in them, at which MySQL 5.7 ends them.
CREATE TABLE t (a ENUM(0x6100,0x610062,'c') CHARACTER SET latin1, b SET(0x7800,'y') CHARACTER SET utf8mb4);
ALTER TABLE t ADD c ENUM('a\0b','d') CHARACTER SET binary;
