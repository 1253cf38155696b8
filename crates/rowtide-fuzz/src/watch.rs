//! What is done with decoded events: all that Rowtide does with them before they leave for Kafka.

use rowtide_binlog::decoder::{
    CapturedTable, DecodeError, Decoder, DecoderOptions, DetachedRows, EventContext, Handler, Rows,
    RowsApart, Statement, TableRows,
};
use rowtide_binlog::event::describe::Printed;
use rowtide_binlog::event::{Checksum, TableMap};
use rowtide_binlog::row::RowPlan;
use rowtide_binlog::schema::metadata;
use rowtide_binlog::schema::{NameCase, Session};
use rowtide_binlog::server::ServerVersion;
use rowtide_event::encode::{
    AbsentColumns, EncodeOptions, EventText, ProcessedAt, RecordBatch, TableEncoder, TopicIndex,
};
use rowtide_event::{BinlogPosition, GtidSet, RowChange, SourceInfo, Table, Value};

use crate::statement::read_statement;

/// Bytes of the largest event: enough for every way through the code, and little for a fuzzer's memory.
const MAX_EVENT: usize = 1 << 22;

/// A decoder that begins at this position of a file, for events that are protected like this unless a FORMAT_DESCRIPTION
/// says otherwise.
pub fn decoder(pos: u64, checksum: Checksum) -> Decoder {
    let options = DecoderOptions {
        checksum,
        max_event_size: MAX_EVENT,
        ..DecoderOptions::default()
    };
    Decoder::new(options, BinlogPosition::new("binlog.000001", pos))
}

/// Captures all tables, prints and encodes all rows, reads all statements.
#[derive(Default)]
pub struct Watch {
    /// How many rows it was given.
    pub rows: u64,
    tables: Vec<Captured>,
    event: EventText,
    batch: RecordBatch,
    apart: DetachedRows,
}

struct Captured {
    table: Table,
    encoder: TableEncoder,
}

impl Captured {
    /// Whatever the values are, each is printed, and the row has a record or a reason why it has none.
    fn take(&self, change: &RowChange<'_, '_>, row: u32, event: &mut EventText, batch: &mut RecordBatch) {
        let print = |values: &[Value<'_>]| {
            for (value, column) in values.iter().zip(&self.table.columns) {
                let _ = Printed::of(value, &column.ty);
            }
        };
        match change {
            RowChange::Create { after } => print(after),
            RowChange::Delete { before } => print(before),
            RowChange::Update { before, after } => {
                print(before);
                print(after);
            }
        }
        let _ = self.encoder.encode(change, row, event, batch);
        batch.clear();
    }
}

impl Handler for Watch {
    type Error = DecodeError;

    fn table(&mut self, map: &TableMap<'_>, _shape: &[u8]) -> Result<TableRows, DecodeError> {
        let Ok(table) = metadata::table(map).or_else(|_| metadata::as_logged(map)) else {
            return Ok(TableRows::Unwanted);
        };
        let Ok(plan) = RowPlan::compile(map, &table) else {
            return Ok(TableRows::Unwanted);
        };
        let options = EncodeOptions {
            absent_columns: AbsentColumns::Placeholder,
            ..EncodeOptions::default()
        };
        let encoder = TableEncoder::compile(&table, TopicIndex(0), &options);
        self.tables.push(Captured { table, encoder });
        Ok(TableRows::Wanted(CapturedTable::new(
            self.tables.len().saturating_sub(1),
            plan,
        )))
    }

    fn takes_apart(&mut self, _: usize) -> bool {
        true
    }

    fn rows_apart(&mut self, rows: &RowsApart<'_>) -> Result<bool, DecodeError> {
        self.apart.clear();
        if self.apart.push(rows)
            && let Ok(Some(mut rows)) = self.apart.rows(0)
        {
            while rows.next().is_ok_and(|change| change.is_some()) {}
        }
        Ok(false)
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), DecodeError> {
        let Some(captured) = self.tables.get(rows.tag) else {
            return Ok(());
        };
        let now = ProcessedAt { ns: 0 };
        captured
            .encoder
            .begin_event(&source(rows.context()), now, &mut self.event);
        let mut row = 0u32;
        while let Some(change) = rows.next()? {
            captured.take(&change, row, &mut self.event, &mut self.batch);
            row = row.saturating_add(1);
            self.rows = self.rows.saturating_add(1);
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<(), DecodeError> {
        let session = Session::of(
            statement.database,
            &statement.variables,
            ServerVersion::UNKNOWN,
            NameCase::Matters,
        );
        read_statement(&String::from_utf8_lossy(statement.query), &session);
        Ok(())
    }

    fn previous_gtids(&mut self, set: GtidSet) -> Result<(), DecodeError> {
        let _ = set.to_string();
        Ok(())
    }
}

fn source<'a>(context: &EventContext<'a>) -> SourceInfo<'a> {
    SourceInfo {
        ts_us: u64::from(context.timestamp).saturating_mul(1_000_000),
        server_id: context.server_id,
        gtid: context.gtid,
        file: context.file,
        pos: context.pos,
        thread: context.thread,
        query: None,
    }
}
