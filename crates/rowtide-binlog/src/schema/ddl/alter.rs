//! The clauses of ALTER TABLE.

use rowtide_event::TableId;

use super::column::ColumnSpec;
use super::create_table::PeriodSpec;
use super::data_type::CharsetSpec;
use super::key::{Constraint, KeySpec};
use super::{DefaultValue, Result, TableOptions};
use crate::schema::sql::Cursor;

/// A clause that changes the table's columns, keys, name or options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum Clause {
    AddColumn {
        column: ColumnSpec,
        place: Place,
        if_not_exists: bool,
    },
    /// CHANGE and MODIFY.
    ChangeColumn {
        old: String,
        column: ColumnSpec,
        place: Place,
        if_exists: bool,
    },
    RenameColumn {
        old: String,
        new: String,
        if_exists: bool,
    },
    DropColumn {
        name: String,
        if_exists: bool,
    },
    SetDefault {
        name: String,
        /// `None` for DROP DEFAULT.
        default: Option<DefaultValue>,
        if_exists: bool,
    },
    SetInvisible {
        name: String,
        invisible: bool,
    },
    AddKey(KeySpec),
    DropPrimaryKey,
    DropKey {
        name: String,
        if_exists: bool,
    },
    /// DROP CONSTRAINT: a key, or something that does not count here.
    DropConstraint(String),
    RenameKey {
        old: String,
        new: String,
    },
    SetKeyInvisible {
        name: String,
        invisible: bool,
    },
    RenameTo(TableId),
    ConvertCharset(CharsetSpec),
    Options(TableOptions),
    /// MariaDB's ADD PERIOD FOR.
    AddPeriod(PeriodSpec),
    /// The period of this name.
    DropPeriod(String),
    AddSystemVersioning,
    DropSystemVersioning,
    /// EXCHANGE PARTITION: rows change their table, no table its shape.
    ExchangePartition(TableId),
    /// MariaDB's CONVERT PARTITION ... TO TABLE: a table like this one, without partitions.
    PartitionToTable(TableId),
    /// MariaDB's CONVERT TABLE ... TO PARTITION: the other table is gone.
    TableToPartition(TableId),
    /// Work on the table that leaves its definition as it is: FORCE, ORDER BY, ALGORITHM=COPY.
    Rebuild,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum Place {
    /// Where it was; a new one behind all others.
    Unsaid,
    First,
    After(String),
}

/// Reads all clauses behind `ALTER TABLE table`.
pub(in crate::schema) fn read_clauses(cursor: &mut Cursor<'_>) -> Result<Vec<Clause>> {
    let mut clauses = Vec::new();
    while cursor.is_before_end() && !cursor.peeks_symbol(';') {
        cursor.clause(&mut clauses)?;
        // Options may follow each other without a comma.
        cursor.accept_symbol(',');
    }
    Ok(clauses)
}

