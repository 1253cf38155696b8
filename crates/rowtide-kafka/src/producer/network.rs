//! All connections to brokers, served by one thread: nothing here waits but [`Network::serve`].

use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rdkafka::error::RDKafkaErrorCode as Code;
use socket2::SockRef;

use super::connection::{Connection, Received};
use super::settings::{Address, AddressFamily, NetworkSettings};
use super::socket::Ended;
use crate::security::Security;
use crate::wire::Api;
use crate::wire::metadata::Broker;

/// A broker: by its number, or by its place among the bootstrap addresses while its number is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    Bootstrap(usize),
    Broker(i32),
}

/// What happened at the sockets.
#[derive(Debug)]
pub(super) enum Event {
    /// A broker can be sent requests.
    Ready,
    /// A broker answered.
    Received(Received),
    /// A connection ended.
    Ended(Lost),
}

/// A connection that ended.
#[derive(Debug)]
pub(super) struct Lost {
    /// The broker's `HOST:PORT`.
    pub address: String,
    /// Requests could be sent before.
    pub was_ready: bool,
    pub ended: Ended,
    /// The requests without an answer.
    pub tickets: Vec<u64>,
}

/// The brokers that are known, and the connections to them.
pub(super) struct Network {
    poll: Poll,
    events: Events,
    security: Security,
    settings: NetworkSettings,
    peers: HashMap<Node, Peer>,
    /// Whose connection has a token; a token is used once.
    tokens: HashMap<Token, Node>,
    next_token: usize,
    next_ticket: u64,
    /// What ended outside of [`serve`](Self::serve), to be told by it.
    ended: Vec<Event>,
}

/// A broker.
struct Peer {
    address: Address,
    state: State,
    /// Connections that failed one after the other.
    failures: u32,
}

enum State {
    Idle,
    /// Not to be connected to before.
    Resting(Instant),
    Open(Token, Box<Connection>),
}

