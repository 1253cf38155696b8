//! The layout in which servers write a CREATE TABLE (`store_create_info` in sql_show.cc): a line for each column and each
//! key, behind two blanks.

use super::Session;

/// Whether a statement's text is the server's own, as SHOW CREATE TABLE has it and as it is logged in place of
/// `CREATE TABLE ... SELECT`, of `CREATE TABLE ... LIKE` a temporary table, and of one to which
/// `sql_generate_invisible_primary_key` gives a key.
pub fn is_servers_text(sql: &str) -> bool {
    let is_quoted = ["` (\n  `", "\" (\n  \""]
        .iter()
        .any(|begins| sql.contains(begins));
    let says_all = |quote: &char| Layout::of(sql, *quote).is_some_and(|layout| layout.says_all());
    is_quoted || ['`', '"'].iter().any(says_all)
}

/// Whether a CREATE TABLE may be a text of the server's that does not tell the character set of the table, though it need not
/// be that of the database:
///
/// - in place of `CREATE TABLE ... LIKE` a temporary table. Servers note in the event that a statement has used one of its
///   connection (`THD::thread_specific_used`);
/// - in place of the same of a table of information_schema, whose columns have names in capitals;
/// - in place of `CREATE TABLE ... SELECT` where `sql_mode` keeps servers from showing options, with which it else tells
///   the character set if the statement has. The rows of MariaDB's come with it.
pub(super) fn loses_charset(sql: &str, session: &Session<'_>) -> bool {
    let quote = if session.has_ansi_quotes() { '"' } else { '`' };
    let loses = |layout: Layout<'_>| {
        let is_like = session.connection.is_some() || layout.has_names_in_capitals();
        layout.has_widths()
            && match session.shows_table_options() {
                true => is_like && !session.comes_with_rows && layout.has_engine_and_no_charset(),
                false => layout.options.is_empty() && (is_like || layout.says_all()),
            }
    };
    Layout::of(sql, quote).is_some_and(loses)
}

/// A CREATE TABLE whose columns and keys stand in lines of their own.
struct Layout<'a> {
    /// Name and definition of each column.
    columns: Vec<(&'a str, &'a str)>,
    /// What stands behind the bracket.
    options: &'a str,
}

impl<'a> Layout<'a> {
    /// None if not all lines are columns and keys. Names may be in quotes of this kind.
    fn of(sql: &'a str, quote: char) -> Option<Self> {
        let (_, rest) = sql.split_once(" (\n").filter(|_| sql.starts_with("CREATE "))?;
        let (lines, options) = rest.rsplit_once("\n)")?;
        let lines = lines.lines().map(|line| {
            let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
            match is_key(line) {
                true => Some(None),
                false => column(line, quote).map(Some),
            }
        });
        let lines: Option<Vec<_>> = lines.collect();
        let columns: Vec<_> = lines?.into_iter().flatten().collect();
        let are_typed = columns.iter().all(|(_, definition)| is_type(definition));
        (!columns.is_empty() && are_typed).then_some(Self { columns, options })
    }

    fn has_engine_and_no_charset(&self) -> bool {
        let is_engine = |is: &&str| self.options.starts_with(is);
        let says_charset = |option: &&str| self.options.contains(option);
        [" ENGINE=", " TYPE="].iter().any(is_engine) && ![" CHARSET=", " COLLATE="].iter().any(says_charset)
    }

    /// Whether its integers have widths, as with MySQL before 8.0 and MariaDB.
    fn has_widths(&self) -> bool {
        const INTEGERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];
        let is_wide = |(_, definition): &(&str, &str)| !INTEGERS.contains(&type_name(definition));
        self.columns.iter().all(is_wide)
    }

    fn has_names_in_capitals(&self) -> bool {
        let is_in_capitals = |(name, _): &(&str, &str)| !name.contains(char::is_lowercase);
        self.columns.iter().all(is_in_capitals)
    }

    /// Whether it says of each column what servers say, with names in quotes only where they need them, as with
    /// `sql_quote_show_create` off: so clients write most often, but less of a column.
    fn says_all(&self) -> bool {
        self.columns.iter().all(|(_, definition)| says_all(definition))
    }
}

