//! A schema history as a long run would have left it, written straight into its topic.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use rowtide::binlog::schema::tracked::{Change, TrackedTable};
use rowtide::binlog::schema::{NameCase, definitions};
use rowtide::binlog::server::{Flavour, ServerVersion};
use rowtide::event::TableId;
use rowtide::kafka::{
    Checkpoint, CheckpointStore, Effect, HistoryMessage, HistoryPosition, HistoryRange, HistoryRecord,
    HistorySource, HistoryTicket, KafkaOptions, Publisher,
};
use rowtide::table_changes::{Comments, table_changes};

use super::table::definition;

/// Messages of a Kafka transaction.
const CHUNK: usize = 2_000;
/// The program writes an image when more than this many messages a table came since the last began.
const MESSAGES_A_TABLE: u64 = 3;

/// Writes so many tables, and so many statements that alter them in turn.
pub fn without_image(kafka: &KafkaOptions, tables: u64, statements: u64) -> Result<HistoryRange> {
    let mut writer = Writer::open(kafka)?;
    for n in 0..tables {
        writer.write(n, 0, [None, None])?;
    }
    for n in 0..statements {
        writer.write(n % tables, 1 + n / tables, [None, None])?;
    }
    writer.finish()
}

/// Writes the image of so many tables with which such a past ends, and of its statements those that stand behind it: as
/// many as can before the next image is due.
pub fn from_image(kafka: &KafkaOptions, tables: u64, statements: u64) -> Result<HistoryRange> {
    let behind = statements.min(tables * (MESSAGES_A_TABLE - 1));
    let mut writer = Writer::open(kafka)?;
    for n in 0..tables {
        let marks = [
            (n == 0).then_some(Effect::ImageBegins),
            (n + 1 == tables).then_some(Effect::ImageEnds),
        ];
        writer.write(n, 0, marks)?;
    }
    for n in 0..behind {
        writer.write(n % tables, 1 + n / tables, [None, None])?;
    }
    writer.finish()
}

struct Writer {
    publisher: Publisher,
    checkpoint: Checkpoint,
    messages: u64,
    /// Messages of the transaction that is open.
    open: Vec<HistoryTicket>,
    /// The offsets of the first and of the last message.
    ends: Option<(i64, i64)>,
}

impl Writer {
    fn open(kafka: &KafkaOptions) -> Result<Writer> {
        Ok(Writer {
            checkpoint: CheckpointStore::read(kafka)?.context("there is no checkpoint")?,
            publisher: Publisher::connect(kafka)?,
            messages: 0,
            open: Vec::new(),
            ends: None,
        })
    }

    /// Writes what the `n`th table has become.
    fn write(&mut self, n: u64, version: u64, marks: [Option<Effect>; 2]) -> Result<()> {
        if self.open.is_empty() {
            self.publisher.begin()?;
        }
        let message = message(&self.checkpoint, n, version, marks)?;
        self.open.push(self.publisher.send_history(&message)?);
        self.messages += 1;
        if self.open.len() == CHUNK {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        self.publisher.settle_history()?;
        for ticket in self.open.drain(..) {
            let offset = self.publisher.history_offset(ticket);
            let offset = offset.context("a message has no offset")?;
            let first = self.ends.map_or(offset, |(first, _)| first);
            self.ends = Some((first, offset));
        }
        self.publisher.commit(&self.checkpoint)?;
        Ok(())
    }

    fn finish(mut self) -> Result<HistoryRange> {
        self.commit()?;
        let (first_offset, last_offset) = self.ends.context("nothing was written")?;
        Ok(HistoryRange {
            first_offset,
            last_offset,
            records: self.messages,
            through: None,
        })
    }
}

fn message(
    checkpoint: &Checkpoint,
    n: u64,
    version: u64,
    [first, last]: [Option<Effect>; 2],
) -> Result<HistoryMessage> {
    let table = table(n, version)?;
    let definition = table.definition();
    let effect = Effect::Table {
        database: table.id.database.clone(),
        table: table.id.table.clone(),
        definition: definition.clone(),
    };
    let changes = table_changes(&[Change::Created(table)], Comments::LeftOut);
    Ok(HistoryMessage {
        record: HistoryRecord {
            source: HistorySource {
                server: checkpoint.source.clone(),
            },
            position: HistoryPosition {
                ts_sec: Some(1_795_000_000),
                file: checkpoint.file.clone(),
                pos: checkpoint.pos,
                gtids: checkpoint.gtid_set.clone(),
                ..HistoryPosition::default()
            },
            ts_ms: 1_795_000_000_000,
            database_name: Some("past".to_owned()),
            schema_name: None,
            ddl: Some(definition),
            table_changes: changes.concat(),
        },
        effects: first.into_iter().chain([effect]).chain(last).collect(),
    })
}

/// A table of ten columns, a primary key and an index. Its names are no other table's.
fn table(n: u64, version: u64) -> Result<Arc<TrackedTable>> {
    let id = TableId::new("past", format!("customer_orders_{n}"));
    let sql = definition(n, 20 + version % 200);
    let server = ServerVersion::newest(Flavour::MySql);
    let read = definitions::read(&id, &sql, server, NameCase::Matters);
    read.map_err(|why| anyhow!("the table {id} cannot be made: {why}"))
}
