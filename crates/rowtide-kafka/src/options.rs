//! What a user sets of the way to Kafka, and the client settings made from it.

use std::fmt;
use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::types::RDKafkaConfRes;

use crate::error::KafkaError;
use crate::producer::Settings;

/// What a change may suffer when something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Changes, schema history and checkpoint in one Kafka transaction.
    #[default]
    ExactlyOnce,
    /// The checkpoint is written when the changes are acknowledged: a change may be written twice.
    AtLeastOnce,
}

/// How long to wait for Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the first answer of a broker, and for requests about topics.
    pub connect: Duration,
    /// For the acknowledgement of a record, retries included (`delivery.timeout.ms`).
    pub delivery: Duration,
    /// How long a transaction may stay open before Kafka aborts it (`transaction.timeout.ms`; the broker's
    /// `transaction.max.timeout.ms` is the upper limit). After a crash, readers of committed records wait so long at
    /// most, if Rowtide is not started again before.
    pub transaction: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            delivery: Duration::from_secs(60),
            transaction: Duration::from_secs(60),
        }
    }
}

/// Everything that is set of the way to Kafka.
#[derive(Clone)]
pub struct KafkaOptions {
    /// Bootstrap servers: `HOST:PORT`, several separated by commas.
    pub brokers: String,
    /// Settings of librdkafka, passed on as they are; they win over Rowtide's defaults. Those that would break its
    /// guarantees are refused by [`KafkaOptions::check`].
    pub config: Vec<(String, String)>,
    /// What a change may suffer when something fails.
    pub delivery: Delivery,
    /// The source's name, which is the topic prefix: the checkpoint's key and part of the transactional id.
    pub source_name: String,
    /// The topic of the checkpoint.
    pub checkpoint_topic: String,
    /// The topic of the schema history.
    pub history_topic: String,
    /// Headers that every change record carries, after those of a changed key.
    pub context_headers: Vec<(String, String)>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// The values of settings may be passwords, so that only their names are shown.
impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.config.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("KafkaOptions")
            .field("brokers", &self.brokers)
            .field("config", &names)
            .field("delivery", &self.delivery)
            .field("source_name", &self.source_name)
            .field("checkpoint_topic", &self.checkpoint_topic)
            .field("history_topic", &self.history_topic)
            .field("context_headers", &self.context_headers)
            .field("timeouts", &self.timeouts)
            .finish()
    }
}

impl KafkaOptions {
    /// Exactly-once delivery to `brokers` for the source `source_name`, with the default topics.
    pub fn new(brokers: impl Into<String>, source_name: impl Into<String>) -> Self {
        let source_name = source_name.into();
        Self {
            brokers: brokers.into(),
            config: Vec::new(),
            delivery: Delivery::default(),
            checkpoint_topic: format!("{source_name}.checkpoint"),
            history_topic: format!("{source_name}.schema-history"),
            source_name,
            context_headers: Vec::new(),
            timeouts: Timeouts::default(),
        }
    }

    /// The id under which Kafka knows the one instance that may write this source's changes.
    pub fn transactional_id(&self) -> String {
        format!("rowtide-{}", self.source_name)
    }

    /// The ids of its two producers, which take turns. No other source has such a name: a topic's has no `~`.
    pub(crate) fn transactional_ids(&self) -> (String, String) {
        let first = self.transactional_id();
        let second = format!("{first}~2");
        (first, second)
    }

    /// Checks all settings without connecting anywhere.
    ///
    /// # Errors
    /// [`KafkaError::Setting`] names a setting that librdkafka does not know, a value it does not take, a setting
    /// that would break Rowtide's guarantees, or one that Rowtide's producer cannot do.
    pub fn check(&self) -> Result<(), KafkaError> {
        self.producer_settings().map(drop)
    }

    /// Bytes of records that may wait for Kafka.
    ///
    /// # Errors
    /// [`KafkaError::Setting`] if a setting cannot be used.
    pub fn buffer_bytes(&self) -> Result<usize, KafkaError> {
        Ok(self.producer_settings()?.buffer_bytes)
    }

    /// The producer's settings.
    pub(crate) fn producer_settings(&self) -> Result<Settings, KafkaError> {
        self.check_each()?;
        Settings::new(self)
    }

