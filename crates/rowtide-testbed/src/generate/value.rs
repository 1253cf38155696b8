//! Values of columns as SQL expressions: edges of the type's range as often as anything between them.

use super::data_type::DataType;
use super::dialect::Dialect;
use super::{json, spatial, sql};
use crate::random::Random;

/// Which values may be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Dates that no calendar has, zero dates among them: the server's `sql_mode` lets them.
    pub(super) odd_dates: bool,
    /// Values outside the type's range, which the server cuts.
    pub(super) out_of_range: bool,
    /// The most bytes of a BLOB or TEXT.
    pub(super) largest: u64,
}

/// A value of the type; never NULL.
pub(super) fn literal(random: &mut Random, ty: &DataType, dialect: &Dialect, limits: Limits) -> String {
    match ty {
        DataType::Integer { bits, unsigned, .. } => integer(random, *bits, *unsigned, limits),
        DataType::Decimal {
            precision,
            scale,
            unsigned,
        } => decimal(random, *precision, *scale, *unsigned),
        DataType::Float {
            shape: Some((digits, scale)),
            ..
        } => decimal(random, *digits, *scale, false),
        DataType::Float { double: false, .. } => float(random),
        DataType::Float { .. } => double(random),
        DataType::Bit { width } => bit(random, *width),
        DataType::Year => year(random),
        DataType::Date => sql::plain(&date(random, limits)),
        DataType::Time { digits } => sql::plain(&time(random, *digits)),
        DataType::DateTime { digits } => sql::plain(&date_time(random, *digits, limits)),
        DataType::Timestamp { digits } => sql::plain(&timestamp(random, *digits, limits)),
        DataType::Char { length, charset, .. } => charset.literal(random, *length),
        DataType::Text { size, charset } => match large(random, size, limits) {
            Some(times) => format!("REPEAT({}, {times})", charset.literal(random, 20)),
            None => charset.literal(random, if *size == "TINY" { 60 } else { 400 }),
        },
        DataType::Binary { length, .. } => bytes(random, u64::from(*length)),
        DataType::Blob { size } => match large(random, size, limits) {
            Some(times) => format!("REPEAT({}, {times})", bytes(random, 40)),
            None => bytes(random, 250),
        },
        DataType::Enum { members, .. } => member(random, members, limits),
        DataType::Set { members, .. } => set(random, members),
        DataType::Json => json::document(random, dialect),
        DataType::Geometry { kind, srid } => spatial::geometry(random, kind, *srid, dialect),
        DataType::Vector { elements } => vector(random, *elements, dialect),
        DataType::Word { kind } => sql::plain(&word(random, kind)),
    }
}

fn integer(random: &mut Random, bits: u32, unsigned: bool, limits: Limits) -> String {
    let (low, high): (i128, i128) = if unsigned {
        (0, (1 << bits) - 1)
    } else {
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    };
    let anything = low + i128::from(random.next()) % (high - low + 1);
    let small = i128::from(random.below(100)).min(high);
    let outside = if limits.out_of_range { high + 7 } else { high - 7 };
    random
        .pick(&[
            low,
            high,
            low + 1,
            high - 1,
            0,
            1,
            small,
            small,
            anything,
            anything,
            anything,
            outside,
        ])
        .to_string()
}

/// As many digits as asked for, the first of them often not 0.
fn digits(random: &mut Random, count: u32) -> String {
    let nines = random.chance(15);
    let digit = |random: &mut Random| if nines { 9 } else { random.below(10) as u32 };
    (0..count)
        .filter_map(|_| char::from_digit(digit(random), 10))
        .collect()
}

fn decimal(random: &mut Random, precision: u32, scale: u32, unsigned: bool) -> String {
    let sign = if unsigned || random.chance(50) { "" } else { "-" };
    let places = precision.saturating_sub(scale);
    let (whole, fraction) = match random.below(6) {
        0 => (0, 0),
        1 => (0, scale),
        2 => (places, 0),
        3 => (random.between(0, u64::from(places)) as u32, scale),
        _ => (places, scale),
    };
    let (whole, fraction) = (digits(random, whole), digits(random, fraction));
    format!("{sign}0{whole}.{fraction}0")
}

fn float(random: &mut Random) -> String {
    const EDGES: [&str; 9] = [
        "0",
        "-0e0",
        "1.17549435e-38",
        "3.4028234e38",
        "-3.4028234e38",
        "1e-45",
        "16777217",
        "0.1",
        "-33554435",
    ];
    if random.chance(40) {
        return (random.one_of(&EDGES)).to_owned();
    }
    let number = f32::from_bits(random.next() as u32);
    let number = if number.is_finite() { number } else { 1.5 };
    format!("{number:e}")
}

