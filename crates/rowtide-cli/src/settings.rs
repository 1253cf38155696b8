//! What a user can set, in one place: the same settings come as arguments, from the environment and from a file.
//!
//! An argument wins over the environment, the environment over the file, the file over the default. The fields here
//! are the only definition: `--help`, the file's keys and docs/configuration.md are made from them. They come in groups:
//! a command has the groups that do something there, and the file has them all.

mod file;

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde::Deserialize;

pub use file::ConfigFile;
use file::{duration, table};

/// The settings of a whole run.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    #[command(flatten)]
    pub source: SourceSettings,
    #[command(flatten)]
    pub replica: ReplicaSettings,
    #[command(flatten)]
    pub tables: TableSettings,
    #[command(flatten)]
    pub capture: CaptureSettings,
    #[command(flatten)]
    pub name: NameSettings,
    #[command(flatten)]
    pub kafka: KafkaSettings,
    #[command(flatten)]
    pub delivery: DeliverySettings,
    #[command(flatten)]
    pub checkpoint: CheckpointSettings,
    #[command(flatten)]
    pub history: HistorySettings,
    #[command(flatten)]
    pub creation: CreationSettings,
    #[command(flatten)]
    pub config: ConfigArgument,
}

/// Which file of settings is read.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgument {
    /// A TOML file with the same settings, by the arguments' names without the dashes before them. One file serves all
    /// commands: each takes the settings that it has
    #[arg(long, env = "ROWTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How the source is reached.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceSettings {
    /// The server: mysql://USER@HOST:PORT, or mysql://USER@localhost?socket=PATH for a unix socket. The password does
    /// not belong here: set ROWTIDE_SOURCE_PASSWORD or --source-password-file
    #[arg(long, env = "ROWTIDE_SOURCE", value_name = "URL")]
    pub source: Option<String>,

    /// A file whose first line is the source's password; without it the environment's ROWTIDE_SOURCE_PASSWORD is used
    #[arg(long, env = "ROWTIDE_SOURCE_PASSWORD_FILE", value_name = "FILE")]
    pub source_password_file: Option<PathBuf>,

    /// How the connection is encrypted [default: preferred]
    #[arg(long, env = "ROWTIDE_SOURCE_SSL_MODE", value_enum)]
    pub source_ssl_mode: Option<SslMode>,

    /// The certificate authorities (PEM) that verify_ca and verify_identity check the server's certificate against; without
    /// it, the system's
    #[arg(long, env = "ROWTIDE_SOURCE_SSL_CA", value_name = "FILE")]
    pub source_ssl_ca: Option<PathBuf>,

    /// The client certificate (PEM) shown to the server
    #[arg(long, env = "ROWTIDE_SOURCE_SSL_CERT", value_name = "FILE")]
    pub source_ssl_cert: Option<PathBuf>,

    /// The key (PEM) of the client certificate
    #[arg(long, env = "ROWTIDE_SOURCE_SSL_KEY", value_name = "FILE")]
    pub source_ssl_key: Option<PathBuf>,
}

/// As what a run joins the source.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReplicaSettings {
    /// The server id under which Rowtide joins as a replica: a number that no other server or replica has
    #[arg(long, env = "ROWTIDE_SERVER_ID", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub server_id: Option<u32>,
}

/// Which tables are captured.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableSettings {
    /// Capture only tables whose `database.table` matches this regular expression as a whole; may be given several
    /// times or as a list separated by commas [default: all tables]
    #[arg(long, env = "ROWTIDE_INCLUDE_TABLE", value_name = "REGEX")]
    pub include_table: Vec<String>,

    /// Do not capture tables whose `database.table` matches this regular expression as a whole
    #[arg(long, env = "ROWTIDE_EXCLUDE_TABLE", value_name = "REGEX")]
    pub exclude_table: Vec<String>,
}

