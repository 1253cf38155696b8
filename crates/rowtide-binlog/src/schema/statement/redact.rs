//! Statements without the passwords in them, for whatever is written down or shown.

use std::borrow::Cow;
use std::ops::Range;

use crate::schema::Session;
use crate::schema::sql::{Kind, Token, tokens};

/// The statement with `'***'` in place of every string that holds a password: what follows `IDENTIFIED BY`, the `CONNECTION`
/// of a FEDERATED table, `SOURCE_PASSWORD` and the like. A string with more than the password in it, such as an address, is
/// replaced as a whole, and so is a comment that may have one, such as what another server would run, and what comes after two
/// million tokens.
pub fn redacted<'a>(sql: &'a str, session: Session<'_>) -> Cow<'a, str> {
    let tokens = tokens(sql, &session).all;
    let mut secrets: Vec<_> = Scan::new(sql, &tokens)
        .secrets()
        .into_iter()
        .map(|span| (span, "'***'"))
        .collect();
    let unread = tokens.iter().filter(|token| token.kind == Kind::Unread);
    let unread = unread.map(|token| token.span.clone());
    secrets.extend(
        comments(sql, &tokens)
            .chain(unread)
            .map(|span| (span, " /* *** */ ")),
    );
    if secrets.is_empty() {
        return Cow::Borrowed(sql);
    }
    secrets.sort_by_key(|(span, _)| span.start);
    let mut shown = String::with_capacity(sql.len());
    let mut from = 0;
    for (secret, instead) in secrets {
        shown.push_str(sql.get(from..secret.start).unwrap_or_default());
        shown.push_str(instead);
        from = secret.end;
    }
    shown.push_str(sql.get(from..).unwrap_or_default());
    Cow::Owned(shown)
}

/// A table's comment with `***` in its place where it is a list of options with a password in it, as MariaDB's SPIDER has
/// them: what is left of it in a statement that [`redacted`] has gone over.
pub(in crate::schema) fn redacted_comment(comment: &str) -> &str {
    if holds_password(comment) { "***" } else { comment }
}

/// What stands between two tokens and may have a password in it: an option or a function of one, and a string.
fn comments<'t>(sql: &'t str, tokens: &'t [Token]) -> impl Iterator<Item = Range<usize>> + 't {
    let starts = std::iter::once(0).chain(tokens.iter().map(|token| token.span.end));
    let ends = tokens
        .iter()
        .map(|token| token.span.start)
        .chain(std::iter::once(sql.len()));
    let words = OPTIONS.iter().chain(&["IDENTIFIED"]);
    starts
        .zip(ends)
        .map(|(start, end)| start..end)
        .filter(move |gap| {
            let text = sql.get(gap.clone()).unwrap_or_default().to_ascii_uppercase();
            text.contains(['\'', '"']) && words.clone().any(|word| text.contains(word))
        })
}

/// Options whose value is a secret or holds one.
const OPTIONS: [&str; 4] = ["CONNECTION", "PASSWORD", "SOURCE_PASSWORD", "MASTER_PASSWORD"];
/// Functions of a password.
const FUNCTIONS: [&str; 3] = ["PASSWORD", "OLD_PASSWORD", "ENCRYPT"];
/// Words between IDENTIFIED and a password or its hash.
const AUTHENTICATION: [&str; 4] = ["BY", "AS", "USING", "REPLACE"];
/// Options whose string is itself a list of options, with a password among them in MariaDB's CONNECT and SPIDER.
const OPTION_LISTS: [&str; 2] = ["OPTION_LIST", "COMMENT"];

/// Goes over the tokens of a statement.
struct Scan<'a> {
    sql: &'a str,
    tokens: &'a [Token],
    depth: usize,
    /// An option in parentheses is a column's there, where a name may be the same as that of an option.
    in_columns: bool,
    is_identified: bool,
    sets_password: bool,
    /// An event, or a program with a definer: it has statements within it, and strings may be statements too.
    is_event: bool,
}

/// What the strings that come next are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Plain,
    Secret,
    /// A secret if it is a list with a password in it.
    List,
}

impl<'a> Scan<'a> {
    fn new(sql: &'a str, tokens: &'a [Token]) -> Self {
        let mut scan = Self {
            sql,
            tokens,
            depth: 0,
            in_columns: false,
            is_identified: false,
            sets_password: false,
            is_event: false,
        };
        scan.in_columns = ["CREATE", "ALTER"].iter().any(|verb| scan.is_word(0, verb))
            && (1..5).any(|at| scan.is_word(at, "TABLE"));
        let kind = if scan.is_word(1, "OR") { 3 } else { 1 };
        scan.is_event = ["EVENT", "DEFINER"].iter().any(|word| scan.is_word(kind, word));
        scan
    }

