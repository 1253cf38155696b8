//! The text of a table: a CREATE TABLE as SHOW CREATE TABLE gives it, from which the same table is read again.
//!
//! What SQL cannot say, or means otherwise where other settings were in force, stands in comments that only
//! [`Session::of_definition`](crate::schema::Session::of_definition) reads:
//!
//! | comment | where | what it says |
//! |---|---|---|
//! | `/*R! DECLARED type */` | behind a type | how the type was written; members of ENUM and SET as strings that hold them with their quotes |
//! | `/*R! NO DEFAULT */` | among the attributes of a column | it has no default, not even NULL |
//! | `/*R! WRITTEN 'text' [NO_BACKSLASH_ESCAPES] */` | behind a default | how the literal was written |
//! | `/*R! EXPRESSION 'text' */` | between parentheses | the expression, where its own text would be read otherwise |
//! | `/*R! FOREIGN */` | behind a key | a foreign key made it, and it goes when another serves |
//! | `/*R! ENGINE=OTHER */` | behind the table's options | its storage engine is neither InnoDB nor MEMORY |
//! | `/*R! UNLESS VIEW */` | behind the table's options | there may be a view in its place |
//!
//! Expressions in keys are not kept: they are shown as an empty pair of parentheses with a comment in it. Nor are
//! other engines, partitions, checks, references of foreign keys and other options: they change neither columns nor keys.

mod column;
mod mark;
mod type_text;

use super::column_type::quoted;
use super::key::{Key, KeyPart, PRIMARY};
use super::table::{Engine, Generation, Period, TrackedTable};
use crate::schema::ddl::KeyKind;
use mark::{by_flavour, mark};

impl TrackedTable {
    /// The table as SQL: given to [`SchemaTracker::apply`](super::SchemaTracker::apply) in
    /// [`Session::of_definition`](crate::schema::Session::of_definition) of its database, it makes an equal table, whatever is known of the database.
    pub fn definition(&self) -> String {
        let mut lines: Vec<String> = self
            .columns
            .iter()
            .map(|column| column::line(column, &self.collation))
            .collect();
        lines.extend(self.keys.iter().map(|key| key_line(key, self.period.as_deref())));
        lines.extend(self.system_period());
        lines.extend(self.own_period());
        let mut sql = format!("CREATE TABLE {}", name(&self.id.table));
        if !lines.is_empty() {
            sql += &format!(" (\n  {}\n)", lines.join(",\n  "));
        }
        sql + &self.options()
    }

    /// The period of MariaDB's system versioning, where its columns are shown.
    fn system_period(&self) -> Option<String> {
        let end = |generation: Generation| {
            let mut columns = self.columns.iter();
            columns.find(|column| column.generation == generation)
        };
        let (start, end) = (end(Generation::RowStart)?, end(Generation::RowEnd)?);
        Some(period_line("SYSTEM_TIME", &start.name, &end.name))
    }

    fn own_period(&self) -> Option<String> {
        let period = self.period.as_ref()?;
        Some(period_line(&name(&period.name), &period.from, &period.to))
    }

    fn options(&self) -> String {
        let (charset, collation) = (self.collation.charset().name(), &self.collation);
        let mut sql = format!(" DEFAULT CHARSET={charset} COLLATE={collation}");
        if !self.comment.is_empty() {
            sql += &format!(" COMMENT={}", quoted(&self.comment));
        }
        if self.system_versioned {
            sql += " WITH SYSTEM VERSIONING";
        }
        if self.is_sequence {
            sql += " SEQUENCE=1";
        }
        match self.engine {
            Engine::Usual => {}
            Engine::Memory => sql += " ENGINE=MEMORY",
            Engine::Other => sql += &mark("ENGINE=OTHER"),
        }
        if self.may_be_view {
            sql += &mark("UNLESS VIEW");
        }
        sql
    }
}

fn period_line(period: &str, from: &str, to: &str) -> String {
    format!("PERIOD FOR {period} ({}, {})", name(from), name(to))
}

fn key_line(key: &Key, period: Option<&Period>) -> String {
    let kind = match key.kind {
        KeyKind::Primary => "PRIMARY KEY",
        KeyKind::Unique => "UNIQUE KEY",
        KeyKind::Plain | KeyKind::Foreign => "KEY",
        KeyKind::FullText => "FULLTEXT KEY",
        KeyKind::Spatial => "SPATIAL KEY",
        KeyKind::Vector => "VECTOR KEY",
    };
    let mut sql = kind.to_owned();
    if key.kind != KeyKind::Primary || *key.name != *PRIMARY {
        sql += &format!(" {}", name(&key.name));
    }
    sql += &format!(" ({})", parts(key, period).join(","));
    if key.hash {
        sql += " USING HASH";
    }
    if key.invisible {
        sql += &by_flavour("INVISIBLE", "IGNORED");
    }
    if key.kind == KeyKind::Foreign {
        sql += &mark("FOREIGN");
    }
    sql
}

fn parts(key: &Key, period: Option<&Period>) -> Vec<String> {
    let period = period.filter(|_| key.without_overlaps);
    let own = period.map_or(key.parts.len(), |_| key.before_period());
    let period = period.map(|period| format!("{} WITHOUT OVERLAPS", name(&period.name)));
    key.parts.iter().take(own).map(part).chain(period).collect()
}

fn part(part: &KeyPart) -> String {
    let mut sql = match &part.column {
        Some(column) => name(column),
        None => "(/* expression */)".to_owned(),
    };
    if let Some(prefix) = part.prefix {
        sql += &format!("({prefix})");
    }
    if part.descending {
        sql += " DESC";
    }
    sql
}

/// A name in backquotes.
fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod any;
#[cfg(test)]
mod tests;
