//! The schema history that a Debezium has written: its statements are followed, and what it says of tables after them is
//! compared with what they have become.

use rowtide_binlog::schema::statement::{Class, classify};
use rowtide_binlog::schema::tracked::{Affected, Change, Outcome, SchemaTracker, Tracked};
use rowtide_binlog::schema::{NameCase, Session};
use rowtide_binlog::server::ServerVersion;
use rowtide_event::TableId;
use rowtide_kafka::HistoryRecord;
use rowtide_kafka::history::{ColumnImage, TableChange, TableChangeKind, TableImage};

use super::{Comments, image};

/// Follows a record of a Debezium's schema history, and tells which tables are unclear after it.
///
/// A record does not tell in which `sql_mode` its statement ran: it is read as if in an empty one. Where a table then has
/// other columns than the record says, in number, name, type, character set or whether they may be NULL, the table is
/// unclear, as is one whose statement cannot be read. A table of which the record says nothing is what its statement
/// makes of it: Debezium leaves out what it could not read itself.
pub fn follow_foreign(
    tracker: &mut SchemaTracker,
    record: &HistoryRecord,
    server: ServerVersion,
    name_case: NameCase,
) -> Vec<TableId> {
    let mut unclear = match &record.ddl {
        Some(ddl) => follow(tracker, ddl, session(record, server, name_case)),
        None => Vec::new(),
    };
    for change in &record.table_changes {
        let Some(id) = table_id(&change.id, name_case) else {
            continue;
        };
        if !agrees(tracker.table(&id), change) {
            tracker.set_unclear(&id);
            unclear.push(id);
        }
    }
    unclear.sort();
    unclear.dedup();
    unclear
}

/// A snapshot records tables as SHOW CREATE TABLE shows them.
fn session(record: &HistoryRecord, server: ServerVersion, name_case: NameCase) -> Session<'_> {
    let database = record.database_name.as_deref().unwrap_or_default();
    if record.position.snapshot.is_some() {
        Session::of_definition(database, server, name_case)
    } else {
        Session::new(database, server, name_case)
    }
}

/// Follows the statement; the tables that it leaves unclear.
fn follow(tracker: &mut SchemaTracker, ddl: &str, session: Session<'_>) -> Vec<TableId> {
    // Of what is not known any table may be changed.
    let before: Vec<TableId> = match classify(ddl, session) {
        Class::Unknown { .. } => tracker.tables().map(|table| table.id.clone()).collect(),
        _ => Vec::new(),
    };
    match tracker.apply(ddl, &session) {
        Outcome::NotTables => Vec::new(),
        Outcome::Unreadable(unreadable) => match unreadable.tables {
            Affected::Tables(tables) => tables,
            Affected::Any => before,
        },
        Outcome::Changes(changes) => {
            let renamed = changes.into_iter().filter_map(|change| match change {
                Change::Renamed { to, .. } => Some(to),
                _ => None,
            });
            renamed
                .filter(|to| tracker.table(to) == Tracked::Unclear)
                .collect()
        }
    }
}

/// A name as a record has it: `"database"."table"`.
fn table_id(quoted: &str, name_case: NameCase) -> Option<TableId> {
    let inside = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let (database, table) = inside.split_once("\".\"")?;
    Some(name_case.folded_table(&TableId::new(database, table)))
}

/// Whether a table is what a record says of it.
fn agrees(tracked: Tracked<'_>, change: &TableChange) -> bool {
    match (tracked, change.kind, &change.table) {
        (Tracked::Known(table), TableChangeKind::Create | TableChangeKind::Alter, Some(theirs)) => {
            // A sequence has no image.
            let ours = image(table, change.kind, Comments::LeftOut).and_then(|change| change.table);
            ours.is_none_or(|ours| has_same_columns(&ours, theirs))
        }
        (Tracked::Absent, TableChangeKind::Drop, _) => true,
        _ => false,
    }
}

fn has_same_columns(ours: &TableImage, theirs: &TableImage) -> bool {
    let is_same = |(ours, theirs): (&ColumnImage, &ColumnImage)| {
        ours.name == theirs.name
            && ours.type_name == theirs.type_name
            && ours.charset_name == theirs.charset_name
            && (ours.length, ours.scale) == (theirs.length, theirs.scale)
            && ours.optional == theirs.optional
            && ours.enum_values == theirs.enum_values
    };
    ours.columns.len() == theirs.columns.len() && ours.columns.iter().zip(&theirs.columns).all(is_same)
}

