//! Frames of up to 16 MiB, joined to packets and cut again.
//!
//! A frame is a length of three bytes, a sequence number of one byte and the payload. A frame of exactly `0xffffff`
//! bytes says that the packet continues in the next one, which may be empty.

use std::ops::Range;

/// The longest payload of one frame, in bytes.
pub const MAX_FRAME: usize = 0xff_ff_ff;
/// The longest packet that is accepted by default: an event of 1 GiB, which is the server's own limit, and what
/// stands before it.
pub const MAX_PACKET: usize = (1 << 30) + (1 << 20);

const HEADER: usize = 4;
/// Bytes asked of the socket at once.
const BUFFER: usize = 256 << 10;
/// What the buffer of long packets may keep between two of them.
const KEPT: usize = 1 << 20;

/// Why bytes are no packets. The connection is of no use afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// A frame of another number than the next.
    #[error(
        "frame {found} came in place of frame {expected}: bytes of the connection are lost or not the server's"
    )]
    OutOfOrder {
        /// The number that was due.
        expected: u8,
        /// The number in the frame.
        found: u8,
    },
    /// A packet is longer than what was agreed to be read.
    #[error("a packet exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Bytes read from the server that become packets: whole frames are borrowed where they lie, and only packets of
/// several frames, or longer than the buffer, are copied together.
#[derive(Debug)]
pub struct PacketBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The number of the next frame, whoever sends it.
    sequence: u8,
    limit: usize,
    at: At,
    packet: Packet,
    /// A packet that is copied together; memory grows with the bytes that came, not with those announced.
    long: Vec<u8>,
}

/// What the next unread byte is.
#[derive(Debug, Clone, Copy)]
enum At {
    /// A header's first.
    Header,
    /// A header's first, in the middle of a long packet.
    NextHeader,
    /// One of the `left` bytes of a long packet's frame, which may be its last.
    Body { left: usize, last: bool },
}

/// Where the packet that was read last lies.
#[derive(Debug, Clone)]
enum Packet {
    Here(Range<usize>),
    Long,
}

impl Default for PacketBuffer {
    fn default() -> Self {
        Self::new(MAX_PACKET)
    }
}

