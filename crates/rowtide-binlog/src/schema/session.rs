//! What the meaning of a statement depends on besides its text.

use rowtide_event::Charset;

use super::NameCase;
use super::layout::loses_charset;
use super::text::{is_of_failed_drop_database, is_servers_statement};
use crate::event::{CharsetCollations, StatusVariables};
use crate::server::{Flavour, ServerVersion};

/// `ANSI_QUOTES` in `sql_mode`: double quotes hold a name.
const ANSI_QUOTES: u64 = 0x4;
/// `REAL_AS_FLOAT` in `sql_mode`: REAL is FLOAT.
const REAL_AS_FLOAT: u64 = 0x1;
/// `MAXDB` in `sql_mode`, which MySQL has up to 5.7: TIMESTAMP is DATETIME.
const MAXDB: u64 = 0x1000;
/// `MSSQL` in `sql_mode`: on MariaDB brackets hold a name.
const MSSQL: u64 = 0x400;
/// `ORACLE` in MariaDB's `sql_mode`: DATE has a time of day.
const ORACLE: u64 = 0x200;
/// `POSTGRESQL`, `ORACLE`, `MSSQL`, `DB2`, `MAXDB`, `NO_TABLE_OPTIONS` and `ANSI` in `sql_mode`: servers show no options of a
/// table.
const WITHOUT_TABLE_OPTIONS: u64 = 0x100 | ORACLE | MSSQL | 0x800 | MAXDB | 0x4000 | 0x4_0000;
/// `NO_BACKSLASH_ESCAPES` in `sql_mode`: a backslash in a string is a backslash.
const NO_BACKSLASH_ESCAPES: u64 = 0x10_0000;
/// `explicit_defaults_for_timestamp` in the flags that MariaDB logs.
const EXPLICIT_DEFAULTS: u32 = 0x0100_0000;

/// `ER_BAD_TABLE_ERROR`: there is no such table, or it is a view.
const UNKNOWN_TABLE: u16 = 1051;

/// How MariaDB's statements with variables of their own begin.
const SET_STATEMENT: &str = "SET STATEMENT";

/// What a statement ran with.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// The database it ran in, for names without one.
    pub database: &'a str,
    /// The `sql_mode` it ran with, as its event has it.
    pub sql_mode: u64,
    /// The server that logged it.
    pub server: ServerVersion,
    /// How that server compares names.
    pub name_case: NameCase,
    /// The id of `collation_connection`: the character set of literals.
    pub collation_connection: Option<u16>,
    /// The id of `collation_server`, for a CREATE DATABASE that names no character set.
    pub collation_server: Option<u16>,
    /// The id of the collation that `CHARACTER SET utf8mb4` alone means; without it the server's version says it.
    pub default_collation_for_utf8mb4: Option<u16>,
    /// The collations that `CHARACTER SET` alone means on MariaDB from 11.5 on; without them the server's version says it.
    pub charset_collations: Option<CharsetCollations>,
    /// `explicit_defaults_for_timestamp`; without it the server's version says it.
    pub explicit_defaults_for_timestamp: Option<bool>,
    /// Whether `utf8` is short for utf8mb4 and not for utf8mb3, as MariaDB's `old_mode` says, which is in no event.
    pub utf8_is_utf8mb4: bool,
    /// The connection, where the event says that the statement means what it does there alone, as with temporary tables.
    pub connection: Option<u32>,
    /// Whether the event has the number of a transaction of the server's dictionary, `ddl_xid`: CREATE TABLE IF NOT EXISTS
    /// has made a table. MySQL has it from 8.0 on, for tables of InnoDB; MariaDB from 10.6 on.
    pub changed_dictionary: bool,
    /// Whether the statement shares its transaction with rows, as MariaDB's CREATE TABLE ... SELECT does, whose text the
    /// server writes.
    pub comes_with_rows: bool,
    /// The error that the statement ended with, 0 for none.
    pub(super) error: u16,
    /// The client's character set, where its literals are bytes, which nobody converts.
    pub(super) bytes_of_client: Option<Charset>,
    /// The client's character set is swe7, which has letters in place of signs that SQL is made of.
    pub(super) client_is_swe7: bool,
    /// The statement may have lost the character set of its table, which is none of those that it ran with.
    pub(super) charset_is_lost: bool,
    /// The statement is what a DROP DATABASE has done that failed then: the database may be there without its character set.
    pub(super) drops_database: bool,
    /// The statement is the text of SHOW CREATE TABLE: nothing follows from it but what it says.
    pub(super) is_definition: bool,
}

