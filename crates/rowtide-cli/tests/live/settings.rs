//! Where settings come from, and where secrets do not go.

use rowtide_testbed::{CDC_PASSWORD, Scratch};
use serde_json::Value;

use crate::stage::{self, Running, eventually, fail, records, succeed};

/// The source is unreachable or refuses the login.
const SOURCE: i32 = 3;

/// Insists that each line is a JSON object with the fields that every log line has, and gives them.
fn log_lines(said: &str) -> Vec<Value> {
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"));
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
        line
    };
    said.lines().map(line).collect()
}

#[test]
fn an_argument_wins_over_the_environment_and_that_over_the_file() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE origin; CREATE TABLE origin.t (id INT PRIMARY KEY); CREATE TABLE origin.u (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql("INSERT INTO origin.t VALUES (1); INSERT INTO origin.u VALUES (1)")
        .unwrap();
    let folder = Scratch::new("config").unwrap();
    let file = folder.path().join("rowtide.toml");
    let (source, id) = (stage::source(mysql), stage::next_server_id());
    // Nobody listens on port 1, and no table is called `nothing`: what is not overridden as it should be fails.
    let text = format!(
        "source = '{source}'\nserver-id = {id}\nkafka = '127.0.0.1:1'\ninclude-table = ['nothing\\..*']\n\
         topic-prefix = 'origin_file'\nstart = '{start}'\ntopic-partitions = 4\ntombstones-on-delete = false\n\
         until-idle = '1h'\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut run = stage::rowtide();
    run.arg("run")
        .env("ROWTIDE_CONFIG", &file)
        .env("ROWTIDE_KAFKA", kafka.bootstrap())
        .env("ROWTIDE_TOPIC_PREFIX", "origin_env")
        .env("ROWTIDE_INCLUDE_TABLE", "origin\\.u")
        .env("ROWTIDE_UNTIL_IDLE", "2h")
        .args(["--topic-prefix", "origin_argument", "--until-idle", "500ms"]);
    succeed(&mut run);

    let topics: Vec<String> = kafka
        .topics()
        .unwrap()
        .into_iter()
        .filter(|t| t.starts_with("origin_"))
        .collect();
    assert_eq!(
        topics,
        [
            "origin_argument",
            "origin_argument.checkpoint",
            "origin_argument.origin.u",
            "origin_argument.schema-history"
        ]
    );
    let all = records(kafka, "origin_argument.origin.u");
    assert_eq!(all.len(), 1);
    assert_eq!(
        kafka.partitions("origin_argument.origin.u").unwrap(),
        4,
        "from the file"
    );
}

#[test]
fn logs_are_json_and_secrets_show_nowhere() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE hushed; CREATE TABLE hushed.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO hushed.t VALUES (1)").unwrap();
    let mut run = stage::run(mysql, kafka, "hushed", "hushed");
    run.args(["--start", &start])
        .args(["--log-format", "json", "--log", "debug,librdkafka=debug"]);
    let mut running = Running::start_with_log(&mut run);
    eventually("the change arrives", || {
        records(kafka, "hushed.hushed.t").len() == 1
    });
    // What `ps` shows to everybody.
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", running.id())).unwrap();
    assert!(arguments.contains("--topic-prefix\0hushed\0"), "{arguments}");
    assert!(!arguments.contains(CDC_PASSWORD), "{arguments}");
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));

    let said = running.log();
    assert!(!said.contains(CDC_PASSWORD), "{said}");
    let lines = log_lines(&said);
    let has = |message: &str| {
        lines
            .iter()
            .any(|line| line["message"].as_str().is_some_and(|m| m.starts_with(message)))
    };
    assert!(has("streaming from") && has("stopped"), "{said}");
}

#[test]
fn a_failed_login_says_nothing_of_the_password() {
    let mut run = stage::run(stage::mysql(), stage::kafka(), "hushed_login", "nodb");
    run.args(["--log-format", "json", "--log", "debug"]);
    let said = fail(run.env("ROWTIDE_SOURCE_PASSWORD", "hunter2"), SOURCE);
    assert!(!said.contains("hunter2"), "{said}");
    // The last line is the error, for a person.
    let (log, error) = said.trim_end().rsplit_once('\n').unwrap_or(("", &said));
    assert!(error.starts_with("rowtide: "), "{said}");
    log_lines(log);
}

#[test]
fn a_password_from_a_file_wins_over_the_environments() {
    let folder = Scratch::new("config").unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{CDC_PASSWORD}\nnot this line\n")).unwrap();
    let mut run = stage::run(stage::mysql(), stage::kafka(), "from_file", "nodb");
    run.env("ROWTIDE_SOURCE_PASSWORD", "hunter2");
    fail(&mut run, SOURCE);
    succeed(
        run.env("ROWTIDE_SOURCE_PASSWORD_FILE", &file)
            .args(["--until-idle", "300ms"]),
    );
}
