//! What is known of tables at the place that the stream has come to: what the schema history or the server said of them
//! where the stream began, and every statement since.
//!
//! Where the binlog carries the shapes of tables (`binlog_row_metadata=FULL`) rows are decoded by what it says, and the
//! tracked schema must say the same. Elsewhere the tracked schema is what rows are decoded by.

mod effects;
mod image;
mod place;
mod recovery;
mod seeds;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rowtide_binlog::event::TableMap;
use rowtide_binlog::schema::definitions::{self, Definition};
use rowtide_binlog::schema::tracked::{Affected, Change, Outcome, SchemaTracker, Tracked, TrackedTable};
use rowtide_binlog::schema::{NameCase, is_sequence, metadata};
use rowtide_event::{BinlogPosition, Flavour, Table, TableId};
use tracing::warn;

use crate::error::Error;
use crate::history::Read;

pub(crate) use effects::{dropped, of_database, of_outcome, of_table, unclear};
pub(crate) use image::{Image, Pictured};
pub(crate) use place::Place;
pub(crate) use recovery::{Recovered, recover, recover_at};
pub(crate) use seeds::{Names, Seeds, definitions_of, end_of_binlog};

/// What a statement may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    /// The shape or the key of a table.
    Table {
        /// Which, by its folded name.
        id: TableId,
        /// What kind of statement it is.
        verb: String,
    },
    /// A database as a whole.
    Database {
        /// Its folded name.
        name: String,
        /// What kind of statement it is.
        verb: String,
    },
    /// Nobody knows which tables.
    Any {
        /// What kind of statement it is.
        verb: String,
    },
}

impl Touched {
    fn verb(&self) -> &str {
        match self {
            Self::Table { verb, .. } | Self::Database { verb, .. } | Self::Any { verb } => verb,
        }
    }

    /// Whether it may have changed a table, by its folded name.
    pub(crate) fn touches(&self, table: &TableId) -> bool {
        match self {
            Self::Table { id, .. } => id == table,
            Self::Database { name, verb } => *name == table.database && verb == "DROP DATABASE",
            Self::Any { .. } => true,
        }
    }
}

/// What is done where the binlog and the tracked schema say different things of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaDisagreement {
    /// The stream stops, with both shapes.
    #[default]
    Stop,
    /// What the binlog says counts, with a warning. What was tracked of the table is forgotten.
    TrustBinlog,
}

/// All tables at the place that the stream has come to.
pub(crate) struct Schema {
    tracker: SchemaTracker,
    name_case: NameCase,
    seeds: Option<Seeds>,
    disagreement: SchemaDisagreement,
    /// Tables of which the server cannot tell all labels of ENUM and SET: until a table map tells them, they are not
    /// known.
    doubtful: HashMap<TableId, Arc<TrackedTable>>,
    /// The same tables as table maps have told of them before the server's answer holds. By folded names.
    logged: HashMap<TableId, Table>,
    /// Tables that were forgotten since the little that table maps without names tell disagreed with them, as that corrects
    /// them. By folded names.
    corrected: HashMap<TableId, Table>,
    /// Tables that a table map has made known, or unknown.
    learned: Vec<Pictured>,
    /// Tables that a statement has changed behind the place for which the server's answer holds, and what it was. By
    /// folded names.
    changed: HashMap<TableId, String>,
    all_changed: Option<String>,
    /// Tables that have another name now, unless temporary tables that hid them have. By folded names.
    renamed: HashSet<TableId>,
}

impl Schema {
    /// The schema that `tracker` knows, with what the server says of others.
    pub(crate) fn new(
        tracker: SchemaTracker,
        seeds: Option<Seeds>,
        name_case: NameCase,
        disagreement: SchemaDisagreement,
    ) -> Self {
        Self {
            tracker,
            name_case,
            seeds,
            disagreement,
            doubtful: HashMap::new(),
            logged: HashMap::new(),
            corrected: HashMap::new(),
            learned: Vec::new(),
            changed: HashMap::new(),
            all_changed: None,
            renamed: HashSet::new(),
        }
    }

    /// The tables as they are now.
    pub(crate) fn tracker(&self) -> &SchemaTracker {
        &self.tracker
    }

