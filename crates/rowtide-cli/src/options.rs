//! From settings to the engine's own options: every problem is found here, before anything connects.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rowtide::binlog::client::{Secret, SourceOptions};
use rowtide::binlog::tls::{TlsMode, TlsOptions};
use rowtide::event::encode::AbsentColumns;
use rowtide::kafka::{CreateTopics, Delivery, KafkaOptions, TopicSpec};
use rowtide::pipeline::TopicSettings;
use rowtide::progress::CommitLimits;
use rowtide::table_changes::Comments;
use rowtide::{Pipeline, SchemaDisagreement, SourceUrl, StartFrom, TableFilter};

use crate::settings::{
    AbsentMode, CaptureSettings, CheckpointSettings, CreationSettings, DeliveryMode, DeliverySettings,
    DisagreementMode, HistorySettings, KafkaSettings, NameSettings, ReplicaSettings, Settings,
    SourceSettings, SslMode, TableSettings, pairs,
};

/// The pipeline that the settings describe.
///
/// # Errors
/// Names the setting that is missing or cannot be used.
pub fn pipeline(settings: &Settings) -> anyhow::Result<Pipeline> {
    let mut options = kafka(
        &settings.kafka,
        &settings.name,
        &settings.checkpoint,
        &settings.history,
    )?;
    options.delivery = delivery(&settings.delivery);
    let builder = Pipeline::builder(
        source(&settings.source)?,
        server_id(&settings.replica)?,
        options.brokers.clone(),
        topic_prefix(&settings.name)?,
    )
    .tables(tables(&settings.tables)?)
    .start(start(&settings.capture)?)
    .topics(topics(settings)?)
    .commit_limits(commit_limits(&settings.delivery)?)
    .tombstones_on_delete(settings.delivery.tombstones_on_delete.unwrap_or(true))
    .include_schema_changes(settings.delivery.include_schema_changes.unwrap_or(true))
    .absent_columns(absent_columns(&settings.capture))
    .schema_comments(schema_comments(&settings.delivery))
    .schema_disagreement(schema_disagreement(&settings.delivery))
    .until_idle(settings.capture.until_idle);
    let builder = match heartbeat(&settings.capture)? {
        Some(interval) => builder.heartbeat(interval),
        None => builder,
    };
    let builder = match xa_held_bytes(&settings.capture) {
        Some(bytes) => builder.xa_held_bytes(bytes),
        None => builder,
    };
    let builder = match settings.delivery.workers {
        Some(workers) => builder.workers(workers.into()),
        None => builder,
    };
    Ok(builder.kafka(|kafka| *kafka = options).build()?)
}

/// What becomes of columns that are not in the row image.
pub fn absent_columns(settings: &CaptureSettings) -> AbsentColumns {
    match settings.absent_columns {
        None | Some(AbsentMode::Stop) => AbsentColumns::Stop,
        Some(AbsentMode::Omit) => AbsentColumns::Omit,
        Some(AbsentMode::Placeholder) => AbsentColumns::Placeholder,
    }
}

fn schema_comments(settings: &DeliverySettings) -> Comments {
    match settings.include_schema_comments {
        None | Some(false) => Comments::LeftOut,
        Some(true) => Comments::Included,
    }
}

fn schema_disagreement(settings: &DeliverySettings) -> SchemaDisagreement {
    match settings.schema_disagreement {
        None | Some(DisagreementMode::Stop) => SchemaDisagreement::Stop,
        Some(DisagreementMode::TrustBinlog) => SchemaDisagreement::TrustBinlog,
    }
}

/// Checks all settings, as far as they are given: also of a Kafka that is not named.
///
/// # Errors
/// Names the setting that cannot be used.
pub fn check(settings: &Settings) -> anyhow::Result<()> {
    start(&settings.capture)?;
    heartbeat(&settings.capture)?;
    kafka_config(&settings.kafka)?;
    topics(settings)?;
    commit_limits(&settings.delivery)?;
    Ok(())
}

/// The way to Kafka, and to the checkpoint and the schema history there.
///
/// # Errors
/// Names the setting that is missing or cannot be used.
pub fn kafka(
    kafka: &KafkaSettings,
    name: &NameSettings,
    checkpoint: &CheckpointSettings,
    history: &HistorySettings,
) -> anyhow::Result<KafkaOptions> {
    let brokers = required(
        kafka.kafka.clone(),
        "--kafka",
        "HOST:PORT of Kafka's bootstrap server",
    )?;
    let mut options = KafkaOptions::new(brokers, topic_prefix(name)?);
    options.config = kafka_config(kafka)?;
    set(&mut options.checkpoint_topic, checkpoint.checkpoint_topic.clone());
    set(&mut options.history_topic, history.schema_history_topic.clone());
    set(&mut options.timeouts.connect, kafka.kafka_connect_timeout);
    options.check()?;
    Ok(options)
}

/// The source's address, account and encryption.
pub fn source(settings: &SourceSettings) -> anyhow::Result<SourceOptions> {
    let url = required(settings.source.as_deref(), "--source", "mysql://USER@HOST:PORT")?;
    let url: SourceUrl = url.parse().context("--source")?;
    let mut options = SourceOptions::new(url.host, url.port, url.user, password(settings)?);
    options.socket = url.socket;
    options.tls = tls(settings)?;
    Ok(options)
}