impl Network {
    /// Knows the bootstrap addresses, and is connected to none.
    ///
    /// # Errors
    /// If the system has no means to wait for sockets.
    pub(super) fn new(
        bootstrap: &[Address],
        security: Security,
        settings: NetworkSettings,
    ) -> std::io::Result<Self> {
        let peers = bootstrap.iter().enumerate().map(|(place, address)| {
            let peer = Peer::new(address.clone());
            (Node::Bootstrap(place), peer)
        });
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            security,
            settings,
            peers: peers.collect(),
            tokens: HashMap::new(),
            next_token: 0,
            next_ticket: 0,
            ended: Vec::new(),
        })
    }

    /// Learns where a broker is. A connection to where it was ends.
    pub(super) fn learn(&mut self, broker: Broker) -> Node {
        let node = Node::Broker(broker.node);
        let address = Address {
            host: broker.host,
            // No broker listens at 0: it cannot be connected to, as at any number that is no port.
            port: u16::try_from(broker.port).unwrap_or_default(),
        };
        match self.peers.get_mut(&node) {
            Some(peer) if peer.address == address => {}
            Some(_) => {
                self.end(node, &moved());
                self.peers.insert(node, Peer::new(address));
            }
            None => {
                self.peers.insert(node, Peer::new(address));
            }
        }
        node
    }

    /// A broker to ask about the cluster: a connected one, or else the next to try.
    pub(super) fn any(&self) -> Option<Node> {
        let connected = self.peers.iter().filter(|(_, peer)| peer.is_ready());
        let connected = connected.map(|(node, _)| *node).max();
        // The ones that failed least, and brokers by their number before those that may be the same ones.
        let reluctance = |(node, peer): &(&Node, &Peer)| (peer.reluctance(), std::cmp::Reverse(**node));
        let next = || self.peers.iter().min_by_key(reluctance);
        connected.or_else(|| next().map(|(node, _)| *node))
    }

    /// Ends the connections to the bootstrap addresses, once brokers are known by their numbers.
    pub(super) fn leave_bootstrap(&mut self) {
        for peer in self
            .peers
            .iter_mut()
            .filter(|(node, _)| matches!(node, Node::Bootstrap(_)))
        {
            let (_, peer) = peer;
            if let State::Open(token, connection) = &mut peer.state
                && connection.in_flight() == 0
            {
                self.tokens.remove(token);
                peer.state = State::Idle;
            }
        }
    }

    /// Whether requests can be sent to `node` now. If not, it is connected to, as soon as it may be.
    pub(super) fn is_ready(&mut self, node: Node) -> bool {
        let now = Instant::now();
        let Some(peer) = self.peers.get_mut(&node) else {
            return false;
        };
        match &peer.state {
            State::Open(_, connection) if connection.is_outdated(now) => {
                self.end(node, &outdated());
                self.connect(node);
                false
            }
            State::Open(_, connection) => connection.is_ready(),
            State::Resting(until) if *until > now => false,
            State::Resting(_) | State::Idle => {
                self.connect(node);
                false
            }
        }
    }

    /// Whether the last connection to `node` has failed, and it is too soon for another.
    pub(super) fn is_resting(&self, node: Node) -> bool {
        matches!(self.peers.get(&node), Some(peer) if matches!(peer.state, State::Resting(_)))
    }

    /// Whether `node` takes one more request that need not come at once.
    pub(super) fn has_room(&mut self, node: Node) -> bool {
        let most = self.settings.in_flight;
        self.is_ready(node)
            && self
                .open(node)
                .is_some_and(|connection| connection.in_flight() < most)
    }

    /// The version in which `node` takes a request; none if it has none that is known here, or is not connected.
    pub(super) fn version(&mut self, node: Node, api: Api) -> Option<i16> {
        self.open(node)?.version(api)
    }

    /// Sends a request to a broker that is ready; its answer, or its loss, is told by [`serve`](Self::serve) with the
    /// ticket that comes back.
    pub(super) fn send(
        &mut self,
        node: Node,
        api: Api,
        version: i16,
        timeout: Duration,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.saturating_add(1);
        let sent = match self.open(node) {
            Some(connection) => connection.send(api, version, ticket, timeout, body),
            None => {
                self.tell(node, &not_connected(), vec![ticket], false);
                Ok(())
            }
        };
        if let Err(ended) = sent {
            self.end(node, &ended);
        }
        ticket
    }

    /// Waits until something happens, but for `wait` at most, and tells it.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub(super) fn serve(&mut self, wait: Duration, told: &mut Vec<Event>) -> std::io::Result<()> {
        let wait = if self.ended.is_empty() {
            self.until_deadline(wait)
        } else {
            Duration::ZERO
        };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let tokens: Vec<Token> = self.events.iter().map(mio::event::Event::token).collect();
        for token in tokens {
            if let Some(node) = self.tokens.get(&token).copied() {
                self.progress(node, told);
            }
        }
        self.check_times();
        told.append(&mut self.ended);
        Ok(())
    }

    fn progress(&mut self, node: Node, told: &mut Vec<Event>) {
        let setup = self.settings.setup_timeout;
        let Some(connection) = self.open(node) else { return };
        let was_ready = connection.is_ready();
        let result = connection.progress(setup, &mut |received| told.push(Event::Received(received)));
        let is_ready = connection.is_ready();
        if let Err(ended) = result {
            return self.end(node, &ended);
        }
        if is_ready && !was_ready {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.failures = 0;
            }
            told.push(Event::Ready);
        }
    }

    /// No longer than until a connection has to be looked at.
    fn until_deadline(&self, wait: Duration) -> Duration {
        let now = Instant::now();
        let setup = self.settings.setup_timeout;
        let deadlines = self.peers.values().filter_map(|peer| match &peer.state {
            State::Open(_, connection) => connection.deadline(setup),
            State::Resting(until) => Some(*until).filter(|until| *until > now),
            State::Idle => None,
        });
        let first = deadlines
            .min()
            .map(|deadline| deadline.saturating_duration_since(now));
        first.map_or(wait, |first| wait.min(first.saturating_add(TIMER)))
    }

    fn check_times(&mut self) {
        let (now, setup) = (Instant::now(), self.settings.setup_timeout);
        let late = self.peers.iter().filter_map(|(node, peer)| match &peer.state {
            State::Open(_, connection) => Some((*node, connection.check_time(now, setup).err()?)),
            _ => None,
        });
        for (node, ended) in late.collect::<Vec<_>>() {
            self.end(node, &ended);
        }
    }

    fn open(&mut self, node: Node) -> Option<&mut Connection> {
        match &mut self.peers.get_mut(&node)?.state {
            State::Open(_, connection) => Some(connection),
            _ => None,
        }
    }

    fn connect(&mut self, node: Node) {
        if let Err(ended) = self.try_connect(node) {
            self.rest(node);
            self.tell(node, &ended, Vec::new(), false);
        }
    }

    fn try_connect(&mut self, node: Node) -> Result<(), Ended> {
        let Some(peer) = self.peers.get_mut(&node) else {
            return Ok(());
        };
        let address = peer.address.resolve(self.settings.family, peer.failures)?;
        let mut connection = Connection::open(address, &peer.address.host, &self.security, &self.settings)?;
        tune(&mut connection, &self.settings)?;
        let token = Token(self.next_token);
        self.next_token = self.next_token.wrapping_add(1);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(connection.stream(), token, both)?;
        self.tokens.insert(token, node);
        peer.state = State::Open(token, Box::new(connection));
        Ok(())
    }

    /// Ends a connection, if there is one, and remembers to tell it.
    fn end(&mut self, node: Node, ended: &Ended) {
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        let State::Open(token, connection) = &peer.state else {
            return;
        };
        let (tickets, was_ready) = (connection.tickets().collect(), connection.is_ready());
        self.tokens.remove(token);
        self.rest(node);
        self.tell(node, ended, tickets, was_ready);
    }

    fn tell(&mut self, node: Node, ended: &Ended, tickets: Vec<u64>, was_ready: bool) {
        let address = self.peers.get(&node).map(|peer| peer.address.to_string());
        self.ended.push(Event::Ended(Lost {
            address: address.unwrap_or_default(),
            was_ready,
            ended: ended.clone(),
            tickets,
        }));
    }

    /// The broker is not connected to for a while, the longer the more often it failed.
    fn rest(&mut self, node: Node) {
        let (first, longest) = self.settings.reconnect_backoff;
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        let wait = first.saturating_mul(1 << peer.failures.min(16)).min(longest);
        peer.failures = peer.failures.saturating_add(1);
        peer.state = State::Resting(Instant::now() + wait);
    }
}

