//! Statements that change rows.

use super::data_type::DataType;
use super::dialect::Dialect;
use super::json;
use super::settings::RowImage;
use super::table::{CHOOSER, Column, Table};
use super::value::{self, Limits};
use crate::random::Random;

/// Makes statements for the tables of a round.
pub(super) struct Changes<'a> {
    pub(super) random: &'a mut Random,
    pub(super) dialect: &'a Dialect,
    pub(super) limits: Limits,
    pub(super) tables: &'a [Table],
    pub(super) row_image: RowImage,
}

impl Changes<'_> {
    /// Statements up to the next point where no transaction is open.
    pub(super) fn transaction(&mut self) -> Vec<String> {
        match self.random.below(20) {
            0..=6 => vec![self.statement()],
            7 => self.emptied(),
            8 => self.distributed(),
            _ => self.local(),
        }
    }

    /// Rows to begin with.
    pub(super) fn filling(&mut self) -> Vec<String> {
        (0..self.tables.len())
            .map(|table| self.insert_into(table, "INSERT IGNORE"))
            .collect()
    }

    fn local(&mut self) -> Vec<String> {
        let mut statements = vec!["BEGIN".to_owned()];
        let mut savepoints = 0;
        for _ in 0..self.random.one_of(&[1, 2, 3, 5, 8]) {
            if self.random.chance(15) {
                savepoints += 1;
                statements.push(format!("SAVEPOINT s{savepoints}"));
            }
            if self.random.chance(12) {
                statements.push(self.temporary());
            }
            statements.push(self.statement());
            if savepoints > 0 && self.random.chance(25) {
                let number = self.random.between(1, savepoints);
                statements.push(format!("ROLLBACK TO SAVEPOINT s{number}"));
                savepoints = number;
            }
        }
        let end = if self.random.chance(12) {
            "ROLLBACK"
        } else {
            "COMMIT"
        };
        statements.push(end.to_owned());
        statements
    }

    /// What is done to temporary tables is not rolled back, so that some servers log what is.
    fn temporary(&mut self) -> String {
        let engine = self.random.pick(&["InnoDB", "MyISAM"]);
        match self.random.below(3) {
            0 => format!("CREATE TEMPORARY TABLE IF NOT EXISTS `passes` (n INT) ENGINE={engine}"),
            1 => "INSERT INTO `passes` VALUES (1)".to_owned(),
            _ => "DROP TEMPORARY TABLE IF EXISTS `passes`".to_owned(),
        }
    }

    /// An XA transaction; other changes may come between its preparation and its end.
    fn distributed(&mut self) -> Vec<String> {
        let name = format!("'x{}'", self.random.below(1_000_000));
        let mut statements = vec![format!("XA START {name}")];
        for _ in 0..self.random.between(1, 3) {
            statements.push(self.statement());
        }
        statements.push(format!("XA END {name}"));
        statements.push(format!("XA PREPARE {name}"));
        let end = if self.random.chance(30) {
            "ROLLBACK"
        } else {
            "COMMIT"
        };
        statements.push(format!("XA {end} {name}"));
        statements
    }

    /// TRUNCATE makes no record, so that it must find nothing.
    fn emptied(&mut self) -> Vec<String> {
        let table = self.any();
        if self.random.chance(80) {
            return vec![self.statement()];
        }
        let name = self.tables[table].quoted();
        let fill = self.insert_into(table, "INSERT IGNORE");
        vec![
            format!("DELETE FROM {name}"),
            format!("TRUNCATE TABLE {name}"),
            fill,
        ]
    }

    /// MySQL 9.7 logs bytes of another value as a virtual JSON column of the row that REPLACE writes, unless images are
    /// full.
    fn replacing(&self, table: usize) -> &'static str {
        let is_computed = self.tables[table].columns.iter().any(|column| column.generated);
        match self.row_image {
            RowImage::Minimal | RowImage::NoBlob if is_computed => "INSERT IGNORE",
            _ => "REPLACE",
        }
    }

    fn statement(&mut self) -> String {
        let table = self.any();
        match self.random.below(20) {
            0..=3 => self.insert_into(table, "INSERT"),
            4..=5 => self.insert_into(table, "INSERT IGNORE"),
            6 => self.insert_into(table, self.replacing(table)),
            7 => self.insert_or_update(table),
            8 => self.insert_selected(table),
            9..=14 => self.update(table),
            15 => self.update_two(table),
            16 => self.delete_two(table),
            17 => self.update_key(table),
            _ => self.delete(table),
        }
    }

    fn any(&mut self) -> usize {
        self.random.place(self.tables.len())
    }

    fn value(&mut self, place: usize, column: &Column) -> String {
        if place == CHOOSER {
            return self.random.below(24).to_string();
        }
        if column.nullable && self.random.chance(12) {
            return "NULL".to_owned();
        }
        let in_key = !column.nullable && column.name.starts_with('k');
        let limits = Limits {
            // Dates that are null in a record do not tell rows apart.
            odd_dates: self.limits.odd_dates && !in_key,
            ..self.limits
        };
        value::literal(self.random, &column.ty, self.dialect, limits)
    }

    /// Inserts rows into one table.
    pub(super) fn insert_into(&mut self, table: usize, verb: &str) -> String {
        let table = &self.tables[table];
        // No event tells what a column that is not named has then.
        let all = self.row_image != RowImage::Full || !self.random.chance(15);
        let is_named = |(place, column): &(usize, &Column)| match column.auto_increment {
            true => self.random.chance(50),
            false => all || *place == CHOOSER || self.random.chance(60),
        };
        let columns: Vec<(usize, &Column)> = table.writable().filter(is_named).collect();
        let names: Vec<String> = columns.iter().map(|(_, column)| column.quoted()).collect();
        let count = self.random.one_of(&[1, 1, 2, 3, 5, 12]);
        let row = |changes: &mut Self| {
            let values: Vec<String> = columns
                .iter()
                .map(|(place, column)| changes.value(*place, column))
                .collect();
            format!("({})", values.join(","))
        };
        let rows: Vec<String> = (0..count).map(|_| row(self)).collect();
        format!(
            "{verb} INTO {} ({}) VALUES {}",
            table.quoted(),
            names.join(","),
            rows.join(",")
        )
    }

    fn insert_or_update(&mut self, table: usize) -> String {
        let insert = self.insert_into(table, "INSERT");
        format!("{insert} ON DUPLICATE KEY UPDATE {}", self.assignments(table, ""))
    }

    /// Copies rows, some of which will have a key that is there already.
    fn insert_selected(&mut self, table: usize) -> String {
        let table = &self.tables[table];
        let expressions: Vec<String> = table
            .writable()
            .map(|(place, column)| {
                if table.key.contains(&place) {
                    self.value(place, column)
                } else {
                    column.quoted()
                }
            })
            .collect();
        let names: Vec<String> = table.writable().map(|(_, column)| column.quoted()).collect();
        let name = table.quoted();
        let (names, expressions) = (names.join(","), expressions.join(","));
        let rows = self.rows("");
        format!("INSERT IGNORE INTO {name} ({names}) SELECT {expressions} FROM {name} WHERE {rows} LIMIT 4")
    }

    fn update(&mut self, table: usize) -> String {
        let assignments = self.assignments(table, "");
        let ignore = if self.random.chance(20) { "IGNORE " } else { "" };
        let name = self.tables[table].quoted();
        let rows = self.rows("");
        let limit = self.random.one_of(&["", "", " ORDER BY `n` LIMIT 3"]);
        format!("UPDATE {ignore}{name} SET {assignments} WHERE {rows}{limit}")
    }

    fn update_key(&mut self, table: usize) -> String {
        let table = &self.tables[table];
        let Some(place) = table.key.first() else {
            let name = table.quoted();
            return format!("UPDATE {name} SET `n` = `n` + 1 ORDER BY `n` LIMIT 5");
        };
        let column = &table.columns[*place];
        let (name, key) = (table.quoted(), column.quoted());
        let rows = self.rows("");
        if matches!(column.ty, DataType::Integer { .. }) && self.random.chance(60) {
            // From the last on, so that no row takes the place of one that has not moved yet.
            return format!("UPDATE IGNORE {name} SET {key} = {key} + 1 WHERE {rows} ORDER BY {key} DESC");
        }
        let value = self.value(*place, column);
        format!("UPDATE IGNORE {name} SET {key} = {value} WHERE {rows} LIMIT 2")
    }

    /// Joins change rows of two tables in one statement.
    fn update_two(&mut self, first: usize) -> String {
        let Some(second) = self.other(first) else {
            return self.update(first);
        };
        let (a, b) = (self.tables[first].quoted(), self.tables[second].quoted());
        let assignments = [self.assignments(first, "a."), self.assignments(second, "b.")].join(", ");
        let rows = self.rows("a.");
        format!("UPDATE IGNORE {a} a JOIN {b} b ON a.`n` = b.`n` SET {assignments} WHERE {rows}")
    }

    fn delete_two(&mut self, first: usize) -> String {
        let Some(second) = self.other(first) else {
            return self.delete(first);
        };
        let (a, b) = (self.tables[first].quoted(), self.tables[second].quoted());
        let chosen = self.random.below(24);
        format!("DELETE a, b FROM {a} a JOIN {b} b ON a.`n` = b.`n` WHERE a.`n` = {chosen}")
    }

    /// Another table that can be changed in the same statement. It keeps its rows in the same way: with GTIDs one
    /// statement may not change tables of both kinds. It is none of a cascade: MySQL 9.7 logs a child's row that a DELETE of
    /// both tables names and the cascade takes away as deleted twice.
    fn other(&mut self, first: usize) -> Option<usize> {
        let second = self.any();
        let (a, b) = (&self.tables[first], &self.tables[second]);
        (second != first && a.engine == b.engine && !a.cascades && !b.cascades).then_some(second)
    }

    fn delete(&mut self, table: usize) -> String {
        let name = self.tables[table].quoted();
        let rows = self.rows("");
        let limit = self.random.one_of(&["", "", " ORDER BY `n` LIMIT 2"]);
        format!("DELETE FROM {name} WHERE {rows}{limit}")
    }

    /// Which rows: a few of all.
    fn rows(&mut self, table: &str) -> String {
        match self.random.below(8) {
            0 => format!("{table}`n` IS NULL"),
            1 => format!("{table}`n` < 6"),
            2 | 3 => format!("{table}`n` = {}", self.random.below(24)),
            _ => format!("{table}`n` % 5 = {}", self.random.below(5)),
        }
    }

    /// New values of one to four columns that are not of the key; at times the value that is there.
    fn assignments(&mut self, table: usize, prefix: &str) -> String {
        let table = &self.tables[table];
        let columns: Vec<(usize, &Column)> = table
            .writable()
            .filter(|(place, _)| !table.key.contains(place))
            .collect();
        let mut assigned: Vec<String> = Vec::new();
        for _ in 0..self.random.between(1, 4) {
            let (place, column) = self.random.one_of(&columns);
            let name = format!("{prefix}{}", column.quoted());
            let start = format!("{name} = ");
            if !assigned.iter().any(|assignment| assignment.starts_with(&start)) {
                let value = self.new_value(place, column, &name);
                assigned.push(start + &value);
            }
        }
        assigned.join(", ")
    }

    fn new_value(&mut self, place: usize, column: &Column, name: &str) -> String {
        match column.ty {
            _ if self.random.chance(5) => name.to_owned(),
            DataType::Json if self.dialect.binary_json && self.random.chance(75) => {
                json::change(self.random, name)
            }
            DataType::Char { .. } if self.random.chance(20) => format!("CONCAT({name}, '+')"),
            _ => self.value(place, column),
        }
    }
}
