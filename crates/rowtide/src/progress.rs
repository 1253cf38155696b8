//! What has been handed over, what is durable, and when to commit: decisions without I/O, clock or randomness.
//!
//! The delivery thread tells [`CommitPolicy`] what it produced and what time it is, and asks what to do next;
//! [`Ledger`] turns the progress of parcels into the place to resume from.

use std::collections::BTreeMap;

use rowtide_event::{BinlogPosition, Gtid, GtidSet};

use crate::resume::Resume;

/// Milliseconds of a monotonic clock; only differences mean anything.
pub type Millis = u64;

/// How far the stream has come at the end of a parcel.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What was executed before a file, where the binlog is read from that file's start, or GTIDs are known from there on.
    pub previous: Option<GtidSet>,
    /// Transactions that ended in the parcel, in order.
    pub ended: Vec<Gtid>,
    /// XA transactions that were prepared or decided in the parcel, in order.
    pub xa: Vec<XaStep>,
    /// Where to resume: after the last transaction that ended, or at the start of the one the parcel ends in.
    pub position: BinlogPosition,
    /// Set when the parcel ends inside a transaction.
    pub inside: Option<InsideTransaction>,
    /// When the newest change of the parcel was committed on the source, in microseconds since 1970; 0 if unknown.
    pub source_ts_us: u64,
}

/// A place inside a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct InsideTransaction {
    /// The transaction, where the server has GTIDs.
    pub gtid: Option<Gtid>,
    /// The last of its captured row changes that was handed over, counted from 1 as they stand in the binlog.
    pub rows: u64,
}

/// A step in the life of an XA transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum XaStep {
    /// It was prepared, and is decided later.
    Prepared {
        /// Its name, as XA statements write it.
        xid: String,
        /// Where its rows are; none if it has none of captured tables.
        rows_at: Option<PreparedRows>,
    },
    /// A statement has changed a table of which it has rows: they cannot be read again.
    ReadNoMore {
        /// Its name.
        xid: String,
    },
    /// It was committed or rolled back.
    Decided {
        /// Its name.
        xid: String,
    },
}

/// Where the rows of a prepared XA transaction are to be read again.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedRows {
    /// The transaction that ends with XA PREPARE, where the server has GTIDs.
    pub gtid: Option<Gtid>,
    /// Where it starts.
    pub position: BinlogPosition,
}

/// The sum of all progress: what a checkpoint says.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// All transactions that are done, where the server has GTIDs. Those in `prepared` with rows are not.
    pub gtids: Option<GtidSet>,
    /// XA transactions that are prepared and not decided, by their xid.
    pub prepared: BTreeMap<String, Option<PreparedRows>>,
    /// Where to resume.
    pub position: BinlogPosition,
    /// The place inside a transaction: that at `position`, or one that is still to come.
    pub inside: Option<InsideTransaction>,
    /// When the newest change was committed on the source, in microseconds since 1970; 0 if unknown.
    pub source_ts_us: u64,
}

impl Ledger {
    /// Nothing read yet, at the place where the stream is taken up.
    pub fn at(resume: &Resume) -> Self {
        Self {
            gtids: resume.gtids.clone(),
            prepared: resume.prepared.clone(),
            position: resume.position.clone(),
            inside: resume.inside.clone(),
            source_ts_us: 0,
        }
    }

    /// Adds the progress of the next parcel.
    pub fn advance(&mut self, progress: Progress) {
        if let Some(previous) = &progress.previous {
            self.gtids.get_or_insert_default().union(previous);
        }
        if let Some(gtids) = &mut self.gtids {
            for gtid in &progress.ended {
                gtids.insert(gtid);
            }
        }
        for step in progress.xa {
            self.step(step);
        }
        let was_at = std::mem::replace(&mut self.position, progress.position);
        self.inside = match progress.inside {
            None => self.inside.take().filter(|inside| !self.is_over(inside, &was_at)),
            inside => inside,
        };
        self.source_ts_us = self.source_ts_us.max(progress.source_ts_us);
    }

