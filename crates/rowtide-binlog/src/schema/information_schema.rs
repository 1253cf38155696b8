//! A table's shape from what the server says today: for servers whose TABLE_MAPs do not carry names
//! (`binlog_row_metadata=MINIMAL`), and for tables that were not yet seen in the binlog.
//!
//! The functions write queries and read their rows; who asks the server is the caller.

mod column_type;
mod keys;

use rowtide_event::{Charset, Column, ColumnType, Table, TableId};

use column_type::ColumnTypeText;
use keys::{hash_keys, identifying_key};

/// A row of a result: one value a column, `None` for NULL.
type Row = Vec<Option<Vec<u8>>>;

/// Asks for the names of all views, and of all tables that have rows of their own, those of the server's own databases left
/// out. MariaDB's system-versioned tables and its sequences are such.
pub const TABLES: &str = "SELECT table_schema, table_name, table_type FROM information_schema.tables \
     WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE', 'VIEW') \
     AND table_schema NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') \
     ORDER BY table_schema, table_name";

/// What the server said about a table is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A column has a type that Rowtide does not know.
    #[error("column {table}.{column} has the type {column_type}, which is not supported: exclude the table")]
    ColumnType {
        /// The table.
        table: TableId,
        /// The column.
        column: String,
        /// Its COLUMN_TYPE.
        column_type: String,
    },
    /// A column has a character set that Rowtide does not know, or none.
    #[error(
        "column {table}.{column} of type {column_type} has the character set {charset}, which is not supported: \
         exclude the table"
    )]
    CharacterSet {
        /// The table.
        table: TableId,
        /// The column.
        column: String,
        /// Its COLUMN_TYPE.
        column_type: String,
        /// Its CHARACTER_SET_NAME.
        charset: String,
    },
    /// A key has a column that the table has not: it was changed between the two queries.
    #[error(
        "the key {key} of {table} has the column {column}, which the table has not: it is being changed, try again"
    )]
    KeyColumn {
        /// The table.
        table: TableId,
        /// The key.
        key: String,
        /// The column.
        column: String,
    },
    /// A row lacks a value, or has one that is no UTF-8.
    #[error("a row of {0} is incomplete or no UTF-8")]
    Row(&'static str),
}

/// The tables in the rows of [`TABLES`].
///
/// # Errors
/// If a row lacks a name or has one that is no UTF-8.
pub fn table_names(rows: &[Row]) -> Result<Vec<TableId>, Unreadable> {
    names(rows, |kind| kind != "VIEW")
}

/// The views in the rows of [`TABLES`].
///
/// # Errors
/// As [`table_names`].
pub fn view_names(rows: &[Row]) -> Result<Vec<TableId>, Unreadable> {
    names(rows, |kind| kind == "VIEW")
}

fn names(rows: &[Row], is_wanted: fn(&str) -> bool) -> Result<Vec<TableId>, Unreadable> {
    let name = |row: &Row| {
        Some((
            TableId::new(text(row, 0)?, text(row, 1)?),
            is_wanted(text(row, 2)?),
        ))
    };
    let mut names = Vec::new();
    for row in rows {
        let (name, is_wanted) = name(row).ok_or(Unreadable::Row("information_schema.tables"))?;
        if is_wanted {
            names.push(name);
        }
    }
    Ok(names)
}

/// Asks for a table's columns in their order.
///
/// The names are hex literals, so that nothing in them can end the literal; as literals they are compared by the
/// collation of information_schema's own columns, whatever the connection's is.
pub fn columns_query(id: &TableId) -> String {
    format!(
        "SELECT column_name, column_type, character_set_name, is_nullable, extra \
         FROM information_schema.columns WHERE table_schema = {} AND table_name = {} ORDER BY ordinal_position",
        literal(&id.database),
        literal(&id.table)
    )
}

fn literal(name: &str) -> String {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("_utf8mb4 X'{hex}'")
}

