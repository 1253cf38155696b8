//! Numbers: INTEGER, DECIMAL, FLOAT, BIT, VECTOR and coordinates.

use super::*;
use crate::{Decimal, GeometryKind, Reader};

#[test]
fn integers() {
    let t = table("t_int_s", &[0], &[("id", INT), ("a", TINY), ("e", BIGINT)]);
    check(
        &t,
        &[
            (
                &[Value::Int(1), Value::Int(-128), Value::Int(i64::MIN)],
                r#"{"id":1,"a":-128,"e":-9223372036854775808}"#,
            ),
            (
                &[Value::Int(2), Value::Int(127), Value::Int(i64::MAX)],
                r#"{"id":2,"a":127,"e":9223372036854775807}"#,
            ),
            (&[Value::Int(4), NULL, NULL], r#"{"id":4,"a":null,"e":null}"#),
        ],
    );
    assert_eq!(
        created(&t, &[Value::Int(-2_147_483_648), NULL, NULL]).0,
        r#"{"id":-2147483648}"#
    );
    // Debezium has -1 here.
    let t = table("t_bigpk", &[0], &[("id", BIGINT_UNSIGNED)]);
    let key = created(&t, &[Value::UInt(u64::MAX)]).0;
    assert_eq!(key, r#"{"id":18446744073709551615}"#);
}

#[test]
fn booleans_are_numbers_since_the_server_has_no_booleans() {
    let t = table("t_bool", &[], &[("a", TINY), ("b", TINY)]);
    check(&t, &[(&[Value::Int(2), Value::Int(127)], r#"{"a":2,"b":127}"#)]);
}

/// The packed form of a number with so many digits before and behind the point.
fn packed(negative: bool, whole: &str, fraction: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (short, groups) = whole.split_at(whole.len() % 9);
    let groups = groups.as_bytes().chunks(9).chain(fraction.as_bytes().chunks(9));
    for digits in std::iter::once(short.as_bytes()).chain(groups) {
        let len = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4][digits.len()];
        let number = digits
            .iter()
            .fold(0u32, |n, digit| n * 10 + u32::from(digit - b'0'));
        bytes.extend_from_slice(&number.to_be_bytes()[4 - len..]);
    }
    bytes[0] ^= 0x80;
    let inversion = if negative { 0xff } else { 0 };
    bytes.iter().map(|byte| byte ^ inversion).collect()
}

fn decimal<'a>(bytes: &'a [u8], precision: u8, scale: u8) -> Value<'a> {
    Value::Decimal(Decimal::read(&mut Reader::new(bytes), precision, scale).unwrap())
}

#[test]
fn decimals() {
    let t = table(
        "t_dec",
        &[],
        &[
            (
                "a",
                ColumnType::Decimal {
                    precision: 65,
                    scale: 30,
                },
            ),
            (
                "b",
                ColumnType::Decimal {
                    precision: 5,
                    scale: 5,
                },
            ),
            (
                "e",
                ColumnType::Decimal {
                    precision: 20,
                    scale: 4,
                },
            ),
        ],
    );
    let a = packed(false, &"9".repeat(35), &"9".repeat(30));
    let b = packed(false, "", "99999");
    let e = packed(false, &"9".repeat(16), "9999");
    let max = r#"{"a":"APMWJxx/w5CKi+9GTjlF73olNgn//////////w==","b":"AYaf","e":"BWvHXi1jD///"}"#;
    check(
        &t,
        &[(&[decimal(&a, 65, 30), decimal(&b, 5, 5), decimal(&e, 20, 4)], max)],
    );
    let a = packed(true, &"9".repeat(35), &"9".repeat(30));
    let b = packed(true, "", "00001");
    let e = packed(true, "0000000000032768", "0000");
    let min = r#"{"a":"/wzp2OOAPG91dBC5sca6EIXayfYAAAAAAAAAAQ==","b":"/w==","e":"7HgAAA=="}"#;
    check(
        &t,
        &[(&[decimal(&a, 65, 30), decimal(&b, 5, 5), decimal(&e, 20, 4)], min)],
    );
}

#[test]
fn floats() {
    let t = table(
        "t_float",
        &[],
        &[
            ("a", ColumnType::Float),
            ("b", ColumnType::Double),
            ("g", ColumnType::Double),
        ],
    );
    check(
        &t,
        &[
            (
                &[Value::Float(0.0), Value::Double(0.0), Value::Double(0.0)],
                r#"{"a":0.0,"b":0.0,"g":0.0}"#,
            ),
            (
                &[
                    Value::Float(f32::MAX),
                    Value::Double(f64::MAX),
                    Value::Double(1.1),
                ],
                r#"{"a":3.4028235E38,"b":1.7976931348623157E308,"g":1.1}"#,
            ),
            (
                &[
                    Value::Float(-0.0),
                    Value::Double(-0.0),
                    Value::Double(9_007_199_254_740_993.0),
                ],
                r#"{"a":-0.0,"b":-0.0,"g":9.007199254740992E15}"#,
            ),
            (
                &[
                    Value::Float(33_554_432.0),
                    Value::Double(4.9e-324),
                    Value::Double(1e22),
                ],
                r#"{"a":3.3554432E7,"b":4.9E-324,"g":1.0E22}"#,
            ),
        ],
    );
}

#[test]
fn bits() {
    let bit = |width| ColumnType::Bit { width };
    let t = table(
        "t_bit",
        &[],
        &[
            ("a", bit(1)),
            ("b", bit(8)),
            ("c", bit(64)),
            ("e", bit(9)),
            ("f", bit(2)),
        ],
    );
    let values = |bits: [u64; 5]| bits.map(Value::Bit);
    check(
        &t,
        &[
            (
                &values([0; 5]),
                r#"{"a":false,"b":"AA==","c":"AAAAAAAAAAA=","e":"AAA=","f":"AA=="}"#,
            ),
            (
                &values([1, 255, u64::MAX, 0x1ff, 3]),
                r#"{"a":true,"b":"/w==","c":"//////////8=","e":"/wE=","f":"Aw=="}"#,
            ),
            (
                &values([1, 0x81, 1 << 63 | 1, 0x101, 2]),
                r#"{"a":true,"b":"gQ==","c":"AQAAAAAAAIA=","e":"AQE=","f":"Ag=="}"#,
            ),
        ],
    );
    assert_eq!(
        refused(bit(1), Value::Bit(2)),
        Malformed::Invalid("a column of this type")
    );
}

#[test]
fn places_and_vectors() {
    let t = table(
        "d3_new",
        &[],
        &[
            ("vec", ColumnType::Vector),
            ("geo", ColumnType::Geometry(GeometryKind::Point)),
        ],
    );
    let mut point = vec![0xe6, 0x10, 0, 0, 1, 1, 0, 0, 0];
    point.extend([2.0f64, 1.0].iter().flat_map(|c| c.to_le_bytes()));
    let vector: Vec<u8> = [1.0f32, 2.0].iter().flat_map(|f| f.to_le_bytes()).collect();
    let expected =
        r#"{"vec":[1.0,2.0],"geo":{"x":2.0,"y":1.0,"wkb":"AQEAAAAAAAAAAAAAQAAAAAAAAPA/","srid":4326}}"#;
    check(
        &t,
        &[
            (&[Value::Vector(&vector), Value::Geometry(&point)], expected),
            (&[NULL, NULL], r#"{"vec":null,"geo":null}"#),
        ],
    );
}
