//! `rowtide schema`: what is known of tables.

mod show;
mod verify;

use clap::{Args, Subcommand};
use rowtide::kafka::KafkaOptions;

use crate::options;
use crate::settings::{
    CheckpointSettings, ConfigArgument, ConfigFile, HistorySettings, KafkaSettings, NameSettings,
};

/// What to do with the schema.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print the tables as they are known at the checkpoint, or were at an earlier place
    Show(Box<show::Arguments>),
    /// Compare the captured tables as they are known with those of the source, at the end of its binlog
    Verify(Box<verify::Arguments>),
}

/// Shows or compares.
pub fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Show(arguments) => show::run(&arguments),
        Action::Verify(arguments) => verify::run(&arguments),
    }
}

/// Where the checkpoint and the schema history are.
#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    kafka: KafkaSettings,
    #[command(flatten)]
    name: NameSettings,
    #[command(flatten)]
    checkpoint: CheckpointSettings,
    #[command(flatten)]
    history: HistorySettings,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Place {
    fn options(&self, file: &ConfigFile) -> anyhow::Result<KafkaOptions> {
        options::kafka(
            &file.fill(self.kafka.clone())?,
            &file.fill(self.name.clone())?,
            &file.fill(self.checkpoint.clone())?,
            &file.fill(self.history.clone())?,
        )
    }
}
