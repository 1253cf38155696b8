//! What README.md shows is what the program does.

use crate::golden::mask;
use crate::stage::{self, records, succeed};

const README: &str = include_str!("../../../../README.md");

/// What stands between two texts, each looked for once the one before it was found.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// Replaces what differs from run to run and from server to server; version, names, row and flags stay.
fn masked(envelope: &str) -> String {
    [
        "ts_ms",
        "ts_us",
        "ts_ns",
        "server_id",
        "gtid",
        "file",
        "pos",
        "thread",
    ]
    .iter()
    .fold(envelope.to_owned(), |json, name| mask(&json, name))
}

#[test]
fn the_statement_of_the_readme_becomes_the_record_shown_there() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let statement = between(README, "```sql\n", "\n```");
    let topic = between(README, "in the topic `", "`");
    let key = between(README, "with the key `", "`");
    let record = between(README, "```json\n", "\n```");
    assert_eq!(record.lines().count(), 1, "in the file it is one line");

    mysql
        .sql(
            "CREATE DATABASE shop;
             CREATE TABLE shop.orders (id INT PRIMARY KEY, item VARCHAR(40), price DECIMAL(8, 2))",
        )
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql(statement).unwrap();
    let (prefix, _) = topic.split_once('.').unwrap();
    let mut run = stage::run(mysql, kafka, prefix, "shop");
    succeed(run.args(["--start", &start, "--until-idle", "500ms"]));

    let all = records(kafka, topic);
    assert_eq!(all.len(), 1);
    assert_eq!(stage::text(&all[0].key).as_deref(), Some(key));
    assert_eq!(masked(&stage::text(&all[0].value).unwrap()), masked(record));
}
