//! What a CREATE TABLE makes.

use std::sync::Arc;

use rowtide_event::Charset;

use super::collation::Collation;
use super::data_type::DataType;
use super::error::Reason;
use super::key::{Key, add_keys, make_not_null, shown_keys};
use super::table::{
    ColumnAttributes, Declared, Engine, Generation, Period, TrackedColumn, TrackedTable, same_name, shared,
};
use crate::schema::Session;
use crate::schema::ddl::{
    CharsetSpec, ColumnSpec, CreateTable, DefaultValue, Generated, Literal, MemberValue, PeriodSpec,
    TypeName, TypeSpec,
};
use crate::schema::statement::redacted_comment;

/// The table that a CREATE TABLE with columns makes, in a database of this collation.
pub(super) fn created(
    create: &CreateTable,
    database: Option<&Collation>,
    session: &Session<'_>,
) -> Result<TrackedTable, Reason> {
    let id = create.head.table.clone();
    let collation = match resolved(&create.options.charset, database, session)? {
        Some(collation) => collation,
        // SHOW CREATE TABLE leaves it out of a sequence, which has no text.
        None if create.options.sequence == Some(true) && database.is_none() => {
            Collation::binary_of(Charset::Binary)
        }
        None => database
            .cloned()
            .ok_or_else(|| Reason::Database(id.database.clone()))?,
    };
    let mut columns = create
        .columns
        .iter()
        .map(|spec| column(spec, &collation, session))
        .collect::<Result<Vec<_>, _>>()?;
    settle_timestamps(&mut columns, |_| true, session);
    let period = create.period.as_ref().map(|spec| Box::new(Period::of(spec)));
    let engine = create
        .options
        .engine
        .as_deref()
        .map(Engine::named)
        .unwrap_or_default();
    let keys = if session.is_definition {
        shown_keys(&create.keys, &columns, period.as_deref(), session)
    } else {
        made_keys(create, &mut columns, period.as_deref(), engine, session)
    };
    Ok(TrackedTable {
        id,
        collation,
        comment: table_comment(create.options.comment.as_deref().unwrap_or_default()),
        columns,
        keys,
        period,
        system_versioned: is_versioned(create),
        is_sequence: create.options.sequence == Some(true),
        engine,
        may_be_view: create.options.may_be_view,
    })
}

/// The keys of a statement, and what follows from them for columns.
fn made_keys(
    create: &CreateTable,
    columns: &mut [TrackedColumn],
    period: Option<&Period>,
    engine: Engine,
    session: &Session<'_>,
) -> Vec<Key> {
    if let Some(period) = period {
        period.settle(columns);
    }
    let mut keys = Vec::new();
    add_keys(&mut keys, &create.keys, columns, period, engine, session);
    keys
}

impl Period {
    pub(super) fn of(spec: &PeriodSpec) -> Self {
        Self {
            name: spec.name.as_str().into(),
            from: spec.from.as_str().into(),
            to: spec.to.as_str().into(),
        }
    }

    /// Its columns cannot be NULL.
    pub(super) fn settle(&self, columns: &mut [TrackedColumn]) {
        for column in columns {
            if same_name(&column.name, &self.from) || same_name(&column.name, &self.to) {
                make_not_null(column);
            }
        }
    }
}

/// Characters of a column's comment that servers keep, where `sql_mode` is not strict.
const COLUMN_COMMENT: usize = 1024;
/// Characters of a table's comment that they keep.
const TABLE_COMMENT: usize = 2048;

/// What is kept of a table's comment.
pub(super) fn table_comment(comment: &str) -> Box<str> {
    cut(redacted_comment(comment), TABLE_COMMENT).into()
}

