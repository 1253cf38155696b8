//! `rowtide checkpoint`: the place from which the next run goes on.

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use rowtide::event::{BinlogPosition, GtidSet};

use crate::settings::{KafkaSettings, SourceSettings};
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

    /// The source's name: the topic prefix of its run
    #[arg(long, env = "ROWTIDE_TOPIC_PREFIX", value_name = "NAME")]
    topic_prefix: Option<String>,
}

/// The new checkpoint.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("to").required(true).multiple(true).args(["gtid", "position"]))]
pub struct Set {
    #[command(flatten)]
    place: Place,

    /// All transactions that count as done, as a GTID set; this, --position or both must be given
    #[arg(long, value_name = "SET")]
    gtid: Option<String>,

    /// Where to go on, for a server without GTIDs: FILE:POS
    #[arg(long, value_name = "FILE:POS")]
    position: Option<String>,

    /// The server that the position belongs to (SELECT @@server_uuid); needed with --position where the source had no
    /// checkpoint before
    #[arg(long, value_name = "UUID")]
    server_uuid: Option<String>,
}

/// Shows or sets.
pub fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Show(place) => show(&place),
        Action::Set(set) => write(&set),
    }
}

fn show(place: &Place) -> anyhow::Result<()> {
    let store = store(place).map_err(exit::usage)?;
    let checkpoint = store.read()?;
    println!("{}", checkpoint.to_json());
    Ok(())
}

fn write(set: &Set) -> anyhow::Result<()> {
    let store = store(&set.place).map_err(exit::usage)?;
    let gtids = set.gtid.as_deref().map(gtids).transpose().map_err(exit::usage)?;
    let position = set
        .position
        .as_deref()
        .map(position)
        .transpose()
        .map_err(exit::usage)?;
    let written = store.set(gtids, position, set.server_uuid.clone())?;
    println!("{}", written.to_json());
    Ok(())
}

fn store(place: &Place) -> anyhow::Result<rowtide::checkpoint::Store> {
    let source = SourceSettings {
        topic_prefix: place.topic_prefix.clone(),
        ..SourceSettings::default()
    };
    let brokers = options::required(
        place.kafka.kafka.clone(),
        "--kafka",
        "HOST:PORT of Kafka's bootstrap server",
    )?;
    let mut kafka = rowtide::kafka::KafkaOptions::new(brokers, options::topic_prefix(&source)?);
    options::apply(&place.kafka, &mut kafka)?;
    kafka.check()?;
    Ok(rowtide::checkpoint::Store::new(kafka))
}

fn gtids(text: &str) -> anyhow::Result<GtidSet> {
    text.parse().map_err(|e| anyhow!("--gtid: {e}"))
}

fn position(text: &str) -> anyhow::Result<BinlogPosition> {
    text.parse().context("--position")
}
