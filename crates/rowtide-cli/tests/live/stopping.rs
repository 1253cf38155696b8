//! Ending a run: by signal, and by a newer instance.

use crate::stage::{self, Running, eventually, records};

#[test]
fn a_sigterm_commits_what_was_read_and_ends_well() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE sigterm; CREATE TABLE sigterm.t (id INT PRIMARY KEY, v INT)")
        .unwrap();
    let start = stage::position(mysql);
    let mut running =
        Running::start(stage::run(mysql, kafka, "sigterm", "sigterm").args(["--start", &start]));
    mysql.sql("INSERT INTO sigterm.t VALUES (1, 1), (2, 2)").unwrap();
    eventually("the first changes arrive", || {
        records(kafka, "sigterm.sigterm.t").len() == 2
    });
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));

    mysql.sql("UPDATE sigterm.t SET v = 3 WHERE id = 1").unwrap();
    stage::succeed(stage::run(mysql, kafka, "sigterm", "sigterm").args(["--until-idle", "500ms"]));
    let operations: Vec<_> = records(kafka, "sigterm.sigterm.t")
        .iter()
        .map(stage::operation)
        .collect();
    assert_eq!(
        operations,
        ["c", "c", "u"],
        "the second run goes on where the first ended"
    );
}

#[test]
fn a_newer_instance_takes_over_and_the_older_one_says_so() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE fenced; CREATE TABLE fenced.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    let mut older = Running::start(stage::run(mysql, kafka, "fenced", "fenced").args(["--start", &start]));
    mysql.sql("INSERT INTO fenced.t VALUES (1)").unwrap();
    eventually("the older one delivers", || {
        records(kafka, "fenced.fenced.t").len() == 1
    });
    let mut newer = Running::start(&mut stage::run(mysql, kafka, "fenced", "fenced"));
    eventually("the newer one streams", || {
        mysql.query("SHOW REPLICAS").unwrap().len() >= 2
    });
    mysql.sql("INSERT INTO fenced.t VALUES (2)").unwrap();
    assert_eq!(older.exit_code(), Some(8), "fenced");
    eventually("the newer one delivers", || {
        records(kafka, "fenced.fenced.t").len() == 2
    });
    assert!(newer.is_running());
}
