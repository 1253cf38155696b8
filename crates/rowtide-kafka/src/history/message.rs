//! A message of the schema-history topic: Debezium's record, and what it does to the tables that Rowtide knows.

use rowtide_event::BinlogPosition;
use serde::Deserialize;

use super::effect::{self, Effect};
use super::record::{ColumnImage, HistoryRecord, HistorySource, TableChange};

/// A message as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryMessage {
    /// The value, as Debezium has it.
    pub record: HistoryRecord,
    /// What it does to the tables that Rowtide knows, in order.
    pub effects: Vec<Effect>,
}

impl HistoryMessage {
    /// The message's value.
    pub fn value(&self) -> String {
        self.record.to_json()
    }

    /// The value of the header [`effect::HEADER`].
    pub fn header(&self) -> Vec<u8> {
        effect::to_header(&self.effects)
    }

    /// Bytes of memory, roughly: what of a message can be large.
    pub fn memory(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let definition = |effect: &Effect| match effect {
            Effect::Table { definition, .. } => definition.len(),
            _ => 0,
        };
        let columns = |change: &TableChange| change.table.as_ref().map_or(0, |table| table.columns.len());
        let columns: usize = self.record.table_changes.iter().map(columns).sum();
        let texts = [length(&self.record.ddl), length(&self.record.position.gtids)];
        size_of::<Self>()
            .saturating_add(texts.iter().sum())
            .saturating_add(self.effects.iter().map(definition).sum())
            .saturating_add(columns.saturating_mul(size_of::<ColumnImage>()))
    }

    /// Reads a message whole.
    ///
    /// # Errors
    /// [`InvalidHistory`] if it is no history record, or what it does was written by a newer Rowtide.
    pub fn read(value: &[u8], header: Option<&[u8]>) -> Result<Self, InvalidHistory> {
        let stored = StoredMessage::read(0, value, header)?;
        Ok(Self {
            record: stored.record()?,
            effects: stored.effects,
        })
    }
}

/// A message as it is found in the topic, its record read only as far as is needed to place it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage<'a> {
    /// Where it stands in the topic.
    pub offset: i64,
    /// The source whose schema it is of: its topic prefix.
    pub server: String,
    /// Where its statement stands in the binlog.
    pub position: BinlogPosition,
    /// The transactions done before, where the server has GTIDs.
    pub gtids: Option<String>,
    /// What it does, in order.
    pub effects: Vec<Effect>,
    /// It has no header: not Rowtide has written it, but a Debezium.
    pub is_foreign: bool,
    value: &'a [u8],
}

impl<'a> StoredMessage<'a> {
    /// Reads the message at `offset`.
    ///
    /// # Errors
    /// As [`HistoryMessage::read`], except for faults of the record that do not hide its place.
    pub fn read(offset: i64, value: &'a [u8], header: Option<&[u8]>) -> Result<Self, InvalidHistory> {
        let head: Head = serde_json::from_slice(value).map_err(|e| malformed(&e))?;
        Ok(Self {
            offset,
            server: head.source.server,
            position: BinlogPosition::new(head.position.file, head.position.pos),
            gtids: head.position.gtids,
            effects: header.map_or_else(|| Ok(Vec::new()), effect::of_header)?,
            is_foreign: header.is_none(),
            value,
        })
    }

    /// The whole record.
    ///
    /// # Errors
    /// [`InvalidHistory::Record`] if a part of it is not as Debezium writes it.
    pub fn record(&self) -> Result<HistoryRecord, InvalidHistory> {
        serde_json::from_slice(self.value).map_err(|e| malformed(&e))
    }
}

/// The part of a [`HistoryRecord`] that places it.
#[derive(Deserialize)]
struct Head {
    source: HistorySource,
    position: Place,
}

#[derive(Deserialize)]
struct Place {
    file: String,
    pos: u64,
    gtids: Option<String>,
}

/// Why a message of the topic is none of a schema history. No variant shows what it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistory {
    /// Its value is not in the format.
    #[error("its value is no schema-history record: {0}")]
    Record(String),
    /// Its header is broken.
    #[error("its header `{HEADER}` cannot be read: {0}", HEADER = effect::HEADER)]
    Header(String),
    /// Its header holds what is not known here.
    #[error(
        "its header `{HEADER}` holds what this Rowtide does not know: a newer one wrote it",
        HEADER = effect::HEADER
    )]
    TooNew,
}

