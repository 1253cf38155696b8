//! The events inside a TRANSACTION_PAYLOAD, one at a time: as much memory as the largest of them takes, and no more.

use std::io::{self, BufReader, Read};

use rowtide_event::{Malformed, Reader};
use zstd::stream::read::Decoder as ZstdReader;
use zstd::zstd_safe::{DCtx, DParameter, ResetDirective};

use super::{Compression, Header, TransactionPayload};

/// What is costly to make and can be used for one payload after the other.
pub(crate) struct Unpacker {
    context: DCtx<'static>,
    event: Vec<u8>,
}

const WHAT: &str = "TRANSACTION_PAYLOAD";
/// How much memory is taken before the bytes that fill it have come.
const STEP: usize = 64 * 1024;
/// What an event's memory may stay at from one payload to the next.
const KEEP: usize = 1024 * 1024;

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self {
            context: DCtx::create(),
            event: Vec::new(),
        }
    }

    /// Calls `each` with every event of the payload, until one fails.
    pub(crate) fn unpack<E: From<Malformed>>(
        &mut self,
        payload: &TransactionPayload<'_>,
        limits: Limits,
        each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { context, event } = self;
        let result = match payload.compression {
            Compression::None => each_event(payload.payload, event, limits, each),
            Compression::Zstd => match reset(context, limits) {
                Ok(()) => {
                    let reader = ZstdReader::with_context(payload.payload, context);
                    each_event(BufReader::with_capacity(STEP, reader), event, limits, each)
                }
                Err(cause) => Err(cause.into()),
            },
        };
        event.clear();
        event.shrink_to(KEEP);
        result
    }
}

/// What a payload may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of one event.
    pub(crate) event: usize,
    /// The logarithm of the bytes that zstd may look back.
    pub(crate) window_log: u32,
}

fn reset(context: &mut DCtx<'static>, limits: Limits) -> Result<(), Malformed> {
    let failed = |_| Malformed::Unsupported("the zstd window that is configured");
    context
        .reset(ResetDirective::SessionAndParameters)
        .map_err(failed)?;
    context
        .set_parameter(DParameter::WindowLogMax(limits.window_log))
        .map_err(failed)?;
    Ok(())
}

fn each_event<E: From<Malformed>>(
    mut reader: impl Read,
    event: &mut Vec<u8>,
    limits: Limits,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    while next_event(&mut reader, event, limits)? {
        each(event)?;
    }
    Ok(())
}

/// Reads the next event, and says whether there was one.
fn next_event(reader: &mut impl Read, event: &mut Vec<u8>, limits: Limits) -> Result<bool, Malformed> {
    event.clear();
    fill(reader, event, Header::LEN)?;
    if event.is_empty() {
        return Ok(false);
    }
    let header = Header::read(&mut Reader::new(event))?;
    let len = usize::try_from(header.event_len).map_err(|_| Malformed::TooLarge(WHAT))?;
    if len > limits.event {
        return Err(Malformed::TooLarge("an event of a TRANSACTION_PAYLOAD"));
    }
    fill(reader, event, len)?;
    if event.len() < len {
        Err(Malformed::Truncated(WHAT))
    } else {
        Ok(true)
    }
}

/// Reads until `event` is `len` bytes long or the payload ends.
fn fill(reader: &mut impl Read, event: &mut Vec<u8>, len: usize) -> Result<(), Malformed> {
    while event.len() < len {
        let have = event.len();
        // Twice as much as has come, and never more than the whole.
        if event.capacity() == have {
            event.reserve_exact(len.saturating_sub(have).min(have.max(STEP)));
        }
        event.resize(len.min(have.saturating_add(STEP)).min(event.capacity()), 0);
        let read = match event.get_mut(have..) {
            Some(free) => read_full(reader, free)?,
            None => 0,
        };
        let filled = have.saturating_add(read);
        if filled < event.len() {
            event.truncate(filled);
            break;
        }
    }
    Ok(())
}

fn read_full(reader: &mut impl Read, mut free: &mut [u8]) -> Result<usize, Malformed> {
    let wanted = free.len();
    while !free.is_empty() {
        match reader.read(free) {
            Ok(0) => break,
            Ok(n) => free = free.get_mut(n..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(zstd_error(&error)),
        }
    }
    Ok(wanted.saturating_sub(free.len()))
}

/// zstd's errors come as text; only the one that a setting can mend is told apart.
fn zstd_error(error: &io::Error) -> Malformed {
    if error.to_string().contains("too much memory") {
        Malformed::TooLarge("the zstd window of a TRANSACTION_PAYLOAD")
    } else {
        Malformed::Invalid("the zstd data of a TRANSACTION_PAYLOAD")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;
    use crate::event::build::EventBuilder;

    const LIMITS: Limits = Limits {
        event: 1 << 20,
        window_log: 27,
    };

    fn unpacked(compression: Compression, bytes: &[u8], limits: Limits) -> Result<Vec<Vec<u8>>, Malformed> {
        let payload = TransactionPayload {
            compression,
            uncompressed_size: None,
            payload: bytes,
        };
        let mut events = Vec::new();
        Unpacker::new().unpack::<Malformed>(&payload, limits, |event| {
            events.push(event.to_vec());
            Ok(())
        })?;
        Ok(events)
    }

    fn event(fill: u8, len: usize) -> Vec<u8> {
        EventBuilder::new(EventType::RowsQuery)
            .body(&vec![fill; len])
            .nested()
    }

    #[test]
    fn events_cross_frames() {
        let events = [event(1, 10), event(2, 300_000), event(3, 0)];
        let bytes = events.concat();
        assert_eq!(unpacked(Compression::None, &bytes, LIMITS).unwrap(), events);
        let (first, second) = bytes.split_at(1000);
        let frames = [
            zstd::encode_all(first, 3).unwrap(),
            zstd::encode_all(second, 3).unwrap(),
        ]
        .concat();
        assert_eq!(unpacked(Compression::Zstd, &frames, LIMITS).unwrap(), events);
    }

    #[test]
    fn one_unpacker_survives_a_damaged_payload() {
        let good = zstd::encode_all(&event(1, 1000)[..], 3).unwrap();
        let mut unpacker = Unpacker::new();
        for (bytes, events) in [
            (&good[..], Some(1)),
            (&good[..good.len() - 3], None),
            (&good[..], Some(1)),
        ] {
            let payload = TransactionPayload {
                compression: Compression::Zstd,
                uncompressed_size: None,
                payload: bytes,
            };
            let mut count = 0;
            let result = unpacker.unpack::<Malformed>(&payload, LIMITS, |_| {
                count += 1;
                Ok(())
            });
            assert_eq!(result.ok().map(|()| count), events);
        }
    }

    #[test]
    fn limits_and_junk() {
        let event = event(7, 100_000);
        let small = Limits {
            event: 1000,
            window_log: 27,
        };
        assert!(matches!(
            unpacked(Compression::None, &event, small),
            Err(Malformed::TooLarge(_))
        ));
        assert!(unpacked(Compression::None, &event[..event.len() - 1], LIMITS).is_err());
        assert!(unpacked(Compression::None, &event[..5], LIMITS).is_err());
        let mut packed = zstd::encode_all(&event[..], 3).unwrap();
        packed.push(9);
        assert!(unpacked(Compression::Zstd, &packed, LIMITS).is_err());
        let mut claims_much = event[..19].to_vec();
        claims_much[9..13].copy_from_slice(&(1u32 << 19).to_le_bytes());
        assert!(matches!(
            unpacked(Compression::None, &claims_much, LIMITS),
            Err(Malformed::Truncated(_))
        ));
    }
}
