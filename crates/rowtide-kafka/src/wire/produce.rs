//! Produce: batches of records for partitions that a broker leads. Versions 3 to 7.

use std::time::Duration;

use rowtide_event::Malformed;

use super::ErrorCode;
use super::primitive::{Input, Output};

/// What a request says before its batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub transactional_id: Option<&'a str>,
    /// How long the broker may wait for its replicas.
    pub timeout: Duration,
}

/// A topic, and the batches for its partitions by their numbers.
pub(crate) type TopicBatches<'a> = (&'a str, Vec<(i32, &'a [u8])>);

/// All replicas in sync must have the records.
const ACKS_ALL: i16 = -1;

/// The request's body. `topics` has each topic once.
pub(crate) fn request(out: &mut Vec<u8>, head: Head<'_>, topics: &[TopicBatches<'_>]) {
    let batches = topics.iter().flat_map(|(_, batches)| batches);
    out.reserve(
        batches
            .map(|(_, batch)| batch.len().saturating_add(PARTITION_BYTES))
            .sum(),
    );
    out.nullable_string(head.transactional_id);
    out.i16(ACKS_ALL);
    out.i32(i32::try_from(head.timeout.as_millis()).unwrap_or(i32::MAX));
    out.count(topics.len());
    for (topic, batches) in topics {
        out.string(topic);
        out.count(batches.len());
        for (partition, batch) in batches {
            out.i32(*partition);
            out.bytes(batch);
        }
    }
}

/// About what a batch takes of a request beside its own bytes.
pub(crate) const PARTITION_BYTES: usize = 64;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub error: ErrorCode,
    /// Of the batch's first record.
    pub offset: i64,
}

/// Calls `each` with what became of every batch.
pub(crate) fn response<'a>(
    body: &'a [u8],
    version: i16,
    mut each: impl FnMut(Appended<'a>),
) -> Result<(), Malformed> {
    const WHAT: &str = "a broker's answer about records";
    let mut input = Input::new(body);
    input.array(WHAT, |input| {
        let topic = input.string(WHAT)?;
        input.array(WHAT, |input| {
            let partition = input.i32(WHAT)?;
            let error = ErrorCode(input.i16(WHAT)?);
            let offset = input.i64(WHAT)?;
            input.i64(WHAT)?; // the time of the append
            if version >= 5 {
                input.i64(WHAT)?; // the log's first offset
            }
            each(Appended {
                topic,
                partition,
                error,
                offset,
            });
            Ok(())
        })
    })?;
    input.i32(WHAT)?; // throttle time
    input.finish(WHAT)
}
