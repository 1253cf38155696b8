//! Types of columns, from the metadata of a TABLE_MAP.

use rowtide_event::{Charset, ColumnType, GeometryKind, IntegerWidth, Label, Malformed};

use crate::event::table_map::bit_from_high;
use crate::event::{MapColumn, TableMap, TableMetadata, WireType};
use crate::server::Flavour;

/// Goes over the columns in order: most of the metadata is counted over the columns of one family only.
pub(super) struct TypeReader<'m, 'a> {
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
    pub(super) fn of(map: &'m TableMap<'a>, years_are_signed: bool) -> Self {
        Self {
            metadata: &map.metadata,
            years_are_signed,
            flavour: map.written_by.flavour,
            seen: Seen::default(),
        }
    }

    /// The type of the next column.
    pub(super) fn next(&mut self, column: &MapColumn) -> Result<ColumnType, Malformed> {
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
    pub(super) fn told_by_wire(&self, wire: WireType, cause: Malformed) -> Result<ColumnType, Malformed> {
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

fn decoded(members: Option<&Vec<&[u8]>>, charset: Charset, server: Flavour) -> Result<Vec<Label>, Malformed> {
    let members = members.ok_or(Malformed::Truncated("TABLE_MAP members"))?;
    Ok(members
        .iter()
        .map(|member| Label::of(member, charset, server))
        .collect())
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
