//! DECIMAL in the server's packed form (decimal.cc).

use crate::{Malformed, Reader};

/// A DECIMAL(precision, scale) in the server's packed form: digits in big-endian groups of nine, the first bit
/// inverted, all bits inverted for a negative number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal<'a> {
    bytes: &'a [u8],
    precision: u8,
    scale: u8,
}

const WHAT: &str = "DECIMAL";
const MAX_PRECISION: u8 = 65;
/// MariaDB's limit; MySQL's is 30.
const MAX_SCALE: u8 = 38;
/// Inside JSON the server keeps all that a number in memory may have, nine groups (DECIMAL_MAX_POSSIBLE_PRECISION): the
/// digits before the point rounded up to whole groups, and as many behind it as a literal had.
const MAX_DIGITS_IN_MEMORY: u8 = 81;
const GROUP_DIGITS: u8 = 9;
/// Bytes that a group of so many digits takes.
const GROUP_BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
/// 10 to the power of the index.
const POWERS: [u32; 10] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];
/// So many digits, and a sign, fit in 128 bits.
const MAX_WORD_PRECISION: u8 = 38;
/// 10^81 needs 270 bits, and one for the sign.
const MAX_UNSCALED_BYTES: usize = 34;

impl<'a> Decimal<'a> {
    /// Reads as many bytes as a DECIMAL(precision, scale) takes.
    ///
    /// # Errors
    /// If there are too few of them, they hold a group above its number of digits, or there is no such DECIMAL.
    #[inline]
    pub fn read(reader: &mut Reader<'a>, precision: u8, scale: u8) -> Result<Self, Malformed> {
        Self::read_up_to([MAX_PRECISION, MAX_SCALE], reader, precision, scale)
    }

    /// Reads a DECIMAL inside a JSON document, whose precision and scale may be more than a column can have.
    ///
    /// # Errors
    /// As those of [`read`](Self::read).
    pub(crate) fn read_in_json(reader: &mut Reader<'a>, precision: u8, scale: u8) -> Result<Self, Malformed> {
        Self::read_up_to([MAX_DIGITS_IN_MEMORY; 2], reader, precision, scale)
    }

    #[inline]
    fn read_up_to(
        [max_precision, max_scale]: [u8; 2],
        reader: &mut Reader<'a>,
        precision: u8,
        scale: u8,
    ) -> Result<Self, Malformed> {
        if precision == 0 || precision > max_precision || scale > max_scale || scale > precision {
            return Err(Malformed::Invalid("precision of a DECIMAL"));
        }
        let len = side_len(precision - scale) + side_len(scale);
        let decimal = Self {
            bytes: reader.take(len, WHAT)?,
            precision,
            scale,
        };
        match decimal.groups().all(|group| group.is_valid()) {
            true => Ok(decimal),
            false => Err(Malformed::Invalid(WHAT)),
        }
    }

    /// Digits after the point.
    pub fn scale(&self) -> u8 {
        self.scale
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.bytes.first().is_some_and(|first| first & 0x80 == 0)
    }

    /// Appends the number as the server's SELECT prints it, with all digits of its scale.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        if self.is_negative() {
            out.push(b'-');
        }
        let whole = self.precision - self.scale;
        let start = out.len();
        let mut seen = 0u8;
        for group in self.groups() {
            if seen == whole {
                Self::end_of_whole(out, start);
            }
            group.write_digits(out, seen < whole && out.len() == start);
            seen += group.digits;
        }
        if out.len() == start {
            out.push(b'0');
        }
    }

    fn end_of_whole(out: &mut Vec<u8>, start: usize) {
        if out.len() == start {
            out.push(b'0');
        }
        out.push(b'.');
    }

    /// The number without its point, as the shortest big-endian two's complement (Java's `BigInteger.toByteArray`),
    /// appended to `out`.
    pub fn write_unscaled(&self, out: &mut Vec<u8>) {
        if self.precision <= MAX_WORD_PRECISION {
            let magnitude = self.groups().fold(0u128, |number, group| {
                number
                    .wrapping_mul(u128::from(group.factor()))
                    .wrapping_add(u128::from(group.value))
            });
            let number = if self.is_negative() {
                magnitude.wrapping_neg()
            } else {
                magnitude
            };
            return out.extend_from_slice(shortest(&number.to_be_bytes()));
        }
        let mut number = [0u8; MAX_UNSCALED_BYTES];
        for group in self.groups() {
            multiply_add(&mut number, group.factor(), group.value);
        }
        if self.is_negative() {
            negate(&mut number);
        }
        out.extend_from_slice(shortest(&number));
    }

    /// Groups of digits from the left; none spans the point: the short one of the whole part, all full ones, and the short
    /// one of the fraction.
    #[inline(always)]
    fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let (whole, fraction) = (self.precision - self.scale, self.scale);
        let (first, last) = (whole % GROUP_DIGITS, fraction % GROUP_DIGITS);
        let (first_bytes, rest) = split(self.bytes, group_bytes(first));
        let full_bytes = rest.len().saturating_sub(group_bytes(last));
        let (full_bytes, last_bytes) = split(rest, full_bytes);
        let inversion = if self.is_negative() { u32::MAX } else { 0 };
        let mut sign = 0x8000_0000;
        let short = |digits: u8, bytes: &'a [u8]| (digits > 0).then_some((digits, bytes));
        let full = full_bytes.chunks_exact(4).map(|bytes| (GROUP_DIGITS, bytes));
        let all = short(first, first_bytes)
            .into_iter()
            .chain(full)
            .chain(short(last, last_bytes));
        all.map(move |(digits, bytes)| {
            let (bits, unused) = left_aligned(bytes);
            let value = (bits ^ inversion ^ std::mem::take(&mut sign)) >> unused;
            Group { digits, value }
        })
    }
}

fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(at).unwrap_or_default()
}

fn group_bytes(digits: u8) -> usize {
    GROUP_BYTES.get(usize::from(digits)).copied().unwrap_or(0)
}

/// Up to four big-endian bytes as the highest of a number, and how many of its bits they leave unused.
#[inline(always)]
fn left_aligned(bytes: &[u8]) -> (u32, u32) {
    match *bytes {
        [a, b, c, d] => (u32::from_be_bytes([a, b, c, d]), 0),
        [a, b, c] => (u32::from_be_bytes([a, b, c, 0]), 8),
        [a, b] => (u32::from_be_bytes([a, b, 0, 0]), 16),
        [a] => (u32::from_be_bytes([a, 0, 0, 0]), 24),
        _ => (0, 0),
    }
}

/// Up to nine digits.
struct Group {
    digits: u8,
    value: u32,
}

impl Group {
    /// By which what stands left of the group is multiplied.
    fn factor(&self) -> u32 {
        POWERS.get(usize::from(self.digits)).copied().unwrap_or(1)
    }

    #[inline(always)]
    fn is_valid(&self) -> bool {
        POWERS
            .get(usize::from(self.digits))
            .is_some_and(|limit| self.value < *limit)
    }

    /// All digits, or without the zeros before them.
    fn write_digits(&self, out: &mut Vec<u8>, strip: bool) {
        let mut started = !strip;
        for power in POWERS.iter().take(usize::from(self.digits)).rev() {
            // A digit is below 10, so that it fits.
            let digit = u8::try_from(self.value / power % 10).unwrap_or(0);
            started |= digit != 0;
            if started {
                out.push(b'0' + digit);
            }
        }
    }
}

fn side_len(digits: u8) -> usize {
    usize::from(digits / GROUP_DIGITS) * 4 + group_bytes(digits % GROUP_DIGITS)
}

/// `number = number * factor + addend`, big-endian.
fn multiply_add(number: &mut [u8], factor: u32, addend: u32) {
    let mut carry = u64::from(addend);
    for byte in number.iter_mut().rev() {
        let product = u64::from(*byte) * u64::from(factor) + carry;
        *byte = product.to_le_bytes()[0];
        carry = product >> 8;
    }
}

