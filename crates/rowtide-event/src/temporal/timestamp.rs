//! Instants.

use super::clock::{MICROS, MICROS_A_DAY, read_fraction, write_clock};
use super::{Date, DateTime};
use crate::{Malformed, Reader};

/// A TIMESTAMP: an instant in UTC, or the zero timestamp `0000-00-00 00:00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timestamp {
    /// `0000-00-00 00:00:00`, which is no instant.
    Zero,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Micros(u64),
}

impl Timestamp {
    /// Reads a TIMESTAMP with 0 to 6 digits of a second: 4 bytes of seconds, big-endian, and the fraction.
    #[inline]
    pub fn read(reader: &mut Reader<'_>, fsp: u8) -> Result<Self, Malformed> {
        let seconds = u32::from_be_bytes(*reader.array::<4>("TIMESTAMP")?);
        let fraction = read_fraction(reader, fsp)?;
        Ok(Self::of_parts(seconds, fraction))
    }

    /// Reads a TIMESTAMP as it was before 5.6: 4 bytes of seconds, little-endian.
    pub fn read_old(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self::of_parts(reader.u32("TIMESTAMP")?, 0))
    }

    fn of_parts(seconds: u32, fraction: u64) -> Self {
        if seconds == 0 && fraction == 0 {
            return Self::Zero;
        }
        Self::Micros(u64::from(seconds) * MICROS + fraction)
    }

    /// Appends the instant as `YYYY-MM-DDTHH:MM:SS[.fff]Z` with `fsp` digits of a second; nothing for the zero timestamp.
    #[inline]
    pub fn write_iso_utc(&self, fsp: u8, out: &mut Vec<u8>) {
        if let Self::Micros(micros) = self {
            Date::of_epoch_days(micros / MICROS_A_DAY).write_text(out);
            out.push(b'T');
            write_clock(out, micros % MICROS_A_DAY, fsp);
            out.push(b'Z');
        }
    }

    /// Appends what the server prints in the time zone UTC: `YYYY-MM-DD HH:MM:SS[.fff]` with `fsp` digits of a second,
    /// all of them 0 for the zero timestamp.
    pub fn write_text(&self, fsp: u8, out: &mut Vec<u8>) {
        let (date, micros) = match self {
            Self::Zero => (
                Date {
                    year: 0,
                    month: 0,
                    day: 0,
                },
                0,
            ),
            Self::Micros(micros) => (Date::of_epoch_days(micros / MICROS_A_DAY), micros % MICROS_A_DAY),
        };
        DateTime { date, micros }.write_text(fsp, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_and_the_zero_timestamp() {
        let bytes = [0x7f, 0xff, 0xff, 0xff, 0x07, 0x9d, 0x9b];
        let read = Timestamp::read(&mut Reader::new(&bytes), 6).unwrap();
        assert_eq!(text(|o| read.write_iso_utc(6, o)), "2038-01-19T03:14:07.499099Z");
        assert_eq!(Timestamp::read(&mut Reader::new(&[0; 4]), 0), Ok(Timestamp::Zero));
        assert_eq!(
            text(|o| Timestamp::Micros(1_000_000).write_iso_utc(0, o)),
            "1970-01-01T00:00:01Z"
        );
        assert_eq!(
            text(|o| Timestamp::Zero.write_text(2, o)),
            "0000-00-00 00:00:00.00"
        );
        assert_eq!(
            text(|o| Timestamp::Micros(951_827_696_780_000).write_iso_utc(3, o)),
            "2000-02-29T12:34:56.780Z"
        );
    }

    proptest! {
        #[test]
        fn bytes_come_back(seconds in 1u32.., fraction in 0u32..1_000_000) {
            let bytes = [&seconds.to_be_bytes()[..], &fraction.to_be_bytes()[1..]].concat();
            let read = Timestamp::read(&mut Reader::new(&bytes), 6).unwrap();
            prop_assert_eq!(read, Timestamp::Micros(u64::from(seconds) * MICROS + u64::from(fraction)));
            let server_form = text(|o| read.write_text(6, o));
            prop_assert_eq!(text(|o| read.write_iso_utc(6, o)), server_form.replace(' ', "T") + "Z");
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, fsp: u8) {
            let _ = Timestamp::read_old(&mut Reader::new(&bytes));
            let _ = Timestamp::read(&mut Reader::new(&bytes), fsp).map(|t| t.write_iso_utc(fsp, &mut Vec::new()));
        }
    }
}
