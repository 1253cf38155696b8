//! XA transactions. Their rows are not real before they are decided, which may be much later and in another file: the
//! handler is told that a transaction is one, and what becomes of it.

use super::transaction::Phase;
use super::{Decoder, Handler, Header, Query, Rollback, XaDecision, XaPrepare};

impl Decoder {
    /// The end of an XA transaction's own events.
    pub(super) fn xa_prepare<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let prepare = self.read(XaPrepare::read(body))?;
        self.require_open()?;
        if prepare.one_phase {
            return self.commit(header, handler);
        }
        self.check_end()?;
        handler.prepare(
            &prepare.xid.to_string(),
            &self.transaction.ended(&self.stream, header),
        )?;
        self.close();
        Ok(())
    }

    /// XA COMMIT is a transaction of its own, without rows: those came with XA PREPARE.
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
        self.decided(header, query, &xid_text(xid), XaDecision::Commit, handler)
    }

    /// XA ROLLBACK: none of the rows that came with XA PREPARE is real. Inside the transaction's own events it is
    /// there because of what cannot be rolled back.
    pub(super) fn xa_rollback<H: Handler>(
        &mut self,
        header: &Header,
        query: &Query<'_>,
        xid: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        if self.transaction.phase == Phase::OpenXa {
            handler.rollback(&Rollback::Logged(self.transaction.ended(&self.stream, header)))?;
            self.close();
            return Ok(());
        }
        self.decided(header, query, &xid_text(xid), XaDecision::Rollback, handler)
    }

    fn decided<H: Handler>(
        &mut self,
        header: &Header,
        query: &Query<'_>,
        xid: &str,
        decision: XaDecision,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        self.begin(header, query, Phase::Open, handler)?;
        handler.decided(xid, decision, &self.transaction.context(&self.stream, header))?;
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
