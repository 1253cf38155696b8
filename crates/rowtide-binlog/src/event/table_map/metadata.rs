//! What `binlog_row_metadata` adds to a TABLE_MAP: fields of type, length and value, in any order, any of them absent.

use std::collections::HashSet;

use rowtide_event::{Malformed, Reader};

use super::{MAX_COLUMNS, MapColumn};

/// The optional metadata of a table. MINIMAL writes signs, character sets and geometry types; FULL all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableMetadata<'a> {
    /// One bit for each numeric column, the first highest: whether it is UNSIGNED.
    pub unsigned: Option<&'a [u8]>,
    /// Collations of the character columns.
    pub charsets: Option<Collations>,
    /// Collations of the ENUM and SET columns.
    pub enum_and_set_charsets: Option<Collations>,
    /// The columns' names.
    pub names: Option<Vec<&'a str>>,
    /// The members of each SET column, in its own character set.
    pub set_members: Option<Vec<Vec<&'a [u8]>>>,
    /// The members of each ENUM column, in its own character set.
    pub enum_members: Option<Vec<Vec<&'a [u8]>>>,
    /// The geometry type of each GEOMETRY column.
    pub geometry_types: Option<Vec<u64>>,
    /// The columns of the primary key in its order, each with the length of its prefix, 0 for the whole column.
    pub primary_key: Option<Vec<(usize, u64)>>,
    /// One bit for each column, the first highest: whether it is visible.
    pub visible: Option<&'a [u8]>,
    /// The dimensions of each VECTOR column.
    pub vector_dimensions: Option<Vec<u64>>,
}

/// Collation ids of columns that have one, counted over those columns only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collations {
    /// One for all, and those of the columns that differ.
    Default {
        /// The collation of all that are not listed.
        default: u64,
        /// Column and collation.
        others: Vec<(usize, u64)>,
    },
    /// One for each.
    Each(Vec<u64>),
}

impl Collations {
    /// The collation of the column that is the `index`th to have one.
    pub fn of(&self, index: usize) -> Option<u64> {
        match self {
            Self::Default { default, others } => Some(
                others
                    .iter()
                    .find(|(at, _)| *at == index)
                    .map_or(*default, |(_, id)| *id),
            ),
            Self::Each(ids) => ids.get(index).copied(),
        }
    }
}

/// The bit at `index` where the highest bit of the first byte is the first.
pub(crate) fn bit_from_high(bytes: &[u8], index: usize) -> Option<bool> {
    bytes.get(index / 8).map(|byte| byte << (index % 8) & 0x80 != 0)
}

impl<'a> TableMetadata<'a> {
    /// Reads all fields to the end of the event.
    pub(super) fn read(reader: &mut Reader<'a>, columns: &[MapColumn]) -> Result<Self, Malformed> {
        let mut metadata = Self::default();
        let mut seen = [false; 256];
        while !reader.is_empty() {
            let field = reader.u8("TABLE_MAP metadata")?;
            // Each field once: of two, one would be lost.
            if let Some(seen) = seen.get_mut(usize::from(field))
                && std::mem::replace(seen, true)
            {
                return Err(Malformed::Invalid("TABLE_MAP metadata"));
            }
            let value = Reader::new(reader.packed_bytes("TABLE_MAP metadata")?);
            metadata.set(field, value)?;
        }
        metadata.check(columns)?;
        Ok(metadata)
    }

    fn set(&mut self, field: u8, mut value: Reader<'a>) -> Result<(), Malformed> {
        match field {
            1 => self.unsigned = Some(value.take_rest()),
            2 => self.charsets = Some(default_collations(&mut value)?),
            3 => self.charsets = Some(Collations::Each(numbers(&mut value, "TABLE_MAP character sets")?)),
            4 => self.names = Some(names(&mut value)?),
            5 => self.set_members = Some(members(&mut value)?),
            6 => self.enum_members = Some(members(&mut value)?),
            7 => self.geometry_types = Some(numbers(&mut value, "TABLE_MAP geometry types")?),
            8 => self.primary_key = Some(simple_key(&mut value)?),
            9 => self.primary_key = Some(pairs(&mut value, "TABLE_MAP primary key")?),
            10 => self.enum_and_set_charsets = Some(default_collations(&mut value)?),
            11 => {
                let each = numbers(&mut value, "TABLE_MAP character sets")?;
                self.enum_and_set_charsets = Some(Collations::Each(each));
            }
            12 => self.visible = Some(value.take_rest()),
            13 => self.vector_dimensions = Some(numbers(&mut value, "TABLE_MAP vector dimensions")?),
            // Of a newer server: the format wants it skipped by its length.
            _ => {}
        }
        Ok(())
    }

