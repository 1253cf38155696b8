//! `rowtide tail`: what it prints, which changes, from where, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};
use serde_json::{Value, json};

use crate::stage::{self, assert_says, eventually, succeed};

/// `rowtide tail` for the tables that match a pattern.
fn tail(mysql: &MySql, tables: &str, start: &str) -> Command {
    let mut command = stage::rowtide();
    command.args(["tail", "--source", &stage::source(mysql)]);
    command.args(["--server-id", &stage::next_server_id()]);
    command.args(["--include-table", tables, "--start", start]);
    command
}

/// The changes that a look prints until there is nothing new.
fn changes(command: &mut Command) -> Vec<Value> {
    let printed = succeed(command.args(["--until-idle", "300ms"])).stdout;
    let lines = String::from_utf8(printed).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn prints_each_change_as_a_line_with_its_values() {
    let mysql = stage::mysql();
    mysql
        .sql(
            "CREATE DATABASE tailed; CREATE TABLE tailed.people (id INT PRIMARY KEY, name VARCHAR(20), born DATE, \
             height DOUBLE)",
        )
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql(
            "INSERT INTO tailed.people VALUES (1, 'Žofie\\n', '1969-12-31', 1.5), (2, NULL, NULL, NULL); \
             UPDATE tailed.people SET name = 'Jan' WHERE id = 2; DELETE FROM tailed.people WHERE id = 1",
        )
        .unwrap();
    let seen = changes(tail(mysql, "tailed.people", &start).args(["--topic-prefix", "look"]));
    let first = json!({ "id": 1, "name": "Žofie\n", "born": -1, "height": 1.5 });
    let second = json!({ "id": 2, "name": null, "born": null, "height": null });
    let renamed = json!({ "id": 2, "name": "Jan", "born": null, "height": null });
    let told: Vec<_> = seen
        .iter()
        .map(|e| (&e["op"], &e["before"], &e["after"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("c"), &Value::Null, &first),
            (&json!("c"), &Value::Null, &second),
            (&json!("u"), &second, &renamed),
            (&json!("d"), &first, &Value::Null),
        ]
    );
    let source = &seen[1]["source"];
    assert_eq!(source["name"], "look");
    assert_eq!(
        (&source["db"], &source["table"]),
        (&json!("tailed"), &json!("people"))
    );
    assert_eq!((&source["row"], &source["server_id"]), (&json!(1), &json!(97)));
    let gtid = source["gtid"].as_str().unwrap();
    assert!(
        stage::executed(mysql).contains(gtid.split(':').next().unwrap()),
        "{gtid}"
    );
}

#[test]
fn shows_the_tables_that_are_asked_for() {
    let mysql = stage::mysql();
    mysql
        .sql(
            "CREATE DATABASE tailf; CREATE TABLE tailf.a (id INT PRIMARY KEY); \
             CREATE TABLE tailf.b (id INT PRIMARY KEY); CREATE TABLE tailf.tmp_c (id INT PRIMARY KEY)",
        )
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql(
            "INSERT INTO tailf.a VALUES (1); INSERT INTO tailf.b VALUES (2); INSERT INTO tailf.tmp_c VALUES (3)",
        )
        .unwrap();
    let ids = |command: &mut Command| -> Vec<i64> {
        let seen = changes(command);
        seen.iter().map(|e| e["after"]["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&mut tail(mysql, "tailf\\..*", &start)), [1, 2, 3]);
    assert_eq!(ids(&mut tail(mysql, "TAILF\\.(b|tmp_c)", &start)), [2, 3]);
    assert_eq!(
        ids(tail(mysql, "tailf\\..*", &start).args(["--exclude-table", "tailf\\.tmp_.*"])),
        [1, 2]
    );
    assert_eq!(ids(tail(mysql, "tailf\\..*", &start).args(["-n", "1"])), [1]);
}

#[test]
fn starts_where_it_is_told() {
    let mysql = MySql::start(MySqlOptions::default()).unwrap();
    mysql
        .sql("CREATE DATABASE tails; CREATE TABLE tails.t (id INT PRIMARY KEY); INSERT INTO tails.t VALUES (1)")
        .unwrap();
    let (executed, position) = (stage::executed(&mysql), stage::position(&mysql));
    mysql
        .sql("FLUSH BINARY LOGS; INSERT INTO tails.t VALUES (2)")
        .unwrap();
    let count = |start: &str| changes(&mut tail(&mysql, "tails.t", start)).len();
    assert_eq!(count("earliest"), 2);
    assert_eq!(count(&format!("gtid:{executed}")), 1);
    assert_eq!(count(&position), 1);
    assert_eq!(count("now"), 0);
    let wrong = stage::fail(&mut tail(&mysql, "tails.t", "yesterday"), 2);
    assert_says(&wrong, &["--start", "earliest"]);
}

#[test]
fn what_a_table_was_before_the_position_does_not_matter() {
    let mysql = stage::mysql();
    let made = "CREATE DATABASE altered; CREATE TABLE altered.t (a INT); CREATE TABLE altered.gone (a INT)";
    mysql.sql(made).unwrap();
    mysql
        .sql(
            "SET GLOBAL binlog_row_metadata = MINIMAL; INSERT INTO altered.t VALUES (1); \
             INSERT INTO altered.gone VALUES (1); SET GLOBAL binlog_row_metadata = FULL; \
             INSERT INTO altered.t VALUES (2); DROP TABLE altered.gone; \
             ALTER TABLE altered.t CHANGE a b VARCHAR(5)",
        )
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO altered.t VALUES ('x')").unwrap();
    let seen = changes(&mut tail(mysql, "altered\\..*", &start));
    let after: Vec<_> = seen.iter().map(|e| &e["after"]).collect();
    assert_eq!(after, [&json!({ "b": "x" })]);
}

#[test]
fn tables_whose_names_make_one_topic_are_both_shown() {
    let mysql = stage::mysql();
    let start = stage::position(mysql);
    mysql
        .sql(
            "CREATE DATABASE tailw; CREATE TABLE tailw.`Ｔ１` (id INT PRIMARY KEY); \
             CREATE TABLE tailw.`Ｔ２` (id INT PRIMARY KEY); INSERT INTO tailw.`Ｔ１` VALUES (1); \
             INSERT INTO tailw.`Ｔ２` VALUES (2)",
        )
        .unwrap();
    let seen = changes(&mut tail(mysql, "tailw\\..*", &start));
    let told: Vec<_> = seen
        .iter()
        .map(|e| (&e["source"]["table"], &e["after"]["id"]))
        .collect();
    assert_eq!(told, [(&json!("Ｔ１"), &json!(1)), (&json!("Ｔ２"), &json!(2))]);
}

/// Values that MySQL stored before it was mended: a day after the last, a fraction of a whole second and halves of
/// surrogate pairs; and numbers with more digits than columns have, which JSON still takes.
#[test]
fn values_that_columns_should_not_have_are_shown_as_the_server_counts_them() {
    let mysql = MySql::start(MySqlOptions::of(ServerVersion::MySql57)).unwrap();
    let start = stage::position(&mysql);
    mysql
        .sql(
            "CREATE DATABASE tailo; CREATE TABLE tailo.t (d DATE, dt DATETIME(6), u VARCHAR(9) CHARACTER SET utf32, j JSON); \
             SET timestamp = 1.9999999, time_zone = '+00:00'; \
             INSERT INTO tailo.t VALUES (FROM_DAYS(3652499), CURRENT_TIMESTAMP(6), X'000000610000D800', \
             CAST(-0.000000000000000000000000000000000000000000000000000000000000000000000012 AS JSON))",
        )
        .unwrap();
    let seen = changes(&mut tail(&mysql, "tailo.t", &start));
    let number = format!("-0.{}12", "0".repeat(70));
    let after = json!({ "d": 2_932_971, "dt": 2_000_000, "u": "a?", "j": number });
    assert_eq!(seen[0]["after"], after);
}

/// MySQL 5.7 prints a double that is a whole number as an integer, and knows that it is none.
#[test]
fn doubles_in_documents_of_mysql_5_7_stay_doubles() {
    let mysql = MySql::start(MySqlOptions::of(ServerVersion::MySql57)).unwrap();
    let start = stage::position(&mysql);
    mysql
        .sql("CREATE DATABASE taild; CREATE TABLE taild.t (j JSON); INSERT INTO taild.t VALUES ('[1.0, 1]')")
        .unwrap();
    let printed = mysql
        .query("SELECT j, JSON_TYPE(j->'$[0]') FROM taild.t")
        .unwrap();
    assert_eq!(printed, [[Some("[1, 1]".to_owned()), Some("DOUBLE".to_owned())]]);
    let seen = changes(&mut tail(&mysql, "taild.t", &start));
    assert_eq!(seen[0]["after"], json!({ "j": "[1.0,1]" }));
}

/// A look at one table whose lines are read one by one.
struct Look {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Look {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn next_id(&mut self) -> i64 {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let change: Value = serde_json::from_str(&line).unwrap();
        change["after"]["id"].as_i64().unwrap()
    }

    /// Its exit code and what it said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

#[test]
fn a_line_comes_with_its_change_and_a_sigterm_ends_it_well() {
    let mysql = stage::mysql();
    mysql
        .sql("CREATE DATABASE tailt; CREATE TABLE tailt.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    let mut look = Look::start(&mut tail(mysql, "tailt.t", &start));
    for id in [7, 8] {
        mysql.sql(&format!("INSERT INTO tailt.t VALUES ({id})")).unwrap();
        assert_eq!(look.next_id(), id);
    }
    let done = Command::new("kill")
        .args(["-TERM", &look.child.id().to_string()])
        .status()
        .unwrap();
    assert!(done.success());
    let (code, said) = look.end();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mysql = stage::mysql();
    mysql
        .sql("CREATE DATABASE tailh; CREATE TABLE tailh.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO tailh.t VALUES (1)").unwrap();
    let mut look = Look::start(tail(mysql, "tailh.t", &start).args(["--log", "warn"]));
    assert_eq!(look.next_id(), 1);
    // As `head -1` does: the pipe is closed, and the next line finds nobody.
    let Look { mut child, lines } = look;
    drop(lines);
    mysql.sql("INSERT INTO tailh.t VALUES (2)").unwrap();
    eventually("the look ends", || child.try_wait().unwrap().is_some());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn a_line_comes_at_once_however_busy_other_tables_are() {
    let mysql = stage::mysql();
    mysql
        .sql(
            "CREATE DATABASE tailb; CREATE TABLE tailb.t (id INT PRIMARY KEY);
             CREATE TABLE tailb.busy (id INT AUTO_INCREMENT PRIMARY KEY)",
        )
        .unwrap();
    let start = stage::position(mysql);
    let mut look = Look::start(&mut tail(mysql, "tailb.t", &start));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut session = mysql.session().unwrap();
            while !done.load(Ordering::Relaxed) {
                session.execute("INSERT INTO tailb.busy VALUES ()").unwrap();
            }
        });
        for id in 1..=20 {
            mysql.sql(&format!("INSERT INTO tailb.t VALUES ({id})")).unwrap();
            assert_eq!(look.next_id(), id);
        }
        done.store(true, Ordering::Relaxed);
    });
}