    /// The shape of a table as it is tracked now, if it is known.
    pub(crate) fn known(&self, id: &TableId) -> Option<Table> {
        match self.tracker.table(&self.name_case.folded_table(id)) {
            Tracked::Known(table) => table.shape().ok(),
            Tracked::Unclear | Tracked::Absent => None,
        }
    }

    /// Whether the server takes both names for one table's.
    pub(crate) fn is_same(&self, a: &TableId, b: &TableId) -> bool {
        self.name_case.folded_table(a) == self.name_case.folded_table(b)
    }

    /// The stream has come to a statement: what it does to the schema.
    pub(crate) fn follow(&mut self, read: &Read<'_>, end: &BinlogPosition) -> Outcome {
        self.expect_older(read);
        let mut unforeseen = read.touched();
        for touched in &unforeseen {
            self.logged.retain(|id, _| !touched.touches(id));
        }
        if let Some(seeds) = &mut self.seeds {
            unforeseen.retain(|touched| !seeds.pass(touched, end));
        }
        let outcome = read.apply(&mut self.tracker);
        for touched in unforeseen {
            self.change(touched);
        }
        if let Outcome::Changes(changes) = &outcome
            && read.is_servers_text()
        {
            self.doubt(changes);
        }
        if let Outcome::Changes(changes) = &outcome {
            let from = changes.iter().filter_map(|change| match change {
                Change::Renamed { from, .. } => Some(from.clone()),
                _ => None,
            });
            self.renamed.extend(from);
        }
        if let Outcome::Unreadable(unreadable) = &outcome {
            let tables = match &unreadable.tables {
                Affected::Tables(tables) => named(tables),
                Affected::Any => "any table".to_owned(),
            };
            warn!(position = %end, "what a statement does to {tables} is not known: {}", unreadable.why);
        }
        outcome
    }

    /// A table that may be from before the start is not known after CREATE TABLE IF NOT EXISTS, which may have done nothing.
    /// Of a database that the stream has seen made it knows all tables.
    fn expect_older(&mut self, read: &Read<'_>) {
        let Some(id) = read.makes_unless_there() else {
            return;
        };
        let may_be_older = self.seeds.as_ref().is_some_and(|seeds| seeds.awaits(id))
            && !self.tracker.has_seen_made(&id.database)
            && self.tracker.table(id) == Tracked::Absent;
        if may_be_older {
            self.tracker.set_unclear(id);
        }
    }

    /// The stream has come to `place`, between two transactions or behind a statement: databases and tables of which the
    /// server's answer holds from here on and nothing was known.
    pub(crate) fn arrive(&mut self, place: &BinlogPosition) -> Vec<Pictured> {
        let mut learned = std::mem::take(&mut self.learned);
        let Some(seeds) = &mut self.seeds else {
            return learned;
        };
        if !seeds.is_due(place) {
            return learned;
        }
        for (name, collation) in seeds.databases_due() {
            if self.tracker.database(&name).is_none() {
                self.tracker.set_database(&name, collation.clone());
                learned.push(Pictured::Database(name, Some(collation)));
            }
        }
        let (tables, views) = (seeds.tables_due(), seeds.views_due());
        for told in tables {
            learned.extend(self.take(told).map(Pictured::Table));
        }
        for id in views {
            if self.tracker.set_view(&id) {
                learned.push(Pictured::View(id));
            }
        }
        learned
    }

    /// Takes what the server says of a table at this place; nothing is learned of one whose labels are not clear, nor
    /// where the same is known.
    fn take(&mut self, told: Definition) -> Option<Arc<TrackedTable>> {
        let table = told.table;
        if !told.labels_are_doubtful {
            return learn(&mut self.tracker, table);
        }
        let logged = self.logged.remove(&table.id);
        match logged.and_then(|logged| definitions::with_labels(&table, &logged)) {
            Some(table) => learn(&mut self.tracker, Arc::new(table)),
            None => {
                self.doubtful.insert(table.id.clone(), table);
                None
            }
        }
    }

