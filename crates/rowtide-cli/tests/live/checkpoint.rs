//! `rowtide checkpoint`: what it shows, and what setting it does to the next run.

use crate::stage::{self, records, succeed};
use serde_json::Value;

fn checkpoint(prefix: &str, arguments: &[&str]) -> std::process::Command {
    let mut command = stage::rowtide();
    command.args(["checkpoint"]).args(arguments);
    command.args(["--kafka", &stage::kafka().bootstrap(), "--topic-prefix", prefix]);
    command
}

#[test]
fn shows_where_a_run_has_come_and_moves_the_next_one() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE cp; CREATE TABLE cp.t (id INT PRIMARY KEY)")
        .unwrap();
    let before = stage::executed(mysql);
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO cp.t VALUES (1)").unwrap();
    succeed(stage::run(mysql, kafka, "cp", "cp").args(["--start", &start, "--until-idle", "500ms"]));

    let shown = succeed(&mut checkpoint("cp", &["show"])).stdout;
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["source"], "cp");
    let recorded = shown["gtid_set"].as_str().unwrap();
    let done = format!("SELECT GTID_SUBSET('{recorded}', @@GLOBAL.gtid_executed)");
    assert_eq!(mysql.query(&done).unwrap()[0][0].as_deref(), Some("1"));
    let behind = format!("SELECT GTID_SUBSET('{recorded}', '{before}')");
    assert_eq!(
        mysql.query(&behind).unwrap()[0][0].as_deref(),
        Some("0"),
        "the insert is in it"
    );

    let server = mysql.query("SELECT @@server_uuid").unwrap()[0][0]
        .clone()
        .unwrap();
    assert_eq!(shown["server_uuid"], server.as_str());
    succeed(&mut checkpoint("cp", &["set", "--gtid", &before]));
    succeed(stage::run(mysql, kafka, "cp", "cp").args(["--until-idle", "500ms"]));
    assert_eq!(
        records(kafka, "cp.cp.t").len(),
        2,
        "the insert was read again from the set checkpoint"
    );
}

#[test]
fn a_source_without_a_checkpoint_says_so() {
    let output = checkpoint("never_ran", &["show"]).output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("never_ran") && said.contains("no checkpoint"),
        "{said}"
    );
}

#[test]
fn starts_from_a_position_inside_the_file_with_an_exact_gtid_set() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE frompos; CREATE TABLE frompos.t (id INT PRIMARY KEY)")
        .unwrap();
    mysql.sql("INSERT INTO frompos.t VALUES (1)").unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO frompos.t VALUES (2)").unwrap();
    succeed(stage::run(mysql, kafka, "frompos", "frompos").args([
        "--start",
        &start,
        "--until-idle",
        "500ms",
    ]));
    let keys: Vec<_> = records(kafka, "frompos.frompos.t")
        .iter()
        .map(|r| stage::text(&r.key).unwrap())
        .collect();
    assert_eq!(keys, ["{\"id\":2}"]);
    let shown = succeed(&mut checkpoint("frompos", &["show"])).stdout;
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    let recorded = shown["gtid_set"].as_str().unwrap();
    let first = format!("SELECT GTID_SUBSET(CONCAT(@@server_uuid, ':1-3'), '{recorded}')");
    assert_eq!(
        mysql.query(&first).unwrap()[0][0].as_deref(),
        Some("1"),
        "what came before the position is in the set"
    );
}

#[test]
fn the_file_of_the_run_serves_the_checkpoint_too() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let folder = rowtide_testbed::Scratch::new("one_file").unwrap();
    let file = folder.path().join("rowtide.toml");
    let text = format!(
        "source = '{}'\nserver-id = {}\ninclude-table = ['nodb\\..*']\ntopic-prefix = 'onefile'\n\
         kafka = '{}'\ncheckpoint-topic = 'onefile.place'\ncommit-bytes = 1000\nuntil-idle = '300ms'\n",
        stage::source(mysql),
        stage::next_server_id(),
        kafka.bootstrap()
    );
    std::fs::write(&file, text).unwrap();
    let of_file = |arguments: &[&str]| {
        let mut command = stage::rowtide();
        command.args(arguments).arg("--config").arg(&file);
        command
    };
    let unknown = stage::fail(
        &mut of_file(&["checkpoint", "set", "--gtid", "", "--create-topics", "false"]),
        5,
    );
    stage::assert_says(&unknown, &["onefile.place", "does not exist"]);
    succeed(&mut of_file(&["run"]));
    let shown = succeed(&mut of_file(&["checkpoint", "show"])).stdout;
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["source"], "onefile");
    succeed(&mut of_file(&["tail"]));
}
