//! What a reader of files can know about events that are missing, doubled or moved: by the positions that events name, by
//! how transactions are framed, by the lengths and counts in GTID events, and by the sets that files begin with.

use rowtide_event::{BinlogPosition, Gtid, GtidSet, Malformed};

use crate::event::file::FileEvent;
use crate::event::{
    EventType, FormatDescription, GtidEvent, HeaderFlags, MariadbGtidEvent, Query, Rotate, gtid_tagged,
};

use super::frame::Frame;
use super::{DecodeError, DecodeErrorKind, Decoder, DecoderOptions, Handler};

/// Follows the events of files in their order. What it says of a file whose events are all whole is that something was
/// lost from it, or put into it, after the server had written it.
#[derive(Default)]
pub struct Continuity {
    file: String,
    /// The file's FORMAT_DESCRIPTION.
    format: Vec<u8>,
    /// Whether the positions in events are those of the file: not in relay logs, and not before MySQL 5.1.
    has_positions: bool,
    /// Whether the file was fetched from its middle on: then its FORMAT_DESCRIPTION names no position.
    from_middle: bool,
    /// Away from where something is missing to where the next transaction begins.
    decoder: Option<Decoder>,
    /// Where the transaction at hand starts, and its length as its GTID says.
    announced: Option<(u64, u64)>,
    /// The number of the last transaction in this file, by the file's own count.
    count: Option<u64>,
    /// All transactions so far, where the file says which ones were before it.
    executed: Option<GtidSet>,
    /// The file that follows, as the last ROTATE says.
    next_file: Option<String>,
}

impl Continuity {
    /// Goes on in another file.
    pub fn begin_file(&mut self, file: &str) {
        self.file = file.to_owned();
        self.format.clear();
        self.has_positions = false;
        self.decoder = None;
        self.announced = None;
        self.count = None;
    }

    /// Follows the next event, and says what is missing before it.
    pub fn follow(&mut self, event: &FileEvent<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        if event.header.event_type == EventType::FormatDescription {
            self.format(event);
        }
        if !self.has_positions {
            return notes;
        }
        let mut seen = Seen::default();
        notes.extend(self.feed(event, &mut seen));
        // What cannot be read is said by who describes the event.
        notes.extend(self.gtid(event).unwrap_or_default());
        if let Some(set) = seen.previous {
            notes.extend(self.previous_gtids(set));
        }
        notes.extend(self.end_of_transaction(event));
        if event.header.event_type == EventType::Rotate {
            self.next_file = Rotate::read(event.body).ok().map(|rotate| rotate.file.to_owned());
        }
        notes
    }

    /// What is missing at the file's end.
    pub fn end_file(&mut self) -> Option<String> {
        let decoder = self.decoder.take()?;
        decoder.in_transaction().then(|| {
            "the file ends inside of a transaction: it is still being written, or was cut, and the transaction is not whole"
                .to_owned()
        })
    }

    fn format(&mut self, event: &FileEvent<'_>) {
        let is_first = std::mem::replace(&mut self.format, event.bytes.to_vec()).is_empty();
        let is_relay_log = event.header.flags.0 & HeaderFlags::RELAY_LOG != 0;
        let is_new_enough =
            FormatDescription::read(event.body).is_ok_and(|format| format.server().is_at_least(5, 1, 0));
        self.has_positions = is_first && !is_relay_log && is_new_enough;
        self.from_middle = event.header.log_pos == 0;
        if self.has_positions && !self.from_middle {
            self.decoder = Some(Decoder::new(DecoderOptions::default(), self.place(event.pos)));
        }
    }

    fn place(&self, pos: u64) -> BinlogPosition {
        BinlogPosition::new(self.file.clone(), pos)
    }

