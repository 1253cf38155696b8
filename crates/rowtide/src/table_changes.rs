//! What the schema history and the schema-change topic say of a statement: tracked tables as Debezium writes them.
//!
//! Debezium repeats types and defaults as they were written, so that these come from the statement and not from the
//! table that it makes.

mod column;
mod foreign;

use rowtide_binlog::schema::tracked::{Change, TrackedTable};
use rowtide_event::TableId;
use rowtide_kafka::history::{TableChange, TableChangeKind, TableImage};

pub use foreign::follow_foreign;

/// Whether comments of columns are told, as with Debezium's `include.schema.comments`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    /// They are not: Debezium's default.
    LeftOut,
    /// They are.
    Included,
}

/// The `tableChanges` of each of a statement's schema-history records, of which RENAME TABLE and DROP TABLE have one a
/// table and every other statement one
/// ([`history_entries`](rowtide_binlog::schema::statement::history_entries)).
///
/// A record tells of tables as they are after the whole statement: of a name that a later part of it gives away nothing
/// is said. CREATE INDEX and DROP INDEX, databases and MariaDB's sequences are not told of either.
pub fn table_changes(changes: &[Change], comments: Comments) -> Vec<Vec<TableChange>> {
    let is_own = |change: &Change| matches!(change, Change::Renamed { .. } | Change::Dropped { .. });
    if !changes.is_empty() && changes.iter().all(is_own) {
        return (0..changes.len())
            .map(|at| changed(changes, at, comments).into_iter().collect())
            .collect();
    }
    let all = (0..changes.len()).filter_map(|at| changed(changes, at, comments));
    vec![all.collect()]
}

/// What a record says of a table that is there; nothing of a sequence.
pub(crate) fn created(table: &TrackedTable, comments: Comments) -> Option<TableChange> {
    image(table, TableChangeKind::Create, comments)
}

fn changed(changes: &[Change], at: usize, comments: Comments) -> Option<TableChange> {
    let later = changes.get(at.checked_add(1)?..).unwrap_or_default();
    match changes.get(at)? {
        Change::Created(table) => image(table, TableChangeKind::Create, comments),
        Change::Altered { after, .. } => image(after, TableChangeKind::Alter, comments),
        Change::Renamed { from, to, table } => {
            if later
                .iter()
                .any(|change| matches!(change, Change::Renamed { from, .. } if from == to))
            {
                return None;
            }
            let image = image(table.as_ref()?, TableChangeKind::Alter, comments)?;
            Some(TableChange {
                previous_id: Some(quoted(from)),
                ..image
            })
        }
        Change::Dropped { id, .. } => Some(TableChange {
            kind: TableChangeKind::Drop,
            id: quoted(id),
            previous_id: None,
            table: None,
            comment: None,
        }),
        Change::Indexed { .. }
        | Change::Truncated(_)
        | Change::DatabaseSet { .. }
        | Change::DatabaseDropped { .. } => None,
    }
}

fn image(table: &TrackedTable, kind: TableChangeKind, comments: Comments) -> Option<TableChange> {
    let key = table.identifying_key().map_or(&[][..], |key| &key.parts);
    let told =
        |comment: &str| (comments == Comments::Included && !comment.is_empty()).then(|| comment.to_owned());
    (!table.is_sequence).then(|| TableChange {
        kind,
        id: quoted(&table.id),
        previous_id: None,
        table: Some(TableImage {
            default_charset_name: Some(table.collation.charset().name().to_owned()),
            primary_key_column_names: key
                .iter()
                .filter_map(|part| part.column.as_deref().map(str::to_owned))
                .collect(),
            columns: (1..)
                .zip(&table.columns)
                .map(|(position, column)| column::image(column, position, told(&column.comment)))
                .collect(),
            attributes: Vec::new(),
        }),
        comment: told(&table.comment),
    })
}

fn quoted(id: &TableId) -> String {
    format!("\"{}\".\"{}\"", id.database, id.table)
}