    /// Tables that were made by a text of the server's, which shows some characters as question marks, are not known until
    /// a table map tells their labels.
    fn doubt(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Created(table) = change
                && definitions::labels_are_doubtful(table)
            {
                self.tracker.set_unclear(&table.id);
                self.doubtful.insert(table.id.clone(), Arc::clone(table));
            }
        }
    }

    /// Writes down what is not known any more, and why.
    fn change(&mut self, touched: Touched) {
        self.doubtful.retain(|id, _| !touched.touches(id));
        self.corrected.retain(|id, _| !touched.touches(id));
        match touched {
            Touched::Table { id, verb } => {
                let is_clear = match self.tracker.table(&id) {
                    Tracked::Known(_) => true,
                    Tracked::Absent => verb == "DROP TABLE",
                    Tracked::Unclear => false,
                };
                match is_clear {
                    true => self.changed.remove(&id),
                    false => self.changed.insert(id, verb),
                };
            }
            Touched::Any { verb } => self.all_changed = Some(verb),
            Touched::Database { .. } => {}
        }
    }

    /// The shape of a table by which the rows behind its table map are decoded.
    pub(crate) fn shape(
        &mut self,
        id: &TableId,
        map: &TableMap<'_>,
        near: &BinlogPosition,
    ) -> Result<Table, Error> {
        let folded = self.name_case.folded_table(id);
        if !metadata::metadata_is_full(map) {
            let known = self.tracked(id, &folded, map);
            let known = known.or_else(|| self.corrected.get(&folded).cloned());
            let known = known.ok_or_else(|| self.unknown(id, &folded, map, near))?;
            return self.compared(map, known, near);
        }
        let logged = metadata::table(map).map_err(|why| mismatch(id, near, why.to_string()))?;
        self.learn_labels(&folded, &logged);
        let tracked = self.tracked(id, &folded, map);
        let logged = match &tracked {
            Some(tracked) => metadata::with_hidden_behind(map, logged, tracked),
            None => logged,
        };
        match tracked {
            Some(tracked) if metadata::agree(map, &logged, &tracked) => {
                metadata::completed(map, logged, &tracked).ok_or_else(|| {
                    mismatch(
                        id,
                        near,
                        "the tracked table has other columns than the binlog".to_owned(),
                    )
                })
            }
            Some(tracked) => self.disagree(map, logged, &tracked, near),
            None if metadata::is_ambiguous(map, &logged) => {
                Err(types_unknown(self.unknown(id, &folded, map, near)))
            }
            None => Ok(logged),
        }
    }

    /// Whether a table is one of MariaDB's sequences: by its columns, and by the statements that made it where these are
    /// known.
    pub(crate) fn is_sequence(&self, flavour: Flavour, table: &Table) -> bool {
        is_sequence(flavour, table)
            && match self.tracker.table(&self.name_case.folded_table(&table.id)) {
                Tracked::Known(told) => told.is_sequence,
                _ => true,
            }
    }

    /// The shape that is tracked. Which keys are of hashes, and so not the table's, the columns tell that MariaDB has added
    /// for them.
    fn tracked(&self, id: &TableId, folded: &TableId, map: &TableMap<'_>) -> Option<Table> {
        let Tracked::Known(table) = self.tracker.table(folded) else {
            return None;
        };
        let id = id.clone();
        let mut shape = Table {
            id,
            ..table.shape().ok()?
        };
        if map.written_by.flavour == Flavour::MariaDb
            && let Some(hidden) = metadata::hidden_columns(map, &shape)
        {
            shape.key = table.key_with_hashes(hidden);
        }
        Some(shape)
    }

    /// Takes the labels that only the table map tells, now or when the server's answer holds.
    fn learn_labels(&mut self, folded: &TableId, logged: &Table) {
        if self
            .seeds
            .as_ref()
            .is_some_and(|seeds| seeds.awaits_labels(folded))
        {
            self.logged.insert(folded.clone(), logged.clone());
        }
        let doubtful = self.doubtful.remove(folded);
        if let Some(table) = doubtful.and_then(|told| definitions::with_labels(&told, logged)) {
            let table = learn(&mut self.tracker, Arc::new(table));
            self.learned.extend(table.map(Pictured::Table));
        }
    }

    /// The shape that is known, if the little that a table map without names tells agrees with it.
    fn compared(&mut self, map: &TableMap<'_>, known: Table, near: &BinlogPosition) -> Result<Table, Error> {
        let logged = metadata::by_partial_metadata(map, &known);
        if logged == known || metadata::differ_in_utf8(map, &logged, &known) {
            return Ok(known);
        }
        let error = disagreement(&logged, &known, near);
        if self.disagreement == SchemaDisagreement::Stop {
            return Err(error);
        }
        let folded = self.forget(&logged, &error);
        self.corrected.insert(folded, logged.clone());
        Ok(logged)
    }

    /// Goes on without what was tracked of a table: the next start asks the server for it.
    fn forget(&mut self, logged: &Table, why: &Error) -> TableId {
        warn!("{why}");
        let folded = self.name_case.folded_table(&logged.id);
        self.tracker.set_unclear(&folded);
        self.learned.push(Pictured::Forgotten(folded.clone()));
        folded
    }

    fn disagree(
        &mut self,
        map: &TableMap<'_>,
        logged: Table,
        tracked: &Table,
        near: &BinlogPosition,
    ) -> Result<Table, Error> {
        let error = disagreement(&logged, tracked, near);
        if self.disagreement == SchemaDisagreement::Stop || metadata::is_ambiguous(map, &logged) {
            return Err(error);
        }
        self.forget(&logged, &error);
        Ok(logged)
    }

    /// Why nothing is known of a table here.
    fn unknown(&self, id: &TableId, folded: &TableId, map: &TableMap<'_>, near: &BinlogPosition) -> Error {
        let (table, position) = (id.clone(), near.to_string());
        let stale = |why: String| Error::ShapeStale {
            table: id.clone(),
            position: near.to_string(),
            why,
        };
        if let Some(verb) = self.changed.get(folded).or(self.all_changed.as_ref()) {
            return stale(format!("{verb} has changed it since the server was asked"));
        }
        if self.doubtful.contains_key(folded) {
            let why = "a label of an ENUM or SET has a question mark, which the server also shows in place of characters \
                       such as emoji"
                .to_owned();
            return Error::ShapeUnknown { table, position, why };
        }
        let why = match self.seeds.as_ref().and_then(|seeds| seeds.why_not(folded)) {
            Some(seeds::WhyNot::NotLooked) => {
                return stale(
                    "statements that change it further on in the binlog were not looked for".to_owned(),
                );
            }
            Some(seeds::WhyNot::ToCome(verb)) => format!(
                "{verb} changes it further on in the binlog, what it was before is told nowhere, and its table map does \
                 not tell it either"
            ),
            Some(seeds::WhyNot::Refused(why)) => why.to_owned(),
            None if self.tracker.table(folded) == Tracked::Unclear => {
                return stale("what a statement has made of it is not known".to_owned());
            }
            None if map.written_by.flavour == Flavour::MariaDb && self.renamed.contains(folded) => {
                return stale("RENAME TABLE has renamed it, or a temporary table that hid it".to_owned());
            }
            None => "it did not exist at the start, and its table map does not tell it".to_owned(),
        };
        Error::ShapeUnknown { table, position, why }
    }
}

