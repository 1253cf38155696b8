//! What the envelopes of one rows event have in common, rendered once.

use super::string;
use crate::encode::{EncodeOptions, ProcessedAt};
use crate::{Operation, SourceInfo, TableId};

/// The text of an envelope behind the row: `source` up to the row's number, what follows it up to the operation, and the
/// times of processing.
#[derive(Debug)]
pub(super) struct EventText {
    /// `,"source":{` up to the event's own parts.
    run: Box<[u8]>,
    /// `,"snapshot":"false","db":…`
    place: Box<[u8]>,
    /// `,"table":…,"server_id":`
    table: Box<[u8]>,
    include_query: bool,
    head: Vec<u8>,
    tail: Vec<u8>,
    times: Vec<u8>,
    processed: Option<ProcessedAt>,
}

impl EventText {
    pub(super) fn compile(table: &TableId, options: &EncodeOptions) -> Self {
        Self {
            run: run_part(options),
            place: place_part(table),
            table: table_part(table),
            include_query: options.include_query,
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
        let head = &mut self.head;
        head.clear();
        head.extend_from_slice(&self.run);
        integer(source.ts_us / 1000, head);
        head.extend_from_slice(&self.place);
        integer(source.ts_us, head);
        head.extend_from_slice(b",\"ts_ns\":");
        integer(u128::from(source.ts_us) * 1000, head);
        head.extend_from_slice(&self.table);
        integer(source.server_id, head);
        head.extend_from_slice(b",\"gtid\":");
        text_or_null(source.gtid, head);
        head.extend_from_slice(b",\"file\":");
        string::write(source.file, head);
        head.extend_from_slice(b",\"pos\":");
        integer(source.pos, head);
        head.extend_from_slice(b",\"row\":");
        self.end_of_source(source);
    }

    fn end_of_source(&mut self, source: &SourceInfo<'_>) {
        let tail = &mut self.tail;
        tail.clear();
        tail.extend_from_slice(b",\"thread\":");
        match source.thread {
            Some(thread) => integer(thread, tail),
            None => tail.extend_from_slice(b"null"),
        }
        tail.extend_from_slice(b",\"query\":");
        text_or_null(source.query.filter(|_| self.include_query), tail);
        tail.extend_from_slice(b"},\"transaction\":null,\"op\":\"");
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

fn run_part(options: &EncodeOptions) -> Box<[u8]> {
    let mut text = b",\"source\":{\"version\":".to_vec();
    string::write(&options.version, &mut text);
    text.extend_from_slice(b",\"connector\":");
    string::write(&options.connector_name, &mut text);
    text.extend_from_slice(b",\"name\":");
    string::write(&options.topic_prefix, &mut text);
    text.extend_from_slice(b",\"ts_ms\":");
    text.into_boxed_slice()
}

fn place_part(table: &TableId) -> Box<[u8]> {
    let mut text = b",\"snapshot\":\"false\",\"db\":".to_vec();
    string::write(&table.database, &mut text);
    text.extend_from_slice(b",\"sequence\":null,\"ts_us\":");
    text.into_boxed_slice()
}

fn table_part(table: &TableId) -> Box<[u8]> {
    let mut text = b",\"table\":".to_vec();
    string::write(&table.table, &mut text);
    text.extend_from_slice(b",\"server_id\":");
    text.into_boxed_slice()
}

fn operation_code(operation: Operation) -> u8 {
    match operation {
        Operation::Create => b'c',
        Operation::Update => b'u',
        Operation::Delete => b'd',
        Operation::Read => b'r',
    }
}

#[inline]
fn integer(n: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

fn text_or_null(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => string::write(text, out),
        None => out.extend_from_slice(b"null"),
    }
}
