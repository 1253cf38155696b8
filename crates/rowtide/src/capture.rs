//! From decoded transactions to parcels of encoded records: the sink that the binlog decoder calls.

mod aside;
mod by_table;
mod missing;
mod passing_over;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rowtide_binlog::decoder::{
    DetachedRows, EventContext, Handler, Moved, Rollback, Rows, RowsApart, Statement, TableRows,
    TransactionEnd, TransactionStart, XaDecision,
};
use rowtide_binlog::event::TableMap;
use rowtide_event::encode::{EncodeError, EventText, RecordBatch};
use rowtide_event::{BinlogPosition, Gtid, GtidSet, SourceInfo, Table};
use rowtide_kafka::history::HistoryMessage;

use crate::catalog::Catalog;
use crate::error::Error;
use crate::parcel::{Parcel, Pool};
use crate::pass_over::PassOver;
use crate::prepared::PreparedTransactions;
use crate::progress::{InsideTransaction, PreparedRows, Progress, XaStep};
use crate::queue::Sender;
use crate::resume::{FILE_START, PreviousGtids, Resume};
use crate::schema_change::SchemaChangeRecord;
use crate::stats::{Stats, processed_at};
use crate::transaction::{HandedOver, Mark, Transaction};
use crate::workers::{Rounds, Workers};

use by_table::{Gathering, Variety};

/// Bytes of records after which a parcel is closed at the next end of a transaction, whatever the source still has.
const PARCEL_BYTES: usize = 256 << 10;
/// Bytes of records after which a parcel is closed even inside a transaction.
const PARCEL_BYTES_INSIDE: usize = 2 * PARCEL_BYTES;
/// Transactions without a captured change after which a parcel is closed all the same.
const PARCEL_TRANSACTIONS: usize = 4096;
/// Transactions after which rows that were laid aside are decoded table by table.
const ROUND_TRANSACTIONS: usize = 128 << 10;
/// Messages of the schema history after which a parcel is closed at the next end of a transaction.
const PARCEL_HISTORY: usize = 256;

/// How long the source has had nothing to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// It has just sent something.
    Begins,
    /// As long as it was to be waited for.
    IsOver,
}

/// Encodes the captured rows of each transaction, and closes parcels: each with the place to resume from when it is
/// delivered.
pub(crate) struct Capture {
    catalog: Catalog,
    out: Sender<Parcel>,
    pool: Pool,
    stats: Arc<Stats>,
    open: Open,
    transaction: Option<Transaction>,
    /// The end of the last transaction.
    position: BinlogPosition,
    /// Captured rows that an earlier run has already delivered, of a transaction that it cut.
    delivered: Option<InsideTransaction>,
    /// What is passed over at the beginning of the stream.
    pass_over: Option<PassOver>,
    /// The stream began with what an earlier run has done, so that `executed` has not all that was read.
    is_replay: bool,
    /// XA transactions that are not decided yet.
    prepared: PreparedTransactions,
    /// All transactions that are done, where the server has GTIDs.
    executed: Option<GtidSet>,
    /// What the next PREVIOUS_GTIDS says about `executed`.
    previous_gtids: PreviousGtids,
    /// The source had something to tell since it was last asked.
    news: bool,
    /// What the rows of the event at hand have in common.
    event: EventText,
    /// Which rows are not decoded as they come.
    rounds: Rounds,
    /// Who decodes those.
    workers: Workers,
    /// Rows that wait for them. Their records come behind all that are in the open parcel.
    aside: DetachedRows,
    /// They are to be decoded table by table.
    gathering: Option<Gathering>,
    variety: Variety,
    /// Records are handed over that are to be final only together with others.
    is_inside_round: bool,
}

/// The parcel that is being filled.
#[derive(Default)]
struct Open {
    batch: RecordBatch,
    history: Vec<HistoryMessage>,
    schema_changes: Vec<SchemaChangeRecord>,
    changes: u64,
    previous: Option<GtidSet>,
    ended: Vec<Gtid>,
    xa: Vec<XaStep>,
    source_ts_us: u64,
    /// The stream has moved since the last parcel.
    moved: bool,
}

impl Open {
    fn mark(&self) -> Mark {
        Mark {
            bytes: self.batch.bytes.len(),
            records: self.batch.records.len(),
            history: self.history.len(),
            schema_changes: self.schema_changes.len(),
            changes: self.changes,
        }
    }

