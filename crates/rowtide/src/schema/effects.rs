//! What statements do to the schema, as the schema history keeps it for the next start.

use rowtide_binlog::schema::tracked::{
    Affected, Change, Collation, Outcome, SchemaTracker, Tracked, TrackedTable,
};
use rowtide_binlog::schema::{NameCase, definitions};
use rowtide_binlog::server::ServerVersion;
use rowtide_event::TableId;
use rowtide_kafka::history::Effect;

/// The effects of a statement, in order. `tracker` has followed it.
pub(crate) fn of_outcome(outcome: &Outcome, tracker: &SchemaTracker) -> Vec<Effect> {
    match outcome {
        Outcome::NotTables => Vec::new(),
        Outcome::Changes(changes) => changes
            .iter()
            .flat_map(|change| of_change(change, tracker))
            .collect(),
        Outcome::Unreadable(unreadable) => match &unreadable.tables {
            Affected::Tables(tables) => tables.iter().map(unclear).collect(),
            Affected::Any => vec![Effect::AllUnclear],
        },
    }
}

fn of_change(change: &Change, tracker: &SchemaTracker) -> Vec<Effect> {
    match change {
        // Of one that the server has put in its own words nobody may know the labels.
        Change::Created(table) if tracker.table(&table.id) == Tracked::Unclear => vec![unclear(&table.id)],
        Change::Created(table) => vec![of_table(table)],
        Change::Altered { before, after } if before.id != after.id => {
            vec![dropped(&before.id), of_table(after)]
        }
        Change::Altered { after, .. } | Change::Indexed { after, .. } => vec![of_table(after)],
        Change::Renamed { from, to, table } => vec![dropped(from), renamed(to, table.as_deref(), tracker)],
        Change::Dropped { id, .. } => vec![dropped(id)],
        Change::Truncated(_) => Vec::new(),
        Change::DatabaseSet { name, collation } => vec![of_database(name, collation.as_ref())],
        Change::DatabaseDropped { name, .. } => vec![Effect::DatabaseDropped { name: name.clone() }],
    }
}

fn renamed(to: &TableId, table: Option<&TrackedTable>, tracker: &SchemaTracker) -> Effect {
    match table {
        Some(table) => of_table(table),
        None if tracker.table(to) == Tracked::Unclear => unclear(to),
        None => dropped(to),
    }
}

/// The effect of a database that is there.
pub(crate) fn of_database(name: &str, collation: Option<&Collation>) -> Effect {
    Effect::Database {
        name: name.to_owned(),
        collation: collation.map(|collation| collation.name().to_owned()),
    }
}

/// The effect of a table that is there.
pub(crate) fn of_table(table: &TrackedTable) -> Effect {
    Effect::Table {
        database: table.id.database.clone(),
        table: table.id.table.clone(),
        definition: table.definition(),
    }
}

/// The effect of a table that is not there.
pub(crate) fn dropped(id: &TableId) -> Effect {
    Effect::TableDropped {
        database: id.database.clone(),
        table: id.table.clone(),
    }
}

/// The effect of a statement on a table that is not known any more.
pub(crate) fn unclear(id: &TableId) -> Effect {
    Effect::TableUnclear {
        database: id.database.clone(),
        table: id.table.clone(),
    }
}

/// Repeats an effect.
///
/// # Errors
/// What is wrong with it: it was not written like this.
pub(super) fn repeat(
    effect: &Effect,
    tracker: &mut SchemaTracker,
    server: ServerVersion,
    name_case: NameCase,
) -> Result<(), String> {
    match effect {
        // What is read of the history begins with an image, or an earlier run ended inside a later one.
        Effect::ImageBegins | Effect::ImageEnds => {}
        Effect::Database { name, collation } => {
            let collation = collation.as_deref().map(known_collation).transpose()?;
            tracker.put_database(name, collation);
        }
        Effect::DatabaseDropped { name } => tracker.remove_database(name),
        Effect::Table {
            database,
            table,
            definition,
        } => {
            let id = TableId::new(database, table);
            definitions::tell(tracker, &id, definition, server, name_case)
                .map_err(|why| format!("the definition of {id}: {why}"))?;
        }
        Effect::TableDropped { database, table } => tracker.remove_table(&TableId::new(database, table)),
        Effect::TableUnclear { database, table } => tracker.set_unclear(&TableId::new(database, table)),
        Effect::AllUnclear => tracker.set_all_unclear(),
    }
    Ok(())
}

fn known_collation(name: &str) -> Result<Collation, String> {
    Collation::from_name(name).ok_or_else(|| format!("there is no collation {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowtide_binlog::schema::Session;

    const STATEMENTS: [&str; 12] = [
        "CREATE DATABASE shop CHARACTER SET latin1",
        "CREATE TABLE shop.t (id INT PRIMARY KEY, e ENUM('a','b'), n VARCHAR(20) NOT NULL DEFAULT 'it''s')",
        "CREATE TABLE shop.u LIKE shop.t",
        "ALTER TABLE shop.t ADD c DECIMAL(10,2), DROP e",
        "CREATE UNIQUE INDEX n ON shop.t (n)",
        "RENAME TABLE shop.t TO shop.tmp, shop.u TO shop.t, shop.tmp TO shop.u",
        "ALTER TABLE shop.u RENAME TO shop.v",
        "ALTER TABLE shop.t FROB",
        "RENAME TABLE shop.t TO shop.w",
        "CREATE DATABASE other",
        "CREATE TABLE other.t (id BIGINT UNSIGNED)",
        "DROP DATABASE other",
    ];

    #[test]
    fn repeated_effects_make_the_same_schema() {
        let server: ServerVersion = "9.7.4".parse().unwrap();
        let session = Session::new("shop", server, NameCase::Matters);
        let (mut tracker, mut repeated) = (SchemaTracker::new(), SchemaTracker::new());
        for sql in STATEMENTS {
            let outcome = tracker.apply(sql, &session);
            for effect in of_outcome(&outcome, &tracker) {
                repeat(&effect, &mut repeated, server, NameCase::Matters).unwrap();
            }
            let tables = |tracker: &SchemaTracker| tracker.tables().cloned().collect::<Vec<_>>();
            assert_eq!(tables(&tracker), tables(&repeated), "{sql}");
            assert!(tracker.databases().eq(repeated.databases()), "{sql}");
        }
        let of = |tracker: &SchemaTracker, table: &str| {
            tracker.table(&TableId::new("shop", table)) == Tracked::Unclear
        };
        assert!(of(&tracker, "w") && of(&repeated, "w"));
        assert!(!of(&repeated, "t"));
    }

    #[test]
    fn an_effect_that_was_never_written_is_refused() {
        let table = Effect::Table {
            database: "shop".into(),
            table: "t".into(),
            definition: "DROP TABLE t".into(),
        };
        let server: ServerVersion = "9.7.4".parse().unwrap();
        let why = repeat(&table, &mut SchemaTracker::new(), server, NameCase::Matters).unwrap_err();
        assert!(why.starts_with("the definition of shop.t: "), "{why}");
    }
}
