//! Names and literals.

use std::fmt::Write;

/// A name in backticks.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Text as a literal of ASCII, whatever is in it.
pub(super) fn text(text: &str) -> String {
    format!("_utf8mb4 {}", bytes(text.as_bytes()))
}

/// Text as a literal without an introducer, for places that take none: it has no backslashes.
pub(super) fn plain(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Bytes as a literal.
pub(super) fn bytes(bytes: &[u8]) -> String {
    // MySQL 8.0.15 does not read `x''` in the default of a column.
    if bytes.is_empty() {
        return "''".to_owned();
    }
    let mut literal = String::with_capacity(bytes.len() * 2 + 3);
    literal.push_str("x'");
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(literal, "{byte:02X}");
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_literals_hold_anything() {
        assert_eq!(name("a`b"), "`a``b`");
        assert_eq!(text("é'"), "_utf8mb4 x'C3A927'");
        assert_eq!(plain("it's"), "'it''s'");
        assert_eq!(bytes(&[]), "''");
    }
}
