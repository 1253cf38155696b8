//! The rows of an event apart from the event, so that they can be decoded later and on another thread.

use std::sync::Arc;

use rowtide_event::{Malformed, Reader};

use crate::event::{Bitmap, CommitTimestamps, EventType, RowsEvent, RowsHeader, RowsOperation};
use crate::row::RowPlan;

use super::{EventContext, Rows};

/// Rows of one event with all that is needed to decode them: a copy of the event's row images (unpacked, where the event is
/// compressed) and of what is known of its transaction. What the handler is told of the statement is not taken along.
#[derive(Debug)]
pub struct DetachedRows {
    tag: usize,
    plan: Arc<RowPlan>,
    header: RowsHeader,
    event_type: EventType,
    operation: RowsOperation,
    width: usize,
    pos: u64,
    end_pos: u64,
    timestamp: u32,
    server_id: u32,
    commit: Option<CommitTimestamps>,
    thread: Option<u32>,
    /// Row images, both bitmaps, the file's name and the GTID, one behind the other.
    bytes: Box<[u8]>,
    rows_len: usize,
    file_len: usize,
    has_gtid: bool,
}

const WHAT: &str = "rows apart from their event";

impl DetachedRows {
    pub(super) fn of(
        tag: usize,
        plan: &Arc<RowPlan>,
        event: &RowsEvent<'_>,
        event_type: EventType,
        context: &EventContext<'_>,
    ) -> Self {
        let gtid = context.gtid.unwrap_or_default();
        let parts = [
            event.rows,
            event.present.bytes(),
            event.present_after.bytes(),
            context.file.as_bytes(),
            gtid.as_bytes(),
        ];
        Self {
            tag,
            plan: Arc::clone(plan),
            header: event.header,
            event_type,
            operation: event.operation,
            width: event.width,
            pos: context.pos,
            end_pos: context.end_pos,
            timestamp: context.timestamp,
            server_id: context.server_id,
            commit: context.commit,
            thread: context.thread,
            bytes: parts.concat().into(),
            rows_len: event.rows.len(),
            file_len: context.file.len(),
            has_gtid: context.gtid.is_some(),
        }
    }

    /// The handler's own name for the table.
    pub fn tag(&self) -> usize {
        self.tag
    }

    /// Bytes of memory, roughly.
    pub fn memory(&self) -> usize {
        self.bytes.len().saturating_add(size_of::<Self>())
    }

    /// The rows, to be decoded from the first one on.
    ///
    /// # Errors
    /// None that can come about: the parts were whole when they were put together.
    pub fn attach(&self) -> Result<Rows<'_>, Malformed> {
        let mut parts = Reader::new(&self.bytes);
        let rows = parts.take(self.rows_len, WHAT)?;
        let present = Bitmap::read(&mut parts, self.width)?;
        let present_after = Bitmap::read(&mut parts, self.width)?;
        let file = parts.take(self.file_len, WHAT)?;
        let gtid = self.has_gtid.then(|| text(parts.take_rest())).transpose()?;
        let event = RowsEvent {
            header: self.header,
            operation: self.operation,
            width: self.width,
            present,
            present_after,
            partition: None,
            one_row_without_columns: present.ones() == 0,
            rows,
        };
        let context = EventContext {
            file: text(file)?,
            pos: self.pos,
            end_pos: self.end_pos,
            timestamp: self.timestamp,
            server_id: self.server_id,
            gtid,
            commit: self.commit,
            thread: self.thread,
            query: None,
        };
        let layouts = self.plan.layouts(&event)?;
        Ok(Rows::of(
            self.tag,
            &self.plan,
            event,
            layouts,
            self.event_type,
            context,
        ))
    }
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed::Invalid(WHAT))
}