    fn secrets(mut self) -> Vec<Range<usize>> {
        let mut secrets = Vec::new();
        let mut next = Next::Plain;
        for (at, token) in self.tokens.iter().enumerate() {
            match &token.kind {
                Kind::Text if self.is_secret(token, next) => secrets.push(token.span.clone()),
                Kind::Symbol(symbol) => next = self.symbol(*symbol, next),
                Kind::Word => next = self.word(at),
                _ => next = Next::Plain,
            }
        }
        secrets
    }

    fn is_secret(&self, token: &Token, next: Next) -> bool {
        let text = self.text(token);
        match next {
            Next::Secret => true,
            Next::List if holds_password(text) => true,
            _ => self.is_event && may_set_password(text),
        }
    }

    fn symbol(&mut self, symbol: char, next: Next) -> Next {
        match symbol {
            // An event may have several statements.
            ';' => self.sets_password = false,
            '(' => self.depth = self.depth.saturating_add(1),
            ')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        match symbol {
            '=' if self.sets_password => Next::Secret,
            '=' | '(' => next,
            _ => Next::Plain,
        }
    }

    fn word(&mut self, at: usize) -> Next {
        let is_one_of = |words: &[&str]| words.iter().any(|word| self.is_word(at, word));
        let is_call = matches!(self.tokens.get(at.saturating_add(1)), Some(t) if t.kind == Kind::Symbol('('));
        let may_be_option = self.depth == 0 || !self.in_columns;
        let next = if is_one_of(&FUNCTIONS) && is_call
            || is_one_of(&OPTIONS) && may_be_option
            || is_one_of(&AUTHENTICATION) && self.is_identified
            || self.sets_password && is_one_of(&["TO"])
        {
            Next::Secret
        } else if is_one_of(&OPTION_LISTS) && may_be_option {
            Next::List
        } else {
            Next::Plain
        };
        self.sets_password |= self.is_word(at, "SET") && self.is_word(at.saturating_add(1), "PASSWORD");
        if self.is_word(at, "IDENTIFIED") {
            let behind = at.saturating_add(1);
            self.is_identified |= ["BY", "WITH", "VIA", "AS"]
                .iter()
                .any(|word| self.is_word(behind, word));
        }
        // The options of partitions stand in parentheses.
        if self.depth == 0 && self.is_word(at, "PARTITION") {
            self.in_columns = false;
        }
        next
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.kind == Kind::Word && self.text(token).eq_ignore_ascii_case(word))
    }

    fn text(&self, token: &Token) -> &'a str {
        self.sql.get(token.span.clone()).unwrap_or_default()
    }
}

/// Whether a list of options has a password: `user=u,password=p`, `host "h", password "p"`.
fn holds_password(list: &str) -> bool {
    let list = list.to_ascii_lowercase();
    list.split("password").skip(1).any(|behind| {
        let behind = behind.trim_start();
        behind.starts_with(['=', '"', '\'', '\\'])
    })
}

