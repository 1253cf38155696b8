//! From a server to Kafka: the engine as a whole.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rowtide_binlog::client::SourceOptions;
use rowtide_event::Flavour;
use rowtide_event::encode::AbsentColumns;
use rowtide_kafka::{CreateTopics, KafkaOptions, TopicSpec};

use crate::error::Error;
use crate::filter::TableFilter;
use crate::ingest::Stop;
use crate::progress::CommitLimits;
use crate::schema::SchemaDisagreement;
use crate::start::StartFrom;
use crate::stats::{Snapshot, Stats};
use crate::supervise;
use crate::table_changes::Comments;

/// Changes of one server to Kafka: until told to stop, through lost connections and restarts of either side.
#[derive(Debug)]
pub struct Pipeline {
    settings: Settings,
    stats: Arc<Stats>,
}

/// Everything that is set for a run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) capture: CaptureSettings,
    pub(crate) start: StartFrom,
    pub(crate) kafka: KafkaOptions,
    pub(crate) topics: TopicSettings,
    pub(crate) commit: CommitLimits,
    pub(crate) queue_bytes: usize,
    /// Names this run; new with each start.
    pub(crate) run_id: String,
}

impl Settings {
    /// Bytes that rows of a backlog of many tables may take before they are decoded: twice as many as records that wait for
    /// Kafka, of which there are few then; and not much more than a Kafka transaction has otherwise, whose records are several
    /// times as large as rows in the binlog.
    pub(crate) fn gathered_bytes(&self) -> Result<usize, Error> {
        let of_memory = self.kafka.buffer_bytes()?.saturating_mul(2);
        Ok(of_memory.min(self.commit.bytes.saturating_mul(4)))
    }

    /// The schema-change topic, if there is to be one, and how it is created.
    pub(crate) fn schema_change_topic(&self) -> Option<(&str, TopicSpec)> {
        let topic = self.capture.topic_prefix.as_str();
        let spec = || TopicSpec::schema_changes(&self.topics.data);
        self.capture.include_schema_changes.then(|| (topic, spec()))
    }

    /// # Errors
    /// [`Error::Config`] if two kinds of records would go to one topic.
    fn check_topics(&self) -> Result<(), Error> {
        let (checkpoint, history) = (&self.kafka.checkpoint_topic, &self.kafka.history_topic);
        let own = [checkpoint, history];
        match self.schema_change_topic() {
            Some((topic, _)) if own.iter().any(|own| *own == topic) => Err(Error::Config(format!(
                "the topic {topic} cannot be the checkpoint or the schema history: it tells of schema changes, unless \
                 --include-schema-changes is false"
            ))),
            _ if checkpoint == history => Err(Error::Config(format!(
                "the checkpoint and the schema history need a topic each, and {checkpoint} is named for both"
            ))),
            _ => Ok(()),
        }
    }

    /// The headers that Debezium puts on every record of a run. Consumers that route by connector find what they know:
    /// the name is that of Debezium's connector for the same server.
    pub(crate) fn context_headers(&self, flavour: Flavour) -> Vec<(String, String)> {
        let all = [
            ("connectorLogicalName", self.capture.topic_prefix.as_str()),
            ("taskId", "0"),
            ("connectorName", flavour.connector()),
            ("runId", self.run_id.as_str()),
        ];
        all.map(|(name, value)| (format!("__debezium.context.{name}"), value.to_owned()))
            .into()
    }
}

/// Whether and how topics are created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSettings {
    /// Whether missing topics are created at all.
    pub create: CreateTopics,
    /// Topics of tables.
    pub data: TopicSpec,
    /// Replicas of the checkpoint and the schema-history topic; -1 for the broker's default.
    pub replication_factor: i32,
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self {
            create: CreateTopics::Allowed,
            data: TopicSpec::default(),
            replication_factor: -1,
        }
    }
}

/// Bytes of records of prepared XA transactions that are held at most, unless something else is asked for.
const XA_HELD_BYTES: usize = 256 << 20;

