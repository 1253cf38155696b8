//! What is passed over at the beginning of the stream.
//!
//! Nothing is handed over before its end: a checkpoint in its midst would make the next start capture the rest of it.

use rowtide_binlog::decoder::TransactionEnd;
use rowtide_event::{BinlogPosition, Gtid};

use super::Capture;
use crate::error::Error;
use crate::pass_over::PassOver;

impl Capture {
    /// Whether a transaction that starts at `start` is captured: not before the position that was asked for.
    pub(super) fn is_captured(&mut self, start: &BinlogPosition) -> bool {
        PassOver::is_captured(&mut self.pass_over, start)
    }

    /// Whether what an earlier run has done is read again for XA transactions that were not decided then: the place to
    /// resume stays where that run has come.
    pub(super) fn is_replaying(&self) -> bool {
        self.pass_over.as_ref().is_some_and(PassOver::is_replay)
    }

    /// Whether the stream has not come to the position that was asked for.
    pub(super) fn is_passing_over(&self) -> bool {
        self.pass_over.as_ref().is_some_and(|pass| !pass.is_replay())
    }

    /// The stream has come to `position`, between two transactions.
    pub(super) fn arrive(&mut self, position: BinlogPosition) {
        if self.is_passing_over() {
            PassOver::arrive(&mut self.pass_over, &position);
        }
        self.position = position;
        self.open.moved |= !self.is_passing_over();
    }

    /// A transaction need not be read again.
    pub(super) fn done(&mut self, gtid: &Gtid) {
        if self.is_passing_over() {
            // There may be millions of them.
            self.open.previous.get_or_insert_default().insert(gtid);
        } else {
            self.open.ended.push(gtid.clone());
        }
    }

    /// A position to start from must be a transaction's start.
    pub(super) fn check_start_position(&self, end: &TransactionEnd<'_>) -> Result<(), Error> {
        let until = self.pass_over.as_ref().map(PassOver::until);
        match (until, &self.transaction) {
            (Some(from), Some(t)) if !t.captured && from.file == end.file && end.pos > from.pos => {
                Err(Error::InsideTransaction {
                    asked: from.pos,
                    start: t.start.pos,
                    end: end.pos,
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rowtide_binlog::decoder::{Handler as _, TransactionStart};
    use rowtide_binlog::schema::NameCase;
    use rowtide_binlog::schema::tracked::SchemaTracker;
    use rowtide_binlog::server::ServerVersion;
    use rowtide_event::GtidSet;

    use super::super::Pause;
    use super::*;
    use crate::catalog::Catalog;
    use crate::filter::TableFilter;
    use crate::history::HistoryWriter;
    use crate::parcel::{Parcel, Pool};
    use crate::pictures::Pictures;
    use crate::queue::{self, Received, Receiver};
    use crate::resume::{PreviousGtids, Resume};
    use crate::schema::{Schema, SchemaDisagreement};
    use crate::table_changes::Comments;
    use crate::workers::Rounds;

    const SERVER: &str = "9de2dde1-e55f-11f1-bc9f-02fc00000001";

    /// A stream that is asked for from a position in a file, and what it hands over.
    fn capture(position: u64) -> (Capture, Receiver<Parcel>) {
        let from = BinlogPosition::new("b.1", position);
        let resume = Resume {
            position: from.clone(),
            gtids: Some(GtidSet::default()),
            capture_from: Some(from),
            previous_gtids: PreviousGtids::Before,
            ..Resume::at(BinlogPosition::new("b.1", 4))
        };
        let version: ServerVersion = "9.7.4".parse().unwrap();
        let disagreement = SchemaDisagreement::Stop;
        let schema = Schema::new(SchemaTracker::new(), None, NameCase::Matters, disagreement);
        let history = HistoryWriter::new("p", version, NameCase::Matters, Comments::LeftOut);
        let catalog = Catalog::new(
            TableFilter::default(),
            Default::default(),
            schema,
            history,
            Pictures::none(),
        );
        let (out, parcels) = queue::bounded(1 << 20);
        let capture = Capture::new(
            catalog,
            &resume,
            0,
            Rounds::NONE,
            out,
            Pool::default(),
            Arc::default(),
        );
        (capture, parcels)
    }

    /// The transaction with this number, which is 100 bytes long and begins there.
    fn transaction(capture: &mut Capture, number: u64) -> Result<(), Error> {
        let text = format!("{SERVER}:{number}");
        let gtid: Gtid = text.parse().unwrap();
        let start = number * 100;
        capture.begin(&TransactionStart {
            file: "b.1",
            pos: start,
            gtid: Some(&gtid),
            gtid_text: Some(&text),
            commit: None,
            timestamp: 0,
            server_id: 1,
            thread: None,
            xa: false,
        })?;
        capture.commit(&TransactionEnd {
            file: "b.1",
            pos: start + 100,
            gtid: Some(&gtid),
            gtid_text: Some(&text),
            commit: None,
            timestamp: 0,
            server_id: 1,
        })
    }

    #[test]
    fn nothing_is_handed_over_before_its_end() {
        let (mut capture, parcels) = capture(300);
        capture.previous_gtids(GtidSet::default()).unwrap();
        transaction(&mut capture, 1).unwrap();
        capture.source_is_idle(Pause::Begins).unwrap();
        capture.finish().unwrap();
        assert!(matches!(parcels.receive(Duration::ZERO), Received::Timeout));
        transaction(&mut capture, 2).unwrap();
        capture.source_is_idle(Pause::Begins).unwrap();
        let Received::Item(parcel) = parcels.receive(Duration::ZERO) else {
            panic!("the position that was asked for is a place to resume from");
        };
        let progress = parcel.progress.unwrap();
        assert_eq!(progress.position, BinlogPosition::new("b.1", 300));
        let done: GtidSet = format!("{SERVER}:1-2").parse().unwrap();
        assert_eq!(progress.previous, Some(done));
        assert!(progress.ended.is_empty());
    }

    #[test]
    fn a_position_inside_a_transaction_is_refused() {
        let (mut capture, _parcels) = capture(250);
        transaction(&mut capture, 1).unwrap();
        let refused = transaction(&mut capture, 2);
        assert!(
            matches!(
                refused,
                Err(Error::InsideTransaction {
                    asked: 250,
                    start: 200,
                    end: 300
                })
            ),
            "{refused:?}"
        );
    }
}
