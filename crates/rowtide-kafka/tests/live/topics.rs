//! Topics that are there, are not, or are made.

use std::time::{Duration, Instant};

use rowtide_kafka::{
    CheckpointStore, CreateTopics, KafkaError, KafkaOptions, Publisher, Recovery, TopicSpec, Topics,
};

use crate::fixtures::checkpoint;
use crate::{batch, kafka, options, prepared, send};

/// Why a source's own topics are refused.
fn unfit(options: &KafkaOptions) -> KafkaError {
    let mut topics = Topics::connect(options, CreateTopics::Allowed).unwrap();
    topics.ensure_own_topics(-1).unwrap_err()
}

#[test]
fn a_checkpoint_topic_that_is_not_compacted_is_refused_with_the_command() {
    let options = options("uncompacted");
    kafka()
        .create_topic("uncompacted.checkpoint", 1, &[("cleanup.policy", "delete")])
        .unwrap();
    let error = unfit(&options);
    assert!(matches!(&error, KafkaError::TopicUnfit { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("cleanup.policy=delete") && text.contains("--entity-name uncompacted.checkpoint"),
        "{text}"
    );
    assert_eq!(error.recovery(), Recovery::Stop);
}

#[test]
fn a_topic_with_the_wrong_partitions_or_retention_is_refused() {
    let options = options("unfit");
    kafka()
        .create_topic("unfit.checkpoint", 2, &[("cleanup.policy", "compact")])
        .unwrap();
    let error = unfit(&options);
    assert!(error.to_string().contains("it has 2 partitions"), "{error}");

    let options = KafkaOptions {
        checkpoint_topic: "unfit.other".into(),
        ..options
    };
    kafka()
        .create_topic("unfit.schema-history2", 1, &[("retention.ms", "1000")])
        .unwrap();
    let options = KafkaOptions {
        history_topic: "unfit.schema-history2".into(),
        ..options
    };
    let error = unfit(&options);
    assert!(error.to_string().contains("retention.ms=1000"), "{error}");
}

#[test]
fn a_missing_topic_is_refused_where_creating_is_not_allowed() {
    let options = options("forbidden");
    let mut topics = Topics::connect(&options, CreateTopics::Forbidden).unwrap();
    let spec = TopicSpec {
        partitions: 3,
        ..TopicSpec::default()
    };
    let error = topics.ensure_topic("forbidden.t", &spec).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("forbidden.t") && text.contains("--partitions 3"),
        "{text}"
    );
    assert!(topics.check_topic("forbidden.t", &spec).is_err());
    assert!(!kafka().topics().unwrap().contains(&"forbidden.t".to_owned()));
    // Once somebody has made it, it is found.
    kafka().create_topic("forbidden.t", 3, &[]).unwrap();
    topics.ensure_topic("forbidden.t", &spec).unwrap();
}

#[test]
fn many_topics_are_created_at_once_and_an_impossible_one_is_named() {
    let options = options("many");
    let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
    let names: Vec<String> = (0..30).map(|i| format!("many.{i}")).collect();
    let wanted: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), TopicSpec::default()))
        .collect();
    topics.ensure_topics(&wanted).unwrap();
    topics.ensure_topics(&wanted).unwrap();
    let there = kafka().topics().unwrap();
    assert!(names.iter().all(|name| there.contains(name)));
    let replicated = TopicSpec {
        replication_factor: 3,
        ..TopicSpec::default()
    };
    let error = topics.ensure_topic("many.replicated", &replicated).unwrap_err();
    assert!(error.to_string().contains("many.replicated"), "{error}");
    assert_eq!(error.recovery(), Recovery::Stop);
}

#[test]
fn a_topic_that_is_gone_is_an_error_and_is_not_made_by_the_broker() {
    let mut options = options("gone");
    options
        .config
        .push(("topic.metadata.propagation.max.ms".into(), "500".into()));
    prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    let sent = send(&mut publisher, "gone.never", &batch(&[(None, Some("v"))]));
    let error = sent
        .and_then(|()| publisher.commit(&checkpoint("gone", 4)))
        .unwrap_err();
    assert!(
        matches!(&error, KafkaError::TopicGone { topic, .. } if topic == "gone.never"),
        "{error:?}"
    );
    assert!(!kafka().topics().unwrap().contains(&"gone.never".to_owned()));
}

#[test]
fn an_unreachable_broker_is_named() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let mut options = KafkaOptions::new(&address, "nowhere");
    options.timeouts.connect = Duration::from_millis(700);
    let start = Instant::now();
    let failures = [
        Publisher::connect(&options).err(),
        Topics::connect(&options, CreateTopics::Allowed).err(),
        CheckpointStore::read(&options).err(),
    ];
    for error in failures {
        let error = error.expect("nobody listens there");
        assert!(matches!(&error, KafkaError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains(&address), "{error}");
        assert_eq!(error.recovery(), Recovery::Restart);
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}
