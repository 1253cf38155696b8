//! What a TABLE_MAP says of a table beside what is known of it otherwise.

use rowtide_event::{Charset, Column, ColumnType, Label, Table};

use crate::event::{MapColumn, TableMap, WireType};
use crate::server::{Flavour, ServerVersion};

/// Whether a column of the table may be of a type that the binlog does not tell from another: MariaDB logs UUID and INET
/// as BINARY, VECTOR as VARBINARY, and times in their old form without their digits of a second.
pub fn is_ambiguous(map: &TableMap<'_>, table: &Table) -> bool {
    let columns = map.columns.iter().zip(&table.columns);
    columns
        .into_iter()
        .any(|(logged, column)| may_be_another(map.written_by, logged.wire_type, &column.ty))
}

/// The table of [`table`](super::table) with what table maps do not tell as it was told otherwise: the types that [`is_ambiguous`] asks
/// for, which columns are generated, and which are hidden. `None` if what was told is another table.
pub fn completed(map: &TableMap<'_>, logged: Table, told: &Table) -> Option<Table> {
    let mut table = logged;
    let hidden = hidden_columns(map, told)?;
    table.columns.truncate(told.columns.len());
    for ((column, told), logged) in table.columns.iter_mut().zip(&told.columns).zip(&map.columns) {
        if !column.name.eq_ignore_ascii_case(&told.name) {
            return None;
        }
        column.generated = told.generated;
        if may_be_another(map.written_by, logged.wire_type, &column.ty) {
            column.ty.clone_from(&told.ty);
        }
    }
    table.hidden = hidden;
    Some(table)
}

/// Whether the table of [`table`](super::table) and a table as it is known otherwise have the same columns and the same key. Types that
/// the binlog does not tell apart count as the same. Whether a column may be NULL does not count: rows do not depend on
/// it. The table map may have [hidden](Table::hidden) columns more; where MariaDB has added one, a unique key is one of
/// hashes and so not the table's, which its statement need not have told.
pub fn agree(map: &TableMap<'_>, logged: &Table, told: &Table) -> bool {
    let same = |logged: &Column, told: &Column, wire_type: WireType| {
        logged.name.eq_ignore_ascii_case(&told.name)
            && (logged.ty == told.ty
                || differ_in_no_text(&logged.ty, &told.ty)
                || may_be_another(map.written_by, wire_type, &logged.ty)
                || are_both_utf8(map.written_by, &logged.ty, &told.ty))
    };
    let columns = logged.columns.iter().zip(&told.columns).zip(&map.columns);
    let hidden = hidden_columns(map, told);
    let has_hashes = map.written_by.flavour == Flavour::MariaDb && hidden > Some(0);
    hidden.is_some()
        && (logged.key == told.key || has_hashes)
        && columns
            .into_iter()
            .all(|((logged, told), column)| same(logged, told, column.wire_type))
}

/// The table of [`table`](super::table) with the [hidden](Table::hidden) columns of functional indexes behind all others: MySQL 8.0.13 to
/// 8.0.17 log them where they stand.
pub fn with_hidden_behind(map: &TableMap<'_>, logged: Table, told: &Table) -> Table {
    let is_mysql = map.written_by.flavour == Flavour::MySql;
    if !is_mysql || logged.columns.len() <= told.columns.len() || told.hidden == 0 {
        return logged;
    }
    let mut order: Vec<usize> = (0..logged.columns.len()).collect();
    let is_hidden = |at: &usize| {
        logged
            .columns
            .get(*at)
            .is_none_or(|column| !has_column(told, &column.name))
    };
    order.sort_by_key(is_hidden);
    let place = |was: &usize| order.iter().position(|at| at == was);
    let columns = order.iter().filter_map(|at| logged.columns.get(*at).cloned());
    Table {
        columns: columns.collect(),
        key: logged.key.iter().filter_map(place).collect(),
        ..logged
    }
}

