//! Rows of a real Debezium's run (testdata/golden), made by hand from the SQL and compared with what it wrote.

use super::*;
use crate::{
    Charset, Column, ColumnType, Date, DateTime, Decimal, GeometryKind, IntegerWidth, Reader, TableId, Time,
};
use crate::{Malformed, Timestamp};

const TINY: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Tiny,
    unsigned: false,
};
const INT: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Int,
    unsigned: false,
};
const BIGINT: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Big,
    unsigned: false,
};
const BIGINT_UNSIGNED: ColumnType = ColumnType::Integer {
    width: IntegerWidth::Big,
    unsigned: true,
};
const TEXT: ColumnType = ColumnType::Text {
    charset: Charset::Utf8,
};
const LATIN1: ColumnType = ColumnType::Text {
    charset: Charset::Latin1,
};
const NULL: Value<'_> = Value::Null;

fn table(name: &str, key: &[usize], columns: &[(&str, ColumnType)]) -> Table {
    let column = |(name, ty): &(&str, ColumnType)| Column {
        name: (*name).to_owned(),
        ty: ty.clone(),
        nullable: true,
    };
    Table {
        id: TableId::new("golden", name),
        columns: columns.iter().map(column).collect(),
        key: key.to_vec(),
    }
}

fn options() -> EncodeOptions {
    EncodeOptions {
        topic_prefix: "gA".to_owned(),
        version: "3.6.1.Final".to_owned(),
        ..EncodeOptions::default()
    }
}

/// The source of the change of t_cpk's key.
fn source() -> SourceInfo<'static> {
    SourceInfo {
        ts_us: 1_795_239_064_181_614,
        server_id: 97,
        gtid: Some("9de2dde1-e55f-11f1-bc9f-02fc00000001:321954"),
        file: "binlog.000010",
        pos: 594_428_150,
        thread: Some(494),
        query: Some("not asked for"),
    }
}

fn encode(table: &Table, change: RowChange<'_, '_>) -> Result<RecordBatch, EncodeError> {
    let mut batch = RecordBatch::default();
    let mut encoder = TableEncoder::compile(table, TopicIndex(7), &options());
    encoder.begin_event(&source());
    encoder.encode(
        &change,
        0,
        ProcessedAt {
            ns: 1_795_239_064_207_250_967,
        },
        &mut batch,
    )?;
    Ok(batch)
}

