//! A place in a server's binlog.

use std::fmt;
use std::str::FromStr;

/// A binlog file and a byte position in it. Positions are 64 bits wide: a file exceeds 4 GiB when one transaction does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BinlogPosition {
    /// The file's name without its folder, as `SHOW BINARY LOGS` has it.
    pub file: String,
    /// Bytes from the start of the file; 4 is before the first event.
    pub pos: u64,
}

impl BinlogPosition {
    /// The position `pos` of the file `file`.
    pub fn new(file: impl Into<String>, pos: u64) -> Self {
        Self {
            file: file.into(),
            pos,
        }
    }
}

impl fmt::Display for BinlogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.pos)
    }
}

/// Why a text is no [`BinlogPosition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a binlog position is written FILE:POS, for example binlog.000003:157, and POS is at least 4")]
pub struct ParsePositionError;

impl FromStr for BinlogPosition {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (file, pos) = text.rsplit_once(':').ok_or(ParsePositionError)?;
        let pos: u64 = pos.parse().map_err(|_| ParsePositionError)?;
        if file.is_empty() || pos < 4 {
            return Err(ParsePositionError);
        }
        Ok(Self::new(file, pos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let at: BinlogPosition = "binlog.000003:157".parse().unwrap();
        assert_eq!(at, BinlogPosition::new("binlog.000003", 157));
        assert_eq!(at.to_string(), "binlog.000003:157");
        for bad in ["binlog.000003", ":4", "binlog.000003:3", "binlog.000003:x", ""] {
            assert_eq!(bad.parse::<BinlogPosition>(), Err(ParsePositionError), "{bad}");
        }
    }
}
