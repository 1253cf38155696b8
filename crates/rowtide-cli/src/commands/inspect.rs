//! `rowtide inspect`: what is in binlog files.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use rowtide::binlog::event::describe::{Describer, Description};
use rowtide::binlog::event::file::{BinlogFile, FileEvent};
use serde_json::{Map, Value, json};

/// Which files, and how they are shown.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Binlog files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How events are shown
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// The form of a shown event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for a person
    Text,
    /// A JSON object a line
    Json,
}

/// The largest event that the server writes, 1 GiB, and room for its header.
const MAX_EVENT_SIZE: usize = (1 << 30) + (1 << 20);

/// Prints all events of all files.
///
/// # Errors
/// At the first event that cannot be read, with file and position; those before it were printed.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for path in &arguments.files {
        let shown = show_file(path, arguments.format, &mut out);
        out.flush()?;
        shown?;
    }
    Ok(())
}

fn show_file(path: &Path, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut events = BinlogFile::open(BufReader::new(file), MAX_EVENT_SIZE)
        .with_context(|| format!("{}", path.display()))?;
    let mut describer = Describer::default();
    while let Some(event) = events
        .next_event()
        .with_context(|| format!("{}", path.display()))?
    {
        let described = describer.describe(&event.header, event.body).with_context(|| {
            format!(
                "{}:{}: a {} event",
                path.display(),
                event.pos,
                event.header.event_type
            )
        })?;
        match format {
            Format::Text => writeln!(out, "{}", text(&event, &described))?,
            Format::Json => writeln!(out, "{}", object(path, &event, described))?,
        }
    }
    Ok(())
}

fn text(event: &FileEvent<'_>, described: &Description) -> String {
    let header = &event.header;
    let mut line = format!(
        "{:>10} {} server {} {:>7} B  {}",
        event.pos,
        utc(header.timestamp),
        header.server_id,
        header.event_len,
        named_fields(described)
    );
    for inner in &described.inside {
        line.push_str(&format!("\n{:>50}{}", "", named_fields(inner)));
    }
    line
}

fn named_fields(described: &Description) -> String {
    let mut text = described.type_name.to_owned();
    for (name, value) in &described.fields {
        text.push_str(&format!("  {name}={}", value.escape_debug()));
    }
    text
}

fn object(path: &Path, event: &FileEvent<'_>, described: Description) -> Value {
    let header = &event.header;
    json!({
        "file": path.display().to_string(),
        "pos": event.pos,
        "timestamp": utc(header.timestamp),
        "server_id": header.server_id,
        "size": header.event_len,
        "event": description(described),
    })
}

fn description(described: Description) -> Value {
    let fields: Map<String, Value> = described
        .fields
        .into_iter()
        .map(|(n, v)| (n.to_owned(), v.into()))
        .collect();
    let inside: Vec<Value> = described.inside.into_iter().map(description).collect();
    json!({ "type": described.type_name, "fields": fields, "inside": inside })
}

fn utc(seconds: u32) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(seconds));
    humantime::format_rfc3339_seconds(time).to_string()
}
