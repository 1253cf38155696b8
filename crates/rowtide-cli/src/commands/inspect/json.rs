//! An event as a JSON object on a line.

use std::io::Write;

use rowtide::binlog::event::describe::{Description, Printed};
use serde_json::Value;

use super::{Image, Place, printed, utc};

/// Writes the object piece by piece: its rows may be many, and its texts long.
///
/// # Errors
/// If writing fails, or a row is damaged; then the line ends behind the rows before it, and is an object all the same.
pub(super) fn write(place: &Place<'_>, event: &Description<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    let header = &event.header;
    write!(out, "{{\"file\":{}", string(place.file))?;
    write!(out, ",\"pos\":{},\"end_pos\":{}", place.pos, place.end_pos)?;
    write!(out, ",\"in_payload\":{}", event.inside_payload)?;
    write!(out, ",\"timestamp\":{}", string(&utc(header.timestamp)))?;
    write!(
        out,
        ",\"server_id\":{},\"size\":{}",
        header.server_id, header.event_len
    )?;
    write!(out, ",\"type\":{}", string(event.type_name))?;
    let gtid = event.gtid.as_ref().map(ToString::to_string);
    write!(out, ",\"gtid\":{}", Value::from(gtid))?;
    out.write_all(b",\"fields\":")?;
    let mut members = Members::default();
    for (name, value) in &event.fields {
        members.name(name, out)?;
        write_string(value, out)?;
    }
    members.end(out)?;
    if !event.notes.is_empty() {
        write!(out, ",\"notes\":{}", Value::from(event.notes.clone()))?;
    }
    let written = write_rows(event, out);
    writeln!(out, "}}")?;
    written
}

fn write_rows(event: &Description<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    let Some(rows) = &event.rows else {
        return Ok(());
    };
    out.write_all(b",\"rows\":[")?;
    let mut separator = "";
    let written = rows.each(|row| {
        // A row is written when it is known to be whole.
        let before = row.before.map(printed).transpose()?;
        let after = row.after.map(printed).transpose()?;
        out.write_all(separator.as_bytes())?;
        separator = ",";
        let mut sides = Members::default();
        for (side, columns) in [("before", before), ("after", after)] {
            let Some(columns) = columns else { continue };
            sides.name(side, out)?;
            write_image(&columns, out)?;
        }
        sides.end(out)
    });
    out.write_all(b"]")?;
    written
}

fn write_image(image: &Image<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    let mut members = Members::default();
    for (name, value) in image {
        members.name(name, out)?;
        write_literal(value, out)?;
    }
    members.end(out)
}

/// Writes the members of an object one by one.
#[derive(Default)]
struct Members {
    begun: bool,
}

impl Members {
    /// The next member's name, behind which its value is to be written.
    fn name(&mut self, name: &str, out: &mut impl Write) -> anyhow::Result<()> {
        out.write_all(if self.begun { b"," } else { b"{" })?;
        self.begun = true;
        write_string(name, out)?;
        Ok(out.write_all(b":")?)
    }

    fn end(self, out: &mut impl Write) -> anyhow::Result<()> {
        Ok(out.write_all(if self.begun { b"}" } else { b"{}" })?)
    }
}

/// Numbers that everybody's numbers hold are numbers, all other values strings.
fn write_literal(value: &Printed<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    match value {
        Printed::Null => Ok(out.write_all(b"null")?),
        // YEAR's 0000, and what is no number.
        Printed::Number(text) if text.parse::<serde_json::Number>().is_err() => write_string(text, out),
        Printed::Number(text) => Ok(out.write_all(text.as_bytes())?),
        Printed::Exact(text) => write_string(text, out),
        Printed::Text(text) => write_string(text, out),
        Printed::Bytes(bytes) => Ok(write!(out, "\"{bytes}\"")?),
    }
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn write_string(text: &str, out: &mut impl Write) -> anyhow::Result<()> {
    Ok(serde_json::to_writer(out, text).map_err(std::io::Error::from)?)
}

#[cfg(test)]
mod tests {
    use rowtide::binlog::event::describe::Hexadecimal;

    use super::*;

    fn literal(value: Printed<'_>) -> String {
        let mut out = Vec::new();
        write_literal(&value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_keep_their_digits() {
        assert_eq!(
            literal(Printed::Number("18446744073709551615".into())),
            "18446744073709551615"
        );
        assert_eq!(literal(Printed::Number("1.5e300".into())), "1.5e300");
        assert_eq!(literal(Printed::Number("0000".into())), "\"0000\"");
        assert_eq!(literal(Printed::Number("NaN".into())), "\"NaN\"");
        assert_eq!(literal(Printed::Exact("1.50".into())), "\"1.50\"");
        assert_eq!(literal(Printed::Text("a\"\n".into())), "\"a\\\"\\n\"");
        assert_eq!(literal(Printed::Bytes(Hexadecimal::of(b"\0\xff"))), "\"0x00FF\"");
        assert_eq!(literal(Printed::Null), "null");
    }

    #[test]
    fn members_keep_their_order() {
        let object = |names: &[&str]| {
            let (mut out, mut members) = (Vec::new(), Members::default());
            for name in names {
                members.name(name, &mut out).unwrap();
                out.push(b'1');
            }
            members.end(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(object(&["b", "a"]), "{\"b\":1,\"a\":1}");
        assert_eq!(object(&[]), "{}");
    }
}
