//! Runs statements on a server, and follows its binlog.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::event::{Checksum, EventType, Header, MariadbGtidEvent, MariadbGtidFlags, Query};
use rowtide_binlog::replica::{DumpFrom, Replica, ReplicaOptions};
use rowtide_binlog::schema::tracked::{Outcome, SchemaTracker, Tracked, TrackedTable};
use rowtide_binlog::schema::{NameCase, Session, statement_text};
use rowtide_binlog::server::{self, ServerInfo, ServerVersion};
use rowtide_event::{BinlogPosition, Table, TableId};
use rowtide_testbed::{MySql, MySqlOptions};

use super::corpus::{Script, scripts};
use super::server_tables::{self, Schema};
use super::tracked_tables;

/// What came of it.
pub struct Played {
    /// Statements that the server refused, with its reason.
    pub refused: Vec<String>,
}

/// What the server has after a statement.
struct Picture {
    statement: String,
    end: BinlogPosition,
    schema: Schema,
    /// Of tables that the statement has changed.
    shapes: BTreeMap<TableId, Option<Table>>,
    create_statements: BTreeMap<TableId, String>,
}

/// Runs the whole corpus on a server.
pub async fn all(version: rowtide_testbed::ServerVersion) -> Played {
    let server = MySql::start(MySqlOptions::of(version)).unwrap();
    let mut client = root(&server).await;
    let info = ServerInfo::read(&mut client).await.unwrap();
    let start = position(&mut client).await;
    let (mut pictures, mut refused) = (Vec::new(), Vec::new());
    for script in scripts(version) {
        run(&server, &script, &mut pictures, &mut refused).await;
    }
    let differences = follow(&server, start, &pictures, info.version).await;
    println!(
        "{version}: {} statements, {} refused, {} differences",
        pictures.len(),
        refused.len(),
        differences.len()
    );
    for refused in &refused {
        println!("refused: {refused}");
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Played { refused }
}

async fn root(server: &MySql) -> Client {
    let options = SourceOptions::by_socket(server.socket(), "root", "");
    Client::connect(&options).await.unwrap()
}

async fn position(client: &mut Client) -> BinlogPosition {
    server::binlog_status(client).await.unwrap().unwrap().position
}

/// Runs one script in a session of its own, and takes a picture after each statement.
async fn run(server: &MySql, script: &Script, pictures: &mut Vec<Picture>, refused: &mut Vec<String>) {
    let (mut client, mut observer) = (root(server).await, root(server).await);
    let name = format!("ddl_{}", script.name);
    let begin = [
        format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        format!("USE {name}"),
    ];
    let mut before = Schema::default();
    for statement in begin.iter().chain(&script.statements) {
        if let Err(why) = client.query(statement).await {
            assert!(why.server().is_some(), "{statement}: {why}");
            if !script.may_be_refused {
                refused.push(format!("{name}: {statement}: {why}"));
            }
            continue;
        }
        let picture = picture(&mut observer, statement, &before).await;
        before = picture.schema.clone();
        pictures.push(picture);
    }
    let databases: Vec<String> = before.databases.into_keys().collect();
    for database in databases {
        client
            .query(&format!("DROP DATABASE `{database}`"))
            .await
            .unwrap();
    }
    pictures.push(picture(&mut observer, "DROP DATABASE", &Schema::default()).await);
}

async fn picture(observer: &mut Client, statement: &str, before: &Schema) -> Picture {
    let schema = server_tables::read(observer).await;
    let (mut shapes, mut create_statements) = (BTreeMap::new(), BTreeMap::new());
    for (id, text) in &schema.tables {
        if before.tables.get(id) != Some(text) {
            shapes.insert(id.clone(), server_tables::shape(observer, id).await);
            create_statements.insert(id.clone(), server_tables::create_statement(observer, id).await);
        }
    }
    Picture {
        statement: statement.to_owned(),
        end: position(observer).await,
        schema,
        shapes,
        create_statements,
    }
}

/// Reads the binlog from a position to its end, and compares what is tracked with each picture.
async fn follow(
    server: &MySql,
    start: BinlogPosition,
    pictures: &[Picture],
    version: ServerVersion,
) -> Vec<String> {
    let options = ReplicaOptions {
        follow: false,
        ..ReplicaOptions::new(7801)
    };
    let client = root(server).await;
    let mut replica = Replica::start(client, &DumpFrom::Position(start.clone()), &options)
        .await
        .unwrap();
    let checksum = replica.checksum();
    let mut tracker = SchemaTracker::new();
    let mut differences = Vec::new();
    let mut pictures = pictures.iter().peekable();
    let mut seen = Vec::new();
    let mut comes_with_rows = false;
    // A table that is wrong stays so.
    let mut known: HashSet<String> = HashSet::new();
    while let Some(event) = replica.next_event().await.unwrap() {
        let (header, body) = Header::split(event).unwrap();
        let body = match checksum {
            Checksum::Crc32 => body.strip_suffix(event.last_chunk::<4>().unwrap()).unwrap(),
            Checksum::None => body,
        };
        match header.event_type {
            EventType::MariadbGtid => {
                let gtid = MariadbGtidEvent::read(body).unwrap();
                comes_with_rows = !gtid.flags.has(MariadbGtidFlags::STANDALONE);
            }
            EventType::Query => {
                let query = Query::read(body, 13).unwrap();
                let session = session_of(&header, &query, comes_with_rows, version);
                seen.extend(apply(&mut tracker, &query, &session));
            }
            _ => {}
        }
        while let Some(picture) = pictures.next_if(|picture| u64::from(header.log_pos) >= picture.end.pos) {
            let difference = compare(&tracker, picture, version);
            if let Some(difference) = difference.filter(|difference| known.insert(difference.clone())) {
                differences.push(format!(
                    "after {}\n{}{difference}",
                    picture.statement,
                    seen.join("\n")
                ));
            }
            seen.clear();
        }
    }
    assert_eq!(pictures.count(), 0, "statements that are not in the binlog");
    differences
}

fn session_of<'a>(
    header: &Header,
    query: &Query<'a>,
    comes_with_rows: bool,
    version: ServerVersion,
) -> Session<'a> {
    let session = Session::of(query.database, &query.variables, version, NameCase::Matters);
    let mut session = session.ended_with(query.error_code);
    session.connection = header.flags.is_thread_specific().then_some(query.thread_id);
    session.comes_with_rows = comes_with_rows;
    session
}

