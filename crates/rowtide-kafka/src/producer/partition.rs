//! A partition's records on their way: which batches wait, which are under way, and in which order they go again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::batch::{OpenBatch, SealedBatch, sequence_after};

/// A partition of a topic.
#[derive(Debug)]
pub(super) struct Partition {
    /// The topic, by its place.
    pub topic: usize,
    /// Its number in the topic.
    pub index: i32,
    /// The broker that takes its records, if one is known.
    pub leader: Option<i32>,
    /// The batch that takes records.
    pub open: OpenBatch,
    /// Batches that are not acknowledged, in the order of their sequence.
    queue: VecDeque<Batch>,
    under_way: usize,
    /// After a failure nothing is sent until nothing is under way, so that batches go again in their order.
    rewinds: bool,
    /// Not to be sent to before.
    pub paused_until: Option<Instant>,
    /// What each of the producer's instances has written here.
    written: Vec<Written>,
    /// The coordinator knows that the transaction writes here, or hears of it before anything is sent.
    pub in_transaction: bool,
    /// Stands in the list of partitions to send to.
    pub is_listed: bool,
    /// Where acknowledged records stand, where somebody asks for that: offsets of first records, and how many follow.
    pub placed: Option<Vec<(i64, i32)>>,
}

/// What an instance has written to a partition in its epoch.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    /// Where its next batch stands in the sequence.
    next_sequence: i32,
    /// When a batch was last acknowledged.
    acknowledged: Option<Instant>,
}

/// A batch that is not acknowledged.
#[derive(Debug)]
struct Batch {
    /// Whose it is.
    instance: usize,
    sealed: SealedBatch,
    state: State,
    tries: u32,
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    UnderWay,
    /// Waits for one before it.
    Acknowledged(i64),
}

/// A batch that failed and waits again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub tries: u32,
    pub since: Instant,
    pub largest: (usize, usize),
}

/// A batch that is done with.
#[derive(Debug)]
pub(super) struct Done {
    pub bytes: Vec<u8>,
    pub count: i32,
}

impl Partition {
    /// Of a topic, for a producer with so many instances.
    pub(super) fn new(topic: usize, index: i32, instances: usize) -> Self {
        Self {
            topic,
            index,
            leader: None,
            open: OpenBatch::default(),
            queue: VecDeque::new(),
            under_way: 0,
            rewinds: false,
            paused_until: None,
            written: vec![Written::default(); instances],
            in_transaction: false,
            is_listed: false,
            placed: None,
        }
    }

    /// Where the next batch of an instance stands in its sequence.
    pub(super) fn next_sequence(&self, instance: usize) -> i32 {
        self.written
            .get(instance)
            .map_or(0, |written| written.next_sequence)
    }

    /// An instance has a new epoch, in which it has written nothing.
    pub(super) fn begin_epoch(&mut self, instance: usize) {
        if let Some(written) = self.written.get_mut(instance) {
            *written = Written::default();
        }
    }

    /// Adds a batch at the end.
    pub(super) fn push(&mut self, sealed: SealedBatch, instance: usize, now: Instant) {
        if let Some(written) = self.written.get_mut(instance) {
            written.next_sequence = sequence_after(written.next_sequence, sealed.count);
        }
        self.queue.push_back(Batch {
            instance,
            sealed,
            state: State::Waiting,
            tries: 0,
            since: now,
        });
    }

    /// Whether a batch waits to be sent, now or later.
    pub(super) fn has_waiting(&self) -> bool {
        self.queue.iter().any(|batch| batch.state == State::Waiting)
    }

    /// The bytes of the batch to send next, if one may be sent.
    pub(super) fn sendable(&self, now: Instant) -> Option<&[u8]> {
        if self.paused_until.is_some_and(|until| until > now) || (self.rewinds && self.under_way > 0) {
            return None;
        }
        let next = self.queue.iter().find(|batch| batch.state == State::Waiting)?;
        let alone = self.under_way == 0;
        (alone || self.is_known(next.instance, now)).then_some(next.sealed.bytes.as_slice())
    }

