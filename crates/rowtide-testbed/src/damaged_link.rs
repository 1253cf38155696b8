//! A network connection that damages a server's binlog on its way.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::Result;
use crate::link::Entrance;
use crate::random::Random;

/// What becomes of a packet of the binlog. Numbers of packets follow each other all the same, unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One of its bits is another.
    Flipped,
    /// It is shorter.
    Truncated,
    /// It does not come.
    Dropped,
    /// It comes twice.
    Twice,
    /// It comes behind the next one.
    Swapped,
    /// One that came before comes again in front of it.
    Spliced,
    /// Its number is not the next.
    Misnumbered,
    /// The connection ends in the middle of it.
    Cut,
    /// Bytes without a meaning come in front of it.
    Garbage,
    /// The server seems to say that it shuts down.
    Refused,
    /// The server seems to say that its binlog ends.
    Ended,
}

impl Damage {
    /// All of them.
    pub const ALL: [Damage; 11] = [
        Damage::Flipped,
        Damage::Truncated,
        Damage::Dropped,
        Damage::Twice,
        Damage::Swapped,
        Damage::Spliced,
        Damage::Misnumbered,
        Damage::Cut,
        Damage::Garbage,
        Damage::Refused,
        Damage::Ended,
    ];
}

/// Passes connections on to a server of this machine, which must not be encrypted, and damages one packet of a binlog when it
/// is told to.
#[derive(Debug)]
pub struct DamagedLink {
    entrance: Entrance,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server_port: u16,
    /// Packets of the last binlog that was sent.
    packets: AtomicU64,
    order: Mutex<Option<Order>>,
}

/// What is to be damaged, and how.
#[derive(Debug)]
struct Order {
    damage: Damage,
    which: Which,
    random: Random,
}

#[derive(Debug)]
enum Which {
    /// The packet with this number in the next binlog.
    Numbered(u64),
    /// Each in which these bytes are, however often it is sent.
    With(Vec<u8>),
}

impl Order {
    fn is_for(&self, number: u64, payload: &[u8]) -> bool {
        match &self.which {
            Which::Numbered(packet) => *packet == number,
            Which::With(bytes) => payload.windows(bytes.len()).any(|part| part == bytes),
        }
    }
}

impl Shared {
    /// What is to become of a packet, if anything.
    fn damage_of(&self, number: u64, payload: &[u8]) -> Option<(Damage, Random)> {
        let mut order = self.order();
        let found = order.as_mut().filter(|order| order.is_for(number, payload))?;
        // Each time another.
        let done = (found.damage, Random::new(found.random.next()));
        if let Which::Numbered(_) = found.which {
            order.take();
        }
        Some(done)
    }

    fn order(&self) -> MutexGuard<'_, Option<Order>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DamagedLink {
    /// A link to the server on `server_port`.
    pub fn to(server_port: u16) -> Result<DamagedLink> {
        let shared = Arc::new(Shared {
            server_port,
            packets: AtomicU64::new(0),
            order: Mutex::new(None),
        });
        let own = Arc::clone(&shared);
        let entrance = Entrance::open(move |client| join(client, &own))?;
        Ok(DamagedLink { entrance, shared })
    }

    /// Where to connect instead of the server, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.entrance.port()
    }

    /// Damages the packet with this number, from 0 on, of the next binlog that has so many. Once: what comes after is passed
    /// on as it is.
    pub fn damage(&self, damage: Damage, packet: u64, seed: u64) {
        self.place(damage, Which::Numbered(packet), seed);
    }

    /// Damages each packet that has these bytes in it, whenever it is sent, as if it were damaged in the server's file.
    pub fn damage_each_with(&self, bytes: &[u8], damage: Damage, seed: u64) {
        self.place(damage, Which::With(bytes.to_vec()), seed);
    }

    /// Passes everything on from now on.
    pub fn pass_all(&self) {
        self.shared.order().take();
    }

    fn place(&self, damage: Damage, which: Which, seed: u64) {
        let random = Random::new(seed);
        *self.shared.order() = Some(Order {
            damage,
            which,
            random,
        });
    }

    /// Whether the damage that was asked for has been done.
    pub fn is_done(&self) -> bool {
        self.shared.order().is_none()
    }

    /// How many packets the last binlog had so far.
    pub fn packets(&self) -> u64 {
        self.shared.packets.load(Ordering::Relaxed)
    }
}