/// Follows a logged statement; what cannot be read is told.
fn apply(tracker: &mut SchemaTracker, query: &Query<'_>, session: &Session<'_>) -> Option<String> {
    let sql = statement_text(query.query, &query.variables);
    match tracker.apply(&sql, session) {
        Outcome::Unreadable(why) => Some(format!("  unreadable: {why}: {sql}\n")),
        Outcome::Changes(_) | Outcome::NotTables => None,
    }
}

/// Tables made of queries with a `sql_mode` that keeps the table's character set out of the binlog.
const LOST: [&str; 2] = ["o2", "m2"];

/// The first difference between what is tracked and what the server has.
fn compare(tracker: &SchemaTracker, picture: &Picture, version: ServerVersion) -> Option<String> {
    for (name, collation) in &picture.schema.databases {
        let tracked = tracker.database(name).map(|collation| collation.name());
        if tracked != Some(collation) {
            return Some(format!("  database {name}: {collation} tracked as {tracked:?}"));
        }
    }
    let tracked: Vec<&TableId> = tracker.tables().map(|table| &table.id).collect();
    let is_lost = |id: &TableId| LOST.contains(&id.table.as_ref()) && tracker.table(id) == Tracked::Unclear;
    let there: Vec<&TableId> = picture.schema.tables.keys().filter(|id| !is_lost(id)).collect();
    if tracked != there {
        return Some(format!("  the server has {there:?}, and tracked are {tracked:?}"));
    }
    let mut all = picture.schema.tables.iter().filter(|(id, _)| !is_lost(id));
    all.find_map(|(id, text)| {
        let Tracked::Known(table) = tracker.table(id) else {
            return Some(format!("  {id} is not known"));
        };
        compare_table(table, text, picture, version)
            .or_else(|| compare_create_statement(tracker, table, text, picture, version))
    })
}

fn compare_table(
    table: &Arc<TrackedTable>,
    text: &str,
    picture: &Picture,
    version: ServerVersion,
) -> Option<String> {
    let tracked = tracked_tables::lines(table, version);
    if tracked != text {
        let difference = only_in_one(text, &tracked);
        return Some(format!("  {} is tracked otherwise:\n{difference}", table.id));
    }
    // How many hidden columns there may be at most, the two know in ways of their own.
    let hidden = picture
        .shapes
        .get(&table.id)
        .and_then(|shape| Some(shape.as_ref()?.hidden));
    let tracked = table.shape().map(|shape| Table {
        hidden: hidden.unwrap_or_default(),
        ..shape
    });
    match (picture.shapes.get(&table.id), tracked) {
        (Some(Some(shape)), Ok(tracked)) if !table.system_versioned && *shape != tracked => Some(format!(
            "  {} has the shape\n{shape:?}\ntracked as\n{tracked:?}",
            table.id
        )),
        _ => None,
    }
}

/// SHOW CREATE TABLE gives the same table.
fn compare_create_statement(
    tracker: &SchemaTracker,
    table: &TrackedTable,
    text: &str,
    picture: &Picture,
    version: ServerVersion,
) -> Option<String> {
    let sql = picture
        .create_statements
        .get(&table.id)
        .filter(|_| !table.is_sequence)?;
    let mut alone = SchemaTracker::new();
    let database = &table.id.database;
    alone.set_database(database, tracker.database(database)?.clone());
    let session = Session::of_definition(database, version, NameCase::Matters);
    if let Outcome::Unreadable(why) = alone.apply(sql, &session) {
        return Some(format!("  unreadable: {why}: {sql}"));
    }
    let Tracked::Known(read) = alone.table(&table.id) else {
        return Some(format!("  SHOW CREATE TABLE made no table: {sql}"));
    };
    let read = tracked_tables::lines(read, version);
    let difference = only_in_one(text, &read);
    (read != text).then(|| format!("  {} is read otherwise from {sql}:\n{difference}", table.id))
}

/// The lines that are not the same.
fn only_in_one(server: &str, tracked: &str) -> String {
    let missing = |in_this: &str, in_that: &str, mark: &str| -> Vec<String> {
        let there: Vec<&str> = in_that.lines().collect();
        let lines = in_this.lines().filter(|line| !there.contains(line));
        lines.map(|line| format!("    {mark}{line}")).collect()
    };
    let mut lines = missing(server, tracked, "server ");
    lines.extend(missing(tracked, server, "tracked"));
    if lines.is_empty() {
        return format!("another order\n{server}\n{tracked}");
    }
    lines.join("\n")
}
