//! Rows of tables with functional indexes, as MySQL 8.0.13 to 8.0.17 logs them: the table map counts the hidden column of
//! each index, wherever it stands among the others, and no image has a value of it.

use rowtide_event::{ColumnType, Malformed, Table};

use super::plan::ColumnDecoder;
use crate::event::{Bitmap, TableMap, WireType};
use crate::schema::metadata;
use crate::server::Flavour;

/// The columns of a table map among which hidden ones are.
///
/// Where names do not tell, an image does: the columns that it has are shown ones, of which each fits its type. An image
/// of all columns leaves but one way to place the hidden ones; one of some columns may leave several.
#[derive(Debug, Clone)]
pub(super) struct HiddenColumns {
    wires: Vec<WireType>,
    /// Whether each is hidden, where the table map has names.
    named: Option<Vec<bool>>,
    /// The types of the columns that are shown.
    shown: Vec<ColumnType>,
}

/// The shown column behind a column of an image, and how it is decoded.
pub(super) type Place = (usize, ColumnDecoder);

/// Which numbers of hidden columns there may be to the left of each column of the table map, and of its end.
type Places = Vec<Vec<bool>>;

impl HiddenColumns {
    /// Those of a table that has some in this table map.
    pub(super) fn of(map: &TableMap<'_>, table: &Table) -> Option<Self> {
        if map.written_by.flavour != Flavour::MySql || metadata::hidden_columns(map, table)? == 0 {
            return None;
        }
        let is_hidden = |name: &&str| !metadata::has_column(table, name);
        let columns = Self {
            wires: map.columns.iter().map(|column| column.wire_type).collect(),
            named: map
                .metadata
                .names
                .as_ref()
                .map(|names| names.iter().map(is_hidden).collect()),
            shown: table.columns.iter().map(|column| column.ty.clone()).collect(),
        };
        Some(columns)
    }

    /// Whether the table fits the table map in any way.
    pub(super) fn fits(&self) -> bool {
        let ends = self.places_before_ends(|_| true);
        ends.first().is_some_and(|ends| ends.first() == Some(&true))
    }

    /// Whether a column that is shown holds JSON documents.
    pub(super) fn is_json(&self, column: usize) -> bool {
        self.shown.get(column) == Some(&ColumnType::Json)
    }

    /// The shown column behind each column of an image that has these.
    pub(super) fn places(&self, present: &Bitmap<'_>) -> Result<Box<[Place]>, Malformed> {
        let starts = self.places_behind_starts(|at| !present.bit(at));
        let ends = self.places_before_ends(|at| !present.bit(at));
        let in_image = (0..self.wires.len()).filter(|at| present.bit(*at));
        in_image
            .map(|at| {
                let (from, to) = (starts.get(at), ends.get(at.saturating_add(1)));
                let ways = from.into_iter().flatten().zip(to.into_iter().flatten()).enumerate();
                let mut ways = ways
                    .filter(|(_, (from, to))| **from && **to)
                    .filter_map(|(hidden, _)| self.shown_at(at, hidden));
                match (ways.next(), ways.next()) {
                    (Some(place), None) => Ok(place),
                    (None, _) => Err(Malformed::Invalid("columns of a row image")),
                    (Some(_), Some(_)) => Err(Malformed::Unsupported(
                        "an image of some columns of a table with functional indexes, whose hidden columns may be \
                         anywhere without binlog_row_metadata=FULL,",
                    )),
                }
            })
            .collect()
    }

    /// The column that is shown in a place behind so many hidden ones, if there can be one.
    fn shown_at(&self, at: usize, hidden: usize) -> Option<Place> {
        if self.named(at) == Some(true) {
            return None;
        }
        let column = at.checked_sub(hidden)?;
        let decoder = ColumnDecoder::compile(*self.wires.get(at)?, self.shown.get(column)?)?;
        Some((column, decoder))
    }

    fn named(&self, at: usize) -> Option<bool> {
        self.named.as_ref()?.get(at).copied()
    }

    fn nowhere(&self) -> Places {
        let hidden = self.wires.len().saturating_sub(self.shown.len());
        vec![vec![false; hidden.saturating_add(1)]; self.wires.len().saturating_add(1)]
    }

    /// What is possible from the table's first column on.
    fn places_behind_starts(&self, may_be_hidden: impl Fn(usize) -> bool) -> Places {
        let mut places = self.nowhere();
        set(&mut places, 0, 0);
        for at in 0..self.wires.len() {
            let here = places.get(at).cloned().unwrap_or_default();
            for (hidden, _) in here.iter().enumerate().filter(|(_, possible)| **possible) {
                let next = at.saturating_add(1);
                if self.shown_at(at, hidden).is_some() {
                    set(&mut places, next, hidden);
                }
                if may_be_hidden(at) && self.named(at) != Some(false) {
                    set(&mut places, next, hidden.saturating_add(1));
                }
            }
        }
        places
    }

