//! Rows of a backlog of many tables, decoded table by table.
//!
//! Where changes come from thousands of tables in turn, what is known of each table, its partition and its batch is in no
//! cache of the processor when its turn comes. So rows are laid aside until there are many, and then all rows of a table are
//! decoded, encoded and handed over behind one another. Changes of a table, which is to say of a topic, stay in their order;
//! between tables there is no order that readers could see, since all becomes visible in one Kafka transaction: where to
//! resume from is told with the last of them.

use std::time::{Duration, Instant};

use rowtide_event::encode::{TableEncoder, TopicIndex};

use super::{Capture, Open};
use crate::error::Error;
use crate::parcel::Parcel;
use crate::workers::{Run, weight};

/// Whether changes come from many tables in turn: how many tables the last so many events were of.
#[derive(Debug, Default)]
pub(super) struct Variety {
    /// For each tag the window in which it was last seen.
    seen: Vec<u32>,
    window: u32,
    events: usize,
    tables: usize,
    is_great: bool,
}

/// Events of a window.
const WINDOW: usize = 1024;
/// So many tables among them are many: what is known of fewer stays in the processor's caches.
const MANY: usize = WINDOW / 2;
/// Fewer events than that are not worth it.
const WORTH_SORTING: usize = WINDOW;
/// Bytes of row images that are decoded at a time.
const AT_A_TIME: usize = 48 << 10;

/// The longest that rows are gathered, so that readers see something of a backlog that the source takes long to send.
const LONGEST: Duration = Duration::from_secs(2);
/// How long a source that has nothing to send is waited for. Where all cores are busy, a server's thread does not get its turn
/// for some milliseconds.
const PAUSE: Duration = Duration::from_millis(10);
/// Which part of the time that rows are gathered a source may have had nothing to send: one that has more is no backlog any
/// more.
const PAUSES_PART: u32 = 8;

/// Rows that are laid aside to be decoded table by table.
#[derive(Debug)]
pub(super) struct Gathering {
    since: Instant,
    /// How long the source had nothing to send.
    waited: Duration,
    /// No more are to be gathered.
    is_long: bool,
}

impl Gathering {
    fn begin() -> Self {
        Self {
            since: Instant::now(),
            waited: Duration::ZERO,
            is_long: false,
        }
    }

    /// How long the source is still to be waited for.
    fn pause(&self) -> Duration {
        let all = PAUSE.max(self.since.elapsed() / PAUSES_PART);
        all.saturating_sub(self.waited)
    }
}

impl Variety {
    /// Notes an event.
    #[inline]
    pub(super) fn note(&mut self, tag: usize) {
        if self.seen.len() <= tag {
            self.seen.resize(tag.saturating_add(1), 0);
        }
        let window = self.window.wrapping_add(1);
        if let Some(seen) = self.seen.get_mut(tag)
            && *seen != window
        {
            *seen = window;
            self.tables = self.tables.saturating_add(1);
        }
        self.events = self.events.saturating_add(1);
        if self.events >= WINDOW {
            self.is_great = self.tables >= MANY;
            (self.window, self.events, self.tables) = (window, 0, 0);
        }
    }

    /// Whether there were many tables in the last window.
    pub(super) fn is_great(&self) -> bool {
        self.is_great
    }
}

impl Capture {
    /// Whether rows are decoded table by table at the moment.
    pub(super) fn is_by_table(&self) -> bool {
        self.rounds.by_table.is_some() && self.variety.is_great()
    }

    /// Rows were laid aside.
    pub(super) fn gather(&mut self) {
        if self.is_by_table() {
            let gathering = self.gathering.get_or_insert_with(Gathering::begin);
            // The clock is looked at now and then.
            if self.aside.len().is_multiple_of(WINDOW) {
                gathering.is_long = gathering.since.elapsed() >= LONGEST;
            }
        }
    }

    /// How long a source that has nothing to send is to be waited for, since much is gathered; none if no longer.
    pub(super) fn pause(&self) -> Option<Duration> {
        let gathering = self.gathering.as_ref();
        let gathering = gathering.filter(|_| self.is_by_table() && self.aside.len() >= WORTH_SORTING);
        let pause = gathering.map(Gathering::pause);
        pause.filter(|pause| !pause.is_zero())
    }

    /// The source had nothing to send for so long.
    pub(crate) fn waited(&mut self, time: Duration) {
        if let Some(gathering) = &mut self.gathering {
            gathering.waited = gathering.waited.saturating_add(time);
        }
    }

    /// Whether rows were gathered for long enough.
    pub(super) fn has_gathered_long(&self) -> bool {
        self.gathering.as_ref().is_some_and(|gathering| gathering.is_long)
    }

