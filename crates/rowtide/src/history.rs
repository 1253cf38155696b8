//! Statements in the binlog: what they change, and the records of the schema history and the schema-change topic that they
//! make.

use rowtide_binlog::decoder::{EventContext, Statement};
use rowtide_binlog::schema::statement::{self, Class, HistoryEntry, ShapeChange};
use rowtide_binlog::schema::tracked::{Affected, Change, Collation, Outcome, SchemaTracker, TrackedTable};
use rowtide_binlog::schema::{NameCase, Session, is_servers_text, statement_text};
use rowtide_binlog::server::ServerVersion;
use rowtide_event::encode::EncodeOptions;
use rowtide_event::{BinlogPosition, GtidSet, TableId};
use rowtide_kafka::history::{HistoryMessage, TableChange};
use rowtide_kafka::{HistoryPosition, HistoryRecord, HistorySource};

use crate::capture::source_info;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::schema::{self, Pictured, Touched};
use crate::schema_change::{SchemaChange, SchemaChangeRecord, source_table};
use crate::stats::unix_micros;
use crate::table_changes::{self, Comments, table_changes};

/// Reads statements and writes them down.
pub(crate) struct HistoryWriter {
    source_name: String,
    server: ServerVersion,
    name_case: NameCase,
    comments: Comments,
    schema_changes: bool,
    utf8_is_utf8mb4: bool,
}

/// A statement that was read.
pub(crate) struct Read<'a> {
    context: EventContext<'a>,
    session: Session<'a>,
    text: String,
    class: Class,
    entries: Vec<HistoryEntry>,
}

impl HistoryWriter {
    pub(crate) fn new(
        source_name: &str,
        server: ServerVersion,
        name_case: NameCase,
        comments: Comments,
    ) -> Self {
        Self {
            source_name: source_name.to_owned(),
            server,
            name_case,
            comments,
            schema_changes: false,
            utf8_is_utf8mb4: false,
        }
    }

    /// The same for a server where `utf8` is short for utf8mb4.
    pub(crate) fn with_utf8_is_utf8mb4(self, utf8_is_utf8mb4: bool) -> Self {
        Self {
            utf8_is_utf8mb4,
            ..self
        }
    }

    /// The same, which also tells users of statements or not.
    pub(crate) fn with_schema_changes(self, schema_changes: bool) -> Self {
        Self {
            schema_changes,
            ..self
        }
    }