    /// Whether it has nothing to tell.
    fn is_empty(&self) -> bool {
        let nothing = self.batch.records.is_empty() && self.history.is_empty() && self.ended.is_empty();
        nothing && self.xa.is_empty() && !self.moved
    }

    /// How far the stream has come with all that is in it.
    fn progress(&mut self, position: BinlogPosition, inside: Option<InsideTransaction>) -> Progress {
        Progress {
            previous: self.previous.take(),
            ended: std::mem::take(&mut self.ended),
            xa: std::mem::take(&mut self.xa),
            position,
            inside,
            source_ts_us: self.source_ts_us,
        }
    }

    /// Takes back all that came after `mark`.
    fn truncate(&mut self, mark: Mark) {
        self.truncate_rows(mark);
        self.history.truncate(mark.history);
        self.schema_changes.truncate(mark.schema_changes);
    }

    /// Takes back the rows that came after `mark`.
    fn truncate_rows(&mut self, mark: Mark) {
        self.batch.truncate(mark.bytes, mark.records);
        self.changes = mark.changes;
    }
}

impl Capture {
    /// A sink that resumes where `resume` says and hands its parcels to `out`.
    pub(crate) fn new(
        catalog: Catalog,
        resume: &Resume,
        xa_held_bytes: usize,
        rounds: Rounds,
        out: Sender<Parcel>,
        pool: Pool,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            catalog,
            out,
            open: Open {
                batch: pool.take(),
                ..Open::default()
            },
            pool,
            stats,
            transaction: None,
            position: resume.position.clone(),
            delivered: resume.inside.clone(),
            is_replay: PassOver::of(resume).is_some_and(|passed| passed.is_replay()),
            pass_over: PassOver::of(resume),
            prepared: PreparedTransactions::new(without_rows(resume), xa_held_bytes),
            executed: resume.gtids.clone(),
            previous_gtids: resume.previous_gtids,
            news: false,
            event: EventText::default(),
            rounds,
            workers: Workers::new(rounds.workers),
            aside: DetachedRows::default(),
            gathering: None,
            variety: Variety::default(),
            is_inside_round: false,
        }
    }

    /// The source has nothing more to send at the moment: hands over what is complete. A transaction that is still
    /// being read waits for its rest, so that readers see it whole if it is small. Where much is gathered of a backlog of many
    /// tables nothing is handed over before the source has had nothing for a while: returns how long it is to be waited for.
    pub(crate) fn source_is_idle(&mut self, pause: Pause) -> Result<Option<Duration>, Error> {
        self.tell_of_tables()?;
        if !self.open.moved || self.transaction.is_some() {
            return Ok(None);
        }
        match self.pause().filter(|_| pause == Pause::Begins) {
            Some(pause) => Ok(Some(pause)),
            None => self.close(true).map(|()| None),
        }
    }

    /// Whether the source sent anything but signs of life since this was last asked.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Whether all these transactions were read; false where there are no GTIDs to tell.
    pub(crate) fn has_executed(&self, transactions: &GtidSet) -> bool {
        let executed = self.executed.as_ref();
        executed.is_some_and(|executed| transactions.is_subset_of(executed))
    }

    /// The stream ends here: hands over all that is complete, and takes back the beginning of a transaction that is
    /// not.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.encode_aside()?;
        if let Some(Transaction { mark: Some(mark), .. }) = &self.transaction {
            let mark = *mark;
            self.open.truncate(mark);
            self.transaction = None;
        }
        if self.open.moved || self.open.changes > 0 {
            self.close(true)
        } else {
            Ok(())
        }
    }

    /// Whether what was handed over is to be final only together with what was not.
    pub(crate) fn is_inside_round(&self) -> bool {
        self.is_inside_round
    }

    /// Whether a part of the open transaction was handed over.
    pub(crate) fn has_cut_a_transaction(&self) -> bool {
        let open = self.transaction.as_ref();
        open.is_some_and(|open| open.mark.is_none())
    }

    /// What was handed over has rows that are not real: it is not to be committed.
    pub(crate) fn give_up(&mut self) {
        self.out.give_up();
    }

    /// Closes the open parcel and hands it over.
    fn close(&mut self, source_idle: bool) -> Result<(), Error> {
        self.empty_aside(source_idle)?;
        if self.open.is_empty() {
            return Ok(());
        }
        let fresh = Open {
            batch: self.pool.take(),
            ..Open::default()
        };
        let mut open = std::mem::replace(&mut self.open, fresh);
        let (position, inside) = self.place();
        let progress = open.progress(position, inside);
        if let Some(transaction) = &mut self.transaction {
            transaction.mark = None;
        }
        self.send(Parcel {
            history: open.history,
            schema_changes: open.schema_changes,
            progress: Some(progress),
            source_idle,
            ..Parcel::part(open.batch, open.changes)
        })
    }

    /// Hands a parcel over, with the topics that are new.
    fn send(&mut self, parcel: Parcel) -> Result<(), Error> {
        self.stats.taken(parcel.changes);
        let new_topics = self.catalog.take_new_topics();
        let parcel = Parcel { new_topics, ..parcel };
        self.out.send(parcel).map_err(|_| Error::Interrupted)
    }

    /// Where to resume once all that was read is delivered.
    fn place(&self) -> (BinlogPosition, Option<InsideTransaction>) {
        match &self.transaction {
            None => (self.position.clone(), None),
            Some(t) => {
                let rows = t.taken.max(t.skip);
                let inside = (rows > 0).then(|| InsideTransaction {
                    gtid: t.gtid.clone(),
                    rows,
                });
                (t.start.clone(), inside)
            }
        }
    }

    fn close_if_full(&mut self) -> Result<(), Error> {
        if self.is_full() { self.close(false) } else { Ok(()) }
    }

    fn is_full(&self) -> bool {
        let limit = match self.transaction {
            None => PARCEL_BYTES,
            Some(_) => PARCEL_BYTES_INSIDE,
        };
        self.open.batch.bytes.len() >= limit
            || self.is_enough_aside()
            || self.open.ended.len() >= self.most_transactions()
            || (self.open.history.len() >= PARCEL_HISTORY && self.transaction.is_none())
    }

    fn most_transactions(&self) -> usize {
        match self.is_by_table() {
            true => ROUND_TRANSACTIONS,
            false => PARCEL_TRANSACTIONS,
        }
    }

    /// How many captured rows of this transaction an earlier run has delivered.
    fn rows_delivered(&mut self, gtid: Option<&Gtid>) -> u64 {
        // Without GTIDs it is the first one that is not passed over.
        let here = gtid.is_some() || self.pass_over.is_none();
        match self.delivered.take() {
            Some(inside) if here && inside.gtid.as_ref() == gtid => inside.rows,
            other => {
                self.delivered = other;
                0
            }
        }
    }
}

