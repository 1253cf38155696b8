//! Transactions of every shape, fed event by event.

mod mariadb;
mod row_versions;
mod told;
mod unprotected;

use proptest::prelude::*;

use self::told::Stream;
use super::*;
use crate::event::HeaderFlags;
use crate::event::build::EventBuilder;

fn query(text: &str) -> EventBuilder {
    EventBuilder::query("db", text)
}

fn map(id: u64, table: &str) -> EventBuilder {
    EventBuilder::table_map(id, "db", table, 1)
}

fn insert(id: u64, value: i32) -> EventBuilder {
    EventBuilder::write_rows(id, &[&[value]])
}

fn xid() -> EventBuilder {
    EventBuilder::xid(1)
}

fn cause(result: Result<(), DecodeError>) -> DecodeErrorKind {
    result.unwrap_err().cause
}

#[test]
fn a_transaction_from_gtid_to_xid() {
    let mut stream = Stream::new();
    stream.feed_all([
        EventBuilder::gtid(7),
        query("BEGIN"),
        map(1, "t"),
        insert(1, -5),
        xid(),
    ]);
    let end = stream.pos;
    let told = stream.told();
    assert_eq!(
        told,
        [
            "begin b.1:127 thread Some(77)",
            "insert [Int(-5)]",
            format!("commit b.1:{end} 7").as_str()
        ]
    );
    assert_eq!(stream.decoder.position(), ("b.1", u64::from(end)));
}

#[test]
fn without_gtid_events_a_transaction_begins_at_begin() {
    let mut stream = Stream::new();
    stream.feed_all([query("BEGIN"), map(1, "t"), insert(1, 1), query("COMMIT")]);
    assert_eq!(stream.kinds(), ["begin", "insert [Int(1)]", "commit"]);
    stream.feed_all([query("CREATE TABLE a (b int)")]);
    assert_eq!(
        stream.kinds(),
        ["begin", "statement db: CREATE TABLE a (b int) alone", "commit"]
    );
}

#[test]
fn statements_inside_and_outside_of_a_transaction() {
    let mut stream = Stream::new();
    let select = "CREATE TABLE `c` (`a` int) START TRANSACTION";
    stream.feed_all([
        EventBuilder::gtid(1),
        query(select),
        map(1, "c"),
        insert(1, 1),
        xid(),
    ]);
    let with_begin = [
        EventBuilder::gtid(2),
        query("BEGIN"),
        query(select),
        map(2, "c"),
        insert(2, 2),
        xid(),
    ];
    stream.feed_all(with_begin);
    let statement = format!("statement db: {select}");
    let expected = [
        "begin",
        &statement,
        "insert [Int(1)]",
        "commit",
        "begin",
        &statement,
        "insert [Int(2)]",
        "commit",
    ];
    assert_eq!(stream.kinds(), expected);
    let intvar = EventBuilder::new(EventType::Intvar).body(&[0; 9]);
    stream.feed_all([
        EventBuilder::gtid(3),
        query("BEGIN"),
        intvar,
        query("INSERT INTO t VALUES (1)"),
        xid(),
    ]);
    assert_eq!(
        stream.kinds(),
        ["begin", "statement db: INSERT INTO t VALUES (1)", "commit"]
    );
}

#[test]
fn savepoints_rollback_and_empty_transactions() {
    let mut stream = Stream::new();
    stream.feed_all([
        EventBuilder::gtid(1),
        query("BEGIN"),
        query("SAVEPOINT `a`"),
        map(1, "t"),
        insert(1, 1),
    ]);
    stream.feed_all([query("ROLLBACK TO `a`"), query("ROLLBACK")]);
    stream.feed_all([EventBuilder::gtid(2), query("BEGIN"), query("COMMIT")]);
    let view_change = EventBuilder::new(EventType::ViewChange).body(&[1; 20]);
    stream.feed_all([
        EventBuilder::gtid(3),
        query("BEGIN"),
        view_change,
        query("COMMIT"),
    ]);
    let expected = [
        "begin",
        "savepoint 0",
        "insert [Int(1)]",
        "rolled back to 0",
        "rollback",
        "begin",
        "commit",
        "begin",
        "commit",
    ];
    assert_eq!(stream.kinds(), expected);
    let error = cause(stream.feed(query("SAVEPOINT `a`")));
    assert!(matches!(error, DecodeErrorKind::NoTransaction), "{error}");
}