fn double(random: &mut Random) -> String {
    const EDGES: [&str; 11] = [
        "0",
        "-0e0",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "-1.7976931348623157e308",
        "5e-324",
        "9007199254740993",
        "0.1",
        "1e15",
        "123456789.123",
        "-1e-7",
    ];
    if random.chance(40) {
        return (random.one_of(&EDGES)).to_owned();
    }
    let number = f64::from_bits(random.next());
    let number = if number.is_finite() { number } else { -2.5 };
    format!("{number:e}")
}

fn bit(random: &mut Random, width: u32) -> String {
    let all = u64::MAX >> (64 - width);
    let anything = random.next() & all;
    random.pick(&[0, 1, all, anything, 1 << (width - 1)]).to_string()
}

fn year(random: &mut Random) -> String {
    let year = random.between(1901, 2155).to_string();
    (random.one_of(&["'0000'", "1901", "2155", year.as_str()])).to_owned()
}

/// Dates from year 0 to 9999, those around the change of calendars and leap days among them.
fn date(random: &mut Random, limits: Limits) -> String {
    const EDGES: [&str; 14] = [
        "1000-01-01",
        "9999-12-31",
        "1970-01-01",
        "1969-12-31",
        "1582-10-04",
        "1582-10-10",
        "1582-10-15",
        "2000-02-29",
        "1900-02-28",
        "0001-01-01",
        "0000-01-01",
        "0000-12-31",
        "2038-01-19",
        "1899-12-31",
    ];
    const ODD: [&str; 5] = [
        "0000-00-00",
        "2020-00-00",
        "2020-02-00",
        "0000-01-00",
        "2021-02-31",
    ];
    match random.below(10) {
        0..=2 => (random.one_of(&EDGES)).to_owned(),
        3 if limits.odd_dates => (random.one_of(&ODD)).to_owned(),
        _ => format!(
            "{:04}-{:02}-{:02}",
            random.below(10_000),
            random.between(1, 12),
            random.between(1, 28)
        ),
    }
}

fn fraction(random: &mut Random, digits: u32) -> String {
    let micros = match random.below(4) {
        0 => 0,
        1 => 999_999,
        2 => 1,
        _ => random.below(1_000_000),
    };
    // One digit more than the column has would round up to what its type may not hold.
    format!("{micros:06}").chars().take(digits as usize).collect()
}

fn with_fraction(random: &mut Random, text: String, digits: u32) -> String {
    match fraction(random, digits) {
        fraction if fraction.is_empty() => text,
        fraction => format!("{text}.{fraction}"),
    }
}

fn clock(random: &mut Random) -> String {
    match random.below(4) {
        0 => "00:00:00".to_owned(),
        1 => "23:59:59".to_owned(),
        _ => format!(
            "{:02}:{:02}:{:02}",
            random.below(24),
            random.below(60),
            random.below(60)
        ),
    }
}

fn time(random: &mut Random, digits: u32) -> String {
    let sign = if random.chance(50) { "-" } else { "" };
    let time = match random.below(4) {
        // Nothing may follow the largest.
        0 => return format!("{sign}838:59:59"),
        1 => format!("{sign}00:00:00"),
        2 => format!("{sign}24:00:00"),
        _ => format!(
            "{sign}{:02}:{:02}:{:02}",
            random.below(838),
            random.below(60),
            random.below(60)
        ),
    };
    with_fraction(random, time, digits)
}

fn date_time(random: &mut Random, digits: u32, limits: Limits) -> String {
    let (date, clock) = (date(random, limits), clock(random));
    with_fraction(random, format!("{date} {clock}"), digits)
}

/// Moments that a TIMESTAMP has in any time zone that sessions here have.
fn timestamp(random: &mut Random, digits: u32, limits: Limits) -> String {
    if limits.odd_dates && random.chance(10) {
        return "0000-00-00 00:00:00".to_owned();
    }
    let date = match random.below(4) {
        0 => "1970-01-02".to_owned(),
        1 => "2038-01-17".to_owned(),
        _ => format!(
            "{}-{:02}-{:02}",
            random.between(1971, 2037),
            random.between(1, 12),
            random.between(1, 28)
        ),
    };
    let clock = clock(random);
    with_fraction(random, format!("{date} {clock}"), digits)
}

