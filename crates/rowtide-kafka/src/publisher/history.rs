//! Produces schema-history records, and says where in their topic they stand.

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};

use super::{NO_CHANGE, Publisher};
use crate::error::KafkaError;
use crate::history::{HistoryMessage, effect};
use crate::options::Delivery;

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
    /// How many of this transaction have a place, and the first one's offset.
    placed: usize,
    first_offset: i64,
}

impl HistorySent {
    /// Whether any were sent since the transaction began.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.sent > self.first
    }
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
            delivery_opaque: NO_CHANGE,
        })?;
        self.history.sent = number.saturating_add(1);
        Ok(HistoryTicket(number))
    }

    /// Waits until all history records sent so far are acknowledged, and whatever else is under way. Their offsets are
    /// known then.
    ///
    /// librdkafka tells the offset of a record in a report, and holds a record until its report is taken: a flush would
    /// wait for reports, and every commit with it. But a source has its history for itself, so that the records of a
    /// transaction stand there one after another.
    ///
    /// # Errors
    /// If a delivery failed, the broker does not say where the topic ends, or somebody else has written into it.
    pub fn settle_history(&mut self) -> Result<(), KafkaError> {
        let records = self.history.sent.saturating_sub(self.history.first);
        if records == self.history.placed {
            return Ok(());
        }
        self.flush()?;
        let first_offset = self.first_history_offset(records)?;
        if self.history.placed > 0 && self.history.first_offset != first_offset {
            return Err(KafkaError::Undelivered {
                topic: self.options.history_topic.clone(),
                reason: "another program has written into it meanwhile".to_owned(),
            });
        }
        self.history.placed = records;
        self.history.first_offset = first_offset;
        Ok(())
    }

    /// Where the first of so many history records of this transaction stands, all of them acknowledged. The stable part
    /// of a topic ends where the oldest open transaction begins; without transactions, behind the last record.
    fn first_history_offset(&self, records: usize) -> Result<i64, KafkaError> {
        let (topic, limit) = (&self.options.history_topic, self.options.timeouts.connect);
        let bounds = self.producer().client().fetch_watermarks(topic, 0, limit);
        let (_, stable_end) = bounds.map_err(|error| {
            self.scene()
                .admin(format!("asking for the end of the topic {topic}"), &error)
        })?;
        Ok(match self.options.delivery {
            Delivery::ExactlyOnce => stable_end,
            Delivery::AtLeastOnce => stable_end.saturating_sub_unsigned(as_u64(records)),
        })
    }

    /// The offset of a history record of this transaction; none before it is settled, and none after
    /// [`commit`](Self::commit) or [`abort`](Self::abort).
    pub fn history_offset(&self, ticket: HistoryTicket) -> Option<i64> {
        let place = ticket.0.checked_sub(self.history.first)?;
        (place < self.history.placed)
            .then(|| self.history.first_offset.saturating_add_unsigned(as_u64(place)))
    }

    /// What was committed or given up is not asked for any more.
    pub(super) fn forget_history(&mut self) {
        self.history.first = self.history.sent;
        self.history.placed = 0;
    }
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
