//! What a decoder tells, written down line by line.

use rowtide_event::{BinlogPosition, RowChange};

use crate::decoder::{
    CapturedTable, DecodeError, Decoder, DecoderOptions, EventContext, Handler, LeftOut, Moved, Rollback,
    Rows, Statement, TableRows, TransactionEnd, TransactionStart, XaDecision,
};
use crate::event::build::EventBuilder;
use crate::event::{HeaderFlags, TableMap};
use crate::row::RowPlan;
use crate::schema::metadata;

/// Writes down what it is told. Tables whose name begins with `skip` are not captured.
#[derive(Default)]
pub(super) struct Log {
    pub(super) lines: Vec<String>,
    pub(super) tables: usize,
}

impl Handler for Log {
    type Error = DecodeError;

    fn begin(&mut self, start: &TransactionStart<'_>) -> Result<(), DecodeError> {
        self.lines.push(format!(
            "begin{} {}:{} thread {:?}",
            if start.xa { " xa" } else { "" },
            start.file,
            start.pos,
            start.thread
        ));
        Ok(())
    }

    fn table(&mut self, map: &TableMap<'_>, _shape: &[u8]) -> Result<TableRows, DecodeError> {
        self.tables += 1;
        let table = metadata::table(map)
            .ok()
            .filter(|_| !map.table.starts_with("skip"));
        let Some(table) = table else {
            return Ok(TableRows::Unwanted);
        };
        let plan = RowPlan::compile(map, &table).unwrap();
        Ok(TableRows::Wanted(CapturedTable::new(self.tables, plan)))
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), DecodeError> {
        let query = rows
            .context()
            .query
            .map(|query| String::from_utf8_lossy(query).into_owned());
        while let Some(change) = rows.next()? {
            let text = match change {
                RowChange::Create { after } => format!("insert {after:?}"),
                RowChange::Update { before, after } => format!("update {before:?} {after:?}"),
                RowChange::Delete { before } => format!("delete {before:?}"),
            };
            self.lines.push(
                text + &query
                    .as_ref()
                    .map(|query| format!(" by {query}"))
                    .unwrap_or_default(),
            );
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<(), DecodeError> {
        let query = String::from_utf8_lossy(statement.query);
        let alone = if statement.ends_group { " alone" } else { "" };
        self.lines
            .push(format!("statement {}: {query}{alone}", statement.database));
        Ok(())
    }

    fn savepoint(&mut self, number: u64) -> Result<(), DecodeError> {
        self.lines.push(format!("savepoint {number}"));
        Ok(())
    }

    fn rolled_back_to(&mut self, number: u64, _: &EventContext<'_>) -> Result<(), DecodeError> {
        self.lines.push(format!("rolled back to {number}"));
        Ok(())
    }

    fn commit(&mut self, end: &TransactionEnd<'_>) -> Result<(), DecodeError> {
        let gtid = end
            .gtid_text
            .map(|text| text.rsplit(':').next().unwrap_or_default().to_owned());
        self.lines.push(
            format!("commit {}:{} {}", end.file, end.pos, gtid.unwrap_or_default())
                .trim_end()
                .into(),
        );
        Ok(())
    }

    fn rollback(&mut self, rollback: &Rollback<'_>) -> Result<(), DecodeError> {
        self.lines.push(match rollback {
            Rollback::Logged(end) => format!("rollback {}", end.pos),
            Rollback::Interrupted(end) => format!("interrupted {}", end.pos),
        });
        Ok(())
    }

    fn prepare(&mut self, xid: &str, end: &TransactionEnd<'_>) -> Result<(), DecodeError> {
        self.lines.push(format!("prepare {}:{} {xid}", end.file, end.pos));
        Ok(())
    }

    fn decided(
        &mut self,
        xid: &str,
        decision: XaDecision,
        context: &EventContext<'_>,
    ) -> Result<(), DecodeError> {
        self.lines.push(format!("{decision:?} {xid} at {}", context.pos));
        Ok(())
    }

    fn position(&mut self, moved: &Moved<'_>) -> Result<(), DecodeError> {
        self.lines
            .push(format!("{:?} {}:{}", moved.cause, moved.file, moved.pos));
        Ok(())
    }
}

/// A file `b.1` in which each event has its place.
pub(super) struct Stream {
    pub(super) decoder: Decoder,
    pub(super) log: Log,
    pub(super) pos: u32,
}

impl Stream {
    pub(super) fn new() -> Self {
        Self::leaving_out(LeftOut::Nothing)
    }

    pub(super) fn leaving_out(left_out: LeftOut) -> Self {
        let options = DecoderOptions {
            left_out,
            ..DecoderOptions::default()
        };
        let mut stream = Self {
            decoder: Decoder::new(options, BinlogPosition::new("b.1", 4)),
            log: Log::default(),
            pos: 4,
        };
        stream.feed_artificial(EventBuilder::rotate("b.1", 4)).unwrap();
        stream.feed(EventBuilder::format_description("9.7.4", 0)).unwrap();
        assert_eq!(stream.pos, 127);
        stream
    }

    /// Feeds an event that stands in the file.
    pub(super) fn feed(&mut self, event: EventBuilder) -> Result<(), DecodeError> {
        let event = event.at(self.pos).build();
        self.pos += event.len() as u32;
        self.decoder.feed(&event, &mut self.log)
    }

    /// Feeds an event that the server made up.
    pub(super) fn feed_artificial(&mut self, event: EventBuilder) -> Result<(), DecodeError> {
        self.decoder
            .feed(&event.flags(HeaderFlags::ARTIFICIAL).build(), &mut self.log)
    }

    pub(super) fn feed_all(&mut self, events: impl IntoIterator<Item = EventBuilder>) {
        for event in events {
            self.feed(event).unwrap();
        }
    }

    /// What was told since the last call.
    pub(super) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.lines)
    }

    /// What was told since the last call, without positions.
    pub(super) fn kinds(&mut self) -> Vec<String> {
        let kind = |line: String| match line.split_once(' ') {
            Some((kind @ ("begin" | "commit" | "rollback" | "interrupted"), _)) => kind.to_owned(),
            _ => line,
        };
        self.told().into_iter().map(kind).collect()
    }
}