// Whatever is passed over here is lost.
#[deny(clippy::missing_trait_methods)]
impl Handler for Capture {
    type Error = Error;

    fn begin(&mut self, start: &TransactionStart<'_>) -> Result<(), Error> {
        let at = BinlogPosition::new(start.file, start.pos);
        let was_passing_over = self.is_passing_over();
        let captured = self.is_captured(&at);
        if was_passing_over && captured {
            self.tell_of_tables()?;
        }
        let skip = if captured {
            self.rows_delivered(start.gtid)
        } else {
            0
        };
        let mut transaction = Transaction::new(start.gtid.cloned(), at, self.open.mark());
        (transaction.captured, transaction.skip, transaction.xa) = (captured, skip, start.xa);
        transaction.aside_before = self.aside.len();
        transaction.aside_bytes_before = self.aside.memory();
        if start.xa {
            transaction.hold();
        }
        self.transaction = Some(transaction);
        self.news = true;
        Ok(())
    }

    fn table(&mut self, map: &TableMap<'_>, shape: &[u8]) -> Result<TableRows, Error> {
        // What is known of tables holds where the capture begins: it may be wrong for what is passed over.
        if let Some(transaction) = self.transaction.as_mut().filter(|t| !t.captured) {
            transaction.has_rows |= self.catalog.is_captured(map);
            return Ok(TableRows::UnwantedNow);
        }
        // An encoder that is replaced has to have written its rows.
        if !self.aside.is_empty() && self.catalog.replaces(map, shape) {
            self.encode_aside()?;
        }
        let captured = self.catalog.capture(map, shape, &self.position)?;
        Ok(captured.map_or(TableRows::Unwanted, TableRows::Wanted))
    }

    #[inline]
    fn takes_apart(&mut self, tag: usize) -> bool {
        self.variety.note(tag);
        self.workers.count() > 1 || self.is_by_table()
    }