impl Cursor<'_> {
    fn clause(&mut self, clauses: &mut Vec<Clause>) -> Result<()> {
        if self.partition_clause(clauses)? || self.how(clauses)? {
            return Ok(());
        }
        if self.harmless_clause()? {
            clauses.push(Clause::Rebuild);
            return Ok(());
        }
        if self.accept(&["ADD"]) {
            return self.add_clause(clauses);
        }
        let clause = if self.accept(&["DROP"]) {
            self.drop_clause()?
        } else if self.accept(&["CHANGE"]) {
            Some(self.change_clause()?)
        } else if self.accept(&["MODIFY"]) {
            Some(self.modify_clause()?)
        } else if self.accept(&["ALTER"]) {
            self.alter_clause()?
        } else if self.accept(&["RENAME"]) {
            Some(self.rename_clause()?)
        } else if self.accept(&["CONVERT", "TO"]) {
            Some(self.convert_clause()?)
        } else {
            Some(self.options_clause()?)
        };
        clauses.extend(clause);
        Ok(())
    }

    fn add_clause(&mut self, clauses: &mut Vec<Clause>) -> Result<()> {
        if self.accept(&["SYSTEM", "VERSIONING"]) {
            clauses.push(Clause::AddSystemVersioning);
            return Ok(());
        }
        if let Some(period) = self.period()? {
            // SYSTEM_TIME is told by its columns.
            if !period.name.eq_ignore_ascii_case("SYSTEM_TIME") {
                clauses.push(Clause::AddPeriod(period));
            }
            return Ok(());
        }
        match self.constraint()? {
            Some(Constraint::Key(key)) => {
                clauses.push(Clause::AddKey(key));
                return Ok(());
            }
            Some(Constraint::WithoutKey) => return Ok(()),
            None => {}
        }
        self.accept(&["COLUMN"]);
        let if_not_exists = self.accept(&["IF", "NOT", "EXISTS"]);
        if self.peeks_symbol('(') {
            return self.added_elements(if_not_exists, clauses);
        }
        clauses.push(Clause::AddColumn {
            column: self.column_spec()?,
            place: self.column_place()?,
            if_not_exists,
        });
        Ok(())
    }

    /// `(column, key, …)`
    fn added_elements(&mut self, if_not_exists: bool, clauses: &mut Vec<Clause>) -> Result<()> {
        self.expect_symbol('(')?;
        loop {
            match self.constraint()? {
                Some(Constraint::Key(key)) => clauses.push(Clause::AddKey(key)),
                Some(Constraint::WithoutKey) => {}
                None => clauses.push(Clause::AddColumn {
                    column: self.column_spec()?,
                    place: Place::Unsaid,
                    if_not_exists,
                }),
            }
            if !self.accept_symbol(',') {
                return self.expect_symbol(')');
            }
        }
    }

    fn column_place(&mut self) -> Result<Place> {
        if self.accept(&["FIRST"]) {
            return Ok(Place::First);
        }
        if self.accept(&["AFTER"]) {
            return Ok(Place::After(self.expect_name()?));
        }
        Ok(Place::Unsaid)
    }

    fn drop_clause(&mut self) -> Result<Option<Clause>> {
        if self.accept(&["PRIMARY", "KEY"]) {
            return Ok(Some(Clause::DropPrimaryKey));
        }
        if self.accept(&["PERIOD", "FOR"]) || self.accept(&["PERIOD", "IF", "EXISTS", "FOR"]) {
            let name = self.expect_name()?;
            let is_own = !name.eq_ignore_ascii_case("SYSTEM_TIME");
            return Ok(is_own.then_some(Clause::DropPeriod(name)));
        }
        if self.accept(&["FOREIGN", "KEY"]) || self.accept(&["CHECK"]) {
            self.accept(&["IF", "EXISTS"]);
            self.expect_name()?;
            return Ok(None);
        }
        if self.accept(&["SYSTEM", "VERSIONING"]) {
            return Ok(Some(Clause::DropSystemVersioning));
        }
        if self.accept(&["CONSTRAINT"]) {
            self.accept(&["IF", "EXISTS"]);
            return Ok(Some(Clause::DropConstraint(self.expect_name()?)));
        }
        let is_key = self.accept_index();
        if !is_key {
            self.accept(&["COLUMN"]);
        }
        let if_exists = self.accept(&["IF", "EXISTS"]);
        let name = self.expect_column()?;
        let _ = self.accept(&["RESTRICT"]) || self.accept(&["CASCADE"]);
        Ok(Some(if is_key {
            Clause::DropKey { name, if_exists }
        } else {
            Clause::DropColumn { name, if_exists }
        }))
    }

    fn change_clause(&mut self) -> Result<Clause> {
        self.accept(&["COLUMN"]);
        let if_exists = self.accept(&["IF", "EXISTS"]);
        Ok(Clause::ChangeColumn {
            old: self.expect_column()?,
            column: self.column_spec()?,
            place: self.column_place()?,
            if_exists,
        })
    }

    fn modify_clause(&mut self) -> Result<Clause> {
        self.accept(&["COLUMN"]);
        let if_exists = self.accept(&["IF", "EXISTS"]);
        let column = self.column_spec()?;
        Ok(Clause::ChangeColumn {
            old: column.name.clone(),
            column,
            place: self.column_place()?,
            if_exists,
        })
    }

    /// `ALTER [COLUMN] name …`, `ALTER INDEX name …`, or `ALTER {CHECK | CONSTRAINT} name …`, which does not count.
    fn alter_clause(&mut self) -> Result<Option<Clause>> {
        if self.accept(&["CHECK"]) || self.accept(&["CONSTRAINT"]) {
            self.expect_name()?;
            let _ = self.accept(&["NOT", "ENFORCED"]) || self.accept(&["ENFORCED"]);
            return Ok(None);
        }
        if self.accept_index() {
            self.accept(&["IF", "EXISTS"]);
            let name = self.expect_name()?;
            let invisible = self.index_options()?.invisible;
            return Ok(Some(Clause::SetKeyInvisible { name, invisible }));
        }
        self.accept(&["COLUMN"]);
        let if_exists = self.accept(&["IF", "EXISTS"]);
        let name = self.expect_column()?;
        if self.accept(&["DROP", "DEFAULT"]) {
            let default = None;
            return Ok(Some(Clause::SetDefault {
                name,
                default,
                if_exists,
            }));
        }
        self.expect(&["SET"], "SET or DROP DEFAULT")?;
        if self.accept(&["DEFAULT"]) {
            let default = Some(self.default_value()?);
            return Ok(Some(Clause::SetDefault {
                name,
                default,
                if_exists,
            }));
        }
        let invisible = self.accept(&["INVISIBLE"]);
        if !invisible {
            self.expect(&["VISIBLE"], "DEFAULT, VISIBLE or INVISIBLE")?;
        }
        Ok(Some(Clause::SetInvisible { name, invisible }))
    }

    fn rename_clause(&mut self) -> Result<Clause> {
        if self.accept(&["COLUMN"]) {
            let if_exists = self.accept(&["IF", "EXISTS"]);
            let (old, new) = self.renamed_name()?;
            return Ok(Clause::RenameColumn { old, new, if_exists });
        }
        if self.accept_index() {
            self.accept(&["IF", "EXISTS"]);
            let (old, new) = self.renamed_name()?;
            return Ok(Clause::RenameKey { old, new });
        }
        let _ = self.accept(&["TO"]) || self.accept(&["AS"]) || self.accept_symbol('=');
        let table = self.table().ok_or_else(|| self.expected("a table"))?;
        Ok(Clause::RenameTo(table))
    }

    /// `old TO new`
    fn renamed_name(&mut self) -> Result<(String, String)> {
        let old = self.expect_name()?;
        self.expect(&["TO"], "TO")?;
        Ok((old, self.expect_name()?))
    }

    /// What follows CONVERT TO.
    fn convert_clause(&mut self) -> Result<Clause> {
        let charset = self.charset_clause()?;
        if charset.is_none() {
            return Err(self.expected("CHARACTER SET"));
        }
        Ok(Clause::ConvertCharset(CharsetSpec {
            charset,
            collation: self.collate_clause()?,
            binary: false,
        }))
    }

    fn options_clause(&mut self) -> Result<Clause> {
        let mut options = TableOptions::default();
        if !self.table_option(&mut options)? {
            return Err(self.expected("a clause of ALTER TABLE"));
        }
        while self.is_before_end() && self.table_option(&mut options)? {}
        Ok(Clause::Options(options))
    }

    /// How the table is to be altered, if that is next.
    fn how(&mut self, clauses: &mut Vec<Clause>) -> Result<bool> {
        if !self.accept(&["ALGORITHM"]) && !self.accept(&["LOCK"]) {
            return Ok(false);
        }
        self.accept_symbol('=');
        if self.accept(&["COPY"]) {
            clauses.push(Clause::Rebuild);
        } else {
            self.option_value()?;
        }
        Ok(true)
    }

    /// A clause that changes nothing here, if one is next.
    fn harmless_clause(&mut self) -> Result<bool> {
        const ALONE: [&[&str]; 12] = [
            &["FORCE"],
            &["ENABLE", "KEYS"],
            &["DISABLE", "KEYS"],
            &["DISCARD", "TABLESPACE"],
            &["IMPORT", "TABLESPACE"],
            &["WITH", "VALIDATION"],
            &["WITHOUT", "VALIDATION"],
            &["SECONDARY_LOAD"],
            &["SECONDARY_UNLOAD"],
            &["UPGRADE", "PARTITIONING"],
            &["NOWAIT"],
            &["REMOVE", "PARTITIONING"],
        ];
        if ALONE.iter().any(|words| self.accept(words)) {
            return Ok(true);
        }
        if self.accept(&["ORDER", "BY"]) {
            while self.is_before_end() && !self.peeks_symbol(';') {
                // The list is the end of the statement: its commas do not part clauses.
                self.advance();
            }
            return Ok(true);
        }
        self.partitioning()
    }

    /// A clause about partitions, if one is next.
    fn partition_clause(&mut self, clauses: &mut Vec<Clause>) -> Result<bool> {
        if self.accept(&["EXCHANGE", "PARTITION"]) {
            self.expect_name()?;
            self.expect(&["WITH", "TABLE"], "WITH TABLE")?;
            clauses.push(Clause::ExchangePartition(self.other_table()?));
        } else if self.accept(&["CONVERT", "PARTITION"]) {
            self.expect_name()?;
            self.expect(&["TO", "TABLE"], "TO TABLE")?;
            clauses.push(Clause::PartitionToTable(self.other_table()?));
        } else if self.accept(&["CONVERT", "TABLE"]) {
            clauses.push(Clause::TableToPartition(self.other_table()?));
            self.expect(&["TO", "PARTITION"], "TO PARTITION")?;
            self.skip_clause();
        } else if self.peeks_partition_verb() {
            self.skip_clause();
        } else {
            return Ok(false);
        }
        let _ = self.accept(&["WITH", "VALIDATION"]) || self.accept(&["WITHOUT", "VALIDATION"]);
        Ok(true)
    }

    fn other_table(&mut self) -> Result<TableId> {
        self.table().ok_or_else(|| self.expected("a table"))
    }

    fn peeks_partition_verb(&self) -> bool {
        const VERBS: [&str; 13] = [
            "ADD",
            "ANALYZE",
            "CHECK",
            "COALESCE",
            "DISCARD",
            "DROP",
            "IMPORT",
            "OPTIMIZE",
            "REBUILD",
            "REORGANIZE",
            "REPAIR",
            "TRUNCATE",
            "REMOVE",
        ];
        VERBS.contains(&self.word(0).as_str()) && self.word_is(1, "PARTITION")
    }

    /// Passes over the rest of the statement: clauses about partitions stand alone, and have lists of names.
    fn skip_clause(&mut self) {
        while self.is_before_end() && !self.peeks_symbol(';') {
            self.advance();
        }
    }
}
