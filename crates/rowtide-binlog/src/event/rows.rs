//! Rows events, version 1 (23 to 25) and 2 (30 to 32, and 39): inserted, updated and deleted rows of one table. MariaDB
//! has both compressed as well (166 to 171): their images are, the rest is not.

use rowtide_event::{Malformed, Reader};

use super::EventType;
use super::table_map::{MAX_COLUMNS, id_and_flags};

/// What was done to the rows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsOperation {
    /// Inserted: each row is one image.
    Insert,
    /// Updated: each row is two images, before and after.
    Update,
    /// Updated, as [`Update`](Self::Update), where the images after may have differences of JSON documents in place of
    /// documents: PARTIAL_UPDATE_ROWS.
    PartialUpdate,
    /// Deleted: each row is one image.
    Delete,
}

impl RowsOperation {
    /// What a rows event of this type did, or `None` where it is none.
    pub fn of(event_type: EventType) -> Option<Self> {
        match event_type {
            EventType::WriteRowsV1
            | EventType::WriteRows
            | EventType::WriteRowsCompressedV1
            | EventType::WriteRowsCompressed => Some(Self::Insert),
            EventType::UpdateRowsV1
            | EventType::UpdateRows
            | EventType::UpdateRowsCompressedV1
            | EventType::UpdateRowsCompressed => Some(Self::Update),
            EventType::PartialUpdateRows => Some(Self::PartialUpdate),
            EventType::DeleteRowsV1
            | EventType::DeleteRows
            | EventType::DeleteRowsCompressedV1
            | EventType::DeleteRowsCompressed => Some(Self::Delete),
            _ => None,
        }
    }

    /// Whether each row is two images.
    pub fn has_two_images(self) -> bool {
        matches!(self, Self::Update | Self::PartialUpdate)
    }
}

/// The fixed part of a rows event: enough to know whether anyone wants its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsHeader {
    /// The number of the [`TableMap`](super::TableMap) that describes the rows.
    pub table_id: u64,
    /// Flags.
    pub flags: u16,
}

impl RowsHeader {
    /// The number in an event that only ends a statement and has no table.
    pub const DUMMY_TABLE: u64 = 0x00ff_ffff;
    const STATEMENT_END: u16 = 1;

    /// Reads the fixed part, which is `post_header_len` bytes long.
    pub fn read(body: &[u8], post_header_len: usize) -> Result<Self, Malformed> {
        Self::read_from(&mut Reader::new(body), post_header_len)
    }

    fn read_from(reader: &mut Reader<'_>, post_header_len: usize) -> Result<Self, Malformed> {
        let (table_id, flags) = id_and_flags(reader, post_header_len)?;
        Ok(Self { table_id, flags })
    }

    /// Whether it is the last event of its statement: table maps are not valid after it.
    pub fn ends_statement(self) -> bool {
        self.flags & Self::STATEMENT_END != 0
    }

    /// Whether the event only ends a statement.
    pub fn is_dummy(self) -> bool {
        self.table_id == Self::DUMMY_TABLE && self.ends_statement()
    }
}

/// Partitions by their number in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// The one that the rows are in; after an update, the one that they are in now.
    pub id: u16,
    /// Of updated rows, the one that they were in.
    pub source: Option<u16>,
}

/// Bytes of the fixed part in version 2, which MySQL alone writes.
const VERSION_2_POST_HEADER: usize = 10;

/// A rows event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsEvent<'a> {
    /// The fixed part.
    pub header: RowsHeader,
    /// What was done.
    pub operation: RowsOperation,
    /// How many columns the table has.
    pub width: usize,
    /// Which columns the images have: of an insert the rows after it, else the rows before.
    pub present: Bitmap<'a>,
    /// Which columns the images after an update have; for other events the same as `present`.
    pub present_after: Bitmap<'a>,
    /// Where the rows are, in a table that has partitions.
    pub partition: Option<Partition>,
    /// Whether it is of one row that has no columns, and so no bytes: an insert of defaults alone, where `binlog_row_image`
    /// is MINIMAL. MySQL refuses a second such row in an event with error 1534; MariaDB's event, of version 1, says nothing of
    /// how many they are.
    pub one_row_without_columns: bool,
    /// The images; of a compressed event, compressed.
    pub rows: &'a [u8],
}

