//! What `mysqlbinlog -vv` of the server finds in a file.

use std::path::Path;

use rowtide_testbed::packages::ServerPrograms;
use rowtide_testbed::{Cache, ServerVersion};

use crate::compare::Peer;
use crate::rows::{Image, NULL, Row, bytes, document, instant, real};
use crate::rowtide::Event;

/// The rows that it printed, dealt out to the events.
pub struct Mysqlbinlog(std::vec::IntoIter<Printed>);

/// A row, or why it was printed only in part.
type Printed = Result<Row, String>;

impl Mysqlbinlog {
    /// Lets it print a file.
    pub fn of(file: &Path) -> Self {
        let arguments = ["-vv", "--base64-output=DECODE-ROWS", &file.display().to_string()];
        let server = server_for(file);
        let programs = ServerPrograms::fetch(&Cache::open().unwrap(), server).unwrap();
        let said = programs.mysqlbinlog(&arguments).unwrap();
        Self(printed(&said, server).into_iter())
    }
}

/// A server that knows all that is in the file: MySQL has forgotten rows events of version 1.
fn server_for(file: &Path) -> ServerVersion {
    let name = file.file_name().unwrap().to_string_lossy();
    if name.starts_with("mariadb") || name.contains("rows-v1") {
        ServerVersion::MariaDb118
    } else {
        ServerVersion::MySql97
    }
}

