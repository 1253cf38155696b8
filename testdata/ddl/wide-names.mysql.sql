CREATE TABLE 𩸽 (a INT, `b😀` INT, KEY `k😀` (`b😀`));
ALTER TABLE `?` ADD 😀c INT;
ALTER TABLE 😀 CHANGE `b𩸽` b INT;
