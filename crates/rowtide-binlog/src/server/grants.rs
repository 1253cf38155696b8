//! What an account may do.

use std::collections::BTreeSet;

/// What an account may do on the whole server, as `SHOW GRANTS` lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    global: BTreeSet<String>,
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
            self.account = account.split(" WITH ").next().unwrap_or_default().to_owned();
        }
        if let Some((privileges, _)) = line
            .strip_prefix("GRANT ")
            .and_then(|l| l.split_once(" ON *.* TO "))
        {
            self.global
                .extend(privileges.split(',').map(|p| p.trim().to_ascii_uppercase()));
        } else if let Some((privileges, _)) = line
            .strip_prefix("REVOKE ")
            .and_then(|l| l.split_once(" ON *.* FROM "))
        {
            for privilege in privileges.split(',') {
                self.global.remove(&privilege.trim().to_ascii_uppercase());
            }
        } else if line.starts_with("GRANT ") && !line.contains(" ON ") {
            self.has_roles = true;
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
}
