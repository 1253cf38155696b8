//! A history record's value, to the byte.
//!
//! The form is that of Debezium 3.6's `HistoryRecord` and `JsonTableChangeSerializer`, printed as Jackson's default
//! pretty printer does it.

use std::io;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::ser::{CharEscape, Formatter};

/// One DDL statement and what it did to tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HistoryRecord {
    /// Whose schema it is.
    pub source: HistorySource,
    /// Where in the binlog the statement stands.
    pub position: HistoryPosition,
    /// When the record was made, in milliseconds since 1970.
    #[serde(rename = "ts_ms")]
    pub ts_ms: i64,
    /// The database the statement ran in; empty for server-wide settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
    /// Always absent for MySQL and MariaDB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_name: Option<String>,
    /// The statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddl: Option<String>,
    /// The tables it created, altered or dropped.
    #[serde(default)]
    pub table_changes: Vec<TableChange>,
}

/// Whose schema a record is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistorySource {
    /// The source's name: the topic prefix.
    pub server: String,
}

/// Where a statement stands; Debezium's offset at that place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryPosition {
    /// The transaction, where transaction metadata is provided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// The statement's time in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts_sec: Option<i64>,
    /// The binlog file.
    pub file: String,
    /// Bytes from the file's start.
    pub pos: u64,
    /// The transactions done before, where the server has GTIDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gtids: Option<String>,
    /// The server that ran the statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_id: Option<u64>,
    /// Events of the transaction before the statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// Rows of the event before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// `INITIAL` for what a snapshot wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

/// What a statement did to one table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableChange {
    /// What was done.
    #[serde(rename = "type")]
    pub kind: TableChangeKind,
    /// The table: `"database"."table"`, with the quotes.
    pub id: String,
    /// The table's name before, where it was renamed.
    pub previous_id: Option<String>,
    /// The table as it is then; none where it was dropped.
    pub table: Option<TableImage>,
    /// The table's comment; shown only together with `table`.
    pub comment: Option<String>,
}

/// What was done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TableChangeKind {
    /// It was created.
    Create,
    /// It was altered or renamed.
    Alter,
    /// It was dropped.
    Drop,
}

/// The shape of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableImage {
    /// The character set of its columns unless they say otherwise.
    pub default_charset_name: Option<String>,
    /// The columns of its key, in order.
    pub primary_key_column_names: Vec<String>,
    /// Its columns, in order.
    pub columns: Vec<ColumnImage>,
    /// Further attributes.
    pub attributes: Vec<Attribute>,
}

/// The shape of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColumnImage {
    /// Its name.
    pub name: String,
    /// The number of its JDBC type (`java.sql.Types`).
    pub jdbc_type: i32,
    /// The number of the database's own type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_type: Option<i32>,
    /// The type's name.
    pub type_name: String,
    /// The type as it was declared.
    pub type_expression: Option<String>,
    /// Its character set.
    pub charset_name: Option<String>,
    /// Characters, bytes or digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<i64>,
    /// Digits after the point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<i32>,
    /// Its number in the table, from 1.
    pub position: u32,
    /// Whether it may be NULL.
    pub optional: bool,
    /// Whether the server numbers it.
    pub auto_incremented: bool,
    /// Whether the server fills it.
    pub generated: bool,
    /// Its comment.
    pub comment: Option<String>,
    /// Whether it has a default.
    pub has_default_value: bool,
    /// The default as it was declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value_expression: Option<String>,
    /// The members of an ENUM or SET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enum_values: Option<Vec<String>>,
}

/// A further attribute of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

impl HistoryRecord {
    /// The record's value, byte for byte as Debezium writes it.
    pub fn to_json(&self) -> String {
        let mut json = Vec::with_capacity(1024);
        let mut serializer = serde_json::Serializer::with_formatter(&mut json, JacksonPretty::default());
        // Neither a Vec nor these types have a way to fail, and serde_json writes UTF-8.
        let written = self.serialize(&mut serializer);
        debug_assert!(written.is_ok());
        String::from_utf8(json).unwrap_or_default()
    }
}

/// A dropped table has neither shape nor comment; any other has both, if only as null.
impl Serialize for TableChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("id", &self.id)?;
        if let Some(previous) = &self.previous_id {
            map.serialize_entry("previousId", previous)?;
        }
        if let Some(table) = &self.table {
            map.serialize_entry("table", table)?;
            map.serialize_entry("comment", &self.comment)?;
        }
        map.end()
    }
}

/// Jackson's default pretty printer: an object's fields on lines of their own, an array's elements on one line.
#[derive(Debug, Default)]
struct JacksonPretty {
    depth: usize,
    empty: bool,
}

impl JacksonPretty {
    fn new_line<W: ?Sized + io::Write>(&self, w: &mut W) -> io::Result<()> {
        w.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| w.write_all(b"  "))
    }
}

