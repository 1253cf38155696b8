//! Events without checksums.

use super::told::Stream;
use crate::event::build::EventBuilder;
use crate::event::{Checksum, EventType, HeaderFlags};

fn event(event_type: EventType) -> EventBuilder {
    EventBuilder::new(event_type)
}

fn query(text: &str) -> EventBuilder {
    EventBuilder::query("db", text)
}

fn map() -> EventBuilder {
    EventBuilder::table_map(1, "db", "t", 1)
}

fn insert() -> EventBuilder {
    EventBuilder::write_rows(1, &[&[5]])
}

/// Rows that do not end their statement.
fn first_rows() -> EventBuilder {
    event(EventType::WriteRows).body(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0, 9, 0, 0, 0])
}

fn xid() -> EventBuilder {
    EventBuilder::xid(1)
}

/// The event of a transaction that is refused; none if all are taken.
fn refused(checksum: Checksum, events: Vec<EventBuilder>) -> Option<usize> {
    let mut stream = Stream::new();
    stream.decoder.stream.checksum = checksum;
    let all = [EventBuilder::gtid(1), query("BEGIN")].into_iter().chain(events);
    for (at, event) in all.enumerate() {
        if let Err(error) = stream.feed(event.checksum(checksum)) {
            assert!(error.cause.is_damage(), "{error}");
            return Some(at);
        }
    }
    None
}

#[test]
fn a_transaction_as_servers_write_it() {
    let events = || {
        vec![
            event(EventType::Intvar).body(&[0; 9]),
            event(EventType::UserVar).body(&[0; 9]),
            query("INSERT INTO t VALUES (1)"),
            event(EventType::BeginLoadQuery).body(&[0; 9]),
            event(EventType::DeleteFile).body(&[0; 4]),
            map(),
            first_rows(),
            query("SAVEPOINT a"),
            insert(),
            event(EventType::Ignorable).flags(HeaderFlags::IGNORABLE),
            xid(),
        ]
    };
    assert_eq!(refused(Checksum::None, events()), None);
    assert_eq!(refused(Checksum::Crc32, events()), None);
}

/// As MySQL 8.0.15 does for an UPDATE of no row that calls a function.
#[test]
fn a_statement_without_rows_may_leave_its_maps_at_the_end() {
    for events in [
        vec![map(), query("COMMIT")],
        vec![map(), map(), xid()],
        vec![map(), insert(), map(), xid()],
    ] {
        assert_eq!(refused(Checksum::None, events), None);
    }
}

#[test]
fn events_that_damage_has_made_others_are_missed() {
    let intvar = || event(EventType::Intvar).body(&[0; 9]);
    let rows_query = || event(EventType::RowsQuery).body(b"\x01x");
    for (events, at) in [
        (vec![map(), rows_query(), xid()], 4),
        (vec![map(), query("SAVEPOINT a"), xid()], 4),
        (vec![map(), query("SAVEPOINT a"), query("COMMIT")], 4),
        (vec![map(), first_rows(), xid()], 4),
        (vec![map(), first_rows(), map(), xid()], 5),
        (vec![map(), first_rows(), query("COMMIT")], 4),
        (vec![map(), intvar(), xid()], 3),
        (vec![map(), insert(), intvar(), xid()], 5),
        (vec![intvar(), map(), insert(), xid()], 3),
        (vec![map(), insert(), event(EventType::Stop)], 4),
        (vec![map(), insert(), event(EventType::TransactionContext)], 4),
        (vec![map(), insert(), event(EventType::Ignorable)], 4),
    ] {
        assert_eq!(refused(Checksum::None, events), Some(at));
    }
    assert_eq!(refused(Checksum::Crc32, vec![map(), xid()]), None);
}

#[test]
fn a_transaction_of_another_length_than_its_gtid_says() {
    let gtid = |length: u8| {
        let mut body = [&[1][..], &[0x11; 16], &1_u64.to_le_bytes(), &[2], &[0; 16]].concat();
        body.extend([0x40, 0x42, 0x0f, 0, 0, 0, 0, length]);
        event(EventType::Gtid).body(&body)
    };
    let events = |length| [gtid(length), query("BEGIN"), map(), insert(), xid()];
    let bytes = |event: EventBuilder| event.checksum(Checksum::None).build().len();
    let whole: usize = events(0).map(bytes).iter().sum();
    let whole = u8::try_from(whole).unwrap();
    let last = |length| {
        let mut stream = Stream::new();
        stream.decoder.stream.checksum = Checksum::None;
        let fed = events(length).map(|event| stream.feed(event.checksum(Checksum::None)).is_ok());
        fed.iter().all(|is_ok| *is_ok)
    };
    assert!(last(whole) && last(0));
    assert!(!last(whole - 1) && !last(whole + 1));
}
