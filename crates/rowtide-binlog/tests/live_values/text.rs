//! Values as SELECT prints them.

use rowtide_event::{Charset, ColumnType, Timestamp, Value, json};

/// The SQL that prints a column as [`text`] does.
pub fn expression(name: &str, ty: &ColumnType) -> String {
    match ty {
        ColumnType::Binary { .. } | ColumnType::Blob | ColumnType::Geometry(_) | ColumnType::Vector => {
            format!("HEX(`{name}`)")
        }
        // As bytes: the client could not show all of them.
        ColumnType::Text { .. } | ColumnType::Enum { .. } | ColumnType::Set { .. } => {
            format!("HEX(CONVERT(`{name}` USING utf8mb4))")
        }
        ColumnType::Bit { .. } => format!("CAST(`{name}` AS UNSIGNED)"),
        // Without the zeros of ZEROFILL.
        ColumnType::Integer { unsigned: true, .. } => format!("CAST(`{name}` AS UNSIGNED)"),
        // The server prints a FLOAT with six digits and a DOUBLE with all that it takes.
        ColumnType::Float => format!("`{name}` * 1e0"),
        _ => format!("`{name}`"),
    }
}

/// A value that is in the row image, or none for NULL.
pub fn text(value: &Value<'_>, ty: &ColumnType) -> Option<String> {
    let mut out = Vec::new();
    match (value, ty) {
        (Value::Null, _) => return None,
        (Value::Int(n), _) => return Some(n.to_string()),
        (Value::UInt(n) | Value::Bit(n), _) => return Some(n.to_string()),
        (Value::Float(f), _) => return Some(double(f64::from(*f))),
        (Value::Double(f), _) => return Some(double(*f)),
        (Value::Year(year), _) => return Some(format!("{year:04}")),
        (Value::Decimal(decimal), _) => decimal.write_text(&mut out),
        (Value::Date(date), _) => date.write_text(&mut out),
        (Value::Time(time), ColumnType::Time { fsp }) => time.write_text(*fsp, &mut out),
        (Value::DateTime(at), ColumnType::DateTime { fsp }) => at.write_text(*fsp, &mut out),
        (Value::Timestamp(at), ColumnType::Timestamp { fsp }) => timestamp(at, *fsp, &mut out),
        (Value::Text(text), ColumnType::Text { charset }) => return Some(hex(&decoded(text, *charset))),
        (Value::Binary(bytes), ColumnType::FixedBinary(kind)) => kind.write_text(bytes, &mut out).unwrap(),
        (Value::Binary(bytes), ColumnType::Binary { length }) => {
            let mut padded = bytes.to_vec();
            padded.resize(usize::from(*length), 0);
            return Some(hex(&padded));
        }
        (Value::Binary(bytes) | Value::Geometry(bytes) | Value::Vector(bytes), _) => return Some(hex(bytes)),
        (Value::Enum(index), ColumnType::Enum { members }) => {
            let member = usize::from(*index)
                .checked_sub(1)
                .map_or("", |at| members[at].text().unwrap());
            return Some(hex(member.as_bytes()));
        }
        (Value::Set(bits), ColumnType::Set { members }) => {
            let set = members.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            let names: Vec<_> = set.map(|(_, member)| member.text().unwrap()).collect();
            return Some(hex(names.join(",").as_bytes()));
        }
        (Value::Json(document), _) => json::write_text(document, &mut out).unwrap(),
        (other, ty) => panic!("{other:?} in a column of {ty:?}"),
    }
    Some(String::from_utf8(out).unwrap())
}

/// What the server printed, in the form that [`text`] gives.
pub fn printed(text: &str, ty: &ColumnType) -> String {
    match ty {
        ColumnType::Float | ColumnType::Double => double(text.parse().unwrap()),
        ColumnType::Json => compact(text),
        _ => text.to_owned(),
    }
}

/// Zeros of either sign are told apart, and nothing else is lost.
fn double(number: f64) -> String {
    format!("{number:?}")
}

fn timestamp(at: &Timestamp, fsp: u8, out: &mut Vec<u8>) {
    at.write_text(fsp, out);
}

fn decoded(text: &[u8], charset: Charset) -> Vec<u8> {
    let mut out = Vec::new();
    charset.decode(text, &mut out).unwrap();
    out
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The server's text of a document without its spaces between values; and with values of SQL types as Debezium has them:
/// base64 without its type before it, times without zeros at their end.
fn compact(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        out.push_str(&rest[..at].replace(' ', ""));
        let string = string_at_start(&rest[at..]);
        out.push_str(&of_sql_type(string));
        rest = &rest[at + string.len()..];
    }
    out.push_str(&rest.replace(' ', ""));
    out
}

fn string_at_start(text: &str) -> &str {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return &text[..=at],
            _ => {}
        }
    }
    panic!("a string has no end")
}

fn of_sql_type(string: &str) -> String {
    if let Some(base64) = string.strip_prefix("\"base64:type") {
        return format!("\"{}", base64.split_once(':').unwrap().1.replace("\\n", ""));
    }
    match string.strip_suffix('"').and_then(|text| text.rsplit_once('.')) {
        Some((time, fraction)) if fraction.len() == 6 && time.contains(':') => {
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{time}{point}{fraction}\"")
        }
        _ => string.to_owned(),
    }
}
