//! Statements that change rows: they are in the binlog where its format is STATEMENT or MIXED.

use rowtide_event::TableId;

use super::Class;
use crate::schema::sql::Cursor;

impl Cursor<'_> {
    /// A statement that changes rows. Its table is told only where no other can be meant: the statement may then be
    /// passed over if that table is not captured.
    pub(super) fn row_change(&mut self, verb: &str) -> Class {
        let table = match verb {
            "INSERT" | "REPLACE" => self.table_of_insert(),
            "UPDATE" => self.table_of_update(),
            "DELETE" => self.table_of_delete(),
            "LOAD" => self.table_of_load(),
            _ => None,
        };
        Class::RowChange {
            verb: verb.to_owned(),
            table,
        }
    }

    fn skip_verb_and_modifiers(&mut self) {
        self.advance();
        while ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE"]
            .iter()
            .any(|word| self.accept(&[word]))
        {}
    }

    fn table_of_insert(&mut self) -> Option<TableId> {
        self.skip_verb_and_modifiers();
        self.accept(&["INTO"]);
        self.table()
    }

    /// `UPDATE table SET`: with more tables or an alias there is something else before SET.
    fn table_of_update(&mut self) -> Option<TableId> {
        self.skip_verb_and_modifiers();
        let table = self.table()?;
        self.peeks("SET").then_some(table)
    }

    /// `DELETE FROM table [WHERE | ORDER | LIMIT]`: the forms for more tables go on otherwise.
    fn table_of_delete(&mut self) -> Option<TableId> {
        self.skip_verb_and_modifiers();
        self.accept(&["FROM"]).then_some(())?;
        let table = self.table()?;
        let ends = !self.is_before_end() || ["WHERE", "ORDER", "LIMIT"].iter().any(|word| self.peeks(word));
        ends.then_some(table)
    }

    fn table_of_load(&mut self) -> Option<TableId> {
        while !self.accept(&["INTO", "TABLE"]) {
            self.advance()?;
        }
        self.table()
    }
}
