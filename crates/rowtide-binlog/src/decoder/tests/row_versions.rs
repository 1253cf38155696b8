//! Rows events of both versions, with all that may stand in their headers.

use super::told::Stream;
use super::{cause, map, query, xid};
use crate::decoder::DecodeErrorKind;
use crate::event::EventType;
use crate::event::build::EventBuilder;

/// A rows event of a table of one INT: its number and flags, what is between them and the columns, and the rest.
fn rows(event_type: EventType, header: &[u8], rest: &[u8]) -> EventBuilder {
    EventBuilder::new(event_type).body(&[&[1, 0, 0, 0, 0, 0, 1, 0], header, &[1], rest].concat())
}

/// What comes of one event.
fn told(event: EventBuilder) -> Vec<String> {
    let mut stream = Stream::new();
    stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), map(1, "t"), event, xid()]);
    let kinds = stream.kinds();
    kinds[1..kinds.len() - 1]
        .iter()
        .map(|kind| kind.to_string())
        .collect()
}

const INSERTED: &[u8] = &[1, 0, 7, 0, 0, 0, 1];
const UPDATED: &[u8] = &[1, 1, 0, 7, 0, 0, 0, 1];
const PARTLY_UPDATED: &[u8] = &[1, 1, 0, 7, 0, 0, 0, 0, 1];

#[test]
fn version_1_has_no_header_of_fields() {
    use EventType::{DeleteRowsV1, UpdateRowsV1, WriteRowsV1};
    let expected = ["insert [Int(7)]", "insert [Null]"];
    assert_eq!(told(rows(WriteRowsV1, &[], INSERTED)), expected);
    assert_eq!(told(rows(UpdateRowsV1, &[], UPDATED)), ["update [Int(7)] [Null]"]);
    let expected = ["delete [Int(7)]", "delete [Null]"];
    assert_eq!(told(rows(DeleteRowsV1, &[], INSERTED)), expected);
}

#[test]
fn version_2_may_have_fields_which_change_nothing_of_the_rows() {
    use EventType::{DeleteRows, PartialUpdateRows, UpdateRows, WriteRows};
    // Nothing; NDB's extra data; a partition; both; a field that nobody knows.
    let inserts: [&[u8]; 5] = [
        &[2, 0],
        &[7, 0, 0, 4, 1, 0xaa, 0xbb],
        &[5, 0, 1, 3, 0],
        &[8, 0, 0, 2, 1, 1, 3, 0],
        &[6, 0, 9, 0xff, 0xff, 0xff],
    ];
    for header in inserts {
        let expected = ["insert [Int(7)]", "insert [Null]"];
        assert_eq!(told(rows(WriteRows, header, INSERTED)), expected, "{header:?}");
        let expected = ["delete [Int(7)]", "delete [Null]"];
        assert_eq!(told(rows(DeleteRows, header, INSERTED)), expected, "{header:?}");
    }
    // An update's partition comes with the one that the row was in before.
    let updates: [&[u8]; 3] = [&[2, 0], &[7, 0, 1, 3, 0, 4, 0], &[10, 0, 0, 2, 1, 1, 3, 0, 4, 0]];
    for header in updates {
        let expected = ["update [Int(7)] [Null]"];
        assert_eq!(told(rows(UpdateRows, header, UPDATED)), expected, "{header:?}");
        assert_eq!(
            told(rows(PartialUpdateRows, header, PARTLY_UPDATED)),
            expected,
            "{header:?}"
        );
    }
}

#[test]
fn fields_that_are_cut_short_are_refused() {
    for header in [
        &[3, 0, 1][..],
        &[5, 0, 1, 3, 0],
        &[4, 0, 0, 9],
        &[4, 0, 0, 0],
        &[1, 0],
        &[0, 0],
    ] {
        let mut stream = Stream::new();
        stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), map(1, "t")]);
        let error = cause(stream.feed(rows(EventType::UpdateRows, header, UPDATED)));
        assert!(
            matches!(error, DecodeErrorKind::Malformed(_)),
            "{header:?}: {error}"
        );
    }
}

#[test]
fn rows_that_nothing_counts_stop_with_what_to_do() {
    let mut stream = Stream::new();
    stream.feed_all([EventBuilder::gtid(1), query("BEGIN"), map(1, "t")]);
    let uncounted = rows(EventType::DeleteRowsV1, &[], &[0]);
    let error = stream.feed(uncounted).unwrap_err();
    assert!(matches!(error.cause, DecodeErrorKind::UncountedRows), "{error}");
    assert_eq!(error.place.table.as_deref(), Some("db.t"));
}
