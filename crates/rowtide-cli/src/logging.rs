//! Logs on standard error: for a person on a terminal, or structured.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How Rowtide logs.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// How log lines look [default: text on a terminal, else json]
    #[arg(long, global = true, env = "ROWTIDE_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,

    /// What is logged: error, warn, info, debug, or a filter such as rowtide=debug
    #[arg(
        long,
        global = true,
        env = "ROWTIDE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    pub log: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For a person
    Text,
    /// One JSON object a line
    Json,
}

/// Starts logging to standard error. librdkafka logs through the same door.
///
/// # Errors
/// If the filter cannot be read.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    // librdkafka tells every attempt to reconnect as information; a filter that names it wins over this one.
    let filter = EnvFilter::try_new(format!("librdkafka=warn,{}", settings.log))
        .map_err(|e| anyhow::anyhow!("--log `{}` is not a log filter: {e}", settings.log))?;
    let terminal = std::io::stderr().is_terminal();
    let format = settings.log_format.unwrap_or(if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_target(false).with_ansi(terminal).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