    /// What is possible up to the table's last column.
    fn places_before_ends(&self, may_be_hidden: impl Fn(usize) -> bool) -> Places {
        let mut places = self.nowhere();
        let hidden = self.wires.len().saturating_sub(self.shown.len());
        set(&mut places, self.wires.len(), hidden);
        for at in (0..self.wires.len()).rev() {
            let next = places.get(at.saturating_add(1)).cloned().unwrap_or_default();
            for hidden in 0..next.len() {
                let is_shown = next.get(hidden) == Some(&true) && self.shown_at(at, hidden).is_some();
                let is_hidden = next.get(hidden.saturating_add(1)) == Some(&true)
                    && may_be_hidden(at)
                    && self.named(at) != Some(false);
                if is_shown || is_hidden {
                    set(&mut places, at, hidden);
                }
            }
        }
        places
    }
}

fn set(places: &mut Places, at: usize, hidden: usize) {
    if let Some(possible) = places.get_mut(at).and_then(|places| places.get_mut(hidden)) {
        *possible = true;
    }
}

#[cfg(test)]
mod tests {
    use rowtide_event::{Column, IntegerWidth, Reader, TableId, Value};

    use super::*;
    use crate::event::{MapColumn, TableMetadata};
    use crate::row::RowPlan;

    fn int(width: IntegerWidth) -> ColumnType {
        ColumnType::Integer {
            width,
            unsigned: false,
        }
    }

    /// A table whose columns are a, b and c, of which a table map with these types has more.
    fn plan(shown: [IntegerWidth; 3], wires: &[WireType], names: Option<&[&'static str]>) -> Option<RowPlan> {
        let column = |(name, width): (&str, IntegerWidth)| Column {
            name: name.to_owned(),
            ty: int(width),
            nullable: true,
            generated: false,
        };
        let table = Table {
            id: TableId::new("db", "t"),
            columns: ["a", "b", "c"].into_iter().zip(shown).map(column).collect(),
            key: Vec::new(),
            hidden: 2,
        };
        let map = TableMap {
            table_id: 1,
            flags: 0,
            database: "db",
            table: "t",
            columns: wires
                .iter()
                .map(|wire_type| MapColumn {
                    wire_type: *wire_type,
                    nullable: true,
                })
                .collect(),
            metadata: TableMetadata {
                names: names.map(<[_]>::to_vec),
                ..TableMetadata::default()
            },
            written_by: "8.0.15".parse().unwrap(),
        };
        RowPlan::compile(&map, &table).ok()
    }

    /// The image of the columns whose bits are set, with values of one byte.
    fn read(plan: &RowPlan, width: usize, present: u8, image: &[u8]) -> Result<String, Malformed> {
        let bits = [present];
        let present = Bitmap::read(&mut Reader::new(&bits), width).unwrap();
        let (mut reader, mut values) = (Reader::new(image), Vec::new());
        plan.read_image(&plan.layout(&present)?, &mut reader, &mut values)?;
        assert!(reader.is_empty());
        let shown = values.iter().map(|value| match value {
            Value::Int(n) => n.to_string(),
            other => format!("{other:?}"),
        });
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    const TINY: [IntegerWidth; 3] = [IntegerWidth::Tiny; 3];

    #[test]
    fn an_image_of_all_columns_shows_where_hidden_ones_are() {
        let plan = plan(TINY, &[WireType::Tiny; 5], None).unwrap();
        for (present, expected) in [(0b1_0110, "1 2 3"), (0b0_0111, "1 2 3"), (0b1_1001, "1 2 3")] {
            assert_eq!(read(&plan, 5, present, &[0, 1, 2, 3]).unwrap(), expected);
        }
        assert_eq!(read(&plan, 5, 0b1_0101, &[0b010, 1, 3]).unwrap(), "1 Null 3");
        let more = read(&plan, 5, 0b1_1110, &[0, 1, 2, 3, 4]).unwrap_err();
        assert!(matches!(more, Malformed::Invalid(_)), "{more}");
    }

    #[test]
    fn an_image_of_some_columns_only_where_it_cannot_be_otherwise() {
        let same = plan(TINY, &[WireType::Tiny; 4], None).unwrap();
        assert_eq!(read(&same, 4, 0b0001, &[0, 1]).unwrap(), "1 Absent Absent");
        assert_eq!(read(&same, 4, 0b1001, &[0, 1, 3]).unwrap(), "1 Absent 3");
        let unclear = read(&same, 4, 0b0010, &[0, 1]).unwrap_err();
        assert!(matches!(unclear, Malformed::Unsupported(_)), "{unclear}");
        let widths = [IntegerWidth::Tiny, IntegerWidth::Int, IntegerWidth::Small];
        let wires = [WireType::Tiny, WireType::Tiny, WireType::Long, WireType::Short];
        let other = plan(widths, &wires, None).unwrap();
        assert_eq!(read(&other, 4, 0b1000, &[0, 3, 0]).unwrap(), "Absent Absent 3");
        assert!(plan(widths, &[WireType::Tiny; 4], None).is_none());
    }

    #[test]
    fn names_tell_where_hidden_columns_are() {
        let names = ["a", "f92a934bb8b32234cc185c85b5f3631f", "B", "c"];
        let plan = plan(TINY, &[WireType::Tiny; 4], Some(&names)).unwrap();
        assert_eq!(read(&plan, 4, 0b0100, &[0, 2]).unwrap(), "Absent 2 Absent");
        assert!(read(&plan, 4, 0b0010, &[0, 2]).is_err());
    }
}
