//! Rows larger than Kafka takes by default, and records that a topic does not take at all.

use std::process::Command;

use rowtide_testbed::MySql;

use crate::stage::{self, assert_says, fail, records, succeed};

/// Kafka is unreachable or refuses.
const KAFKA: i32 = 5;
const UNTIL_IDLE: [&str; 2] = ["--until-idle", "500ms"];
/// What Rowtide itself takes: a record of 27 MB, as base64 makes it of 20 MB.
const CLIENT_LIMITS: [&str; 3] = [
    "--kafka-config",
    "message.max.bytes=40000000",
    "queue.buffering.max.kbytes=65536",
];
/// What the topic takes.
const TOPIC_LIMIT: &str = "max.message.bytes=40000000";

/// Makes a table and puts three rows into it, the second of 20 MB that no compression makes smaller. Gives where the
/// changes begin, and file and position of the large one's transaction.
fn large_row(mysql: &MySql, database: &str) -> (String, String) {
    mysql
        .sql(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY, b LONGBLOB)"
        ))
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql(&format!("INSERT INTO {database}.t VALUES (1, 'small')"))
        .unwrap();
    mysql
        .sql(&format!(
            "SET SESSION group_concat_max_len = 30000000, cte_max_recursion_depth = 30000;
             INSERT INTO {database}.t SELECT 2, GROUP_CONCAT(RANDOM_BYTES(1024) SEPARATOR '') FROM
                 (WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 20480) SELECT n FROM r) s"
        ))
        .unwrap();
    mysql
        .sql(&format!("INSERT INTO {database}.t VALUES (3, 'small')"))
        .unwrap();
    let file = start.split(':').nth(1).unwrap().to_owned();
    (start, file)
}

/// Insists that the topic has the three rows, and each blob as the server has it.
fn assert_all_arrived(mysql: &MySql, topic: &str, database: &str) {
    let all = records(stage::kafka(), topic);
    let keys: Vec<_> = all.iter().map(|r| stage::text(&r.key).unwrap()).collect();
    assert_eq!(keys, ["{\"id\":1}", "{\"id\":2}", "{\"id\":3}"]);
    for (id, record) in (1..).zip(&all) {
        // Not by assert_eq: nobody wants to read 27 MB of difference.
        let same = stage::after(record)["b"].as_str() == Some(&base64_of_blob(mysql, database, id));
        assert!(same, "the blob of row {id} differs");
    }
}

/// A blob as base64, by the server, in pieces that the `mysql` program takes.
fn base64_of_blob(mysql: &MySql, database: &str, id: u32) -> String {
    let pieces = format!(
        "SELECT REPLACE(TO_BASE64(SUBSTRING(b, 1 + k * 3000000, 3000000)), '\\n', '') FROM {database}.t,
             (WITH RECURSIVE r AS (SELECT 0 k UNION ALL SELECT k + 1 FROM r WHERE k < 8) SELECT k FROM r) s
         WHERE id = {id} ORDER BY k"
    );
    let rows = mysql.query(&pieces).unwrap();
    rows.into_iter().flatten().flatten().collect()
}

#[test]
fn a_row_of_20_mb_arrives_where_client_and_topic_take_it() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let (start, _) = large_row(mysql, "large_row");
    let mut run = stage::run(mysql, kafka, "large_row", "large_row");
    run.args(["--start", &start]).args(CLIENT_LIMITS);
    succeed(run.args(["--topic-config", TOPIC_LIMIT]).args(UNTIL_IDLE));
    assert_all_arrived(mysql, "large_row.large_row.t", "large_row");
}

#[test]
fn a_row_too_large_is_named_with_the_limit_in_its_way_and_waits_until_it_is_raised() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let (start, file) = large_row(mysql, "too_large");
    let run = || {
        let mut run = stage::run(mysql, kafka, "too_large", "too_large");
        run.args(["--start", &start]).args(UNTIL_IDLE);
        run
    };
    let row_event = position_of_row(mysql, &file, "too_large");
    let place = format!("too_large.t at {file}:{row_event}");

    let said = fail(&mut run(), KAFKA);
    assert_says(
        &said,
        &[
            &place,
            "too_large.too_large.t",
            "--kafka-config",
            "message.max.bytes=16000000",
        ],
    );
    let mut half = run();
    half.args(["--kafka-config", "message.max.bytes=40000000"]);
    half.args(["--kafka-config", "queue.buffering.max.kbytes=16384"]);
    let said = fail(&mut half, KAFKA);
    assert_says(&said, &[&place, "queue.buffering.max.kbytes=16384"]);
    let said = fail(run().args(CLIENT_LIMITS), KAFKA);
    assert_says(&said, &[&place, "max.message.bytes", "kafka-configs.sh --alter"]);
    // What came before it in the same Kafka transaction is not there either.
    assert!(records(kafka, "too_large.too_large.t").len() <= 1);

    let bootstrap = kafka.bootstrap();
    let mut alter = vec!["--bootstrap-server", bootstrap.as_str(), "--alter"];
    alter.extend([
        "--entity-type",
        "topics",
        "--entity-name",
        "too_large.too_large.t",
    ]);
    alter.extend(["--add-config", TOPIC_LIMIT]);
    kafka.java("kafka.admin.ConfigCommand", &alter).unwrap();
    succeed(run().args(CLIENT_LIMITS));
    assert_all_arrived(mysql, "too_large.too_large.t", "too_large");
}

/// Where the second rows event of a database's table begins.
fn position_of_row(mysql: &MySql, file: &str, database: &str) -> String {
    let events = mysql.query(&format!("SHOW BINLOG EVENTS IN '{file}'")).unwrap();
    let map = format!("({database}.t)");
    let rows: Vec<_> = events
        .windows(2)
        .filter(|pair| pair[0][5].as_deref().is_some_and(|info| info.ends_with(&map)))
        .map(|pair| pair[1][1].clone().unwrap())
        .collect();
    rows[1].clone()
}

#[test]
fn a_record_without_a_key_in_a_compacted_topic_stops_with_advice() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE nokey; CREATE TABLE nokey.t (n INT)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO nokey.t VALUES (1)").unwrap();
    let run = |prefix: &str| -> Command {
        let mut run = stage::run(mysql, kafka, prefix, "nokey");
        run.args(["--start", &start]).args(UNTIL_IDLE);
        run
    };
    let said = fail(
        run("nokey").args(["--topic-config", "cleanup.policy=compact"]),
        KAFKA,
    );
    assert_says(
        &said,
        &["nokey.t at", "nokey.nokey.t", "primary key", "cleanup.policy"],
    );
    let mut lenient = run("nokey_lenient");
    lenient.args([
        "--topic-config",
        "cleanup.policy=compact",
        "--delivery",
        "at-least-once",
    ]);
    fail(&mut lenient, KAFKA);
}
