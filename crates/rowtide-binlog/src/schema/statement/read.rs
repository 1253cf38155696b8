//! Reads a statement as far as it takes to know what it touches.

use rowtide_event::TableId;

use super::tokens::{Kind, Token, tokens};
use super::{Class, DatabaseStatement, TableStatement};

/// Tells what a statement changes. `default_database` is the one it ran in.
pub fn classify(sql: &str, default_database: &str, sql_mode: u64) -> Class {
    let mut reader = Reader::new(sql, default_database, sql_mode);
    let verb = reader.verb();
    reader.statement().unwrap_or(Class::Unknown { verb })
}

/// A cursor over the tokens of a statement.
pub(super) struct Reader<'a> {
    sql: &'a str,
    default_database: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sql: &'a str, default_database: &'a str, sql_mode: u64) -> Self {
        Self { sql, default_database, tokens: tokens(sql, sql_mode), at: 0 }
    }

    /// The first word, in upper case: it is short, and no secret.
    fn verb(&self) -> String {
        self.word_at(self.at).unwrap_or_default().to_ascii_uppercase()
    }

    fn word_at(&self, at: usize) -> Option<&'a str> {
        let token = self.tokens.get(at).filter(|t| t.kind == Kind::Word)?;
        self.sql.get(token.span.clone())
    }

    /// Whether the next token is this word.
    fn peeks(&self, word: &str) -> bool {
        self.word_at(self.at).is_some_and(|w| w.eq_ignore_ascii_case(word))
    }

    /// Passes over these words if all of them are next.
    pub(super) fn accept(&mut self, words: &[&str]) -> bool {
        let fits = |(n, word): (usize, &&str)| {
            self.word_at(self.at + n).is_some_and(|w| w.eq_ignore_ascii_case(word))
        };
        let all = words.iter().enumerate().all(fits);
        if all {
            self.at += words.len();
        }
        all
    }

    pub(super) fn accept_symbol(&mut self, symbol: char) -> bool {
        let next = self.tokens.get(self.at).is_some_and(|t| t.kind == Kind::Symbol(symbol));
        self.at += usize::from(next);
        next
    }

    fn statement(&mut self) -> Option<Class> {
        let verb = self.verb();
        match verb.as_str() {
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop(),
            "RENAME" => self.rename(),
            "TRUNCATE" => {
                self.accept(&["TRUNCATE"]);
                self.accept(&["TABLE"]);
                let table = self.table()?;
                Some(table_class("TRUNCATE TABLE", false, vec![table], false))
            }
            "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "WITH" => Some(self.row_change(verb)),
            _ if is_harmless(&verb) => {
                let may_hold_secrets = holds_secrets(&verb);
                Some(Class::NotTables { verb, may_hold_secrets })
            }
            _ => None,
        }
    }

    fn create(&mut self) -> Option<Class> {
        self.accept(&["CREATE"]);
        self.accept(&["OR", "REPLACE"]);
        let temporary = self.accept(&["TEMPORARY"]);
        if self.accept(&["TABLE"]) {
            self.accept(&["IF", "NOT", "EXISTS"]);
            let table = self.table()?;
            return Some(table_class("CREATE TABLE", temporary, vec![table], true));
        }
        if self.accept_database() {
            self.accept(&["IF", "NOT", "EXISTS"]);
            return self.database("CREATE DATABASE");
        }
        let unique = self.accept(&["UNIQUE"]);
        if unique || self.accept(&["FULLTEXT"]) || self.accept(&["SPATIAL"]) || self.peeks("INDEX") {
            return self.index("CREATE INDEX", unique);
        }
        self.not_tables("CREATE")
    }

    fn accept_database(&mut self) -> bool {
        self.accept(&["DATABASE"]) || self.accept(&["SCHEMA"])
    }

    /// `INDEX name ... ON table`
    fn index(&mut self, verb: &'static str, changes_key: bool) -> Option<Class> {
        self.accept(&["INDEX"]).then_some(())?;
        self.name()?;
        while !self.accept(&["ON"]) {
            self.tokens.get(self.at)?;
            self.at += 1;
        }
        let table = self.table()?;
        Some(table_class(verb, false, vec![table], changes_key))
    }

    fn alter(&mut self) -> Option<Class> {
        self.accept(&["ALTER"]);
        self.accept(&["ONLINE"]);
        self.accept(&["IGNORE"]);
        if self.accept(&["TABLE"]) {
            self.accept(&["IF", "EXISTS"]);
            let table = self.table()?;
            return self.alter_clauses(table);
        }
        if self.accept_database() {
            return self.database("ALTER DATABASE");
        }
        self.not_tables("ALTER")
    }

    /// Looks at the first words of each clause.
    fn alter_clauses(&mut self, table: TableId) -> Option<Class> {
        let mut tables = vec![table];
        let mut changes_shape = false;
        let mut depth = 0usize;
        let mut clause_begins = true;
        while let Some(token) = self.tokens.get(self.at) {
            match token.kind {
                Kind::Symbol('(') => depth += 1,
                Kind::Symbol(')') => depth = depth.saturating_sub(1),
                Kind::Symbol(',') if depth == 0 => {
                    self.at += 1;
                    clause_begins = true;
                    continue;
                }
                _ => {}
            }
            if clause_begins {
                changes_shape |= self.clause_changes_shape();
                if let Some(renamed) = self.renamed_to() {
                    tables.push(renamed);
                    changes_shape = true;
                    continue;
                }
            }
            clause_begins = false;
            self.at += 1;
        }
        Some(table_class("ALTER TABLE", false, tables, changes_shape))
    }

    /// `RENAME [TO | AS] table`, which is neither RENAME COLUMN nor RENAME INDEX.
    fn renamed_to(&mut self) -> Option<TableId> {
        let before = self.at;
        if self.accept(&["RENAME"]) && !["COLUMN", "INDEX", "KEY"].iter().any(|word| self.peeks(word)) {
            if !self.accept(&["TO"]) {
                self.accept(&["AS"]);
            }
            self.accept_symbol('=');
            if let Some(table) = self.table() {
                return Some(table);
            }
        }
        self.at = before;
        None
    }

    /// Whether the clause that begins here may change columns or keys; what is not known to leave them alone may.
    fn clause_changes_shape(&self) -> bool {
        let second = self.word_at(self.at + 1).unwrap_or_default().to_ascii_uppercase();
        let is_partition = second == "PARTITION";
        match self.verb().as_str() {
            "ADD" => !matches!(second.as_str(), "INDEX" | "KEY" | "FULLTEXT" | "SPATIAL" | "CHECK" | "PARTITION"),
            "DROP" => !matches!(second.as_str(), "PARTITION" | "CHECK" | "FOREIGN"),
            "TRUNCATE" | "COALESCE" | "REORGANIZE" | "EXCHANGE" | "ANALYZE" | "CHECK" | "OPTIMIZE" | "REBUILD"
            | "REPAIR" | "IMPORT" | "DISCARD" => !is_partition && second != "TABLESPACE",
            "PARTITION" | "REMOVE" | "ENGINE" | "COMMENT" | "AUTO_INCREMENT" | "ROW_FORMAT" | "ALGORITHM" | "LOCK"
            | "FORCE" | "ORDER" | "ENABLE" | "DISABLE" | "STATS_PERSISTENT" | "STATS_AUTO_RECALC"
            | "STATS_SAMPLE_PAGES" | "KEY_BLOCK_SIZE" | "CHECKSUM" | "AVG_ROW_LENGTH" | "MAX_ROWS" | "MIN_ROWS"
            | "DELAY_KEY_WRITE" | "INSERT_METHOD" | "PACK_KEYS" | "COMPRESSION" | "ENCRYPTION" | "TABLESPACE"
            | "WITH" | "WITHOUT" | "SECONDARY_LOAD" | "SECONDARY_UNLOAD" => false,
            _ => true,
        }
    }

    fn drop(&mut self) -> Option<Class> {
        self.accept(&["DROP"]);
        let temporary = self.accept(&["TEMPORARY"]);
        if self.accept(&["TABLE"]) || self.accept(&["TABLES"]) {
            self.accept(&["IF", "EXISTS"]);
            let tables = self.table_list()?;
            return Some(table_class("DROP TABLE", temporary, tables, true));
        }
        if self.accept_database() {
            self.accept(&["IF", "EXISTS"]);
            return self.database("DROP DATABASE");
        }
        if self.peeks("INDEX") {
            return self.index("DROP INDEX", true);
        }
        self.not_tables("DROP")
    }

    fn rename(&mut self) -> Option<Class> {
        self.accept(&["RENAME"]);
        if self.accept(&["USER"]) {
            return Some(Class::NotTables { verb: "RENAME USER".into(), may_hold_secrets: false });
        }
        (self.accept(&["TABLE"]) || self.accept(&["TABLES"])).then_some(())?;
        let mut tables = Vec::new();
        while let Some((from, to)) = self.rename_pair() {
            tables.extend([from, to]);
            if !self.accept_symbol(',') {
                break;
            }
        }
        if tables.is_empty() { None } else { Some(table_class("RENAME TABLE", false, tables, true)) }
    }

    /// `a TO b`
    pub(super) fn rename_pair(&mut self) -> Option<(TableId, TableId)> {
        let from = self.table()?;
        self.accept(&["TO"]).then_some(())?;
        Some((from, self.table()?))
    }

    pub(super) fn table_list(&mut self) -> Option<Vec<TableId>> {
        let mut tables = vec![self.table()?];
        while self.accept_symbol(',') {
            tables.push(self.table()?);
        }
        Some(tables)
    }

    fn database(&mut self, verb: &'static str) -> Option<Class> {
        let before = self.at;
        // ALTER DATABASE may leave its name out; then a word of its options is next.
        let options = ["CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "ENCRYPTION", "READ", "UPGRADE"];
        let named = !options.iter().any(|word| self.peeks(word));
        let name = if named { self.name() } else { Some(self.default_database.to_owned()) };
        let name = name.or_else(|| {
            self.at = before;
            None
        })?;
        Some(Class::Database(DatabaseStatement { verb, name }))
    }

    /// CREATE, ALTER or DROP of something that is no table: after attributes such as DEFINER its kind is named.
    fn not_tables(&self, verb: &str) -> Option<Class> {
        const KINDS: [&str; 18] = [
            "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "USER", "ROLE", "SERVER", "TABLESPACE", "UNDO",
            "LOGFILE", "RESOURCE", "INSTANCE", "SPATIAL", "AGGREGATE", "PREPARE", "LIBRARY", "MASKING",
        ];
        let words = (self.at..self.tokens.len().min(self.at + 32)).filter_map(|at| self.word_at(at));
        let kind = words.map(str::to_ascii_uppercase).find(|word| KINDS.contains(&word.as_str()))?;
        let may_hold_secrets = matches!(kind.as_str(), "USER" | "SERVER" | "INSTANCE");
        Some(Class::NotTables { verb: format!("{verb} {kind}"), may_hold_secrets })
    }

    /// The table stands after INTO, FROM or TABLE, or after the words that may follow UPDATE.
    fn row_change(&mut self, verb: String) -> Class {
        let before = self.at;
        let marks: &[&str] = match verb.as_str() {
            "DELETE" => &["FROM"],
            "LOAD" => &["TABLE"],
            _ => &["INTO"],
        };
        let mark = (before..self.tokens.len())
            .find(|at| self.word_at(*at).is_some_and(|w| marks.iter().any(|m| w.eq_ignore_ascii_case(m))));
        let table = match (verb.as_str(), mark) {
            ("UPDATE" | "WITH", _) => None,
            (_, Some(mark)) => {
                self.at = mark + 1;
                self.table().filter(|_| !self.accept_symbol(','))
            }
            (_, None) => None,
        };
        Class::RowChange { verb, table }
    }

    /// `[database.]table`
    fn table(&mut self) -> Option<TableId> {
        let first = self.name()?;
        if self.accept_symbol('.') {
            return Some(TableId::new(first, self.name()?));
        }
        Some(TableId::new(self.default_database, first))
    }

    pub(super) fn name(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at)?;
        let name = match &token.kind {
            Kind::Name(name) => name.clone(),
            Kind::Word => self.sql.get(token.span.clone())?.to_owned(),
            Kind::Text | Kind::Symbol(_) => return None,
        };
        self.at += 1;
        Some(name)
    }

    /// The text from its first token on, without what follows its last.
    pub(super) fn text(&self) -> &'a str {
        let start = self.tokens.first().map_or(0, |t| t.span.start);
        self.sql.get(start..).unwrap_or_default()
    }

    /// Where the next token starts, and where the one before it ends.
    pub(super) fn place(&self) -> (usize, usize) {
        let next = self.tokens.get(self.at).map_or(self.sql.len(), |t| t.span.start);
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |t| t.span.end);
        (next, last)
    }
}

fn table_class(verb: &'static str, temporary: bool, tables: Vec<TableId>, changes_shape: bool) -> Class {
    Class::Table(TableStatement { verb, temporary, tables, changes_shape })
}

/// Statements that change neither tables nor rows whatever follows their first word.
fn is_harmless(verb: &str) -> bool {
    const VERBS: [&str; 27] = [
        "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "FLUSH", "GRANT", "REVOKE", "SET", "USE", "BEGIN", "COMMIT", "ROLLBACK",
        "SAVEPOINT", "RELEASE", "XA", "INSTALL", "UNINSTALL", "CHANGE", "START", "STOP", "RESET", "LOCK", "UNLOCK", "KILL",
        "CACHE", "PURGE", "DO",
    ];
    VERBS.contains(&verb)
}

fn holds_secrets(verb: &str) -> bool {
    matches!(verb, "GRANT" | "SET" | "CHANGE" | "START")
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
