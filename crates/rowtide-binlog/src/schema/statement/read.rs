//! Reads a statement as far as it takes to know what it touches.

use rowtide_event::TableId;

use super::{Class, DatabaseStatement, ShapeChange, TableStatement, ViewStatement};
use crate::schema::Session;
use crate::schema::ddl::{Head, KeyKind};
use crate::schema::sql::Cursor;

/// Tells what a statement changes.
pub fn classify(sql: &str, session: Session<'_>) -> Class {
    classified(&mut Cursor::new(sql, session))
}

/// Tells what the statement changes at whose beginning the cursor is.
pub(in crate::schema) fn classified(reader: &mut Cursor<'_>) -> Class {
    let verb = reader.word(0);
    if !reader.is_before_end() {
        // Nothing but comments: MariaDB sends such in place of events that a replica would not know.
        return Class::NotTables {
            verb,
            may_hold_secrets: false,
        };
    }
    reader.statement(&verb).unwrap_or(Class::Unknown { verb })
}

impl Cursor<'_> {
    fn statement(&mut self, verb: &str) -> Option<Class> {
        match verb {
            "CREATE" | "ALTER" | "DROP" | "RENAME" | "TRUNCATE" => self.definition(verb),
            "LOAD" if self.accept(&["LOAD", "INDEX"]) => Some(not_tables("LOAD INDEX")),
            // A SELECT is logged only if it calls a function that changes rows.
            "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "WITH" | "SELECT" => {
                Some(self.row_change(verb))
            }
            "SET" if self.accept(&["SET", "PASSWORD"]) => Some(secret("SET PASSWORD")),
            "GRANT" | "CHANGE" | "START" => Some(secret(verb)),
            _ => HARMLESS.contains(&verb).then(|| not_tables(verb)),
        }
    }

    /// CREATE, ALTER, DROP, RENAME or TRUNCATE.
    fn definition(&mut self, verb: &str) -> Option<Class> {
        match self.head() {
            Some(Head::AlterTable { table }) => self.alter_clauses(table),
            Some(head) => Some(class_of(head)),
            None if self.accept(&["RENAME", "USER"]) => Some(not_tables("RENAME USER")),
            None if matches!(verb, "RENAME" | "TRUNCATE") => None,
            None => {
                self.advance();
                self.accept(&["OR", "REPLACE"]);
                self.other_object(verb)
            }
        }
    }

    /// CREATE, ALTER or DROP of something that is no table: behind attributes such as DEFINER its kind is named.
    fn other_object(&mut self, verb: &str) -> Option<Class> {
        while self.accept_attribute() {}
        if self.accept(&["VIEW"]) {
            return self.views(verb).map(Class::Views);
        }
        let kind = self.word(0);
        let secret = matches!(kind.as_str(), "USER" | "SERVER" | "INSTANCE") && verb != "DROP";
        let class = Class::NotTables {
            verb: format!("{verb} {kind}"),
            may_hold_secrets: secret,
        };
        KINDS.contains(&kind.as_str()).then_some(class)
    }

    /// The names behind the word VIEW.
    fn views(&mut self, verb: &str) -> Option<ViewStatement> {
        let (verb, conditional) = match verb {
            "CREATE" => ("CREATE VIEW", self.accept(&["IF", "NOT", "EXISTS"])),
            "ALTER" => ("ALTER VIEW", self.accept(&["IF", "EXISTS"])),
            _ => ("DROP VIEW", self.accept(&["IF", "EXISTS"])),
        };
        let views = if verb == "DROP VIEW" {
            self.table_list()?
        } else {
            vec![self.table()?]
        };
        Some(ViewStatement {
            verb,
            views,
            conditional,
        })
    }

    /// One of the attributes between CREATE and the kind of a view or routine.
    fn accept_attribute(&mut self) -> bool {
        let words = [
            &["SQL", "SECURITY", "DEFINER"][..],
            &["SQL", "SECURITY", "INVOKER"],
            &["JSON"],
            &["RELATIONAL"],
            &["DUALITY"],
            &["MATERIALIZED"],
            &["AGGREGATE"],
            &["UNDO"],
        ];
        words.iter().any(|words| self.accept(words))
            || self.try_read(|reader| reader.assignment("ALGORITHM")).is_some()
            || self.try_read(Self::definer).is_some()
    }

    fn assignment(&mut self, word: &str) -> Option<()> {
        self.accept(&[word]).then_some(())?;
        self.accept_symbol('=').then_some(())?;
        self.advance().map(|_| ())
    }

    /// `DEFINER = user@host`, or `CURRENT_USER()`.
    fn definer(&mut self) -> Option<()> {
        self.assignment("DEFINER")?;
        if self.accept_symbol('@') {
            self.advance()?;
        } else if self.accept_symbol('(') {
            self.accept_symbol(')').then_some(())?;
        }
        Some(())
    }
}

