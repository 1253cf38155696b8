//! What an ALTER TABLE makes of a table.

use rowtide_event::Charset;
use smol_str::SmolStr;

use super::collation::Collation;
use super::create::{column, resolved, settle_timestamps, table_comment};
use super::data_type::DataType;
use super::error::Reason;
use super::key::{Key, KeyPart, PRIMARY, add_keys, add_row_ends, is_part, length, make_not_null, sort_old};
use super::table::{Engine, Period, TrackedColumn, TrackedTable, same_name, shared};
use crate::schema::Session;
use crate::schema::ddl::{CharsetSpec, Clause, ColumnSpec, DefaultValue, KeyKind, KeySpec, Place};

/// The collations of databases that a statement may mean by DEFAULT, as far as they are known.
#[derive(Clone, Copy)]
pub(super) struct Databases<'a> {
    /// Of the table's own.
    pub(super) own: Option<&'a Collation>,
    /// Of the one the statement ran in: it is the one that CONVERT TO means.
    pub(super) current: Option<&'a Collation>,
}

/// The table after all clauses of one ALTER TABLE, which take effect together: names in them are those of before, but
/// for AFTER. A new name of the table is not in it.
///
/// The steps are the server's own (`mysql_prepare_alter_table` in its sql_table.cc).
pub(super) fn altered(
    table: &TrackedTable,
    clauses: &[Clause],
    databases: Databases<'_>,
    session: &Session<'_>,
) -> Result<TrackedTable, Reason> {
    let mut next = table.clone();
    next.may_be_view = false;
    set_options(&mut next, clauses, databases, session)?;
    let is_moved =
        table.engine != next.engine && (table.engine == Engine::Memory || next.engine == Engine::Memory);
    if session.is_mariadb() && is_moved && table.keys.iter().any(|key| key.hash) {
        return Err(Reason::Engine(table.id.clone()));
    }
    let columns = Columns {
        table,
        collation: &next.collation,
        clauses,
        session,
    };
    let slots = columns.slots()?;
    next.keys = remaining_keys(table, clauses, &slots)?;
    if let Some(period) = &mut next.period {
        rename_ends(period, &slots);
    }
    next.columns = slots.into_iter().map(|slot| slot.column).collect();
    if has_generated_key(table, session) {
        // It stays before all others, whatever FIRST says.
        next.columns
            .sort_by_key(|column| !same_name(&column.name, GENERATED_KEY));
    }
    for clause in clauses {
        if let Clause::AddPeriod(spec) = clause {
            if spec.if_not_exists && next.period.is_some() {
                continue;
            }
            let period = Period::of(spec);
            period.settle(&mut next.columns);
            next.period = Some(Box::new(period));
        }
    }
    let is_new = |column: &TrackedColumn| is_defined(column, clauses);
    settle_timestamps(&mut next.columns, is_new, session);
    add_new_keys(&mut next, clauses, session);
    keep_same_keys(&mut next, table, clauses, session)?;
    convert(&mut next, clauses, databases, session)?;
    Ok(next)
}

/// The column of the primary key that MySQL makes for a table without one.
const GENERATED_KEY: &str = "my_row_id";

/// Whether the table has a primary key that MySQL has made (`sql_generate_invisible_primary_key`).
fn has_generated_key(table: &TrackedTable, session: &Session<'_>) -> bool {
    let is_generated =
        |column: &TrackedColumn| same_name(&column.name, GENERATED_KEY) && column.auto_increment;
    let is_primary = |key: &Key| match key.parts.as_slice() {
        [part] => part
            .column
            .as_deref()
            .is_some_and(|name| same_name(name, GENERATED_KEY)),
        _ => false,
    };
    !session.is_mariadb()
        && table.columns.first().is_some_and(is_generated)
        && table.key(PRIMARY).is_some_and(is_primary)
}

/// Whether a clause defines the column anew.
fn is_defined(column: &TrackedColumn, clauses: &[Clause]) -> bool {
    clauses.iter().any(|clause| match clause {
        Clause::AddColumn { column: spec, .. } | Clause::ChangeColumn { column: spec, .. } => {
            same_name(&spec.name, &column.name)
        }
        _ => false,
    })
}