    /// Whether the transaction of which a part was delivered has ended, where it began at `began_at`. It may not have come yet
    /// again: the server tells how far it has looked for it, and another one may have logged other transactions before it.
    fn is_over(&self, inside: &InsideTransaction, began_at: &BinlogPosition) -> bool {
        match (&self.gtids, &inside.gtid) {
            (Some(done), Some(gtid)) => done.contains(gtid),
            _ => self.position != *began_at,
        }
    }

    fn step(&mut self, step: XaStep) {
        match step {
            XaStep::Prepared { xid, rows_at } => {
                self.prepared.insert(xid, rows_at);
            }
            XaStep::ReadNoMore { xid } | XaStep::Decided { xid } => {
                let rows_at = self.prepared.remove(&xid).flatten();
                // MariaDB's position is behind it already: it must not go back.
                if let (Some(gtids), Some(gtid)) = (&mut self.gtids, rows_at.and_then(|at| at.gtid))
                    && !gtids.contains(&gtid)
                {
                    gtids.insert(&gtid);
                }
            }
        }
    }
}

/// When a Kafka transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitLimits {
    /// Bytes of keys and values after which it is committed at the next end of a source transaction; at twice as many,
    /// inside one.
    pub bytes: usize,
    /// Milliseconds after which it is committed, or more where commits take long: [`CommitPolicy`].
    pub age_ms: Millis,
    /// How often a position that moves without any captured change is written down, in milliseconds.
    pub position_only_ms: Millis,
}

impl Default for CommitLimits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            age_ms: 200,
            position_only_ms: 5_000,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Commit what is open.
    Commit,
    /// Wait for the next parcel for at most so many milliseconds.
    Wait(Millis),
}

/// Decides when the open Kafka transaction is committed: when it is large, when it is old, or when the source has
/// nothing more to send at the moment, so that a change is visible at once under light load and transactions are large
/// in a backlog.
///
/// A commit takes the longer the more partitions it concerns, each of which gets its last records and a marker. So that
/// commits do not take most of the time of a backlog of many tables, a transaction becomes [`COMMIT_SHARE`] times as old as the
/// last commit took, or [`COMMIT_SHARE_BYTES`] times as large as it may be otherwise; and where much is open, a source that has nothing
/// more to send may have some in a moment, for which that share of a commit's time is waited.
#[derive(Debug)]
pub struct CommitPolicy {
    limits: CommitLimits,
    open: Option<Open>,
    last_commit_took: Millis,
    last_parcel: Millis,
    source_idle: bool,
    ends: Ends,
    /// Bytes of the parts of what was produced last, if it came in parts.
    round_bytes: usize,
}

/// A parcel that was produced.
#[derive(Debug, Clone, Copy)]
pub struct Produced {
    /// Bytes of keys and values.
    pub bytes: usize,
    /// Records.
    pub records: usize,
    /// When it was made, the source had no further bytes waiting.
    pub source_idle: bool,
    /// What it ends.
    pub ends: Ends,
}

/// What the records that were produced end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Source transactions, all of them.
    Transactions,
    /// Its end is inside a source transaction.
    InsideTransaction,
    /// Nothing: it is a part of rows that are handed over table by table, and without the others there is no place to resume
    /// from.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: Millis,
    bytes: usize,
    records: usize,
}

/// A Kafka transaction that ends inside a source transaction stays open so many times longer, so that a source
/// transaction that is not huge is seen as a whole.
const PATIENCE_INSIDE: Millis = 25;

/// How much longer than the last commit a transaction is open before it is committed for its age. A commit takes the broker
/// about twice as long as its answer: the markers are written behind it.
const COMMIT_SHARE: Millis = 8;

/// How many times as large a transaction becomes until then.
const COMMIT_SHARE_BYTES: usize = 8;

/// A transaction with this part of the bytes that it may have is one of a backlog: under light load, changes that come one by
/// one would wait for one another.
const BACKLOG_PART: usize = 64;