    fn rows_apart(&mut self, rows: &RowsApart<'_>) -> Result<bool, Error> {
        if !self.lay_aside(rows)? {
            return Ok(false);
        }
        self.laid_aside(source_ts_us(&rows.context)).map(|()| true)
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), Error> {
        let context = *rows.context();
        let transaction = self.open_transaction()?;
        transaction.has_rows = true;
        // Its table may be known of a transaction that is captured.
        if !transaction.captured {
            return Ok(());
        }
        self.encode_aside()?;
        if let Some(held) = &mut self.open_transaction()?.held {
            held.tables.insert(rows.tag);
        }
        self.catalog
            .encoder(rows.tag)?
            .begin_event(&source_info(&context), processed_at(), &mut self.event);
        if !self.open_transaction()?.xa {
            self.open.source_ts_us = self.open.source_ts_us.max(source_ts_us(&context));
        }
        let (tag, mut index) = (rows.tag, 0u32);
        while let Some(change) = rows.next()? {
            self.take(tag, &change, index)?
                .map_err(|cause| encode_error(rows.plan().table(), &context, cause))?;
            index = index.saturating_add(1);
            self.make_room(&context)?;
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<(), Error> {
        self.encode_aside()?;
        let transaction = self.open_transaction()?;
        let (captured, delivered) = (transaction.captured, transaction.read < transaction.skip);
        // MySQL 5.7 logs what is rolled back only behind a statement that cannot be: DROP TEMPORARY TABLE.
        transaction.may_roll_back = true;
        if captured {
            let waiting = self.prepared.tables();
            let before = self.catalog.shapes(&waiting);
            let told = self.catalog.statement(statement, self.executed.as_ref())?;
            self.read_no_more(before);
            // A statement stands before the rows of its transaction: those that were delivered had it before them.
            if !delivered {
                self.open.history.extend(told.history);
                self.open.schema_changes.extend(told.schema_changes);
            }
        }
        Ok(())
    }

    fn savepoint(&mut self, number: u64) -> Result<(), Error> {
        self.encode_aside()?;
        self.open_transaction()?.savepoint(number);
        Ok(())
    }

    fn rolled_back_to(&mut self, number: u64, context: &EventContext<'_>) -> Result<(), Error> {
        let result = self.open_transaction()?.roll_back_to(number);
        result.map_err(|HandedOver| self.rolled_back(context.file, context.pos))
    }

    fn commit(&mut self, end: &TransactionEnd<'_>) -> Result<(), Error> {
        self.check_start_position(end)?;
        if let Some(held) = self.open_transaction()?.release() {
            self.hand_over(&held)?;
        }
        self.end_transaction(end, true);
        self.tell_of_tables()?;
        self.close_if_full()
    }

    fn rollback(&mut self, rollback: &Rollback<'_>) -> Result<(), Error> {
        self.encode_aside()?;
        match rollback {
            Rollback::Logged(end) => {
                // Its statements were of what cannot be rolled back.
                self.take_back(Open::truncate_rows)
                    .map_err(|HandedOver| self.rolled_back(end.file, end.pos))?;
                self.end_transaction(end, true);
                Ok(())
            }
            Rollback::Interrupted(end) => {
                self.take_back(Open::truncate)
                    .map_err(|HandedOver| self.cut_short(end))?;
                self.transaction = None;
                Ok(())
            }
        }
    }

    fn prepare(&mut self, xid: &str, end: &TransactionEnd<'_>) -> Result<(), Error> {
        self.check_start_position(end)?;
        let transaction = self.open_transaction()?;
        let rows_at = transaction.has_rows.then(|| PreparedRows {
            gtid: transaction.gtid.clone(),
            position: transaction.start.clone(),
        });
        let (captured, waits) = (transaction.captured, rows_at.is_some());
        let held = transaction.held.take().unwrap_or_default();
        // One that was not captured and has rows stays unknown: its XA COMMIT must not pass unnoticed.
        if captured || !waits {
            self.prepared.insert(xid, held);
            let xid = xid.to_owned();
            self.open.xa.push(XaStep::Prepared { xid, rows_at });
        }
        self.end_transaction(end, !(captured && waits));
        Ok(())
    }

    fn decided(&mut self, xid: &str, decision: XaDecision, context: &EventContext<'_>) -> Result<(), Error> {
        if !self.open_transaction()?.captured {
            return Ok(());
        }
        match (decision, self.prepared.remove(xid)) {
            (XaDecision::Rollback, _) => {}
            (XaDecision::Commit, Some(held)) => {
                self.open.source_ts_us = self.open.source_ts_us.max(source_ts_us(context));
                self.hand_over(&held)?;
            }
            (XaDecision::Commit, None) => {
                return Err(Error::PreparedBefore {
                    xid: xid.to_owned(),
                    position: BinlogPosition::new(context.file, context.pos).to_string(),
                    end: BinlogPosition::new(context.file, context.end_pos).to_string(),
                });
            }
        }
        // Not before all of its rows are handed over: a part of them may already be on its way.
        self.open.xa.push(XaStep::Decided { xid: xid.to_owned() });
        Ok(())
    }

    fn position(&mut self, moved: &Moved<'_>) -> Result<(), Error> {
        if self.transaction.is_none() && moved.pos >= FILE_START && !self.is_replaying() {
            self.arrive(BinlogPosition::new(moved.file, moved.pos));
            self.tell_of_tables()?;
        }
        Ok(())
    }

    fn previous_gtids(&mut self, set: GtidSet) -> Result<(), Error> {
        match (self.previous_gtids, &self.executed) {
            // The place of one that waits for a decision is known by its position alone.
            (PreviousGtids::Begin, _) if !self.prepared.is_empty() => Ok(()),
            (PreviousGtids::Begin | PreviousGtids::Before, _) => {
                self.previous_gtids = PreviousGtids::Same;
                self.executed.get_or_insert_default().union(&set);
                self.open.previous = Some(set);
                Ok(())
            }
            (PreviousGtids::Same, Some(executed)) if !self.is_replay => {
                missing::check(executed, &set, &self.position)
            }
            (PreviousGtids::Same, _) => Ok(()),
        }
    }
}

impl Capture {
    fn open_transaction(&mut self) -> Result<&mut Transaction, Error> {
        self.transaction
            .as_mut()
            .ok_or(Error::Fault("rows or a statement outside a transaction"))
    }

    /// Where rows wait for XA COMMIT and their table is another one now than it was `before`, the next run could not decode
    /// them: it reads them again with what is known of tables where it begins.
    fn read_no_more(&mut self, before: BTreeMap<usize, Option<Table>>) {
        if before.is_empty() {
            return;
        }
        let mut after = self.catalog.shapes(&before.keys().copied().collect());
        let changed = before
            .into_iter()
            .filter(|(tag, shape)| after.remove(tag).as_ref() != Some(shape));
        let changed: BTreeSet<usize> = changed.map(|(tag, _)| tag).collect();
        let xids = self.prepared.with_rows_of(&changed).cloned();
        self.open.xa.extend(xids.map(|xid| XaStep::ReadNoMore { xid }));
    }

    /// Tells the schema history of tables that are known from here on, or of all tables.
    pub(crate) fn tell_of_tables(&mut self) -> Result<(), Error> {
        if self.transaction.is_some() || self.is_passing_over() {
            return Ok(());
        }
        while let Some(messages) = self.catalog.pictures(&self.position, self.executed.as_ref()) {
            self.open.history.extend(messages);
            self.open.moved = true;
            self.close_if_full()?;
        }
        Ok(())
    }

    /// The transaction is over, and with `done` it need not be read again.
    fn end_transaction(&mut self, end: &TransactionEnd<'_>, done: bool) {
        self.transaction = None;
        if self.is_replaying() {
            return;
        }
        if let (Some(executed), Some(gtid)) = (&mut self.executed, end.gtid) {
            executed.insert(gtid);
            if done {
                self.done(gtid);
            }
        }
        self.arrive(BinlogPosition::new(end.file, end.pos));
    }
}

/// The prepared transactions that have no rows, so that they are not read again.
fn without_rows(resume: &Resume) -> impl Iterator<Item = String> {
    let none = resume.prepared.iter().filter(|(_, rows)| rows.is_none());
    none.map(|(xid, _)| xid.clone())
}

/// When the change was committed where it was made first, as precisely as the server logs it.
fn source_ts_us(context: &EventContext<'_>) -> u64 {
    context
        .commit
        .map_or(u64::from(context.timestamp) * 1_000_000, |commit| {
            commit.original_us
        })
}

pub(crate) fn source_info<'a>(context: &EventContext<'a>) -> SourceInfo<'a> {
    SourceInfo {
        ts_us: source_ts_us(context),
        server_id: context.server_id,
        gtid: context.gtid,
        file: context.file,
        pos: context.pos,
        thread: context.thread,
        query: None,
    }
}

pub(crate) fn encode_error(table: &str, context: &EventContext<'_>, cause: EncodeError) -> Error {
    Error::Encode {
        table: table.to_owned(),
        position: format!("{}:{}", context.file, context.pos),
        cause,
    }
}