    /// Whether the broker knows what it has of an instance. If not, it takes any place of the sequence as the first: were
    /// the batch before refused for a moment, it would take the one behind it.
    fn is_known(&self, instance: usize, now: Instant) -> bool {
        let written = self.written.get(instance);
        let acknowledged = written.and_then(|written| written.acknowledged);
        acknowledged.is_some_and(|at| now.saturating_duration_since(at) < REMEMBERED)
    }

    /// The batch that [`sendable`](Self::sendable) named is under way now. Its place in the sequence.
    pub(super) fn mark_sent(&mut self) -> Option<i32> {
        let next = self
            .queue
            .iter_mut()
            .find(|batch| batch.state == State::Waiting)?;
        next.state = State::UnderWay;
        next.tries = next.tries.saturating_add(1);
        self.under_way = self.under_way.saturating_add(1);
        self.rewinds = false;
        Some(next.sealed.sequence)
    }

    /// The batch at this place of the sequence is in the log from `offset` on. What is done with goes to `done`.
    pub(super) fn acknowledge(&mut self, sequence: i32, offset: i64, mut done: impl FnMut(Done)) {
        let instance = self.landed(sequence, State::Acknowledged(offset));
        if let Some(written) = instance.and_then(|instance| self.written.get_mut(instance)) {
            written.acknowledged = Some(Instant::now());
        }
        while let Some(State::Acknowledged(offset)) = self.queue.front().map(|batch| batch.state) {
            let Some(batch) = self.queue.pop_front() else {
                break;
            };
            if let Some(placed) = &mut self.placed {
                placed.push((offset, batch.sealed.count));
            }
            done(Done {
                bytes: batch.sealed.bytes,
                count: batch.sealed.count,
            });
        }
    }

    /// The batch at this place of the sequence is not in the log, as far as is known: it waits again.
    pub(super) fn fail(&mut self, sequence: i32) -> Option<Failed> {
        self.landed(sequence, State::Waiting)?;
        self.rewinds = true;
        let batch = self
            .queue
            .iter()
            .find(|batch| batch.sealed.sequence == sequence)?;
        Some(batch.failed())
    }

    /// What would be named if the batch at this place of the sequence could not be delivered.
    pub(super) fn look(&self, sequence: i32) -> Option<Failed> {
        let batch = self
            .queue
            .iter()
            .find(|batch| batch.sealed.sequence == sequence)?;
        Some(batch.failed())
    }

    /// The same of the oldest batch.
    pub(super) fn oldest(&self) -> Option<Failed> {
        self.queue.front().map(Batch::failed)
    }

    /// Whether an older batch than the one at this place of the sequence is not acknowledged.
    pub(super) fn is_behind_another(&self, sequence: i32) -> bool {
        self.queue
            .front()
            .is_some_and(|first| first.sealed.sequence != sequence)
    }

    /// Gives up what waits, and all under way that has no answer any more.
    pub(super) fn clear(&mut self, mut done: impl FnMut(Done)) {
        for batch in self.queue.drain(..) {
            done(Done {
                bytes: batch.sealed.bytes,
                count: batch.sealed.count,
            });
        }
        self.under_way = 0;
        self.rewinds = false;
        self.paused_until = None;
    }

    /// A batch is not under way any more. Whose it is.
    fn landed(&mut self, sequence: i32, state: State) -> Option<usize> {
        let under_way =
            |batch: &&mut Batch| batch.sealed.sequence == sequence && batch.state == State::UnderWay;
        let batch = self.queue.iter_mut().find(under_way)?;
        batch.state = state;
        self.under_way = self.under_way.saturating_sub(1);
        Some(batch.instance)
    }
}

impl Batch {
    fn failed(&self) -> Failed {
        Failed {
            tries: self.tries,
            since: self.since,
            largest: self.sealed.largest,
        }
    }
}