impl Peer {
    fn new(address: Address) -> Self {
        Self {
            address,
            state: State::Idle,
            failures: 0,
        }
    }

    fn is_ready(&self) -> bool {
        matches!(&self.state, State::Open(_, connection) if connection.is_ready())
    }

    /// How often it failed; to be connecting for long counts as well, so that a host that says nothing is not waited for
    /// while there are others.
    fn reluctance(&self) -> u32 {
        match &self.state {
            State::Open(_, connection) => {
                let slow = connection.age().as_millis() / SILENCE.as_millis();
                self.failures
                    .saturating_add(u32::try_from(slow).unwrap_or(u32::MAX))
            }
            _ => self.failures,
        }
    }
}

impl Address {
    /// One of the host's addresses: after each failure the next one.
    fn resolve(&self, family: AddressFamily, failures: u32) -> Result<SocketAddr, Ended> {
        let unknown = |reason: String| Ended {
            code: Code::Resolve,
            reason: format!("the address of {} is not known: {reason}", self.host),
            refused: false,
        };
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found = found.map_err(|error| unknown(error.to_string()))?;
        let fit: Vec<SocketAddr> = found
            .filter(|address| match family {
                AddressFamily::Any => true,
                AddressFamily::V4 => address.is_ipv4(),
                AddressFamily::V6 => address.is_ipv6(),
            })
            .collect();
        let place = usize::try_from(failures)
            .unwrap_or_default()
            .checked_rem(fit.len());
        let address = place.and_then(|place| fit.get(place).copied());
        address.ok_or_else(|| unknown("it has none of the kind asked for".to_owned()))
    }
}

fn tune(connection: &mut Connection, settings: &NetworkSettings) -> std::io::Result<()> {
    let socket = SockRef::from(&*connection.stream());
    socket.set_tcp_nodelay(!settings.nagle)?;
    socket.set_keepalive(settings.keepalive)?;
    if let Some(size) = settings.send_buffer {
        socket.set_send_buffer_size(size)?;
    }
    if let Some(size) = settings.receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    Ok(())
}

fn moved() -> Ended {
    fault("the broker has another address now")
}

fn outdated() -> Ended {
    fault("the login is about to end, and there is a new one")
}

fn not_connected() -> Ended {
    fault("the broker is not connected")
}

fn fault(reason: &str) -> Ended {
    Ended::broken(reason)
}

/// Sockets that are told of at a time.
const EVENTS: usize = 64;
/// For so long a broker that is being connected to is waited for as if there were no other.
const SILENCE: Duration = Duration::from_secs(1);
/// The system's timer has whole milliseconds.
const TIMER: Duration = Duration::from_millis(1);
