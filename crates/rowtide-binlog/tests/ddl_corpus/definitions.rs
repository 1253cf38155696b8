//! Without a server: after each statement, the text of each table makes the same table.

use std::collections::BTreeMap;
use std::sync::Arc;

use rowtide_binlog::event::StatusVariables;
use rowtide_binlog::schema::tracked::{Collation, Outcome, SchemaTracker, Tracked, TrackedTable};
use rowtide_binlog::schema::{NameCase, Session};
use rowtide_event::TableId;
use rowtide_testbed::ServerVersion;

use super::corpus::{Script, scripts};

#[test]
fn make_the_same_tables() {
    for version in ServerVersion::ALL {
        let mut tables = 0;
        for script in scripts(version) {
            tables += follow(&script, version);
        }
        println!("{version}: {tables} tables");
        assert!(tables > 1000, "{version}: {tables}");
    }
}

/// Follows a script, servers' refusals apart, and returns how many tables it has tried.
fn follow(script: &Script, version: ServerVersion) -> usize {
    let mut client = Client::new(&format!("ddl_{}", script.name), version);
    let mut before: BTreeMap<TableId, Arc<TrackedTable>> = BTreeMap::new();
    let mut tried = 0;
    for sql in &script.statements {
        client.run(sql);
        let tables = client.tracker.tables();
        let after: BTreeMap<_, _> = tables.map(|table| (table.id.clone(), table.clone())).collect();
        for (id, table) in &after {
            if before.get(id) != Some(table) {
                try_definition(table, sql, client.session().server);
                tried += 1;
            }
        }
        before = after;
    }
    tried
}

fn try_definition(table: &TrackedTable, sql: &str, server: rowtide_binlog::server::ServerVersion) {
    let definition = table.definition();
    let session = Session::of_definition(&table.id.database, server, NameCase::Matters);
    for database in [None, Collation::from_name("greek_bin")] {
        let mut tracker = SchemaTracker::new();
        if let Some(collation) = database {
            tracker.set_database(&table.id.database, collation);
        }
        if let Outcome::Unreadable(why) = tracker.apply(&definition, &session) {
            panic!("after {sql}\n{definition}\n{why}");
        }
        let Tracked::Known(read) = tracker.table(&table.id) else {
            panic!("after {sql}\n{definition}\nis another table's");
        };
        assert_eq!(**read, *table, "after {sql}\n{definition}");
    }
}

/// What a server would keep of a session.
struct Client {
    tracker: SchemaTracker,
    database: String,
    server: rowtide_binlog::server::ServerVersion,
    sql_mode: u64,
    explicit_timestamp_defaults: Option<bool>,
}

impl Client {
    fn new(database: &str, version: ServerVersion) -> Self {
        let number = version.number().trim_end_matches('.');
        let suffix = if version.is_mariadb() { "-MariaDB" } else { "" };
        let patch = if number.split('.').count() == 2 { ".4" } else { "" };
        let mut tracker = SchemaTracker::new();
        tracker.set_database(database, Collation::from_name("utf8mb4_general_ci").unwrap());
        Self {
            tracker,
            database: database.to_owned(),
            server: format!("{number}{patch}{suffix}").parse().unwrap(),
            sql_mode: 0,
            explicit_timestamp_defaults: None,
        }
    }

    fn session(&self) -> Session<'_> {
        let variables = StatusVariables {
            sql_mode: Some(self.sql_mode),
            ..StatusVariables::default()
        };
        let mut session = Session::of(&self.database, &variables, self.server, NameCase::Matters);
        session.explicit_defaults_for_timestamp = self.explicit_timestamp_defaults;
        session
    }

    fn run(&mut self, sql: &str) {
        if let Some(database) = sql.strip_prefix("USE ") {
            self.database = database.to_owned();
        } else if let Some(mode) = sql.strip_prefix("SET sql_mode = ") {
            self.sql_mode = bits(mode.trim_matches('\''));
        } else if let Some(value) = sql.strip_prefix("SET explicit_defaults_for_timestamp = ") {
            self.explicit_timestamp_defaults = Some(value == "1");
        } else {
            let mut tracker = std::mem::take(&mut self.tracker);
            tracker.apply(sql, &self.session());
            self.tracker = tracker;
        }
    }
}

/// The bits of `sql_mode` on which the reading of statements depends.
fn bits(modes: &str) -> u64 {
    let bit = |mode: &str| match mode {
        "REAL_AS_FLOAT" => 0x1,
        "ANSI_QUOTES" => 0x4,
        "ANSI" => 0x5,
        "ORACLE" => 0x204,
        "NO_BACKSLASH_ESCAPES" => 0x10_0000,
        _ => 0,
    };
    modes.split(',').map(bit).sum()
}