/// Options of the table as a whole.
fn set_options(
    next: &mut TrackedTable,
    clauses: &[Clause],
    databases: Databases<'_>,
    session: &Session<'_>,
) -> Result<(), Reason> {
    for clause in clauses {
        match clause {
            Clause::Options(options) => {
                if let Some(collation) = resolved(&options.charset, databases.own, session)? {
                    next.collation = collation;
                }
                if let Some(comment) = &options.comment {
                    next.comment = table_comment(comment);
                }
                next.system_versioned |= options.versioned;
                next.is_sequence = options.sequence.unwrap_or(next.is_sequence);
                next.engine = options.engine.as_deref().map_or(next.engine, Engine::named);
            }
            // MariaDB's tables keep what CHARACTER SET says beside it.
            Clause::ConvertCharset(_) if session.is_mariadb() && names_charset(clauses) => {}
            Clause::ConvertCharset(charset) => {
                next.collation = converted_to(charset, databases, session, next)?;
            }
            Clause::DropPeriod(name) => {
                next.period = next.period.take().filter(|period| !same_name(&period.name, name));
            }
            Clause::AddSystemVersioning => next.system_versioned = true,
            Clause::DropSystemVersioning => next.system_versioned = false,
            _ => {}
        }
    }
    Ok(())
}

fn names_charset(clauses: &[Clause]) -> bool {
    clauses.iter().any(|clause| match clause {
        Clause::Options(options) => options.charset != CharsetSpec::default(),
        _ => false,
    })
}

fn converted_to(
    charset: &CharsetSpec,
    databases: Databases<'_>,
    session: &Session<'_>,
    table: &TrackedTable,
) -> Result<Collation, Reason> {
    // MariaDB means the database of the table.
    let database = if session.is_mariadb() {
        databases.own
    } else {
        databases.current
    };
    resolved(charset, database, session)?.ok_or_else(|| Reason::Database(table.id.database.clone()))
}

/// CONVERT TO CHARACTER SET: all text of the table, but not what is bytes.
fn convert(
    next: &mut TrackedTable,
    clauses: &[Clause],
    databases: Databases<'_>,
    session: &Session<'_>,
) -> Result<(), Reason> {
    for clause in clauses {
        let Clause::ConvertCharset(charset) = clause else {
            continue;
        };
        let collation = converted_to(charset, databases, session, next)?;
        for column in &mut next.columns {
            let is_text = |collation: &Collation| collation.charset() != Charset::Binary;
            let Some(from) = column.collation.clone().filter(is_text) else {
                continue;
            };
            column.data_type = match &column.data_type {
                // The members of a column that the statement defines are read in the new character set at once.
                DataType::Enum(_) | DataType::Set(_) if is_defined(column, clauses) => {
                    column.data_type.clone()
                }
                data_type => data_type.converted(from.charset(), collation.charset(), session)?,
            };
            let is_binary = column.declared.binary && is_defined(column, clauses);
            column.collation = column.data_type.is_text().then(|| match is_binary {
                true => Collation::binary_of(collation.charset()),
                false => collation.clone(),
            });
        }
    }
    Ok(())
}

/// A column of the new table, and its name in the old one.
struct Slot {
    old: Option<SmolStr>,
    column: TrackedColumn,
}

/// How the new list of columns is made.
struct Columns<'a> {
    table: &'a TrackedTable,
    /// Of the new table.
    collation: &'a Collation,
    clauses: &'a [Clause],
    session: &'a Session<'a>,
}

