//! What Rowtide knows of the tables of a source, at its checkpoint or at an earlier place. Only Kafka is asked.

use std::sync::Arc;

use rowtide_binlog::schema::NameCase;
use rowtide_binlog::schema::tracked::{SchemaTracker, TrackedTable};
use rowtide_binlog::server::ServerVersion;
use rowtide_event::{BinlogPosition, GtidSet, TableId};
use rowtide_kafka::history::{HistoryRange, TableChange};
use rowtide_kafka::{Checkpoint, KafkaOptions, Reader};

use crate::checkpoint::Store;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::resume::Recorded;
use crate::schema::{Place, recover, recover_at};
use crate::supervise::recorded;
use crate::table_changes::{Comments, created};

/// A place between two transactions.
#[derive(Debug, Clone, PartialEq)]
pub enum At {
    /// Behind these transactions and before all others.
    Gtids(GtidSet),
    /// A position on the server of the checkpoint.
    Position(BinlogPosition),
}

/// All tables at one place.
#[derive(Debug)]
pub struct KnownSchema {
    tracker: SchemaTracker,
    place: String,
}

/// What is known of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownTable {
    /// What it is.
    Known(Arc<TrackedTable>),
    /// A statement that could not be read may have changed it.
    Unclear(TableId),
}

impl KnownSchema {
    /// The schema at the checkpoint of the source that `kafka` names. Blocks.
    ///
    /// # Errors
    /// [`Error::NoCheckpoint`]; [`Error::SchemaNotKnown`] if no schema history belongs to the checkpoint; others if one of
    /// both cannot be read.
    pub fn at_checkpoint(kafka: &KafkaOptions) -> Result<Self, Error> {
        let now = Now::read(kafka)?;
        let here = now.place();
        let known = recover(
            &Reader::open(kafka)?,
            Some(&now.range),
            &here,
            now.server(),
            STORED_NAMES,
        )?;
        match known.range {
            Some(_) => Ok(Self {
                tracker: known.tracker,
                place: here.to_string(),
            }),
            None => Err(Error::SchemaNotKnown(
                "the checkpoint was moved beyond what the schema history tells. The next start asks the server for all \
                 tables; name a place before it with --at"
                    .to_owned(),
            )),
        }
    }

    /// The schema at another place that the schema history has come to. Blocks.
    ///
    /// # Errors
    /// As [`at_checkpoint`](Self::at_checkpoint), and [`Error::SchemaNotKnown`] if the history does not reach to the place.
    pub fn at(kafka: &KafkaOptions, at: At) -> Result<Self, Error> {
        let now = Now::read(kafka)?;
        let there = match at {
            At::Gtids(gtids) => Place::new(Some(gtids), BinlogPosition::new("", 0)),
            At::Position(position) => Place::new(None, position),
        };
        let end = now.end_of_history()?;
        if !there.is_at_or_before(&end) {
            return Err(Error::SchemaNotKnown(format!(
                "the schema history of {} goes to {end}, and {there} is not before it",
                kafka.source_name
            )));
        }
        Ok(Self {
            tracker: recover_at(&Reader::open(kafka)?, &there, now.server(), STORED_NAMES)?,
            place: there.to_string(),
        })
    }

    /// Where that is.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The tables that the filter matches, in the order of their names.
    pub fn tables(&self, filter: &TableFilter) -> Vec<KnownTable> {
        let known = self.tracker.tables().cloned().map(KnownTable::Known);
        let mut all: Vec<KnownTable> = known
            .chain(self.tracker.unclear().map(KnownTable::Unclear))
            .filter(|table| filter.matches(table.id()))
            .collect();
        all.sort_by(|a, b| a.id().cmp(b.id()));
        all
    }
}

impl KnownTable {
    /// Its name, folded as the server compares names.
    pub fn id(&self) -> &TableId {
        match self {
            Self::Known(table) => &table.id,
            Self::Unclear(id) => id,
        }
    }

    /// The CREATE TABLE statement that makes it; none of a table that is unclear.
    pub fn definition(&self) -> Option<String> {
        match self {
            Self::Known(table) => Some(table.definition()),
            Self::Unclear(_) => None,
        }
    }

    /// The table as Debezium's schema history has it; none of a table that is unclear, and of MariaDB's sequences.
    pub fn image(&self) -> Option<TableChange> {
        match self {
            Self::Known(table) => created(table, Comments::Included),
            Self::Unclear(_) => None,
        }
    }
}

/// The history has names as the server that it is of compares them.
const STORED_NAMES: NameCase = NameCase::Matters;

/// A checkpoint with a history.
struct Now {
    checkpoint: Checkpoint,
    recorded: Recorded,
    range: HistoryRange,
}

impl Now {
    fn read(kafka: &KafkaOptions) -> Result<Self, Error> {
        let checkpoint = Store::new(kafka.clone()).read()?;
        let recorded = recorded(&checkpoint)?;
        let range = recorded.history.clone().ok_or_else(|| {
            Error::SchemaNotKnown(format!(
                "the checkpoint of {} names no schema history: no table was there so far, or the server is asked for all \
                 at the next start",
                kafka.source_name
            ))
        })?;
        Ok(Self {
            checkpoint,
            recorded,
            range,
        })
    }

    /// The server's version is not needed: definitions are literal.
    fn server(&self) -> ServerVersion {
        ServerVersion::newest(self.checkpoint.flavour)
    }

    fn place(&self) -> Place {
        let ledger = &self.recorded.ledger;
        Place::new(ledger.gtids.clone(), ledger.position.clone())
    }

    fn end_of_history(&self) -> Result<Place, Error> {
        match &self.range.through {
            Some(through) => Place::of_through(through, self.checkpoint.flavour),
            None => Ok(self.place()),
        }
    }
}
