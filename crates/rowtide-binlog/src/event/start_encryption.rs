//! MariaDB's START_ENCRYPTION (164): the rest of the file is encrypted. What a server sends to replicas is not.

use rowtide_event::{Malformed, Reader};

/// How the rest of a file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartEncryption {
    /// The scheme; 1 is the only one there is.
    pub scheme: u8,
    /// The version of the key.
    pub key_version: u32,
}

impl StartEncryption {
    /// Reads a body. The nonce that follows is of no use without the key.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "START_ENCRYPTION";
        let mut reader = Reader::new(body);
        let scheme = reader.u8(WHAT)?;
        let key_version = reader.u32(WHAT)?;
        reader.take(12, WHAT)?;
        Ok(Self { scheme, key_version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_key_and_nonce() {
        let mut body = vec![1, 5, 0, 0, 0];
        body.extend([9; 12]);
        let expected = StartEncryption {
            scheme: 1,
            key_version: 5,
        };
        assert_eq!(StartEncryption::read(&body), Ok(expected));
        for len in 0..body.len() {
            assert!(StartEncryption::read(&body[..len]).is_err(), "{len} bytes");
        }
    }
}