/// What concerns the source and the events, with Kafka or without.
#[derive(Debug, Clone)]
pub(crate) struct CaptureSettings {
    pub(crate) source: SourceOptions,
    pub(crate) server_id: u32,
    pub(crate) tables: TableFilter,
    pub(crate) topic_prefix: String,
    pub(crate) tombstones_on_delete: bool,
    pub(crate) include_schema_changes: bool,
    pub(crate) absent_columns: AbsentColumns,
    pub(crate) heartbeat: Duration,
    pub(crate) xa_held_bytes: usize,
    pub(crate) workers: NonZeroUsize,
    pub(crate) until_idle: Option<Duration>,
    pub(crate) comments: Comments,
    pub(crate) disagreement: SchemaDisagreement,
}

impl CaptureSettings {
    pub(crate) fn new(source: SourceOptions, server_id: u32, topic_prefix: String) -> Self {
        Self {
            source,
            server_id,
            tables: TableFilter::default(),
            topic_prefix,
            tombstones_on_delete: true,
            include_schema_changes: true,
            absent_columns: AbsentColumns::default(),
            heartbeat: Duration::from_secs(10),
            xa_held_bytes: XA_HELD_BYTES,
            workers: NonZeroUsize::MIN,
            until_idle: None,
            comments: Comments::LeftOut,
            disagreement: SchemaDisagreement::default(),
        }
    }

    /// # Errors
    /// [`Error::Config`] for a prefix that no topic can begin with, or a server id of 0.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.topic_prefix.is_empty() || !self.topic_prefix.chars().all(legal) {
            return Err(Error::Config(format!(
                "the topic prefix `{}` is not usable: it needs one or more of A-Z a-z 0-9 . _ -",
                self.topic_prefix
            )));
        }
        if self.server_id == 0 {
            return Err(Error::Config(
                "the server id must not be 0: the server would not serve a replica".into(),
            ));
        }
        Ok(())
    }
}

impl Pipeline {
    /// A pipeline from `source`, joining it under `server_id`, to the Kafka of `brokers`, with topics that begin with
    /// `topic_prefix`. Everything else has a default.
    pub fn builder(
        source: SourceOptions,
        server_id: u32,
        brokers: impl Into<String>,
        topic_prefix: impl Into<String>,
    ) -> PipelineBuilder {
        let prefix = topic_prefix.into();
        PipelineBuilder {
            settings: Settings {
                kafka: KafkaOptions::new(brokers, prefix.clone()),
                capture: CaptureSettings::new(source, server_id, prefix),
                start: StartFrom::default(),
                topics: TopicSettings::default(),
                commit: CommitLimits::default(),
                queue_bytes: 8 << 20,
                run_id: uuid::Uuid::now_v7().to_string(),
            },
        }
    }

    /// What the run does, to be read at any time from anywhere.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Connects to Kafka and lists its topics: nothing is created or written, and a running instance is not disturbed.
    /// Blocks.
    ///
    /// # Errors
    /// What would keep a run from starting.
    pub fn check_kafka(&self) -> Result<(), Error> {
        supervise::check_kafka(&self.settings)
    }

    /// Runs until `shutdown` is ready, or the source is idle for as long as was asked for, or something happens that
    /// only a person can mend. What was read by then is committed before it returns.
    ///
    /// # Errors
    /// Whatever stopped it; [`Error::kind`] says who is at fault. Lost connections are taken up again and are no errors,
    /// unless the very first attempt fails.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<Snapshot, Error> {
        let stop = Stop::default();
        let (settings, stats, stopped) = (self.settings, Arc::clone(&self.stats), stop.clone());
        let mut worker = tokio::task::spawn_blocking(move || supervise::run(&settings, &stats, &stopped));
        tokio::pin!(shutdown);
        let ended = tokio::select! {
            ended = &mut worker => ended,
            () = shutdown => {
                stop.set();
                match tokio::time::timeout(STOP_GRACE, &mut worker).await {
                    Ok(ended) => ended,
                    Err(_) => return Err(Error::StopTimeout(STOP_GRACE.as_secs())),
                }
            }
        };
        ended.map_err(|_| Error::Fault("the engine's thread has panicked"))??;
        Ok(self.stats.snapshot())
    }
}

/// How long a stop may take to commit what was read.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// Sets what a [`Pipeline`] does.
#[derive(Debug, Clone)]
pub struct PipelineBuilder {
    settings: Settings,
}

impl PipelineBuilder {
    /// Which tables are captured; all of them by default.
    pub fn tables(mut self, tables: TableFilter) -> Self {
        self.settings.capture.tables = tables;
        self
    }

