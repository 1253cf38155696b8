//! From settings to the engine's own options: every problem is found here, before anything connects.

use std::time::Duration;

use anyhow::{Context, anyhow};
use rowtide::binlog::client::{Secret, SourceOptions};
use rowtide::binlog::tls::{TlsMode, TlsOptions};
use rowtide::kafka::{CreateTopics, Delivery, KafkaOptions, TopicSpec};
use rowtide::pipeline::TopicSettings;
use rowtide::progress::CommitLimits;
use rowtide::{Pipeline, SourceUrl, StartFrom, TableFilter};

use crate::settings::{DeliveryMode, KafkaSettings, Settings, SourceSettings, SslMode, pairs};

/// The pipeline that the settings describe.
///
/// # Errors
/// Names the setting that is missing or cannot be used.
pub fn pipeline(settings: &Settings) -> anyhow::Result<Pipeline> {
    let (from, to) = (&settings.source, &settings.kafka);
    let brokers = required(
        to.kafka.clone(),
        "--kafka",
        "HOST:PORT of Kafka's bootstrap server",
    )?;
    let builder = Pipeline::builder(source(from)?, server_id(from)?, brokers, topic_prefix(from)?)
        .tables(tables(from)?)
        .start(start(from)?)
        .topics(topics(to)?)
        .commit_limits(commit_limits(to)?)
        .tombstones_on_delete(from.tombstones_on_delete.unwrap_or(true))
        .until_idle(from.until_idle);
    let builder = match from.heartbeat_interval {
        Some(interval) => builder.heartbeat(heartbeat(interval)?),
        None => builder,
    };
    let mut applied = Ok(());
    let builder = builder.kafka(|kafka| applied = apply(to, kafka));
    applied?;
    Ok(builder.build()?)
}

/// Puts Kafka's settings into its options.
pub fn apply(settings: &KafkaSettings, kafka: &mut KafkaOptions) -> anyhow::Result<()> {
    kafka.config = kafka_config(settings)?;
    kafka.delivery = delivery(settings);
    set(&mut kafka.checkpoint_topic, settings.checkpoint_topic.clone());
    set(&mut kafka.history_topic, settings.schema_history_topic.clone());
    set(&mut kafka.timeouts.connect, settings.kafka_connect_timeout);
    Ok(())
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
pub fn server_id(settings: &SourceSettings) -> anyhow::Result<u32> {
    required(
        settings.server_id,
        "--server-id",
        "a number that no other server or replica of the source has",
    )
}

/// The topic prefix.
pub fn topic_prefix(settings: &SourceSettings) -> anyhow::Result<String> {
    required(
        settings.topic_prefix.clone(),
        "--topic-prefix",
        "the first part of every topic's name",
    )
}

/// The tables that are captured.
pub fn tables(settings: &SourceSettings) -> anyhow::Result<TableFilter> {
    Ok(TableFilter::new(
        &settings.include_table,
        &settings.exclude_table,
    )?)
}

/// Where to start without a checkpoint.
pub fn start(settings: &SourceSettings) -> anyhow::Result<StartFrom> {
    settings
        .start
        .as_deref()
        .map_or(Ok(StartFrom::Now), str::parse)
        .context("--start")
}

/// A heartbeat interval that the server takes.
pub fn heartbeat(interval: Duration) -> anyhow::Result<Duration> {
    let legal = Duration::from_millis(1)..=Duration::from_secs(4_294_967);
    if legal.contains(&interval) {
        Ok(interval)
    } else {
        Err(anyhow!("--heartbeat-interval must be from 1ms to 4294967s"))
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
fn delivery(settings: &KafkaSettings) -> Delivery {
    match settings.delivery {
        Some(DeliveryMode::AtLeastOnce) => Delivery::AtLeastOnce,
        Some(DeliveryMode::ExactlyOnce) | None => Delivery::ExactlyOnce,
    }
}

/// Whether and how topics are created.
fn topics(settings: &KafkaSettings) -> anyhow::Result<TopicSettings> {
    let create = if settings.create_topics.unwrap_or(true) {
        CreateTopics::Allowed
    } else {
        CreateTopics::Forbidden
    };
    let replication_factor = settings.topic_replication_factor.unwrap_or(-1);
    let config = pairs("--topic-config", &settings.topic_config)?;
    let data = TopicSpec {
        partitions: settings.topic_partitions.unwrap_or(1),
        replication_factor,
        config,
    };
    Ok(TopicSettings {
        create,
        data,
        replication_factor,
    })
}

fn commit_limits(settings: &KafkaSettings) -> anyhow::Result<CommitLimits> {
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
pub fn required<T>(setting: Option<T>, argument: &str, what: &str) -> anyhow::Result<T> {
    setting.ok_or_else(|| anyhow!("{argument} is missing: {what}"))
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *place = value;
    }
}