/// How the source is read.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CaptureSettings {
    /// Where to start when there is no checkpoint: now, earliest, gtid:SET or position:FILE:POS [default: now]
    #[arg(long, env = "ROWTIDE_START", value_name = "WHERE")]
    pub start: Option<String>,

    /// What becomes of columns that the server's row images leave out (binlog_row_image MINIMAL or NOBLOB); one that has not
    /// changed is taken from the image before the change where it is in there [default: stop]
    #[arg(long, env = "ROWTIDE_ABSENT_COLUMNS", value_enum)]
    pub absent_columns: Option<AbsentMode>,

    /// How often the server sends a sign of life when it has nothing else to send; three missing are a dead connection
    /// [default: 10s]
    #[arg(long, env = "ROWTIDE_HEARTBEAT_INTERVAL", value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "duration")]
    pub heartbeat_interval: Option<Duration>,

    /// Bytes of records of prepared XA transactions that may wait in memory for XA COMMIT; a transaction that may be rolled
    /// back to a savepoint may have an eighth of it wait for its end [default: 268435456]
    #[arg(long, env = "ROWTIDE_XA_HELD_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub xa_held_bytes: Option<u64>,

    /// Stop, with success, when the server has had nothing new for so long
    #[arg(long, env = "ROWTIDE_UNTIL_IDLE", value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "duration")]
    pub until_idle: Option<Duration>,
}

/// What the source is called.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NameSettings {
    /// The first part of every topic's name and the source's name in every event
    #[arg(long, env = "ROWTIDE_TOPIC_PREFIX", value_name = "NAME")]
    pub topic_prefix: Option<String>,
}

/// How Kafka is reached.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct KafkaSettings {
    /// Kafka's bootstrap servers: HOST:PORT, several separated by commas
    #[arg(long, env = "ROWTIDE_KAFKA", value_name = "HOST:PORT")]
    pub kafka: Option<String>,

    /// Settings of the way to Kafka, by librdkafka's names: security.protocol=SASL_SSL and the like
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    #[serde(deserialize_with = "table")]
    pub kafka_config: Vec<String>,

    /// A file of such settings, a KEY=VALUE on each line: the place for passwords
    #[arg(long, env = "ROWTIDE_KAFKA_CONFIG_FILE", value_name = "FILE")]
    pub kafka_config_file: Option<PathBuf>,

    /// How long Kafka's first answer may take [default: 30s]
    #[arg(long, env = "ROWTIDE_KAFKA_CONNECT_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "duration")]
    pub kafka_connect_timeout: Option<Duration>,
}

/// Where the checkpoint is.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CheckpointSettings {
    /// The topic of the checkpoint [default: PREFIX.checkpoint]
    #[arg(long, env = "ROWTIDE_CHECKPOINT_TOPIC", value_name = "TOPIC")]
    pub checkpoint_topic: Option<String>,
}

/// Where the schema history is.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HistorySettings {
    /// The topic of the schema history [default: PREFIX.schema-history]
    #[arg(long, env = "ROWTIDE_SCHEMA_HISTORY_TOPIC", value_name = "TOPIC")]
    pub schema_history_topic: Option<String>,
}

/// Whether and how topics are created.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CreationSettings {
    /// Whether missing topics are created; if not, a missing topic stops Rowtide [default: true]
    #[arg(long, env = "ROWTIDE_CREATE_TOPICS", value_name = "BOOL", action = clap::ArgAction::Set)]
    pub create_topics: Option<bool>,

    /// Replicas of a topic that is created [default: the broker's own default]
    #[arg(long, env = "ROWTIDE_TOPIC_REPLICATION_FACTOR", value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub topic_replication_factor: Option<i32>,
}

