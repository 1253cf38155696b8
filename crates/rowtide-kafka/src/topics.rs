//! Creates missing topics and refuses unfit ones.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};

use crate::error::{KafkaError, Scene};
use crate::options::KafkaOptions;
use crate::producer::{Producer, Wanted};
use crate::publisher::connect_error;
use crate::wire::ErrorCode;

/// Whether missing topics may be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateTopics {
    /// Rowtide creates them.
    Allowed,
    /// A missing topic is an error.
    Forbidden,
}

/// How a topic is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its partitions.
    pub partitions: i32,
    /// Its replicas; -1 for the broker's default.
    pub replication_factor: i32,
    /// Its settings.
    pub config: Vec<(String, String)>,
}

impl Default for TopicSpec {
    fn default() -> Self {
        Self {
            partitions: 1,
            replication_factor: -1,
            config: Vec::new(),
        }
    }
}

impl TopicSpec {
    /// A checkpoint topic: one partition, compacted.
    pub fn checkpoint(replication_factor: i32) -> Self {
        Self {
            partitions: 1,
            replication_factor,
            config: pairs(&[("cleanup.policy", "compact")]),
        }
    }

    /// A schema-history topic: one partition, kept for ever.
    pub fn history(replication_factor: i32) -> Self {
        Self {
            partitions: 1,
            replication_factor,
            config: pairs(HISTORY_CONFIG),
        }
    }

    /// A schema-change topic beside topics of tables that are created as `data` says: with their replicas and settings, but
    /// in one partition, which keeps the order of all statements, and not compacted, which would leave one statement of
    /// each database.
    pub fn schema_changes(data: &Self) -> Self {
        let mut config = data.config.clone();
        config.retain(|(key, _)| key != "cleanup.policy");
        config.extend(pairs(&[("cleanup.policy", "delete")]));
        Self {
            partitions: 1,
            replication_factor: data.replication_factor,
            config,
        }
    }

    /// The command that creates `topic` like this.
    fn command(&self, topic: &str) -> String {
        let mut command = format!(
            "kafka-topics.sh --create --topic {topic} --partitions {}",
            self.partitions
        );
        if self.replication_factor > 0 {
            command.push_str(&format!(" --replication-factor {}", self.replication_factor));
        }
        for (key, value) in &self.config {
            command.push_str(&format!(" --config {key}={value}"));
        }
        command
    }
}

const HISTORY_CONFIG: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("retention.bytes", "-1"),
];

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// The topics of a cluster, as far as Rowtide needs them. Blocks.
pub struct Topics {
    admin: AdminClient<DefaultClientContext>,
    /// Lists topics: librdkafka would take in the whole cluster for more than one of them.
    observer: Producer,
    options: KafkaOptions,
    create: CreateTopics,
    /// Partitions of each topic known to exist; filled by one request for all.
    known: HashMap<String, usize>,
}

impl Topics {
    /// Connects and lists the cluster's topics.
    ///
    /// # Errors
    /// [`KafkaError::Setting`], [`KafkaError::Unreachable`], [`KafkaError::Authentication`].
    pub fn connect(options: &KafkaOptions, create: CreateTopics) -> Result<Self, KafkaError> {
        // Connects first: rdkafka's admin client reports no reasons, and nobody takes its log lines.
        let observer = Producer::observer(options.producer_settings()?)
            .map_err(|fault| connect_error(options, fault))?;
        let mut config = options.client_config()?;
        config.set_log_level(RDKafkaLogLevel::Emerg);
        let admin = config.create().map_err(|e| KafkaError::Client(e.to_string()))?;
        let mut topics = Self {
            admin,
            observer,
            options: options.clone(),
            create,
            known: HashMap::new(),
        };
        topics.learn(Wanted::All)?;
        Ok(topics)
    }

    /// Whether the topic was there when the topics were last listed.
    pub fn exists(&self, topic: &str) -> bool {
        self.known.contains_key(topic)
    }

