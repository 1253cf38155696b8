//! A column in the text of its table.

use super::super::collation::Collation;
use super::super::column_type::quoted;
use super::super::data_type::DataType;
use super::super::table::{Generation, TrackedColumn};
use super::mark::{by_flavour, mark, quoted_in_mark, session};
use super::name;
use super::type_text::type_text;
use crate::schema::ddl::{DefaultValue, Literal};
use crate::schema::sql::Cursor;

/// `name type attributes`, in a table of this collation.
pub(super) fn line(column: &TrackedColumn, table: &Collation) -> String {
    let mut sql = format!("{} {}", name(&column.name), type_text(column, table));
    if column.compressed {
        sql += " /*M!100301 COMPRESSED*/";
    }
    if let Some(collation) = column.collation.as_ref().filter(|own| *own != table) {
        sql += &format!(
            " CHARACTER SET {} COLLATE {collation}",
            collation.charset().name()
        );
    }
    sql += &generation(&column.generation);
    sql += nullability(column);
    if let Some(srid) = column.srid {
        sql += &by_flavour(&format!("SRID {srid}"), &format!("REF_SYSTEM_ID={srid}"));
    }
    sql += &default(column);
    if let Some(digits) = column.on_update {
        sql += &format!(" ON UPDATE {}", now(digits));
    }
    if column.auto_increment {
        sql += " AUTO_INCREMENT";
    }
    if column.invisible {
        sql += " INVISIBLE";
    }
    if !column.comment.is_empty() {
        sql += &format!(" COMMENT {}", quoted(&column.comment));
    }
    sql
}

fn generation(generation: &Generation) -> String {
    let always = |how: &str| format!(" GENERATED ALWAYS AS {how}");
    match generation {
        Generation::None => String::new(),
        Generation::Virtual(text) => always(&format!("{} VIRTUAL", expression(text))),
        Generation::Stored(text) => always(&format!("{} STORED", expression(text))),
        Generation::RowStart => always("ROW START"),
        Generation::RowEnd => always("ROW END"),
    }
}

/// NULL is said only where it does not go without saying.
fn nullability(column: &TrackedColumn) -> &'static str {
    let is_row_end = matches!(column.generation, Generation::RowStart | Generation::RowEnd);
    let is_timestamp = matches!(column.data_type, DataType::Timestamp(_));
    match column.nullable {
        false => " NOT NULL",
        true if column.auto_increment || is_row_end || is_timestamp => " NULL",
        true => "",
    }
}

fn default(column: &TrackedColumn) -> String {
    match column.default.as_deref() {
        None if has_implied_default(column) => mark("NO DEFAULT"),
        None => String::new(),
        Some(DefaultValue::Null) if has_implied_default(column) && is_long(&column.data_type) => {
            String::new()
        }
        Some(DefaultValue::Null) => " DEFAULT NULL".to_owned(),
        Some(DefaultValue::Now(digits)) => format!(" DEFAULT {}", now(*digits)),
        Some(DefaultValue::Literal(value)) => format!(" DEFAULT {}", literal(value)),
        Some(DefaultValue::Expression(text)) => format!(" DEFAULT {}", expression(text)),
    }
}

/// Whether a default is read where none stands: NULL, or MariaDB's zero moment.
fn has_implied_default(column: &TrackedColumn) -> bool {
    let is_set = matches!(column.data_type, DataType::Timestamp(_)) && column.on_update.is_some();
    let is_plain = column.generation == Generation::None;
    if column.nullable {
        is_plain && !is_set
    } else {
        is_set
    }
}

/// Types of which servers do not show that NULL is their default.
fn is_long(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Text(_) | DataType::Blob(_) | DataType::Json | DataType::Geometry(_)
    )
}

fn now(digits: u8) -> String {
    match digits {
        0 => "CURRENT_TIMESTAMP".to_owned(),
        _ => format!("CURRENT_TIMESTAMP({digits})"),
    }
}

fn literal(literal: &Literal) -> String {
    let written = literal.written.as_str();
    let is_same = |cursor: &mut Cursor<'_>| {
        cursor
            .default_value()
            .is_ok_and(|read| read == DefaultValue::Literal(literal.clone()))
    };
    if is_read_whole(written, is_same) {
        return written.to_owned();
    }
    let escapes = if literal.backslash_escapes {
        ""
    } else {
        " NO_BACKSLASH_ESCAPES"
    };
    let written = format!("WRITTEN {}{escapes}", quoted_in_mark(written));
    quoted(&literal.value()) + &mark(&written)
}

/// An expression in parentheses.
fn expression(text: &str) -> String {
    let plain = format!("({text})");
    let is_same = |cursor: &mut Cursor<'_>| cursor.parenthesised().is_ok_and(|read| read == text);
    if is_read_whole(&plain, is_same) {
        return plain;
    }
    format!(
        "({})",
        mark(&format!("EXPRESSION {}", quoted_in_mark(text))).trim_start()
    )
}

/// Whether a definition may have this text as it stands, with more behind it. With a comment in it, it might mean
/// something else to another server.
fn is_read_whole(sql: &str, reads: impl FnOnce(&mut Cursor<'_>) -> bool) -> bool {
    let in_its_place = format!("{sql} ,");
    let mut cursor = Cursor::new(&in_its_place, session());
    !sql.contains("/*") && reads(&mut cursor) && cursor.accept_symbol(',') && !cursor.is_before_end()
}
