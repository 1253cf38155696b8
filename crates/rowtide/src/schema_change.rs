//! Records of the schema-change topic, which tells users of statements that change tables: it has the name of the topic
//! prefix alone.
//!
//! The form is Debezium's, as Kafka Connect's JsonConverter writes it without schemas. Its `tableChanges` are those of the
//! [schema history](crate::table_changes) but for their layout: every field is there, `hasDefaultValue`, `previousId` and
//! `attributes` are not, and a table's comment belongs to the table.

mod tables;

use rowtide_event::SourceInfo;
use rowtide_event::encode::{EncodeOptions, write_source, write_text};
use rowtide_kafka::history::{ColumnImage, TableChange, TableChangeKind, TableImage};

pub use tables::source_table;

/// What one record tells.
#[derive(Debug, Clone, Copy)]
pub struct SchemaChange<'a> {
    /// Where the statement stands. The thread is that of the transaction around it, none where it is a transaction of its
    /// own.
    pub source: SourceInfo<'a>,
    /// `source.table`: see [`source_table`].
    pub table: Option<&'a str>,
    /// When the record was made, in milliseconds since 1970.
    pub ts_ms: i64,
    /// The database that the statement belongs to; empty for the whole server.
    pub database: &'a str,
    /// The statement, without passwords.
    pub ddl: &'a str,
    /// What it does to tables.
    pub changes: &'a [TableChange],
}

/// A record on its way.
#[derive(Debug)]
pub(crate) struct SchemaChangeRecord {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl SchemaChangeRecord {
    pub(crate) fn bytes(&self) -> usize {
        self.key.len().saturating_add(self.value.len())
    }
}

impl SchemaChange<'_> {
    pub(crate) fn record(&self, options: &EncodeOptions) -> SchemaChangeRecord {
        SchemaChangeRecord {
            key: self.key(),
            value: self.value(options),
        }
    }

    /// The record's key.
    pub fn key(&self) -> Vec<u8> {
        let mut json = Vec::new();
        object(&mut json, |o| o.text("databaseName", self.database));
        json
    }

    /// The record's value.
    pub fn value(&self, options: &EncodeOptions) -> Vec<u8> {
        let mut json = Vec::with_capacity(1024);
        object(&mut json, |o| {
            write_source(
                &self.source,
                self.database,
                self.table,
                options,
                o.field("source"),
            );
            o.number("ts_ms", Some(self.ts_ms));
            o.text("databaseName", self.database);
            o.optional_text("schemaName", None);
            o.text("ddl", self.ddl);
            array(o.field("tableChanges"), self.changes, change);
        });
        json
    }
}

fn change(change: &TableChange, json: &mut Vec<u8>) {
    object(json, |o| {
        o.text("type", kind(change.kind));
        o.text("id", &change.id);
        match &change.table {
            Some(image) => table(image, change.comment.as_deref(), o.field("table")),
            None => o.optional_text("table", None),
        }
    });
}

fn kind(kind: TableChangeKind) -> &'static str {
    match kind {
        TableChangeKind::Create => "CREATE",
        TableChangeKind::Alter => "ALTER",
        TableChangeKind::Drop => "DROP",
    }
}

fn table(table: &TableImage, comment: Option<&str>, json: &mut Vec<u8>) {
    object(json, |o| {
        o.optional_text("defaultCharsetName", table.default_charset_name.as_deref());
        let key = &table.primary_key_column_names;
        array(o.field("primaryKeyColumnNames"), key, |name, json| {
            write_text(name, json);
        });
        array(o.field("columns"), &table.columns, column);
        o.optional_text("comment", comment);
    });
}

fn column(column: &ColumnImage, json: &mut Vec<u8>) {
    object(json, |o| {
        o.text("name", &column.name);
        o.number("jdbcType", Some(column.jdbc_type));
        o.number("nativeType", column.native_type);
        o.text("typeName", &column.type_name);
        o.optional_text("typeExpression", column.type_expression.as_deref());
        o.optional_text("charsetName", column.charset_name.as_deref());
        o.number("length", column.length);
        o.number("scale", column.scale);
        o.number("position", Some(column.position));
        o.truth("optional", column.optional);
        o.truth("autoIncremented", column.auto_incremented);
        o.truth("generated", column.generated);
        o.optional_text("comment", column.comment.as_deref());
        o.optional_text(
            "defaultValueExpression",
            column.default_value_expression.as_deref(),
        );
        // A column without members has null here and an empty list in the schema history.
        match column.enum_values.as_deref() {
            None | Some([]) => o.optional_text("enumValues", None),
            Some(members) => array(o.field("enumValues"), members, |member, json| {
                write_text(member, json);
            }),
        }
    });
}