    /// Sees to it that the checkpoint and the schema-history topic exist and are fit, creating them with
    /// `replication_factor` (-1 for the broker's default).
    ///
    /// # Errors
    /// [`KafkaError::TopicUnfit`] for a topic that would lose them, [`KafkaError::TopicMissing`].
    pub fn ensure_own_topics(&mut self, replication_factor: i32) -> Result<(), KafkaError> {
        let checkpoint = self.options.checkpoint_topic.clone();
        let history = self.options.history_topic.clone();
        self.ensure_topics(&[
            (checkpoint.as_str(), TopicSpec::checkpoint(replication_factor)),
            (history.as_str(), TopicSpec::history(replication_factor)),
        ])?;
        self.check_checkpoint_topic(&checkpoint)?;
        self.check_history_topic(&history)
    }

    /// Looks at the checkpoint and the schema-history topic as [`ensure_own_topics`](Self::ensure_own_topics) does, and
    /// creates nothing: a topic that is missing and may be created is no error.
    ///
    /// # Errors
    /// As [`ensure_own_topics`](Self::ensure_own_topics).
    pub fn check_own_topics(&self, replication_factor: i32) -> Result<(), KafkaError> {
        let checkpoint = &self.options.checkpoint_topic;
        match self.exists(checkpoint) {
            true => self.check_checkpoint_topic(checkpoint)?,
            false => self.allowed(checkpoint, &TopicSpec::checkpoint(replication_factor))?,
        }
        let history = &self.options.history_topic;
        match self.exists(history) {
            true => self.check_history_topic(history),
            false => self.allowed(history, &TopicSpec::history(replication_factor)),
        }
    }

    /// Whether [`ensure_topic`](Self::ensure_topic) would find the topic or be allowed to create it.
    ///
    /// # Errors
    /// [`KafkaError::TopicMissing`] if not.
    pub fn check_topic(&self, topic: &str, spec: &TopicSpec) -> Result<(), KafkaError> {
        match self.exists(topic) {
            true => Ok(()),
            false => self.allowed(topic, spec),
        }
    }

    /// # Errors
    /// [`KafkaError::TopicMissing`] if the topic may not be created.
    fn allowed(&self, topic: &str, spec: &TopicSpec) -> Result<(), KafkaError> {
        match self.create {
            CreateTopics::Allowed => Ok(()),
            CreateTopics::Forbidden => Err(KafkaError::TopicMissing {
                topic: topic.to_owned(),
                command: spec.command(topic),
            }),
        }
    }

    /// Sees to it that the checkpoint topic exists and is fit, creating it with `replication_factor` (-1 for the broker's
    /// default).
    ///
    /// # Errors
    /// As [`ensure_own_topics`](Self::ensure_own_topics).
    pub fn ensure_checkpoint_topic(&mut self, replication_factor: i32) -> Result<(), KafkaError> {
        let checkpoint = self.options.checkpoint_topic.clone();
        self.ensure_topic(&checkpoint, &TopicSpec::checkpoint(replication_factor))?;
        self.check_checkpoint_topic(&checkpoint)
    }

    /// Sees to it that one topic exists.
    ///
    /// # Errors
    /// As [`ensure_topics`](Self::ensure_topics).
    pub fn ensure_topic(&mut self, topic: &str, spec: &TopicSpec) -> Result<(), KafkaError> {
        self.ensure_topics(&[(topic, spec.clone())])
    }

    /// Sees to it that all `wanted` topics exist, with one request for all that are missing, and that they have leaders.
    ///
    /// # Errors
    /// [`KafkaError::TopicMissing`] where creating is not allowed; [`KafkaError::Admin`] if the broker refuses.
    pub fn ensure_topics(&mut self, wanted: &[(&str, TopicSpec)]) -> Result<(), KafkaError> {
        let mut missing = self.missing(wanted);
        if !missing.is_empty() && self.create == CreateTopics::Forbidden {
            // Somebody else may have made them.
            self.learn(Wanted::These(&names(&missing)))?;
            missing = self.missing(wanted);
        }
        let Some((first, spec)) = missing.first() else {
            return Ok(());
        };
        self.allowed(first, spec)?;
        for some in missing.chunks(TOPICS_IN_A_REQUEST) {
            self.create_topics(some)?;
        }
        self.await_leaders(names(&missing))
    }

