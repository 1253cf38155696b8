//! Sessions one after another: connects both sides, resumes where the checkpoint says, runs the two threads, and takes
//! the stream up again after a failure that heals.

use std::sync::Arc;
use std::time::Duration;

use rowtide_event::{BinlogPosition, Flavour, Gtid, GtidSet};
use rowtide_kafka::{
    Checkpoint, InTransaction, KafkaOptions, PreparedXa, PreparedXaRows, Publisher, Reader, Topics,
};
use tokio::runtime::Runtime;
use tracing::{info, warn};

use crate::capture::Capture;
use crate::deliver::{Delivery, Server, Target};
use crate::error::{Error, ErrorKind};
use crate::history_log::HistoryLog;
use crate::ingest::{Ended, Ingest, Stop};
use crate::parcel::Pool;
use crate::pipeline::Settings;
use crate::progress::{InsideTransaction, Ledger, PreparedRows};
use crate::queue;
use crate::resume::{Recorded, Resume, resume};
use crate::schema::{Place, Recovered, recover};
use crate::source::{self, Known, LookAhead, Source};
use crate::stats::{Snapshot, Stats};
use crate::workers::Rounds;

/// Runs sessions until one ends well or fails for good.
pub(crate) fn run(settings: &Settings, stats: &Arc<Stats>, stop: &Stop) -> Result<(), Error> {
    let mut retry = Retry::default();
    let mut rounds = Rounds {
        workers: settings.capture.workers,
        by_table: Some(settings.gathered_bytes()?),
    };
    loop {
        let before = Delivered::of(stats);
        let mut session = Session {
            settings,
            stats,
            stop,
            look_ahead: retry.look_ahead(),
            rounds,
            reached: Reached::Connecting,
        };
        let ended = session.run();
        rounds = session.rounds;
        let error = match ended {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if Delivered::of(stats) != before {
            retry = Retry::default();
        }
        if is_to_be_found(&error) && rounds != Rounds::NONE && !stop.is_set() {
            info!(error = %error, "rows are decoded one by one from the last commit on, to hand over all that is before it");
            rounds = Rounds::NONE;
            continue;
        }
        let repeats = retry.started(session.reached.is_under_way(&error)) || error.is_damage();
        let healing = repeats && error.is_retriable() && !retry.is_exhausted(&error);
        if !healing || stop.is_set() {
            return Err(error);
        }
        let pause = retry.pause();
        warn!(error = %error, retry_in_s = pause.as_secs(), "the stream was interrupted and is taken up again");
        stats.restarted();
        if wait(stop, pause)? {
            return Ok(());
        }
    }
}

/// Whether a row stops the stream that was not decoded as it came, so that what stands before it was not handed over.
fn is_to_be_found(error: &Error) -> bool {
    matches!(error, Error::LaidAside(cause) if cause.kind() == ErrorKind::Stream && !cause.is_retriable())
}

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// Whether both sides can be reached and are fit is not known.
    Connecting,
    /// They are: the source is asked for tables, and looked through for statements.
    Preparing,
    /// The stream has begun.
    Streaming,
}

impl Reached {
    /// Whether what was under way has broken, so that it is not more likely wrong. What is looked for may need a connection
    /// more than the account is allowed.
    fn is_under_way(self, error: &Error) -> bool {
        match self {
            Self::Connecting => false,
            Self::Preparing => !error.is_limit(),
            Self::Streaming => true,
        }
    }
}

/// How far the stream has come. A session may commit where it began and no change: a server tells of the place behind the
/// transactions that it passes over. That is no progress.
#[derive(Debug, PartialEq, Eq)]
struct Delivered {
    changes: u64,
    position: Option<BinlogPosition>,
}

impl Delivered {
    fn of(stats: &Stats) -> Self {
        let Snapshot {
            changes, position, ..
        } = stats.snapshot();
        Self { changes, position }
    }
}

/// How often and how long was tried without progress.
#[derive(Debug, Default)]
struct Retry {
    attempts: u32,
    ever_started: bool,
}

const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What is damaged so often is damaged in the file, and what the server has not told so often it does not tell.
const ATTEMPTS: u32 = 3;

impl Retry {
    /// Whether a session has ever been under way: what fails before that at the first attempt is more likely wrong than broken.
    fn started(&mut self, started: bool) -> bool {
        self.ever_started |= started || self.attempts > 0;
        self.ever_started
    }

    /// What was not known at the first attempt may be known after a look at all that is to come.
    fn look_ahead(&self) -> LookAhead {
        match self.attempts {
            0 => LookAhead::IfNeeded,
            _ => LookAhead::Always,
        }
    }

    fn is_exhausted(&self, error: &Error) -> bool {
        let is_limited = error.is_damage() || matches!(error, Error::ShapeStale { .. });
        is_limited && self.attempts >= ATTEMPTS
    }

