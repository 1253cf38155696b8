//! Events to transactions: verifies checksums, follows positions, unpacks compressed transactions, and calls a
//! [`Handler`] with what it finds. It does no I/O: it is a function of the bytes fed to it and of its own state.

mod continuity;
mod detached;
mod error;
mod frame;
mod handler;
mod mariadb;
mod payload;
mod row_events;
mod rows;
mod savepoints;
mod stream;
mod tables;
mod transaction;
mod unprotected;
mod xa;

#[cfg(test)]
mod tests;

use rowtide_event::gtid::mysql;
use rowtide_event::{BinlogPosition, GtidSet, Malformed};

use crate::event::checksum::ChecksumError;
use crate::event::{
    Checksum, EventType, FormatDescription, GtidEvent, Header, Heartbeat, Incident, Query, Rotate,
    RowsOperation, XaPrepare, annotate_rows, gtid_tagged, rows_query, unpack::Unpacker, xid,
};

use self::frame::Frame;
use self::row_events::Room;
use self::stream::Stream;
use self::tables::Tables;
use self::transaction::{Phase, Transaction};

pub use self::continuity::Continuity;
pub use self::detached::DetachedRows;
pub use self::error::{DecodeError, DecodeErrorKind, Place};
pub use self::handler::{
    CapturedTable, EventContext, Handler, MoveCause, Moved, Rollback, Statement, TableRows, TransactionEnd,
    TransactionStart, XaDecision,
};
pub use self::rows::{Rows, RowsApart};
pub use self::stream::LeftOut;

/// What a [`Decoder`] may take.
#[derive(Debug, Clone)]
pub struct DecoderOptions {
    /// The largest event in bytes, compressed or not. The server's own limit is 1 GiB.
    pub max_event_size: usize,
    /// How events are protected until the first FORMAT_DESCRIPTION says so: as was agreed with the server.
    pub checksum: Checksum,
    /// What the server leaves out. Positions that do not follow each other stop the decoder elsewhere.
    pub left_out: LeftOut,
    /// The logarithm of the bytes that zstd may look back: 27 reads what any `binlog_transaction_compression_level_zstd`
    /// writes, and takes up to 128 MiB at levels above 19.
    pub max_window_log: u32,
}

impl Default for DecoderOptions {
    fn default() -> Self {
        Self {
            max_event_size: 1 << 30,
            checksum: Checksum::Crc32,
            left_out: LeftOut::Nothing,
            max_window_log: 27,
        }
    }
}

/// Turns events into transactions.
pub struct Decoder {
    options: DecoderOptions,
    stream: Stream,
    transaction: Transaction,
    tables: Tables,
    /// Away while a payload is unpacked.
    unpacker: Option<Unpacker>,
    /// Away while an event's rows are handed over.
    room: Option<Box<Room>>,
    event_type: EventType,
}

impl Decoder {
    /// A decoder of a stream that begins at `start`, where a transaction begins.
    pub fn new(options: DecoderOptions, start: BinlogPosition) -> Self {
        Self {
            stream: Stream::new(start.file, start.pos, options.checksum, options.left_out.clone()),
            options,
            transaction: Transaction::default(),
            tables: Tables::default(),
            unpacker: Some(Unpacker::new()),
            room: None,
            event_type: EventType::Unknown(0),
        }
    }

    /// Where the next event starts.
    pub fn position(&self) -> (&str, u64) {
        (&self.stream.file, self.stream.next)
    }

    /// Whether a transaction has begun and not ended.
    pub fn in_transaction(&self) -> bool {
        self.transaction.phase != Phase::Outside
    }

    /// How events are laid out, and by which server.
    pub fn format(&self) -> &FormatDescription {
        &self.stream.format
    }

    /// Decodes one event, from its header to its checksum. After an error the decoder must not be fed again: the state
    /// of its transaction is unknown.
    pub fn feed<H: Handler>(&mut self, event: &[u8], handler: &mut H) -> Result<(), H::Error> {
        let (header, body) = self.open(event).map_err(|cause| self.not_opened(cause))?;
        match header.event_type {
            EventType::TransactionPayload => self.payload(body, handler),
            _ => self.event(&header, body, handler),
        }
    }