impl<'a> RowsEvent<'a> {
    /// Reads a body whose fixed part is `post_header_len` bytes long: 6 or 8 in version 1, 10 in version 2.
    #[inline]
    pub fn read(body: &'a [u8], operation: RowsOperation, post_header_len: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let header = RowsHeader::read_from(&mut reader, post_header_len)?;
        let partition = if post_header_len == VERSION_2_POST_HEADER {
            variable_header(&mut reader, operation)?
        } else {
            None
        };
        let width = reader.packed_len("width of a rows event")?;
        if width > MAX_COLUMNS || (width == 0 && !header.is_dummy()) {
            return Err(Malformed::Invalid("width of a rows event"));
        }
        let present = Bitmap::read(&mut reader, width)?;
        let present_after = if operation.has_two_images() {
            Bitmap::read(&mut reader, width)?
        } else {
            present
        };
        let rows = reader.take_rest();
        let without_columns = width != 0 && present.ones() == 0 && rows.is_empty();
        let one_row = operation == RowsOperation::Insert && post_header_len == VERSION_2_POST_HEADER;
        Ok(Self {
            header,
            operation,
            width,
            present,
            present_after,
            partition,
            one_row_without_columns: without_columns && one_row,
            rows,
        })
    }

    /// Whether its rows have no columns and so no bytes, and nothing says how many they are.
    pub fn has_uncounted_rows(&self) -> bool {
        let without_bytes =
            self.present.ones() == 0 && self.present_after.ones() == 0 && self.rows.is_empty();
        without_bytes && !self.one_row_without_columns
    }
}

impl EventType {
    /// Whether it is a rows event with compressed images.
    pub fn has_compressed_rows(self) -> bool {
        matches!(self.number(), 166..=171)
    }

    /// Bytes of a rows event's fixed part, where the file does not tell.
    pub fn usual_rows_post_header_len(self) -> usize {
        match self.number() {
            23..=25 | 166..=168 => 8,
            _ => 10,
        }
    }
}

/// Version 2 has a header of tagged fields, whose length counts its own two bytes. What follows an unknown tag cannot
/// be read and is skipped.
fn variable_header(
    reader: &mut Reader<'_>,
    operation: RowsOperation,
) -> Result<Option<Partition>, Malformed> {
    const WHAT: &str = "extra header of a rows event";
    let len = usize::from(reader.u16(WHAT)?)
        .checked_sub(2)
        .ok_or(Malformed::Invalid(WHAT))?;
    let mut fields = Reader::new(reader.take(len, WHAT)?);
    let mut partition = None;
    while !fields.is_empty() {
        match fields.u8(WHAT)? {
            // NDB: a length that counts itself and the format byte after it.
            0 => {
                let len = usize::from(fields.u8(WHAT)?)
                    .checked_sub(1)
                    .ok_or(Malformed::Invalid(WHAT))?;
                fields.take(len, WHAT)?;
            }
            1 => {
                let id = fields.u16(WHAT)?;
                let source = if operation.has_two_images() {
                    Some(fields.u16(WHAT)?)
                } else {
                    None
                };
                partition = Some(Partition { id, source });
            }
            _ => break,
        }
    }
    Ok(partition)
}

/// One bit for each column, the first lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bitmap<'a> {
    bytes: &'a [u8],
    width: usize,
    ones: usize,
}

