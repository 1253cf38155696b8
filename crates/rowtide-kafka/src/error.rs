//! What can go wrong between Rowtide and Kafka, and whether starting again mends it.

use std::time::Duration;

use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rowtide_event::BinlogPosition;

/// The rows event that a record is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChange {
    /// `database.table`.
    pub table: String,
    /// Where the event starts.
    pub position: BinlogPosition,
}

impl std::fmt::Display for LoggedChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.table, self.position)
    }
}

/// Why a delivery, a topic or a checkpoint failed. No variant holds the contents of a record or the value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// There is no such setting, or not such a value.
    #[error("the Kafka setting `{property}` cannot be used: {reason}")]
    Setting {
        /// The setting's name.
        property: String,
        /// What is wrong with it.
        reason: String,
    },
    /// librdkafka refuses the settings as a whole.
    #[error("the Kafka client cannot be made: {0}")]
    Client(String),
    /// No broker answered in time.
    #[error("no Kafka broker answers at {brokers} within {}: {reason}. Check the address, the network and that the broker runs", seconds(.after))]
    Unreachable {
        /// The bootstrap addresses.
        brokers: String,
        /// How long it was tried.
        after: Duration,
        /// What was last heard.
        reason: String,
    },
    /// The broker does not accept who we are, or TLS does not accept who the broker is.
    #[error(
        "Kafka at {brokers} refuses the login or its TLS certificate is not accepted: {reason}. Check security.protocol and the sasl.* and ssl.* settings"
    )]
    Authentication {
        /// The bootstrap addresses.
        brokers: String,
        /// What librdkafka said.
        reason: String,
    },
    /// An access rule of the broker forbids it.
    #[error(
        "Kafka does not allow Rowtide {action}: {reason}. Grant the right to Rowtide's principal and start again"
    )]
    NotAuthorized {
        /// What was tried, with the name of the topic or transaction.
        action: String,
        /// What the broker said.
        reason: String,
    },
    /// Another instance with the same transactional id has taken over.
    #[error(
        "another Rowtide with the transactional id `{transactional_id}` has started and taken over this source; this one stops. Run one instance for each topic prefix"
    )]
    Fenced {
        /// The id both use.
        transactional_id: String,
    },
    /// A record is larger than something on its way allows.
    #[error("a record of {bytes} bytes{} is too large for the topic {topic}: {limit}", of_change(.origin))]
    MessageTooLarge {
        /// The record's topic.
        topic: String,
        /// Bytes of its key and value, before compression.
        bytes: usize,
        /// The change it is a record of, if it is of one.
        origin: Option<LoggedChange>,
        /// Which limit it is over, and where that is set.
        limit: String,
    },
    /// The broker does not take a record for what it is.
    #[error(
        "the broker does not accept a record{} for the topic {topic}: a compacted topic takes no record without a key. Give the table a primary key, exclude the table, or take `compact` from the topic's cleanup.policy",
        of_change(.origin)
    )]
    RecordRefused {
        /// The record's topic.
        topic: String,
        /// The change it is a record of, if it is of one.
        origin: Option<LoggedChange>,
    },
    /// A record was not acknowledged.
    #[error("a record for the topic {topic} was not delivered: {reason}")]
    Undelivered {
        /// The record's topic.
        topic: String,
        /// What librdkafka or the broker said.
        reason: String,
    },
    /// The topic of a record does not exist, or not with that partition.
    #[error("the topic {topic} is gone: {reason}. It was deleted or changed while Rowtide ran")]
    TopicGone {
        /// The topic.
        topic: String,
        /// What librdkafka or the broker said.
        reason: String,
    },
    /// A step of a Kafka transaction failed; what it held is not visible to read_committed consumers, or, where
    /// `outcome_unknown`, may be.
    #[error("the Kafka transaction failed at {step}: {reason}")]
    Transaction {
        /// The step: begin, commit or abort.
        step: &'static str,
        /// What librdkafka or the broker said.
        reason: String,
        /// Whether the broker may have done it all the same; the checkpoint tells.
        outcome_unknown: bool,
    },
    /// Something was not done in time.
    #[error("{action} did not finish within {}", seconds(.after))]
    Timeout {
        /// What was tried.
        action: String,
        /// How long.
        after: Duration,
    },
    /// A topic is needed and absent, and creating topics is switched off.
    #[error(
        "the topic {topic} does not exist and creating topics is switched off: create it with `{command}`, or let Rowtide create topics"
    )]
    TopicMissing {
        /// The topic.
        topic: String,
        /// The command that creates it.
        command: String,
    },
    /// A topic exists in a form that would lose data or order.
    #[error("the topic {topic} cannot be used as {purpose}: {problem}. {advice}")]
    TopicUnfit {
        /// The topic.
        topic: String,
        /// What it is for.
        purpose: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        advice: String,
    },
    /// The broker did not create, list or describe topics.
    #[error("Kafka refused {action}: {reason}")]
    Admin {
        /// What was asked for, with the topic.
        action: String,
        /// What librdkafka or the broker said.
        reason: String,
        /// Whether asking again may help.
        transient: bool,
    },
    /// A record of the checkpoint topic is no checkpoint.
    #[error(
        "the checkpoint at offset {offset} of the topic {topic} cannot be read: {reason}. Set a new one with `rowtide checkpoint set`, once you know where to resume"
    )]
    CheckpointCorrupt {
        /// The checkpoint topic.
        topic: String,
        /// The record's offset.
        offset: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// The checkpoint was written by a newer Rowtide.
    #[error(
        "the checkpoint at offset {offset} of the topic {topic} has format version {found}, and this Rowtide reads versions up to {known}: use the newer Rowtide that wrote it"
    )]
    CheckpointTooNew {
        /// The checkpoint topic.
        topic: String,
        /// The record's offset.
        offset: i64,
        /// The record's format version.
        found: u64,
        /// The newest version known here.
        known: u64,
    },
    /// The schema-history topic holds nothing.
    #[error("the schema-history topic {topic} {problem}, so that the tables are not known. {HISTORY_ADVICE}")]
    HistoryMissing {
        /// The schema-history topic.
        topic: String,
        /// Whether it is missing or empty.
        problem: &'static str,
    },
    /// Records of the schema history are gone, or others have come between.
    #[error(
        "the schema-history topic {topic} is not as Rowtide left it: {problem}. It was deleted from, compacted, made anew, \
         or somebody else writes to it. {HISTORY_ADVICE}"
    )]
    HistoryIncomplete {
        /// The schema-history topic.
        topic: String,
        /// What does not fit, in offsets and numbers of records.
        problem: String,
    },
    /// A record of the schema-history topic is none of a schema history.
    #[error(
        "the record at offset {offset} of the schema-history topic {topic} cannot be used: {reason}. {HISTORY_ADVICE}"
    )]
    HistoryCorrupt {
        /// The schema-history topic.
        topic: String,
        /// The record's offset.
        offset: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// A record of the schema-history topic is of another source.
    #[error(
        "the record at offset {offset} of the schema-history topic {topic} is of the source `{found}`, and this one is \
         `{expected}`: two sources cannot share a schema-history topic. {HISTORY_ADVICE}"
    )]
    HistoryForeign {
        /// The schema-history topic.
        topic: String,
        /// The record's offset.
        offset: i64,
        /// The source it names.
        found: String,
        /// The source that reads it.
        expected: String,
    },
    /// A record of the schema history was written by a newer Rowtide.
    #[error(
        "the record at offset {offset} of the schema-history topic {topic} says something of the tables that this Rowtide \
         does not know: use the newer Rowtide that wrote it"
    )]
    HistoryTooNew {
        /// The schema-history topic.
        topic: String,
        /// The record's offset.
        offset: i64,
    },
}

