//! Statements one after another.

use std::sync::Arc;

use rowtide_event::TableId;

use super::alter::{Databases, altered};
use super::create::{created, resolved};
use super::error::{Affected, Reason, Unreadable};
use super::table::TrackedTable;
use super::temporary::TemporaryTables;
use super::{Change, Collation, DataType, Database, Outcome, SchemaTracker, State, Tracked};
use crate::schema::Session;
use crate::schema::ddl::{self, CharsetSpec, Clause, CreateTable, Ddl, KeySpec, Source, TypeSpec};
use crate::schema::sql::Cursor;
use crate::schema::statement::{Class, classified};

type Changes = Result<Vec<Change>, Reason>;

impl SchemaTracker {
    /// Follows a statement that was logged in this session.
    ///
    /// After [`Outcome::Unreadable`] the tables that it may have changed are [`Unclear`](Tracked::Unclear) until
    /// [`set_table`](Self::set_table), DROP or a CREATE without IF NOT EXISTS puts them right; all others stay as they
    /// are.
    pub fn apply(&mut self, sql: &str, session: &Session<'_>) -> Outcome {
        let mut cursor = Cursor::new(sql, *session);
        let start = cursor.mark();
        let affected = match classified(&mut cursor) {
            Class::NotTables { .. } | Class::RowChange { .. } => return Outcome::NotTables,
            Class::Table(_) | Class::Database(_) | Class::Views(_) if session.has_letters_for_signs(sql) => {
                return self.unreadable(Reason::Swe7, Affected::Any);
            }
            Class::Views(statement) => return self.follow_views(&statement, session),
            Class::Table(statement) if self.temporary.follow(&statement, session) => {
                return Outcome::NotTables;
            }
            Class::Table(statement) if TemporaryTables::may_be_about(&statement, session) => {
                let why = statement.tables.first().cloned().map(Reason::Temporary);
                let why = why.unwrap_or_else(|| Reason::Verb(statement.verb.to_owned()));
                return self.unreadable(why, Affected::Tables(statement.tables));
            }
            Class::Table(statement) => Affected::Tables(statement.tables),
            Class::Database(_) => Affected::Tables(Vec::new()),
            Class::Unknown { verb } => return self.unreadable(Reason::Verb(verb), Affected::Any),
        };
        cursor.return_to(start);
        let changes = ddl::read_all(&mut cursor)
            .map_err(Reason::from)
            .and_then(|ddl| self.follow(ddl, &session.of_types(sql)));
        match changes {
            Ok(changes) => Outcome::Changes(changes),
            Err(why) => self.unreadable(why, affected),
        }
    }

    fn unreadable(&mut self, why: Reason, tables: Affected) -> Outcome {
        match &tables {
            Affected::Tables(tables) => tables.iter().for_each(|id| self.set_unclear(id)),
            Affected::Any => self.set_all_unclear(),
        }
        Outcome::Unreadable(Unreadable { why, tables })
    }

