//! `rowtide schema`: what it shows at the checkpoint and at earlier places, and what it finds when it compares.

use std::io::Read;
use std::process::Command;

use rowtide_testbed::{MySql, MySqlOptions};
use serde_json::{Value, json};

use crate::stage::{self, Running, assert_says, eventually, fail, succeed};

fn schema(prefix: &str, arguments: &[&str]) -> Command {
    let mut command = stage::rowtide();
    command.arg("schema").args(arguments);
    command.args(["--kafka", &stage::kafka().bootstrap(), "--topic-prefix", prefix]);
    command
}

fn shown(prefix: &str, arguments: &[&str]) -> String {
    let arguments = [&["show"], arguments].concat();
    String::from_utf8(succeed(&mut schema(prefix, &arguments)).stdout).unwrap()
}

/// The tables in JSON, and the columns of each.
fn columns(prefix: &str, arguments: &[&str]) -> Value {
    let lines = shown(prefix, &[arguments, &["--format", "json"]].concat());
    let table = |line: &str| {
        let table: Value = serde_json::from_str(line).unwrap();
        let columns = table["table"]["columns"].as_array().unwrap();
        let names: Vec<&Value> = columns.iter().map(|column| &column["name"]).collect();
        json!([table["id"], names])
    };
    lines.lines().map(table).collect()
}

#[test]
fn tables_are_shown_at_the_checkpoint_and_at_earlier_places() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE looked; CREATE TABLE looked.t (id INT PRIMARY KEY, n VARCHAR(20) NOT NULL)")
        .unwrap();
    let run = || stage::run(mysql, kafka, "looked", "looked");
    succeed(run().args(["--until-idle", "300ms"]));
    let (set, position) = (stage::executed(mysql), stage::position(mysql));
    let position = position.strip_prefix("position:").unwrap();
    mysql
        .sql("ALTER TABLE looked.t ADD c DATE; CREATE TABLE looked.u (a BIGINT); DROP TABLE looked.u; CREATE TABLE looked.v (b TEXT)")
        .unwrap();
    succeed(run().args(["--until-idle", "300ms"]));

    let sql = shown("looked", &["looked\\.t"]);
    let (first, rest) = sql.split_once('\n').unwrap();
    assert!(first.starts_with("-- looked at binlog."), "{first}");
    assert_eq!(
        rest,
        "\nUSE `looked`;\n\nCREATE TABLE `t` (\n  `id` int NOT NULL,\n  `n` varchar(20) NOT NULL,\n  `c` date DEFAULT NULL,\n  \
         PRIMARY KEY (`id`)\n) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;\n"
    );
    let t = "\"looked\".\"t\"";
    assert_eq!(
        columns("looked", &["looked\\..*"]),
        json!([[t, ["id", "n", "c"]], ["\"looked\".\"v\"", ["b"]]])
    );
    for place in [position, &set] {
        assert_eq!(
            columns("looked", &["looked\\..*", "--at", place]),
            json!([[t, ["id", "n"]]]),
            "{place}"
        );
    }
}

#[test]
fn what_is_not_known_is_said() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE dark; CREATE TABLE dark.t (id INT PRIMARY KEY)")
        .unwrap();
    let said = fail(&mut schema("dark", &["show"]), 6);
    assert_says(&said, &["the source dark has no checkpoint"]);
    assert!(stage::records(kafka, "dark.checkpoint").is_empty());
    let start = stage::position(mysql);
    succeed(stage::run(mysql, kafka, "dark", "dark").args(["--until-idle", "300ms"]));
    let said = fail(&mut schema("dark", &["show", "dark\\.u"]), 9);
    assert_says(&said, &["no table is known", "dark\\.u"]);
    let early = "binlog.000001:4";
    assert!(!start.ends_with(early));
    let said = fail(&mut schema("dark", &["show", "--at", early]), 6);
    assert_says(&said, &["begins at", early]);
    let said = fail(&mut schema("dark", &["show", "--at", "binlog.000999:4"]), 6);
    assert_says(&said, &["goes to", "binlog.000999:4 is not before it"]);
    let said = fail(&mut schema("dark", &["show", "--at", "now"]), 2);
    assert_says(&said, &["--at: now is neither"]);
}

fn verify(mysql: &MySql, prefix: &str, database: &str) -> Command {
    let tables = format!("{database}\\..*");
    let mut command = schema(prefix, &["verify", "--source", &stage::source(mysql)]);
    command.args([
        "--include-table",
        &tables,
        "--server-id",
        &stage::next_server_id(),
    ]);
    command
}

/// What it prints, and the exit code it must end with.
fn verified(mysql: &MySql, prefix: &str, database: &str, code: i32) -> String {
    let output = verify(mysql, prefix, database).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}{found}");
    found
}

#[test]
fn the_tables_of_the_server_are_compared_while_a_run_goes_on() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql(
            "CREATE DATABASE compared; USE compared; CREATE TABLE same (id INT PRIMARY KEY, n VARCHAR(20) DEFAULT 'x'); \
             CREATE TABLE other LIKE same; CREATE TABLE gone (id INT); CREATE TABLE changed (id INT)",
        )
        .unwrap();
    succeed(stage::run(mysql, kafka, "compared", "compared").args(["--until-idle", "300ms"]));
    mysql
        .sql("ALTER TABLE compared.changed ADD note TEXT, ADD INDEX (id)")
        .unwrap();
    assert!(
        verified(mysql, "compared", "compared", 0).starts_with("4 tables agree at binlog."),
        "the statement since is followed"
    );
    let mut run = Running::start(&mut stage::run(mysql, kafka, "compared", "compared"));
    let mut await_rows = |count: usize| {
        eventually("the run has the rows", || {
            assert!(run.is_running(), "the run was thrown out");
            stage::records(kafka, "compared.compared.same").len() == count
        });
    };
    // From then on the run does not ask the server any more.
    mysql.sql("INSERT INTO compared.same VALUES (1, 'y')").unwrap();
    await_rows(1);
    mysql
        .sql(
            "SET sql_log_bin = 0; USE compared; ALTER TABLE other MODIFY n VARCHAR(30) DEFAULT 'x'; DROP TABLE gone; \
             CREATE TABLE hidden (id INT)",
        )
        .unwrap();
    let found = verified(mysql, "compared", "compared", 9);
    let (told, summary) = found.trim_end().rsplit_once('\n').unwrap();
    assert!(summary.starts_with("2 tables agree at binlog."), "{summary}");
    let expected = "compared.gone: the server does not have it, or does not show it
