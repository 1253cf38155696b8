//! Statements that change tables.
//!
//! A table is emptied before it is changed: what becomes of rows in an ALTER TABLE is in no event.

use super::Stage;
use super::charset;
use super::data_type::DataType;
use super::table::{CHOOSER, Column, Table};

const PRIMARY: &str = "PRIMARY KEY";
const UNIQUE: &str = "UNIQUE KEY `the key`";
const OTHER: &str = "UNIQUE KEY `other`";

impl Stage {
    /// A change of a table, or of several, and rows in the new shape.
    pub(super) fn ddl(&mut self) -> Vec<String> {
        let table = self.random.place(self.tables.len());
        if self.tables[table].cascades || self.tables[table].name == "written" {
            return self.changes().transaction();
        }
        let name = self.tables[table].quoted();
        let mut statements = vec![format!("DELETE FROM {name}")];
        statements.extend(match self.random.below(20) {
            0 => self.renamed(table),
            1 => self.swapped(table),
            2 => self.swapped_as_a_tool_does(table),
            3 => self.made_anew(table),
            4 => self.selected(table),
            5 => self.index(table),
            6 => vec![format!("TRUNCATE {name}")],
            7 => vec![self.unchanged(table)],
            _ => vec![self.alter(table, &name)],
        });
        statements.push(self.changes().insert_into(table, "INSERT IGNORE"));
        statements
    }

    fn number(&mut self) -> usize {
        self.named += 1;
        20 + self.named
    }

    /// The ALTER TABLE of `name`, which is made as `table` is, with one clause or several.
    fn alter(&mut self, table: usize, name: &str) -> String {
        let mut clauses: Vec<String> = Vec::new();
        for _ in 0..self.random.one_of(&[1, 1, 1, 2, 3]) {
            clauses.extend(self.clause(table, &clauses));
        }
        if clauses.is_empty() {
            return self.unchanged(table);
        }
        format!("ALTER TABLE {name} {}", clauses.join(", "))
    }

    /// A clause more. One that says something of all columns, or of names that another clause makes, stands alone; no
    /// server drops a column that the same statement adds or changes.
    fn clause(&mut self, table: usize, clauses: &[String]) -> Option<String> {
        let alone = clauses.is_empty();
        let drops_only = clauses.iter().all(|clause| clause.starts_with("DROP COLUMN"));
        match self.random.below(14) {
            0..=3 => Some(self.add_column(table)),
            4 | 5 if drops_only => self.drop_column(table),
            6 | 7 if alone => self.modify(table),
            8 if alone => self.change(table),
            9 if alone && self.dialect.renames_columns => self.rename_column(table),
            10 if alone => self.convert(table),
            11 if alone => self.key(table),
            12 if alone => self.order(table),
            _ => None,
        }
    }

    fn place(&mut self, table: usize) -> String {
        match self.random.below(6) {
            0 => " FIRST".to_owned(),
            1 | 2 => format!(" AFTER {}", self.tables[table].columns[CHOOSER].quoted()),
            _ => String::new(),
        }
    }

    fn add_column(&mut self, table: usize) -> String {
        let number = self.number();
        let column = Column::choose(&mut self.random, &self.dialect, number);
        let text = format!("ADD COLUMN {}{}", column.declaration(), self.place(table));
        self.tables[table].columns.push(column);
        text
    }

    /// A column that is of no key and that no other is made from.
    fn plain(&mut self, table: usize) -> Option<usize> {
        let here = &self.tables[table];
        let has_generated = here.columns.iter().any(|column| column.generated);
        let is_plain = |place: &usize| {
            let column = &here.columns[*place];
            let is_source = has_generated && matches!(column.ty, DataType::Json);
            *place != CHOOSER && !here.key.contains(place) && !column.generated && !is_source
        };
        let plain: Vec<usize> = (0..here.columns.len()).filter(is_plain).collect();
        (!plain.is_empty()).then(|| self.random.one_of(&plain))
    }

    fn drop_column(&mut self, table: usize) -> Option<String> {
        let place = self.plain(table)?;
        let column = self.tables[table].remove(place);
        Some(format!("DROP COLUMN {}", column.quoted()))
    }

    fn modify(&mut self, table: usize) -> Option<String> {
        let place = self.plain(table)?;
        let mut column = Column::choose(&mut self.random, &self.dialect, 0);
        column.name.clone_from(&self.tables[table].columns[place].name);
        let text = format!("MODIFY COLUMN {}{}", column.declaration(), self.place(table));
        self.tables[table].columns[place] = column;
        Some(text)
    }

