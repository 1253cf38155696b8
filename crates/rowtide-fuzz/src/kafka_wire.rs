//! The modules of rowtide-kafka that read a broker's answers, by their sources: the crate brings librdkafka, which no
//! sanitizer can be built into.

#[path = "../../rowtide-kafka/src/wire/add_partitions.rs"]
pub(crate) mod add_partitions;
#[path = "../../rowtide-kafka/src/wire/api.rs"]
pub(crate) mod api;
#[path = "../../rowtide-kafka/src/wire/api_versions.rs"]
pub(crate) mod api_versions;
#[path = "../../rowtide-kafka/src/wire/end_txn.rs"]
pub(crate) mod end_txn;
#[path = "../../rowtide-kafka/src/wire/error_code.rs"]
pub(crate) mod error_code;
#[path = "../../rowtide-kafka/src/wire/find_coordinator.rs"]
pub(crate) mod find_coordinator;
#[path = "../../rowtide-kafka/src/wire/init_producer_id.rs"]
pub(crate) mod init_producer_id;
#[path = "../../rowtide-kafka/src/wire/metadata.rs"]
pub(crate) mod metadata;
#[path = "../../rowtide-kafka/src/wire/primitive.rs"]
pub(crate) mod primitive;
#[path = "../../rowtide-kafka/src/wire/produce.rs"]
pub(crate) mod produce;
#[path = "../../rowtide-kafka/src/wire/sasl.rs"]
pub(crate) mod sasl;

pub(crate) use api::Versions;
pub(crate) use error_code::ErrorCode;
pub(crate) use init_producer_id::ProducerId;
