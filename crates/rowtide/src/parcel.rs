//! What travels from the reading thread to the delivering thread.

use std::sync::{Arc, Mutex, PoisonError};

use rowtide_event::encode::{RecordBatch, TopicIndex};
use rowtide_kafka::TableTopic;
use rowtide_kafka::history::HistoryMessage;

use crate::progress::Progress;
use crate::queue::Weigh;
use crate::schema_change::SchemaChangeRecord;

/// Encoded records, and how far the stream has come when they are delivered: the end of any parcel that says so is a place to
/// resume from.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Topics that are named for the first time; they follow those of earlier parcels in the order of their indexes.
    pub(crate) new_topics: Vec<TableTopic>,
    /// Topics that the records of the next parcels go to, where they come table by table.
    pub(crate) coming: Vec<TopicIndex>,
    /// Change records, in order.
    pub(crate) batch: RecordBatch,
    /// What the schema history is told.
    pub(crate) history: Vec<HistoryMessage>,
    /// What users are told of statements.
    pub(crate) schema_changes: Vec<SchemaChangeRecord>,
    /// Row changes that the records stand for.
    pub(crate) changes: u64,
    /// How far the stream has come. None where more parcels follow before the stream has come anywhere: rows that are handed over
    /// table by table.
    pub(crate) progress: Option<Progress>,
    /// Whether the source had nothing more to send when the parcel was closed.
    pub(crate) source_idle: bool,
}

impl Parcel {
    /// Records alone, after which the stream has not come anywhere yet.
    pub(crate) fn part(batch: RecordBatch, changes: u64) -> Self {
        Self {
            new_topics: Vec::new(),
            coming: Vec::new(),
            batch,
            history: Vec::new(),
            schema_changes: Vec::new(),
            changes,
            progress: None,
            source_idle: false,
        }
    }

    /// Bytes of keys and values.
    pub(crate) fn bytes(&self) -> usize {
        let told = self.schema_changes.iter().map(SchemaChangeRecord::bytes);
        self.batch.bytes.len().saturating_add(told.sum())
    }
}

impl Weigh for Parcel {
    fn weight(&self) -> usize {
        let records = self
            .batch
            .records
            .len()
            .saturating_mul(size_of::<rowtide_event::encode::Record>());
        let history = self.history.iter().map(HistoryMessage::memory).sum();
        [
            self.bytes(),
            records,
            self.batch.origins.memory(),
            history,
            PARCEL_ITSELF,
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }
}

const PARCEL_ITSELF: usize = 512;

/// Batches that have been delivered and whose memory is used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    batches: Arc<Mutex<Vec<RecordBatch>>>,
}

/// More is given back to the allocator: a huge row must not stay in memory for ever.
const KEPT_BATCHES: usize = 32;
const KEPT_BYTES: usize = 1 << 20;

impl Pool {
    /// An empty batch, with the memory of an old one if there is one.
    pub(crate) fn take(&self) -> RecordBatch {
        self.batches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default()
    }

    /// Gives a batch back.
    pub(crate) fn give(&self, mut batch: RecordBatch) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if batches.len() < KEPT_BATCHES && batch.bytes.capacity() <= KEPT_BYTES {
            batch.clear();
            batches.push(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use rowtide_event::encode::{Origin, TopicIndex};

    use super::*;

    #[test]
    fn origins_of_records_have_weight() {
        let mut parcel = Parcel::part(RecordBatch::default(), 0);
        let before = parcel.weight();
        let origin = Origin {
            pos: 4,
            file: "b.1".into(),
            topic: TopicIndex(0),
        };
        parcel.batch.origins.note(0, &origin);
        assert_eq!(parcel.weight(), before + parcel.batch.origins.memory());
        assert!(parcel.batch.origins.memory() > 0);
    }
}
