//! The text of a statement, out of the bytes that its event holds.

use rowtide_event::Charset;

use super::layout::is_servers_text;
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

/// Whether a DROP TABLE is what MySQL before 8.0 and MariaDB log of a DROP DATABASE that failed when its tables were gone,
/// as where a file of somebody else lies in its folder. Behind one that clients send they write a comment.
pub(super) fn is_of_failed_drop_database(sql: &str) -> bool {
    sql.starts_with("DROP TABLE IF EXISTS `") && sql.ends_with('`')
}

#[cfg(test)]
mod tests {
    use super::*;

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
