//! Keys of tables: their names, their order, and what becomes of them when columns change.

use rowtide_event::{Charset, GeometryKind};
use smol_str::SmolStr;

use super::collation::{Collation, max_char_len};
use super::data_type::DataType;
use super::table::{Engine, Generation, Period, TrackedColumn, same_name};
use crate::schema::Session;
use crate::schema::ddl::{DefaultValue, KeyKind, KeySpec, PartSpec};

/// A key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name; `PRIMARY` for the primary key.
    pub name: SmolStr,
    /// What it is for.
    pub kind: KeyKind,
    /// Its columns.
    pub parts: Vec<KeyPart>,
    /// Whether the optimizer may not use it.
    pub invisible: bool,
    /// Whether MariaDB was told to make it one of hashes: USING HASH of a unique key. Whether it then is one depends on
    /// the storage engine.
    pub hash: bool,
    /// Whether its last two columns are the end and the start of the table's period, WITHOUT OVERLAPS.
    pub without_overlaps: bool,
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Its name; `None` for an expression.
    pub column: Option<SmolStr>,
    /// Characters or bytes, where it is only the beginning of the column.
    pub prefix: Option<u32>,
    /// Whether it is in descending order.
    pub descending: bool,
}

/// The name of every primary key.
pub(super) const PRIMARY: &str = "PRIMARY";

impl Key {
    fn of(spec: &KeySpec, columns: &[TrackedColumn], name: SmolStr, session: &Session<'_>) -> Self {
        let part = |part: &PartSpec| {
            let column = part.column.as_deref().and_then(|name| find(columns, name));
            KeyPart {
                column: part
                    .column
                    .as_deref()
                    .map(|name| column.map_or_else(|| name.into(), |column| column.name.clone())),
                prefix: part
                    .prefix
                    .filter(|prefix| column.is_none_or(|c| is_part(c, *prefix))),
                // Such a key has no order.
                descending: part.descending
                    && session.has_descending_keys()
                    && (spec.kind != KeyKind::Spatial || session.is_definition),
            }
        };
        Self {
            name,
            kind: spec.kind,
            parts: spec.parts.iter().map(part).collect(),
            invisible: spec.invisible,
            hash: spec.hash && session.is_mariadb() && spec.kind == KeyKind::Unique,
            without_overlaps: false,
        }
    }

    /// Adds the end of the system's period, which belongs to every unique key.
    fn add_row_end(&mut self, columns: &[TrackedColumn]) {
        let row_end = columns
            .iter()
            .find(|column| column.generation == Generation::RowEnd);
        let has = |name: &str| {
            let mut names = self.parts.iter().filter_map(|part| part.column.as_deref());
            names.any(|part| same_name(part, name))
        };
        if let Some(row_end) = row_end.filter(|column| self.is_unique() && !has(&column.name)) {
            self.parts
                .insert(self.before_period(), KeyPart::whole(&row_end.name));
        }
    }

    /// Where its columns of a period WITHOUT OVERLAPS begin; their number if it has none.
    pub(super) fn before_period(&self) -> usize {
        let of_period = if self.without_overlaps { 2 } else { 0 };
        self.parts.len().saturating_sub(of_period)
    }

    /// Adds the period that is named WITHOUT OVERLAPS.
    fn add_own_period(&mut self, spec: &KeySpec, period: Option<&Period>) {
        if let Some(period) = period.filter(|_| spec.period.is_some()) {
            let ends = [&period.to, &period.from];
            self.parts.extend(ends.map(|name| KeyPart::whole(name)));
            self.without_overlaps = true;
        }
    }

    /// Of columns that are too long for a key some servers take the beginning.
    fn add_prefixes(&mut self, columns: &[TrackedColumn], session: &Session<'_>) {
        for part in &mut self.parts {
            let column = part.column.as_deref().and_then(|name| find(columns, name));
            if let Some(column) = column {
                part.prefix = made_prefix(column, part.prefix, self.kind, session);
            }
        }
    }

    pub(super) fn is_unique(&self) -> bool {
        matches!(self.kind, KeyKind::Primary | KeyKind::Unique)
    }

    /// Whether its columns are the first of the other's.
    fn begins(&self, other: &Self) -> bool {
        let same = |(a, b): (&KeyPart, &KeyPart)| match (&a.column, &b.column) {
            (Some(a), Some(c)) => b.prefix.is_none() && same_name(a, c),
            _ => false,
        };
        let is_ordered = !matches!(other.kind, KeyKind::FullText | KeyKind::Spatial | KeyKind::Vector);
        is_ordered && self.parts.len() <= other.parts.len() && self.parts.iter().zip(&other.parts).all(same)
    }
}

