//! Whose server it is.

use std::fmt;

/// Whose server it is, where that makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// MySQL and its close relatives (Percona Server, Aurora).
    MySql,
    /// MariaDB.
    MariaDb,
}

impl Flavour {
    /// The name of Debezium's connector for such a server: `source.connector` of every event.
    pub fn connector(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        })
    }
}
