//! Databases and tables as the server defines them today, in its own words: for a [`SchemaTracker`] to begin with.
//!
//! The functions write queries and read their rows; who asks the server is the caller.

use std::sync::Arc;

use rowtide_event::{ColumnType, Label, Table, TableId};

use super::tracked::{Change, Collation, DataType, Outcome, SchemaTracker, TrackedColumn, TrackedTable};
use super::{NameCase, Session};
use crate::server::ServerVersion;

/// Makes the text of SHOW CREATE TABLE mean the same whatever the server's settings are.
pub const SESSION: &str = "SET SESSION sql_mode = '', sql_quote_show_create = 1";

/// Asks for the names and the collations of all databases but the server's own.
pub const DATABASES: &str = "SELECT schema_name, default_collation_name FROM information_schema.schemata \
     WHERE schema_name NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') ORDER BY schema_name";

/// Asks for a table's definition. The server answers when no statement is changing the table.
pub fn query(id: &TableId) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    format!("SHOW CREATE TABLE {}.{}", quoted(&id.database), quoted(&id.table))
}

/// Reads a row of [`DATABASES`]: the name, and the collation if Rowtide knows it. `None` if it has no name.
pub fn database(row: &[Option<Vec<u8>>]) -> Option<(String, Option<Collation>)> {
    let name = text(row, 0)?.to_owned();
    Some((name, text(row, 1).and_then(Collation::from_name)))
}

/// Why an answer is no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is of a view, or has no text.
    #[error("the server showed no definition of a table")]
    NoTable,
    /// Its text was not understood.
    #[error("its definition is not understood: {0}")]
    Text(String),
}

/// A table as the server told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The table.
    pub table: Arc<TrackedTable>,
    /// Labels of an ENUM or SET may have lost characters.
    pub labels_are_doubtful: bool,
}

/// Reads the row that [`query`] was answered with. The table is the one asked for, by its folded name.
///
/// # Errors
/// [`Unreadable`] says why the table cannot be known from it.
pub fn table(
    id: &TableId,
    row: &[Option<Vec<u8>>],
    server: ServerVersion,
    name_case: NameCase,
) -> Result<Definition, Unreadable> {
    let sql = row.get(1).and_then(Option::as_deref).ok_or(Unreadable::NoTable)?;
    // Servers show the defaults of binary columns as they are, whatever bytes that makes.
    let sql = String::from_utf8_lossy(sql);
    let table = read(&name_case.folded_table(id), &sql, server, name_case)?;
    Ok(Definition {
        labels_are_doubtful: labels_are_doubtful(&table),
        table,
    })
}

/// The table with the labels of its ENUM and SET columns as its table map tells them; `None` if what it tells is another
/// table.
pub fn with_labels(definition: &TrackedTable, logged: &Table) -> Option<TrackedTable> {
    let mut table = definition.clone();
    for (at, logged) in logged.columns.iter().enumerate().take(definition.columns.len()) {
        let column = definition.columns.get(at)?;
        let labels = match (&column.data_type, &logged.ty) {
            (DataType::Enum(labels), ColumnType::Enum { members })
            | (DataType::Set(labels), ColumnType::Set { members })
                if labels.len() == members.len() =>
            {
                members.as_slice().into()
            }
            (DataType::Enum(_) | DataType::Set(_), _) => return None,
            _ => continue,
        };
        let column = table.columns.get_mut(at)?;
        column.data_type = match column.data_type {
            DataType::Enum(_) => DataType::Enum(labels),
            _ => DataType::Set(labels),
        };
        column.declared.members = None;
    }
    Some(table)
}

/// The table that a definition of SHOW CREATE TABLE, or of [`TrackedTable::definition`], makes.
///
/// # Errors
/// [`Unreadable::NoTable`] and [`Unreadable::Text`].
pub fn read(
    id: &TableId,
    sql: &str,
    server: ServerVersion,
    name_case: NameCase,
) -> Result<Arc<TrackedTable>, Unreadable> {
    tell(&mut SchemaTracker::new(), id, sql, server, name_case)
}

/// Tells `tracker` of the table that a definition makes, as [`read`] gives it, in the place of what it knew of it.
///
/// # Errors
/// As those of [`read`]. What `tracker` knows after a text that is no definition of the table is of no use.
pub fn tell(
    tracker: &mut SchemaTracker,
    id: &TableId,
    sql: &str,
    server: ServerVersion,
    name_case: NameCase,
) -> Result<Arc<TrackedTable>, Unreadable> {
    let session = Session::of_definition(&id.database, server, name_case);
    match tracker.apply(sql, &session) {
        Outcome::Changes(mut changes) => match changes.pop() {
            Some(Change::Created(table)) if table.id == *id => Ok(table),
            _ => Err(Unreadable::NoTable),
        },
        Outcome::NotTables => Err(Unreadable::NoTable),
        Outcome::Unreadable(unreadable) => Err(Unreadable::Text(unreadable.to_string())),
    }
}

