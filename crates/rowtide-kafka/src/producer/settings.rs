//! The producer's settings, which have librdkafka's names and meaning.

use std::fmt;
use std::time::Duration;

use super::compression::Compression;
use crate::error::KafkaError;
use crate::options::KafkaOptions;
use crate::security::Security;

/// What is set of a producer.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where to find a first broker.
    pub bootstrap: Vec<Address>,
    /// How connections are secured.
    pub security: Security,
    /// How brokers are connected to.
    pub network: NetworkSettings,
    pub compression: Compression,
    /// Records of a batch, and bytes before compression; a larger record has a batch of its own.
    pub batch_records: i32,
    pub batch_bytes: usize,
    /// Bytes of a record's key and value.
    pub record_bytes: usize,
    /// Bytes and records that may wait or be under way.
    pub buffer_bytes: usize,
    pub buffer_records: usize,
    /// How long a batch may wait for more records, if no commit comes before.
    pub linger: Duration,
    /// How long a broker may take to answer.
    pub request_timeout: Duration,
    /// The first and the longest wait before something is tried again.
    pub retry_backoff: (Duration, Duration),
    /// How often a batch is sent again.
    pub retries: u32,
    /// For the acknowledgement of a record, retries included.
    pub delivery_timeout: Duration,
    /// After which Kafka aborts a transaction.
    pub transaction_timeout: Duration,
    /// For the first answer of a broker.
    pub connect_timeout: Duration,
    /// How long a topic that nobody knows may still be on its way.
    pub topic_propagation: Duration,
    /// How often the partitions of topics are asked for anew.
    pub metadata_interval: Duration,
}

/// What is set of connections.
#[derive(Debug, Clone)]
pub(crate) struct NetworkSettings {
    pub client_id: String,
    /// Until a connection can be used.
    pub setup_timeout: Duration,
    /// The first and the longest wait before a broker is connected to again.
    pub reconnect_backoff: (Duration, Duration),
    pub family: AddressFamily,
    pub nagle: bool,
    pub keepalive: bool,
    /// Bytes of the system's buffers; none for its own choice.
    pub send_buffer: Option<usize>,
    pub receive_buffer: Option<usize>,
    /// Bytes of the largest answer.
    pub answer_bytes: usize,
    /// Requests under way to a broker. With more than five, a broker cannot tell a record that is sent again.
    pub in_flight: usize,
}

/// Which addresses of a host are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressFamily {
    Any,
    V4,
    V6,
}

/// A broker's host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Settings {
    /// What `options` say, which must have been checked for what librdkafka has against them.
    ///
    /// # Errors
    /// [`KafkaError::Setting`] for what the producer cannot do.
    pub(crate) fn new(options: &KafkaOptions) -> Result<Self, KafkaError> {
        let given = Given(options);
        let transaction_timeout = given.duration_or("transaction.timeout.ms", options.timeouts.transaction);
        let delivery = options.timeouts.delivery.min(transaction_timeout);
        let in_flight = given.number("max.in.flight.requests.per.connection", 5);
        Ok(Self {
            bootstrap: addresses(&options.brokers)?,
            security: Security::from_settings(&|name| options.effective(name))?,
            network: NetworkSettings {
                client_id: given.text("client.id", "rowtide").to_owned(),
                setup_timeout: given.ms("socket.connection.setup.timeout.ms", 30_000),
                reconnect_backoff: (
                    given.ms("reconnect.backoff.ms", 20),
                    given.ms("reconnect.backoff.max.ms", 1_000),
                ),
                family: given.family(),
                nagle: !given.is_true("socket.nagle.disable", true),
                keepalive: given.is_true("socket.keepalive.enable", false),
                send_buffer: given.size("socket.send.buffer.bytes"),
                receive_buffer: given.size("socket.receive.buffer.bytes"),
                answer_bytes: given.number("receive.message.max.bytes", 100_000_000),
                in_flight,
            },
            compression: given.compression()?,
            batch_records: given.number("batch.num.messages", 10_000),
            batch_bytes: given.number("batch.size", 1_000_000),
            record_bytes: given.number("message.max.bytes", 1_000_000),
            buffer_bytes: given
                .number::<usize>("queue.buffering.max.kbytes", 48 << 10)
                .saturating_mul(1024),
            buffer_records: match given.number("queue.buffering.max.messages", 0) {
                0 => usize::MAX,
                records => records,
            },
            linger: given.ms("linger.ms", 5),
            request_timeout: given.ms("request.timeout.ms", 30_000),
            retry_backoff: (
                given.ms("retry.backoff.ms", 100),
                given.ms("retry.backoff.max.ms", 1_000),
            ),
            retries: given.number("retries", u32::MAX),
            delivery_timeout: given.duration_or("delivery.timeout.ms", delivery),
            transaction_timeout,
            connect_timeout: options.timeouts.connect,
            topic_propagation: given.ms("topic.metadata.propagation.max.ms", 30_000),
            metadata_interval: given.ms("topic.metadata.refresh.interval.ms", 300_000),
        })
    }
}

/// The settings in force, by librdkafka's names.
struct Given<'a>(&'a KafkaOptions);