/// Name and definition of a column. The name is in quotes unless it needs none.
fn column(line: &str, quote: char) -> Option<(&str, &str)> {
    if let Some(line) = line.strip_prefix(quote) {
        return line.split_once(&format!("{quote} "));
    }
    let (name, definition) = line.split_once(' ')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    name.chars().all(is_plain).then_some((name, definition))
}

fn type_name(definition: &str) -> &str {
    definition.split([' ', ',']).next().unwrap_or_default()
}

fn is_type(definition: &str) -> bool {
    type_name(definition).starts_with(|c: char| c.is_ascii_lowercase())
}

/// Whether it says what a column is without a value, which servers leave out of no column but those that have no default.
fn says_all(definition: &str) -> bool {
    const WITHOUT_DEFAULT: [&str; 6] = ["text", "blob", "json", "geometry", "point", "string"];
    let name = definition.split([' ', ',', '(']).next().unwrap_or_default();
    let says = [" NOT NULL", " NULL", " DEFAULT ", " GENERATED ALWAYS AS "]
        .iter()
        .any(|words| definition.contains(words));
    says || WITHOUT_DEFAULT.iter().any(|ends| name.ends_with(ends))
}

fn is_key(line: &str) -> bool {
    const KEYS: [&str; 9] = [
        "PRIMARY KEY ",
        "UNIQUE KEY ",
        "KEY ",
        "FULLTEXT KEY ",
        "SPATIAL KEY ",
        "VECTOR KEY ",
        "CONSTRAINT ",
        "CHECK ",
        "PERIOD FOR ",
    ];
    KEYS.iter().any(|key| line.starts_with(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::NameCase;

    /// Of a statement that has used a temporary table.
    fn session(sql_mode: u64) -> Session<'static> {
        Session {
            sql_mode,
            connection: Some(1),
            ..Session::new("d", "10.11.2-MariaDB".parse().unwrap(), NameCase::Matters)
        }
    }

    #[test]
    fn the_form_of_a_table_like_a_temporary_one_is_that_of_its_sql_mode() {
        const ANSI: u64 = 0x4_000f;
        const ANSI_QUOTES: u64 = 0x4;
        const NO_TABLE_OPTIONS: u64 = 0x4000;
        let columns =
            "CREATE TABLE `l` (\n  `a` int(11) NOT NULL,\n  `b c` varchar(3),\n  PRIMARY KEY (`a`)\n)";
        let quoted = columns.replace('`', "\"");
        let is_lost = |sql: &str, sql_mode| loses_charset(sql, &session(sql_mode));
        assert!(is_lost(columns, NO_TABLE_OPTIONS));
        assert!(is_lost(&quoted, ANSI));
        assert!(is_lost(&format!("{quoted} ENGINE=InnoDB"), ANSI_QUOTES));
        assert!(is_lost(&format!("{columns} TYPE=InnoDB"), 0));
        assert!(is_lost(&quoted.replace("\"b c\"", "\"key\""), ANSI));
        assert!(!is_lost(&quoted, ANSI_QUOTES));
        assert!(!is_lost(columns, ANSI));
        assert!(!is_lost(&format!("{columns} ENGINE=InnoDB"), NO_TABLE_OPTIONS));
    }

    #[test]
    fn the_character_set_of_a_temporary_table_is_lost() {
        let is_lost = |sql: &str| loses_charset(sql, &session(0));
        let columns =
            "CREATE TABLE `d`.`l` (\n  `a` int(11) NOT NULL,\n  `b` varchar(3),\n  PRIMARY KEY (`a`)\n)";
        let plain = columns.replace('`', "");
        for columns in [columns, &plain] {
            assert!(is_lost(&format!("{columns} ENGINE=InnoDB")));
            assert!(is_lost(&format!("{columns} ENGINE=MEMORY COMMENT='x'")));
            assert!(!is_lost(columns));
            assert!(!is_lost(&format!("{columns} START TRANSACTION")));
            assert!(!is_lost(&format!(
                "{columns} ENGINE=InnoDB DEFAULT CHARSET=latin1"
            )));
        }
        let written = |columns: &str| is_lost(&format!("CREATE TABLE `l` (\n{columns}\n) ENGINE=InnoDB"));
        assert!(written("  `b` varchar(3),\n  `a` int(11)"));
        assert!(!written("  `b` varchar(3),\n  `a` int"));
        assert!(!written("  `b` VARCHAR(3)"));
        assert!(!written("  `b` varchar(3),\n    `c` text"));
    }

    #[test]
    fn a_statement_that_used_no_temporary_table_is_a_clients_or_of_information_schema() {
        let of_client = Session {
            connection: None,
            ..session(0)
        };
        let is_lost = |columns: &str| {
            loses_charset(
                &format!("CREATE TABLE l (\n{columns}\n) ENGINE=MEMORY"),
                &of_client,
            )
        };
        assert!(!is_lost(
            "  `a` int(11) NOT NULL,\n  `b` varchar(3),\n  KEY `k` (`b`)"
        ));
        assert!(is_lost(
            "  `CATALOG_NAME` varchar(512) NOT NULL,\n  `SQL_PATH` varchar(512)"
        ));
        assert!(is_lost("  `ID` bigint(4) NOT NULL,\n  INFO longtext"));
    }

    #[test]
    fn without_options_the_text_of_a_query_does_not_tell_its_character_set() {
        const ANSI: u64 = 0x4_000f;
        let lost = |sql: &str, sql_mode, comes_with_rows| {
            let session = Session {
                connection: None,
                comes_with_rows,
                ..session(sql_mode)
            };
            loses_charset(sql, &session)
        };
        let sql = "CREATE TABLE \"l\" (\n  \"a\" varchar(1) NOT NULL,\n  \"b\" varchar(3) DEFAULT NULL\n)";
        assert!(lost(sql, ANSI, true) && lost(sql, ANSI, false));
        assert!(!lost(&sql.replace(" DEFAULT NULL", ""), ANSI, true));
        let shown = format!("{} ENGINE=InnoDB", sql.replace('"', "`"));
        assert!(!lost(&shown, 0, true) && !lost(&shown, 0, false));
    }

    #[test]
    fn the_servers_own_text_is_known_by_its_layout() {
        assert!(is_servers_text(
            "CREATE TABLE `t``1` (\n  `n` int\n) START TRANSACTION"
        ));
        assert!(is_servers_text("CREATE TABLE \"t\" (\n  \"n\" int(11)\n)"));
        assert!(!is_servers_text("CREATE TABLE `t` (`n` int)"));
    }

    #[test]
    fn names_without_quotes_are_the_servers_if_all_is_said() {
        let columns = "CREATE TABLE l (\n  id int NOT NULL,\n  `a b` varchar(3) DEFAULT NULL,\n  t tinytext,\n  \
                       ts timestamp NULL DEFAULT NULL,\n  PRIMARY KEY (id),\n  UNIQUE KEY k (t(3))\n)";
        assert!(is_servers_text(columns));
        for written in [
            columns.replace("varchar(3) DEFAULT NULL", "varchar(3)"),
            columns.replace("  id", "    id"),
            columns.replace("UNIQUE KEY k", "UNIQUE k"),
            columns.replace("tinytext", "TINYTEXT"),
            columns.replace(" (\n  id", "(\n  id"),
        ] {
            assert!(!is_servers_text(&written), "{written}");
        }
    }
}