/// Whether labels of an ENUM or SET may have lost characters in a text that is the server's own.
pub fn labels_are_doubtful(table: &TrackedTable) -> bool {
    table.columns.iter().any(is_doubtful)
}

/// The server's own text is in utf8mb3 and shows a question mark in place of each character that takes four bytes in
/// UTF-8. A label that has a question mark of its own looks the same.
fn is_doubtful(column: &TrackedColumn) -> bool {
    const CHARSETS: [&str; 4] = ["utf8mb4", "utf16", "utf32", "gb18030"];
    let collation = column.collation.as_ref().map_or("", Collation::name);
    let has_such_characters = CHARSETS.iter().any(|charset| collation.starts_with(charset));
    match &column.data_type {
        DataType::Enum(labels) | DataType::Set(labels) => {
            has_such_characters
                && labels
                    .iter()
                    .filter_map(Label::text)
                    .any(|label| label.contains('?'))
        }
        _ => false,
    }
}

fn text(row: &[Option<Vec<u8>>], at: usize) -> Option<&str> {
    std::str::from_utf8(row.get(at)?.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(definition: &str) -> Result<Definition, Unreadable> {
        read_bytes(definition.as_bytes())
    }

    fn read_bytes(definition: &[u8]) -> Result<Definition, Unreadable> {
        let row = [&b"t"[..], definition].map(|text| Some(text.to_vec()));
        let server = "9.7.4".parse().unwrap();
        table(&TableId::new("shop", "t"), &row, server, NameCase::Matters)
    }

    #[test]
    fn a_definition_makes_the_table_that_was_asked_for() {
        let Definition {
            table,
            labels_are_doubtful,
        } = read("CREATE TABLE `t` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) DEFAULT CHARSET=latin1")
            .unwrap();
        assert_eq!(table.id, TableId::new("shop", "t"));
        assert_eq!((table.columns.len(), labels_are_doubtful), (1, false));
        assert_eq!(
            read("CREATE TABLE `other` (`id` int) DEFAULT CHARSET=latin1"),
            Err(Unreadable::NoTable)
        );
        assert_eq!(read("CREATE VIEW `t` AS SELECT 1"), Err(Unreadable::NoTable));
        assert!(matches!(
            read("CREATE TABLE `t` (`id` frob) DEFAULT CHARSET=latin1"),
            Err(Unreadable::Text(_))
        ));
    }

    #[test]
    fn a_default_that_is_no_text_leaves_the_shape_as_it_is() {
        let definition = b"CREATE TABLE `t` (\n  `id` int,\n  `b` varbinary(9) DEFAULT '\x1e\xbd\xe2\\''\n) DEFAULT CHARSET=latin1";
        let shape = read_bytes(definition).unwrap().table.shape().unwrap();
        assert_eq!(shape.columns.len(), 2);
    }

    fn labels(charset: &str) -> Definition {
        let sql =
            format!("CREATE TABLE `t` (id INT, e enum('?','b') CHARACTER SET {charset}) CHARSET=latin1");
        read(&sql).unwrap()
    }

    #[test]
    fn a_label_that_may_have_lost_a_character_is_doubtful() {
        assert!(labels("utf8mb4").labels_are_doubtful);
        assert!(!labels("latin1").labels_are_doubtful);
    }

    #[test]
    fn the_table_map_tells_labels() {
        let told = labels("utf8mb4").table;
        let mut logged = told.shape().unwrap();
        assert_eq!(with_labels(&told, &logged).as_ref(), Some(&*told));
        let e = logged.columns.get_mut(1).unwrap();
        e.ty = ColumnType::Enum {
            members: vec!["🎈".into(), "b".into()],
        };
        let right = with_labels(&told, &logged).unwrap();
        assert_eq!(right.shape().unwrap(), logged);
        logged.columns.get_mut(1).unwrap().ty = ColumnType::Year;
        assert_eq!(with_labels(&told, &logged), None);
    }

    #[test]
    fn databases_have_a_name_and_may_have_a_known_collation() {
        let row = |name: &str, collation: &str| [name, collation].map(|text| Some(text.as_bytes().to_vec()));
        let known = Collation::from_name("latin1_swedish_ci");
        assert_eq!(
            database(&row("shop", "latin1_swedish_ci")),
            Some(("shop".to_owned(), known))
        );
        assert_eq!(database(&row("shop", "frob_ci")), Some(("shop".to_owned(), None)));
        assert_eq!(database(&[None, None]), None);
    }
}
