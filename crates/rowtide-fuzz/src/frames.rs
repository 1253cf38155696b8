//! Bytes of a fuzzer to events, so that it need not learn lengths and checksums first.

use rowtide_binlog::event::{EventType, Header, checksum};

/// An event to be: its type and its body.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The type.
    pub event_type: EventType,
    /// What follows the header.
    pub body: &'a [u8],
}

/// The events of an input: for each the number of its type, two bytes of length, little-endian, and that many bytes, or
/// all that are left.
pub fn frames(mut data: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let (number, rest) = data.split_first()?;
        let (body, rest) = section(rest);
        data = rest;
        Some(Frame {
            event_type: EventType::from_number(*number),
            body,
        })
    })
}

/// Writes an event as [`frames`] reads it. A longer body than 64 KiB is cut.
pub fn append_frame(event_type: EventType, body: &[u8], out: &mut Vec<u8>) {
    out.push(event_type.number());
    let len = u16::try_from(body.len()).unwrap_or(u16::MAX);
    out.extend(len.to_le_bytes());
    out.extend(body.iter().take(usize::from(len)));
}

/// `N` parts of an input, each but the last with two bytes of its length before it.
pub fn sections<const N: usize>(mut data: &[u8]) -> [&[u8]; N] {
    let mut parts = [&[][..]; N];
    for part in parts.iter_mut().take(N.saturating_sub(1)) {
        (*part, data) = section(data);
    }
    if let Some(last) = parts.last_mut() {
        *last = data;
    }
    parts
}

fn section(data: &[u8]) -> (&[u8], &[u8]) {
    let (len, rest) = data.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
    let len = usize::from(u16::from_le_bytes(*len));
    rest.split_at_checked(len).unwrap_or((rest, &[]))
}

impl Frame<'_> {
    /// The event as it stands in a file without checksums, at no place in particular. A FORMAT_DESCRIPTION is made to say
    /// so, and has a checksum all the same.
    pub fn event(self) -> Vec<u8> {
        let len = Header::LEN.saturating_add(self.body.len());
        let mut event = 1_700_000_000u32.to_le_bytes().to_vec();
        event.push(self.event_type.number());
        event.extend(1u32.to_le_bytes());
        event.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        event.extend([0; 6]);
        event.extend(self.body);
        if self.event_type == EventType::FormatDescription {
            let protected = event.len().saturating_sub(checksum::LEN).max(Header::LEN);
            event.truncate(protected);
            // The last byte before the checksum is the algorithm.
            if let (Some(algorithm), true) = (event.last_mut(), protected > Header::LEN) {
                *algorithm = 0;
            }
            let crc = checksum::crc32(&event);
            event.extend(crc.to_le_bytes());
        }
        event
    }
}
