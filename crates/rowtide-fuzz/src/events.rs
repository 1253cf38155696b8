//! Whole streams of events, decoded and described.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rowtide_binlog::event::describe::{Describer, Description, Printed};
use rowtide_binlog::event::{Checksum, EventType, Header};
use rowtide_event::Malformed;

use crate::frames::{Frame, frames, sections};
use crate::watch::{Watch, decoder};

/// The events of a stream ([`frames`]): decoded to the end or to the first error, and described each.
pub fn events(data: &[u8]) {
    decode(frames(data));
    let mut describer = Describer::default();
    for frame in frames(data) {
        describe(&mut describer, &frame.event());
    }
}

/// A TRANSACTION_PAYLOAD: if the first byte is even, its body; if it is odd, the [`frames`] inside, compressed if it is
/// more than 1.
pub fn payload(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    let body = if how % 2 == 0 {
        rest.to_vec()
    } else {
        packed(rest, *how > 1)
    };
    let frame = Frame {
        event_type: EventType::TransactionPayload,
        body: &body,
    };
    decode([frame]);
    describe(&mut Describer::default(), &frame.event());
}

/// Events that MariaDB compressed: after a table map, the number of the event's type, how many bytes stay as they are, and
/// the rest of the body: compressed here, or as it is where that number is above 127.
pub fn mariadb_compression(data: &[u8]) {
    let [map, rest] = sections(data);
    let Some(([number, plain], rest)) = rest.split_first_chunk::<2>() else {
        return;
    };
    let body = match rest.split_at_checked(usize::from(*plain)) {
        Some((head, rest)) if *plain < 128 => [head, &deflated(rest)].concat(),
        _ => rest.to_vec(),
    };
    let table_map = Frame {
        event_type: EventType::TableMap,
        body: map,
    };
    let compressed = Frame {
        event_type: EventType::from_number(*number),
        body: &body,
    };
    decode([BEGIN, table_map, compressed]);
    let mut describer = Describer::default();
    describe(&mut describer, &table_map.event());
    describe(&mut describer, &compressed.event());
}

/// The first event of a transaction without a GTID.
pub(crate) const BEGIN: Frame<'static> = Frame {
    event_type: EventType::Query,
    body: b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0BEGIN",
};

/// Feeds the events to a decoder until one is refused.
pub(crate) fn decode<'a>(events: impl IntoIterator<Item = Frame<'a>>) {
    let (mut decoder, mut watch) = (decoder(4, Checksum::None), Watch::default());
    for frame in events {
        if decoder.feed(&frame.event(), &mut watch).is_err() {
            return;
        }
    }
}

/// Describes an event without a checksum, to the last value, or to what is wrong with it.
pub fn describe(describer: &mut Describer, event: &[u8]) {
    let Ok((header, body)) = Header::split(event) else {
        return;
    };
    let _ = describer.describe(&header, body, print);
}

fn print(description: &mut Description<'_>) -> Result<(), Malformed> {
    let Some(rows) = description.rows else {
        return Ok(());
    };
    rows.each(|row| {
        let images = [row.before, row.after];
        for (column, value) in images.iter().flatten().flat_map(|image| image.columns()) {
            Printed::of(value, &column.ty)?;
        }
        Ok::<_, Malformed>(())
    })
}

/// A payload's body, with its three fields.
fn packed(data: &[u8], compressed: bool) -> Vec<u8> {
    let inside: Vec<u8> = frames(data).flat_map(Frame::event).collect();
    // The algorithm: 0 is zstd, 255 none, and written in three bytes.
    let (algorithm, packed) = if compressed {
        // Compressing into memory has no way to fail.
        (
            &[2, 1, 0][..],
            zstd::encode_all(&inside[..], 1).unwrap_or_default(),
        )
    } else {
        (&[2, 3, 252, 255, 0][..], inside)
    };
    let len = (packed.len() as u64).to_le_bytes();
    [algorithm, &[1, 9, 254], &len, &[0], &packed].concat()
}

/// As MariaDB writes it: the bytes of the length, the length, a zlib stream.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let stream = encoder.write_all(bytes).and_then(|()| encoder.finish());
    [&[0x84][..], &len, &stream.unwrap_or_default()].concat()
}
