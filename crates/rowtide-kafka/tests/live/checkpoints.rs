//! Where a run goes on.

use rowtide_kafka::{CheckpointStore, CreateTopics, KafkaError, KafkaOptions, Publisher, TopicSpec, Topics};

use crate::fixtures::checkpoint;
use crate::{batch, kafka, options, prepared, send};

#[test]
fn setting_the_checkpoint_fences_who_runs() {
    let options = options("set");
    prepared(&options, 1);
    assert_eq!(CheckpointStore::read(&options).unwrap(), None);
    let mut running = Publisher::connect(&options).unwrap();
    running.begin().unwrap();
    running.commit(&checkpoint("set", 10)).unwrap();
    CheckpointStore::write(&options, &checkpoint("set", 99)).unwrap();
    let late = running
        .begin()
        .and_then(|()| running.commit(&checkpoint("set", 20)));
    assert!(matches!(late, Err(KafkaError::Fenced { .. })), "{late:?}");
    assert_eq!(
        CheckpointStore::read(&options).unwrap(),
        Some(checkpoint("set", 99))
    );
}

#[test]
fn a_broken_or_deleted_checkpoint_is_told_from_none() {
    let options = options("broken");
    prepared(&options, 1);
    // Any record can be put there: the checkpoint topic serves as a data topic.
    let put = |value: Option<&str>| {
        let free = KafkaOptions {
            checkpoint_topic: "elsewhere".into(),
            ..options.clone()
        };
        let mut topics = Topics::connect(&free, CreateTopics::Allowed).unwrap();
        topics
            .ensure_topic("elsewhere", &TopicSpec::checkpoint(-1))
            .unwrap();
        let mut publisher = Publisher::connect(&free).unwrap();
        publisher.begin().unwrap();
        send(
            &mut publisher,
            "broken.checkpoint",
            &batch(&[(Some("broken"), value), (Some("other"), Some("x"))]),
        )
        .unwrap();
        publisher.commit(&checkpoint("broken", 4)).unwrap();
    };
    put(Some("{"));
    let error = CheckpointStore::read(&options).unwrap_err();
    assert!(
        matches!(&error, KafkaError::CheckpointCorrupt { offset: 0, .. }),
        "{error:?}"
    );
    put(Some(r#"{"format_version":7}"#));
    let error = CheckpointStore::read(&options).unwrap_err();
    assert!(
        matches!(&error, KafkaError::CheckpointTooNew { found: 7, .. }),
        "{error:?}"
    );
    put(Some(&checkpoint("another", 4).to_json()));
    let error = CheckpointStore::read(&options).unwrap_err();
    assert!(
        matches!(&error, KafkaError::CheckpointCorrupt { .. }),
        "{error:?}"
    );
    put(None);
    assert_eq!(CheckpointStore::read(&options).unwrap(), None);
}

#[test]
fn a_checkpoint_is_found_far_before_the_end_of_its_topic() {
    let options = options("far");
    prepared(&options, 1);
    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    publisher.commit(&checkpoint("far", 10)).unwrap();
    let other = KafkaOptions {
        checkpoint_topic: options.checkpoint_topic.clone(),
        ..KafkaOptions::new(kafka().bootstrap(), "far-other")
    };
    prepared(&other, 1);
    let mut publisher = Publisher::connect(&other).unwrap();
    publisher.begin().unwrap();
    let many = batch(&[(Some("far-another"), Some("x")); 1_500]);
    send(&mut publisher, &options.checkpoint_topic, &many).unwrap();
    publisher.commit(&checkpoint("far-other", 20)).unwrap();
    let found = |options| CheckpointStore::read(options).unwrap();
    assert_eq!(found(&options), Some(checkpoint("far", 10)));
    assert_eq!(found(&other), Some(checkpoint("far-other", 20)));
}
