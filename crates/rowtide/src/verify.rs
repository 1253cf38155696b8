//! Compares what Rowtide knows of tables with what the server says of them.
//!
//! The schema at the checkpoint is followed through the statements that came since, up to the end of the server's binlog,
//! and compared with SHOW CREATE TABLE there. Tables that a statement touches meanwhile are looked at again: each table
//! needs a quiet moment, the server does not.

mod lines;

use std::collections::{BTreeSet, HashMap};

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::schema::definitions::Definition;
use rowtide_binlog::schema::tracked::{Affected, Change, Outcome, SchemaTracker, Tracked};
use rowtide_event::{BinlogPosition, TableId};
use rowtide_kafka::{KafkaOptions, Reader};

use crate::backlog;
use crate::checkpoint::Store;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::history::HistoryWriter;
use crate::pipeline::CaptureSettings;
use crate::resume::{Resume, resume};
use crate::schema::{Names, Place, definitions_of, end_of_binlog, recover};
use crate::source::{self, Source, replica_options};
use crate::start::StartFrom;
use crate::supervise::recorded;

pub use lines::lines;

/// What is compared with what.
#[derive(Debug)]
pub struct Verification {
    capture: CaptureSettings,
    kafka: KafkaOptions,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Where the server's binlog ended.
    pub place: BinlogPosition,
    /// How many tables are the same on both sides.
    pub agreeing: usize,
    /// The others, in the order of their names.
    pub findings: Vec<(TableId, Finding)>,
}

/// What is wrong with a table. Names are folded as the server compares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Both sides know it, and not as the same.
    Differs {
        /// What is known of it, in [`lines`].
        known: Vec<String>,
        /// What the server says.
        server: Vec<String>,
    },
    /// Rowtide knows it, and the server does not have it, or does not show it to the account.
    NotOnServer,
    /// The server has it, and Rowtide does not know it.
    NotKnown,
    /// A statement that could not be read may have changed it.
    Unclear,
    /// It could not be compared.
    NotCompared {
        /// Why not.
        why: String,
    },
}

impl Verification {
    /// A comparison of the captured tables of `source` with what the source that `kafka` names has on record. It joins the
    /// source under a server id that no other replica has: not that of a run.
    ///
    /// # Errors
    /// [`Error::Config`] names a setting that cannot be used.
    pub fn new(
        source: SourceOptions,
        server_id: u32,
        tables: TableFilter,
        kafka: KafkaOptions,
    ) -> Result<Self, Error> {
        let mut capture = CaptureSettings::new(source, server_id, kafka.source_name.clone());
        capture.tables = tables;
        capture.check()?;
        Ok(Self { capture, kafka })
    }

    /// Compares.
    ///
    /// # Errors
    /// If one of both sides cannot be read, or nothing is on record.
    pub async fn run(self) -> Result<Comparison, Error> {
        let (checkpoint, kafka) = blocking(self.kafka, |kafka| Store::new(kafka.clone()).read()).await?;
        let mut recorded = recorded(&checkpoint)?;
        // Rows are not counted here.
        recorded.ledger.inside = None;
        let source = source::open(&self.capture).await?;
        let resume = resume(Some(&recorded), &StartFrom::Now, "", &source.state)?;
        let (here, server, name_case) = (Place::of_resume(&resume), source.version(), source.name_case());
        let range = recorded.history;
        let read = move |kafka: &KafkaOptions| {
            recover(&Reader::open(kafka)?, range.as_ref(), &here, server, name_case)
        };
        let (known, _) = blocking(kafka, read).await?;
        if known.range.is_none() {
            return Err(Error::SchemaNotKnown(
                "no schema history belongs to the checkpoint; the next start asks the server for all tables"
                    .to_owned(),
            ));
        }
        let mut walk = Walk::new(&self.capture, source, known.tracker);
        walk.run(resume).await?;
        Ok(walk.comparison())
    }
}

/// Kafka's client blocks.
async fn blocking<T: Send + 'static>(
    kafka: KafkaOptions,
    work: impl FnOnce(&KafkaOptions) -> Result<T, Error> + Send + 'static,
) -> Result<(T, KafkaOptions), Error> {
    let done = tokio::task::spawn_blocking(move || work(&kafka).map(|done| (done, kafka))).await;
    done.map_err(|_| Error::Fault("the thread that reads the schema history has panicked"))?
}

/// How often tables are looked at that statements change all the time.
const LOOKS: u32 = 10;

/// The way to the end of the binlog, with looks at the server's tables.
struct Walk<'a> {
    settings: &'a CaptureSettings,
    source: Source,
    history: HistoryWriter,
    tracker: SchemaTracker,
    /// What the server said, unless a statement came after it.
    answers: HashMap<TableId, Option<Result<Definition, String>>>,
    place: BinlogPosition,
}

/// What statements have touched.
#[derive(Default)]
struct Stale {
    tables: BTreeSet<TableId>,
    all: bool,
}

impl<'a> Walk<'a> {
    fn new(settings: &'a CaptureSettings, source: Source, tracker: SchemaTracker) -> Self {
        Self {
            history: HistoryWriter::new(
                &settings.topic_prefix,
                source.version(),
                source.name_case(),
                settings.comments,
            )
            .with_utf8_is_utf8mb4(source.utf8_is_utf8mb4()),
            place: source.state.end.clone(),
            settings,
            source,
            tracker,
            answers: HashMap::new(),
        }
    }

