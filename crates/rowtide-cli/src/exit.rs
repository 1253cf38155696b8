//! Exit codes: a script can tell what happened. docs/operations.md lists them.

use std::fmt;
use std::process::ExitCode;

use rowtide::{Error, ErrorKind};

/// Something unexpected.
const OTHER: u8 = 1;
/// Arguments or settings; clap uses the same for arguments.
const USAGE: u8 = 2;
/// The source is unreachable or refuses the login.
const SOURCE: u8 = 3;
/// The source is not set up for capture.
const SOURCE_UNFIT: u8 = 4;
/// Kafka is unreachable or refuses.
const KAFKA: u8 = 5;
/// The checkpoint, or the place to resume from.
const CHECKPOINT: u8 = 6;
/// The stream holds something that cannot be followed.
const STREAM: u8 = 7;
/// A newer instance has taken over.
const FENCED: u8 = 8;

/// The answer to what was asked is no: tables differ, or there are none of that name.
const OTHERWISE: u8 = 9;

/// An error that is not the engine's, with its exit code.
#[derive(Debug)]
struct Coded {
    text: String,
    code: u8,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Coded {}

/// Marks an error as the user's, with its whole chain of causes as its text.
pub fn usage(error: anyhow::Error) -> anyhow::Error {
    coded(format!("{error:#}"), USAGE)
}

/// An error in what the binlog holds.
pub fn stream(text: String) -> anyhow::Error {
    coded(text, STREAM)
}

/// What was asked about is not so.
pub fn otherwise(text: String) -> anyhow::Error {
    coded(text, OTHERWISE)
}

/// An error that says `summary`, with the exit code of an error that was told before.
pub fn told(summary: String, before: &Result<(), Error>) -> anyhow::Error {
    let code = before
        .as_ref()
        .err()
        .map_or(OTHER, |error| code_of(Some(error.kind())));
    coded(summary, code)
}

fn coded(text: String, code: u8) -> anyhow::Error {
    Coded { text, code }.into()
}

/// Says what went wrong on standard error and gives the exit code for it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        // Whoever read our output has seen enough.
        return ExitCode::SUCCESS;
    }
    match error.downcast_ref::<Error>() {
        // Its text already holds that of its causes.
        Some(error) => eprintln!("rowtide: {error}"),
        None => eprintln!("rowtide: {error:#}"),
    }
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return coded.code;
    }
    code_of(error.downcast_ref::<Error>().map(Error::kind))
}

fn code_of(kind: Option<ErrorKind>) -> u8 {
    match kind {
        Some(ErrorKind::Config) => USAGE,
        Some(ErrorKind::Source) => SOURCE,
        Some(ErrorKind::SourceUnfit) => SOURCE_UNFIT,
        Some(ErrorKind::Kafka) => KAFKA,
        Some(ErrorKind::Checkpoint) => CHECKPOINT,
        Some(ErrorKind::Stream) => STREAM,
        Some(ErrorKind::Fenced) => FENCED,
        Some(ErrorKind::Other) | None => OTHER,
    }
}
