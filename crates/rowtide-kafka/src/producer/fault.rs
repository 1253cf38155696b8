//! Why the producer cannot go on.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::types::RDKafkaRespErr;

use super::socket::Ended;
use crate::error::StepError;
use crate::wire::{Api, ErrorCode};

/// What went wrong, by librdkafka's names for it.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A login or a certificate was refused: no waiting mends it.
    Refused { code: Code, reason: String },
    /// No broker answered in time.
    Unreachable { reason: String, after: Duration },
    /// A record cannot be delivered.
    Delivery(FailedDelivery),
    /// A step of a transaction failed.
    Step(StepError),
}

/// A record that was not delivered: the largest of its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedDelivery {
    pub topic: String,
    pub code: Code,
    /// Bytes of key and value.
    pub bytes: usize,
    /// The record's number, as it was given to the producer.
    pub number: usize,
}

impl Fault {
    /// A broker's refusal of a step, which has certainly not committed anything.
    pub(super) fn refused_step(error: ErrorCode) -> Self {
        Self::step(error.code(), error.code().to_string())
    }

    /// A step that failed before anything was committed.
    pub(super) fn step(code: Code, reason: String) -> Self {
        Self::Step(StepError {
            code,
            reason,
            requires_abort: true,
        })
    }

    /// A broker that is too old.
    pub(super) fn no_version(api: Api) -> Self {
        let reason =
            format!("the broker has no version of {api:?} that Rowtide speaks: it needs Kafka 0.11 or newer");
        Self::step(Code::UnsupportedVersion, reason)
    }

    /// What happened at the connection, if no waiting mends it.
    pub(super) fn of(ended: &Ended) -> Option<Self> {
        ended.refused.then(|| Self::Refused {
            code: ended.code,
            reason: ended.reason.clone(),
        })
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::step(Code::Fail, error.to_string())
    }
}

impl ErrorCode {
    /// The same error among librdkafka's, which have the broker's numbers.
    pub(crate) fn code(self) -> Code {
        RDKafkaRespErr::try_from(i32::from(self.0)).map_or(Code::Unknown, Code::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn librdkafka_has_the_same_numbers() {
        assert_eq!(ErrorCode(47).code(), Code::InvalidProducerEpoch);
        assert_eq!(ErrorCode(90).code(), Code::ProducerFenced);
        assert_eq!(ErrorCode(10).code(), Code::MessageSizeTooLarge);
        assert_eq!(ErrorCode(87).code(), Code::InvalidRecord);
        assert_eq!(ErrorCode(29).code(), Code::TopicAuthorizationFailed);
        assert_eq!(ErrorCode(3).code(), Code::UnknownTopicOrPartition);
        assert_eq!(ErrorCode(30_000).code(), Code::Unknown);
    }
}
