//! A queue between two threads that is bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What can stand in the queue: anything that knows how much memory it holds.
pub trait Weigh {
    /// Bytes of memory, roughly.
    fn weight(&self) -> usize;
}

/// The two ends of a new queue that holds at most `limit` bytes, and always at least one item.
pub fn bounded<T: Weigh>(limit: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            items: VecDeque::new(),
            bytes: 0,
            closed: false,
            given_up: false,
        }),
        changed: Condvar::new(),
        limit,
    });
    (
        Sender {
            shared: Arc::clone(&shared),
        },
        Receiver { shared },
    )
}

/// The end that puts items in. Dropping it lets the receiver see the end once the queue is empty.
#[derive(Debug)]
pub struct Sender<T: Weigh> {
    shared: Arc<Shared<T>>,
}

/// The end that takes items out. Dropping it makes every later [`Sender::send`] fail.
#[derive(Debug)]
pub struct Receiver<T: Weigh> {
    shared: Arc<Shared<T>>,
}

/// What [`Receiver::receive`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<T> {
    /// The next item.
    Item(T),
    /// Nothing came in the given time.
    Timeout,
    /// The sender is gone and the queue is empty.
    Closed,
}

/// The receiver is gone.
#[derive(Debug, PartialEq, Eq)]
pub struct Disconnected;

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    limit: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    bytes: usize,
    closed: bool,
    given_up: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic while the lock was held cannot leave the queue half changed: every change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Weigh> Sender<T> {
    /// Puts `item` in, waiting while the queue is full. An item heavier than the whole limit goes in when the queue is
    /// empty.
    ///
    /// # Errors
    /// [`Disconnected`] if the receiver is gone.
    pub fn send(&self, item: T) -> Result<(), Disconnected> {
        let weight = item.weight();
        let mut state = self.shared.lock();
        while !state.closed
            && !state.items.is_empty()
            && state.bytes.saturating_add(weight) > self.shared.limit
        {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(Disconnected);
        }
        state.bytes = state.bytes.saturating_add(weight);
        state.items.push_back(item);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Tells the receiver that what was put in is not to be made final.
    pub fn give_up(&self) {
        self.shared.lock().given_up = true;
    }
}

impl<T: Weigh> Receiver<T> {
    /// The next item, waiting at most `patience` for it.
    pub fn receive(&self, patience: Duration) -> Received<T> {
        let state = self.shared.lock();
        let waiting = |s: &mut State<T>| s.items.is_empty() && !s.closed;
        let (mut state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, patience, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        match state.items.pop_front() {
            Some(item) => {
                state.bytes = state.bytes.saturating_sub(item.weight());
                self.shared.changed.notify_all();
                Received::Item(item)
            }
            None if state.closed => Received::Closed,
            None => Received::Timeout,
        }
    }

    /// Whether what came is not to be made final.
    pub fn is_given_up(&self) -> bool {
        self.shared.lock().given_up
    }

    /// Whether nothing is waiting.
    pub fn is_empty(&self) -> bool {
        self.shared.lock().items.is_empty()
    }
}

impl<T: Weigh> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl<T: Weigh> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.items.clear();
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Bytes(usize);

    impl Weigh for Bytes {
        fn weight(&self) -> usize {
            self.0
        }
    }

    const SOON: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn items_come_out_in_order_and_then_the_end() {
        let (tx, rx) = bounded(100);
        tx.send(Bytes(1)).unwrap();
        tx.send(Bytes(2)).unwrap();
        assert!(!rx.is_given_up());
        tx.give_up();
        drop(tx);
        assert!(rx.is_given_up());
        assert_eq!(rx.receive(LONG), Received::Item(Bytes(1)));
        assert_eq!(rx.receive(LONG), Received::Item(Bytes(2)));
        assert_eq!(rx.receive(LONG), Received::Closed);
    }

    #[test]
    fn an_empty_queue_times_out() {
        let (_tx, rx) = bounded::<Bytes>(100);
        assert_eq!(rx.receive(SOON), Received::Timeout);
        assert!(rx.is_empty());
    }

    #[test]
    fn a_full_queue_holds_the_sender_back_until_there_is_room() {
        let (tx, rx) = bounded(100);
        tx.send(Bytes(80)).unwrap();
        let sender = std::thread::spawn(move || {
            tx.send(Bytes(30)).unwrap();
            tx.send(Bytes(500)).unwrap();
        });
        assert_eq!(rx.receive(LONG), Received::Item(Bytes(80)));
        assert_eq!(rx.receive(LONG), Received::Item(Bytes(30)));
        assert_eq!(
            rx.receive(LONG),
            Received::Item(Bytes(500)),
            "heavier than the limit, but not stuck"
        );
        sender.join().unwrap();
    }

    #[test]
    fn a_waiting_sender_is_told_that_the_receiver_is_gone() {
        let (tx, rx) = bounded(10);
        tx.send(Bytes(10)).unwrap();
        let sender = std::thread::spawn(move || tx.send(Bytes(10)));
        drop(rx);
        assert_eq!(sender.join().unwrap(), Err(Disconnected));
    }
}
