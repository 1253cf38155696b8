//! SQL text as tokens, as MySQL's lexer (sql_lex.cc) sees it.

use std::ops::Range;

use crate::schema::Session;
use crate::server::{Flavour, ServerVersion};

/// A token and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct Token {
    pub(in crate::schema) kind: Kind,
    pub(in crate::schema) span: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum Kind {
    /// A keyword or an unquoted name or number.
    Word,
    /// A quoted name, without its quotes.
    Name(String),
    /// A string.
    Text,
    /// Any other character.
    Symbol(char),
    /// The rest of a statement that has too many tokens.
    Unread,
}

/// A statement taken apart.
#[derive(Debug, Clone)]
pub(in crate::schema) struct Tokens {
    /// All tokens; comments and blanks are none.
    pub(in crate::schema) all: Vec<Token>,
    /// From the first token to the last, with the `/*!` and `*/` around them; comments and semicolons at the ends are
    /// left out.
    pub(in crate::schema) extent: Range<usize>,
}

/// Reads all tokens. The content of `/*! ... */` and `/*!80000 ... */` counts if the server runs it, and the content of
/// `/*M! ... */` on MariaDB, and that of `/*R! ... */` in a definition. A server logs what it does not run of the first kind as `/* ... */`.
pub(in crate::schema) fn tokens(sql: &str, session: &Session<'_>) -> Tokens {
    let mut lexer = Lexer {
        sql,
        at: 0,
        ansi_quotes: session.has_ansi_quotes(),
        bracket_quotes: session.has_bracket_quotes(),
        escapes: session.has_backslash_escapes(),
        server: session.server,
        is_definition: session.is_definition,
        versioned: 0,
        start: None,
        end: 0,
    };
    let mut all = Vec::new();
    while let Some(token) = lexer.next() {
        all.push(token);
        if all.len() >= MOST_TOKENS {
            all.extend(lexer.unread());
            break;
        }
    }
    let mut start = lexer.start.unwrap_or_default();
    let end = lexer.end.max(start);
    if session.is_mariadb() {
        while let Some(within) = statement_within(sql, &all) {
            all.drain(..within);
            start = all.first().map_or(end, |token| token.span.start);
        }
    }
    Tokens {
        all,
        extent: start..end,
    }
}

/// Far more than a statement has that defines a table, with 4,096 columns, 8,192 partitions and all members of ENUMs: an
/// event may have a gibibyte of anything, and a token takes 40 times the memory of its character.
const MOST_TOKENS: usize = 1 << 21;