fn bytes(random: &mut Random, longest: u64) -> String {
    let length = match random.below(6) {
        0 => 0,
        1 => longest,
        _ => random.between(1, longest.min(16)),
    };
    let ends_in_zero = random.chance(30);
    let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
    if let Some(last) = bytes.last_mut().filter(|_| ends_in_zero) {
        *last = 0;
    }
    sql::bytes(&bytes)
}

/// How often to repeat some bytes so that the value is large; mostly it is not to be.
fn large(random: &mut Random, size: &str, limits: Limits) -> Option<u64> {
    let most = match size {
        "TINY" => 3,
        "" => 65_535.min(limits.largest) / 80,
        _ => limits.largest / 80,
    };
    random.chance(4).then(|| random.between(1, most.max(1)))
}

/// A member by name or number; 0 is the server's own empty member for values that are none.
fn member(random: &mut Random, members: &[String], limits: Limits) -> String {
    let number = random.place(members.len()) + 1;
    match random.below(10) {
        0 if limits.out_of_range => sql::plain("no such member"),
        1 => number.to_string(),
        2 => members.len().to_string(),
        _ => sql::text(&members[number - 1]),
    }
}

fn set(random: &mut Random, members: &[String]) -> String {
    match random.below(4) {
        0 => "''".to_owned(),
        // All of them.
        1 => (u64::MAX >> (64 - members.len())).to_string(),
        _ => {
            let chosen = members.iter().filter(|_| random.chance(30));
            let chosen: Vec<&str> = chosen.map(String::as_str).collect();
            sql::text(&chosen.join(","))
        }
    }
}

fn vector(random: &mut Random, most: u32, dialect: &Dialect) -> String {
    let Some(vector) = dialect.vector else {
        return "NULL".to_owned();
    };
    let count = if vector.fixed {
        most
    } else {
        random.between(1, u64::from(most)) as u32
    };
    let bits = |random: &mut Random| match random.below(6) {
        0 => 0,
        1 => 0x8000_0000,
        2 => f32::MAX.to_bits(),
        // The smallest, which no text is read as.
        3 => 1,
        _ => random.next() as u32,
    };
    let number = |bits: u32| {
        Some(f32::from_bits(bits))
            .filter(|number| number.is_finite())
            .unwrap_or(1.5)
    };
    let numbers: Vec<f32> = (0..count).map(|_| number(bits(random))).collect();
    let is_plain = |number: &f32| *number == 0.0 || number.is_normal();
    if numbers.iter().all(is_plain) && random.chance(50) {
        let elements: Vec<String> = numbers.iter().map(|number| format!("{number:e}")).collect();
        return format!("{}('[{}]')", vector.function, elements.join(","));
    }
    let elements: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    sql::bytes(&elements)
}

fn word(random: &mut Random, kind: &str) -> String {
    let bits = u128::from(random.next()) << 64 | u128::from(random.next());
    let bits = random.one_of(&[0, 1, bits, bits, bits & !0xFFFF, u128::MAX]);
    match kind {
        "INET4" => std::net::Ipv4Addr::from_bits(bits as u32).to_string(),
        "INET6" => std::net::Ipv6Addr::from_bits(bits).to_string(),
        _ => {
            let digits = format!("{bits:032x}");
            let (a, b, c) = (&digits[..8], &digits[8..12], &digits[12..16]);
            format!("{a}-{b}-{c}-{}-{}", &digits[16..20], &digits[20..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAREFUL: Limits = Limits {
        odd_dates: false,
        out_of_range: false,
        largest: 1000,
    };

    #[test]
    fn integers_stay_within_their_range() {
        let mut random = Random::new(3);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..400 {
            let number: i64 = integer(&mut random, 8, false, CAREFUL).parse().unwrap();
            assert!((-128..=127).contains(&number));
            seen.insert(number);
        }
        assert!(seen.contains(&-128) && seen.contains(&127));
    }

    #[test]
    fn decimals_have_no_more_digits_than_their_type() {
        let mut random = Random::new(4);
        for _ in 0..200 {
            let text = decimal(&mut random, 5, 3, false);
            let (whole, fraction) = text.trim_start_matches('-').split_once('.').unwrap();
            assert!(whole.len() <= 3 && fraction.len() <= 4, "{text}");
        }
    }

    #[test]
    fn words_are_well_formed() {
        let mut random = Random::new(6);
        for _ in 0..20 {
            assert_eq!(word(&mut random, "UUID").len(), 36);
            assert!(word(&mut random, "INET6").parse::<std::net::Ipv6Addr>().is_ok());
        }
    }
}
