//! An event as a JSON object on a line.

use std::io::Write;

use rowtide::binlog::event::describe::{Description, Printed, RowImage};
use serde_json::Value;

use super::{Place, utc};

/// Writes the object piece by piece: its rows may be many.
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
    let fields = event.fields.iter().map(|(name, value)| (*name, string(value)));
    write!(out, ",\"fields\":{}", object(fields))?;
    if !event.notes.is_empty() {
        write!(out, ",\"notes\":{}", Value::from(event.notes.clone()))?;
    }
    if let Some(rows) = &event.rows {
        let mut separator = ",\"rows\":[";
        rows.each(|row| {
            let images = [("before", row.before), ("after", row.after)];
            let mut sides = Vec::new();
            for (side, columns) in images {
                let Some(columns) = columns else { continue };
                sides.push((side, image(columns)?));
            }
            write!(out, "{separator}{}", object(sides))?;
            separator = ",";
            anyhow::Ok(())
        })?;
        write!(out, "{}", if separator == "," { "]" } else { ",\"rows\":[]" })?;
    }
    writeln!(out, "}}")?;
    Ok(())
}

/// A row's columns in their order.
fn image(image: RowImage<'_>) -> anyhow::Result<String> {
    let mut columns = Vec::new();
    for (column, value) in image.columns() {
        columns.push((column.name.as_str(), literal(Printed::of(value, &column.ty)?)));
    }
    Ok(object(columns))
}

fn object<'n>(members: impl IntoIterator<Item = (&'n str, String)>) -> String {
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", string(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Numbers that everybody's numbers hold are numbers, all other values strings.
fn literal(value: Printed) -> String {
    match value {
        Printed::Null => "null".to_owned(),
        Printed::Number(text) => match text.parse::<serde_json::Number>() {
            Ok(_) => text,
            // YEAR's 0000.
            Err(_) => string(&text),
        },
        Printed::Exact(text) | Printed::Text(text) | Printed::Bytes(text) => string(&text),
    }
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_digits() {
        assert_eq!(
            literal(Printed::Number("18446744073709551615".into())),
            "18446744073709551615"
        );
        assert_eq!(literal(Printed::Number("1.5e300".into())), "1.5e300");
        assert_eq!(literal(Printed::Number("0000".into())), "\"0000\"");
        assert_eq!(literal(Printed::Exact("1.50".into())), "\"1.50\"");
        assert_eq!(literal(Printed::Text("a\"\n".into())), "\"a\\\"\\n\"");
        assert_eq!(
            object([("b", "1".to_owned()), ("a", "2".to_owned())]),
            "{\"b\":1,\"a\":2}"
        );
    }
}