impl<'a> Bitmap<'a> {
    /// Reads a bitmap of `width` bits.
    pub fn read(reader: &mut Reader<'a>, width: usize) -> Result<Self, Malformed> {
        let bytes = reader.take(width.div_ceil(8), "bitmap of a rows event")?;
        let ones = ones(bytes, width);
        Ok(Self { bytes, width, ones })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bit at `index`; false beyond the width.
    #[inline]
    pub fn bit(&self, index: usize) -> bool {
        index < self.width
            && self
                .bytes
                .get(index / 8)
                .is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// How many bits are set.
    #[inline]
    pub fn ones(&self) -> usize {
        self.ones
    }

    /// Whether all bits are set.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.ones == self.width
    }
}

/// How many of the first `width` bits are set: what the last byte has beyond them is not of the bitmap.
fn ones(bytes: &[u8], width: usize) -> usize {
    let ones = |byte: u8| byte.count_ones() as usize;
    let Some((last, whole)) = bytes.split_last() else {
        return 0;
    };
    let beyond = bytes.len().saturating_mul(8).saturating_sub(width);
    let last = u32::from(*last) & (0xff_u32 >> beyond.min(8));
    whole.iter().map(|byte| ones(*byte)).sum::<usize>() + last.count_ones() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const V2: &[u8] = &[7, 0, 0, 0, 0, 0, 1, 0, 2, 0, 9, 0xff, 0x01, 0xee];

    #[test]
    fn version_2_without_extra_fields() {
        let event = RowsEvent::read(V2, RowsOperation::Insert, 10).unwrap();
        assert_eq!((event.header.table_id, event.header.ends_statement()), (7, true));
        assert_eq!(
            (event.width, event.present.ones(), event.present.is_full()),
            (9, 9, true)
        );
        assert_eq!((event.rows, event.partition), (&[0xee][..], None));
        for len in 0..V2.len() - 1 {
            assert!(
                RowsEvent::read(&V2[..len], RowsOperation::Insert, 10).is_err(),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn version_1_and_old_table_ids() {
        let v1 = [7, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        let event = RowsEvent::read(&v1, RowsOperation::Delete, 8).unwrap();
        assert_eq!(
            (event.header.table_id, event.header.ends_statement(), event.width),
            (7, false, 1)
        );
        let old = [7, 0, 0, 0, 1, 0, 1, 1];
        let event = RowsEvent::read(&old, RowsOperation::Delete, 6).unwrap();
        assert_eq!(
            (event.header.table_id, event.header.ends_statement(), event.width),
            (7, true, 1)
        );
    }

    #[test]
    fn extra_fields_of_partitions_and_ndb_and_unknown_ones() {
        let update = [
            7, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 3, 0, 9, 1, 5, 0, 4, 0, 77, 1, 1, 1,
        ];
        let event = RowsEvent::read(&update, RowsOperation::Update, 10).unwrap();
        let partition = Partition {
            id: 5,
            source: Some(4),
        };
        assert_eq!(
            (event.partition, event.width, event.rows.len()),
            (Some(partition), 1, 0)
        );
    }

    #[test]
    fn an_insert_without_columns_is_one_row_in_version_2() {
        let read = |event: &[u8], operation, post_header_len| {
            let event = RowsEvent::read(event, operation, post_header_len).unwrap();
            event.one_row_without_columns
        };
        let v2 = [7, 0, 0, 0, 0, 0, 1, 0, 2, 0, 2, 0];
        assert!(read(&v2, RowsOperation::Insert, 10));
        assert!(!read(&v2, RowsOperation::Delete, 10));
        assert!(!read(&[&v2[..], &[0]].concat(), RowsOperation::Insert, 10));
        let v1 = [7, 0, 0, 0, 0, 0, 1, 0, 2, 0];
        assert!(!read(&v1, RowsOperation::Insert, 8));
        let dummy = [0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 2, 0, 0];
        assert!(!read(&dummy, RowsOperation::Insert, 10));
    }

    #[test]
    fn a_dummy_event_ends_a_statement() {
        let dummy = [0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 2, 0, 0];
        assert!(
            RowsEvent::read(&dummy, RowsOperation::Insert, 10)
                .unwrap()
                .header
                .is_dummy()
        );
        let not_dummy = [1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0];
        assert!(RowsEvent::read(&not_dummy, RowsOperation::Insert, 10).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), post in 0usize..20) {
            for operation in [RowsOperation::Insert, RowsOperation::Update, RowsOperation::Delete] {
                let _ = RowsEvent::read(&bytes, operation, post);
            }
        }
    }

    proptest! {
        #[test]
        fn ones_are_the_bits_that_are_set(bytes: Vec<u8>, less in 0usize..8) {
            let width = (bytes.len() * 8).saturating_sub(less);
            let bitmap = Bitmap::read(&mut Reader::new(&bytes), width).unwrap();
            let set = (0..width + 8).filter(|index| bitmap.bit(*index)).count();
            prop_assert_eq!(bitmap.ones(), set);
            prop_assert_eq!(bitmap.is_full(), set == width);
        }
    }
}