#[cfg(test)]
mod tests {
    use rowtide_kafka::history::{HistoryPosition, HistorySource};

    use super::*;

    fn record(ddl: &str, table_changes: Vec<TableChange>) -> HistoryRecord {
        HistoryRecord {
            source: HistorySource {
                server: "shop".to_owned(),
            },
            position: HistoryPosition::default(),
            ts_ms: 0,
            database_name: Some("Shop".to_owned()),
            schema_name: None,
            ddl: Some(ddl.to_owned()),
            table_changes,
        }
    }

    /// The record that Rowtide itself would write.
    fn agreeing(tracker: &SchemaTracker, ddl: &str) -> HistoryRecord {
        let session = Session::new("Shop", server(), NameCase::Ignored);
        let mut after = tracker.clone();
        let Outcome::Changes(changes) = after.apply(ddl, &session) else {
            panic!("{ddl}");
        };
        record(
            ddl,
            super::super::table_changes(&changes, Comments::LeftOut).concat(),
        )
    }

    fn server() -> ServerVersion {
        "9.7.4".parse().unwrap()
    }

    fn follow(tracker: &mut SchemaTracker, record: &HistoryRecord) -> Vec<String> {
        let unclear = follow_foreign(tracker, record, server(), NameCase::Ignored);
        unclear.iter().map(ToString::to_string).collect()
    }

    fn tracker() -> SchemaTracker {
        let mut tracker = SchemaTracker::new();
        let create = record("CREATE DATABASE Shop CHARACTER SET utf8mb4", Vec::new());
        assert_eq!(follow(&mut tracker, &create), Vec::<String>::new());
        for ddl in ["CREATE TABLE T (a ENUM('x'))", "CREATE TABLE U (a INT)"] {
            let record = agreeing(&tracker, ddl);
            assert_eq!(follow(&mut tracker, &record), Vec::<String>::new());
        }
        tracker
    }

    #[test]
    fn what_agrees_is_known() {
        let mut tracker = tracker();
        for ddl in [
            "ALTER TABLE T ADD b VARCHAR(9) NOT NULL",
            "RENAME TABLE t TO v",
            "DROP TABLE u",
        ] {
            let record = agreeing(&tracker, ddl);
            assert_eq!(follow(&mut tracker, &record), Vec::<String>::new(), "{ddl}");
        }
        let names = tracker
            .tables()
            .map(|table| (table.id.to_string(), table.columns.len()));
        assert_eq!(names.collect::<Vec<_>>(), [("shop.v".to_owned(), 2)]);
    }

    #[test]
    fn what_differs_is_unclear() {
        let changes: [fn(&mut TableChange); 5] = [
            |change| change.kind = TableChangeKind::Drop,
            |change| change.table.as_mut().unwrap().columns.truncate(1),
            |change| change.table.as_mut().unwrap().columns[1].name.push('x'),
            |change| change.table.as_mut().unwrap().columns[1].type_name = "BIGINT".to_owned(),
            |change| change.table.as_mut().unwrap().columns[0].enum_values = Some(vec!["'y'".to_owned()]),
        ];
        for make_other in changes {
            let mut tracker = tracker();
            let mut record = agreeing(&tracker, "ALTER TABLE t ADD b INT");
            make_other(&mut record.table_changes[0]);
            assert_eq!(follow(&mut tracker, &record), ["shop.t"]);
            assert_eq!(tracker.table(&TableId::new("shop", "t")), Tracked::Unclear);
        }
    }

    #[test]
    fn what_cannot_be_read_is_unclear() {
        let mut tracker = tracker();
        assert_eq!(
            follow(&mut tracker, &record("ALTER TABLE t FANCY", Vec::new())),
            ["shop.t"]
        );
        assert_eq!(
            follow(&mut tracker, &record("RENAME TABLE t TO w", Vec::new())),
            ["shop.w"]
        );
        assert_eq!(follow(&mut tracker, &record("FANCY", Vec::new())), ["shop.u"]);
    }
}
