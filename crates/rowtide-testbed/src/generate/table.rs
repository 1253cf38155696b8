//! Tables: columns, keys, engines, partitions.

use super::data_type::DataType;
use super::dialect::Dialect;
use super::sql;
use super::value::{self, Limits};
use crate::random::Random;

/// A table as its CREATE statement makes it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Columns of the primary key, or of the unique key in its place, by their places.
    pub(super) key: Vec<usize>,
    pub(super) engine: Engine,
    /// A foreign key carries changes between this table and another.
    pub(super) cascades: bool,
    /// What stands behind the columns: keys and checks.
    pub(super) clauses: Vec<String>,
    pub(super) options: String,
}

/// A column and all that is declared of it.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) ty: DataType,
    pub(super) nullable: bool,
    pub(super) auto_increment: bool,
    /// The server computes it.
    pub(super) generated: bool,
    /// The type and what belongs to it.
    pub(super) declared: String,
    pub(super) attributes: String,
}

/// What keeps the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    InnoDb,
    /// It knows no transactions: what is rolled back stays.
    MyIsam,
}

impl Engine {
    /// The engine of one table.
    pub(super) fn choose(random: &mut Random) -> Engine {
        if random.chance(15) {
            Engine::MyIsam
        } else {
            Engine::InnoDb
        }
    }
}

/// How rows are told apart.
enum KeyKind {
    None,
    Primary,
    /// A unique key over columns that are NOT NULL.
    UniqueNotNull,
}

/// The place of the column `n`, which statements choose rows by: a nullable INT in every table.
pub(super) const CHOOSER: usize = 0;

impl Table {
    /// A table whose name no other of its number has.
    pub(super) fn choose(random: &mut Random, dialect: &Dialect, engine: Engine, number: usize) -> Table {
        let dialect = &Dialect {
            srid_of_column: dialect.srid_of_column && engine == Engine::InnoDb,
            ..*dialect
        };
        let mut table = Table {
            name: format!("{}{number}", random.pick(&["t", "T t", "t.é", "t`", "表"])),
            columns: vec![Column::new(
                "n",
                DataType::Integer {
                    bits: 32,
                    unsigned: false,
                    zerofill: false,
                },
            )],
            key: Vec::new(),
            engine,
            cascades: false,
            clauses: Vec::new(),
            options: String::new(),
        };
        table.add_columns(random, dialect);
        table.add_key(random, dialect);
        table.add_generated(random, dialect);
        table.add_indexes(random, dialect);
        table.add_options(random, dialect);
        table
    }

    /// A table of two plain columns, for the children of cascades and for what triggers write.
    pub(super) fn plain(name: &str, clauses: &[String]) -> Table {
        let integer = DataType::Integer {
            bits: 32,
            unsigned: false,
            zerofill: false,
        };
        let mut key = Column::new("id", integer.clone());
        key.auto_increment = true;
        key.nullable = false;
        Table {
            name: name.to_owned(),
            columns: vec![Column::new("n", integer), key],
            key: vec![1],
            engine: Engine::InnoDb,
            cascades: false,
            clauses: [&["PRIMARY KEY (`id`)".to_owned()], clauses].concat(),
            options: " ENGINE=InnoDB".to_owned(),
        }
    }

    /// Its name in backticks.
    pub(super) fn quoted(&self) -> String {
        sql::name(&self.name)
    }

    /// The statement that makes it.
    pub(super) fn create(&self) -> String {
        let columns = self.columns.iter().map(Column::declaration);
        let parts: Vec<String> = columns.chain(self.clauses.iter().cloned()).collect();
        format!(
            "CREATE TABLE {} (\n  {}\n){}",
            self.quoted(),
            parts.join(",\n  "),
            self.options
        )
    }

