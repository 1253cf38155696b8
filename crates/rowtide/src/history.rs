//! Statements in the binlog: what they change, and the schema-history records they make.

use rowtide_binlog::decoder::{EventContext, Statement};
use rowtide_binlog::schema::statement::{self, Class, HistoryEntry, ShapeChange, TableStatement};
use rowtide_binlog::schema::{NameCase, Session};
use rowtide_binlog::server::ServerVersion;
use rowtide_event::{Charset, GtidSet, TableId};
use rowtide_kafka::{HistoryPosition, HistoryRecord, HistorySource};

use crate::error::Error;
use crate::filter::TableFilter;
use crate::shapes::Change;
use crate::stats::unix_micros;

/// Reads statements and writes them down.
pub(crate) struct HistoryWriter {
    source_name: String,
    server: ServerVersion,
    name_case: NameCase,
}

/// A statement that was read.
pub(crate) struct Read<'a> {
    context: EventContext<'a>,
    class: Class,
    entries: Vec<HistoryEntry>,
}

impl HistoryWriter {
    pub(crate) fn new(source_name: &str, server: ServerVersion, name_case: NameCase) -> Self {
        Self {
            source_name: source_name.to_owned(),
            server,
            name_case,
        }
    }

    /// Finds out what a statement changes.
    pub(crate) fn read<'a>(&self, statement: &Statement<'a>) -> Result<Read<'a>, Error> {
        let text = text(statement)?;
        let session = Session::of(
            statement.database,
            &statement.variables,
            self.server,
            self.name_case,
        );
        let class = statement::classify(&text, session);
        let mut entries = statement::history_entries(&text, &class, session);
        for entry in &mut entries {
            entry.ddl = statement::redacted(&entry.ddl, session).into_owned();
        }
        Ok(Read {
            context: statement.context,
            class,
            entries,
        })
    }

    /// The records of a statement, in Debezium's format.
    pub(crate) fn records(&self, read: &Read<'_>, executed: Option<&GtidSet>) -> Vec<HistoryRecord> {
        read.entries
            .iter()
            .map(|entry| self.record(entry, &read.context, executed))
            .collect()
    }

    fn record(
        &self,
        entry: &HistoryEntry,
        context: &EventContext<'_>,
        executed: Option<&GtidSet>,
    ) -> HistoryRecord {
        HistoryRecord {
            source: HistorySource {
                server: self.source_name.clone(),
            },
            position: HistoryPosition {
                transaction_id: None,
                ts_sec: Some(i64::from(context.timestamp)),
                file: context.file.to_owned(),
                pos: context.end_pos,
                gtids: executed.map(ToString::to_string),
                server_id: Some(u64::from(context.server_id)),
                event: None,
                row: None,
                snapshot: None,
            },
            ts_ms: i64::try_from(unix_micros() / 1_000).unwrap_or(i64::MAX),
            database_name: Some(entry.database.clone()),
            schema_name: None,
            ddl: Some(entry.ddl.clone()),
            table_changes: Vec::new(),
        }
    }
}

/// A statement's text in UTF-8: it is logged in the client's character set.
fn text(statement: &Statement<'_>) -> Result<String, Error> {
    let charset = statement
        .variables
        .collations
        .and_then(|collations| Charset::from_collation(collations.client))
        .unwrap_or(Charset::Utf8);
    let unreadable = || Error::StatementText {
        position: position(&statement.context),
    };
    let mut utf8 = Vec::with_capacity(statement.query.len());
    charset
        .decode(statement.query, &mut utf8)
        .map_err(|_| unreadable())?;
    String::from_utf8(utf8).map_err(|_| unreadable())
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

    /// Tables whose shape or key may be another after it. A table made only if it was not there is one of them: what
    /// the server said may be of a later time than the statement.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let change = |statement: &TableStatement, id: &TableId| Change::Table {
            id: id.clone(),
            verb: statement.verb.to_owned(),
        };
        match &self.class {
            Class::Table(statement) if statement.changes_shape != ShapeChange::No && !statement.temporary => {
                statement.tables.iter().map(|id| change(statement, id)).collect()
            }
            Class::Unknown { verb } => vec![Change::Any { verb: verb.clone() }],
            _ => Vec::new(),
        }
    }
}
