//! MariaDB's own events: how its transactions are framed, and what it compresses.

use rowtide_event::{Gtid, GtidSet};

use super::transaction::Phase;
use crate::event::compressed::uncompress_event;
use crate::event::{AlterPhase, MariadbGtidEvent, MariadbGtidFlags, Query, binlog_checkpoint, gtid_list};

use super::{DecodeError, Decoder, Handler, Header};

impl Decoder {
    /// A transaction begins with its GTID alone: there is no BEGIN. A group that stands alone is one statement, which
    /// begins and ends by itself.
    pub(super) fn mariadb_gtid<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let event = self.read(MariadbGtidEvent::read(body))?;
        self.require_outside()?;
        self.stream.reached(event.domain);
        let gtid = Gtid::MariaDb(event.id(header.server_id));
        self.transaction.announce(&self.stream, header, Some(gtid), None);
        // Until the second part of a two-phase ALTER the table is what it was.
        self.transaction.without_effect =
            matches!(event.alter, Some(AlterPhase::Start | AlterPhase::Rollback(_)));
        if event.flags.has(MariadbGtidFlags::STANDALONE) {
            return Ok(());
        }
        let phase = if event.flags.has(MariadbGtidFlags::PREPARED_XA) {
            Phase::OpenXa
        } else {
            Phase::Open
        };
        self.transaction.open(&self.stream, header, event.thread, phase);
        handler.begin(&self.transaction.started(&self.stream))
    }

    pub(super) fn gtid_list<H: Handler>(&mut self, body: &[u8], handler: &mut H) -> Result<(), H::Error> {
        let list = self.read(gtid_list::read(body))?;
        handler.previous_gtids(GtidSet::MariaDb(list.newest()))
    }

    pub(super) fn binlog_checkpoint(&self, body: &[u8]) -> Result<(), DecodeError> {
        self.read(binlog_checkpoint::read(body)).map(|_| ())
    }

    /// A statement of which all but the text is plain.
    pub(super) fn compressed_query<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let post_header_len = self.post_header_len(header.event_type, 13);
        let query = self.read(Query::read(body, post_header_len))?;
        let mut text = Vec::new();
        self.read(uncompress_event(
            query.query,
            self.options.max_event_size,
            &mut text,
        ))?;
        self.query(
            header,
            &Query {
                query: &text,
                ..query
            },
            handler,
        )
    }
}
