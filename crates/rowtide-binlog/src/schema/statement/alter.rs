//! The clauses of ALTER TABLE: which tables they touch, and whether those have other columns or keys afterwards. Of a
//! clause that cannot be read the first words tell enough.

use rowtide_event::TableId;

use super::{Class, ShapeChange, TableStatement};
use crate::schema::ddl::{Clause, KeyKind, read_clauses};
use crate::schema::sql::Cursor;
use crate::schema::sql::Kind;

impl Cursor<'_> {
    /// All clauses behind `ALTER TABLE table`.
    pub(super) fn alter_clauses(&mut self, table: TableId) -> Option<Class> {
        let before = self.mark();
        let mut statement = TableStatement {
            verb: "ALTER TABLE",
            temporary: false,
            tables: vec![table.clone()],
            renames: Vec::new(),
            changes_shape: ShapeChange::No,
        };
        match read_clauses(self) {
            Ok(clauses) => clauses
                .iter()
                .for_each(|clause| tell(clause, &table, &mut statement)),
            Err(_) => {
                self.return_to(before);
                self.scan(&table, &mut statement);
            }
        }
        Some(Class::Table(statement))
    }

    /// Looks for other tables in clauses that cannot be read.
    fn scan(&mut self, table: &TableId, statement: &mut TableStatement) {
        statement.changes_shape = ShapeChange::Yes;
        while self.is_before_end() {
            if let Some(renamed) = self.renamed_to() {
                tell(&Clause::RenameTo(renamed), table, statement);
            } else {
                statement.tables.extend(self.scanned_other_table());
            }
            self.skip_scanned();
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
}

/// Adds what a clause touches.
fn tell(clause: &Clause, table: &TableId, statement: &mut TableStatement) {
    match clause {
        Clause::RenameTo(renamed) => {
            statement.tables.push(renamed.clone());
            statement.renames.push((table.clone(), renamed.clone()));
        }
        Clause::ExchangePartition(other)
        | Clause::PartitionToTable(other)
        | Clause::TableToPartition(other) => statement.tables.push(other.clone()),
        _ => {}
    }
    if changes_shape(clause) {
        statement.changes_shape = ShapeChange::Yes;
    }
}

/// Whether a clause may change columns or keys.
fn changes_shape(clause: &Clause) -> bool {
    match clause {
        Clause::AddKey(key) => matches!(key.kind, KeyKind::Primary | KeyKind::Unique),
        Clause::Options(options) => options.versioned,
        Clause::RenameKey { .. }
        | Clause::SetKeyInvisible { .. }
        | Clause::ExchangePartition(_)
        | Clause::Rebuild => false,
        _ => true,
    }
}