impl Peer for Mysqlbinlog {
    /// The first row that it cannot print is the last that it tells of a rows event, but not of the payload around it.
    fn rows(&mut self, event: &Event) -> Result<Vec<Row>, String> {
        let rows_events = event.rows.chunk_by(|one, next| one.rows_event == next.rows_event);
        let printed: Vec<Result<Vec<Row>, String>> = rows_events
            .map(|rows| self.0.by_ref().take(rows.len()).collect())
            .collect();
        Ok(printed.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn left_over(&self) -> usize {
        self.0.len()
    }
}

fn printed(said: &[u8], by: ServerVersion) -> Vec<Printed> {
    let mut rows: Vec<Printed> = Vec::new();
    let mut is_after = false;
    for line in lines(said) {
        match (line.as_slice(), rows.last_mut()) {
            (b"WHERE" | b"SET", Some(Ok(row))) => {
                is_after = line == b"SET";
                *side(row, is_after) = Some(Image::default());
            }
            ([b' ', ..], Some(last)) => match (value(&line, by), last.as_mut()) {
                (Ok((at, text)), Ok(row)) => {
                    side(row, is_after).as_mut().unwrap().insert(at, text);
                }
                (Err(cause), _) => *last = Err(cause),
                (Ok(_), Err(_)) => panic!("a value behind one that could not be printed"),
            },
            _ => rows.push(Ok(Row {
                table: table(&line),
                ..Row::default()
            })),
        }
    }
    rows
}

/// The lines about rows, those that go on in the next line as one.
fn lines(said: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let all = said.split(|byte| *byte == b'\n');
    for line in all.filter_map(|line| line.strip_prefix(b"### ")) {
        match lines.last_mut() {
            Some(last) if line.starts_with(b"     ") => last.extend(line.trim_ascii()),
            _ if line.starts_with(b"Extra row info") => {}
            _ => lines.push(line.to_vec()),
        }
    }
    lines
}

fn side(row: &mut Row, is_after: bool) -> &mut Option<Image> {
    if is_after { &mut row.after } else { &mut row.before }
}

/// The table of "UPDATE `database`.`table`".
fn table(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let mut names = line.split('`').skip(1).step_by(2);
    format!("{}.{}", names.next().unwrap(), names.next().unwrap())
}

/// Of "  @1=VALUE /* TYPE meta=... */", the column's place and the value in the common form; or what it says of one
/// that it cannot print.
fn value(line: &[u8], by: ServerVersion) -> Result<(usize, String), String> {
    let line = line.trim_ascii();
    let equals = line.iter().position(|byte| *byte == b'=').unwrap();
    let place: usize = std::str::from_utf8(&line[1..equals]).unwrap().parse().unwrap();
    let comment = line.windows(4).rposition(|bytes| bytes == b" /* ");
    let comment = comment.ok_or_else(|| String::from_utf8_lossy(line).into_owned())?;
    let (value, ty) = (&line[equals + 1..comment], &line[comment + 4..]);
    let end = ty.iter().position(|byte| b" (/".contains(byte)).unwrap();
    let ty = std::str::from_utf8(&ty[..end]).unwrap();
    Ok((place - 1, text(value, ty, by)))
}

fn text(value: &[u8], ty: &str, by: ServerVersion) -> String {
    if value == b"NULL" {
        return NULL.to_owned();
    }
    let quoted = value
        .strip_prefix(b"'")
        .and_then(|value| value.strip_suffix(b"'"));
    let value = quoted.map_or_else(|| value.to_vec(), |quoted| unescaped(quoted, by));
    let plain = String::from_utf8_lossy(&value).into_owned();
    match ty {
        // Below zero, the number without its sign comes behind in brackets.
        "TINYINT" | "SHORTINT" | "MEDIUMINT" | "INT" | "LONGINT" => {
            plain.split(' ').next().unwrap_or_default().to_owned()
        }
        "FLOAT" | "DOUBLE" => real(plain.trim().parse().unwrap()),
        "BIT" => binary(&plain).to_string(),
        // The byte of the first members comes first.
        "SET" => binary(&plain)
            .swap_bytes()
            .unbounded_shr(64 - bits(&plain))
            .to_string(),
        "TIMESTAMP" => timestamp(&plain),
        "TIME" | "DATETIME" => with_micros(&plain),
        "DATE" => plain.replace(':', "-"),
        "JSON" => json(&plain, quoted.is_some()),
        "VECTOR" => vector(&plain),
        "DECIMAL" | "YEAR" | "ENUM" => plain,
        _ => bytes(&value),
    }
}

/// Of "b'0101'".
fn digits(text: &str) -> &str {
    text.trim_start_matches("b'").trim_end_matches('\'')
}

fn binary(text: &str) -> u64 {
    u64::from_str_radix(digits(text), 2).unwrap()
}

fn bits(text: &str) -> u32 {
    u32::try_from(digits(text).len()).unwrap()
}

fn with_micros(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}.{fraction:0<6}")
}

fn timestamp(text: &str) -> String {
    let with_micros = with_micros(text);
    let (seconds, micros) = with_micros.split_once('.').unwrap();
    instant(seconds.parse().unwrap(), micros.parse().unwrap())
}

fn vector(text: &str) -> String {
    let numbers = text.trim_matches(['[', ']']).split(',');
    let numbers: Vec<_> = numbers.map(|number| real(number.parse().unwrap())).collect();
    numbers.join(",")
}

/// A document, or the function that makes one from the document before. A scalar is not written as JSON: of a string, the
/// text alone.
fn json(text: &str, is_quoted: bool) -> String {
    match serde_json::from_str(text) {
        Ok(json) => document(of_sql_types(json)),
        Err(_) if is_quoted => document(of_sql_types(text.into())),
        Err(_) => text.to_owned(),
    }
}

/// Values of SQL types as Rowtide writes them: times without zeros at their end, bytes without a word for their type.
fn of_sql_types(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match json {
        Value::Array(elements) => elements.into_iter().map(of_sql_types).collect(),
        Value::Object(members) => {
            let members = members
                .into_iter()
                .map(|(name, value)| (name, of_sql_types(value)));
            Value::Object(members.collect())
        }
        Value::String(text) => Value::String(string_of_sql_type(&text)),
        scalar => scalar,
    }
}

fn string_of_sql_type(text: &str) -> String {
    if let Some(base64) = text.strip_prefix("base64:type") {
        let (_, base64) = base64.split_once(':').unwrap();
        return base64.replace('\n', "");
    }
    match text.rsplit_once('.') {
        Some((time, fraction)) if fraction.len() == 6 && time.contains(':') => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text.to_owned(),
    }
}

/// The bytes that it writes in quotes. MariaDB's writes control characters with a backslash, and a backslash as it is: where
/// one stands before what looks like such a character, nobody can tell.
fn unescaped(text: &[u8], by: ServerVersion) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    loop {
        rest = match rest {
            [b'\\', b'x', high, low, rest @ ..] if is_escape(*high, *low, by) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest
            }
            [b'\\', escaped, rest @ ..] if !by.is_mariadb() => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    other => *other,
                });
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
            [] => return bytes,
        };
    }
}

/// Whether a byte is written by two such digits.
fn is_escape(high: u8, low: u8, by: ServerVersion) -> bool {
    !by.is_mariadb() || matches!(high, b'0' | b'1') && low.is_ascii_hexdigit()
}

#[test]
fn backslashes_of_mariadb_stand_for_themselves() {
    let text = |quoted: &[u8], by| unescaped(quoted, by).escape_ascii().to_string();
    let path = br"C:\xyz\new\\x0a";
    assert_eq!(text(path, ServerVersion::MariaDb118), r"C:\\xyz\\new\\\n");
    assert_eq!(text(br"\x0a\n\\", ServerVersion::MySql97), r"\n\n\\");
}
