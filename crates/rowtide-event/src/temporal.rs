//! DATE, TIME, DATETIME and TIMESTAMP.
//!
//! The binlog's forms are those of my_time.cc and `log_event.cc` of the server: packed integers, big-endian and offset
//! for the types with fractions, little-endian for DATE and for the types as they were before 5.6.

use crate::{Malformed, Reader};

/// A DATE as the server stores it. Month and day may be zero ("zero in date"), and all three are for `0000-00-00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// A TIME: a signed span from -838:59:59.999999 to 838:59:59.999999, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Microseconds, negative for a negative TIME.
    pub micros: i64,
}

/// A DATETIME as the server stores it: a date, which may have zero parts, and a time of day. It has no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// The date.
    pub date: Date,
    /// Microseconds since midnight, below 86,400,000,000.
    pub micros: u64,
}

/// A TIMESTAMP: an instant in UTC, or the zero timestamp `0000-00-00 00:00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timestamp {
    /// `0000-00-00 00:00:00`, which is no instant.
    Zero,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Micros(u64),
}

const MICROS: u64 = 1_000_000;
const MICROS_A_DAY: u64 = 86_400 * MICROS;
/// The largest TIME, 838:59:59.999999.
const MAX_TIME: u64 = (838 * 3_600 + 59 * 60 + 59) * MICROS + 999_999;

impl Date {
    /// A date of these parts, each in its range; which day a month has is not looked at, as the server may not either.
    ///
    /// # Errors
    /// If a part is out of range.
    pub fn new(year: u64, month: u64, day: u64) -> Result<Self, Malformed> {
        const WHAT: Malformed = Malformed::Invalid("date");
        if year > 9999 || month > 12 || day > 31 {
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

    /// Appends `YYYY-MM-DD`.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        write_digits(out, u64::from(self.year), 4);
        out.push(b'-');
        write_digits(out, u64::from(self.month), 2);
        out.push(b'-');
        write_digits(out, u64::from(self.day), 2);
    }
}

impl Time {
    /// Reads a TIME with 0 to 6 digits of a second (`my_time_packed_from_binary`).
    pub fn read(reader: &mut Reader<'_>, fsp: u8) -> Result<Self, Malformed> {
        const WHAT: &str = "TIME";
        let fraction_bytes = fraction_len(fsp)?;
        // Whole and fraction are one number of 3 to 6 bytes, offset by half its range: a negative TIME with a fraction
        // borrows from its whole seconds.
        let mut packed = 0i64;
        for byte in reader.take(3 + fraction_bytes, WHAT)? {
            packed = (packed << 8) | i64::from(*byte);
        }
        let bits = u32::try_from(8 * fraction_bytes).map_err(|_| Malformed::Invalid(WHAT))?;
        let value = packed - (0x80_0000_i64 << bits);
        let magnitude = value.unsigned_abs();
        let fraction = (magnitude & ((1 << bits) - 1)) * fraction_unit(fraction_bytes);
        Self::of_parts(value < 0, magnitude >> bits, fraction)
    }

    /// `hms` is hour 10 bits, minute 6, second 6.
    fn of_parts(negative: bool, hms: u64, fraction: u64) -> Result<Self, Malformed> {
        const WHAT: Malformed = Malformed::Invalid("TIME");
        let micros = clock(hms >> 12 & 0x3ff, hms >> 6 & 0x3f, hms & 0x3f, fraction).ok_or(WHAT)?;
        if micros > MAX_TIME || hms >> 22 != 0 {
            return Err(WHAT);
        }
        let micros = i64::try_from(micros).map_err(|_| WHAT)?;
        Ok(Self {
            micros: if negative { -micros } else { micros },
        })
    }

    /// Reads a TIME as it was before 5.6: three bytes, signed, the digits of HHMMSS.
    pub fn read_old(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        const WHAT: Malformed = Malformed::Invalid("TIME");
        let raw = i64::from(reader.u24("TIME")?);
        let value = if raw >= 0x80_0000 { raw - 0x100_0000 } else { raw };
        let digits = value.unsigned_abs();
        let micros = clock(digits / 10_000, digits / 100 % 100, digits % 100, 0).ok_or(WHAT)?;
        let micros = i64::try_from(micros).map_err(|_| WHAT)?;
        Ok(Self {
            micros: if value < 0 { -micros } else { micros },
        })
    }

