//! Comments whose content counts.

use super::quoted;
use crate::schema::{NameCase, Session};
use crate::server::ServerVersion;

/// A comment that only definitions of Rowtide have.
pub(super) fn mark(content: &str) -> String {
    format!(" /*R! {content} */")
}

/// A string for a [`mark`]: nothing in it ends the comment for a server.
pub(super) fn quoted_in_mark(text: &str) -> String {
    quoted(text).replace("*/", "*\\/")
}

/// What MySQL and MariaDB say in other words; each reads its own.
pub(super) fn by_flavour(mysql: &str, mariadb: &str) -> String {
    // MariaDB runs no comment for a version from 5.7 to 9.
    format!(" /*!50700 {mysql} *//*M! {mariadb} */")
}

/// In which a text is read to see what it means: what stands outside of such comments is the same to all servers.
pub(super) fn session() -> Session<'static> {
    Session::of_definition("", ServerVersion::UNKNOWN, NameCase::Matters)
}
