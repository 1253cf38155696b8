//! Which decoder each column takes, and whether the table fits what the binlog says about it.

use std::fmt::Write as _;

use rowtide_event::{Column, ColumnType, Malformed, Reader, Table, Value};

use crate::event::compressed::uncompress_value;
use crate::event::{Bitmap, MapColumn, RowsEvent, RowsOperation, TableMap, WireType};
use crate::schema::metadata;

use super::hidden::HiddenColumns;
use super::layout::Nulls;
use super::number::NumberDecoder;
use super::temporal::TemporalDecoder;
use super::text::BytesDecoder;

/// How the rows of one version of a table are decoded.
#[derive(Debug, Clone)]
pub struct RowPlan {
    table: String,
    /// Of all columns that the binlog has, the hidden ones at the end among them.
    pub(super) columns: Vec<ColumnDecoder>,
    /// How many columns the table has.
    pub(super) shown: usize,
    /// Where hidden columns may stand between others.
    pub(super) hidden: Option<Box<HiddenColumns>>,
    /// For each column the bytes of the length of its values if those are compressed; empty where none are.
    compressed: Vec<Option<u8>>,
}

/// Reads one column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnDecoder {
    Number(NumberDecoder),
    Bytes(BytesDecoder),
    Temporal(TemporalDecoder),
}

impl ColumnDecoder {
    // All readers of values are inlined into the loop over a row's columns, so that a value is built in its place: a
    // call returns it through memory twice, which takes as long again as the decoding itself.
    #[inline(always)]
    pub(super) fn read<'a>(self, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        match self {
            Self::Number(decoder) => decoder.read(reader),
            Self::Bytes(decoder) => decoder.read(reader),
            Self::Temporal(decoder) => decoder.read(reader),
        }
    }

    /// The decoder of a column that the binlog writes as `wire` and that is known as `ty`, or `None` where the two do
    /// not fit.
    pub(super) fn compile(wire: WireType, ty: &ColumnType) -> Option<Self> {
        NumberDecoder::compile(wire, ty)
            .map(Self::Number)
            .or_else(|| BytesDecoder::compile(wire, ty).map(Self::Bytes))
            .or_else(|| TemporalDecoder::compile(wire, ty).map(Self::Temporal))
    }
}

/// The table as it is known and the table as the binlog describes it differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "table {table} is known as ({known}), but the binlog has ({logged}): the table was changed by a statement that \
     Rowtide did not follow; set binlog_row_metadata=FULL on the server, or start from a position after the change"
)]
pub struct ShapeMismatch {
    /// The table.
    pub table: String,
    /// Its columns as they are known.
    pub known: String,
    /// Its columns as the binlog describes them.
    pub logged: String,
}

impl RowPlan {
    /// Compiles the plan of a table, if it fits what the binlog says about it.
    pub fn compile(map: &TableMap<'_>, table: &Table) -> Result<Self, ShapeMismatch> {
        let mismatch = || ShapeMismatch {
            table: table.id.to_string(),
            known: known_shape(&table.columns),
            logged: logged_shape(&map.columns),
        };
        let logged = match metadata::hidden_columns(map, table).ok_or_else(mismatch)? {
            0 => Vec::new(),
            _ => metadata::as_logged(map).map_err(|_| mismatch())?.columns,
        };
        let hidden = HiddenColumns::of(map, table).map(Box::new);
        if hidden.as_ref().is_some_and(|hidden| !hidden.fits()) {
            return Err(mismatch());
        }
        // Which column is which shows in each image.
        let known: &[Column] = if hidden.is_some() { &[] } else { &table.columns };
        let known = known.iter().chain(logged.iter().skip(known.len()));
        let compile =
            |(logged, known): (&MapColumn, &Column)| ColumnDecoder::compile(logged.wire_type, &known.ty);
        let columns: Option<Vec<_>> = map.columns.iter().zip(known).map(compile).collect();
        Ok(Self {
            table: table.id.to_string(),
            columns: columns.ok_or_else(mismatch)?,
            shown: table.columns.len(),
            hidden,
            compressed: compressed_columns(map),
        })
    }

