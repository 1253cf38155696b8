//! The errors that a broker answers with.

/// A broker's error code (`org.apache.kafka.common.protocol.Errors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ErrorCode(pub i16);

impl ErrorCode {
    /// Whatever the broker did not expect. Seen at a commit in the moment in which a newer producer takes over: coordinators take
    /// the state `PrepareEpochFence` for impossible (`TransactionCoordinator`). A moment later they say that it is fenced.
    pub(crate) const UNKNOWN_SERVER_ERROR: Self = Self(-1);
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    pub(crate) const LEADER_NOT_AVAILABLE: Self = Self(5);
    pub(crate) const NOT_LEADER_OR_FOLLOWER: Self = Self(6);
    pub(crate) const REQUEST_TIMED_OUT: Self = Self(7);
    pub(crate) const BROKER_NOT_AVAILABLE: Self = Self(8);
    pub(crate) const REPLICA_NOT_AVAILABLE: Self = Self(9);
    pub(crate) const NETWORK_EXCEPTION: Self = Self(13);
    pub(crate) const COORDINATOR_LOAD_IN_PROGRESS: Self = Self(14);
    pub(crate) const COORDINATOR_NOT_AVAILABLE: Self = Self(15);
    pub(crate) const NOT_COORDINATOR: Self = Self(16);
    pub(crate) const NOT_ENOUGH_REPLICAS: Self = Self(19);
    pub(crate) const NOT_ENOUGH_REPLICAS_AFTER_APPEND: Self = Self(20);
    pub(crate) const OUT_OF_ORDER_SEQUENCE_NUMBER: Self = Self(45);
    pub(crate) const DUPLICATE_SEQUENCE_NUMBER: Self = Self(46);
    pub(crate) const CONCURRENT_TRANSACTIONS: Self = Self(51);
    pub(crate) const KAFKA_STORAGE_ERROR: Self = Self(56);
    pub(crate) const SASL_AUTHENTICATION_FAILED: Self = Self(58);
    pub(crate) const FENCED_LEADER_EPOCH: Self = Self(74);
    pub(crate) const UNKNOWN_LEADER_EPOCH: Self = Self(75);
    pub(crate) const THROTTLING_QUOTA_EXCEEDED: Self = Self(89);

    /// Whether the same request may succeed a moment later, at another broker perhaps.
    pub(crate) fn is_retriable(self) -> bool {
        matches!(
            self,
            Self::UNKNOWN_TOPIC_OR_PARTITION
                | Self::LEADER_NOT_AVAILABLE
                | Self::NOT_LEADER_OR_FOLLOWER
                | Self::REQUEST_TIMED_OUT
                | Self::BROKER_NOT_AVAILABLE
                | Self::REPLICA_NOT_AVAILABLE
                | Self::NETWORK_EXCEPTION
                | Self::COORDINATOR_LOAD_IN_PROGRESS
                | Self::COORDINATOR_NOT_AVAILABLE
                | Self::NOT_COORDINATOR
                | Self::NOT_ENOUGH_REPLICAS
                | Self::NOT_ENOUGH_REPLICAS_AFTER_APPEND
                | Self::CONCURRENT_TRANSACTIONS
                | Self::KAFKA_STORAGE_ERROR
                | Self::FENCED_LEADER_EPOCH
                | Self::UNKNOWN_LEADER_EPOCH
                | Self::THROTTLING_QUOTA_EXCEEDED
        )
    }

    /// Whether another broker is the one to ask.
    pub(crate) fn is_wrong_coordinator(self) -> bool {
        matches!(self, Self::NOT_COORDINATOR | Self::COORDINATOR_NOT_AVAILABLE)
    }

    /// Whether the topic's partitions are to be asked for again.
    pub(crate) fn is_wrong_leader(self) -> bool {
        matches!(
            self,
            Self::UNKNOWN_TOPIC_OR_PARTITION
                | Self::LEADER_NOT_AVAILABLE
                | Self::NOT_LEADER_OR_FOLLOWER
                | Self::BROKER_NOT_AVAILABLE
                | Self::REPLICA_NOT_AVAILABLE
                | Self::KAFKA_STORAGE_ERROR
                | Self::FENCED_LEADER_EPOCH
                | Self::UNKNOWN_LEADER_EPOCH
        )
    }
}
