//! The transaction that events belong to.

use std::fmt::Write as _;

use rowtide_event::Gtid;

use crate::event::{CommitTimestamps, EventType, Header};

use super::savepoints::Savepoints;
use super::stream::Stream;
use super::unprotected::Due;
use super::{EventContext, TransactionEnd, TransactionStart};

/// What is known of the transaction at hand.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) phase: Phase,
    pub(super) start: u64,
    pub(super) gtid: Option<Gtid>,
    gtid_text: String,
    commit: Option<CommitTimestamps>,
    timestamp: u32,
    server_id: u32,
    thread: Option<u32>,
    query: Vec<u8>,
    has_query: bool,
    pub(super) savepoints: Savepoints,
    /// Its statement is one that will be logged again when it has an effect, or never has one.
    pub(super) without_effect: bool,
    /// Its bytes, as its GTID says.
    pub(super) length: Option<u64>,
    pub(super) due: Due,
    /// Nothing was due before the event that is read, or the transaction's end.
    pub(super) may_end: bool,
}

/// How far the transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// None is open.
    #[default]
    Outside,
    /// Its GTID event was seen and nothing else.
    Announced,
    /// It has begun.
    Open,
    /// It has begun and is an XA transaction.
    OpenXa,
}

impl Phase {
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::OpenXa)
    }
}

impl Transaction {
    /// A GTID event.
    pub(super) fn announce(
        &mut self,
        stream: &Stream,
        header: &Header,
        gtid: Option<Gtid>,
        commit: Option<CommitTimestamps>,
    ) {
        self.reset(stream, header);
        self.phase = Phase::Announced;
        if let Some(gtid) = &gtid {
            // A String takes all that is written to it.
            let _ = write!(self.gtid_text, "{gtid}");
        }
        self.gtid = gtid;
        self.commit = commit;
    }

    /// The first event after GTID, or the first of all where there are none.
    pub(super) fn open(&mut self, stream: &Stream, header: &Header, thread: Option<u32>, phase: Phase) {
        if self.phase == Phase::Outside {
            self.reset(stream, header);
        }
        self.thread = thread;
        self.phase = phase;
    }

    fn reset(&mut self, stream: &Stream, header: &Header) {
        self.start = stream.start;
        self.timestamp = header.timestamp;
        self.server_id = header.server_id;
        self.close();
    }

    /// The transaction has ended.
    pub(super) fn close(&mut self) {
        self.phase = Phase::Outside;
        self.gtid = None;
        self.gtid_text.clear();
        self.commit = None;
        self.thread = None;
        self.has_query = false;
        self.without_effect = false;
        self.length = None;
        self.due = Due::Nothing;
        self.savepoints.clear();
    }

    /// A ROWS_QUERY, or MariaDB's ANNOTATE_ROWS.
    pub(super) fn remember_query(&mut self, query: &[u8]) {
        self.query.clear();
        self.query.extend_from_slice(query);
        self.has_query = true;
    }

    /// The last rows of a statement were seen.
    pub(super) fn end_statement(&mut self) {
        self.has_query = false;
    }

    pub(super) fn query(&self) -> Option<&[u8]> {
        self.has_query.then_some(self.query.as_slice())
    }

    pub(super) fn gtid_text(&self) -> Option<&str> {
        self.gtid.as_ref().map(|_| self.gtid_text.as_str())
    }

    pub(super) fn started<'a>(&'a self, stream: &'a Stream) -> TransactionStart<'a> {
        TransactionStart {
            file: &stream.file,
            pos: self.start,
            gtid: self.gtid.as_ref(),
            gtid_text: self.gtid_text(),
            commit: self.commit,
            timestamp: self.timestamp,
            server_id: self.server_id,
            thread: self.thread,
            xa: self.phase == Phase::OpenXa,
        }
    }

    pub(super) fn ended<'a>(&'a self, stream: &'a Stream, header: &Header) -> TransactionEnd<'a> {
        TransactionEnd {
            file: &stream.file,
            // A crash is noticed at the first event of the next file: that file is where reading goes on.
            pos: if header.event_type == EventType::FormatDescription {
                stream.start
            } else {
                stream.next
            },
            gtid: self.gtid.as_ref(),
            gtid_text: self.gtid_text(),
            commit: self.commit,
            timestamp: header.timestamp,
            server_id: self.server_id,
        }
    }

    pub(super) fn context<'a>(&'a self, stream: &'a Stream, header: &Header) -> EventContext<'a> {
        EventContext {
            file: &stream.file,
            pos: stream.start,
            end_pos: stream.next,
            timestamp: header.timestamp,
            server_id: header.server_id,
            gtid: self.gtid_text(),
            commit: self.commit,
            thread: self.thread,
            query: self.query(),
        }
    }
}
