//! The first words of a statement about tables or databases, up to the names of what it touches.

use rowtide_event::TableId;

use super::key::{KeyKind, KeySpec};
use crate::schema::sql::Cursor;

/// What a statement is and what it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum Head {
    CreateTable(CreateTableHead),
    AlterTable {
        table: TableId,
    },
    DropTables {
        tables: Vec<TableId>,
        temporary: bool,
    },
    RenameTables {
        renames: Vec<(TableId, TableId)>,
    },
    TruncateTable {
        table: TableId,
    },
    CreateIndex {
        /// Its columns are not read yet.
        key: KeySpec,
        table: TableId,
    },
    DropIndex {
        name: String,
        table: TableId,
    },
    CreateDatabase {
        name: String,
        or_replace: bool,
        if_not_exists: bool,
    },
    AlterDatabase {
        name: String,
    },
    DropDatabase {
        name: String,
    },
    CreateSequence {
        table: TableId,
        or_replace: bool,
        if_not_exists: bool,
    },
    AlterSequence {
        table: TableId,
    },
    DropSequences {
        tables: Vec<TableId>,
    },
}

/// `CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] table`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct CreateTableHead {
    pub(in crate::schema) table: TableId,
    pub(in crate::schema) or_replace: bool,
    pub(in crate::schema) if_not_exists: bool,
    pub(in crate::schema) temporary: bool,
}

impl Cursor<'_> {
    /// Reads the head; `None`, and nothing is read, if the statement is of another kind.
    pub(in crate::schema) fn head(&mut self) -> Option<Head> {
        self.try_read(|cursor| match cursor.word(0).as_str() {
            "CREATE" => cursor.create_head(),
            "ALTER" => cursor.alter_head(),
            "DROP" => cursor.drop_head(),
            "RENAME" => cursor.rename_head(),
            "TRUNCATE" => cursor.truncate_head(),
            _ => None,
        })
    }

    fn create_head(&mut self) -> Option<Head> {
        self.accept(&["CREATE"]);
        let or_replace = self.accept(&["OR", "REPLACE"]);
        let temporary = self.accept(&["TEMPORARY"]);
        self.accept(&["EXTERNAL"]);
        if self.accept(&["TABLE"]) {
            let if_not_exists = self.accept(&["IF", "NOT", "EXISTS"]);
            return Some(Head::CreateTable(CreateTableHead {
                table: self.table()?,
                or_replace,
                if_not_exists,
                temporary,
            }));
        }
        if self.accept_database() {
            return Some(Head::CreateDatabase {
                or_replace,
                if_not_exists: self.accept(&["IF", "NOT", "EXISTS"]),
                name: self.database()?,
            });
        }
        if self.session.is_mariadb() && self.accept(&["SEQUENCE"]) {
            let if_not_exists = self.accept(&["IF", "NOT", "EXISTS"]);
            return self.sequence_head(or_replace, if_not_exists, temporary);
        }
        self.create_index_head(or_replace)
    }

    /// A temporary sequence is a temporary table.
    fn sequence_head(&mut self, or_replace: bool, if_not_exists: bool, temporary: bool) -> Option<Head> {
        let table = self.table()?;
        Some(if temporary {
            Head::CreateTable(CreateTableHead {
                table,
                or_replace,
                if_not_exists,
                temporary,
            })
        } else {
            Head::CreateSequence {
                table,
                or_replace,
                if_not_exists,
            }
        })
    }

    /// `{UNIQUE | FULLTEXT | SPATIAL | VECTOR} INDEX [IF NOT EXISTS] name [type] ON table`
    fn create_index_head(&mut self, or_replace: bool) -> Option<Head> {
        let kind = match self.word(0).as_str() {
            "UNIQUE" => KeyKind::Unique,
            "FULLTEXT" => KeyKind::FullText,
            "SPATIAL" => KeyKind::Spatial,
            "VECTOR" => KeyKind::Vector,
            _ => KeyKind::Plain,
        };
        if kind != KeyKind::Plain {
            self.advance();
        }
        self.accept(&["INDEX"]).then_some(())?;
        let if_not_exists = self.accept(&["IF", "NOT", "EXISTS"]);
        let name = self.name()?;
        let hash = self.accept_on()?;
        let key = KeySpec {
            hash,
            if_not_exists,
            or_replace,
            ..KeySpec::new(kind, Some(name))
        };
        Some(Head::CreateIndex {
            key,
            table: self.table()?,
        })
    }

    /// Passes over what stands between an index' name and ON, which is its type at most; whether that is HASH.
    fn accept_on(&mut self) -> Option<bool> {
        let mut is_hash = false;
        while !self.accept(&["ON"]) {
            is_hash |= self.peeks("HASH");
            self.advance()?;
        }
        Some(is_hash)
    }

    fn alter_head(&mut self) -> Option<Head> {
        self.accept(&["ALTER"]);
        self.accept(&["ONLINE"]);
        self.accept(&["IGNORE"]);
        if self.accept(&["TABLE"]) {
            self.accept(&["IF", "EXISTS"]);
            let table = self.table()?;
            self.accept_wait();
            return Some(Head::AlterTable { table });
        }
        if self.session.is_mariadb() && self.accept(&["SEQUENCE"]) {
            self.accept(&["IF", "EXISTS"]);
            return Some(Head::AlterSequence { table: self.table()? });
        }
        self.accept_database().then_some(())?;
        // The name may be left out; then a word of the options is next.
        let unnamed = DATABASE_OPTIONS.iter().any(|word| self.peeks(word));
        let name = if unnamed {
            self.session.name_case.folded(self.session.database)
        } else {
            self.database()?
        };
        Some(Head::AlterDatabase { name })
    }

    fn drop_head(&mut self) -> Option<Head> {
        self.accept(&["DROP"]);
        let temporary = self.accept(&["TEMPORARY"]);
        if self.accept_tables() {
            self.accept(&["IF", "EXISTS"]);
            let tables = self.table_list()?;
            return Some(Head::DropTables { tables, temporary });
        }
        if self.session.is_mariadb() && self.accept(&["SEQUENCE"]) {
            self.accept(&["IF", "EXISTS"]);
            let tables = self.table_list()?;
            return Some(if temporary {
                Head::DropTables { tables, temporary }
            } else {
                Head::DropSequences { tables }
            });
        }
        if self.accept_database() {
            self.accept(&["IF", "EXISTS"]);
            return Some(Head::DropDatabase {
                name: self.database()?,
            });
        }
        self.accept(&["INDEX"]).then_some(())?;
        self.accept(&["IF", "EXISTS"]);
        let name = self.name()?;
        self.accept_on()?;
        let table = self.table()?;
        Some(Head::DropIndex { name, table })
    }

    fn rename_head(&mut self) -> Option<Head> {
        self.accept(&["RENAME"]);
        self.accept_tables().then_some(())?;
        self.accept(&["IF", "EXISTS"]);
        let mut renames = vec![self.rename_pair()?];
        while self.accept_symbol(',') {
            renames.push(self.rename_pair()?);
        }
        Some(Head::RenameTables { renames })
    }

    fn truncate_head(&mut self) -> Option<Head> {
        self.accept(&["TRUNCATE"]);
        self.accept(&["TABLE"]);
        Some(Head::TruncateTable { table: self.table()? })
    }
}

/// First words of the options of a database.
const DATABASE_OPTIONS: [&str; 7] = [
    "CHARACTER",
    "CHARSET",
    "COLLATE",
    "COMMENT",
    "DEFAULT",
    "ENCRYPTION",
    "READ",
];