#[test]
fn savepoints_are_of_one_transaction() {
    let mut stream = Stream::new();
    stream.feed_all([
        EventBuilder::gtid(1),
        query("BEGIN"),
        query("SAVEPOINT `a`"),
        query("SAVEPOINT `b`"),
        query("ROLLBACK TO SAVEPOINT `A`"),
        query("SAVEPOINT `b`"),
        xid(),
    ]);
    let expected = [
        "begin",
        "savepoint 0",
        "savepoint 1",
        "rolled back to 0",
        "savepoint 2",
        "commit",
    ];
    assert_eq!(stream.kinds(), expected);
    stream.feed_all([EventBuilder::gtid(2), query("BEGIN"), query("SAVEPOINT `c`")]);
    assert_eq!(stream.kinds(), ["begin", "savepoint 0"]);
    let error = cause(stream.feed(query("ROLLBACK TO `b`")));
    assert!(matches!(error, DecodeErrorKind::UnknownSavepoint), "{error}");
}

#[test]
fn a_crash_in_a_transaction_rolls_it_back_and_one_elsewhere_is_an_error() {
    let mut stream = Stream::new();
    stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), map(1, "t"), insert(1, 1)]);
    stream.feed_artificial(EventBuilder::rotate("b.2", 4)).unwrap();
    stream.pos = 4;
    stream
        .feed(EventBuilder::format_description("9.7.4", 99))
        .unwrap();
    assert_eq!(stream.kinds(), ["begin", "insert [Int(1)]", "interrupted"]);
    // The number is used again by the transaction after the restart.
    stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), xid()]);
    assert_eq!(stream.kinds(), ["begin", "commit"]);
    stream.feed_all([EventBuilder::gtid(2), query("BEGIN")]);
    let error = cause(stream.feed(EventBuilder::gtid(3)));
    assert!(
        matches!(error, DecodeErrorKind::UnfinishedTransaction(_)),
        "{error}"
    );
}

#[test]
fn a_gtid_without_its_transaction_is_an_error() {
    for next in [EventBuilder::gtid(2), EventBuilder::mariadb_gtid(2, 1, &[])] {
        let mut stream = Stream::new();
        stream.feed_all([EventBuilder::gtid(1)]);
        let error = cause(stream.feed(next));
        assert!(
            matches!(error, DecodeErrorKind::UnfinishedTransaction(127)),
            "{error}"
        );
    }
}

#[test]
fn what_has_no_place_where_it_comes_stops() {
    let format = EventBuilder::format_description("9.7.4", 0);
    for (event, is_made_up) in [
        (EventBuilder::rotate("b.0", 4), true),
        (EventBuilder::rotate("b.1", 4), true),
        (EventBuilder::rotate("b.2", 500), true),
        (format.clone(), false),
        (format, true),
    ] {
        let mut stream = Stream::new();
        stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), xid()]);
        let result = match is_made_up {
            true => stream.feed_artificial(event),
            false => stream.feed(event),
        };
        let error = cause(result);
        assert!(
            matches!(error, DecodeErrorKind::Misplaced(_)) && error.is_damage(),
            "{error}"
        );
    }
    let mut cut = Stream::new();
    cut.feed_all([EventBuilder::gtid(1), query("BEGIN"), xid()]);
    cut.feed_artificial(EventBuilder::rotate("b.2", 4)).unwrap();
    cut.pos = 4;
    let error = cause(cut.feed(EventBuilder::format_description("9.7.4", 0)));
    assert!(matches!(error, DecodeErrorKind::Misplaced(_)), "{error}");
    assert_eq!(cut.kinds(), ["begin", "commit"]);
}

#[test]
fn compressed_transactions() {
    for compressed in [true, false] {
        let mut stream = Stream::new();
        let rows_query = EventBuilder::new(EventType::RowsQuery).body(b"\x08insert 1");
        let events = [query("BEGIN"), rows_query, map(1, "t"), insert(1, 1), xid()];
        stream.feed_all([EventBuilder::gtid(9), EventBuilder::payload(&events, compressed)]);
        let end = stream.pos;
        assert_eq!(
            stream.told(),
            [
                "begin b.1:127 thread Some(77)",
                "insert [Int(1)] by insert 1",
                format!("commit b.1:{end} 9").as_str()
            ]
        );
    }
}

