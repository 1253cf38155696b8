//! Debezium's envelope as plain JSON.

mod bytes;
mod event;
mod float;
mod labels;
mod row;
mod source;
mod spatial;
mod string;
mod value;

#[cfg(test)]
mod tests;

use row::{Image, RowWriter};

pub use event::EventText;
pub use source::write_source;
pub use string::write as write_text;

use source::SourceText;

use super::{EncodeError, EncodeOptions, KeyHeader, ProcessedAt, Record, RecordBatch, Span, TopicIndex};
use crate::{Operation, RowChange, SourceInfo, Table, Value};

/// Writes the changes of one version of a table as records.
///
/// - An INSERT is one record. A DELETE is one and, if asked for, a tombstone: a record without a value.
/// - An UPDATE is one record, unless it changes the key: then the row is deleted under its old key and created under the
///   new one, and headers tie the two to each other.
/// - The records of a table without a key have none.
/// - A column that the row image leaves out ([`Value::Absent`]) is never null: [`AbsentColumns`](super::AbsentColumns) says
///   what it is.
/// - A date that no calendar has, zero dates among them, is null.
#[derive(Debug, Clone)]
pub struct TableEncoder {
    topic: TopicIndex,
    tombstones: bool,
    rows: RowWriter,
    key: Box<[usize]>,
    source: SourceText,
}

/// Where the records of a row are written.
struct Page<'a> {
    /// The row's number in its event.
    row: u32,
    event: &'a mut EventText,
    out: &'a mut RecordBatch,
}

impl TableEncoder {
    /// The topic that the records go to.
    pub fn topic(&self) -> TopicIndex {
        self.topic
    }

    /// An encoder for the rows of `table`, whose records go to `topic`.
    pub fn compile(table: &Table, topic: TopicIndex, options: &EncodeOptions) -> Self {
        Self {
            topic,
            tombstones: options.tombstones_on_delete,
            rows: RowWriter::compile(&table.columns, options),
            key: table.key.as_slice().into(),
            source: SourceText::compile(&table.id.database, Some(&table.id.table), options),
        }
    }

    /// Writes into `event` what the rows of one event, worked on at `now`, have in common. To be called before its first
    /// row.
    pub fn begin_event(&self, source: &SourceInfo<'_>, now: ProcessedAt, event: &mut EventText) {
        event.begin(self.topic, &self.source, source, now);
    }

    /// Appends the records of a row change, which is number `row` (from 0) of `event`.
    ///
    /// # Errors
    /// If the row does not fit the table, or the event is not the table's. Nothing of it is in the batch then.
    pub fn encode(
        &self,
        change: &RowChange<'_, '_>,
        row: u32,
        event: &mut EventText,
        out: &mut RecordBatch,
    ) -> Result<(), EncodeError> {
        if !event.is_of(self.topic) {
            return Err(EncodeError::NoEvent);
        }
        let (bytes, records) = (out.bytes.len(), out.records.len());
        let mut page = Page { row, event, out };
        let result = match *change {
            RowChange::Create { after } => self.create(after, &mut page),
            RowChange::Update { before, after } => self.update(before, after, &mut page),
            RowChange::Delete { before } => self.delete(before, &mut page),
        };
        match result {
            Ok(()) => out.origins.note(records, event.origin()),
            Err(_) => out.truncate(bytes, records),
        }
        result
    }

    fn create(&self, after: &[Value<'_>], page: &mut Page<'_>) -> Result<(), EncodeError> {
        let key = self.write_key(after, page)?;
        self.push_create(after, key, None, page)
    }

    fn delete(&self, before: &[Value<'_>], page: &mut Page<'_>) -> Result<(), EncodeError> {
        let key = self.write_key(before, page)?;
        self.push_delete(before, key, None, page)
    }

    fn update(
        &self,
        before: &[Value<'_>],
        after: &[Value<'_>],
        page: &mut Page<'_>,
    ) -> Result<(), EncodeError> {
        let new = self.write_key(after, page)?;
        let old = self.write_key(before, page)?;
        match (old, new) {
            (Some(old), Some(new)) if page.out.slice(&old) != page.out.slice(&new) => {
                let header = Some(KeyHeader::NewKey(new.clone()));
                self.push_delete(before, Some(old.clone()), header, page)?;
                self.push_create(after, Some(new), Some(KeyHeader::OldKey(old)), page)
            }
            (old, key) => {
                // The same key stands there twice.
                let bytes = &mut page.out.bytes;
                bytes.truncate(old.map_or(bytes.len(), |old| old.start));
                let value = self.write_envelope(Operation::Update, Some(before), Some(after), page)?;
                page.out.records.push(Record {
                    topic: self.topic,
                    key,
                    value: Some(value),
                    header: None,
                });
                Ok(())
            }
        }
    }

    fn push_create(
        &self,
        after: &[Value<'_>],
        key: Option<Span>,
        header: Option<KeyHeader>,
        page: &mut Page<'_>,
    ) -> Result<(), EncodeError> {
        let value = self.write_envelope(Operation::Create, None, Some(after), page)?;
        page.out.records.push(Record {
            topic: self.topic,
            key,
            value: Some(value),
            header,
        });
        Ok(())
    }

    fn push_delete(
        &self,
        before: &[Value<'_>],
        key: Option<Span>,
        header: Option<KeyHeader>,
        page: &mut Page<'_>,
    ) -> Result<(), EncodeError> {
        let value = self.write_envelope(Operation::Delete, Some(before), None, page)?;
        let delete = Record {
            topic: self.topic,
            key,
            value: Some(value),
            header,
        };
        let tombstone = self.tombstones.then(|| Record {
            value: None,
            ..delete.clone()
        });
        page.out.records.push(delete);
        page.out.records.extend(tombstone);
        Ok(())
    }

    fn write_key(&self, row: &[Value<'_>], page: &mut Page<'_>) -> Result<Option<Span>, EncodeError> {
        if self.key.is_empty() {
            return Ok(None);
        }
        let out = &mut page.out.bytes;
        let start = out.len();
        self.rows
            .write_key(&self.key, row, &mut page.event.scratch, out)?;
        Ok(Some(start..out.len()))
    }

    fn write_envelope(
        &self,
        operation: Operation,
        before: Option<&[Value<'_>]>,
        after: Option<&[Value<'_>]>,
        page: &mut Page<'_>,
    ) -> Result<Span, EncodeError> {
        let out = &mut page.out.bytes;
        let start = out.len();
        for (name, image, row) in [
            ("{\"before\":", Image::Before, before),
            (",\"after\":", Image::After, after),
        ] {
            out.extend_from_slice(name.as_bytes());
            match row {
                Some(values) => self.rows.write(image, values, &mut page.event.scratch, out)?,
                None => out.extend_from_slice(b"null"),
            }
        }
        page.event.write(operation, page.row, out);
        Ok(start..out.len())
    }
}
