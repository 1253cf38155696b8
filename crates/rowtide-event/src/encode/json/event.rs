//! What the envelopes of one rows event have in common, rendered once.

use super::source::{SourceText, integer};
use crate::encode::{EncodeOptions, ProcessedAt};
use crate::{Operation, SourceInfo, TableId};

/// The text of an envelope behind the row: `source` up to the row's number, what follows it up to the operation, and the
/// times of processing.
#[derive(Debug, Clone)]
pub(super) struct EventText {
    source: SourceText,
    head: Vec<u8>,
    tail: Vec<u8>,
    times: Vec<u8>,
    processed: Option<ProcessedAt>,
}

impl EventText {
    pub(super) fn compile(table: &TableId, options: &EncodeOptions) -> Self {
        Self {
            source: SourceText::compile(&table.database, Some(&table.table), options),
            head: Vec::new(),
            tail: Vec::new(),
            times: Vec::new(),
            processed: None,
        }
    }

    /// Whether there is an event.
    pub(super) fn has_begun(&self) -> bool {
        !self.head.is_empty()
    }

    pub(super) fn begin(&mut self, source: &SourceInfo<'_>) {
        self.head.clear();
        self.head.extend_from_slice(b",\"source\":");
        self.source.write_head(source, &mut self.head);
        self.tail.clear();
        self.source.write_tail(source, &mut self.tail);
        self.tail.extend_from_slice(b",\"transaction\":null,\"op\":\"");
    }

    /// The times are rendered anew only when they have moved: usually they are the same for all rows of an event.
    pub(super) fn process_at(&mut self, now: ProcessedAt) {
        if self.processed == Some(now) {
            return;
        }
        self.processed = Some(now);
        self.times.clear();
        for (name, divisor) in [
            ("\",\"ts_ms\":", 1_000_000),
            (",\"ts_us\":", 1000),
            (",\"ts_ns\":", 1),
        ] {
            self.times.extend_from_slice(name.as_bytes());
            integer(now.ns / divisor, &mut self.times);
        }
        self.times.push(b'}');
    }

    /// Appends everything behind the row.
    #[inline]
    pub(super) fn write(&self, operation: Operation, row: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        integer(row, out);
        out.extend_from_slice(&self.tail);
        out.push(operation_code(operation));
        out.extend_from_slice(&self.times);
    }
}

fn operation_code(operation: Operation) -> u8 {
    match operation {
        Operation::Create => b'c',
        Operation::Update => b'u',
        Operation::Delete => b'd',
        Operation::Read => b'r',
    }
}
