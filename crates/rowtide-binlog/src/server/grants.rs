//! What an account may do.

use std::collections::BTreeSet;

/// What an account may do on the whole server, as `SHOW GRANTS` lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    global: BTreeSet<String>,
    /// What SELECT was granted on, and taken away from, below the whole server.
    selectable: Vec<Object>,
    withheld: Vec<Object>,
    has_roles: bool,
    account: String,
}

impl Grants {
    /// Whether the account has the privilege on `*.*`.
    pub fn has(&self, privilege: &str) -> bool {
        ["ALL PRIVILEGES", "ALL"]
            .iter()
            .any(|all| self.global.contains(*all))
            || self.global.contains(&privilege.to_ascii_uppercase())
    }

    /// Whether the account may read all columns of the table, or of every table of the database.
    pub fn may_select(&self, database: &str, table: Option<&str>) -> bool {
        if self
            .selectable
            .iter()
            .any(|object| object.covers(database, table))
        {
            return true;
        }
        // A partial revoke takes away from what was granted on the whole server.
        self.has("SELECT") && !self.withheld.iter().any(|object| object.covers(database, table))
    }

    /// Whether the account may read any database or table at all.
    pub fn may_select_something(&self) -> bool {
        self.has("SELECT") || !self.selectable.is_empty()
    }

    /// Whether roles were granted to the account; they count only where they are active.
    pub fn has_roles(&self) -> bool {
        self.has_roles
    }

    /// The account, as SQL has it.
    pub fn account(&self) -> &str {
        if self.account.is_empty() {
            "CURRENT_USER()"
        } else {
            &self.account
        }
    }

    fn add(&mut self, line: &str) {
        if let Some((_, account)) = line.strip_prefix("GRANT ").and_then(|l| l.rsplit_once(" TO ")) {
            // MariaDB shows the password's hash with the account.
            let end = [" IDENTIFIED ", " WITH "]
                .iter()
                .filter_map(|word| account.find(word))
                .min();
            let account = end.and_then(|end| account.get(..end)).unwrap_or(account);
            account.clone_into(&mut self.account);
        }
        if let Some((privileges, object)) = parts(line, "GRANT ", " TO ") {
            match Object::read(object) {
                None => self.global.extend(named(privileges)),
                Some(object) if has_select(privileges) => self.selectable.push(object),
                Some(_) => {}
            }
        } else if let Some((privileges, object)) = parts(line, "REVOKE ", " FROM ") {
            match Object::read(object) {
                None => self
                    .global
                    .retain(|p| !named(privileges).any(|revoked| revoked == *p)),
                Some(object) if has_select(privileges) => self.withheld.push(object),
                Some(_) => {}
            }
        } else if line.starts_with("GRANT ") && !line.contains(" ON ") {
            self.has_roles = true;
        }
    }
}

/// The privileges of a line of `SHOW GRANTS`, and what they are on.
fn parts<'a>(line: &'a str, verb: &str, before_account: &str) -> Option<(&'a str, &'a str)> {
    let (privileges, rest) = line.strip_prefix(verb)?.split_once(" ON ")?;
    let (object, _) = rest.rsplit_once(before_account)?;
    Some((privileges, object))
}

fn named(privileges: &str) -> impl Iterator<Item = String> {
    privileges.split(',').map(|p| p.trim().to_ascii_uppercase())
}

/// SELECT on some columns is written `SELECT (a, b)`, and is not enough.
fn has_select(privileges: &str) -> bool {
    named(privileges).any(|p| matches!(p.as_str(), "SELECT" | "ALL PRIVILEGES" | "ALL"))
}

/// What a privilege is on: a database, whose name may have wildcards, or one table of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    database: String,
    table: Option<String>,
}

impl Object {
    /// Reads `` `db`.* `` or `` `db`.`table` ``; none for `*.*`.
    fn read(text: &str) -> Option<Self> {
        let (database, rest) = quoted(text)?;
        let rest = rest.strip_prefix('.')?;
        Some(Self {
            database,
            table: quoted(rest).map(|(table, _)| table),
        })
    }

    fn covers(&self, database: &str, table: Option<&str>) -> bool {
        match &self.table {
            None => is_like(&self.database, database),
            Some(own) => {
                self.database.eq_ignore_ascii_case(database)
                    && table.is_some_and(|t| own.eq_ignore_ascii_case(t))
            }
        }
    }
}

/// A name in backquotes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('`')?;
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('`')?;
        name.push_str(part);
        match after.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

