//! Where in the server's files the stream stands. Positions are 64 bits wide and our own: a header has only 32 of them.

use std::collections::BTreeSet;

use crate::event::heartbeat::HeartbeatPosition;
use crate::event::{Checksum, EventType, FormatDescription, Header, Heartbeat, Rotate};

use super::DecodeErrorKind;

/// What a server leaves out of the stream. All else has to follow what comes before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LeftOut {
    /// Nothing, as where a stream starts from a position.
    #[default]
    Nothing,
    /// Transactions of the GTID set to start from. A heartbeat leads over them, as MySQL does it.
    LedOver,
    /// In these domains, the transactions up to the GTID position to start from, without a word, as MariaDB does it.
    UpTo(BTreeSet<u32>),
}

impl LeftOut {
    /// Whether something may still be left out.
    fn is_possible(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::LedOver => true,
            Self::UpTo(domains) => !domains.is_empty(),
        }
    }
}

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
    left_out: LeftOut,
    /// The end of the FORMAT_DESCRIPTION of this file, if that was in it.
    format_end: Option<u64>,
    at: At,
    led: Option<Led>,
}

/// A move by heartbeats that have 32 bits of a position, until the next event shows where it has led.
#[derive(Debug, Clone, Copy)]
struct Led {
    /// Where the stream was before.
    from: u64,
    /// Where it is taken to be.
    to: u64,
    /// What the last heartbeat says.
    last: u32,
}

impl Led {
    /// The place at which an event says that it stands, if it may.
    fn place_of(self, found: u32) -> Option<u64> {
        if found == low(self.from) {
            // The heartbeats came late or twice.
            Some(self.from)
        } else if found == self.last && found > low(self.to) {
            // So far that it looked like a step back.
            let ahead = found.wrapping_sub(low(self.to));
            Some(self.to.saturating_add(u64::from(ahead)))
        } else {
            None
        }
    }
}

/// How far the stream has come in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing has come at all.
    Start,
    /// The server has said which file it reads.
    FileNamed,
    /// The file follows one that ended without a ROTATE: the server has crashed, or events are missing.
    FileAfterCrash,
    /// Behind the file's FORMAT_DESCRIPTION.
    Events,
    /// Behind a STOP, with which a server closes its last file.
    Stopped,
}

impl Stream {
    pub(super) fn new(file: String, pos: u64, checksum: Checksum, left_out: LeftOut) -> Self {
        Self {
            file,
            start: pos,
            next: pos,
            checksum,
            format: FormatDescription::default(),
            left_out,
            format_end: None,
            at: At::Start,
            led: None,
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
            self.start = self.place_of(header.event_type, found, inside)?;
        }
        self.next = self.start.saturating_add(u64::from(header.event_len));
        self.at = match header.event_type {
            EventType::FormatDescription => {
                self.format_end = Some(self.next);
                self.at
            }
            EventType::Stop => At::Stopped,
            _ => At::Events,
        };
        Ok(())
    }

    /// The place of an event that does not begin where the one before it ended.
    #[cold]
    fn place_of(&self, event_type: EventType, found: u32, inside: bool) -> Result<u64, DecodeErrorKind> {
        let led = self.led.filter(|led| led.to == self.start && !inside);
        if let Some(place) = led.and_then(|led| led.place_of(found)) {
            return Ok(place);
        }
        let skipped = found.wrapping_sub(low(self.start));
        if inside || !self.may_skip_to(event_type) || is_back(skipped) {
            return Err(DecodeErrorKind::PositionGap {
                expected: self.start,
                found,
            });
        }
        Ok(self.start.saturating_add(u64::from(skipped)))
    }

    /// Whether whole transactions may be missing before such an event, without a heartbeat that says so.
    fn may_skip_to(&self, event_type: EventType) -> bool {
        use EventType as E;
        let between = matches!(
            event_type,
            E::MariadbGtid | E::GtidList | E::BinlogCheckpoint | E::Rotate | E::Stop
        );
        between && matches!(self.left_out, LeftOut::UpTo(_)) && self.left_out.is_possible()
    }

    /// A transaction of MariaDB's: of its domain, none is left out any more.
    pub(super) fn reached(&mut self, domain: u32) {
        if let LeftOut::UpTo(domains) = &mut self.left_out {
            domains.remove(&domain);
        }
    }

