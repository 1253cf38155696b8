//! What librdkafka reports in the background: failed deliveries, errors of the connection, log lines.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};

/// The first record that was not delivered, or the largest of those that were too large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedDelivery {
    pub topic: String,
    pub code: Code,
    /// Bytes of key and value.
    pub bytes: usize,
    /// The record's number, as it was given to the producer.
    pub number: usize,
}

/// Keeps what must not be lost until somebody asks.
#[derive(Debug, Default)]
pub(crate) struct DeliveryContext {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    failed: Option<FailedDelivery>,
    last_error: Option<String>,
    /// An error that no waiting mends.
    refused: Option<(Code, String)>,
}

impl DeliveryContext {
    /// The delivery that failed, if one did.
    pub(crate) fn failed(&self) -> Option<FailedDelivery> {
        self.seen().failed.clone()
    }

    /// Forgets failures that were wanted: those of records given up with their transaction.
    pub(crate) fn forget_failures(&self) {
        self.seen().failed = None;
    }

    /// The last error of the connection.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.seen().last_error.clone()
    }

    /// A login or a certificate that was refused.
    pub(crate) fn refused(&self) -> Option<(Code, String)> {
        self.seen().refused.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Every change is one assignment: a panic elsewhere leaves nothing half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_failure(&self, new: FailedDelivery) {
        let mut seen = self.seen();
        let keep = seen
            .failed
            .as_ref()
            .is_some_and(|old| !too_large(&new) || !too_large(old) || old.bytes >= new.bytes);
        // A record that is too large takes others of its batch along, and the purge after a failure fails all the rest.
        let cause_after_purge = seen
            .failed
            .as_ref()
            .is_some_and(|old| purged(old) && !purged(&new));
        if !keep || cause_after_purge {
            seen.failed = Some(new);
        }
    }
}

fn too_large(failed: &FailedDelivery) -> bool {
    matches!(
        failed.code,
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge
    )
}

fn purged(failed: &FailedDelivery) -> bool {
    matches!(failed.code, Code::PurgeQueue | Code::PurgeInflight)
}

impl ClientContext for DeliveryContext {
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

    fn error(&self, error: ClientError, reason: &str) {
        tracing::info!(target: "librdkafka", "{reason}");
        let mut seen = self.seen();
        seen.last_error = Some(reason.to_owned());
        if let Some(code @ (Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL)) =
            error.rdkafka_error_code()
        {
            seen.refused = Some((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for DeliveryContext {}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        if let Err((error, message)) = result {
            self.note_failure(FailedDelivery {
                topic: message.topic().to_owned(),
                code: error.rdkafka_error_code().unwrap_or(Code::Fail),
                bytes: message.key_len().saturating_add(message.payload_len()),
                number,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(topic: &str, code: Code, bytes: usize) -> FailedDelivery {
        FailedDelivery {
            topic: topic.into(),
            code,
            bytes,
            number: 0,
        }
    }

    fn after(failures: &[FailedDelivery]) -> FailedDelivery {
        let context = DeliveryContext::default();
        failures.iter().for_each(|f| context.note_failure(f.clone()));
        context.failed().unwrap()
    }

    #[test]
    fn the_first_failure_is_kept() {
        let first = failed("a", Code::MessageTimedOut, 1);
        assert_eq!(after(&[first.clone(), failed("b", Code::PurgeQueue, 9)]), first);
    }

    #[test]
    fn of_a_batch_that_is_too_large_the_largest_record_is_named() {
        let large = failed("a", Code::MessageSizeTooLarge, 900);
        let small = failed("a", Code::MessageSizeTooLarge, 10);
        assert_eq!(
            after(&[small, large.clone(), failed("a", Code::MessageSizeTooLarge, 20)]),
            large
        );
    }

    #[test]
    fn a_cause_wins_over_the_purge_that_it_led_to() {
        let cause = failed("b", Code::MessageTimedOut, 1);
        assert_eq!(after(&[failed("a", Code::PurgeQueue, 1), cause.clone()]), cause);
    }
}