/// How changes are written.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeliverySettings {
    /// Whether the tables' present rows are written first; `never` is the one value until snapshots exist [default: never]
    #[arg(long, env = "ROWTIDE_SNAPSHOT", value_enum)]
    pub snapshot: Option<SnapshotMode>,

    /// Write a tombstone (a record without a value) after each delete [default: true]
    #[arg(long, env = "ROWTIDE_TOMBSTONES_ON_DELETE", value_name = "BOOL", action = clap::ArgAction::Set)]
    pub tombstones_on_delete: Option<bool>,

    /// Tell of statements that make, alter, rename or drop tables in the topic named as the prefix alone, as Debezium does.
    /// It is created like a table's, but with one partition and without compaction [default: true]
    #[arg(long, env = "ROWTIDE_INCLUDE_SCHEMA_CHANGES", value_name = "BOOL", action = clap::ArgAction::Set)]
    pub include_schema_changes: Option<bool>,

    /// What a change may suffer when something fails: nothing, or being written twice [default: exactly-once]
    #[arg(long, env = "ROWTIDE_DELIVERY", value_enum)]
    pub delivery: Option<DeliveryMode>,

    /// Commit the Kafka transaction when it holds so many bytes, or up to eight times as many while it is less than eight times as old as the last commit took [default: 67108864]
    #[arg(long, env = "ROWTIDE_COMMIT_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub commit_bytes: Option<u64>,

    /// Commit the Kafka transaction when it is so old, or eight times as old as the last commit took, if that is more; it is
    /// committed at once when the server has nothing more to send [default: 200ms]
    #[arg(long, env = "ROWTIDE_COMMIT_INTERVAL", value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "duration")]
    pub commit_interval: Option<Duration>,

    /// Threads that decode rows and encode their records when there is a backlog, the reading thread among them. Records and
    /// their order do not depend on it [default: 1]
    #[arg(long, env = "ROWTIDE_WORKERS", value_name = "N")]
    pub workers: Option<NonZeroU8>,

    /// Tell of the comments of tables and columns in the schema history, as Debezium's include.schema.comments [default: false]
    #[arg(long, env = "ROWTIDE_INCLUDE_SCHEMA_COMMENTS", value_name = "BOOL", action = clap::ArgAction::Set)]
    pub include_schema_comments: Option<bool>,

    /// What is done where the binlog says otherwise than the statements so far what a table is [default: stop]
    #[arg(long, env = "ROWTIDE_SCHEMA_DISAGREEMENT", value_enum)]
    pub schema_disagreement: Option<DisagreementMode>,

    /// Partitions of a topic that is created for a table [default: 1]
    #[arg(long, env = "ROWTIDE_TOPIC_PARTITIONS", value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub topic_partitions: Option<i32>,

    /// Settings of a topic that is created for a table: cleanup.policy=compact and the like
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    #[serde(deserialize_with = "table")]
    pub topic_config: Vec<String>,
}

/// How the connection to the source is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum SslMode {
    /// In the clear
    Disabled,
    /// Encrypted if the server offers it, without checking who it is; where that fails it is not tried in the clear
    Preferred,
    /// Encrypted, without checking who it is
    Required,
    /// Encrypted, and the certificate must come from a trusted authority
    VerifyCa,
    /// As verify_ca, and the certificate must be for this host name
    VerifyIdentity,
}

/// What a change may suffer when something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryMode {
    /// Changes and checkpoint in one Kafka transaction
    ExactlyOnce,
    /// The checkpoint follows the acknowledgement of the changes
    AtLeastOnce,
}

/// What becomes of columns that are not in the row image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbsentMode {
    /// Stop at a row whose state after the change is not known in full; in `before` they are left out, and so are generated
    /// columns that MariaDB never logs
    Stop,
    /// Leave them out of `before` and `after`: a field that is not there is not null
    Omit,
    /// As Debezium does: `__debezium_unavailable_value` in text and JSON columns, its bytes in binary ones; leave out others
    Placeholder,
}

/// What is done where the binlog and the tracked schema disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisagreementMode {
    /// Stop, and show both shapes
    Stop,
    /// Go on by what the binlog says, with a warning
    TrustBinlog,
}

/// Whether present rows are written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotMode {
    /// Only changes
    Never,
}

/// Settings that belong together: a command has all of them or none.
pub trait Group: Args + serde::de::DeserializeOwned {
    /// `self`, with what it leaves open taken from `lower`.
    fn or(self, lower: Self) -> Self;
}

macro_rules! group {
    ($ty:ident: $($option:ident)* $(; lists $($list:ident)*)?) => {
        impl Group for $ty {
            fn or(self, lower: Self) -> Self {
                Self {
                    $($option: self.$option.or(lower.$option),)*
                    $($($list: if self.$list.is_empty() { lower.$list } else { self.$list },)*)?
                }
            }
        }
    };
}