impl Formatter for JacksonPretty {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        w.write_all(if first { b" " } else { b", " })
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b" ]")
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.empty = true;
        w.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.empty = false;
        if !first {
            w.write_all(b",")?;
        }
        self.new_line(w)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b" : ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.empty = false;
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.empty {
            w.write_all(b" ")?;
        } else {
            self.new_line(w)?;
        }
        self.empty = false;
        w.write_all(b"}")
    }

    /// Jackson writes the codes of control characters with capital letters.
    fn write_char_escape<W: ?Sized + io::Write>(&mut self, w: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::Quote => w.write_all(b"\\\""),
            CharEscape::ReverseSolidus => w.write_all(b"\\\\"),
            CharEscape::Solidus => w.write_all(b"/"),
            CharEscape::Backspace => w.write_all(b"\\b"),
            CharEscape::FormFeed => w.write_all(b"\\f"),
            CharEscape::LineFeed => w.write_all(b"\\n"),
            CharEscape::CarriageReturn => w.write_all(b"\\r"),
            CharEscape::Tab => w.write_all(b"\\t"),
            CharEscape::AsciiControl(byte) => write!(w, "\\u{byte:04X}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(name: &str, position: u32) -> ColumnImage {
        ColumnImage {
            name: name.into(),
            jdbc_type: 4,
            native_type: None,
            type_name: "INT".into(),
            type_expression: Some("INT".into()),
            charset_name: None,
            length: None,
            scale: None,
            position,
            optional: false,
            auto_incremented: false,
            generated: false,
            comment: None,
            has_default_value: false,
            default_value_expression: None,
            enum_values: Some(vec![]),
        }
    }

    fn record(table_changes: Vec<TableChange>) -> HistoryRecord {
        HistoryRecord {
            source: HistorySource {
                server: "shop".into(),
            },
            position: HistoryPosition {
                ts_sec: Some(1_700_000_000),
                file: "binlog.000001".into(),
                pos: 157,
                gtids: Some("u:1-3".into()),
                server_id: Some(97),
                ..HistoryPosition::default()
            },
            ts_ms: 1_700_000_000_123,
            database_name: Some("shop".into()),
            schema_name: None,
            ddl: Some("CREATE TABLE t (\n\tid INT PRIMARY KEY) -- \u{1f}\u{7f}é".into()),
            table_changes,
        }
    }

    fn create() -> TableChange {
        TableChange {
            kind: TableChangeKind::Create,
            id: "\"shop\".\"t\"".into(),
            previous_id: None,
            table: Some(TableImage {
                default_charset_name: Some("utf8mb4".into()),
                primary_key_column_names: vec!["id".into()],
                columns: vec![column("id", 1)],
                attributes: vec![],
            }),
            comment: None,
        }
    }

    #[test]
    fn without_table_changes() {
        let expected = concat!(
            "{\n",
            "  \"source\" : {\n",
            "    \"server\" : \"shop\"\n",
            "  },\n",
            "  \"position\" : {\n",
            "    \"ts_sec\" : 1700000000,\n",
            "    \"file\" : \"binlog.000001\",\n",
            "    \"pos\" : 157,\n",
            "    \"gtids\" : \"u:1-3\",\n",
            "    \"server_id\" : 97\n",
            "  },\n",
            "  \"ts_ms\" : 1700000000123,\n",
            "  \"databaseName\" : \"shop\",\n",
            "  \"ddl\" : \"CREATE TABLE t (\\n\\tid INT PRIMARY KEY) -- \\u001F\u{7f}é\",\n",
            "  \"tableChanges\" : [ ]\n",
            "}"
        );
        assert_eq!(record(vec![]).to_json(), expected);
    }

    #[test]
    fn a_created_and_a_dropped_table() {
        let dropped = TableChange {
            kind: TableChangeKind::Drop,
            id: "\"shop\".\"u\"".into(),
            table: None,
            ..create()
        };
        let json = record(vec![create(), dropped]).to_json();
        let changes = json.split_once("\"tableChanges\" : ").unwrap().1;
        let expected = concat!(
            "[ {\n",
            "    \"type\" : \"CREATE\",\n",
            "    \"id\" : \"\\\"shop\\\".\\\"t\\\"\",\n",
            "    \"table\" : {\n",
            "      \"defaultCharsetName\" : \"utf8mb4\",\n",
            "      \"primaryKeyColumnNames\" : [ \"id\" ],\n",
            "      \"columns\" : [ {\n",
            "        \"name\" : \"id\",\n",
            "        \"jdbcType\" : 4,\n",
            "        \"typeName\" : \"INT\",\n",
            "        \"typeExpression\" : \"INT\",\n",
            "        \"charsetName\" : null,\n",
            "        \"position\" : 1,\n",
            "        \"optional\" : false,\n",
            "        \"autoIncremented\" : false,\n",
            "        \"generated\" : false,\n",
            "        \"comment\" : null,\n",
            "        \"hasDefaultValue\" : false,\n",
            "        \"enumValues\" : [ ]\n",
            "      } ],\n",
            "      \"attributes\" : [ ]\n",
            "    },\n",
            "    \"comment\" : null\n",
            "  }, {\n",
            "    \"type\" : \"DROP\",\n",
            "    \"id\" : \"\\\"shop\\\".\\\"u\\\"\"\n",
            "  } ]\n",
            "}"
        );
        assert_eq!(changes, expected);
    }

    #[test]
    fn an_empty_object_has_a_space() {
        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut json, JacksonPretty::default());
        serde_json::json!({ "a": {}, "b": [{}, 1] })
            .serialize(&mut serializer)
            .unwrap();
        assert_eq!(
            String::from_utf8(json).unwrap(),
            "{\n  \"a\" : { },\n  \"b\" : [ { }, 1 ]\n}"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ddl in any::<String>(), name in any::<String>(), length in any::<Option<i64>>(),
                                        row in any::<Option<u64>>(), members in any::<Option<Vec<String>>>()) {
            let mut change = create();
            let table = change.table.as_mut().unwrap();
            table.columns.push(ColumnImage { length, enum_values: members, ..column(&name, 2) });
            table.attributes.push(Attribute { name, value: None });
            let mut written = record(vec![change]);
            written.ddl = Some(ddl);
            written.position.row = row;
            let read: HistoryRecord = serde_json::from_str(&written.to_json()).unwrap();
            prop_assert_eq!(read, written);
        }
    }
}