    /// Hands over the rows that are laid aside of transactions that have ended, table by table, if they are many. Says of how
    /// many events.
    pub(super) fn hand_over_by_table(&mut self, source_idle: bool) -> Result<usize, Error> {
        let all = self.aside.len();
        let ended = self
            .transaction
            .as_ref()
            .map_or(all, |open| open.aside_before.min(all));
        if self.gathering.is_none() || ended < WORTH_SORTING {
            return Ok(0);
        }
        let fresh = Open {
            batch: self.pool.take(),
            ..Open::default()
        };
        let mut open = std::mem::replace(&mut self.open, fresh);
        let progress = open.progress(self.position.clone(), None);
        self.is_inside_round = true;
        let batch = std::mem::take(&mut open.batch);
        let order = self.order_by_table(ended);
        self.send(Parcel {
            coming: self.topics_of(&order),
            ..Parcel::part(batch, open.changes)
        })?;
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.at_a_time(rest));
            self.hand_over_events(now)?;
            rest = later;
        }
        self.send(Parcel {
            history: open.history,
            schema_changes: open.schema_changes,
            progress: Some(progress),
            source_idle,
            ..Parcel::part(self.pool.take(), 0)
        })?;
        self.is_inside_round = false;
        tracing::debug!(events = ended, "rows were handed over table by table");
        if let Some(transaction) = &mut self.transaction {
            (transaction.aside_before, transaction.aside_bytes_before) = (0, 0);
            transaction.mark = transaction.mark.map(|_| self.open.mark());
        }
        Ok(ended)
    }

    /// The first events, those of a table behind one another in their order.
    fn order_by_table(&self, events: usize) -> Vec<usize> {
        let tag = |event: usize| self.aside.tag(event).unwrap_or_default();
        let mut starts = vec![0usize; self.catalog.encoders().len().saturating_add(1)];
        for event in 0..events {
            if let Some(count) = starts.get_mut(tag(event).saturating_add(1)) {
                *count = count.saturating_add(1);
            }
        }
        let mut before = 0usize;
        for start in &mut starts {
            before = before.saturating_add(*start);
            *start = before;
        }
        let mut order = vec![0usize; events];
        for event in 0..events {
            if let Some(next) = starts.get_mut(tag(event)) {
                if let Some(place) = order.get_mut(*next) {
                    *place = event;
                }
                *next = next.saturating_add(1);
            }
        }
        order
    }

    /// The topics of the events' tables, in their order.
    fn topics_of(&self, events: &[usize]) -> Vec<TopicIndex> {
        let tag = |event: &usize| self.aside.tag(*event);
        let tables = events.chunk_by(|one, next| tag(one) == tag(next));
        let encoders = tables.filter_map(|of_one| self.catalog.encoder(tag(of_one.first()?)?).ok());
        encoders.map(TableEncoder::topic).collect()
    }

    /// How many of these events are decoded at a time: at least one.
    fn at_a_time(&self, events: &[usize]) -> usize {
        let limit = AT_A_TIME.saturating_mul(self.workers.count());
        let mut bytes = 0usize;
        let fits = |event: &&usize| {
            let fits = bytes < limit;
            bytes = bytes.saturating_add(weight(&self.aside, **event));
            fits
        };
        events.iter().take_while(fits).count().max(1)
    }

    fn hand_over_events(&mut self, events: &[usize]) -> Result<(), Error> {
        let runs = self
            .workers
            .encode(&self.aside, events, self.catalog.encoders())?;
        for mut run in runs {
            let changes = run.rows();
            let batch = std::mem::replace(&mut run.batch, self.pool.take());
            self.workers.give_back(Run {
                batch: run.batch,
                ..run
            });
            self.send(Parcel::part(batch, changes))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(tags: impl IntoIterator<Item = usize>) -> bool {
        let mut variety = Variety::default();
        tags.into_iter().for_each(|tag| variety.note(tag));
        variety.is_great()
    }

    #[test]
    fn many_tables_are_half_as_many_as_events() {
        let in_turn = |tables: usize, events: usize| (0..events).map(move |event| event % tables);
        assert!(after(in_turn(MANY, WINDOW)) && after(in_turn(10_000, WINDOW)));
        assert!(!after(in_turn(MANY - 1, WINDOW)) && !after(in_turn(1, WINDOW)));
        assert!(!after(in_turn(10_000, WINDOW - 1)), "the window is not over");
    }

    #[test]
    fn a_source_is_waited_for_no_longer_than_a_part_of_the_time() {
        let mut gathering = Gathering::begin();
        assert!(gathering.pause() >= PAUSE && gathering.pause() < LONGEST / PAUSES_PART);
        gathering.waited = LONGEST;
        assert!(gathering.pause().is_zero());
        gathering.since = Instant::now().checked_sub(LONGEST * PAUSES_PART * 2).unwrap();
        assert!(gathering.pause() >= LONGEST);
    }

    #[test]
    fn only_the_last_window_counts() {
        let many = || 0..WINDOW;
        assert!(after(std::iter::repeat_n(3, WINDOW).chain(many())));
        assert!(!after(many().chain(std::iter::repeat_n(3, WINDOW))));
        assert!(after(many().chain(many())), "the same tables as before");
    }
}
