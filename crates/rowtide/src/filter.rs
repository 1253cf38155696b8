//! Which tables are captured.

use regex::{Regex, RegexBuilder};
use rowtide_event::TableId;

/// Databases of the server's own, whose tables are never captured.
const SYSTEM_DATABASES: [&str; 5] = [
    "mysql",
    "sys",
    "information_schema",
    "performance_schema",
    "ndbinfo",
];

/// Which tables are captured, by Debezium's rules: regular expressions that must match the whole of
/// `database.table`, whatever the case. Without an include list every table of a user's database is captured; an
/// exclude list takes away from what is included.
#[derive(Debug, Clone, Default)]
pub struct TableFilter {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    regex: Regex,
}

/// Where the tables of a pattern can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Anywhere.
    Server,
    /// In one database.
    Database(String),
    /// It is this table.
    Table(TableId),
}

impl Scope {
    /// A pattern such as `shop\..*` is about one database; one with alternatives may be about several.
    fn of(pattern: &str) -> Self {
        if let Some(table) = literal(pattern) {
            return Self::Table(table);
        }
        match pattern.split_once("\\.") {
            Some((database, tables)) if is_name(database) && !has_alternatives(tables) => {
                Self::Database(database.to_owned())
            }
            _ => Self::Server,
        }
    }
}

/// Whether there is a `|` that no group holds.
fn has_alternatives(pattern: &str) -> bool {
    let mut depth = 0_usize;
    for c in pattern.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// A pattern that is no regular expression.
#[derive(Debug, thiserror::Error)]
#[error("the table pattern `{pattern}` is not a regular expression: {reason}")]
pub struct PatternError {
    /// The pattern as it was given.
    pub pattern: String,
    /// What the parser says.
    pub reason: String,
}

impl TableFilter {
    /// A filter from include and exclude patterns; each may hold several, separated by commas.
    ///
    /// # Errors
    /// [`PatternError`] names the first pattern that is no regular expression.
    pub fn new<S: AsRef<str>>(include: &[S], exclude: &[S]) -> Result<Self, PatternError> {
        Ok(Self {
            include: compile(include)?,
            exclude: compile(exclude)?,
        })
    }

    /// Whether the table is captured.
    pub fn captures(&self, id: &TableId) -> bool {
        if SYSTEM_DATABASES
            .iter()
            .any(|db| db.eq_ignore_ascii_case(&id.database))
        {
            return false;
        }
        self.matches(id)
    }

    /// Whether the patterns match, whosever the database is.
    pub fn matches(&self, id: &TableId) -> bool {
        let name = id.to_string();
        let included = self.include.is_empty() || self.include.iter().any(|p| p.regex.is_match(&name));
        included && !self.exclude.iter().any(|p| p.regex.is_match(&name))
    }

    /// The included tables that are named in full, without any pattern in them: they are expected to exist.
    pub fn literal_tables(&self) -> Vec<TableId> {
        self.include.iter().filter_map(|p| literal(&p.text)).collect()
    }

    /// What the include patterns are about, as far as it can be told from them.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        match self.include.as_slice() {
            [] => vec![Scope::Server],
            patterns => patterns.iter().map(|p| Scope::of(&p.text)).collect(),
        }
    }

    /// A short text that is the same for filters that capture the same way: a checkpoint inside a transaction counts
    /// captured rows, so it holds only for the filter it was made with.
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for (mark, list) in [('+', &self.include), ('-', &self.exclude)] {
            for pattern in list {
                text.push(mark);
                text.push_str(&pattern.text);
                text.push('\n');
            }
        }
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes())
            .simple()
            .to_string()
    }
}

fn compile<S: AsRef<str>>(patterns: &[S]) -> Result<Vec<Pattern>, PatternError> {
    patterns
        .iter()
        .flat_map(|p| split_list(p.as_ref()))
        .map(one)
        .collect()
}

fn one(text: String) -> Result<Pattern, PatternError> {
    // Compiled alone first: a pattern such as `a)|(b` must not become valid by the group around it.
    let regex = Regex::new(&text)
        .and_then(|_| {
            RegexBuilder::new(&format!("^(?:{text})$"))
                .case_insensitive(true)
                .build()
        })
        .map_err(|e| PatternError {
            pattern: text.clone(),
            reason: e.to_string(),
        })?;
    Ok(Pattern { text, regex })
}

