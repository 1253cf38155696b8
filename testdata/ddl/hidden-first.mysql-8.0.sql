-- The hidden column of a functional index stands before all others.
CREATE TABLE a (a INT, b INT, KEY x ((a+1)), KEY y ((a+2)));
ALTER TABLE a MODIFY a INT AFTER b, ADD c INT;
ALTER TABLE a MODIFY b INT AFTER c;
ALTER TABLE a MODIFY a INT AFTER b;
ALTER TABLE a MODIFY c INT AFTER b;
ALTER TABLE a MODIFY b INT AFTER a;
CREATE TABLE b LIKE a;
