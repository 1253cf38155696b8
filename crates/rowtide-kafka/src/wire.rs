//! Kafka's protocol, as far as a transactional producer speaks it: requests to bytes and answers from bytes, without a
//! socket. One file a request.
//!
//! Of each request the newest versions are spoken that brokers from 0.11 or 2.0 on have and that need no tagged fields
//! (Kafka keeps all of these in 4.x: KIP-896). Sources: `clients/src/main/resources/common/message/*.json` of Kafka, and
//! <https://kafka.apache.org/protocol.html>.

pub(crate) mod add_partitions;
pub(crate) mod api;
pub(crate) mod api_versions;
pub(crate) mod end_txn;
pub(crate) mod error_code;
pub(crate) mod find_coordinator;
pub(crate) mod init_producer_id;
pub(crate) mod metadata;
#[cfg(test)]
mod oracle;
pub(crate) mod primitive;
pub(crate) mod produce;
pub(crate) mod sasl;

pub(crate) use api::{Api, Versions};
pub(crate) use error_code::ErrorCode;
pub(crate) use init_producer_id::ProducerId;
