//! Reading and writing a source's checkpoint from outside a run.

use std::collections::BTreeMap;

use rowtide_event::{BinlogPosition, Flavour, GtidSet};
use rowtide_kafka::history::{HistoryRange, HistoryThrough};
use rowtide_kafka::{Checkpoint, CheckpointStore, CreateTopics, KafkaOptions, Topics};

use crate::deliver::{self, Server};
use crate::error::Error;
use crate::progress::Ledger;

/// Where a source's checkpoint is kept.
#[derive(Debug, Clone)]
pub struct Store {
    kafka: KafkaOptions,
    create: CreateTopics,
    replication_factor: i32,
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

    /// Writes a checkpoint with these GTIDs, this position, or both, fencing an instance that runs. What is not given
    /// is no longer known: a set without a position, or a position without a set. Blocks.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if a position is given and the server it belongs to is neither given nor on record.
    pub fn set(
        &self,
        gtids: Option<GtidSet>,
        position: Option<BinlogPosition>,
        server_uuid: Option<String>,
    ) -> Result<Checkpoint, Error> {
        let before = self.find()?;
        let history = before.as_ref().and_then(history_before);
        let flavour = gtids.as_ref().and_then(GtidSet::flavour);
        let flavour_before = before.as_ref().map(|before| before.flavour);
        let server = Server {
            flavour: flavour.or(flavour_before).unwrap_or(Flavour::MySql),
            uuid: server_uuid.or_else(|| before.and_then(|b| b.server_uuid)),
        };
        if gtids.is_none() && server.uuid.is_none() {
            return Err(Error::Config(
                "a position means nothing without its server: give --server-uuid (SELECT @@server_uuid, on MariaDB \
                 SELECT @@server_uid)"
                    .into(),
            ));
        }
        let position = position.unwrap_or_else(|| BinlogPosition::new("", 0));
        let ledger = Ledger {
            gtids,
            prepared: BTreeMap::new(),
            position,
            inside: None,
            source_ts_us: 0,
        };
        let name = &self.kafka.source_name;
        let checkpoint = deliver::checkpoint(&ledger, history.as_ref(), name, &server, String::new());
        Topics::connect(&self.kafka, self.create)?.ensure_checkpoint_topic(self.replication_factor)?;
        CheckpointStore::write(&self.kafka, &checkpoint)?;
        Ok(checkpoint)
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

/// The schema history of a checkpoint that is moved: it goes as far as that checkpoint was.
fn history_before(before: &Checkpoint) -> Option<HistoryRange> {
    let range = before.history.clone()?;
    let here = || HistoryThrough {
        file: before.file.clone(),
        pos: before.pos,
        gtid_set: before.gtid_set.clone(),
    };
    Some(HistoryRange {
        through: Some(range.through.unwrap_or_else(here)),
        ..range
    })
}

/// As many replicas as the broker makes by itself.
const BROKER_DEFAULT: i32 = -1;
