//! The 19 bytes that every event begins with.

use rowtide_event::{Malformed, Reader};

use super::EventType;

/// An event's common header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// When the statement ran, in seconds since 1970; 0 for an event that the server made up for the stream.
    pub timestamp: u32,
    /// Which event it is.
    pub event_type: EventType,
    /// The server on which the event was logged first.
    pub server_id: u32,
    /// Bytes of the whole event: header, body and checksum.
    pub event_len: u32,
    /// Where the event ends in its file, modulo 2^32; 0 where the event has no place in a file.
    pub log_pos: u32,
    /// Flags.
    pub flags: HeaderFlags,
}

/// The flags of a [`Header`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeaderFlags(pub u16);

impl HeaderFlags {
    /// The file was not closed properly, or is being written (only in a FORMAT_DESCRIPTION).
    pub const IN_USE: u16 = 0x01;
    /// A statement that depends on its connection: on a temporary table, or `CONNECTION_ID()`.
    pub const THREAD_SPECIFIC: u16 = 0x04;
    /// Made up for the stream: it is in no file.
    pub const ARTIFICIAL: u16 = 0x20;
    /// Written by a replica into its relay log, where positions in events are those of the source's files.
    pub const RELAY_LOG: u16 = 0x40;
    /// May be skipped by who does not know it.
    pub const IGNORABLE: u16 = 0x80;

    /// Whether it is a statement that depends on its connection.
    pub fn is_thread_specific(self) -> bool {
        self.0 & Self::THREAD_SPECIFIC != 0
    }

    /// Whether the event is in no file.
    pub fn is_artificial(self) -> bool {
        self.0 & Self::ARTIFICIAL != 0
    }

    /// Whether who does not know the event may skip it.
    pub fn is_ignorable(self) -> bool {
        self.0 & Self::IGNORABLE != 0
    }
}

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 19;

    /// Reads the header of an event that stands alone in `event`, and gives it with what follows it (body and
    /// checksum). Fails unless the header's length is that of `event`.
    #[inline(always)]
    pub fn split(event: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut reader = Reader::new(event);
        let header = Self::read(&mut reader)?;
        if usize::try_from(header.event_len) != Ok(event.len()) {
            return Err(Malformed::Invalid("event length"));
        }
        Ok((header, reader.rest()))
    }

    /// The type of an event whose header may be cut short; it stands behind the time.
    pub(crate) fn type_of(event: &[u8]) -> EventType {
        EventType::from_number(event.get(size_of::<u32>()).copied().unwrap_or_default())
    }

    /// Reads a header. The length it names is at least its own.
    // Inlined, and `split` too, so that the fields stay in registers: through memory they take longer than to read.
    #[inline(always)]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [
            t0,
            t1,
            t2,
            t3,
            event_type,
            s0,
            s1,
            s2,
            s3,
            l0,
            l1,
            l2,
            l3,
            p0,
            p1,
            p2,
            p3,
            f0,
            f1,
        ] = *reader.array::<{ Self::LEN }>("event header")?;
        let header = Self {
            timestamp: u32::from_le_bytes([t0, t1, t2, t3]),
            event_type: EventType::from_number(event_type),
            server_id: u32::from_le_bytes([s0, s1, s2, s3]),
            event_len: u32::from_le_bytes([l0, l1, l2, l3]),
            log_pos: u32::from_le_bytes([p0, p1, p2, p3]),
            flags: HeaderFlags(u16::from_le_bytes([f0, f1])),
        };
        if usize::try_from(header.event_len).is_ok_and(|len| len >= Self::LEN) {
            Ok(header)
        } else {
            Err(Malformed::Invalid("event length"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XID: [u8; 27] = [
        1, 0, 0, 0, 16, 7, 0, 0, 0, 27, 0, 0, 0, 200, 0, 0, 0, 0x80, 0, 9, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn fields_and_body() {
        let (header, body) = Header::split(&XID).unwrap();
        assert_eq!(
            (
                header.timestamp,
                header.server_id,
                header.event_len,
                header.log_pos
            ),
            (1, 7, 27, 200)
        );
        assert_eq!(header.event_type, EventType::Xid);
        assert!(header.flags.is_ignorable() && !header.flags.is_artificial());
        assert_eq!(body, [9, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_length_that_is_not_the_events_is_refused() {
        assert_eq!(Header::split(&XID[..26]), Err(Malformed::Invalid("event length")));
        assert_eq!(
            Header::split(&XID[..18]),
            Err(Malformed::Truncated("event header"))
        );
        let mut short = XID;
        short[9] = 18;
        assert_eq!(Header::split(&short), Err(Malformed::Invalid("event length")));
    }
}
