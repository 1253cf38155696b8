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
    let is_without = |layout: Layout<'_>| ['`', '"'].iter().any(|quote| layout.is_without_quotes(*quote));
    is_quoted || Layout::of(sql).is_some_and(is_without)
}

/// Whether a CREATE TABLE may be the server's in place of `CREATE TABLE ... LIKE` a temporary table or one of
/// information_schema. It names the storage engine unless `sql_mode` keeps it from that, but not the character set of the
/// table, which is that of the other.
pub(super) fn may_be_like_temporary(sql: &str, session: &Session<'_>) -> bool {
    let quote = if session.has_ansi_quotes() { '"' } else { '`' };
    let may_be = |layout: Layout<'_>| {
        layout.has_options_as(session)
            && layout.has_widths(quote)
            && (layout.is_in_quotes(quote) || layout.is_without_quotes(quote))
    };
    Layout::of(sql).is_some_and(may_be) && !has_small_keyword(sql)
}

/// A CREATE TABLE whose columns and keys stand in lines of their own.
struct Layout<'a> {
    /// Columns and keys.
    lines: &'a str,
    /// What stands behind the bracket.
    options: &'a str,
}

impl<'a> Layout<'a> {
    fn of(sql: &'a str) -> Option<Self> {
        let (head, rest) = sql.split_once(" (\n")?;
        let (lines, options) = rest.rsplit_once("\n)")?;
        head.starts_with("CREATE ").then_some(Self { lines, options })
    }

    /// Whether it has the options that are shown of a table whose character set is not.
    fn has_options_as(&self, session: &Session<'_>) -> bool {
        let is_engine = [" ENGINE=", " TYPE="]
            .iter()
            .any(|is| self.options.starts_with(is));
        let says_charset = [" CHARSET=", " COLLATE="]
            .iter()
            .any(|option| self.options.contains(option));
        match session.shows_table_options() {
            true => is_engine && !says_charset,
            false => self.options.is_empty(),
        }
    }

    /// Whether the integers have widths, as with MySQL before 8.0 and MariaDB.
    fn has_widths(&self, quote: char) -> bool {
        const INTEGERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];
        let is_wide = |line| definition(line, quote).is_none_or(|ty| !INTEGERS.contains(&type_name(ty)));
        self.lines.lines().filter_map(behind_two_blanks).all(is_wide)
    }

    /// Whether all names are in quotes.
    fn is_in_quotes(&self, quote: char) -> bool {
        let column = |line: &'a str| {
            line.starts_with(quote)
                .then(|| definition(line, quote).is_some_and(is_type))
        };
        let mut lines = self.lines.lines().map(behind_two_blanks);
        lines.next().flatten().and_then(column) == Some(true)
            && lines.all(|line| line.is_some_and(|line| column(line) != Some(false)))
    }

    /// Whether names are in quotes only where they need them, with `sql_quote_show_create` off. So clients write most
    /// often, but not with all that servers say of a column.
    fn is_without_quotes(&self, quote: char) -> bool {
        let is_column = |line: &'a str| definition(line, quote).is_some_and(|of| is_type(of) && says_all(of));
        let mut lines = self.lines.lines().map(behind_two_blanks);
        lines.next().flatten().is_some_and(is_column)
            && lines.all(|line| line.is_some_and(|line| is_key(line) || is_column(line)))
    }
}

fn behind_two_blanks(line: &str) -> Option<&str> {
    line.strip_prefix("  ").filter(|line| !line.starts_with(' '))
}

/// What follows the name of a column, which is in quotes unless it needs none.
fn definition(line: &str, quote: char) -> Option<&str> {
    if let Some(line) = line.strip_prefix(quote) {
        return line
            .split_once(&format!("{quote} "))
            .map(|(_, definition)| definition);
    }
    let (name, definition) = line.split_once(' ')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    name.chars().all(is_plain).then_some(definition)
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
    const KEYS: [&str; 8] = [
        "PRIMARY KEY ",
        "UNIQUE KEY ",
        "KEY ",
        "FULLTEXT KEY ",
        "SPATIAL KEY ",
        "CONSTRAINT ",
        "CHECK ",
        "PERIOD FOR ",
    ];
    KEYS.iter().any(|key| line.starts_with(key))
}

/// Words that servers write in capitals, whoever has written them before.
const KEYWORDS: [&str; 8] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "AUTO_INCREMENT",
    "COMMENT",
    "PRIMARY",
    "UNIQUE",
    "KEY",
];

