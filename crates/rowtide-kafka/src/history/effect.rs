//! What a history record does to the tables that Rowtide knows.
//!
//! Debezium reads the statements of its history again at each start. Rowtide writes down what came of them, so that no
//! start has to understand a statement again. The list of effects is JSON in the record's header [`HEADER`]: a kept
//! format, in which whatever is not known here was written by a newer Rowtide.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::message::InvalidHistory;

/// The header with the effects. Every record has it that Rowtide has written, be it an empty list.
pub const HEADER: &str = "rowtide.schema";

/// One thing that a record does to the tables that are known. Those of a record are done in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// From here on the topic tells of all databases and tables: nothing that stands before is needed.
    ImageBegins,
    /// All of them are told of.
    ImageEnds,
    /// A database is there, as it was created or altered.
    Database {
        /// Its name.
        name: String,
        /// Its default collation, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        collation: Option<String>,
    },
    /// A database is gone, and all its tables.
    DatabaseDropped {
        /// Its name.
        name: String,
    },
    /// A table is there, as it was created, altered or renamed.
    Table {
        /// Its database.
        database: String,
        /// Its name.
        table: String,
        /// The CREATE TABLE statement that makes it.
        definition: String,
    },
    /// A table is gone.
    TableDropped {
        /// Its database.
        database: String,
        /// Its name.
        table: String,
    },
    /// A statement that could not be read may have changed a table.
    TableUnclear {
        /// Its database.
        database: String,
        /// Its name.
        table: String,
    },
    /// A statement that could not be read may have changed any table.
    AllUnclear,
}

/// The header's value.
pub(crate) fn to_header(effects: &[Effect]) -> Vec<u8> {
    // Serialising strings into memory has no way to fail.
    serde_json::to_vec(effects).unwrap_or_default()
}

/// Reads the header's value.
pub(crate) fn of_header(json: &[u8]) -> Result<Vec<Effect>, InvalidHistory> {
    serde_json::from_slice(json).map_err(|_| match serde_json::from_slice::<IgnoredAny>(json) {
        Ok(_) => InvalidHistory::TooNew,
        Err(e) => InvalidHistory::Header(format!(
            "it is not JSON at line {}, column {}",
            e.line(),
            e.column()
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Effect> {
        let (database, table) = (|| "shop".to_owned(), || "t".to_owned());
        vec![
            Effect::ImageBegins,
            Effect::Database {
                name: database(),
                collation: Some("utf8mb4_bin".into()),
            },
            Effect::Database {
                name: database(),
                collation: None,
            },
            Effect::Table {
                database: database(),
                table: table(),
                definition: "CREATE TABLE `t` (`id` int)".into(),
            },
            Effect::ImageEnds,
            Effect::TableDropped {
                database: database(),
                table: table(),
            },
            Effect::TableUnclear {
                database: database(),
                table: table(),
            },
            Effect::DatabaseDropped { name: database() },
            Effect::AllUnclear,
        ]
    }

    #[test]
    fn the_header_names_everything() {
        let expected = concat!(
            r#"["image_begins","#,
            r#"{"database":{"name":"shop","collation":"utf8mb4_bin"}},"#,
            r#"{"database":{"name":"shop"}},"#,
            r#"{"table":{"database":"shop","table":"t","definition":"CREATE TABLE `t` (`id` int)"}},"#,
            r#""image_ends","#,
            r#"{"table_dropped":{"database":"shop","table":"t"}},"#,
            r#"{"table_unclear":{"database":"shop","table":"t"}},"#,
            r#"{"database_dropped":{"name":"shop"}},"#,
            r#""all_unclear"]"#
        );
        let written = to_header(&all());
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(of_header(expected.as_bytes()), Ok(all()));
    }

    #[test]
    fn without_effects_the_list_is_empty() {
        assert_eq!(to_header(&[]), b"[]");
        assert_eq!(of_header(b"[]"), Ok(vec![]));
    }

    #[test]
    fn what_is_not_known_was_written_by_a_newer_rowtide() {
        for newer in [
            r#"["table_encrypted"]"#,
            r#"[{"table_dropped":{"database":"d","table":"t","for_ever":true}}]"#,
            r#"[{"table":{"database":"d","table":"t"}}]"#,
            r#"{"version":2}"#,
        ] {
            assert_eq!(
                of_header(newer.as_bytes()),
                Err(InvalidHistory::TooNew),
                "{newer}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_damaged() {
        for damaged in ["", "[", "[\"image_begins\"", "[\"image_begins\"] x", "\u{1}"] {
            let read = of_header(damaged.as_bytes());
            assert!(
                matches!(read, Err(InvalidHistory::Header(_))),
                "{damaged}: {read:?}"
            );
        }
    }
}