fn tls(settings: &SourceSettings) -> anyhow::Result<TlsOptions> {
    let options = TlsOptions {
        mode: tls_mode(settings.source_ssl_mode.unwrap_or(SslMode::Preferred)),
        ca: settings.source_ssl_ca.clone(),
        cert: settings.source_ssl_cert.clone(),
        key: settings.source_ssl_key.clone(),
    };
    options.check().context("--source-ssl-mode")?;
    Ok(options)
}

fn password(settings: &SourceSettings) -> anyhow::Result<Secret> {
    let Some(path) = &settings.source_password_file else {
        return Ok(Secret::new(
            std::env::var("ROWTIDE_SOURCE_PASSWORD").unwrap_or_default(),
        ));
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("--source-password-file: cannot read {}", path.display()))?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

fn tls_mode(mode: SslMode) -> TlsMode {
    match mode {
        SslMode::Disabled => TlsMode::Disabled,
        SslMode::Preferred => TlsMode::Preferred,
        SslMode::Required => TlsMode::Required,
        SslMode::VerifyCa => TlsMode::VerifyCa,
        SslMode::VerifyIdentity => TlsMode::VerifyIdentity,
    }
}

/// The replica's server id.
pub fn server_id(settings: &ReplicaSettings) -> anyhow::Result<u32> {
    required(
        settings.server_id,
        "--server-id",
        "a number that no other server or replica of the source has",
    )
}

/// The topic prefix.
fn topic_prefix(settings: &NameSettings) -> anyhow::Result<String> {
    required(
        settings.topic_prefix.clone(),
        "--topic-prefix",
        "the first part of every topic's name",
    )
}

/// The tables that are captured.
pub fn tables(settings: &TableSettings) -> anyhow::Result<TableFilter> {
    Ok(TableFilter::new(
        &settings.include_table,
        &settings.exclude_table,
    )?)
}

/// Where to start without a checkpoint.
pub fn start(settings: &CaptureSettings) -> anyhow::Result<StartFrom> {
    settings
        .start
        .as_deref()
        .map_or(Ok(StartFrom::Now), str::parse)
        .context("--start")
}

/// How much of prepared XA transactions may be held, if that is set.
pub fn xa_held_bytes(settings: &CaptureSettings) -> Option<usize> {
    // More than can be addressed is no limit.
    settings
        .xa_held_bytes
        .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// The heartbeat interval, if one is set; it must be one that the server takes.
pub fn heartbeat(settings: &CaptureSettings) -> anyhow::Result<Option<Duration>> {
    let legal = Duration::from_millis(1)..=Duration::from_secs(4_294_967);
    match settings.heartbeat_interval {
        Some(interval) if !legal.contains(&interval) => {
            bail!("--heartbeat-interval must be from 1ms to 4294967s")
        }
        interval => Ok(interval),
    }
}

/// Kafka's settings: those of the file, and those of the arguments, which win.
fn kafka_config(settings: &KafkaSettings) -> anyhow::Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    if let Some(path) = &settings.kafka_config_file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("--kafka-config-file: cannot read {}", path.display()))?;
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'));
        all.extend(pairs(
            "--kafka-config-file",
            &lines.map(str::to_owned).collect::<Vec<_>>(),
        )?);
    }
    let given = pairs("--kafka-config", &settings.kafka_config)?;
    all.retain(|(key, _)| !given.iter().any(|(other, _)| other == key));
    all.extend(given);
    Ok(all)
}

/// What a change may suffer.
fn delivery(settings: &DeliverySettings) -> Delivery {
    match settings.delivery {
        Some(DeliveryMode::AtLeastOnce) => Delivery::AtLeastOnce,
        Some(DeliveryMode::ExactlyOnce) | None => Delivery::ExactlyOnce,
    }
}

/// Whether and how topics are created.
fn topics(settings: &Settings) -> anyhow::Result<TopicSettings> {
    let replication_factor = replication_factor(&settings.creation);
    let delivery = &settings.delivery;
    let data = TopicSpec {
        partitions: delivery.topic_partitions.unwrap_or(1),
        replication_factor,
        config: pairs("--topic-config", &delivery.topic_config)?,
    };
    Ok(TopicSettings {
        create: create_topics(&settings.creation),
        data,
        replication_factor,
    })
}

/// Whether topics are created.
pub fn create_topics(settings: &CreationSettings) -> CreateTopics {
    match settings.create_topics {
        Some(false) => CreateTopics::Forbidden,
        Some(true) | None => CreateTopics::Allowed,
    }
}

/// How many replicas a topic is created with; -1 is the broker's own default.
pub fn replication_factor(settings: &CreationSettings) -> i32 {
    settings.topic_replication_factor.unwrap_or(-1)
}

fn commit_limits(settings: &DeliverySettings) -> anyhow::Result<CommitLimits> {
    let mut limits = CommitLimits::default();
    if let Some(bytes) = settings.commit_bytes {
        limits.bytes = usize::try_from(bytes).context("--commit-bytes")?;
    }
    if let Some(interval) = settings.commit_interval {
        limits.age_ms = u64::try_from(interval.as_millis()).context("--commit-interval")?;
    }
    Ok(limits)
}

/// A setting that has no default.
fn required<T>(setting: Option<T>, argument: &str, what: &str) -> anyhow::Result<T> {
    setting.ok_or_else(|| anyhow!("{argument} is missing: {what}"))
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *place = value;
    }
}
