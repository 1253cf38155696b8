//! Random tables and random changes to them, the same for the same seed.
//!
//! What a server has is data ([`dialect`]), so that the same rounds run on all of them. Statements are made without
//! looking at the rows: the server may refuse some, and what is true in the end is what it then has.

mod change;
mod charset;
mod data_type;
mod ddl;
mod dialect;
mod json;
mod play;
mod rolled_back;
mod settings;
mod spatial;
mod sql;
mod table;
mod value;

use change::Changes;
use dialect::Dialect;
pub use play::{Played, Refused};
pub use settings::RowImage;
use settings::Settings;
use table::{Engine, Table};
use value::Limits;

use crate::ServerVersion;
use crate::random::Random;

/// A table whose only row is the last change of a round.
pub const END: &str = "the end";

/// Some tables in a database of their own, and changes to them under some settings.
#[derive(Clone, Debug)]
pub struct Round {
    /// The database, which the round makes.
    pub database: String,
    /// The names of the tables.
    pub tables: Vec<String>,
    /// Which columns of a changed row are in the binlog.
    pub row_image: RowImage,
    /// `binlog_row_metadata` is FULL: the binlog says the shape of a table.
    pub full_metadata: bool,
    /// Transactions are compressed: all changes of one have the same place in the binlog.
    pub compressed: bool,
    /// Statements that set the server and make the tables; none may fail.
    pub setup: Vec<String>,
    /// Statements that change rows, for one session; the server refuses some.
    pub changes: Vec<String>,
}

/// How much a round does.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Tables, without those of cascades and triggers.
    pub tables: usize,
    /// Transactions, of some three statements each.
    pub transactions: usize,
    /// The most bytes of a value.
    pub largest: u64,
}

impl Round {
    /// The round of this seed on this server.
    pub fn new(seed: u64, version: ServerVersion, size: Size) -> Round {
        let mut stage = Stage::begin(seed, version, size, None);
        let mut changes = stage.opening();
        changes.extend(stage.changes().filling());
        for _ in 0..size.transactions {
            changes.extend(stage.changes().transaction());
        }
        changes.push(format!("INSERT INTO `{END}` VALUES (1)"));
        stage.round(changes)
    }

    /// A round in so many parts, each of which has statements that change tables among those that change rows. A table
    /// is empty when it is changed, so that what is rebuilt from the events equals what the server has. Parts differ in
    /// what of the tables' shapes the binlog holds; the first makes the tables.
    ///
    /// Only with `from_before`, when all statements that make tables are read from the binlog, may there be labels of ENUM
    /// and SET that the server cannot show.
    pub fn altered(
        seed: u64,
        version: ServerVersion,
        size: Size,
        parts: usize,
        from_before: bool,
    ) -> Vec<Round> {
        let mut stage = Stage::begin(seed, version, size, Some(from_before));
        (0..parts)
            .map(|part| {
                let first = part == 0;
                let mut changes = stage.opening();
                if first {
                    changes.extend(stage.changes().filling());
                } else {
                    stage.setup = stage.row_metadata();
                }
                for _ in 0..size.transactions / parts {
                    changes.extend(match stage.random.chance(35) {
                        true => stage.ddl(),
                        false => stage.changes().transaction(),
                    });
                }
                stage.round(changes)
            })
            .collect()
    }
}

/// What a round is made of while it is made.
struct Stage {
    random: Random,
    dialect: Dialect,
    settings: Settings,
    database: String,
    tables: Vec<Table>,
    setup: Vec<String>,
    size: Size,
    /// How many names were made up for columns and tables since.
    named: usize,
}

impl Stage {
    /// `any_labels` says whether labels of ENUM and SET may be what the server cannot show; the binlog does with full
    /// metadata. Where the server makes keys, it logs its own text of a table in place of the statement.
    fn begin(seed: u64, version: ServerVersion, size: Size, any_labels: Option<bool>) -> Stage {
        let mut random = Random::new(seed);
        let mut dialect = Dialect::of(version);
        let settings = Settings::choose(&mut random, &dialect);
        dialect.labels_beyond_bmp =
            any_labels.map_or(settings.full_metadata, |any| any && !settings.makes_keys);
        dialect.makes_keys = settings.makes_keys;
        let table = |number| {
            let engine = Engine::choose(&mut random);
            Table::choose(&mut random, &dialect, engine, number)
        };
        let mut tables: Vec<Table> = (1..=size.tables).map(table).collect();
        let besides = besides(&mut random, &dialect, &mut tables);
        let database = format!("random_{seed}");
        let setup = setup(&settings, &database, &tables, besides);
        Stage {
            random,
            dialect,
            settings,
            database,
            tables,
            setup,
            size,
            named: 0,
        }
    }