    /// The table's name, for errors.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// How many columns the table has, hidden ones not counted.
    pub fn width(&self) -> usize {
        self.shown
    }

    /// Whether a column holds JSON documents.
    pub(super) fn is_json(&self, column: usize) -> bool {
        if let Some(hidden) = &self.hidden {
            return hidden.is_json(column);
        }
        matches!(self.columns.get(column), Some(ColumnDecoder::Bytes(bytes)) if bytes.is_json())
    }

    pub(super) fn json_columns(&self) -> usize {
        (0..self.columns.len())
            .filter(|column| self.is_json(*column))
            .count()
    }

    /// Whether the table has COMPRESSED columns, so that [`uncompress_values`](Self::uncompress_values) must come first.
    pub fn has_compressed_values(&self) -> bool {
        !self.compressed.is_empty()
    }

    /// Appends the images of an event to `out` with the values of COMPRESSED columns as they were before compression,
    /// behind lengths of four bytes: that is how the plan reads them. A value makes `out` no longer than `limit`.
    ///
    /// Fails where the event does not fit the table, and where bytes follow images that have none.
    pub fn uncompress_values(
        &self,
        event: &RowsEvent<'_>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        if event.width != self.columns.len() {
            return Err(Malformed::Invalid("width of a rows event"));
        }
        if event.present.ones() == 0 && !event.rows.is_empty() {
            return Err(Malformed::Trailing("a row image without any column"));
        }
        let mut images = Reader::new(event.rows);
        while !images.is_empty() {
            self.uncompress_image(&event.present, &mut images, limit, out)?;
            if event.operation == RowsOperation::Update {
                self.uncompress_image(&event.present_after, &mut images, limit, out)?;
            }
        }
        Ok(())
    }

    fn uncompress_image(
        &self,
        present: &Bitmap<'_>,
        image: &mut Reader<'_>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let nulls = Nulls::read(image, present.ones())?;
        out.extend_from_slice(nulls.0);
        let mut nulls = (0..present.ones()).map(|at| nulls.is_null(at));
        for ((at, column), compressed) in self.columns.iter().enumerate().zip(&self.compressed) {
            if !present.bit(at) || nulls.next() == Some(true) {
                continue;
            }
            match compressed {
                Some(length_bytes) => uncompress(*length_bytes, image, limit, out)?,
                None => {
                    let before = image.rest();
                    column.read(image)?;
                    let taken = before.len().saturating_sub(image.len());
                    out.extend_from_slice(before.get(..taken).unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    /// Decodes all rows of an event, and says how many there are.
    pub fn count_rows(&self, event: &RowsEvent<'_>) -> Result<u64, Malformed> {
        self.check(event)?;
        let layouts = self.layouts(event)?;
        let mut images = Reader::new(event.rows);
        let mut values = Vec::new();
        let mut count = u64::from(event.one_row_without_columns);
        while !images.is_empty() {
            self.read_image(&layouts.before, &mut images, &mut values)?;
            let after = &layouts.after;
            match event.operation {
                RowsOperation::Update => self.read_image(after, &mut images, &mut values)?,
                RowsOperation::PartialUpdate => {
                    self.read_partial_image(after, &mut images, &mut values, |_, _| {
                        Ok::<_, Malformed>(Value::Absent)
                    })?;
                }
                RowsOperation::Insert | RowsOperation::Delete => {}
            }
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// Fails where the event is not of this table's width, and where nothing says how many rows it has, as they have no
    /// columns at all.
    pub fn check(&self, event: &RowsEvent<'_>) -> Result<(), Malformed> {
        if event.width != self.columns.len() {
            Err(Malformed::Invalid("width of a rows event"))
        } else if event.present.ones() == 0 && !event.one_row_without_columns {
            Err(Malformed::Unsupported("a row image without any column"))
        } else {
            Ok(())
        }
    }
}

fn compressed_columns(map: &TableMap<'_>) -> Vec<Option<u8>> {
    let length_bytes = |column: &MapColumn| match column.wire_type {
        WireType::VarCharCompressed(max) => Some(if max > 255 { 2 } else { 1 }),
        WireType::BlobCompressed(bytes) => Some(bytes),
        _ => None,
    };
    let all: Vec<_> = map.columns.iter().map(length_bytes).collect();
    if all.iter().any(Option::is_some) {
        all
    } else {
        Vec::new()
    }
}

/// Appends one value uncompressed, behind its length.
fn uncompress(
    length_bytes: u8,
    image: &mut Reader<'_>,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    const WHAT: &str = "value of a COMPRESSED column";
    let bytes = image.take(usize::from(length_bytes), WHAT)?;
    let len = bytes
        .iter()
        .rev()
        .fold(0u32, |len, byte| len << 8 | u32::from(*byte));
    let value = image.take(usize::try_from(len).map_err(|_| Malformed::TooLarge(WHAT))?, WHAT)?;
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    let start = out.len();
    uncompress_value(value, limit, out)?;
    let len = u32::try_from(out.len().saturating_sub(start)).map_err(|_| Malformed::TooLarge(WHAT))?;
    if let Some(length) = out.get_mut(length_at..start) {
        length.copy_from_slice(&len.to_le_bytes());
    }
    Ok(())
}

fn known_shape(columns: &[Column]) -> String {
    let mut shape = String::new();
    for column in columns {
        let separator = if shape.is_empty() { "" } else { ", " };
        // Members of an ENUM are left out: they can be thousands.
        let _ = match &column.ty {
            ColumnType::Enum { members } => {
                write!(shape, "{separator}{} Enum of {}", column.name, members.len())
            }
            ColumnType::Set { members } => {
                write!(shape, "{separator}{} Set of {}", column.name, members.len())
            }
            other => write!(shape, "{separator}{} {other:?}", column.name),
        };
    }
    shape
}

fn logged_shape(columns: &[MapColumn]) -> String {
    columns
        .iter()
        .map(|column| column.wire_type.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ServerVersion;
    use proptest::prelude::*;
    use rowtide_event::{Charset, IntegerWidth, TableId};

    fn int() -> ColumnType {
        ColumnType::Integer {
            width: IntegerWidth::Int,
            unsigned: false,
        }
    }

    fn text() -> ColumnType {
        ColumnType::Text {
            charset: Charset::Utf8,
        }
    }

    fn map(types: &[WireType]) -> TableMap<'static> {
        let columns = types
            .iter()
            .map(|wire_type| MapColumn {
                wire_type: *wire_type,
                nullable: true,
            })
            .collect();
        TableMap {
            table_id: 1,
            flags: 0,
            database: "db",
            table: "t",
            columns,
            metadata: Default::default(),
            written_by: ServerVersion::UNKNOWN,
        }
    }

    fn table(types: &[ColumnType]) -> Table {
        let column = |ty: &ColumnType| Column {
            name: "c".into(),
            ty: ty.clone(),
            nullable: true,
            generated: false,
        };
        Table {
            id: TableId::new("db", "t"),
            columns: types.iter().map(column).collect(),
            key: vec![],
            hidden: 0,
        }
    }

    fn plan() -> RowPlan {
        let map = map(&[WireType::Long, WireType::VarChar(20), WireType::Long]);
        RowPlan::compile(&map, &table(&[int(), text(), int()])).unwrap()
    }

    fn read<'a>(present: u8, image: &'a [u8]) -> Result<Vec<Value<'a>>, Malformed> {
        let mut values = Vec::new();
        let mut image = Reader::new(image);
        let bits = [present];
        let present = Bitmap::read(&mut Reader::new(&bits), 3)?;
        plan().read_image(&plan().layout(&present)?, &mut image, &mut values)?;
        image.finish("image")?;
        Ok(values)
    }

    #[test]
    fn whole_images_and_null() {
        let image = b"\x04\x01\0\0\0\x02ab";
        assert_eq!(
            read(0b111, image),
            Ok(vec![Value::Int(1), Value::Text(b"ab"), Value::Null])
        );
        for len in 0..image.len() {
            assert!(
                matches!(read(0b111, &image[..len]), Err(Malformed::Truncated(_))),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn absent_is_not_null() {
        assert_eq!(
            read(0b100, b"\x00\x02\0\0\0"),
            Ok(vec![Value::Absent, Value::Absent, Value::Int(2)])
        );
        assert_eq!(
            read(0b101, b"\x02\x02\0\0\0"),
            Ok(vec![Value::Int(2), Value::Absent, Value::Null])
        );
        assert_eq!(read(0b000, b""), Ok(vec![Value::Absent; 3]));
    }

    /// A rows event of one column that is not in the image takes no bytes from those that follow, however often.
    #[test]
    fn images_without_columns_end() {
        let map = map(&[WireType::BlobCompressed(1)]);
        let plan = RowPlan::compile(&map, &table(&[text()])).unwrap();
        let uncompressed = |body: &[u8]| {
            let event = RowsEvent::read(body, RowsOperation::Update, 8).unwrap();
            plan.uncompress_values(&event, 100, &mut Vec::new())
        };
        assert_eq!(uncompressed(&[7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]), Ok(()));
        let followed = uncompressed(&[7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 9]);
        assert_eq!(
            followed,
            Err(Malformed::Trailing("a row image without any column"))
        );
        let wider = uncompressed(&[7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 9]);
        assert_eq!(wider, Err(Malformed::Invalid("width of a rows event")));
    }

    #[test]
    fn hidden_columns_are_read_over() {
        let mut table = table(&[int()]);
        let mut map = map(&[WireType::Long, WireType::LongLong]);
        map.written_by = "10.11.14-MariaDB".parse().unwrap();
        assert!(RowPlan::compile(&map, &table).is_err());
        table.hidden = 1;
        let plan = RowPlan::compile(&map, &table).unwrap();
        assert_eq!(plan.width(), 1);
        for (present, bytes) in [
            (0b11, &b"\0\x01\0\0\0\x09\0\0\0\0\0\0\0"[..]),
            (0b01, b"\0\x01\0\0\0"),
        ] {
            let (bits, mut values) = ([present], Vec::new());
            let present = Bitmap::read(&mut Reader::new(&bits), 2).unwrap();
            let mut image = Reader::new(bytes);
            plan.read_image(&plan.layout(&present).unwrap(), &mut image, &mut values)
                .unwrap();
            assert_eq!((values, image.len()), (vec![Value::Int(1)], 0));
        }
        // Where no column of the key may be NULL, hashes cannot either.
        map.columns[1].nullable = false;
        assert!(RowPlan::compile(&map, &table).is_ok());
        // Only what MariaDB makes for hashes may be there.
        map.columns[1].wire_type = WireType::Long;
        assert!(RowPlan::compile(&map, &table).is_err());
    }

    #[test]
    fn a_table_of_another_shape_is_refused_and_both_shapes_shown() {
        let error = RowPlan::compile(&map(&[WireType::Long]), &table(&[text(), int()])).unwrap_err();
        assert!(error.to_string().contains("db.t is known as (c Text"), "{error}");
        assert!(error.to_string().contains("but the binlog has (int)"), "{error}");
        assert!(RowPlan::compile(&map(&[WireType::LongLong]), &table(&[int()])).is_err());
        assert!(RowPlan::compile(&map(&[WireType::TypedArray]), &table(&[ColumnType::Json])).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(present in 0..8u8, image in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(present, &image);
        }
    }
}
