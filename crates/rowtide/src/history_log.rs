//! Which part of the schema-history topic the next start has to read.

use rowtide_kafka::HistoryTicket;
use rowtide_kafka::history::{Effect, HistoryMessage, HistoryRange};

use crate::schema::Recovered;

/// The part that is durable, and what was sent since.
#[derive(Debug)]
pub(crate) struct HistoryLog<Ticket = HistoryTicket> {
    range: Option<HistoryRange>,
    /// What is to be read as long as no image is whole: the topic holds what is of a later time behind it, or in it.
    inherited: Option<HistoryRange>,
    /// An image whose end is still to come: where it begins, and how many messages there are from there on.
    image: Option<(i64, u64)>,
    sent: Sent<Ticket>,
}

/// Messages that were sent and whose offsets are not known yet.
#[derive(Debug)]
struct Sent<Ticket> {
    messages: u64,
    first: Option<Ticket>,
    last: Option<Ticket>,
    /// Where an image begins, and how many messages were sent before it.
    image_begins: Option<(Ticket, u64)>,
    image_ends: bool,
}

impl<Ticket> Default for Sent<Ticket> {
    fn default() -> Self {
        Self {
            messages: 0,
            first: None,
            last: None,
            image_begins: None,
            image_ends: false,
        }
    }
}

impl<Ticket: Copy> HistoryLog<Ticket> {
    /// Goes on where an earlier run has come to.
    pub(crate) fn of(recovered: &Recovered) -> Self {
        let (inherited, range) = match recovered.begins_anew {
            true => (recovered.range.clone(), None),
            false => (None, recovered.range.clone()),
        };
        Self {
            range,
            inherited,
            image: None,
            sent: Sent::default(),
        }
    }

    /// A message was sent.
    pub(crate) fn sent(&mut self, ticket: Ticket, message: &HistoryMessage) {
        let sent = &mut self.sent;
        sent.first.get_or_insert(ticket);
        sent.last = Some(ticket);
        if message.effects.contains(&Effect::ImageBegins) {
            sent.image_begins = Some((ticket, sent.messages));
            sent.image_ends = false;
        }
        sent.image_ends |= message.effects.contains(&Effect::ImageEnds);
        sent.messages += 1;
    }

    /// Whether there are messages whose offsets are not known yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.sent.last.is_some()
    }

    /// All messages are acknowledged, at these offsets. None if an offset is missing.
    #[must_use]
    pub(crate) fn settle(&mut self, offset_of: impl Fn(Ticket) -> Option<i64>) -> Option<()> {
        let sent = std::mem::take(&mut self.sent);
        let last_offset = offset_of(sent.last?)?;
        let (first_offset, before) = match &self.range {
            Some(range) => (range.first_offset, range.records),
            None => (offset_of(sent.first?)?, 0),
        };
        let mut range = HistoryRange {
            first_offset,
            last_offset,
            records: before.saturating_add(sent.messages),
            through: None,
        };
        self.image = match (sent.image_begins, self.image) {
            (Some((begins, before)), _) => Some((offset_of(begins)?, sent.messages.saturating_sub(before))),
            (None, Some((first, records))) => Some((first, records.saturating_add(sent.messages))),
            (None, None) => None,
        };
        if sent.image_ends
            && let Some((first, records)) = self.image.take()
        {
            range.first_offset = first;
            range.records = records;
            self.inherited = None;
        }
        self.range = Some(range);
        Some(())
    }

    /// The part that is durable.
    pub(crate) fn range(&self) -> Option<&HistoryRange> {
        self.inherited.as_ref().or(self.range.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowtide_kafka::history::HistoryThrough;
    use rowtide_kafka::{HistoryPosition, HistoryRecord, HistorySource};

    fn message(effects: &[Effect]) -> HistoryMessage {
        HistoryMessage {
            record: HistoryRecord {
                source: HistorySource {
                    server: "shop".into(),
                },
                position: HistoryPosition::default(),
                ts_ms: 0,
                database_name: None,
                schema_name: None,
                ddl: None,
                table_changes: Vec::new(),
            },
            effects: effects.to_vec(),
        }
    }

    /// Sends messages, of which the first gets the ticket and, ten behind it, the offset `first`.
    fn commit(log: &mut HistoryLog<u64>, first: u64, messages: &[&[Effect]]) {
        for (ticket, effects) in (first..).zip(messages) {
            log.sent(ticket, &message(effects));
        }
        assert!(log.is_unsettled());
        log.settle(|ticket| i64::try_from(ticket + 10).ok()).unwrap();
        assert!(!log.is_unsettled());
    }

    fn range(first_offset: i64, last_offset: i64, records: u64) -> HistoryRange {
        HistoryRange {
            first_offset,
            last_offset,
            records,
            through: None,
        }
    }

    fn log_of(range: Option<HistoryRange>, begins_anew: bool) -> HistoryLog<u64> {
        HistoryLog::of(&Recovered {
            range,
            begins_anew,
            ..Recovered::default()
        })
    }

    #[test]
    fn it_begins_with_the_first_message_and_grows() {
        let mut log = log_of(None, false);
        assert_eq!(log.range(), None);
        commit(&mut log, 0, &[&[], &[Effect::AllUnclear]]);
        assert_eq!(log.range(), Some(&range(10, 11, 2)));
        commit(&mut log, 5, &[&[]]);
        assert_eq!(log.range(), Some(&range(10, 15, 3)));
    }

    #[test]
    fn it_begins_anew_with_an_image_once_that_is_whole() {
        let mut log = log_of(Some(range(3, 9, 4)), false);
        commit(&mut log, 0, &[&[], &[Effect::ImageBegins], &[]]);
        assert_eq!(log.range(), Some(&range(3, 12, 7)));
        commit(&mut log, 5, &[&[], &[Effect::ImageEnds], &[]]);
        assert_eq!(log.range(), Some(&range(11, 17, 5)));
        commit(&mut log, 8, &[&[]]);
        assert_eq!(log.range(), Some(&range(11, 18, 6)));
        commit(&mut log, 9, &[&[], &[Effect::ImageBegins, Effect::ImageEnds]]);
        assert_eq!(log.range(), Some(&range(20, 20, 1)));
    }

    #[test]
    fn a_moved_history_is_kept_until_there_is_an_image_of_its_own() {
        let through = HistoryThrough {
            file: "b.1".into(),
            pos: 4,
            gtid_set: None,
        };
        let moved = HistoryRange {
            through: Some(through),
            ..range(3, 9, 4)
        };
        let mut log = log_of(Some(moved.clone()), true);
        commit(&mut log, 0, &[&[Effect::ImageBegins], &[]]);
        assert_eq!(log.range(), Some(&moved));
        commit(&mut log, 2, &[&[Effect::ImageEnds]]);
        assert_eq!(log.range(), Some(&range(10, 12, 3)));
    }

    #[test]
    fn an_offset_that_is_missing_is_not_guessed() {
        let mut log = log_of(None, false);
        log.sent(0, &message(&[]));
        assert_eq!(log.settle(|_| None), None);
    }
}
