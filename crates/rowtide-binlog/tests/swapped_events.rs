//! Two events of a stream that change places on their way, which no checksum shows: noticed, except for what
//! docs/guarantees.md names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test fails with it"
)]

use std::path::PathBuf;

use rowtide_binlog::decoder::{DecodeError, Decoder, DecoderOptions, Handler, TableRows};
use rowtide_binlog::event::file::BinlogFile;
use rowtide_binlog::event::{EventType, RowsOperation, TableMap};
use rowtide_event::BinlogPosition;

/// Takes every event and no row.
struct Nothing;

impl Handler for Nothing {
    type Error = DecodeError;

    fn table(&mut self, _: &TableMap<'_>, _shape: &[u8]) -> Result<TableRows, DecodeError> {
        Ok(TableRows::Unwanted)
    }
}

struct Event {
    event_type: EventType,
    log_pos: u32,
    bytes: Vec<u8>,
}

fn events(name: &str) -> Vec<Event> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/binlog");
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let mut file = BinlogFile::open(&bytes[..], 1 << 30).unwrap();
    let mut events = Vec::new();
    while let Some(event) = file.next_event().unwrap() {
        events.push(Event {
            event_type: event.header.event_type,
            log_pos: event.header.log_pos,
            bytes: event.bytes.to_vec(),
        });
    }
    events
}

fn is_noticed<'a>(events: impl Iterator<Item = &'a Event>) -> bool {
    let mut decoder = Decoder::new(DecoderOptions::default(), BinlogPosition::new("binlog.000001", 4));
    let mut fed = events.map(|event| decoder.feed(&event.bytes, &mut Nothing));
    fed.any(|fed| fed.is_err())
}

/// The neighbours that may change places without that being noticed.
fn unnoticed(events: &[Event]) -> Vec<[&Event; 2]> {
    assert!(!is_noticed(events.iter()));
    let places = 1..events.len() - 1;
    let swapped = |at: usize| {
        let (before, rest) = events.split_at(at);
        let (pair, after) = rest.split_at(2);
        let swapped = [&pair[1], &pair[0]];
        is_noticed(before.iter().chain(swapped).chain(after))
    };
    places
        .filter(|at| !swapped(*at))
        .map(|at| [&events[at], &events[at + 1]])
        .collect()
}

#[test]
fn positions_show_it() {
    for name in [
        "mysql-5.7-types.binlog",
        "mysql-8.0-types.binlog",
        "mysql-9.7-golden.binlog",
        "mysql-9.7-row-images.binlog",
        "mariadb-10.11-transactions.binlog",
        "mariadb-10.11-types.binlog",
    ] {
        let events = events(name);
        assert!(events.len() > 20, "{name}");
        assert_eq!(unnoticed(&events).len(), 0, "{name}");
    }
}

#[test]
fn without_positions_the_order_inside_of_a_statement_is_not_known() {
    let mut found = 0;
    for name in [
        "mariadb-11.8-transactions.binlog",
        "mariadb-11.8-types.binlog",
        "mariadb-11.8-types-no-log.binlog",
    ] {
        let events = events(name);
        assert!(events.iter().any(|event| event.log_pos == 0), "{name}");
        for pair in unnoticed(&events) {
            let types = pair.map(|event| event.event_type);
            assert!(pair.iter().all(|event| event.log_pos == 0), "{name}: {types:?}");
            assert!(is_inside_of_a_statement(types), "{name}: {types:?}");
            found += 1;
        }
    }
    assert!(found > 0);
}

/// Or one of them is a savepoint.
fn is_inside_of_a_statement([first, second]: [EventType; 2]) -> bool {
    use EventType as E;
    let is_of_rows = |event_type| RowsOperation::of(event_type).is_some();
    match (first, second) {
        (E::AnnotateRows | E::TableMap, E::TableMap) | (E::Query, E::AnnotateRows) => true,
        (E::TableMap, second) => is_of_rows(second),
        (first, E::Query) => is_of_rows(first),
        (first, second) => is_of_rows(first) && is_of_rows(second),
    }
}
