//! Which key of a table names its rows.

use rowtide_event::{Column, TableId};

use super::{Row, Unreadable, text};

/// One column of a unique key: a row of `SHOW INDEX`.
struct KeyPart<'a> {
    key: &'a str,
    /// `None` for an expression.
    column: Option<&'a str>,
    is_prefix: bool,
    is_hash: bool,
}

impl<'a> KeyPart<'a> {
    fn read(row: &'a Row) -> Result<Self, Unreadable> {
        let key = text(row, 2).ok_or(Unreadable::Row("SHOW INDEX"))?;
        Ok(Self {
            key,
            column: text(row, 4),
            is_prefix: text(row, 7).is_some(),
            is_hash: text(row, 10) == Some("HASH"),
        })
    }
}

/// How many unique keys are hashes. MariaDB may have added a column for each.
pub(super) fn hash_keys(rows: &[Row]) -> usize {
    let is_hash = |row: &&Row| text(row, 10) == Some("HASH") && text(row, 3) == Some("1");
    rows.iter().filter(is_hash).count()
}

/// The key that tells every row from every other: the primary key, or else the first that can take its place, without
/// a column that is virtual, and none of MariaDB's keys of hashes, which are the only ones of whole TEXTs and BLOBs.
pub(super) fn identifying_key(
    id: &TableId,
    columns: &[Column],
    is_virtual: &[bool],
    is_blob: &[bool],
    rows: &[Row],
) -> Result<Option<Vec<usize>>, Unreadable> {
    let parts = rows.iter().map(KeyPart::read).collect::<Result<Vec<_>, _>>()?;
    let mut first = None;
    for key in parts.chunk_by(|a, b| a.key == b.key) {
        let is_primary = key.first().is_some_and(|part| part.key == "PRIMARY");
        let Some(indexes) = key_columns(id, columns, key, is_primary)? else {
            continue;
        };
        if is_primary {
            return Ok(Some(indexes));
        }
        let is_hash = key.iter().any(|part| part.is_hash);
        let is_plain = |index: &usize| {
            is_virtual.get(*index) == Some(&false) && !(is_hash && is_blob.get(*index) == Some(&true))
        };
        if indexes.iter().all(is_plain) {
            first.get_or_insert(indexes);
        }
    }
    Ok(first)
}

/// The columns of a key, or `None` if it does not tell every row from every other.
fn key_columns(
    id: &TableId,
    columns: &[Column],
    key: &[KeyPart<'_>],
    is_primary: bool,
) -> Result<Option<Vec<usize>>, Unreadable> {
    let mut indexes = Vec::with_capacity(key.len());
    for part in key {
        let Some(name) = part.column else { return Ok(None) };
        let absent = || Unreadable::KeyColumn {
            table: id.clone(),
            key: part.key.to_owned(),
            column: name.to_owned(),
        };
        let (index, column) = columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)
            .ok_or_else(absent)?;
        if !is_primary && (part.is_prefix || column.nullable) {
            return Ok(None);
        }
        indexes.push(index);
    }
    Ok(Some(indexes))
}