    fn feed(&mut self, event: &FileEvent<'_>, seen: &mut Seen) -> Option<String> {
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => self.restart(event)?,
        };
        let error = match decoder.feed(event.bytes, seen) {
            Ok(()) => {
                self.decoder = Some(decoder);
                return None;
            }
            Err(error) => error,
        };
        self.announced = None;
        if matches!(
            error.cause,
            DecodeErrorKind::PositionGap { .. } | DecodeErrorKind::UnfinishedTransaction(_)
        ) {
            // What follows may be whole.
            self.decoder = self
                .restart(event)
                .and_then(|mut decoder| decoder.feed(event.bytes, seen).ok().map(|()| decoder));
        }
        missing(&error.cause, decoder.format())
    }

    /// A decoder that begins with this event, if that begins a transaction.
    fn restart(&self, event: &FileEvent<'_>) -> Option<Decoder> {
        if !begins_transaction(event) {
            return None;
        }
        let start = event.header.log_pos.wrapping_sub(event.header.event_len);
        let start = match event.header.log_pos {
            0 => event.pos,
            // The upper half as it is in the file: it does not count.
            _ => event.pos & !u64::from(u32::MAX) | u64::from(start),
        };
        let mut decoder = Decoder::new(DecoderOptions::default(), self.place(start));
        // At the start of a file it would count as an event that takes up bytes.
        if start != 4 {
            decoder.feed(&self.format, &mut Seen::default()).ok()?;
        }
        Some(decoder)
    }

    /// What the GTID event says of the transactions before it.
    fn gtid(&mut self, event: &FileEvent<'_>) -> Result<Vec<String>, Malformed> {
        let mut notes = Vec::new();
        let (gtid, length, count) = match event.header.event_type {
            EventType::Gtid | EventType::AnonymousGtid => {
                let gtid = GtidEvent::read(event.body)?;
                (gtid.id()?, gtid.transaction_length, gtid.sequence_number)
            }
            EventType::GtidTagged => {
                let gtid = gtid_tagged::read(event.body)?;
                (gtid.id()?, gtid.transaction_length, gtid.sequence_number)
            }
            EventType::MariadbGtid => {
                let gtid = MariadbGtidEvent::read(event.body)?.id(event.header.server_id);
                (Some(Gtid::MariaDb(gtid)), None, None)
            }
            _ => return Ok(notes),
        };
        self.announced = length.map(|length| (event.pos, length));
        notes.extend(self.counted(count));
        if let (Some(executed), Some(gtid)) = (&mut self.executed, &gtid) {
            // In a domain of MariaDB the order is the user's.
            if matches!(gtid, Gtid::MySql(_)) && executed.contains(gtid) {
                notes.push(format!("transaction {gtid} is in the binlog a second time"));
            }
            executed.insert(gtid);
        }
        Ok(notes)
    }

    fn counted(&mut self, count: Option<u64>) -> Option<String> {
        let count = count.filter(|count| *count != 0)?;
        let last = match self.count.replace(count) {
            None if self.from_middle => return None,
            last => last.unwrap_or(0),
        };
        (count != last.saturating_add(1)).then(|| {
            format!(
                "by the file's own count the transaction before this one has number {last}, and this one {count}: \
                 transactions are missing between them, or were moved"
            )
        })
    }

    fn previous_gtids(&mut self, set: GtidSet) -> Option<String> {
        let follows = self
            .next_file
            .take()
            .is_some_and(|next| base_name(&self.file) == next);
        let set = set.newest();
        let before = self.executed.replace(set.clone()).filter(|_| follows)?.newest();
        if before == set || before.is_empty() && set.is_empty() {
            return None;
        }
        let (missing, more) = (set.subtract(&before), before.subtract(&set));
        Some(match missing.is_empty() {
            false => format!(
                "transactions {missing} were in the binlog before this file, and are not in the file before it"
            ),
            true => {
                format!("transactions {more} are in the file before this one, which says that they were not")
            }
        })
    }

    /// Compares the length of a transaction with what its GTID says.
    fn end_of_transaction(&mut self, event: &FileEvent<'_>) -> Option<String> {
        if self.decoder.as_ref()?.in_transaction() {
            return None;
        }
        let (start, length) = self.announced.take()?;
        let end = event.pos.saturating_add(u64::from(event.header.event_len));
        let found = end.saturating_sub(start);
        (found != length && length != 0).then(|| {
            format!(
                "the transaction that begins at {start} has {found} bytes, and {length} as its GTID says: events of it are \
                 missing, or were put into it"
            )
        })
    }
}