impl KeyPart {
    fn whole(column: &str) -> Self {
        Self {
            column: Some(column.into()),
            prefix: None,
            descending: false,
        }
    }
}

/// Bytes of a POINT in a key.
const POINT_BYTES: u32 = 25;
/// Bytes of a column in a key of MariaDB.
const LONGEST_PART: u32 = 3072;
/// Bytes of a key that every storage engine takes.
const SHORTEST_KEY: u64 = 1000;

/// What a server makes of the prefix that was written.
fn made_prefix(
    column: &TrackedColumn,
    written: Option<u32>,
    kind: KeyKind,
    session: &Session<'_>,
) -> Option<u32> {
    let is_mariadb = session.is_mariadb();
    let is_old = is_mariadb || !session.server.is_at_least(8, 0, 0);
    match &column.data_type {
        DataType::Geometry(GeometryKind::Point) if is_old && kind != KeyKind::Spatial => Some(POINT_BYTES),
        DataType::Geometry(_) if is_mariadb && kind == KeyKind::Plain => written.or(Some(LONGEST_PART)),
        // A unique key of such a column is one of hashes.
        _ if is_mariadb && matches!(kind, KeyKind::Plain | KeyKind::Foreign) => {
            let length = written.map_or_else(|| length(column), |written| Some(written.into()));
            let charset = column
                .collation
                .as_ref()
                .map_or(Charset::Binary, Collation::charset);
            let longest = u64::from(LONGEST_PART).checked_div(max_char_len(charset))?;
            let cut = length.filter(|length| *length > longest).map(|_| longest);
            let all = matches!(&column.data_type, DataType::Text(_) | DataType::Blob(_)).then_some(length);
            cut.or(all.flatten())
                .and_then(|length| u32::try_from(length).ok())
                .or(written)
        }
        _ => written,
    }
}

/// Characters or bytes of a column, where it may be long.
pub(super) fn length(column: &TrackedColumn) -> Option<u64> {
    match &column.data_type {
        DataType::Char(length)
        | DataType::VarChar(length)
        | DataType::Binary(length)
        | DataType::VarBinary(length) => Some(u64::from(*length)),
        DataType::Text(size) | DataType::Blob(size) => Some(size.bytes()),
        _ => None,
    }
}

impl Key {
    /// How many columns the server may add for it to the table, of which no statement knows: one for each
    /// expression (MySQL 8.0.13 to 8.0.17), or one for the hashes of a unique key (MariaDB).
    pub(super) fn hidden_columns(&self, columns: &[TrackedColumn]) -> usize {
        let expressions = self.parts.iter().filter(|part| part.column.is_none()).count();
        let may_be_hash = is_hashed(self, columns) || self.bytes(columns) > SHORTEST_KEY;
        let is_hash = self.kind == KeyKind::Unique && may_be_hash;
        expressions.saturating_add(usize::from(is_hash))
    }

    /// Whether MariaDB makes it a key of hashes in any storage engine.
    pub(super) fn must_be_hashes(&self, columns: &[TrackedColumn]) -> bool {
        has_whole_blob(self, columns) || self.bytes(columns) > LONGEST_PART.into()
    }

    /// Whether MariaDB makes it a key of hashes in some storage engines: where it is told to, or where it is longer than
    /// the engine's keys.
    pub(super) fn may_be_hashes(&self, columns: &[TrackedColumn]) -> bool {
        self.kind == KeyKind::Unique
            && (self.hash || self.must_be_hashes(columns) || self.bytes(columns) > SHORTEST_KEY)
    }

    /// Bytes of its columns, apart from those that are short.
    pub(super) fn bytes(&self, columns: &[TrackedColumn]) -> u64 {
        let bytes = |part: &KeyPart| {
            let column = part.column.as_deref().and_then(|name| find(columns, name))?;
            let length = match (&column.data_type, part.prefix) {
                (DataType::Char(length), None)
                | (DataType::VarChar(length), None)
                | (DataType::Binary(length), None)
                | (DataType::VarBinary(length), None) => *length,
                (_, prefix) => prefix?,
            };
            let charset = column
                .collation
                .as_ref()
                .map_or(Charset::Binary, Collation::charset);
            Some(u64::from(length).saturating_mul(max_char_len(charset)))
        };
        self.parts.iter().filter_map(bytes).sum()
    }
}

/// Whether it is one of MariaDB's unique keys of hashes, or asks to be one.
fn is_hashed(key: &Key, columns: &[TrackedColumn]) -> bool {
    key.hash || (key.is_unique() && has_whole_blob(key, columns))
}

