//! JSON documents, and changes inside them.

use super::dialect::Dialect;
use super::sql;
use crate::random::Random;

/// Names of members: some must be quoted in a path, one is longer than a byte can count.
const NAMES: [&str; 8] = ["a", "b", "c", "d e", "é", "q\"uote", "1", "long"];

/// A document as an SQL expression.
pub(super) fn document(random: &mut Random, dialect: &Dialect) -> String {
    if dialect.binary_json {
        // Wide ones have offsets of four bytes.
        if random.chance(3) {
            let text = sql::text("wide ☃");
            return format!("JSON_OBJECT('a', REPEAT({text}, 9000), 'b', {})", scalar(random));
        }
        let document = value(random, 3);
        // Else a string would be read as the text of a document, and a number of no JSON type refused.
        format!("JSON_EXTRACT(JSON_ARRAY({document}), '$[0]')")
    } else {
        sql::text(&text(random, 3))
    }
}

/// An expression that changes the document in a column; the server may log only the difference.
pub(super) fn change(random: &mut Random, column: &str) -> String {
    let function = random.one_of(&["JSON_SET", "JSON_SET", "JSON_REPLACE", "JSON_REMOVE"]);
    let count = random.between(1, 3);
    let mut arguments = vec![column.to_owned()];
    for _ in 0..count {
        arguments.push(sql::text(&path(random)));
        if function != "JSON_REMOVE" {
            let replacement = if random.chance(30) {
                value(random, 1)
            } else {
                scalar(random)
            };
            arguments.push(replacement);
        }
    }
    format!("{function}({})", arguments.join(", "))
}

/// A path below the root.
fn path(random: &mut Random) -> String {
    let mut path = "$".to_owned();
    for _ in 0..random.between(1, 2) {
        if random.chance(25) {
            let place = random.pick(&["[0]", "[1]", "[2]", "[9]"]);
            path.push_str(place);
        } else {
            let name = member_name(random).replace('"', "\\\"");
            path.push_str(&format!(".\"{name}\""));
        }
    }
    path
}

fn member_name(random: &mut Random) -> String {
    match random.one_of(&NAMES) {
        "long" => "n".repeat(300),
        name => name.to_owned(),
    }
}

fn value(random: &mut Random, depth: u32) -> String {
    if depth == 0 || random.chance(25) {
        return scalar(random);
    }
    let count = random.below(5);
    if random.chance(40) {
        let elements: Vec<String> = (0..count).map(|_| value(random, depth - 1)).collect();
        return format!("JSON_ARRAY({})", elements.join(", "));
    }
    let member = |random: &mut Random| {
        let name = sql::text(&member_name(random));
        format!("{name}, {}", value(random, depth - 1))
    };
    let members: Vec<String> = (0..count).map(|_| member(random)).collect();
    format!("JSON_OBJECT({})", members.join(", "))
}

/// A value that is neither array nor object, SQL types among them, as an SQL expression.
fn scalar(random: &mut Random) -> String {
    const SCALARS: [&str; 32] = [
        "NULL",
        "true",
        "false",
        "0",
        "-1",
        "32767",
        "-32769",
        "65536",
        "2147483648",
        "-2147483649",
        "9223372036854775807",
        "18446744073709551615",
        "1e0",
        "-0e0",
        "1.5e300",
        "1e21",
        "1e-7",
        "CAST('1.0' AS JSON)",
        "123456789.123e0",
        "CAST(-12.50 AS DECIMAL(10,4))",
        "CAST('12345678901234567890123456789012345.123456789' AS DECIMAL(65,30))",
        "CAST('2020-02-29' AS DATE)",
        "CAST('-10:00:00.5' AS TIME(6))",
        "CAST('838:59:59' AS TIME)",
        "CAST('2020-01-02 03:04:05.006' AS DATETIME(3))",
        "CAST('9999-12-31 23:59:59.999999' AS DATETIME(6))",
        "CAST(x'00FF10' AS BINARY)",
        "CAST('' AS BINARY)",
        "b'101'",
        "CAST('null' AS JSON)",
        "CAST('[]' AS JSON)",
        "CAST('{}' AS JSON)",
    ];
    match random.below(6) {
        0 => sql::text(&string(random)),
        1 => random.below(100_000).to_string(),
        2 => format!("{:e}", f64::from_bits(random.next() >> 2)),
        _ => (random.one_of(&SCALARS)).to_owned(),
    }
}

fn string(random: &mut Random) -> String {
    const STRINGS: [&str; 6] = [
        "",
        "plain",
        "é☃😀",
        "\"quoted\" \\ back",
        "line\nend\t\u{1}",
        "\u{7f}/",
    ];
    let text = random.one_of(&STRINGS);
    match random.below(5) {
        // Lengths of one byte, of two and of more than that.
        0 => "x".repeat(130),
        1 => text.repeat(30),
        _ => text.to_owned(),
    }
}

/// A document as text, for servers that keep it so.
fn text(random: &mut Random, depth: u32) -> String {
    const SCALARS: [&str; 9] = [
        "null",
        "true",
        "-1",
        "1.0",
        "1e21",
        "18446744073709551615",
        "\"é\\u0001\"",
        "\"\"",
        "123456789.123",
    ];
    if depth == 0 || random.chance(30) {
        return (random.one_of(&SCALARS)).to_owned();
    }
    let count = random.below(4);
    if random.chance(40) {
        let elements: Vec<String> = (0..count).map(|_| text(random, depth - 1)).collect();
        return format!("[{}]", elements.join(", "));
    }
    let members: Vec<String> = (0..count)
        .map(|number| format!("\"k{number}\": {}", text(random, depth - 1)))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_as_text_are_json() {
        let mut random = Random::new(8);
        for _ in 0..100 {
            let document = text(&mut random, 3);
            assert!(
                serde_json::from_str::<serde_json::Value>(&document).is_ok(),
                "{document}"
            );
        }
    }

    #[test]
    fn changes_name_paths_below_the_root() {
        let mut random = Random::new(9);
        assert!((0..50).all(|_| change(&mut random, "`j`").starts_with("JSON_")));
        assert!((0..50).all(|_| path(&mut random).len() > 1));
    }
}
