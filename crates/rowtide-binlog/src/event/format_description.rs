//! FORMAT_DESCRIPTION (15): how the events after it are laid out.

use rowtide_event::{Malformed, Reader};

use super::checksum::{self, Checksum, ChecksumError};
use super::{EventType, Header};
use crate::server::ServerVersion;

/// What a FORMAT_DESCRIPTION says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatDescription {
    /// The version text of the server that wrote the file.
    pub server_version: String,
    /// When the server started, in seconds since 1970, if this file is its first one: all transactions that were open
    /// are rolled back. 0 otherwise.
    pub created: u32,
    /// How the events are protected.
    pub checksum: Checksum,
    post_header_lengths: Vec<u8>,
}

/// Bytes before the post-header lengths: binlog version, server version, created, header length.
const FIXED: usize = 57;

impl FormatDescription {
    /// The checksum algorithm of a whole event, which has to be known before the event's checksum can be verified.
    pub fn checksum_of(event: &[u8]) -> Result<Checksum, Malformed> {
        let body = event
            .get(Header::LEN..)
            .ok_or(Malformed::Truncated("FORMAT_DESCRIPTION"))?;
        let version = body
            .get(2..52)
            .ok_or(Malformed::Truncated("FORMAT_DESCRIPTION"))?;
        check_version(version)?;
        let (rest, _crc) = body
            .split_last_chunk::<{ checksum::LEN }>()
            .ok_or(Malformed::Truncated("FORMAT_DESCRIPTION"))?;
        rest.last()
            .ok_or(Malformed::Truncated("FORMAT_DESCRIPTION"))
            .and_then(|alg| Checksum::from_number(*alg))
    }

    /// Verifies the checksum of a whole event as it comes from a server.
    ///
    /// Where the algorithm is [`Checksum::None`] the server changes the event on the way without a new checksum. A damaged
    /// byte must not look like that, or nothing behind it would be verified: the checksum tells whether it was another.
    pub fn verify(event: &[u8]) -> Result<(), ChecksumError> {
        let algorithm = Self::checksum_of(event).map_err(ChecksumError::Malformed)?;
        algorithm.verify(event)?;
        if algorithm == Checksum::None && Checksum::Crc32.verify(&with_crc32(event)).is_ok() {
            return Err(ChecksumError::Mismatch);
        }
        Ok(())
    }

    /// Reads all that follows the common header, the checksum included: it is there even where the algorithm is
    /// [`Checksum::None`].
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "FORMAT_DESCRIPTION";
        let mut reader = Reader::new(body);
        if reader.u16(WHAT)? != 4 {
            return Err(Malformed::Unsupported("a binlog version other than 4"));
        }
        let version = reader.take(50, WHAT)?;
        let created = reader.u32(WHAT)?;
        if usize::from(reader.u8(WHAT)?) != Header::LEN {
            return Err(Malformed::Unsupported(
                "an event header that is not 19 bytes long",
            ));
        }
        check_version(version)?;
        let (rest, _crc) = reader
            .take_rest()
            .split_last_chunk::<{ checksum::LEN }>()
            .ok_or(Malformed::Truncated(WHAT))?;
        let (algorithm, lengths) = rest.split_last().ok_or(Malformed::Truncated(WHAT))?;
        Ok(Self {
            server_version: version_text(version),
            created,
            checksum: Checksum::from_number(*algorithm)?,
            post_header_lengths: lengths.to_vec(),
        })
    }

    /// Bytes of the fixed part that stands at the start of such an event's body, or `None` where the file's server
    /// did not know the event.
    pub fn post_header_len(&self, event_type: EventType) -> Option<usize> {
        let index = usize::from(event_type.number()).checked_sub(1)?;
        self.post_header_lengths.get(index).map(|len| usize::from(*len))
    }

    /// The server that wrote the file, as far as its version text is understood.
    pub fn server(&self) -> ServerVersion {
        self.server_version.parse().unwrap_or(ServerVersion::UNKNOWN)
    }

    /// Bytes of a body without any post-header lengths.
    pub const FIXED_LEN: usize = FIXED;
}

