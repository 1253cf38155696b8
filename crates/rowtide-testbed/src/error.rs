//! Why a server of the testbed could not be fetched, started or used.

use std::path::{Path, PathBuf};

/// What went wrong in the testbed, with the command or file it went wrong with.
#[derive(Debug, thiserror::Error)]
pub enum TestbedError {
    /// A file or folder could not be read, written or made.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was being done, as a verb: `create`, `copy`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// A program could not be run at all.
    #[error("cannot run `{command}`: {source}; {advice}")]
    Spawn {
        /// The command line.
        command: String,
        /// The operating system's word.
        source: std::io::Error,
        /// What to install or set.
        advice: &'static str,
    },
    /// A program ran and failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it wrote.
        output: String,
    },
    /// The machine lacks something that the testbed needs.
    #[error("{0}")]
    Machine(String),
    /// A server ended, or did not answer, while it was awaited.
    #[error("{server} is not ready: {reason}; the end of its log:\n{log}")]
    NotReady {
        /// Which server.
        server: &'static str,
        /// Why it is given up.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// The server refused a statement.
    #[error("the server refused: {0}")]
    Sql(String),
    /// The Kafka client failed.
    #[error("Kafka, {action}: {source}")]
    Kafka {
        /// What was being done.
        action: String,
        /// The client's word.
        source: rdkafka::error::KafkaError,
    },
    /// Something read back is not what the format says.
    #[error("unexpected data: {0}")]
    Unexpected(String),
}

/// A result of the testbed.
pub type Result<T> = std::result::Result<T, TestbedError>;

/// Adapts an I/O error of an action on a path, for `map_err`.
pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TestbedError {
    let path = path.to_path_buf();
    move |source| TestbedError::File { action, path, source }
}

/// Adapts an error of the Kafka client, for `map_err`.
pub(crate) fn kafka(action: impl Into<String>) -> impl FnOnce(rdkafka::error::KafkaError) -> TestbedError {
    let action = action.into();
    move |source| TestbedError::Kafka { action, source }
}
