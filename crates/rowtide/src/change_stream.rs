//! The changes themselves, without Kafka and without state: for `rowtide tail`, and for programs that bring their own
//! destination.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use rowtide_binlog::client::SourceOptions;
use rowtide_event::encode::{AbsentColumns, RecordBatch, Span};

use crate::capture::Capture;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::ingest::{Ended, Ingest, Stop};
use crate::parcel::{Parcel, Pool};
use crate::pipeline::CaptureSettings;
use crate::progress::Ledger;
use crate::queue::{self, Received, Receiver};
use crate::resume::resume;
use crate::source::{self, Known, LookAhead};
use crate::start::StartFrom;
use crate::supervise::runtime;
use crate::workers::Rounds;

/// A change as a record: what would be written to Kafka, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEvent {
    /// The topic: `prefix.database.table`. Tables have it together whose names differ only in characters that Kafka does not
    /// allow; the envelope's `source` tells them apart.
    pub topic: Arc<str>,
    /// The key as JSON; none for a table without a key.
    pub key: Option<Bytes>,
    /// The envelope as JSON.
    pub value: Bytes,
}

/// Changes of one server, one after another. Nothing is written down: whoever needs to go on later keeps
/// [`ChangeStream::ledger`].
pub struct ChangeStream {
    parcels: Arc<Receiver<Parcel>>,
    ready: VecDeque<ChangeEvent>,
    topics: Vec<Arc<str>>,
    ledger: Ledger,
    stop: Stop,
    reader: Option<JoinHandle<Result<Ended, Error>>>,
}

/// Sets what a [`ChangeStream`] gives.
#[derive(Debug, Clone)]
pub struct Builder {
    settings: CaptureSettings,
    start: StartFrom,
}

/// Bytes that may wait for the reader of the stream.
const QUEUE_BYTES: usize = 4 << 20;
/// How often a waiting stream looks whether it was dropped.
const LOOK_AROUND: Duration = Duration::from_millis(500);

impl ChangeStream {
    /// A stream from `source`, joining it under `server_id`; `topic_prefix` is the source's name in the events.
    pub fn builder(source: SourceOptions, server_id: u32, topic_prefix: impl Into<String>) -> Builder {
        let mut settings = CaptureSettings::new(source, server_id, topic_prefix.into());
        settings.tombstones_on_delete = false;
        settings.include_schema_changes = false;
        Builder {
            settings,
            start: StartFrom::default(),
        }
    }

    /// The next change; none when the stream has ended because the source was idle for as long as was asked for.
    ///
    /// Cancel-safe: a change is lost only if it was returned.
    ///
    /// # Errors
    /// What stopped the stream. A lost connection is not mended here.
    pub async fn next(&mut self) -> Result<Option<ChangeEvent>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let parcels = Arc::clone(&self.parcels);
            let received = tokio::task::spawn_blocking(move || parcels.receive(LOOK_AROUND)).await;
            match received.map_err(|_| Error::Fault("the reading thread's queue has panicked"))? {
                Received::Item(parcel) => self.unpack(parcel),
                Received::Timeout => {}
                Received::Closed => return self.ended().map(|()| None),
            }
        }
    }

    /// Whether another change can be had without waiting.
    pub fn has_more(&mut self) -> bool {
        // What waits may hold no change, only progress.
        while self.ready.is_empty() {
            match self.parcels.receive(Duration::ZERO) {
                Received::Item(parcel) => self.unpack(parcel),
                Received::Timeout | Received::Closed => return false,
            }
        }
        true
    }

    /// Where to go on after all changes that were fetched from the source so far; that is exact when
    /// [`has_more`](Self::has_more) is false.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn unpack(&mut self, parcel: Parcel) {
        self.topics
            .extend(parcel.new_topics.into_iter().map(|new| new.topic));
        if let Some(progress) = parcel.progress {
            self.ledger.advance(progress);
        }
        let RecordBatch { bytes, records, .. } = parcel.batch;
        let bytes = Bytes::from(bytes);
        for record in records {
            let topic = usize::try_from(record.topic.0)
                .ok()
                .and_then(|i| self.topics.get(i));
            if let (Some(topic), Some(value)) = (topic, record.value.and_then(|v| slice(&bytes, v))) {
                let key = record.key.and_then(|k| slice(&bytes, k));
                self.ready.push_back(ChangeEvent {
                    topic: Arc::clone(topic),
                    key,
                    value,
                });
            }
        }
    }

    fn ended(&mut self) -> Result<(), Error> {
        match self.reader.take() {
            None => Ok(()),
            Some(reader) => {
                reader
                    .join()
                    .map_err(|_| Error::Fault("the reading thread has panicked"))??;
                Ok(())
            }
        }
    }
}

