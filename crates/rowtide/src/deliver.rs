//! The delivering thread: parcels to Kafka transactions.

use std::time::{Duration, Instant};

use rowtide_event::Flavour;
use rowtide_kafka::history::HistoryRange;
use rowtide_kafka::{Checkpoint, InTransaction, PreparedXa, PreparedXaRows, Publisher, TableTopic, Topics};

use crate::error::Error;
use crate::history_log::HistoryLog;
use crate::parcel::{Parcel, Pool};
use crate::pipeline::Settings;
use crate::progress::{CommitPolicy, Ends, InsideTransaction, Ledger, Millis, Next, PreparedRows, Produced};
use crate::queue::{Received, Receiver};
use crate::stats::{Committed, Stats, unix_micros};

/// Produces parcels, commits when the policy says so, and writes the checkpoint with each commit.
pub(crate) struct Delivery<'a> {
    publisher: Publisher,
    topics: Topics,
    settings: &'a Settings,
    stats: &'a Stats,
    pool: Pool,
    ledger: Ledger,
    history: HistoryLog,
    /// The server that is read, for the checkpoint.
    server: Server,
    tables: Vec<TableTopic>,
    policy: CommitPolicy,
    open: Committed,
    clock: Instant,
}

/// Where it is delivered to.
pub(crate) struct Target {
    pub(crate) publisher: Publisher,
    pub(crate) topics: Topics,
}

impl<'a> Delivery<'a> {
    /// A delivery that goes on where `ledger` says.
    pub(crate) fn new(
        Target { publisher, topics }: Target,
        settings: &'a Settings,
        stats: &'a Stats,
        pool: Pool,
        ledger: Ledger,
        history: HistoryLog,
        server: Server,
    ) -> Self {
        Self {
            publisher,
            topics,
            settings,
            stats,
            pool,
            ledger,
            history,
            server,
            tables: Vec::new(),
            policy: CommitPolicy::new(settings.commit),
            open: Committed::default(),
            clock: Instant::now(),
        }
    }

    /// Delivers until the queue is closed and empty, and commits what is open then; or aborts it, if the reader has given it
    /// up.
    pub(crate) fn run(&mut self, parcels: &Receiver<Parcel>) -> Result<(), Error> {
        loop {
            if parcels.is_given_up() {
                return self.abort();
            }
            match self.policy.next(self.now(), !parcels.is_empty()) {
                Next::Commit => self.commit()?,
                Next::Wait(ms) => match parcels.receive(Duration::from_millis(ms)) {
                    Received::Item(parcel) => self.produce(parcel)?,
                    Received::Timeout => self.publisher.poll()?,
                    Received::Closed if parcels.is_given_up() => {}
                    Received::Closed if self.policy.is_incomplete() => return self.abort(),
                    Received::Closed => {
                        return if self.policy.is_open() {
                            self.commit()
                        } else {
                            Ok(())
                        };
                    }
                },
            }
        }
    }

    /// Whether rows that come table by table have been on their way for so long that Kafka may have aborted their transaction
    /// for its age.
    pub(crate) fn is_long_in_a_round(&self) -> bool {
        self.policy.is_long_in_a_round(self.now())
    }

    fn abort(&mut self) -> Result<(), Error> {
        Ok(self.publisher.abort()?)
    }

