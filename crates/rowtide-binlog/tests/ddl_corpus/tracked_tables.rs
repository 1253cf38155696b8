//! Tracked tables, in the same lines of text as the server's.

use rowtide_binlog::schema::tracked::{DefaultValue, Generation, Key, KeyKind, TrackedColumn, TrackedTable};
use rowtide_binlog::server::ServerVersion;

/// A table in lines of text.
pub fn lines(table: &TrackedTable, server: ServerVersion) -> String {
    let mut text = format!("{} {:?}\n", table.collation, table.comment);
    for column in &table.columns {
        text += &column_line(column, server);
    }
    for key in &table.keys {
        text += &key_line(key);
    }
    text
}

fn column_line(column: &TrackedColumn, server: ServerVersion) -> String {
    let mut line = format!("  {} {}", column.name, column.data_type.sql(server));
    if column.compressed {
        line += " /*M!100301 COMPRESSED*/";
    }
    if column.nullable {
        line += " null";
    }
    if let Some(collation) = column.collation.as_ref().filter(|c| c.name() != "binary") {
        line += &format!(" {collation}");
    }
    if column
        .default
        .as_deref()
        .is_some_and(|default| *default != DefaultValue::Null)
    {
        line += " default";
    }
    for (word, holds) in [
        ("auto_increment", column.auto_increment),
        ("on update", column.on_update.is_some()),
        (
            "stored generated",
            matches!(
                column.generation,
                Generation::Stored(_) | Generation::RowStart | Generation::RowEnd
            ),
        ),
        (
            "virtual generated",
            matches!(column.generation, Generation::Virtual(_)),
        ),
        ("invisible", column.invisible),
    ] {
        if holds {
            line += &format!(" {word}");
        }
    }
    format!("{line} {:?}\n", column.comment)
}

fn key_line(key: &Key) -> String {
    let unique = matches!(key.kind, KeyKind::Primary | KeyKind::Unique);
    let mut line = format!("\n  key {}{}", key.name, if unique { " unique" } else { "" });
    for part in &key.parts {
        let prefix = part.prefix.map(|n| format!("({n})")).unwrap_or_default();
        line += &format!(" {}{prefix}", part.column.as_deref().unwrap_or("?"));
    }
    line
}