    /// Columns that statements may write to.
    pub(super) fn writable(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !column.generated)
    }

    fn add_columns(&mut self, random: &mut Random, dialect: &Dialect) {
        for number in 1..=random.between(1, 10) {
            let column = Column::choose(random, dialect, number as usize);
            self.columns.push(column);
        }
    }

    fn add_key(&mut self, random: &mut Random, dialect: &Dialect) {
        let kind = match random.below(10) {
            0 | 1 => KeyKind::None,
            2 => KeyKind::UniqueNotNull,
            _ => KeyKind::Primary,
        };
        let word = match kind {
            KeyKind::None => return,
            KeyKind::Primary => "PRIMARY KEY",
            KeyKind::UniqueNotNull => "UNIQUE KEY `the key`",
        };
        for number in 1..=random.one_of(&[1, 1, 1, 2, 3]) {
            let ty = DataType::choose_for_key(random, dialect);
            let mut column = Column::new(&format!("k{number}"), ty);
            column.nullable = false;
            let first_of_integers = number == 1 && matches!(column.ty, DataType::Integer { bits: 24.., .. });
            column.auto_increment = first_of_integers && random.chance(60);
            // Not always in front of the others.
            let place = 1 + random.place(self.columns.len());
            self.columns.insert(place, column);
        }
        let is_key = |(_, column): &(usize, &Column)| column.name.starts_with('k') && column.name.len() == 2;
        let mut key: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .filter(is_key)
            .map(|(place, _)| place)
            .collect();
        // An AUTO_INCREMENT column must be the first of a key; others may come in any order.
        key.sort_by_key(|place| !self.columns[*place].auto_increment);
        let names: Vec<String> = key
            .iter()
            .map(|place| sql::name(&self.columns[*place].name))
            .collect();
        self.clauses.push(format!("{word} ({})", names.join(", ")));
        self.key = key;
    }

    fn add_generated(&mut self, random: &mut Random, dialect: &Dialect) {
        if !dialect.logs_generated_columns || !random.chance(30) {
            return;
        }
        let (ty, expression) = match random.below(3) {
            0 => ("BIGINT", "`n` + 1".to_owned()),
            1 => (
                "VARCHAR(60) CHARACTER SET utf8mb4",
                "CONCAT('é', `n`, 'x')".to_owned(),
            ),
            _ => ("DECIMAL(20,3)", "`n` / 7".to_owned()),
        };
        let is_json = |column: &Column| matches!(column.ty, DataType::Json);
        let json = self
            .columns
            .iter()
            .position(is_json)
            .filter(|_| dialect.binary_json);
        let (ty, expression) = match json {
            Some(source) => (
                "JSON",
                format!("JSON_EXTRACT({}, '$.a')", self.columns[source].quoted()),
            ),
            None => (ty, expression),
        };
        let is_virtual = random.chance(50) && (json.is_none() || dialect.logs_virtual_documents);
        let kept = if is_virtual { "VIRTUAL" } else { "STORED" };
        let mut column = Column::new("g", DataType::Json);
        column.generated = true;
        column.attributes = format!(" AS ({expression}) {kept}");
        ty.clone_into(&mut column.declared);
        // Behind the column that it is made from, which may have an expression too.
        let first = 1 + json.unwrap_or(CHOOSER);
        let place = first + random.place(self.columns.len() - first + 1);
        self.columns.insert(place, column);
        for key in &mut self.key {
            *key += usize::from(*key >= place);
        }
    }

    fn add_indexes(&mut self, random: &mut Random, dialect: &Dialect) {
        if random.chance(15) {
            self.clauses.push("UNIQUE KEY `other` (`n`)".to_owned());
        } else if random.chance(20) {
            self.clauses.push("KEY `by n` (`n`)".to_owned());
        }
        if dialect.functional_indexes && random.chance(10) && self.engine == Engine::InnoDb {
            self.clauses.push("KEY `computed` ((`n` % 10))".to_owned());
        }
    }

    fn add_options(&mut self, random: &mut Random, dialect: &Dialect) {
        self.options = match self.engine {
            Engine::InnoDb => " ENGINE=InnoDB".to_owned(),
            Engine::MyIsam => " ENGINE=MyISAM".to_owned(),
        };
        let partitioned = random.chance(15) && (self.engine == Engine::InnoDb || dialect.partitioned_myisam);
        let unique_besides = self.clauses.iter().any(|clause| clause.contains("`other`"));
        let is_spatial = |column: &Column| matches!(column.ty, DataType::Geometry { .. });
        // A key that the server makes by itself is none of these.
        let has_key = !self.key.is_empty() || !dialect.makes_keys;
        if partitioned && has_key && !unique_besides && !self.columns.iter().any(is_spatial) {
            let by = if self.key.is_empty() {
                "HASH (`n`)"
            } else {
                "KEY ()"
            };
            self.options.push_str(&format!(" PARTITION BY {by} PARTITIONS 3"));
        }
    }
}

