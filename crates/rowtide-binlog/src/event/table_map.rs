//! TABLE_MAP (19): names and types of the table that the rows events after it are of.

mod metadata;
mod wire_type;

use rowtide_event::{Malformed, Reader};

use crate::server::ServerVersion;

pub(crate) use metadata::bit_from_high;
pub use metadata::{Collations, TableMetadata};
pub use wire_type::WireType;

/// A table as the binlog describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableMap<'a> {
    /// The number by which rows events refer to it. It changes with every DDL and restart.
    pub table_id: u64,
    /// Flags of the server.
    pub flags: u16,
    /// The database.
    pub database: &'a str,
    /// The table.
    pub table: &'a str,
    /// The columns, in the order of the row image.
    pub columns: Vec<MapColumn>,
    /// What `binlog_row_metadata` adds.
    pub metadata: TableMetadata<'a>,
    /// The server that wrote it, on which some of the metadata depends. [`read`](Self::read) takes it for a MySQL; whoever
    /// knows better says so.
    pub written_by: ServerVersion,
}

/// One column of a [`TableMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapColumn {
    /// How its values are written.
    pub wire_type: WireType,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// The most columns that a table can have: 4096 in MySQL and MariaDB.
pub const MAX_COLUMNS: usize = 4096;
/// The longest name in bytes: 64 characters of three bytes.
const MAX_NAME: usize = 192;

impl<'a> TableMap<'a> {
    /// Reads a body whose fixed part is `post_header_len` bytes long.
    pub fn read(body: &'a [u8], post_header_len: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (table_id, flags) = id_and_flags(&mut reader, post_header_len)?;
        let database = name(&mut reader)?;
        let table = name(&mut reader)?;
        let columns = columns(&mut reader)?;
        let metadata = TableMetadata::read(&mut reader, &columns)?;
        Ok(Self {
            table_id,
            flags,
            database,
            table,
            columns,
            metadata,
            written_by: ServerVersion::UNKNOWN,
        })
    }

    /// Reads only the table's number, and gives what stands behind it: all that is said of the table.
    #[inline(always)]
    pub fn id_and_shape(body: &'a [u8], post_header_len: usize) -> Result<(u64, &'a [u8]), Malformed> {
        let (id, _) = id_and_flags(&mut Reader::new(body), post_header_len)?;
        let shape = body.get(id_len(post_header_len)..).unwrap_or_default();
        Ok((id, shape))
    }
}

/// The fixed part, which TABLE_MAP and rows events have in common: the table's number (four bytes in MySQL 5.1.4 and
/// older, six since) and flags.
// As the header: through memory the fields take longer than to read.
#[inline(always)]
pub(super) fn id_and_flags(reader: &mut Reader<'_>, post_header_len: usize) -> Result<(u64, u16), Malformed> {
    let len = id_len(post_header_len);
    let table_id = match len {
        OLD_ID => u64::from(reader.u32("table id")?),
        _ => reader.u48("table id")?,
    };
    let flags = reader.u16("table id")?;
    let more = post_header_len
        .checked_sub(len.saturating_add(2))
        .ok_or(Malformed::Invalid("post-header of a table or rows event"))?;
    // Version 2 of rows events counts two bytes more, which are the length of their variable header.
    reader.take(
        if more == 2 { 0 } else { more },
        "post-header of a table or rows event",
    )?;
    Ok((table_id, flags))
}

/// Bytes of a table's number in MySQL 5.1.4 and older.
const OLD_ID: usize = 4;

fn id_len(post_header_len: usize) -> usize {
    match post_header_len {
        6 => OLD_ID,
        _ => 6,
    }
}

fn name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    let bytes = reader.packed_bytes("TABLE_MAP name")?;
    if bytes.len() > MAX_NAME || reader.u8("TABLE_MAP name")? != 0 {
        return Err(Malformed::Invalid("TABLE_MAP name"));
    }
    std::str::from_utf8(bytes).map_err(|_| Malformed::Invalid("TABLE_MAP name"))
}

