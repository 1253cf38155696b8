//! Transactions over tables of all kinds that are rolled back, in whole or in part: what servers log differs most where
//! something cannot be rolled back with the rest.

use super::{END, Round, RowImage};
use crate::ServerVersion;
use crate::random::Random;

const TABLES: [&str; 6] = ["i1", "i2", "told", "m", "a", "made"];
/// The same name is set again, and written in other ways.
const SAVEPOINTS: [&str; 6] = ["s1", "S1", "`s2`", "`s 3`", "`x``y`", "`ключ`"];
const TEMPORARY: [&str; 3] = ["tmp1", "tmp2", "tmp3"];

impl Round {
    /// Small tables of a transactional engine and others, triggers and temporary tables, changed by transactions of which
    /// many are rolled back. A MySQL with GTIDs refuses much of it.
    pub fn rolled_back(seed: u64, version: ServerVersion, transactions: usize) -> Round {
        let mut random = Random::new(seed);
        let database = format!("rolled_back_{seed}");
        let mut changes = vec![format!("USE {database}"), "SET SESSION sql_mode = ''".to_owned()];
        // MySQL 5.7 does not log the shapes of tables, so that they have to stay what they are.
        let makes_tables = version != ServerVersion::MySql57;
        for _ in 0..transactions {
            match random.below(12) {
                0 if makes_tables => changes.extend(made(&mut random)),
                _ => transaction(&mut random, &mut changes),
            }
        }
        changes.push(format!("INSERT INTO `{END}` VALUES (1)"));
        Round {
            setup: setup(&database, version.is_mariadb() && seed.is_multiple_of(2)),
            database,
            tables: TABLES.map(str::to_owned).to_vec(),
            row_image: RowImage::Full,
            full_metadata: false,
            compressed: false,
            changes,
        }
    }
}

/// `aria` has the engine that can neither be rolled back nor have savepoints, and still takes part in transactions.
fn setup(database: &str, aria: bool) -> Vec<String> {
    let table = |name: &str, options: &str| {
        format!("CREATE TABLE {name} (id INT PRIMARY KEY, n INT, v VARCHAR(40)) {options}")
    };
    let engine = if aria {
        "ENGINE=Aria TRANSACTIONAL=1"
    } else {
        "ENGINE=MyISAM"
    };
    let trigger = |name: &str, when: &str, what: &str| {
        format!("CREATE TRIGGER {name} {when} ON told FOR EACH ROW {what}")
    };
    let function = "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC BEGIN \
                    SAVEPOINT s1; INSERT IGNORE INTO i1 VALUES (x, 0, 'f'); INSERT IGNORE INTO m VALUES (x, 0, 'f'); \
                    RETURN x; END";
    vec![
        format!("CREATE DATABASE {database} CHARACTER SET utf8"),
        format!("USE {database}"),
        table("i1", "ENGINE=InnoDB"),
        table("i2", "ENGINE=InnoDB"),
        table("told", "ENGINE=InnoDB"),
        table("m", "ENGINE=MyISAM"),
        table("a", engine),
        table("made", "ENGINE=InnoDB"),
        trigger(
            "tells",
            "AFTER INSERT",
            "INSERT IGNORE INTO m VALUES (NEW.id, NEW.n, 'trigger')",
        ),
        trigger(
            "counts",
            "AFTER UPDATE",
            "UPDATE i2 SET n = n + 1 WHERE id = NEW.id",
        ),
        trigger("forgets", "AFTER DELETE", "DELETE FROM a WHERE id = OLD.id"),
        // The client's word ends with what joins the statements.
        format!("DELIMITER //\n{function}//\nDELIMITER "),
        format!("CREATE TABLE `{END}` (id INT PRIMARY KEY) ENGINE=InnoDB"),
    ]
}

fn transaction(random: &mut Random, script: &mut Vec<String>) {
    match random.below(12) {
        0 => script.push(statement(random)),
        1 => script.push(format!(
            "SET SESSION binlog_direct_non_transactional_updates = {}",
            random.below(2)
        )),
        2 | 3 => distributed(random, script),
        _ => {
            script.push("BEGIN".to_owned());
            steps(random, script);
            script.push(random.one_of(&["COMMIT", "COMMIT", "ROLLBACK"]).to_owned());
        }
    }
}