    fn follow(&mut self, ddl: Ddl, session: &Session<'_>) -> Changes {
        if session.has_failed()
            && let Some(replaced) = ddl.replaced()
        {
            return Ok(vec![self.drop_table(replaced.clone())]);
        }
        match ddl {
            Ddl::CreateTable(create) => self.create_table(&create, session),
            Ddl::AlterTable { table, clauses } => self.alter_table(&table, &clauses, session),
            Ddl::DropTables(_) if session.may_have_left_tables() => Err(Reason::Error(session.error)),
            Ddl::DropTables(tables) => {
                let mut changes: Vec<_> = tables.into_iter().map(|id| self.drop_table(id)).collect();
                if session.drops_database {
                    changes.extend(self.lose_collation(session));
                }
                Ok(changes)
            }
            Ddl::DropSequences(mut all) => {
                all.retain(|id| !matches!(self.table(id), Tracked::Known(table) if !table.is_sequence));
                Ok(all.into_iter().map(|id| self.drop_table(id)).collect())
            }
            Ddl::RenameTables(renames) if session.is_mariadb() => self.rename_any(renames),
            Ddl::RenameTables(renames) => Ok(renames
                .into_iter()
                .map(|(from, to)| self.rename_table(from, to))
                .collect()),
            Ddl::TruncateTable(table) => Ok(vec![Change::Truncated(table)]),
            Ddl::CreateIndex { table, key } => self.create_index(&table, key, session),
            Ddl::DropIndex { table, name } => self.drop_index(&table, name, session),
            Ddl::CreateDatabase {
                name,
                or_replace,
                if_not_exists,
                charset,
            } => {
                if if_not_exists && !or_replace && self.databases.contains_key(&name) {
                    return Ok(Vec::new());
                }
                let is_made = !if_not_exists || session.changed_dictionary;
                self.create_database(name, is_made, &charset, session)
            }
            Ddl::AlterDatabase { name, charset } => self.alter_database(name, &charset, session),
            Ddl::DropDatabase(name) => Ok(vec![self.drop_database(name)]),
            Ddl::CreateSequence {
                table,
                or_replace,
                if_not_exists,
                data_type,
            } => {
                if if_not_exists && !or_replace && self.table(&table) != Tracked::Absent {
                    return Ok(Vec::new());
                }
                self.create_sequence(table, &data_type, session)
            }
            Ddl::AlterSequence { table, data_type } => {
                self.alter_sequence(&table, data_type.as_ref(), session)
            }
        }
    }

    fn known(&self, id: &TableId) -> Result<Arc<TrackedTable>, Reason> {
        match self.table(id) {
            Tracked::Known(table) => Ok(table.clone()),
            Tracked::Unclear | Tracked::Absent => Err(Reason::Table(id.clone())),
        }
    }

    fn put(&mut self, mut table: TrackedTable) -> Arc<TrackedTable> {
        table.shrink();
        self.pool().share(&mut table);
        let table = Arc::new(table);
        self.set_table(table.clone());
        table
    }

    pub(super) fn take(&mut self, id: &TableId) -> Option<State> {
        self.databases
            .get_mut(&id.database)?
            .tables
            .remove(id.table.as_str())
    }

    fn create_table(&mut self, create: &CreateTable, session: &Session<'_>) -> Changes {
        let head = &create.head;
        let is_conditional = head.if_not_exists && !head.or_replace;
        if is_conditional && self.exists(&head.table, session)? {
            return Ok(Vec::new());
        }
        let mut table = match &create.source {
            Source::None if session.charset_is_lost => return Err(Reason::LostCharset(head.table.clone())),
            Source::None => created(create, self.database(&head.table.database), session)?,
            Source::Like(other) => TrackedTable {
                id: head.table.clone(),
                ..(*self.known(other)?).clone()
            },
            Source::Query => return Err(Reason::Query),
        };
        if !session.is_definition {
            table.may_be_view = is_conditional && !session.changed_dictionary;
        }
        Ok(vec![Change::Created(self.put(table))])
    }

    /// Whether CREATE TABLE IF NOT EXISTS finds a table or view. Views that nobody has told of it may find as well.
    fn exists(&self, id: &TableId, session: &Session<'_>) -> Result<bool, Reason> {
        if session.changed_dictionary {
            return Ok(false);
        }
        match self.table(id) {
            Tracked::Known(_) => Ok(true),
            Tracked::Unclear => Err(Reason::Table(id.clone())),
            Tracked::Absent => Ok(self.views.has(id)),
        }
    }

