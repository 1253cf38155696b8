//! The schema-history topic: what it tells, which part of it a start reads, what is refused, and that killing the program
//! at any statement neither loses nor doubles one.

use rowtide_testbed::{MySql, Record, ServerVersion};
use serde_json::{Value, json};

use crate::schema::{rows, run, without_shapes};
use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

/// The checkpoint and what belongs to it cannot be used.
const CHECKPOINT: i32 = 6;

fn history(prefix: &str) -> Vec<Record> {
    records(stage::kafka(), &format!("{prefix}.schema-history"))
}

fn value(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()
}

fn checkpoint(prefix: &str) -> Value {
    value(
        records(stage::kafka(), &format!("{prefix}.checkpoint"))
            .last()
            .unwrap(),
    )
}

/// A database with a table of two columns, in which a first run has followed a row.
fn followed(mysql: &MySql, name: &str) {
    mysql
        .sql(&format!(
            "CREATE DATABASE {name}; CREATE TABLE {name}.t (id INT PRIMARY KEY, a INT)"
        ))
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql(&format!("INSERT INTO {name}.t VALUES (1, 1)")).unwrap();
    succeed(&mut run(mysql, name, &start));
    assert_eq!(rows(name, &format!("{name}.t")), [json!({"id": 1, "a": 1})]);
}

#[test]
fn statements_are_told_with_the_tables_that_they_make() {
    let mysql = stage::mysql();
    followed(mysql, "kept_told");
    mysql
        .sql(
            "USE kept_told; ALTER TABLE t ADD b VARCHAR(3) AFTER id; RENAME TABLE t TO u; DROP TABLE u; \
             CREATE TABLE t (id INT); INSERT INTO t VALUES (1)",
        )
        .unwrap();
    succeed(&mut run(mysql, "kept_told", "now"));
    let told = history("kept_told").iter().map(value).collect::<Vec<_>>();
    let behind_image: Vec<(Value, Value, Value)> = told
        .iter()
        .filter(|told| told["position"].get("snapshot").is_none() && told["databaseName"] == "kept_told")
        .map(|told| {
            let change = &told["tableChanges"][0];
            let columns = change["table"]["columns"].as_array();
            let names = columns.map(|columns| columns.iter().map(|column| column["name"].clone()).collect());
            (
                change["type"].clone(),
                change["id"].clone(),
                Value::Array(names.unwrap_or_default()),
            )
        })
        .collect();
    assert_eq!(
        behind_image,
        [
            (
                json!("ALTER"),
                json!("\"kept_told\".\"t\""),
                json!(["id", "b", "a"])
            ),
            (
                json!("ALTER"),
                json!("\"kept_told\".\"u\""),
                json!(["id", "b", "a"])
            ),
            (json!("DROP"), json!("\"kept_told\".\"u\""), json!([])),
            (json!("CREATE"), json!("\"kept_told\".\"t\""), json!(["id"])),
        ],
        "{told:?}"
    );
}

#[test]
fn a_long_history_begins_anew_and_what_stands_before_is_not_needed() {
    let mysql = &without_shapes(ServerVersion::MySql97);
    followed(mysql, "lengthy");
    // Each name makes a record.
    for hundred in 0..25 {
        let names: Vec<String> = (0..100)
            .map(|name| format!("lengthy.n{hundred}_{name}"))
            .collect();
        mysql
            .sql(&format!("DROP TABLE IF EXISTS {}", names.join(", ")))
            .unwrap();
    }
    mysql
        .sql("USE lengthy; ALTER TABLE t ADD b INT FIRST; INSERT INTO t VALUES (1, 2, 3)")
        .unwrap();
    succeed(&mut run(mysql, "lengthy", "now"));
    let range = checkpoint("lengthy")["history"].clone();
    let first = range["first_offset"].as_i64().unwrap();
    assert!(first > 2_000, "{range}");
    assert!(range["records"].as_i64().unwrap() < 1_000, "{range}");
    stage::kafka()
        .delete_records("lengthy.schema-history", first)
        .unwrap();
    mysql.sql("INSERT INTO lengthy.t VALUES (4, 5, 6)").unwrap();
    succeed(&mut run(mysql, "lengthy", "now"));
    assert_eq!(
        rows("lengthy", "lengthy.t"),
        [
            json!({"id": 1, "a": 1}),
            json!({"b": 1, "id": 2, "a": 3}),
            json!({"b": 4, "id": 5, "a": 6})
        ]
    );
}

