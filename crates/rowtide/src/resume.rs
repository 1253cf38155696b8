//! Where to take up the stream: decided from the checkpoint, what was asked for, and what the server still has.

use std::collections::BTreeMap;

use rowtide_event::{BinlogPosition, Flavour, GtidSet};
use rowtide_kafka::history::HistoryRange;

use crate::progress::{InsideTransaction, Ledger, PreparedRows};
use crate::start::StartFrom;

/// What the server says about its binlog.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceState {
    /// The server's own identity, which changes with a failover.
    pub server_uuid: String,
    /// The GTIDs executed and purged, where GTIDs are on.
    pub gtids: Option<GtidState>,
    /// The binlog files that it has, oldest first, with their sizes in bytes.
    pub files: Vec<(String, u64)>,
    /// The end of its binlog.
    pub end: BinlogPosition,
}

/// A server's GTID sets.
#[derive(Debug, Clone, PartialEq)]
pub struct GtidState {
    /// All transactions in its history.
    pub executed: GtidSet,
    /// Those that are in no binlog file any more.
    pub purged: GtidSet,
}

/// What an earlier run has written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The server it was reading.
    pub server_uuid: String,
    /// How far it came.
    pub ledger: Ledger,
    /// The table filter it counted rows with.
    pub filter: Option<String>,
    /// The part of the schema history that belongs to it.
    pub history: Option<HistoryRange>,
}

/// How the dump is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum DumpStart {
    /// Everything that is not in the set.
    Gtid(GtidSet),
    /// Everything from the position.
    Position(BinlogPosition),
}

/// Where to take up the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Resume {
    /// How the dump is asked for.
    pub dump: DumpStart,
    /// GTIDs done before the first event of the dump, where GTIDs are on.
    pub gtids: Option<GtidSet>,
    /// The position of the first transaction, as far as it is known.
    pub position: BinlogPosition,
    /// The place inside the first transaction.
    pub inside: Option<InsideTransaction>,
    /// Transactions that start before this position are read for their GTIDs alone, and those in `prepared`.
    pub capture_from: Option<BinlogPosition>,
    /// XA transactions that were not decided yet; the dump begins early enough to hold their rows.
    pub prepared: BTreeMap<String, Option<PreparedRows>>,
    /// What the next PREVIOUS_GTIDS says about `gtids`.
    pub previous_gtids: PreviousGtids,
    /// Where transactions without GTIDs may begin that a dump by GTID leaves out; `None` if there can be none.
    pub unnamed_from: Option<BinlogPosition>,
}

/// What a PREVIOUS_GTIDS event, which says what was executed before its file, is to the GTIDs that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviousGtids {
    /// They are exact, or there are none: it must not have others.
    Same,
    /// They are of what was read since its file began: it adds what came before.
    Before,
    /// None are known, though the server has GTIDs by now: from here on they are.
    Begin,
}

impl Resume {
    /// From a position on, with no GTIDs and nothing left over from before.
    pub(crate) fn at(position: BinlogPosition) -> Self {
        Self {
            dump: DumpStart::Position(position.clone()),
            gtids: None,
            position,
            inside: None,
            capture_from: None,
            prepared: BTreeMap::new(),
            previous_gtids: PreviousGtids::Same,
            unnamed_from: None,
        }
    }

    /// Where the first event of the dump stands, as far as it is known.
    pub(crate) fn first_position(&self) -> &BinlogPosition {
        match &self.dump {
            DumpStart::Gtid(_) => &self.position,
            DumpStart::Position(position) => position,
        }
    }
}