/// Asks for a table's unique keys in the server's order.
///
/// This is `SHOW INDEX`, because `information_schema.statistics` does not tell the order of the indexes, and the
/// order decides which key counts where there is no primary key.
pub fn keys_query(id: &TableId) -> String {
    format!(
        "SHOW INDEX FROM {}.{} WHERE Non_unique = 0",
        quoted(&id.database),
        quoted(&id.table)
    )
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The table that the rows of [`columns_query`] and [`keys_query`] describe, or `None` if there is no such table.
///
/// Its key is the primary key, or else the first unique key without a nullable or virtual column, an expression, or a
/// part of a column: the server's own rule (`open_table_from_share` in its table.cc). MariaDB's keys of hashes are none.
///
/// # Errors
/// If a column's type or character set is not known, or the rows are not as expected.
pub fn table(id: &TableId, columns: &[Row], keys: &[Row]) -> Result<Option<Table>, Unreadable> {
    if columns.is_empty() {
        return Ok(None);
    }
    let is_virtual: Vec<bool> = columns.iter().map(|row| has_extra(row, VIRTUAL)).collect();
    let is_blob: Vec<bool> = columns.iter().map(is_blob).collect();
    let columns = columns
        .iter()
        .map(|row| column(id, row))
        .collect::<Result<Vec<_>, _>>()?;
    let key = identifying_key(id, &columns, &is_virtual, &is_blob, keys)?;
    Ok(Some(Table {
        id: id.clone(),
        columns,
        key: key.unwrap_or_default(),
        hidden: hash_keys(keys),
    }))
}

/// Whether a column is of one of the types TEXT and BLOB.
fn is_blob(row: &Row) -> bool {
    let name = text(row, 1).and_then(|column_type| column_type.split([' ', '(']).next());
    name.is_some_and(|name| name.ends_with("text") || name.ends_with("blob"))
}

fn column(id: &TableId, row: &Row) -> Result<Column, Unreadable> {
    let needed = |at| text(row, at).ok_or(Unreadable::Row("information_schema.columns"));
    let (name, column_type, nullable) = (needed(0)?, needed(1)?, needed(3)?);
    let charset = text(row, 2);
    let unknown_type = || Unreadable::ColumnType {
        table: id.clone(),
        column: name.to_owned(),
        column_type: column_type.to_owned(),
    };
    let unknown_charset = || Unreadable::CharacterSet {
        table: id.clone(),
        column: name.to_owned(),
        column_type: column_type.to_owned(),
        charset: charset.unwrap_or("NULL").to_owned(),
    };
    let ty = match ColumnTypeText::read(column_type).ok_or_else(unknown_type)? {
        ColumnTypeText::Known(ty) => ty,
        ColumnTypeText::Characters => {
            let charset = charset.and_then(Charset::from_name).ok_or_else(unknown_charset)?;
            ColumnType::Text { charset }
        }
    };
    Ok(Column {
        name: name.to_owned(),
        ty,
        nullable: nullable.eq_ignore_ascii_case("YES"),
        generated: has_extra(row, VIRTUAL) || has_extra(row, STORED),
    })
}

/// What EXTRA says of generated columns.
const VIRTUAL: &str = "VIRTUAL GENERATED";
const STORED: &str = "STORED GENERATED";

/// Whether EXTRA says so of a column, among other things.
fn has_extra(row: &Row, what: &str) -> bool {
    text(row, 4).is_some_and(|extra| extra.contains(what))
}

fn text(row: &Row, at: usize) -> Option<&str> {
    std::str::from_utf8(row.get(at)?.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowtide_event::IntegerWidth;

    const NULL: &str = "\0";

    fn rows(rows: &[&[&str]]) -> Vec<Row> {
        let value = |value: &&str| (*value != NULL).then(|| value.as_bytes().to_vec());
        rows.iter().map(|row| row.iter().map(value).collect()).collect()
    }

    fn id() -> TableId {
        TableId::new("shop", "orders")
    }

    /// A table of INT columns: those with a question mark may be NULL.
    fn int_columns(names: &[&str]) -> Vec<Row> {
        let row = |name: &&str| {
            let nullable = if name.ends_with('?') { "YES" } else { "NO" };
            rows(&[&[name.trim_end_matches('?'), "int", NULL, nullable]]).remove(0)
        };
        names.iter().map(row).collect()
    }

    /// A row of SHOW INDEX.
    fn part(key: &str, column: &str, sub_part: &str) -> Row {
        rows(&[&[
            "orders", "0", key, "1", column, "A", "0", sub_part, NULL, "", "BTREE",
        ]])
        .remove(0)
    }

    fn key_of(columns: &[&str], keys: &[Row]) -> Vec<usize> {
        table(&id(), &int_columns(columns), keys).unwrap().unwrap().key
    }

    #[test]
    fn names_cannot_leave_their_literal() {
        let id = TableId::new("a'b", "c`d");
        assert!(columns_query(&id).contains(
            "WHERE table_schema = _utf8mb4 X'612762' AND table_name = _utf8mb4 X'636064' ORDER BY"
        ));
        assert_eq!(
            keys_query(&id),
            "SHOW INDEX FROM `a'b`.`c``d` WHERE Non_unique = 0"
        );
    }

    #[test]
    fn names_of_tables() {
        let told = rows(&[
            &["shop", "orders", "BASE TABLE"],
            &["shop", "seen", "VIEW"],
            &["größe", "表", "SEQUENCE"],
        ]);
        assert_eq!(table_names(&told), Ok(vec![id(), TableId::new("größe", "表")]));
        assert_eq!(view_names(&told), Ok(vec![TableId::new("shop", "seen")]));
        assert_eq!(
            table_names(&rows(&[&["shop", NULL, "VIEW"]])),
            Err(Unreadable::Row("information_schema.tables"))
        );
        assert_eq!(
            view_names(&[vec![Some(vec![0xff]), Some(vec![]), Some(vec![])]]),
            Err(Unreadable::Row("information_schema.tables"))
        );
    }

    #[test]
    fn columns_with_their_types() {
        let columns = rows(&[
            &["id", "bigint unsigned", NULL, "NO"],
            &["name", "varchar(20)", "latin1", "YES"],
            &["raw", "varbinary(20)", NULL, "YES"],
        ]);
        let table = table(&id(), &columns, &[part("PRIMARY", "id", NULL)])
            .unwrap()
            .unwrap();
        let column = |name: &str, ty, nullable| Column {
            name: name.to_owned(),
            ty,
            nullable,
            generated: false,
        };
        let expected = [
            column(
                "id",
                ColumnType::Integer {
                    width: IntegerWidth::Big,
                    unsigned: true,
                },
                false,
            ),
            column(
                "name",
                ColumnType::Text {
                    charset: Charset::Latin1,
                },
                true,
            ),
            column("raw", ColumnType::Blob, true),
        ];
        assert_eq!(
            table,
            Table {
                id: id(),
                columns: expected.to_vec(),
                key: vec![0],
                hidden: 0
            }
        );
    }

    #[test]
    fn no_columns_is_no_table() {
        assert_eq!(table(&id(), &[], &[]), Ok(None));
    }

    #[test]
    fn the_primary_key_in_its_own_order() {
        let keys = [
            part("PRIMARY", "b", NULL),
            part("PRIMARY", "a", "10"),
            part("u", "c", NULL),
        ];
        assert_eq!(key_of(&["a", "b", "c"], &keys), [1, 0]);
        assert_eq!(
            key_of(
                &["a", "b", "c"],
                &[part("u", "c", NULL), part("PRIMARY", "b", NULL)]
            ),
            [1]
        );
    }

    #[test]
    fn the_first_unique_key_that_tells_all_rows_apart() {
        let columns = ["a", "b", "n?"];
        let nullable = [part("u1", "a", NULL), part("u1", "n", NULL)];
        let prefix = [part("u2", "a", "5")];
        let expression = [part("u3", NULL, NULL)];
        let good = [part("u4", "b", NULL), part("u4", "a", NULL)];
        let later = [part("u5", "a", NULL)];
        let all = [&nullable[..], &prefix, &expression, &good, &later].concat();
        assert_eq!(key_of(&columns, &all), [1, 0]);
        assert_eq!(
            key_of(&columns, &[&nullable[..], &prefix, &expression].concat()),
            [0_usize; 0]
        );
        assert_eq!(key_of(&columns, &[]), [0_usize; 0]);
    }

    #[test]
    fn a_key_of_virtual_columns_is_none() {
        let columns = rows(&[
            &["a", "int", NULL, "NO", "VIRTUAL GENERATED INVISIBLE"],
            &["b", "int", NULL, "NO", "STORED GENERATED"],
        ]);
        let key = |keys: &[Row]| table(&id(), &columns, keys).unwrap().unwrap().key;
        assert_eq!(key(&[part("u", "a", NULL)]), [0_usize; 0]);
        let several = [part("u", "b", NULL), part("u", "a", NULL), part("v", "b", NULL)];
        assert_eq!(key(&several), [1]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let error = table(&id(), &rows(&[&["ip", "xmltype", NULL, "YES"]]), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column shop.orders.ip has the type xmltype, which is not supported: exclude the table"
        );
        let error = table(&id(), &rows(&[&["t", "text", "klingon", "YES"]]), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column shop.orders.t of type text has the character set klingon, which is not supported: \
             exclude the table"
        );
        let error = table(&id(), &int_columns(&["a"]), &[part("u", "b", NULL)]).unwrap_err();
        assert_eq!(
            error,
            Unreadable::KeyColumn {
                table: id(),
                key: "u".into(),
                column: "b".into()
            }
        );
        assert_eq!(
            table(&id(), &rows(&[&["a", "int"]]), &[]),
            Err(Unreadable::Row("information_schema.columns"))
        );
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_rows_never_panic(columns: Vec<Row>, keys: Vec<Row>) {
            let _ = table(&id(), &columns, &keys);
        }
    }
}
