//! SaslHandshake (version 1) and SaslAuthenticate (versions 0 and 1): the login's messages.

use std::time::Duration;

use rowtide_event::Malformed;

use super::ErrorCode;
use super::primitive::{Input, Output};

/// The handshake's body.
pub(crate) fn handshake_request(out: &mut Vec<u8>, mechanism: &str) {
    out.string(mechanism);
}

/// Whether the mechanism may be used, and the broker's mechanisms.
pub(crate) fn handshake_response(body: &[u8]) -> Result<(ErrorCode, Vec<String>), Malformed> {
    const WHAT: &str = "the answer to a login's mechanism";
    let mut input = Input::new(body);
    let error = ErrorCode(input.i16(WHAT)?);
    let mut mechanisms = Vec::new();
    input.array(WHAT, |input| {
        mechanisms.push(input.string(WHAT)?.to_owned());
        Ok(())
    })?;
    input.finish(WHAT)?;
    Ok((error, mechanisms))
}

/// A message of the login.
pub(crate) fn authenticate_request(out: &mut Vec<u8>, message: &[u8]) {
    out.bytes(message);
}

/// What the broker says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authenticated<'a> {
    pub error: ErrorCode,
    pub reason: Option<&'a str>,
    pub message: &'a [u8],
    /// How long the login holds; none for ever, as far as is known.
    pub lifetime: Option<Duration>,
}

/// The answer.
pub(crate) fn authenticate_response(body: &[u8], version: i16) -> Result<Authenticated<'_>, Malformed> {
    const WHAT: &str = "the answer to a login";
    let mut input = Input::new(body);
    let error = ErrorCode(input.i16(WHAT)?);
    let reason = input.nullable_string(WHAT)?;
    let message = input.bytes(WHAT)?;
    let lifetime_ms = if version >= 1 { input.i64(WHAT)? } else { 0 };
    input.finish(WHAT)?;
    let lifetime = u64::try_from(lifetime_ms).ok().filter(|ms| *ms > 0);
    Ok(Authenticated {
        error,
        reason,
        message,
        lifetime: lifetime.map(Duration::from_millis),
    })
}