    /// Checks what librdkafka's readers and Rowtide's guarantees have against single settings.
    fn check_each(&self) -> Result<(), KafkaError> {
        for (name, value) in &self.config {
            if let Some(reason) = refusal(name, value) {
                return Err(KafkaError::Setting {
                    property: name.clone(),
                    reason: reason.to_owned(),
                });
            }
            ClientConfig::new()
                .set(name, value)
                .create_native_config()
                .map_err(|e| setting_error(name, e))?;
        }
        Ok(())
    }

    /// The settings of a reader of one topic.
    pub(crate) fn reader_config(&self) -> Result<ClientConfig, KafkaError> {
        let mut config = self.client_config()?;
        for (name, value) in READER_SETTINGS {
            config.set(*name, *value);
        }
        config.set("group.id", self.transactional_id());
        Ok(config)
    }

    /// What every client has in common; also all that an admin client needs.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        self.check_each()?;
        let mut config = ClientConfig::new();
        config.set_log_level(log_level());
        config.set("bootstrap.servers", &self.brokers);
        config.set("allow.auto.create.topics", "false");
        self.set_default(&mut config, "client.id", "rowtide");
        // Half of it is also how long librdkafka waits before it connects to a second broker, at every start.
        self.set_default(&mut config, "reconnect.backoff.ms", "20");
        self.set_default(&mut config, "reconnect.backoff.max.ms", "1000");
        for (name, value) in &self.config {
            config.set(canonical(name), value);
        }
        Ok(config)
    }

    /// The value in force for a setting of the producer.
    pub(crate) fn effective<'a>(&'a self, name: &str) -> Option<&'a str> {
        let given = self
            .config
            .iter()
            .rev()
            .find(|(n, _)| canonical(n) == name)
            .map(|(_, value)| value.as_str());
        given.or_else(|| {
            PRODUCER_DEFAULTS
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| *value)
        })
    }

    fn set_default(&self, config: &mut ClientConfig, name: &str, value: &str) {
        if !self.config.iter().any(|(given, _)| canonical(given) == name) {
            config.set(name, value);
        }
    }
}

/// Rowtide's own defaults for its producer.
const PRODUCER_DEFAULTS: &[(&str, &str)] = &[
    ("compression.type", "lz4"),
    // Lingering costs no latency, since every commit sends all there is; fuller batches are cheaper for everybody.
    ("linger.ms", "5000"),
    // Only many tables fill it: each has a batch of its own, which costs the broker the same whatever is in it.
    ("queue.buffering.max.kbytes", "131072"),
    ("queue.buffering.max.messages", "1000000"),
    // The broker's and the topic's own limit (max.message.bytes, after compression) is the one that counts.
    ("message.max.bytes", "16000000"),
];

/// A reader takes a topic to its end, sees committed records only, and keeps no offsets. It learns that it is at the end
/// from an answer without records, which should not be long in coming.
const READER_SETTINGS: &[(&str, &str)] = &[
    ("isolation.level", "read_committed"),
    ("enable.partition.eof", "true"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "earliest"),
    ("fetch.wait.max.ms", "1"),
    // What an answer holds is unpacked at once to several times as much, whatever room the queue has.
    ("fetch.message.max.bytes", "262144"),
    ("queued.max.messages.kbytes", "4096"),
    // How long librdkafka does not look again when it holds so much: a second, if nothing is said.
    ("fetch.queue.backoff.ms", "1"),
];

/// Settings of librdkafka that have two names, and the one that is used here.
const ALIASES: &[(&str, &str)] = &[
    ("metadata.broker.list", "bootstrap.servers"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("request.required.acks", "acks"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("message.timeout.ms", "delivery.timeout.ms"),
    ("compression.codec", "compression.type"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("message.send.max.retries", "retries"),
    ("auto.commit.enable", "enable.auto.commit"),
    ("sasl.mechanism", "sasl.mechanisms"),
];

fn canonical(name: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, real)| real)
}

/// Why a setting of the user cannot be had, if it cannot.
fn refusal(name: &str, value: &str) -> Option<&'static str> {
    let not = |allowed: &[&str], reason| (!allowed.contains(&value)).then_some(reason);
    match canonical(name) {
        "bootstrap.servers" => Some("the brokers have a setting of their own (--kafka)"),
        "transactional.id" => {
            Some("it is made from the topic prefix, so that two instances of a source fence each other")
        }
        "acks" => not(
            &["all", "-1"],
            "with anything but `all` an acknowledged change can be lost",
        ),
        "enable.idempotence" => not(
            &["true"],
            "without it retries double changes and break their order",
        ),
        "max.in.flight.requests.per.connection" => {
            (!matches!(value.parse(), Ok(1..=5))).then_some("an idempotent producer takes 1 to 5")
        }
        "partitioner" => not(
            &["murmur2"],
            "records of a key must stay in the partition where Kafka's Java client puts them",
        ),
        "queuing.strategy" => not(&["fifo"], "anything but `fifo` breaks the order of changes"),
        "delivery.report.only.error" => not(&["true"], "Rowtide counts acknowledgements in another way"),
        "allow.auto.create.topics" => not(
            &["false"],
            "Rowtide creates topics itself, with the settings they need",
        ),
        "group.id" => Some("Rowtide joins no consumer group"),
        "client.dns.lookup" => not(
            &["use_all_dns_ips"],
            "Rowtide's producer takes the brokers' names as they are given",
        ),
        "enable.gapless.guarantee"
        | "message.copy.max.bytes"
        | "produce.offset.report"
        | "queue.buffering.backpressure.threshold"
        | "socket.max.fails"
        | "sticky.partitioning.linger.ms" => {
            Some("it is for librdkafka's producer, and Rowtide has one of its own")
        }
        reader if READER_SETTINGS.iter().any(|(own, _)| *own == reader) => {
            Some("Rowtide's reader of the checkpoint sets it itself")
        }
        _ => None,
    }
}