    /// A FORMAT_DESCRIPTION: it stands only where a file begins, and one that follows a file without an end was written by
    /// a server that has started anew, which MySQL may hide where it reads for a GTID set. Says whether it has.
    pub(super) fn format(&mut self, format: FormatDescription) -> Result<bool, DecodeErrorKind> {
        let is_cut = match self.at {
            // With GTIDs the server chooses the file.
            At::Start => self.left_out != LeftOut::Nothing,
            At::FileAfterCrash => format.created == 0 && self.left_out != LeftOut::LedOver,
            At::Events => true,
            At::FileNamed | At::Stopped => false,
        };
        if is_cut {
            return Err(DecodeErrorKind::Misplaced(
                "events before it are missing, or it is of another place",
            ));
        }
        let restarted = format.created != 0 || self.at == At::FileAfterCrash;
        self.at = At::Events;
        self.checksum = format.checksum;
        self.format = format;
        Ok(restarted)
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

    /// Goes on in another file, and says whether that is a move: the server sends each ROTATE twice, the second time without
    /// a place of its own. That one alone leads on where a file has no end, or to where a stream begins.
    pub(super) fn rotate(&mut self, header: &Header, rotate: &Rotate<'_>) -> Result<bool, DecodeErrorKind> {
        let moves = self.file != rotate.file || self.next != rotate.pos;
        let named = match (self.is_in_file(header), self.at) {
            (true, _) => At::FileNamed,
            (false, At::Start) if !moves || self.left_out != LeftOut::Nothing => At::FileNamed,
            (false, At::Stopped) if self.is_behind(rotate) => At::FileNamed,
            (false, At::Events) if self.is_behind(rotate) => At::FileAfterCrash,
            (false, at) if !moves => at,
            _ => {
                return Err(DecodeErrorKind::Misplaced(
                    "it leads to where the stream does not go",
                ));
            }
        };
        self.at = named;
        if self.file != rotate.file {
            self.file.clear();
            self.file.push_str(rotate.file);
        }
        self.next = rotate.pos;
        Ok(moves && named == At::FileNamed)
    }

    /// Whether the place is the start of a file that comes behind this one.
    fn is_behind(&self, rotate: &Rotate<'_>) -> bool {
        let is_newer = match (numbered(&self.file), numbered(rotate.file)) {
            (Some((base, number)), Some((next_base, next))) if base == next_base => next > number,
            // The server was given another name for its files.
            _ => self.file != rotate.file,
        };
        is_newer && rotate.pos == FIRST_EVENT
    }

    /// Follows a heartbeat, which tells how far the server has come where it left out transactions.
    pub(super) fn follow(&mut self, heartbeat: &Heartbeat<'_>, inside: bool) -> Result<(), DecodeErrorKind> {
        if self.file != heartbeat.file {
            return Ok(());
        }
        let ahead = match heartbeat.pos {
            HeartbeatPosition::Full(pos) => pos.saturating_sub(self.next),
            HeartbeatPosition::Low(0) => 0,
            HeartbeatPosition::Low(pos) => match pos.wrapping_sub(low(self.next)) {
                behind if is_back(behind) => 0,
                ahead => u64::from(ahead),
            },
        };
        let may_lead = !inside && self.left_out.is_possible();
        if ahead != 0 && !may_lead {
            return Err(DecodeErrorKind::Misplaced(
                "it tells of events that have not come",
            ));
        }
        let to = self.next.saturating_add(ahead);
        if let HeartbeatPosition::Low(last @ 1..) = heartbeat.pos {
            let from = match self.led {
                Some(led) if led.to == self.next => led.from,
                _ => self.next,
            };
            self.led = Some(Led { from, to, last });
        }
        self.next = to;
        Ok(())
    }
}

/// What looks like more than half of the 32 bits is a step back.
fn is_back(distance: u32) -> bool {
    distance > u32::MAX / 2
}

/// The parts of a binlog file's name, `binlog.000007`.
fn numbered(file: &str) -> Option<(&str, u64)> {
    let (base, number) = file.rsplit_once('.')?;
    Some((base, number.parse().ok()?))
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

    fn leaving_out(pos: u64, left_out: LeftOut) -> Stream {
        Stream::new("b.1".into(), pos, Checksum::Crc32, left_out)
    }

    fn made_up(event_type: EventType) -> Header {
        Header {
            flags: HeaderFlags(HeaderFlags::ARTIFICIAL),
            ..header(event_type, 0)
        }
    }

    fn created(created: u32) -> FormatDescription {
        let mut format = FormatDescription::default();
        format.created = created;
        format
    }

    fn stream(pos: u64) -> Stream {
        leaving_out(pos, LeftOut::Nothing)
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
    fn whole_transactions_may_be_left_out_up_to_the_first_of_each_domain() {
        let from = || LeftOut::UpTo([0, 7].into());
        let mut at = leaving_out(200, from());
        at.step(&header(EventType::MariadbGtid, 700), false).unwrap();
        assert_eq!((at.start, at.next), (600, 700));
        for (event_type, pos, inside) in [
            (EventType::TableMap, 900, true),
            (EventType::Query, 900, false),
            (EventType::MariadbGtid, 900, true),
            (EventType::MariadbGtid, 300, false),
        ] {
            assert!(at.step(&header(event_type, pos), inside).is_err(), "{event_type}");
        }
        let mut big = leaving_out((1 << 32) - 100, from());
        big.step(&header(EventType::MariadbGtid, 600), false).unwrap();
        assert_eq!(big.start, (1 << 32) + 500);
        big.reached(7);
        big.step(&header(EventType::MariadbGtid, 900), false).unwrap();
        big.reached(0);
        assert!(big.step(&header(EventType::MariadbGtid, 1200), false).is_err());
        big.step(&header(EventType::MariadbGtid, 1000), false).unwrap();
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
        assert!(at.rotate(&header(EventType::Rotate, 300), &rotate).unwrap());
        assert!(!at.rotate(&made_up(EventType::Rotate), &rotate).unwrap());
        at.step(&header(EventType::FormatDescription, 104), false)
            .unwrap();
        assert_eq!((at.file.as_str(), at.next), ("b.2", 104));
    }

    #[test]
    fn a_stream_begins_where_it_was_asked_for_or_where_the_server_says_with_gtids() {
        let elsewhere = Rotate { file: "b.7", pos: 4 };
        let made_up = made_up(EventType::Rotate);
        assert!(stream(200).rotate(&made_up, &elsewhere).is_err());
        let here = Rotate {
            file: "b.1",
            pos: 200,
        };
        assert!(!stream(200).rotate(&made_up, &here).unwrap());
        let mut at = leaving_out(200, LeftOut::LedOver);
        assert!(at.rotate(&made_up, &elsewhere).unwrap());
        assert!(!at.rotate(&made_up, &elsewhere).unwrap());
        assert!(at.rotate(&made_up, &here).is_err());
        at.format(created(0)).unwrap();
        assert!(leaving_out(200, LeftOut::LedOver).format(created(0)).is_err());
    }

    #[test]
    fn a_file_without_an_end_is_one_of_a_server_that_has_crashed() {
        let next = Rotate { file: "b.2", pos: 4 };
        let made_up = made_up(EventType::Rotate);
        let after = |events: &[Header], left_out| {
            let mut at = leaving_out(4, left_out);
            at.rotate(&made_up, &Rotate { file: "b.1", pos: 4 }).unwrap();
            at.step(&header(EventType::FormatDescription, 104), false)
                .unwrap();
            at.format(created(1)).unwrap();
            for event in events {
                at.step(event, false).unwrap();
            }
            // No move that could be taken for one that is certain.
            assert_eq!(at.rotate(&made_up, &next).unwrap(), events.len() > 1);
            at
        };
        let cut = [header(EventType::Xid, 204)];
        assert!(after(&cut, LeftOut::Nothing).format(created(1)).is_ok());
        assert!(after(&cut, LeftOut::Nothing).format(created(0)).is_err());
        assert!(after(&cut, LeftOut::LedOver).format(created(0)).is_ok());
        let closed = [header(EventType::Xid, 204), header(EventType::Stop, 304)];
        assert!(after(&closed, LeftOut::Nothing).format(created(0)).is_ok());
    }

    #[test]
    fn only_a_newer_file_follows_and_a_format_stands_only_where_a_file_begins() {
        let mut at = stream(4);
        at.format(created(1)).unwrap();
        assert!(at.format(created(1)).is_err());
        for (file, pos, follows) in [
            ("b.9", 4, false),
            ("b.8", 4, false),
            ("b.10", 9, false),
            ("b.10", 4, true),
            ("other.1", 4, true),
        ] {
            let mut at = Stream::new("b.9".into(), 4, Checksum::Crc32, LeftOut::LedOver);
            at.step(&header(EventType::Xid, 104), false).unwrap();
            let followed = at.rotate(&made_up(EventType::Rotate), &Rotate { file, pos });
            assert_eq!(followed.is_ok(), follows, "{file}:{pos}");
        }
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

    fn heartbeat(file: &str, pos: HeartbeatPosition) -> Heartbeat<'_> {
        Heartbeat { file, pos }
    }

    #[test]
    fn a_heartbeat_moves_only_forward_and_only_in_its_file() {
        use HeartbeatPosition::{Full, Low};
        let big = (1u64 << 32) + 200;
        let mut at = leaving_out(big, LeftOut::LedOver);
        for (file, pos) in [
            ("b.1", Low(300)),
            ("b.1", Full(big)),
            ("b.1", Low(0)),
            ("b.9", Full(big * 2)),
        ] {
            at.follow(&heartbeat(file, pos), false).unwrap();
            assert_eq!(at.next, big + 100);
        }
        assert!(at.follow(&heartbeat("b.1", Full(big * 2)), true).is_err());
    }

    fn led_over(pos: u64, heartbeats: &[u32]) -> Stream {
        let mut at = leaving_out(pos, LeftOut::LedOver);
        for pos in heartbeats {
            at.follow(&heartbeat("b.1", HeartbeatPosition::Low(*pos)), false)
                .unwrap();
        }
        at
    }

    #[test]
    fn a_heartbeat_of_32_bits_that_comes_late_moves_nothing() {
        const GIB: u32 = 1 << 30;
        for (pos, heartbeats) in [
            (500, &[100][..]),
            (500, &[100, 500]),
            (500, &[500, 100, 500]),
            (u64::from(3 * GIB), &[GIB / 2]),
            (u64::from(3 * GIB), &[GIB / 2, 3 * GIB]),
        ] {
            let mut at = led_over(pos, heartbeats);
            let end = low(pos).wrapping_add(100);
            at.step(&header(EventType::Gtid, end), false).unwrap();
            assert_eq!((at.start, at.next), (pos, pos + 100), "{heartbeats:?}");
        }
        assert_eq!(led_over(500, &[100]).next, 500);
    }

    #[test]
    fn the_next_event_shows_where_heartbeats_of_32_bits_have_led() {
        const GIB: u32 = 1 << 30;
        let big = (1u64 << 32) - 100;
        for (pos, heartbeats, found, place) in [
            (200, &[300, 2000][..], 2000, 2000),
            (200, &[3 * GIB], 3 * GIB, 3 << 30),
            (200, &[GIB, 3 * GIB - 1], 3 * GIB - 1, (3 << 30) - 1),
            (big, &[GIB, 3 * GIB - 1], 3 * GIB - 1, (7 << 30) - 1),
        ] {
            let mut at = led_over(pos, heartbeats);
            at.step(&header(EventType::Gtid, found + 100), false).unwrap();
            assert_eq!((at.start, at.next), (place, place + 100), "{heartbeats:?}");
        }
        for (heartbeats, found) in [(&[300][..], 400), (&[100], 100), (&[300, 150], 150)] {
            let gap = led_over(200, heartbeats).step(&header(EventType::Gtid, found + 100), false);
            assert!(
                matches!(gap, Err(DecodeErrorKind::PositionGap { .. })),
                "{heartbeats:?}"
            );
        }
        let inside = led_over(200, &[300]).step(&header(EventType::TableMap, 300), true);
        assert!(inside.is_err());
    }

    #[test]
    fn a_heartbeat_does_not_lead_over_what_should_have_come() {
        use HeartbeatPosition::{Full, Low};
        let mut at = stream(200);
        for pos in [Low(200), Low(0), Low(100), Full(200), Full(100)] {
            at.follow(&heartbeat("b.1", pos), false).unwrap();
            assert_eq!(at.next, 200);
        }
        for pos in [Low(300), Full(300), Full(3 << 30)] {
            assert!(at.follow(&heartbeat("b.1", pos), false).is_err(), "{pos:?}");
        }
    }
}
