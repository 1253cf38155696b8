//! Where the values of row images go, found once for all rows of an event.

use rowtide_event::{Malformed, Reader, Value};

use crate::event::{Bitmap, RowsEvent};

use super::RowPlan;
use super::hidden::Place;

/// The layouts of the images that an event has of each row.
#[derive(Debug, Clone)]
pub struct ImageLayouts<'a> {
    /// Of the first image, whatever the operation is.
    pub before: ImageLayout<'a>,
    /// Of the image after an update; of no use for other operations.
    pub after: ImageLayout<'a>,
}

/// Which columns an image has, and where their values go.
#[derive(Debug, Clone)]
pub struct ImageLayout<'a>(Layout<'a>);

#[derive(Debug, Clone)]
enum Layout<'a> {
    /// All columns, in their order.
    Whole,
    /// Some columns, in their order.
    Part(Bitmap<'a>),
    /// Columns of a table that has hidden ones among others.
    Places(Box<[Place]>),
}

impl RowPlan {
    /// How the images of an event are laid out.
    ///
    /// # Errors
    /// If its columns are not those of the table.
    #[inline]
    pub fn layouts<'a>(&self, event: &RowsEvent<'a>) -> Result<ImageLayouts<'a>, Malformed> {
        let after = match event.operation.has_two_images() {
            true => self.layout(&event.present_after)?,
            false => ImageLayout(Layout::Whole),
        };
        Ok(ImageLayouts {
            before: self.layout(&event.present)?,
            after,
        })
    }

    /// How images of these columns are laid out.
    #[inline]
    pub(super) fn layout<'a>(&self, present: &Bitmap<'a>) -> Result<ImageLayout<'a>, Malformed> {
        let layout = match &self.hidden {
            Some(hidden) => Layout::Places(hidden.places(present)?),
            None if present.is_full() => Layout::Whole,
            None => Layout::Part(*present),
        };
        Ok(ImageLayout(layout))
    }

    /// Reads one image into `values`, which gets one value for each column: [`Value::Absent`] for those that are not in
    /// the image.
    pub fn read_image<'a>(
        &self,
        layout: &ImageLayout<'_>,
        image: &mut Reader<'a>,
        values: &mut Vec<Value<'a>>,
    ) -> Result<(), Malformed> {
        // Of an event's rows only the first finds another length: a length that was just written makes the processor wait
        // when it is read together with the pointer beside it.
        if values.len() != self.columns.len() {
            values.resize(self.columns.len(), Value::Absent);
        }
        match &layout.0 {
            Layout::Whole => self.read_whole(image, values)?,
            Layout::Part(present) => self.read_part(present, image, values)?,
            Layout::Places(places) => read_places(places, image, values)?,
        }
        if self.shown < values.len() {
            values.truncate(self.shown);
        }
        Ok(())
    }

    /// An image of all columns, the usual one: eight columns for each byte of the NULL bitmap.
    fn read_whole<'a>(&self, image: &mut Reader<'a>, values: &mut [Value<'a>]) -> Result<(), Malformed> {
        let nulls = image.take(self.columns.len().div_ceil(8), "NULL bitmap of a row")?;
        for ((columns, null), values) in self.columns.chunks(8).zip(nulls).zip(values.chunks_mut(8)) {
            let mut null = *null;
            for (column, value) in columns.iter().zip(values) {
                if null & 1 == 0 {
                    *value = column.read(image)?;
                } else {
                    *value = Value::Null;
                }
                null >>= 1;
            }
        }
        Ok(())
    }

    /// An image of some columns: the NULL bitmap has bits for those only.
    fn read_part<'a>(
        &self,
        present: &Bitmap<'_>,
        image: &mut Reader<'a>,
        values: &mut [Value<'a>],
    ) -> Result<(), Malformed> {
        let nulls = Nulls::read(image, present.ones())?;
        let mut seen = 0usize;
        for ((at, column), value) in self.columns.iter().enumerate().zip(values) {
            if !present.bit(at) {
                *value = Value::Absent;
                continue;
            }
            *value = if nulls.is_null(seen) {
                Value::Null
            } else {
                column.read(image)?
            };
            seen = seen.saturating_add(1);
        }
        Ok(())
    }
}

/// An image of columns that stand each in its place.
fn read_places<'a>(
    places: &[Place],
    image: &mut Reader<'a>,
    values: &mut [Value<'a>],
) -> Result<(), Malformed> {
    let nulls = Nulls::read(image, places.len())?;
    values.fill(Value::Absent);
    for (seen, (column, decoder)) in places.iter().enumerate() {
        if let Some(value) = values.get_mut(*column) {
            *value = if nulls.is_null(seen) {
                Value::Null
            } else {
                decoder.read(image)?
            };
        }
    }
    Ok(())
}

/// Which of the columns in an image are NULL, by their order there.
pub(super) struct Nulls<'a>(pub(super) &'a [u8]);

impl<'a> Nulls<'a> {
    /// Reads the bits of so many columns.
    pub(super) fn read(image: &mut Reader<'a>, columns: usize) -> Result<Self, Malformed> {
        let bits = image.take(columns.div_ceil(8), "NULL bitmap of a row")?;
        Ok(Self(bits))
    }

    pub(super) fn is_null(&self, at: usize) -> bool {
        let bits = self.0.get(at / 8);
        bits.is_some_and(|byte| byte >> (at % 8) & 1 == 1)
    }
}