    fn alter_table(&mut self, id: &TableId, clauses: &[Clause], session: &Session<'_>) -> Changes {
        let before = match self.known(id) {
            // Servers log what they do to partitions also where there is no such table.
            Err(_) if clauses.iter().all(|clause| *clause == Clause::Rebuild) => return Ok(Vec::new()),
            known => known?,
        };
        let mut after = altered(&before, clauses, self.databases_of(id, session), session)?;
        let mut changes = Vec::new();
        for clause in clauses {
            match clause {
                Clause::RenameTo(name) => after.id = name.clone(),
                Clause::PartitionToTable(name) => {
                    let id = name.clone();
                    let table = self.put(TrackedTable {
                        id,
                        may_be_view: false,
                        ..(*before).clone()
                    });
                    changes.push(Change::Created(table));
                }
                Clause::TableToPartition(name) => changes.push(self.drop_table(name.clone())),
                _ => {}
            }
        }
        if after.id != *id {
            self.take(id);
        }
        let after = self.put(after);
        changes.insert(0, Change::Altered { before, after });
        Ok(changes)
    }

    fn databases_of(&self, id: &TableId, session: &Session<'_>) -> Databases<'_> {
        let current = session.name_case.folded(session.database);
        Databases {
            own: self.database(&id.database),
            current: self.database(&current),
        }
    }

    fn create_index(&mut self, id: &TableId, key: KeySpec, session: &Session<'_>) -> Changes {
        self.index(id, Clause::AddKey(key), session)
    }

    fn drop_index(&mut self, id: &TableId, name: String, session: &Session<'_>) -> Changes {
        // Where it does not exist, the statement was logged for its IF EXISTS.
        let if_exists = session.is_mariadb();
        self.index(id, Clause::DropKey { name, if_exists }, session)
    }

    fn index(&mut self, id: &TableId, clause: Clause, session: &Session<'_>) -> Changes {
        let before = self.known(id)?;
        let after = altered(&before, &[clause], self.databases_of(id, session), session)?;
        let after = self.put(after);
        Ok(vec![Change::Indexed { before, after }])
    }

    pub(super) fn drop_table(&mut self, id: TableId) -> Change {
        let before = match self.take(&id) {
            Some(State::Known(table)) => Some(table),
            Some(State::Unclear) | None => None,
        };
        Change::Dropped { id, before }
    }

    /// MariaDB logs the names of temporary tables too: one that is renamed twice without having been made again was
    /// temporary at first, and hid the other. Of one that gets the name of a table that is there nothing else can be said: its
    /// event is that of any other, and a session that logs rows has not logged that it made one.
    fn rename_any(&mut self, renames: Vec<(TableId, TableId)>) -> Changes {
        let is_temporary = |at: usize| {
            let mut behind = renames.iter().skip(at);
            let name = behind.next().map(|(from, _)| from);
            let next = behind.find(|(from, to)| name == Some(from) || name == Some(to));
            next.is_some_and(|(from, _)| name == Some(from))
        };
        let temporary: Vec<bool> = (0..renames.len()).map(is_temporary).collect();
        let mut changes = Vec::with_capacity(renames.len());
        for ((from, to), _) in renames.into_iter().zip(temporary).filter(|(_, is)| !is) {
            let is_taken = from != to && self.table(&to) != Tracked::Absent;
            if is_taken || self.temporary.has(&from) {
                return Err(Reason::Temporary(from));
            }
            changes.push(self.rename_table(from, to));
        }
        Ok(changes)
    }

    fn rename_table(&mut self, from: TableId, to: TableId) -> Change {
        self.views.rename(&from, &to);
        let table = match self.take(&from) {
            Some(State::Known(table)) => {
                let id = to.clone();
                Some(self.put(TrackedTable {
                    id,
                    ..Arc::unwrap_or_clone(table)
                }))
            }
            Some(State::Unclear) => {
                self.set_unclear(&to);
                None
            }
            None => None,
        };
        Change::Renamed { from, to, table }
    }

    fn create_database(
        &mut self,
        name: String,
        is_made: bool,
        charset: &CharsetSpec,
        session: &Session<'_>,
    ) -> Changes {
        let of_server = of_server(session);
        let collation = resolved(charset, of_server.as_ref(), session)?.or(of_server);
        let database = Database {
            collation: collation.clone(),
            is_made,
            ..Database::default()
        };
        self.databases.insert(name.clone(), database);
        Ok(vec![Change::DatabaseSet { name, collation }])
    }

    fn alter_database(&mut self, name: String, charset: &CharsetSpec, session: &Session<'_>) -> Changes {
        let of_server = of_server(session);
        let named = resolved(charset, of_server.as_ref(), session)?;
        let collation = named.or_else(|| self.database(&name).cloned());
        self.databases.entry(name.clone()).or_default().collation = collation.clone();
        Ok(vec![Change::DatabaseSet { name, collation }])
    }

    /// A DROP DATABASE has failed. The character set goes with the last table: where one is left, it failed before.
    fn lose_collation(&mut self, session: &Session<'_>) -> Option<Change> {
        let name = session.name_case.folded(session.database);
        let database = self.databases.entry(name.clone()).or_default();
        database.tables.is_empty().then(|| {
            database.collation = None;
            Change::DatabaseSet {
                name,
                collation: None,
            }
        })
    }

    fn drop_database(&mut self, name: String) -> Change {
        self.views.remove_database(&name);
        let database = self.databases.remove(&name).unwrap_or_default();
        let tables = database
            .tables
            .into_keys()
            .map(|table| TableId::new(&name, &*table))
            .collect();
        Change::DatabaseDropped { name, tables }
    }

    /// A sequence is a table of one row.
    fn create_sequence(&mut self, id: TableId, data_type: &TypeSpec, session: &Session<'_>) -> Changes {
        const COLUMNS: &str = "CREATE TABLE s (next_not_cached_value BIGINT(21) NOT NULL, \
             minimum_value BIGINT(21) NOT NULL, maximum_value BIGINT(21) NOT NULL, start_value BIGINT(21) NOT NULL \
             COMMENT 'start value when sequences is created or value if RESTART is used', \
             increment BIGINT(21) NOT NULL COMMENT 'increment value', cache_size BIGINT(21) UNSIGNED NOT NULL, cycle_option TINYINT(1) UNSIGNED NOT NULL COMMENT \
             '0 if no cycles are allowed, 1 if the sequence should begin a new cycle when maximum_value is passed', \
             cycle_count BIGINT(21) NOT NULL COMMENT 'How many cycles have been done')";
        let Ddl::CreateTable(create) = ddl::read(COLUMNS, *session)? else {
            return Err(Reason::Verb("CREATE SEQUENCE".to_owned()));
        };
        let mut table = created(&create, self.database(&id.database), session)?;
        table.id = id;
        table.is_sequence = true;
        set_sequence_type(&mut table, data_type, session)?;
        Ok(vec![Change::Created(self.put(table))])
    }

    fn alter_sequence(
        &mut self,
        id: &TableId,
        data_type: Option<&TypeSpec>,
        session: &Session<'_>,
    ) -> Changes {
        let before = self.known(id)?;
        let mut after = (*before).clone();
        if let Some(data_type) = data_type {
            set_sequence_type(&mut after, data_type, session)?;
        }
        let after = self.put(after);
        Ok(vec![Change::Altered { before, after }])
    }
}

fn of_server(session: &Session<'_>) -> Option<Collation> {
    let id = session.collation_server?;
    Collation::from_id(id, session.server.flavour)
}

/// The type of a sequence's values.
fn set_sequence_type(
    table: &mut TrackedTable,
    data_type: &TypeSpec,
    session: &Session<'_>,
) -> Result<(), Reason> {
    const VALUES: usize = 4;
    let data_type = DataType::of(data_type, &table.collation, session)?.of_sequence();
    for column in table.columns.iter_mut().take(VALUES) {
        column.data_type = data_type.clone();
    }
    Ok(())
}
