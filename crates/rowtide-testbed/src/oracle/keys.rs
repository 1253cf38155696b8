//! What tells the rows of a table apart.

use std::collections::HashMap;

use crate::error::Result;
use crate::{MySql, Row};

/// The columns of the key of each table, by `database.table`: the primary key, else the first unique key over columns
/// that are NOT NULL. A table without one is not there.
pub type Keys = HashMap<String, Vec<String>>;

/// The keys of all tables of a database.
pub fn of_database(server: &MySql, database: &str) -> Result<Keys> {
    let mut keys = Keys::new();
    let mut index = HashMap::new();
    for row in unique_columns(server, database)? {
        let [Some(table), Some(name), Some(column)] = row.as_slice() else {
            continue;
        };
        let table = format!("{database}.{table}");
        // Of several keys the first stays.
        if index.entry(table.clone()).or_insert_with(|| name.clone()) == name {
            keys.entry(table).or_default().push(column.clone());
        }
    }
    Ok(keys)
}

pub(super) fn of_table(server: &MySql, database: &str, table: &str) -> Result<Vec<String>> {
    let mut keys = of_database(server, database)?;
    Ok(keys.remove(&format!("{database}.{table}")).unwrap_or_default())
}

/// Table, index and column of unique indexes without nullable columns, the primary key first.
fn unique_columns(server: &MySql, database: &str) -> Result<Vec<Row>> {
    server.query(&format!(
        "SELECT s.table_name, s.index_name, s.column_name FROM information_schema.statistics s \
         WHERE s.table_schema = '{database}' AND s.non_unique = 0 AND NOT EXISTS \
           (SELECT 1 FROM information_schema.statistics n WHERE n.table_schema = s.table_schema \
            AND n.table_name = s.table_name AND n.index_name = s.index_name AND n.nullable = 'YES') \
         ORDER BY s.table_name, s.index_name <> 'PRIMARY', s.index_name, s.seq_in_index"
    ))
}