/// What librdkafka has against a setting; values of settings that may hold a secret are not repeated.
fn setting_error(name: &str, error: ClientError) -> KafkaError {
    let reason = match error {
        ClientError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
            "librdkafka has no such setting".to_owned()
        }
        ClientError::ClientConfig(_, reason, ..) if !may_be_secret(name) => reason,
        _ => "librdkafka does not take its value".to_owned(),
    };
    KafkaError::Setting {
        property: name.to_owned(),
        reason,
    }
}

fn may_be_secret(name: &str) -> bool {
    [
        "password", "secret", "token", "key", "pem", "sasl", "oauth", "jaas",
    ]
    .iter()
    .any(|part| name.contains(part))
}

/// librdkafka tells what the log would show, and no more.
fn log_level() -> RDKafkaLogLevel {
    if tracing::enabled!(target: "librdkafka", tracing::Level::DEBUG) {
        RDKafkaLogLevel::Debug
    } else {
        RDKafkaLogLevel::Warning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> KafkaOptions {
        KafkaOptions {
            config: vec![(name.into(), value.into())],
            ..KafkaOptions::new("b:9092", "shop")
        }
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let e = with("ackz", "all").check().unwrap_err();
        assert_eq!(
            e.to_string(),
            "the Kafka setting `ackz` cannot be used: librdkafka has no such setting"
        );
    }

    #[test]
    fn what_breaks_the_guarantees_is_refused_under_each_of_its_names() {
        for (name, value) in [
            ("acks", "1"),
            ("request.required.acks", "0"),
            ("enable.idempotence", "false"),
            ("transactional.id", "x"),
            ("max.in.flight", "6"),
            ("max.in.flight.requests.per.connection", "many"),
            ("partitioner", "murmur2_random"),
            ("metadata.broker.list", "b:1"),
            ("isolation.level", "read_uncommitted"),
            ("allow.auto.create.topics", "true"),
        ] {
            match with(name, value).check() {
                Err(KafkaError::Setting { property, .. }) => assert_eq!(property, name),
                other => panic!("{name}={value}: {other:?}"),
            }
        }
    }

    #[test]
    fn harmless_forms_of_the_same_settings_pass() {
        for (name, value) in [
            ("acks", "-1"),
            ("enable.idempotence", "true"),
            ("max.in.flight", "1"),
        ] {
            assert_eq!(with(name, value).check(), Ok(()), "{name}={value}");
        }
    }

    #[test]
    fn the_user_wins_over_the_defaults_by_either_name() {
        let options = with("queue.buffering.max.ms", "7");
        assert_eq!(options.effective("linger.ms"), Some("7"));
        assert_eq!(options.effective("message.max.bytes"), Some("16000000"));
    }

    #[test]
    fn no_secret_is_shown() {
        let options = with("sasl.password", "hunter2");
        assert!(!format!("{options:?}").contains("hunter2"));
        let e = with("ssl.key.password\0", "hunter2").check().unwrap_err();
        assert!(!e.to_string().contains("hunter2") && !format!("{e:?}").contains("hunter2"));
        let e = with("linger.ms", "soon").check().unwrap_err();
        assert!(e.to_string().contains("linger.ms"), "{e}");
    }
}