/// Why the stream cannot be taken up. Each says what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ResumeRefused {
    /// The server has thrown away transactions that were not read.
    #[error(
        "the server has purged transactions that were never read: {missing}. They cannot be had from this server any \
         more. Point Rowtide at a server that still has them, or accept the gap by setting a new checkpoint with \
         `rowtide checkpoint set`, and keep binlogs longer (binlog_expire_logs_seconds)"
    )]
    PurgedGtids {
        /// What is missing.
        missing: GtidSet,
    },
    /// The server no longer has the file.
    #[error(
        "the server no longer has the binlog file {file}; the oldest is {oldest}. Its changes were never read and cannot \
         be had from this server any more. Accept the gap by setting a new checkpoint with `rowtide checkpoint set`, and \
         keep binlogs longer (binlog_expire_logs_seconds)"
    )]
    PurgedFile {
        /// The file to resume in.
        file: String,
        /// The oldest one there is.
        oldest: String,
    },
    /// A file that the server has never written.
    #[error("the server has no binlog file {file}; SHOW BINARY LOGS lists what it has")]
    NoSuchFile {
        /// The file asked for.
        file: String,
    },
    /// A position behind the end of a file.
    #[error(
        "position {position} lies behind the end of the file, which has {size} bytes: the server was restored from a \
         backup, lost its tail in a crash, or is another server. Nothing is guessed; after making sure what happened, set \
         a new checkpoint with `rowtide checkpoint set`"
    )]
    BehindEnd {
        /// The position to resume from.
        position: BinlogPosition,
        /// The file's size in bytes.
        size: u64,
    },
    /// The server counts its transactions from the beginning again.
    #[error(
        "the server has not come to {position}, where the checkpoint is: its binlog was begun anew (RESET MASTER, RESET \
         BINARY LOGS AND GTIDS), was restored from a backup or has lost its tail in a crash, and since then other \
         transactions have been given GTIDs that the checkpoint holds. Nothing is guessed; after making sure what happened, \
         set a new checkpoint with `rowtide checkpoint set`"
    )]
    BegunAnew {
        /// The position of the checkpoint.
        position: BinlogPosition,
    },
    /// The checkpoint is of transactions that the server does not know.
    #[error(
        "the checkpoint holds transactions that the server has never executed: {extra}. It was made from another server, \
         or this one was restored from a backup. Point Rowtide at the right server, use another --topic-prefix for a new \
         source, or set a new checkpoint with `rowtide checkpoint set`"
    )]
    OtherLineage {
        /// What the server does not have.
        extra: GtidSet,
    },
    /// Another server, and no GTIDs to find the place on it.
    #[error(
        "the checkpoint was made from the server {recorded} and this is {found}; without GTIDs a position of the one means \
         nothing on the other. Point Rowtide at the first, or set a new checkpoint with `rowtide checkpoint set`"
    )]
    OtherServer {
        /// The server of the checkpoint.
        recorded: String,
        /// The server that answered.
        found: String,
    },
    /// Another server, and rows that only a position tells.
    #[error(
        "the checkpoint holds prepared XA transactions whose rows are to be read again by file and position, and this is \
         another server than the one it was made from. Point Rowtide at that one until they are decided (XA RECOVER lists \
         them), or set a new checkpoint with `rowtide checkpoint set`"
    )]
    PreparedElsewhere,
    /// What a dump by GTID would leave out.
    #[error(
        "the transaction at {position} was never read and has no GTID: gtid_mode was off for a while. SET GLOBAL gtid_mode = \
         ON_PERMISSIVE until all of it is read, then go back to ON; or accept the gap by setting a new checkpoint with \
         `rowtide checkpoint set --gtid`"
    )]
    Unnamed {
        /// Where it starts.
        position: BinlogPosition,
    },
    /// GTIDs are needed and off.
    #[error(
        "a GTID set was given and the server has gtid_mode off; start from position:FILE:POS, or turn GTIDs on"
    )]
    GtidsOff,
    /// A cut transaction was counted with other filters.
    #[error(
        "the checkpoint lies inside a transaction whose rows were counted with other table filters; run once with the \
         filters it was made with until the transaction has passed, then change them. If it will never come again, since it \
         was lost with a server, set a new checkpoint with `rowtide checkpoint set`"
    )]
    FilterChanged,
    /// No binlog files.
    #[error("the server lists no binlog files; is log_bin on?")]
    NoFiles,
}

/// Decides where to take up the stream.
///
/// # Errors
/// [`ResumeRefused`] wherever going on would lose or repeat changes.
pub fn resume(
    recorded: Option<&Recorded>,
    start: &StartFrom,
    filter: &str,
    source: &SourceState,
) -> Result<Resume, ResumeRefused> {
    match recorded {
        Some(recorded) => from_checkpoint(recorded, filter, source),
        None => from_start(start, source),
    }
}

