//! A table's shape from the metadata that `binlog_row_metadata=FULL` adds to each TABLE_MAP: always right, whatever
//! DDL came before.

mod partial;

use rowtide_event::{Charset, Column, ColumnType, GeometryKind, IntegerWidth, Malformed, Table, TableId};

use crate::event::table_map::bit_from_high;
use crate::event::{MapColumn, TableMap, TableMetadata, WireType};
use crate::server::{Flavour, ServerVersion};

pub use partial::by_partial_metadata;

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

/// Whether a column of the table may be of a type that the binlog does not tell from another: MariaDB logs UUID and INET
/// as BINARY, VECTOR as VARBINARY, and times in their old form without their digits of a second.
pub fn is_ambiguous(map: &TableMap<'_>, table: &Table) -> bool {
    let columns = map.columns.iter().zip(&table.columns);
    columns
        .into_iter()
        .any(|(logged, column)| may_be_another(map.written_by, logged.wire_type, &column.ty))
}

/// The table of [`table`] with what table maps do not tell as it was told otherwise: the types that [`is_ambiguous`] asks
/// for, which columns are generated, and which are hidden. `None` if what was told is another table.
pub fn completed(map: &TableMap<'_>, logged: Table, told: &Table) -> Option<Table> {
    let mut table = logged;
    let hidden = hidden_columns(map, told)?;
    table.columns.truncate(told.columns.len());
    for ((column, told), logged) in table.columns.iter_mut().zip(&told.columns).zip(&map.columns) {
        if !column.name.eq_ignore_ascii_case(&told.name) {
            return None;
        }
        column.generated = told.generated;
        if may_be_another(map.written_by, logged.wire_type, &column.ty) {
            column.ty.clone_from(&told.ty);
        }
    }
    table.hidden = hidden;
    Some(table)
}

/// Whether the table of [`table`] and a table as it is known otherwise have the same columns and the same key. Types that
/// the binlog does not tell apart count as the same. Whether a column may be NULL does not count: rows do not depend on
/// it. The table map may have [hidden](Table::hidden) columns more; where MariaDB has added one, a unique key is one of
/// hashes and so not the table's, which its statement need not have told.
pub fn agree(map: &TableMap<'_>, logged: &Table, told: &Table) -> bool {
    let same = |logged: &Column, told: &Column, wire_type: WireType| {
        logged.name.eq_ignore_ascii_case(&told.name)
            && (logged.ty == told.ty
                || may_be_another(map.written_by, wire_type, &logged.ty)
                || are_both_utf8(map.written_by, &logged.ty, &told.ty))
    };
    let columns = logged.columns.iter().zip(&told.columns).zip(&map.columns);
    let hidden = hidden_columns(map, told);
    let has_hashes = map.written_by.flavour == Flavour::MariaDb && hidden > Some(0);
    hidden.is_some()
        && (logged.key == told.key || has_hashes)
        && columns
            .into_iter()
            .all(|((logged, told), column)| same(logged, told, column.wire_type))
}

/// The table of [`table`] with the [hidden](Table::hidden) columns of functional indexes behind all others: MySQL 8.0.13 to
/// 8.0.17 log them where they stand.
pub fn with_hidden_behind(map: &TableMap<'_>, logged: Table, told: &Table) -> Table {
    let is_mysql = map.written_by.flavour == Flavour::MySql;
    if !is_mysql || logged.columns.len() <= told.columns.len() || told.hidden == 0 {
        return logged;
    }
    let mut order: Vec<usize> = (0..logged.columns.len()).collect();
    let is_hidden = |at: &usize| {
        logged
            .columns
            .get(*at)
            .is_none_or(|column| !has_column(told, &column.name))
    };
    order.sort_by_key(is_hidden);
    let place = |was: &usize| order.iter().position(|at| at == was);
    let columns = order.iter().filter_map(|at| logged.columns.get(*at).cloned());
    Table {
        columns: columns.collect(),
        key: logged.key.iter().filter_map(place).collect(),
        ..logged
    }
}

