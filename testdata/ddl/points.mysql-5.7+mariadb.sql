-- Names with a point alone.
CREATE TABLE .pointed (a INT, b INT, KEY k (a DESC));
ALTER TABLE .pointed ADD c INT;
RENAME TABLE .pointed TO .pointed2;
DROP TABLE .pointed2;