#[test]
fn payloads_that_are_not_one_transaction_are_refused() {
    let payloads = [
        vec![],
        vec![query("BEGIN")],
        vec![query("BEGIN"), xid(), query("BEGIN"), xid()],
        vec![EventBuilder::gtid(1), query("BEGIN"), xid()],
        vec![EventBuilder::rotate("b.9", 4)],
        vec![EventBuilder::payload(&[query("BEGIN"), xid()], true)],
    ];
    for events in payloads {
        let mut stream = Stream::new();
        stream.feed(EventBuilder::gtid(1)).unwrap();
        let error = cause(stream.feed(EventBuilder::payload(&events, true)));
        assert!(matches!(error, DecodeErrorKind::Malformed(_)), "{error}");
    }
}

#[test]
fn a_table_is_asked_for_once_and_again_when_it_changes() {
    let mut stream = Stream::new();
    for value in 0..3 {
        stream.feed_all([
            EventBuilder::gtid(1),
            query("BEGIN"),
            map(1, "t"),
            insert(1, value),
            xid(),
        ]);
    }
    // The server has closed and opened it again.
    for number in 2..4 {
        stream.feed_all([
            EventBuilder::gtid(1),
            query("BEGIN"),
            map(number, "t"),
            insert(number, 3),
            xid(),
        ]);
    }
    assert_eq!(stream.log.tables, 1);
    stream.feed_all([
        EventBuilder::gtid(1),
        query("BEGIN"),
        map(2, "u"),
        insert(2, 3),
        xid(),
    ]);
    assert_eq!(stream.log.tables, 2);
    stream.feed_all([EventBuilder::gtid(1), query("ALTER TABLE t ADD b int")]);
    stream.feed_all([
        EventBuilder::gtid(1),
        query("BEGIN"),
        map(2, "t"),
        insert(2, 3),
        xid(),
    ]);
    assert_eq!(stream.log.tables, 3);
}

#[test]
fn rows_need_the_table_map_of_their_statement() {
    let mut stream = Stream::new();
    stream.feed_all([
        EventBuilder::gtid(1),
        query("BEGIN"),
        map(1, "t"),
        map(2, "u"),
        insert(2, 3),
    ]);
    let error = stream.feed(insert(1, 1)).unwrap_err();
    assert!(matches!(error.cause, DecodeErrorKind::RowsWithoutTableMap(1)));
    let gtid = "11111111-1111-1111-1111-111111111111:1";
    assert!(
        error
            .to_string()
            .contains(&format!("WRITE_ROWS at b.1:{}", error.place.position.pos)),
        "{error}"
    );
    assert!(error.to_string().contains(gtid), "{error}");
}

#[test]
fn rows_outside_of_a_transaction_are_refused() {
    for event in [map(1, "t"), insert(1, 1), xid(), query("COMMIT")] {
        let error = cause(Stream::new().feed(event));
        assert!(matches!(error, DecodeErrorKind::NoTransaction), "{error}");
    }
}

#[test]
fn rows_of_tables_that_nobody_wants_are_passed_over() {
    let mut stream = Stream::new();
    let partial = EventBuilder::new(EventType::PartialUpdateRows).body(&[1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 99]);
    let garbage = EventBuilder::new(EventType::WriteRows).body(&[1, 0, 0, 0, 0, 0, 0, 0, 99]);
    stream.feed_all([
        EventBuilder::gtid(1),
        query("BEGIN"),
        map(1, "skip"),
        garbage,
        partial,
        xid(),
    ]);
    assert_eq!(stream.kinds(), ["begin", "commit"]);
}

#[test]
fn an_update_in_part_is_an_update() {
    let mut stream = Stream::new();
    let row = [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0];
    let body = [&[1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 1, 1][..], &row, &row].concat();
    let partial = EventBuilder::new(EventType::PartialUpdateRows).body(&body);
    stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), map(1, "t"), partial, xid()]);
    let update = "update [Int(1)] [Int(2)]";
    assert_eq!(stream.kinds(), ["begin", update, update, "commit"]);
}