    /// Goes on until no statement has touched a table since the server was asked for it.
    async fn run(&mut self, mut resume: Resume) -> Result<(), Error> {
        for _ in 0..LOOKS {
            self.catch_up(&resume).await?;
            let open = self.open().await?;
            if open.is_empty() {
                return Ok(());
            }
            let (client, info) = (&mut self.source.client, &self.source.info);
            let answers = definitions_of(client, &self.settings.source, info, &open).await?;
            let mut answers: HashMap<_, _> = answers.into_iter().map(|(id, told)| (id, Some(told))).collect();
            let missing = open.into_iter().map(|id| (id, None));
            missing.for_each(|(id, none)| {
                answers.entry(id).or_insert(none);
            });
            self.answers.extend(answers);
            resume = Resume::at(self.place.clone());
        }
        self.catch_up(&resume).await
    }

    /// Follows the statements up to the end of the binlog, and forgets answers that came before one of them.
    async fn catch_up(&mut self, resume: &Resume) -> Result<(), Error> {
        let end = end_of_binlog(&mut self.source.client).await?;
        let stale = self.follow(resume, &end).await?;
        self.answers.retain(|id, _| !stale.holds(id));
        self.place = end;
        Ok(())
    }

    /// Follows the statements up to `end`; what they touch.
    async fn follow(&mut self, resume: &Resume, end: &BinlogPosition) -> Result<Stale, Error> {
        let client = Client::connect(&self.settings.source).await?;
        let options = replica_options(self.settings);
        let (history, tracker) = (&self.history, &mut self.tracker);
        let mut stale = Stale::default();
        backlog::each_statement(client, options, resume, end, |statement| {
            let outcome = history.read(statement).apply(tracker);
            stale.add(&outcome);
            Ok(())
        })
        .await?;
        Ok(stale)
    }

    /// The captured tables, on either side, without an answer.
    async fn open(&mut self) -> Result<Vec<TableId>, Error> {
        let name_case = self.source.name_case();
        let there = Names::ask(&mut self.source.client, &self.settings.tables).await?;
        let there = there.captured.iter().map(|id| name_case.folded_table(id));
        let all: BTreeSet<TableId> = there.chain(self.captured()).collect();
        Ok(all
            .into_iter()
            .filter(|id| !self.answers.contains_key(id))
            .collect())
    }

    /// The captured tables that are known, or were.
    fn captured(&self) -> impl Iterator<Item = TableId> {
        let known = self.tracker.tables().map(|table| table.id.clone());
        known
            .chain(self.tracker.unclear())
            .filter(|id| self.settings.tables.captures(id))
    }

    fn comparison(&self) -> Comparison {
        let all: BTreeSet<TableId> = self.captured().chain(self.answers.keys().cloned()).collect();
        let mut comparison = Comparison {
            place: self.place.clone(),
            agreeing: 0,
            findings: Vec::new(),
        };
        for id in all {
            match self.finding(&id) {
                Some(finding) => comparison.findings.push((id, finding)),
                None if self.answers.get(&id) == Some(&None) => {}
                None => comparison.agreeing += 1,
            }
        }
        comparison
    }

    /// What is wrong with a table.
    fn finding(&self, id: &TableId) -> Option<Finding> {
        match (self.tracker.table(id), self.answers.get(id)) {
            (Tracked::Absent, Some(None)) => None,
            (_, None) => Some(Finding::NotCompared {
                why: "statements change it all the time".to_owned(),
            }),
            (Tracked::Unclear, _) => Some(Finding::Unclear),
            (Tracked::Known(_), Some(None)) => Some(Finding::NotOnServer),
            (Tracked::Absent, Some(Some(Ok(told)))) if told.labels_are_doubtful => Some(Finding::NotCompared {
                why: "it is not known until the next row that is logged with binlog_row_metadata=FULL. A label of an ENUM \
                      or SET has a question mark, which the server also shows in place of characters such as emoji"
                    .to_owned(),
            }),
            (Tracked::Absent, Some(Some(_))) => Some(Finding::NotKnown),
            (Tracked::Known(_), Some(Some(Err(why)))) => Some(Finding::NotCompared { why: why.clone() }),
            (Tracked::Known(known), Some(Some(Ok(told)))) => {
                let server = self.source.version();
                let (known, server) = (lines(known, server), lines(&told.table, server));
                (known != server).then_some(Finding::Differs { known, server })
            }
        }
    }
}

impl Stale {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::NotTables => {}
            Outcome::Changes(changes) => changes.iter().for_each(|change| self.add_change(change)),
            Outcome::Unreadable(unreadable) => match &unreadable.tables {
                Affected::Tables(tables) => self.tables.extend(tables.iter().cloned()),
                Affected::Any => self.all = true,
            },
        }
    }

    fn add_change(&mut self, change: &Change) {
        match change {
            Change::Created(table) => self.tables.extend([table.id.clone()]),
            Change::Altered { before, after } | Change::Indexed { before, after } => {
                self.tables.extend([before.id.clone(), after.id.clone()]);
            }
            Change::Renamed { from, to, .. } => self.tables.extend([from.clone(), to.clone()]),
            Change::Dropped { id, .. } => self.tables.extend([id.clone()]),
            Change::DatabaseDropped { tables, .. } => self.tables.extend(tables.iter().cloned()),
            Change::Truncated(_) | Change::DatabaseSet { .. } => {}
        }
    }

    fn holds(&self, id: &TableId) -> bool {
        self.all || self.tables.contains(id)
    }
}
