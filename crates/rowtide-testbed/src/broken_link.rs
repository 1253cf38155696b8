//! A network connection that breaks, or carries nothing for a while.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::Result;
use crate::link::Entrance;
use crate::random::Random;

/// Passes connections on to a server of this machine, and ends them in the middle of requests and answers when it is told
/// to: so requests arrive in part, and answers are lost to what was done. It passes everything on at first.
#[derive(Debug)]
pub struct BrokenLink {
    entrance: Entrance,
    shared: Arc<Shared>,
}

/// What the link does with bytes.
#[derive(Clone, Debug)]
enum Passage {
    All,
    /// So many bytes of a connection's requests and of its answers, chosen by the seed; then the connection ends.
    Some {
        seed: u64,
        requests: RangeInclusive<u64>,
        answers: RangeInclusive<u64>,
    },
    /// They are kept, and passed on when the link passes something again.
    Nothing,
}

#[derive(Debug)]
struct Shared {
    server_port: AtomicU16,
    /// Changes are numbered.
    passage: Mutex<(usize, Passage)>,
    changed: Condvar,
    open: AtomicUsize,
    broken: AtomicUsize,
}

impl BrokenLink {
    /// A link that leads nowhere before [`lead_to`](Self::lead_to): a server may have to know the port before it starts.
    pub fn new() -> Result<BrokenLink> {
        let shared = Arc::new(Shared {
            server_port: AtomicU16::new(0),
            passage: Mutex::new((0, Passage::All)),
            changed: Condvar::new(),
            open: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
        });
        let (own, mut numbers) = (Arc::clone(&shared), 0..);
        let entrance =
            Entrance::open(move |client| accept(client, numbers.next().unwrap_or_default(), &own))?;
        Ok(BrokenLink { entrance, shared })
    }

    /// Where to connect instead of the server, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.entrance.port()
    }

    /// Connections go to the server on `server_port` from now on.
    pub fn lead_to(&self, server_port: u16) {
        self.shared.server_port.store(server_port, Ordering::Relaxed);
    }

    /// Connections last.
    pub fn pass_all(&self) {
        self.set(Passage::All);
    }

    /// Every connection ends after so many bytes of requests, or so many of answers, whichever comes first; those that are
    /// open count anew from here. The same seed chooses the same numbers.
    pub fn break_after(&self, seed: u64, requests: RangeInclusive<u64>, answers: RangeInclusive<u64>) {
        self.set(Passage::Some {
            seed,
            requests,
            answers,
        });
    }

    /// Connections are accepted, and nothing passes; what was kept arrives when something passes again.
    pub fn pass_nothing(&self) {
        self.set(Passage::Nothing);
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Connections that the link has ended.
    pub fn broken(&self) -> usize {
        self.shared.broken.load(Ordering::Relaxed)
    }

    fn set(&self, passage: Passage) {
        let mut now = self.shared.passage();
        *now = (now.0 + 1, passage);
        self.shared.changed.notify_all();
    }
}

impl Drop for BrokenLink {
    fn drop(&mut self) {
        self.pass_all();
    }
}

impl Shared {
    fn passage(&self) -> MutexGuard<'_, (usize, Passage)> {
        self.passage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while nothing passes.
    fn await_passage(&self) -> (usize, Passage) {
        let is_nothing = |now: &mut (usize, Passage)| matches!(now.1, Passage::Nothing);
        let passage = self.changed.wait_while(self.passage(), is_nothing);
        passage.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A connection: its number, and what is counted when both of its directions have ended.
struct Connection {
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Answers,
}

fn accept(client: TcpStream, number: u64, shared: &Arc<Shared>) {
    shared.open.fetch_add(1, Ordering::Relaxed);
    let shared = Arc::clone(shared);
    let connection = Arc::new(Connection { number, shared });
    thread::spawn(move || join(&connection, client));
}

/// Connects a client to the server, and passes its requests on.
fn join(connection: &Arc<Connection>, client: TcpStream) {
    connection.shared.await_passage();
    let port = connection.shared.server_port.load(Ordering::Relaxed);
    // A server that is down shows as a connection that ends at once.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return;
    };
    let (Ok(to_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let answering = Arc::clone(connection);
    thread::spawn(move || pass(&answering, Direction::Answers, from_server, to_client));
    pass(connection, Direction::Requests, client, server);
}

/// Passes bytes on until one side closes, or as many have passed as may; then closes both.
fn pass(connection: &Connection, direction: Direction, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    let (mut change, mut left) = (usize::MAX, u64::MAX);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let (latest, passage) = connection.shared.await_passage();
        if latest != change {
            (change, left) = (latest, limit(&passage, connection.number, direction));
        }
        let length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        left -= length as u64;
        if to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
            break;
        }
        if left == 0 {
            connection.shared.broken.fetch_add(1, Ordering::Relaxed);
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// How many bytes of a connection may pass.
fn limit(passage: &Passage, connection: u64, direction: Direction) -> u64 {
    let Passage::Some {
        seed,
        requests,
        answers,
    } = passage
    else {
        return u64::MAX;
    };
    let (range, salt) = match direction {
        Direction::Requests => (requests, 0),
        Direction::Answers => (answers, 1),
    };
    let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(connection * 2 + salt));
    random.between(*range.start(), *range.end())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::TcpListener;

    use super::*;

    /// A link to a server that sends back what it gets, and a client of it.
    fn echo() -> (BrokenLink, impl Fn() -> TcpStream) {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = BrokenLink::new().unwrap();
        link.lead_to(server.local_addr().unwrap().port());
        thread::spawn(move || {
            for client in server.incoming().map_while(io::Result::ok) {
                let mut back = client.try_clone().unwrap();
                thread::spawn(move || io::copy(&mut &client, &mut back));
            }
        });
        let port = link.port();
        (link, move || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()
        })
    }

    fn read_back(client: &mut TcpStream, question: &[u8]) -> Vec<u8> {
        client.write_all(question).unwrap();
        let mut answer = vec![0; question.len()];
        client.read_exact(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_connection_ends_after_its_bytes_in_either_direction() {
        let (link, connect) = echo();
        assert_eq!(read_back(&mut connect(), b"all"), b"all");
        for (requests, answers) in [(1_000..=1_000, 5_000..=5_000), (5_000..=5_000, 1_000..=1_000)] {
            let before = link.broken();
            link.break_after(1, requests, answers);
            let mut client = connect();
            assert_eq!(read_back(&mut client, &[7; 900]), [7; 900]);
            client.write_all(&[8; 200]).unwrap();
            let mut rest = Vec::new();
            // The end may show as a reset.
            let _ = client.read_to_end(&mut rest);
            assert!(rest.len() <= 100, "{}", rest.len());
            assert!(link.broken() > before);
        }
    }

    #[test]
    fn what_is_kept_arrives_later() {
        let (link, connect) = echo();
        let mut old = connect();
        assert_eq!(read_back(&mut old, b"1"), b"1");
        assert_eq!(link.open(), 1);
        link.pass_nothing();
        old.write_all(b"old").unwrap();
        let mut new = connect();
        new.write_all(b"new").unwrap();
        link.pass_all();
        for (client, expected) in [(&mut old, b"old"), (&mut new, b"new")] {
            let mut got = [0; 3];
            client.read_exact(&mut got).unwrap();
            assert_eq!(&got, expected);
        }
    }
}
