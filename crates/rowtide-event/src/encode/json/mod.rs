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

use std::sync::Arc;

use event::EventText;
use row::{Image, RowWriter};

pub use source::write_source;
pub use string::write as write_text;

use super::{
    EncodeError, EncodeOptions, KeyHeader, Origin, ProcessedAt, Record, RecordBatch, Span, TopicIndex,
};
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
    event: EventText,
    origin: Origin,
}

impl TableEncoder {
    /// An encoder for the rows of `table`, whose records go to `topic`.
    pub fn compile(table: &Table, topic: TopicIndex, options: &EncodeOptions) -> Self {
        Self {
            topic,
            tombstones: options.tombstones_on_delete,
            rows: RowWriter::compile(&table.columns, options),
            key: table.key.as_slice().into(),
            event: EventText::compile(&table.id, options),
            origin: Origin {
                pos: 0,
                file: Arc::default(),
                table: table.id.to_string().into(),
            },
        }
    }

    /// Takes what the rows of one event have in common. To be called before its first row.
    pub fn begin_event(&mut self, source: &SourceInfo<'_>) {
        self.event.begin(source);
        self.origin.pos = source.pos;
        if *self.origin.file != *source.file {
            self.origin.file = source.file.into();
        }
    }

    /// Appends the records of a row change, which is number `row` (from 0) of its event.
    ///
    /// # Errors
    /// If the row does not fit the table. Nothing of it is in the batch then.
    pub fn encode(
        &mut self,
        change: &RowChange<'_, '_>,
        row: u32,
        now: ProcessedAt,
        out: &mut RecordBatch,
    ) -> Result<(), EncodeError> {
        if !self.event.has_begun() {
            return Err(EncodeError::NoEvent);
        }
        self.event.process_at(now);
        let (bytes, records) = (out.bytes.len(), out.records.len());
        let result = match *change {
            RowChange::Create { after } => self.create(after, row, out),
            RowChange::Update { before, after } => self.update(before, after, row, out),
            RowChange::Delete { before } => self.delete(before, row, out),
        };
        match result {
            Ok(()) => out.origins.note(records, &self.origin),
            Err(_) => out.truncate(bytes, records),
        }
        result
    }

    fn create(&mut self, after: &[Value<'_>], row: u32, out: &mut RecordBatch) -> Result<(), EncodeError> {
        let key = self.write_key(after, &mut out.bytes)?;
        self.push_create(after, row, key, None, out)
    }

    fn delete(&mut self, before: &[Value<'_>], row: u32, out: &mut RecordBatch) -> Result<(), EncodeError> {
        let key = self.write_key(before, &mut out.bytes)?;
        self.push_delete(before, row, key, None, out)
    }

    fn update(
        &mut self,
        before: &[Value<'_>],
        after: &[Value<'_>],
        row: u32,
        out: &mut RecordBatch,
    ) -> Result<(), EncodeError> {
        let new = self.write_key(after, &mut out.bytes)?;
        let old = self.write_key(before, &mut out.bytes)?;
        match (old, new) {
            (Some(old), Some(new)) if out.slice(&old) != out.slice(&new) => {
                let header = Some(KeyHeader::NewKey(new.clone()));
                self.push_delete(before, row, Some(old.clone()), header, out)?;
                self.push_create(after, row, Some(new), Some(KeyHeader::OldKey(old)), out)
            }
            (old, key) => {
                // The same key stands there twice.
                out.bytes.truncate(old.map_or(out.bytes.len(), |old| old.start));
                let value =
                    self.write_envelope(Operation::Update, Some(before), Some(after), row, &mut out.bytes)?;
                out.records.push(Record {
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
        &mut self,
        after: &[Value<'_>],
        row: u32,
        key: Option<Span>,
        header: Option<KeyHeader>,
        out: &mut RecordBatch,
    ) -> Result<(), EncodeError> {
        let value = self.write_envelope(Operation::Create, None, Some(after), row, &mut out.bytes)?;
        out.records.push(Record {
            topic: self.topic,
            key,
            value: Some(value),
            header,
        });
        Ok(())
    }

    fn push_delete(
        &mut self,
        before: &[Value<'_>],
        row: u32,
        key: Option<Span>,
        header: Option<KeyHeader>,
        out: &mut RecordBatch,
    ) -> Result<(), EncodeError> {
        let value = self.write_envelope(Operation::Delete, Some(before), None, row, &mut out.bytes)?;
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
        out.records.push(delete);
        out.records.extend(tombstone);
        Ok(())
    }

    fn write_key(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) -> Result<Option<Span>, EncodeError> {
        if self.key.is_empty() {
            return Ok(None);
        }
        let start = out.len();
        self.rows.write_key(&self.key, row, out)?;
        Ok(Some(start..out.len()))
    }

    fn write_envelope(
        &mut self,
        operation: Operation,
        before: Option<&[Value<'_>]>,
        after: Option<&[Value<'_>]>,
        row: u32,
        out: &mut Vec<u8>,
    ) -> Result<Span, EncodeError> {
        let start = out.len();
        for (name, image, row) in [
            ("{\"before\":", Image::Before, before),
            (",\"after\":", Image::After, after),
        ] {
            out.extend_from_slice(name.as_bytes());
            match row {
                Some(values) => self.rows.write(image, values, out)?,
                None => out.extend_from_slice(b"null"),
            }
        }
        self.event.write(operation, row, out);
        Ok(start..out.len())
    }
}