    /// From the packed form inside JSON (`TIME_from_longlong_time_packed`): the same parts, with 24 bits of fraction.
    pub fn from_packed(packed: i64) -> Result<Self, Malformed> {
        let magnitude = packed.unsigned_abs();
        Self::of_parts(packed < 0, magnitude >> 24, magnitude & 0xff_ffff)
    }

    /// Appends `[-]HH:MM:SS` and, unless `fsp` is 0, a point and so many digits.
    pub fn write_text(&self, fsp: u8, out: &mut Vec<u8>) {
        if self.micros < 0 {
            out.push(b'-');
        }
        write_clock(out, self.micros.unsigned_abs(), fsp);
    }
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
            date_of_days(micros / MICROS_A_DAY).write_text(out);
            out.push(b'T');
            write_clock(out, micros % MICROS_A_DAY, fsp);
            out.push(b'Z');
        }
    }
}

/// The inverse of [`Date::epoch_days`] for days from 1970 on.
fn date_of_days(days: u64) -> Date {
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
    Date::new(year, month, day).unwrap_or(Date {
        year: 0,
        month: 0,
        day: 0,
    })
}

/// Microseconds of a time of day or a span; none if minutes, seconds or fraction are out of range.
#[inline]
fn clock(hours: u64, minutes: u64, seconds: u64, fraction: u64) -> Option<u64> {
    let fits = minutes < 60 && seconds < 60 && fraction < MICROS;
    fits.then(|| ((hours * 60 + minutes) * 60 + seconds) * MICROS + fraction)
}

/// Bytes of the fraction: two digits each.
#[inline]
fn fraction_len(fsp: u8) -> Result<usize, Malformed> {
    if fsp > 6 {
        Err(Malformed::Invalid("digits of a second"))
    } else {
        Ok(usize::from(fsp.div_ceil(2)))
    }
}

/// Microseconds of the fraction's last digit pair.
fn fraction_unit(bytes: usize) -> u64 {
    match bytes {
        1 => 10_000,
        2 => 100,
        _ => 1,
    }
}

#[inline]
fn read_fraction(reader: &mut Reader<'_>, fsp: u8) -> Result<u64, Malformed> {
    let len = fraction_len(fsp)?;
    let mut fraction = 0u64;
    for byte in reader.take(len, "digits of a second")? {
        fraction = (fraction << 8) | u64::from(*byte);
    }
    let micros = fraction * fraction_unit(len);
    if micros < MICROS {
        Ok(micros)
    } else {
        Err(Malformed::Invalid("digits of a second"))
    }
}

fn write_clock(out: &mut Vec<u8>, micros: u64, fsp: u8) {
    let seconds = micros / MICROS;
    let hours = seconds / 3_600;
    write_digits(out, hours, if hours > 99 { 3 } else { 2 });
    out.push(b':');
    write_digits(out, seconds / 60 % 60, 2);
    out.push(b':');
    write_digits(out, seconds % 60, 2);
    if fsp > 0 {
        out.push(b'.');
        let digits = fsp.min(6);
        write_digits(out, micros % MICROS / 10u64.pow(u32::from(6 - digits)), digits);
    }
}