fn has_whole_blob(key: &Key, columns: &[TrackedColumn]) -> bool {
    let is_whole_blob = |part: &KeyPart| {
        let column = part.column.as_deref().and_then(|name| find(columns, name));
        let data_type = column.map(|column| &column.data_type);
        part.prefix.is_none() && matches!(data_type, Some(DataType::Text(_) | DataType::Blob(_)))
    };
    key.parts.iter().any(is_whole_blob)
}

fn find<'a>(columns: &'a [TrackedColumn], name: &str) -> Option<&'a TrackedColumn> {
    columns.iter().find(|column| same_name(&column.name, name))
}

/// Whether so many characters or bytes are less than the whole column.
pub(super) fn is_part(column: &TrackedColumn, prefix: u32) -> bool {
    match &column.data_type {
        DataType::Char(length)
        | DataType::VarChar(length)
        | DataType::Binary(length)
        | DataType::VarBinary(length) => prefix < *length,
        _ => true,
    }
}

/// Adds keys to those that are there and puts them in order: names those without a name, and drops what foreign keys need
/// no more. Columns of a primary key cannot be NULL from then on.
pub(super) fn add_keys(
    keys: &mut Vec<Key>,
    specs: &[KeySpec],
    columns: &mut [TrackedColumn],
    period: Option<&Period>,
    engine: Engine,
    session: &Session<'_>,
) {
    let early = before_primary(keys, specs, columns);
    for spec in specs.iter().filter(|spec| spec.kind == KeyKind::Primary) {
        let names = spec.parts.iter().filter_map(|part| part.column.as_deref());
        for name in names {
            if let Some(column) = columns.iter_mut().find(|column| same_name(&column.name, name)) {
                make_not_null(column);
            }
        }
    }
    let needless = needless(keys, specs, columns, session);
    let (mut nullable, early_specs) = early;
    for (at, (spec, needless)) in specs.iter().zip(needless).enumerate() {
        if !needless {
            let name = name_of(spec, keys, columns);
            let mut key = Key::of(spec, columns, name, session);
            key.add_own_period(spec, period);
            key.add_prefixes(columns, session);
            if early_specs.contains(&at) {
                nullable.push(key.name.clone());
            }
            keys.push(key);
        }
    }
    add_row_ends(keys, columns);
    sort(keys, columns, &nullable, engine, session);
}

/// Old keys too get the end of the system's period, if it is new.
pub(super) fn add_row_ends(keys: &mut [Key], columns: &[TrackedColumn]) {
    for key in keys {
        key.add_row_end(columns);
    }
}

/// Which keys stand before the primary key that makes a column of theirs NOT NULL, old ones by name and new ones by
/// place: when the server looks at them, it is nullable.
fn before_primary(keys: &[Key], specs: &[KeySpec], columns: &[TrackedColumn]) -> (Vec<SmolStr>, Vec<usize>) {
    let Some(primary) = specs.iter().position(|spec| spec.kind == KeyKind::Primary) else {
        return (Vec::new(), Vec::new());
    };
    let is_nullable = |name: Option<&str>| {
        let column = name.and_then(|name| find(columns, name));
        column.is_some_and(|column| column.nullable)
    };
    let is_old = |key: &&Key| key.parts.iter().any(|part| is_nullable(part.column.as_deref()));
    let is_new = |spec: &KeySpec| spec.parts.iter().any(|part| is_nullable(part.column.as_deref()));
    let new = specs.iter().take(primary).enumerate();
    (
        keys.iter().filter(is_old).map(|key| key.name.clone()).collect(),
        new.filter(|(_, spec)| is_new(spec)).map(|(at, _)| at).collect(),
    )
}

/// The keys of a definition: all that it shows and no others, whole as they stand there.
pub(super) fn shown_keys(
    specs: &[KeySpec],
    columns: &[TrackedColumn],
    period: Option<&Period>,
    session: &Session<'_>,
) -> Vec<Key> {
    let mut keys = Vec::with_capacity(specs.len());
    for spec in specs {
        let name = match &spec.name {
            Some(name) => name.as_str().into(),
            None => name_of(spec, &keys, columns),
        };
        let mut key = Key::of(spec, columns, name, session);
        key.add_own_period(spec, period);
        keys.push(key);
    }
    keys
}

/// A column that was nullable only because nobody said otherwise has no default any more.
pub(super) fn make_not_null(column: &mut TrackedColumn) {
    column.nullable = false;
    let is_null = |default: &DefaultValue| *default == DefaultValue::Null;
    if column.default.as_deref().is_some_and(is_null) {
        column.default = None;
    }
}