    fn change(&mut self, table: usize) -> Option<String> {
        let place = self.plain(table)?;
        let number = self.number();
        let column = Column::choose(&mut self.random, &self.dialect, number);
        let old = self.tables[table].columns[place].quoted();
        let text = format!("CHANGE {old} {}{}", column.declaration(), self.place(table));
        self.tables[table].columns[place] = column;
        Some(text)
    }

    /// One column, or two that take each other's names.
    fn rename_column(&mut self, table: usize) -> Option<String> {
        let (first, second) = (self.plain(table)?, self.plain(table)?);
        let number = self.number();
        let columns = &mut self.tables[table].columns;
        let old = columns[first].quoted();
        if first == second {
            columns[first].name = format!("renamed {number}");
            return Some(format!("RENAME COLUMN {old} TO {}", columns[first].quoted()));
        }
        let other = columns[second].quoted();
        let name = std::mem::take(&mut columns[first].name);
        columns[first].name = std::mem::replace(&mut columns[second].name, name);
        Some(format!(
            "RENAME COLUMN {old} TO {other}, RENAME COLUMN {other} TO {old}"
        ))
    }

    /// All columns of text to a character set. Servers keep the bytes of the labels of ENUM and SET, and make other
    /// labels, or none, of them.
    fn convert(&mut self, table: usize) -> Option<String> {
        let charset = self.random.one_of(&[charset::UTF8MB4, charset::UTF16]);
        let keeps_labels = |column: &Column| column.ty.labels_in().is_none_or(|own| own == charset.name);
        if !self.tables[table].columns.iter().all(keeps_labels) {
            return None;
        }
        for column in &mut self.tables[table].columns {
            if column.ty.convert(charset) {
                column.declared = column.ty.declaration();
            }
        }
        Some(format!("CONVERT TO CHARACTER SET {}", charset.name))
    }

    /// Another key, in the place of the one that is there.
    fn key(&mut self, table: usize) -> Option<String> {
        let number = self.number();
        let here = &self.tables[table];
        let counted = here.columns.iter().any(|column| column.auto_increment);
        if counted || self.dialect.makes_keys || here.options.contains("PARTITION") {
            return None;
        }
        let mut clauses: Vec<String> = Vec::new();
        let is_key = |clause: &String| clause.starts_with(PRIMARY) || clause.starts_with(UNIQUE);
        if let Some(old) = here.clauses.iter().find(|clause| is_key(clause)) {
            clauses.push(match old.starts_with(PRIMARY) {
                true => "DROP PRIMARY KEY".to_owned(),
                false => "DROP INDEX `the key`".to_owned(),
            });
        }
        self.tables[table].clauses.retain(|clause| !is_key(clause));
        self.tables[table].key.clear();
        if clauses.is_empty() || self.random.chance(70) {
            let mut column = Column::new(
                &format!("k{number}"),
                DataType::choose_for_key(&mut self.random, &self.dialect),
            );
            column.nullable = false;
            clauses.push(format!("ADD {}{}", column.declaration(), self.place(table)));
            let key = self.random.one_of(&[PRIMARY, PRIMARY, UNIQUE]);
            let key = format!("{key} ({})", column.quoted());
            clauses.push(format!("ADD {key}"));
            let here = &mut self.tables[table];
            here.key.push(here.columns.len());
            here.columns.push(column);
            here.clauses.push(key);
        }
        Some(clauses.join(", "))
    }

    /// The same column in another place.
    fn order(&mut self, table: usize) -> Option<String> {
        let place = self.plain(table)?;
        let column = self.tables[table].columns[place].declaration();
        Some(format!("MODIFY {column}{}", self.place(table)))
    }

    fn renamed(&mut self, table: usize) -> Vec<String> {
        let old = self.tables[table].quoted();
        let name = format!("renamed {}", self.number());
        self.tables[table].name = name;
        let new = self.tables[table].quoted();
        vec![match self.random.chance(50) {
            true => format!("RENAME TABLE {old} TO {new}"),
            false => format!("ALTER TABLE {old} RENAME TO {new}"),
        }]
    }

    /// Two tables take each other's names.
    fn swapped(&mut self, table: usize) -> Vec<String> {
        let other = self.random.place(self.tables.len());
        let second = &self.tables[other];
        if other == table || second.cascades || second.name == "written" {
            return Vec::new();
        }
        let (a, b) = (self.tables[table].quoted(), second.quoted());
        let name = std::mem::take(&mut self.tables[table].name);
        self.tables[table].name = std::mem::replace(&mut self.tables[other].name, name);
        vec![
            format!("DELETE FROM {b}"),
            format!("RENAME TABLE {a} TO `for a moment`, {b} TO {a}, `for a moment` TO {b}"),
        ]
    }

