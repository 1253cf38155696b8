//! Which of two places in the history of a server comes first.

use std::fmt;

use rowtide_event::{BinlogPosition, Flavour, GtidSet};
use rowtide_kafka::HistoryPosition;
use rowtide_kafka::history::HistoryThrough;

use crate::error::Error;
use crate::resume::{Resume, is_before};

/// A place between two transactions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// All transactions before it, where the server has GTIDs.
    gtids: Option<GtidSet>,
    position: BinlogPosition,
}

impl Place {
    /// A place that is known by its position, by the transactions before it, or by both.
    pub(crate) fn new(gtids: Option<GtidSet>, position: BinlogPosition) -> Self {
        Self { gtids, position }
    }

    /// Where the stream is taken up.
    pub(crate) fn of_resume(resume: &Resume) -> Self {
        Self {
            gtids: resume.gtids.clone(),
            position: resume.position.clone(),
        }
    }

    /// How far a history goes.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it cannot be read.
    pub(crate) fn of_through(through: &HistoryThrough, flavour: Flavour) -> Result<Self, Error> {
        Ok(Self {
            gtids: gtids(through.gtid_set.as_deref(), flavour)?,
            position: BinlogPosition::new(&through.file, through.pos),
        })
    }

    /// Where a record of the history stands: a statement behind these GTIDs and at the end of this position.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it cannot be read.
    fn of_record(position: &HistoryPosition, flavour: Flavour) -> Result<Self, Error> {
        Ok(Self {
            gtids: gtids(position.gtids.as_deref(), flavour)?,
            position: BinlogPosition::new(&position.file, position.pos),
        })
    }

    /// Whether nothing lies between this place and `other` that is not before `other`.
    pub(crate) fn is_at_or_before(&self, other: &Self) -> bool {
        match (&self.gtids, &other.gtids) {
            (Some(a), Some(b)) => a.is_subset_of(b),
            _ => !is_before(&other.position, &self.position),
        }
    }

    /// Whether what a record of the history tells of has happened at this place.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the record's position cannot be read.
    pub(super) fn is_behind(&self, record: &HistoryPosition, flavour: Flavour) -> Result<bool, Error> {
        let at = Self::of_record(record, flavour)?;
        if at.gtids.is_none() && self.position.file.is_empty() {
            return Err(Error::SchemaNotKnown(
                "the schema history has no GTIDs, so that a place is a FILE:POS".to_owned(),
            ));
        }
        // A statement's GTIDs are those of before it. A picture of tables has none of its own.
        let same = at.gtids.is_some() && at.gtids == self.gtids;
        if same && record.snapshot.is_none() {
            return Ok(at.position.file == self.position.file && at.position.pos <= self.position.pos);
        }
        Ok(at.is_at_or_before(self))
    }
}

/// The position, unless only transactions are known.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gtids {
            Some(gtids) if self.position.file.is_empty() => gtids.fmt(f),
            _ => self.position.fmt(f),
        }
    }
}

fn gtids(text: Option<&str>, flavour: Flavour) -> Result<Option<GtidSet>, Error> {
    text.map(|text| GtidSet::parse(flavour, text))
        .transpose()
        .map_err(|why| Error::Checkpoint(format!("a GTID set of the schema history cannot be read: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "9de2dde1-e55f-11f1-bc9f-02fc00000001";

    fn place(intervals: Option<&str>, pos: u64) -> Place {
        Place {
            gtids: intervals.map(|intervals| format!("{UUID}:{intervals}").parse().unwrap()),
            position: BinlogPosition::new("b.000002", pos),
        }
    }

    fn is_behind(place: &Place, intervals: Option<&str>, pos: u64, snapshot: bool) -> bool {
        let record = HistoryPosition {
            file: "b.000002".into(),
            pos,
            gtids: intervals.map(|intervals| format!("{UUID}:{intervals}")),
            snapshot: snapshot.then(|| "INITIAL".into()),
            ..HistoryPosition::default()
        };
        place.is_behind(&record, Flavour::MySql).unwrap()
    }

    #[test]
    fn gtids_count_before_positions() {
        let here = place(Some("1-7"), 500);
        assert!(is_behind(&here, Some("1-5"), 900, false));
        assert!(!is_behind(&here, Some("1-8"), 100, false));
        assert!(is_behind(&here, Some("1-7"), 500, false), "it ends here");
        assert!(!is_behind(&here, Some("1-7"), 501, false), "it comes next");
        assert!(
            is_behind(&here, Some("1-7"), 900, true),
            "a picture at this place"
        );
        assert!(place(Some("1-5"), 9).is_at_or_before(&place(Some("1-7"), 4)));
        assert!(!place(Some("1-9"), 4).is_at_or_before(&place(Some("1-7"), 9)));
    }

    #[test]
    fn without_gtids_positions_count() {
        let here = place(None, 500);
        assert!(is_behind(&here, None, 500, false));
        assert!(!is_behind(&here, None, 501, false));
        assert!(here.is_at_or_before(&place(None, 500)));
        assert!(!here.is_at_or_before(&place(None, 499)));
    }

    #[test]
    fn a_set_alone_is_no_place_in_a_history_without_gtids() {
        let set = place(Some("1-7"), 4).gtids;
        let here = Place::new(set, BinlogPosition::new("", 0));
        assert!(is_behind(&here, Some("1-6"), 900, false));
        assert!(!is_behind(&here, Some("1-7"), 100, false), "it comes next");
        let error = here.is_behind(&HistoryPosition::default(), Flavour::MySql);
        assert!(matches!(error, Err(Error::SchemaNotKnown(_))), "{error:?}");
    }

    #[test]
    fn a_gtid_set_that_is_none_is_refused() {
        let record = HistoryPosition {
            gtids: Some("frob".into()),
            ..HistoryPosition::default()
        };
        let error = place(None, 4).is_behind(&record, Flavour::MySql).unwrap_err();
        assert!(error.to_string().contains("schema history"), "{error}");
    }
}