impl<'a> Session<'a> {
    /// A session of which nothing else is known: `sql_mode` 0 and the server's own defaults.
    pub const fn new(database: &'a str, server: ServerVersion, name_case: NameCase) -> Self {
        Self {
            database,
            sql_mode: 0,
            server,
            name_case,
            collation_connection: None,
            collation_server: None,
            default_collation_for_utf8mb4: None,
            charset_collations: None,
            explicit_defaults_for_timestamp: None,
            utf8_is_utf8mb4: false,
            connection: None,
            changed_dictionary: false,
            comes_with_rows: false,
            error: 0,
            bytes_of_client: None,
            client_is_swe7: false,
            charset_is_lost: false,
            drops_database: false,
            is_definition: false,
        }
    }

    /// The session that a statement's event tells of.
    pub fn of(
        database: &'a str,
        variables: &StatusVariables,
        server: ServerVersion,
        name_case: NameCase,
    ) -> Self {
        Self {
            sql_mode: variables.sql_mode.unwrap_or(0),
            collation_connection: variables.collations.map(|collations| collations.connection),
            collation_server: variables.collations.map(|collations| collations.server),
            default_collation_for_utf8mb4: variables.default_collation_for_utf8mb4,
            charset_collations: variables.charset_collations,
            explicit_defaults_for_timestamp: explicit_defaults(variables, server.flavour),
            bytes_of_client: bytes_of_client(variables),
            changed_dictionary: variables.ddl_xid.is_some_and(|number| number != 0),
            client_is_swe7: client(variables) == Some(Charset::Swe7),
            ..Self::new(database, server, name_case)
        }
    }

    /// The same for a statement that ended with this error, 0 for none: MariaDB logs a CREATE OR REPLACE that failed once
    /// the old table was gone, and MySQL before 8.0 a DROP TABLE that could drop some of its tables only.
    #[must_use]
    pub fn ended_with(self, error_code: u16) -> Self {
        Self {
            error: error_code,
            ..self
        }
    }

    /// Whether the statement ended with an error.
    pub(super) fn has_failed(&self) -> bool {
        self.error != 0
    }

    /// Whether a DROP TABLE may have left some of the tables that it names. MySQL before 8.0 names all, those too that a
    /// foreign key holds, unless the only error was that some are not there; MariaDB names those that are gone.
    pub(super) fn may_have_left_tables(&self) -> bool {
        self.has_failed() && self.error != UNKNOWN_TABLE && self.server.flavour == Flavour::MySql
    }

    /// The session in which the text of SHOW CREATE TABLE means what it says, if it was asked for with an empty
    /// `sql_mode`. Keys are those that are shown, in their order: a foreign key makes none.
    ///
    /// Here alone the content of `/*R! ... */` counts, by which
    /// [`TrackedTable::definition`](super::tracked::TrackedTable::definition) tells what SQL cannot. For servers it is a
    /// comment.
    pub fn of_definition(database: &'a str, server: ServerVersion, name_case: NameCase) -> Self {
        Self {
            explicit_defaults_for_timestamp: Some(true),
            is_definition: true,
            ..Self::new(database, server, name_case)
        }
    }

    /// The session in which the types of a statement were read: MariaDB reads `SET STATEMENT sql_mode = ... FOR statement`
    /// before the variables count, and logs it with them. What counted before is in no event; usually it was nothing that
    /// matters here. What the server wrote itself has no literals of a client's.
    pub(super) fn of_types(&self, sql: &str) -> Self {
        let begins = sql.trim_start().get(..SET_STATEMENT.len());
        let is_within = begins.is_some_and(|begins| begins.eq_ignore_ascii_case(SET_STATEMENT));
        let kept = if self.is_mariadb() && is_within {
            !(REAL_AS_FLOAT | ORACLE)
        } else {
            u64::MAX
        };
        let is_clients = !is_servers_statement(sql);
        Self {
            sql_mode: self.sql_mode & kept,
            bytes_of_client: self.bytes_of_client.filter(|_| is_clients),
            collation_connection: self.collation_connection.filter(|_| is_clients),
            // From MySQL 8.0 on, table maps tell it.
            charset_is_lost: !self.is_definition
                && !self.logs_changes_of_dictionary()
                && loses_charset(sql, self),
            drops_database: !self.logs_changes_of_dictionary() && is_of_failed_drop_database(sql),
            ..*self
        }
    }

