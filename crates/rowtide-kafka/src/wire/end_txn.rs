//! EndTxn: commits or aborts a transaction. Versions 0 to 2.

use rowtide_event::Malformed;

use super::primitive::{Input, Output};
use super::{ErrorCode, ProducerId};

/// The request's body.
pub(crate) fn request(out: &mut Vec<u8>, transactional_id: &str, producer: ProducerId, commit: bool) {
    out.string(transactional_id);
    out.i64(producer.id);
    out.i16(producer.epoch);
    out.i8(i8::from(commit));
}

/// Whether it is done.
pub(crate) fn response(body: &[u8]) -> Result<ErrorCode, Malformed> {
    const WHAT: &str = "the answer to the end of a transaction";
    let mut input = Input::new(body);
    input.i32(WHAT)?; // throttle time
    let error = ErrorCode(input.i16(WHAT)?);
    input.finish(WHAT)?;
    Ok(error)
}
