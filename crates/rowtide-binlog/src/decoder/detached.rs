//! The rows of events apart from their events, so that they can be decoded later, in another order and on other threads.

use std::sync::Arc;

use rowtide_event::Reader;

use crate::event::{Bitmap, CommitTimestamps, EventType, RowsEvent, RowsHeader, RowsOperation};
use crate::row::RowPlan;

use super::rows::{RowsApart, error};
use super::{DecodeError, EventContext, Rows, place};

/// Rows of many events with all that is needed to decode them: copies of the events' row images (unpacked, where an event is
/// compressed) and of what is known of their transactions. What the handler is told of the statement is not taken along.
///
/// Little memory is taken for an event beside its images, and none of its own from the allocator.
#[derive(Debug, Default)]
pub struct DetachedRows {
    events: Vec<Event>,
    /// Row images and both bitmaps of each event, one event behind the other. None is ever moved.
    blocks: Vec<Vec<u8>>,
    /// The block that is being filled; those behind it are empty.
    block: usize,
    /// Bytes in all blocks.
    bytes: usize,
    /// What events that follow one another have in common.
    shared: Vec<Shared>,
    tables: Vec<Table>,
    /// The last one of each tag, by its place in `tables`.
    table_of: Vec<Option<u32>>,
}

/// A table in one version.
#[derive(Debug)]
struct Table {
    tag: usize,
    plan: Arc<RowPlan>,
}

/// One event.
#[derive(Debug, Clone, Copy)]
struct Event {
    pos: u64,
    /// From `pos` to the end of the event.
    length: u32,
    start: u32,
    rows_len: u32,
    block: u32,
    table: u32,
    shared: u32,
    width: u32,
    timestamp: u32,
    flags: u16,
    event_type: EventType,
    operation: RowsOperation,
    /// Images without columns do not tell how many there are.
    one_row_without_columns: bool,
}

/// What the events of a transaction have in common.
#[derive(Debug)]
struct Shared {
    file: Arc<str>,
    gtid: Option<Box<str>>,
    server_id: u32,
    commit: Option<CommitTimestamps>,
    thread: Option<u32>,
}

const WHAT: &str = "rows apart from their event";
/// Bytes of a block. An event that is larger has one of its own.
const BLOCK: usize = 1 << 20;

impl DetachedRows {
    /// Takes a copy of all rows of an event, to be decoded from the first one on. Says no, and takes none, where documents are
    /// logged as differences, which are decoded together with the event alone, and where there is no room for more.
    pub fn push(&mut self, rows: &RowsApart<'_>) -> bool {
        rows.event.operation != RowsOperation::PartialUpdate && self.take(rows).is_some()
    }

    fn take(&mut self, rows: &RowsApart<'_>) -> Option<()> {
        let (event, context) = (&rows.event, &rows.context);
        let parts = [event.rows, event.present.bytes(), event.present_after.bytes()];
        let length = parts.iter().map(|part| part.len()).sum();
        let entry = Event {
            rows_len: u32::try_from(event.rows.len()).ok()?,
            width: u32::try_from(event.width).ok()?,
            table: self.table(rows.tag, rows.plan)?,
            shared: self.shared(context)?,
            block: self.room(length)?,
            start: self
                .blocks
                .get(self.block)
                .and_then(|block| u32::try_from(block.len()).ok())?,
            timestamp: context.timestamp,
            pos: context.pos,
            length: u32::try_from(context.end_pos.checked_sub(context.pos)?).ok()?,
            flags: event.header.flags,
            event_type: rows.event_type,
            operation: event.operation,
            one_row_without_columns: event.one_row_without_columns,
        };
        let block = self.blocks.get_mut(self.block)?;
        parts.iter().for_each(|part| block.extend_from_slice(part));
        self.bytes = self.bytes.saturating_add(length);
        self.events.push(entry);
        Some(())
    }

    /// Sees to it that the block that is being filled has room for so many bytes, and names it.
    fn room(&mut self, length: usize) -> Option<u32> {
        let fits = |block: &Vec<u8>| block.capacity().saturating_sub(block.len()) >= length;
        while !self.blocks.get(self.block).is_some_and(fits) {
            match self.blocks.get_mut(self.block) {
                Some(block) if !block.is_empty() => self.block = self.block.saturating_add(1),
                Some(small) => *small = Vec::with_capacity(length),
                None => self.blocks.push(Vec::with_capacity(length.max(BLOCK))),
            }
        }
        u32::try_from(self.block).ok()
    }

    fn table(&mut self, tag: usize, plan: &Arc<RowPlan>) -> Option<u32> {
        let known = self.table_of.get(tag).copied().flatten();
        let is_of = |table: &Table| Arc::ptr_eq(&table.plan, plan);
        if let Some(known) = known.filter(|known| self.tables.get(place(*known)).is_some_and(is_of)) {
            return Some(known);
        }
        let new = u32::try_from(self.tables.len()).ok()?;
        if self.table_of.len() <= tag {
            self.table_of.resize(tag.checked_add(1)?, None);
        }
        *self.table_of.get_mut(tag)? = Some(new);
        let plan = Arc::clone(plan);
        self.tables.push(Table { tag, plan });
        Some(new)
    }