/// serde's own words may show contents.
fn malformed(e: &serde_json::Error) -> InvalidHistory {
    let what = match e.is_data() {
        true => "a field is missing, unknown or of another type",
        false => "it is not JSON",
    };
    InvalidHistory::Record(format!("{what} at line {}, column {}", e.line(), e.column()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::HistoryPosition;
    use super::*;

    fn record(server: &str, ddl: &str) -> HistoryRecord {
        HistoryRecord {
            source: HistorySource {
                server: server.into(),
            },
            position: HistoryPosition {
                ts_sec: Some(1_700_000_000),
                file: "binlog.000001".into(),
                pos: 157,
                gtids: Some("u:1-3".into()),
                ..HistoryPosition::default()
            },
            ts_ms: 1_700_000_000_123,
            database_name: Some("shop".into()),
            schema_name: None,
            ddl: Some(ddl.into()),
            table_changes: vec![],
        }
    }

    #[test]
    fn a_stored_message_is_placed_without_its_record() {
        let written = record("shop", "DROP TABLE t").to_json();
        let found = StoredMessage::read(7, written.as_bytes(), Some(b"[\"all_unclear\"]")).unwrap();
        assert_eq!((found.offset, found.server.as_str()), (7, "shop"));
        assert_eq!(found.position, BinlogPosition::new("binlog.000001", 157));
        assert_eq!(found.gtids.as_deref(), Some("u:1-3"));
        assert_eq!(found.effects, [Effect::AllUnclear]);
        assert_eq!(found.record(), Ok(record("shop", "DROP TABLE t")));
    }

    #[test]
    fn what_can_be_large_counts() {
        let message = |ddl: &str, definition: &str| HistoryMessage {
            record: record("shop", ddl),
            effects: vec![Effect::Table {
                database: "shop".into(),
                table: "t".into(),
                definition: definition.into(),
            }],
        };
        let small = message("x", "y").memory();
        assert_eq!(
            message(&"x".repeat(1001), &"y".repeat(2001)).memory(),
            small + 3000
        );
    }

    /// The position of a Debezium in the middle of a snapshot has fields that are of no use here.
    #[test]
    fn fields_that_do_not_place_it_are_left_to_the_record() {
        let json = br#"{"source":{"server":"s"},"position":{"file":"b.1","pos":4,"later":[1]},"ddl":"x"}"#;
        let found = StoredMessage::read(0, json, None).unwrap();
        assert_eq!(found.position, BinlogPosition::new("b.1", 4));
        assert!(matches!(found.record(), Err(InvalidHistory::Record(_))));
    }

    #[test]
    fn what_is_no_record_is_told_without_its_contents() {
        for (json, expected) in [
            ("", "it is not JSON at line 1, column 0"),
            ("{\"source\":\n", "it is not JSON at line 2, column 0"),
            (
                "{\"source\":\"hunter2\"}",
                "a field is missing, unknown or of another type at line 1, column 19",
            ),
            (
                "{\"source\":{\"server\":\"s\",\"hunter2\":1}}",
                "a field is missing, unknown or of another type at line 1, column 33",
            ),
        ] {
            let error = StoredMessage::read(0, json.as_bytes(), None).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("its value is no schema-history record: {expected}"),
                "{json}"
            );
        }
    }

    #[test]
    fn a_newer_header_is_told_from_a_broken_one() {
        let value = record("s", "x").to_json();
        let read = |header: &[u8]| HistoryMessage::read(value.as_bytes(), Some(header)).unwrap_err();
        assert_eq!(read(b"[\"hunter2\"]"), InvalidHistory::TooNew);
        assert_eq!(
            read(b"[\"hunter2\"").to_string(),
            "its header `rowtide.schema` cannot be read: it is not JSON at line 1, column 10"
        );
    }

    prop_compose! {
        fn table()(database in any::<String>(), table in any::<String>(), definition in any::<String>(),
                   kind in 0..3) -> Effect {
            match kind {
                0 => Effect::Table { database, table, definition },
                1 => Effect::TableDropped { database, table },
                _ => Effect::TableUnclear { database, table },
            }
        }
    }

    fn effect() -> impl Strategy<Value = Effect> {
        prop_oneof![
            table(),
            (any::<String>(), any::<Option<String>>())
                .prop_map(|(name, collation)| Effect::Database { name, collation }),
            any::<String>().prop_map(|name| Effect::DatabaseDropped { name }),
            Just(Effect::ImageBegins),
            Just(Effect::ImageEnds),
            Just(Effect::AllUnclear),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(server in any::<String>(), ddl in any::<String>(),
                                        effects in prop::collection::vec(effect(), 0..5)) {
            let written = HistoryMessage { record: record(&server, &ddl), effects };
            let read = HistoryMessage::read(written.value().as_bytes(), Some(&written.header()));
            prop_assert_eq!(read, Ok(written));
        }

        #[test]
        fn no_bytes_make_it_panic(value in any::<Vec<u8>>(), header in any::<Option<Vec<u8>>>()) {
            let _ = HistoryMessage::read(&value, header.as_deref());
            let _ = effect::of_header(&value);
        }
    }
}
