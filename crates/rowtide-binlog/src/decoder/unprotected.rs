//! What is looked at where events have no checksum (`binlog_checksum=NONE`): whether a transaction is what a server writes.
//! An event that damage has made one of another type, which is passed over, would else be lost without a word.

use crate::event::{Checksum, EventType, Header};

use super::{DecodeError, DecodeErrorKind, Decoder};

/// What has to come before the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Due {
    /// Nothing.
    #[default]
    Nothing,
    /// The statement that INTVAR, RAND, USER_VAR or a loaded file belongs to.
    Statement,
    /// Rows that end the statement of the TABLE_MAPs before, or the end of the transaction at once: MySQL leaves the maps of a
    /// statement that has changed nothing behind one, in a function that it calls, that has.
    RowsOrEnd,
    /// Rows that end the statement of TABLE_MAPs. Statements may come before them, as SAVEPOINT in a trigger.
    Rows,
}

impl Decoder {
    fn is_unprotected(&self) -> bool {
        self.stream.checksum == Checksum::None
    }

    /// Whether an event of this type may follow those before it.
    #[inline]
    pub(super) fn check_order(&mut self, header: &Header) -> Result<(), DecodeError> {
        match self.is_unprotected() {
            true => self.follow_order(header),
            false => Ok(()),
        }
    }

    fn follow_order(&mut self, header: &Header) -> Result<(), DecodeError> {
        use EventType as E;
        let due = &mut self.transaction.due;
        self.transaction.may_end = matches!(due, Due::Nothing | Due::RowsOrEnd);
        if *due == Due::RowsOrEnd && header.event_type != E::TableMap {
            *due = Due::Rows;
        }
        let is_right = match header.event_type {
            E::Intvar | E::Rand | E::UserVar | E::BeginLoadQuery | E::AppendBlock => {
                let is_right = *due != Due::Rows;
                *due = Due::Statement;
                is_right
            }
            E::Query | E::QueryCompressed | E::ExecuteLoadQuery | E::DeleteFile => {
                if *due == Due::Statement {
                    *due = Due::Nothing;
                }
                true
            }
            E::TableMap => {
                let is_right = *due != Due::Statement;
                if *due != Due::Rows {
                    *due = Due::RowsOrEnd;
                }
                is_right
            }
            E::Xid | E::XaPrepare => self.transaction.may_end,
            E::TransactionContext | E::Stop => !self.transaction.phase.is_open(),
            E::Ignorable => header.flags.is_ignorable(),
            _ => *due != Due::Statement,
        };
        match is_right {
            true => Ok(()),
            false => Err(self.error(DecodeErrorKind::Misplaced(
                "what has to stand before it is missing, or it is an event of another type",
            ))),
        }
    }

    /// Whether the transaction may end here, with an event that is whole.
    pub(super) fn check_end(&self) -> Result<(), DecodeError> {
        if !self.is_unprotected() {
            return Ok(());
        }
        if !self.transaction.may_end && self.transaction.due != Due::Nothing {
            return Err(self.error(DecodeErrorKind::Misplaced(
                "the rows that end the statement before it are missing",
            )));
        }
        let length = self.stream.next.saturating_sub(self.transaction.start);
        match self.transaction.length {
            Some(announced) if announced != 0 && announced != length => Err(self.error(
                DecodeErrorKind::Misplaced("its transaction has another length than its GTID says"),
            )),
            _ => Ok(()),
        }
    }
}
