//! Text, bytes, members, documents and names.

use super::*;

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
            (
                // Halves of surrogate pairs.
                &[text(b"a\xed\xa0\x80b"), text(b""), text(b"\xdf\x84")],
                r#"{"c_u4":"a?b","v_l1":"","t_ucs2":"?"}"#,
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

#[test]
fn members_of_enum_and_set() {
    let members = |names: &[&str]| names.iter().map(|n| (*n).into()).collect::<Vec<_>>();
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
