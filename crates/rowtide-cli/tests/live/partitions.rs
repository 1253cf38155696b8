//! Topics and their partitions: where each record goes, and how topics are made.

use std::collections::{BTreeMap, BTreeSet};

use rowtide_testbed::Record;

use crate::stage::{self, assert_says, fail, records, succeed};

/// Kafka is unreachable or refuses.
const KAFKA: i32 = 5;
const UNTIL_IDLE: [&str; 2] = ["--until-idle", "500ms"];

/// The partitions in which the records of each key are.
fn partitions_of_keys(all: &[Record]) -> BTreeMap<String, BTreeSet<i32>> {
    let mut found: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
    for record in all {
        let key = stage::text(&record.key).unwrap();
        found.entry(key).or_default().insert(record.partition);
    }
    found
}

/// What Kafka's own program says of a topic.
fn described(topic: &str) -> String {
    let kafka = stage::kafka();
    let arguments = [
        "--bootstrap-server",
        &kafka.bootstrap(),
        "--describe",
        "--topic",
        topic,
    ];
    kafka
        .java("org.apache.kafka.tools.TopicCommand", &arguments)
        .unwrap()
}

#[test]
fn keys_go_where_javas_producer_puts_them() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE parts; CREATE TABLE parts.t (id BIGINT, name VARCHAR(40), v INT, PRIMARY KEY (id, name))")
        .unwrap();
    let start = stage::position(mysql);
    // Names of every length modulo 4, which is murmur2's step, with letters of one to four bytes.
    mysql
        .sql(
            "INSERT INTO parts.t SELECT n - 30, CONCAT(REPEAT('x', n % 7), ELT(1 + n % 4, 'a', 'ü', '€', '🦀')), 0 FROM
                 (WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 120) SELECT n FROM r) s;
             UPDATE parts.t SET v = 1; DELETE FROM parts.t WHERE id % 2 = 0",
        )
        .unwrap();
    succeed(
        stage::run(mysql, kafka, "parts", "parts")
            .args(["--start", &start, "--topic-partitions", "6"])
            .args(UNTIL_IDLE),
    );
    let ours = records(kafka, "parts.parts.t");
    assert_eq!(ours.len(), 120 + 120 + 2 * 60, "tombstones included");

    let keys = partitions_of_keys(&ours);
    let by_java: Vec<_> = keys.keys().map(|key| (key.clone(), "v".to_owned())).collect();
    kafka.create_topic("parts_by_java", 6, &[]).unwrap();
    kafka.produce_by_java("parts_by_java", &by_java).unwrap();
    assert_eq!(keys, partitions_of_keys(&records(kafka, "parts_by_java")));
    let used: BTreeSet<i32> = ours.iter().map(|r| r.partition).collect();
    assert_eq!(used.len(), 6, "each partition has records");
}

#[test]
fn records_without_a_key_stay_in_one_partition_and_in_order() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE keyless; CREATE TABLE keyless.t (n INT)")
        .unwrap();
    let start = stage::position(mysql);
    let inserts: String = (0..300)
        .map(|n| format!("INSERT INTO keyless.t VALUES ({n});"))
        .collect();
    mysql.sql(&inserts).unwrap();
    let mut run = stage::run(mysql, kafka, "keyless", "keyless");
    // Many Kafka transactions, each of which could choose another partition.
    run.args([
        "--start",
        &start,
        "--topic-partitions",
        "6",
        "--commit-bytes",
        "8192",
    ]);
    succeed(run.args(UNTIL_IDLE));
    mysql.sql("INSERT INTO keyless.t VALUES (300)").unwrap();
    succeed(stage::run(mysql, kafka, "keyless", "keyless").args(UNTIL_IDLE));

    let all = records(kafka, "keyless.keyless.t");
    assert!(all.iter().all(|r| r.key.is_none()));
    let used: BTreeSet<i32> = all.iter().map(|r| r.partition).collect();
    assert_eq!(used.len(), 1, "{used:?}");
    let numbers: Vec<_> = all
        .iter()
        .map(|r| stage::after(r)["n"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (0..=300).collect::<Vec<_>>());
}

#[test]
fn topics_are_made_as_the_settings_say() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE made; CREATE TABLE made.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO made.t VALUES (1)").unwrap();
    let mut run = stage::run(mysql, kafka, "made", "made");
    run.args(["--start", &start, "--topic-partitions", "3"])
        .args(["--topic-replication-factor", "1"]);
    run.args([
        "--topic-config",
        "cleanup.policy=compact",
        "retention.ms=86400000",
    ]);
    succeed(run.args(UNTIL_IDLE));

    let data = described("made.made.t");
    assert_says(
        &data,
        &[
            "PartitionCount: 3",
            "ReplicationFactor: 1",
            "cleanup.policy=compact",
            "retention.ms=86400000",
        ],
    );
    // Rowtide's own topics are as it needs them, whatever those of the tables are.
    let checkpoint = described("made.checkpoint");
    assert_says(
        &checkpoint,
        &[
            "PartitionCount: 1",
            "ReplicationFactor: 1",
            "cleanup.policy=compact",
        ],
    );
    assert!(!checkpoint.contains("retention.ms"), "{checkpoint}");
    let history = described("made.schema-history");
    assert_says(
        &history,
        &["PartitionCount: 1", "cleanup.policy=delete", "retention.ms=-1"],
    );
    assert_says(
        &described("made"),
        &[
            "PartitionCount: 1",
            "cleanup.policy=delete",
            "retention.ms=86400000",
        ],
    );
}

#[test]
fn what_the_broker_does_not_grant_is_refused_with_its_reason() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let mut run = stage::run(mysql, kafka, "ungranted", "nodb");
    // One broker cannot hold three replicas.
    let said = fail(run.args(["--topic-replication-factor", "3"]), KAFKA);
    assert_says(&said, &["ungranted.checkpoint", "--replication-factor 3"]);

    mysql
        .sql("CREATE DATABASE ungranted; CREATE TABLE ungranted.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO ungranted.t VALUES (1)").unwrap();
    let run = || {
        let mut run = stage::run(mysql, kafka, "ungranted", "ungranted");
        run.args(["--start", &start]).args(UNTIL_IDLE);
        run
    };
    let said = fail(run().args(["--topic-config", "cleanup.polisy=compact"]), KAFKA);
    assert_says(&said, &["--topic ungranted ", "--config cleanup.polisy=compact"]);
    succeed(&mut run());
    assert_eq!(records(kafka, "ungranted.ungranted.t").len(), 1);
}

#[test]
fn topics_made_beforehand_are_enough_where_none_may_be_made() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE before_; CREATE TABLE before_.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO before_.t VALUES (1), (2), (3)").unwrap();
    let run = || {
        let mut run = stage::run(mysql, kafka, "before", "before_");
        run.args(["--start", &start, "--create-topics", "false"])
            .args(UNTIL_IDLE);
        run
    };
    for (topic, settings) in [
        ("before.checkpoint", vec![("cleanup.policy", "compact")]),
        (
            "before.schema-history",
            vec![("retention.ms", "-1"), ("retention.bytes", "-1")],
        ),
        ("before", vec![]),
        ("before.before_.t", vec![]),
    ] {
        let said = fail(&mut run(), KAFKA);
        assert_says(&said, &[topic, "does not exist", "kafka-topics.sh --create"]);
        kafka.create_topic(topic, 1, &settings).unwrap();
    }
    succeed(&mut run());
    assert_eq!(records(kafka, "before.before_.t").len(), 3);
}