/// Removes keys that foreign keys have made where another key now serves, and tells for which of the new keys the same
/// is true.
fn needless(
    keys: &mut Vec<Key>,
    specs: &[KeySpec],
    columns: &[TrackedColumn],
    session: &Session<'_>,
) -> Vec<bool> {
    let new: Vec<Key> = specs
        .iter()
        .map(|spec| Key::of(spec, columns, SmolStr::default(), session))
        .collect();
    let serves = |other: &Key, key: &Key, is_later: bool| {
        let is_better = other.kind != KeyKind::Foreign || other.parts.len() > key.parts.len() || !is_later;
        key.begins(other) && is_better
    };
    let needless_new = new
        .iter()
        .enumerate()
        .map(|(at, key)| {
            let by_new =
                |(other_at, other): (usize, &Key)| other_at != at && serves(other, key, other_at > at);
            key.kind == KeyKind::Foreign
                && (keys.iter().any(|other| serves(other, key, false)) || new.iter().enumerate().any(by_new))
        })
        .collect();
    keys.retain(|key| key.kind != KeyKind::Foreign || !new.iter().any(|other| serves(other, key, true)));
    needless_new
}

/// A key's name: what was written, or one made of its first column that no key before it has.
fn name_of(spec: &KeySpec, keys: &[Key], columns: &[TrackedColumn]) -> SmolStr {
    if spec.kind == KeyKind::Primary {
        return PRIMARY.into();
    }
    if let Some(name) = &spec.name {
        return name.as_str().into();
    }
    let first = spec.parts.first().and_then(|part| part.column.as_deref());
    // As the column is written, however the key writes it.
    let column = first.and_then(|name| find(columns, name));
    let base = column
        .map(|column| &*column.name)
        .or(first)
        .unwrap_or("functional_index");
    let is_free =
        |name: &str| !same_name(name, PRIMARY) && !keys.iter().any(|key| same_name(&key.name, name));
    if is_free(base) {
        return base.into();
    }
    let mut number = 2_u32;
    loop {
        let name = format!("{base}_{number}");
        if is_free(&name) || number == u32::MAX {
            return name.into();
        }
        number = number.saturating_add(1);
    }
}

/// The server's order (`sort_keys` in its sql_table.cc): the primary key, unique keys without nullable columns, those
/// of whole columns first, other unique keys, others, and FULLTEXT at the end; among the same, on MySQL, those with
/// virtual columns or expressions last; and then as they were made. Those that are named count as `nullable` whatever their
/// columns are.
fn sort(
    keys: &mut [Key],
    columns: &[TrackedColumn],
    nullable: &[SmolStr],
    engine: Engine,
    session: &Session<'_>,
) {
    let rank = |key: &Key| {
        let is_unique = key.is_unique();
        let is_partial = key.parts.iter().any(|part| part.prefix.is_some());
        (
            !is_unique,
            key.kind != KeyKind::Primary,
            comes_last(key, columns, engine, session),
            is_unique
                && !is_made_of_hashes(key, columns, engine)
                && (nullable.contains(&key.name) || has(key, columns, |column| column.nullable)),
            is_unique && is_partial,
            key.kind == KeyKind::FullText,
            !session.is_mariadb()
                && has(key, columns, |column| {
                    matches!(column.generation, Generation::Virtual(_))
                }),
        )
    };
    keys.sort_by_cached_key(rank);
}

/// What MariaDB does with keys when none is new: those of columns that have become nullable stay where they are.
pub(super) fn sort_old(keys: &mut [Key], columns: &[TrackedColumn], engine: Engine, session: &Session<'_>) {
    keys.sort_by_cached_key(|key| {
        (
            !key.is_unique(),
            key.kind != KeyKind::Primary,
            comes_last(key, columns, engine, session),
        )
    });
}

/// MariaDB's keys of hashes stand behind other unique keys.
fn comes_last(key: &Key, columns: &[TrackedColumn], engine: Engine, session: &Session<'_>) -> bool {
    session.is_mariadb() && is_made_of_hashes(key, columns, engine)
}

/// Whether it is one of MariaDB's unique keys of hashes. MEMORY has hashes of its own (`HA_CAN_HASH_KEYS`): USING HASH asks for
/// nothing else there.
fn is_made_of_hashes(key: &Key, columns: &[TrackedColumn], engine: Engine) -> bool {
    is_hashed(key, columns) && engine != Engine::Memory
}

/// Whether a column of the key is so; an expression is always.
fn has(key: &Key, columns: &[TrackedColumn], is_so: impl Fn(&TrackedColumn) -> bool) -> bool {
    key.parts.iter().any(|part| match part.column.as_deref() {
        Some(name) => find(columns, name).is_some_and(&is_so),
        None => true,
    })
}
