//! What a user can get wrong: each has a text of its own that names the remedy, and an exit code.

use rowtide_testbed::{Kafka, KafkaOptions, MySql, MySqlOptions, ServerVersion};

use crate::same_names::run;
use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

const USAGE: i32 = 2;
const SOURCE: i32 = 3;
const SOURCE_UNFIT: i32 = 4;
const KAFKA: i32 = 5;
const CHECKPOINT: i32 = 6;

#[test]
fn a_wrong_password() {
    let mut run = stage::run(stage::mysql(), stage::kafka(), "bad_password", "nodb");
    let said = fail(run.env("ROWTIDE_SOURCE_PASSWORD", "hunter2"), SOURCE);
    assert_says(&said, &["cdc", "password"]);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_password_in_the_address() {
    let mut run = stage::rowtide();
    let said = fail(
        run.args([
            "tail",
            "--source",
            "mysql://cdc:hunter2@127.0.0.1:1",
            "--server-id",
            "1",
        ]),
        USAGE,
    );
    assert_says(&said, &["ROWTIDE_SOURCE_PASSWORD"]);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_user_without_grants() {
    let mysql = stage::mysql();
    mysql
        .sql("CREATE USER IF NOT EXISTS poor@'%' IDENTIFIED BY 'poorpass'")
        .unwrap();
    let source = format!("mysql://poor@127.0.0.1:{}", mysql.port());
    let mut run = stage::run(mysql, stage::kafka(), "bad_grant", "nodb");
    let said = fail(
        run.args(["--source", &source])
            .env("ROWTIDE_SOURCE_PASSWORD", "poorpass"),
        SOURCE_UNFIT,
    );
    assert_says(&said, &["REPLICATION SLAVE", "GRANT"]);
}

#[test]
fn a_server_without_a_binlog() {
    let arguments = vec!["--skip-log-bin".to_owned()];
    let mysql = MySql::start(MySqlOptions {
        gtid: false,
        arguments,
        ..MySqlOptions::default()
    })
    .unwrap();
    let said = fail(
        &mut stage::run(&mysql, stage::kafka(), "bad_binlog", "nodb"),
        SOURCE_UNFIT,
    );
    assert_says(&said, &["log_bin"]);
}

#[test]
fn a_binlog_of_statements() {
    let arguments = vec!["--binlog-format=STATEMENT".to_owned()];
    let mysql = MySql::start(MySqlOptions {
        arguments,
        ..MySqlOptions::default()
    })
    .unwrap();
    let said = fail(
        &mut stage::run(&mysql, stage::kafka(), "bad_format", "nodb"),
        SOURCE_UNFIT,
    );
    assert_says(&said, &["binlog_format", "ROW"]);
}

#[test]
fn a_server_id_that_another_replica_has() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let mut first = stage::run(mysql, kafka, "id_first", "nodb");
    let _first = Running::start(first.args(["--server-id", "7777"]));
    eventually("the first replica is registered", || {
        mysql
            .query("SHOW REPLICAS")
            .unwrap()
            .iter()
            .any(|row| row[0].as_deref() == Some("7777"))
    });
    let mut second = stage::run(mysql, kafka, "id_second", "nodb");
    let said = fail(second.args(["--server-id", "7777"]), SOURCE_UNFIT);
    assert_says(&said, &["7777", "--server-id"]);
}

#[test]
fn a_broker_that_is_not_there() {
    let mut run = stage::run(stage::mysql(), stage::kafka(), "bad_broker", "nodb");
    let said = fail(
        run.args(["--kafka", "127.0.0.1:1", "--kafka-connect-timeout", "3s"]),
        KAFKA,
    );
    assert_says(&said, &["127.0.0.1:1", "broker"]);
}

#[test]
fn an_option_that_does_not_exist() {
    let said = fail(stage::rowtide().args(["run", "--sauce", "x"]), USAGE);
    assert_says(&said, &["--sauce", "--source"]);
}

#[test]
fn an_option_that_would_do_nothing_there() {
    for arguments in [
        ["tail", "", "--tombstones-on-delete", "false"],
        ["tail", "", "--delivery", "at-least-once"],
        ["checkpoint", "show", "--commit-bytes", "5"],
        ["checkpoint", "show", "--create-topics", "false"],
        ["checkpoint", "set", "--commit-bytes", "5"],
    ] {
        let mut command = stage::rowtide();
        let said = fail(
            command.args(arguments.into_iter().filter(|word| !word.is_empty())),
            USAGE,
        );
        assert_says(&said, &["unexpected argument", arguments[2]]);
    }
}

#[test]
fn a_kafka_setting_that_does_not_exist() {
    let mut run = stage::run(stage::mysql(), stage::kafka(), "bad_setting", "nodb");
    let said = fail(run.args(["--kafka-config", "liner.ms=5"]), USAGE);
    assert_says(&said, &["liner.ms"]);
}

#[test]
fn a_pattern_that_is_no_expression() {
    let mut run = stage::run(stage::mysql(), stage::kafka(), "bad_regex", "nodb");
    let said = fail(run.args(["--exclude-table", "shop.("]), USAGE);
    assert_says(&said, &["shop.(", "regular expression"]);
}

#[test]
fn a_table_that_does_not_exist() {
    let mut run = stage::run(stage::mysql(), stage::kafka(), "bad_table", "nodb");
    let said = fail(run.args(["--include-table", "nodb.nosuchtable"]), SOURCE_UNFIT);
    assert_says(&said, &["nodb.nosuchtable", "--include-table"]);
}

#[test]
fn a_topic_that_may_not_be_created() {
    let mut run = stage::run(stage::mysql(), stage::kafka(), "bad_topic", "nodb");
    let said = fail(run.args(["--create-topics", "false"]), KAFKA);
    assert_says(&said, &["bad_topic.checkpoint", "does not exist"]);
}

#[test]
fn a_tables_topic_that_may_not_be_created_stops_before_anything_is_lost() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE notopic; CREATE TABLE notopic.t (id INT PRIMARY KEY)")
        .unwrap();
    stage::succeed(stage::run(mysql, kafka, "notopic", "notopic").args(["--until-idle", "500ms"]));
    mysql.sql("INSERT INTO notopic.t VALUES (1)").unwrap();
    let mut closed = stage::run(mysql, kafka, "notopic", "notopic");
    let said = fail(
        closed.args(["--create-topics", "false", "--until-idle", "500ms"]),
        KAFKA,
    );
    assert_says(&said, &["notopic.notopic.t", "does not exist"]);
    stage::succeed(stage::run(mysql, kafka, "notopic", "notopic").args(["--until-idle", "500ms"]));
    assert_eq!(records(kafka, "notopic.notopic.t").len(), 1);
}