/// Appends the last `digits` digits of `n`.
fn write_digits(out: &mut Vec<u8>, n: u64, digits: u8) {
    let mut divisor = 10u64.pow(u32::from(digits.saturating_sub(1)));
    for _ in 0..digits {
        // A digit is below 10, so that it fits.
        out.push(b'0' + u8::try_from(n / divisor % 10).unwrap_or(0));
        divisor = (divisor / 10).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(year: u16, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn days_of_known_dates() {
        let cases = [
            (date(1970, 1, 1), Some(0)),
            (date(9999, 12, 31), Some(2_932_896)),
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

    #[test]
    fn times_with_fractions_and_signs() {
        // From the table in log_event_old / my_time.cc: -00:00:00.01 is 7fffffff with one byte of fraction, and so on.
        let cases: [(&[u8], u8, i64); 7] = [
            (&[0x80, 0, 0], 0, 0),
            (&[0x7f, 0xff, 0xff, 0xff], 2, -10_000),
            (&[0x80, 0, 0, 0x01], 2, 10_000),
            (&[0x7f, 0xff, 0xff, 0xff, 0xff], 4, -100),
            (&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff], 6, -1),
            (&[0x7f, 0xff, 0xff], 0, -1_000_000),
            (&[0x80, 0x10, 0x83], 0, (3_600 + 2 * 60 + 3) * 1_000_000),
        ];
        for (bytes, fsp, micros) in cases {
            assert_eq!(
                Time::read(&mut Reader::new(bytes), fsp),
                Ok(Time { micros }),
                "{bytes:x?}"
            );
        }
        assert_eq!(
            text(|o| Time {
                micros: -3_020_399_000_000
            }
            .write_text(0, o)),
            "-838:59:59"
        );
        assert_eq!(
            text(|o| Time { micros: -500_000 }.write_text(6, o)),
            "-00:00:00.500000"
        );
        assert_eq!(
            text(|o| Time { micros: 100_000_000 }.write_text(1, o)),
            "00:01:40.0"
        );
    }

    #[test]
    fn datetimes_and_timestamps() {
        let ymd = (2020u64 * 13 + 1) << 5 | 2;
        let packed = (ymd << 17 | 3 << 12 | 4 << 6 | 5) + 0x80_0000_0000;
        let mut bytes = packed.to_be_bytes()[3..].to_vec();
        bytes.extend_from_slice(&[0x0a, 0x98]);
        let read = DateTime::read(&mut Reader::new(&bytes), 4).unwrap();
        assert_eq!(text(|o| read.write_text(4, o)), "2020-01-02 03:04:05.2712");
        assert_eq!(read.epoch_micros(), Some(1_577_934_245_271_200));
        let bytes = [0x7f, 0xff, 0xff, 0xff, 0x07, 0x9d, 0x9b];
        let read = Timestamp::read(&mut Reader::new(&bytes), 6).unwrap();
        assert_eq!(text(|o| read.write_iso_utc(6, o)), "2038-01-19T03:14:07.499099Z");
        assert_eq!(Timestamp::read(&mut Reader::new(&[0; 4]), 0), Ok(Timestamp::Zero));
        assert_eq!(
            text(|o| Timestamp::Micros(1_000_000).write_iso_utc(0, o)),
            "1970-01-01T00:00:01Z"
        );
        assert_eq!(
            text(|o| Timestamp::Micros(951_827_696_780_000).write_iso_utc(3, o)),
            "2000-02-29T12:34:56.780Z"
        );
    }

    #[test]
    fn forms_from_before_fractions() {
        let digits = 20_200_102_030_405u64.to_le_bytes();
        let read = DateTime::read_old(&mut Reader::new(&digits)).unwrap();
        assert_eq!(text(|o| read.write_text(0, o)), "2020-01-02 03:04:05");
        let negative = (0x100_0000u32 - 102_030).to_le_bytes();
        let read = Time::read_old(&mut Reader::new(&negative[..3])).unwrap();
        assert_eq!(text(|o| read.write_text(0, o)), "-10:20:30");
    }

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(days in 0u64..2_932_896) {
            prop_assert_eq!(date_of_days(days).epoch_days().map(i64::from), Some(days as i64));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, fsp: u8, packed: i64) {
            let _ = Date::read(&mut Reader::new(&bytes));
            let _ = Time::from_packed(packed);
            let _ = DateTime::from_packed(packed).map(|d| d.epoch_micros());
            let _ = Time::read_old(&mut Reader::new(&bytes));
            let _ = DateTime::read_old(&mut Reader::new(&bytes));
            let _ = Time::read(&mut Reader::new(&bytes), fsp).map(|t| t.write_text(fsp, &mut Vec::new()));
            let _ = DateTime::read(&mut Reader::new(&bytes), fsp).map(|d| d.write_text(fsp, &mut Vec::new()));
            let _ = Timestamp::read(&mut Reader::new(&bytes), fsp).map(|t| t.write_iso_utc(fsp, &mut Vec::new()));
        }
    }
}