/// Whether a table has a column of this name, whatever its case.
pub fn has_column(table: &Table, name: &str) -> bool {
    table
        .columns
        .iter()
        .any(|column| column.name.eq_ignore_ascii_case(name))
}

/// How many columns the binlog has behind those of a table as it is known otherwise; `None` if they are no
/// [hidden](Table::hidden) ones, or there are less than the table has.
pub fn hidden_columns(map: &TableMap<'_>, told: &Table) -> Option<usize> {
    let more = map.columns.len().checked_sub(told.columns.len())?;
    let names = map.metadata.names.as_deref().unwrap_or_default();
    let is_hidden = |(at, column): (usize, &MapColumn)| match map.written_by.flavour {
        Flavour::MySql => true,
        Flavour::MariaDb => {
            let is_hash = names.get(at).is_none_or(|name| name.starts_with("DB_ROW_HASH_"));
            is_hash && column.wire_type == WireType::LongLong
        }
    };
    let mut behind = map.columns.iter().enumerate().skip(told.columns.len());
    (more <= told.hidden && behind.all(is_hidden)).then_some(more)
}

/// Whether two shapes are the same but for columns that are utf8mb4 in one and utf8mb3 in the other, which of both MariaDB's
/// statements do not say: `utf8` is what `old_mode` of the session says, which is in no event. Their values are read alike.
pub fn differ_in_utf8(map: &TableMap<'_>, logged: &Table, told: &Table) -> bool {
    let same = |(logged, told): (&Column, &Column)| {
        logged.name == told.name
            && logged.nullable == told.nullable
            && (logged.ty == told.ty || are_both_utf8(map.written_by, &logged.ty, &told.ty))
    };
    logged.columns.len() == told.columns.len()
        && logged.key == told.key
        && logged.columns.iter().zip(&told.columns).all(same)
}

fn are_both_utf8(server: ServerVersion, a: &ColumnType, b: &ColumnType) -> bool {
    let is_utf8 = |ty: &ColumnType| {
        matches!(
            ty,
            ColumnType::Text {
                charset: Charset::Utf8 | Charset::Utf8Mb3
            }
        )
    };
    server.flavour == Flavour::MariaDb && is_utf8(a) && is_utf8(b)
}

