//! CREATE TABLE.

use rowtide_event::TableId;

use super::column::ColumnSpec;
use super::head::CreateTableHead;
use super::key::{Constraint, KeySpec};
use super::{Result, TableOptions};
use crate::schema::sql::Cursor;
use crate::server::Flavour;

/// A CREATE TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct CreateTable {
    pub(in crate::schema) head: CreateTableHead,
    pub(in crate::schema) columns: Vec<ColumnSpec>,
    /// The keys, those of columns too, in the order in which they were written.
    pub(in crate::schema) keys: Vec<KeySpec>,
    pub(in crate::schema) period: Option<PeriodSpec>,
    pub(in crate::schema) options: TableOptions,
    pub(in crate::schema) source: Source,
}

/// MariaDB's period of a row, and the columns that it is between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct PeriodSpec {
    pub(in crate::schema) name: String,
    pub(in crate::schema) from: String,
    pub(in crate::schema) to: String,
    pub(in crate::schema) if_not_exists: bool,
}

/// Where columns come from besides those that are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum Source {
    None,
    Like(TableId),
    /// AS SELECT, VALUES and so on: the columns are not in the statement.
    Query,
}

impl Cursor<'_> {
    pub(super) fn create_table_body(&mut self, head: CreateTableHead) -> Result<CreateTable> {
        let mut create = CreateTable {
            head,
            columns: Vec::new(),
            keys: Vec::new(),
            period: None,
            options: TableOptions::default(),
            source: Source::None,
        };
        if let Some(like) = self.like()? {
            create.source = Source::Like(like);
            return Ok(create);
        }
        if self.peeks_symbol('(') && !self.peeks_query_in_parentheses() {
            self.elements(&mut create)?;
        }
        while self.table_option(&mut create.options)? {
            self.accept_symbol(',');
        }
        self.partitioning()?;
        if self.accept_query() {
            create.source = Source::Query;
        }
        Ok(create)
    }

    /// `LIKE table` or `(LIKE table)`, if it is next.
    fn like(&mut self) -> Result<Option<TableId>> {
        let before = self.mark();
        let in_parentheses = self.accept_symbol('(');
        if !self.accept(&["LIKE"]) {
            self.return_to(before);
            return Ok(None);
        }
        let table = self.table().ok_or_else(|| self.expected("a table"))?;
        if in_parentheses {
            self.expect_symbol(')')?;
        }
        Ok(Some(table))
    }

    /// Columns and keys between parentheses.
    fn elements(&mut self, create: &mut CreateTable) -> Result<()> {
        self.expect_symbol('(')?;
        if self.has_stray_commas() {
            self.accept_symbol(',');
        }
        loop {
            self.element(create)?;
            if !self.accept_symbol(',') {
                return self.expect_symbol(')');
            }
        }
    }

    /// MySQL 8.0.13 to 8.0.17 show a comma in front of all columns where the hidden one of a functional index stands before
    /// them.
    fn has_stray_commas(&self) -> bool {
        let server = self.session.server;
        server.flavour == Flavour::MySql && server.is_at_least(8, 0, 13) && !server.is_at_least(8, 0, 18)
    }

    fn element(&mut self, create: &mut CreateTable) -> Result<()> {
        if let Some(period) = self.period()? {
            // SYSTEM_TIME is told by its columns.
            if !period.name.eq_ignore_ascii_case("SYSTEM_TIME") {
                create.period = Some(period);
            }
            return Ok(());
        }
        match self.constraint()? {
            Some(Constraint::Key(key)) => create.keys.push(key),
            Some(Constraint::WithoutKey) => {}
            None => {
                let mut column = self.column_spec()?;
                create.keys.append(&mut column.keys);
                create.columns.push(column);
            }
        }
        Ok(())
    }

    /// MariaDB's `PERIOD FOR name (from, to)`, if it is next.
    pub(super) fn period(&mut self) -> Result<Option<PeriodSpec>> {
        if !self.session.is_mariadb() {
            return Ok(None);
        }
        let if_not_exists = self.accept(&["PERIOD", "IF", "NOT", "EXISTS", "FOR"]);
        if !if_not_exists && !self.accept(&["PERIOD", "FOR"]) {
            return Ok(None);
        }
        let name = self.expect_name()?;
        self.expect_symbol('(')?;
        let from = self.expect_name()?;
        self.expect_symbol(',')?;
        let to = self.expect_name()?;
        self.expect_symbol(')')?;
        Ok(Some(PeriodSpec {
            name,
            from,
            to,
            if_not_exists,
        }))
    }

    fn peeks_query_in_parentheses(&self) -> bool {
        let mut ahead = 1;
        while self.symbol_is(ahead, '(') {
            ahead += 1;
        }
        ["SELECT", "WITH", "VALUES", "TABLE"]
            .iter()
            .any(|word| self.word_is(ahead, word))
    }

    /// Passes over a query behind the options, if one is next: it is the rest of the statement.
    fn accept_query(&mut self) -> bool {
        let _ = self.accept(&["IGNORE"]) || self.accept(&["REPLACE"]);
        self.accept(&["AS"]);
        let words = ["SELECT", "WITH", "VALUES", "TABLE"];
        let is_next = words.iter().any(|word| self.peeks(word)) || self.peeks_symbol('(');
        if is_next {
            while self.advance().is_some() {}
        }
        is_next
    }
}