/// The longest that slow commits keep a transaction open: well below the time after which Kafka aborts it.
const SLOW_COMMIT_LIMIT: Millis = 10_000;

/// The longest wait when nothing is open: only how often the delivery thread looks around.
const NOTHING_OPEN: Millis = 1_000;

impl CommitPolicy {
    /// A policy with nothing open.
    pub fn new(limits: CommitLimits) -> Self {
        Self {
            limits,
            open: None,
            last_commit_took: 0,
            last_parcel: 0,
            source_idle: true,
            ends: Ends::Transactions,
            round_bytes: 0,
        }
    }

    /// A parcel was produced at `now`.
    pub fn produced(&mut self, now: Millis, parcel: Produced) {
        let open = self.open.get_or_insert(Open {
            since: now,
            bytes: 0,
            records: 0,
        });
        open.bytes = open.bytes.saturating_add(parcel.bytes);
        open.records = open.records.saturating_add(parcel.records);
        self.last_parcel = now;
        self.source_idle = parcel.source_idle;
        let parts = match parcel.ends {
            Ends::Nothing => parcel.bytes,
            _ => 0,
        };
        self.round_bytes = match self.ends {
            Ends::Nothing => self.round_bytes.saturating_add(parts),
            _ => parts,
        };
        self.ends = parcel.ends;
    }

    /// Everything open was committed, in so many milliseconds.
    pub fn committed(&mut self, took: Millis) {
        self.open = None;
        self.last_commit_took = took;
    }

    /// Whether something is produced and not committed.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What to do at `now`, given whether another parcel is already waiting.
    pub fn next(&self, now: Millis, parcel_waiting: bool) -> Next {
        let Some(open) = self.open else {
            return Next::Wait(NOTHING_OPEN);
        };
        if self.ends == Ends::Nothing {
            return Next::Wait(NOTHING_OPEN);
        }
        let limit = self.age_limit(open);
        let age = now.saturating_sub(open.since);
        let idle = open.records > 0 && self.source_idle && !parcel_waiting;
        let rest = match idle {
            true => self.rest_of_pause(now, open).min(limit.saturating_sub(age)),
            false => limit.saturating_sub(age),
        };
        match rest {
            0 => Next::Commit,
            _ if open.bytes >= self.bytes_limit(age) => Next::Commit,
            rest => Next::Wait(rest),
        }
    }

    /// How much longer an idle source is waited for: in a backlog, for one that was only slow for a moment.
    fn rest_of_pause(&self, now: Millis, open: Open) -> Millis {
        let pause = match open.bytes.saturating_mul(BACKLOG_PART) >= self.limits.bytes {
            true => self.last_commit_took / COMMIT_SHARE,
            false => 0,
        };
        pause.saturating_sub(now.saturating_sub(self.last_parcel))
    }

    fn bytes_limit(&self, age: Millis) -> usize {
        let is_large_round = self.round_bytes >= self.limits.bytes;
        let patience = match age < self.slow_limit() && !is_large_round {
            true => COMMIT_SHARE_BYTES,
            false if self.is_inside() => 2,
            false => 1,
        };
        self.limits.bytes.saturating_mul(patience)
    }

    /// The age that a transaction has at least in a backlog, since commits are slow.
    fn slow_limit(&self) -> Millis {
        self.last_commit_took
            .saturating_mul(COMMIT_SHARE)
            .min(SLOW_COMMIT_LIMIT)
    }

    fn is_inside(&self) -> bool {
        self.ends == Ends::InsideTransaction
    }

    /// Whether without more records there is no place to resume from.
    pub fn is_incomplete(&self) -> bool {
        self.ends == Ends::Nothing
    }

    /// Whether a round that is not complete has been open for longer than slow commits may keep a transaction open.
    pub fn is_long_in_a_round(&self, now: Millis) -> bool {
        let limit = SLOW_COMMIT_LIMIT.saturating_mul(2);
        let is_old = |open: &Open| now.saturating_sub(open.since) >= limit;
        self.is_incomplete() && self.open.as_ref().is_some_and(is_old)
    }

