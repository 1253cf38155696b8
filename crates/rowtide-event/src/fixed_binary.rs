//! MariaDB's UUID, INET4 and INET6: a fixed number of bytes in the binlog, text everywhere else.

use std::io::Write as _;

use uuid::Uuid;

use crate::Malformed;

/// One of the types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixedBinary {
    /// UUID, in the order of RFC 9562.
    Uuid,
    /// INET4.
    Inet4,
    /// INET6.
    Inet6,
}

impl FixedBinary {
    /// Bytes of a value.
    pub fn length(self) -> u16 {
        match self {
            Self::Uuid | Self::Inet6 => 16,
            Self::Inet4 => 4,
        }
    }

    /// The type's name in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Inet4 => "inet4",
            Self::Inet6 => "inet6",
        }
    }

    /// Appends what the server prints for a value, which comes without the zero bytes at its end.
    ///
    /// # Errors
    /// If the value is too long.
    pub fn write_text(self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        // A Vec takes all that is written to it.
        let _ = match self {
            Self::Uuid => write!(out, "{}", Uuid::from_bytes(padded(value)?)),
            Self::Inet4 => {
                let [a, b, c, d] = padded(value)?;
                write!(out, "{a}.{b}.{c}.{d}")
            }
            Self::Inet6 => {
                write_inet6(padded(value)?, out);
                Ok(())
            }
        };
        Ok(())
    }
}

fn padded<const N: usize>(value: &[u8]) -> Result<[u8; N], Malformed> {
    let mut whole = [0; N];
    whole
        .get_mut(..value.len())
        .ok_or(Malformed::TooLarge("UUID or INET value"))?
        .copy_from_slice(value);
    Ok(whole)
}

/// As `Inet6::to_string` in the server's sql_type_inet.cc: the first of the longest runs of zero words is left out, be it
/// a single one, and the last two words of an address that stands for one of IPv4 are written as such.
fn write_inet6(bytes: [u8; 16], out: &mut Vec<u8>) {
    let (pairs, _) = bytes.as_chunks::<2>();
    let words: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    let gap = longest_gap(&words);
    let (start, end) = gap.unwrap_or((8, 8));
    let is_v4 = start == 0 && (end == 6 || (end == 5 && words.get(5) == Some(&0xffff)));
    let [.., a, b, c, d] = bytes;
    for (at, word) in words.iter().enumerate() {
        if at == start {
            out.extend_from_slice(if at == 0 { b"::" } else { b":" });
        }
        if (start..end).contains(&at) {
            continue;
        }
        if at == 6 && is_v4 {
            let _ = write!(out, "{a}.{b}.{c}.{d}");
            return;
        }
        let _ = write!(out, "{word:x}");
        if at != 7 {
            out.push(b':');
        }
    }
}

/// Where the first of the longest runs of zeros begins and ends.
fn longest_gap(words: &[u16]) -> Option<(usize, usize)> {
    let mut longest: Option<(usize, usize)> = None;
    let mut start = None;
    for at in 0..=words.len() {
        match (words.get(at), start) {
            (Some(0), None) => start = Some(at),
            (Some(0), Some(_)) => {}
            (_, Some(from)) => {
                if longest.is_none_or(|(a, b)| at - from > b - a) {
                    longest = Some((from, at));
                }
                start = None;
            }
            (_, None) => {}
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(ty: FixedBinary, value: &[u8]) -> String {
        let mut out = Vec::new();
        ty.write_text(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn uuids_and_addresses() {
        let uuid = [
            0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x55, 0x44,
        ];
        assert_eq!(
            text(FixedBinary::Uuid, &uuid),
            "123e4567-e89b-12d3-a456-426655440000"
        );
        assert_eq!(
            text(FixedBinary::Uuid, &[]),
            "00000000-0000-0000-0000-000000000000"
        );
        assert_eq!(text(FixedBinary::Inet4, &[192, 168, 0, 1]), "192.168.0.1");
        assert_eq!(text(FixedBinary::Inet4, &[10]), "10.0.0.0");
        let mut out = Vec::new();
        assert!(FixedBinary::Inet4.write_text(&[0; 5], &mut out).is_err() && out.is_empty());
    }

    #[test]
    fn addresses_of_16_bytes_as_the_server_writes_them() {
        let cases: [(&[u16], &str); 9] = [
            (&[], "::"),
            (&[0, 0, 0, 0, 0, 0, 0, 1], "::1"),
            (&[0xfe80], "fe80::"),
            (
                &[0x2001, 0xdb8, 0, 0, 0, 0xff00, 0x42, 0x8329],
                "2001:db8::ff00:42:8329",
            ),
            (&[1, 2, 3, 4, 5, 6, 0, 8], "1:2:3:4:5:6::8"),
            (&[1, 0, 0, 4, 0, 0, 7, 8], "1::4:0:0:7:8"),
            (&[0, 0, 0, 0, 0, 0xffff, 0xc0a8, 1], "::ffff:192.168.0.1"),
            (&[0, 0, 0, 0, 0, 0, 0x102, 0x304], "::1.2.3.4"),
            (&[1, 2, 3, 4, 5, 6, 7, 8], "1:2:3:4:5:6:7:8"),
        ];
        for (words, expected) in cases {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            assert_eq!(text(FixedBinary::Inet6, &bytes), expected);
        }
    }

    proptest! {
        #[test]
        fn an_address_reads_back(bytes: [u8; 16]) {
            let read: std::net::Ipv6Addr = text(FixedBinary::Inet6, &bytes).parse().unwrap();
            prop_assert_eq!(read.octets(), bytes);
        }
    }
}
