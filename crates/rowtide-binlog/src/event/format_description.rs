//! FORMAT_DESCRIPTION (15): how the events after it are laid out.

use rowtide_event::{Malformed, Reader};

use super::checksum::{self, Checksum, ChecksumError};
use super::{EventType, Header};
use crate::server::{Flavour, ServerVersion};

/// What a FORMAT_DESCRIPTION says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatDescription {
    /// The version text of the server that wrote the file.
    pub server_version: String,
    /// When the server started, in seconds since 1970, if this file is its first one: all transactions that were open
    /// are rolled back. 0 otherwise.
    pub created: u32,
    /// How the events are protected: not at all by servers that knew no checksums, MySQL before 5.6.1 and MariaDB before
    /// 5.3.
    pub checksum: Checksum,
    post_header_lengths: Vec<u8>,
}

const WHAT: &str = "FORMAT_DESCRIPTION";
/// Bytes before the post-header lengths: binlog version, server version, created, header length.
const FIXED: usize = 57;
/// How many events a server knew that knew no checksums, at most: MySQL 5.6.0, and MariaDB 5.2 (it numbers its own from 50
/// on). A newer one whose version is damaged has more, or as many with algorithm and checksum behind them.
const MOST_WITHOUT_CHECKSUM: (usize, usize) = (28, 60);
/// Where the event stands in a file.
const FIRST_EVENT: usize = 4;
/// Where the server's version stands in a body.
const VERSION: std::ops::Range<usize> = 2..52;

impl FormatDescription {
    /// The checksum algorithm of a whole event, which has to be known before the event's checksum can be verified.
    pub fn checksum_of(event: &[u8]) -> Result<Checksum, Malformed> {
        Self::trailer(event).map(|algorithm| algorithm.unwrap_or(Checksum::None))
    }

    /// The algorithm that the event ends with, in front of its own checksum; `None` where its server knew no checksums.
    fn trailer(event: &[u8]) -> Result<Option<Checksum>, Malformed> {
        const TRUNCATED: Malformed = Malformed::Truncated(WHAT);
        let body = event.get(Header::LEN..).ok_or(TRUNCATED)?;
        let version = body.get(VERSION).ok_or(TRUNCATED)?;
        if !ends_with_checksum(version)? {
            let (mysql, mariadb) = MOST_WITHOUT_CHECKSUM;
            let most = match version_text(version).contains("MariaDB") {
                true => mariadb,
                false => mysql,
            };
            return match body.len().saturating_sub(FIXED) <= most {
                true => Ok(None),
                false => Err(Malformed::Invalid(WHAT)),
            };
        }
        let (rest, _crc) = body.split_last_chunk::<{ checksum::LEN }>().ok_or(TRUNCATED)?;
        let algorithm = rest.last().ok_or(TRUNCATED)?;
        Checksum::from_number(*algorithm).map(Some)
    }

    /// Verifies the checksum of a whole event as it comes from a server.
    ///
    /// Where the algorithm is [`Checksum::None`] the server changes the event on the way without a new checksum. A damaged
    /// byte must not look like that, or nothing behind it would be verified: the checksum tells whether it was another.
    pub fn verify(event: &[u8]) -> Result<(), ChecksumError> {
        let Some(algorithm) = Self::trailer(event).map_err(ChecksumError::Malformed)? else {
            return Ok(());
        };
        algorithm.verify(event)?;
        if algorithm == Checksum::None && Checksum::Crc32.verify(&with_crc32(event)).is_ok() {
            return Err(ChecksumError::Mismatch);
        }
        Ok(())
    }

    /// Verifies the checksum of a whole event as it stands in a file: its own, which it has even where all others have
    /// none. In a relay log, or a file that was fetched from a server, it may be as the server changed it on the way.
    pub fn verify_in_file(event: &[u8]) -> Result<(), ChecksumError> {
        match Self::trailer(event).map_err(ChecksumError::Malformed)? {
            None => Ok(()),
            Some(Checksum::None) if was_changed_on_the_way(event) => Ok(()),
            Some(_) => Checksum::Crc32.verify(event).map(|_| ()),
        }
    }

