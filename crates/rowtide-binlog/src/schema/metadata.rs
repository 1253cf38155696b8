//! A table's shape from the metadata that `binlog_row_metadata=FULL` adds to each TABLE_MAP: always right, whatever
//! DDL came before.

mod agreement;
mod partial;
mod types;

use rowtide_event::{Column, Malformed, Table, TableId};

use crate::event::{TableMap, WireType};
use crate::server::{Flavour, ServerVersion};

use self::types::TypeReader;

pub use self::agreement::{
    agree, completed, differ_in_utf8, has_column, hidden_columns, is_ambiguous, says_the_same,
    with_hidden_behind,
};
pub use self::partial::by_partial_metadata;

/// Whether a TABLE_MAP says all that [`table`] needs.
pub fn metadata_is_full(map: &TableMap<'_>) -> bool {
    map.metadata.names.is_some()
}

/// The table that a TABLE_MAP with full metadata describes.
///
/// Its key is what the server calls the primary key: where a table has none, the first unique key without a nullable
/// column (`open_table_from_share` in the server's table.cc).
///
/// Fails where the metadata is not full, contradicts itself, or has a type that Rowtide cannot decode.
pub fn table(map: &TableMap<'_>) -> Result<Table, Malformed> {
    if let Some(counted) = are_years_signed(map) {
        return table_with(map, counted);
    }
    let (counted, left_out) = (table_with(map, true), table_with(map, false));
    if counted == left_out {
        return counted;
    }
    Err(Malformed::Unsupported(
        "signs of columns behind a YEAR in a table that a MySQL 8.0.21 to 8.0.28 logged",
    ))
}

/// Whether YEAR columns have a place among the signs of numeric columns, as far as it is known: MySQL 8.0.15 and 8.0.20
/// leave them out, MySQL 8.0.29, 9.7 and MariaDB do not. In between the number of signs may tell.
fn are_years_signed(map: &TableMap<'_>) -> Option<bool> {
    let server = map.written_by;
    if server.flavour != Flavour::MySql || server == ServerVersion::UNKNOWN || server.is_at_least(8, 0, 29) {
        return Some(true);
    }
    if !server.is_at_least(8, 0, 21) {
        return Some(false);
    }
    let numeric = map.columns.iter().filter(|column| column.wire_type.is_numeric());
    let years = map
        .columns
        .iter()
        .filter(|column| column.wire_type == WireType::Year);
    let (numeric, years) = (numeric.count(), years.count());
    let bytes = map.metadata.unsigned.map_or(0, <[u8]>::len);
    let counted = numeric.div_ceil(8) == bytes;
    let left_out = numeric.saturating_sub(years).div_ceil(8) == bytes;
    (counted != left_out).then_some(counted)
}

fn table_with(map: &TableMap<'_>, years_are_signed: bool) -> Result<Table, Malformed> {
    let names = map
        .metadata
        .names
        .as_ref()
        .ok_or(Malformed::Invalid("TABLE_MAP column names"))?;
    let mut types = TypeReader::of(map, years_are_signed);
    let mut columns = Vec::with_capacity(map.columns.len());
    for (column, name) in map.columns.iter().zip(names) {
        let ty = types.next(column)?;
        columns.push(Column {
            name: (*name).to_owned(),
            ty,
            nullable: column.nullable,
            generated: false,
        });
    }
    let key = map
        .metadata
        .primary_key
        .iter()
        .flatten()
        .map(|(column, _prefix)| *column)
        .collect();
    Ok(Table {
        id: TableId::new(map.database, map.table),
        columns,
        key,
        hidden: 0,
    })
}

