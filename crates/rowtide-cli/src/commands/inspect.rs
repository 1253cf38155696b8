//! `rowtide inspect`: what is in binlog files.

mod filter;
mod json;
mod text;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use rowtide::binlog::decoder::Continuity;
use rowtide::binlog::event::describe::{Describer, Description, Printed, RowImage};
use rowtide::binlog::event::file::{BinlogFile, BinlogFileError, FileEvent};
use rowtide::event::Malformed;

use crate::exit;
use filter::{Filter, FilterArguments};

/// Which files, and how they are shown.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Binlog files, in the order in which they are read; `-` is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How events are shown
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    filter: FilterArguments,
}

/// The form of a shown event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for a person, and one for each row
    Text,
    /// A JSON object a line
    Json,
}

/// Where an event stands.
struct Place<'a> {
    file: &'a str,
    pos: u64,
    end_pos: u64,
}

/// The largest event that the server writes, 1 GiB, and room for its header.
const MAX_EVENT_SIZE: usize = (1 << 30) + (1 << 20);

/// Prints the events of all files that pass the filter.
///
/// # Errors
/// At the first event that cannot be read, with file and position; those before it were printed. At the end if something
/// was not shown, or is missing from the files.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let last = arguments.files.len().saturating_sub(1);
    let mut remarks = Remarks::default();
    for (at, path) in arguments.files.iter().enumerate() {
        let filter = Filter::new(&arguments.filter, at == 0, at == last).map_err(exit::usage)?;
        let shown = show_file(path, arguments.format, &filter, &mut remarks, &mut out);
        // What could be read is printed before what could not.
        out.flush()?;
        shown?;
    }
    remarks.result()
}

/// What was not shown or is missing, over all files.
#[derive(Default)]
struct Remarks {
    continuity: Continuity,
    count: u64,
}

impl Remarks {
    /// Says it at once on standard error, whatever the filter leaves out.
    fn add(&mut self, place: &str, notes: &[String]) {
        for note in notes {
            eprintln!("rowtide: {place}: {note}");
            self.count = self.count.saturating_add(1);
        }
    }

    fn result(&self) -> anyhow::Result<()> {
        match self.count {
            0 => Ok(()),
            1 => Err(exit::stream(
                "something is missing or was not shown: see above".to_owned(),
            )),
            count => Err(exit::stream(format!(
                "{count} things are missing or were not shown: see above"
            ))),
        }
    }
}

fn show_file(
    path: &Path,
    format: Format,
    filter: &Filter,
    remarks: &mut Remarks,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let name = path.display().to_string();
    let mut events = BinlogFile::open(open(path)?, MAX_EVENT_SIZE).map_err(|e| file_error(&name, e))?;
    let mut describer = Describer::default();
    remarks.continuity.begin_file(&name);
    while !filter.ends_at(events.next_pos()) {
        let Some(event) = events.next_event().map_err(|e| file_error(&name, e))? else {
            let missing = remarks.continuity.end_file();
            remarks.add(&name, missing.as_slice());
            break;
        };
        let place = Place {
            file: &name,
            pos: event.pos,
            end_pos: event.pos.saturating_add(u64::from(event.header.event_len)),
        };
        let mut missing = remarks.continuity.follow(&event);
        describer
            .describe(&event.header, event.body, |description| {
                description.notes.splice(..0, missing.drain(..));
                remarks.add(&format!("{name}:{}", event.pos), &description.notes);
                match filter.shows(event.pos, description) {
                    true => show(format, &place, description, out),
                    false => Ok(()),
                }
            })
            .map_err(|error| event_error(&name, &event, error))?;
    }
    Ok(())
}

fn show(
    format: Format,
    place: &Place<'_>,
    description: &Description<'_>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match format {
        Format::Text => text::write(place, description, out),
        Format::Json => json::write(place, description, out),
    }
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path)
        .with_context(|| format!("cannot open {}", path.display()))
        .map_err(exit::usage)?;
    Ok(Box::new(BufReader::new(file)))
}

/// A file that is no binlog is the wrong argument; one that is damaged is not.
fn file_error(file: &str, error: BinlogFileError) -> anyhow::Error {
    match error {
        BinlogFileError::Empty
        | BinlogFileError::NotBinlog
        | BinlogFileError::TooOld
        | BinlogFileError::Joined { .. }
        | BinlogFileError::Encrypted
        | BinlogFileError::EncryptedFrom { .. } => exit::usage(anyhow!("{file}: {error}")),
        BinlogFileError::Zeros { .. } => exit::stream(format!("{file}: {error}")),
        BinlogFileError::Cut { pos, .. } => exit::stream(format!("{file}:{pos}: {error}")),
        BinlogFileError::Malformed { pos, cause } => {
            exit::stream(format!("{file}:{pos}: the event cannot be read: {cause}"))
        }
        BinlogFileError::ChecksumMismatch { pos } => exit::stream(format!(
            "{file}:{pos}: the event is damaged: its checksum is not that of its bytes"
        )),
        BinlogFileError::Io(_) => anyhow!(error).context(file.to_owned()),
    }
}

/// Errors that are not the event's are those of writing.
fn event_error(file: &str, event: &FileEvent<'_>, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Malformed>() {
        Some(cause) => exit::stream(format!(
            "{file}:{}: the {} event cannot be read: {cause}",
            event.pos, event.header.event_type
        )),
        None => error,
    }
}

/// The columns of a row with their names, in their order, known to be whole.
type Image<'v> = Vec<(&'v str, Printed<'v>)>;

fn printed(image: RowImage<'_>) -> anyhow::Result<Image<'_>> {
    let columns = image.columns();
    columns
        .map(|(column, value)| Ok((column.name.as_str(), Printed::of(value, &column.ty)?)))
        .collect()
}

/// Seconds since 1970 as a time in UTC.
fn utc(seconds: u32) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(seconds));
    humantime::format_rfc3339_seconds(time).to_string()
}
