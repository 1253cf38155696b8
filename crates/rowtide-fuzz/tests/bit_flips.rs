//! Every binlog file of testdata with single bits flipped, and cut: with checksums each damage is noticed; without, each is
//! refused or read as something else, within the same bounds of time and memory.

#![allow(clippy::unwrap_used, reason = "what helps a test fails with it")]

use std::path::{Path, PathBuf};

use rowtide_binlog::event::describe::Describer;
use rowtide_binlog::event::file::{BinlogFile, BinlogFileError};
use rowtide_binlog::event::{
    Checksum, EventType, FormatDescription, GtidEvent, Header, checksum, gtid_tagged,
};
use rowtide_fuzz::{Watch, decoder, describe};

/// Where a FORMAT_DESCRIPTION says whether its file is in use: a bit that the server flips itself, and that no checksum
/// covers.
const IN_USE: usize = 17 * 8;
/// Bits that are flipped in a file without checksums, at most; more of them take too long for an ordinary test.
const SAMPLE: usize = 6_000;

fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/binlog");
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|is| is == "binlog"));
    files
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

/// An event as it stands in its file.
#[derive(Debug, Clone)]
struct Event {
    pos: u64,
    event_type: EventType,
    bytes: Vec<u8>,
}

fn events(file: &[u8]) -> Vec<Event> {
    let mut reader = BinlogFile::open(file, 1 << 30).unwrap();
    let mut events = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        events.push(Event {
            pos: event.pos,
            event_type: event.header.event_type,
            bytes: event.bytes.to_vec(),
        });
    }
    events
}

fn has_checksums(events: &[Event]) -> bool {
    FormatDescription::checksum_of(&events[0].bytes) == Ok(Checksum::Crc32)
}

/// The GTIDs of MySQL 8.0 and later say how long their transactions are.
fn say_length_without_checksums(event: &mut Event, events: &[Event]) {
    let body = &event.bytes[Header::LEN..event.bytes.len() - checksum::LEN];
    let read = match event.event_type {
        EventType::Gtid | EventType::AnonymousGtid => GtidEvent::read(body),
        EventType::GtidTagged => gtid_tagged::read(body),
        _ => return,
    };
    let Some(said) = read.unwrap().transaction_length else {
        return;
    };
    let (mut length, mut right) = (0, said);
    for event in events {
        if length < said {
            length += event.bytes.len() as u64;
            right -= checksum::LEN as u64;
        }
    }
    let written = |length: u64| match (event.event_type, said) {
        (EventType::GtidTagged, 0..0x80) => (length << 1).to_le_bytes()[..1].to_vec(),
        (EventType::GtidTagged, 0..0x4000) => (length << 2 | 0b1).to_le_bytes()[..2].to_vec(),
        (EventType::GtidTagged, _) => (length << 3 | 0b11).to_le_bytes()[..3].to_vec(),
        (_, 0..251) => vec![length as u8],
        (_, 0..0x1_0000) => [&[0xfc], &length.to_le_bytes()[..2]].concat(),
        _ => [&[0xfd], &length.to_le_bytes()[..3]].concat(),
    };
    let (old, new) = (written(said), written(right));
    // Behind it are versions of servers alone; a wrong place would show, for the transaction would be refused.
    let protected = event.bytes.len() - checksum::LEN;
    let mut places = event.bytes[..protected].windows(old.len());
    let at = places.rposition(|bytes| bytes == old).unwrap();
    event.bytes[at..at + new.len()].copy_from_slice(&new);
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn with_checksums_every_flipped_bit_is_noticed() {
    for (path, file) in files() {
        let events = events(&file);
        if !has_checksums(&events) {
            continue;
        }
        for event in &events {
            let mut bytes = event.bytes.clone();
            for bit in 0..bytes.len() * 8 {
                if event.event_type == EventType::FormatDescription && bit == IN_USE {
                    continue;
                }
                flip(&mut bytes, bit);
                let place = || format!("{} at {}, bit {bit}", path.display(), event.pos);
                assert!(is_refused_in_a_file(&file, event, &bytes), "{}", place());
                // The same checksum again, so not all bits of a body.
                if bit < Header::LEN * 8 || bit % 61 == 0 || event.pos == 4 {
                    assert!(is_refused_in_a_stream(&events[0], event, &bytes), "{}", place());
                }
                flip(&mut bytes, bit);
            }
            assert!(!is_refused_in_a_file(&file, event, &bytes));
        }
    }
}

/// The file's FORMAT_DESCRIPTION, the damaged event and what follows in the file.
fn is_refused_in_a_file(file: &[u8], event: &Event, damaged: &[u8]) -> bool {
    use std::io::Read;
    let pos = event.pos as usize;
    let first = 4 + u32::from_le_bytes(*file[4 + 9..].first_chunk().unwrap()) as usize;
    let head = if event.event_type == EventType::FormatDescription {
        &file[..4]
    } else {
        &file[..first]
    };
    let rest = &file[pos + damaged.len()..];
    let mut reader = BinlogFile::open(head.chain(damaged).chain(rest), 1 << 30).unwrap();
    let skipped = usize::from(head.len() > 4);
    (0..=skipped).any(|_| reader.next_event().is_err())
}

/// As the server sends it.
fn is_refused_in_a_stream(format: &Event, event: &Event, damaged: &[u8]) -> bool {
    let (mut decoder, mut watch) = (decoder(event.pos, Checksum::Crc32), Watch::default());
    if event.event_type != EventType::FormatDescription {
        decoder.feed(&format.bytes, &mut watch).unwrap();
    }
    decoder.feed(damaged, &mut watch).is_err()
}

/// The same events as a server with `binlog_checksum=NONE` writes them.
fn without_checksums(events: &[Event]) -> Vec<Event> {
    let mut pos = 4;
    let mut plain = events.to_vec();
    for (at, event) in plain.iter_mut().enumerate() {
        event.pos = pos;
        say_length_without_checksums(event, &events[at..]);
        let bytes = &mut event.bytes;
        let protected = bytes.len() - checksum::LEN;
        let is_format = event.event_type == EventType::FormatDescription;
        let len = if is_format { bytes.len() } else { protected };
        pos += len as u64;
        bytes[9..13].copy_from_slice(&(len as u32).to_le_bytes());
        bytes[13..17].copy_from_slice(&(pos as u32).to_le_bytes());
        bytes.truncate(protected);
        if is_format {
            // The algorithm is the last byte before the checksum, which this event has always.
            *bytes.last_mut().unwrap() = 0;
            bytes.extend(checksum::crc32(bytes).to_le_bytes());
        }
    }
    plain
}

#[test]
fn without_checksums_no_flipped_bit_makes_it_panic_or_hang_or_take_memory() {
    for (path, file) in files() {
        let with = events(&file);
        let plain = if has_checksums(&with) {
            without_checksums(&with)
        } else {
            with.clone()
        };
        assert_eq!(rows(&plain), rows(&with), "{}", path.display());
        let bits: usize = plain.iter().map(|event| event.bytes.len() * 8).sum();
        let stride = bits.div_ceil(SAMPLE) | 1;
        let mut next = 0;
        for group in transactions(&plain) {
            let mut group = group.to_vec();
            for at in 0..group.len() {
                let len = group[at].bytes.len() * 8;
                while next < len {
                    flip(&mut group[at].bytes, next);
                    decode(&plain[0], &group);
                    flip(&mut group[at].bytes, next);
                    next += stride;
                }
                next -= len;
            }
        }
    }
    // A damaged length can say 2 or 4 GiB.
    assert!(
        peak_memory() < 1 << 30,
        "{} bytes of address space",
        peak_memory()
    );
}

#[test]
fn a_cut_file_is_read_up_to_the_cut_which_is_named() {
    for (path, file) in files() {
        let events = events(&file);
        for (at, event) in events.iter().enumerate() {
            let (start, len) = (event.pos as usize, event.bytes.len());
            for kept in [1, 4, 18, 19, len / 2, len - 1] {
                let place = || format!("{} at {}, {kept} bytes", path.display(), event.pos);
                let (count, error) = read(&file[..start + kept]);
                assert_eq!(count, at, "{}", place());
                let cut = matches!(
                    error,
                    Some(BinlogFileError::Cut { pos, .. }) if pos == event.pos
                );
                assert!(cut, "{}: {error:?}", place());
            }
            let (count, error) = read(&file[..start]);
            assert!(count == at && error.is_none(), "{error:?}");
        }
    }
}

/// How many events there are, and what is behind them.
fn read(file: &[u8]) -> (usize, Option<BinlogFileError>) {
    let mut reader = BinlogFile::open(file, 1 << 30).unwrap();
    let mut count = 0;
    loop {
        match reader.next_event() {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(error)),
        }
    }
}

