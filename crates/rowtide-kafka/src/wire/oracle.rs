//! What is written and read here, against another implementation of Kafka's protocol: that of the crate `kafka-protocol`,
//! which is generated from Kafka's own descriptions of its messages.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, ApiKey, ApiVersionsResponse, BrokerId,
    EndTxnRequest, EndTxnResponse, FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest,
    InitProducerIdResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
    ProducerId as OtherId, RequestHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse, TopicName, add_partitions_to_txn_response,
    api_versions_response, metadata_response, produce_response,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::api::{LENGTH_BYTES, frame};
use super::*;

/// The message that another implementation reads of all these bytes.
fn read<M: Decodable>(body: &[u8], version: i16) -> M {
    let mut bytes = Bytes::copy_from_slice(body);
    let message = M::decode(&mut bytes, version).expect("it is a message");
    assert!(bytes.is_empty(), "{} bytes are left", bytes.len());
    message
}

/// The body that another implementation writes.
fn written<M: Encodable>(message: &M, version: i16) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes, version).expect("it can be written");
    bytes
}

fn body(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn versions(api: Api) -> std::ops::RangeInclusive<i16> {
    let (oldest, newest) = api.versions();
    oldest..=newest
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9._~-]{0,249}|\\PC{0,20}"
}

fn producer_id() -> impl Strategy<Value = ProducerId> {
    any::<(i64, i16)>().prop_map(|(id, epoch)| ProducerId { id, epoch })
}