impl Columns<'_> {
    fn slots(&self) -> Result<Vec<Slot>, Reason> {
        self.check_names()?;
        let mut slots = Vec::with_capacity(self.table.columns.len());
        for old in &self.table.columns {
            slots.extend(self.kept(old)?);
        }
        for clause in self.clauses {
            self.place(clause, &mut slots)?;
        }
        Ok(slots)
    }

    /// The columns that clauses name must be there.
    fn check_names(&self) -> Result<(), Reason> {
        for clause in self.clauses {
            let (name, if_exists) = match clause {
                Clause::ChangeColumn { column, .. } if self.adds(&column.name) => continue,
                Clause::SetDefault { name, .. } if self.adds(name) => continue,
                Clause::ChangeColumn { old, if_exists, .. } | Clause::RenameColumn { old, if_exists, .. } => {
                    (old, *if_exists)
                }
                Clause::DropColumn { name, if_exists } | Clause::SetDefault { name, if_exists, .. } => {
                    (name, *if_exists)
                }
                Clause::SetInvisible { name, .. } => (name, false),
                _ => continue,
            };
            if !if_exists && self.table.column(name).is_none() {
                return Err(self.no_column(name));
            }
        }
        Ok(())
    }

    /// Whether the statement adds a column, which on MariaDB it may then change too.
    fn adds(&self, name: &str) -> bool {
        let is_it = |clause: &Clause| matches!(clause, Clause::AddColumn { column, .. } if same_name(&column.name, name));
        self.session.is_mariadb() && self.clauses.iter().any(is_it)
    }

    fn no_column(&self, name: &str) -> Reason {
        Reason::Column {
            table: self.table.id.clone(),
            column: name.to_owned(),
        }
    }

    /// What becomes of an old column in its place: nothing if it is dropped. One that goes elsewhere stays until its own
    /// clause is reached, so that clauses before it can name it behind AFTER.
    fn kept(&self, old: &TrackedColumn) -> Result<Option<Slot>, Reason> {
        let mut slot = Slot {
            old: Some(old.name.clone()),
            column: old.clone(),
        };
        for clause in self.clauses {
            match clause {
                Clause::DropColumn { name, .. } if same_name(name, &old.name) => return Ok(None),
                Clause::ChangeColumn {
                    old: name,
                    column: spec,
                    ..
                } if same_name(name, &old.name) => {
                    slot.column = self.defined(spec)?;
                }
                Clause::RenameColumn { old: name, new, .. } if same_name(name, &old.name) => {
                    slot.column.name = new.as_str().into();
                }
                Clause::SetDefault { name, default, .. } if same_name(name, &old.name) => {
                    set_default(&mut slot.column, default.as_ref());
                }
                Clause::SetInvisible { name, invisible } if same_name(name, &old.name) => {
                    slot.column.invisible = *invisible;
                }
                _ => {}
            }
        }
        Ok(Some(slot))
    }

    fn defined(&self, spec: &ColumnSpec) -> Result<TrackedColumn, Reason> {
        column(spec, self.collation, self.session)
    }

    /// Puts a new or moved column in its place.
    fn place(&self, clause: &Clause, slots: &mut Vec<Slot>) -> Result<(), Reason> {
        let (old, spec, place) = match clause {
            Clause::AddColumn {
                column,
                place,
                if_not_exists,
            } => {
                if slots
                    .iter()
                    .any(|slot| same_name(&slot.column.name, &column.name))
                {
                    return if *if_not_exists {
                        Ok(())
                    } else {
                        Err(self.column_exists(&column.name))
                    };
                }
                (None, column, place)
            }
            Clause::ChangeColumn {
                old, column, place, ..
            } => match self.table.column(old) {
                Some(_) if *place == Place::Unsaid => return Ok(()),
                Some(old) => {
                    slots.retain(|slot| slot.old.as_ref() != Some(&old.name));
                    (Some(old.name.clone()), column, place)
                }
                None if self.adds(&column.name) => {
                    slots.retain(|slot| slot.old.is_some() || !same_name(&slot.column.name, &column.name));
                    (None, column, place)
                }
                None => return Ok(()),
            },
            Clause::SetDefault { name, default, .. } if self.adds(name) => {
                let added = slots.iter_mut().filter(|slot| slot.old.is_none());
                added
                    .filter(|slot| same_name(&slot.column.name, name))
                    .for_each(|slot| set_default(&mut slot.column, default.as_ref()));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let at = match place {
            Place::Unsaid => slots.len(),
            Place::First => 0,
            Place::After(name) => {
                let before = slots.iter().position(|slot| same_name(&slot.column.name, name));
                before.ok_or_else(|| self.no_column(name))?.saturating_add(1)
            }
        };
        let column = self.defined(spec)?;
        slots.insert(at, Slot { old, column });
        Ok(())
    }

    fn column_exists(&self, name: &str) -> Reason {
        Reason::ColumnExists {
            table: self.table.id.clone(),
            column: name.to_owned(),
        }
    }
}

/// A period follows the new names of its columns.
fn rename_ends(period: &mut Period, slots: &[Slot]) {
    for end in [&mut period.from, &mut period.to] {
        let is_it = |slot: &&Slot| slot.old.as_deref().is_some_and(|old| same_name(old, end));
        if let Some(slot) = slots.iter().find(is_it) {
            *end = (*slot.column.name).into();
        }
    }
}

/// SET DEFAULT and DROP DEFAULT. Without its default, a nullable column has not even NULL.
fn set_default(column: &mut TrackedColumn, default: Option<&DefaultValue>) {
    column.default = default.cloned().map(shared);
}

/// The old keys that are left, under their new names and with the new names of their columns.
fn remaining_keys(table: &TrackedTable, clauses: &[Clause], slots: &[Slot]) -> Result<Vec<Key>, Reason> {
    check_keys(table, clauses)?;
    let mut keys = Vec::with_capacity(table.keys.len());
    for key in &table.keys {
        if clauses.iter().any(|clause| drops_key(clause, key)) {
            continue;
        }
        let mut key = key.clone();
        key.parts.retain_mut(|part| remains(part, table, slots));
        for clause in clauses {
            change_key(clause, &mut key);
        }
        if !key.parts.is_empty() {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Whether a part of a key is left, and what it has become: one whose column is dropped is of a new one of that name.
fn remains(part: &mut KeyPart, table: &TrackedTable, slots: &[Slot]) -> bool {
    let Some(name) = part.column.as_deref() else {
        return true;
    };
    let is_it = |slot: &&Slot| same_name(slot.old.as_deref().unwrap_or(&slot.column.name), name);
    let Some(slot) = slots.iter().find(is_it) else {
        return false;
    };
    if slot.old.is_none() {
        // The server takes as much of the new column as there was of the old one.
        let whole = table.column(name).and_then(length);
        part.prefix = part
            .prefix
            .or(whole.and_then(|length| u32::try_from(length).ok()));
    }
    part.prefix = part.prefix.filter(|prefix| is_part(&slot.column, *prefix));
    part.column = Some(slot.column.name.clone());
    true
}

/// The keys that clauses name must be there.
fn check_keys(table: &TrackedTable, clauses: &[Clause]) -> Result<(), Reason> {
    for clause in clauses {
        let name = match clause {
            Clause::DropPrimaryKey => PRIMARY,
            Clause::DropKey {
                name,
                if_exists: false,
            }
            | Clause::RenameKey { old: name, .. } => name,
            _ => continue,
        };
        if table.key(name).is_none() {
            return Err(Reason::Key {
                table: table.id.clone(),
                key: name.to_owned(),
            });
        }
    }
    Ok(())
}

fn drops_key(clause: &Clause, key: &Key) -> bool {
    match clause {
        Clause::DropPrimaryKey => key.kind == KeyKind::Primary,
        Clause::DropKey { name, .. } => same_name(name, &key.name),
        Clause::AddKey(spec) if spec.or_replace => spec
            .name
            .as_deref()
            .is_some_and(|name| same_name(name, &key.name)),
        // A foreign key of the same name is dropped and not the key that it has made.
        Clause::DropConstraint(name) => {
            let is_constraint = matches!(key.kind, KeyKind::Primary | KeyKind::Unique);
            is_constraint && same_name(name, &key.name)
        }
        _ => false,
    }
}

fn change_key(clause: &Clause, key: &mut Key) {
    match clause {
        Clause::RenameKey { old, new } if same_name(old, &key.name) => {
            key.name = new.as_str().into();
            // It belongs to whoever gave it a name.
            if key.kind == KeyKind::Foreign {
                key.kind = KeyKind::Plain;
            }
        }
        Clause::SetKeyInvisible { name, invisible } if same_name(name, &key.name) => {
            key.invisible = *invisible
        }
        _ => {}
    }
}

/// MySQL does nothing where all keys that are dropped are added again as they were and nothing else is asked for: they
/// stay in their order, on which the table's key depends. With `old_alter_table` it makes the table anew: from 8.0 on, the
/// event tells so of InnoDB's tables.
fn keep_same_keys(
    next: &mut TrackedTable,
    table: &TrackedTable,
    clauses: &[Clause],
    session: &Session<'_>,
) -> Result<(), Reason> {
    let of_keys = |clause: &Clause| {
        matches!(
            clause,
            Clause::AddKey(_) | Clause::DropKey { .. } | Clause::DropPrimaryKey
        )
    };
    let same = next.keys.len() == table.keys.len() && next.keys.iter().all(|key| table.keys.contains(key));
    let may_be_nothing = !session.is_mariadb() && same && clauses.iter().all(of_keys);
    if !may_be_nothing || session.changed_dictionary {
        return Ok(());
    }
    let unique = |keys: &[Key]| -> Vec<SmolStr> {
        let unique = keys.iter().filter(|key| key.is_unique());
        unique.map(|key| key.name.clone()).collect()
    };
    let is_told = session.logs_changes_of_dictionary() && table.engine == Engine::Usual;
    if !is_told && unique(&next.keys) != unique(&table.keys) {
        return Err(Reason::KeyOrder(table.id.clone()));
    }
    next.keys.clone_from(&table.keys);
    Ok(())
}

/// Adds the keys of ADD KEY and those that stand in the definitions of columns, as they follow each other.
fn add_new_keys(next: &mut TrackedTable, clauses: &[Clause], session: &Session<'_>) {
    let mut specs: Vec<KeySpec> = Vec::new();
    for clause in clauses {
        let (keys, if_not_exists) = match clause {
            Clause::AddKey(key) => (std::slice::from_ref(key), key.if_not_exists),
            // Where the column is there already, its keys are added all the same.
            Clause::AddColumn {
                column,
                if_not_exists,
                ..
            } => (&column.keys[..], *if_not_exists),
            Clause::ChangeColumn { column, .. } => (&column.keys[..], false),
            _ => continue,
        };
        for key in keys {
            if !if_not_exists || !is_taken(key, next, &specs) {
                specs.push(key.clone());
            }
        }
    }
    keep_primary_not_null(next);
    let (keys, period) = (&mut next.keys, next.period.as_deref());
    if specs.is_empty() && session.is_mariadb() {
        add_row_ends(keys, &next.columns);
        sort_old(keys, &next.columns, next.engine, session);
    } else {
        add_keys(keys, &specs, &mut next.columns, period, next.engine, session);
    }
}

/// Whether a key of the same name is there or is added. One without a name counts as one named after its first column
/// (`handle_if_exists_options` in MariaDB's sql_table.cc).
fn is_taken(key: &KeySpec, next: &TrackedTable, specs: &[KeySpec]) -> bool {
    let name = match key.kind {
        KeyKind::Primary => Some(PRIMARY),
        _ => key
            .name
            .as_deref()
            .or(key.parts.first().and_then(|part| part.column.as_deref())),
    };
    let Some(name) = name else {
        return false;
    };
    let is_it = |other: &KeySpec| other.name.as_deref().is_some_and(|other| same_name(other, name));
    next.key(name).is_some() || specs.iter().any(is_it)
}

/// A column of the primary key that was defined anew is still not nullable.
fn keep_primary_not_null(next: &mut TrackedTable) {
    let TrackedTable { keys, columns, .. } = next;
    let primary = keys.iter().filter(|key| key.kind == KeyKind::Primary);
    for name in primary
        .flat_map(|key| &key.parts)
        .filter_map(|part| part.column.as_deref())
    {
        for column in columns.iter_mut().filter(|column| same_name(&column.name, name)) {
            make_not_null(column);
        }
    }
}