fn from_checkpoint(recorded: &Recorded, filter: &str, source: &SourceState) -> Result<Resume, ResumeRefused> {
    let ledger = &recorded.ledger;
    if ledger.inside.is_some() && recorded.filter.as_deref() != Some(filter) {
        return Err(ResumeRefused::FilterChanged);
    }
    let mut resume = Resume {
        inside: ledger.inside.clone(),
        prepared: ledger.prepared.clone(),
        ..Resume::at(ledger.position.clone())
    };
    let oldest = oldest_rows(&ledger.prepared);
    if let (Some(done), Some(state)) = (&ledger.gtids, &source.gtids) {
        check_gtids(done, state)?;
        check_not_begun_anew(recorded, done, state, source)?;
        resume.gtids = Some(done.clone());
        // MariaDB's says how far a domain has come, and cannot leave out transactions that wait for a decision.
        if oldest.is_none() || done.flavour() != Some(Flavour::MariaDb) {
            resume.dump = DumpStart::Gtid(done.clone());
            resume.unnamed_from = unnamed_from(recorded, source);
            return Ok(resume);
        }
        if recorded.server_uuid != source.server_uuid {
            return Err(ResumeRefused::PreparedElsewhere);
        }
    } else {
        check_same_server(recorded, source)?;
        // They were turned on since. The server sends nothing any more that has none.
        if source.gtids.is_some() && ledger.prepared.is_empty() {
            resume.previous_gtids = PreviousGtids::Begin;
        }
    }
    check_position(&ledger.position, source)?;
    if let Some(oldest) = oldest {
        check_position(oldest, source)?;
        resume.dump = DumpStart::Position(oldest.clone());
        resume.capture_from = Some(ledger.position.clone());
    }
    Ok(resume)
}

/// The place of the checkpoint, or the oldest file that is left, unless the checkpoint is in the newest file. MariaDB's transactions
/// have GTIDs always.
fn unnamed_from(recorded: &Recorded, source: &SourceState) -> Option<BinlogPosition> {
    let is_mysql = matches!(recorded.ledger.gtids, Some(GtidSet::MySql(_)));
    if !is_mysql || recorded.server_uuid != source.server_uuid {
        return None;
    }
    let position = &recorded.ledger.position;
    let has = |file: &String| source.files.iter().any(|(name, _)| name == file);
    let (newer, _) = source
        .files
        .iter()
        .find(|(name, _)| older(&position.file, name))?;
    match has(&position.file) {
        true => Some(position.clone()),
        false => Some(BinlogPosition::new(newer, FILE_START)),
    }
}

/// Where the first of the rows stand that wait for a decision.
fn oldest_rows(prepared: &BTreeMap<String, Option<PreparedRows>>) -> Option<&BinlogPosition> {
    let positions = prepared.values().flatten().map(|rows| &rows.position);
    positions.reduce(|a, b| if is_before(b, a) { b } else { a })
}

/// Whether `a` comes before `b` in the binlog of one server.
pub(crate) fn is_before(a: &BinlogPosition, b: &BinlogPosition) -> bool {
    if a.file == b.file {
        a.pos < b.pos
    } else {
        older(&a.file, &b.file)
    }
}

fn from_start(start: &StartFrom, source: &SourceState) -> Result<Resume, ResumeRefused> {
    match start {
        StartFrom::Now => Ok(at_end(source)),
        StartFrom::Earliest => {
            let (oldest, _) = source.files.first().ok_or(ResumeRefused::NoFiles)?;
            Ok(at_file_start(BinlogPosition::new(oldest, FILE_START), source))
        }
        StartFrom::Gtid(set) => {
            let state = source.gtids.as_ref().ok_or(ResumeRefused::GtidsOff)?;
            check_gtids(set, state)?;
            let resume = at_end(source);
            Ok(Resume {
                dump: DumpStart::Gtid(set.clone()),
                gtids: Some(set.clone()),
                ..resume
            })
        }
        StartFrom::Position(position) => {
            check_position(position, source)?;
            Ok(at_position(position, source))
        }
    }
}

/// The position of the first event of every binlog file, after its magic number.
pub(crate) const FILE_START: u64 = 4;

fn at_end(source: &SourceState) -> Resume {
    let end = Resume::at(source.end.clone());
    match source.gtids.as_ref().map(|gtids| gtids.executed.newest()) {
        None => end,
        Some(executed) => Resume {
            dump: DumpStart::Gtid(executed.clone()),
            gtids: Some(executed),
            ..end
        },
    }
}