/// Objects that hold no rows that are captured.
const KINDS: [&str; 18] = [
    "COMPONENT",
    "EVENT",
    "FUNCTION",
    "INSTANCE",
    "LIBRARY",
    "LOGFILE",
    "MASKING",
    "PACKAGE",
    "PREPARE",
    "PROCEDURE",
    "RESOURCE",
    "ROLE",
    "SEQUENCE",
    "SERVER",
    "SPATIAL",
    "TABLESPACE",
    "TRIGGER",
    "USER",
];

/// First words of statements that change neither tables nor rows, whatever follows.
const HARMLESS: [&str; 25] = [
    "ANALYZE",
    "BEGIN",
    "CACHE",
    "CHECK",
    "COMMIT",
    "DO",
    "FLUSH",
    "INSTALL",
    "KILL",
    "LOCK",
    "OPTIMIZE",
    "PURGE",
    "RELEASE",
    "REPAIR",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHUTDOWN",
    "STOP",
    "UNINSTALL",
    "UNLOCK",
    "USE",
    "XA",
];

/// The class of a statement about tables or databases, but for ALTER TABLE.
fn class_of(head: Head) -> Class {
    let table = |verb, temporary, tables, changes_shape| {
        Class::Table(TableStatement {
            verb,
            temporary,
            tables,
            renames: Vec::new(),
            changes_shape,
        })
    };
    let database = |verb, name| Class::Database(DatabaseStatement { verb, name });
    match head {
        Head::CreateTable(head) => {
            let changes_shape = if head.if_not_exists {
                ShapeChange::IfNew
            } else {
                ShapeChange::Yes
            };
            table("CREATE TABLE", head.temporary, vec![head.table], changes_shape)
        }
        Head::AlterTable { table: id } => table("ALTER TABLE", false, vec![id], ShapeChange::Yes),
        Head::DropTables { tables, temporary } => table("DROP TABLE", temporary, tables, ShapeChange::Yes),
        Head::RenameTables { renames } => renamed(renames),
        Head::TruncateTable { table: id } => table("TRUNCATE TABLE", false, vec![id], ShapeChange::No),
        Head::CreateIndex { key, table: id } => {
            table("CREATE INDEX", false, vec![id], change_by_index(key.kind))
        }
        // It may be a unique one.
        Head::DropIndex { table: id, .. } => table("DROP INDEX", false, vec![id], ShapeChange::Yes),
        Head::CreateDatabase { name, .. } => database("CREATE DATABASE", name),
        Head::AlterDatabase { name } => database("ALTER DATABASE", name),
        Head::DropDatabase { name } => database("DROP DATABASE", name),
        Head::CreateSequence { table: id, .. } => {
            table("CREATE SEQUENCE", false, vec![id], ShapeChange::IfNew)
        }
        Head::AlterSequence { table: id } => table("ALTER SEQUENCE", false, vec![id], ShapeChange::Yes),
        Head::DropSequences { tables } => table("DROP SEQUENCE", false, tables, ShapeChange::Yes),
    }
}

fn renamed(renames: Vec<(TableId, TableId)>) -> Class {
    let tables = renames
        .iter()
        .flat_map(|(from, to)| [from.clone(), to.clone()])
        .collect();
    Class::Table(TableStatement {
        verb: "RENAME TABLE",
        temporary: false,
        tables,
        renames,
        changes_shape: ShapeChange::Yes,
    })
}

fn change_by_index(kind: KeyKind) -> ShapeChange {
    if kind == KeyKind::Unique {
        ShapeChange::Yes
    } else {
        ShapeChange::No
    }
}

fn not_tables(verb: &str) -> Class {
    Class::NotTables {
        verb: verb.to_owned(),
        may_hold_secrets: false,
    }
}

fn secret(verb: &str) -> Class {
    Class::NotTables {
        verb: verb.to_owned(),
        may_hold_secrets: true,
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod dialect_tests;
