//! Tables that the schema history is told of without a statement: those that the server was asked for, and from time to
//! time all of them, so that the next start need not read what came before.

use std::collections::VecDeque;

use rowtide_binlog::schema::tracked::SchemaTracker;
use rowtide_event::{BinlogPosition, GtidSet};
use rowtide_kafka::history::{Effect, HistoryMessage};

use crate::history::HistoryWriter;
use crate::schema::{Image, Pictured, Recovered};

/// Messages at a time: a few hundred kilobytes.
const MESSAGES: usize = 64;
/// A history shorter than this is read faster than it is worth an image.
const SHORT_HISTORY: u64 = 2_000;

/// What is still to be told, and when all tables are to be told of again.
#[derive(Debug)]
pub(crate) struct Pictures {
    /// None where nothing is written down.
    log: Option<Log>,
}

#[derive(Debug)]
struct Log {
    /// Messages that the next start reads: those since the last image began, or all where there is none.
    messages: u64,
    has_image: bool,
    /// Nothing may be written before an image.
    image_wanted: bool,
    /// More messages were written since it was last asked whether an image is due.
    more: bool,
    image: Option<Image>,
    image_begins: bool,
    queue: VecDeque<Pictured>,
}

impl Pictures {
    /// A history that goes on where an earlier run has come to.
    pub(crate) fn of(recovered: &Recovered) -> Self {
        Self {
            log: Some(Log {
                messages: recovered.range.as_ref().map_or(0, |range| range.records),
                has_image: recovered.has_image,
                image_wanted: recovered.begins_anew,
                more: true,
                image: None,
                image_begins: false,
                queue: VecDeque::new(),
            }),
        }
    }

    /// No history is written.
    pub(crate) fn none() -> Self {
        Self { log: None }
    }

    /// So many messages were written for statements.
    pub(crate) fn written(&mut self, messages: usize) {
        if let Some(log) = &mut self.log {
            log.count(messages);
        }
    }

    /// These were learned; `tracker` knows all.
    pub(crate) fn add(&mut self, learned: Vec<Pictured>, tracker: &SchemaTracker) {
        let Some(log) = &mut self.log else { return };
        if learned.is_empty() && !std::mem::take(&mut log.more) {
            return;
        }
        if log.image.is_some() || !log.is_image_due(&learned, tracker) {
            log.queue.extend(learned);
            return;
        }
        log.queue.clear();
        log.image = Some(Image::of(tracker));
        log.image_begins = true;
        log.image_wanted = false;
    }

    /// The next messages; none if there is nothing to tell.
    pub(crate) fn next_messages(
        &mut self,
        history: &HistoryWriter,
        at: &BinlogPosition,
        executed: Option<&GtidSet>,
    ) -> Option<Vec<HistoryMessage>> {
        let log = self.log.as_mut()?;
        let pictured: Vec<Pictured> = match &mut log.image {
            Some(image) => image.take(MESSAGES).collect(),
            None => {
                let some = log.queue.len().min(MESSAGES);
                log.queue.drain(..some).collect()
            }
        };
        let mut messages: Vec<HistoryMessage> = pictured
            .iter()
            .map(|pictured| history.picture(pictured, at, executed))
            .collect();
        log.mark(&mut messages);
        log.count(messages.len());
        log.more = false;
        (!messages.is_empty()).then_some(messages)
    }
}

impl Log {
    fn count(&mut self, messages: usize) {
        self.messages = self
            .messages
            .saturating_add(u64::try_from(messages).unwrap_or(u64::MAX));
        self.more |= messages > 0;
    }

    /// The first image is made of what the server tells first. Later ones cost no more to write than what was written
    /// since the last.
    fn is_image_due(&self, learned: &[Pictured], tracker: &SchemaTracker) -> bool {
        if self.image_wanted || (!self.has_image && !learned.is_empty()) {
            return true;
        }
        let tables = || u64::try_from(tracker.tables().count()).unwrap_or(u64::MAX);
        self.messages > SHORT_HISTORY && self.messages > tables().saturating_mul(3)
    }

