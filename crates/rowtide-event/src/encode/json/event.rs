//! What the envelopes of one rows event have in common, rendered once.

use std::sync::Arc;

use super::source::{SourceText, integer, moment};
use crate::encode::{Origin, ProcessedAt, TopicIndex};
use crate::{Operation, SourceInfo};

/// The text of an envelope behind the row: `source` up to the row's number, what follows it up to the operation, and the
/// times of processing.
///
/// One is enough for all tables, whose events come one after the other: its memory stays in the processor's caches, as that
/// of thousands of tables does not.
#[derive(Debug, Clone)]
pub struct EventText {
    head: Vec<u8>,
    tail: Vec<u8>,
    times: Vec<u8>,
    processed: ProcessedAt,
    origin: Origin,
    /// Room for a value on its way.
    pub(super) scratch: Vec<u8>,
}

impl Default for EventText {
    fn default() -> Self {
        let mut text = Self {
            head: Vec::new(),
            tail: Vec::new(),
            times: Vec::new(),
            processed: ProcessedAt { ns: 0 },
            origin: Origin {
                file: Arc::default(),
                pos: 0,
                topic: TopicIndex(0),
            },
            scratch: Vec::new(),
        };
        text.write_times();
        text
    }
}

impl EventText {
    /// Whether the event that has begun is of the table with this topic.
    #[inline]
    pub(super) fn is_of(&self, topic: TopicIndex) -> bool {
        !self.head.is_empty() && self.origin.topic == topic
    }

    /// The event that has begun.
    #[inline]
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn begin(
        &mut self,
        topic: TopicIndex,
        table: &SourceText,
        source: &SourceInfo<'_>,
        now: ProcessedAt,
    ) {
        self.head.clear();
        self.head.extend_from_slice(b",\"source\":");
        table.write_head(source, &mut self.head);
        self.tail.clear();
        table.write_tail(source, &mut self.tail);
        self.tail.extend_from_slice(b",\"transaction\":null,\"op\":\"");
        if self.processed != now {
            self.processed = now;
            self.write_times();
        }
        (self.origin.pos, self.origin.topic) = (source.pos, topic);
        if *self.origin.file != *source.file {
            self.origin.file = source.file.into();
        }
    }

    fn write_times(&mut self) {
        let mut digits = itoa::Buffer::new();
        let ns = digits.format(self.processed.ns);
        self.times.clear();
        for (name, smaller) in [("\",\"ts_ms\":", 6), (",\"ts_us\":", 3), (",\"ts_ns\":", 0)] {
            self.times.extend_from_slice(name.as_bytes());
            self.times.extend_from_slice(moment(ns, smaller));
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
