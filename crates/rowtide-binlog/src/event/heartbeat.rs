//! HEARTBEAT (27) and HEARTBEAT_V2 (41): the server is alive and has nothing to send.

use rowtide_event::{Malformed, Reader};

use super::Header;
use super::rotate::file_name;

/// How far the server's stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat<'a> {
    /// The file.
    pub file: &'a str,
    /// The position in it.
    pub pos: HeartbeatPosition,
}

/// A heartbeat's position, which version 1 cannot say in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatPosition {
    /// The low 32 bits, from the header.
    Low(u32),
    /// All of it.
    Full(u64),
}

impl<'a> Heartbeat<'a> {
    /// Reads the body of a HEARTBEAT.
    pub fn read(header: &Header, body: &'a [u8]) -> Result<Self, Malformed> {
        let file = file_name(body, "HEARTBEAT")?;
        Ok(Self {
            file,
            pos: HeartbeatPosition::Low(header.log_pos),
        })
    }

    /// Reads the body of a HEARTBEAT_V2: fields of type, length and value, of which a type 0 without a length is the
    /// end.
    pub fn read_v2(body: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "HEARTBEAT_V2";
        let mut reader = Reader::new(body);
        let (mut file, mut pos) = (None, None);
        loop {
            match reader.packed(WHAT)? {
                0 => break,
                1 => file = Some(file_name(reader.packed_bytes(WHAT)?, WHAT)?),
                2 => {
                    let mut value = Reader::new(reader.packed_bytes(WHAT)?);
                    pos = Some(value.packed(WHAT)?);
                    value.finish(WHAT)?;
                }
                _ => reader.packed_bytes(WHAT).map(|_| ())?,
            }
        }
        reader.finish(WHAT)?;
        match (file, pos) {
            (Some(file), Some(pos)) => Ok(Self {
                file,
                pos: HeartbeatPosition::Full(pos),
            }),
            _ => Err(Malformed::Truncated(WHAT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const V2: &[u8] = b"\x01\x03b.1\x02\x03\xfc\x00\x10\x09\x01x\x00";

    #[test]
    fn version_2_has_the_whole_position() {
        let heartbeat = Heartbeat::read_v2(V2).unwrap();
        assert_eq!(
            heartbeat,
            Heartbeat {
                file: "b.1",
                pos: HeartbeatPosition::Full(4096)
            }
        );
        for len in 0..V2.len() {
            assert!(Heartbeat::read_v2(&V2[..len]).is_err(), "{len} bytes");
        }
        assert_eq!(
            Heartbeat::read_v2(b"\x00"),
            Err(Malformed::Truncated("HEARTBEAT_V2"))
        );
        assert_eq!(
            Heartbeat::read_v2(b"\x00\x00"),
            Err(Malformed::Trailing("HEARTBEAT_V2"))
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Heartbeat::read_v2(&bytes);
        }
    }
}
