//! A day and a time of it.

use super::Date;
use super::clock::{MICROS, MICROS_A_DAY, clock, read_fraction, write_clock};
use crate::{Malformed, Reader};

/// A DATETIME as the server stores it: a date, which may have zero parts, and a time of day. It has no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// The date.
    pub date: Date,
    /// Microseconds since midnight, below 86,400,000,000.
    pub micros: u64,
}

impl DateTime {
    /// Reads a DATETIME with 0 to 6 digits of a second: 5 bytes, offset by half their range, and the fraction.
    #[inline]
    pub fn read(reader: &mut Reader<'_>, fsp: u8) -> Result<Self, Malformed> {
        let mut packed = 0u64;
        for byte in reader.array::<5>("DATETIME")? {
            packed = (packed << 8) | u64::from(*byte);
        }
        let fraction = read_fraction(reader, fsp)?;
        let packed = packed
            .checked_sub(0x80_0000_0000)
            .ok_or(Malformed::Invalid("DATETIME"))?;
        Self::of_parts(packed, fraction)
    }

    /// `packed` is year * 13 + month 17 bits, day 5, hour 5, minute 6, second 6.
    fn of_parts(packed: u64, fraction: u64) -> Result<Self, Malformed> {
        const WHAT: Malformed = Malformed::Invalid("DATETIME");
        let (day, clock_bits) = (packed >> 17, packed & 0x1_ffff);
        let year_month = day >> 5;
        let date = Date::new(year_month / 13, year_month % 13, day & 0x1f)?;
        let micros = clock(
            clock_bits >> 12,
            clock_bits >> 6 & 0x3f,
            clock_bits & 0x3f,
            fraction,
        );
        match micros {
            Some(micros) if micros < MICROS_A_DAY => Ok(Self { date, micros }),
            // The day's last second and a fraction of a whole one.
            Some(MICROS_A_DAY) if fraction == MICROS => Ok(Self {
                date: date.next_day().ok_or(WHAT)?,
                micros: 0,
            }),
            _ => Err(WHAT),
        }
    }

    /// Reads a DATETIME as it was before 5.6: 8 bytes, the digits of YYYYMMDDhhmmss.
    pub fn read_old(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let digits = reader.u64("DATETIME")?;
        let (date, time) = (digits / 1_000_000, digits % 1_000_000);
        let date = Date::new(date / 10_000, date / 100 % 100, date % 100)?;
        let micros = clock(time / 10_000, time / 100 % 100, time % 100, 0);
        let micros = micros
            .filter(|m| *m < MICROS_A_DAY)
            .ok_or(Malformed::Invalid("DATETIME"))?;
        Ok(Self { date, micros })
    }

    /// From the packed form inside JSON (`TIME_from_longlong_datetime_packed`): the same parts, with 24 bits of fraction.
    pub fn from_packed(packed: i64) -> Result<Self, Malformed> {
        let packed = u64::try_from(packed).map_err(|_| Malformed::Invalid("DATETIME"))?;
        Self::of_parts(packed >> 24, packed & 0xff_ffff)
    }

    /// Microseconds since 1970-01-01 00:00:00 of the same time zone; none where [`Date::epoch_days`] has none.
    #[inline]
    pub fn epoch_micros(&self) -> Option<i64> {
        let days = i64::from(self.date.epoch_days()?);
        Some(days * 86_400_000_000 + i64::try_from(self.micros).ok()?)
    }