group!(SourceSettings: source source_password_file source_ssl_mode source_ssl_ca source_ssl_cert source_ssl_key);
group!(ReplicaSettings: server_id);
group!(TableSettings: ; lists include_table exclude_table);
group!(CaptureSettings: start absent_columns heartbeat_interval xa_held_bytes until_idle);
group!(NameSettings: topic_prefix);
group!(KafkaSettings: kafka kafka_config_file kafka_connect_timeout; lists kafka_config);
group!(CheckpointSettings: checkpoint_topic);
group!(HistorySettings: schema_history_topic);
group!(CreationSettings: create_topics topic_replication_factor);
group!(DeliverySettings:
    snapshot tombstones_on_delete include_schema_changes delivery commit_bytes commit_interval workers include_schema_comments
    schema_disagreement topic_partitions;
    lists topic_config);

impl Settings {
    /// Fills what arguments and environment left open from the file, if one is named.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub fn with_file(self) -> anyhow::Result<Self> {
        let file = ConfigFile::read(&self.config)?;
        self.filled(&file)
    }

    pub(crate) fn filled(self, file: &ConfigFile) -> anyhow::Result<Self> {
        Ok(Self {
            source: file.fill(self.source)?,
            replica: file.fill(self.replica)?,
            tables: file.fill(self.tables)?,
            capture: file.fill(self.capture)?,
            name: file.fill(self.name)?,
            kafka: file.fill(self.kafka)?,
            delivery: file.fill(self.delivery)?,
            checkpoint: file.fill(self.checkpoint)?,
            history: file.fill(self.history)?,
            creation: file.fill(self.creation)?,
            config: self.config,
        })
    }
}

/// The names of settings, as arguments and the file's keys spell them.
pub(crate) fn setting_names<T: Args>() -> Vec<String> {
    let command = T::augment_args(clap::Command::new("settings"));
    command
        .get_arguments()
        .filter_map(|a| a.get_long().map(str::to_owned))
        .collect()
}

/// Splits `KEY=VALUE` pairs.
///
/// # Errors
/// Names `argument` if a pair has no `=`; what it holds is not shown, since it may be a secret.
pub fn pairs(argument: &str, given: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for pair in given {
        match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                all.push((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => bail!("{argument} takes KEY=VALUE pairs, and one of them has no `=` or no key"),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Probe {
        #[command(flatten)]
        settings: Settings,
    }

    const FILE: &str = r#"
        source = "mysql://cdc@db:3306"
        server-id = 77
        include-table = ["shop\\..*"]
        until-idle = "5s"
        kafka = "broker:9092"
        delivery = "at-least-once"
        kafka-config = { "security.protocol" = "SSL", "linger.ms" = 2 }
    "#;

    fn filled(arguments: &[&str]) -> Settings {
        let given = Probe::parse_from([&["rowtide"], arguments].concat()).settings;
        given.filled(&ConfigFile::parse(FILE).unwrap()).unwrap()
    }

    #[test]
    fn a_file_says_what_arguments_say() {
        let all = filled(&[]);
        assert_eq!(all.replica.server_id, Some(77));
        assert_eq!(all.tables.include_table, ["shop\\..*"]);
        assert_eq!(all.capture.until_idle, Some(Duration::from_secs(5)));
        assert_eq!(all.delivery.delivery, Some(DeliveryMode::AtLeastOnce));
        assert_eq!(all.kafka.kafka_config, ["linger.ms=2", "security.protocol=SSL"]);
    }

    #[test]
    fn arguments_win_over_the_file() {
        let all = filled(&["--server-id", "5", "--kafka", "other:1"]);
        assert_eq!(all.replica.server_id, Some(5));
        assert_eq!(all.source.source.as_deref(), Some("mysql://cdc@db:3306"));
        assert_eq!(all.kafka.kafka.as_deref(), Some("other:1"));
    }

    #[test]
    fn pairs_without_an_equals_sign_are_refused_without_showing_them() {
        assert_eq!(
            pairs("--x", &["a=b=c".into()]).unwrap(),
            [("a".to_owned(), "b=c".to_owned())]
        );
        let e = pairs("--kafka-config", &["hunter2".into()])
            .unwrap_err()
            .to_string();
        assert!(e.contains("--kafka-config") && !e.contains("hunter2"));
    }
}
