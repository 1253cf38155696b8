//! Which server it is.

use std::fmt;
use std::str::FromStr;

pub use rowtide_event::Flavour;

/// A server's version. Compare the numbers only within a flavour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerVersion {
    /// Whose server it is.
    pub flavour: Flavour,
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl ServerVersion {
    /// Stands for a server of which nothing is known.
    pub const UNKNOWN: Self = Self {
        flavour: Flavour::MySql,
        major: 8,
        minor: 0,
        patch: 0,
    };

    /// Stands for a server of which only the flavour is known: whatever is said in a comment for newer versions counts.
    pub const fn newest(flavour: Flavour) -> Self {
        Self {
            flavour,
            major: 99,
            minor: 99,
            patch: 99,
        }
    }

    /// Whether the numbers are at least these.
    pub fn is_at_least(self, major: u32, minor: u32, patch: u32) -> bool {
        (self.major, self.minor, self.patch) >= (major, minor, patch)
    }

    /// The version as one number, as comments such as `/*!80016 ... */` have it: 80016 for 8.0.16.
    pub fn number(self) -> u32 {
        let number = |n: u32, places: u32| n.saturating_mul(places);
        number(self.major, 10_000)
            .saturating_add(number(self.minor, 100))
            .saturating_add(self.patch)
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}.{}", self.flavour, self.major, self.minor, self.patch)
    }
}

/// A text that is no server version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server version begins with three numbers, as 9.7.4")]
pub struct ParseVersionError;

impl FromStr for ServerVersion {
    type Err = ParseVersionError;

    /// Reads what `@@version` or a greeting says: `9.7.4`, `8.0.15-log`, `11.8.2-MariaDB-1`. In greetings MariaDB puts
    /// `5.5.5-` before its version, for the sake of old replicas.
    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let is_mariadb = text.to_ascii_lowercase().contains("mariadb");
        let numbers = if is_mariadb {
            text.strip_prefix("5.5.5-").unwrap_or(text)
        } else {
            text
        };
        let mut parts = numbers.splitn(3, '.');
        let mut next = || {
            let part = parts.next().ok_or(ParseVersionError)?;
            let digits = part
                .find(|c: char| !c.is_ascii_digit())
                .map_or(part, |end| part.split_at(end).0);
            digits.parse::<u32>().map_err(|_| ParseVersionError)
        };
        let flavour = if is_mariadb {
            Flavour::MariaDb
        } else {
            Flavour::MySql
        };
        Ok(Self {
            flavour,
            major: next()?,
            minor: next()?,
            patch: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let cases = [
            ("9.7.4", "MySQL 9.7.4"),
            ("8.0.15-log", "MySQL 8.0.15"),
            ("8.0.36-28.1", "MySQL 8.0.36"),
            ("11.8.2-MariaDB-1~deb", "MariaDB 11.8.2"),
            ("5.5.5-10.11.6-MariaDB-log", "MariaDB 10.11.6"),
            ("5.5.5", "MySQL 5.5.5"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<ServerVersion>().unwrap().to_string(), expected);
        }
        for bad in ["", "9.7", "x.1.2", "9..1", "9.7.x"] {
            assert_eq!(bad.parse::<ServerVersion>(), Err(ParseVersionError), "{bad}");
        }
    }

    #[test]
    fn versions_are_compared_by_all_three_numbers() {
        let version: ServerVersion = "8.0.26".parse().unwrap();
        assert!(version.is_at_least(8, 0, 26) && version.is_at_least(5, 7, 44));
        assert!(!version.is_at_least(8, 1, 0) && !version.is_at_least(8, 0, 27));
    }
}