/// Whether a keyword is not in capitals. In quotes and brackets, where names, text and expressions are, all is allowed; with
/// a backslash nobody can say where quotes end.
fn has_small_keyword(sql: &str) -> bool {
    let (mut quote, mut depth) = (None, 0u32);
    let is_small = |word: &str| {
        KEYWORDS
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword) && word != *keyword)
    };
    let outside = |c: char| {
        match (quote, c) {
            (Some(end), _) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`' | '"') => quote = Some(c),
            (None, '(') => depth = depth.saturating_add(1),
            (None, ')') => depth = depth.saturating_sub(1),
            // The brackets of the statement itself are around all columns.
            (None, _) if depth <= 1 => return c,
            (None, _) => {}
        }
        ' '
    };
    let outside: String = sql.chars().map(outside).collect();
    !sql.contains('\\') && outside.split([' ', ',', '\n']).any(is_small)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::NameCase;

    fn session(sql_mode: u64) -> Session<'static> {
        Session {
            sql_mode,
            ..Session::new("d", "10.11.2-MariaDB".parse().unwrap(), NameCase::Matters)
        }
    }

    #[test]
    fn the_form_of_a_table_like_a_temporary_one_is_that_of_its_sql_mode() {
        const ANSI: u64 = 0x4_000f;
        const ANSI_QUOTES: u64 = 0x4;
        const NO_TABLE_OPTIONS: u64 = 0x4000;
        let columns =
            "CREATE TABLE `l` (\n  `a` int(11) NOT NULL,\n  `b` varchar(3),\n  PRIMARY KEY (`a`)\n)";
        let quoted = columns.replace('`', "\"");
        let is_lost = |sql: &str, sql_mode| may_be_like_temporary(sql, &session(sql_mode));
        assert!(is_lost(columns, NO_TABLE_OPTIONS));
        assert!(is_lost(&quoted, ANSI));
        assert!(is_lost(&format!("{quoted} ENGINE=InnoDB"), ANSI_QUOTES));
        assert!(is_lost(&format!("{columns} TYPE=InnoDB"), 0));
        assert!(is_lost(&quoted.replace("\"b\"", "\"key\""), ANSI));
        assert!(!is_lost(&quoted, ANSI_QUOTES));
        assert!(!is_lost(columns, ANSI));
        assert!(!is_lost(&quoted.replace("NOT NULL", "not null"), ANSI));
        assert!(!is_lost(&format!("{columns} ENGINE=InnoDB"), NO_TABLE_OPTIONS));
    }

    #[test]
    fn the_character_set_of_a_temporary_table_is_lost() {
        let columns =
            "CREATE TABLE `d`.`l` (\n  `a` int(11) NOT NULL,\n  `b` varchar(3),\n  PRIMARY KEY (`a`)\n)";
        let is_lost = |sql: &str| may_be_like_temporary(sql, &session(0));
        assert!(is_lost(&format!("{columns} ENGINE=InnoDB")));
        assert!(is_lost(&format!("{columns} ENGINE=MEMORY COMMENT='x'")));
        assert!(!is_lost(columns));
        assert!(!is_lost(&format!("{columns} START TRANSACTION")));
        assert!(!is_lost(&format!(
            "{columns} ENGINE=InnoDB DEFAULT CHARSET=latin1"
        )));
        let written = |columns: &str| is_lost(&format!("CREATE TABLE `l` (\n{columns}\n) ENGINE=InnoDB"));
        assert!(written("  `b` varchar(3),\n  `a` int(11)"));
        assert!(!written("  `b` varchar(3),\n  `a` int"));
        assert!(!written("  `b` VARCHAR(3)"));
        assert!(!written("  `b` varchar(3),\n    `c` text"));
        assert!(written("  `b` varchar(3) DEFAULT 'not null',\n  KEY `key` (`b`)"));
        assert!(written(
            "  `b` varchar(3) GENERATED ALWAYS AS (`a` is not null) VIRTUAL"
        ));
        assert!(written("  `b` varchar(3) not null DEFAULT '\\'"));
        assert!(!written("  `b` varchar(3) not null"));
        assert!(!written(
            "  `a` int(11) NOT NULL auto_increment,\n  PRIMARY KEY (`a`)"
        ));
        assert!(!written("  `b` varchar(3),\n  key `b` (`b`)"));
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
        let columns = "CREATE TABLE l (\n  id int(11) NOT NULL,\n  `a b` varchar(3) DEFAULT NULL,\n  t tinytext,\n  \
                       ts timestamp NULL DEFAULT NULL,\n  PRIMARY KEY (id),\n  UNIQUE KEY k (t(3))\n)";
        let is_lost = |sql: &str| may_be_like_temporary(&format!("{sql} ENGINE=InnoDB"), &session(0));
        assert!(is_lost(columns));
        assert!(is_servers_text(columns));
        assert!(!is_lost(&columns.replace("`a b`", "\"a b\"")));
        let without_width = columns.replace("int(11)", "int");
        assert!(!is_lost(&without_width) && is_servers_text(&without_width));
        for written in [
            columns.replace("varchar(3) DEFAULT NULL", "varchar(3)"),
            columns.replace("  id", "    id"),
            columns.replace("UNIQUE KEY k", "UNIQUE k"),
            columns.replace("tinytext", "TINYTEXT"),
            columns.replace(" (\n  id", "(\n  id"),
        ] {
            assert!(!is_lost(&written), "{written}");
            assert!(!is_servers_text(&written), "{written}");
        }
    }
}