    /// Reads all that follows the common header, the checksum included: it is there even where the algorithm is
    /// [`Checksum::None`], unless the server knew no checksums.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        if reader.u16(WHAT)? != 4 {
            return Err(Malformed::Unsupported("a binlog version other than 4"));
        }
        let version = reader.take(VERSION.len(), WHAT)?;
        let created = reader.u32(WHAT)?;
        if usize::from(reader.u8(WHAT)?) != Header::LEN {
            return Err(Malformed::Unsupported(
                "an event header that is not 19 bytes long, as only Google's MySQL 5.1 wrote it (mariadb-binlog reads it),",
            ));
        }
        let rest = reader.take_rest();
        let (lengths, checksum) = if ends_with_checksum(version)? {
            let (rest, _crc) = rest
                .split_last_chunk::<{ checksum::LEN }>()
                .ok_or(Malformed::Truncated(WHAT))?;
            let (algorithm, lengths) = rest.split_last().ok_or(Malformed::Truncated(WHAT))?;
            (lengths, Checksum::from_number(*algorithm)?)
        } else {
            (rest, Checksum::None)
        };
        Ok(Self {
            server_version: version_text(version),
            created,
            checksum,
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

/// Whether the checksum is that of the event as it was before a server sent it: to who starts in the middle of a file it
/// says that the server was not started with that file, and names no position (`send_format_description_event` in the
/// server's rpl_binlog_sender.cc).
fn was_changed_on_the_way(event: &[u8]) -> bool {
    const TIMESTAMP: std::ops::Range<usize> = 0..4;
    const POSITION: std::ops::Range<usize> = 13..17;
    const CREATED: std::ops::Range<usize> = Header::LEN + 52..Header::LEN + 56;
    let is_zero = |place| event.get(place).is_some_and(|bytes: &[u8]| bytes == [0; 4]);
    let Some(timestamp) = event
        .get(TIMESTAMP)
        .filter(|_| is_zero(POSITION) && is_zero(CREATED))
    else {
        return false;
    };
    let end = u32::try_from(event.len().saturating_add(FIRST_EVENT)).unwrap_or(0);
    let mut written = event.to_vec();
    put(&mut written, POSITION, &end.to_le_bytes());
    // It was created when it was logged, or not said to be.
    [&[0; 4], timestamp].iter().any(|created| {
        put(&mut written, CREATED, created);
        Checksum::Crc32.verify(&written).is_ok()
    })
}

fn put(bytes: &mut [u8], place: std::ops::Range<usize>, value: &[u8]) {
    for (to, from) in bytes.get_mut(place).unwrap_or_default().iter_mut().zip(value) {
        *to = *from;
    }
}

fn version_text(padded: &[u8]) -> String {
    let text = padded.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Whether the event ends with the algorithm and its own checksum, as it does since MySQL 5.6.1 and MariaDB 5.3.
///
/// Fails for what is no version text of a server that writes such an event, and for the development versions of MySQL 5.1
/// and 5.2 whose events have other numbers (`-a_drop5p`, `-a_drop6p`).
fn ends_with_checksum(version: &[u8]) -> Result<bool, Malformed> {
    let text = version_text(version);
    let server: ServerVersion = text.parse().map_err(|_| {
        Malformed::Unsupported("a binlog whose server's version begins with no three numbers")
    })?;
    if !server.is_at_least(5, 0, 0) || text.contains("-a_drop") {
        return Err(Malformed::Unsupported(
            "the binlog of a development version of MySQL 5.0 or 5.1, or of a server older than MySQL 5.0,",
        ));
    }
    Ok(match server.flavour {
        Flavour::MySql => server.is_at_least(5, 6, 1),
        Flavour::MariaDb => server.is_at_least(5, 3, 0),
    })
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
    fn which_servers_know_checksums() {
        let known = |version: &str| ends_with_checksum(version.as_bytes());
        for (version, ends) in [
            ("5.0.86-debug-log", false),
            ("5.5.62", false),
            ("5.6.0-m4", false),
            ("5.6.1-log", true),
            ("8.0.15", true),
            ("5.2.14-MariaDB", false),
            ("5.3.12-MariaDB", true),
            ("5.5.36-MariaDB-debug-log", true),
            ("10.11.2-MariaDB", true),
        ] {
            assert_eq!(known(version), Ok(ends), "{version}");
        }
        for version in ["4.1.26-log", "5.1.4-a_drop5p20", "5.2.2-a_drop6p13c", "", "tail"] {
            assert!(
                matches!(known(version), Err(Malformed::Unsupported(_))),
                "{version}"
            );
        }
    }

    #[test]
    fn an_old_server_ends_it_with_the_last_length() {
        let event = EventBuilder::old_format_description("5.1.23-rc-log", 9).build();
        assert_eq!(event.len(), 102);
        assert_eq!(FormatDescription::checksum_of(&event), Ok(Checksum::None));
        assert_eq!(FormatDescription::verify(&event), Ok(()));
        assert_eq!(FormatDescription::verify_in_file(&event), Ok(()));
        let format = FormatDescription::read(&event[Header::LEN..]).unwrap();
        assert_eq!((format.created, format.checksum), (9, Checksum::None));
        assert_eq!(format.post_header_len(EventType::WriteRowsV1), Some(8));
        assert_eq!(format.post_header_len(EventType::Incident), Some(2));
        assert_eq!(format.post_header_len(EventType::WriteRows), None);
        let new = EventBuilder::format_description("5.7.22-log", 9).build();
        let mut damaged = new.clone();
        damaged[Header::LEN + 4] ^= 2;
        let version = FormatDescription::read(&damaged[Header::LEN..])
            .unwrap()
            .server_version;
        assert_eq!(version, "5.5.22-log");
        let refused = Err(ChecksumError::Malformed(Malformed::Invalid(WHAT)));
        assert_eq!(FormatDescription::verify(&damaged), refused);
        assert_eq!(FormatDescription::verify_in_file(&damaged), refused);
    }

    #[test]
    fn what_a_server_changes_on_the_way_is_told_from_damage() {
        let built = |created| {
            let mut event = EventBuilder::format_description("9.7.4", created).at(4).build();
            let end = event.len() - 4;
            event[end - 1] = 0;
            let crc = checksum::crc32(&event[..end]);
            event[end..].copy_from_slice(&crc.to_le_bytes());
            event
        };
        // The builder's events are of the second 1,700,000,000.
        for created in [0, 1_700_000_000] {
            let whole = built(created);
            assert_eq!(FormatDescription::verify_in_file(&whole), Ok(()));
            let mut sent = whole.clone();
            sent[13..17].fill(0);
            sent[Header::LEN + 52..Header::LEN + 56].fill(0);
            assert_eq!(FormatDescription::verify_in_file(&sent), Ok(()), "{created}");
            for byte in 17..sent.len() {
                let mut damaged = sent.clone();
                damaged[byte] ^= 0x10;
                assert!(FormatDescription::verify_in_file(&damaged).is_err(), "{byte}");
            }
        }
        let mut other = built(7);
        other[Header::LEN + 52] = 0;
        assert_eq!(
            FormatDescription::verify_in_file(&other),
            Err(ChecksumError::Mismatch)
        );
    }
}