fn may_be_another(server: ServerVersion, wire: WireType, ty: &ColumnType) -> bool {
    if server.flavour != Flavour::MariaDb {
        return false;
    }
    match (wire, ty) {
        (WireType::Char(16), ColumnType::Binary { .. }) => true,
        (WireType::Char(4), ColumnType::Binary { .. }) => server.is_at_least(10, 10, 0),
        (WireType::VarChar(bytes), ColumnType::Blob) => {
            server.is_at_least(11, 7, 0) && bytes > 0 && bytes % 4 == 0
        }
        (WireType::OldTime | WireType::OldDateTime | WireType::OldTimestamp, _) => true,
        _ => false,
    }
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

fn wire_only(wire: WireType) -> Result<ColumnType, Malformed> {
    match wire {
        WireType::Enum(_) => Ok(ColumnType::Enum { members: Vec::new() }),
        WireType::Set(_) => Ok(ColumnType::Set { members: Vec::new() }),
        WireType::Geometry(_) => Ok(ColumnType::Geometry(GeometryKind::Any)),
        WireType::Json(_) => Ok(ColumnType::Json),
        WireType::Vector(_) => Ok(ColumnType::Vector),
        wire if wire.is_character() => Ok(ColumnType::Text {
            charset: Charset::Binary,
        }),
        other => plain(other, false),
    }
}

/// Goes over the columns in order: most of the metadata is counted over the columns of one family only.
struct TypeReader<'m, 'a> {
    metadata: &'m TableMetadata<'a>,
    /// Whether YEAR columns are counted with the numeric columns.
    years_are_signed: bool,
    /// MariaDB counts GEOMETRY columns with the character columns.
    flavour: Flavour,
    seen: Seen,
}

/// How many columns of each family were seen.
#[derive(Default)]
struct Seen {
    numeric: usize,
    character: usize,
    enum_or_set: usize,
    enums: usize,
    sets: usize,
    geometries: usize,
}

/// Counts one more, and gives the number before.
fn count(seen: &mut usize) -> usize {
    let before = *seen;
    *seen = seen.saturating_add(1);
    before
}

impl<'m, 'a> TypeReader<'m, 'a> {
    fn of(map: &'m TableMap<'a>, years_are_signed: bool) -> Self {
        Self {
            metadata: &map.metadata,
            years_are_signed,
            flavour: map.written_by.flavour,
            seen: Seen::default(),
        }
    }

    fn next(&mut self, column: &MapColumn) -> Result<ColumnType, Malformed> {
        let wire = column.wire_type;
        let is_signed = wire.is_numeric() && (self.years_are_signed || wire != WireType::Year);
        let unsigned = if is_signed { self.unsigned()? } else { false };
        let collation = if wire.is_character() {
            Some(self.collation()?)
        } else {
            None
        };
        match wire {
            WireType::Enum(_) => self.members_of_enum(),
            WireType::Set(_) => self.members_of_set(),
            WireType::Geometry(_) => {
                if self.flavour == Flavour::MariaDb {
                    count(&mut self.seen.character);
                }
                self.geometry()
            }
            WireType::Json(_) => Ok(ColumnType::Json),
            WireType::Vector(_) => Ok(ColumnType::Vector),
            wire if wire.is_character() => string(wire, collation),
            other => plain(other, unsigned),
        }
    }

    /// The type as far as the wire tells it, where metadata is not there or of a server that is newer; `cause` is why it
    /// does not tell.
    fn told_by_wire(&self, wire: WireType, cause: Malformed) -> Result<ColumnType, Malformed> {
        let metadata = self.metadata;
        let is_told = match wire {
            WireType::Enum(_) => metadata.enum_members.is_some() && metadata.enum_and_set_charsets.is_some(),
            WireType::Set(_) => metadata.set_members.is_some() && metadata.enum_and_set_charsets.is_some(),
            WireType::Geometry(_) => metadata.geometry_types.is_some(),
            wire if wire.is_character() => metadata.charsets.is_some(),
            _ => metadata.unsigned.is_some(),
        };
        match cause {
            Malformed::Unsupported(_) => wire_only(wire),
            _ if is_told => Err(cause),
            _ => wire_only(wire),
        }
    }

    fn unsigned(&mut self) -> Result<bool, Malformed> {
        let index = count(&mut self.seen.numeric);
        self.metadata
            .unsigned
            .and_then(|bits| bit_from_high(bits, index))
            .ok_or(Malformed::Truncated("TABLE_MAP signs"))
    }

    fn collation(&mut self) -> Result<u64, Malformed> {
        let index = count(&mut self.seen.character);
        let charsets = self.metadata.charsets.as_ref();
        charsets
            .and_then(|ids| ids.of(index))
            .ok_or(Malformed::Truncated("TABLE_MAP character sets"))
    }

    fn members_of_enum(&mut self) -> Result<ColumnType, Malformed> {
        let charset = self.charset_of_members()?;
        let index = count(&mut self.seen.enums);
        let members = self
            .metadata
            .enum_members
            .as_ref()
            .and_then(|columns| columns.get(index));
        Ok(ColumnType::Enum {
            members: decoded(members, charset, self.flavour)?,
        })
    }

    fn members_of_set(&mut self) -> Result<ColumnType, Malformed> {
        let charset = self.charset_of_members()?;
        let index = count(&mut self.seen.sets);
        let members = self
            .metadata
            .set_members
            .as_ref()
            .and_then(|columns| columns.get(index));
        Ok(ColumnType::Set {
            members: decoded(members, charset, self.flavour)?,
        })
    }

    fn charset_of_members(&mut self) -> Result<Charset, Malformed> {
        let index = count(&mut self.seen.enum_or_set);
        let charsets = self.metadata.enum_and_set_charsets.as_ref();
        let id = charsets
            .and_then(|ids| ids.of(index))
            .ok_or(Malformed::Truncated("TABLE_MAP character sets"))?;
        charset(id)
    }

    fn geometry(&mut self) -> Result<ColumnType, Malformed> {
        let index = count(&mut self.seen.geometries);
        let number = self
            .metadata
            .geometry_types
            .as_ref()
            .and_then(|types| types.get(index));
        let kind = match number.ok_or(Malformed::Truncated("TABLE_MAP geometry types"))? {
            0 => GeometryKind::Any,
            1 => GeometryKind::Point,
            2 => GeometryKind::LineString,
            3 => GeometryKind::Polygon,
            4 => GeometryKind::MultiPoint,
            5 => GeometryKind::MultiLineString,
            6 => GeometryKind::MultiPolygon,
            7 => GeometryKind::Collection,
            _ => return Err(Malformed::Invalid("TABLE_MAP geometry types")),
        };
        Ok(ColumnType::Geometry(kind))
    }
}

fn string(wire: WireType, collation: Option<u64>) -> Result<ColumnType, Malformed> {
    let id = collation.ok_or(Malformed::Truncated("TABLE_MAP character sets"))?;
    Ok(match (charset(id)?, wire) {
        (Charset::Binary, WireType::Char(length)) => ColumnType::Binary { length },
        (Charset::Binary, _) => ColumnType::Blob,
        (charset, _) => ColumnType::Text { charset },
    })
}

/// Types that need no metadata but a sign.
fn plain(wire: WireType, unsigned: bool) -> Result<ColumnType, Malformed> {
    let integer = |width| Ok(ColumnType::Integer { width, unsigned });
    match wire {
        WireType::Tiny => integer(IntegerWidth::Tiny),
        WireType::Short => integer(IntegerWidth::Small),
        WireType::Int24 => integer(IntegerWidth::Medium),
        WireType::Long => integer(IntegerWidth::Int),
        WireType::LongLong => integer(IntegerWidth::Big),
        WireType::Float => Ok(ColumnType::Float),
        WireType::Double => Ok(ColumnType::Double),
        WireType::Decimal(precision, scale) => Ok(ColumnType::Decimal { precision, scale }),
        WireType::Bit(width) => Ok(ColumnType::Bit { width }),
        WireType::Year => Ok(ColumnType::Year),
        WireType::Date => Ok(ColumnType::Date),
        WireType::Time(fsp) => Ok(ColumnType::Time { fsp }),
        WireType::DateTime(fsp) => Ok(ColumnType::DateTime { fsp }),
        WireType::Timestamp(fsp) => Ok(ColumnType::Timestamp { fsp }),
        WireType::OldTime => Ok(ColumnType::Time { fsp: 0 }),
        WireType::OldDateTime => Ok(ColumnType::DateTime { fsp: 0 }),
        WireType::OldTimestamp => Ok(ColumnType::Timestamp { fsp: 0 }),
        WireType::OldDecimal => Err(Malformed::Unsupported("a DECIMAL column of MySQL 4")),
        WireType::TypedArray => Err(Malformed::Unsupported(
            "the hidden column of a multi-valued index",
        )),
        _ => Err(Malformed::Unsupported("a column type of the TABLE_MAP")),
    }
}

fn charset(collation: u64) -> Result<Charset, Malformed> {
    u16::try_from(collation)
        .ok()
        .and_then(Charset::from_collation)
        .ok_or(Malformed::Unsupported("a collation of the TABLE_MAP"))
}

fn decoded(
    members: Option<&Vec<&[u8]>>,
    charset: Charset,
    server: Flavour,
) -> Result<Vec<String>, Malformed> {
    let members = members.ok_or(Malformed::Truncated("TABLE_MAP members"))?;
    Ok(members
        .iter()
        .map(|member| charset.shown(member, server).into_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rowtide_event::FixedBinary;

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
        let members = |member: &str| vec![member.to_owned()];
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
