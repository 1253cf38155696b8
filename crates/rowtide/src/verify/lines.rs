//! A table in lines of text that are the same where tables are the same.

use rowtide_binlog::schema::tracked::{DefaultValue, Generation, Key, KeyKind, TrackedColumn, TrackedTable};
use rowtide_binlog::server::ServerVersion;

/// A table as `server` would show it: a line for each column and key, and one for its own attributes.
///
/// Left out is what the server may show in other words than it was written: the text of expressions and defaults. So is
/// what it cannot show: characters that take four bytes in UTF-8 are question marks, as in SHOW CREATE TABLE.
pub fn lines(table: &TrackedTable, server: ServerVersion) -> Vec<String> {
    let columns = table.columns.iter().map(|column| column_line(column, server));
    let mut lines: Vec<String> = columns.chain(table.keys.iter().map(key_line)).collect();
    lines.push(own_line(table));
    lines.iter().map(|line| shown(line)).collect()
}

fn column_line(column: &TrackedColumn, server: ServerVersion) -> String {
    let mut line = format!("{} {}", quoted(&column.name), column.data_type.sql(server));
    if column.compressed {
        line += " COMPRESSED";
    }
    if let Some(collation) = column.collation.as_ref().filter(|c| c.name() != "binary") {
        line += &format!(" COLLATE {collation}");
    }
    for (words, holds) in [
        ("NOT NULL", !column.nullable),
        ("AUTO_INCREMENT", column.auto_increment),
        ("DEFAULT …", has_default(column)),
        ("ON UPDATE CURRENT_TIMESTAMP", column.on_update.is_some()),
        ("VIRTUAL", matches!(column.generation, Generation::Virtual(_))),
        ("STORED", is_stored(&column.generation)),
        ("INVISIBLE", column.invisible),
    ] {
        if holds {
            line += &format!(" {words}");
        }
    }
    line + &comment(&column.comment)
}

fn has_default(column: &TrackedColumn) -> bool {
    let default = column.default.as_deref();
    default.is_some_and(|default| *default != DefaultValue::Null)
}

fn is_stored(generation: &Generation) -> bool {
    matches!(
        generation,
        Generation::Stored(_) | Generation::RowStart | Generation::RowEnd
    )
}

fn key_line(key: &Key) -> String {
    let kind = match key.kind {
        KeyKind::Primary => "PRIMARY KEY".to_owned(),
        KeyKind::Unique => format!("UNIQUE KEY {}", quoted(&key.name)),
        _ => format!("KEY {}", quoted(&key.name)),
    };
    let parts: Vec<String> = key
        .parts
        .iter()
        .map(|part| {
            let prefix = part.prefix.map(|prefix| format!("({prefix})"));
            let column = part.column.as_deref().map_or("(…)".to_owned(), quoted);
            column + &prefix.unwrap_or_default()
        })
        .collect();
    format!("{kind} ({})", parts.join(", "))
}

fn own_line(table: &TrackedTable) -> String {
    let mut line = format!("DEFAULT COLLATE {}", table.collation);
    if table.system_versioned {
        line += " WITH SYSTEM VERSIONING";
    }
    line + &comment(&table.comment)
}

fn comment(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!(" COMMENT {text:?}"),
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// In the server's own character set.
fn shown(line: &str) -> String {
    line.chars()
        .map(|c| if c.len_utf8() == 4 { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use rowtide_binlog::schema::{NameCase, definitions};
    use rowtide_event::TableId;

    use super::*;

    fn of(definition: &str) -> Vec<String> {
        let server = "9.7.4".parse().unwrap();
        let table =
            definitions::read(&TableId::new("shop", "t"), definition, server, NameCase::Matters).unwrap();
        lines(&table, server)
    }

    #[test]
    fn a_table_is_a_line_a_column_and_key() {
        let table = of(
            "CREATE TABLE t (id int AUTO_INCREMENT NOT NULL, n varchar(20) DEFAULT 'x' COMMENT 'so', e enum('🎈','b'), \
             g int AS (id + 1), PRIMARY KEY (id), UNIQUE KEY u (n(5), id)) CHARSET=latin1",
        );
        assert_eq!(
            table,
            [
                "`id` int NOT NULL AUTO_INCREMENT",
                "`n` varchar(20) COLLATE latin1_swedish_ci DEFAULT … COMMENT \"so\"",
                "`e` enum('?','b') COLLATE latin1_swedish_ci",
                "`g` int VIRTUAL",
                "PRIMARY KEY (`id`)",
                "UNIQUE KEY `u` (`n`(5), `id`)",
                "DEFAULT COLLATE latin1_swedish_ci",
            ]
        );
    }

    #[test]
    fn how_a_default_is_written_does_not_count() {
        let written = |default: &str| {
            of(&format!(
                "CREATE TABLE t (d decimal(5,2) {default}) CHARSET=latin1"
            ))
        };
        assert_eq!(written("DEFAULT 0"), written("DEFAULT '0.00'"));
        assert_eq!(written(""), written("DEFAULT NULL"));
        assert_ne!(written(""), written("DEFAULT 0"));
    }
}
