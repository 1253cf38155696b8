//! The rows of one event, decoded one by one.

use std::sync::Arc;

use rowtide_event::{Malformed, Reader, RowChange, Value};

use crate::event::{EventType, RowsEvent, RowsOperation};
use crate::row::{Documents, ImageLayouts, RowPlan};

use super::error::Place;
use super::{CapturedTable, DecodeError, DecodeErrorKind, EventContext};

/// The rows of one event of a captured table, of which nothing was looked at.
#[derive(Debug, Clone, Copy)]
pub struct RowsApart<'a> {
    /// The handler's own name for the table.
    pub tag: usize,
    /// Where the event stands.
    pub context: EventContext<'a>,
    pub(super) plan: &'a Arc<RowPlan>,
    /// Its images are as the plan reads them.
    pub(super) event: RowsEvent<'a>,
    pub(super) event_type: EventType,
}

/// The rows of one event of a captured table.
pub struct Rows<'a> {
    /// The handler's own name for the table.
    pub tag: usize,
    event: RowsEvent<'a>,
    event_type: EventType,
    plan: &'a Arc<RowPlan>,
    layouts: ImageLayouts<'a>,
    context: EventContext<'a>,
    unread: Reader<'a>,
    /// Whether a row that has no bytes is still to come.
    one_without_columns: bool,
    images: Images<'a>,
    /// Of an event with differences, the documents that they make, and how many of those are done.
    documents: (Option<&'a Documents>, usize),
}

/// Room for the images of a row. The memory goes from event to event.
#[derive(Debug, Default)]
pub(super) struct Images<'a> {
    before: Vec<Value<'a>>,
    after: Vec<Value<'a>>,
}

impl Images<'_> {
    /// The same room, empty, for rows of another event.
    fn emptied(self) -> Images<'static> {
        // The library collects into the vector's own memory where its items have the same layout.
        let empty = |mut values: Vec<Value<'_>>| {
            values.clear();
            values.into_iter().map(|_| Value::Null).collect()
        };
        Images {
            before: empty(self.before),
            after: empty(self.after),
        }
    }
}

impl<'a> Rows<'a> {
    /// The rows of an event, whose JSON documents are put into `documents` where they are logged as differences.
    #[inline]
    pub(super) fn open(
        event: RowsEvent<'a>,
        event_type: EventType,
        table: &'a CapturedTable,
        context: EventContext<'a>,
        documents: &'a mut Documents,
        images: Images<'a>,
    ) -> Result<Self, DecodeError> {
        let rebuilt = match event.operation {
            RowsOperation::PartialUpdate => table.plan.rebuild(&event, documents),
            _ => Ok(()),
        };
        let layouts = match table.plan.layouts(&event) {
            Ok(layouts) => layouts,
            Err(cause) => return Err(error(&table.plan, event_type, &context, cause.into())),
        };
        let mut rows = Self::of(table.tag, &table.plan, event, layouts, event_type, context);
        rows.images = images;
        rows.documents.0 = Some(documents);
        match rebuilt {
            Ok(()) => Ok(rows),
            Err(cause) => Err(rows.error(cause.into())),
        }
    }

    /// The rows of an event without differences of JSON documents.
    #[inline]
    pub(super) fn of(
        tag: usize,
        plan: &'a Arc<RowPlan>,
        event: RowsEvent<'a>,
        layouts: ImageLayouts<'a>,
        event_type: EventType,
        context: EventContext<'a>,
    ) -> Self {
        Self {
            tag,
            event,
            event_type,
            plan,
            layouts,
            context,
            unread: Reader::new(event.rows),
            one_without_columns: event.one_row_without_columns,
            images: Images::default(),
            documents: (None, 0),
        }
    }

    /// The room for images, when no row is needed any more.
    pub(super) fn into_images(self) -> Images<'static> {
        self.images.emptied()
    }

    /// Where the event stands.
    pub fn context(&self) -> &EventContext<'a> {
        &self.context
    }

    /// What was done to the rows.
    pub fn operation(&self) -> RowsOperation {
        self.event.operation
    }

    /// How the rows are decoded.
    pub fn plan(&self) -> &'a RowPlan {
        self.plan
    }

    /// Bytes of row images not decoded yet.
    pub fn bytes_left(&self) -> usize {
        self.unread.len()
    }

    /// Decodes the next row, or gives `None` after the last.
    #[allow(clippy::should_implement_trait, reason = "a row borrows from the cursor")]
    // Inlined, and `decode` too, so that a change stays in registers: through memory it takes as long again as the values.
    #[inline]
    pub fn next(&mut self) -> Result<Option<RowChange<'_, 'a>>, DecodeError> {
        if self.unread.is_empty() && !std::mem::take(&mut self.one_without_columns) {
            return Ok(None);
        }
        self.decode().map_err(|cause| self.error(cause.into()))?;
        let (before, after) = (self.images.before.as_slice(), self.images.after.as_slice());
        Ok(Some(match self.event.operation {
            RowsOperation::Insert => RowChange::Create { after: before },
            RowsOperation::Update | RowsOperation::PartialUpdate => RowChange::Update { before, after },
            RowsOperation::Delete => RowChange::Delete { before },
        }))
    }

    /// The first image goes to `before` whatever the operation is: each event has at least one.
    #[inline]
    fn decode(&mut self) -> Result<(), Malformed> {
        self.plan
            .read_image(&self.layouts.before, &mut self.unread, &mut self.images.before)?;
        match self.event.operation {
            RowsOperation::Insert | RowsOperation::Delete => return Ok(()),
            RowsOperation::Update => {
                self.plan
                    .read_image(&self.layouts.after, &mut self.unread, &mut self.images.after)?
            }
            RowsOperation::PartialUpdate => self.decode_partial()?,
        }
        if !self.event.present_after.is_full() {
            self.take_over_what_has_not_changed();
        }
        Ok(())
    }

    /// A column that the image after an update leaves out has not changed (`binlog_row_image` MINIMAL and NOBLOB): its value
    /// is that of the image before, where it is in there.
    fn take_over_what_has_not_changed(&mut self) {
        for (after, before) in self.images.after.iter_mut().zip(&self.images.before) {
            if *after == Value::Absent {
                *after = *before;
            }
        }
    }

    /// A difference without operations leaves the document as it was.
    fn decode_partial(&mut self) -> Result<(), Malformed> {
        let (before, (documents, done)) = (&self.images.before, &mut self.documents);
        self.plan.read_partial_image(
            &self.layouts.after,
            &mut self.unread,
            &mut self.images.after,
            |column, diffs| {
                const MISSING: Malformed = Malformed::Invalid("document of a partial update");
                if diffs.is_empty() {
                    return before.get(column).copied().ok_or(MISSING);
                }
                let document = documents
                    .and_then(|documents| documents.at(*done))
                    .ok_or(MISSING)?;
                *done = done.saturating_add(1);
                Ok(Value::Json(document))
            },
        )
    }

    fn error(&self, cause: DecodeErrorKind) -> DecodeError {
        error(self.plan, self.event_type, &self.context, cause)
    }
}

/// An error of an event of the table with this plan.
#[cold]
pub(super) fn error(
    plan: &RowPlan,
    event_type: EventType,
    context: &EventContext<'_>,
    cause: DecodeErrorKind,
) -> DecodeError {
    let place = Place {
        event_type,
        position: rowtide_event::BinlogPosition::new(context.file, context.pos),
        gtid: context.gtid.map(str::to_owned),
        table: Some(plan.table().to_string()),
    };
    DecodeError {
        cause,
        place: Box::new(place),
    }
}
