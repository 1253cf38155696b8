//! Options of tables, databases, partitions and sequences.

use super::Result;
use super::data_type::{CharsetSpec, TypeSpec};
use crate::schema::sql::Cursor;
use crate::server::Flavour;

/// The options of a table that count here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::schema) struct TableOptions {
    pub(in crate::schema) charset: CharsetSpec,
    pub(in crate::schema) comment: Option<String>,
    /// MariaDB's WITH SYSTEM VERSIONING.
    pub(in crate::schema) versioned: bool,
    /// MariaDB's SEQUENCE=1 and SEQUENCE=0: whether the table is a sequence.
    pub(in crate::schema) sequence: Option<bool>,
    /// The storage engine's name.
    pub(in crate::schema) engine: Option<String>,
    /// Whether a definition of Rowtide's says that there may be a view in its place.
    pub(in crate::schema) may_be_view: bool,
}

/// Options with a value of one word, number or string.
const SIMPLE: [&str; 36] = [
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENCRYPTED",
    "ENCRYPTION_KEY_ID",
    "ENGINE_ATTRIBUTE",
    "IETF_QUOTES",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PAGE_CHECKSUM",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "PASSWORD",
    "RAID_CHUNKS",
    "RAID_CHUNKSIZE",
    "RAID_TYPE",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "STORAGE",
    "TABLE_CHECKSUM",
    "TABLESPACE",
    "TRANSACTIONAL",
    "TYPE",
    "NODEGROUP",
];

impl Cursor<'_> {
    /// One option of a table, if one is next.
    pub(super) fn table_option(&mut self, options: &mut TableOptions) -> Result<bool> {
        let before = self.mark();
        self.accept(&["DEFAULT"]);
        if let Some(charset) = self.charset_clause()? {
            options.charset.charset = Some(charset);
            if self.session.server.flavour == Flavour::MySql && !self.session.server.is_at_least(8, 0, 16) {
                // To MySQL 8.0.15 at least, what is said last counts.
                options.charset.collation = None;
            }
            return Ok(true);
        }
        if let Some(collation) = self.collate_clause()? {
            options.charset.collation = Some(collation);
            return Ok(true);
        }
        self.return_to(before);
        if self.accept(&["COMMENT"]) {
            self.accept_symbol('=');
            options.comment = Some(self.text_value()?);
        } else if self.accept(&["WITH", "SYSTEM", "VERSIONING"]) {
            options.versioned = true;
        } else if self.accept(&["SEQUENCE"]) {
            self.accept_symbol('=');
            options.sequence = Some(self.option_value()? != "0");
        } else if self.accept(&["ENGINE"]) {
            self.accept_symbol('=');
            options.engine = Some(self.name_or_text()?);
        } else if self.session.is_definition && self.accept(&["UNLESS", "VIEW"]) {
            options.may_be_view = true;
        } else {
            return self.other_table_option();
        }
        Ok(true)
    }

    fn other_table_option(&mut self) -> Result<bool> {
        if self.accept(&["DATA", "DIRECTORY"]) || self.accept(&["INDEX", "DIRECTORY"]) {
            self.accept_symbol('=');
            self.text_value()?;
        } else if self.accept(&["UNION"]) {
            self.accept_symbol('=');
            self.parenthesised()?;
        } else if self.accept(&["START", "TRANSACTION"]) {
            // CREATE ... SELECT, whose rows follow in the same transaction.
        } else if self.peeked_simple_option() {
            self.advance();
            self.accept_symbol('=');
            self.option_value()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn peeked_simple_option(&self) -> bool {
        let is_simple = SIMPLE.contains(&self.word(0).as_str());
        is_simple || (self.session.is_mariadb() && self.peeked_name_and_equals())
    }

    /// The value of an option: a word, a number with a unit, a string, or `DEFAULT`.
    pub(super) fn option_value(&mut self) -> Result<String> {
        let (start, _) = self.place();
        if self.literal().is_err() {
            self.expect_name()?;
        }
        let (_, end) = self.place();
        Ok(self.between(start, end).to_owned())
    }

    /// All options of a database.
    pub(super) fn database_options(&mut self) -> Result<CharsetSpec> {
        let mut charset = CharsetSpec::default();
        loop {
            self.accept(&["DEFAULT"]);
            if let Some(name) = self.charset_clause()? {
                charset.charset = Some(name);
            } else if let Some(name) = self.collate_clause()? {
                charset.collation = Some(name);
            } else if self.accept(&["ENCRYPTION"])
                || self.accept(&["COMMENT"])
                || self.accept(&["READ", "ONLY"])
            {
                self.accept_symbol('=');
                self.option_value()?;
            } else if !self.accept(&["UPGRADE", "DATA", "DIRECTORY", "NAME"]) {
                return Ok(charset);
            }
        }
    }

    /// All options of a sequence; the type where one is named.
    pub(super) fn sequence_options(&mut self) -> Result<Option<TypeSpec>> {
        let mut data_type = None;
        let mut ignored = TableOptions::default();
        while self.is_before_end() {
            if self.accept(&["AS"]) {
                data_type = Some(self.data_type()?);
            } else if self.accept(&["INCREMENT"]) {
                let _ = self.accept(&["BY"]) || self.accept_symbol('=');
                self.literal()?;
            } else if self.accept(&["START"]) || self.accept(&["RESTART"]) {
                let _ = self.accept(&["WITH"]) || self.accept_symbol('=');
                if self.literal().is_err() && !self.is_before_end() {
                    break;
                }
            } else if self.accept(&["MINVALUE"]) || self.accept(&["MAXVALUE"]) || self.accept(&["CACHE"]) {
                self.accept_symbol('=');
                self.literal()?;
            } else if self.accept_switch() || self.table_option(&mut ignored)? {
                // They change no column.
            } else {
                return Err(self.expected("an option of a sequence"));
            }
        }
        Ok(data_type)
    }

    fn accept_switch(&mut self) -> bool {
        const SWITCHES: [&[&str]; 8] = [
            &["NO", "MINVALUE"],
            &["NO", "MAXVALUE"],
            &["NO", "CYCLE"],
            &["NO", "CACHE"],
            &["NOMINVALUE"],
            &["NOMAXVALUE"],
            &["NOCYCLE"],
            &["NOCACHE"],
        ];
        self.accept(&["CYCLE"]) || SWITCHES.iter().any(|words| self.accept(words))
    }

    /// `PARTITION BY …` and all of its partitions, if that is next. Nothing of it changes columns or keys.
    pub(super) fn partitioning(&mut self) -> Result<bool> {
        if !self.accept(&["PARTITION", "BY"]) {
            return Ok(false);
        }
        loop {
            if self.peeks_symbol('(') {
                self.parenthesised()?;
            } else if self.ends_partitioning() {
                return Ok(true);
            } else {
                self.advance();
            }
        }
    }

    fn ends_partitioning(&self) -> bool {
        let query = ["AS", "SELECT", "WITH", "TABLE", "IGNORE", "REPLACE"];
        !self.is_before_end()
            || self.peeks_symbol(',')
            || self.peeks_symbol(';')
            || query.iter().any(|word| self.peeks(word))
    }
}