compared.hidden: the server has it, and Rowtide does not know it
compared.other: differs (- as Rowtide knows it, + on the server)
    `id` int NOT NULL
  - `n` varchar(20) COLLATE utf8mb4_0900_ai_ci DEFAULT …
  + `n` varchar(30) COLLATE utf8mb4_0900_ai_ci DEFAULT …
    PRIMARY KEY (`id`)
    DEFAULT COLLATE utf8mb4_0900_ai_ci";
    assert_eq!(told, expected);

    mysql.sql("INSERT INTO compared.same VALUES (2, 'y')").unwrap();
    await_rows(2);
}

#[test]
fn labels_that_the_server_cannot_show_are_known_from_a_row() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE balloon; CREATE TABLE balloon.t (id INT PRIMARY KEY, e ENUM('🎈','b'))")
        .unwrap();
    succeed(stage::run(mysql, kafka, "balloon", "balloon").args(["--until-idle", "300ms"]));
    let found = verified(mysql, "balloon", "balloon", 9);
    assert_says(
        &found,
        &["balloon.t: not compared: it is not known until the next row"],
    );
    mysql.sql("INSERT INTO balloon.t VALUES (1, 1)").unwrap();
    succeed(stage::run(mysql, kafka, "balloon", "balloon").args(["--until-idle", "300ms"]));
    let found = verified(mysql, "balloon", "balloon", 0);
    assert!(found.starts_with("1 table agrees at binlog."), "{found}");
    assert_says(&shown("balloon", &["balloon\\.t"]), &["enum('🎈','b')"]);
}

/// The schema history that a Debezium has written for the statements of testdata/golden, as if it stood at the end of the
/// binlog of another server.
fn debeziums_history(source: &str, file: &str, pos: u64) -> Vec<(String, String)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/golden/debezium-a.jsonl.gz"
    );
    let mut text = String::new();
    let mut file_of = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    file_of.read_to_string(&mut text).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let history = lines.filter(|record| record["topic"] == "sh.gA");
    let values = history.map(|record| {
        let mut value: Value = serde_json::from_str(record["value"].as_str().unwrap()).unwrap();
        value["source"]["server"] = json!(source);
        value["position"] = json!({ "file": file, "pos": pos });
        ("x".to_owned(), value.to_string())
    });
    values.collect()
}

#[test]
fn a_debeziums_history_is_taken_over() {
    let kafka = stage::kafka();
    let minimal = MySqlOptions {
        row_metadata: "MINIMAL",
        gtid: false,
        ..MySqlOptions::default()
    };
    let mysql = MySql::start(minimal).unwrap();
    for script in ["01-types.sql", "02-dml.sql", "03-ddl.sql"] {
        let path = format!("{}/../../testdata/golden/{script}", env!("CARGO_MANIFEST_DIR"));
        mysql.sql(&std::fs::read_to_string(path).unwrap()).unwrap();
    }
    let position = stage::position(&mysql);
    let place = position.strip_prefix("position:").unwrap();
    let (file, pos) = place.split_once(':').unwrap();
    kafka
        .create_topic("sh.taken", 1, &[("retention.ms", "-1")])
        .unwrap();
    let history = debeziums_history("taken", file, pos.parse().unwrap());
    assert_eq!(history.len(), 101);
    kafka.produce_by_java("sh.taken", &history).unwrap();

    let uuid = mysql.query("SELECT @@server_uuid").unwrap()[0][0]
        .clone()
        .unwrap();
    let topic = ["--schema-history-topic", "sh.taken"];
    let mut set = stage::rowtide();
    set.args([
        "checkpoint",
        "set",
        "--position",
        place,
        "--server-uuid",
        &uuid,
        "--take-over-history",
    ]);
    succeed(
        set.args(["--kafka", &kafka.bootstrap(), "--topic-prefix", "taken"])
            .args(topic),
    );
    let known = columns("taken", &[&["golden\\.t_dec"], &topic[..]].concat());
    assert_eq!(known[0][0], "\"golden\".\"t_dec\"");
    let compared = succeed(verify(&mysql, "taken", "golden").args(topic)).stdout;
    let compared = String::from_utf8(compared).unwrap();
    assert!(compared.starts_with("53 tables agree"), "{compared}");

    // Without the history nobody could tell what the table was before the ALTER.
    mysql
        .sql("USE golden; INSERT INTO zz_end VALUES (7, 'before'); ALTER TABLE zz_end ADD c INT FIRST; INSERT INTO zz_end VALUES (8, 9, 'x')")
        .unwrap();
    succeed(
        stage::run(&mysql, kafka, "taken", "golden")
            .args(["--until-idle", "300ms"])
            .args(topic),
    );
    let after: Vec<Value> = stage::records(kafka, "taken.golden.zz_end")
        .iter()
        .map(stage::after)
        .collect();
    assert_eq!(
        after,
        [
            json!({ "id": 7, "v": "before" }),
            json!({ "c": 8, "id": 9, "v": "x" })
        ]
    );
}