impl<'a> Given<'a> {
    fn text(&self, name: &str, default: &'a str) -> &'a str {
        self.0.effective(name).unwrap_or(default)
    }

    fn number<N: std::str::FromStr>(&self, name: &str, default: N) -> N {
        let given = self.0.effective(name);
        given
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(default)
    }

    fn ms(&self, name: &str, default: u64) -> Duration {
        self.duration_or(name, Duration::from_millis(default))
    }

    /// librdkafka takes fractions for some of them, and -1 for no end.
    fn duration_or(&self, name: &str, default: Duration) -> Duration {
        let ms: Option<f64> = self.0.effective(name).and_then(|value| value.trim().parse().ok());
        match ms {
            None => default,
            Some(ms) => Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or(FOR_EVER),
        }
    }

    fn is_true(&self, name: &str, default: bool) -> bool {
        match self.0.effective(name) {
            None => default,
            Some(value) => matches!(value.to_ascii_lowercase().as_str(), "true" | "t" | "1"),
        }
    }

    /// A size of which 0 leaves the choice to the system.
    fn size(&self, name: &str) -> Option<usize> {
        Some(self.number(name, 0)).filter(|size| *size > 0)
    }

    fn family(&self) -> AddressFamily {
        match self.text("broker.address.family", "any") {
            "v4" => AddressFamily::V4,
            "v6" => AddressFamily::V6,
            _ => AddressFamily::Any,
        }
    }

    fn compression(&self) -> Result<Compression, KafkaError> {
        let level: i32 = self.number("compression.level", -1);
        let level_or = |default: i32| if level < 0 { default } else { level };
        match self.text("compression.type", "none") {
            "none" => Ok(Compression::None),
            "gzip" => Ok(Compression::Gzip(u32::try_from(level_or(6).min(9)).unwrap_or(6))),
            "snappy" => Ok(Compression::Snappy),
            "lz4" if level > 0 => Err(KafkaError::Setting {
                property: "compression.level".to_owned(),
                reason: "Rowtide compresses with lz4 at one level; take zstd for smaller batches".to_owned(),
            }),
            "lz4" => Ok(Compression::Lz4),
            "zstd" => Ok(Compression::Zstd(level_or(3))),
            other => Err(KafkaError::Setting {
                property: "compression.type".to_owned(),
                reason: format!("`{other}` is not known: take none, gzip, snappy, lz4 or zstd"),
            }),
        }
    }
}

/// For times without an end.
const FOR_EVER: Duration = Duration::from_secs(1 << 31);

/// `HOST:PORT`, several separated by commas, each perhaps after `PROTOCOL://`; an address of IPv6 stands in brackets.
fn addresses(brokers: &str) -> Result<Vec<Address>, KafkaError> {
    const DEFAULT_PORT: u16 = 9092;
    let unfit = |part: &str| KafkaError::Setting {
        property: "bootstrap.servers".to_owned(),
        reason: format!("`{part}` is no HOST:PORT"),
    };
    let parts = brokers.split(',').map(str::trim).filter(|part| !part.is_empty());
    let addresses: Result<Vec<_>, _> = parts
        .map(|part| {
            let address = part.split_once("://").map_or(part, |(_, address)| address);
            let bare_v6 = address.matches(':').count() > 1 && !address.starts_with('[');
            let (host, port) = match address.rsplit_once(':') {
                Some((host, port)) if !bare_v6 && !port.ends_with(']') => {
                    (host, port.parse().map_err(|_| unfit(part))?)
                }
                _ => (address, DEFAULT_PORT),
            };
            let host = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .unwrap_or(host);
            match host.is_empty() {
                true => Err(unfit(part)),
                false => Ok(Address {
                    host: host.to_owned(),
                    port,
                }),
            }
        })
        .collect();
    let addresses = addresses?;
    if addresses.is_empty() {
        return Err(unfit(brokers));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Settings, KafkaError> {
        let config = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Settings::new(&KafkaOptions {
            config: config.collect(),
            ..KafkaOptions::new("b:1", "shop")
        })
    }

    #[test]
    fn rowtides_defaults() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.compression, Compression::Lz4);
        assert_eq!(settings.record_bytes, 16_000_000);
        assert_eq!(settings.buffer_bytes, 128 << 20);
        assert_eq!(settings.network.in_flight, 5);
        assert_eq!(settings.delivery_timeout, Duration::from_secs(60));
        assert_eq!(settings.network.client_id, "rowtide");
    }

    #[test]
    fn settings_have_librdkafkas_names_and_aliases() {
        let settings = with(&[
            ("compression.codec", "zstd"),
            ("compression.level", "7"),
            ("message.timeout.ms", "1500"),
            ("queue.buffering.max.ms", "0.5"),
            ("socket.nagle.disable", "false"),
        ])
        .unwrap();
        assert_eq!(settings.compression, Compression::Zstd(7));
        assert_eq!(settings.delivery_timeout, Duration::from_millis(1_500));
        assert_eq!(settings.linger, Duration::from_micros(500));
        assert!(settings.network.nagle);
        assert!(with(&[("compression.level", "3")]).is_err(), "of lz4");
    }

    #[test]
    fn addresses_in_all_their_forms() {
        let found = |brokers| {
            let pairs = addresses(brokers).unwrap().into_iter();
            pairs.map(|a| (a.host, a.port)).collect::<Vec<_>>()
        };
        assert_eq!(found("a:1, b"), [("a".to_owned(), 1), ("b".to_owned(), 9092)]);
        assert_eq!(found("SASL_SSL://a:1"), [("a".to_owned(), 1)]);
        assert_eq!(found("[::1]:7"), [("::1".to_owned(), 7)]);
        assert_eq!(found("::1"), [("::1".to_owned(), 9092)]);
        for unfit in ["", "a:b", ":1", "a:70000"] {
            assert!(addresses(unfit).is_err(), "{unfit}");
        }
    }
}
