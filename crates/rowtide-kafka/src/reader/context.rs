//! What librdkafka reports in the background: errors of the connection, log lines.

use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError as ClientError;

/// Keeps the reason for which a connection fails until somebody asks.
#[derive(Debug, Default)]
pub(super) struct ReaderContext {
    last_error: Mutex<Option<String>>,
}

impl ReaderContext {
    /// The last error of the connection.
    pub(super) fn last_error(&self) -> Option<String> {
        // Every change is one assignment: a panic elsewhere leaves nothing half done.
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ClientContext for ReaderContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::warn!(target: "librdkafka", facility, "{line}");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
                tracing::info!(target: "librdkafka", facility, "{line}");
            }
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", facility, "{line}");
            }
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        tracing::info!(target: "librdkafka", "statistics {}", String::from_utf8_lossy(statistics));
    }

    fn error(&self, _: ClientError, reason: &str) {
        tracing::info!(target: "librdkafka", "{reason}");
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}

impl ConsumerContext for ReaderContext {}
