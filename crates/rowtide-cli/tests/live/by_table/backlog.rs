//! Changes of many tables in turn, made at random, and what they do to each row.

use std::collections::BTreeMap;

use rowtide_testbed::{MySql, ServerVersion};
use serde_json::{Value, json};

use super::{Changes, DATABASE, TABLES};

/// A table as it is.
#[derive(Clone)]
pub struct Table {
    name: String,
    /// By `id`: `v`, and how long `pad` is.
    rows: BTreeMap<u64, (u64, usize)>,
    /// Columns that came later, each with its default in all rows.
    more: Vec<(String, u64)>,
}

impl Table {
    pub fn numbered(number: usize) -> Self {
        Self {
            name: format!("t{number}"),
            rows: BTreeMap::new(),
            more: Vec::new(),
        }
    }

    pub fn create(&self) -> String {
        let more: String = self
            .more
            .iter()
            .map(|(name, default)| format!(", {name} INT DEFAULT {default}"))
            .collect();
        format!(
            "CREATE TABLE {} (id INT PRIMARY KEY, v INT, pad TEXT{more});\n",
            self.name
        )
    }

    fn row(&self, id: u64) -> Value {
        let (v, pad) = self.rows[&id];
        let mut row = json!({"id": id, "v": v, "pad": (pad > 0).then(|| "x".repeat(pad))});
        for (name, default) in &self.more {
            row[name] = json!(default);
        }
        row
    }
}

/// Statements, and what they do.
pub struct Backlog {
    /// What was not played yet.
    pub sql: String,
    tables: Vec<Table>,
    pub expected: Changes,
    /// The last number that was given, to a row or as a value.
    last: u64,
    random: u64,
}

impl Backlog {
    pub fn new(seed: u64) -> Self {
        Self {
            sql: String::new(),
            tables: (0..TABLES).map(Table::numbered).collect(),
            expected: Changes::new(),
            last: 0,
            random: seed,
        }
    }

    /// Changes of all kinds, and all that may stand between them.
    pub fn all_kinds(&mut self, version: ServerVersion) {
        self.in_turn(3_000);
        self.at_random(3_000);
        self.large_transaction();
        for kind in 0..30 {
            self.at_random(80);
            self.between(kind, version);
        }
        for kind in 0..6 {
            self.in_turn(1_300);
            self.between(kind, version);
        }
    }

    fn between(&mut self, kind: usize, version: ServerVersion) {
        match kind % 6 {
            0 => self.add_column(),
            1 => self.rename(),
            2 => self.drop_and_create(),
            3 => self.truncate(),
            4 => self.rolled_back(version),
            _ => self.xa(version),
        }
    }

    pub fn play(&mut self, server: &MySql) {
        server
            .sql(&format!("USE {DATABASE};\n{}", std::mem::take(&mut self.sql)))
            .unwrap();
    }

    /// Checks that the tables are as they should be.
    pub fn assert_is_of(&self, server: &MySql) {
        let of_one = |table: &Table| format!("SELECT '{0}', id, v FROM {0} ORDER BY id;\n", table.name);
        let all: String = self.tables.iter().map(of_one).collect();
        let rows = server.query(&format!("USE {DATABASE};\n{all}")).unwrap();
        let found: Vec<String> = rows
            .into_iter()
            .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
            .collect();
        let of_one = |table: &Table| {
            table
                .rows
                .iter()
                .map(|(id, (v, _))| format!("{} {id} {v}", table.name))
                .collect::<Vec<_>>()
        };
        assert_eq!(found, self.tables.iter().flat_map(of_one).collect::<Vec<_>>());
    }

    /// A number below another one, by SplitMix64.
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub fn in_turn(&mut self, statements: usize) {
        (0..statements).for_each(|statement| self.change(statement % TABLES));
    }

