//! RAND (13): the two seeds of RAND() in the statement that follows.

use rowtide_event::{Malformed, Reader};

/// Reads a body: the two seeds.
pub fn read(body: &[u8]) -> Result<(u64, u64), Malformed> {
    let mut reader = Reader::new(body);
    let seeds = (reader.u64("RAND")?, reader.u64("RAND")?);
    reader.finish("RAND")?;
    Ok(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seeds() {
        let body = [7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(&body), Ok((7, 256)));
        assert_eq!(read(&body[..15]), Err(Malformed::Truncated("RAND")));
    }
}