/// What an error says of missing events; all others are those of the event itself.
fn missing(cause: &DecodeErrorKind, format: &FormatDescription) -> Option<String> {
    match cause {
        // MySQL 5.1 framed no changes of tables that have no transactions.
        DecodeErrorKind::NoTransaction if !format.server().is_at_least(5, 5, 0) => None,
        DecodeErrorKind::PositionGap { .. } => {
            Some(format!("{cause}: events between them are missing, or were moved"))
        }
        DecodeErrorKind::UnfinishedTransaction(_) | DecodeErrorKind::NoTransaction => {
            Some(format!("{cause}: events are missing"))
        }
        DecodeErrorKind::Malformed(cause @ (Malformed::Truncated(what) | Malformed::Trailing(what)))
            if what.contains("the transaction of a TRANSACTION_PAYLOAD") =>
        {
            Some(cause.to_string())
        }
        _ => None,
    }
}

fn begins_transaction(event: &FileEvent<'_>) -> bool {
    use EventType as E;
    match event.header.event_type {
        E::Gtid | E::AnonymousGtid | E::GtidTagged | E::MariadbGtid => true,
        E::Query => Query::read(event.body, 13).is_ok_and(|query| Frame::of(query.query) == Frame::Begin),
        _ => false,
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// What a decoder tells that is wanted here.
#[derive(Default)]
struct Seen {
    previous: Option<GtidSet>,
}

impl Handler for Seen {
    type Error = DecodeError;

    fn previous_gtids(&mut self, set: GtidSet) -> Result<(), DecodeError> {
        self.previous = Some(set);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::build::EventBuilder;
    use crate::event::file::BinlogFile;

    /// The notes about a file's events, at their places in the order of events, and what is missing at its end.
    fn follow(continuity: &mut Continuity, name: &str, events: &[Vec<u8>]) -> Vec<(usize, String)> {
        let bytes = [&b"\xfebin"[..], &events.concat()].concat();
        let mut file = BinlogFile::open(&bytes[..], 1 << 20).unwrap();
        let mut notes = Vec::new();
        let mut at = 0;
        continuity.begin_file(name);
        while let Some(event) = file.next_event().unwrap() {
            notes.extend(continuity.follow(&event).into_iter().map(|note| (at, note)));
            at += 1;
        }
        notes.extend(continuity.end_file().map(|note| (at, note)));
        notes
    }

    fn notes(events: &[Vec<u8>]) -> Vec<(usize, String)> {
        follow(&mut Continuity::default(), "data/b.1", events)
    }

    /// Events at the places that they would have in a file.
    fn placed(events: Vec<EventBuilder>) -> Vec<Vec<u8>> {
        let mut pos = 4;
        let place = |event: EventBuilder| {
            let event = event.at(pos).build();
            pos += event.len() as u32;
            event
        };
        events.into_iter().map(place).collect()
    }

    fn format() -> EventBuilder {
        EventBuilder::format_description("9.7.4", 1)
    }

    /// A GTID with a number in its server and in its file, and the length of its transaction.
    fn gtid(gno: u64, count: u64, length: u16) -> EventBuilder {
        let mut body = [&[1][..], &[0x11; 16], &gno.to_le_bytes(), &[2], &[0; 8]].concat();
        body.extend(count.to_le_bytes());
        body.extend([0x40, 0x42, 0x0f, 0, 0, 0, 0, 252]);
        body.extend(length.to_le_bytes());
        EventBuilder::new(EventType::Gtid).body(&body)
    }

    fn previous(gno: u64) -> EventBuilder {
        let mut body = 1u64.to_le_bytes().to_vec();
        body.extend([0x11; 16]);
        for number in [1, 1, gno + 1] {
            body.extend(u64::to_le_bytes(number));
        }
        EventBuilder::new(EventType::PreviousGtids).body(&body)
    }

    fn transaction(gno: u64, count: u64) -> Vec<EventBuilder> {
        let events = [
            EventBuilder::query("", "BEGIN"),
            EventBuilder::table_map(9, "shop", "t", 1),
            EventBuilder::write_rows(9, &[&[5]]),
            EventBuilder::xid(7),
        ];
        let inside: usize = events.iter().map(|event| event.clone().build().len()).sum();
        let length = inside + gtid(gno, count, 0).build().len();
        [vec![gtid(gno, count, length as u16)], events.to_vec()].concat()
    }

    fn whole() -> Vec<EventBuilder> {
        [vec![format(), previous(4)], transaction(5, 1), transaction(6, 2)].concat()
    }

    #[test]
    fn a_whole_file_has_no_notes() {
        assert_eq!(notes(&placed(whole())), []);
    }

    #[test]
    fn an_event_that_was_cut_out_is_missed_by_the_positions() {
        let events = placed(whole());
        for at in 2..events.len() - 1 {
            let mut cut = events.clone();
            cut.remove(at);
            let found = notes(&cut);
            assert!(
                found
                    .iter()
                    .any(|(place, note)| *place == at && note.contains("but the event before it ended at"))
            );
            // What follows is whole, unless the transaction that begins there was cut too.
            assert!(
                found
                    .iter()
                    .all(|(place, _)| *place <= at + 1 || at == 2 || at == 7),
                "{at}: {found:?}"
            );
        }
    }

    #[test]
    fn an_event_that_was_cut_out_is_missed_by_the_length() {
        let mut events = whole();
        events.remove(5);
        assert_eq!(
            notes(&placed(events)),
            [(
                5,
                "the transaction that begins at 198 has 203 bytes, and 243 as its GTID says: events of it are missing, or \
                 were put into it"
                    .to_owned()
            )]
        );
        let mut events = whole();
        events.remove(6);
        let found = notes(&placed(events));
        assert!(
            found[0]
                .1
                .contains("a transaction begins before the one that began at"),
            "{found:?}"
        );
    }

    #[test]
    fn a_transaction_that_was_cut_out_or_doubled_is_missed_by_the_count() {
        let mut events = [vec![format(), previous(4)], transaction(6, 2)].concat();
        let found = notes(&placed(events.clone()));
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains("has number 0, and this one 2"), "{found:?}");
        events = [whole(), transaction(6, 3)].concat();
        let found = notes(&placed(events));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].1.ends_with("1111:6 is in the binlog a second time"),
            "{found:?}"
        );
    }

    #[test]
    fn a_file_that_was_fetched_from_its_middle_begins_with_any_count() {
        let mut events = placed([vec![format(), previous(4)], transaction(6, 2), transaction(7, 4)].concat());
        events[0] = format().build();
        events.remove(1);
        let found = notes(&events);
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains("has number 2, and this one 4"), "{found:?}");
    }

    #[test]
    fn a_file_that_ends_inside_of_a_transaction_says_so() {
        let mut events = whole();
        events.pop();
        let found = notes(&placed(events));
        assert!(matches!(&found[..], [(11, note)] if note.contains("ends inside of a transaction")));
    }

    #[test]
    fn the_next_file_says_what_was_in_the_one_before_it() {
        let second = |gno| placed([vec![format(), previous(gno)], transaction(gno + 1, 1)].concat());
        let first = placed([whole(), vec![EventBuilder::rotate("b.2", 4)]].concat());
        for (gno, said) in [
            (6, None),
            (7, Some("1111:7 were in the binlog")),
            (5, Some("1111:6 are in the file")),
        ] {
            let mut continuity = Continuity::default();
            assert_eq!(follow(&mut continuity, "data/b.1", &first), []);
            let found = follow(&mut continuity, "data/b.2", &second(gno));
            match said {
                None => assert_eq!(found, []),
                Some(said) => assert!(found[0].0 == 1 && found[0].1.contains(said), "{found:?}"),
            }
            // A file that is not the next one.
            let mut continuity = Continuity::default();
            follow(&mut continuity, "data/b.1", &first);
            assert_eq!(follow(&mut continuity, "data/b.3", &second(gno)), []);
        }
    }

    #[test]
    fn positions_of_relay_logs_and_of_old_servers_mean_something_else() {
        let relay = format().flags(HeaderFlags::RELAY_LOG).build();
        let elsewhere = EventBuilder::xid(7).at(900).build();
        assert_eq!(notes(&[relay, elsewhere.clone()]), []);
        let old = EventBuilder::old_format_description("5.0.96-log", 1)
            .at(4)
            .build();
        let xid = EventBuilder::xid(7)
            .at(900)
            .checksum(crate::event::Checksum::None)
            .build();
        assert_eq!(notes(&[old, xid]), []);
        assert_eq!(notes(&[format().at(4).build(), elsewhere]).len(), 1);
    }
}
