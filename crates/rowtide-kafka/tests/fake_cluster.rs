//! What the publisher does when one of several brokers fails: brokers that are made up, since two real ones take long to
//! start and to agree that one of them is gone.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, ApiKey, ApiVersionsResponse, BrokerId,
    EndTxnRequest, EndTxnResponse, FindCoordinatorResponse, InitProducerIdResponse, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse, ProducerId, RequestHeader, SaslAuthenticateResponse,
    SaslHandshakeResponse, add_partitions_to_txn_response, api_versions_response, metadata_response,
    produce_response,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use rowtide_kafka::{KafkaError, KafkaOptions, Publisher};

/// Far more than anything here takes, and less than the times that are set.
const SOON: Duration = Duration::from_secs(20);

const SASL_AUTHENTICATION_FAILED: i16 = 58;

/// Brokers 0 and 1; each topic has one partition.
struct Cluster {
    ports: Vec<u16>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    coordinator: i32,
    leader: i32,
    /// How many more connections each broker ends at once; -1 for all.
    refuses: [i32; 2],
    /// Connections that are open.
    open: [Vec<TcpStream>; 2],
    /// Requests by their kinds, with the broker.
    asked: Vec<(ApiKey, usize)>,
    commits: usize,
    /// How many more commits are done without an answer.
    mute_commits: usize,
    epoch: i16,
    /// How long descriptions of the cluster take.
    metadata_takes: Duration,
}

impl Cluster {
    fn start() -> Arc<Self> {
        let listeners: Vec<_> = (0..2)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
            .collect();
        let ports = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap().port());
        let cluster = Arc::new(Self {
            ports: ports.collect(),
            state: Mutex::default(),
        });
        for (broker, listener) in listeners.into_iter().enumerate() {
            let cluster = Arc::clone(&cluster);
            thread::spawn(move || {
                for stream in listener.incoming().map_while(io::Result::ok) {
                    cluster.accept(broker, stream);
                }
            });
        }
        cluster
    }

    /// Options with the first broker as bootstrap.
    fn options(&self, source: &str) -> KafkaOptions {
        KafkaOptions::new(format!("127.0.0.1:{}", self.ports[0]), source)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Ends a broker's connections, and the next ones at once.
    fn fail(&self, broker: usize, connections: i32) {
        let mut state = self.state.lock().unwrap();
        state.refuses[broker] = connections;
        for stream in state.open[broker].drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn accept(self: &Arc<Self>, broker: usize, stream: TcpStream) {
        let mut state = self.state.lock().unwrap();
        if state.refuses[broker] != 0 {
            state.refuses[broker] -= i32::from(state.refuses[broker] > 0);
            return;
        }
        state.open[broker].push(stream.try_clone().unwrap());
        let cluster = Arc::clone(self);
        thread::spawn(move || cluster.serve(broker, stream));
    }

    /// Answers requests until the connection ends.
    fn serve(&self, broker: usize, mut stream: TcpStream) -> Option<()> {
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).ok()?;
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).ok()?;
            let mut request = Bytes::from(request);
            let header = RequestHeader::decode(&mut request, 1).unwrap();
            let mut answer = header.correlation_id.to_be_bytes().to_vec();
            let key = ApiKey::try_from(header.request_api_key).unwrap();
            if key == ApiKey::Metadata {
                let takes = self.state.lock().unwrap().metadata_takes;
                thread::sleep(takes);
            }
            self.state.lock().unwrap().asked.push((key, broker));
            match self.answer(broker, key, header.request_api_version, &mut request) {
                Some(body) => answer.extend(body),
                None => drop(stream.shutdown(Shutdown::Both)),
            }
            let length = (answer.len() as u32).to_be_bytes();
            stream.write_all(&[&length, answer.as_slice()].concat()).ok()?;
            if key == ApiKey::SaslAuthenticate {
                // As a broker does with who is refused.
                return stream.shutdown(Shutdown::Both).ok();
            }
        }
    }

    /// The answer's body; none if the connection is to end.
    fn answer(&self, broker: usize, key: ApiKey, version: i16, request: &mut Bytes) -> Option<Vec<u8>> {
        let mut state = self.state.lock().unwrap();
        let mut body = Vec::new();
        match key {
            ApiKey::ApiVersions => api_versions().encode(&mut body, 0),
            ApiKey::Metadata => {
                let asked = MetadataRequest::decode(request, version).unwrap();
                self.metadata(asked, state.leader).encode(&mut body, version)
            }
            ApiKey::FindCoordinator => FindCoordinatorResponse::default()
                .with_node_id(BrokerId(state.coordinator))
                .with_host(host())
                .with_port(i32::from(self.ports[state.coordinator as usize]))
                .encode(&mut body, version),
            ApiKey::InitProducerId => {
                state.epoch += 1;
                let answer = InitProducerIdResponse::default().with_producer_id(ProducerId(7));
                answer.with_producer_epoch(state.epoch).encode(&mut body, version)
            }
            ApiKey::AddPartitionsToTxn => {
                let asked = AddPartitionsToTxnRequest::decode(request, version).unwrap();
                // NOT_COORDINATOR is 16.
                let error = if state.coordinator == broker as i32 { 0 } else { 16 };
                added(asked, error).encode(&mut body, version)
            }
            ApiKey::SaslHandshake => SaslHandshakeResponse::default().encode(&mut body, version),
            ApiKey::SaslAuthenticate => {
                let refused = SaslAuthenticateResponse::default().with_error_code(SASL_AUTHENTICATION_FAILED);
                refused
                    .with_error_message(Some(StrBytes::from_static_str("no")))
                    .encode(&mut body, version)
            }
            ApiKey::Produce => {
                let asked = ProduceRequest::decode(request, version).unwrap();
                // NOT_LEADER_OR_FOLLOWER is 6.
                let error = if state.leader == broker as i32 { 0 } else { 6 };
                appended(asked, error).encode(&mut body, version)
            }
            ApiKey::EndTxn => {
                let asked = EndTxnRequest::decode(request, version).unwrap();
                state.commits += usize::from(asked.committed);
                if state.mute_commits > 0 {
                    state.mute_commits -= 1;
                    return None;
                }
                EndTxnResponse::default().encode(&mut body, version)
            }
            other => panic!("{other:?}"),
        }
        .unwrap();
        Some(body)
    }

    fn metadata(&self, asked: MetadataRequest, leader: i32) -> MetadataResponse {
        let brokers = self.ports.iter().zip(0..).map(|(port, node)| {
            let broker = metadata_response::MetadataResponseBroker::default().with_node_id(BrokerId(node));
            broker.with_host(host()).with_port(i32::from(*port))
        });
        let partition =
            metadata_response::MetadataResponsePartition::default().with_leader_id(BrokerId(leader));
        let topics = asked.topics.unwrap().into_iter().map(|topic| {
            let answer = metadata_response::MetadataResponseTopic::default().with_name(topic.name);
            answer.with_partitions(vec![partition.clone()])
        });
        MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_topics(topics.collect())
    }
}