    /// Marks the image's first and last message.
    fn mark(&mut self, messages: &mut [HistoryMessage]) {
        let Some(image) = &self.image else { return };
        if std::mem::take(&mut self.image_begins) {
            self.messages = 0;
            self.has_image = true;
            if let Some(first) = messages.first_mut() {
                first.effects.insert(0, Effect::ImageBegins);
            }
        }
        if image.is_over() {
            self.image = None;
            if let Some(last) = messages.last_mut() {
                last.effects.push(Effect::ImageEnds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowtide_binlog::schema::{NameCase, Session};
    use rowtide_kafka::history::HistoryRange;

    use crate::table_changes::Comments;

    fn tracker(tables: usize) -> SchemaTracker {
        let session = Session::new("shop", "9.7.4".parse().unwrap(), NameCase::Matters);
        let mut tracker = SchemaTracker::new();
        tracker.apply("CREATE DATABASE shop CHARACTER SET latin1", &session);
        for table in 0..tables {
            tracker.apply(&format!("CREATE TABLE t{table:03} (id INT)"), &session);
        }
        tracker
    }

    fn tables(tracker: &SchemaTracker, count: usize) -> Vec<Pictured> {
        tracker
            .tables()
            .take(count)
            .cloned()
            .map(Pictured::Table)
            .collect()
    }

    fn recovered(records: u64, has_image: bool, begins_anew: bool) -> Recovered {
        let range = HistoryRange {
            first_offset: 0,
            last_offset: 0,
            records,
            through: None,
        };
        Recovered {
            range: Some(range),
            has_image,
            begins_anew,
            ..Recovered::default()
        }
    }

    fn told(pictures: &mut Pictures) -> Vec<HistoryMessage> {
        let server = "9.7.4".parse().unwrap();
        let history = HistoryWriter::new("shop", server, NameCase::Matters, Comments::LeftOut);
        let at = BinlogPosition::new("b.1", 4);
        std::iter::from_fn(|| pictures.next_messages(&history, &at, None))
            .flatten()
            .collect()
    }

    /// Where images begin and end in the messages.
    fn marks(messages: &[HistoryMessage]) -> Vec<(usize, &'static str)> {
        let mark = |(at, message): (usize, &HistoryMessage)| {
            let marks = message.effects.iter().filter_map(move |effect| match effect {
                Effect::ImageBegins => Some((at, "begins")),
                Effect::ImageEnds => Some((at, "ends")),
                _ => None,
            });
            marks.collect::<Vec<_>>()
        };
        messages.iter().enumerate().flat_map(mark).collect()
    }

    #[test]
    fn the_first_tables_that_are_learned_make_an_image() {
        let tracker = tracker(100);
        let mut pictures = Pictures::of(&Recovered::default());
        pictures.add(Vec::new(), &tracker);
        assert_eq!(told(&mut pictures), []);
        pictures.add(tables(&tracker, 1), &tracker);
        let messages = told(&mut pictures);
        assert_eq!(messages.len(), 101, "the database and its tables");
        assert_eq!(marks(&messages), [(0, "begins"), (100, "ends")]);
    }

    #[test]
    fn later_ones_are_told_of_by_themselves() {
        let tracker = tracker(3);
        let mut pictures = Pictures::of(&recovered(50, true, false));
        pictures.add(tables(&tracker, 2), &tracker);
        let messages = told(&mut pictures);
        assert_eq!((messages.len(), marks(&messages)), (2, vec![]));
        assert!(matches!(messages[0].effects[..], [Effect::Table { .. }]));
    }

    #[test]
    fn a_long_history_and_one_that_begins_anew_make_an_image() {
        let small = tracker(3);
        let mut pictures = Pictures::of(&recovered(2_000, true, false));
        pictures.add(Vec::new(), &small);
        assert_eq!(told(&mut pictures), []);
        pictures.written(1);
        pictures.add(Vec::new(), &small);
        assert_eq!(marks(&told(&mut pictures)), [(0, "begins"), (3, "ends")]);
        pictures.add(Vec::new(), &small);
        assert_eq!(told(&mut pictures), [], "it was counted");
        let mut pictures = Pictures::of(&recovered(2_001, true, false));
        pictures.add(Vec::new(), &tracker(700));
        assert_eq!(told(&mut pictures), [], "it would be longer than what it spares");
        let mut pictures = Pictures::of(&recovered(4, true, true));
        pictures.add(Vec::new(), &small);
        assert_eq!(marks(&told(&mut pictures)).len(), 2);
    }

    #[test]
    fn nothing_is_told_where_nothing_is_written() {
        let tracker = tracker(3);
        let mut pictures = Pictures::none();
        pictures.add(tables(&tracker, 3), &tracker);
        assert_eq!(told(&mut pictures), []);
    }
}
