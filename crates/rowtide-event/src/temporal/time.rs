//! Spans of time.

use super::clock::{MICROS, clock, fraction_len, fraction_unit, write_clock};
use crate::{Malformed, Reader};

/// A TIME: a signed span from -838:59:59.999999 to 838:59:59.999999, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Microseconds, negative for a negative TIME.
    pub micros: i64,
}

/// The largest TIME, 838:59:59.999999.
const MAX_TIME: u64 = (838 * 3_600 + 59 * 60 + 59) * MICROS + 999_999;

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
    fn the_form_from_before_fractions() {
        let negative = (0x100_0000u32 - 102_030).to_le_bytes();
        let read = Time::read_old(&mut Reader::new(&negative[..3])).unwrap();
        assert_eq!(text(|o| read.write_text(0, o)), "-10:20:30");
    }

    /// The binlog's form, made as `my_time_packed_to_binary` does.
    fn packed(micros: i64, fsp: u8) -> Vec<u8> {
        let magnitude = micros.unsigned_abs();
        let (seconds, fraction) = (magnitude / MICROS, magnitude % MICROS);
        let hms = (seconds / 3_600) << 12 | (seconds / 60 % 60) << 6 | (seconds % 60);
        let bytes = usize::from(fsp.div_ceil(2));
        let whole = i64::try_from((hms << (8 * bytes)) | (fraction / fraction_unit(bytes))).unwrap();
        let value = (0x80_0000_i64 << (8 * bytes)) + if micros < 0 { -whole } else { whole };
        value.to_be_bytes()[8 - 3 - bytes..].to_vec()
    }

    proptest! {
        #[test]
        fn bytes_come_back(micros in -3_020_399_999_999i64..=3_020_399_999_999, fsp in 0u8..=6) {
            let step = 10i64.pow(u32::from(6 - fsp));
            let micros = micros / step * step;
            let bytes = packed(micros, fsp);
            prop_assert_eq!(Time::read(&mut Reader::new(&bytes), fsp), Ok(Time { micros }));
            let text = text(|o| Time { micros }.write_text(fsp, o));
            prop_assert_eq!(text.starts_with('-'), micros < 0);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, fsp: u8, packed: i64) {
            let _ = Time::from_packed(packed);
            let _ = Time::read_old(&mut Reader::new(&bytes));
            let _ = Time::read(&mut Reader::new(&bytes), fsp).map(|t| t.write_text(fsp, &mut Vec::new()));
        }
    }
}