fn at_file_start(position: BinlogPosition, source: &SourceState) -> Resume {
    let gtids = source.gtids.as_ref().map(|_| GtidSet::default());
    let previous_gtids = match gtids {
        Some(_) => PreviousGtids::Before,
        None => PreviousGtids::Same,
    };
    Resume {
        gtids,
        previous_gtids,
        ..Resume::at(position)
    }
}

/// With GTIDs on, the file is read from its start, so that the set of what came before the position is exact.
fn at_position(position: &BinlogPosition, source: &SourceState) -> Resume {
    if source.gtids.is_none() {
        return at_file_start(position.clone(), source);
    }
    let from_start = at_file_start(BinlogPosition::new(&position.file, FILE_START), source);
    Resume {
        position: position.clone(),
        capture_from: Some(position.clone()),
        ..from_start
    }
}

fn check_gtids(done: &GtidSet, state: &GtidState) -> Result<(), ResumeRefused> {
    let extra = done.subtract(&state.executed);
    if !extra.is_empty() {
        return Err(ResumeRefused::OtherLineage { extra });
    }
    let missing = state.purged.subtract(done);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(ResumeRefused::PurgedGtids { missing })
    }
}

/// A server that has all transactions of the checkpoint may have made others of the same GTIDs: its files hold such, and have
/// not come to where the checkpoint is. If none of them is in its files, its earlier files are gone (RESET and `gtid_purged`).
/// MariaDB's servers have no names of their own by which to know that it is the same one.
fn check_not_begun_anew(
    recorded: &Recorded,
    done: &GtidSet,
    state: &GtidState,
    source: &SourceState,
) -> Result<(), ResumeRefused> {
    let position = &recorded.ledger.position;
    let is_same = matches!(done, GtidSet::MySql(_)) && recorded.server_uuid == source.server_uuid;
    if !is_same || done.subtract(&state.purged).is_empty() {
        return Ok(());
    }
    let file = source.files.iter().find(|(name, _)| *name == position.file);
    let has_come_there = match (file, source.files.last()) {
        (Some((_, size)), _) => position.pos <= *size,
        (None, Some((newest, _))) => !older(newest, &position.file),
        (None, None) => true,
    };
    match has_come_there {
        true => Ok(()),
        false => Err(ResumeRefused::BegunAnew {
            position: position.clone(),
        }),
    }
}

fn check_same_server(recorded: &Recorded, source: &SourceState) -> Result<(), ResumeRefused> {
    if recorded.server_uuid == source.server_uuid {
        return Ok(());
    }
    Err(ResumeRefused::OtherServer {
        recorded: recorded.server_uuid.clone(),
        found: source.server_uuid.clone(),
    })
}

fn check_position(position: &BinlogPosition, source: &SourceState) -> Result<(), ResumeRefused> {
    let file = position.file.clone();
    match source.files.iter().find(|(name, _)| *name == file) {
        Some((_, size)) if position.pos > *size => Err(ResumeRefused::BehindEnd {
            position: position.clone(),
            size: *size,
        }),
        Some(_) => Ok(()),
        None => match source.files.first() {
            None => Err(ResumeRefused::NoFiles),
            Some((oldest, _)) if older(&file, oldest) => Err(ResumeRefused::PurgedFile {
                file,
                oldest: oldest.clone(),
            }),
            Some(_) => Err(ResumeRefused::NoSuchFile { file }),
        },
    }
}

