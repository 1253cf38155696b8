//! An event as lines for a person.

use std::io::Write;

use rowtide::binlog::event::describe::{Description, Printed, RowImage};

use super::{Place, utc};

/// Writes a line with place, time, name and fields, and one for each row.
pub(super) fn write(place: &Place<'_>, event: &Description<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    if event.inside_payload {
        // It has no position of its own: it is inside the event above.
        write!(out, "{:>10} ", "+")?;
    } else {
        write!(out, "{:>10} ", place.pos)?;
    }
    let header = &event.header;
    write!(
        out,
        "{} server {} {:>7} B  {}",
        utc(header.timestamp),
        header.server_id,
        header.event_len,
        event.type_name
    )?;
    for (name, value) in &event.fields {
        write!(out, "  {name}={}", on_one_line(value))?;
    }
    writeln!(out)?;
    for note in &event.notes {
        writeln!(out, "{NOTE}{}", on_one_line(note))?;
    }
    let Some(rows) = &event.rows else {
        return Ok(());
    };
    rows.each(|row| {
        let lines = match (row.before, row.after) {
            (None, Some(after)) => format!("{INSERT}{}", image(after)?),
            (Some(before), None) => format!("{DELETE}{}", image(before)?),
            (Some(before), Some(after)) => format!("{UPDATE}{}\n{TO}{}", image(before)?, image(after)?),
            (None, None) => return Ok(()),
        };
        Ok(writeln!(out, "{lines}")?)
    })
}

/// Text without characters that end a line or that a terminal obeys.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

const NOTE: &str = "           ! ";
const INSERT: &str = "             insert ";
const DELETE: &str = "             delete ";
const UPDATE: &str = "             update ";
const TO: &str = "                 to ";

/// `a=1, b='x'`
fn image(image: RowImage<'_>) -> anyhow::Result<String> {
    let mut text = String::new();
    for (column, value) in image.columns() {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&name(&column.name));
        text.push('=');
        text.push_str(&literal(Printed::of(value, &column.ty)?));
    }
    Ok(text)
}

/// A name, in backquotes where it needs them.
fn name(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@');
    if !name.is_empty() && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

/// A literal that MySQL takes.
fn literal(value: Printed) -> String {
    match value {
        Printed::Null => "NULL".to_owned(),
        Printed::Number(text) | Printed::Exact(text) | Printed::Bytes(text) => text,
        Printed::Text(text) => quoted(&text),
    }
}

fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\'' => literal.push_str("\\'"),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\0' => literal.push_str("\\0"),
            '\x1a' => literal.push_str("\\Z"),
            // A terminal would obey other control characters; MySQL has no escape for them.
            c if c.is_control() => return hexadecimal(text),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

fn hexadecimal(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
    format!("0x{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_literal_that_no_terminal_obeys() {
        assert_eq!(quoted("it's a\\b\n"), r"'it\'s a\\b\n'");
        assert_eq!(quoted("\u{1b}[2J"), "0x1B5B324A");
        assert_eq!(on_one_line("a 'b'\n\u{1b}"), "a 'b'\\n\\u{1b}");
        assert_eq!(literal(Printed::Text("Žofie".into())), "'Žofie'");
        assert_eq!(literal(Printed::Exact("1.50".into())), "1.50");
        assert_eq!(
            (name("a_1"), name("a b`"), name("@2")),
            ("a_1".into(), "`a b```".into(), "@2".into())
        );
    }
}
