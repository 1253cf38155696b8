//! A table's shape from the metadata that `binlog_row_metadata=FULL` adds to each TABLE_MAP: always right, whatever
//! DDL came before.

use rowtide_event::{Charset, Column, ColumnType, GeometryKind, IntegerWidth, Malformed, Table, TableId};

use crate::event::table_map::bit_from_high;
use crate::event::{MapColumn, TableMap, TableMetadata, WireType};

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
    let names = map.metadata.names.as_ref().ok_or(Malformed::Invalid("TABLE_MAP column names"))?;
    let mut types = TypeReader { metadata: &map.metadata, seen: Seen::default() };
    let mut columns = Vec::with_capacity(map.columns.len());
    for (column, name) in map.columns.iter().zip(names) {
        let ty = types.next(column)?;
        columns.push(Column { name: (*name).to_owned(), ty, nullable: column.nullable });
    }
    let key = map.metadata.primary_key.iter().flatten().map(|(column, _prefix)| *column).collect();
    Ok(Table { id: TableId::new(map.database, map.table), columns, key })
}

/// A table that has only the types of its columns, as far as the wire tells them: enough to pass over its rows and count
/// them, where there is no more metadata. Integers seem signed and texts seem bytes.
///
/// Fails where it has a type that Rowtide cannot decode.
pub fn types_only(map: &TableMap<'_>) -> Result<Table, Malformed> {
    let column = |column: &MapColumn| {
        let ty = wire_only(column.wire_type)?;
        Ok(Column { name: String::new(), ty, nullable: column.nullable })
    };
    let columns = map.columns.iter().map(column).collect::<Result<_, _>>()?;
    Ok(Table { id: TableId::new(map.database, map.table), columns, key: Vec::new() })
}

fn wire_only(wire: WireType) -> Result<ColumnType, Malformed> {
    match wire {
        WireType::Enum(_) => Ok(ColumnType::Enum { members: Vec::new() }),
        WireType::Set(_) => Ok(ColumnType::Set { members: Vec::new() }),
        WireType::Geometry(_) => Ok(ColumnType::Geometry(GeometryKind::Any)),
        WireType::Json(_) => Ok(ColumnType::Json),
        WireType::Vector(_) => Ok(ColumnType::Vector),
        WireType::VarChar(_) | WireType::Char(_) | WireType::Blob(_) => {
            Ok(ColumnType::Text { charset: Charset::Binary })
        }
        other => plain(other, false),
    }
}

/// Goes over the columns in order: most of the metadata is counted over the columns of one family only.
struct TypeReader<'m, 'a> {
    metadata: &'m TableMetadata<'a>,
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

impl TypeReader<'_, '_> {
    fn next(&mut self, column: &MapColumn) -> Result<ColumnType, Malformed> {
        let wire = column.wire_type;
        let unsigned = if wire.is_numeric() { self.unsigned()? } else { false };
        let collation = if wire.is_character() { Some(self.collation()?) } else { None };
        match wire {
            WireType::Enum(_) => self.members_of_enum(),
            WireType::Set(_) => self.members_of_set(),
            WireType::Geometry(_) => self.geometry(),
            WireType::Json(_) => Ok(ColumnType::Json),
            WireType::Vector(_) => Ok(ColumnType::Vector),
            WireType::VarChar(_) | WireType::Char(_) | WireType::Blob(_) => string(wire, collation),
            other => plain(other, unsigned),
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
        charsets.and_then(|ids| ids.of(index)).ok_or(Malformed::Truncated("TABLE_MAP character sets"))
    }

    fn members_of_enum(&mut self) -> Result<ColumnType, Malformed> {
        let charset = self.charset_of_members()?;
        let index = count(&mut self.seen.enums);
        let members = self.metadata.enum_members.as_ref().and_then(|columns| columns.get(index));
        Ok(ColumnType::Enum { members: decoded(members, charset)? })
    }

    fn members_of_set(&mut self) -> Result<ColumnType, Malformed> {
        let charset = self.charset_of_members()?;
        let index = count(&mut self.seen.sets);
        let members = self.metadata.set_members.as_ref().and_then(|columns| columns.get(index));
        Ok(ColumnType::Set { members: decoded(members, charset)? })
    }

    fn charset_of_members(&mut self) -> Result<Charset, Malformed> {
        let index = count(&mut self.seen.enum_or_set);
        let charsets = self.metadata.enum_and_set_charsets.as_ref();
        let id = charsets.and_then(|ids| ids.of(index)).ok_or(Malformed::Truncated("TABLE_MAP character sets"))?;
        charset(id)
    }

    fn geometry(&mut self) -> Result<ColumnType, Malformed> {
        let index = count(&mut self.seen.geometries);
        let number = self.metadata.geometry_types.as_ref().and_then(|types| types.get(index));
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
        WireType::TypedArray => Err(Malformed::Unsupported("the hidden column of a multi-valued index")),
        WireType::Unsupported(140 | 141) => Err(Malformed::Unsupported("a COMPRESSED column of MariaDB")),
        _ => Err(Malformed::Unsupported("a column type of the TABLE_MAP")),
    }
}

fn charset(collation: u64) -> Result<Charset, Malformed> {
    Ok(if collation == 63 { Charset::Binary } else { Charset::Utf8 })
}

fn decoded(members: Option<&Vec<&[u8]>>, charset: Charset) -> Result<Vec<String>, Malformed> {
    let members = members.ok_or(Malformed::Truncated("TABLE_MAP members"))?;
    members.iter().map(|member| { let _ = charset; String::from_utf8(member.to_vec()).map_err(|_| Malformed::Invalid("x")) }).collect()
}
