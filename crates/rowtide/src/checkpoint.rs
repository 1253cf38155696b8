//! Reading and writing a source's checkpoint from outside a run.

use std::collections::BTreeMap;

use rowtide_binlog::schema::NameCase;
use rowtide_binlog::server::ServerVersion;
use rowtide_event::{BinlogPosition, Flavour, GtidSet};
use rowtide_kafka::history::{HistoryRange, HistoryThrough};
use rowtide_kafka::{Checkpoint, CheckpointStore, CreateTopics, KafkaOptions, Reader, Topics};

use crate::deliver::{self, Server};
use crate::error::Error;
use crate::progress::Ledger;
use crate::schema::{Place, recover_at};
use crate::supervise::recorded;

/// Where a source's checkpoint is kept.
#[derive(Debug, Clone)]
pub struct Store {
    kafka: KafkaOptions,
    create: CreateTopics,
    replication_factor: i32,
}

/// Where a checkpoint is moved to. What is not given is no longer known: a set without a position, or a position without a
/// set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// All transactions that count as done.
    pub gtids: Option<GtidSet>,
    /// Where to go on.
    pub position: Option<BinlogPosition>,
    /// The server that the position is of; that of the checkpoint before by default.
    pub server_uuid: Option<String>,
    /// The schema-history topic, whoever wrote it, tells of all statements up to this place. Without it, the history goes
    /// as far as the checkpoint before.
    pub takes_over_history: bool,
}

impl Store {
    /// The store of the source that `kafka` names.
    pub fn new(kafka: KafkaOptions) -> Self {
        Self {
            kafka,
            create: CreateTopics::Allowed,
            replication_factor: BROKER_DEFAULT,
        }
    }

    /// Whether [`set`](Self::set) creates a missing checkpoint topic, and with how many replicas (-1 for the broker's
    /// default). It does by default.
    pub fn creating(mut self, create: CreateTopics, replication_factor: i32) -> Self {
        self.create = create;
        self.replication_factor = replication_factor;
        self
    }

    /// The checkpoint as it is. Blocks.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if there is none, [`Error::Kafka`] if it cannot be read.
    pub fn read(&self) -> Result<Checkpoint, Error> {
        self.find()?.ok_or_else(|| Error::NoCheckpoint {
            source_name: self.kafka.source_name.clone(),
            topic: self.kafka.checkpoint_topic.clone(),
        })
    }

    /// Writes a checkpoint, fencing an instance that runs. Blocks.
    ///
    /// # Errors
    /// [`Error::Config`] if a position is given and the server it belongs to is neither given nor on record. If the schema
    /// history is to be taken over and cannot be, as [`KnownSchema::at`](crate::known_schema::KnownSchema::at).
    pub fn set(&self, target: Target) -> Result<Checkpoint, Error> {
        let before = self.find()?;
        let history = before.as_ref().and_then(history_before);
        let server = server(&target, before.as_ref());
        if target.gtids.is_none() && server.uuid.is_none() {
            return Err(Error::Config(
                "a position means nothing without its server: give --server-uuid (SELECT @@server_uuid, on MariaDB \
                 SELECT @@server_uid)"
                    .into(),
            ));
        }
        let ledger = Ledger {
            gtids: target.gtids,
            prepared: BTreeMap::new(),
            position: target.position.unwrap_or_else(|| BinlogPosition::new("", 0)),
            inside: None,
            source_ts_us: 0,
        };
        let name = &self.kafka.source_name;
        let of = |history: Option<&HistoryRange>| {
            deliver::checkpoint(&ledger, history, name, &server, String::new())
        };
        let checkpoint = match target.takes_over_history {
            true => of(Some(&self.taken_over(&of(None))?)),
            false => of(history.as_ref()),
        };
        Topics::connect(&self.kafka, self.create)?.ensure_checkpoint_topic(self.replication_factor)?;
        CheckpointStore::write(&self.kafka, &checkpoint)?;
        Ok(checkpoint)
    }

    /// All that the schema-history topic holds, for a checkpoint that stands where it is complete.
    fn taken_over(&self, checkpoint: &Checkpoint) -> Result<HistoryRange, Error> {
        let reader = Reader::open(&self.kafka)?;
        let range = reader.history(|_| Ok::<(), Error>(()))?.range;
        let here = recorded(checkpoint)?.ledger;
        let (server, here) = (
            ServerVersion::newest(checkpoint.flavour),
            Place::new(here.gtids, here.position),
        );
        recover_at(&reader, &here, server, NameCase::Matters)?;
        Ok(HistoryRange {
            through: Some(place(checkpoint)),
            ..range
        })
    }

    fn find(&self) -> Result<Option<Checkpoint>, Error> {
        // Creating is off: looking for a checkpoint must not make its topic.
        let topics = Topics::connect(&self.kafka, CreateTopics::Forbidden)?;
        if !topics.exists(&self.kafka.checkpoint_topic) {
            return Ok(None);
        }
        Ok(CheckpointStore::read(&self.kafka)?)
    }
}

/// The server of a checkpoint; MariaDB's identity is no UUID.
fn server(target: &Target, before: Option<&Checkpoint>) -> Server {
    let uuid = target.server_uuid.clone();
    let by_uuid = |uuid: &String| match uuid::Uuid::parse_str(uuid) {
        Ok(_) => Flavour::MySql,
        Err(_) => Flavour::MariaDb,
    };
    let flavour = target.gtids.as_ref().and_then(GtidSet::flavour);
    Server {
        flavour: flavour
            .or_else(|| uuid.as_ref().map(by_uuid))
            .or(before.map(|before| before.flavour))
            .unwrap_or(Flavour::MySql),
        uuid: uuid.or_else(|| before.and_then(|before| before.server_uuid.clone())),
    }
}

/// The schema history of a checkpoint that is moved: it goes as far as that checkpoint was.
fn history_before(before: &Checkpoint) -> Option<HistoryRange> {
    let range = before.history.clone()?;
    let through = range.through.unwrap_or_else(|| place(before));
    Some(HistoryRange {
        through: Some(through),
        ..range
    })
}

fn place(checkpoint: &Checkpoint) -> HistoryThrough {
    HistoryThrough {
        file: checkpoint.file.clone(),
        pos: checkpoint.pos,
        gtid_set: checkpoint.gtid_set.clone(),
    }
}

/// As many replicas as the broker makes by itself.
const BROKER_DEFAULT: i32 = -1;
