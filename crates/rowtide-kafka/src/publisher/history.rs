//! Produces schema-history records, and says where in their topic they stand.

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};

use super::Publisher;
use crate::delivery::Sent;
use crate::error::KafkaError;
use crate::history::{HistoryMessage, effect};

/// A schema-history record that was sent, for [`Publisher::history_offset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryTicket(usize);

/// The history records of a publisher, by their numbers.
#[derive(Debug, Default)]
pub(super) struct HistorySent {
    /// How many were sent since the publisher connected: the next one's number.
    sent: usize,
    /// The first of which it is not known that it has an offset.
    unsettled: usize,
}

impl Publisher {
    /// Produces a schema-history record, to partition 0 and without a key, as Debezium does; its effects go into a
    /// header.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_history(&mut self, message: &HistoryMessage) -> Result<HistoryTicket, KafkaError> {
        let value = message.value();
        let topic = self.options.history_topic.clone();
        let number = self.history.sent;
        self.produce(BaseRecord::<[u8], [u8], usize> {
            topic: &topic,
            partition: Some(0),
            payload: Some(value.as_bytes()),
            key: None,
            timestamp: None,
            headers: Some(OwnedHeaders::new().insert(Header {
                key: effect::HEADER,
                value: Some(&message.header()),
            })),
            delivery_opaque: Sent::History(number).number(),
        })?;
        self.history.sent = number.saturating_add(1);
        Ok(HistoryTicket(number))
    }

    /// Waits until all history records sent so far are acknowledged, and whatever else is under way. Their offsets are
    /// known then.
    ///
    /// # Errors
    /// If a delivery failed, or the broker did not say where a record stands: one that it had already when it was sent
    /// again, after it had forgotten the place.
    pub fn settle_history(&mut self) -> Result<(), KafkaError> {
        let sent = self.history.sent;
        let unsettled = self.history.unsettled..sent;
        if unsettled.is_empty() {
            return Ok(());
        }
        self.flush()?;
        let context = self.producer.context();
        if unsettled.into_iter().any(|n| context.history_offset(n).is_none()) {
            return Err(KafkaError::Undelivered {
                topic: self.options.history_topic.clone(),
                reason: "the broker has it, and does not say where".to_owned(),
            });
        }
        self.history.unsettled = sent;
        Ok(())
    }

    /// The offset of a history record of this transaction; none before it is acknowledged, and none after
    /// [`commit`](Self::commit) or [`abort`](Self::abort).
    pub fn history_offset(&self, ticket: HistoryTicket) -> Option<i64> {
        self.producer.context().history_offset(ticket.0)
    }

    /// What was committed or given up is not asked for any more.
    pub(super) fn forget_history(&mut self) {
        self.producer.context().forget_history();
        self.history.unsettled = self.history.sent;
    }
}
