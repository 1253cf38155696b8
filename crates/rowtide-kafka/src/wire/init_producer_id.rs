//! InitProducerId: a new epoch for a transactional id, which fences older ones, or an id without transactions. Versions 0
//! and 1.

use std::time::Duration;

use rowtide_event::Malformed;

use super::ErrorCode;
use super::primitive::{Input, Output};

/// A producer's identity at its coordinator and in its batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerId {
    /// Given by the broker; kept by a transactional id.
    pub id: i64,
    /// Grows with each instance of a transactional id, which fences the older ones.
    pub epoch: i16,
}

/// The request's body.
pub(crate) fn request(out: &mut Vec<u8>, transactional_id: Option<&str>, timeout: Duration) {
    out.nullable_string(transactional_id);
    out.i32(i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX));
}

/// The id, or why there is none.
pub(crate) fn response(body: &[u8]) -> Result<(ErrorCode, ProducerId), Malformed> {
    const WHAT: &str = "a producer's id";
    let mut input = Input::new(body);
    input.i32(WHAT)?; // throttle time
    let error = ErrorCode(input.i16(WHAT)?);
    let id = input.i64(WHAT)?;
    let epoch = input.i16(WHAT)?;
    input.finish(WHAT)?;
    Ok((error, ProducerId { id, epoch }))
}
