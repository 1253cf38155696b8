//! An event as lines for a person.

use std::io::Write;

use rowtide::binlog::event::describe::{Description, Hexadecimal, Printed};

use super::{Image, Place, printed, utc};

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
        write!(out, "  {name}=")?;
        write_on_one_line(value, out)?;
    }
    writeln!(out)?;
    for note in &event.notes {
        write!(out, "{NOTE}")?;
        write_on_one_line(note, out)?;
        writeln!(out)?;
    }
    let Some(rows) = &event.rows else {
        return Ok(());
    };
    rows.each(|row| {
        // A row is written when it is known to be whole.
        let before = row.before.map(printed).transpose()?;
        let after = row.after.map(printed).transpose()?;
        let (first, second) = match (&before, &after) {
            (Some(_), Some(_)) => (UPDATE, TO),
            _ => (DELETE, INSERT),
        };
        for (what, image) in [(first, before), (second, after)] {
            if let Some(image) = image {
                write_image(what, &image, out)?;
            }
        }
        Ok(())
    })
}

/// Writes text without characters that end a line or that a terminal obeys.
fn write_on_one_line(text: &str, out: &mut impl Write) -> std::io::Result<()> {
    text.chars().try_for_each(|c| match c {
        c if c.is_control() => write!(out, "{}", c.escape_default()),
        c => write_char(c, out),
    })
}

fn write_char(c: char, out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())
}

const NOTE: &str = "           ! ";
const INSERT: &str = "             insert ";
const DELETE: &str = "             delete ";
const UPDATE: &str = "             update ";
const TO: &str = "                 to ";

/// `insert a=1, b='x'`
fn write_image(what: &str, image: &Image<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    write!(out, "{what}")?;
    let mut separator = "";
    for (column, value) in image {
        write!(out, "{separator}{}=", name(column))?;
        write_literal(value, out)?;
        separator = ", ";
    }
    Ok(writeln!(out)?)
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

/// Writes a literal that MySQL takes.
fn write_literal(value: &Printed<'_>, out: &mut impl Write) -> std::io::Result<()> {
    match value {
        Printed::Null => out.write_all(b"NULL"),
        Printed::Number(text) | Printed::Exact(text) => out.write_all(text.as_bytes()),
        Printed::Bytes(bytes) => write!(out, "{bytes}"),
        // A terminal would obey other control characters; MySQL has no escape for them.
        Printed::Text(text) if text.contains(|c: char| c.is_control() && escape(c).is_none()) => {
            write!(out, "{}", Hexadecimal::of(text.as_bytes()))
        }
        Printed::Text(text) => {
            out.write_all(b"'")?;
            text.chars().try_for_each(|c| match escape(c) {
                Some(escape) => out.write_all(escape),
                None => write_char(c, out),
            })?;
            out.write_all(b"'")
        }
    }
}

/// How MySQL writes a character that does not stand for itself.
fn escape(c: char) -> Option<&'static [u8]> {
    Some(match c {
        '\'' => b"\\'",
        '\\' => b"\\\\",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        '\0' => b"\\0",
        '\x1a' => b"\\Z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_a_literal_that_no_terminal_obeys() {
        let literal = |value| written(|out| write_literal(&value, out));
        let text = |text: &'static str| literal(Printed::Text(text.into()));
        assert_eq!(text("it's a\\b\n"), r"'it\'s a\\b\n'");
        assert_eq!(text("\u{1b}[2J"), "0x1B5B324A");
        assert_eq!(text("Žofie"), "'Žofie'");
        assert_eq!(literal(Printed::Exact("1.50".into())), "1.50");
        assert_eq!(literal(Printed::Bytes(Hexadecimal::of(b"\0\xff"))), "0x00FF");
        assert_eq!(
            written(|out| write_on_one_line("a 'b'\n\u{1b}", out)),
            "a 'b'\\n\\u{1b}"
        );
        assert_eq!(
            (name("a_1"), name("a b`"), name("@2")),
            ("a_1".into(), "`a b```".into(), "@2".into())
        );
    }

    #[test]
    fn images_on_a_line() {
        let image = vec![
            ("a", Printed::Number("1".into())),
            ("b c", Printed::Text("x".into())),
        ];
        let mut out = Vec::new();
        write_image(INSERT, &image, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("{INSERT}a=1, `b c`='x'\n")
        );
    }
}