impl Column {
    /// A column whose name no other of its number has.
    pub(super) fn choose(random: &mut Random, dialect: &Dialect, number: usize) -> Column {
        const WORDS: [&str; 6] = ["c", "C", "select", "a b", "ключ", "x`y"];
        let name = format!("{}{number}", random.pick(&WORDS));
        let mut column = Column::new(&name, DataType::choose(random, dialect));
        column.nullable = random.chance(75);
        column.add_default(random, dialect);
        if dialect.compressed_columns && column.ty.is_compressible() && random.chance(20) {
            column.declared = column.ty.compressed();
        }
        let may_hide = column.nullable || !column.attributes.is_empty();
        if dialect.invisible_columns && may_hide && random.chance(7) {
            column.attributes.push_str(" INVISIBLE");
        }
        column
    }

    pub(super) fn new(name: &str, ty: DataType) -> Column {
        Column {
            name: name.to_owned(),
            declared: ty.declaration(),
            ty,
            nullable: true,
            auto_increment: false,
            generated: false,
            attributes: String::new(),
        }
    }

    fn add_default(&mut self, random: &mut Random, dialect: &Dialect) {
        const CAREFUL: Limits = Limits {
            odd_dates: false,
            out_of_range: false,
            largest: 100,
        };
        if !random.chance(25) {
            return;
        }
        let literal = match &self.ty {
            // A default is never a member's number.
            DataType::Enum { members, .. } | DataType::Set { members, .. } => {
                sql::text(&members[random.place(members.len())])
            }
            ty => value::literal(random, ty, dialect, CAREFUL),
        };
        if self.ty.has_literal_default() {
            self.attributes = format!(" DEFAULT {literal}");
        } else if dialect.expression_defaults && !matches!(self.ty, DataType::Word { .. }) {
            self.attributes = format!(" DEFAULT ({literal})");
        }
    }

    /// As CREATE TABLE has it.
    pub(super) fn declaration(&self) -> String {
        let null = match (self.generated, self.nullable) {
            (true, _) => "",
            (false, true) => " NULL",
            (false, false) => " NOT NULL",
        };
        let counted = if self.auto_increment {
            " AUTO_INCREMENT"
        } else {
            ""
        };
        let (name, declared, attributes) = (self.quoted(), &self.declared, &self.attributes);
        format!("{name} {declared}{null}{attributes}{counted}")
    }

    /// Its name in backticks.
    pub(super) fn quoted(&self) -> String {
        sql::name(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServerVersion;

    #[test]
    fn keys_are_of_columns_that_are_not_null() {
        let dialect = Dialect::of(ServerVersion::MySql97);
        let mut random = Random::new(11);
        for number in 0..200 {
            let table = Table::choose(&mut random, &dialect, Engine::InnoDb, number);
            assert_eq!(table.columns[CHOOSER].name, "n");
            for place in &table.key {
                let column = &table.columns[*place];
                assert!(column.name.starts_with('k') && !column.nullable, "{column:?}");
            }
        }
    }
}
