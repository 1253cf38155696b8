//! Days of the calendar.

use super::clock::write_digits;
use crate::{Malformed, Reader};

/// A DATE as the server stores it. Month and day may be zero ("zero in date"), and all three are for `0000-00-00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 0 to 9999; MySQL 5.7.22 and 8.0.15 also store later ones that a function has made, such as FROM_DAYS(3652499).
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// The last year that a DATE has bits for.
const MAX_YEAR: u64 = 0x7fff;

impl Date {
    /// A date of these parts, each in its range; which day a month has is not looked at, as the server may not either.
    ///
    /// # Errors
    /// If a part is out of range.
    pub fn new(year: u64, month: u64, day: u64) -> Result<Self, Malformed> {
        const WHAT: Malformed = Malformed::Invalid("date");
        if year > MAX_YEAR || month > 12 || day > 31 {
            return Err(WHAT);
        }
        let narrow = |n: u64| u8::try_from(n).map_err(|_| WHAT);
        Ok(Self {
            year: u16::try_from(year).map_err(|_| WHAT)?,
            month: narrow(month)?,
            day: narrow(day)?,
        })
    }

    /// Reads a DATE: three bytes, day 5 bits, month 4, year 15.
    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let packed = u64::from(reader.u24("DATE")?);
        Self::new(packed >> 9, (packed >> 5) & 0x0f, packed & 0x1f)
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar, which is the server's: year 0 is a year like any
    /// other. None for a date with zero parts, or one that no calendar has.
    #[inline]
    pub fn epoch_days(&self) -> Option<i32> {
        if self.day == 0 || self.day > self.days_of_month()? {
            return None;
        }
        // Years begin in March, so that the leap day is their last; a cycle of 400 years has 146,097 days.
        let (year, month) = (i32::from(self.year), i32::from(self.month));
        let year = if month <= 2 { year - 1 } else { year };
        let cycle = year.div_euclid(400);
        let year_of_cycle = year.rem_euclid(400);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + i32::from(self.day) - 1;
        let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
        Some(cycle * 146_097 + day_of_cycle - 719_468)
    }

    /// The day after a day of the calendar; none of a date that none has, and after the last one.
    pub(super) fn next_day(&self) -> Option<Self> {
        let (year, month, day) = (u64::from(self.year), u64::from(self.month), u64::from(self.day));
        self.epoch_days()?;
        let next = match (self.day < self.days_of_month()?, self.month) {
            (true, _) => Self::new(year, month, day + 1),
            (false, 12) => Self::new(year + 1, 1, 1),
            (false, _) => Self::new(year, month + 1, 1),
        };
        next.ok()
    }

    fn days_of_month(&self) -> Option<u8> {
        let leap =
            self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
            4 | 6 | 9 | 11 => Some(30),
            2 if leap => Some(29),
            2 => Some(28),
            _ => None,
        }
    }

    /// Whether this is `0000-00-00`, which is no date.
    #[inline]
    pub fn is_zero(&self) -> bool {
        self.year == 0 && self.month == 0 && self.day == 0
    }

    /// Appends `YYYY-MM-DD`, with as many digits as the year has.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        write_digits(out, u64::from(self.year), if self.year > 9999 { 5 } else { 4 });
        out.push(b'-');
        write_digits(out, u64::from(self.month), 2);
        out.push(b'-');
        write_digits(out, u64::from(self.day), 2);
    }

    /// The inverse of [`epoch_days`](Self::epoch_days) for days from 1970 on to the year 9999.
    pub(super) fn of_epoch_days(days: u64) -> Self {
        let shifted = days + 719_468;
        let (cycle, day_of_cycle) = (shifted / 146_097, shifted % 146_097);
        let year_of_cycle =
            (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
        let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
        Self::new(year, month, day).unwrap_or(Self {
            year: 0,
            month: 0,
            day: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(year: u16, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    #[test]
    fn days_of_known_dates() {
        let cases = [
            (date(1970, 1, 1), Some(0)),
            (date(9999, 12, 31), Some(2_932_896)),
            (date(10000, 3, 15), Some(2_932_971)),
            (date(1000, 1, 1), Some(-354_285)),
            (date(2024, 2, 29), Some(19_782)),
            (date(1582, 10, 10), Some(-141_432)),
            (date(0, 1, 1), Some(-719_528)),
            (date(0, 0, 0), None),
            (date(2024, 0, 0), None),
            (date(2023, 2, 29), None),
            (date(2023, 4, 31), None),
        ];
        for (date, days) in cases {
            assert_eq!(date.epoch_days(), days, "{date:?}");
        }
    }

    #[test]
    fn dates_of_the_binlog() {
        let packed: u32 = 2024 << 9 | 2 << 5 | 29;
        let bytes = packed.to_le_bytes();
        assert_eq!(Date::read(&mut Reader::new(&bytes[..3])), Ok(date(2024, 2, 29)));
        assert_eq!(Date::read(&mut Reader::new(&[0, 0, 0])), Ok(date(0, 0, 0)));
        assert!(Date::read(&mut Reader::new(&[0xe0, 0xff, 0xff])).is_err());
    }

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(days in 0u64..=2_932_896) {
            prop_assert_eq!(Date::of_epoch_days(days).epoch_days().map(i64::from), i64::try_from(days).ok());
        }

        #[test]
        fn the_next_day_is_one_more(year in 0u16..=0x7ffe, month in 1u8..=12, day in 1u8..=31) {
            let Some(days) = date(year, month, day).epoch_days() else { return Ok(()) };
            let following = [date(year, month, day + 1), date(year, month + 1, 1), date(year + 1, 1, 1)];
            let next = following.iter().find_map(Date::epoch_days);
            prop_assert_eq!(next, Some(days + 1));
            let next = date(year, month, day).next_day();
            prop_assert_eq!(next.and_then(|next| next.epoch_days()), Some(days + 1));
        }

        #[test]
        fn bytes_come_back(year in 0u16..=0x7fff, month in 0u8..=12, day in 0u8..=31) {
            let packed = u32::from(year) << 9 | u32::from(month) << 5 | u32::from(day);
            let read = Date::read(&mut Reader::new(&packed.to_le_bytes()[..3])).unwrap();
            prop_assert_eq!(read, date(year, month, day));
            prop_assert_eq!(read.is_zero(), packed == 0);
            let mut text = Vec::new();
            read.write_text(&mut text);
            prop_assert_eq!(String::from_utf8(text).unwrap(), format!("{year:04}-{month:02}-{day:02}"));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Date::read(&mut Reader::new(&bytes)).map(|date| date.epoch_days());
        }
    }
}