/// Whether a statement in a string may set a password.
fn may_set_password(statement: &str) -> bool {
    let statement = statement.to_ascii_lowercase();
    ["password", "identified"]
        .iter()
        .any(|word| statement.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::NameCase;
    use proptest::prelude::*;

    fn session() -> Session<'static> {
        Session::new("shop", "11.8.2-MariaDB".parse().unwrap(), NameCase::Matters)
    }

    fn shown(sql: &str) -> String {
        redacted(sql, session()).into_owned()
    }

    #[test]
    fn what_is_not_read_is_not_shown() {
        let list = "(1),".repeat(1 << 19);
        let sql = format!("{list} IDENTIFIED BY 'hunter2'");
        assert_eq!(redacted(&sql, session()), format!("{list} /* *** */ "));
    }

    #[test]
    fn passwords_are_replaced_wherever_the_grammar_has_them() {
        let cases = [
            "CREATE TABLE t (id INT, password VARCHAR(9) DEFAULT 'd') ENGINE=FEDERATED CONNECTION = 'hunter2'",
            "ALTER TABLE t CONNECTION 'hunter2', COMMENT 'c'",
            "CREATE TABLE t (id INT) /*!50100 CONNECTION='hunter2' */ PASSWORD='hunter2'",
            "CREATE TABLE t (id INT) PARTITION BY KEY(id) (PARTITION p0 CONNECTION = 'hunter2' COMMENT = 'c')",
            "CREATE TABLE t (id INT) ENGINE=CONNECT OPTION_LIST='user=u,password=hunter2'",
            r#"CREATE TABLE t (id INT) ENGINE=SPIDER COMMENT='host "h", password "hunter2"'"#,
            "CREATE USER a@'%' IDENTIFIED BY 'hunter2', b IDENTIFIED WITH 'caching_sha2_password' AS 'hunter2'",
            "ALTER USER a IDENTIFIED BY \"hunter2\" REPLACE 'hunter2' RETAIN CURRENT PASSWORD",
            "CREATE USER c IDENTIFIED VIA mysql_native_password USING PASSWORD('hunter2') OR unix_socket",
            "GRANT ALL ON *.* TO 'a'@'h' IDENTIFIED BY PASSWORD 'hunter2'",
            "SET PASSWORD FOR 'a'@'h' = 'hunter2'",
            "SET PASSWORD FOR 'a'@'h' = PASSWORD ( 'hunter2' )",
            "SET PASSWORD FOR a TO 'hunter2'",
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='h', SOURCE_PASSWORD='hunter2', SOURCE_PORT=1",
            "CHANGE MASTER 'c' TO MASTER_HOST='h', MASTER_PASSWORD = 'hunter2'",
            "START REPLICA USER='u' PASSWORD='hunter2'",
            "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 'hunter2')",
            "UPDATE t SET p = PASSWORD('hunter2')",
            "CREATE TABLE t (id INT) /*!999999 CONNECTION='hunter2' */ ENGINE=InnoDB",
            "CREATE TABLE t (id INT) -- password: \"hunter2\"",
            "SET PASSWORD = 'it''s \\' hunter2",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET PASSWORD FOR a = 'hunter2'",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SET @a = 1; ALTER USER a IDENTIFIED BY 'hunter2'; END",
            "CREATE OR REPLACE EVENT e ON SCHEDULE EVERY 1 DAY DO PREPARE s FROM 'SET PASSWORD = ''hunter2'''",
            "ALTER DEFINER=`r`@`h` EVENT e DO EXECUTE IMMEDIATE 'CREATE USER a IDENTIFIED BY ''hunter2'''",
        ];
        for sql in cases {
            let shown = shown(sql);
            assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(
            shown(cases[0]),
            "CREATE TABLE t (id INT, password VARCHAR(9) DEFAULT 'd') ENGINE=FEDERATED CONNECTION = '***'"
        );
        assert_eq!(
            shown(cases[6]),
            "CREATE USER a@'%' IDENTIFIED BY '***', b IDENTIFIED WITH 'caching_sha2_password' AS '***'"
        );
    }

    #[test]
    fn everything_else_stays_as_it_was() {
        for sql in [
            "CREATE TABLE t (password ENUM('a', 'b') COMMENT 'the password', connection TEXT, CHECK (connection = 'x'))",
            "CREATE TABLE t (c INT COMMENT 'as', identified INT) COMMENT='the password of users'",
            "ALTER TABLE t ADD COLUMN b VARCHAR(9) AS ('x'), ADD COLUMN `CONNECTION` TEXT DEFAULT 'y'",
            "DROP TABLE `password`, connection",
            "CREATE TABLE event (c VARCHAR(9) DEFAULT 'password')",
            "CREATE EVENT e ON SCHEDULE EVERY '1:1' DAY_HOUR COMMENT 'c' DO INSERT INTO t VALUES ('x')",
            "",
        ] {
            assert!(
                matches!(redacted(sql, session()), Cow::Borrowed(same) if same == sql),
                "{sql}"
            );
        }
    }

    #[test]
    fn a_comment_shows_no_more_than_its_statement() {
        for list in [
            "host 'h', password 'hunter2'",
            "user=u,PASSWORD = hunter2",
            "password \"hunter2\"",
        ] {
            assert_eq!(redacted_comment(list), "***");
        }
        for comment in ["", "the password of users", "wrapper 'mysql', table 't'"] {
            assert_eq!(redacted_comment(comment), comment);
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_what_is_no_string(sql in ".{0,60}", option in prop::sample::select(&OPTIONS[..])) {
            let _ = redacted(&sql, session());
            let whole = format!("CREATE TABLE t (id INT) {option}='hunter2' {sql}");
            prop_assert!(!redacted(&whole, session()).contains("hunter2"));
        }
    }
}