fn host() -> StrBytes {
    StrBytes::from_static_str("127.0.0.1")
}

fn api_versions() -> ApiVersionsResponse {
    let keys = [0, 3, 10, 17, 18, 22, 24, 26, 36].map(|key| {
        let version = api_versions_response::ApiVersion::default().with_api_key(key);
        version.with_max_version(ApiKey::try_from(key).unwrap().valid_versions().max)
    });
    ApiVersionsResponse::default().with_api_keys(keys.into())
}

fn added(asked: AddPartitionsToTxnRequest, error: i16) -> AddPartitionsToTxnResponse {
    let topics = asked.v3_and_below_topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            let result = add_partitions_to_txn_response::AddPartitionsToTxnPartitionResult::default();
            result
                .with_partition_index(partition)
                .with_partition_error_code(error)
        });
        let result = add_partitions_to_txn_response::AddPartitionsToTxnTopicResult::default();
        result
            .with_name(topic.name)
            .with_results_by_partition(partitions.collect())
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics.collect())
}

fn appended(asked: ProduceRequest, error: i16) -> ProduceResponse {
    let topics = asked.topic_data.into_iter().map(|topic| {
        let partitions = topic.partition_data.iter().map(|data| {
            let response = produce_response::PartitionProduceResponse::default();
            response.with_index(data.index).with_error_code(error)
        });
        let response = produce_response::TopicProduceResponse::default().with_name(topic.name.clone());
        response.with_partition_responses(partitions.collect())
    });
    ProduceResponse::default().with_responses(topics.collect())
}

fn transact(publisher: &mut Publisher) -> Result<(), KafkaError> {
    publisher.begin()?;
    let batch = fixtures::batch([(0, None, Some("value"))]);
    publisher.send(&fixtures::tables(&["topic"]), &batch, 0..1)?;
    publisher.commit(&fixtures::checkpoint("fake", 4))
}

/// What comes of `work`, which must come soon.
fn soon<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(SOON).expect("it does not hang")
}