    /// Checks an event as a whole and moves to it.
    #[inline(always)]
    fn open<'e>(&mut self, event: &'e [u8]) -> Result<(Header, &'e [u8]), DecodeErrorKind> {
        let Ok((header, rest)) = Header::split(event) else {
            self.event_type = Header::type_of(event);
            return Err(DecodeErrorKind::LengthMismatch { came: event.len() });
        };
        self.event_type = header.event_type;
        if event.len() > self.options.max_event_size {
            let limit = self.options.max_event_size as u64;
            return Err(DecodeErrorKind::TooLarge {
                len: u64::from(header.event_len),
                limit,
            });
        }
        let body = match header.event_type {
            EventType::FormatDescription => {
                FormatDescription::verify(event)?;
                rest
            }
            _ => self
                .stream
                .checksum
                .verify(event)?
                .get(Header::LEN..)
                .unwrap_or_default(),
        };
        self.stream.step(&header, self.in_transaction())?;
        Ok((header, body))
    }

    fn event<H: Handler>(&mut self, header: &Header, body: &[u8], handler: &mut H) -> Result<(), H::Error> {
        use EventType as E;
        self.check_order(header)?;
        match header.event_type {
            E::TableMap => self.table_map(header, body, handler),
            event_type if RowsOperation::of(event_type).is_some() => self.rows(header, body, handler),
            E::Query | E::ExecuteLoadQuery => {
                let query = self.read(Query::read(body, self.post_header_len(header.event_type, 13)))?;
                self.query(header, &query, handler)
            }
            E::QueryCompressed => self.compressed_query(header, body, handler),
            E::Xid => {
                self.read(xid::read(body))?;
                self.commit(header, handler)
            }
            E::Gtid | E::AnonymousGtid | E::GtidTagged => Ok(self.gtid(header, body)?),
            E::MariadbGtid => self.mariadb_gtid(header, body, handler),
            E::AnnotateRows => {
                self.transaction.remember_query(annotate_rows::read(body));
                Ok(())
            }
            E::RowsQuery => {
                let query = self.read(rows_query::read(body))?;
                self.transaction.remember_query(query);
                Ok(())
            }
            E::XaPrepare => self.xa_prepare(header, body, handler),
            _ => self.stream_event(header, body, handler),
        }
    }

    /// An event that is not part of a transaction.
    fn stream_event<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        use EventType as E;
        match header.event_type {
            E::FormatDescription => self.format_description(header, body, handler),
            E::Rotate => self.rotate(header, body, handler),
            E::Heartbeat | E::HeartbeatV2 => self.heartbeat(header, body, handler),
            E::PreviousGtids => {
                let set = self.read(mysql::GtidSet::decode(body))?;
                handler.previous_gtids(GtidSet::MySql(set))
            }
            E::GtidList => self.gtid_list(body, handler),
            E::BinlogCheckpoint => Ok(self.binlog_checkpoint(body)?),
            // The server decrypts what it sends.
            E::StartEncryption => Ok(()),
            // Of a statement that follows and stops the stream, of Group Replication, or of no consequence.
            E::Intvar | E::Rand | E::UserVar | E::BeginLoadQuery | E::AppendBlock | E::DeleteFile => Ok(()),
            E::TransactionContext | E::ViewChange | E::Ignorable | E::Stop => Ok(()),
            E::Incident => Err(self.incident(body).into()),
            E::Unknown(_) if header.flags.is_ignorable() => Ok(()),
            E::Unknown(number) => Err(self.error(DecodeErrorKind::UnknownEvent(number)).into()),
            known => Err(self.unsupported(known).into()),
        }
    }

    fn format_description<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let format = self.read(FormatDescription::read(body))?;
        let restarted = self.stream.format(format).map_err(|cause| self.error(cause))?;
        self.tables.clear();
        if self.transaction.phase.is_open() {
            if !restarted {
                return Err(self.unfinished().into());
            }
            handler.rollback(&Rollback::Interrupted(
                self.transaction.ended(&self.stream, header),
            ))?;
        }
        self.transaction.close();
        Ok(())
    }

    fn rotate<H: Handler>(&mut self, header: &Header, body: &[u8], handler: &mut H) -> Result<(), H::Error> {
        let rotate = self.read(Rotate::read(body))?;
        let moved = self.stream.rotate(header, &rotate);
        if moved.map_err(|cause| self.error(cause))? && !self.in_transaction() {
            self.tables.clear();
            return self.moved(header, MoveCause::Rotate, handler);
        }
        Ok(())
    }

    fn heartbeat<H: Handler>(
        &mut self,
        header: &Header,
        body: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let heartbeat = self.read(match header.event_type {
            EventType::HeartbeatV2 => Heartbeat::read_v2(body),
            _ => Heartbeat::read(header, body),
        })?;
        let inside = self.in_transaction();
        let followed = self.stream.follow(&heartbeat, inside);
        followed.map_err(|cause| self.error(cause))?;
        if inside {
            return Ok(());
        }
        self.moved(header, MoveCause::Heartbeat, handler)
    }

    fn moved<H: Handler>(
        &mut self,
        header: &Header,
        cause: MoveCause,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let (file, pos) = self.position();
        handler.position(&Moved {
            file,
            pos,
            cause,
            timestamp: header.timestamp,
        })
    }

    fn gtid(&mut self, header: &Header, body: &[u8]) -> Result<(), DecodeError> {
        let event = self.read(match header.event_type {
            EventType::GtidTagged => gtid_tagged::read(body),
            _ => GtidEvent::read(body),
        })?;
        self.require_outside()?;
        let gtid = match header.event_type {
            EventType::AnonymousGtid => None,
            // Zero is no number of a transaction.
            _ => Some(
                self.read(
                    event
                        .id()
                        .and_then(|id| id.ok_or(Malformed::Invalid("GTID number"))),
                )?,
            ),
        };
        self.transaction
            .announce(&self.stream, header, gtid, event.commit);
        self.transaction.length = event.transaction_length;
        Ok(())
    }

    fn query<H: Handler>(
        &mut self,
        header: &Header,
        query: &Query<'_>,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        match Frame::of(query.query) {
            Frame::Begin => self.begin(header, query, Phase::Open, handler),
            Frame::Commit => self.commit(header, handler),
            Frame::Rollback => self.rollback(header, handler),
            Frame::Savepoint(name) => self.savepoint(name, handler),
            Frame::RollbackTo(name) => self.rollback_to(header, name, handler),
            Frame::Release | Frame::XaEnd => Ok(()),
            Frame::XaStart(_) => self.begin(header, query, Phase::OpenXa, handler),
            Frame::XaCommit(xid) => self.xa_commit(header, query, xid, handler),
            Frame::XaRollback(xid) => self.xa_rollback(header, query, xid, handler),
            // MySQL 8.0.21 and later write BEGIN before CREATE TABLE ... AS SELECT as well.
            Frame::CreateSelect | Frame::Statement if self.transaction.phase.is_open() => {
                self.statement(header, query, false, handler)
            }
            Frame::CreateSelect => {
                self.begin(header, query, Phase::Open, handler)?;
                self.statement(header, query, false, handler)
            }
            Frame::Statement => {
                self.begin(header, query, Phase::Open, handler)?;
                self.statement(header, query, true, handler)?;
                self.commit(header, handler)
            }
        }
    }

    fn begin<H: Handler>(
        &mut self,
        header: &Header,
        query: &Query<'_>,
        phase: Phase,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        if self.transaction.phase.is_open() {
            return Err(self.unfinished().into());
        }
        self.transaction
            .open(&self.stream, header, Some(query.thread_id), phase);
        handler.begin(&self.transaction.started(&self.stream))
    }

    fn statement<H: Handler>(
        &mut self,
        header: &Header,
        query: &Query<'_>,
        ends_group: bool,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        if self.transaction.without_effect {
            return Ok(());
        }
        self.tables.clear();
        handler.statement(&Statement {
            context: self.transaction.context(&self.stream, header),
            database: query.database,
            query: query.query,
            variables: query.variables,
            error_code: query.error_code,
            connection: header.flags.is_thread_specific().then_some(query.thread_id),
            ends_group,
        })
    }

    fn commit<H: Handler>(&mut self, header: &Header, handler: &mut H) -> Result<(), H::Error> {
        self.require_open()?;
        self.check_end()?;
        handler.commit(&self.transaction.ended(&self.stream, header))?;
        self.close();
        Ok(())
    }

    fn rollback<H: Handler>(&mut self, header: &Header, handler: &mut H) -> Result<(), H::Error> {
        self.require_open()?;
        handler.rollback(&Rollback::Logged(self.transaction.ended(&self.stream, header)))?;
        self.close();
        Ok(())
    }

    fn savepoint<H: Handler>(&mut self, name: &[u8], handler: &mut H) -> Result<(), H::Error> {
        self.require_open()?;
        let number = self.transaction.savepoints.set(name);
        handler.savepoint(number)
    }

    fn rollback_to<H: Handler>(
        &mut self,
        header: &Header,
        name: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        self.require_open()?;
        match self.transaction.savepoints.roll_back_to(name) {
            Some(number) => handler.rolled_back_to(number, &self.transaction.context(&self.stream, header)),
            None => Err(self.error(DecodeErrorKind::UnknownSavepoint).into()),
        }
    }

    fn close(&mut self) {
        self.transaction.close();
        self.tables.end_statement();
    }

    fn require_open(&self) -> Result<(), DecodeError> {
        if self.transaction.phase.is_open() {
            Ok(())
        } else {
            Err(self.error(DecodeErrorKind::NoTransaction))
        }
    }

    /// For the GTID of another transaction.
    fn require_outside(&self) -> Result<(), DecodeError> {
        if self.in_transaction() {
            Err(self.unfinished())
        } else {
            Ok(())
        }
    }

    fn unfinished(&self) -> DecodeError {
        self.error(DecodeErrorKind::UnfinishedTransaction(self.transaction.start))
    }

    fn post_header_len(&self, event_type: EventType, usual: usize) -> usize {
        self.stream
            .format
            .post_header_len(event_type)
            .filter(|len| *len != 0)
            .unwrap_or(usual)
    }

    fn rows_post_header_len(&self, event_type: EventType) -> usize {
        self.post_header_len(event_type, event_type.usual_rows_post_header_len())
    }

    /// Adds the place to what a reader of bytes says.
    #[inline(always)]
    fn read<T>(&self, result: Result<T, Malformed>) -> Result<T, DecodeError> {
        result.map_err(|cause| self.error(cause))
    }

    fn incident(&self, body: &[u8]) -> DecodeError {
        match Incident::read(body) {
            Ok(Incident { code, message }) => {
                let message = String::from_utf8_lossy(message).into_owned();
                self.error(DecodeErrorKind::Incident { code, message })
            }
            Err(cause) => self.error(cause),
        }
    }

    fn unsupported(&self, event_type: EventType) -> DecodeError {
        let advice = match event_type {
            EventType::PartialRowData => {
                "rows events in pieces are not supported yet: set binlog_row_event_fragment_threshold to its largest \
                 value on the server"
            }
            _ => "it is in a form that only MySQL 5.1 before its release, or older, wrote",
        };
        self.error(DecodeErrorKind::Unsupported(format!(
            "{event_type} cannot be decoded: {advice}"
        )))
    }

    /// Of an event that the stream may not have moved to.
    #[cold]
    fn not_opened(&mut self, cause: DecodeErrorKind) -> DecodeError {
        self.stream.start = self.stream.next;
        self.error(cause)
    }

    #[cold]
    fn error(&self, cause: impl Into<DecodeErrorKind>) -> DecodeError {
        let place = Place {
            event_type: self.event_type,
            position: BinlogPosition::new(self.stream.file.clone(), self.stream.start),
            gtid: self.transaction.gtid_text().map(str::to_owned),
            table: None,
        };
        DecodeError {
            cause: cause.into(),
            place: Box::new(place),
        }
    }
}

impl From<ChecksumError> for DecodeErrorKind {
    fn from(error: ChecksumError) -> Self {
        match error {
            ChecksumError::Malformed(cause) => Self::Unverifiable(cause),
            ChecksumError::Mismatch => Self::ChecksumMismatch,
        }
    }
}

/// A place that is kept in four bytes.
fn place(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