/// Where the statement begins in MariaDB's `SET STATEMENT variable = value, ... FOR statement`. Its event has the variables
/// that count as they were for it.
fn statement_within(sql: &str, all: &[Token]) -> Option<usize> {
    let is_word = |token: &Token, word: &str| {
        let text = sql.get(token.span.clone()).unwrap_or_default();
        token.kind == Kind::Word && text.eq_ignore_ascii_case(word)
    };
    let [set, statement, variables @ ..] = all else {
        return None;
    };
    if !is_word(set, "SET") || !is_word(statement, "STATEMENT") {
        return None;
    }
    let mut depth = 0usize;
    let at = variables.iter().position(|token| {
        match token.kind {
            Kind::Symbol('(') => depth = depth.saturating_add(1),
            Kind::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && is_word(token, "FOR")
    })?;
    at.checked_add(3)
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    ansi_quotes: bool,
    bracket_quotes: bool,
    escapes: bool,
    server: ServerVersion,
    is_definition: bool,
    /// How many `/*!` are open.
    versioned: usize,
    /// Where the first token or `/*!` starts.
    start: Option<usize>,
    /// Where the last token but a semicolon, or the last `*/` of a `/*!`, ends.
    end: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        self.skip_blanks_and_comments();
        let start = self.at;
        let first = self.rest().chars().next()?;
        let kind = self.kind(first);
        self.start.get_or_insert(start);
        if kind != Kind::Symbol(';') {
            self.end = self.at;
        }
        Some(Token {
            kind,
            span: start..self.at,
        })
    }

    /// The rest of the text as a token that no statement has.
    fn unread(&mut self) -> Option<Token> {
        let start = self.at;
        self.at = self.sql.len();
        self.end = self.at;
        (start < self.at).then_some(Token {
            kind: Kind::Unread,
            span: start..self.at,
        })
    }

    /// Passes over a token that begins with this character.
    fn kind(&mut self, first: char) -> Kind {
        match first {
            '`' => Kind::Name(self.quoted('`', false)),
            '"' if self.ansi_quotes => Kind::Name(self.quoted('"', false)),
            '[' if self.bracket_quotes => Kind::Name(self.quoted(']', false)),
            '\'' | '"' => {
                self.quoted(first, self.escapes);
                Kind::Text
            }
            c if is_word(c) => {
                self.at += self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
                Kind::Word
            }
            c => {
                self.at += c.len_utf8();
                Kind::Symbol(c)
            }
        }
    }

    fn rest(&self) -> &str {
        self.sql.get(self.at..).unwrap_or_default()
    }

    /// Reads to the closing quote, which is doubled where it belongs to the text.
    fn quoted(&mut self, quote: char, escapes: bool) -> String {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        let mut len = self.rest().len();
        while let Some((at, c)) = chars.next() {
            if c == '\\' && escapes {
                text.extend(chars.next().map(|(_, c)| c));
            } else if c == quote {
                if chars.peek().is_none_or(|(_, next)| *next != quote) {
                    len = at + quote.len_utf8();
                    break;
                }
                chars.next();
                text.push(quote);
            } else {
                text.push(c);
            }
        }
        self.at += len;
        text
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let before = self.at;
            self.at += self.rest().len() - self.rest().trim_start_matches(is_blank).len();
            if let Some(len) = self.mark_len() {
                self.start.get_or_insert(self.at);
                self.versioned = self.versioned.saturating_add(1);
                self.at += len;
            } else if self.versioned > 0 && self.rest().starts_with("*/") {
                self.versioned = self.versioned.saturating_sub(1);
                self.at += 2;
                self.end = self.at;
            } else {
                self.at += comment_len(self.rest());
            }
            if self.at == before {
                return;
            }
        }
    }

    /// Bytes of what opens a comment whose content counts, if one is next.
    fn mark_len(&self) -> Option<usize> {
        let is_own = self.is_definition && self.rest().starts_with(OWN_MARK);
        if is_own {
            return Some(OWN_MARK.len());
        }
        versioned_mark_len(self.rest(), self.server)
    }
}

/// What Rowtide's own definitions say in a comment.
const OWN_MARK: &str = "/*R!";

/// Bytes of the comment at the start of `rest`.
fn comment_len(rest: &str) -> usize {
    if let Some(inside) = rest.strip_prefix("/*") {
        return inside.find("*/").map_or(rest.len(), |end| end + 4);
    }
    let is_end = |c: char| is_blank(c) || c.is_ascii_control();
    let dashes = rest
        .strip_prefix("--")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(is_end));
    if dashes || rest.starts_with('#') {
        rest.find('\n').map_or(rest.len(), |end| end + 1)
    } else {
        0
    }
}

/// Bytes of `/*!`, or of MariaDB's own `/*M!`, with the version behind it: five digits or six. `None` if the server
/// takes it for a comment.
fn versioned_mark_len(rest: &str, server: ServerVersion) -> Option<usize> {
    let own = || {
        rest.strip_prefix("/*M!")
            .filter(|_| server.flavour == Flavour::MariaDb)
    };
    let content = rest.strip_prefix("/*!").or_else(own)?;
    let digits = content.chars().take(6).take_while(char::is_ascii_digit).count();
    let version = if digits < 5 { 0 } else { digits };
    let number: u32 = content.get(..version)?.parse().unwrap_or(0);
    runs(server, number, rest.starts_with("/*!")).then_some(rest.len() - content.len() + version)
}