#[test]
fn an_event_without_a_checksum_that_is_cut_makes_nothing_panic() {
    for (_, file) in files() {
        let with = events(&file);
        let plain = if has_checksums(&with) {
            without_checksums(&with)
        } else {
            with
        };
        let bytes: usize = plain.iter().map(|event| event.bytes.len()).sum();
        let stride = bytes.div_ceil(SAMPLE / 4) | 1;
        for group in transactions(&plain) {
            let mut group = group.to_vec();
            for at in 0..group.len() {
                let whole = group[at].bytes.clone();
                for len in (Header::LEN..whole.len()).step_by(stride) {
                    let mut cut = whole[..len].to_vec();
                    cut[9..13].copy_from_slice(&(len as u32).to_le_bytes());
                    group[at].bytes = cut;
                    decode(&plain[0], &group);
                }
                group[at].bytes = whole;
            }
        }
    }
}

/// All events up to where a transaction can begin.
fn transactions(events: &[Event]) -> impl Iterator<Item = &[Event]> {
    use EventType as E;
    events.chunk_by(|_, next| {
        !matches!(
            next.event_type,
            E::Gtid | E::GtidTagged | E::AnonymousGtid | E::MariadbGtid | E::PreviousGtids
        )
    })
}

fn decode(format: &Event, group: &[Event]) {
    let Some(first) = group.first() else { return };
    let (mut decoder, mut watch) = (decoder(first.pos, Checksum::None), Watch::default());
    if first.event_type != EventType::FormatDescription {
        decoder.feed(&format.bytes, &mut watch).unwrap();
    }
    let mut describer = Describer::default();
    describe(&mut describer, &format.bytes);
    for event in group {
        describe(&mut describer, &event.bytes);
    }
    for event in group {
        // As it comes in a packet: of the length that it has, whatever it says.
        if Header::split(&event.bytes).is_err() || decoder.feed(&event.bytes, &mut watch).is_err() {
            return;
        }
    }
}

/// How many rows there are until something cannot be decoded from the file alone.
fn rows(events: &[Event]) -> u64 {
    let (mut decoder, mut watch) = (decoder(4, Checksum::None), Watch::default());
    let _ = events
        .iter()
        .try_for_each(|event| decoder.feed(&event.bytes, &mut watch));
    watch.rows
}

/// The largest address space that this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}