/// The ways out of a history that is lost.
const HISTORY_ADVICE: &str = "Bring its records back; or give Rowtide a topic of its own (--schema-history-topic) and \
    say with `rowtide checkpoint set` where to resume, so that it takes the tables from the server as they are now";

/// What helps after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Drop the [`Publisher`](crate::Publisher), make a new one after a pause, read the checkpoint and resume there.
    Restart,
    /// Nothing but a person: stop, and say what is wrong.
    Stop,
}

impl KafkaError {
    /// What helps after this error.
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Unreachable { .. }
            | Self::Undelivered { .. }
            | Self::Transaction { .. }
            | Self::Timeout { .. }
            | Self::Admin { transient: true, .. } => Recovery::Restart,
            _ => Recovery::Stop,
        }
    }
}

/// Why a step of a transaction failed.
#[derive(Debug, Clone)]
pub(crate) struct StepError {
    pub code: Code,
    pub reason: String,
    /// The transaction is certainly not committed.
    pub requires_abort: bool,
}

/// What was going on when librdkafka failed: names for the error's text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub brokers: &'a str,
    pub transactional_id: &'a str,
}

impl Scene<'_> {
    /// The error of a transaction's step.
    pub(crate) fn transaction(&self, step: &'static str, error: StepError) -> KafkaError {
        let StepError {
            code,
            reason,
            requires_abort,
        } = error;
        let outcome_unknown = step == "commit" && !requires_abort;
        self.known(
            code,
            &format!("to {step} transactions as `{}`", self.transactional_id),
            &reason,
        )
        .unwrap_or(KafkaError::Transaction {
            step,
            reason,
            outcome_unknown,
        })
    }

    /// The error of a record that was not delivered to `topic`.
    pub(crate) fn delivery(&self, topic: &str, code: Code) -> KafkaError {
        let reason = code.to_string();
        let gone = matches!(
            code,
            Code::UnknownTopic
                | Code::UnknownPartition
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopicId
        );
        match self.known(code, &format!("to write to the topic {topic}"), &reason) {
            Some(known) => known,
            None if gone => KafkaError::TopicGone {
                topic: topic.to_owned(),
                reason,
            },
            None => KafkaError::Undelivered {
                topic: topic.to_owned(),
                reason,
            },
        }
    }

    /// The error of a request about topics or their contents.
    pub(crate) fn admin(&self, action: String, error: &ClientError) -> KafkaError {
        let (code, reason) = code_and_reason(error);
        self.admin_code(action, code, reason)
    }

    /// The same, of one topic in a request about many.
    pub(crate) fn admin_code(&self, action: String, code: Code, reason: String) -> KafkaError {
        self.known(code, &format!("to do this: {action}"), &reason)
            .unwrap_or_else(|| KafkaError::Admin {
                action,
                reason,
                transient: is_transient(code),
            })
    }

    /// Errors that mean the same wherever they come up.
    fn known(&self, code: Code, action: &str, reason: &str) -> Option<KafkaError> {
        let reason = reason.to_owned();
        match code {
            Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Some(KafkaError::Fenced {
                transactional_id: self.transactional_id.to_owned(),
            }),
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed => Some(KafkaError::NotAuthorized {
                action: action.to_owned(),
                reason,
            }),
            Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => {
                Some(KafkaError::Authentication {
                    brokers: self.brokers.to_owned(),
                    reason,
                })
            }
            _ => None,
        }
    }
}

