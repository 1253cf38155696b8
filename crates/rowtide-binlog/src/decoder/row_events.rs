//! TABLE_MAP and rows events: to rows that someone wants.

use crate::event::{EventType, Header, RowsEvent, RowsHeader, RowsOperation, TableMap};
use crate::row::{Documents, Uncompressed};

use super::rows::Images;
use super::unprotected::Due;
use super::{CapturedTable, DecodeError, DecodeErrorKind, Decoder, EventContext, Handler, Rows, RowsApart};

/// Memory for the rows of an event, kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Room {
    uncompressed: Uncompressed,
    documents: Documents,
    images: Images<'static>,
}

impl Decoder {
    pub(super) fn table_map<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        self.require_open()?;
        let post_header_len = self.post_header_len(header.event_type, 8);
        let (id, shape) = self.read(TableMap::id_and_shape(body, post_header_len))?;
        if self.tables.renew(id, shape) {
            return Ok(());
        }
        let mut map = self.read(TableMap::read(body, post_header_len))?;
        map.written_by = self.stream.format.server();
        let rows = handler.table(&map, shape)?;
        self.tables.insert(id, shape, rows);
        Ok(())
    }

    pub(super) fn rows<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        self.require_open()?;
        let post_header_len = self.rows_post_header_len(header.event_type);
        let rows = self.read(RowsHeader::read(body, post_header_len))?;
        if !rows.is_dummy() {
            self.table_rows(header, body, rows, post_header_len, handler)?;
        }
        if rows.ends_statement() {
            self.tables.end_statement();
            self.transaction.end_statement();
            self.transaction.due = Due::Nothing;
        }
        Ok(())
    }

    fn table_rows<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        rows: RowsHeader,
        post_header_len: usize,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let Some(known) = self.tables.valid(rows.table_id) else {
            return Err(self
                .error(DecodeErrorKind::RowsWithoutTableMap(rows.table_id))
                .into());
        };
        let (Some(table), Some(operation)) = (known, RowsOperation::of(header.event_type)) else {
            return Ok(());
        };
        let mut event = self.read(RowsEvent::read(body, operation, post_header_len))?;
        if event.has_uncounted_rows() {
            return Err(self.uncounted(table).into());
        }
        let mut room = self.room.take().unwrap_or_default();
        let Room {
            uncompressed,
            documents,
            images,
        } = &mut *room;
        let needed = Uncompressed::is_needed(header.event_type, table.has_compressed_values);
        if needed {
            self.read(table.plan.check(&event))?;
            let limit = self.options.max_event_size;
            event = self.read(uncompressed.open(event, header.event_type, &table.plan, limit))?;
        }
        let context = self.transaction.context(&self.stream, header);
        let is_taken =
            handler.takes_apart(table.tag) && offer(table, event, header.event_type, context, handler)?;
        if !is_taken {
            // Not earlier: where tables take turns, the plan is in no cache.
            if !needed {
                self.read(table.plan.check(&event))?;
            }
            let kept = std::mem::take(images);
            let mut rows = Rows::open(event, header.event_type, table, context, documents, kept)?;
            handler.rows(&mut rows)?;
            *images = rows.into_images();
            documents.clear();
        }
        if needed {
            uncompressed.shrink();
        }
        self.room = Some(room);
        Ok(())
    }

    #[cold]
    fn uncounted(&self, table: &CapturedTable) -> DecodeError {
        let mut error = self.error(DecodeErrorKind::UncountedRows);
        error.place.table = Some(table.plan.table().to_string());
        error
    }
}

/// Offers rows to the handler before any of them is decoded, and says whether it has taken them.
// Apart from what happens to other rows, so that these are not led through memory.
#[inline(never)]
fn offer<H: Handler>(
    table: &CapturedTable,
    event: RowsEvent<'_>,
    event_type: EventType,
    context: EventContext<'_>,
    handler: &mut H,
) -> Result<bool, H::Error> {
    handler.rows_apart(&RowsApart {
        tag: table.tag,
        plan: &table.plan,
        event,
        event_type,
        context,
    })
}