    /// What a session says first.
    fn opening(&self) -> Vec<String> {
        let mut opening = vec![format!("USE {}", self.database)];
        opening.extend(self.settings.session.iter().cloned());
        opening
    }

    fn changes(&mut self) -> Changes<'_> {
        Changes {
            random: &mut self.random,
            dialect: &self.dialect,
            limits: Limits {
                odd_dates: self.settings.odd_dates,
                out_of_range: !self.settings.strict,
                largest: self.size.largest,
            },
            tables: &self.tables,
            row_image: self.settings.row_image,
        }
    }

    /// Chooses anew what the binlog holds of the shapes of tables.
    fn row_metadata(&mut self) -> Vec<String> {
        if self.dialect.row_metadata.is_empty() {
            return Vec::new();
        }
        let value = self.random.one_of(self.dialect.row_metadata);
        vec![format!("SET GLOBAL binlog_row_metadata = {value}")]
    }

    fn round(&self, changes: Vec<String>) -> Round {
        Round {
            database: self.database.clone(),
            tables: self.tables.iter().map(|table| table.name.clone()).collect(),
            row_image: self.settings.row_image,
            full_metadata: self.settings.full_metadata,
            compressed: self.settings.compressed,
            setup: self.setup.clone(),
            changes,
        }
    }
}

/// Statements that set the server and make the tables.
fn setup(settings: &Settings, database: &str, tables: &[Table], besides: Vec<String>) -> Vec<String> {
    let mut setup = settings.global.clone();
    setup.push("SET SESSION sql_mode = ''".to_owned());
    setup.push(format!("CREATE DATABASE {database}"));
    setup.push(format!("USE {database}"));
    let key = |text: &&String| text.contains("primary_key");
    setup.extend(settings.session.iter().filter(key).cloned());
    setup.extend(tables.iter().map(Table::create));
    setup.extend(besides);
    setup.push(format!("CREATE TABLE `{END}` (id INT PRIMARY KEY)"));
    setup
}

/// Tables that others change: children of a cascade and what a trigger writes to; gives the triggers.
fn besides(random: &mut Random, dialect: &Dialect, tables: &mut Vec<Table>) -> Vec<String> {
    let mut triggers = Vec::new();
    let table = random.pick(tables).clone();
    if random.chance(40) && table.engine == Engine::InnoDb {
        let name = table.quoted();
        triggers.push(format!(
            "CREATE TRIGGER counts AFTER INSERT ON {name} FOR EACH ROW INSERT INTO `written` (`n`) VALUES (NEW.`n`)"
        ));
        triggers.push(format!(
            "CREATE TRIGGER follows AFTER DELETE ON {name} FOR EACH ROW \
             UPDATE `written` SET `n` = `n` + 1 WHERE `n` = OLD.`n`"
        ));
        triggers.push(format!(
            "CREATE TRIGGER alters BEFORE UPDATE ON {name} FOR EACH ROW SET NEW.`n` = NEW.`n` % 24"
        ));
        tables.push(Table::plain("written", &[]));
    }
    if dialect.logs_cascades && random.chance(40) {
        let (action, rule) = random.one_of(&[
            ("CASCADE", "CASCADE"),
            ("SET NULL", "CASCADE"),
            ("CASCADE", "SET NULL"),
        ]);
        let parent = Table::plain("parent", &["UNIQUE KEY (`n`)".to_owned()]);
        let reference =
            format!("FOREIGN KEY (`n`) REFERENCES `parent` (`n`) ON DELETE {action} ON UPDATE {rule}");
        let child = Table::plain("child", &[reference]);
        tables.extend([parent, child].map(|mut table| {
            table.cascades = true;
            table
        }));
    }
    triggers
}