/// Splits at commas, but not inside `{m,n}`, `[...]` or after a backslash, where a comma belongs to the expression.
fn split_list(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0usize;
    let mut escaped = false;
    for c in list.chars() {
        if c == ',' && depth == 0 && !escaped {
            parts.push(String::new());
            continue;
        }
        match c {
            '{' | '[' if !escaped => depth += 1,
            '}' | ']' if !escaped => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
        .into_iter()
        .map(|p| p.trim().to_owned())
        .filter(|p| !p.is_empty())
        .collect()
}

/// The table that a pattern names if it is a plain name: `shop.orders` or `shop\.orders`.
fn literal(pattern: &str) -> Option<TableId> {
    let plain = pattern.replace("\\.", ".");
    let (database, table) = plain.split_once('.')?;
    (is_name(database) && is_name(table)).then(|| TableId::new(database, table))
}

/// Whether a part of a pattern is a name, with nothing special in it.
fn is_name(part: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
    !part.is_empty() && part.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> TableFilter {
        TableFilter::new(include, exclude).unwrap()
    }

    fn captures(f: &TableFilter, name: &str) -> bool {
        let (database, table) = name.split_once('.').unwrap();
        f.captures(&TableId::new(database, table))
    }

    #[test]
    fn patterns_match_the_whole_name() {
        let f = filter(&["shop\\.ord"], &[]);
        assert!(captures(&f, "shop.ord"));
        assert!(captures(&f, "SHOP.Ord"), "Debezium's patterns ignore case");
        assert!(!captures(&f, "shop.orders"));
        assert!(!captures(&f, "myshop.ord"));
    }

    #[test]
    fn excludes_take_away_and_system_databases_are_never_captured() {
        let f = filter(&["shop\\..*, crm\\.people"], &["shop\\.tmp_.*"]);
        assert!(captures(&f, "shop.orders"));
        assert!(captures(&f, "crm.people"));
        assert!(!captures(&f, "shop.tmp_1"));
        assert!(!captures(&f, "crm.other"));
        let all = filter(&[], &[]);
        assert!(captures(&all, "a.b"));
        assert!(!captures(&all, "mysql.user"));
        assert!(!captures(&filter(&["mysql\\..*"], &[]), "mysql.user"));
    }

    #[test]
    fn commas_inside_an_expression_do_not_split_it() {
        assert_eq!(split_list("a{1,2}b,[x,y]\\,z, c"), ["a{1,2}b", "[x,y]\\,z", "c"]);
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let e = TableFilter::new(&["shop.(", "b"], &[]).unwrap_err();
        assert_eq!(e.pattern, "shop.(");
        assert!(TableFilter::new(&["a)|(b"], &[]).is_err());
    }

    #[test]
    fn plain_names_are_told_from_patterns() {
        let f = filter(&["shop.orders", "shop\\.items", "shop\\..*", "crm.(a|b)"], &[]);
        assert_eq!(
            f.literal_tables(),
            [TableId::new("shop", "orders"), TableId::new("shop", "items")]
        );
    }

    #[test]
    fn a_pattern_tells_where_its_tables_are() {
        let database = |name: &str| Scope::Database(name.into());
        for (pattern, scope) in [
            ("shop.orders", Scope::Table(TableId::new("shop", "orders"))),
            ("shop\\..*", database("shop")),
            ("shop\\.(a|b)", database("shop")),
            ("shop\\.a|crm\\.b", Scope::Server),
            ("shop.*", Scope::Server),
            ("(a|b)\\.t", Scope::Server),
        ] {
            assert_eq!(filter(&[pattern], &[]).scopes(), [scope], "{pattern}");
        }
        assert_eq!(filter(&[], &["a\\.b"]).scopes(), [Scope::Server]);
    }

    #[test]
    fn the_fingerprint_tells_filters_apart() {
        let a = filter(&["a\\.b"], &[]).fingerprint();
        assert_eq!(a, filter(&["a\\.b"], &[]).fingerprint());
        assert_ne!(a, filter(&[], &["a\\.b"]).fingerprint());
    }
}