/// Whether `file` belongs to the same series as `oldest` and has a lower number.
fn older(file: &str, oldest: &str) -> bool {
    let split = |name: &str| {
        name.rsplit_once('.')
            .and_then(|(b, n)| Some((b.to_owned(), n.parse::<u64>().ok()?)))
    };
    matches!((split(file), split(oldest)), (Some((a, n)), Some((b, m))) if a == b && n < m)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "9de2dde1-e55f-11f1-bc9f-02fc00000001";

    fn set(intervals: &str) -> GtidSet {
        if intervals.is_empty() {
            GtidSet::default()
        } else {
            format!("{UUID}:{intervals}").parse().unwrap()
        }
    }

    fn source(executed: &str, purged: &str) -> SourceState {
        SourceState {
            server_uuid: UUID.into(),
            gtids: Some(GtidState {
                executed: set(executed),
                purged: set(purged),
            }),
            files: vec![("b.000003".into(), 1000), ("b.000004".into(), 500)],
            end: BinlogPosition::new("b.000004", 500),
        }
    }

    fn without_gtids() -> SourceState {
        SourceState {
            gtids: None,
            ..source("", "")
        }
    }

    fn recorded(gtids: Option<&str>, file: &str, pos: u64) -> Recorded {
        let ledger = Ledger {
            gtids: gtids.map(set),
            prepared: BTreeMap::new(),
            position: BinlogPosition::new(file, pos),
            inside: None,
            source_ts_us: 0,
        };
        Recorded {
            server_uuid: UUID.into(),
            ledger,
            filter: Some("f".into()),
            history: None,
        }
    }

    fn refused(recorded: &Recorded, source: &SourceState) -> ResumeRefused {
        resume(Some(recorded), &StartFrom::Now, "f", source).unwrap_err()
    }

    #[test]
    fn a_checkpoint_counts_more_than_what_was_asked_for() {
        let r = resume(
            Some(&recorded(Some("1-5"), "b.000003", 400)),
            &StartFrom::Earliest,
            "f",
            &source("1-9", "1-2"),
        );
        assert_eq!(r.unwrap().dump, DumpStart::Gtid(set("1-5")));
        let r = resume(
            Some(&recorded(None, "b.000003", 400)),
            &StartFrom::Now,
            "f",
            &without_gtids(),
        )
        .unwrap();
        assert_eq!(r.dump, DumpStart::Position(BinlogPosition::new("b.000003", 400)));
    }

    #[test]
    fn purged_transactions_stop_and_are_named() {
        let e = refused(&recorded(Some("1-5"), "b.000001", 4), &source("1-9", "1-7"));
        assert_eq!(e, ResumeRefused::PurgedGtids { missing: set("6-7") });
        let e = refused(&recorded(None, "b.000001", 4), &without_gtids());
        assert_eq!(
            e,
            ResumeRefused::PurgedFile {
                file: "b.000001".into(),
                oldest: "b.000003".into()
            }
        );
    }

    #[test]
    fn another_lineage_is_refused() {
        let e = refused(&recorded(Some("1-12"), "b.000003", 4), &source("1-9", ""));
        assert_eq!(e, ResumeRefused::OtherLineage { extra: set("10-12") });
        let mut other = recorded(None, "b.000003", 4);
        other.server_uuid = "other".into();
        let e = refused(&other, &without_gtids());
        assert_eq!(
            e,
            ResumeRefused::OtherServer {
                recorded: "other".into(),
                found: UUID.into()
            }
        );
        let e = refused(&recorded(None, "b.000004", 501), &without_gtids());
        assert_eq!(
            e,
            ResumeRefused::BehindEnd {
                position: BinlogPosition::new("b.000004", 501),
                size: 500
            }
        );
        let e = refused(&recorded(None, "c.000004", 4), &without_gtids());
        assert_eq!(
            e,
            ResumeRefused::NoSuchFile {
                file: "c.000004".into()
            }
        );
    }

    #[test]
    fn a_binlog_that_was_begun_anew_is_refused_whatever_its_gtids() {
        let resumed = |file: &str, pos, uuid: &str| {
            let mut recorded = recorded(Some("1-5"), file, pos);
            recorded.server_uuid = uuid.into();
            resume(Some(&recorded), &StartFrom::Now, "f", &source("1-9", "1-4"))
        };
        for (file, pos) in [("b.000005", 4), ("b.000004", 501), ("b.000003", 1001)] {
            let position = BinlogPosition::new(file, pos);
            let refused = Err(ResumeRefused::BegunAnew { position });
            assert_eq!(resumed(file, pos, UUID), refused);
            assert!(resumed(file, pos, "other").is_ok(), "a failover");
        }
        for (file, pos) in [
            ("b.000004", 500),
            ("b.000003", 1000),
            ("b.000001", 9000),
            ("c.000009", 4),
            ("", 0),
        ] {
            assert!(resumed(file, pos, UUID).is_ok(), "{file}:{pos}");
        }
        let restored = recorded(Some("1-5"), "b.000005", 4);
        let resumed = resume(Some(&restored), &StartFrom::Now, "f", &source("1-9", "1-5"));
        assert!(
            resumed.is_ok(),
            "its files are others, and its GTIDs are the same"
        );
    }

    #[test]
    fn a_failover_with_gtids_goes_on() {
        let mut other = recorded(Some("1-5"), "x.000001", 99);
        other.server_uuid = "other".into();
        let r = resume(Some(&other), &StartFrom::Now, "f", &source("1-9", "")).unwrap();
        assert_eq!(r.dump, DumpStart::Gtid(set("1-5")));
    }

    #[test]
    fn gtids_begin_where_they_were_turned_on() {
        let at = recorded(None, "b.000003", 900);
        let r = resume(Some(&at), &StartFrom::Now, "f", &source("1-9", "")).unwrap();
        assert_eq!(r.dump, DumpStart::Position(BinlogPosition::new("b.000003", 900)));
        assert_eq!((r.gtids, r.previous_gtids), (None, PreviousGtids::Begin));
        let r = resume(Some(&at), &StartFrom::Now, "f", &without_gtids()).unwrap();
        assert_eq!((r.gtids, r.previous_gtids), (None, PreviousGtids::Same));
    }

    #[test]
    fn behind_the_file_of_the_checkpoint_there_may_be_transactions_without_gtids() {
        let unnamed_from = |recorded: &Recorded| {
            let resume = resume(Some(recorded), &StartFrom::Now, "f", &source("1-9", ""));
            resume.unwrap().unnamed_from
        };
        let at = |file| recorded(Some("1-5"), file, 400);
        let place = |file, pos| Some(BinlogPosition::new(file, pos));
        assert_eq!(unnamed_from(&at("b.000003")), place("b.000003", 400));
        assert_eq!(unnamed_from(&at("b.000004")), None, "it is the newest");
        assert_eq!(
            unnamed_from(&at("b.000001")),
            place("b.000003", FILE_START),
            "it is purged"
        );
        assert_eq!(unnamed_from(&at("")), None, "it was set by its GTIDs");
        assert_eq!(
            unnamed_from(&recorded(None, "b.000003", 400)),
            None,
            "it goes by position"
        );
        let mut other = at("b.000003");
        other.server_uuid = "other".into();
        assert_eq!(unnamed_from(&other), None);
    }

    #[test]
    fn rows_counted_with_another_filter_are_not_skipped() {
        let mut cut = recorded(Some("1-5"), "b.000003", 4);
        cut.ledger.inside = Some(InsideTransaction { gtid: None, rows: 3 });
        assert_eq!(
            resume(Some(&cut), &StartFrom::Now, "g", &source("1-9", "")),
            Err(ResumeRefused::FilterChanged)
        );
        assert!(resume(Some(&cut), &StartFrom::Now, "f", &source("1-9", "")).is_ok());
    }

    #[test]
    fn the_four_starts() {
        let s = source("1-9", "1-2");
        let at = |start: &StartFrom, s: &SourceState| resume(None, start, "f", s);
        assert_eq!(at(&StartFrom::Now, &s).unwrap().dump, DumpStart::Gtid(set("1-9")));
        assert_eq!(
            at(&StartFrom::Now, &without_gtids()).unwrap().dump,
            DumpStart::Position(s.end.clone())
        );
        let earliest = at(&StartFrom::Earliest, &s).unwrap();
        assert_eq!(
            earliest.dump,
            DumpStart::Position(BinlogPosition::new("b.000003", 4))
        );
        assert_eq!(earliest.previous_gtids, PreviousGtids::Before);
        assert_eq!(
            at(&StartFrom::Gtid(set("1-3")), &s).unwrap().gtids,
            Some(set("1-3"))
        );
        assert_eq!(
            at(&StartFrom::Gtid(set("1-3")), &without_gtids()),
            Err(ResumeRefused::GtidsOff)
        );
        let position = BinlogPosition::new("b.000004", 200);
        let r = at(&StartFrom::Position(position.clone()), &s).unwrap();
        assert_eq!(r.dump, DumpStart::Position(BinlogPosition::new("b.000004", 4)));
        assert_eq!(r.capture_from, Some(position));
        assert_eq!(
            at(&StartFrom::Gtid(set("1")), &s),
            Err(ResumeRefused::PurgedGtids { missing: set("2") })
        );
    }
}
