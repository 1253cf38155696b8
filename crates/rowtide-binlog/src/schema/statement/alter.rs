//! The clauses of ALTER TABLE by their first words, as far as it takes to know which tables they touch: this tells
//! enough also of a clause that cannot be read.

use rowtide_event::TableId;

use super::{Class, ShapeChange, TableStatement};
use crate::schema::sql::Cursor;
use crate::schema::sql::Kind;

/// Clauses that leave columns and keys alone, by their first word: table options, partitions, ways of doing it.
const HARMLESS: [&str; 38] = [
    "ALGORITHM",
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHARACTER",
    "CHARSET",
    "CHECKSUM",
    "COLLATE",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DEFAULT",
    "DELAY_KEY_WRITE",
    "DISABLE",
    "ENABLE",
    "ENCRYPTION",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "FORCE",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "LOCK",
    "MAX_ROWS",
    "MIN_ROWS",
    "ORDER",
    "PACK_KEYS",
    "PARTITION",
    "REMOVE",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_LOAD",
    "SECONDARY_UNLOAD",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLESPACE",
    "WITH",
    "WITHOUT",
];

impl Cursor<'_> {
    /// All clauses behind `ALTER TABLE table`.
    pub(super) fn alter_clauses(&mut self, table: TableId) -> Option<Class> {
        let mut statement = TableStatement {
            verb: "ALTER TABLE",
            temporary: false,
            tables: vec![table],
            renames: Vec::new(),
            changes_shape: ShapeChange::No,
        };
        while self.is_before_end() {
            self.scanned_clause(&mut statement);
            self.skip_scanned();
        }
        Some(Class::Table(statement))
    }

    /// Looks at a clause's first words.
    fn scanned_clause(&mut self, statement: &mut TableStatement) {
        let Some(table) = statement.tables.first().cloned() else {
            return;
        };
        if let Some(renamed) = self.renamed_to() {
            statement.tables.push(renamed.clone());
            statement.renames.push((table, renamed));
            statement.changes_shape = ShapeChange::Yes;
        } else {
            if self.clause_changes_shape() {
                statement.changes_shape = ShapeChange::Yes;
            }
            statement.tables.extend(self.scanned_other_table());
        }
    }

    /// Passes over the rest of a clause and the comma behind it.
    fn skip_scanned(&mut self) {
        let mut depth = 0_usize;
        while let Some(kind) = self.advance() {
            match kind {
                Kind::Symbol('(') => depth = depth.saturating_add(1),
                Kind::Symbol(')') => depth = depth.saturating_sub(1),
                Kind::Symbol(',') if depth == 0 => return,
                _ => {}
            }
        }
    }

    /// `RENAME [TO | AS] table`, which is neither RENAME COLUMN nor RENAME INDEX.
    fn renamed_to(&mut self) -> Option<TableId> {
        self.try_read(|reader| {
            let renames = reader.accept(&["RENAME"]);
            if !renames || ["COLUMN", "INDEX", "KEY"].iter().any(|word| reader.peeks(word)) {
                return None;
            }
            let _ = reader.accept(&["TO"]) || reader.accept(&["AS"]) || reader.accept_symbol('=');
            reader.table()
        })
    }

    /// The table that a partition is exchanged with, or on MariaDB made from or made into.
    fn scanned_other_table(&mut self) -> Option<TableId> {
        self.try_read(|reader| {
            if reader.accept(&["EXCHANGE", "PARTITION"]) {
                reader.name()?;
                reader.accept(&["WITH", "TABLE"]).then_some(())?;
            } else if reader.accept(&["CONVERT", "PARTITION"]) {
                reader.name()?;
                reader.accept(&["TO", "TABLE"]).then_some(())?;
            } else {
                reader.accept(&["CONVERT", "TABLE"]).then_some(())?;
            }
            reader.table()
        })
    }

    /// Whether the clause that begins here may change columns or keys; what is not known to leave them alone may.
    fn clause_changes_shape(&mut self) -> bool {
        let first = self.word(0);
        let second = self.word(1);
        match (first.as_str(), second.as_str()) {
            ("ADD", "CONSTRAINT") => !self.constrains_values_only(),
            ("ADD", "INDEX" | "KEY" | "FULLTEXT" | "SPATIAL" | "CHECK" | "FOREIGN" | "PARTITION") => false,
            ("DROP", "CHECK" | "FOREIGN" | "PARTITION") => false,
            ("ALTER", "INDEX" | "CHECK") | ("RENAME", "INDEX" | "KEY") => false,
            ("IMPORT" | "DISCARD", "TABLESPACE" | "PARTITION") => false,
            (
                "ANALYZE" | "CHECK" | "COALESCE" | "EXCHANGE" | "OPTIMIZE" | "REBUILD" | "REORGANIZE"
                | "REPAIR" | "TRUNCATE",
                "PARTITION",
            ) => false,
            (first, _) => !HARMLESS.contains(&first),
        }
    }

    /// `ADD CONSTRAINT [name] CHECK` or `FOREIGN KEY`.
    fn constrains_values_only(&mut self) -> bool {
        self.accept(&["ADD", "CONSTRAINT"]);
        self.peeks("CHECK") || self.peeks("FOREIGN") || {
            self.advance();
            self.peeks("CHECK") || self.peeks("FOREIGN")
        }
    }
}
