//! The checksum at an event's end.

use rowtide_event::Malformed;

use super::{EventType, HeaderFlags};

/// How the events of a stream or file are protected (`binlog_checksum`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// Not at all.
    None,
    /// The last four bytes are the CRC-32 (zlib's polynomial) of all before them.
    #[default]
    Crc32,
}

/// Why the checksum could not be split off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumError {
    /// The event is too short to have one.
    Malformed(Malformed),
    /// The bytes are not those that the server wrote.
    Mismatch,
}

/// Bytes that a checksum takes.
pub const LEN: usize = 4;

impl Checksum {
    /// The algorithm with this number in a FORMAT_DESCRIPTION.
    pub fn from_number(number: u8) -> Result<Self, Malformed> {
        match number {
            0 => Ok(Self::None),
            1 => Ok(Self::Crc32),
            _ => Err(Malformed::Unsupported("checksum algorithm")),
        }
    }

    /// Verifies the event's checksum and gives the event without it.
    pub fn verify(self, event: &[u8]) -> Result<&[u8], ChecksumError> {
        match self {
            Self::None => Ok(event),
            Self::Crc32 => verify_crc32(event),
        }
    }
}

fn verify_crc32(event: &[u8]) -> Result<&[u8], ChecksumError> {
    let (protected, stored) = event
        .split_last_chunk::<LEN>()
        .ok_or(ChecksumError::Malformed(Malformed::Truncated("checksum")))?;
    if crc32(protected) == u32::from_le_bytes(*stored) {
        Ok(protected)
    } else {
        Err(ChecksumError::Mismatch)
    }
}

/// The CRC-32 that the server stores for an event whose bytes, without the checksum, are `protected`. A
/// FORMAT_DESCRIPTION is protected as if it were not in use: the server sets that flag without a new checksum.
pub fn crc32(protected: &[u8]) -> u32 {
    const TYPE_AT: usize = 4;
    if protected.get(TYPE_AT) == Some(&EventType::FormatDescription.number()) {
        crc32_of_format_description(protected)
    } else {
        libdeflater::crc32(protected)
    }
}

fn crc32_of_format_description(protected: &[u8]) -> u32 {
    const FLAGS_AT: usize = 17;
    let mut hasher = libdeflater::Crc::new();
    match protected.split_at_checked(FLAGS_AT) {
        Some((before, [low, after @ ..])) if u16::from(*low) & HeaderFlags::IN_USE != 0 => {
            hasher.update(before);
            hasher.update(&[low & 0xfe]);
            hasher.update(after);
        }
        _ => hasher.update(protected),
    }
    hasher.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_bytes_are_the_crc_of_the_rest() {
        let mut event = b"123456789".to_vec();
        event.extend(0xcbf4_3926_u32.to_le_bytes());
        assert_eq!(Checksum::Crc32.verify(&event), Ok(&b"123456789"[..]));
        for at in 0..event.len() {
            event[at] ^= 1;
            assert_eq!(
                Checksum::Crc32.verify(&event),
                Err(ChecksumError::Mismatch),
                "byte {at}"
            );
            event[at] ^= 1;
        }
        assert_eq!(Checksum::None.verify(&event), Ok(&event[..]));
        assert!(matches!(
            Checksum::Crc32.verify(b"123"),
            Err(ChecksumError::Malformed(_))
        ));
    }

    #[test]
    fn the_in_use_flag_of_a_format_description_is_not_protected() {
        let mut event = [0u8; 30];
        event[4] = EventType::FormatDescription.number();
        let closed = crc32(&event);
        event[17] = 1;
        assert_eq!(crc32(&event), closed);
        event[4] = EventType::Xid.number();
        let other = crc32(&event);
        event[17] = 0;
        assert_ne!(crc32(&event), other);
    }
}
