//! The checkpoint as a text.

use rowtide_event::Flavour;
use serde::{Deserialize, Serialize};

/// Where to resume, and what that is part of. The record's key is the source's name, its value this as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The version of this format; [`Checkpoint::FORMAT_VERSION`].
    pub format_version: u64,
    /// The source's name: the topic prefix.
    pub source: String,
    /// Whose server wrote the binlog.
    #[serde(with = "FlavourName")]
    pub flavour: Flavour,
    /// The server that `file` and `pos` are of.
    pub server_uuid: Option<String>,
    /// All transactions that are done, where the server has GTIDs: not those of `prepared_xa`.
    pub gtid_set: Option<String>,
    /// The binlog file to resume in.
    pub file: String,
    /// Bytes from the file's start: after the last transaction that is done, or at the start of the one in
    /// `in_transaction`.
    pub pos: u64,
    /// Set when a part of the transaction at `file` and `pos` is delivered already.
    pub in_transaction: Option<InTransaction>,
    /// XA transactions that are prepared and not decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepared_xa: Vec<PreparedXa>,
    /// The part of the schema history that says how the tables are here; none before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryRange>,
    /// When the newest delivered change was committed on the source, in milliseconds since 1970.
    pub source_ts_ms: Option<u64>,
    /// When this was written, in milliseconds since 1970.
    pub written_ts_ms: u64,
    /// The version of the Rowtide that wrote it.
    pub rowtide_version: String,
}

/// How a flavour is written.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Flavour", rename_all = "lowercase")]
enum FlavourName {
    MySql,
    MariaDb,
}

/// A place inside a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InTransaction {
    /// The transaction, where the server has GTIDs.
    pub gtid: Option<String>,
    /// The file it starts in, or that of a place before it where it is still to come again.
    pub file: String,
    /// Where in the file that is.
    pub pos: u64,
    /// How many of its captured row changes are delivered.
    pub rows: u64,
    /// Fingerprint of the filters that said which changes are captured: with others, `rows` counts something else.
    pub filter: String,
}

/// An XA transaction that is prepared and not decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedXa {
    /// Its name, as XA statements write it: `X'6731',X'',1`.
    pub xid: String,
    /// Where its rows are; none if it has none of captured tables.
    pub rows: Option<PreparedXaRows>,
}

/// Where the rows of a prepared XA transaction are read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedXaRows {
    /// The transaction that ends with XA PREPARE, where the server has GTIDs.
    pub gtid: Option<String>,
    /// The file it starts in.
    pub file: String,
    /// Where in the file it starts.
    pub pos: u64,
}

/// A part of the schema-history topic's one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryRange {
    /// The offset where it begins: of the first record of the newest image of all tables, or of the topic's first.
    pub first_offset: i64,
    /// The offset of its last record, which belongs to this checkpoint.
    pub last_offset: i64,
    /// How many records it holds, both ends included. Offsets are not counted: the marks of Kafka's transactions and
    /// what was aborted have some too.
    pub records: u64,
    /// How far in the binlog the history is complete, where that is not the checkpoint's own place: set when somebody
    /// moved the checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<HistoryThrough>,
}

/// A place in the binlog up to which the history is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryThrough {
    /// The binlog file.
    pub file: String,
    /// Bytes from the file's start.
    pub pos: u64,
    /// All transactions that were done there, where the server has GTIDs.
    pub gtid_set: Option<String>,
}

impl Checkpoint {
    /// The format version written here, and the newest that is read.
    pub const FORMAT_VERSION: u64 = 1;

    /// The record's value.
    pub fn to_json(&self) -> String {
        // Serialising strings and numbers into memory has no way to fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// [`InvalidCheckpoint`] if it is no checkpoint, or one of a newer format.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidCheckpoint> {
        let malformed = |e: serde_json::Error| InvalidCheckpoint::Malformed(e.to_string());
        let value: serde_json::Value = serde_json::from_slice(json).map_err(malformed)?;
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            None => Err(InvalidCheckpoint::Malformed(
                "it has no format_version".to_owned(),
            )),
            Some(Self::FORMAT_VERSION) => serde_json::from_value(value).map_err(malformed),
            Some(0) => Err(InvalidCheckpoint::Malformed(
                "there is no format version 0".to_owned(),
            )),
            Some(newer) => Err(InvalidCheckpoint::TooNew(newer)),
        }
    }
}

