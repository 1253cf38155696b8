//! Encoded records, many in one buffer, on their way to Kafka.

use std::ops::Range;

use super::origin::Origins;

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
    /// Where the records come from, by their indexes.
    pub origins: Origins,
}

impl RecordBatch {
    /// The bytes of `span`, or nothing where it lies outside the buffer.
    pub fn slice(&self, span: &Span) -> &[u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    /// Adds copies of `records` of another batch, with their bytes.
    pub fn append(&mut self, from: &RecordBatch, records: Range<usize>) {
        let indexes = records.clone();
        for (index, record) in indexes.zip(from.records.get(records).unwrap_or_default()) {
            if let Some(origin) = from.origins.of(index) {
                self.origins.note(self.records.len(), &origin);
            }
            let key = record.key.as_ref().map(|span| self.copy(from, span));
            let value = record.value.as_ref().map(|span| self.copy(from, span));
            let header = record.header.as_ref().map(|header| match header {
                KeyHeader::NewKey(span) => KeyHeader::NewKey(self.copy(from, span)),
                KeyHeader::OldKey(span) => KeyHeader::OldKey(self.copy(from, span)),
            });
            self.records.push(Record {
                topic: record.topic,
                key,
                value,
                header,
            });
        }
    }

    /// Adds copies of all records of another batch, with their bytes.
    pub fn append_all(&mut self, from: &RecordBatch) {
        let first = self.bytes.len();
        let moved = |span: &Span| span.start.saturating_add(first)..span.end.saturating_add(first);
        self.origins.extend(self.records.len(), &from.origins);
        self.bytes.extend_from_slice(&from.bytes);
        self.records.extend(from.records.iter().map(|record| Record {
            topic: record.topic,
            key: record.key.as_ref().map(moved),
            value: record.value.as_ref().map(moved),
            header: record.header.as_ref().map(|header| match header {
                KeyHeader::NewKey(span) => KeyHeader::NewKey(moved(span)),
                KeyHeader::OldKey(span) => KeyHeader::OldKey(moved(span)),
            }),
        }));
    }

    fn copy(&mut self, from: &RecordBatch, span: &Span) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(from.slice(span));
        start..self.bytes.len()
    }

    /// Takes back all but the first `bytes` and `records`.
    pub fn truncate(&mut self, bytes: usize, records: usize) {
        self.bytes.truncate(bytes);
        self.records.truncate(records);
        self.origins.truncate(records);
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.origins.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Origin;

    #[test]
    fn records_are_appended_with_their_bytes() {
        let record = |key: Span, value: Option<Span>, header| Record {
            topic: TopicIndex(3),
            key: Some(key),
            value,
            header,
        };
        let origin = |pos| Origin {
            pos,
            file: "f".into(),
            topic: TopicIndex(3),
        };
        let mut from = RecordBatch {
            bytes: b"k1v1k2v2".to_vec(),
            records: vec![
                record(0..2, Some(2..4), None),
                record(4..6, None, Some(KeyHeader::NewKey(0..2))),
                record(4..6, Some(6..8), Some(KeyHeader::OldKey(4..6))),
            ],
            ..RecordBatch::default()
        };
        for (index, pos) in [(0, 10), (1, 20), (2, 30)] {
            from.origins.note(index, &origin(pos));
        }
        let before = || RecordBatch {
            bytes: b"before".to_vec(),
            ..RecordBatch::default()
        };
        let mut batch = before();
        batch.append(&from, 1..3);
        assert_eq!(
            (batch.origins.of(0), batch.origins.of(1)),
            (Some(origin(20)), Some(origin(30)))
        );
        assert_eq!(batch.bytes, b"beforek2k1k2v2k2");
        assert_eq!(
            batch.records,
            [
                record(6..8, None, Some(KeyHeader::NewKey(8..10))),
                record(10..12, Some(12..14), Some(KeyHeader::OldKey(14..16))),
            ]
        );

        let mut all = before();
        all.append_all(&from);
        all.append_all(&from);
        assert_eq!(all.bytes, b"beforek1v1k2v2k1v1k2v2");
        assert_eq!(
            all.records[3..],
            [
                record(14..16, Some(16..18), None),
                record(18..20, None, Some(KeyHeader::NewKey(14..16))),
                record(18..20, Some(20..22), Some(KeyHeader::OldKey(18..20))),
            ]
        );
        assert_eq!(
            (all.origins.of(2), all.origins.of(3), all.origins.of(5)),
            (Some(origin(30)), Some(origin(10)), Some(origin(30)))
        );
    }
}
