//! Geometries.

use super::dialect::Dialect;
use crate::random::Random;

const KINDS: [&str; 7] = [
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
];

/// A geometry of the kind as an SQL expression.
pub(super) fn geometry(random: &mut Random, kind: &str, srid: Option<u32>, dialect: &Dialect) -> String {
    let kind = if kind == "GEOMETRY" {
        random.one_of(&KINDS)
    } else {
        kind
    };
    let srid = srid.unwrap_or_else(|| random.one_of(&[0, 0, 4326]));
    // MariaDB and old servers take any number, others only systems that they know.
    let srid = if dialect.known_srids_only || random.chance(70) {
        srid
    } else {
        31_337
    };
    format!("ST_GeomFromText('{}', {srid})", text(random, kind, 2))
}

/// Its text, as OpenGIS has it.
fn text(random: &mut Random, kind: &str, depth: u32) -> String {
    let coordinates = match kind {
        "POINT" => format!("({})", position(random)),
        "LINESTRING" => line(random),
        "POLYGON" => polygon(random),
        "MULTIPOINT" => {
            let (first, second) = (position(random), position(random));
            format!("({first},{second})")
        }
        "MULTILINESTRING" => {
            let (first, second) = (line(random), line(random));
            format!("({first},{second})")
        }
        "MULTIPOLYGON" => format!("({})", polygon(random)),
        _ => return collection(random, depth),
    };
    format!("{kind}{coordinates}")
}

fn collection(random: &mut Random, depth: u32) -> String {
    let count = if depth == 0 { 1 } else { random.below(4) };
    if count == 0 {
        return "GEOMETRYCOLLECTION()".to_owned();
    }
    let kinds = if depth == 0 { &KINDS[..3] } else { &KINDS };
    let member = |random: &mut Random| {
        let kind = random.one_of(kinds);
        text(random, kind, depth - u32::from(depth > 0))
    };
    let members: Vec<String> = (0..count).map(|_| member(random)).collect();
    format!("GEOMETRYCOLLECTION({})", members.join(","))
}

/// Coordinates that are a latitude and a longitude in either order.
fn position(random: &mut Random) -> String {
    let coordinate = |random: &mut Random| {
        let whole = random.below(160) as i64 - 80;
        match random.below(3) {
            0 => whole.to_string(),
            1 => format!("{whole}.5"),
            _ => format!("{whole}.{:07}", random.below(10_000_000)),
        }
    };
    format!("{} {}", coordinate(random), coordinate(random))
}

fn line(random: &mut Random) -> String {
    let count = random.between(2, 5);
    let positions: Vec<String> = (0..count).map(|_| position(random)).collect();
    format!("({})", positions.join(","))
}

/// A square, at times with a hole.
fn polygon(random: &mut Random) -> String {
    let corner = random.below(50);
    let ring = |low: u64, size: u64| {
        let high = low + size;
        format!("({low} {low},{high} {low},{high} {high},{low} {high},{low} {low})")
    };
    if random.chance(30) {
        format!("({},{})", ring(corner, 10), ring(corner + 2, 3))
    } else {
        format!("({})", ring(corner, 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_match() {
        let mut random = Random::new(2);
        for _ in 0..100 {
            let kind = random.one_of(&KINDS);
            let text = text(&mut random, kind, 2);
            assert!(text.starts_with(kind));
            assert_eq!(text.matches('(').count(), text.matches(')').count());
        }
    }
}