#[test]
fn a_history_that_is_not_what_was_written_is_refused() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let refused = |name: &str, words: &[&str]| {
        mysql.sql(&format!("INSERT INTO {name}.t VALUES (2, 2)")).unwrap();
        let said = fail(&mut run(mysql, name, "now"), CHECKPOINT);
        assert_says(&said, &[&format!("{name}.schema-history")]);
        assert_says(&said, words);
        assert_eq!(rows(name, &format!("{name}.t")).len(), 1, "nothing was delivered");
    };
    followed(mysql, "cut");
    kafka.delete_records("cut.schema-history", 1).unwrap();
    refused("cut", &["from the offset 0", "before the offset 1 is deleted"]);

    followed(mysql, "gone");
    let arguments = [
        "--bootstrap-server",
        &kafka.bootstrap(),
        "--delete",
        "--topic",
        "gone.schema-history",
    ];
    kafka
        .java("org.apache.kafka.tools.TopicCommand", &arguments)
        .unwrap();
    eventually("the topic is gone", || {
        !kafka
            .topics()
            .unwrap()
            .contains(&"gone.schema-history".to_owned())
    });
    refused("gone", &["holds no records"]);

    followed(mysql, "damaged");
    let written = [("k".to_owned(), "{\"source\": {".to_owned())];
    let end = kafka.ends(true).unwrap().of("damaged.schema-history").unwrap();
    kafka.produce_by_java("damaged.schema-history", &written).unwrap();
    refused("damaged", &[&end.to_string()]);

    followed(mysql, "strange");
    let text = "{\"source\":{\"server\":\"another\"},\"position\":{},\"ts_ms\":1,\"databaseName\":\"x\",\"ddl\":\"\",\"tableChanges\":[]}";
    let written = [("k".to_owned(), text.to_owned())];
    let end = kafka.ends(true).unwrap().of("strange.schema-history").unwrap();
    kafka.produce_by_java("strange.schema-history", &written).unwrap();
    refused("strange", &[&end.to_string(), "another"]);
}

#[test]
fn a_checkpoint_that_was_moved_finds_the_tables_of_its_place() {
    let mysql = &without_shapes(ServerVersion::MySql97);
    followed(mysql, "moved");
    let set = |gtids: &str| {
        let mut set = stage::rowtide();
        set.args(["checkpoint", "set", "--gtid", gtids, "--topic-prefix", "moved"]);
        succeed(set.args(["--kafka", &stage::kafka().bootstrap()]));
    };
    let insert = |values: &str| {
        mysql
            .sql(&format!("INSERT INTO moved.t VALUES ({values})"))
            .unwrap();
    };
    let before = stage::executed(mysql);
    insert("2, 2");
    mysql.sql("ALTER TABLE moved.t ADD b INT FIRST").unwrap();
    insert("3, 3, 3");
    succeed(&mut run(mysql, "moved", "now"));
    set(&before);
    insert("4, 4, 4");
    succeed(&mut run(mysql, "moved", "now"));
    insert("5, 5, 5");
    succeed(&mut run(mysql, "moved", "now"));
    insert("6, 6, 6");
    mysql.sql("ALTER TABLE moved.t DROP a").unwrap();
    set(&stage::executed(mysql));
    insert("7, 7");
    succeed(&mut run(mysql, "moved", "now"));
    let old = |n: i32| json!({"id": n, "a": n});
    let new = |n: i32| json!({"b": n, "id": n, "a": n});
    assert_eq!(
        rows("moved", "moved.t"),
        [
            old(1),
            old(2),
            new(3),
            old(2),
            new(3),
            new(4),
            new(5),
            json!({"b": 7, "id": 7})
        ]
    );
}

/// The table after each of these holds a row, all of whose columns but the key tell which statement is the last.
const STATEMENTS: [&str; 12] = [
    "ALTER TABLE t ADD b INT FIRST",
    "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
    "ALTER TABLE t MODIFY a BIGINT AFTER id",
    "RENAME TABLE t TO u, other TO t",
    "RENAME TABLE t TO other, u TO t",
    "ALTER TABLE t DROP b",
    "CREATE TABLE _t LIKE t",
    "RENAME TABLE t TO _old, _t TO t",
    "DROP TABLE _old",
    "ALTER TABLE t ADD c INT AFTER id, CONVERT TO CHARACTER SET utf8mb4",
    "DROP TABLE t",
    "CREATE TABLE t (c INT, a INT, id INT PRIMARY KEY)",
];

