//! FindCoordinator: which broker keeps the transactions of a transactional id. Versions 1 and 2.

use rowtide_event::Malformed;

use super::ErrorCode;
use super::metadata::Broker;
use super::primitive::{Input, Output};

/// A key of this type is a transactional id.
const TRANSACTION: i8 = 1;

/// The request's body.
pub(crate) fn request(out: &mut Vec<u8>, transactional_id: &str) {
    out.string(transactional_id);
    out.i8(TRANSACTION);
}

/// The coordinator, or why there is none.
pub(crate) fn response(body: &[u8]) -> Result<(ErrorCode, Broker), Malformed> {
    const WHAT: &str = "the name of a coordinator";
    let mut input = Input::new(body);
    input.i32(WHAT)?; // throttle time
    let error = ErrorCode(input.i16(WHAT)?);
    input.nullable_string(WHAT)?; // the error's text
    let broker = Broker {
        node: input.i32(WHAT)?,
        host: input.string(WHAT)?.to_owned(),
        port: input.i32(WHAT)?,
    };
    input.finish(WHAT)?;
    Ok((error, broker))
}