/// Whether a server says the same of a table as is known, apart from members of ENUM and SET whose bytes are no text: servers
/// show something else in their place.
pub fn says_the_same(known: &Table, told: &Table) -> bool {
    let same = |(known, told): (&Column, &Column)| {
        let ty = known.ty.clone();
        let as_told = Column { ty, ..told.clone() };
        (known.ty == told.ty || differ_in_no_text(&known.ty, &told.ty)) && *known == as_told
    };
    known.columns.len() == told.columns.len()
        && (&known.id, &known.key, known.hidden) == (&told.id, &told.key, told.hidden)
        && known.columns.iter().zip(&told.columns).all(same)
}

/// Whether members differ only where the bytes of the first are no text.
fn differ_in_no_text(known: &ColumnType, told: &ColumnType) -> bool {
    let (known, told) = match (known, told) {
        (ColumnType::Enum { members: known }, ColumnType::Enum { members: told })
        | (ColumnType::Set { members: known }, ColumnType::Set { members: told }) => (known, told),
        _ => return false,
    };
    let same = |(known, told): (&Label, &Label)| known == told || known.text().is_none();
    known.len() == told.len() && known.iter().zip(told).all(same)
}

/// Whether a table has a column of this name, whatever its case.
pub fn has_column(table: &Table, name: &str) -> bool {
    table
        .columns
        .iter()
        .any(|column| column.name.eq_ignore_ascii_case(name))
}

/// How many columns the binlog has behind those of a table as it is known otherwise; `None` if they are no
/// [hidden](Table::hidden) ones, or there are less than the table has.
pub fn hidden_columns(map: &TableMap<'_>, told: &Table) -> Option<usize> {
    let more = map.columns.len().checked_sub(told.columns.len())?;
    let names = map.metadata.names.as_deref().unwrap_or_default();
    let is_hidden = |(at, column): (usize, &MapColumn)| match map.written_by.flavour {
        Flavour::MySql => true,
        Flavour::MariaDb => {
            let is_hash = names.get(at).is_none_or(|name| name.starts_with("DB_ROW_HASH_"));
            is_hash && column.wire_type == WireType::LongLong
        }
    };
    let mut behind = map.columns.iter().enumerate().skip(told.columns.len());
    (more <= told.hidden && behind.all(is_hidden)).then_some(more)
}

/// Whether two shapes are the same but for columns that are utf8mb4 in one and utf8mb3 in the other, which of both MariaDB's
/// statements do not say: `utf8` is what `old_mode` of the session says, which is in no event. Their values are read alike.
pub fn differ_in_utf8(map: &TableMap<'_>, logged: &Table, told: &Table) -> bool {
    let same = |(logged, told): (&Column, &Column)| {
        logged.name == told.name
            && logged.nullable == told.nullable
            && (logged.ty == told.ty || are_both_utf8(map.written_by, &logged.ty, &told.ty))
    };
    logged.columns.len() == told.columns.len()
        && logged.key == told.key
        && logged.columns.iter().zip(&told.columns).all(same)
}

fn are_both_utf8(server: ServerVersion, a: &ColumnType, b: &ColumnType) -> bool {
    let is_utf8 = |ty: &ColumnType| {
        matches!(
            ty,
            ColumnType::Text {
                charset: Charset::Utf8 | Charset::Utf8Mb3
            }
        )
    };
    server.flavour == Flavour::MariaDb && is_utf8(a) && is_utf8(b)
}

pub(super) fn may_be_another(server: ServerVersion, wire: WireType, ty: &ColumnType) -> bool {
    if server.flavour != Flavour::MariaDb {
        return false;
    }
    match (wire, ty) {
        (WireType::Char(16), ColumnType::Binary { .. }) => true,
        (WireType::Char(4), ColumnType::Binary { .. }) => server.is_at_least(10, 10, 0),
        (WireType::VarChar(bytes), ColumnType::Blob) => {
            server.is_at_least(11, 7, 0) && bytes > 0 && bytes % 4 == 0
        }
        (WireType::OldTime | WireType::OldDateTime | WireType::OldTimestamp, _) => true,
        _ => false,
    }
}