#[test]
fn xa_in_one_phase_is_committed_at_once() {
    let mut stream = Stream::new();
    stream.feed_all([
        EventBuilder::gtid(1),
        query("XA START X'61',X'',1"),
        map(1, "t"),
        insert(1, 1),
    ]);
    stream.feed_all([query("XA END X'61',X'',1"), EventBuilder::xa_prepare(true, "a")]);
    let told = stream.told();
    assert!(told[0].starts_with("begin xa b.1:127"), "{told:?}");
    assert_eq!(told[1], "insert [Int(1)]");
    assert!(told[2].starts_with("commit "), "{told:?}");
}

#[test]
fn xa_in_two_phases_is_prepared_and_decided() {
    let mut stream = Stream::new();
    stream.feed_all([
        EventBuilder::gtid(1),
        query("XA START X'61',X'',1"),
        map(1, "t"),
        insert(1, 1),
    ]);
    stream.feed_all([query("XA END X'61',X'',1"), EventBuilder::xa_prepare(false, "a")]);
    let end = stream.pos;
    let told = stream.told();
    assert_eq!(
        told[1..],
        [
            "insert [Int(1)]".to_owned(),
            format!("prepare b.1:{end} X'61',X'',1")
        ]
    );
    stream.feed_all([EventBuilder::gtid(2)]);
    let place = stream.pos;
    stream.feed_all([query("XA COMMIT X'61',X'',1")]);
    let told = stream.told();
    assert_eq!(told[1], format!("Commit X'61',X'',1 at {place}"));
    assert!(told[2].starts_with("commit "), "{told:?}");
    stream.feed_all([EventBuilder::gtid(3)]);
    let place = stream.pos;
    stream.feed_all([query("XA ROLLBACK x'6A',X'',1")]);
    assert_eq!(stream.told()[1], format!("Rollback X'6a',X'',1 at {place}"));
    let error = cause(stream.feed(EventBuilder::xa_prepare(false, "a")));
    assert!(matches!(error, DecodeErrorKind::NoTransaction), "{error}");
}

#[test]
fn rotates_and_heartbeats_move_the_position() {
    let mut stream = Stream::leaving_out(LeftOut::LedOver);
    stream.feed(EventBuilder::rotate("b.2", 4)).unwrap();
    stream.feed_artificial(EventBuilder::rotate("b.2", 4)).unwrap();
    stream.pos = 4;
    stream.feed(EventBuilder::format_description("9.7.4", 0)).unwrap();
    let heartbeat = EventBuilder::new(EventType::HeartbeatV2).body(b"\x01\x03b.2\x02\x03\xfc\x00\x10\x00");
    stream.feed_artificial(heartbeat.clone()).unwrap();
    assert_eq!(stream.told(), ["Rotate b.2:4", "Heartbeat b.2:4096"]);
    stream.pos = 4096;
    stream.feed_all([EventBuilder::gtid(1), query("BEGIN")]);
    stream.feed_artificial(heartbeat).unwrap();
    assert_eq!(stream.kinds(), ["begin"]);
}

#[test]
fn damage_gaps_and_unknown_events_stop() {
    let mut stream = Stream::new();
    let mut event = EventBuilder::gtid(1).at(stream.pos).build();
    event[30] ^= 4;
    let result = stream.decoder.feed(&event, &mut stream.log);
    assert!(matches!(cause(result), DecodeErrorKind::ChecksumMismatch));

    let mut stream = Stream::new();
    stream.pos += 100;
    assert!(matches!(
        cause(stream.feed(EventBuilder::gtid(1))),
        DecodeErrorKind::PositionGap { .. }
    ));

    let mut stream = Stream::new();
    let unknown = EventBuilder::new(EventType::Unknown(99));
    stream
        .feed(unknown.clone().flags(HeaderFlags::IGNORABLE))
        .unwrap();
    assert!(matches!(
        cause(stream.feed(unknown)),
        DecodeErrorKind::UnknownEvent(99)
    ));

    let mut stream = Stream::new();
    let incident = EventBuilder::new(EventType::Incident).body(b"\x01\0\x04lost");
    assert!(matches!(
        cause(stream.feed(incident)),
        DecodeErrorKind::Incident { code: 1, .. }
    ));

    for old in [
        EventType::PreGaWriteRows,
        EventType::CreateFile,
        EventType::PartialRowData,
    ] {
        let error = cause(Stream::new().feed(EventBuilder::new(old)));
        assert!(error.to_string().contains(old.name()), "{error}");
    }
}

