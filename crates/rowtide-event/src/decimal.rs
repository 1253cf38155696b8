//! DECIMAL in the server's packed form (decimal.cc).

use crate::{Malformed, Reader};

/// A DECIMAL(precision, scale) in the server's packed form: digits in big-endian groups of nine, the first bit
/// inverted, all bits inverted for a negative number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal<'a> {
    bytes: &'a [u8],
    precision: u8,
    scale: u8,
}

impl<'a> Decimal<'a> {
    /// Reads as many bytes as a DECIMAL(precision, scale) takes.
    pub fn read(reader: &mut Reader<'a>, precision: u8, scale: u8) -> Result<Self, Malformed> {
        let _ = (reader, precision, scale);
        Err(Malformed::Unsupported("DECIMAL"))
    }
}