/// An object that is being written.
struct Object<'o> {
    json: &'o mut Vec<u8>,
    is_empty: bool,
}

fn object(json: &mut Vec<u8>, fields: impl FnOnce(&mut Object<'_>)) {
    json.push(b'{');
    fields(&mut Object { json, is_empty: true });
    json.push(b'}');
}

fn array<T>(json: &mut Vec<u8>, elements: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
    json.push(b'[');
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write(element, json);
    }
    json.push(b']');
}

impl Object<'_> {
    /// Begins a field, whose value is to be appended.
    fn field(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_empty) {
            self.json.push(b',');
        }
        write_text(name, self.json);
        self.json.push(b':');
        self.json
    }

    fn text(&mut self, name: &str, value: &str) {
        write_text(value, self.field(name));
    }

    fn optional_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.field(name).extend_from_slice(b"null"),
        }
    }

    fn number(&mut self, name: &str, value: Option<impl Into<i64>>) {
        let text = value.map_or_else(|| "null".to_owned(), |number| number.into().to_string());
        self.field(name).extend_from_slice(text.as_bytes());
    }

    fn truth(&mut self, name: &str, value: bool) {
        self.field(name).extend_from_slice(value.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: SourceInfo<'_> = SourceInfo {
        ts_us: 1_700_000_000_123_456,
        server_id: 97,
        gtid: Some("u:3"),
        file: "binlog.000001",
        pos: 157,
        thread: None,
        query: None,
    };

    fn dropped() -> TableChange {
        TableChange {
            kind: TableChangeKind::Drop,
            id: "\"shop\".\"t\"".into(),
            previous_id: None,
            table: None,
            comment: None,
        }
    }

    fn options() -> EncodeOptions {
        EncodeOptions {
            topic_prefix: "shop".into(),
            version: "1".into(),
            ..EncodeOptions::default()
        }
    }

    #[test]
    fn a_dropped_table() {
        let change = SchemaChange {
            source: SOURCE,
            table: Some("t"),
            ts_ms: 1_700_000_000_124,
            database: "shop",
            ddl: "DROP TABLE `shop`.`t` -- \u{1f600}",
            changes: &[dropped()],
        };
        assert_eq!(change.key(), br#"{"databaseName":"shop"}"#);
        let expected = concat!(
            r#"{"source":{"version":"1","connector":"mysql","name":"shop","ts_ms":1700000000123,"snapshot":"false","#,
            r#""db":"shop","sequence":null,"ts_us":1700000000123456,"ts_ns":1700000000123456000,"table":"t","#,
            r#""server_id":97,"gtid":"u:3","file":"binlog.000001","pos":157,"row":0,"thread":null,"query":null},"#,
            r#""ts_ms":1700000000124,"databaseName":"shop","schemaName":null,"#,
            r#""ddl":"DROP TABLE `shop`.`t` -- \uD83D\uDE00","#,
            r#""tableChanges":[{"type":"DROP","id":"\"shop\".\"t\"","table":null}]}"#,
        );
        assert_eq!(String::from_utf8(change.value(&options())).unwrap(), expected);
    }

    #[test]
    fn a_table_without_columns_and_a_database() {
        let image = TableImage {
            default_charset_name: None,
            primary_key_column_names: vec!["a".into(), "b".into()],
            columns: vec![],
            attributes: vec![],
        };
        let created = TableChange {
            kind: TableChangeKind::Create,
            table: Some(image),
            comment: Some("c".into()),
            ..dropped()
        };
        let change = SchemaChange {
            source: SOURCE,
            table: None,
            ts_ms: 0,
            database: "",
            ddl: "",
            changes: &[created, dropped()],
        };
        let value = String::from_utf8(change.value(&options())).unwrap();
        let expected = concat!(
            r#"[{"type":"CREATE","id":"\"shop\".\"t\"","table":{"defaultCharsetName":null,"#,
            r#""primaryKeyColumnNames":["a","b"],"columns":[],"comment":"c"}},"#,
            r#"{"type":"DROP","id":"\"shop\".\"t\"","table":null}]}"#,
        );
        assert_eq!(value.split_once("\"tableChanges\":").unwrap().1, expected);
        assert!(value.contains("\"table\":null,\"server_id\""), "{value}");
    }
}
