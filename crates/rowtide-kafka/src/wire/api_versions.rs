//! ApiVersions: what a broker speaks. Version 0, which every broker has; the request is empty.

use rowtide_event::Malformed;

use super::primitive::Input;
use super::{ErrorCode, Versions};

/// The answer's versions.
pub(crate) fn response(body: &[u8]) -> Result<(ErrorCode, Versions), Malformed> {
    const WHAT: &str = "a broker's list of versions";
    let mut input = Input::new(body);
    let error = ErrorCode(input.i16(WHAT)?);
    let mut offered = Vec::new();
    input.array(WHAT, |input| {
        offered.push((input.i16(WHAT)?, input.i16(WHAT)?, input.i16(WHAT)?));
        Ok(())
    })?;
    input.finish(WHAT)?;
    Ok((error, Versions::agreed(offered)))
}
