//! The text of a statement, out of the bytes that its event holds.

use rowtide_event::Charset;

use super::Session;
use super::definitions::is_servers_text;
use crate::event::StatusVariables;

/// A statement's text: it is logged in the client's character set, as far as the client has kept to it. Text that the
/// server wrote itself is in UTF-8, whatever its event says.
pub fn statement_text(statement: &[u8], variables: &StatusVariables) -> String {
    let client = variables
        .collations
        .and_then(|collations| Charset::from_collation(collations.client))
        .unwrap_or(Charset::Utf8);
    match std::str::from_utf8(statement) {
        Ok(text) if is_servers_statement(text) => text.to_owned(),
        _ => in_charset(client, statement),
    }
}

fn in_charset(client: Charset, statement: &[u8]) -> String {
    match client {
        // The server reads the letters that swe7 has in place of quotes and brackets as these.
        Charset::Swe7 => Charset::Ascii,
        other => other,
    }
    .decode_lossy(statement)
    .into_owned()
}

/// Whether the server wrote a CREATE TABLE in place of the client's: it names the character set of the table only where
/// the client has. SHOW CREATE TABLE, which clients send too, always does.
pub(super) fn is_servers_statement(sql: &str) -> bool {
    if !sql.starts_with("CREATE ") || !is_servers_text(sql) {
        return false;
    }
    let options = sql.rsplit_once("\n)").map_or("", |(_, options)| options);
    options.ends_with("START TRANSACTION") || !options.contains(" CHARSET=")
}

/// Whether a CREATE TABLE may be the server's in place of `CREATE TABLE ... LIKE` a temporary table or one of
/// information_schema. It names the storage engine unless `sql_mode` keeps it from that, but not the character set of the
/// table, which is that of the other. With `sql_quote_show_create` off it looks as if a client had written it.
pub(super) fn may_be_like_temporary(sql: &str, session: &Session<'_>) -> bool {
    let quote = if session.has_ansi_quotes() { '"' } else { '`' };
    let Some((head, rest)) = sql.split_once(&format!(" (\n  {quote}")) else {
        return false;
    };
    let engine = || {
        ["\n) ENGINE=", "\n) TYPE="]
            .iter()
            .find_map(|is| rest.rsplit_once(is))
    };
    let without_options = || rest.strip_suffix("\n)").map(|columns| (columns, ""));
    let shown = session.shows_table_options().then(engine);
    let Some((columns, options)) = shown.unwrap_or_else(without_options) else {
        return false;
    };
    let says_charset = [" CHARSET=", " COLLATE="]
        .iter()
        .any(|option| options.contains(option));
    let mut lines = columns.lines();
    let first = lines.next();
    let is_line = |line: &str| line.strip_prefix("  ").is_some_and(|line| !line.starts_with(' '));
    let is_column = |line: &str| is_column_of_the_servers(line, quote);
    let column_of = |line: &str| line.strip_prefix("  ")?.strip_prefix(quote).map(is_column);
    head.starts_with("CREATE ")
        && !says_charset
        && first.is_some_and(is_column)
        && lines.all(|line| is_line(line) && column_of(line) != Some(false))
        && !has_small_keyword(sql)
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

/// Whether a DROP TABLE is what MySQL before 8.0 and MariaDB log of a DROP DATABASE that failed when its tables were gone,
/// as where a file of somebody else lies in its folder. Behind one that clients send they write a comment.
pub(super) fn is_of_failed_drop_database(sql: &str) -> bool {
    sql.starts_with("DROP TABLE IF EXISTS `") && sql.ends_with('`')
}

/// Whether a column is written as servers before MySQL 8.0 and MariaDB's write it: behind its name, integers have a width.
fn is_column_of_the_servers(line: &str, quote: char) -> bool {
    let Some((_, definition)) = line.split_once(&format!("{quote} ")) else {
        return false;
    };
    let name = definition.split([' ', ',']).next().unwrap_or_default();
    let is_integer = ["tinyint", "smallint", "mediumint", "int", "bigint"].contains(&name);
    name.starts_with(|c: char| c.is_ascii_lowercase()) && !is_integer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::NameCase;

    fn text_of(client: &str, statement: &[u8]) -> String {
        let collations: &[u8] = match client {
            "latin1" => &[4, 8, 0, 8, 0, 8, 0],
            "swe7" => &[4, 10, 0, 10, 0, 8, 0],
            _ => &[4, 255, 0, 255, 0, 8, 0],
        };
        let mut body = vec![0; 11];
        body.extend((collations.len() as u16).to_le_bytes());
        body.extend(collations);
        body.push(0);
        body.extend(statement);
        let query = crate::event::Query::read(&body, 13).unwrap();
        statement_text(query.query, &query.variables)
    }

    #[test]
    fn in_the_clients_character_set() {
        assert_eq!(text_of("swe7", b"DROP TABLE `t`"), "DROP TABLE `t`");
        assert_eq!(text_of("latin1", b"DROP TABLE `\xe9`"), "DROP TABLE `\u{e9}`");
        assert_eq!(text_of("utf8mb4", b"SET @a = '\xff'"), "SET @a = '\u{fffd}'");
    }

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
    fn what_the_server_wrote_is_utf8() {
        let columns = "CREATE TABLE `t` (\n  `a` enum('é') DEFAULT NULL\n)";
        for options in ["", " ENGINE=InnoDB", " DEFAULT CHARSET=latin1 START TRANSACTION"] {
            let sql = format!("{columns}{options}");
            assert_eq!(text_of("latin1", sql.as_bytes()), sql);
        }
        let sent = format!("{columns} ENGINE=InnoDB DEFAULT CHARSET=latin1");
        assert_eq!(text_of("latin1", sent.as_bytes()), sent.replace('é', "Ã©"));
    }
}
