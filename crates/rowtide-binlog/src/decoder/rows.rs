//! The rows of one event, decoded one by one.

use rowtide_event::{Malformed, Reader, RowChange, Value};

use crate::event::{EventType, RowsEvent, RowsOperation};
use crate::row::RowPlan;

use super::error::Place;
use super::{DecodeError, DecodeErrorKind, EventContext};

/// The rows of one event of a captured table.
pub struct Rows<'a> {
    /// The handler's own name for the table.
    pub tag: usize,
    event: RowsEvent<'a>,
    event_type: EventType,
    plan: &'a RowPlan,
    context: EventContext<'a>,
    unread: Reader<'a>,
    before: Vec<Value<'a>>,
    after: Vec<Value<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        event: RowsEvent<'a>,
        event_type: EventType,
        plan: &'a RowPlan,
        tag: usize,
        context: EventContext<'a>,
    ) -> Self {
        let unread = Reader::new(event.rows);
        Self {
            tag,
            event,
            event_type,
            plan,
            context,
            unread,
            before: Vec::new(),
            after: Vec::new(),
        }
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
    pub fn next(&mut self) -> Result<Option<RowChange<'_, 'a>>, DecodeError> {
        if self.unread.is_empty() {
            return Ok(None);
        }
        self.decode().map_err(|cause| self.error(cause))?;
        let (before, after) = (self.before.as_slice(), self.after.as_slice());
        Ok(Some(match self.event.operation {
            RowsOperation::Insert => RowChange::Create { after: before },
            RowsOperation::Update => RowChange::Update { before, after },
            RowsOperation::Delete => RowChange::Delete { before },
        }))
    }

    /// The first image goes to `before` whatever the operation is: each event has at least one.
    fn decode(&mut self) -> Result<(), Malformed> {
        self.plan
            .read_image(&self.event.present, &mut self.unread, &mut self.before)?;
        if self.event.operation == RowsOperation::Update {
            self.plan
                .read_image(&self.event.present_after, &mut self.unread, &mut self.after)?;
        }
        Ok(())
    }

    fn error(&self, cause: Malformed) -> DecodeError {
        let place = Place {
            event_type: self.event_type,
            position: rowtide_event::BinlogPosition::new(self.context.file, self.context.pos),
            gtid: self.context.gtid.map(str::to_owned),
            table: Some(self.plan.table().to_string()),
        };
        DecodeError {
            cause: DecodeErrorKind::Malformed(cause),
            place: Box::new(place),
        }
    }
}