/// Takes what the server says of a table at this place, unless the same is known of it.
fn learn(tracker: &mut SchemaTracker, table: Arc<TrackedTable>) -> Option<Arc<TrackedTable>> {
    if let Tracked::Known(tracked) = tracker.table(&table.id) {
        let is_same = match (tracked.shape(), table.shape()) {
            (Ok(known), Ok(told)) => metadata::says_the_same(&known, &told),
            (known, told) => known.ok() == told.ok(),
        };
        if is_same {
            return None;
        }
        warn!(table = %table.id, "the server says otherwise than the statements so far what the table is; the server counts");
    }
    let id = table.id.clone();
    tracker.set_table(table);
    match tracker.table(&id) {
        Tracked::Known(table) => Some(Arc::clone(table)),
        Tracked::Unclear | Tracked::Absent => None,
    }
}

fn disagreement(logged: &Table, tracked: &Table, near: &BinlogPosition) -> Error {
    Error::SchemaDisagreement {
        table: logged.id.clone(),
        position: near.to_string(),
        logged: logged.shape().to_string(),
        tracked: tracked.shape().to_string(),
    }
}

fn mismatch(id: &TableId, near: &BinlogPosition, why: String) -> Error {
    Error::ShapeMismatch {
        table: id.clone(),
        position: near.to_string(),
        why,
    }
}

/// The names are in the binlog: it is types that are not known.
fn types_unknown(error: Error) -> Error {
    match error {
        Error::ShapeUnknown { table, position, why } => Error::TypesUnknown { table, position, why },
        other => other,
    }
}

fn named(tables: &[TableId]) -> String {
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    names.join(", ")
}