fn slice(bytes: &Bytes, span: Span) -> Option<Bytes> {
    (span.start <= span.end && span.end <= bytes.len()).then(|| bytes.slice(span))
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        self.stop.set();
    }
}

impl Builder {
    /// Which tables are captured; all of them by default.
    pub fn tables(mut self, tables: TableFilter) -> Self {
        self.settings.tables = tables;
        self
    }

    /// Where to start; by default with the next transaction.
    pub fn start(mut self, start: StartFrom) -> Self {
        self.start = start;
        self
    }

    /// What becomes of columns that the source's row images leave out; a row that is not known in full ends the stream by
    /// default.
    pub fn absent_columns(mut self, absent: AbsentColumns) -> Self {
        self.settings.absent_columns = absent;
        self
    }

    /// Ends the stream when the source has had nothing new for so long.
    pub fn until_idle(mut self, idle: Option<Duration>) -> Self {
        self.settings.until_idle = idle;
        self
    }

    /// How often the server sends a sign of life.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.settings.heartbeat = interval;
        self
    }

    /// How many bytes of records of XA transactions may be held between XA PREPARE and the decision; 256 MiB by default. An
    /// eighth of it is for a transaction that may be rolled back to a savepoint.
    pub fn xa_held_bytes(mut self, bytes: usize) -> Self {
        self.settings.xa_held_bytes = bytes;
        self
    }

    /// How many threads decode rows and encode their records in a backlog; 1 by default.
    pub fn workers(mut self, workers: NonZeroUsize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// Checks what was set, without connecting anywhere.
    ///
    /// # Errors
    /// [`Error::Config`] names what cannot be used.
    pub fn check(&self) -> Result<(), Error> {
        self.settings.check()
    }

    /// Connects, and starts reading.
    ///
    /// # Errors
    /// If the source cannot be reached, is not set up for capture, or cannot be read from where it was asked.
    pub async fn connect(self) -> Result<ChangeStream, Error> {
        self.check()?;
        let opened = tokio::task::spawn_blocking(move || open(&self)).await;
        opened.map_err(|_| Error::Fault("the connecting thread has panicked"))?
    }
}

/// The connection lives on a runtime of its own, which moves to the reading thread.
fn open(builder: &Builder) -> Result<ChangeStream, Error> {
    let runtime = runtime()?;
    let settings = &builder.settings;
    let source = runtime.block_on(source::open(settings))?;
    source.check_literal_tables(&settings.tables)?;
    let resume = resume(
        None,
        &builder.start,
        &settings.tables.fingerprint(),
        &source.state,
    )?;
    let dump = runtime.block_on(source.dump(settings, &resume, Known::Nothing, LookAhead::Always))?;
    let (sender, receiver) = queue::bounded(QUEUE_BYTES);
    let stop = Stop::default();
    let ingest = Ingest {
        replica: dump.replica,
        decoder: dump.decoder,
        capture: Capture::new(
            dump.catalog,
            &resume,
            settings.xa_held_bytes,
            Rounds {
                workers: settings.workers,
                by_table: None,
            },
            sender,
            Pool::default(),
            Arc::default(),
        ),
        stop: stop.clone(),
        source: settings.source.clone(),
        until_idle: settings.until_idle,
    };
    let reader = std::thread::Builder::new()
        .name("rowtide-read".into())
        .spawn(move || runtime.block_on(ingest.run()))?;
    Ok(ChangeStream {
        parcels: Arc::new(receiver),
        ready: VecDeque::new(),
        topics: Vec::new(),
        ledger: Ledger::at(&resume),
        stop,
        reader: Some(reader),
    })
}
