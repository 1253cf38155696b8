//! Which database servers there are.

/// A server that the testbed can start: its flavour and version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerVersion {
    /// MySQL 5.7.22. It has no `binlog_row_metadata` and is built without certificates.
    MySql57,
    /// MySQL 8.0.15.
    MySql80,
    /// MySQL 9.7: the one that is started when nothing else is said.
    #[default]
    MySql97,
    /// MariaDB 10.11. It has no certificates.
    MariaDb1011,
    /// MariaDB 11.8.
    MariaDb118,
}

impl ServerVersion {
    /// All of them, flavour by flavour, oldest first.
    pub const ALL: [ServerVersion; 5] = [
        ServerVersion::MySql57,
        ServerVersion::MySql80,
        ServerVersion::MySql97,
        ServerVersion::MariaDb1011,
        ServerVersion::MariaDb118,
    ];

    /// Flavour and version as in `mariadb-11.8`: fit for names of folders and tests.
    pub fn name(self) -> &'static str {
        match self {
            ServerVersion::MySql57 => "mysql-5.7",
            ServerVersion::MySql80 => "mysql-8.0",
            ServerVersion::MySql97 => "mysql-9.7",
            ServerVersion::MariaDb1011 => "mariadb-10.11",
            ServerVersion::MariaDb118 => "mariadb-11.8",
        }
    }

    /// What `VERSION()` of the server begins with.
    pub fn number(self) -> &'static str {
        match self {
            ServerVersion::MySql57 => "5.7.22",
            ServerVersion::MySql80 => "8.0.15",
            ServerVersion::MySql97 => "9.7.",
            ServerVersion::MariaDb1011 => "10.11.",
            ServerVersion::MariaDb118 => "11.8.",
        }
    }

    /// Whether it is a MariaDB, else it is a MySQL.
    pub fn is_mariadb(self) -> bool {
        matches!(self, ServerVersion::MariaDb1011 | ServerVersion::MariaDb118)
    }
}

impl std::fmt::Display for ServerVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