#[test]
fn a_checkpoint_topic_that_is_not_compacted() {
    let kafka = stage::kafka();
    kafka
        .create_topic("flat.checkpoint", 1, &[("cleanup.policy", "delete")])
        .unwrap();
    let said = fail(&mut stage::run(stage::mysql(), kafka, "flat", "nodb"), CHECKPOINT);
    assert_says(&said, &["flat.checkpoint", "compact"]);
}

#[test]
fn a_checkpoint_whose_binlogs_are_purged() {
    let kafka = Kafka::start(KafkaOptions::default()).unwrap();
    let mysql = MySql::start(MySqlOptions::default()).unwrap();
    mysql
        .sql("CREATE DATABASE purged; CREATE TABLE purged.t (id INT PRIMARY KEY)")
        .unwrap();
    stage::succeed(stage::run(&mysql, &kafka, "purged", "purged").args(["--until-idle", "500ms"]));
    mysql
        .sql("INSERT INTO purged.t VALUES (1); FLUSH BINARY LOGS; FLUSH BINARY LOGS")
        .unwrap();
    let logs = mysql.query("SHOW BINARY LOGS").unwrap();
    let last = logs.last().and_then(|row| row[0].clone()).unwrap();
    mysql.sql(&format!("PURGE BINARY LOGS TO '{last}'")).unwrap();
    let said = fail(
        stage::run(&mysql, &kafka, "purged", "purged").args(["--until-idle", "500ms"]),
        CHECKPOINT,
    );
    assert_says(&said, &["purged", "rowtide checkpoint set"]);
}

#[test]
fn a_checkpoint_of_another_server() {
    let kafka = stage::kafka();
    let other = MySql::start(MySqlOptions::default()).unwrap();
    other.sql("CREATE DATABASE lineage").unwrap();
    stage::succeed(stage::run(&other, kafka, "lineage", "nodb").args(["--until-idle", "500ms"]));
    let said = fail(
        &mut stage::run(stage::mysql(), kafka, "lineage", "nodb"),
        CHECKPOINT,
    );
    assert_says(&said, &["another server", "--topic-prefix"]);
}

/// By its GTIDs alone the server seems to have all that the checkpoint holds.
#[test]
fn a_checkpoint_of_a_binlog_that_was_begun_anew() {
    for (version, reset) in [
        (ServerVersion::MySql57, "RESET MASTER"),
        (ServerVersion::MySql97, "RESET BINARY LOGS AND GTIDS"),
    ] {
        let server = MySql::start(MySqlOptions::of(version)).unwrap();
        let prefix = format!("anew_{}", version.name().replace(['-', '.'], "_"));
        let insert = |id: u32| {
            server
                .sql(&format!("INSERT INTO {prefix}.t VALUES ({id})"))
                .unwrap()
        };
        server
            .sql(&format!(
                "CREATE DATABASE {prefix}; CREATE TABLE {prefix}.t (id INT PRIMARY KEY)"
            ))
            .unwrap();
        let start = stage::position(&server);
        let run = || run(&server, &prefix, &start);
        server.sql("FLUSH BINARY LOGS").unwrap();
        insert(1);
        succeed(&mut run());
        server.sql(reset).unwrap();
        (2..12).for_each(|id| {
            insert(id);
        });
        let said = fail(&mut run(), CHECKPOINT);
        assert_says(
            &said,
            &["binlog was begun anew", "binlog.000002", "rowtide checkpoint set"],
        );
    }
}

#[test]
fn a_config_file_with_a_key_that_does_not_exist() {
    let folder = rowtide_testbed::Scratch::new("config").unwrap();
    let file = folder.path().join("rowtide.toml");
    std::fs::write(&file, "server-id = 5\nsevrer = \"x\"\n").unwrap();
    let said = fail(stage::rowtide().args(["run", "--config"]).arg(&file), USAGE);
    assert_says(&said, &["sevrer", "rowtide.toml"]);
}