/// Whether a name is as the pattern of a grant: `%` and `_` are wildcards, a backslash takes their meaning away.
fn is_like(pattern: &str, name: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = chars.as_str();
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter()
                .any(|at| name.get(at..).is_some_and(|tail| is_like(rest, tail)))
        }
        Some(first) => {
            let (wanted, any) = match (first, chars.clone().next()) {
                ('\\', Some(escaped)) => {
                    chars.next();
                    (escaped, false)
                }
                _ => (first, first == '_'),
            };
            let mut rest = name.chars();
            rest.next()
                .is_some_and(|c| any || c.eq_ignore_ascii_case(&wanted))
                && is_like(chars.as_str(), rest.as_str())
        }
    }
}

impl<S: AsRef<str>> FromIterator<S> for Grants {
    /// Reads the lines of `SHOW GRANTS`.
    fn from_iter<I: IntoIterator<Item = S>>(lines: I) -> Self {
        let mut grants = Self::default();
        for line in lines {
            grants.add(line.as_ref());
        }
        grants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn global_privileges_count_and_others_do_not() {
        let grants: Grants = [
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `cdc`@`%`",
            "GRANT BACKUP_ADMIN ON *.* TO `cdc`@`%` WITH GRANT OPTION",
            "GRANT SELECT ON `shop`.* TO `cdc`@`%`",
            "GRANT `reader`@`%` TO `cdc`@`%`",
        ]
        .into_iter()
        .collect();
        assert!(
            grants.has("REPLICATION SLAVE") && grants.has("replication client") && grants.has("BACKUP_ADMIN")
        );
        assert!(!grants.has("SELECT"));
        assert!(grants.has_roles());
        assert_eq!(grants.account(), "`cdc`@`%`");
    }

    #[test]
    fn mariadbs_lines_have_more_behind_the_account() {
        let hash = "*D821809F681A40A6E379B50D0463EFAE20BDD122";
        let line = format!(
            "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `cdc`@`%` IDENTIFIED BY PASSWORD '{hash}' WITH GRANT OPTION"
        );
        let grants: Grants = [line].into_iter().collect();
        assert!(grants.has("BINLOG MONITOR") && grants.has("REPLICATION SLAVE"));
        assert_eq!(grants.account(), "`cdc`@`%`");
    }

    #[test]
    fn all_privileges_are_all() {
        let grants: Grants = ["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"]
            .into_iter()
            .collect();
        assert!(grants.has("REPLICATION SLAVE") && !grants.has_roles());
        let database: Grants = ["GRANT ALL PRIVILEGES ON `shop`.* TO `cdc`@`%`"]
            .into_iter()
            .collect();
        assert!(!database.has("REPLICATION SLAVE"));
    }

    #[test]
    fn select_counts_on_the_table_its_database_or_the_server() {
        let grants: Grants = [
            "GRANT REPLICATION SLAVE ON *.* TO `cdc`@`%`",
            "GRANT SELECT, INSERT ON `shop`.* TO `cdc`@`%`",
            "GRANT ALL PRIVILEGES ON `tenant\\_%`.* TO `cdc`@`%`",
            "GRANT SELECT ON `crm`.`peo``ple` TO `cdc`@`%`",
            "GRANT SELECT (`a`, `b`) ON `crm`.`firms` TO `cdc`@`%`",
            "GRANT INSERT ON `other`.* TO `cdc`@`%`",
        ]
        .into_iter()
        .collect();
        assert!(grants.may_select("shop", None) && grants.may_select("shop", Some("t")));
        assert!(grants.may_select("tenant_7", None) && !grants.may_select("tenants7", None));
        assert!(grants.may_select("crm", Some("peo`ple")) && !grants.may_select("crm", None));
        assert!(
            !grants.may_select("crm", Some("firms")),
            "some columns are not all"
        );
        assert!(!grants.may_select("other", None));
        assert!(grants.may_select_something() && !Grants::default().may_select_something());
    }

    #[test]
    fn a_partial_revoke_takes_a_database_away() {
        let grants: Grants = [
            "GRANT SELECT, REPLICATION SLAVE ON *.* TO `cdc`@`%`",
            "REVOKE SELECT ON `secret`.* FROM `cdc`@`%`",
        ]
        .into_iter()
        .collect();
        assert!(grants.may_select("shop", None) && !grants.may_select("secret", Some("t")));
        assert!(grants.has("REPLICATION SLAVE"));
    }
}