/// Connects a client to the server.
fn join(client: TcpStream, shared: &Arc<Shared>) {
    // A server that is down shows as a connection that ends at once.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.server_port)) else {
        return;
    };
    let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let dumps = Arc::new(AtomicBool::new(false));
    let (shared, asked) = (Arc::clone(shared), Arc::clone(&dumps));
    thread::spawn(move || pass_requests(from_client, to_server, &asked));
    thread::spawn(move || {
        // Either side may have gone.
        let _ = pass_answers(&server, &client, &dumps, &shared);
        let _ = (server.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
    });
}

/// COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID.
const DUMPS: [u8; 2] = [0x12, 0x1e];

fn pass_requests(mut from: TcpStream, mut to: TcpStream, dumps: &AtomicBool) {
    while let Ok((number, payload)) = read_frame(&mut from) {
        let is_dump = number == 0 && payload.first().is_some_and(|command| DUMPS.contains(command));
        dumps.fetch_or(is_dump, Ordering::SeqCst);
        if write_frame(&mut to, number, &payload).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn pass_answers(mut from: &TcpStream, to: &TcpStream, dumps: &AtomicBool, shared: &Shared) -> io::Result<()> {
    let mut binlog: Option<Binlog<'_>> = None;
    loop {
        let (number, payload) = read_frame(&mut from)?;
        if dumps.load(Ordering::SeqCst) {
            let binlog = binlog.get_or_insert_with(|| Binlog::new(to, number));
            binlog.pass(payload, shared)?;
        } else {
            write_frame(&mut { to }, number, &payload)?;
        }
    }
}

/// A binlog on its way.
struct Binlog<'a> {
    to: &'a TcpStream,
    /// Of the next packet.
    number: u8,
    packets: u64,
    /// Some that have come.
    earlier: Vec<Vec<u8>>,
    /// One that comes behind the next.
    kept: Option<Vec<u8>>,
}

/// How many packets are remembered, and how long they may be.
const EARLIER: (usize, usize) = (200, 10_000);

impl<'a> Binlog<'a> {
    fn new(to: &'a TcpStream, number: u8) -> Self {
        Self {
            to,
            number,
            packets: 0,
            earlier: Vec::new(),
            kept: None,
        }
    }

    fn pass(&mut self, payload: Vec<u8>, shared: &Shared) -> io::Result<()> {
        let damage = shared.damage_of(self.packets, &payload);
        self.packets += 1;
        shared.packets.store(self.packets, Ordering::Relaxed);
        match damage {
            Some((damage, mut random)) => self.damaged(damage, payload.clone(), &mut random)?,
            None => {
                self.send(&payload)?;
                if let Some(kept) = self.kept.take() {
                    self.send(&kept)?;
                }
            }
        }
        if self.earlier.len() < EARLIER.0 && payload.len() < EARLIER.1 {
            self.earlier.push(payload);
        }
        Ok(())
    }

    fn damaged(&mut self, damage: Damage, mut payload: Vec<u8>, random: &mut Random) -> io::Result<()> {
        // Behind the byte that says that it is an event.
        let at = 1 + random.place(payload.len().saturating_sub(1).max(1));
        match damage {
            Damage::Flipped => {
                if let Some(byte) = payload.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
                self.send(&payload)
            }
            Damage::Truncated => self.send(payload.get(..at).unwrap_or_default()),
            Damage::Dropped => Ok(()),
            Damage::Twice => self.send(&payload).and_then(|()| self.send(&payload)),
            Damage::Swapped => {
                self.kept = Some(payload);
                Ok(())
            }
            Damage::Spliced => {
                if !self.earlier.is_empty() {
                    let earlier = random.pick(&self.earlier).clone();
                    self.send(&earlier)?;
                }
                self.send(&payload)
            }
            Damage::Misnumbered => {
                self.number = self.number.wrapping_add(1 + random.below(254) as u8);
                self.send(&payload)
            }
            Damage::Cut => {
                let whole = frame(self.number, &payload);
                self.to.write_all(whole.get(..at).unwrap_or_default())?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Damage::Garbage => {
                let garbage: Vec<u8> = (0..at).map(|_| random.below(256) as u8).collect();
                self.send(&garbage)?;
                self.send(&payload)
            }
            Damage::Refused => self.send(b"\xff\x1d\x04#08S01Server shutdown in progress"),
            Damage::Ended => self.send(b"\xfe\0\0\x02\0"),
        }
    }

    fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        write_frame(&mut { self.to }, self.number, payload)?;
        self.number = self.number.wrapping_add(1);
        Ok(())
    }
}

fn read_frame(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 4];
    from.read_exact(&mut header)?;
    let [a, b, c, number] = header;
    let mut payload = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
    from.read_exact(&mut payload)?;
    Ok((number, payload))
}

