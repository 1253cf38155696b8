//! FLOAT and DOUBLE as Java's `Float.toString` and `Double.toString` (JDK 19 and later) write them: the shortest digits
//! that read back as the same number, with a point from 0.001 up to ten million and with an exponent elsewhere. An older
//! Java writes some numbers with a digit more than they need (JDK-4511638); they are the same numbers.

use std::fmt::UpperExp;
use std::io::Write;
use std::num::FpCategory;

/// Appends a FLOAT. What is no number is in quotes, as Jackson has it.
pub(super) fn write_float(value: f32, out: &mut Vec<u8>) {
    let plain = value == 0.0 || (1e-3..1e7).contains(&value.abs());
    match value.classify() {
        FpCategory::Nan | FpCategory::Infinite => write_no_number(f64::from(value), out),
        category => write_finite(value, category, plain, out),
    }
}

/// Appends a DOUBLE. What is no number is in quotes, as Jackson has it.
pub(super) fn write_double(value: f64, out: &mut Vec<u8>) {
    let plain = value == 0.0 || (1e-3..1e7).contains(&value.abs());
    match value.classify() {
        FpCategory::Nan | FpCategory::Infinite => write_no_number(value, out),
        category => write_finite(value, category, plain, out),
    }
}

#[inline]
fn write_finite<F>(value: F, category: FpCategory, plain: bool, out: &mut Vec<u8>)
where
    F: zmij::Float + UpperExp + Copy,
{
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    if plain {
        out.extend_from_slice(shortest.as_bytes());
    } else if category == FpCategory::Subnormal && !shortest.contains('.') {
        // Java writes two digits at least, and of those the nearest: 4.9E-324, not 5.0E-324. Only numbers this small are
        // so coarse that it matters. Writing to memory does not fail.
        let _ = write!(out, "{value:.1E}");
    } else {
        write_scientific(shortest, out);
    }
}

/// Turns `12345678.0`, `0.00001`, `5e-324` and `1.5e+300` into a digit, a point, one or more digits and the exponent.
fn write_scientific(shortest: &str, out: &mut Vec<u8>) {
    let (negative, magnitude) = shortest
        .strip_prefix('-')
        .map_or((false, shortest), |rest| (true, rest));
    let (mantissa, exponent) = magnitude.split_once('e').unwrap_or((magnitude, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut exponent: isize = exponent.parse().unwrap_or(0);
    let digits = fraction.trim_start_matches('0');
    let (first, rest) = if whole == "0" {
        exponent = exponent.saturating_sub_unsigned(fraction.len() - digits.len() + 1);
        (digits, "")
    } else {
        exponent = exponent.saturating_add_unsigned(whole.len().saturating_sub(1));
        let fraction = if digits.is_empty() { "" } else { fraction };
        (
            if fraction.is_empty() {
                whole.trim_end_matches('0')
            } else {
                whole
            },
            fraction,
        )
    };
    if negative {
        out.push(b'-');
    }
    let (leading, following) = first.split_at_checked(1).unwrap_or(("0", ""));
    let following = if following.is_empty() && rest.is_empty() {
        "0"
    } else {
        following
    };
    for part in [
        leading,
        ".",
        following,
        rest,
        "E",
        itoa::Buffer::new().format(exponent),
    ] {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cold]
fn write_no_number(value: f64, out: &mut Vec<u8>) {
    let name: &[u8] = match value {
        f64::INFINITY => b"\"Infinity\"",
        f64::NEG_INFINITY => b"\"-Infinity\"",
        _ => b"\"NaN\"",
    };
    out.extend_from_slice(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn double(value: f64) -> String {
        let mut out = Vec::new();
        write_double(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn float(value: f32) -> String {
        let mut out = Vec::new();
        write_float(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_as_java_has_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (1.5, "1.5"),
            (-1.1, "-1.1"),
            (0.001, "0.001"),
            (0.002, "0.002"),
            (0.000_999_9, "9.999E-4"),
            (1e-4, "1.0E-4"),
            (1e-5, "1.0E-5"),
            (1e-7, "1.0E-7"),
            (9_999_999.0, "9999999.0"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (12_345_678.0, "1.2345678E7"),
            (99_999_999.999_9, "9.99999999999E7"),
            (123_456.789_1, "123456.7891"),
            (1e16, "1.0E16"),
            (1e21, "1.0E21"),
            (1e22, "1.0E22"),
            (1e23, "1.0E23"),
            (9_007_199_254_740_993.0, "9.007199254740992E15"),
            (123_456_789_012_345_680.0, "1.2345678901234568E17"),
            (-1e-300, "-1.0E-300"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (-2.25e10, "-2.25E10"),
            (100_000_010.0, "1.0000001E8"),
            (10_000_000.5, "1.00000005E7"),
        ];
        for (value, text) in cases {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn the_smallest_doubles_have_two_digits() {
        let cases = [
            (1, "4.9E-324"),
            (2, "9.9E-324"),
            (3, "1.5E-323"),
            (4, "2.0E-323"),
            (10, "4.9E-323"),
        ];
        for (bits, text) in cases {
            assert_eq!(double(f64::from_bits(bits)), text);
            assert_eq!(double(-f64::from_bits(bits)), format!("-{text}"));
        }
    }

    #[test]
    fn floats_as_java_has_them() {
        let cases = [
            (0.0, "0.0"),
            (1.1, "1.1"),
            (0.1, "0.1"),
            (0.001, "0.001"),
            (9999.999, "9999.999"),
            (3.4e38, "3.4E38"),
            (f32::MAX, "3.4028235E38"),
            (f32::MIN_POSITIVE, "1.1754944E-38"),
            (16_777_216.0, "1.6777216E7"),
            (33_554_432.0, "3.3554432E7"),
            (123_456_792.0, "1.2345679E8"),
            (1e10, "1.0E10"),
            (1e-10, "1.0E-10"),
            (1e7, "1.0E7"),
            (1e-5, "1.0E-5"),
            (f32::from_bits(1), "1.4E-45"),
        ];
        for (value, text) in cases {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn no_numbers_are_quoted() {
        assert_eq!(double(f64::NAN), "\"NaN\"");
        assert_eq!(float(f32::INFINITY), "\"Infinity\"");
        assert_eq!(double(f64::NEG_INFINITY), "\"-Infinity\"");
    }

    proptest! {
        #[test]
        fn every_double_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(double(value).parse::<f64>().unwrap().to_bits(), bits);
        }

        #[test]
        fn every_float_reads_back_and_is_json(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = float(value);
            prop_assert_eq!(text.parse::<f32>().unwrap().to_bits(), bits);
            prop_assert!(serde_json::from_str::<f64>(&text).is_ok());
        }

        #[test]
        fn the_form_follows_the_size(value: f64) {
            prop_assume!(value.is_finite() && value != 0.0);
            let plain = (1e-3..1e7).contains(&value.abs());
            let text = double(value);
            prop_assert_eq!(text.contains('E'), !plain);
            prop_assert!(text.contains('.'));
        }
    }
}
