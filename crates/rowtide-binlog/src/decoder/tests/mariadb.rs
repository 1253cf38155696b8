//! MariaDB's transactions.

use super::*;
use crate::event::AlterPhase;

const STANDALONE: u8 = 1;
const PREPARED_XA: u8 = 0x40;
const COMPLETED_XA: u8 = 0x80;
const XID: &[u8] = &[1, 0, 0, 0, 1, 0, b'a'];

fn gtid(number: u64, flags: u8) -> EventBuilder {
    EventBuilder::mariadb_gtid(number, flags, &[])
}

/// As [`insert`] in version 1, which is MariaDB's.
fn insert_v1(id: u64, value: i32) -> EventBuilder {
    let mut body = id.to_le_bytes()[..6].to_vec();
    body.extend([1, 0, 1, 1, 0]);
    body.extend(value.to_le_bytes());
    EventBuilder::new(EventType::WriteRowsV1).body(&body)
}

#[test]
fn transactions_begin_with_their_gtid() {
    let mut stream = Stream::new();
    let annotate = EventBuilder::new(EventType::AnnotateRows).body(b"insert into t values (-5)");
    stream.feed_all([
        EventBuilder::new(EventType::GtidList).body(&[0; 6]),
        EventBuilder::new(EventType::BinlogCheckpoint).body(b"\x03\0\0\0b.1"),
        EventBuilder::mariadb_gtid(7, 0x0c, &[0x10, 9, 0, 0, 0]),
        annotate,
        map(1, "t"),
        insert_v1(1, -5),
        xid(),
    ]);
    let told = stream.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].ends_with("thread Some(9)") && told[2].ends_with(" 0-1-7"),
        "{told:?}"
    );
    assert!(told[1].contains("insert into t values (-5)"), "{told:?}");
}

#[test]
fn a_statement_stands_alone_and_a_non_transactional_group_ends_with_commit() {
    let mut stream = Stream::new();
    stream.feed_all([gtid(1, STANDALONE), query("CREATE TABLE t (a int)")]);
    stream.feed_all([gtid(2, 0), map(1, "t"), insert_v1(1, 1), query("COMMIT")]);
    stream.feed_all([
        gtid(3, 0),
        query("CREATE TABLE u AS SELECT 1"),
        map(2, "u"),
        insert_v1(2, 1),
        xid(),
    ]);
    let kinds = stream.kinds();
    assert_eq!(
        kinds.iter().filter(|kind| kind.starts_with("commit")).count(),
        3,
        "{kinds:?}"
    );
    assert_eq!(
        kinds.iter().filter(|kind| kind.starts_with("statement")).count(),
        2,
        "{kinds:?}"
    );
}

#[test]
fn an_alter_in_two_phases_has_its_effect_with_the_second() {
    let alter = "ALTER TABLE t ADD b int";
    let group = |number, extra: &[u8]| {
        [
            EventBuilder::mariadb_gtid(number, STANDALONE, extra),
            query(alter),
        ]
    };
    let start = 20u64.to_le_bytes();
    for (flag, statements) in [(4u8, 1), (8, 0)] {
        let mut stream = Stream::new();
        stream.feed_all(group(20, &[2]));
        stream.feed_all([gtid(21, 0), map(1, "t"), insert_v1(1, 1), xid()]);
        stream.feed_all(group(22, &[&[flag][..], &start].concat()));
        let told = stream.told();
        let counted = told.iter().filter(|line| line.starts_with("statement")).count();
        assert_eq!(counted, statements, "{told:?}");
        assert!(told.last().unwrap().ends_with("0-1-22"), "{told:?}");
    }
    assert_ne!(AlterPhase::Start, AlterPhase::Commit(20));
}

#[test]
fn xa_transactions_are_told_by_flags() {
    let mut stream = Stream::new();
    stream.feed_all([
        EventBuilder::mariadb_gtid(1, PREPARED_XA, XID),
        map(1, "t"),
        insert_v1(1, 1),
        query("XA END X'61',X'',1"),
        EventBuilder::xa_prepare(false, "a"),
        EventBuilder::mariadb_gtid(2, COMPLETED_XA | STANDALONE, XID),
        query("XA COMMIT X'61',X'',1"),
    ]);
    let told = stream.told();
    assert!(told[0].starts_with("begin xa"), "{told:?}");
    assert!(
        told.iter()
            .any(|line| line.starts_with("prepare ") && line.ends_with(" X'61',X'',1")),
        "{told:?}"
    );
    assert!(told.last().unwrap().ends_with("0-1-2"), "{told:?}");
}

#[test]
fn compressed_events_tell_what_plain_ones_do() {
    let plain = [query("DROP TABLE IF EXISTS x"), map(1, "t"), insert_v1(1, 77)];
    let packed = [
        // thread, time, lengths, no variables, "db" and its NUL
        plain[0].clone().compressed(EventType::QueryCompressed, 13 + 3),
        plain[1].clone(),
        plain[2]
            .clone()
            .compressed(EventType::WriteRowsCompressedV1, 8 + 2),
    ];
    let told = [plain, packed].map(|[statement, map, rows]| {
        let mut stream = Stream::new();
        stream.feed_all([gtid(1, STANDALONE), statement, gtid(2, 0), map, rows, xid()]);
        stream.kinds()
    });
    assert_eq!(told[0], told[1]);
    assert!(told[0].iter().any(|line| line.contains("Int(77)")), "{told:?}");

    let mut small = Stream::new();
    small.feed_all([gtid(2, 0), map(1, "t")]);
    let bomb = insert_v1(1, 77).compressed(EventType::WriteRowsCompressedV1, 8 + 2);
    small.decoder.options.max_event_size = 64;
    let mut body = bomb.clone().nested()[19..].to_vec();
    body[10 + 1] = 0xff;
    let error = cause(small.feed(bomb.body(&body)));
    assert!(
        matches!(error, DecodeErrorKind::Malformed(Malformed::TooLarge(_))),
        "{error}"
    );
}
