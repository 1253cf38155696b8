//! Images after an update whose JSON columns may hold differences (`binlog_row_value_options=PARTIAL_JSON`), and the whole
//! documents that the differences make.

use rowtide_event::{Malformed, Reader, Value, json};

use crate::event::{Bitmap, RowsEvent};

use super::{ImageLayout, RowPlan};

const WHAT: &str = "partial update of a row";

/// Why the documents of an event are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartialError {
    /// The bytes are not as their format wants.
    Malformed(Malformed),
    /// The document that a difference was made from is not in the row image.
    NoDocument,
}

impl From<Malformed> for PartialError {
    fn from(cause: Malformed) -> Self {
        Self::Malformed(cause)
    }
}

/// The documents after the updates of one event, one behind the other in the order of their differences.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Documents {
    /// Memory that is kept from one event to the next.
    const MOST_KEPT: usize = 1 << 20;

    /// The document of the difference number `index`.
    pub(crate) fn at(&self, index: usize) -> Option<&[u8]> {
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        self.bytes
            .get(before.copied().unwrap_or(0)..*self.ends.get(index)?)
    }

    pub(crate) fn clear(&mut self) {
        if self.bytes.capacity() > Self::MOST_KEPT {
            *self = Self::default();
        }
        self.bytes.clear();
        self.ends.clear();
    }
}

impl RowPlan {
    /// Applies all differences of an event to the documents before them. A difference without operations makes none.
    pub(crate) fn rebuild(
        &self,
        event: &RowsEvent<'_>,
        documents: &mut Documents,
    ) -> Result<(), PartialError> {
        let layouts = self.layouts(event)?;
        let mut images = Reader::new(event.rows);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        while !images.is_empty() {
            self.read_image(&layouts.before, &mut images, &mut before)?;
            self.read_partial_image(&layouts.after, &mut images, &mut after, |column, diffs| {
                if diffs.is_empty() {
                    return Ok(Value::Null);
                }
                match before.get(column) {
                    Some(Value::Json(document)) => json::apply_diff(document, diffs, &mut documents.bytes)?,
                    Some(Value::Absent) => return Err(PartialError::NoDocument),
                    _ => return Err(Malformed::Invalid(WHAT).into()),
                }
                documents.ends.push(documents.bytes.len());
                Ok(Value::Null)
            })?;
        }
        Ok(())
    }

    /// Reads an image after an update. `document` is given each column that holds a difference, and the difference, and
    /// says what its value is.
    pub(crate) fn read_partial_image<'a, E: From<Malformed>>(
        &self,
        layout: &ImageLayout<'_>,
        image: &mut Reader<'a>,
        values: &mut Vec<Value<'a>>,
        mut document: impl FnMut(usize, &'a [u8]) -> Result<Value<'a>, E>,
    ) -> Result<(), E> {
        let partial = self.partial_columns(image)?;
        self.read_image(layout, image, values)?;
        let mut json_columns = 0usize;
        for (at, value) in values.iter_mut().enumerate() {
            if !self.is_json(at) {
                continue;
            }
            if let Value::Json(diffs) = *value
                && partial.bit(json_columns)
            {
                *value = document(at, diffs)?;
            }
            json_columns = json_columns.saturating_add(1);
        }
        Ok(())
    }

