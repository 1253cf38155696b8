//! XA transactions. Their rows are not real before they are decided, which may be much later and in another file: such
//! rows are held for a transaction that is committed at once, and refused for one that is only prepared.

use rowtide_event::BinlogPosition;

use super::transaction::{HeldRows, Phase};
use super::{
    CapturedTable, DecodeError, DecodeErrorKind, Decoder, Handler, Header, Query, Rollback, Rows, RowsEvent,
    RowsOperation, XaPrepare,
};

impl Decoder {
    /// Keeps a rows event of a captured table until its transaction is decided.
    pub(super) fn hold(
        &mut self,
        header: &Header,
        body: &[u8],
        table: CapturedTable,
    ) -> Result<(), DecodeError> {
        let transaction = &mut self.transaction;
        transaction.held_bytes = transaction.held_bytes.saturating_add(body.len());
        if transaction.held_bytes > self.options.max_held_bytes {
            let limit = self.options.max_held_bytes;
            return Err(self.error(DecodeErrorKind::Unsupported(format!(
                "an XA transaction with more than {limit} bytes of rows in captured tables is not supported yet"
            ))));
        }
        let query = transaction.query().map(<[u8]>::to_vec);
        transaction.held.push(HeldRows {
            header: *header,
            body: body.to_vec(),
            start: self.stream.start,
            next: self.stream.next,
            plan: table.plan,
            tag: table.tag,
            query,
        });
        Ok(())
    }

    /// Hands over what was held, now that it is committed.
    pub(super) fn deliver_held<H: Handler>(&mut self, handler: &mut H) -> Result<(), H::Error> {
        for held in std::mem::take(&mut self.transaction.held) {
            let Some(operation) = RowsOperation::of(held.header.event_type) else {
                continue;
            };
            let post_header_len = self.rows_post_header_len(held.header.event_type);
            let event = self.read(RowsEvent::read(&held.body, operation, post_header_len))?;
            let mut context = self.transaction.context(&self.stream, &held.header);
            (context.pos, context.end_pos) = (held.start, held.next);
            context.query = held.query.as_deref();
            handler.rows(Rows::new(
                event,
                held.header.event_type,
                &held.plan,
                held.tag,
                context,
            ))?;
        }
        Ok(())
    }

    /// The end of an XA transaction's own events.
    pub(super) fn xa_prepare<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let prepare = self.read(XaPrepare::read(body))?;
        self.require_open()?;
        if !prepare.one_phase {
            let xid = prepare.xid.to_string();
            let refused = if !self.transaction.held.is_empty() {
                Some(format!(
                    "XA PREPARE {xid} has rows of captured tables, which is not supported yet"
                ))
            } else if !self.prepared.insert(xid) {
                Some("more prepared XA transactions than can be followed".to_owned())
            } else {
                None
            };
            if let Some(message) = refused {
                return Err(self.error(DecodeErrorKind::Unsupported(message)).into());
            }
        }
        self.commit(header, handler)
    }

    /// XA COMMIT is a transaction of its own, without rows: those came with XA PREPARE. One whose XA PREPARE was not
    /// seen may have had rows of captured tables, which are lost if it is passed over.
    pub(super) fn xa_commit<H: Handler>(
        &mut self,
        header: &Header,
        query: &Query<'_>,
        xid: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        if self.transaction.phase == Phase::OpenXa {
            return self.commit(header, handler);
        }
        let xid = xid_text(xid);
        if !self.prepared.remove(&xid) {
            let place = BinlogPosition::new(self.stream.file.clone(), self.stream.next);
            return Err(self
                .error(DecodeErrorKind::Unsupported(format!(
                    "XA COMMIT {xid} is of a transaction that was prepared before reading began, so that its rows are \
                     not known; if none of them is in a captured table, go on from {place}"
                )))
                .into());
        }
        self.begin(header, query, Phase::Open, handler)?;
        self.commit(header, handler)
    }

    /// XA ROLLBACK: none of the rows that came with XA PREPARE is real. Inside the transaction's own events it is
    /// there because of tables of a non-transactional engine.
    pub(super) fn xa_rollback<H: Handler>(
        &mut self,
        header: &Header,
        query: &Query<'_>,
        xid: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        if self.transaction.phase == Phase::OpenXa {
            if !self.transaction.held.is_empty() {
                let xid = xid_text(xid);
                return Err(self
                    .error(DecodeErrorKind::Unsupported(format!(
                        "XA ROLLBACK {xid} has rows of captured tables, which is not supported"
                    )))
                    .into());
            }
            handler.rollback(&Rollback::Logged(self.transaction.ended(&self.stream, header)))?;
            self.close();
            return Ok(());
        }
        self.prepared.remove(&xid_text(xid));
        self.begin(header, query, Phase::Open, handler)?;
        self.commit(header, handler)
    }
}

/// The xid of an XA statement as [`Xid`](crate::event::Xid) writes it.
fn xid_text(statement: &[u8]) -> String {
    let text = String::from_utf8_lossy(statement.trim_ascii());
    let xid = text.split_whitespace().next().unwrap_or_default();
    let lower = xid.to_ascii_lowercase();
    lower.replace("x'", "X'")
}
