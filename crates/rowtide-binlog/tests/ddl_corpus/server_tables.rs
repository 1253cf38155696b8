//! The tables of a server, in lines of text that are easy to compare.

use std::collections::BTreeMap;

use rowtide_binlog::client::Client;
use rowtide_binlog::schema::information_schema;
use rowtide_event::{Table, TableId};

/// Databases by name, with their collation; and tables by name, in lines of text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    pub databases: BTreeMap<String, String>,
    pub tables: BTreeMap<TableId, String>,
}

const NOT_OWN: &str = "NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema', 'test')";

type Values = Vec<Option<String>>;

async fn rows(client: &mut Client, sql: &str) -> Vec<Values> {
    let result = client
        .query(sql)
        .await
        .unwrap_or_else(|why| panic!("{sql}: {why}"));
    let text = |value: Option<Vec<u8>>| value.map(|value| String::from_utf8(value).unwrap());
    result
        .rows
        .into_iter()
        .map(|row| row.into_iter().map(text).collect())
        .collect()
}

fn at(row: &Values, index: usize) -> &str {
    row[index].as_deref().unwrap_or("")
}

/// All databases and tables but the server's own.
pub async fn read(client: &mut Client) -> Schema {
    let mut schema = Schema::default();
    let databases = format!(
        "SELECT schema_name, default_collation_name FROM information_schema.schemata WHERE schema_name {NOT_OWN}"
    );
    for row in rows(client, &databases).await {
        schema
            .databases
            .insert(at(&row, 0).to_owned(), utf8mb3(at(&row, 1)));
    }
    let tables = format!(
        "SELECT table_schema, table_name, table_collation, table_comment FROM information_schema.tables \
         WHERE table_schema {NOT_OWN} AND table_type NOT LIKE '%VIEW%'"
    );
    for row in rows(client, &tables).await {
        let head = format!("{} {:?}\n", utf8mb3(at(&row, 2)), at(&row, 3));
        schema.tables.insert(TableId::new(at(&row, 0), at(&row, 1)), head);
    }
    add_columns(client, &mut schema).await;
    let ids: Vec<TableId> = schema.tables.keys().cloned().collect();
    for id in ids {
        let keys = keys(client, &id).await;
        schema.tables.get_mut(&id).unwrap().push_str(&keys);
    }
    schema
}

async fn add_columns(client: &mut Client, schema: &mut Schema) {
    let columns = format!(
        "SELECT table_schema, table_name, column_name, column_type, is_nullable, collation_name, column_default, \
         extra, column_comment FROM information_schema.columns WHERE table_schema {NOT_OWN} \
         ORDER BY table_schema, table_name, ordinal_position"
    );
    for row in rows(client, &columns).await {
        let id = TableId::new(at(&row, 0), at(&row, 1));
        if let Some(text) = schema.tables.get_mut(&id) {
            text.push_str(&column_line(&row));
        }
    }
}

/// `name type [NULL] [collation] [default] [extra] comment`
fn column_line(row: &Values) -> String {
    let mut line = format!(
        "  {} {}",
        at(row, 2),
        at(row, 3).replace(" /* mariadb-5.3 */", "")
    );
    if at(row, 4) == "YES" {
        line += " null";
    }
    if let Some(collation) = row[5].as_ref().filter(|name| *name != "binary") {
        line += &format!(" {}", utf8mb3(collation));
    }
    let extra = at(row, 7).to_ascii_lowercase();
    let is_generated = extra.contains("stored generated") || extra.contains("virtual generated");
    // MariaDB writes NULL where MySQL has NULL.
    let has_default = row[6].as_deref().is_some_and(|default| default != "NULL");
    if has_default && !is_generated {
        line += " default";
    }
    for word in [
        "auto_increment",
        "on update",
        "stored generated",
        "virtual generated",
        "invisible",
    ] {
        if extra.contains(word) {
            line += &format!(" {word}");
        }
    }
    format!("{line} {:?}\n", at(row, 8))
}

/// The keys in the server's order, a line each.
async fn keys(client: &mut Client, id: &TableId) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let sql = format!("SHOW INDEX FROM {}.{}", quoted(&id.database), quoted(&id.table));
    let mut lines = String::new();
    let mut last = None;
    for row in rows(client, &sql).await {
        let name = at(&row, 2).to_owned();
        if last.as_ref() != Some(&name) {
            let unique = if at(&row, 1) == "0" { " unique" } else { "" };
            lines += &format!("\n  key {name}{unique}");
            last = Some(name);
        }
        let column = row[4].as_deref().unwrap_or("?");
        let is_partial = matches!(at(&row, 10), "BTREE" | "HASH");
        let prefix = row[7].as_ref().filter(|_| is_partial).map(|n| format!("({n})"));
        lines += &format!(" {column}{}", prefix.unwrap_or_default());
    }
    lines
}

/// What servers before MySQL 8.0.30 call utf8 is utf8mb3.
fn utf8mb3(collation: &str) -> String {
    match collation.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => collation.to_owned(),
    }
}

/// A table's shape as Rowtide asks the server for it; `None` if it has a type that is not decoded.
pub async fn shape(client: &mut Client, id: &TableId) -> Option<Table> {
    let columns = client
        .query(&information_schema::columns_query(id))
        .await
        .unwrap();
    let keys = client.query(&information_schema::keys_query(id)).await.unwrap();
    information_schema::table(id, &columns.rows, &keys.rows)
        .ok()
        .flatten()
}

/// What SHOW CREATE TABLE says.
pub async fn create_statement(client: &mut Client, id: &TableId) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let sql = format!("SHOW CREATE TABLE {}.{}", quoted(&id.database), quoted(&id.table));
    rows(client, &sql).await.remove(0).remove(1).unwrap()
}