    /// Alone and together with others in a transaction.
    fn at_random(&mut self, statements: usize) {
        let mut done = 0;
        while done < statements {
            let together = 1 + self.below(5);
            self.sql.push_str("BEGIN;\n");
            for _ in 0..together {
                let table = self.below(TABLES);
                self.change(table);
            }
            self.sql.push_str("COMMIT;\n");
            done += together;
        }
    }

    /// More than is laid aside of one transaction.
    fn large_transaction(&mut self) {
        self.sql.push_str("BEGIN;\n");
        (0..TABLES).for_each(|table| self.insert(table, 1 + table % 3, 1_500));
        self.sql.push_str("COMMIT;\n");
    }

    fn change(&mut self, table: usize) {
        let rows = self.tables[table].rows.len();
        match self.below(10) {
            0..4 => self.insert_some(table),
            _ if rows == 0 => self.insert_some(table),
            4..7 => self.update(table),
            7 => self.update_key(table),
            _ => self.delete(table),
        }
    }

    fn insert_some(&mut self, table: usize) {
        let rows = 1 + self.below(3);
        self.insert(table, rows, 0);
    }

    pub fn insert(&mut self, table: usize, rows: usize, pad: usize) {
        let mut values = Vec::new();
        for _ in 0..rows {
            let (id, v) = (self.next(), self.next());
            let text = if pad > 0 {
                format!("REPEAT('x', {pad})")
            } else {
                "NULL".to_owned()
            };
            values.push(format!("({id}, {v}, {text})"));
            self.tables[table].rows.insert(id, (v, pad));
            let row = self.tables[table].row(id);
            self.expect(table, "c", Value::Null, row);
        }
        let (name, values) = (&self.tables[table].name, values.join(", "));
        self.sql
            .push_str(&format!("INSERT INTO {name} (id, v, pad) VALUES {values};\n"));
    }

    /// Some of the rows of a table, in their order.
    fn some(&mut self, table: usize) -> Vec<u64> {
        let (rows, count) = (self.tables[table].rows.len(), 1 + self.below(3));
        let first = self.below(rows);
        self.tables[table]
            .rows
            .keys()
            .copied()
            .skip(first)
            .take(count)
            .collect()
    }

    fn update(&mut self, table: usize) {
        let (ids, v) = (self.some(table), self.next());
        for id in &ids {
            let before = self.tables[table].row(*id);
            self.tables[table].rows.entry(*id).and_modify(|row| row.0 = v);
            let after = self.tables[table].row(*id);
            self.expect(table, "u", before, after);
        }
        let (name, ids) = (&self.tables[table].name, list(&ids));
        self.sql
            .push_str(&format!("UPDATE {name} SET v = {v} WHERE id IN ({ids});\n"));
    }

    /// A row under another key is gone and comes anew.
    fn update_key(&mut self, table: usize) {
        let (id, new) = (self.some(table)[0], self.next());
        let before = self.tables[table].row(id);
        let row = self.tables[table].rows.remove(&id).unwrap();
        self.tables[table].rows.insert(new, row);
        let after = self.tables[table].row(new);
        self.expect(table, "d", before, Value::Null);
        self.expect(table, "c", Value::Null, after);
        let name = &self.tables[table].name;
        self.sql
            .push_str(&format!("UPDATE {name} SET id = {new} WHERE id = {id};\n"));
    }

    fn delete(&mut self, table: usize) {
        let ids = self.some(table);
        for id in &ids {
            let before = self.tables[table].row(*id);
            self.expect(table, "d", before, Value::Null);
            self.tables[table].rows.remove(id);
        }
        let (name, ids) = (&self.tables[table].name, list(&ids));
        self.sql
            .push_str(&format!("DELETE FROM {name} WHERE id IN ({ids});\n"));
    }

    fn expect(&mut self, table: usize, op: &str, before: Value, after: Value) {
        let name = self.tables[table].name.clone();
        let changes = self.expected.entry(name).or_default();
        changes.push((op.to_owned(), before, after));
    }