    fn age_limit(&self, open: Open) -> Millis {
        let slow = self.slow_limit();
        match (open.records, self.is_inside()) {
            (0, _) => self.limits.position_only_ms,
            (_, true) => self.limits.age_ms.saturating_mul(PATIENCE_INSIDE).max(slow),
            (_, false) => self.limits.age_ms.max(slow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CommitLimits = CommitLimits {
        bytes: 1000,
        age_ms: 200,
        position_only_ms: 5_000,
    };

    fn after(bytes: usize, records: usize, idle: bool) -> CommitPolicy {
        let mut policy = CommitPolicy::new(LIMITS);
        policy.produced(10_000, parcel(bytes, records, idle));
        policy
    }

    /// A parcel that ends between two source transactions.
    fn parcel(bytes: usize, records: usize, idle: bool) -> Produced {
        Produced {
            bytes,
            records,
            source_idle: idle,
            ends: Ends::Transactions,
        }
    }

    #[test]
    fn slow_commits_make_transactions_longer_up_to_a_limit() {
        for (took, age) in [(0, 200), (25, 200), (100, 800), (1_000, 8_000), (60_000, 10_000)] {
            let mut policy = after(10, 1, true);
            policy.committed(took);
            policy.produced(20_000, parcel(10, 1, false));
            assert_eq!(policy.next(20_000, true), Next::Wait(age), "{took} ms");
            assert_eq!(policy.next(20_000 + age, true), Next::Commit, "{took} ms");
        }
    }

    #[test]
    fn an_idle_source_is_waited_for_where_commits_are_slow() {
        for (took, pause) in [(0, 0), (7, 0), (80, 10), (1_000, 125)] {
            let mut policy = after(10, 1, true);
            policy.committed(took);
            let idle = parcel(10, 1, true);
            policy.produced(20_000, idle);
            assert_eq!(policy.next(20_000, false), Next::Commit, "little is open");
            policy.produced(20_001, idle);
            if pause > 0 {
                assert_eq!(policy.next(20_001, false), Next::Wait(pause), "{took} ms");
            }
            assert_eq!(policy.next(20_001 + pause, false), Next::Commit, "{took} ms");
            policy.produced(20_002 + pause, idle);
            assert_ne!(policy.next(20_002 + pause, true), Next::Commit, "more is there");
        }
    }

    #[test]
    fn slow_commits_make_transactions_larger_up_to_a_limit() {
        let mut policy = after(10, 1, true);
        policy.committed(100);
        let busy = |bytes| parcel(bytes, 1, false);
        policy.produced(20_000, busy(1000));
        assert_eq!(policy.next(20_000, true), Next::Wait(800));
        assert_eq!(policy.next(20_800, true), Next::Commit);
        policy.produced(20_001, busy(6999));
        assert_eq!(policy.next(20_001, true), Next::Wait(799));
        policy.produced(20_002, busy(1));
        assert_eq!(policy.next(20_002, true), Next::Commit);
    }

    #[test]
    fn a_source_transaction_is_not_cut_by_age_alone() {
        let policy = inside(10);
        assert_eq!(policy.next(300, true), Next::Wait(4_700));
        assert_eq!(policy.next(5_000, true), Next::Commit);
    }

    #[test]
    fn a_source_transaction_is_cut_at_twice_the_bytes() {
        assert_eq!(inside(1_999).next(0, true), Next::Wait(5_000));
        assert_eq!(inside(2_000).next(0, true), Next::Commit);
    }

    /// After a parcel at 0 that ends inside a source transaction.
    fn inside(bytes: usize) -> CommitPolicy {
        let mut policy = CommitPolicy::new(LIMITS);
        let parcel = Produced {
            bytes,
            records: 1,
            source_idle: false,
            ends: Ends::InsideTransaction,
        };
        policy.produced(0, parcel);
        policy
    }

    /// After a round of rows that came table by table.
    fn round(bytes: usize, took: Millis) -> CommitPolicy {
        let mut policy = CommitPolicy::new(LIMITS);
        policy.produced(0, parcel(1, 1, false));
        policy.committed(took);
        let part = Produced {
            ends: Ends::Nothing,
            ..parcel(bytes, 1, false)
        };
        policy.produced(10, part);
        policy
    }

    #[test]
    fn a_round_is_not_cut_however_large_or_old_it_is() {
        let policy = round(100_000, 0);
        assert!(policy.is_incomplete() && policy.is_open());
        assert_eq!(policy.next(1_000_000, true), Next::Wait(NOTHING_OPEN));
        assert_eq!(policy.next(1_000_000, false), Next::Wait(NOTHING_OPEN));
        assert!(!policy.is_long_in_a_round(20_009));
        assert!(policy.is_long_in_a_round(20_010));
    }

    #[test]
    fn a_round_that_is_large_is_committed_when_it_is_complete() {
        for (bytes, next) in [(1000, Next::Commit), (999, Next::Wait(8_000))] {
            let mut policy = round(bytes, 1_000);
            policy.produced(10, parcel(0, 0, false));
            assert!(!policy.is_incomplete() && !policy.is_long_in_a_round(1_000_000));
            assert_eq!(policy.next(10, true), next, "{bytes}");
            // The next parcel is none of its parts.
            policy.produced(10, parcel(0, 0, false));
            assert_eq!(policy.next(10, true), Next::Wait(8_000), "{bytes}");
        }
    }

    #[test]
    fn rounds_that_are_small_are_committed_as_other_records() {
        let mut policy = round(600, 1_000);
        policy.produced(10, parcel(0, 0, false));
        let part = Produced {
            ends: Ends::Nothing,
            ..parcel(300, 1, false)
        };
        for _ in 0..2 {
            policy.produced(10, part);
            policy.produced(10, part);
            policy.produced(10, parcel(0, 0, false));
            assert_eq!(policy.next(10, true), Next::Wait(8_000));
        }
    }

    #[test]
    fn light_load_commits_at_once() {
        assert_eq!(after(10, 1, true).next(10_000, false), Next::Commit);
    }

    #[test]
    fn a_backlog_commits_by_bytes_or_age() {
        let policy = after(10, 1, false);
        assert_eq!(policy.next(10_050, false), Next::Wait(150));
        assert_eq!(policy.next(10_200, true), Next::Commit);
        assert_eq!(after(1000, 1, false).next(10_000, true), Next::Commit);
    }

    #[test]
    fn an_idle_source_with_parcels_waiting_goes_on() {
        assert_eq!(after(10, 1, true).next(10_000, true), Next::Wait(200));
    }

    #[test]
    fn positions_alone_are_written_seldom() {
        let policy = after(0, 0, true);
        assert_eq!(policy.next(10_200, false), Next::Wait(4_800));
        assert_eq!(policy.next(15_000, false), Next::Commit);
    }

    #[test]
    fn a_commit_closes_what_was_open() {
        let mut policy = after(10, 1, true);
        policy.committed(1);
        assert!(!policy.is_open());
        assert_eq!(policy.next(10_000, false), Next::Wait(NOTHING_OPEN));
    }

    fn ledger() -> Ledger {
        Ledger {
            gtids: Some(GtidSet::default()),
            prepared: BTreeMap::new(),
            position: BinlogPosition::new("b.1", 4),
            inside: None,
            source_ts_us: 0,
        }
    }

    #[test]
    fn the_ledger_remembers_the_place_inside_a_transaction() {
        let mut ledger = ledger();
        let inside = Some(InsideTransaction { gtid: None, rows: 7 });
        let at = BinlogPosition::new("b.1", 100);
        ledger.advance(Progress {
            previous: None,
            ended: vec![],
            xa: vec![],
            position: at.clone(),
            inside: inside.clone(),
            source_ts_us: 5,
        });
        assert_eq!(
            (&ledger.inside, &ledger.position, ledger.source_ts_us),
            (&inside, &at, 5)
        );
        let end = BinlogPosition::new("b.1", 900);
        ledger.advance(Progress {
            previous: None,
            ended: vec![],
            xa: vec![],
            position: end.clone(),
            inside: None,
            source_ts_us: 3,
        });
        assert_eq!(
            (&ledger.inside, &ledger.position, ledger.source_ts_us),
            (&None, &end, 5)
        );
    }

    #[test]
    fn the_place_inside_a_transaction_is_kept_until_it_has_come_again() {
        let uuid = "11111111-1111-1111-1111-111111111111";
        let gtid = |number: u64| -> Gtid { format!("{uuid}:{number}").parse().unwrap() };
        let progress = |pos, ended: &[u64]| Progress {
            previous: None,
            ended: ended.iter().map(|number| gtid(*number)).collect(),
            xa: vec![],
            position: BinlogPosition::new("b.1", pos),
            inside: None,
            source_ts_us: 0,
        };
        for (known, cut) in [
            (Some(GtidSet::default()), Some(gtid(7))),
            (None, Some(gtid(7))),
            (None, None),
        ] {
            let inside = Some(InsideTransaction { gtid: cut, rows: 3 });
            let is_by_gtid = known.is_some();
            let mut ledger = Ledger {
                gtids: known,
                inside: inside.clone(),
                ..ledger()
            };
            // The server says how far it has looked, and sends what another one has logged before.
            ledger.advance(progress(4, &[]));
            assert_eq!(ledger.inside, inside);
            if is_by_gtid {
                ledger.advance(progress(90, &[]));
                ledger.advance(progress(200, &[5, 6]));
                assert_eq!(ledger.inside, inside);
            }
            ledger.advance(progress(300, &[7]));
            assert_eq!(ledger.inside, None);
        }
    }

    #[test]
    fn gtids_are_known_from_a_file_on() {
        let set = |text: &str| text.parse::<GtidSet>().unwrap();
        let uuid = "11111111-1111-1111-1111-111111111111";
        let mut ledger = Ledger {
            gtids: None,
            ..ledger()
        };
        let parcel = |previous, ended: &str| Progress {
            previous,
            ended: vec![format!("{uuid}:{ended}").parse().unwrap()],
            xa: vec![],
            position: BinlogPosition::new("b.2", 400),
            inside: None,
            source_ts_us: 0,
        };
        ledger.advance(parcel(None, "4"));
        assert_eq!(ledger.gtids, None);
        ledger.advance(parcel(Some(set(&format!("{uuid}:1-4"))), "5"));
        assert_eq!(ledger.gtids, Some(set(&format!("{uuid}:1-5"))));
    }

    #[test]
    fn a_prepared_transaction_is_done_when_it_is_decided() {
        let gtid: Gtid = "11111111-1111-1111-1111-111111111111:7".parse().unwrap();
        let mut ledger = ledger();
        let rows_at = PreparedRows {
            gtid: Some(gtid.clone()),
            position: BinlogPosition::new("b.1", 50),
        };
        let step = |xa| Progress {
            previous: None,
            ended: vec![],
            xa: vec![xa],
            position: BinlogPosition::new("b.1", 100),
            inside: None,
            source_ts_us: 0,
        };
        let xid = "X'61',X'',1".to_owned();
        ledger.advance(step(XaStep::Prepared {
            xid: xid.clone(),
            rows_at: Some(rows_at.clone()),
        }));
        assert_eq!(ledger.prepared.get(&xid), Some(&Some(rows_at)));
        assert_eq!(ledger.gtids, Some(GtidSet::default()));
        ledger.advance(step(XaStep::Decided { xid }));
        assert!(ledger.prepared.is_empty());
        assert_eq!(ledger.gtids.map(|g| g.to_string()), Some(gtid.to_string()));
    }
}