    /// As gh-ost and pt-online-schema-change do it.
    fn swapped_as_a_tool_does(&mut self, table: usize) -> Vec<String> {
        let number = self.number();
        let name = self.tables[table].quoted();
        let (copy, old) = (format!("`_copy {number}`"), format!("`_old {number}`"));
        let mut statements = vec![format!("CREATE TABLE {copy} LIKE {name}")];
        statements.push(self.alter(table, &copy));
        let real = std::mem::replace(&mut self.tables[table].name, format!("_copy {number}"));
        statements.push(self.changes().insert_into(table, "INSERT IGNORE"));
        self.tables[table].name = real;
        statements.extend([
            format!("DELETE FROM {copy}"),
            format!("RENAME TABLE {name} TO {old}, {copy} TO {name}"),
            format!("DROP TABLE {old}"),
        ]);
        statements
    }

    /// Another table under the same name.
    fn made_anew(&mut self, table: usize) -> Vec<String> {
        let engine = self.tables[table].engine;
        let mut made = Table::choose(&mut self.random, &self.dialect, engine, table);
        made.name.clone_from(&self.tables[table].name);
        let (name, create) = (made.quoted(), made.create());
        self.tables[table] = made;
        match (
            self.dialect.replaces_tables && self.random.chance(50),
            create.split_once(' '),
        ) {
            (true, Some((_, rest))) => vec![format!("CREATE OR REPLACE {rest}")],
            _ => vec![format!("DROP TABLE {name}"), create],
        }
    }

    /// A table of what another holds, with its rows.
    fn selected(&mut self, table: usize) -> Vec<String> {
        // What the server logs of it is its own text.
        let is_shown = |column: &Column| !column.ty.has_labels_beyond_bmp();
        if !self.dialect.creates_selected || !self.tables[table].columns.iter().all(is_shown) {
            return Vec::new();
        }
        let name = self.tables[table].quoted();
        let number = self.number();
        let fill = self.changes().insert_into(table, "INSERT IGNORE");
        vec![
            fill,
            format!("CREATE TABLE `selected {number}` AS SELECT * FROM {name}"),
        ]
    }

    fn index(&mut self, table: usize) -> Vec<String> {
        let here = &mut self.tables[table];
        if here.options.contains("PARTITION") {
            return Vec::new();
        }
        let name = here.quoted();
        let before = here.clauses.len();
        here.clauses.retain(|clause| !clause.starts_with(OTHER));
        if here.clauses.len() < before {
            return vec![format!("DROP INDEX `other` ON {name}")];
        }
        here.clauses.push(format!("{OTHER} (`n`)"));
        vec![format!("CREATE UNIQUE INDEX `other` ON {name} (`n`)")]
    }

    /// A statement that leaves the table's columns as they are.
    fn unchanged(&mut self, table: usize) -> String {
        let name = self.tables[table].quoted();
        let clause = self.random.one_of(&[
            "COMMENT = 'it''s; -- `the same`'",
            "FORCE",
            "ALTER COLUMN `n` SET DEFAULT 7",
            "ALTER COLUMN `n` DROP DEFAULT",
            "AUTO_INCREMENT = 1000, ROW_FORMAT = DYNAMIC",
            "DEFAULT CHARACTER SET latin1",
            "MODIFY `n` INT COMMENT 'x', ALGORITHM = COPY",
            "ORDER BY `n`",
        ]);
        format!("ALTER TABLE {name} {clause}")
    }
}

impl Table {
    /// Takes away a column that is not of the key.
    fn remove(&mut self, place: usize) -> Column {
        for key in &mut self.key {
            *key -= usize::from(*key > place);
        }
        self.columns.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Round, Size};
    use crate::ServerVersion;

    #[test]
    fn all_parts_change_tables_and_a_seed_gives_the_same() {
        let size = Size {
            tables: 3,
            transactions: 60,
            largest: 100,
        };
        for version in ServerVersion::ALL {
            let parts = Round::altered(7, version, size, 3, true);
            assert_eq!(parts.len(), 3);
            for part in &parts {
                assert!(
                    part.changes.iter().any(|text| text.contains("ALTER TABLE")),
                    "{version}"
                );
                assert!(
                    part.changes.iter().any(|text| text.contains("INSERT")),
                    "{version}"
                );
            }
            let again = Round::altered(7, version, size, 3, true);
            assert_eq!(parts[2].changes, again[2].changes);
        }
    }
}
