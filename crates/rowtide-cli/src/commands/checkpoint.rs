//! `rowtide checkpoint`: the place from which the next run goes on.

use std::io::Write;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use rowtide::checkpoint::{Store, Target};
use rowtide::event::{BinlogPosition, GtidSet};

use crate::settings::{
    CheckpointSettings, ConfigArgument, ConfigFile, CreationSettings, HistorySettings, KafkaSettings,
    NameSettings,
};
use crate::{exit, options};

/// What to do with the checkpoint.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print the checkpoint as JSON
    Show(Box<Place>),
    /// Write another checkpoint: the next run goes on from there. A running instance is fenced first
    Set(Box<Set>),
}

/// Where the checkpoint is.
#[derive(Debug, Args)]
pub struct Place {
    #[command(flatten)]
    kafka: KafkaSettings,
    #[command(flatten)]
    name: NameSettings,
    #[command(flatten)]
    checkpoint: CheckpointSettings,
    #[command(flatten)]
    config: ConfigArgument,
}

/// The new checkpoint.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("to").required(true).multiple(true).args(["gtid", "position"]))]
pub struct Set {
    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    creation: CreationSettings,

    /// All transactions that count as done, as a GTID set; this, --position or both must be given
    #[arg(long, value_name = "SET")]
    gtid: Option<String>,

    /// Where to go on, for a server without GTIDs: FILE:POS
    #[arg(long, value_name = "FILE:POS")]
    position: Option<String>,

    /// The server that the position belongs to (SELECT @@server_uuid, on MariaDB SELECT @@server_uid); needed with --position where the source had no
    /// checkpoint before
    #[arg(long, value_name = "UUID")]
    server_uuid: Option<String>,

    /// The schema-history topic tells of all statements up to this place: for a topic that a Debezium has written, so that
    /// Rowtide goes on from there. Without it, the schema history goes as far as the checkpoint before
    #[arg(long)]
    take_over_history: bool,

    #[command(flatten)]
    history: HistorySettings,
}

/// Shows or sets.
pub fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Show(place) => show(&place),
        Action::Set(set) => write(&set),
    }
}

fn show(place: &Place) -> anyhow::Result<()> {
    let store = file(place)
        .and_then(|file| store(place, &HistorySettings::default(), &file))
        .map_err(exit::usage)?;
    let checkpoint = store.read()?;
    writeln!(std::io::stdout(), "{}", checkpoint.to_json())?;
    Ok(())
}

fn write(set: &Set) -> anyhow::Result<()> {
    let file = file(&set.place).map_err(exit::usage)?;
    let store = store(&set.place, &set.history, &file).map_err(exit::usage)?;
    let creation = file.fill(set.creation.clone()).map_err(exit::usage)?;
    let gtids = set.gtid.as_deref().map(gtids).transpose().map_err(exit::usage)?;
    let position = set
        .position
        .as_deref()
        .map(position)
        .transpose()
        .map_err(exit::usage)?;
    let store = store.creating(
        options::create_topics(&creation),
        options::replication_factor(&creation),
    );
    let written = store.set(Target {
        gtids,
        position,
        server_uuid: set.server_uuid.clone(),
        takes_over_history: set.take_over_history,
    })?;
    writeln!(std::io::stdout(), "{}", written.to_json())?;
    Ok(())
}

fn file(place: &Place) -> anyhow::Result<ConfigFile> {
    ConfigFile::read(&place.config)
}

fn store(place: &Place, history: &HistorySettings, file: &ConfigFile) -> anyhow::Result<Store> {
    Ok(Store::new(options::kafka(
        &file.fill(place.kafka.clone())?,
        &file.fill(place.name.clone())?,
        &file.fill(place.checkpoint.clone())?,
        &file.fill(history.clone())?,
    )?))
}

fn gtids(text: &str) -> anyhow::Result<GtidSet> {
    text.parse().map_err(|e| anyhow!("--gtid: {e}"))
}

fn position(text: &str) -> anyhow::Result<BinlogPosition> {
    text.parse().context("--position")
}
