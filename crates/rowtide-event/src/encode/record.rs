//! Encoded records, many in one buffer, on their way to Kafka.

use std::ops::Range;

/// A run of bytes in a [`RecordBatch`]'s buffer.
pub type Span = Range<usize>;

/// Which topic a record goes to: an index into the run's list of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicIndex(pub u32);

/// The header that ties the two halves of an update which changes the key to each other: Debezium's
/// `__debezium.newkey` on the delete and its tombstone, `__debezium.oldkey` on the create. Its value is the other key,
/// encoded as a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyHeader {
    /// `__debezium.newkey`.
    NewKey(Span),
    /// `__debezium.oldkey`.
    OldKey(Span),
}

/// One record: where its parts stand in the batch's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic it goes to.
    pub topic: TopicIndex,
    /// The key, or none for a table without a key.
    pub key: Option<Span>,
    /// The value, or none for a tombstone.
    pub value: Option<Span>,
    /// The header of a changed key.
    pub header: Option<KeyHeader>,
}

/// Records in the order of their changes, and the one buffer that holds their bytes.
#[derive(Debug, Default)]
pub struct RecordBatch {
    /// Keys, values and header values, wherever the records' spans say.
    pub bytes: Vec<u8>,
    /// The records.
    pub records: Vec<Record>,
}

impl RecordBatch {
    /// The bytes of `span`, or nothing where it lies outside the buffer.
    pub fn slice(&self, span: &Span) -> &[u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }
}