/// Runs the statements, each with a row behind it, and kills the program around each; gives the rows that must come.
fn killed_at_every_statement(mysql: &MySql, name: &str, delivery: &str) -> Vec<Value> {
    mysql
        .sql(&format!(
            "CREATE DATABASE {name}; USE {name}; CREATE TABLE t (id INT PRIMARY KEY, a INT); \
             CREATE TABLE other (id INT PRIMARY KEY, z INT)"
        ))
        .unwrap();
    let start = stage::position(mysql);
    succeed(run(mysql, name, &start).args(["--delivery", delivery]));
    let topic = format!("{name}.schema-history");
    let ends = stage::kafka().ends(true).unwrap();
    let mut expected = Vec::new();
    for (number, statement) in STATEMENTS.iter().enumerate() {
        let mut following = stage::run(mysql, stage::kafka(), name, name);
        let mut running = Running::start(following.args(["--delivery", delivery]));
        let told = ends.of(&topic).unwrap();
        mysql.sql(&format!("USE {name}; {statement}")).unwrap();
        if let Some(row) = row(mysql, name, number) {
            expected.push(row);
        }
        // Or it is killed wherever it stands.
        if number % 3 != 2 {
            eventually("the statement is told of", || {
                assert!(running.is_running(), "it ended by itself");
                ends.of(&topic).unwrap() > told
            });
        }
        running.kill9();
    }
    succeed(run(mysql, name, &start).args(["--delivery", delivery]));
    expected
}

/// Puts a row into the table, as it is now: each column has the number, and the key a hundred more. The row in JSON.
fn row(mysql: &MySql, database: &str, number: usize) -> Option<Value> {
    let query = format!(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = '{database}' AND table_name = 't' \
         ORDER BY ordinal_position"
    );
    let columns: Vec<String> = mysql
        .query(&query)
        .unwrap()
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let value = |at: usize, column: &String| match column.as_str() {
        "id" => 100 + number,
        _ => 1000 * (at + 1) + number,
    };
    let values: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| value(at, column))
        .collect();
    if columns.is_empty() {
        return None;
    }
    let text: Vec<String> = values.iter().map(usize::to_string).collect();
    mysql
        .sql(&format!("INSERT INTO {database}.t VALUES ({})", text.join(", ")))
        .unwrap();
    let fields = columns.into_iter().zip(values.into_iter().map(Value::from));
    Some(Value::Object(fields.collect()))
}

/// The statements that the history tells of, images apart.
fn told(prefix: &str) -> Vec<String> {
    let all = history(prefix);
    let statements = all
        .iter()
        .map(value)
        .filter(|told| told["position"].get("snapshot").is_none());
    statements
        .map(|told| told["ddl"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn killed_at_every_statement_it_tells_all_once() {
    let mysql = &without_shapes(ServerVersion::MySql97);
    let expected = killed_at_every_statement(mysql, "often_killed", "exactly-once");
    assert_eq!(rows("often_killed", "often_killed.t"), expected);
    // A DROP is told as the server has put it, and a RENAME for each of its tables.
    let renames = |told: &String| !told.starts_with("RENAME");
    let mut told = told("often_killed");
    assert_eq!(told.len(), STATEMENTS.len() + 3, "{told:?}");
    told.retain(renames);
    let expected = STATEMENTS.iter().map(|statement| (*statement).to_owned());
    let mut expected: Vec<String> = expected.filter(renames).collect();
    for statement in expected
        .iter_mut()
        .filter(|statement| statement.starts_with("DROP"))
    {
        *statement = format!("{}`", statement.replace("TABLE ", "TABLE `often_killed`.`"));
    }
    assert_eq!(told, expected);
}

#[test]
fn killed_at_every_statement_and_at_least_once_it_loses_none() {
    let mysql = &without_shapes(ServerVersion::MySql97);
    let expected = killed_at_every_statement(mysql, "least_killed", "at-least-once");
    let mut seen = rows("least_killed", "least_killed.t");
    // What comes again is what came before.
    let mut firsts: Vec<Value> = Vec::new();
    seen.retain(|row| {
        !firsts.contains(row) && {
            firsts.push(row.clone());
            true
        }
    });
    assert_eq!(seen, expected);
}