    /// Appends `YYYY-MM-DD HH:MM:SS` and, unless `fsp` is 0, a point and so many digits.
    pub fn write_text(&self, fsp: u8, out: &mut Vec<u8>) {
        self.date.write_text(out);
        out.push(b' ');
        write_clock(out, self.micros, fsp);
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
    fn datetimes_with_fractions() {
        let ymd = (2020u64 * 13 + 1) << 5 | 2;
        let packed = (ymd << 17 | 3 << 12 | 4 << 6 | 5) + 0x80_0000_0000;
        let mut bytes = packed.to_be_bytes()[3..].to_vec();
        bytes.extend_from_slice(&[0x0a, 0x98]);
        let read = DateTime::read(&mut Reader::new(&bytes), 4).unwrap();
        assert_eq!(text(|o| read.write_text(4, o)), "2020-01-02 03:04:05.2712");
        assert_eq!(read.epoch_micros(), Some(1_577_934_245_271_200));
    }

    #[test]
    fn a_year_of_five_digits() {
        // MySQL 5.7.22 and 8.0.15 were seen to store such ones.
        let ymd = (10_000u64 * 13 + 1) << 5 | 1;
        let bytes = ((ymd << 17) + 0x80_0000_0000).to_be_bytes();
        let read = DateTime::read(&mut Reader::new(&bytes[3..]), 0).unwrap();
        assert_eq!(text(|o| read.write_text(0, o)), "10000-01-01 00:00:00");
        assert_eq!(read.epoch_micros(), Some(253_402_300_800_000_000));
    }

    #[test]
    fn a_fraction_of_a_whole_second() {
        // What SET timestamp = 1.9999999 left in a DATETIME(6) of MySQL 5.7.22, which adds 0 to it as 1970-01-01 00:00:02.
        let bytes = [0x99, 0x02, 0xc2, 0x00, 0x01, 0x0f, 0x42, 0x40];
        let read = DateTime::read(&mut Reader::new(&bytes), 6).unwrap();
        assert_eq!(text(|o| read.write_text(6, o)), "1970-01-01 00:00:02.000000");
        let more = [0x99, 0x02, 0xc2, 0x00, 0x01, 0x0f, 0x42, 0x41];
        assert!(DateTime::read(&mut Reader::new(&more), 6).is_err());
        let next_day = [0x99, 0x02, 0xc3, 0x7e, 0xfb, 0x0f, 0x42, 0x40];
        let read = DateTime::read(&mut Reader::new(&next_day), 6).unwrap();
        assert_eq!(text(|o| read.write_text(6, o)), "1970-01-02 00:00:00.000000");
        let hour_24 = [0x99, 0x02, 0xc3, 0x80, 0x00, 0, 0, 0];
        assert!(DateTime::read(&mut Reader::new(&hour_24), 6).is_err());
    }

    #[test]
    fn the_form_from_before_fractions() {
        let digits = 20_200_102_030_405u64.to_le_bytes();
        let read = DateTime::read_old(&mut Reader::new(&digits)).unwrap();
        assert_eq!(text(|o| read.write_text(0, o)), "2020-01-02 03:04:05");
    }

    proptest! {
        #[test]
        fn both_packed_forms_come_back(
            year in 0u64..=9999, month in 0u64..=12, day in 0u64..=31, micros in 0..MICROS_A_DAY,
        ) {
            let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
            let ymd = (year * 13 + month) << 5 | day;
            let whole = (ymd << 17) | (seconds / 3_600) << 12 | (seconds / 60 % 60) << 6 | (seconds % 60);
            let expected = DateTime { date: Date::new(year, month, day).unwrap(), micros };
            let mut bytes = (whole + 0x80_0000_0000).to_be_bytes()[3..].to_vec();
            bytes.extend_from_slice(&fraction.to_be_bytes()[5..]);
            prop_assert_eq!(DateTime::read(&mut Reader::new(&bytes), 6), Ok(expected));
            let packed = i64::try_from((whole << 24) | fraction).unwrap();
            prop_assert_eq!(DateTime::from_packed(packed), Ok(expected));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, fsp: u8, packed: i64) {
            let _ = DateTime::from_packed(packed).map(|d| d.epoch_micros());
            let _ = DateTime::read_old(&mut Reader::new(&bytes));
            let _ = DateTime::read(&mut Reader::new(&bytes), fsp).map(|d| d.write_text(fsp, &mut Vec::new()));
        }
    }
}
