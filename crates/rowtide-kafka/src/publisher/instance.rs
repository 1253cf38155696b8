//! One producer of librdkafka, and how it connects.

use std::time::{Duration, Instant};

use rdkafka::error::KafkaError as ClientError;
use rdkafka::producer::{BaseProducer, Producer};

use crate::delivery::DeliveryContext;
use crate::error::{KafkaError, Scene, is_transient};
use crate::options::KafkaOptions;

pub(super) type Client = BaseProducer<DeliveryContext>;

/// A producer that is being connected.
pub(super) struct Instance<'a> {
    producer: Client,
    options: &'a KafkaOptions,
    transactional_id: Option<&'a str>,
}

impl<'a> Instance<'a> {
    /// A producer that a broker has answered. One with a transactional id has also fenced any older one of the same id:
    /// its open transaction is aborted and its next commit fails.
    pub(super) fn connect(
        options: &'a KafkaOptions,
        transactional_id: Option<&'a str>,
    ) -> Result<Client, KafkaError> {
        let producer = options
            .producer_config(transactional_id)?
            .create_with_context(DeliveryContext::default())
            .map_err(|e| KafkaError::Client(e.to_string()))?;
        let instance = Self {
            producer,
            options,
            transactional_id,
        };
        instance.await_broker()?;
        if transactional_id.is_some() {
            instance.persist(|| instance.producer.init_transactions(CONNECT_SLICE))?;
        }
        Ok(instance.producer)
    }

    /// Waits until a broker of the cluster is connected. Without this, `init_transactions` and the first record find
    /// none, and librdkafka looks again only half a second later. The first answer comes over the bootstrap
    /// connection, which librdkafka then drops; the second over one that stays.
    fn await_broker(&self) -> Result<(), KafkaError> {
        let client = self.producer.client();
        let ask = || {
            client
                .fetch_metadata(Some(&self.options.checkpoint_topic), CONNECT_SLICE)
                .map(drop)
        };
        self.persist(ask)?;
        self.persist(ask)
    }

    /// Tries in slices until it works or the time is up, so that a refused login is reported at once.
    fn persist(&self, attempt: impl Fn() -> Result<(), ClientError>) -> Result<(), KafkaError> {
        let start = Instant::now();
        loop {
            let result = attempt();
            serve(&self.producer);
            let Err(error) = result else { return Ok(()) };
            if let Some((code, reason)) = self.producer.context().refused() {
                return Err(self.scene().admin_code("connecting".to_owned(), code, reason));
            }
            if !is_retriable(&error) {
                return Err(self.scene().transaction("begin", (&error).into()));
            }
            if start.elapsed() >= self.options.timeouts.connect {
                return Err(self.unreachable(&error));
            }
        }
    }

    fn unreachable(&self, error: &ClientError) -> KafkaError {
        KafkaError::Unreachable {
            brokers: self.options.brokers.clone(),
            after: self.options.timeouts.connect,
            reason: self
                .producer
                .context()
                .last_error()
                .unwrap_or_else(|| error.to_string()),
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            brokers: &self.options.brokers,
            transactional_id: self.transactional_id.unwrap_or_default(),
        }
    }
}

/// Takes what librdkafka has to report, without waiting.
pub(super) fn serve(producer: &Client) {
    for _ in 0..EVENTS_AT_A_TIME {
        producer.poll(Duration::ZERO);
    }
}

pub(super) fn is_retriable(error: &ClientError) -> bool {
    match error {
        ClientError::Transaction(e) => e.is_retriable(),
        ClientError::Flush(_) => true,
        ClientError::MetadataFetch(code) => is_transient(*code),
        _ => false,
    }
}

/// How long one try to connect lasts; librdkafka resumes where it was.
const CONNECT_SLICE: Duration = Duration::from_millis(500);
/// Reports served at once; failures come in batches, so that few are enough.
const EVENTS_AT_A_TIME: usize = 4;
