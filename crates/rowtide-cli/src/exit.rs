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

/// An error in what the user gave.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Marks an error as the user's, with its whole chain of causes as its text.
pub fn usage(error: anyhow::Error) -> anyhow::Error {
    Usage(format!("{error:#}")).into()
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
    if error.is::<Usage>() {
        return USAGE;
    }
    match error.downcast_ref::<Error>().map(Error::kind) {
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