/// Whether a server runs the content of a comment for this version. Versions of MySQL from 5.7 are none of MariaDB's.
fn runs(server: ServerVersion, version: u32, of_mysql: bool) -> bool {
    let foreign = server.flavour == Flavour::MariaDb && of_mysql && (50_700..=99_999).contains(&version);
    version <= server.number() && !foreign
}

fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::NameCase;
    use proptest::prelude::*;

    const ANSI_QUOTES: u64 = 0x4;
    const MSSQL: u64 = 0x400;
    const NO_BACKSLASH_ESCAPES: u64 = 0x10_0000;

    fn on(server: &str, sql: &str, sql_mode: u64) -> Tokens {
        let session = Session::new("", server.parse().unwrap(), NameCase::Matters);
        tokens(sql, &Session { sql_mode, ..session })
    }

    #[test]
    fn the_rest_of_a_statement_with_too_many_tokens_is_one_that_fits_nowhere() {
        let list = "(1),".repeat(MOST_TOKENS / 4);
        for (tail, last) in [
            ("", Kind::Symbol(',')),
            ("(2)", Kind::Unread),
            (";", Kind::Unread),
        ] {
            let sql = format!("{list}{tail}");
            let read = of_mysql(&sql, 0);
            assert_eq!(read.all.last().unwrap().kind, last, "{tail}");
            assert_eq!(read.all.last().unwrap().span.end, sql.len(), "{tail}");
            assert_eq!(read.all.len(), MOST_TOKENS + usize::from(!tail.is_empty()));
        }
    }

    fn of_mysql(sql: &str, sql_mode: u64) -> Tokens {
        on("9.7.4", sql, sql_mode)
    }

    fn texts(sql: &str, sql_mode: u64) -> Vec<&str> {
        let tokens = of_mysql(sql, sql_mode);
        tokens.all.into_iter().map(|t| &sql[t.span]).collect()
    }

    #[test]
    fn comments_are_left_out_unless_the_server_runs_them() {
        let sql = "/* a */ ALTER -- b\nTABLE # c\n t/*!80000 ADD*/ x /*!080000 y /* z */ , */ w";
        assert_eq!(texts(sql, 0), ["ALTER", "TABLE", "t", "ADD", "x", "y", ",", "w"]);
        assert_eq!(texts("a--1", 0), ["a", "-", "-", "1"]);
        assert_eq!(texts("a --\tb\nc --", 0), ["a", "c"]);
        assert_eq!(texts("a /* open", 0), ["a"]);
        assert_eq!(texts("a /*/ b */ c", 0), ["a", "c"]);
        assert_eq!(
            texts("/*!8000 a*/ /*! b*/ /*!0500007 c*/", 0),
            ["8000", "a", "b", "7", "c"]
        );
    }

    #[test]
    fn a_comment_behind_an_asterisk() {
        assert_eq!(texts("a*/* ' */2", 0), ["a", "*", "2"]);
        assert_eq!(texts("/*!80000 a*/* b */2", 0), ["a", "*", "b", "*", "/", "2"]);
    }

    #[test]
    fn only_mariadb_runs_its_own_comments() {
        let sql = "a /*M!100300 b */ c";
        assert_eq!(texts(sql, 0), ["a", "c"]);
        let of_mariadb = on("10.11.6-MariaDB", sql, 0).all;
        assert_eq!(of_mariadb.len(), 3);
        assert_eq!(&sql[of_mariadb[1].span.clone()], "b");
    }

    #[test]
    fn variables_set_for_a_statement_are_no_part_of_it() {
        let sql = "SET STATEMENT sql_mode = (SELECT 'x' FOR UPDATE), a=1 FOR /* b */ set statement c=2 for DROP TABLE t; ";
        let within = on("11.8.3-MariaDB", sql, 0);
        assert_eq!((&sql[within.extent], within.all.len()), ("DROP TABLE t", 4));
        for sql in ["SET STATEMENT a = 1", "SET STATEMENT", "SET x = 1"] {
            assert_eq!(&sql[on("11.8.3-MariaDB", sql, 0).extent], sql);
        }
        assert_eq!(on("11.8.3-MariaDB", "SET STATEMENT a=1 FOR", 0).all, []);
        assert_eq!(texts("SET STATEMENT a=1 FOR b", 0).len(), 7);
    }

    #[test]
    fn comments_for_other_versions() {
        let sql = "/*!50100 a */ /*!80016 b */ /*!99999 c */ /*!100600 d */ /*M!101100 e */ /*M!110200 f */";
        let on = |server| -> Vec<String> {
            let tokens = on(server, sql, 0).all;
            tokens.into_iter().map(|t| sql[t.span].to_owned()).collect()
        };
        assert_eq!(on("9.7.4"), ["a", "b"]);
        assert_eq!(on("8.0.15"), ["a"]);
        assert_eq!(on("10.11.6-MariaDB"), ["a", "d", "e"]);
    }

    #[test]
    fn brackets_are_quotes_where_mariadb_is_told_so() {
        let first = |server, sql_mode| on(server, "[a]]b] c", sql_mode).all.remove(0).kind;
        assert_eq!(first("11.8.3-MariaDB", MSSQL), Kind::Name("a]b".into()));
        assert_eq!(first("11.8.3-MariaDB", 0), Kind::Symbol('['));
        assert_eq!(first("5.7.22", MSSQL), Kind::Symbol('['));
    }

    #[test]
    fn quotes_and_sql_modes() {
        assert_eq!(texts(r"'a''b\'c' `x``y` z", 0), [r"'a''b\'c'", "`x``y`", "z"]);
        assert_eq!(texts(r"'a\' b", NO_BACKSLASH_ESCAPES), [r"'a\'", "b"]);
        let first = |sql, sql_mode| of_mysql(sql, sql_mode).all.remove(0).kind;
        assert_eq!(first("`x``y`", 0), Kind::Name("x`y".into()));
        assert_eq!(first("\"n\"", ANSI_QUOTES), Kind::Name("n".into()));
        assert_eq!(first("\"n\"", 0), Kind::Text);
        assert_eq!(texts("'open", 0), ["'open"]);
    }

    #[test]
    fn a_statement_without_the_comments_around_it() {
        let trim = |sql| &sql[of_mysql(sql, 0).extent];
        assert_eq!(
            trim("/* a */ -- b\n ALTER /* c */ TABLE t # d"),
            "ALTER /* c */ TABLE t"
        );
        assert_eq!(
            trim(" # a\n/*!80000 ALTER TABLE t /* c */ */ /* b */"),
            "/*!80000 ALTER TABLE t /* c */ */"
        );
        assert_eq!(
            trim("/*M!1 a */ DROP TABLE t /*!50000 CASCADE */;"),
            "DROP TABLE t /*!50000 CASCADE */"
        );
        assert_eq!(trim("USE x ;\n; "), "USE x");
        assert_eq!(trim("# nothing"), "");
        assert_eq!(trim(" ; "), "");
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_spans_are_in_order(sql: String, sql_mode: u64) {
            let tokens = of_mysql(&sql, sql_mode);
            let mut end = 0;
            for token in tokens.all {
                prop_assert!(token.span.start >= end && token.span.end > token.span.start);
                end = token.span.end;
            }
            prop_assert!(sql.get(tokens.extent).is_some());
        }

        #[test]
        fn quotes_and_comments_in_any_order_never_panic(sql in r"(/\*!?|\*/|M|!|'|`|\\|--| |\n|#|8|a|;){0,30}") {
            for server in ["9.7.4", "11.8.2-MariaDB"] {
                let tokens = on(server, &sql, 0);
                prop_assert!(sql.get(tokens.extent).is_some());
            }
        }
    }
}