/// How long a broker remembers what it has of a producer that is silent, and far less: a day
/// (`producer.id.expiration.ms`).
const REMEMBERED: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    /// With batches of one record each, whose sequences are 0 to `count` - 1.
    fn partition(count: i32) -> Partition {
        let mut partition = Partition::new(0, 0, 1);
        partition.placed = Some(Vec::new());
        for sequence in 0..count {
            partition.push(sealed(sequence), 0, Instant::now());
        }
        partition
    }

    fn sealed(sequence: i32) -> SealedBatch {
        SealedBatch {
            bytes: vec![sequence as u8],
            count: 1,
            sequence,
            largest: (sequence as usize, 1),
        }
    }

    /// The same, of which the broker has the first already.
    fn known_partition(count: i32) -> Partition {
        let mut partition = partition(count + 1);
        assert_eq!(send(&mut partition), Some(0));
        assert_eq!(
            send(&mut partition),
            None,
            "the broker does not know the producer"
        );
        partition.acknowledge(0, 69, |_| {});
        partition
    }

    fn send(partition: &mut Partition) -> Option<i32> {
        partition.sendable(Instant::now())?;
        partition.mark_sent()
    }

    #[test]
    fn batches_go_in_their_order_and_are_done_when_acknowledged() {
        let mut partition = known_partition(2);
        assert_eq!(partition.next_sequence(0), 3);
        assert_eq!((send(&mut partition), send(&mut partition)), (Some(1), Some(2)));
        assert_eq!(send(&mut partition), None);
        let mut done = Vec::new();
        partition.acknowledge(1, 70, |batch| done.push(batch.bytes));
        partition.acknowledge(2, 71, |batch| done.push(batch.bytes));
        assert_eq!(done, [[1], [2]]);
        assert_eq!(partition.placed, Some(vec![(69, 1), (70, 1), (71, 1)]));
        assert!(partition.oldest().is_none());
    }

    #[test]
    fn a_new_epoch_begins_with_one_batch_at_a_time() {
        let mut partition = known_partition(0);
        partition.begin_epoch(0);
        for sequence in 0..2 {
            partition.push(sealed(sequence), 0, Instant::now());
        }
        assert_eq!((send(&mut partition), send(&mut partition)), (Some(0), None));
        partition.fail(0);
        assert_eq!((send(&mut partition), send(&mut partition)), (Some(0), None));
        partition.acknowledge(0, 70, |_| {});
        assert_eq!(send(&mut partition), Some(1));
    }

    #[test]
    fn after_a_failure_all_go_again_in_their_order() {
        let mut partition = known_partition(3);
        (0..3).for_each(|_| assert!(send(&mut partition).is_some()));
        assert_eq!(partition.fail(1).map(|failed| failed.tries), Some(1));
        assert_eq!(send(&mut partition), None, "two are still under way");
        assert!(partition.is_behind_another(2));
        partition.fail(2);
        partition.fail(3);
        let again: Vec<_> = std::iter::repeat_with(|| send(&mut partition)).take(4).collect();
        assert_eq!(again, [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn a_later_batch_that_is_acknowledged_first_waits_for_the_others() {
        let mut partition = known_partition(2);
        (0..2).for_each(|_| assert!(send(&mut partition).is_some()));
        let mut done = 0;
        partition.fail(1);
        partition.acknowledge(2, 5, |_| done += 1);
        assert_eq!(done, 0);
        assert_eq!(send(&mut partition), Some(1));
        partition.acknowledge(1, 4, |_| done += 1);
        assert_eq!(done, 2);
        assert_eq!(partition.placed, Some(vec![(69, 1), (4, 1), (5, 1)]));
    }

    #[test]
    fn an_answer_to_what_is_not_under_way_changes_nothing() {
        let mut partition = partition(1);
        assert!(partition.fail(0).is_none());
        partition.acknowledge(0, 1, |_| panic!("it was never sent"));
        assert!(partition.has_waiting());
    }
}
