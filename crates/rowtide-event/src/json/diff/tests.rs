use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::json::{kind, write_double, write_text};

/// A document in the server's form, by an encoder that shares nothing with the code under test.
fn document(value: &Value, large: bool) -> Vec<u8> {
    let (kind, bytes) = encoded(value, large);
    [&[kind][..], &bytes].concat()
}

fn encoded(value: &Value, large: bool) -> (u8, Vec<u8>) {
    match value {
        Value::Null => (kind::LITERAL, vec![0]),
        Value::Bool(true) => (kind::LITERAL, vec![1]),
        Value::Bool(false) => (kind::LITERAL, vec![2]),
        Value::Number(n) => number(n),
        Value::String(text) => (kind::STRING, [length(text.len()), text.clone().into()].concat()),
        Value::Array(cells) => (
            if large {
                kind::LARGE_ARRAY
            } else {
                kind::SMALL_ARRAY
            },
            container(&[], &cells.iter().collect::<Vec<_>>(), large),
        ),
        Value::Object(members) => {
            let members = in_order(members);
            let (keys, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
            let kind = if large {
                kind::LARGE_OBJECT
            } else {
                kind::SMALL_OBJECT
            };
            (kind, container(&keys, &values, large))
        }
    }
}

fn number(n: &serde_json::Number) -> (u8, Vec<u8>) {
    match (n.as_i64(), n.as_u64()) {
        (Some(n), _) if i16::try_from(n).is_ok() => (kind::INT16, (n as i16).to_le_bytes().into()),
        (Some(n), _) if i32::try_from(n).is_ok() => (kind::INT32, (n as i32).to_le_bytes().into()),
        (Some(n), _) => (kind::INT64, n.to_le_bytes().into()),
        (None, Some(n)) => (kind::UINT64, n.to_le_bytes().into()),
        (None, None) => (kind::DOUBLE, n.as_f64().unwrap().to_le_bytes().into()),
    }
}

fn length(mut len: usize) -> Vec<u8> {
    let mut bytes = vec![];
    while len > 0x7f {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes
}

fn container(keys: &[&str], values: &[&Value], large: bool) -> Vec<u8> {
    let width = if large { 4 } else { 2 };
    let number = |n: usize| n.to_le_bytes()[..width].to_vec();
    let lists = 2 * width + keys.len() * (width + 2) + values.len() * (width + 1);
    let (mut list, mut tail) = (vec![], vec![]);
    for key in keys {
        list.extend(number(lists + tail.len()));
        list.extend((key.len() as u16).to_le_bytes());
        tail.extend(key.as_bytes());
    }
    for value in values {
        let (kind, bytes) = encoded(value, large);
        list.push(kind);
        if matches!(kind, 4..=6) || large && matches!(kind, 7 | 8) {
            list.extend(&bytes);
            list.extend(vec![0; width - bytes.len()]);
        } else {
            list.extend(number(lists + tail.len()));
            tail.extend(bytes);
        }
    }
    [number(values.len()), number(lists + tail.len()), list, tail].concat()
}

fn in_order(members: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut members: Vec<_> = members.iter().map(|(key, value)| (key.as_str(), value)).collect();
    members.sort_by_key(|(key, _)| (key.len(), *key));
    members
}

/// The text of a document, members in the server's order.
fn text(value: &Value) -> String {
    match value {
        Value::Array(cells) => format!("[{}]", cells.iter().map(text).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let member = |(key, value)| format!("{}:{}", Value::from(key), text(value));
            format!(
                "{{{}}}",
                in_order(members)
                    .into_iter()
                    .map(member)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        Value::Number(n) if n.is_f64() => {
            let mut out = vec![];
            write_double(n.as_f64().unwrap(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        }
        scalar => scalar.to_string(),
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![253];
    packed.extend(&(bytes.len() as u32).to_le_bytes()[..3]);
    packed.extend(bytes);
    packed
}

fn diff(operation: u8, path: &str, value: Option<&Value>) -> Vec<u8> {
    let mut diff = vec![operation];
    diff.extend(packed(path.as_bytes()));
    if let Some(value) = value {
        diff.extend(packed(&document(value, false)));
    }
    diff
}

fn applied(before: &Value, diffs: &[Vec<u8>]) -> Result<String, Malformed> {
    let mut changed = Vec::new();
    apply_diff(&document(before, false), &diffs.concat(), &mut changed)?;
    let mut text = Vec::new();
    write_text(&changed, &mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

#[test]
fn a_difference_that_a_server_wrote() {
    // MySQL 8.0.22: JSON_REPLACE(doc, '$.age', 26).
    let diffs = b"\x00\x05$.age\x03\x05\x1a\x00";
    let before = document(&json!({"age": 25, "name": "Joe"}), false);
    let mut changed = Vec::new();
    apply_diff(&before, diffs, &mut changed).unwrap();
    let mut text = Vec::new();
    write_text(&changed, &mut text).unwrap();
    assert_eq!(text, br#"{"age":26,"name":"Joe"}"#);
}

#[test]
fn no_operations_leave_the_document_byte_for_byte() {
    let before = document(&json!({"a": [1, 2.5]}), false);
    let mut changed = Vec::new();
    apply_diff(&before, &[], &mut changed).unwrap();
    assert_eq!(changed, before);
}

#[test]
fn operations_follow_each_other_and_new_members_take_the_servers_place() {
    let before = json!({"b": {"x": [1, 2, 3]}, "long": null});
    let diffs = [
        diff(2, "$.b.x[1]", None),
        diff(1, "$.b.x[7]", Some(&json!("end"))),
        diff(1, "$.b.x[last]", Some(&json!("before"))),
        diff(0, "$.long", Some(&json!({"deep": [{}]}))),
        diff(1, "$.long.deep[0].\"a b\"", Some(&json!(1.0))),
        diff(1, "$.a", Some(&json!(true))),
        diff(1, "$.zz", Some(&json!([]))),
    ];
    assert_eq!(
        applied(&before, &diffs).unwrap(),
        r#"{"a":true,"b":{"x":[1,3,"before","end"]},"zz":[],"long":{"deep":[{"a b":1.0}]}}"#
    );
}

#[test]
fn the_whole_document_and_cells_of_no_array() {
    let replaced = applied(&json!({"a": 1}), &[diff(0, "$", Some(&json!([1])))]);
    assert_eq!(replaced.unwrap(), "[1]");
    let diffs = [
        diff(0, "$.a[0]", Some(&json!(2))),
        diff(0, "$.b[last].c", Some(&json!(3))),
    ];
    let replaced = applied(&json!({"a": 1, "b": {"c": 0}}), &diffs);
    assert_eq!(replaced.unwrap(), r#"{"a":2,"b":{"c":3}}"#);
}

#[test]
fn what_does_not_fit_the_document_is_refused() {
    let before = json!({"a": 1, "b": [1], "c": {}});
    let one = json!(1);
    let misfits = [
        diff(0, "$.x", Some(&one)),
        diff(0, "$.b[1]", Some(&one)),
        diff(0, "$.a[1]", Some(&one)),
        diff(0, "$.b.x", Some(&one)),
        diff(0, "$.c[1]", Some(&one)),
        diff(1, "$", Some(&one)),
        diff(1, "$.a", Some(&one)),
        diff(1, "$.a.x", Some(&one)),
        diff(1, "$.c[0]", Some(&one)),
        diff(1, "$.b.x", Some(&one)),
        diff(1, "$.x.y", Some(&one)),
        diff(2, "$", None),
        diff(2, "$.x", None),
        diff(2, "$.b[1]", None),
        diff(2, "$.a[0]", None),
        diff(3, "$.a", Some(&one)),
        diff(0, "$.*", Some(&one)),
        vec![0],
        vec![0, 3, b'$', b'.', b'a'],
        vec![0, 3, b'$', b'.', b'a', 2, 4],
    ];
    for misfit in misfits {
        assert!(
            applied(&before, std::slice::from_ref(&misfit)).is_err(),
            "{misfit:?}"
        );
    }
}

#[test]
fn a_document_that_shares_bytes_or_has_no_order_is_refused() {
    let mut unordered = document(&json!({"a": 1, "b": 2}), false);
    let a = unordered.iter().position(|b| *b == b'a').unwrap();
    unordered[a] = b'c';
    let diffs = diff(2, "$.c", None);
    assert_eq!(
        apply_diff(&unordered, &diffs, &mut Vec::new()),
        Err(Malformed::Invalid("order of keys in a JSON document"))
    );
    // An array of 64 elements that are all the same long string.
    let mut bomb = vec![2, 0x40, 0, 0x00, 0x02];
    (0..0x40).for_each(|_| bomb.extend_from_slice(&[0x0c, 0xc4, 0]));
    bomb.extend_from_slice(&[0xff, 1]);
    bomb.resize(0x201, b'x');
    let refused = apply_diff(&bomb, &diff(2, "$[0]", None), &mut Vec::new());
    assert_eq!(refused, Err(Malformed::TooLarge("JSON document")));
}

#[test]
fn a_difference_without_end_is_given_up() {
    let before = document(&json!([]), false);
    let diffs = diff(1, "$[0]", Some(&json!(1))).repeat(30_000);
    assert!(matches!(
        apply_diff(&before, &diffs, &mut Vec::new()),
        Err(Malformed::TooLarge("number of operations of a JSON difference"))
    ));
}

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(|f| if f.is_finite() {
            Value::from(f)
        } else {
            Value::Null
        }),
        ".{0,6}".prop_map(Value::from),
        "x{200}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((".{0,3}|[a-c]{1,2}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Walks down as `choices` say and changes what is there. Gives the operation that says so.
fn change(
    model: &mut Value,
    choices: &[usize],
    operation: u8,
    new: &Value,
    path: &mut String,
) -> Option<Vec<u8>> {
    let (choice, deeper) = choices.split_first()?;
    let last = deeper.is_empty();
    match model {
        Value::Array(cells) => {
            let at = choice % (cells.len() + 1);
            if last && operation == 1 {
                let shown = at + if at == cells.len() { choice % 3 } else { 0 };
                cells.insert(at, new.clone());
                return Some(diff(1, &format!("{path}[{shown}]"), Some(new)));
            }
            let len = cells.len();
            let element = cells.get_mut(at)?;
            path.push_str(&if choice % 2 == 0 {
                format!("[{at}]")
            } else {
                format!("[last-{}]", len - 1 - at)
            });
            if !last && (element.is_array() || element.is_object()) {
                return change(element, deeper, operation, new, path);
            }
            if operation == 2 {
                cells.remove(at);
                return Some(diff(2, path, None));
            }
            *element = new.clone();
        }
        Value::Object(members) => {
            if last && operation == 1 {
                let key = format!("{}{}", ["", "a", "bb", "k.", "\"é"][choice % 5], choice % 7);
                path.push_str(&format!(".{}", Value::from(key.as_str())));
                if members.contains_key(&key) {
                    return None;
                }
                members.insert(key, new.clone());
                return Some(diff(1, path, Some(new)));
            }
            let key = members.keys().nth(choice % members.len().max(1))?.clone();
            path.push_str(&format!(".{}", Value::from(key.as_str())));
            let element = members.get_mut(&key)?;
            if !last && (element.is_array() || element.is_object()) {
                return change(element, deeper, operation, new, path);
            }
            if operation == 2 {
                members.remove(&key);
                return Some(diff(2, path, None));
            }
            *element = new.clone();
        }
        scalar => *scalar = new.clone(),
    }
    Some(diff(0, path, Some(new)))
}

type Step = (Vec<usize>, u8, Value);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (prop::collection::vec(0..1000usize, 1..5), 0..3u8, values());
    prop::collection::vec(step, 0..12)
}

proptest! {
    #[test]
    fn as_a_tree_changed_in_memory(before in values(), large: bool, steps in steps()) {
        let mut model = before.clone();
        let mut diffs = Vec::new();
        for (choices, operation, new) in &steps {
            diffs.extend(change(&mut model, choices, *operation, new, &mut "$".to_owned()));
        }
        let mut changed = Vec::new();
        apply_diff(&document(&before, large), &diffs.concat(), &mut changed).unwrap();
        let mut changed_text = Vec::new();
        write_text(&changed, &mut changed_text).unwrap();
        prop_assert_eq!(String::from_utf8(changed_text).unwrap(), text(&model));
    }

    #[test]
    fn arbitrary_bytes_never_panic(document: Vec<u8>, diffs: Vec<u8>) {
        let _ = apply_diff(&document, &diffs, &mut Vec::new());
    }

    #[test]
    fn damaged_documents_and_differences_never_panic(
        before in values(), large: bool, steps in steps(), flips in prop::collection::vec((any::<usize>(), 0..8u8), 1..4)
    ) {
        let mut model = before.clone();
        let operations = steps.iter().filter_map(|(choices, operation, new)| {
            change(&mut model, choices, *operation, new, &mut "$".to_owned())
        });
        let mut diffs = operations.collect::<Vec<_>>().concat();
        let mut document = document(&before, large);
        for (at, bit) in flips {
            let bytes = if at % 2 == 0 || diffs.is_empty() { &mut document } else { &mut diffs };
            let at = at / 2 % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        let mut changed = Vec::new();
        let limit = 2 * (document.len() + diffs.len()) + 64;
        if apply_diff(&document, &diffs, &mut changed).is_ok() {
            prop_assert!(changed.len() <= limit * 2, "{} of {}", changed.len(), document.len() + diffs.len());
            let _ = write_text(&changed, &mut Vec::new());
        }
    }
}
