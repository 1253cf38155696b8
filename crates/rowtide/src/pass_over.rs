//! Transactions at the beginning of the stream that are not captured: the stream begins earlier than what is wanted.

use rowtide_event::BinlogPosition;

use crate::resume::{DumpStart, Resume, is_before};

/// What is passed over.
#[derive(Debug, Clone)]
pub(crate) struct PassOver {
    /// Transactions that start before this position.
    until: BinlogPosition,
    /// But not those at these positions: XA transactions that were not decided when the last run ended.
    but: Vec<BinlogPosition>,
    /// The stream has come to the file of `until`, which may have no transactions.
    in_file: bool,
}

impl PassOver {
    /// What is passed over when a stream begins as `resume` says.
    pub(crate) fn of(resume: &Resume) -> Option<Self> {
        let rows = resume.prepared.values().flatten();
        resume.capture_from.clone().map(|until| Self {
            but: rows.map(|rows| rows.position.clone()).collect(),
            in_file: matches!(&resume.dump, DumpStart::Position(from) if from.file == until.file),
            until,
        })
    }

    /// Whether it was read before, and is read again only for what is not passed over.
    pub(crate) fn is_replay(&self) -> bool {
        !self.but.is_empty()
    }

    /// The end of what is passed over.
    pub(crate) fn until(&self) -> &BinlogPosition {
        &self.until
    }

    /// Whether the transaction that starts at `start` is captured.
    pub(crate) fn is_captured(pass_over: &mut Option<Self>, start: &BinlogPosition) -> bool {
        Self::arrive(pass_over, start);
        pass_over.as_ref().is_none_or(|pass| pass.but.contains(start))
    }

    /// The stream has come to `place`, between two transactions. Forgets what is passed over at its end.
    pub(crate) fn arrive(pass_over: &mut Option<Self>, place: &BinlogPosition) {
        if pass_over.as_mut().is_some_and(|pass| pass.ends_at(place)) {
            *pass_over = None;
        }
    }

    fn ends_at(&mut self, place: &BinlogPosition) -> bool {
        let in_file = place.file == self.until.file;
        self.in_file |= in_file;
        if in_file {
            place.pos >= self.until.pos
        } else {
            self.in_file || is_before(&self.until, place)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_at_its_position_and_spares_what_was_not_decided() {
        let at = |file: &str, pos| BinlogPosition::new(file, pos);
        let mut pass_over = Some(PassOver {
            until: at("b.2", 500),
            but: vec![at("b.1", 100)],
            in_file: false,
        });
        let mut captured = |file: &str, pos| PassOver::is_captured(&mut pass_over, &at(file, pos));
        assert!(captured("b.1", 100));
        assert!(!captured("b.1", 900));
        assert!(!captured("b.2", 4));
        assert!(captured("b.2", 500));
        assert!(captured("b.2", 4), "it is over for good");
        assert!(pass_over.is_none());
    }

    #[test]
    fn the_file_after_is_behind_the_position() {
        let mut pass_over = Some(PassOver {
            until: BinlogPosition::new("b.2", 500),
            but: vec![],
            in_file: false,
        });
        let mut captured = |file, pos| PassOver::is_captured(&mut pass_over, &BinlogPosition::new(file, pos));
        assert!(!captured("b.2", 499));
        assert!(captured("b.3", 4));
    }

    #[test]
    fn a_file_without_transactions_may_stand_between() {
        let pass_over = |in_file| {
            Some(PassOver {
                until: BinlogPosition::new("b.2", 154),
                but: vec![],
                in_file,
            })
        };
        let captured =
            |mut pass_over, file| PassOver::is_captured(&mut pass_over, &BinlogPosition::new(file, 4));
        assert!(!captured(pass_over(false), "b.1"));
        assert!(captured(pass_over(false), "b.3"));
        assert!(
            captured(pass_over(true), "c.1"),
            "the files have another name now"
        );
    }
}
