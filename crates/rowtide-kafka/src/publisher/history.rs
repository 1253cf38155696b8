//! Produces schema-history records, and says where in their topic they stand.

use super::{NO_CHANGE, Publisher};
use crate::error::KafkaError;
use crate::history::{HistoryMessage, effect};
use crate::producer::Record;

/// A schema-history record that was sent, for [`Publisher::history_offset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryTicket(usize);

/// The history records of a publisher, by their numbers.
#[derive(Debug, Default)]
pub(super) struct HistorySent {
    /// How many were sent since the publisher connected: the next one's number.
    sent: usize,
    /// The first of this transaction.
    first: usize,
    /// Where those of this transaction stand, as far as they are acknowledged.
    offsets: Vec<i64>,
}

impl Publisher {
    /// Produces a schema-history record, to partition 0 and without a key, as Debezium does; its effects go into a
    /// header.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_history(&mut self, message: &HistoryMessage) -> Result<HistoryTicket, KafkaError> {
        let (value, header) = (message.value(), message.header());
        let record = Record {
            key: None,
            value: Some(value.as_bytes()),
            headers: &[(effect::HEADER, header.as_slice())],
        };
        let topic = self.own.history;
        let sent = self.producer.follow(topic, 0);
        let sent = sent.and_then(|()| self.producer.send_alone(topic, record, NO_CHANGE));
        sent.map_err(|fault| self.error("send", fault))?;
        let number = self.history.sent;
        self.history.sent = number.saturating_add(1);
        Ok(HistoryTicket(number))
    }

    /// Waits until all history records sent so far are acknowledged, and whatever else is under way. Their offsets are
    /// known then.
    ///
    /// # Errors
    /// If a delivery failed.
    pub fn settle_history(&mut self) -> Result<(), KafkaError> {
        let records = self.history.sent.saturating_sub(self.history.first);
        if records == self.history.offsets.len() {
            return Ok(());
        }
        self.flush()?;
        for (first, count) in self.producer.placed(self.own.history, 0) {
            let offsets = first..first.saturating_add(i64::from(count));
            self.history.offsets.extend(offsets);
        }
        Ok(())
    }

    /// The offset of a history record of this transaction; none before it is settled, and none after
    /// [`commit`](Self::commit) or [`abort`](Self::abort).
    pub fn history_offset(&self, ticket: HistoryTicket) -> Option<i64> {
        let place = ticket.0.checked_sub(self.history.first)?;
        self.history.offsets.get(place).copied()
    }

    /// What was committed or given up is not asked for any more.
    pub(super) fn forget_history(&mut self) {
        self.history.first = self.history.sent;
        self.history.offsets.clear();
        // Those that nobody settled.
        drop(self.producer.placed(self.own.history, 0));
    }
}