    /// One bit for each JSON column of the table, in the image or not, where the image has any difference.
    fn partial_columns<'a>(&self, image: &mut Reader<'a>) -> Result<Bitmap<'a>, Malformed> {
        const PARTIAL_JSON: u64 = 1;
        match image.packed(WHAT)? {
            0 => Bitmap::read(image, 0),
            PARTIAL_JSON => Bitmap::read(image, self.json_columns()),
            _ => Err(Malformed::Unsupported("a row image with unknown value options")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{MapColumn, RowsOperation, TableMap, WireType};
    use proptest::prelude::*;
    use rowtide_event::{Column, ColumnType, IntegerWidth, Table, TableId};

    /// A key and two documents.
    fn plan() -> RowPlan {
        let types = [
            (
                WireType::Long,
                ColumnType::Integer {
                    width: IntegerWidth::Int,
                    unsigned: false,
                },
            ),
            (WireType::Json(4), ColumnType::Json),
            (WireType::Json(4), ColumnType::Json),
        ];
        let map = TableMap {
            table_id: 1,
            flags: 0,
            database: "db",
            table: "t",
            columns: types
                .iter()
                .map(|(wire_type, _)| MapColumn {
                    wire_type: *wire_type,
                    nullable: true,
                })
                .collect(),
            metadata: Default::default(),
            written_by: crate::server::ServerVersion::UNKNOWN,
        };
        let table = Table {
            id: TableId::new("db", "t"),
            columns: types
                .into_iter()
                .map(|(_, ty)| Column {
                    name: "c".into(),
                    ty,
                    nullable: true,
                    generated: false,
                })
                .collect(),
            key: vec![0],
            hidden: 0,
        };
        RowPlan::compile(&map, &table).unwrap()
    }

    /// An event whose images have these columns.
    fn body(before: u8, after: u8, rows: &[&[u8]]) -> Vec<u8> {
        let header: &[u8] = &[1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, before, after];
        [header, &rows.concat()].concat()
    }

    fn rebuilt(body: &[u8]) -> Result<Documents, PartialError> {
        let event = RowsEvent::read(body, RowsOperation::PartialUpdate, 10)?;
        let mut documents = Documents::default();
        plan().rebuild(&event, &mut documents)?;
        Ok(documents)
    }

    /// An array of one number.
    const ARRAY: &[u8] = &[2, 1, 0, 7, 0, 5, 9, 0];
    const BEFORE: &[u8] = &[
        0, 1, 0, 0, 0, 8, 0, 0, 0, 2, 1, 0, 7, 0, 5, 9, 0, 8, 0, 0, 0, 2, 1, 0, 7, 0, 5, 9, 0,
    ];
    /// REPLACE `$[0]` by 3, in the second document only.
    const AFTER: &[u8] = &[
        1, 0b10, 0, 1, 0, 0, 0, 8, 0, 0, 0, 2, 1, 0, 7, 0, 5, 9, 0, 10, 0, 0, 0, 0, 4, b'$', b'[', b'0',
        b']', 3, 5, 3, 0,
    ];

    #[test]
    fn differences_make_whole_documents() {
        let documents = rebuilt(&body(0b111, 0b111, &[BEFORE, AFTER, BEFORE, AFTER])).unwrap();
        let mut text = Vec::new();
        json::write_text(documents.at(1).unwrap(), &mut text).unwrap();
        assert_eq!(text, b"[3]");
        assert_eq!(documents.at(0), documents.at(1));
        assert_eq!(documents.at(2), None);
    }

    #[test]
    fn images_without_any_difference_have_no_bits() {
        let after = [&[0, 0, 1, 0, 0, 0, 8, 0, 0, 0][..], ARRAY, &[8, 0, 0, 0], ARRAY].concat();
        assert_eq!(
            rebuilt(&body(0b111, 0b111, &[BEFORE, &after])).unwrap().at(0),
            None
        );
    }

    #[test]
    fn a_column_that_is_not_in_the_image_has_a_bit_all_the_same() {
        let (before, after) = ([&[0, 8, 0, 0, 0][..], ARRAY].concat(), &AFTER[19..]);
        let after = [&[1, 0b10, 0][..], after].concat();
        assert!(
            rebuilt(&body(0b100, 0b100, &[&before, &after]))
                .unwrap()
                .at(0)
                .is_some()
        );
    }

    #[test]
    fn a_difference_needs_its_document() {
        let before = &[0, 1, 0, 0, 0];
        let refused = rebuilt(&body(0b001, 0b111, &[before, AFTER]));
        assert_eq!(refused.unwrap_err(), PartialError::NoDocument);
        let null = &[0b110, 1, 0, 0, 0];
        let refused = rebuilt(&body(0b111, 0b111, &[null, AFTER]));
        assert_eq!(refused.unwrap_err(), Malformed::Invalid(WHAT).into());
        // Without operations nothing is needed: the value did not change.
        let nothing = &[1, 0b10, 0b010, 1, 0, 0, 0, 0, 0, 0, 0];
        assert!(
            rebuilt(&body(0b001, 0b111, &[before, nothing]))
                .unwrap()
                .at(0)
                .is_none()
        );
    }

    #[test]
    fn unknown_value_options_are_refused() {
        let after = [&[2][..], &AFTER[1..]].concat();
        assert!(rebuilt(&body(0b111, 0b111, &[BEFORE, &after])).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(before in 0..8u8, after in 0..8u8, rows in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = rebuilt(&body(before, after, &[&rows]));
        }

        #[test]
        fn damage_never_panics(at in 0..100usize, byte: u8) {
            let mut body = body(0b111, 0b111, &[BEFORE, AFTER]);
            let at = at % body.len();
            body[at] = byte;
            let _ = rebuilt(&body);
        }
    }
}