fn distributed(random: &mut Random, script: &mut Vec<String>) {
    let name = format!("'r{}'", random.below(1_000_000));
    script.push(format!("XA START {name}"));
    steps(random, script);
    script.push(format!("XA END {name}"));
    match random.below(5) {
        0 => script.push(format!("XA COMMIT {name} ONE PHASE")),
        1 => script.push(format!("XA ROLLBACK {name}")),
        end => {
            script.push(format!("XA PREPARE {name}"));
            let decision = if end == 2 { "ROLLBACK" } else { "COMMIT" };
            script.push(format!("XA {decision} {name}"));
        }
    }
}

fn steps(random: &mut Random, script: &mut Vec<String>) {
    for _ in 0..random.between(1, 12) {
        let step = match random.below(20) {
            0..=3 => format!("SAVEPOINT {}", random.pick(&SAVEPOINTS)),
            4..=6 => format!("ROLLBACK TO SAVEPOINT {}", random.pick(&SAVEPOINTS)),
            7 => format!("RELEASE SAVEPOINT {}", random.pick(&SAVEPOINTS)),
            8..=10 => temporary(random),
            _ => statement(random),
        };
        script.push(step);
    }
}

fn temporary(random: &mut Random) -> String {
    let name = random.pick(&TEMPORARY);
    let engine = random.pick(&["InnoDB", "MyISAM"]);
    match random.below(8) {
        0 | 1 => format!("CREATE TEMPORARY TABLE IF NOT EXISTS {name} (id INT) ENGINE={engine}"),
        2 => format!("CREATE TEMPORARY TABLE IF NOT EXISTS {name} ENGINE={engine} SELECT id FROM i1"),
        3 | 4 => format!("INSERT INTO {name} VALUES ({})", id(random)),
        5 => format!("DROP TEMPORARY TABLE IF EXISTS {name}"),
        _ => format!("INSERT IGNORE INTO i1 SELECT id, id, '{name}' FROM {name}"),
    }
}

/// A table in place of another, whose rows it does not take over: what becomes of rows with DROP TABLE is in no event.
fn made(random: &mut Random) -> Vec<String> {
    let engine = random.pick(&["InnoDB", "MyISAM"]);
    let from = random.pick(&["i1", "m", "(SELECT * FROM i1 UNION ALL SELECT * FROM m)"]);
    let columns = "(id INT PRIMARY KEY, n INT, v VARCHAR(40))";
    vec![
        "DELETE FROM made".to_owned(),
        "DROP TABLE made".to_owned(),
        format!("CREATE TABLE made {columns} ENGINE={engine} SELECT * FROM {from} x LIMIT 9"),
        format!("CREATE TABLE IF NOT EXISTS made {columns} ENGINE={engine}"),
    ]
}

fn id(random: &mut Random) -> u64 {
    random.below(40)
}

fn statement(random: &mut Random) -> String {
    let (table, n) = (random.one_of(&TABLES), random.below(1000));
    let (one, two) = (id(random), id(random));
    match random.below(16) {
        0 | 1 => format!("INSERT INTO {table} VALUES ({one}, {n}, 'a'), ({two}, {n}, 'b')"),
        2..=4 => format!("INSERT IGNORE INTO {table} VALUES ({one}, {n}, 'é'), ({two}, {n}, '語')"),
        5 => format!("REPLACE INTO {table} VALUES ({one}, {n}, NULL)"),
        6 | 7 => format!("UPDATE {table} SET n = {n} WHERE id % 7 = {}", random.below(7)),
        8 => format!("UPDATE {table} SET id = id + 100 WHERE id = {one}"),
        9 | 10 => format!("DELETE FROM {table} WHERE id IN ({one}, {two}) OR id > 80"),
        11 => format!("UPDATE i1, m SET i1.n = {n}, m.n = {n} WHERE i1.id = m.id AND m.id % 5 = 1"),
        12 => "DELETE i2, a FROM i2 JOIN a USING (id) WHERE i2.id % 3 = 1".to_owned(),
        13 => format!("INSERT IGNORE INTO i2 SELECT id, n, 'of m' FROM m WHERE id < {one}"),
        14 => format!("INSERT IGNORE INTO a SELECT id, n, 'of i2' FROM i2 WHERE id < {one}"),
        _ => format!("SELECT f({one})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_round_with_all_that_can_be_rolled_back() {
        let round = |seed| Round::rolled_back(seed, ServerVersion::MariaDb118, 300);
        assert_eq!(round(4).changes, round(4).changes);
        assert_ne!(round(4).changes, round(5).changes);
        for word in [
            "ROLLBACK TO",
            "DROP TEMPORARY",
            "XA ROLLBACK",
            "RELEASE",
            "SELECT f(",
        ] {
            let found = round(4).changes.iter().any(|text| text.contains(word));
            assert!(found, "{word}");
        }
    }
}