    /// Finds out what a statement changes.
    pub(crate) fn read<'a>(&self, statement: &Statement<'a>) -> Read<'a> {
        let text = statement_text(statement.query, &statement.variables);
        let mut session = Session::of(
            statement.database,
            &statement.variables,
            self.server,
            self.name_case,
        )
        .ended_with(statement.error_code);
        session.utf8_is_utf8mb4 = self.utf8_is_utf8mb4;
        session.connection = statement.connection;
        session.comes_with_rows = !statement.ends_group;
        let class = statement::classify(&text, session);
        let mut entries = statement::history_entries(&text, &class, session);
        for entry in &mut entries {
            entry.ddl = statement::redacted(&entry.ddl, session).into_owned();
        }
        if let Class::Unknown { verb } = &class {
            entries.push(unknown(statement.database, verb));
        }
        Read {
            context: EventContext {
                // Debezium knows it from BEGIN only.
                thread: statement.context.thread.filter(|_| !statement.ends_group),
                ..statement.context
            },
            session,
            text,
            class,
            entries,
        }
    }

    /// The messages of a statement that did this to the schema: each with a record in Debezium's format, the first with
    /// all effects.
    pub(crate) fn messages(
        &self,
        read: &Read<'_>,
        outcome: &Outcome,
        tracker: &SchemaTracker,
        executed: Option<&GtidSet>,
    ) -> Vec<HistoryMessage> {
        let mut images = match outcome {
            Outcome::Changes(changes) => table_changes(changes, self.comments),
            Outcome::NotTables | Outcome::Unreadable(_) => Vec::new(),
        }
        .into_iter();
        let mut effects = Some(schema::of_outcome(outcome, tracker));
        let place = Place {
            ts_sec: i64::from(read.context.timestamp),
            file: read.context.file,
            pos: read.context.end_pos,
            server_id: Some(u64::from(read.context.server_id)),
            snapshot: None,
        };
        let of_views = read.view_entries(outcome);
        let entries = read.entries.iter().chain(&of_views);
        entries
            .map(|entry| HistoryMessage {
                record: self.record(entry.clone(), &place, executed, images.next().unwrap_or_default()),
                effects: effects.take().unwrap_or_default(),
            })
            .collect()
    }

    /// The records of the schema-change topic beside these messages of a statement.
    pub(crate) fn schema_changes(
        &self,
        read: &Read<'_>,
        outcome: &Outcome,
        messages: &[HistoryMessage],
        options: &EncodeOptions,
    ) -> Vec<SchemaChangeRecord> {
        if !self.schema_changes {
            return Vec::new();
        }
        let changes = match outcome {
            Outcome::Changes(changes) => changes.as_slice(),
            Outcome::NotTables | Outcome::Unreadable(_) => &[],
        };
        let record = |message: &HistoryMessage| {
            let record = &message.record;
            let database = record.database_name.as_deref().unwrap_or_default();
            SchemaChange {
                source: source_info(&read.context),
                table: source_table(&read.class, changes, database).as_deref(),
                ts_ms: record.ts_ms,
                database,
                ddl: record.ddl.as_deref().unwrap_or_default(),
                changes: &record.table_changes,
            }
            .record(options)
        };
        messages.iter().map(record).collect()
    }

    /// The message that a database or table is there at this place.
    pub(crate) fn picture(
        &self,
        pictured: &Pictured,
        at: &BinlogPosition,
        executed: Option<&GtidSet>,
    ) -> HistoryMessage {
        let place = Place {
            ts_sec: i64::try_from(unix_micros() / 1_000_000).unwrap_or(i64::MAX),
            file: &at.file,
            pos: at.pos,
            server_id: None,
            snapshot: Some("INITIAL"),
        };
        let (entry, changes) = match pictured {
            Pictured::Database(name, collation) => (database_entry(name, collation.as_ref()), Vec::new()),
            Pictured::Table(table) => (
                table_entry(table),
                table_changes::created(table, self.comments).into_iter().collect(),
            ),
            Pictured::Forgotten(id) => (forgotten_entry(id), Vec::new()),
            Pictured::View(id) => (view_entry(id), Vec::new()),
        };
        HistoryMessage {
            record: self.record(entry, &place, executed, changes),
            effects: vec![match pictured {
                Pictured::Database(name, collation) => schema::of_database(name, collation.as_ref()),
                Pictured::Table(table) => schema::of_table(table),
                Pictured::Forgotten(id) => schema::unclear(id),
                Pictured::View(id) => schema::dropped(id),
            }],
        }
    }

    fn record(
        &self,
        entry: HistoryEntry,
        place: &Place<'_>,
        executed: Option<&GtidSet>,
        table_changes: Vec<TableChange>,
    ) -> HistoryRecord {
        HistoryRecord {
            source: HistorySource {
                server: self.source_name.clone(),
            },
            position: HistoryPosition {
                transaction_id: None,
                ts_sec: Some(place.ts_sec),
                file: place.file.to_owned(),
                pos: place.pos,
                gtids: executed.map(ToString::to_string),
                server_id: place.server_id,
                event: None,
                row: None,
                snapshot: place.snapshot.map(str::to_owned),
            },
            ts_ms: i64::try_from(unix_micros() / 1_000).unwrap_or(i64::MAX),
            database_name: Some(entry.database),
            schema_name: None,
            ddl: Some(entry.ddl),
            table_changes,
        }
    }
}

/// Where something stands that is written down.
struct Place<'a> {
    ts_sec: i64,
    file: &'a str,
    pos: u64,
    server_id: Option<u64>,
    snapshot: Option<&'a str>,
}

/// What is written down of a statement that nobody knows: its text may hold secrets.
fn unknown(database: &str, verb: &str) -> HistoryEntry {
    let word: String = verb.chars().filter(char::is_ascii_alphanumeric).collect();
    HistoryEntry {
        database: database.to_owned(),
        ddl: format!("/* a statement that begins with {word} and is not known */"),
    }
}

fn database_entry(name: &str, collation: Option<&Collation>) -> HistoryEntry {
    let quoted = name.replace('`', "``");
    let charset = collation.map_or_else(String::new, |collation| {
        format!(
            " CHARACTER SET {} COLLATE {}",
            collation.charset().name(),
            collation.name()
        )
    });
    HistoryEntry {
        database: name.to_owned(),
        ddl: format!("CREATE DATABASE IF NOT EXISTS `{quoted}`{charset}"),
    }
}