/// Topics, each with its partitions and something for each of them.
fn topics<T: std::fmt::Debug>(
    each: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Vec<(String, Vec<(i32, T)>)>> {
    let partitions = vec((any::<i32>(), each), 0..5);
    btree_map(name(), partitions, 0..5).prop_map(|topics| topics.into_iter().collect())
}

#[test]
fn requests_have_the_numbers_and_versions_that_kafka_gives_them() {
    for (api, other) in [
        (Api::Produce, ApiKey::Produce),
        (Api::Metadata, ApiKey::Metadata),
        (Api::FindCoordinator, ApiKey::FindCoordinator),
        (Api::SaslHandshake, ApiKey::SaslHandshake),
        (Api::Versions, ApiKey::ApiVersions),
        (Api::InitProducerId, ApiKey::InitProducerId),
        (Api::AddPartitionsToTxn, ApiKey::AddPartitionsToTxn),
        (Api::EndTxn, ApiKey::EndTxn),
        (Api::SaslAuthenticate, ApiKey::SaslAuthenticate),
    ] {
        assert_eq!(api.key(), other as i16);
        for version in versions(api) {
            assert!(other.valid_versions().min <= version && version <= other.valid_versions().max);
            // Those before tagged fields.
            let heads = (
                other.request_header_version(version),
                other.response_header_version(version),
            );
            assert_eq!(heads, (1, 0), "{api:?} {version}");
        }
    }
}

proptest! {
    #[test]
    fn frames(correlation: i32, client_id in name(), rest in vec(any::<u8>(), 0..50)) {
        for version in versions(Api::Produce) {
            let frame = frame(Api::Produce, version, correlation, &client_id, |out| out.extend(&rest));
            let (length, message) = frame.split_at(LENGTH_BYTES);
            prop_assert_eq!(length, (message.len() as i32).to_be_bytes());
            let head = message.len() - rest.len();
            let header: RequestHeader = read(&message[..head], 1);
            prop_assert_eq!(header.request_api_key, 0);
            prop_assert_eq!(header.request_api_version, version);
            prop_assert_eq!(header.correlation_id, correlation);
            prop_assert_eq!(header.client_id.as_deref(), Some(client_id.as_str()));
            prop_assert_eq!(&message[head..], rest.as_slice());
        }
    }

    #[test]
    fn produce_requests(
        transactional_id in option::of(name()),
        timeout_ms in 0..=i32::MAX,
        topics in topics(vec(any::<u8>(), 0..100)),
    ) {
        let head = produce::Head {
            transactional_id: transactional_id.as_deref(),
            timeout: Duration::from_millis(timeout_ms as u64),
        };
        let batches = topics.iter().map(|(topic, batches)| {
            let batches = batches.iter().map(|(partition, batch)| (*partition, batch.as_slice()));
            (topic.as_str(), batches.collect())
        });
        let body = body(|out| produce::request(out, head, &batches.collect::<Vec<_>>()));
        for version in versions(Api::Produce) {
            let request: ProduceRequest = read(&body, version);
            prop_assert_eq!(request.transactional_id.as_ref().map(|id| id.0.as_str()), transactional_id.as_deref());
            prop_assert_eq!((request.acks, request.timeout_ms), (-1, timeout_ms));
            let read = request.topic_data.iter().map(|topic| {
                let batches = topic.partition_data.iter();
                let batches = batches.map(|data| (data.index, data.records.as_ref().unwrap().to_vec()));
                (topic.name.0.to_string(), batches.collect::<Vec<_>>())
            });
            prop_assert_eq!(&read.collect::<Vec<_>>(), &topics);
        }
    }

    #[test]
    fn produce_answers(topics in topics(any::<(i16, i64)>()), throttle: i32, rest: (i64, i64)) {
        let responses = topics.iter().map(|(topic, partitions)| {
            let partitions = partitions.iter().map(|(index, (error, offset))| {
                produce_response::PartitionProduceResponse::default()
                    .with_index(*index)
                    .with_error_code(*error)
                    .with_base_offset(*offset)
                    .with_log_append_time_ms(rest.0)
            });
            produce_response::TopicProduceResponse::default()
                .with_name(topic_name(topic))
                .with_partition_responses(partitions.collect())
        });
        let mut answer = ProduceResponse::default()
            .with_responses(responses.collect())
            .with_throttle_time_ms(throttle);
        for version in versions(Api::Produce) {
            let start = if version >= 5 { rest.1 } else { -1 };
            for topic in &mut answer.responses {
                topic.partition_responses.iter_mut().for_each(|partition| partition.log_start_offset = start);
            }
            let body = written(&answer, version);
            let mut told = Vec::new();
            let read = produce::response(&body, version, |appended| {
                told.push((appended.topic.to_owned(), appended.partition, appended.error.0, appended.offset));
            });
            prop_assert_eq!(read, Ok(()));
            let expected = topics.iter().flat_map(|(topic, partitions)| {
                partitions.iter().map(move |(index, (error, offset))| (topic.clone(), *index, *error, *offset))
            });
            prop_assert_eq!(told, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn metadata_requests(names in vec(name(), 0..10)) {
        let body = body(|out| metadata::request(out, names.iter().map(String::as_str)));
        for version in versions(Api::Metadata) {
            let request: MetadataRequest = read(&body, version);
            prop_assert!(!request.allow_auto_topic_creation);
            // None would be all topics.
            let topics = request.topics.expect("a list");
            let read = topics.into_iter().map(|topic| topic.name.expect("a name").0.to_string());
            prop_assert_eq!(&read.collect::<Vec<_>>(), &names);
        }
    }

    #[test]
    fn metadata_answers(
        brokers in vec((any::<i32>(), name(), any::<i32>(), option::of(name())), 0..5),
        cluster_id in option::of(name()),
        topics in btree_map(name(), (any::<i16>(), vec((any::<i32>(), any::<u32>(), any::<i16>()), 0..6), any::<bool>()), 0..5),
        replicas in vec(any::<i32>(), 0..4),
    ) {
        let ids = || replicas.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let listed = brokers.iter().map(|(node, host, port, rack)| {
            metadata_response::MetadataResponseBroker::default()
                .with_node_id(BrokerId(*node))
                .with_host(text(host))
                .with_port(*port)
                .with_rack(rack.as_deref().map(text))
        });
        let described = |version| topics.iter().map(move |(topic, (error, partitions, internal))| {
            let mut partitions: Vec<_> = partitions.iter().zip(0..).map(|((leader, order, error), index)| {
                let partition = metadata_response::MetadataResponsePartition::default()
                    .with_error_code(*error)
                    .with_partition_index(index)
                    .with_leader_id(BrokerId(*leader))
                    .with_leader_epoch(if version >= 7 { *leader } else { -1 })
                    .with_replica_nodes(ids())
                    .with_isr_nodes(ids())
                    .with_offline_replicas(if version >= 5 { ids() } else { Vec::new() });
                (*order, partition)
            }).collect();
            // Brokers do not name them in their order.
            partitions.sort_by_key(|(order, _)| *order);
            metadata_response::MetadataResponseTopic::default()
                .with_error_code(*error)
                .with_name(Some(topic_name(topic)))
                .with_is_internal(*internal)
                .with_partitions(partitions.into_iter().map(|(_, partition)| partition).collect())
        });
        let answer = MetadataResponse::default()
            .with_brokers(listed.collect())
            .with_cluster_id(cluster_id.as_deref().map(text))
            .with_controller_id(BrokerId(1));
        let expected = metadata::Cluster {
            brokers: brokers.into_iter().map(|(node, host, port, _)| metadata::Broker { node, host, port }).collect(),
            topics: topics.iter().map(|(name, (error, partitions, _))| metadata::Topic {
                name: name.clone(),
                error: ErrorCode(*error),
                leaders: partitions.iter().map(|(leader, _, _)| *leader).collect(),
            }).collect(),
        };
        for version in versions(Api::Metadata) {
            let body = written(&answer.clone().with_topics(described(version).collect()), version);
            let read = metadata::response(&body, version);
            prop_assert_eq!(read.as_ref(), Ok(&expected));
        }
    }

    #[test]
    fn coordinators(id in name(), error: i16, reason in option::of(name()), node: i32, host in name(), port: i32) {
        let body = body(|out| find_coordinator::request(out, &id));
        let answer = FindCoordinatorResponse::default()
            .with_error_code(error)
            .with_error_message(reason.as_deref().map(text))
            .with_node_id(BrokerId(node))
            .with_host(text(&host))
            .with_port(port);
        for version in versions(Api::FindCoordinator) {
            let request: FindCoordinatorRequest = read(&body, version);
            prop_assert_eq!((request.key.as_str(), request.key_type), (id.as_str(), 1));
            let expected = (ErrorCode(error), metadata::Broker { node, host: host.clone(), port });
            prop_assert_eq!(find_coordinator::response(&written(&answer, version)), Ok(expected));
        }
    }

    #[test]
    fn producer_ids(id in option::of(name()), timeout_ms in 0..=i32::MAX, error: i16, producer in producer_id()) {
        let timeout = Duration::from_millis(timeout_ms as u64);
        let body = body(|out| init_producer_id::request(out, id.as_deref(), timeout));
        let answer = InitProducerIdResponse::default()
            .with_error_code(error)
            .with_producer_id(OtherId(producer.id))
            .with_producer_epoch(producer.epoch);
        for version in versions(Api::InitProducerId) {
            let request: InitProducerIdRequest = read(&body, version);
            prop_assert_eq!(request.transactional_id.as_ref().map(|id| id.0.as_str()), id.as_deref());
            prop_assert_eq!(request.transaction_timeout_ms, timeout_ms);
            let expected = (ErrorCode(error), producer);
            prop_assert_eq!(init_producer_id::response(&written(&answer, version)), Ok(expected));
        }
    }

    #[test]
    fn partitions_of_transactions(id in name(), producer in producer_id(), topics in topics(-1_i16..4)) {
        let only_partitions = topics.iter().map(|(topic, partitions)| {
            (topic.as_str(), partitions.iter().map(|(index, _)| *index).collect::<Vec<_>>())
        });
        let only_partitions: Vec<_> = only_partitions.collect();
        let body = body(|out| add_partitions::request(out, &id, producer, &only_partitions));
        let results = topics.iter().map(|(topic, partitions)| {
            let results = partitions.iter().map(|(index, error)| {
                add_partitions_to_txn_response::AddPartitionsToTxnPartitionResult::default()
                    .with_partition_index(*index)
                    .with_partition_error_code(*error)
            });
            add_partitions_to_txn_response::AddPartitionsToTxnTopicResult::default()
                .with_name(topic_name(topic))
                .with_results_by_partition(results.collect())
        });
        let answer = AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect());
        let refused = topics.iter().flat_map(|(topic, partitions)| {
            let refused = partitions.iter().filter(|(_, error)| *error != 0);
            refused.map(|(_, error)| add_partitions::Refused { topic: topic.clone(), error: ErrorCode(*error) })
        });
        let refused: Vec<_> = refused.collect();
        for version in versions(Api::AddPartitionsToTxn) {
            let request: AddPartitionsToTxnRequest = read(&body, version);
            prop_assert_eq!(request.v3_and_below_transactional_id.0.as_str(), id.as_str());
            prop_assert_eq!(request.v3_and_below_producer_id.0, producer.id);
            prop_assert_eq!(request.v3_and_below_producer_epoch, producer.epoch);
            let read = request.v3_and_below_topics.iter().map(|topic| (topic.name.0.as_str(), topic.partitions.clone()));
            prop_assert_eq!(&read.collect::<Vec<_>>(), &only_partitions);
            let read = add_partitions::response(&written(&answer, version));
            prop_assert_eq!(read.as_ref(), Ok(&refused));
        }
    }

    #[test]
    fn ends_of_transactions(id in name(), producer in producer_id(), commit: bool, error: i16) {
        let body = body(|out| end_txn::request(out, &id, producer, commit));
        let answer = EndTxnResponse::default().with_error_code(error);
        for version in versions(Api::EndTxn) {
            let request: EndTxnRequest = read(&body, version);
            prop_assert_eq!(request.transactional_id.0.as_str(), id.as_str());
            prop_assert_eq!((request.producer_id.0, request.producer_epoch), (producer.id, producer.epoch));
            prop_assert_eq!(request.committed, commit);
            prop_assert_eq!(end_txn::response(&written(&answer, version)), Ok(ErrorCode(error)));
        }
    }

    #[test]
    fn lists_of_versions(error: i16, offered in vec((0_i16..40, -1_i16..6, -1_i16..12), 0..40)) {
        let keys = offered.iter().map(|(key, oldest, newest)| {
            api_versions_response::ApiVersion::default()
                .with_api_key(*key)
                .with_min_version(*oldest)
                .with_max_version(*newest)
        });
        let answer = ApiVersionsResponse::default().with_error_code(error).with_api_keys(keys.collect());
        let expected = (ErrorCode(error), Versions::agreed(offered));
        prop_assert_eq!(api_versions::response(&written(&answer, 0)), Ok(expected));
    }

    #[test]
    fn mechanisms(mechanism in name(), error: i16, offered in vec(name(), 0..5)) {
        let body = body(|out| sasl::handshake_request(out, &mechanism));
        let mechanisms = offered.iter().map(|name| text(name)).collect();
        let answer = SaslHandshakeResponse::default().with_error_code(error).with_mechanisms(mechanisms);
        for version in versions(Api::SaslHandshake) {
            let request: SaslHandshakeRequest = read(&body, version);
            prop_assert_eq!(request.mechanism.as_str(), mechanism.as_str());
            let expected = (ErrorCode(error), offered.clone());
            prop_assert_eq!(sasl::handshake_response(&written(&answer, version)), Ok(expected));
        }
    }

    #[test]
    fn logins(
        message in vec(any::<u8>(), 0..50),
        error: i16,
        reason in option::of(name()),
        lifetime_ms in prop_oneof![Just(0), any::<i64>()],
    ) {
        let body = body(|out| sasl::authenticate_request(out, &message));
        for version in versions(Api::SaslAuthenticate) {
            let request: SaslAuthenticateRequest = read(&body, version);
            prop_assert_eq!(request.auth_bytes.as_ref(), message.as_slice());
            let lifetime_ms = if version >= 1 { lifetime_ms } else { 0 };
            let answer = SaslAuthenticateResponse::default()
                .with_error_code(error)
                .with_error_message(reason.as_deref().map(text))
                .with_auth_bytes(Bytes::copy_from_slice(&message))
                .with_session_lifetime_ms(lifetime_ms);
            let expected = sasl::Authenticated {
                error: ErrorCode(error),
                reason: reason.as_deref(),
                message: &message,
                lifetime: (lifetime_ms > 0).then(|| Duration::from_millis(lifetime_ms as u64)),
            };
            let body = written(&answer, version);
            prop_assert_eq!(sasl::authenticate_response(&body, version), Ok(expected));
        }
    }

    /// Arbitrary bytes, and answers with some bytes changed.
    #[test]
    fn no_answer_makes_a_reader_panic(
        arbitrary in vec(any::<u8>(), 0..200),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut: prop::sample::Index,
    ) {
        read_by_all(&arbitrary);
        for mut answer in answers() {
            for (place, byte) in &changes {
                *place.get_mut(&mut answer) = *byte;
            }
            read_by_all(&answer);
            answer.truncate(cut.index(answer.len()));
            read_by_all(&answer);
        }
    }
}

#[test]
fn a_metadata_request_for_all_topics() {
    let body = body(metadata::request_for_all);
    for version in versions(Api::Metadata) {
        let request: MetadataRequest = read(&body, version);
        assert!(request.topics.is_none() && !request.allow_auto_topic_creation);
    }
}

/// One answer of each kind that has arrays or strings.
fn answers() -> [Vec<u8>; 5] {
    let broker = metadata_response::MetadataResponseBroker::default().with_host(text("host"));
    let topic = metadata_response::MetadataResponseTopic::default()
        .with_name(Some(topic_name("topic")))
        .with_partitions(vec![metadata_response::MetadataResponsePartition::default()]);
    let metadata = MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_topics(vec![topic]);
    let appended = produce_response::TopicProduceResponse::default()
        .with_name(topic_name("topic"))
        .with_partition_responses(vec![produce_response::PartitionProduceResponse::default(); 2]);
    let added = add_partitions_to_txn_response::AddPartitionsToTxnTopicResult::default()
        .with_results_by_partition(vec![Default::default(); 2]);
    let added = AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(vec![added]);
    let login = SaslAuthenticateResponse::default().with_auth_bytes(Bytes::from_static(b"r=abc"));
    [
        written(&metadata, 7),
        written(&ProduceResponse::default().with_responses(vec![appended]), 7),
        written(&added, 2),
        written(&login, 1),
        written(&FindCoordinatorResponse::default().with_host(text("host")), 2),
    ]
}

fn read_by_all(body: &[u8]) {
    for version in versions(Api::Produce) {
        let _ = produce::response(body, version, |_| {});
    }
    for version in versions(Api::Metadata) {
        let _ = metadata::response(body, version);
    }
    for version in versions(Api::SaslAuthenticate) {
        let _ = sasl::authenticate_response(body, version);
    }
    let _ = sasl::handshake_response(body);
    let _ = api_versions::response(body);
    let _ = find_coordinator::response(body);
    let _ = init_producer_id::response(body);
    let _ = add_partitions::response(body);
    let _ = end_txn::response(body);
}
