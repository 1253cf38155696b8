//! BEGIN_LOAD_QUERY (17) and APPEND_BLOCK (9): blocks of a file that a LOAD DATA statement reads; DELETE_FILE (11): the
//! file is not needed any more.

use rowtide_event::{Malformed, Reader};

/// A block of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileBlock<'a> {
    /// The number by which later events refer to the file.
    pub file_id: u32,
    /// What is in it.
    pub data: &'a [u8],
}

impl<'a> FileBlock<'a> {
    /// Reads a body; DELETE_FILE has no data.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        Ok(Self {
            file_id: reader.u32("block of a LOAD DATA file")?,
            data: reader.take_rest(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_data() {
        let expected = FileBlock {
            file_id: 7,
            data: b"1\n",
        };
        assert_eq!(FileBlock::read(b"\x07\0\0\x001\n"), Ok(expected));
        assert!(FileBlock::read(b"\x07\0\0").is_err());
    }
}
