//! Random tables and random changes to them, the same for the same seed.
//!
//! What a server has is data ([`dialect`]), so that the same rounds run on all of them. Statements are made without
//! looking at the rows: the server may refuse some, and what is true in the end is what it then has.

mod change;
mod charset;
mod data_type;
mod dialect;
mod json;
mod play;
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
        let mut random = Random::new(seed);
        let mut dialect = Dialect::of(version);
        let settings = Settings::choose(&mut random, &dialect);
        dialect.labels_beyond_bmp = settings.full_metadata;
        dialect.makes_keys = settings.makes_keys;
        let all = Engine::choose(&mut random);
        let engine = |random: &mut Random| match dialect.mixes_engines {
            // Not in one round: then nothing tells which rows of a transaction are rolled back.
            true => all,
            false => Engine::choose(random),
        };
        let table = |number| {
            let engine = engine(&mut random);
            Table::choose(&mut random, &dialect, engine, number)
        };
        let mut tables: Vec<Table> = (1..=size.tables).map(table).collect();
        let besides = besides(&mut random, &dialect, &mut tables);
        let database = format!("random_{seed}");
        let mut setup = settings.global.clone();
        setup.push("SET SESSION sql_mode = ''".to_owned());
        setup.push(format!("CREATE DATABASE {database}"));
        setup.push(format!("USE {database}"));
        setup.extend(
            settings
                .session
                .iter()
                .filter(|text| text.contains("primary_key"))
                .cloned(),
        );
        setup.extend(tables.iter().map(Table::create));
        setup.extend(besides);
        setup.push(format!("CREATE TABLE `{END}` (id INT PRIMARY KEY)"));
        let mut changes = vec![format!("USE {database}")];
        changes.extend(settings.session.iter().cloned());
        let mut made = Changes {
            random: &mut random,
            dialect: &dialect,
            limits: Limits {
                odd_dates: settings.odd_dates,
                out_of_range: !settings.strict,
                largest: size.largest,
            },
            tables: &tables,
            row_image: settings.row_image,
            rolls_back: !dialect.mixes_engines || all == Engine::InnoDb,
        };
        changes.extend(made.filling());
        for _ in 0..size.transactions {
            changes.extend(made.transaction());
        }
        changes.push(format!("INSERT INTO `{END}` VALUES (1)"));
        Round {
            database,
            tables: tables.into_iter().map(|table| table.name).collect(),
            row_image: settings.row_image,
            full_metadata: settings.full_metadata,
            compressed: settings.compressed,
            setup,
            changes,
        }
    }
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