/// Why a text is no [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// It is not in the format.
    #[error("it is not a checkpoint: {0}")]
    Malformed(String),
    /// It has a newer format.
    #[error("it has format version {0}, and this Rowtide reads up to {known}", known = Checkpoint::FORMAT_VERSION)]
    TooNew(u64),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            format_version: Checkpoint::FORMAT_VERSION,
            source: "shop".into(),
            flavour: Flavour::MySql,
            server_uuid: Some("9de2dde1-e55f-11f1-bc9f-02fc00000001".into()),
            gtid_set: Some("9de2dde1-e55f-11f1-bc9f-02fc00000001:1-7".into()),
            file: "binlog.000002".into(),
            pos: 4_294_967_300,
            in_transaction: Some(InTransaction {
                gtid: Some("9de2dde1-e55f-11f1-bc9f-02fc00000001:8".into()),
                file: "binlog.000002".into(),
                pos: 4_294_967_300,
                rows: 12,
                filter: "5f2a".into(),
            }),
            prepared_xa: vec![
                PreparedXa {
                    xid: "X'61',X'',1".into(),
                    rows: Some(PreparedXaRows {
                        gtid: Some("9de2dde1-e55f-11f1-bc9f-02fc00000001:6".into()),
                        file: "binlog.000001".into(),
                        pos: 77,
                    }),
                },
                PreparedXa {
                    xid: "X'62',X'',1".into(),
                    rows: None,
                },
            ],
            history: Some(HistoryRange {
                first_offset: 40,
                last_offset: 57,
                records: 12,
                through: Some(HistoryThrough {
                    file: "binlog.000001".into(),
                    pos: 99,
                    gtid_set: None,
                }),
            }),
            source_ts_ms: Some(1_700_000_000_000),
            written_ts_ms: 1_700_000_000_005,
            rowtide_version: "0.1.0".into(),
        }
    }

    #[test]
    fn the_json_names_everything() {
        let expected = concat!(
            r#"{"format_version":1,"source":"shop","flavour":"mysql","#,
            r#""server_uuid":"9de2dde1-e55f-11f1-bc9f-02fc00000001","#,
            r#""gtid_set":"9de2dde1-e55f-11f1-bc9f-02fc00000001:1-7","file":"binlog.000002","pos":4294967300,"#,
            r#""in_transaction":{"gtid":"9de2dde1-e55f-11f1-bc9f-02fc00000001:8","file":"binlog.000002","#,
            r#""pos":4294967300,"rows":12,"filter":"5f2a"},"#,
            r#""prepared_xa":[{"xid":"X'61',X'',1","rows":{"gtid":"9de2dde1-e55f-11f1-bc9f-02fc00000001:6","#,
            r#""file":"binlog.000001","pos":77}},{"xid":"X'62',X'',1","rows":null}],"#,
            r#""history":{"first_offset":40,"last_offset":57,"records":12,"#,
            r#""through":{"file":"binlog.000001","pos":99,"gtid_set":null}},"#,
            r#""source_ts_ms":1700000000000,"written_ts_ms":1700000000005,"rowtide_version":"0.1.0"}"#
        );
        assert_eq!(checkpoint().to_json(), expected);
        assert_eq!(Checkpoint::from_json(expected.as_bytes()), Ok(checkpoint()));
    }

    #[test]
    fn a_newer_format_is_told_from_a_broken_one() {
        let newer = br#"{"format_version":2,"something":"else"}"#;
        assert_eq!(Checkpoint::from_json(newer), Err(InvalidCheckpoint::TooNew(2)));
        for broken in [
            "",
            "{",
            "{}",
            r#"{"format_version":0}"#,
            r#"{"format_version":1}"#,
            "[1]",
            "null",
        ] {
            let read = Checkpoint::from_json(broken.as_bytes());
            assert!(matches!(read, Err(InvalidCheckpoint::Malformed(_))), "{broken}");
        }
    }

    #[test]
    fn a_checkpoint_without_history_is_as_it_was_before_there_were_ranges() {
        let mut written = checkpoint();
        written.history = None;
        assert!(!written.to_json().contains("history"));
        assert_eq!(Checkpoint::from_json(written.to_json().as_bytes()), Ok(written));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let json = checkpoint().to_json().replace("\"rows\"", "\"lines\"");
        assert!(matches!(
            Checkpoint::from_json(json.as_bytes()),
            Err(InvalidCheckpoint::Malformed(_))
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(source in any::<String>(), file in any::<String>(), pos in any::<u64>(),
                                        rows in any::<u64>(), gtids in any::<Option<String>>(), maria in any::<bool>()) {
            let mut written = checkpoint();
            written.flavour = if maria { Flavour::MariaDb } else { Flavour::MySql };
            if let Some(inside) = written.in_transaction.as_mut() {
                inside.rows = rows;
            }
            let written = Checkpoint { source, file, pos, gtid_set: gtids, ..written };
            prop_assert_eq!(Checkpoint::from_json(written.to_json().as_bytes()), Ok(written));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            let _ = Checkpoint::from_json(&bytes);
        }
    }
}