/// A comment alone: there was no statement.
fn forgotten_entry(id: &TableId) -> HistoryEntry {
    HistoryEntry {
        database: id.database.clone(),
        ddl: "/* a table is another than the statements until here have made it */".to_owned(),
    }
}

/// A comment alone, too.
fn view_entry(id: &TableId) -> HistoryEntry {
    HistoryEntry {
        database: id.database.clone(),
        ddl: "/* CREATE TABLE IF NOT EXISTS has made no table: the name is that of a view */".to_owned(),
    }
}

fn table_entry(table: &TrackedTable) -> HistoryEntry {
    HistoryEntry {
        database: table.id.database.clone(),
        ddl: table.definition(),
    }
}

fn position(context: &EventContext<'_>) -> String {
    format!("{}:{}", context.file, context.pos)
}

impl Read<'_> {
    /// # Errors
    /// [`Error::StatementFormat`] if it changes rows of a table that may be captured.
    pub(crate) fn check_row_format(&self, filter: &TableFilter) -> Result<(), Error> {
        match &self.class {
            Class::RowChange { verb, table } if table.as_ref().is_none_or(|id| filter.captures(id)) => {
                Err(Error::StatementFormat {
                    table: table.clone(),
                    position: position(&self.context),
                    verb: verb.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// What may be another after it. A table made only if it was not there is one of them: what the server said may be of
    /// a later time than the statement.
    pub(crate) fn touched(&self) -> Vec<Touched> {
        match &self.class {
            Class::Table(statement) if statement.changes_shape != ShapeChange::No && !statement.temporary => {
                let touched = statement.tables.iter().map(|id| Touched::Table {
                    id: id.clone(),
                    verb: statement.verb.to_owned(),
                });
                touched.collect()
            }
            Class::Database(statement) => vec![Touched::Database {
                name: statement.name.clone(),
                verb: statement.verb.to_owned(),
            }],
            Class::Views(statement) => {
                let touched = statement.views.iter().map(|id| Touched::Table {
                    id: id.clone(),
                    verb: statement.verb.to_owned(),
                });
                touched.collect()
            }
            Class::Unknown { verb } => vec![Touched::Any { verb: verb.clone() }],
            _ => Vec::new(),
        }
    }

    /// The entries of a statement about views that took what was no table for one: a Debezium writes nothing down.
    fn view_entries(&self, outcome: &Outcome) -> Vec<HistoryEntry> {
        let Class::Views(statement) = &self.class else {
            return Vec::new();
        };
        let is_affected = |id: &&TableId| match outcome {
            Outcome::Changes(changes) => {
                let is_it =
                    |change: &Change| matches!(change, Change::Dropped { id: dropped, .. } if dropped == *id);
                changes.iter().any(is_it)
            }
            Outcome::Unreadable(unreadable) => {
                matches!(&unreadable.tables, Affected::Tables(tables) if tables.contains(id))
            }
            Outcome::NotTables => false,
        };
        let entry = |id: &TableId| HistoryEntry {
            database: id.database.clone(),
            ddl: statement::redacted(&self.text, self.session).into_owned(),
        };
        statement.views.iter().filter(is_affected).map(entry).collect()
    }

    /// The table of a CREATE TABLE IF NOT EXISTS that may have done nothing.
    pub(crate) fn makes_unless_there(&self) -> Option<&TableId> {
        match &self.class {
            Class::Table(statement)
                if statement.changes_shape == ShapeChange::IfNew
                    && !statement.temporary
                    && !self.session.changed_dictionary =>
            {
                statement.tables.first()
            }
            _ => None,
        }
    }

    /// Whether it shares its transaction with rows.
    pub(crate) fn comes_with_rows(&self) -> bool {
        self.session.comes_with_rows
    }

    /// Whether its text is the server's and not its user's.
    pub(crate) fn is_servers_text(&self) -> bool {
        is_servers_text(&self.text)
    }

    /// Lets the tracker follow the statement.
    pub(crate) fn apply(&self, tracker: &mut SchemaTracker) -> Outcome {
        tracker.apply(&self.text, &self.session)
    }
}
