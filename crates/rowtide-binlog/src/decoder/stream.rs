//! Where in the server's files the stream stands. Positions are 64 bits wide and our own: a header has only 32 of them.

use crate::event::heartbeat::HeartbeatPosition;
use crate::event::{Checksum, EventType, FormatDescription, Header, Heartbeat, Rotate};

use super::DecodeErrorKind;

/// The place of the event at hand.
#[derive(Debug)]
pub(super) struct Stream {
    /// The file.
    pub(super) file: String,
    /// Where the event starts.
    pub(super) start: u64,
    /// Where the event after it starts.
    pub(super) next: u64,
    /// How events are protected.
    pub(super) checksum: Checksum,
    /// How events are laid out.
    pub(super) format: FormatDescription,
    /// Whether transactions may be missing without a word.
    transactions_left_out: bool,
    /// The end of the FORMAT_DESCRIPTION of this file, if that was in it.
    format_end: Option<u64>,
}

impl Stream {
    pub(super) fn new(file: String, pos: u64, checksum: Checksum, transactions_left_out: bool) -> Self {
        Self {
            file,
            start: pos,
            next: pos,
            checksum,
            format: FormatDescription::default(),
            transactions_left_out,
            format_end: None,
        }
    }

    /// Moves to an event, and fails where events are missing before it; whole transactions may be, unless `inside` of
    /// one.
    #[inline]
    pub(super) fn step(&mut self, header: &Header, inside: bool) -> Result<(), DecodeErrorKind> {
        self.start = self.next;
        if !self.is_in_file(header) {
            return Ok(());
        }
        let found = header.log_pos.wrapping_sub(header.event_len);
        if header.log_pos != 0 && found != low(self.start) {
            let skipped = found.wrapping_sub(low(self.start));
            // What looks like more than half of the 32 bits is a step back.
            if self.transactions_left_out && !inside && skipped <= u32::MAX / 2 {
                self.start = self.start.saturating_add(u64::from(skipped));
                self.next = self.start.saturating_add(u64::from(header.event_len));
                return Ok(());
            }
            return Err(DecodeErrorKind::PositionGap {
                expected: self.start,
                found,
            });
        }
        self.next = self.start.saturating_add(u64::from(header.event_len));
        if header.event_type == EventType::FormatDescription {
            self.format_end = Some(self.next);
        }
        Ok(())
    }

    /// Whether the event takes up bytes of the file: not if the server made it up, and not the FORMAT_DESCRIPTION that
    /// it sends first when reading starts in the middle of a file.
    fn is_in_file(&self, header: &Header) -> bool {
        match header.event_type {
            EventType::Heartbeat | EventType::HeartbeatV2 => false,
            EventType::FormatDescription => header.log_pos != 0 && self.start == FIRST_EVENT,
            // MariaDB sends it behind a FORMAT_DESCRIPTION that is in no file as well, and twice behind one that is.
            EventType::StartEncryption => self.format_end == Some(self.start),
            EventType::Rotate => header.log_pos != 0 && !header.flags.is_artificial(),
            _ => !header.flags.is_artificial(),
        }
    }

    /// Goes on in another file, and says whether that is a move: the server sends each ROTATE twice.
    pub(super) fn rotate(&mut self, rotate: &Rotate<'_>) -> bool {
        let moved = self.file != rotate.file || self.next != rotate.pos;
        if self.file != rotate.file {
            self.file.clear();
            self.file.push_str(rotate.file);
        }
        self.next = rotate.pos;
        moved
    }

    /// Follows a heartbeat, which tells how far the server has come where it left out transactions. A position
    /// of 32 bits is taken as the next one that ends in them.
    pub(super) fn follow(&mut self, heartbeat: &Heartbeat<'_>) {
        let pos = match heartbeat.pos {
            HeartbeatPosition::Full(pos) => pos,
            HeartbeatPosition::Low(0) => self.next,
            HeartbeatPosition::Low(pos) => self
                .next
                .saturating_add(u64::from(pos.wrapping_sub(low(self.next)))),
        };
        if self.file == heartbeat.file {
            self.next = self.next.max(pos);
        }
    }
}