fn negate(number: &mut [u8]) {
    let mut carry = true;
    for byte in number.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

/// Without leading bytes that only repeat the sign.
fn shortest(number: &[u8]) -> &[u8] {
    let mut rest = number;
    while let [first, tail @ ..] = rest {
        let sign_of_tail = tail.first().map(|next| next & 0x80 != 0);
        match (first, sign_of_tail) {
            (0x00, Some(false)) | (0xff, Some(true)) => rest = tail,
            _ => break,
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The packed form of a number given as text without a sign.
    fn pack(negative: bool, whole: &str, fraction: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let first = whole.len() % 9;
        let mut put = |digits: &str| {
            let len = GROUP_BYTES[digits.len()];
            let value: u32 = if digits.is_empty() {
                0
            } else {
                digits.parse().unwrap()
            };
            bytes.extend_from_slice(&value.to_be_bytes()[4 - len..]);
        };
        put(&whole[..first]);
        whole.as_bytes()[first..]
            .chunks(9)
            .for_each(|c| put(std::str::from_utf8(c).unwrap()));
        fraction
            .as_bytes()
            .chunks(9)
            .for_each(|c| put(std::str::from_utf8(c).unwrap()));
        bytes[0] ^= 0x80;
        if negative {
            bytes.iter_mut().for_each(|b| *b = !*b);
        }
        bytes
    }

    fn text(bytes: &[u8], precision: u8, scale: u8) -> String {
        let mut out = Vec::new();
        Decimal::read(&mut Reader::new(bytes), precision, scale)
            .unwrap()
            .write_text(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn unscaled(bytes: &[u8], precision: u8, scale: u8) -> Vec<u8> {
        let mut out = Vec::new();
        Decimal::read(&mut Reader::new(bytes), precision, scale)
            .unwrap()
            .write_unscaled(&mut out);
        out
    }

    #[test]
    fn the_manuals_example() {
        // 1234567890.1234 and its negative as DECIMAL(14,4), from the comment of decimal2bin in decimal.cc.
        let bytes = [0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2];
        assert_eq!(text(&bytes, 14, 4), "1234567890.1234");
        let negative = bytes.map(|b| !b);
        assert_eq!(text(&negative, 14, 4), "-1234567890.1234");
    }

    #[test]
    fn edges_of_text() {
        assert_eq!(text(&pack(false, "0000000000", ""), 10, 0), "0");
        assert_eq!(text(&pack(false, "", "00001"), 5, 5), "0.00001");
        assert_eq!(text(&pack(true, "", "99999"), 5, 5), "-0.99999");
        assert_eq!(text(&pack(false, "00000001", "50"), 10, 2), "1.50");
        assert_eq!(text(&pack(false, "00000000", "00"), 10, 2), "0.00");
        assert_eq!(text(&pack(false, "1000000000", ""), 10, 0), "1000000000");
    }

    #[test]
    fn unscaled_as_java_has_it() {
        assert_eq!(unscaled(&pack(false, "0", ""), 1, 0), [0]);
        assert_eq!(unscaled(&pack(false, "0000000128", ""), 10, 0), [0, 0x80]);
        assert_eq!(unscaled(&pack(true, "0000000128", ""), 10, 0), [0x80]);
        assert_eq!(unscaled(&pack(true, "0000000129", ""), 10, 0), [0xff, 0x7f]);
        assert_eq!(unscaled(&pack(true, &"9".repeat(65), ""), 65, 0).len(), 28);
    }

    #[test]
    fn more_digits_inside_json_than_in_a_column() {
        let whole = format!("0{}", "9".repeat(35));
        let bytes = pack(true, &whole, &"1".repeat(30));
        assert!(Decimal::read(&mut Reader::new(&bytes), 66, 30).is_err());
        let decimal = Decimal::read_in_json(&mut Reader::new(&bytes), 66, 30).unwrap();
        let mut out = Vec::new();
        decimal.write_text(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("-{}.{}", "9".repeat(35), "1".repeat(30))
        );
        assert!(Decimal::read_in_json(&mut Reader::new(&[0x80; 60]), 82, 0).is_err());
        let fraction = format!("{}12", "0".repeat(70));
        let bytes = pack(true, "", &fraction);
        assert!(Decimal::read(&mut Reader::new(&bytes), 72, 72).is_err());
        let decimal = Decimal::read_in_json(&mut Reader::new(&bytes), 72, 72).unwrap();
        let mut out = Vec::new();
        decimal.write_text(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("-0.{fraction}"));
    }

    #[test]
    fn a_group_above_its_digits_is_refused() {
        let bytes = [0x80 | 10];
        assert_eq!(
            Decimal::read(&mut Reader::new(&bytes), 1, 0),
            Err(Malformed::Invalid(WHAT))
        );
        assert!(Decimal::read(&mut Reader::new(&[0; 40]), 66, 0).is_err());
        assert!(Decimal::read(&mut Reader::new(&[0; 40]), 5, 6).is_err());
    }

    proptest! {
        #[test]
        fn numbers_of_38_digits_agree_with_i128(
            n in -99_999_999_999_999_999_999_999_999_999_999_999_999i128..=99_999_999_999_999_999_999_999_999_999_999_999_999,
            scale in 0u8..=38,
        ) {
            let digits = format!("{:038}", n.unsigned_abs());
            let (whole, fraction) = digits.split_at(38 - usize::from(scale));
            let bytes = pack(n < 0, whole, fraction);
            let bytes = unscaled(&bytes, 38, scale);
            let fill = if n < 0 { 0xff } else { 0 };
            let mut wide = [fill; 16];
            wide[16 - bytes.len()..].copy_from_slice(&bytes);
            prop_assert_eq!(i128::from_be_bytes(wide), n);
            let trimmed = whole.trim_start_matches('0');
            let whole_text = if trimmed.is_empty() { "0" } else { trimmed };
            let sign = if n < 0 { "-" } else { "" };
            let expected = if scale == 0 { format!("{sign}{whole_text}") } else { format!("{sign}{whole_text}.{fraction}") };
            prop_assert_eq!(text(&pack(n < 0, whole, fraction), 38, scale), expected);
        }

        #[test]
        fn short_and_long_form_agree(digits in "[0-9]{38}", scale in 0u8..=38, negative: bool) {
            // The same number with 27 zeros before it takes the way of long numbers.
            let (whole, fraction) = digits.split_at(38 - usize::from(scale));
            let long = format!("{}{whole}", "0".repeat(27));
            prop_assert_eq!(
                unscaled(&pack(negative, whole, fraction), 38, scale),
                unscaled(&pack(negative, &long, fraction), 65, scale)
            );
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, precision: u8, scale: u8) {
            if let Ok(decimal) = Decimal::read(&mut Reader::new(&bytes), precision, scale) {
                let mut out = Vec::new();
                decimal.write_text(&mut out);
                decimal.write_unscaled(&mut out);
            }
        }
    }
}
