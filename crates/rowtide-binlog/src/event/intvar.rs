//! INTVAR (5): what LAST_INSERT_ID() or the AUTO_INCREMENT of the statement that follows begins with.

use rowtide_event::{Malformed, Reader};

/// A number that the statement that follows depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intvar {
    /// 1 is LAST_INSERT_ID, 2 INSERT_ID.
    pub kind: u8,
    /// The number.
    pub value: u64,
}

impl Intvar {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let kind = reader.u8("INTVAR")?;
        let value = reader.u64("INTVAR")?;
        reader.finish("INTVAR")?;
        Ok(Self { kind, value })
    }

    /// The variable's name.
    pub fn name(&self) -> Option<&'static str> {
        match self.kind {
            1 => Some("last_insert_id"),
            2 => Some("insert_id"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_and_value() {
        let event = Intvar::read(&[2, 5, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((event.name(), event.value), (Some("insert_id"), 261));
        assert_eq!(Intvar::read(&[2, 5]), Err(Malformed::Truncated("INTVAR")));
        assert_eq!(Intvar::read(&[1; 10]), Err(Malformed::Trailing("INTVAR")));
        assert_eq!(Intvar::read(&[3; 9]).unwrap().name(), None);
    }
}