/// Where a file's first event stands, behind the magic number.
const FIRST_EVENT: u64 = 4;

/// The 32 bits of a position that a header has.
fn low(pos: u64) -> u32 {
    u32::try_from(pos & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::HeaderFlags;

    fn header(event_type: EventType, log_pos: u32) -> Header {
        Header {
            timestamp: 0,
            event_type,
            server_id: 1,
            event_len: 100,
            log_pos,
            flags: HeaderFlags(0),
        }
    }

    fn stream(pos: u64) -> Stream {
        Stream::new("b.1".into(), pos, Checksum::Crc32, false)
    }

    #[test]
    fn positions_go_on_past_four_gigabytes() {
        let mut at = stream(u64::from(u32::MAX) - 49);
        at.step(&header(EventType::Xid, 50), false).unwrap();
        assert_eq!(at.next, u64::from(u32::MAX) + 51);
        at.step(&header(EventType::Xid, 150), false).unwrap();
        assert_eq!(
            (at.start, at.next),
            (u64::from(u32::MAX) + 51, u64::from(u32::MAX) + 151)
        );
    }

    #[test]
    fn a_missing_event_is_noticed() {
        let mut at = stream(200);
        let gap = at.step(&header(EventType::Xid, 400), false);
        assert!(matches!(
            gap,
            Err(DecodeErrorKind::PositionGap {
                expected: 200,
                found: 300
            })
        ));
    }

    #[test]
    fn whole_transactions_may_be_left_out_if_that_was_asked_for() {
        let mut at = Stream::new("b.1".into(), 200, Checksum::Crc32, true);
        at.step(&header(EventType::MariadbGtid, 700), false).unwrap();
        assert_eq!((at.start, at.next), (600, 700));
        assert!(at.step(&header(EventType::TableMap, 900), true).is_err());
        assert!(at.step(&header(EventType::MariadbGtid, 300), false).is_err());
        let mut big = Stream::new("b.1".into(), (1 << 32) - 100, Checksum::Crc32, true);
        big.step(&header(EventType::MariadbGtid, 600), false).unwrap();
        assert_eq!(big.start, (1 << 32) + 500);
    }

    #[test]
    fn what_the_server_makes_up_takes_no_bytes() {
        let mut at = stream(200);
        at.step(&header(EventType::FormatDescription, 0), false).unwrap();
        at.step(&header(EventType::FormatDescription, 104), false)
            .unwrap();
        at.step(&header(EventType::Heartbeat, 200), false).unwrap();
        assert_eq!(at.next, 200);
        let rotate = Rotate { file: "b.2", pos: 4 };
        assert!(at.rotate(&rotate));
        assert!(!at.rotate(&rotate));
        at.step(&header(EventType::FormatDescription, 104), false)
            .unwrap();
        assert_eq!((at.file.as_str(), at.next), ("b.2", 104));
    }

    #[test]
    fn the_start_of_encryption_is_in_the_file_once_and_only_behind_its_format() {
        let mut at = stream(4);
        at.step(&header(EventType::FormatDescription, 104), false)
            .unwrap();
        for _ in 0..2 {
            at.step(&header(EventType::StartEncryption, 0), false).unwrap();
        }
        assert_eq!(at.next, 204);
        let mut middle = stream(500);
        middle
            .step(&header(EventType::FormatDescription, 104), false)
            .unwrap();
        middle
            .step(&header(EventType::StartEncryption, 0), false)
            .unwrap();
        assert_eq!(middle.next, 500);
    }

    #[test]
    fn a_heartbeat_moves_only_forward_and_only_in_its_file() {
        let big = (1u64 << 32) + 200;
        let mut at = stream(big);
        at.follow(&Heartbeat {
            file: "b.1",
            pos: HeartbeatPosition::Low(300),
        });
        assert_eq!(at.next, big + 100);
        at.follow(&Heartbeat {
            file: "b.1",
            pos: HeartbeatPosition::Full(big),
        });
        assert_eq!(at.next, big + 100);
        at.follow(&Heartbeat {
            file: "b.9",
            pos: HeartbeatPosition::Full(big * 2),
        });
        assert_eq!(at.next, big + 100);
    }
}