    /// The next pause: 0, 1, 2, 4 and so on up to 30 seconds.
    fn pause(&mut self) -> Duration {
        let pause = match self.attempts {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 1).min(5)).min(LONGEST_PAUSE),
        };
        self.attempts += 1;
        pause
    }
}

/// Waits for `pause`; true if it was told to stop meanwhile.
fn wait(stop: &Stop, pause: Duration) -> Result<bool, Error> {
    let runtime = runtime()?;
    Ok(runtime.block_on(async { tokio::time::timeout(pause, stop.wait()).await.is_ok() }) || stop.is_set())
}

pub(crate) fn runtime() -> Result<Runtime, Error> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

struct Session<'a> {
    settings: &'a Settings,
    stats: &'a Arc<Stats>,
    stop: &'a Stop,
    look_ahead: LookAhead,
    rounds: Rounds,
    reached: Reached,
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let runtime = runtime()?;
        let Some(mut source) = until_stop(&runtime, self.stop, source::open(&self.settings.capture))? else {
            return Ok(());
        };
        let reader = Reader::open(&self.settings.kafka)?;
        let (target, recorded) = open_kafka(self.settings, source.flavour(), &reader)?;
        if recorded.is_none() {
            source.check_literal_tables(&self.settings.capture.tables)?;
        } else if until_stop(&runtime, self.stop, source.look_again(&self.settings.capture))?.is_none() {
            return Ok(());
        }
        let filter = self.settings.capture.tables.fingerprint();
        let resume = resume(recorded.as_ref(), &self.settings.start, &filter, &source.state)?;
        let range = recorded.as_ref().and_then(|recorded| recorded.history.as_ref());
        let here = Place::of_resume(&resume);
        let known = recover(&reader, range, &here, source.version(), source.name_case())?;
        drop(reader);
        self.stream(runtime, source, target, &resume, known)
    }

    fn stream(
        &mut self,
        runtime: Runtime,
        source: Source,
        target: Target,
        resume: &Resume,
        known: Recovered,
    ) -> Result<(), Error> {
        let history = HistoryLog::of(&known);
        let pool = Pool::default();
        let (sender, receiver) = queue::bounded(self.settings.queue_bytes);
        let server = Server {
            flavour: source.flavour(),
            uuid: Some(source.state.server_uuid.clone()),
        };
        let known = Known::FromHistory(known);
        self.reached = Reached::Preparing;
        let dump = source.dump(&self.settings.capture, resume, known, self.look_ahead);
        let Some(opened) = until_stop(&runtime, self.stop, dump)? else {
            return Ok(());
        };
        let capture = Capture::new(
            opened.catalog,
            resume,
            self.settings.capture.xa_held_bytes,
            self.rounds,
            sender,
            pool.clone(),
            Arc::clone(self.stats),
        );
        let ingest = Ingest {
            replica: opened.replica,
            decoder: opened.decoder,
            capture,
            stop: self.stop.clone(),
            source: self.settings.capture.source.clone(),
            until_idle: self.settings.capture.until_idle,
        };
        info!(position = %resume.position, gtids = resume.gtids.as_ref().map(ToString::to_string), "streaming from {}", resume.position);
        self.reached = Reached::Streaming;
        let reader = std::thread::Builder::new()
            .name("rowtide-read".into())
            .spawn(move || runtime.block_on(ingest.run()))?;
        let mut delivery = Delivery::new(
            target,
            self.settings,
            self.stats,
            pool,
            Ledger::at(resume),
            history,
            server,
        );
        let delivered = delivery.run(&receiver);
        if delivered.is_err() && delivery.is_long_in_a_round() {
            self.rounds = self.rounds.smaller();
        }
        drop(receiver);
        let read = reader
            .join()
            .map_err(|_| Error::Fault("the reading thread has panicked"))?;
        first_error(delivered, read)
    }
}

/// Connects to Kafka, which fences an older instance, and reads what that had committed.
fn open_kafka(
    settings: &Settings,
    flavour: Flavour,
    reader: &Reader<'_>,
) -> Result<(Target, Option<Recorded>), Error> {
    let kafka = &KafkaOptions {
        context_headers: settings.context_headers(flavour),
        ..settings.kafka.clone()
    };
    let mut topics = Topics::connect(kafka, settings.topics.create)?;
    topics.ensure_own_topics(settings.topics.replication_factor)?;
    if let Some((topic, spec)) = settings.schema_change_topic() {
        topics.ensure_topic(topic, &spec)?;
    }
    let publisher = Publisher::connect(kafka)?;
    let recorded = reader.checkpoint()?.map(|c| recorded(&c)).transpose()?;
    Ok((Target { publisher, topics }, recorded))
}