/// The first so many characters.
fn cut(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map(|(at, _)| at);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// A table is system-versioned if it says so, or if one of its columns does.
fn is_versioned(create: &CreateTable) -> bool {
    create.options.versioned || create.columns.iter().any(|column| column.versioned == Some(true))
}

/// The collation that was named for a table or database; `None` if none was.
pub(super) fn resolved(
    spec: &CharsetSpec,
    database: Option<&Collation>,
    session: &Session<'_>,
) -> Result<Option<Collation>, Reason> {
    let is_default = |name: Option<&str>| name.is_none_or(|name| name == "default");
    let says_nothing = spec.charset.is_none() && spec.collation.is_none();
    if !says_nothing && is_default(spec.charset.as_deref()) && is_default(spec.collation.as_deref()) {
        // MariaDB takes over the character set alone; COLLATE DEFAULT looks up what is meant with it.
        let of_charset = |database: &Collation| match spec.collation {
            Some(_) => Collation::default_of(database.charset(), session),
            None => Collation::built_in(database.charset()),
        };
        return Ok(if session.is_mariadb() {
            database.map(of_charset)
        } else {
            database.cloned()
        });
    }
    let named = spec.charset.as_deref().filter(|name| *name != "default");
    let charset = named.map(|name| charset_of(name, session)).transpose()?;
    if let Some(name) = spec.collation.as_deref().filter(|name| *name != "default") {
        let context = charset
            .or(database.map(Collation::charset))
            .unwrap_or(Charset::Utf8);
        return collation_of(name, context, session).map(Some);
    }
    Ok(charset.map(|charset| Collation::default_of(charset, session)))
}

fn charset_of(name: &str, session: &Session<'_>) -> Result<Charset, Reason> {
    if name == "utf8" && session.utf8_is_utf8mb4 {
        return Ok(Charset::Utf8);
    }
    Charset::from_name(name).ok_or_else(|| Reason::Charset(name.to_owned()))
}

fn collation_of(name: &str, context: Charset, session: &Session<'_>) -> Result<Collation, Reason> {
    let collation = match name.strip_prefix("utf8_") {
        Some(rest) if session.utf8_is_utf8mb4 => Collation::from_name(&format!("utf8mb4_{rest}")),
        _ => Collation::in_context(name, context),
    };
    collation.ok_or_else(|| Reason::Charset(name.to_owned()))
}

/// The collation of a column's text, in a table of this one.
fn text_collation(spec: &TypeSpec, table: &Collation, session: &Session<'_>) -> Result<Collation, Reason> {
    if spec.name == TypeName::Json {
        return Ok(Collation::binary_of(Charset::Utf8));
    }
    let named = match spec.charset.charset.as_deref() {
        Some(name) => Some(charset_of(name, session)?),
        None => spec.name.is_national().then_some(Charset::Utf8Mb3),
    };
    if spec.charset.collation.as_deref() == Some("default") {
        return Ok(Collation::default_of(named.unwrap_or(table.charset()), session));
    }
    if let Some(name) = spec.charset.collation.as_deref() {
        let collation = collation_of(name, named.unwrap_or(table.charset()), session)?;
        // On MySQL, BINARY counts for more than COLLATE; from 8.0 on, only without a character set.
        let is_weak = named.is_some() && session.server.is_at_least(8, 0, 0);
        let is_binary = spec.charset.binary && !is_weak && !session.is_mariadb();
        return Ok(if is_binary {
            Collation::binary_of(collation.charset())
        } else {
            collation
        });
    }
    Ok(match (named, spec.charset.binary) {
        (Some(charset), true) => Collation::binary_of(charset),
        (Some(charset), false) => Collation::default_of(charset, session),
        (None, true) => Collation::binary_of(table.charset()),
        (None, false) => table.clone(),
    })
}

/// A column as its definition makes it, in a table of this collation.
pub(super) fn column(
    spec: &ColumnSpec,
    table: &Collation,
    session: &Session<'_>,
) -> Result<TrackedColumn, Reason> {
    let collation = text_collation(&spec.data_type, table, session)?;
    let data_type = DataType::of(&spec.data_type, &collation, session)?;
    let is_timestamp = matches!(data_type, DataType::Timestamp(_)) && !session.explicit_timestamp_defaults();
    let is_generated = spec.generated.is_some();
    // A definition says so.
    let counts = spec.auto_increment && !session.is_definition;
    let not_null = counts
        || matches!(spec.generated, Some(Generated::RowStart | Generated::RowEnd))
        || (is_timestamp && !(is_generated && session.is_mariadb()));
    // MySQL 5.7 makes nothing of NULL at a generated TIMESTAMP.
    let says_nothing = not_null && is_generated && is_timestamp && !session.server.is_at_least(8, 0, 0);
    let nullable = spec.nullable.filter(|_| !says_nothing).unwrap_or(!not_null);
    // On MariaDB a moment that is set by changes has a default.
    let is_set = spec.on_update.is_some() && session.is_mariadb();
    let zero = (is_set && !nullable && matches!(data_type, DataType::Timestamp(_))).then(zero_moment);
    let null = (nullable && has_null_default(&data_type, spec)).then_some(DefaultValue::Null);
    let attributes = ColumnAttributes {
        collation: data_type.is_text().then_some(collation),
        nullable,
        default: spec
            .default
            .clone()
            .filter(|default| !is_dropped(default, &data_type, session))
            .or(zero)
            .or(null)
            .filter(|_| !spec.no_default)
            .map(shared),
        auto_increment: spec.auto_increment,
        on_update: on_update(spec, &data_type, session),
        generation: generation(spec.generated.as_ref()),
        invisible: spec.invisible,
        compressed: spec.data_type.compressed,
        srid: spec.srid,
        declared: declared(spec, &data_type),
        data_type,
    };
    Ok(TrackedColumn {
        name: spec.name.as_str().into(),
        comment: cut(&spec.comment, COLUMN_COMMENT).into(),
        attributes: Arc::new(attributes),
    })
}

/// MariaDB takes as many digits as the column has, whatever was written.
fn on_update(spec: &ColumnSpec, data_type: &DataType, session: &Session<'_>) -> Option<u8> {
    match data_type {
        DataType::Timestamp(digits) | DataType::DateTime(digits)
            if session.is_mariadb() && !session.is_definition =>
        {
            spec.on_update.map(|_| *digits)
        }
        _ => spec.on_update,
    }
}

/// Of TEXT and BLOB, MySQL drops an empty default where `sql_mode` is not strict.
fn is_dropped(default: &DefaultValue, data_type: &DataType, session: &Session<'_>) -> bool {
    let is_literal = matches!(default, DefaultValue::Literal(_));
    let has_none = matches!(data_type, DataType::Text(_) | DataType::Blob(_)) && !session.is_mariadb();
    is_literal && has_none && !session.is_definition
}

/// Whether NULL is the default of a nullable column where nobody said so.
fn has_null_default(data_type: &DataType, spec: &ColumnSpec) -> bool {
    spec.generated.is_none() && !matches!(data_type, DataType::Timestamp(_) if spec.on_update.is_some())
}

fn zero_moment() -> DefaultValue {
    DefaultValue::Literal(Literal {
        written: "'0000-00-00 00:00:00'".to_owned(),
        backslash_escapes: true,
    })
}

fn generation(generated: Option<&Generated>) -> Generation {
    match generated {
        None => Generation::None,
        Some(Generated::Virtual(expression)) => Generation::Virtual(expression.as_str().into()),
        Some(Generated::Stored(expression)) => Generation::Stored(expression.as_str().into()),
        Some(Generated::RowStart) => Generation::RowStart,
        Some(Generated::RowEnd) => Generation::RowEnd,
    }
}

fn declared(spec: &ColumnSpec, data_type: &DataType) -> Declared {
    let written = &spec.data_type;
    if let Some(declared) = &written.declared {
        return declared_before(declared);
    }
    let meant = match data_type {
        DataType::Enum(members) | DataType::Set(members) => &members[..],
        _ => &[],
    };
    let follows = written
        .members
        .iter()
        .zip(meant)
        .all(|(written, meant)| written.written == meant.quoted());
    let as_written = || written.members.iter().map(|m| m.written.as_str().into());
    Declared {
        members: (!follows).then(|| Arc::new(as_written().collect())),
        ..without_members(written)
    }
}

/// What a definition says of it: members are what its strings mean.
fn declared_before(declared: &TypeSpec) -> Declared {
    let members = || {
        declared.members.iter().filter_map(|member| match &member.value {
            MemberValue::Text(written) => Some(written.as_str().into()),
            MemberValue::Bytes(_) => None,
        })
    };
    Declared {
        members: (!declared.members.is_empty()).then(|| Arc::new(members().collect())),
        ..without_members(declared)
    }
}

fn without_members(spec: &TypeSpec) -> Declared {
    Declared {
        name: spec.name,
        length: spec.length.and_then(|length| u32::try_from(length).ok()),
        scale: spec.scale.and_then(|scale| u8::try_from(scale).ok()),
        binary: spec.charset.binary,
        members: None,
    }
}

/// Without `explicit_defaults_for_timestamp`, the first TIMESTAMP column of a table is set to the moment of each change
/// of its row, if nothing else was said (`promote_first_timestamp_column` in the server's sql_table.cc), and others
/// have the zero moment as their default. MySQL gives no default to a column that was there
/// before.
pub(super) fn settle_timestamps(
    columns: &mut [TrackedColumn],
    is_new: impl Fn(&TrackedColumn) -> bool,
    session: &Session<'_>,
) {
    if session.explicit_timestamp_defaults() {
        return;
    }
    let timestamps = columns.iter_mut().filter_map(|column| match column.data_type {
        DataType::Timestamp(digits) => Some((column, digits)),
        _ => None,
    });
    for (at, (column, digits)) in timestamps.enumerate() {
        if column.nullable || column.default.is_some() || column.generation != Generation::None {
            continue;
        }
        let is_set = at == 0 && column.on_update.is_none();
        let is_new = is_new(column);
        // MySQL logs the setting only with statements that define a TIMESTAMP.
        if !is_new && session.explicit_defaults_for_timestamp.is_none() {
            continue;
        }
        if is_set {
            column.on_update = Some(digits);
        }
        if is_new || (is_set && session.is_mariadb()) {
            let default = if is_set {
                DefaultValue::Now(digits)
            } else {
                zero_moment()
            };
            column.default = Some(shared(default));
        }
    }
}