    fn check(&self, columns: &[MapColumn]) -> Result<(), Malformed> {
        if self
            .names
            .as_ref()
            .is_some_and(|names| names.len() != columns.len())
        {
            return Err(Malformed::Invalid("TABLE_MAP column names"));
        }
        if self.names.as_ref().is_some_and(|names| has_doubles(names)) {
            return Err(Malformed::Invalid("TABLE_MAP column names"));
        }
        let beyond = |key: &Vec<(usize, u64)>| key.iter().any(|(column, _)| *column >= columns.len());
        if self.primary_key.as_ref().is_some_and(beyond) {
            return Err(Malformed::Invalid("TABLE_MAP primary key"));
        }
        Ok(())
    }
}

fn has_doubles(names: &[&str]) -> bool {
    let mut seen = HashSet::with_capacity(names.len());
    !names.iter().all(|name| seen.insert(*name))
}

/// A column's index, which counts in memory.
fn index(reader: &mut Reader<'_>, what: &'static str) -> Result<usize, Malformed> {
    let index = reader.packed_len(what)?;
    if index < MAX_COLUMNS {
        Ok(index)
    } else {
        Err(Malformed::Invalid(what))
    }
}

fn numbers(reader: &mut Reader<'_>, what: &'static str) -> Result<Vec<u64>, Malformed> {
    let mut numbers = Vec::new();
    while !reader.is_empty() {
        numbers.push(reader.packed(what)?);
    }
    Ok(numbers)
}

fn pairs(reader: &mut Reader<'_>, what: &'static str) -> Result<Vec<(usize, u64)>, Malformed> {
    let mut pairs = Vec::new();
    while !reader.is_empty() {
        pairs.push((index(reader, what)?, reader.packed(what)?));
    }
    Ok(pairs)
}

fn simple_key(reader: &mut Reader<'_>) -> Result<Vec<(usize, u64)>, Malformed> {
    let mut key = Vec::new();
    while !reader.is_empty() {
        key.push((index(reader, "TABLE_MAP primary key")?, 0));
    }
    Ok(key)
}

fn default_collations(reader: &mut Reader<'_>) -> Result<Collations, Malformed> {
    let default = reader.packed("TABLE_MAP character sets")?;
    Ok(Collations::Default {
        default,
        others: pairs(reader, "TABLE_MAP character sets")?,
    })
}

fn names<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a str>, Malformed> {
    let mut names = Vec::new();
    while !reader.is_empty() {
        let name = reader.packed_bytes("TABLE_MAP column names")?;
        names.push(std::str::from_utf8(name).map_err(|_| Malformed::Invalid("TABLE_MAP column names"))?);
    }
    Ok(names)
}

fn members<'a>(reader: &mut Reader<'a>) -> Result<Vec<Vec<&'a [u8]>>, Malformed> {
    let mut columns = Vec::new();
    while !reader.is_empty() {
        let count = reader.packed_len("TABLE_MAP members")?;
        let mut members = Vec::new();
        for _ in 0..count {
            members.push(reader.packed_bytes("TABLE_MAP members")?);
        }
        columns.push(members);
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> TableMetadata<'_> {
        TableMetadata::read(&mut Reader::new(bytes), &[]).unwrap()
    }

    #[test]
    fn collations_of_both_forms() {
        let charsets = read(&[2, 7, 45, 1, 63, 3, 252, 0, 1]).charsets.unwrap();
        assert_eq!(
            [0, 1, 2, 3].map(|at| charsets.of(at)),
            [Some(45), Some(63), Some(45), Some(256)]
        );
        let charsets = read(&[3, 2, 8, 63]).charsets.unwrap();
        assert_eq!([0, 1, 2].map(|at| charsets.of(at)), [Some(8), Some(63), None]);
    }

    #[test]
    fn members_and_geometry() {
        let metadata =
            read(b"\x05\x05\x02\x01a\x01b\x06\x03\x01\x01c\x07\x02\x00\x07\x0a\x01\x08\x0b\x02\x08\x21");
        assert_eq!(metadata.set_members.unwrap(), [[&b"a"[..], b"b"]]);
        assert_eq!(metadata.enum_members.unwrap(), [[&b"c"[..]]]);
        assert_eq!(metadata.geometry_types.unwrap(), [0, 7]);
        assert_eq!(
            metadata.enum_and_set_charsets,
            Some(Collations::Each(vec![8, 33]))
        );
    }

    #[test]
    fn nothing_comes_twice() {
        let read = |bytes| TableMetadata::read(&mut Reader::new(bytes), &[]).map(|_| ());
        let twice = Err(Malformed::Invalid("TABLE_MAP metadata"));
        assert_eq!(read(b"\x01\x01\x80\x01\x01\x00"), twice);
        assert_eq!(read(b"\x01\x01\x80\x02\x01\x08"), Ok(()));
        assert!(has_doubles(&["a", "b", "a"]) && !has_doubles(&["a", "b"]));
    }

    #[test]
    fn bits_from_the_highest() {
        assert_eq!(bit_from_high(&[0x80, 0x40], 0), Some(true));
        assert_eq!(bit_from_high(&[0x80, 0x40], 8), Some(false));
        assert_eq!(bit_from_high(&[0x80, 0x40], 9), Some(true));
        assert_eq!(bit_from_high(&[0x80, 0x40], 16), None);
    }
}