    /// Where to start when there is no checkpoint; by default with the next transaction.
    pub fn start(mut self, start: StartFrom) -> Self {
        self.settings.start = start;
        self
    }

    /// How to reach Kafka and deliver to it. The source's name is set to the topic prefix.
    pub fn kafka(mut self, change: impl FnOnce(&mut KafkaOptions)) -> Self {
        change(&mut self.settings.kafka);
        self.settings
            .kafka
            .source_name
            .clone_from(&self.settings.capture.topic_prefix);
        self
    }

    /// Whether and how missing topics are created.
    pub fn topics(mut self, topics: TopicSettings) -> Self {
        self.settings.topics = topics;
        self
    }

    /// When a Kafka transaction is committed.
    pub fn commit_limits(mut self, limits: CommitLimits) -> Self {
        self.settings.commit = limits;
        self
    }

    /// Bytes of encoded records that may wait for Kafka; reading from the source pauses while they do.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue_bytes = bytes;
        self
    }

    /// How often the server sends a sign of life; three missing are a dead connection.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.settings.capture.heartbeat = interval;
        self
    }

    /// How many threads decode rows and encode their records in a backlog, the reading thread among them; 1 by default. Their
    /// order does not depend on it.
    pub fn workers(mut self, workers: NonZeroUsize) -> Self {
        self.settings.capture.workers = workers;
        self
    }

    /// How many bytes of records of XA transactions may be held between XA PREPARE and the decision; 256 MiB by default. An
    /// eighth of it is for a transaction that may be rolled back to a savepoint.
    pub fn xa_held_bytes(mut self, bytes: usize) -> Self {
        self.settings.capture.xa_held_bytes = bytes;
        self
    }

    /// Whether a delete is followed by a tombstone; it is by default.
    pub fn tombstones_on_delete(mut self, on: bool) -> Self {
        self.settings.capture.tombstones_on_delete = on;
        self
    }

    /// Whether a topic with the name of the prefix alone tells of statements that change tables; it does by default.
    pub fn include_schema_changes(mut self, on: bool) -> Self {
        self.settings.capture.include_schema_changes = on;
        self
    }

    /// What becomes of columns that the source's row images leave out; a row that is not known in full stops the run by
    /// default.
    pub fn absent_columns(mut self, absent: AbsentColumns) -> Self {
        self.settings.capture.absent_columns = absent;
        self
    }

    /// Whether the schema history tells of comments; it does not by default.
    pub fn schema_comments(mut self, comments: Comments) -> Self {
        self.settings.capture.comments = comments;
        self
    }

    /// What is done where the binlog and the statements in it say different things of a table; the run stops by default.
    pub fn schema_disagreement(mut self, disagreement: SchemaDisagreement) -> Self {
        self.settings.capture.disagreement = disagreement;
        self
    }

    /// Ends the run when the source has had nothing new for so long.
    pub fn until_idle(mut self, idle: Option<Duration>) -> Self {
        self.settings.capture.until_idle = idle;
        self
    }

    /// Checks what was set, without connecting anywhere.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Kafka`] names the setting that cannot be used.
    pub fn build(self) -> Result<Pipeline, Error> {
        self.settings.capture.check()?;
        self.settings.kafka.check()?;
        self.settings.check_topics()?;
        Ok(Pipeline {
            settings: self.settings,
            stats: Arc::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowtide_binlog::client::Secret;

    fn build(change: impl FnOnce(&mut KafkaOptions), schema_changes: bool) -> Result<Pipeline, Error> {
        let source = SourceOptions::new("h".to_owned(), 3306, "u".to_owned(), Secret::new(""));
        Pipeline::builder(source, 1, "b:9092", "shop")
            .kafka(change)
            .include_schema_changes(schema_changes)
            .build()
    }

    #[test]
    fn each_kind_of_record_has_a_topic_of_its_own() {
        let history =
            |topic: &'static str| move |kafka: &mut KafkaOptions| kafka.history_topic = topic.into();
        assert!(build(|_| {}, true).is_ok());
        assert!(build(history("shop"), false).is_ok());
        for (topic, said) in [
            ("shop", "tells of schema changes"),
            ("shop.checkpoint", "named for both"),
        ] {
            let error = build(history(topic), true).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