    fn add_column(&mut self) {
        let (table, number) = (self.below(TABLES), self.next());
        let column = format!("w{number}");
        let name = &self.tables[table].name;
        self.sql.push_str(&format!(
            "ALTER TABLE {name} ADD COLUMN {column} INT DEFAULT {number};\n"
        ));
        self.tables[table].more.push((column, number));
        self.change(table);
    }

    fn rename(&mut self) {
        let (table, number) = (self.below(TABLES), self.next());
        let (old, new) = (self.tables[table].name.clone(), format!("r{number}"));
        self.sql.push_str(&format!("RENAME TABLE {old} TO {new};\n"));
        self.tables[table].name = new;
        self.change(table);
    }

    fn drop_and_create(&mut self) {
        let (table, number) = (self.below(TABLES), self.next());
        self.change(table);
        let name = self.tables[table].name.clone();
        let new = Table {
            more: vec![(format!("z{number}"), number)],
            name,
            rows: BTreeMap::new(),
        };
        self.sql
            .push_str(&format!("DROP TABLE {};\n{}", new.name, new.create()));
        self.tables[table] = new;
        self.change(table);
    }

    fn truncate(&mut self) {
        let table = self.below(TABLES);
        self.change(table);
        self.sql
            .push_str(&format!("TRUNCATE TABLE {};\n", self.tables[table].name));
        self.tables[table].rows.clear();
        self.change(table);
    }

    /// Changes that are rolled back, to a savepoint and all of a transaction. MariaDB writes them into the binlog where
    /// something else cannot be rolled back.
    fn rolled_back(&mut self, version: ServerVersion) {
        let number = self.next();
        let cannot = match version.is_mariadb() {
            true => format!(
                "CREATE TEMPORARY TABLE x{number} (id INT) ENGINE=MyISAM; INSERT INTO x{number} VALUES (1);\n"
            ),
            false => String::new(),
        };
        self.sql.push_str(&format!("{cannot}BEGIN;\n"));
        self.change_some();
        self.sql.push_str("SAVEPOINT a;\n");
        self.in_vain(number);
        self.sql.push_str("ROLLBACK TO a;\n");
        self.change_some();
        self.sql.push_str("COMMIT;\nBEGIN;\n");
        self.in_vain(number);
        self.sql.push_str("ROLLBACK;\n");
    }

    fn change_some(&mut self) {
        for _ in 0..3 {
            let table = self.below(TABLES);
            self.change(table);
        }
    }

    fn in_vain(&mut self, temporary: u64) {
        let (tables, expected) = (self.tables.clone(), self.expected.clone());
        if self.sql.contains(&format!("INSERT INTO x{temporary} ")) {
            self.sql
                .push_str(&format!("INSERT INTO x{temporary} VALUES (2);\n"));
        }
        self.change_some();
        (self.tables, self.expected) = (tables, expected);
    }

    /// MySQL 9.7 lets a session go on while its transaction is prepared.
    fn xa(&mut self, version: ServerVersion) {
        let xid = self.next();
        self.sql.push_str(&format!("XA START 'x{xid}';\n"));
        let expected = std::mem::take(&mut self.expected);
        let tables: Vec<usize> = (0..3).map(|_| self.below(TABLES)).collect();
        for table in &tables {
            self.insert_some(*table);
        }
        let waiting = std::mem::replace(&mut self.expected, expected);
        self.sql
            .push_str(&format!("XA END 'x{xid}';\nXA PREPARE 'x{xid}';\n"));
        if version == ServerVersion::MySql97 {
            (0..TABLES)
                .step_by(97)
                .filter(|table| !tables.contains(table))
                .for_each(|table| self.insert_some(table));
        }
        self.sql.push_str(&format!("XA COMMIT 'x{xid}';\n"));
        for (table, changes) in waiting {
            self.expected.entry(table).or_default().extend(changes);
        }
    }
}

fn list(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
