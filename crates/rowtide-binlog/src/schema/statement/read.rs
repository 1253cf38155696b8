//! Reads a statement as far as it takes to know what it touches.

use rowtide_event::TableId;

use super::tokens::{Kind, Tokens, tokens};
use super::{Class, DatabaseStatement, Session, ShapeChange, TableStatement};

/// Tells what a statement changes.
pub fn classify(sql: &str, session: Session<'_>) -> Class {
    let mut reader = Reader::new(sql, session);
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

/// A cursor over the tokens of a statement.
pub(super) struct Reader<'a> {
    sql: &'a str,
    session: Session<'a>,
    tokens: Tokens,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sql: &'a str, session: Session<'a>) -> Self {
        Self {
            sql,
            session,
            tokens: tokens(sql, session.sql_mode, session.flavour),
            at: 0,
        }
    }

    fn statement(&mut self, verb: &str) -> Option<Class> {
        match verb {
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop(),
            "RENAME" => self.rename(),
            "TRUNCATE" => self.truncate(),
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

    fn create(&mut self) -> Option<Class> {
        self.accept(&["CREATE"]);
        self.accept(&["OR", "REPLACE"]);
        let temporary = self.accept(&["TEMPORARY"]);
        self.accept(&["EXTERNAL"]);
        if self.accept(&["TABLE"]) {
            let change = if self.accept(&["IF", "NOT", "EXISTS"]) {
                ShapeChange::IfNew
            } else {
                ShapeChange::Yes
            };
            let table = self.table()?;
            return Some(table_class("CREATE TABLE", temporary, vec![table], change));
        }
        if self.accept_database() {
            self.accept(&["IF", "NOT", "EXISTS"]);
            return database_class("CREATE DATABASE", self.database()?);
        }
        if self.accept(&["UNIQUE", "INDEX"]) {
            return self.index("CREATE INDEX", ShapeChange::Yes);
        }
        let plain = [
            &["INDEX"][..],
            &["FULLTEXT", "INDEX"],
            &["SPATIAL", "INDEX"],
            &["VECTOR", "INDEX"],
        ];
        if plain.iter().any(|words| self.accept(words)) {
            return self.index("CREATE INDEX", ShapeChange::No);
        }
        self.other_object("CREATE")
    }

    /// What follows INDEX: `name ... ON table`
    fn index(&mut self, verb: &'static str, changes_shape: ShapeChange) -> Option<Class> {
        while !self.accept(&["ON"]) {
            self.advance()?;
        }
        let table = self.table()?;
        Some(table_class(verb, false, vec![table], changes_shape))
    }

    fn alter(&mut self) -> Option<Class> {
        self.accept(&["ALTER"]);
        self.accept(&["ONLINE"]);
        self.accept(&["IGNORE"]);
        if self.accept(&["TABLE"]) {
            self.accept(&["IF", "EXISTS"]);
            let table = self.table()?;
            self.accept_wait();
            return self.alter_clauses(table);
        }
        if self.accept_database() {
            // The name may be left out; then a word of the options is next.
            let options = [
                "CHARACTER",
                "CHARSET",
                "COLLATE",
                "COMMENT",
                "DEFAULT",
                "ENCRYPTION",
                "READ",
            ];
            let unnamed = options.iter().any(|word| self.peeks(word));
            let name = if unnamed {
                self.session.name_case.folded(self.session.database)
            } else {
                self.database()?
            };
            return database_class("ALTER DATABASE", name);
        }
        self.other_object("ALTER")
    }

    fn drop(&mut self) -> Option<Class> {
        self.accept(&["DROP"]);
        let temporary = self.accept(&["TEMPORARY"]);
        if self.accept_tables() {
            self.accept(&["IF", "EXISTS"]);
            let tables = self.table_list()?;
            return Some(table_class("DROP TABLE", temporary, tables, ShapeChange::Yes));
        }
        if self.accept_database() {
            self.accept(&["IF", "EXISTS"]);
            return database_class("DROP DATABASE", self.database()?);
        }
        if self.accept(&["INDEX"]) {
            // It may be a unique one.
            return self.index("DROP INDEX", ShapeChange::Yes);
        }
        self.other_object("DROP")
    }

    fn rename(&mut self) -> Option<Class> {
        self.accept(&["RENAME"]);
        if self.accept(&["USER"]) {
            return Some(not_tables("RENAME USER"));
        }
        if !self.accept_tables() {
            return None;
        }
        self.accept(&["IF", "EXISTS"]);
        let mut renames = vec![self.rename_pair()?];
        while self.accept_symbol(',') {
            renames.push(self.rename_pair()?);
        }
        let tables = renames
            .iter()
            .flat_map(|(from, to)| [from.clone(), to.clone()])
            .collect();
        let verb = "RENAME TABLE";
        Some(Class::Table(TableStatement {
            verb,
            temporary: false,
            tables,
            renames,
            changes_shape: ShapeChange::Yes,
        }))
    }

    fn truncate(&mut self) -> Option<Class> {
        self.accept(&["TRUNCATE"]);
        self.accept(&["TABLE"]);
        let table = self.table()?;
        Some(table_class("TRUNCATE TABLE", false, vec![table], ShapeChange::No))
    }

    /// CREATE, ALTER or DROP of something that is no table: behind attributes such as DEFINER its kind is named.
    fn other_object(&mut self, verb: &str) -> Option<Class> {
        while self.accept_attribute() {}
        let kind = self.word(0);
        let secret = matches!(kind.as_str(), "USER" | "SERVER" | "INSTANCE") && verb != "DROP";
        let class = Class::NotTables {
            verb: format!("{verb} {kind}"),
            may_hold_secrets: secret,
        };
        KINDS.contains(&kind.as_str()).then_some(class)
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
const KINDS: [&str; 19] = [
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
    "VIEW",
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

/// Single steps.
impl<'a> Reader<'a> {
    /// The word so many tokens ahead in upper case; empty if there is none.
    pub(super) fn word(&self, ahead: usize) -> String {
        self.word_ahead(ahead).unwrap_or_default().to_ascii_uppercase()
    }

    fn word_ahead(&self, ahead: usize) -> Option<&'a str> {
        let token = self.tokens.all.get(self.at.checked_add(ahead)?)?;
        self.sql
            .get(token.span.clone())
            .filter(|_| token.kind == Kind::Word)
    }

    /// Whether the next token is this word.
    pub(super) fn peeks(&self, word: &str) -> bool {
        self.word_ahead(0)
            .is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_before_end(&self) -> bool {
        self.at < self.tokens.all.len()
    }

    /// Passes over the next token.
    pub(super) fn advance(&mut self) -> Option<&Kind> {
        let token = self.tokens.all.get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(&token.kind)
    }

    /// Passes over these words if all of them are next.
    pub(super) fn accept(&mut self, words: &[&str]) -> bool {
        let fits = |(ahead, word): (usize, &&str)| {
            self.word_ahead(ahead)
                .is_some_and(|w| w.eq_ignore_ascii_case(word))
        };
        let all = words.iter().enumerate().all(fits);
        if all {
            self.at = self.at.saturating_add(words.len());
        }
        all
    }

    pub(super) fn accept_symbol(&mut self, symbol: char) -> bool {
        let next = self
            .tokens
            .all
            .get(self.at)
            .is_some_and(|token| token.kind == Kind::Symbol(symbol));
        self.at = self.at.saturating_add(usize::from(next));
        next
    }

    pub(super) fn accept_tables(&mut self) -> bool {
        self.accept(&["TABLE"]) || self.accept(&["TABLES"])
    }

    fn accept_database(&mut self) -> bool {
        self.accept(&["DATABASE"]) || self.accept(&["SCHEMA"])
    }

    /// MariaDB's `WAIT seconds` or `NOWAIT` behind a table.
    fn accept_wait(&mut self) {
        if self.accept(&["WAIT"]) {
            self.advance();
        } else {
            self.accept(&["NOWAIT"]);
        }
    }

    /// Reads, or stays where it is.
    pub(super) fn try_read<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.at;
        let value = read(self);
        if value.is_none() {
            self.at = before;
        }
        value
    }

    /// `a TO b`
    pub(super) fn rename_pair(&mut self) -> Option<(TableId, TableId)> {
        let from = self.table()?;
        self.accept_wait();
        self.accept(&["TO"]).then_some(())?;
        Some((from, self.table()?))
    }

    fn table_list(&mut self) -> Option<Vec<TableId>> {
        let mut tables = vec![self.table()?];
        while self.accept_symbol(',') {
            tables.push(self.table()?);
        }
        Some(tables)
    }

    /// `[database.]table`
    pub(super) fn table(&mut self) -> Option<TableId> {
        let first = self.name()?;
        if self.accept_symbol('.') {
            let table = self.name()?;
            return Some(self.folded(&first, &table));
        }
        Some(self.folded(self.session.database, &first))
    }

    fn folded(&self, database: &str, table: &str) -> TableId {
        let case = self.session.name_case;
        TableId::new(case.folded(database), case.folded(table))
    }

    /// A database's name.
    fn database(&mut self) -> Option<String> {
        let name = self.name()?;
        Some(self.session.name_case.folded(&name))
    }

    pub(super) fn name(&mut self) -> Option<String> {
        let token = self.tokens.all.get(self.at)?;
        let name = match &token.kind {
            Kind::Name(name) => name.clone(),
            Kind::Word => self.sql.get(token.span.clone())?.to_owned(),
            Kind::Text | Kind::Symbol(_) => return None,
        };
        self.at = self.at.saturating_add(1);
        Some(name)
    }

    /// The text without comments before and behind it.
    pub(super) fn text(&self) -> &'a str {
        self.sql.get(self.tokens.extent.clone()).unwrap_or_default()
    }

    /// Where the next token starts, and where the one before it ends.
    pub(super) fn place(&self) -> (usize, usize) {
        let next = self
            .tokens
            .all
            .get(self.at)
            .map_or(self.sql.len(), |token| token.span.start);
        let last = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.all.get(at))
            .map_or(0, |token| token.span.end);
        (next, last)
    }
}

fn table_class(
    verb: &'static str,
    temporary: bool,
    tables: Vec<TableId>,
    changes_shape: ShapeChange,
) -> Class {
    Class::Table(TableStatement {
        verb,
        temporary,
        tables,
        renames: Vec::new(),
        changes_shape,
    })
}

fn database_class(verb: &'static str, name: String) -> Option<Class> {
    Some(Class::Database(DatabaseStatement { verb, name }))
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