#[test]
fn two_brokers_share_the_work() {
    let cluster = Cluster::start();
    cluster.change(|state| (state.coordinator, state.leader) = (0, 1));
    let mut publisher = Publisher::connect(&cluster.options("fake")).unwrap();
    for _ in 0..4 {
        transact(&mut publisher).unwrap();
    }
    let state = cluster.state.lock().unwrap();
    assert_eq!(state.commits, 4);
    let produced = state.asked.iter().filter(|(key, _)| *key == ApiKey::Produce);
    assert!(produced.clone().count() == 4 && produced.clone().all(|(_, broker)| *broker == 1));
}

#[test]
fn another_coordinator_is_found_when_the_first_is_gone_for_good() {
    let cluster = Cluster::start();
    cluster.change(|state| (state.coordinator, state.leader) = (1, 0));
    let mut publisher = Publisher::connect(&cluster.options("fake")).unwrap();
    transact(&mut publisher).unwrap();
    transact(&mut publisher).unwrap();
    cluster.fail(1, -1);
    cluster.change(|state| state.coordinator = 0);
    let results = soon(move || [transact(&mut publisher), transact(&mut publisher)]);
    assert_eq!(results, [Ok(()), Ok(())]);
}

#[test]
fn another_leader_is_found_when_the_first_is_gone_for_good() {
    let cluster = Cluster::start();
    cluster.change(|state| (state.coordinator, state.leader) = (0, 1));
    let mut publisher = Publisher::connect(&cluster.options("fake")).unwrap();
    transact(&mut publisher).unwrap();
    cluster.fail(1, -1);
    cluster.change(|state| state.leader = 0);
    let results = soon(move || [transact(&mut publisher), transact(&mut publisher)]);
    assert_eq!(results, [Ok(()), Ok(())]);
}

#[test]
fn another_leader_is_found_though_brokers_are_slow() {
    let cluster = Cluster::start();
    cluster.change(|state| (state.coordinator, state.leader) = (0, 1));
    let mut publisher = Publisher::connect(&cluster.options("fake")).unwrap();
    transact(&mut publisher).unwrap();
    cluster.change(|state| {
        state.leader = 0;
        state.metadata_takes = Duration::from_millis(700);
    });
    let results = soon(move || [transact(&mut publisher), transact(&mut publisher)]);
    assert_eq!(results, [Ok(()), Ok(())]);
}

/// The leader stays the same, and another broker says so, while the leader cannot be reached.
#[test]
fn a_leader_that_comes_back_after_some_failures_is_tried_again() {
    for failures in [1, 2, 4, 6] {
        let cluster = Cluster::start();
        cluster.change(|state| (state.coordinator, state.leader) = (0, 1));
        let mut publisher = Publisher::connect(&cluster.options("fake")).unwrap();
        transact(&mut publisher).unwrap();
        cluster.fail(1, failures);
        let results = soon(move || [transact(&mut publisher), transact(&mut publisher)]);
        assert_eq!(results, [Ok(()), Ok(())], "{failures}");
    }
}

/// A commit whose answer is lost is sent again. The first one may still be on its way: it must not end a later transaction,
/// so that the next one of this id has another epoch.
#[test]
fn after_a_lost_answer_to_a_commit_the_id_gets_a_new_epoch() {
    let cluster = Cluster::start();
    let mut publisher = Publisher::connect(&cluster.options("fake")).unwrap();
    let epochs = || cluster.state.lock().unwrap().epoch;
    assert_eq!(epochs(), 2);
    transact(&mut publisher).unwrap();
    cluster.change(|state| state.mute_commits = 1);
    transact(&mut publisher).unwrap();
    assert_eq!(epochs(), 2);
    transact(&mut publisher).unwrap();
    assert_eq!(epochs(), 2, "the other id");
    transact(&mut publisher).unwrap();
    assert_eq!(epochs(), 3);
}

#[test]
fn a_refused_login_is_told_from_a_broken_connection() {
    let cluster = Cluster::start();
    let mut options = cluster.options("fake");
    for (name, value) in [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", "user"),
        ("sasl.password", "secret"),
    ] {
        options.config.push((name.to_owned(), value.to_owned()));
    }
    for _ in 0..20 {
        let options = options.clone();
        let refused = soon(move || Publisher::connect(&options).err());
        assert!(
            matches!(refused, Some(KafkaError::Authentication { .. })),
            "{refused:?}"
        );
        assert_eq!(
            std::mem::take(&mut cluster.state.lock().unwrap().asked).len(),
            3,
            "once is enough"
        );
    }
}