impl Default for FormatDescription {
    /// The layout of MySQL 8 and 9, for a stream whose FORMAT_DESCRIPTION has not come yet.
    fn default() -> Self {
        Self {
            server_version: String::new(),
            created: 0,
            checksum: Checksum::Crc32,
            post_header_lengths: vec![
                0, 13, 0, 8, 0, 0, 0, 0, 4, 0, 4, 0, 0, 0, 98, 0, 4, 26, 8, 0, 0, 0, 8, 8, 8, 2, 0, 0, 0, 10,
                10, 10, 42, 42, 0, 18, 52, 0, 10, 40, 0, 0,
            ],
        }
    }
}

/// The event as if it said that it was protected.
fn with_crc32(event: &[u8]) -> Vec<u8> {
    let mut event = event.to_vec();
    let algorithm = event.len().saturating_sub(checksum::LEN).saturating_sub(1);
    if let Some(algorithm) = event.get_mut(algorithm) {
        *algorithm = 1;
    }
    event
}

fn version_text(padded: &[u8]) -> String {
    let text = padded.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Servers from MySQL 5.6.1 on end the event with algorithm and checksum.
fn check_version(version: &[u8]) -> Result<(), Malformed> {
    let mut parts = version.split(|b| !b.is_ascii_digit()).map(|digits| {
        digits.iter().fold(0u32, |n, digit| {
            n.saturating_mul(10)
                .saturating_add(u32::from(digit.wrapping_sub(b'0')))
        })
    });
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) >= (5, 6, 1) {
        Ok(())
    } else {
        Err(Malformed::Unsupported(
            "the binlog of a server older than MySQL 5.6.1",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::build::EventBuilder;

    #[test]
    fn fields_of_a_current_server() {
        let event = EventBuilder::format_description("9.7.4", 77).build();
        let (header, body) = Header::split(&event).unwrap();
        assert_eq!(header.event_type, EventType::FormatDescription);
        assert_eq!(FormatDescription::checksum_of(&event), Ok(Checksum::Crc32));
        let format = FormatDescription::read(body).unwrap();
        assert_eq!((format.server_version.as_str(), format.created), ("9.7.4", 77));
        assert_eq!(format.checksum, Checksum::Crc32);
        assert_eq!(format.post_header_len(EventType::WriteRows), Some(10));
        assert_eq!(format.post_header_len(EventType::GtidTagged), Some(0));
        assert_eq!(format.post_header_len(EventType::MariadbGtid), None);
        assert_eq!(format.server().to_string(), "MySQL 9.7.4");
    }

    #[test]
    fn no_flipped_bit_makes_it_unprotected() {
        let event = EventBuilder::format_description("9.7.4", 0).build();
        assert_eq!(FormatDescription::verify(&event), Ok(()));
        for bit in (0..event.len() * 8).filter(|bit| *bit != 17 * 8) {
            let mut damaged = event.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(FormatDescription::verify(&damaged).is_err(), "bit {bit}");
        }
        // Without checksums the server changes it on the way.
        let mut unprotected = event.clone();
        let algorithm = event.len() - 5;
        unprotected[algorithm] = 0;
        unprotected[Header::LEN + 52] = 7;
        assert_eq!(FormatDescription::verify(&unprotected), Ok(()));
    }

    #[test]
    fn truncation_and_other_versions_are_errors() {
        let event = EventBuilder::format_description("9.7.4", 0).build();
        let body = &event[Header::LEN..];
        for len in 0..FormatDescription::FIXED_LEN + 5 {
            assert!(FormatDescription::read(&body[..len]).is_err(), "{len} bytes");
        }
        let mut other = body.to_vec();
        other[0] = 3;
        assert!(matches!(
            FormatDescription::read(&other),
            Err(Malformed::Unsupported(_))
        ));
    }

    #[test]
    fn servers_too_old_are_refused() {
        for (version, known) in [
            ("5.5.62", false),
            ("5.6.0", false),
            ("5.6.1-log", true),
            ("8.0.15", true),
            ("10.11.2-MariaDB", true),
        ] {
            assert_eq!(check_version(version.as_bytes()).is_ok(), known, "{version}");
        }
    }
}