fn columns(reader: &mut Reader<'_>) -> Result<Vec<MapColumn>, Malformed> {
    let count = reader.packed_len("TABLE_MAP column count")?;
    if count > MAX_COLUMNS {
        return Err(Malformed::TooLarge("TABLE_MAP column count"));
    }
    let types = reader.take(count, "TABLE_MAP column types")?;
    if reader.is_empty() && count > 0 {
        return Err(Malformed::Unsupported(
            "a TABLE_MAP without column metadata, as MySQL 5.1.17 and older wrote it (no one can read its rows without \
             the server's own table),",
        ));
    }
    let mut meta = Reader::new(reader.packed_bytes("TABLE_MAP column metadata")?);
    let nullable = reader.take(count.div_ceil(8), "TABLE_MAP nullable columns")?;
    let mut columns = Vec::with_capacity(count);
    for (at, number) in types.iter().enumerate() {
        let nullable = nullable.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
        columns.push(MapColumn {
            wire_type: WireType::read(*number, &mut meta)?,
            nullable,
        });
    }
    meta.finish("TABLE_MAP column metadata")?;
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From the column count on, as a MySQL 9.0.1 wrote it for (id BIGINT UNSIGNED, vector_column VECTOR(3)).
    const VECTOR: &[u8] =
        b"\x02\x08\xf2\x01\x04\x02\x01\x01\x80\x02\x01\x3f\x0d\x01\x03\x04\x11\x02id\x0dvector_column\
        \x08\x01\x00\x0c\x01\xc0";

    fn body(rest: &[u8]) -> Vec<u8> {
        [b"\x07\0\0\0\0\0\x01\0\x02db\0\x01t\0".as_slice(), rest].concat()
    }

    #[test]
    fn a_table_that_a_server_described() {
        let body = body(VECTOR);
        let map = TableMap::read(&body, 8).unwrap();
        assert_eq!(
            (map.table_id, map.flags, map.database, map.table),
            (7, 1, "db", "t")
        );
        let column = |wire_type, nullable| MapColumn { wire_type, nullable };
        assert_eq!(
            map.columns,
            [
                column(WireType::LongLong, false),
                column(WireType::Vector(4), true)
            ]
        );
        let metadata = map.metadata;
        assert_eq!(metadata.unsigned, Some(&[0x80][..]));
        assert_eq!(metadata.charsets.unwrap().of(0), Some(63));
        assert_eq!(metadata.names.unwrap(), ["id", "vector_column"]);
        assert_eq!(metadata.primary_key.unwrap(), [(0, 0)]);
        assert_eq!(metadata.vector_dimensions.unwrap(), [3]);
        assert_eq!(metadata.visible, Some(&[0xc0][..]));
    }

    #[test]
    fn old_table_numbers_and_unknown_metadata() {
        let old = [
            b"\x07\0\0\0\x01\0\x02db\0\x01t\0".as_slice(),
            VECTOR,
            b"\x63\x02ab",
        ]
        .concat();
        let map = TableMap::read(&old, 6).unwrap();
        assert_eq!((map.table_id, map.columns.len()), (7, 2));
        assert_eq!(TableMap::id_and_shape(&old, 6), Ok((7, &old[4..])));
    }

    #[test]
    fn cuts_inside_of_a_field_are_errors() {
        let whole = body(VECTOR);
        let without_metadata = whole.len() - (VECTOR.len() - 6);
        let ends = [6, 9, 12, 15, 34, 37, 40].map(|at| at + without_metadata - 6);
        for len in 0..whole.len() {
            let ok = TableMap::read(&whole[..len], 8).is_ok();
            assert_eq!(ok, ends.contains(&len), "{len} bytes");
        }
    }

    #[test]
    fn without_column_metadata_it_is_of_a_development_version() {
        let old = b"\x07\0\0\0\x01\0\x02db\0\x01t\0\x02\x03\x0f";
        let error = TableMap::read(old, 6).unwrap_err();
        assert!(error.to_string().contains("MySQL 5.1.17 and older"), "{error}");
        assert!(matches!(
            TableMap::read(&old[..old.len() - 1], 6),
            Err(Malformed::Truncated(_))
        ));
    }

    #[test]
    fn names_of_other_columns_are_refused() {
        let mut wrong = body(b"\x01\x03\x00\x00\x04\x04\x01a\x01b");
        assert_eq!(
            TableMap::read(&wrong, 8),
            Err(Malformed::Invalid("TABLE_MAP column names"))
        );
        wrong = body(b"\x01\x03\x00\x00\x08\x01\x01");
        assert_eq!(
            TableMap::read(&wrong, 8),
            Err(Malformed::Invalid("TABLE_MAP primary key"))
        );
        wrong = body(b"\xfc\x01\x10");
        assert_eq!(
            TableMap::read(&wrong, 8),
            Err(Malformed::TooLarge("TABLE_MAP column count"))
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = TableMap::read(&bytes, 8);
            let _ = TableMap::read(&body(&bytes), 8);
        }

        #[test]
        fn never_panics_on_a_damaged_table(at in 0..60usize, byte in any::<u8>()) {
            let mut bytes = body(VECTOR);
            let len = bytes.len();
            bytes[at % len] = byte;
            let _ = TableMap::read(&bytes, 8);
        }
    }
}