fn code_and_reason(error: &ClientError) -> (Code, String) {
    match error {
        // rdkafka's `rdkafka_error_code` says nothing of this one.
        ClientError::AdminOp(code) => (*code, code.to_string()),
        other => (
            other.rdkafka_error_code().unwrap_or(Code::Fail),
            other.to_string(),
        ),
    }
}

/// Whether it may pass by itself.
pub(crate) fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::TimedOutQueue
            | Code::NotController
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::BrokerNotAvailable
            | Code::NetworkException
            | Code::NotEnoughReplicas
            | Code::Resolve
            | Code::UnknownBroker
    )
}

fn of_change(origin: &Option<LoggedChange>) -> String {
    origin
        .as_ref()
        .map_or_else(String::new, |origin| format!(" (a change of {origin})"))
}

fn seconds(after: &Duration) -> String {
    format!("{:.1} s", after.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: Scene<'static> = Scene {
        brokers: "b:1",
        transactional_id: "rowtide-shop",
    };

    #[test]
    fn fencing_and_rights_stop_wherever_they_come_up() {
        let fenced = SCENE.delivery("t", Code::ProducerFenced);
        assert_eq!(
            fenced,
            KafkaError::Fenced {
                transactional_id: "rowtide-shop".into()
            }
        );
        assert_eq!(fenced.recovery(), Recovery::Stop);
        let denied = SCENE.delivery("t", Code::TopicAuthorizationFailed);
        assert!(denied.to_string().contains("write to the topic t"), "{denied}");
        assert_eq!(denied.recovery(), Recovery::Stop);
    }

    #[test]
    fn a_lost_acknowledgement_is_mended_by_starting_again() {
        let e = SCENE.delivery("t", Code::MessageTimedOut);
        assert!(matches!(e, KafkaError::Undelivered { .. }));
        assert_eq!(e.recovery(), Recovery::Restart);
        let unanswered = StepError {
            code: Code::OperationTimedOut,
            reason: "no answer".into(),
            requires_abort: false,
        };
        let e = SCENE.transaction("commit", unanswered);
        assert!(matches!(
            e,
            KafkaError::Transaction {
                outcome_unknown: true,
                ..
            }
        ));
        assert_eq!(e.recovery(), Recovery::Restart);
    }

    #[test]
    fn a_vanished_topic_stops() {
        assert_eq!(
            SCENE.delivery("t", Code::UnknownTopicOrPartition).recovery(),
            Recovery::Stop
        );
    }

    #[test]
    fn admin_errors_are_transient_or_not() {
        let slow = SCENE.admin("x".into(), &ClientError::AdminOp(Code::RequestTimedOut));
        assert_eq!(slow.recovery(), Recovery::Restart);
        let bad = SCENE.admin("x".into(), &ClientError::AdminOp(Code::InvalidReplicationFactor));
        assert_eq!(bad.recovery(), Recovery::Stop);
    }

    #[test]
    fn texts_name_place_and_remedy() {
        let e = KafkaError::Unreachable {
            brokers: "127.0.0.1:1".into(),
            after: Duration::from_millis(1500),
            reason: "refused".into(),
        };
        assert_eq!(
            e.to_string(),
            "no Kafka broker answers at 127.0.0.1:1 within 1.5 s: refused. \
             Check the address, the network and that the broker runs"
        );
    }
}