/// Key and `after` of an inserted row.
fn created(table: &Table, after: &[Value<'_>]) -> (String, String) {
    let batch = encode(table, RowChange::Create { after }).unwrap();
    let [
        Record {
            key,
            value: Some(value),
            header: None,
            ..
        },
    ] = batch.records.as_slice()
    else {
        panic!("{:?}", batch.records)
    };
    let text = |span: &Span| String::from_utf8(batch.slice(span).to_vec()).unwrap();
    let value = text(value);
    serde_json::from_str::<serde_json::Value>(&value).unwrap();
    let (row, _) = value.split_once(",\"source\":{").unwrap();
    let after = row.strip_prefix("{\"before\":null,\"after\":").unwrap();
    (key.as_ref().map(text).unwrap_or_default(), after.to_owned())
}

/// Rows of one table: the values, and `after` as Debezium wrote it.
fn check(table: &Table, rows: &[(&[Value<'_>], &str)]) {
    for (values, expected) in rows {
        assert_eq!(created(table, values).1, *expected, "{}", table.id);
    }
}

fn refused(ty: ColumnType, value: Value<'_>) -> Malformed {
    let error = encode(
        &table("t", &[], &[("c", ty)]),
        RowChange::Create { after: &[value] },
    )
    .unwrap_err();
    match error {
        EncodeError::Column { column, cause } if column == "c" => cause,
        other => panic!("{other}"),
    }
}

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
        Malformed::Invalid("value of another type")
    );
}

#[test]
fn texts() {
    let t = table(
        "t_str",
        &[],
        &[
            ("c_u4", TEXT),
            ("v_l1", LATIN1),
            (
                "t_ucs2",
                ColumnType::Text {
                    charset: Charset::Ucs2,
                },
            ),
        ],
    );
    let text = |s: &'static [u8]| Value::Text(s);
    check(
        &t,
        &[
            (
                &[
                    text("é中😀".as_bytes()),
                    text(b"\xe9\xff\x80\xf1"),
                    text(b"\x03\xa9\x03\xbc"),
                ],
                r#"{"c_u4":"é中\uD83D\uDE00","v_l1":"éÿ€ñ","t_ucs2":"Ωμ"}"#,
            ),
            (
                &[text(b"\x1a\0"), text(b"a\0b"), text(b"\0\t")],
                r#"{"c_u4":"\u001A\u0000","v_l1":"a\u0000b","t_ucs2":"\t"}"#,
            ),
            (
                &[text(b""), NULL, text(b"")],
                r#"{"c_u4":"","v_l1":null,"t_ucs2":""}"#,
            ),
        ],
    );
    assert!(matches!(
        refused(TEXT, Value::Text(b"\xff")),
        Malformed::Invalid(_)
    ));
}

#[test]
fn bytes_and_binary_keys() {
    let t = table(
        "t_bin",
        &[0],
        &[("id", ColumnType::Binary { length: 4 }), ("b", ColumnType::Blob)],
    );
    let row = [Value::Binary(b"AB"), Value::Binary(&[0, 1, 2, 3, 0xff])];
    assert_eq!(
        created(&t, &row),
        (
            r#"{"id":"QUIAAA=="}"#.into(),
            r#"{"id":"QUIAAA==","b":"AAECA/8="}"#.into()
        )
    );
    check(
        &t,
        &[(
            &[Value::Binary(b""), Value::Binary(b"")],
            r#"{"id":"AAAAAA==","b":""}"#,
        )],
    );
}

fn at(year: u16, month: u8, day: u8, hour: u64, minute: u64, second: u64, micros: u64) -> Value<'static> {
    let micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
    Value::DateTime(DateTime {
        date: Date { year, month, day },
        micros,
    })
}

fn temporal() -> Table {
    table(
        "t_temporal",
        &[],
        &[
            ("d", ColumnType::Date),
            ("t6", ColumnType::Time { fsp: 6 }),
            ("dt3", ColumnType::DateTime { fsp: 3 }),
            ("dt6", ColumnType::DateTime { fsp: 6 }),
            ("ts2", ColumnType::Timestamp { fsp: 2 }),
            ("y", ColumnType::Year),
        ],
    )
}

#[test]
fn dates_and_times() {
    let date = |year, month, day| Value::Date(Date { year, month, day });
    let time = |micros| Value::Time(Time { micros });
    let ts = |micros| Value::Timestamp(Timestamp::Micros(micros));
    check(
        &temporal(),
        &[
            (
                &[
                    date(9999, 12, 31),
                    time(3_020_398_999_999),
                    at(9999, 12, 31, 23, 59, 59, 999_000),
                    at(9999, 12, 31, 23, 59, 59, 999_999),
                    ts(2_147_483_647_490_000),
                    Value::Year(2155),
                ],
                r#"{"d":2932896,"t6":3020398999999,"dt3":253402300799999,"dt6":253402300799999999,"ts2":"2038-01-19T03:14:07.49Z","y":2155}"#,
            ),
            (
                &[
                    date(1000, 1, 1),
                    time(-1),
                    at(1969, 12, 31, 23, 59, 59, 999_000),
                    at(1969, 12, 31, 23, 59, 59, 999_999),
                    ts(1_000_000),
                    Value::Year(1901),
                ],
                r#"{"d":-354285,"t6":-1,"dt3":-1,"dt6":-1,"ts2":"1970-01-01T00:00:01.00Z","y":1901}"#,
            ),
            (
                &[
                    date(1582, 10, 10),
                    time(-3_723_456_789),
                    at(1582, 10, 10, 10, 10, 10, 0),
                    at(2262, 4, 12, 0, 0, 0, 0),
                    ts(1_783_126_923_450_000),
                    Value::Year(2000),
                ],
                r#"{"d":-141432,"t6":-3723456789,"dt3":-12219688190000,"dt6":9223372800000000,"ts2":"2026-07-04T01:02:03.45Z","y":2000}"#,
            ),
        ],
    );
}

#[test]
fn dates_that_are_none_are_null() {
    let zero = Date {
        year: 0,
        month: 0,
        day: 0,
    };
    let row = [
        Value::Date(Date {
            year: 2024,
            month: 0,
            day: 0,
        }),
        Value::Time(Time { micros: 0 }),
        Value::DateTime(DateTime {
            date: zero,
            micros: 0,
        }),
        at(2024, 12, 0, 10, 11, 12, 500_000),
        Value::Timestamp(Timestamp::Zero),
        Value::Year(0),
    ];
    check(
        &temporal(),
        &[(
            &row,
            r#"{"d":null,"t6":0,"dt3":null,"dt6":null,"ts2":null,"y":0}"#,
        )],
    );
}

#[test]
fn members_of_enum_and_set() {
    let members = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let t = table(
        "t_enumset",
        &[],
        &[
            (
                "e",
                ColumnType::Enum {
                    members: members(&["a", "b", "c,d", "e'f", "é"]),
                },
            ),
            (
                "s",
                ColumnType::Set {
                    members: members(&["x", "y", "z", "w w"]),
                },
            ),
        ],
    );
    check(
        &t,
        &[
            (&[Value::Enum(1), Value::Set(1)], r#"{"e":"a","s":"x"}"#),
            (
                &[Value::Enum(4), Value::Set(0b1111)],
                r#"{"e":"e'f","s":"x,y,z,w w"}"#,
            ),
            (&[Value::Enum(5), Value::Set(0b1000)], r#"{"e":"é","s":"w w"}"#),
            (&[Value::Enum(0), Value::Set(0)], r#"{"e":"","s":""}"#),
            // Debezium escapes the comma: c\,d.
            (&[Value::Enum(3), Value::Set(0b101)], r#"{"e":"c,d","s":"x,z"}"#),
        ],
    );
    assert_eq!(
        refused(ColumnType::Enum { members: vec![] }, Value::Enum(1)),
        Malformed::Invalid("ENUM")
    );
}

#[test]
fn json_documents_are_strings() {
    let t = table("t_json", &[], &[("j", ColumnType::Json), ("k", ColumnType::Json)]);
    let object = [0x00, 1, 0, 12, 0, 11, 0, 1, 0, 5, 15, 0, b'x'];
    check(
        &t,
        &[
            (
                &[Value::Json(&object), Value::Json(b"\x0c\x03str")],
                r#"{"j":"{\"x\":15}","k":"\"str\""}"#,
            ),
            (
                &[Value::Json(&[0, 0, 0, 4, 0]), Value::Json(&[2, 0, 0, 4, 0])],
                r#"{"j":"{}","k":"[]"}"#,
            ),
            (&[NULL, Value::Json(&[4, 0])], r#"{"j":null,"k":"null"}"#),
            (
                &[Value::Json(b"\x0c\x06\xc3\xa9\xf0\x9f\x98\x80"), Value::Json(b"")],
                r#"{"j":"\"é\uD83D\uDE00\"","k":"null"}"#,
            ),
        ],
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

#[test]
fn names_are_escaped_and_else_as_they_are() {
    let names = ["a-b", "a.b", "ünï", "列", "q\"uote", "back`tick", "it's"];
    let t = table("t_names", &[4, 3], &names.map(|name| (name, INT)));
    let (key, after) = created(&t, &[1, 2, 3, 4, 5, 6, 7].map(Value::Int));
    assert_eq!(key, r#"{"q\"uote":5,"列":4}"#);
    assert_eq!(
        after,
        r#"{"a-b":1,"a.b":2,"ünï":3,"列":4,"q\"uote":5,"back`tick":6,"it's":7}"#
    );
}
