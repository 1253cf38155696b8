//! The server's character sets.

/// A character set of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// utf8mb4 and utf8mb3: already UTF-8.
    Utf8,
    /// No characters at all: bytes.
    Binary,
}