    /// Those that are not known to exist, each once.
    fn missing<'a>(&self, wanted: &'a [(&'a str, TopicSpec)]) -> Vec<&'a (&'a str, TopicSpec)> {
        let mut seen = HashSet::new();
        wanted
            .iter()
            .filter(|(topic, _)| !self.known.contains_key(*topic) && seen.insert(*topic))
            .collect()
    }

    fn create_topics(&self, missing: &[&(&str, TopicSpec)]) -> Result<(), KafkaError> {
        let new: Vec<NewTopic<'_>> = missing
            .iter()
            .map(|(topic, spec)| new_topic(topic, spec))
            .collect();
        let limit = self.options.timeouts.connect;
        let request = AdminOptions::new()
            .request_timeout(Some(limit))
            .operation_timeout(Some(limit));
        let results = block_on(self.admin.create_topics(&new, &request)).map_err(|e| {
            let some: Vec<&str> = names(missing).into_iter().take(3).collect();
            self.error(format!("creating the topics {}", some.join(", ")), &e)
        })?;
        for result in results {
            match result {
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    let command = missing
                        .iter()
                        .find(|(name, _)| *name == topic)
                        .map(|(name, spec)| spec.command(name))
                        .unwrap_or_default();
                    // The client drops the broker's own words, so that it is told what was asked for.
                    let action = format!("creating the topic {topic}, as `{command}` would");
                    return Err(self.scene(|s| s.admin_code(action, code, code.to_string())));
                }
            }
        }
        Ok(())
    }

    /// A topic can be written to when each partition has a leader. Brokers hear of a new one a moment after it was made.
    fn await_leaders(&mut self, mut waiting: Vec<&str>) -> Result<(), KafkaError> {
        let start = Instant::now();
        loop {
            self.learn(Wanted::These(&waiting))?;
            waiting.retain(|topic| !self.known.contains_key(*topic));
            let Some(first) = waiting.first() else {
                return Ok(());
            };
            if start.elapsed() > self.options.timeouts.connect {
                let action = format!("electing leaders for the new topic {first}");
                return Err(KafkaError::Timeout {
                    action,
                    after: start.elapsed(),
                });
            }
            std::thread::sleep(LEADER_WAIT);
        }
    }

    /// Takes in which topics exist and can be written to.
    fn learn(&mut self, wanted: Wanted<'_>) -> Result<(), KafkaError> {
        let limit = self.options.timeouts.connect;
        let topics = self.observer.describe(wanted, limit);
        for topic in topics.map_err(|fault| connect_error(&self.options, fault))? {
            let is_refused = topic.error != ErrorCode::NONE && !topic.error.is_retriable();
            if is_refused && matches!(wanted, Wanted::These(_)) {
                let action = format!("listing the topic {}", topic.name);
                let code = topic.error.code();
                return Err(self.scene(|s| s.admin_code(action, code, code.to_string())));
            }
            let has_leaders = !topic.leaders.is_empty() && topic.leaders.iter().all(|leader| *leader >= 0);
            if topic.error == ErrorCode::NONE && has_leaders {
                self.known.insert(topic.name, topic.leaders.len());
            }
        }
        Ok(())
    }

    fn check_checkpoint_topic(&self, topic: &str) -> Result<(), KafkaError> {
        self.check_one_partition(topic, "the checkpoint topic")?;
        let config = self.describe(topic)?;
        let policy = value(&config, "cleanup.policy");
        if policy == "compact" {
            return Ok(());
        }
        Err(KafkaError::TopicUnfit {
            topic: topic.to_owned(),
            purpose: "the checkpoint topic",
            problem: format!(
                "it has cleanup.policy={policy}, so that Kafka may delete the only record of where to resume"
            ),
            advice: alter(topic, "cleanup.policy=compact"),
        })
    }

    fn check_history_topic(&self, topic: &str) -> Result<(), KafkaError> {
        self.check_one_partition(topic, "the schema-history topic")?;
        let config = self.describe(topic)?;
        let wrong: Vec<String> = HISTORY_CONFIG
            .iter()
            .filter(|(key, wanted)| value(&config, key) != *wanted)
            .map(|(key, _)| format!("{key}={}", value(&config, key)))
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(KafkaError::TopicUnfit {
            topic: topic.to_owned(),
            purpose: "the schema-history topic",
            problem: format!(
                "it has {}, so that Kafka may delete a part of the history",
                wrong.join(", ")
            ),
            advice: alter(topic, "cleanup.policy=delete,retention.ms=-1,retention.bytes=-1"),
        })
    }

    fn check_one_partition(&self, topic: &str, purpose: &'static str) -> Result<(), KafkaError> {
        match self.known.get(topic) {
            None | Some(1) => Ok(()),
            Some(partitions) => Err(KafkaError::TopicUnfit {
                topic: topic.to_owned(),
                purpose,
                problem: format!("it has {partitions} partitions and must have one, which keeps its order"),
                advice: "Name another topic, or delete this one and let Rowtide create it".to_owned(),
            }),
        }
    }

    fn describe(&self, topic: &str) -> Result<ConfigResource, KafkaError> {
        let action = || format!("describing the topic {topic}");
        let request = AdminOptions::new().request_timeout(Some(self.options.timeouts.connect));
        let all = block_on(
            self.admin
                .describe_configs(&[ResourceSpecifier::Topic(topic)], &request),
        )
        .map_err(|e| self.error(action(), &e))?;
        match all.into_iter().next() {
            Some(Ok(config)) => Ok(config),
            Some(Err(code)) => Err(self.scene(|s| s.admin_code(action(), code, code.to_string()))),
            None => Err(self.scene(|s| s.admin_code(action(), Code::Fail, "an empty answer".to_owned()))),
        }
    }

    fn error(&self, action: String, error: &ClientError) -> KafkaError {
        self.scene(|scene| scene.admin(action, error))
    }

    fn scene(&self, make: impl FnOnce(Scene<'_>) -> KafkaError) -> KafkaError {
        let id = self.options.transactional_id();
        make(Scene {
            brokers: &self.options.brokers,
            transactional_id: &id,
        })
    }
}

fn names<'a>(topics: &[&'a (&'a str, TopicSpec)]) -> Vec<&'a str> {
    topics.iter().map(|(name, _)| *name).collect()
}

fn new_topic<'a>(topic: &'a str, spec: &'a TopicSpec) -> NewTopic<'a> {
    let new = NewTopic::new(
        topic,
        spec.partitions,
        TopicReplication::Fixed(spec.replication_factor),
    );
    spec.config
        .iter()
        .fold(new, |new, (key, value)| new.set(key, value))
}

fn value<'a>(config: &'a ConfigResource, key: &str) -> &'a str {
    config
        .get(key)
        .and_then(|entry| entry.value.as_deref())
        .unwrap_or("(unknown)")
}

fn alter(topic: &str, config: &str) -> String {
    format!(
        "Change it with `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {config}`, or name another topic"
    )
}

/// Waits for a future on this thread: librdkafka's own thread wakes it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Topics created by one request: large enough to be fast, small enough for the controller's limits.
const TOPICS_IN_A_REQUEST: usize = 500;
/// How long to wait before asking again whether new topics have leaders.
const LEADER_WAIT: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_changes_are_kept_as_tables_are_but_in_order_and_all_of_them() {
        let data = TopicSpec {
            partitions: 3,
            replication_factor: 2,
            config: pairs(&[("cleanup.policy", "compact"), ("retention.ms", "1000")]),
        };
        assert_eq!(
            TopicSpec::schema_changes(&data).command("shop"),
            "kafka-topics.sh --create --topic shop --partitions 1 --replication-factor 2 --config retention.ms=1000 \
             --config cleanup.policy=delete"
        );
    }
}