#[test]
fn what_is_shorter_or_longer_than_it_says_is_damage() {
    let mut stream = Stream::new();
    stream.feed(EventBuilder::gtid(1)).unwrap();
    let event = query("BEGIN").at(stream.pos).build();
    let longer = [&event[..], &[0]].concat();
    let shorter = (0..event.len()).map(|len| &event[..len]);
    for bytes in shorter.chain([&longer[..]]) {
        let error = stream.decoder.feed(bytes, &mut stream.log).unwrap_err();
        assert!(
            matches!(error.cause, DecodeErrorKind::LengthMismatch { came } if came == bytes.len()),
            "{error}"
        );
        assert!(error.cause.is_damage());
        assert_eq!(error.place.position.pos, u64::from(stream.pos));
        let known = if bytes.len() > 4 {
            EventType::Query
        } else {
            EventType::Unknown(0)
        };
        assert_eq!(error.place.event_type, known);
    }
}

#[test]
fn a_format_that_cannot_be_verified_is_damage() {
    let mut stream = Stream::new();
    let mut event = EventBuilder::format_description("9.7.4", 0).at(4).build();
    // In the server's version.
    event[Header::LEN + 2] ^= 1 << 6;
    let error = cause(stream.decoder.feed(&event, &mut stream.log));
    assert!(
        matches!(error, DecodeErrorKind::Unverifiable(_)) && error.is_damage(),
        "{error}"
    );
}

#[test]
fn events_without_checksums_and_too_large_ones() {
    let mut stream = Stream::new();
    stream.decoder.stream.checksum = Checksum::None;
    stream
        .feed(EventBuilder::gtid(1).checksum(Checksum::None))
        .unwrap();
    stream.decoder.options.max_event_size = 30;
    let error = cause(stream.feed(query("BEGIN").checksum(Checksum::None)));
    assert!(
        matches!(error, DecodeErrorKind::TooLarge { limit: 30, .. }),
        "{error}"
    );
}

#[test]
fn a_row_that_ends_too_early_names_its_table_and_not_its_contents() {
    let mut stream = Stream::new();
    let cut = EventBuilder::new(EventType::WriteRows).body(&[1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 1, 0, 9, 9]);
    stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), map(1, "t")]);
    let error = stream.feed(cut).unwrap_err();
    assert!(
        matches!(error.cause, DecodeErrorKind::Malformed(Malformed::Truncated(_))),
        "{error}"
    );
    assert!(error.to_string().ends_with("table db.t)"), "{error}");
}

proptest! {
    #[test]
    fn never_panics_on_damaged_events(which in 0..6usize, at in 0..200usize, byte in any::<u8>(), cut in 0..200usize) {
        let mut stream = Stream::new();
        stream.decoder.stream.checksum = Checksum::None;
        let events = [EventBuilder::gtid(7), query("BEGIN"), map(1, "t"), insert(1, -5), xid()];
        let payload = EventBuilder::payload(&[query("BEGIN"), map(1, "t"), insert(1, -5), xid()], false);
        for (index, event) in events.into_iter().chain([EventBuilder::gtid(8), payload]).enumerate() {
            let mut bytes = event.checksum(Checksum::None).build();
            if index == which {
                let len = bytes.len();
                bytes[at % len] = byte;
                bytes.truncate(len - (cut % 8).min(len));
            }
            if stream.decoder.feed(&bytes, &mut stream.log).is_err() {
                break;
            }
        }
    }

    #[test]
    fn never_panics_on_any_body(number in any::<u8>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut stream = Stream::new();
        let event = EventBuilder::new(EventType::from_number(number)).body(&body);
        let _ = stream.feed(event);
        let mut stream = Stream::new();
        stream.feed_all([EventBuilder::gtid(7), query("BEGIN"), map(1, "t")]);
        let _ = stream.feed(EventBuilder::new(EventType::from_number(number)).body(&body));
    }
}
