//! The program `rowtide`: changes of a MySQL or MariaDB server to Apache Kafka.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod commands;
mod exit;
mod logging;
mod options;
mod progress_line;
#[cfg(test)]
mod reference;
mod settings;
mod signals;

/// Changes of a MySQL or MariaDB server to Apache Kafka, in Debezium's format
#[derive(Debug, Parser)]
#[command(
    name = "rowtide",
    version,
    propagate_version = true,
    args_override_self = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: logging::LogSettings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write changes to Kafka
    Run(Box<settings::Settings>),
    /// Show changes as JSON lines on standard output: no Kafka, no state
    Tail(Box<commands::tail::Arguments>),
    /// Show what is in binlog files
    Inspect(commands::inspect::Arguments),
    /// Say what would keep `run` from running, and what mends it
    Check(Box<settings::Settings>),
    /// Show or set the place from which the next run goes on
    #[command(subcommand)]
    Checkpoint(commands::checkpoint::Action),
    /// Show what is known of tables, or compare it with the source
    #[command(subcommand)]
    Schema(commands::schema::Action),
}

fn main() -> ExitCode {
    match try_main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

fn try_main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    logging::start(&cli.logging).map_err(exit::usage)?;
    match cli.command {
        Command::Run(settings) => commands::run::run(*settings),
        Command::Tail(arguments) => commands::tail::run(*arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments),
        Command::Check(settings) => commands::check::run(*settings),
        Command::Checkpoint(action) => commands::checkpoint::run(action),
        Command::Schema(action) => commands::schema::run(action),
    }
}