impl PacketBuffer {
    /// An empty buffer that refuses packets of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self::with_capacity(BUFFER, limit)
    }

    fn with_capacity(capacity: usize, limit: usize) -> Self {
        let bytes = vec![0; capacity];
        Self {
            bytes,
            start: 0,
            end: 0,
            sequence: 0,
            limit,
            at: At::Header,
            packet: Packet::Here(0..0),
            long: Vec::new(),
        }
    }

    /// Refuses packets of more than `limit` bytes from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Goes on to the next packet; false if more bytes are needed for it.
    ///
    /// # Errors
    /// If frames are out of order, or a packet is longer than the limit, which is noticed before it is stored.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, PacketError> {
        self.release_long();
        loop {
            match self.at {
                At::Body { left, last } => {
                    if !self.copy_body(left, last) {
                        return Ok(false);
                    }
                    if last {
                        self.packet = Packet::Long;
                        return Ok(true);
                    }
                }
                At::Header | At::NextHeader => {
                    let Some(len) = self.peek_header()? else {
                        return Ok(false);
                    };
                    let fits = len < MAX_FRAME && len <= self.bytes.len().saturating_sub(HEADER);
                    if fits && matches!(self.at, At::Header) {
                        return Ok(self.take_here(len));
                    }
                    self.begin_body(len);
                }
            }
        }
    }

    /// The packet that [`advance`](Self::advance) has come to, until it is called again or bytes are added.
    #[inline]
    pub fn packet(&self) -> &[u8] {
        match &self.packet {
            Packet::Here(range) => self.bytes.get(range.clone()).unwrap_or_default(),
            Packet::Long => &self.long,
        }
    }

    /// Room for more bytes, never empty after [`advance`](Self::advance) has asked for more. Say with
    /// [`filled`](Self::filled) how much of it was used.
    pub fn space(&mut self) -> &mut [u8] {
        self.packet = Packet::Here(0..0);
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Takes over the first `n` bytes of [`space`](Self::space).
    pub fn filled(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.bytes.len());
    }

    /// Whether bytes were received that belong to no packet yet returned.
    pub fn has_unread(&self) -> bool {
        self.start < self.end || !matches!(self.at, At::Header)
    }

    /// Numbers frames from 0 again, as each command does.
    pub fn begin_command(&mut self) {
        self.sequence = 0;
    }

    /// Appends `payload` in frames to `out`.
    pub fn frame(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        let mut rest = payload;
        loop {
            let (chunk, after) = rest.split_at(rest.len().min(MAX_FRAME));
            let [a, b, c, ..] = chunk.len().to_le_bytes();
            out.extend([a, b, c, self.sequence]);
            out.extend_from_slice(chunk);
            self.sequence = self.sequence.wrapping_add(1);
            if chunk.len() < MAX_FRAME {
                return;
            }
            rest = after;
        }
    }

    fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The length in the header at hand, if it is complete and permitted.
    #[inline]
    fn peek_header(&self) -> Result<Option<usize>, PacketError> {
        let Some([a, b, c, number]) = self.unread().first_chunk::<HEADER>() else {
            return Ok(None);
        };
        if *number != self.sequence {
            return Err(PacketError::OutOfOrder {
                expected: self.sequence,
                found: *number,
            });
        }
        let len = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
        if self.long.len().saturating_add(len) > self.limit {
            return Err(PacketError::TooLarge { limit: self.limit });
        }
        Ok(Some(len))
    }

    /// Takes a packet of one frame where it lies, if it is complete.
    #[inline]
    fn take_here(&mut self, len: usize) -> bool {
        let from = self.start + HEADER;
        let to = from + len;
        if to > self.end {
            return false;
        }
        self.packet = Packet::Here(from..to);
        self.start = to;
        self.sequence = self.sequence.wrapping_add(1);
        true
    }

    fn begin_body(&mut self, len: usize) {
        self.start += HEADER;
        self.sequence = self.sequence.wrapping_add(1);
        self.at = At::Body {
            left: len,
            last: len < MAX_FRAME,
        };
    }

    /// Copies what is there of a long packet's frame; true when the frame is complete.
    fn copy_body(&mut self, left: usize, last: bool) -> bool {
        let here = left.min(self.end - self.start);
        let chunk = self.bytes.get(self.start..self.start + here).unwrap_or_default();
        self.long.extend_from_slice(chunk);
        self.start += here;
        let left = left - here;
        self.at = match (left, last) {
            (0, true) => At::Header,
            (0, false) => At::NextHeader,
            _ => At::Body { left, last },
        };
        left == 0
    }

    /// Forgets the long packet that was read, and gives its memory back if it was a huge one.
    #[inline]
    fn release_long(&mut self) {
        if matches!(self.packet, Packet::Long) {
            self.packet = Packet::Here(0..0);
            self.empty_long();
        } else if matches!(self.at, At::Header) && !self.long.is_empty() {
            self.empty_long();
        }
    }

    fn empty_long(&mut self) {
        self.long.clear();
        self.long.shrink_to(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        PacketBuffer::default().frame(payload, &mut out);
        out
    }

    fn feed(buffer: &mut PacketBuffer, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = buffer.space();
            let n = space.len().min(bytes.len());
            space[..n].copy_from_slice(&bytes[..n]);
            buffer.filled(n);
            bytes = &bytes[n..];
            assert!(
                bytes.is_empty() || !buffer.advance().unwrap(),
                "more than one packet"
            );
        }
    }

    /// All packets in `bytes`, which arrive in `chunks`.
    fn packets(capacity: usize, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut buffer = PacketBuffer::with_capacity(capacity, MAX_PACKET);
        let mut found = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let space = buffer.space();
                let n = space.len().min(rest.len());
                assert!(n > 0, "no space left");
                space[..n].copy_from_slice(&rest[..n]);
                buffer.filled(n);
                rest = &rest[n..];
                while buffer.advance().unwrap() {
                    found.push(buffer.packet().to_vec());
                }
            }
        }
        assert!(!buffer.has_unread());
        found
    }

    #[test]
    fn every_split_point_gives_the_same_packets() {
        let mut sender = PacketBuffer::default();
        let mut bytes = Vec::new();
        let sent: [&[u8]; 5] = [b"", b"a", &[7; 29], b"", &[9; 61]];
        for payload in sent {
            sender.frame(payload, &mut bytes);
        }
        for capacity in [8, 33, 4096] {
            for at in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(at);
                assert_eq!(
                    packets(capacity, &[head, tail]),
                    sent,
                    "split at {at}, capacity {capacity}"
                );
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(packets(capacity, &single), sent);
        }
    }

    #[test]
    fn packets_beyond_16_mib_are_cut_and_joined() {
        for len in [
            MAX_FRAME - 1,
            MAX_FRAME,
            MAX_FRAME + 1,
            2 * MAX_FRAME,
            2 * MAX_FRAME + 9,
        ] {
            let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let bytes = framed(&payload);
            assert_eq!(bytes.len(), len + HEADER * (len / MAX_FRAME + 1));
            let mut buffer = PacketBuffer::default();
            feed(&mut buffer, &bytes);
            assert!(buffer.advance().unwrap());
            assert!(buffer.packet() == payload, "{len}");
            assert!(!buffer.advance().unwrap());
            assert!(buffer.long.capacity() <= KEPT, "memory is kept");
        }
    }

    #[test]
    fn the_limit_holds_over_frames_and_before_memory_is_taken() {
        let mut buffer = PacketBuffer::new(MAX_FRAME + 10);
        let mut bytes = framed(&vec![1; MAX_FRAME]);
        bytes.truncate(MAX_FRAME + HEADER);
        feed(&mut buffer, &bytes);
        assert_eq!(buffer.advance(), Ok(false));
        buffer.space()[..4].copy_from_slice(&[11, 0, 0, 1]);
        buffer.filled(4);
        assert_eq!(
            buffer.advance(),
            Err(PacketError::TooLarge {
                limit: MAX_FRAME + 10
            })
        );

        let mut small = PacketBuffer::new(5);
        small.space()[..4].copy_from_slice(&[6, 0, 0, 0]);
        small.filled(4);
        assert_eq!(small.advance(), Err(PacketError::TooLarge { limit: 5 }));
    }

    #[test]
    fn frames_are_numbered_modulo_256_and_checked() {
        let mut sender = PacketBuffer::default();
        let mut bytes = Vec::new();
        for _ in 0..300 {
            sender.frame(b"x", &mut bytes);
        }
        assert_eq!(packets(64, &[&bytes]).len(), 300);
        let mut buffer = PacketBuffer::default();
        buffer.space()[..5].copy_from_slice(&[1, 0, 0, 1, 0]);
        buffer.filled(5);
        assert_eq!(
            buffer.advance(),
            Err(PacketError::OutOfOrder {
                expected: 0,
                found: 1
            })
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, capacity in 5usize..64) {
            let mut buffer = PacketBuffer::with_capacity(capacity, 1000);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let space = buffer.space();
                let n = space.len().min(rest.len());
                prop_assert!(n > 0);
                space[..n].copy_from_slice(&rest[..n]);
                buffer.filled(n);
                rest = &rest[n..];
                loop {
                    match buffer.advance() {
                        Ok(true) => prop_assert!(buffer.packet().len() <= 1000),
                        Ok(false) => break,
                        Err(_) => return Ok(()),
                    }
                }
            }
        }

        #[test]
        fn any_chunking_gives_the_same_packets(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..12),
            cuts in prop::collection::vec(1usize..50, 1..40),
            capacity in 5usize..100,
        ) {
            let mut sender = PacketBuffer::default();
            let mut bytes = Vec::new();
            for payload in &payloads {
                sender.frame(payload, &mut bytes);
            }
            let mut chunks = Vec::new();
            let mut rest = &bytes[..];
            let mut cut = cuts.iter().cycle();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.len().min(*cut.next().unwrap()));
                chunks.push(head);
                rest = tail;
            }
            prop_assert_eq!(packets(capacity, &chunks), payloads);
        }
    }
}
