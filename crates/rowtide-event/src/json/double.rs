//! Doubles in JSON, as the server prints them.

use crate::Malformed;

/// `my_gcvt` of the server (dtoa.cc) writes a number without an exponent as long as its point is not further than this
/// from its first digit, or stands among its digits.
const MAX_POINT: i32 = 15;
/// More than the 17 digits that tell any double from the next, since zeros may follow them.
const MAX_DIGITS: usize = 32;

/// Appends a double with the fewest digits that read back as the same number, in the server's form: with a point or an
/// exponent, so that it stays a double.
///
/// # Errors
/// If it is not finite: no JSON document holds such a number.
pub fn write_double(number: f64, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if !number.is_finite() {
        return Err(Malformed::Invalid("number in a JSON document"));
    }
    let mut buffer = zmij::Buffer::new();
    let mut room = [0; MAX_DIGITS];
    let (digits, point) = digits_and_point(buffer.format_finite(number.abs()), &mut room);
    if number.is_sign_negative() {
        out.push(b'-');
    }
    if digits.is_empty() {
        out.extend_from_slice(b"0.0");
    } else if is_plain(digits.len(), point) {
        write_plain(digits, point, out);
    } else {
        write_exponent(digits, point, out);
    }
    Ok(())
}

fn is_plain(digits: usize, point: i32) -> bool {
    let among_digits = usize::try_from(point).is_ok_and(|point| point < digits);
    among_digits || (1 - MAX_POINT..=MAX_POINT).contains(&point)
}

/// The digits without zeros at either end, and the power of ten by which 0.digits is multiplied.
fn digits_and_point<'r>(text: &str, room: &'r mut [u8; MAX_DIGITS]) -> (&'r [u8], i32) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = || whole.bytes().chain(fraction.bytes());
    let zeros = all().take_while(|digit| *digit == b'0').count();
    let mut end = 0;
    for (index, (place, digit)) in room.iter_mut().zip(all().skip(zeros)).enumerate() {
        *place = digit;
        if digit != b'0' {
            end = index + 1;
        }
    }
    // A double has at most 308 digits before its point and an exponent of three digits.
    let length = |n: usize| i32::try_from(n).unwrap_or(0);
    let point = length(whole.len()) - length(zeros) + exponent.parse::<i32>().unwrap_or(0);
    (room.get(..end).unwrap_or_default(), point)
}

fn write_plain(digits: &[u8], point: i32, out: &mut Vec<u8>) {
    let before = usize::try_from(point).unwrap_or(0).min(digits.len());
    let (whole, fraction) = digits.split_at_checked(before).unwrap_or((digits, &[]));
    if whole.is_empty() {
        out.push(b'0');
    }
    out.extend_from_slice(whole);
    zeros(point - i32::try_from(digits.len()).unwrap_or(0), out);
    out.push(b'.');
    zeros(-point, out);
    out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
}

fn zeros(count: i32, out: &mut Vec<u8>) {
    out.extend((0..count).map(|_| b'0'));
}

fn write_exponent(digits: &[u8], point: i32, out: &mut Vec<u8>) {
    if let Some((first, rest)) = digits.split_first() {
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
    }
    out.push(b'e');
    out.extend_from_slice(itoa::Buffer::new().format(point - 1).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: f64) -> String {
        let mut out = Vec::new();
        write_double(number, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_a_real_server_prints_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.1, "0.1"),
            (1e-7, "0.0000001"),
            (1e10, "10000000000.0"),
            (1e14, "100000000000000.0"),
            (1e15, "1e15"),
            (1601211733901712.8, "1601211733901712.8"),
            (1e-15, "0.000000000000001"),
            (1e-16, "1e-16"),
            (1e16, "1e16"),
            (1e21, "1e21"),
            (-1.5e300, "-1.5e300"),
            (123456789.123, "123456789.123"),
            (1.2345678901234568e29, "1.2345678901234568e29"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e308"),
        ];
        for (number, expected) in cases {
            assert_eq!(text(number), expected);
        }
        assert!(write_double(f64::NAN, &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn reads_back_as_the_same_double(bits: u64) {
            let number = f64::from_bits(bits);
            if number.is_finite() {
                let text = text(number);
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
                prop_assert!(text.contains(['.', 'e']));
            }
        }
    }
}