/// A table as far as its TABLE_MAP tells it, for people: a column without a name is called `@1` and so on, an integer
/// whose sign is not told seems signed, a text without a character set seems bytes, ENUM and SET may have no members.
///
/// Fails where it has a type that Rowtide cannot decode, and where the metadata is there and does not fit the columns.
pub fn as_logged(map: &TableMap<'_>) -> Result<Table, Malformed> {
    let mut types = TypeReader::of(map, are_years_signed(map).unwrap_or(true));
    let names = map.metadata.names.as_deref().unwrap_or_default();
    let mut columns = Vec::with_capacity(map.columns.len());
    for (at, column) in map.columns.iter().enumerate() {
        let number = at.saturating_add(1);
        columns.push(Column {
            name: names
                .get(at)
                .map_or_else(|| format!("@{number}"), |name| (*name).to_owned()),
            ty: types
                .next(column)
                .or_else(|cause| types.told_by_wire(column.wire_type, cause))?,
            nullable: column.nullable,
            generated: false,
        });
    }
    Ok(Table {
        id: TableId::new(map.database, map.table),
        columns,
        key: Vec::new(),
        hidden: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rowtide_event::{Charset, ColumnType, FixedBinary, GeometryKind, IntegerWidth};

    /// A table of these columns (number, metadata) with this optional metadata.
    fn body(types: &[u8], meta: &[u8], optional: &[u8]) -> Vec<u8> {
        let mut body = b"\x07\0\0\0\0\0\x01\0\x02db\0\x01t\0".to_vec();
        body.push(types.len() as u8);
        body.extend(types);
        body.push(meta.len() as u8);
        body.extend(meta);
        body.extend(vec![0; types.len().div_ceil(8)]);
        body.extend(optional);
        body
    }

    fn types(types: &[u8], meta: &[u8], optional: &[u8]) -> Result<Vec<ColumnType>, Malformed> {
        let names: Vec<u8> = (0..types.len()).flat_map(|at| [1, b'a' + at as u8]).collect();
        let optional = [optional, &[4, names.len() as u8], &names].concat();
        let body = body(types, meta, &optional);
        let table = table(&TableMap::read(&body, 8).unwrap())?;
        Ok(table.columns.into_iter().map(|column| column.ty).collect())
    }

    #[test]
    fn signs_are_counted_over_numeric_columns() {
        let int = |unsigned| ColumnType::Integer {
            width: IntegerWidth::Int,
            unsigned,
        };
        // int, date, year, int unsigned: the bit of the year is in between.
        let read = types(&[3, 10, 13, 3], &[], &[1, 1, 0x20]);
        assert_eq!(
            read,
            Ok(vec![int(false), ColumnType::Date, ColumnType::Year, int(true)])
        );
        assert_eq!(
            types(&[3], &[], &[]),
            Err(Malformed::Truncated("TABLE_MAP signs"))
        );
    }

    #[test]
    fn old_servers_leave_years_out_of_the_signs() {
        // year, int, int unsigned; the signs are those of two columns or of three.
        let read = |server: &str, signs| {
            let body = body(&[13, 3, 3], &[], &[1, 1, signs, 4, 6, 1, b'a', 1, b'b', 1, b'c']);
            let mut map = TableMap::read(&body, 8).unwrap();
            map.written_by = server.parse().unwrap();
            let unsigned = |column: Column| matches!(column.ty, ColumnType::Integer { unsigned: true, .. });
            table(&map).map(|table| table.columns.into_iter().map(unsigned).collect::<Vec<_>>())
        };
        let expected = Ok(vec![false, false, true]);
        assert_eq!(read("8.0.15", 0b0100_0000), expected);
        assert_eq!(read("8.0.20-11", 0b0100_0000), expected);
        assert_eq!(read("8.0.29", 0b0010_0000), expected);
        assert_eq!(read("11.8.2-MariaDB", 0b1010_0000), expected);
        assert!(read("8.0.25", 0b0100_0000).is_err());
        assert_eq!(read("8.0.25", 0), Ok(vec![false; 3]));
    }

    #[test]
    fn binary_is_told_from_char_by_the_charset() {
        // char, vector, varchar, blob; the vector counts as a character column.
        let meta = [254, 4, 4, 10, 0, 2];
        let read = types(&[254, 242, 15, 252], &meta, &[3, 4, 63, 63, 45, 63]);
        assert_eq!(
            read,
            Ok(vec![
                ColumnType::Binary { length: 4 },
                ColumnType::Vector,
                ColumnType::Text {
                    charset: Charset::Utf8
                },
                ColumnType::Blob
            ])
        );
    }

    #[test]
    fn members_and_geometry_kinds() {
        let meta = [247, 1, 248, 1, 4, 247, 1];
        let optional = b"\x0a\x03\x2d\x02\x2d\x06\x06\x01\x01a\x01\x01c\x05\x03\x01\x01b\x07\x01\x01";
        let read = types(&[254, 254, 255, 254], &meta, optional);
        let members = |member: &str| vec![member.into()];
        assert_eq!(
            read,
            Ok(vec![
                ColumnType::Enum {
                    members: members("a")
                },
                ColumnType::Set {
                    members: members("b")
                },
                ColumnType::Geometry(GeometryKind::Point),
                ColumnType::Enum {
                    members: members("c")
                }
            ])
        );
    }

    #[test]
    fn names_key_and_nullability() {
        let optional = [1, 1, 0, 4, 4, 1, b'a', 1, b'b', 9, 4, 1, 3, 0, 0];
        let mut body = body(&[3, 3], &[], &optional);
        let nullable_at = body.len() - optional.len() - 1;
        body[nullable_at] = 0b10;
        let map = TableMap::read(&body, 8).unwrap();
        assert!(metadata_is_full(&map));
        let table = table(&map).unwrap();
        assert_eq!(table.id, TableId::new("db", "t"));
        assert_eq!(table.key, [1, 0]);
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.nullable))
            .collect();
        assert_eq!(columns, [("a", false), ("b", true)]);
    }

    #[test]
    fn without_names_there_is_only_a_shape() {
        let body = body(&[3, 15], &[10, 0], &[]);
        let map = TableMap::read(&body, 8).unwrap();
        assert!(!metadata_is_full(&map));
        assert!(table(&map).is_err());
        let logged = as_logged(&map).unwrap();
        assert_eq!(logged.columns.len(), 2);
    }

    #[test]
    fn mariadb_counts_geometries_among_the_character_columns() {
        let names = b"\x04\x04\x01a\x01b";
        let optional = [&b"\x03\x02\x3f\x08\x07\x01\x01"[..], names].concat();
        let body = body(&[255, 15], &[4, 10, 0], &optional);
        let mut map = TableMap::read(&body, 8).unwrap();
        assert_eq!(table(&map).unwrap().columns[1].ty, ColumnType::Blob);
        map.written_by = "11.8.2-MariaDB".parse().unwrap();
        let latin1 = ColumnType::Text {
            charset: Charset::Latin1,
        };
        assert_eq!(table(&map).unwrap().columns[1].ty, latin1);
    }

    #[test]
    fn what_mariadb_does_not_tell_apart_the_server_completes() {
        let names = b"\x04\x06\x01a\x01b\x01c";
        let optional = [&b"\x02\x01\x3f"[..], names].concat();
        let body = body(&[254, 15, 11], &[254, 16, 12, 0], &optional);
        let mut map = TableMap::read(&body, 8).unwrap();
        let logged = table(&map).unwrap();
        assert!(!is_ambiguous(&map, &logged));
        map.written_by = "11.8.2-MariaDB".parse().unwrap();
        assert!(is_ambiguous(&map, &logged));
        let mut told = logged.clone();
        told.columns[0].ty = ColumnType::FixedBinary(FixedBinary::Uuid);
        told.columns[1].ty = ColumnType::Vector;
        told.columns[2].ty = ColumnType::Time { fsp: 3 };
        assert_eq!(completed(&map, logged.clone(), &told).as_ref(), Some(&told));
        told.columns[2].name = "d".into();
        assert_eq!(completed(&map, logged, &told), None);
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        let error = types(&[20], &[8], &[]);
        assert_eq!(
            error,
            Err(Malformed::Unsupported(
                "the hidden column of a multi-valued index"
            ))
        );
    }

    proptest! {
        #[test]
        fn never_panics(number in any::<u8>(), meta in prop::collection::vec(any::<u8>(), 0..4),
                        optional in prop::collection::vec(any::<u8>(), 0..60)) {
            let body = body(&[number, 3], &meta, &optional);
            if let Ok(map) = TableMap::read(&body, 8) {
                let _ = table(&map);
                let _ = as_logged(&map);
            }
        }
    }
}
