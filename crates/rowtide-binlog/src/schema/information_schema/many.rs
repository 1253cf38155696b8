//! Many tables by two queries, where asking for each alone would take as many round trips as there are tables.

use std::collections::BTreeMap;

use rowtide_event::{Column, Table, TableId};

use super::keys::{hash_keys, identifying_keys};
use super::{Row, Unreadable, column, text};

/// Asks for the columns of these tables.
///
/// The names are hex literals, so that nothing in them can end the literal; as literals they are compared by the
/// collation of information_schema's own columns, whatever the connection's is.
pub fn columns_of_query(ids: &[TableId]) -> String {
    format!(
        "SELECT column_name, column_type, character_set_name, is_nullable, table_schema, table_name, extra \
         FROM information_schema.columns WHERE {} ORDER BY table_schema, table_name, ordinal_position",
        condition(ids)
    )
}

/// Asks for the unique keys of these tables, with the columns where `SHOW INDEX` has them.
///
/// `information_schema.statistics` does not tell the order of a table's keys: [`tables`] names the tables for which
/// that matters.
pub fn keys_of_query(ids: &[TableId]) -> String {
    format!(
        "SELECT table_name, table_schema, index_name, seq_in_index, column_name, NULL, NULL, sub_part, \
         NULL, NULL, index_type \
         FROM information_schema.statistics WHERE non_unique = 0 AND ({}) \
         ORDER BY table_schema, table_name, index_name, seq_in_index",
        condition(ids)
    )
}

fn condition(ids: &[TableId]) -> String {
    let mut databases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for id in ids {
        let tables = databases.entry(&id.database).or_default();
        tables.push(literal(&id.table));
    }
    let of_database = |(database, tables): (&str, Vec<String>)| {
        let (database, tables) = (literal(database), tables.join(", "));
        format!("(table_schema = {database} AND table_name IN ({tables}))")
    };
    let conditions: Vec<_> = databases.into_iter().map(of_database).collect();
    if conditions.is_empty() {
        return "FALSE".to_owned();
    }
    conditions.join(" OR ")
}

fn literal(name: &str) -> String {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("_utf8mb4 X'{hex}'")
}

/// The tables that two queries told of; a table that was asked for and is in neither list does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Those that are fully known.
    pub known: Vec<Table>,
    /// Those without a primary key but with several that could take its place: which one does, only
    /// [`keys_query`](super::keys_query) tells.
    pub ambiguous: Vec<TableId>,
}

/// Reads the rows of [`columns_of_query`] and [`keys_of_query`]. The names are in the server's spelling.
///
/// # Errors
/// If a column's type or character set is not known, or the rows are not as expected.
pub fn tables(columns: &[Row], keys: &[Row]) -> Result<Tables, Unreadable> {
    let mut keys = by_table(keys, 1, 0).ok_or(Unreadable::Row("information_schema.statistics"))?;
    let columns = by_table(columns, 4, 5).ok_or(Unreadable::Row("information_schema.columns"))?;
    let mut tables = Tables {
        known: Vec::with_capacity(columns.len()),
        ambiguous: Vec::new(),
    };
    for (id, rows) in columns {
        let columns: Vec<Column> = rows
            .into_iter()
            .map(|row| column(&id, row))
            .collect::<Result<_, _>>()?;
        let rows = keys.remove(&id).unwrap_or_default();
        let mut candidates = identifying_keys(&id, &columns, &rows)?;
        let key = candidates.pop().unwrap_or_default();
        if candidates.is_empty() {
            let hidden = hash_keys(&rows);
            tables.known.push(Table {
                id,
                columns,
                key,
                hidden,
            });
        } else {
            tables.ambiguous.push(id);
        }
    }
    Ok(tables)
}

/// Rows by the table that they name in these two columns; `None` if one names none.
fn by_table(rows: &[Row], database: usize, table: usize) -> Option<BTreeMap<TableId, Vec<&Row>>> {
    let mut tables: BTreeMap<TableId, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let id = TableId::new(text(row, database)?, text(row, table)?);
        tables.entry(id).or_default().push(row);
    }
    Some(tables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(values: &[Option<&str>]) -> Row {
        let value = |value: &Option<&str>| value.map(|text| text.as_bytes().to_vec());
        values.iter().map(value).collect()
    }

    /// An INT column that may not be NULL.
    fn int(table: &str, name: &str) -> Row {
        row(&[
            Some(name),
            Some("int"),
            None,
            Some("NO"),
            Some("shop"),
            Some(table),
        ])
    }

    fn part(table: &str, key: &str, column: &str) -> Row {
        let seq = Some("1");
        row(&[
            Some(table),
            Some("shop"),
            Some(key),
            seq,
            Some(column),
            None,
            None,
            None,
        ])
    }

    #[test]
    fn tables_are_asked_for_by_database() {
        let ids = [
            TableId::new("b'", "x"),
            TableId::new("a", "y"),
            TableId::new("b'", "z"),
        ];
        let expected = "(table_schema = _utf8mb4 X'61' AND table_name IN (_utf8mb4 X'79')) OR \
             (table_schema = _utf8mb4 X'6227' AND table_name IN (_utf8mb4 X'78', _utf8mb4 X'7a'))";
        assert!(columns_of_query(&ids).contains(&format!("WHERE {expected} ORDER BY")));
        assert!(keys_of_query(&ids).contains(&format!("non_unique = 0 AND ({expected}) ORDER BY")));
        assert!(columns_of_query(&[]).contains("WHERE FALSE ORDER BY"));
    }

    #[test]
    fn each_table_gets_its_own_columns_and_keys() {
        let columns = [int("a", "x"), int("a", "y"), int("b", "x"), int("c", "x")];
        let keys = [
            part("a", "PRIMARY", "y"),
            part("a", "u", "x"),
            part("c", "u", "x"),
        ];
        let Tables { known, ambiguous } = tables(&columns, &keys).unwrap();
        let shapes: Vec<_> = known
            .iter()
            .map(|t| (t.id.table.as_str(), t.columns.len(), t.key.as_slice()))
            .collect();
        assert_eq!(shapes, [("a", 2, &[1_usize][..]), ("b", 1, &[]), ("c", 1, &[0])]);
        assert_eq!(ambiguous, []);
    }

    #[test]
    fn without_a_primary_key_several_keys_leave_it_open() {
        let columns = [int("a", "x"), int("a", "y")];
        let keys = [part("a", "u", "x"), part("a", "v", "y")];
        let told = tables(&columns, &keys).unwrap();
        assert_eq!(told.known, []);
        assert_eq!(told.ambiguous, [TableId::new("shop", "a")]);
    }

    #[test]
    fn what_names_no_table_is_refused() {
        let nameless = row(&[Some("x"), Some("int"), None, Some("NO")]);
        assert_eq!(
            tables(&[nameless], &[]),
            Err(Unreadable::Row("information_schema.columns"))
        );
        assert_eq!(
            tables(&[], &[row(&[None])]),
            Err(Unreadable::Row("information_schema.statistics"))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_rows_never_panic(
            columns: Vec<Vec<Option<Vec<u8>>>>,
            keys: Vec<Vec<Option<Vec<u8>>>>,
        ) {
            let _ = tables(&columns, &keys);
        }

        #[test]
        fn no_name_leaves_its_literal(database: String, table: String) {
            let query = columns_of_query(&[TableId::new(database.as_str(), table.as_str())]);
            prop_assert_eq!(query.matches('\'').count(), 4);
            prop_assert!(query.is_ascii());
        }
    }
}