    fn shared(&mut self, context: &EventContext<'_>) -> Option<u32> {
        let last = self.shared.last();
        if !last.is_some_and(|last| last.is_of(context)) {
            let file = last
                .map(|last| &last.file)
                .filter(|file| &***file == context.file);
            self.shared.push(Shared {
                file: file.map_or_else(|| context.file.into(), Arc::clone),
                gtid: context.gtid.map(Into::into),
                server_id: context.server_id,
                commit: context.commit,
                thread: context.thread,
            });
        }
        u32::try_from(self.shared.len().checked_sub(1)?).ok()
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The handler's own name for the table of an event.
    pub fn tag(&self, event: usize) -> Option<usize> {
        let table = self
            .events
            .get(event)
            .and_then(|event| self.tables.get(place(event.table)));
        table.map(|table| table.tag)
    }

    /// Bytes of the images of an event's rows.
    pub fn bytes(&self, event: usize) -> usize {
        self.events.get(event).map_or(0, |event| place(event.rows_len))
    }

    /// Bytes of memory that are in use, roughly.
    pub fn memory(&self) -> usize {
        let events = self.events.len().saturating_mul(size_of::<Event>());
        let shared = self.shared.len().saturating_mul(size_of::<Shared>() + GTID_BYTES);
        self.bytes.saturating_add(events).saturating_add(shared)
    }

    /// The rows of an event, to be decoded from the first one on; none if there are not so many events.
    ///
    /// # Errors
    /// If the event is not of its table's shape.
    pub fn rows(&self, event: usize) -> Result<Option<Rows<'_>>, DecodeError> {
        let apart = self.events.get(event).and_then(|entry| self.apart(entry));
        apart.map(checked).transpose()
    }

    fn apart(&self, entry: &Event) -> Option<RowsApart<'_>> {
        let shared = self.shared.get(place(entry.shared))?;
        let Table { tag, plan } = self.tables.get(place(entry.table))?;
        let block = self.blocks.get(place(entry.block))?;
        let mut parts = Reader::new(block.get(place(entry.start)..)?);
        let width = place(entry.width);
        let rows = parts.take(place(entry.rows_len), WHAT).ok()?;
        let present = Bitmap::read(&mut parts, width).ok()?;
        let present_after = Bitmap::read(&mut parts, width).ok()?;
        let event = RowsEvent {
            header: RowsHeader {
                table_id: NO_NUMBER,
                flags: entry.flags,
            },
            operation: entry.operation,
            width,
            present,
            present_after,
            partition: None,
            one_row_without_columns: entry.one_row_without_columns,
            rows,
        };
        let context = EventContext {
            file: &shared.file,
            pos: entry.pos,
            end_pos: entry.pos.saturating_add(u64::from(entry.length)),
            timestamp: entry.timestamp,
            server_id: shared.server_id,
            gtid: shared.gtid.as_deref(),
            commit: shared.commit,
            thread: shared.thread,
            query: None,
        };
        Some(RowsApart {
            tag: *tag,
            context,
            plan,
            event,
            event_type: entry.event_type,
        })
    }

    /// Brings the row images of an event into the processor's caches, since they are soon to be decoded.
    #[inline]
    pub fn prefetch(&self, event: usize) {
        if let Some(entry) = self.events.get(event)
            && let Some(block) = self.blocks.get(place(entry.block))
        {
            let start = place(entry.start);
            for line in [start, start.saturating_add(CACHE_LINE)] {
                std::hint::black_box(block.get(line).copied());
            }
        }
    }

    /// Forgets all events. Memory is kept for as many again.
    pub fn clear(&mut self) {
        self.events.clear();
        self.blocks.retain(|block| block.capacity() <= 2 * BLOCK);
        self.blocks.iter_mut().for_each(Vec::clear);
        (self.block, self.bytes) = (0, 0);
        self.shared.clear();
        self.tables.clear();
        self.table_of.clear();
    }
}

/// The rows, if their event is of its table's shape.
fn checked(apart: RowsApart<'_>) -> Result<Rows<'_>, DecodeError> {
    let RowsApart {
        tag,
        plan,
        event,
        event_type,
        context,
    } = apart;
    let layouts = plan.check(&event).and_then(|()| plan.layouts(&event));
    let layouts = layouts.map_err(|cause| error(plan, event_type, &context, cause.into()))?;
    Ok(Rows::of(tag, plan, event, layouts, event_type, context))
}

const CACHE_LINE: usize = 64;
/// The number of a table counts for nothing any more once its plan is known.
const NO_NUMBER: u64 = 0;
/// Bytes of a GTID's text, roughly.
const GTID_BYTES: usize = 48;

impl Shared {
    fn is_of(&self, context: &EventContext<'_>) -> bool {
        (self.server_id, self.commit, self.thread) == (context.server_id, context.commit, context.thread)
            && self.gtid.as_deref() == context.gtid
            && &*self.file == context.file
    }
}
