//! What is done with the events: the same steps as the engine's, one by one.

use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use rowtide_binlog::decoder::{
    CapturedTable, DecodeError, Decoder, DecoderOptions, EventContext, Handler, Rows, TableRows,
};
use rowtide_binlog::event::TableMap;
use rowtide_binlog::row::RowPlan;
use rowtide_binlog::schema::metadata;
use rowtide_event::encode::{
    EncodeError, EncodeOptions, EventText, ProcessedAt, RecordBatch, TableEncoder, TopicIndex,
};
use rowtide_event::{BinlogPosition, Malformed, RowChange, SourceInfo};

/// How far the events are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Depth {
    /// Packets are cut and thrown away.
    Packets,
    /// Checksums, positions and transactions; the rows belong to tables that nobody wants.
    Events,
    /// Every value of every row in its final typed form.
    Values,
    /// Keys and values as JSON.
    Json,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Events.
    pub events: u64,
    /// Rows events.
    pub rows_events: u64,
    /// Row changes.
    pub rows: u64,
    /// Values in their row images.
    pub values: u64,
    /// Bytes of keys and values of records.
    pub record_bytes: u64,
}

/// Why a recording cannot be taken so far.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// An event.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A table map.
    #[error("a table map is not understood: {0}")]
    Table(#[from] Malformed),
    /// A row.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A fault of the measurement.
    #[error("rows of a table without an encoder")]
    NoEncoder,
}

/// A decoder and what it feeds.
pub struct Chain {
    depth: Depth,
    decoder: Decoder,
    sink: Sink,
}

impl Chain {
    /// A chain for a stream that begins with the file's first event.
    pub fn new(depth: Depth, file: &str) -> Chain {
        Chain {
            depth,
            decoder: Decoder::new(DecoderOptions::default(), BinlogPosition::new(file, 4)),
            sink: Sink::new(depth),
        }
    }

    /// Takes one event as far as it is to go.
    pub fn feed(&mut self, event: &[u8]) -> Result<(), SinkError> {
        self.sink.seen.events += 1;
        if self.depth == Depth::Packets {
            black_box(event);
            return Ok(());
        }
        self.decoder.feed(event, &mut self.sink)
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        let waiting = self.sink.batch.bytes.len() as u64;
        Seen {
            record_bytes: self.sink.seen.record_bytes + waiting,
            ..self.sink.seen
        }
    }

    /// Calls `around` in place of the work on every row but the first of each event, with that work: for a count of
    /// what it does.
    pub fn watch_rows(&mut self, around: fn(&mut dyn FnMut())) {
        self.sink.around = Some(around);
    }
}

struct Sink {
    depth: Depth,
    encoders: Vec<TableEncoder>,
    event: EventText,
    batch: RecordBatch,
    options: EncodeOptions,
    seen: Seen,
    around: Option<fn(&mut dyn FnMut())>,
}

/// As much as the engine gathers before it hands records over.
const BATCH_BYTES: usize = 256 << 10;

impl Sink {
    fn new(depth: Depth) -> Sink {
        let mut batch = RecordBatch::default();
        // What the engine's batches have after the first few of them.
        batch.bytes.reserve(2 * BATCH_BYTES);
        batch.records.reserve(2 * BATCH_BYTES / 64);
        Sink {
            depth,
            encoders: Vec::new(),
            event: EventText::default(),
            batch,
            options: EncodeOptions {
                topic_prefix: "bench".to_owned(),
                ..EncodeOptions::default()
            },
            seen: Seen::default(),
            around: None,
        }
    }

    fn watched_row(
        &mut self,
        around: fn(&mut dyn FnMut()),
        rows: &mut Rows<'_>,
        index: u32,
    ) -> Result<bool, SinkError> {
        let mut more = Ok(false);
        around(&mut || more = self.row(rows, index));
        more
    }

    #[inline]
    fn row(&mut self, rows: &mut Rows<'_>, index: u32) -> Result<bool, SinkError> {
        let (tag, width) = (rows.tag, rows.plan().width() as u64);
        let Some(change) = rows.next()? else {
            return Ok(false);
        };
        self.seen.rows += 1;
        self.seen.values += width
            * if matches!(change, RowChange::Update { .. }) {
                2
            } else {
                1
            };
        if self.depth == Depth::Values {
            black_box(&change);
            return Ok(true);
        }
        let encoder = self.encoders.get(tag).ok_or(SinkError::NoEncoder)?;
        encoder.encode(&change, index, &mut self.event, &mut self.batch)?;
        Ok(true)
    }

    fn hand_over(&mut self) {
        if self.batch.bytes.len() >= BATCH_BYTES {
            self.seen.record_bytes += self.batch.bytes.len() as u64;
            black_box(&self.batch);
            self.batch.clear();
        }
    }
}

impl Handler for Sink {
    type Error = SinkError;

    fn table(&mut self, map: &TableMap<'_>, _: &[u8]) -> Result<TableRows, SinkError> {
        if self.depth == Depth::Events {
            return Ok(TableRows::Unwanted);
        }
        let table = metadata::table(map)?;
        let plan = RowPlan::compile(map, &table).map_err(|_| Malformed::Invalid("shape of a table"))?;
        let tag = self.encoders.len();
        let encoder = TableEncoder::compile(&table, TopicIndex(0), &self.options);
        self.encoders.push(encoder);
        Ok(TableRows::Wanted(CapturedTable::new(tag, plan)))
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), SinkError> {
        self.seen.rows_events += 1;
        if self.depth == Depth::Json {
            let encoder = self.encoders.get(rows.tag).ok_or(SinkError::NoEncoder)?;
            encoder.begin_event(&source_info(rows.context()), processed_at(), &mut self.event);
        }
        let mut index = 0;
        loop {
            let more = match self.around.filter(|_| index > 0) {
                Some(around) => self.watched_row(around, rows, index)?,
                None => self.row(rows, index)?,
            };
            if !more {
                return Ok(());
            }
            self.hand_over();
            index += 1;
        }
    }
}

fn source_info<'a>(context: &EventContext<'a>) -> SourceInfo<'a> {
    SourceInfo {
        ts_us: context.commit.map_or(0, |commit| commit.original_us),
        server_id: context.server_id,
        gtid: context.gtid,
        file: context.file,
        pos: context.pos,
        thread: context.thread,
        query: None,
    }
}

fn processed_at() -> ProcessedAt {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ProcessedAt {
        ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
    }
}