/// Connects to Kafka without fencing anybody: topics are looked at, and nothing is created or written.
pub(crate) fn check_kafka(settings: &Settings) -> Result<(), Error> {
    let topics = Topics::connect(&settings.kafka, settings.topics.create)?;
    topics.check_own_topics(settings.topics.replication_factor)?;
    if let Some((topic, spec)) = settings.schema_change_topic() {
        topics.check_topic(topic, &spec)?;
    }
    Ok(())
}

/// Kafka's error tells more than that of the reader it interrupted.
fn first_error(delivered: Result<(), Error>, read: Result<Ended, Error>) -> Result<(), Error> {
    delivered?;
    let ended = read?;
    info!(?ended, "the stream has ended");
    Ok(())
}

/// The future's result, or nothing if it was told to stop first.
fn until_stop<T>(
    runtime: &Runtime,
    stop: &Stop,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<Option<T>, Error> {
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = stop.wait() => Ok(None),
            done = work => done.map(Some),
        }
    })
}

/// A checkpoint as the decision about resuming wants it.
pub(crate) fn recorded(checkpoint: &Checkpoint) -> Result<Recorded, Error> {
    let parse_gtids = |text: &str| parse_gtids(checkpoint.flavour, text);
    let gtids = checkpoint.gtid_set.as_deref().map(parse_gtids).transpose()?;
    let inside = checkpoint.in_transaction.as_ref().map(inside).transpose()?;
    Ok(Recorded {
        server_uuid: checkpoint.server_uuid.clone().unwrap_or_default(),
        ledger: Ledger {
            gtids,
            prepared: checkpoint
                .prepared_xa
                .iter()
                .map(prepared)
                .collect::<Result<_, _>>()?,
            position: BinlogPosition::new(&checkpoint.file, checkpoint.pos),
            inside,
            source_ts_us: checkpoint.source_ts_ms.unwrap_or(0).saturating_mul(1_000),
        },
        filter: checkpoint.in_transaction.as_ref().map(|t| t.filter.clone()),
        history: checkpoint.history.clone(),
    })
}

fn parse_gtids(flavour: Flavour, text: &str) -> Result<GtidSet, Error> {
    GtidSet::parse(flavour, text).map_err(|e| Error::Checkpoint(format!("its gtid_set cannot be read: {e}")))
}

fn prepared(prepared: &PreparedXa) -> Result<(String, Option<PreparedRows>), Error> {
    let rows = |rows: &PreparedXaRows| {
        Ok::<_, Error>(PreparedRows {
            gtid: rows.gtid.as_deref().map(parse_gtid).transpose()?,
            position: BinlogPosition::new(&rows.file, rows.pos),
        })
    };
    Ok((
        prepared.xid.clone(),
        prepared.rows.as_ref().map(rows).transpose()?,
    ))
}

fn parse_gtid(text: &str) -> Result<Gtid, Error> {
    text.parse()
        .map_err(|e| Error::Checkpoint(format!("the GTID of its transaction cannot be read: {e}")))
}

fn inside(inside: &InTransaction) -> Result<InsideTransaction, Error> {
    Ok(InsideTransaction {
        gtid: inside.gtid.as_deref().map(parse_gtid).transpose()?,
        rows: inside.rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Committed;
    use rowtide_binlog::client::{ClientError, ServerError};

    #[test]
    fn pauses_grow_to_their_limit() {
        let mut retry = Retry::default();
        let pauses: Vec<u64> = (0..8).map(|_| retry.pause().as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn a_commit_where_the_stream_was_is_no_progress() {
        let stats = Stats::default();
        let commit = |changes, pos| {
            let done = Committed {
                changes,
                ..Committed::default()
            };
            stats.committed(&done, &BinlogPosition::new("b.1", pos), 0);
            Delivered::of(&stats)
        };
        let before = commit(2, 9);
        assert_eq!(commit(0, 9), before);
        assert_ne!(commit(0, 10), before);
        let before = Delivered::of(&stats);
        assert_ne!(commit(1, 10), before, "the first rows of a transaction");
    }

    #[test]
    fn a_look_ahead_that_breaks_was_under_way() {
        let broken = Error::Client(ClientError::Closed);
        let limit = Error::Client(ClientError::Server(ServerError {
            code: 1226,
            sqlstate: "42000".into(),
            message: "max_user_connections".into(),
        }));
        let is_under_way = |error| {
            [Reached::Connecting, Reached::Preparing, Reached::Streaming]
                .map(|reached| reached.is_under_way(error))
        };
        assert_eq!(is_under_way(&broken), [false, true, true]);
        assert_eq!(is_under_way(&limit), [false, false, true]);
    }

    #[test]
    fn a_first_attempt_that_never_started_is_not_repeated() {
        let mut retry = Retry::default();
        assert!(!retry.started(false));
        assert!(retry.started(true));
        assert!(
            retry.started(false),
            "once under way, a failing connection is tried again"
        );
    }
}
