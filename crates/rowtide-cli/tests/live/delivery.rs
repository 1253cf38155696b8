//! `--delivery`: what is different on the topics.

use crate::stage::{self, records, succeed};

/// Kafka's transactions leave markers in the partitions that they wrote to, so that a topic's end tells whether there
/// were any.
#[test]
fn exactly_once_uses_kafkas_transactions_and_at_least_once_does_not() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE delivered; CREATE TABLE delivered.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql("INSERT INTO delivered.t VALUES (1), (2); DELETE FROM delivered.t WHERE id = 1")
        .unwrap();
    let ends = kafka.ends(true).unwrap();
    for (delivery, prefix, markers) in [
        ("exactly-once", "delivered_once", true),
        ("at-least-once", "delivered_often", false),
    ] {
        let mut run = stage::run(mysql, kafka, prefix, "delivered");
        run.args(["--start", &start, "--delivery", delivery]);
        succeed(run.args(["--until-idle", "500ms"]));
        // Where the first run ended, there is nothing left to do.
        succeed(run.args(["--until-idle", "500ms"]));

        let topic = format!("{prefix}.delivered.t");
        let operations: Vec<_> = records(kafka, &topic)
            .iter()
            .map(|r| r.value.as_ref().map(|_| stage::operation(r)))
            .collect();
        let expected = [Some("c"), Some("c"), Some("d"), None].map(|op| op.map(str::to_owned));
        assert_eq!(operations, expected, "{delivery}");
        assert_eq!(ends.of(&topic).unwrap() > 4, markers, "{delivery}");
        assert!(!records(kafka, &format!("{prefix}.checkpoint")).is_empty());
    }
}
