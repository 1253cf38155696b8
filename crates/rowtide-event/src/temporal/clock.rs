//! Times of day and spans, and the fractions of their seconds.

use crate::{Malformed, Reader};

/// Microseconds of a second.
pub(super) const MICROS: u64 = 1_000_000;
/// Microseconds of a day.
pub(super) const MICROS_A_DAY: u64 = 86_400 * MICROS;

/// Microseconds of a time of day or a span; none if minutes, seconds or fraction are out of range.
///
/// A fraction may be a whole second: MySQL 5.7.22 and 8.0.15 store one where `SET timestamp` was given a moment that
/// rounds up to it, and count it as one (their bug 29120569).
#[inline]
pub(super) fn clock(hours: u64, minutes: u64, seconds: u64, fraction: u64) -> Option<u64> {
    let fits = minutes < 60 && seconds < 60 && fraction <= MICROS;
    fits.then(|| ((hours * 60 + minutes) * 60 + seconds) * MICROS + fraction)
}

/// Bytes of the fraction: two digits each.
#[inline]
pub(super) fn fraction_len(fsp: u8) -> Result<usize, Malformed> {
    if fsp > 6 {
        Err(Malformed::Invalid("digits of a second"))
    } else {
        Ok(usize::from(fsp.div_ceil(2)))
    }
}

/// Microseconds of the fraction's last digit pair.
pub(super) fn fraction_unit(bytes: usize) -> u64 {
    match bytes {
        1 => 10_000,
        2 => 100,
        _ => 1,
    }
}

#[inline]
pub(super) fn read_fraction(reader: &mut Reader<'_>, fsp: u8) -> Result<u64, Malformed> {
    let len = fraction_len(fsp)?;
    let mut fraction = 0u64;
    for byte in reader.take(len, "digits of a second")? {
        fraction = (fraction << 8) | u64::from(*byte);
    }
    let micros = fraction * fraction_unit(len);
    if micros <= MICROS {
        Ok(micros)
    } else {
        Err(Malformed::Invalid("digits of a second"))
    }
}

pub(super) fn write_clock(out: &mut Vec<u8>, micros: u64, fsp: u8) {
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
pub(super) fn write_digits(out: &mut Vec<u8>, n: u64, digits: u8) {
    let mut divisor = 10u64.pow(u32::from(digits.saturating_sub(1)));
    for _ in 0..digits {
        // A digit is below 10, so that it fits.
        out.push(b'0' + u8::try_from(n / divisor % 10).unwrap_or(0));
        divisor = (divisor / 10).max(1);
    }
}
