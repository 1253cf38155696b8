//! SQL text as tokens, as MySQL's lexer (sql_lex.cc) sees it.

use std::ops::Range;

/// `ANSI_QUOTES` in `sql_mode`: double quotes hold a name.
const ANSI_QUOTES: u64 = 0x4;
/// `NO_BACKSLASH_ESCAPES` in `sql_mode`: a backslash in a string is a backslash.
const NO_BACKSLASH_ESCAPES: u64 = 0x10_0000;

/// A token and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or an unquoted name or number.
    Word,
    /// A quoted name, without its quotes.
    Name(String),
    /// A string.
    Text,
    /// Any other character.
    Symbol(char),
}

/// All tokens; comments and blanks are none. The content of `/*! ... */` counts, since the server runs it.
pub(super) fn tokens(sql: &str, sql_mode: u64) -> Vec<Token> {
    let mut lexer = Lexer { sql, at: 0, sql_mode };
    let mut all = Vec::new();
    while let Some(token) = lexer.next() {
        all.push(token);
    }
    all
}

/// The text from its first token, or from the `/*!` that it stands in, to the last, and the `*/` that may close it.
pub(super) fn trimmed<'a>(sql: &'a str, last: Option<&Token>) -> &'a str {
    let Some((text, behind)) = last.and_then(|last| sql.split_at_checked(last.span.end)) else {
        return "";
    };
    let closing = behind
        .find("*/")
        .filter(|at| behind.get(..*at).is_some_and(|blank| blank.trim().is_empty()));
    let text = match closing {
        Some(at) => sql
            .get(..text.len().saturating_add(at).saturating_add(2))
            .unwrap_or(text),
        None => text.trim_end_matches(|c: char| c == ';' || is_blank(c)),
    };
    let mut start = text;
    loop {
        start = start.trim_start_matches(is_blank);
        let comment = if versioned_mark_len(start).is_some() {
            0
        } else {
            comment_len(start)
        };
        match start.get(comment..) {
            Some(rest) if comment > 0 => start = rest,
            _ => return start,
        }
    }
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    sql_mode: u64,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        self.skip_blanks_and_comments();
        let start = self.at;
        let first = self.rest().chars().next()?;
        let kind = match first {
            '`' => Kind::Name(self.quoted('`', false)),
            '"' if self.sql_mode & ANSI_QUOTES != 0 => Kind::Name(self.quoted('"', false)),
            '\'' | '"' => {
                self.quoted(first, self.sql_mode & NO_BACKSLASH_ESCAPES == 0);
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
        };
        Some(Token {
            kind,
            span: start..self.at,
        })
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
            let rest = self.rest();
            let skipped = rest.len() - rest.trim_start_matches(is_blank).len();
            self.at += skipped;
            let len = comment_len(self.rest());
            self.at += len;
            if skipped == 0 && len == 0 {
                return;
            }
        }
    }
}

/// Bytes of the comment at the start of `rest`, or of the mark that begins or ends one whose content counts.
fn comment_len(rest: &str) -> usize {
    if let Some(mark) = versioned_mark_len(rest) {
        return mark;
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if rest.starts_with("*/") {
        return 2;
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

/// Bytes of `/*!80000`, or of MariaDB's own `/*M!100300`.
fn versioned_mark_len(rest: &str) -> Option<usize> {
    let version = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!"))?;
    Some(rest.len() - version.trim_start_matches(|c: char| c.is_ascii_digit()).len())
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
    use proptest::prelude::*;

    fn texts(sql: &str, sql_mode: u64) -> Vec<&str> {
        tokens(sql, sql_mode).into_iter().map(|t| &sql[t.span]).collect()
    }

    #[test]
    fn comments_are_left_out_unless_the_server_runs_them() {
        let sql = "/* a */ ALTER -- b\nTABLE # c\n t/*!80000 ADD*/ x /*M!100300 y /* z */ */ w";
        assert_eq!(texts(sql, 0), ["ALTER", "TABLE", "t", "ADD", "x", "y", "w"]);
        assert_eq!(texts("a--1", 0), ["a", "-", "-", "1"]);
        assert_eq!(texts("a /* open", 0), ["a"]);
    }

    #[test]
    fn quotes_and_sql_modes() {
        assert_eq!(texts(r"'a''b\'c' `x``y` z", 0), [r"'a''b\'c'", "`x``y`", "z"]);
        assert_eq!(texts(r"'a\' b", NO_BACKSLASH_ESCAPES), [r"'a\'", "b"]);
        assert_eq!(tokens("`x``y`", 0)[0].kind, Kind::Name("x`y".into()));
        assert_eq!(tokens("\"n\"", ANSI_QUOTES)[0].kind, Kind::Name("n".into()));
        assert_eq!(tokens("\"n\"", 0)[0].kind, Kind::Text);
        assert_eq!(texts("'open", 0), ["'open"]);
    }

    #[test]
    fn a_statement_without_the_comments_around_it() {
        let trim = |sql| trimmed(sql, tokens(sql, 0).last());
        assert_eq!(
            trim("/* a */ -- b\n ALTER /* c */ TABLE t # d"),
            "ALTER /* c */ TABLE t"
        );
        assert_eq!(
            trim(" # a\n/*!80000 ALTER TABLE t */ /* b */"),
            "/*!80000 ALTER TABLE t */"
        );
        assert_eq!(
            trim("DROP TABLE t /*M!100300 CASCADE */;"),
            "DROP TABLE t /*M!100300 CASCADE */"
        );
        assert_eq!(trim("USE x ;\n; "), "USE x");
        assert_eq!(trim("# nothing"), "");
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_spans_are_in_order(sql: String, sql_mode: u64) {
            let mut end = 0;
            for token in tokens(&sql, sql_mode) {
                prop_assert!(token.span.start >= end && token.span.end > token.span.start);
                end = token.span.end;
            }
            prop_assert!(sql.contains(trimmed(&sql, tokens(&sql, sql_mode).last())));
        }
    }
}