    /// The character set of its literals, where it is one that is known.
    pub(super) fn charset_of_literals(&self) -> Option<Charset> {
        self.collation_connection.and_then(Charset::from_collation)
    }

    /// Whether each statement that changes the server's dictionary says so in its event. MariaDB's events say it of some
    /// that do nothing, too, but not of CREATE TABLE.
    pub(super) fn logs_changes_of_dictionary(&self) -> bool {
        !self.is_mariadb() && self.server.is_at_least(8, 0, 0)
    }

    pub(super) fn is_mariadb(&self) -> bool {
        self.server.flavour == Flavour::MariaDb
    }

    /// Whether DESC counts in a key.
    pub(super) fn has_descending_keys(&self) -> bool {
        match self.server.flavour {
            Flavour::MySql => self.server.is_at_least(8, 0, 1),
            Flavour::MariaDb => self.server.is_at_least(10, 8, 0),
        }
    }

    /// Whether names and literals of a statement may have letters that were read as signs.
    pub(super) fn has_letters_for_signs(&self, sql: &str) -> bool {
        let is_letter = |c: char| "@[\\]^{|}~".contains(c);
        self.client_is_swe7 && !is_servers_statement(sql) && sql.contains(is_letter)
    }

    pub(super) fn has_ansi_quotes(&self) -> bool {
        self.sql_mode & ANSI_QUOTES != 0
    }

    /// Whether the storage engine and other options of tables are in texts that the server writes.
    pub(super) fn shows_table_options(&self) -> bool {
        self.sql_mode & WITHOUT_TABLE_OPTIONS == 0
    }

    pub(super) fn has_bracket_quotes(&self) -> bool {
        self.is_mariadb() && self.sql_mode & MSSQL != 0
    }

    pub(super) fn has_backslash_escapes(&self) -> bool {
        self.sql_mode & NO_BACKSLASH_ESCAPES == 0
    }

    pub(super) fn real_is_float(&self) -> bool {
        self.sql_mode & REAL_AS_FLOAT != 0
    }

    pub(super) fn date_has_time(&self) -> bool {
        self.is_mariadb() && self.sql_mode & ORACLE != 0
    }

    pub(super) fn timestamp_is_datetime(&self) -> bool {
        let knows_it = self.is_mariadb() || !self.server.is_at_least(8, 0, 0);
        knows_it && self.sql_mode & MAXDB != 0
    }

    /// Whether a TIMESTAMP column is like any other: nullable, and without a default that nobody wrote.
    pub(super) fn explicit_timestamp_defaults(&self) -> bool {
        let by_version = match self.server.flavour {
            Flavour::MySql => self.server.is_at_least(8, 0, 2),
            Flavour::MariaDb => self.server.is_at_least(10, 10, 0),
        };
        self.explicit_defaults_for_timestamp.unwrap_or(by_version)
    }
}

/// MySQL has a variable for it, MariaDB a flag.
fn explicit_defaults(variables: &StatusVariables, flavour: Flavour) -> Option<bool> {
    match flavour {
        Flavour::MySql => variables.explicit_defaults_for_timestamp,
        Flavour::MariaDb => variables.flags2.map(|flags| flags & EXPLICIT_DEFAULTS != 0),
    }
}

fn client(variables: &StatusVariables) -> Option<Charset> {
    Charset::from_collation(variables.collations?.client)
}

/// The client's character set if that or the connection's is `binary`.
fn bytes_of_client(variables: &StatusVariables) -> Option<Charset> {
    let collations = variables.collations?;
    let client = client(variables)?;
    let connection = Charset::from_collation(collations.connection)?;
    [client, connection].contains(&Charset::Binary).then_some(client)
}