fn frame(number: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, ..] = payload.len().to_le_bytes();
    [&[a, b, c, number][..], payload].concat()
}

fn write_frame(to: &mut impl Write, number: u8, payload: &[u8]) -> io::Result<()> {
    to.write_all(&frame(number, payload))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What comes of five packets of a binlog through a link that damages the third.
    fn damaged(damage: Damage) -> Vec<(u8, Vec<u8>)> {
        let (server, link) = link();
        link.damage(damage, 2, 7);
        let packets = passed(&server, &link);
        assert!(link.is_done());
        packets
    }

    fn link() -> (TcpListener, DamagedLink) {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = DamagedLink::to(server.local_addr().unwrap().port()).unwrap();
        (server, link)
    }

    /// What comes of five packets of a binlog through a link.
    fn passed(server: &TcpListener, link: &DamagedLink) -> Vec<(u8, Vec<u8>)> {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        let (mut answering, _) = server.accept().unwrap();
        write_frame(&mut client, 0, &[DUMPS[0], 4]).unwrap();
        assert_eq!(read_frame(&mut answering).unwrap(), (0, vec![DUMPS[0], 4]));
        for number in 1..6 {
            write_frame(&mut answering, number, &[0, number, number]).unwrap();
        }
        drop(answering);
        let mut packets = Vec::new();
        while let Ok(packet) = read_frame(&mut client) {
            packets.push(packet);
        }
        packets
    }

    fn bytes(packets: &[(u8, Vec<u8>)]) -> Vec<u8> {
        packets.iter().map(|(_, payload)| payload[1]).collect()
    }

    #[test]
    fn events_are_damaged_and_numbered_on() {
        for (damage, expected) in [
            (Damage::Dropped, &[1, 2, 4, 5][..]),
            (Damage::Twice, &[1, 2, 3, 3, 4, 5]),
            (Damage::Swapped, &[1, 2, 4, 3, 5]),
        ] {
            let packets = damaged(damage);
            assert_eq!(bytes(&packets), expected, "{damage:?}");
            let numbers: Vec<u8> = packets.iter().map(|(number, _)| *number).collect();
            let following: Vec<u8> = (1..).take(packets.len()).collect();
            assert_eq!(numbers, following, "{damage:?}");
        }
        assert_eq!(damaged(Damage::Spliced).len(), 6);
        assert_ne!(damaged(Damage::Misnumbered)[2].0, 3);
        assert_ne!(damaged(Damage::Flipped)[2].1, [0, 3, 3]);
        assert!(damaged(Damage::Truncated)[2].1.len() < 3);
        assert_eq!(damaged(Damage::Cut).len(), 2);
    }

    #[test]
    fn a_packet_may_be_damaged_whenever_it_is_sent() {
        let (server, link) = link();
        link.damage_each_with(&[4, 4], Damage::Dropped, 7);
        for _ in 0..2 {
            assert_eq!(bytes(&passed(&server, &link)), [1, 2, 3, 5]);
        }
        link.pass_all();
        assert_eq!(bytes(&passed(&server, &link)), [1, 2, 3, 4, 5]);
    }
}
