//! TIME, DATETIME and TIMESTAMP with digits of a second as MariaDB 5.3 stored them, and does still for columns made with
//! `mysql56_temporal_format=OFF` (`Field_time_hires` and its like in the server's field.cc).

use super::clock::MICROS;
use super::{Date, DateTime, Time, Timestamp};
use crate::{Malformed, Reader};

/// Whole seconds that are added to a TIME, so that none is negative.
const TIME_OFFSET: i64 = 838 * 3_600 + 59 * 60 + 59 + 1;

impl Time {
    /// Reads a TIME with 1 to 6 digits: in units of the last digit, offset by the whole range.
    pub fn read_hires(reader: &mut Reader<'_>, fsp: u8) -> Result<Self, Malformed> {
        const WHAT: Malformed = Malformed::Invalid("TIME");
        let bytes = by_digits(fsp, [4, 4, 5, 5, 5, 6])?;
        let stored = i64::try_from(big_endian(reader, bytes, "TIME")?).map_err(|_| WHAT)?;
        let units = 10_i64.pow(u32::from(fsp));
        let value = stored - TIME_OFFSET * units;
        let micros = value.checked_mul(MICROS.cast_signed() / units).ok_or(WHAT)?;
        if micros.unsigned_abs() >= TIME_OFFSET.unsigned_abs() * MICROS {
            return Err(WHAT);
        }
        Ok(Self { micros })
    }
}

impl DateTime {
    /// Reads a DATETIME with 1 to 6 digits: its parts as one number of mixed bases, in units of the last digit.
    pub fn read_hires(reader: &mut Reader<'_>, fsp: u8) -> Result<Self, Malformed> {
        let bytes = by_digits(fsp, [6, 6, 7, 7, 7, 8])?;
        let stored = big_endian(reader, bytes, "DATETIME")?;
        let units = 10_u64.pow(u32::from(fsp));
        let (seconds, fraction) = (stored / units, stored % units);
        let (minutes, second) = (seconds / 60, seconds % 60);
        let (hours, minute) = (minutes / 60, minutes % 60);
        let (days, hour) = (hours / 24, hours % 24);
        let (months, day) = (days / 32, days % 32);
        let date = Date::new(months / 13, months % 13, day)?;
        let micros = ((hour * 60 + minute) * 60 + second) * MICROS + fraction * (MICROS / units);
        Ok(Self { date, micros })
    }
}

impl Timestamp {
    /// Reads a TIMESTAMP with 1 to 6 digits: 4 bytes of seconds and the digits as a number, both big-endian.
    pub fn read_hires(reader: &mut Reader<'_>, fsp: u8) -> Result<Self, Malformed> {
        let bytes = by_digits(fsp, [1, 1, 2, 2, 3, 3])?;
        let seconds = big_endian(reader, 4, "TIMESTAMP")?;
        let units = 10_u64.pow(u32::from(fsp));
        let fraction = big_endian(reader, bytes, "TIMESTAMP")?;
        if fraction >= units {
            return Err(Malformed::Invalid("TIMESTAMP"));
        }
        Ok(match (seconds, fraction) {
            (0, 0) => Self::Zero,
            _ => Self::Micros(seconds * MICROS + fraction * (MICROS / units)),
        })
    }
}

/// How many bytes so many digits take.
fn by_digits(fsp: u8, bytes: [usize; 6]) -> Result<usize, Malformed> {
    usize::from(fsp)
        .checked_sub(1)
        .and_then(|at| bytes.get(at).copied())
        .ok_or(Malformed::Invalid("digits of a second"))
}

fn big_endian(reader: &mut Reader<'_>, bytes: usize, what: &'static str) -> Result<u64, Malformed> {
    let bytes = reader.take(bytes, what)?;
    Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
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

    /// Written by MariaDB 10.11 and 11.8.
    #[test]
    fn what_a_server_wrote() {
        let bytes = [0, 0xb1, 0xd8, 0x13, 0x05];
        let time = Time::read_hires(&mut Reader::new(&bytes), 3).unwrap();
        assert_eq!(text(|out| time.write_text(3, out)), "-10:11:12.123");
        let bytes = [0x05, 0x7e, 0x7b, 0xaf, 0x98, 0];
        let time = Time::read_hires(&mut Reader::new(&bytes), 6).unwrap();
        assert_eq!(text(|out| time.write_text(6, out)), "838:59:59.123456");
        let bytes = [0, 0x42, 0x3b, 0x40, 0x67, 0xc3, 0x2e];
        let at = DateTime::read_hires(&mut Reader::new(&bytes), 3).unwrap();
        assert_eq!(text(|out| at.write_text(3, out)), "2026-01-02 03:04:05.678");
        let bytes = [0x01, 0x02, 0xb7, 0x73, 0x95, 0x52, 0x6f, 0x35];
        let at = DateTime::read_hires(&mut Reader::new(&bytes), 6).unwrap();
        assert_eq!(text(|out| at.write_text(6, out)), "2026-01-02 03:04:05.678901");
        let bytes = [0x69, 0x57, 0x35, 0xa5, 0x0a, 0x5b, 0xf5];
        let at = Timestamp::read_hires(&mut Reader::new(&bytes), 6).unwrap();
        assert_eq!(text(|out| at.write_text(6, out)), "2026-01-02 03:04:05.678901");
        let zero = Timestamp::read_hires(&mut Reader::new(&[0; 5]), 2);
        assert_eq!(zero, Ok(Timestamp::Zero));
    }

    #[test]
    fn digits_and_ranges() {
        assert!(Time::read_hires(&mut Reader::new(&[0; 6]), 0).is_err());
        assert!(Time::read_hires(&mut Reader::new(&[0; 6]), 7).is_err());
        assert!(Time::read_hires(&mut Reader::new(&[0xff; 6]), 6).is_err());
        assert!(Timestamp::read_hires(&mut Reader::new(&[0, 0, 0, 1, 200]), 2).is_err());
        assert!(DateTime::read_hires(&mut Reader::new(&[0; 5]), 1).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..10), fsp in 0u8..9) {
            let _ = Time::read_hires(&mut Reader::new(&bytes), fsp);
            let _ = DateTime::read_hires(&mut Reader::new(&bytes), fsp);
            let _ = Timestamp::read_hires(&mut Reader::new(&bytes), fsp);
        }
    }
}