    fn now(&self) -> Millis {
        Millis::try_from(self.clock.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    fn produce(&mut self, parcel: Parcel) -> Result<(), Error> {
        let bytes = parcel.bytes();
        self.ensure_topics(&parcel.new_topics)?;
        self.tables.extend(parcel.new_topics);
        if !self.policy.is_open() {
            self.publisher.begin()?;
        }
        self.publisher.expect(&self.tables, &parcel.coming)?;
        match parcel.progress {
            None => self.publisher.send_by_table(&self.tables, &parcel.batch)?,
            Some(_) => self
                .publisher
                .send(&self.tables, &parcel.batch, 0..parcel.batch.records.len())?,
        }
        for message in &parcel.history {
            let ticket = self.publisher.send_history(message)?;
            self.history.sent(ticket, message);
        }
        for record in &parcel.schema_changes {
            self.publisher.send_schema_change(&record.key, &record.value)?;
        }
        let records = parcel.batch.records.len() + parcel.history.len() + parcel.schema_changes.len();
        let ends = match &parcel.progress {
            None => Ends::Nothing,
            Some(progress) if progress.inside.is_some() => Ends::InsideTransaction,
            Some(_) => Ends::Transactions,
        };
        if let Some(progress) = parcel.progress {
            self.ledger.advance(progress);
        }
        let produced = Produced {
            bytes,
            records,
            source_idle: parcel.source_idle,
            ends,
        };
        self.policy.produced(self.now(), produced);
        self.open.changes += parcel.changes;
        self.open.records += to_u64(parcel.batch.records.len());
        self.open.bytes += to_u64(bytes);
        self.pool.give(parcel.batch);
        Ok(())
    }

    fn ensure_topics(&mut self, tables: &[TableTopic]) -> Result<(), Error> {
        let spec = &self.settings.topics.data;
        let wanted: Vec<_> = tables.iter().map(|table| (&*table.topic, spec.clone())).collect();
        Ok(self.topics.ensure_topics(&wanted)?)
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.settle_history()?;
        let begun = self.now();
        self.publisher.commit(&self.checkpoint())?;
        self.policy.committed(self.now().saturating_sub(begun));
        self.stats
            .committed(&self.open, &self.ledger.position, self.ledger.source_ts_us);
        self.open = Committed::default();
        Ok(())
    }

    /// The checkpoint names what of the schema history belongs to it, so that this must be acknowledged first.
    fn settle_history(&mut self) -> Result<(), Error> {
        if !self.history.is_unsettled() {
            return Ok(());
        }
        self.publisher.settle_history()?;
        let (history, publisher) = (&mut self.history, &self.publisher);
        history
            .settle(|ticket| publisher.history_offset(ticket))
            .ok_or(Error::Fault(
                "the schema history was acknowledged without an offset",
            ))
    }

    fn checkpoint(&self) -> Checkpoint {
        let filter = self.settings.capture.tables.fingerprint();
        checkpoint(
            &self.ledger,
            self.history.range(),
            &self.settings.kafka.source_name,
            &self.server,
            filter,
        )
    }
}

/// The server that a checkpoint is of.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) flavour: Flavour,
    /// Its own identity, where that is known.
    pub(crate) uuid: Option<String>,
}

/// A ledger as it is written down.
pub(crate) fn checkpoint(
    ledger: &Ledger,
    history: Option<&HistoryRange>,
    source: &str,
    server: &Server,
    filter: String,
) -> Checkpoint {
    let inside = |inside: &InsideTransaction| InTransaction {
        gtid: inside.gtid.as_ref().map(ToString::to_string),
        file: ledger.position.file.clone(),
        pos: ledger.position.pos,
        rows: inside.rows,
        filter,
    };
    Checkpoint {
        format_version: Checkpoint::FORMAT_VERSION,
        source: source.to_owned(),
        flavour: server.flavour,
        server_uuid: server.uuid.clone(),
        gtid_set: ledger.gtids.as_ref().map(ToString::to_string),
        file: ledger.position.file.clone(),
        pos: ledger.position.pos,
        in_transaction: ledger.inside.as_ref().map(inside),
        prepared_xa: ledger.prepared.iter().map(prepared_xa).collect(),
        history: history.cloned(),
        source_ts_ms: Some(ledger.source_ts_us / 1_000).filter(|ms| *ms > 0),
        written_ts_ms: unix_micros() / 1_000,
        rowtide_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn prepared_xa((xid, rows): (&String, &Option<PreparedRows>)) -> PreparedXa {
    let rows = rows.as_ref().map(|rows| PreparedXaRows {
        gtid: rows.gtid.as_ref().map(ToString::to_string),
        file: rows.position.file.clone(),
        pos: rows.position.pos,
    });
    PreparedXa {
        xid: xid.clone(),
        rows,
    }
}

fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
