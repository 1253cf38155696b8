//! Ending a run: by signal, and by a newer instance.

use std::sync::atomic::{AtomicBool, Ordering};

use rowtide_testbed::{MySql, MySqlOptions, SlowLink};

use crate::stage::{self, Running, SetOnDrop, eventually, records, succeed};

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
    let id = stage::next_server_id();
    let mut newer = Running::start(stage::run(mysql, kafka, "fenced", "fenced").args(["--server-id", &id]));
    eventually("the newer one streams", || is_connected(&id));
    mysql.sql("INSERT INTO fenced.t VALUES (2)").unwrap();
    assert_eq!(older.exit_code(), Some(8), "fenced");
    eventually("the newer one delivers", || {
        records(kafka, "fenced.fenced.t").len() == 2
    });
    assert!(newer.is_running());
}

/// Whether the shared server has a replica with this id.
fn is_connected(id: &str) -> bool {
    let replicas = stage::mysql().query("SHOW REPLICAS").unwrap();
    replicas.iter().any(|row| row[0].as_deref() == Some(id))
}

#[test]
fn takeovers_while_changes_come_lose_and_double_nothing() {
    const TAKEOVERS: usize = 4;
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE relay; CREATE TABLE relay.t (id INT AUTO_INCREMENT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    let ends = kafka.ends(true).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The older one commits all the time, also between what the newer one reads of the server and of Kafka.
        scope.spawn(|| {
            let mut session = mysql.session().unwrap();
            while !stop.load(Ordering::Relaxed) {
                session.execute("INSERT INTO relay.t VALUES ()").unwrap();
            }
        });
        let _stop = SetOnDrop(&stop);
        let mut running =
            Running::start(stage::run(mysql, kafka, "relay", "relay").args(["--start", &start]));
        for _ in 0..TAKEOVERS {
            let seen = ends.of("relay.relay.t").unwrap();
            eventually("changes arrive", || {
                assert!(running.is_running());
                ends.of("relay.relay.t").unwrap() > seen
            });
            let mut newer = Running::start(&mut stage::run(mysql, kafka, "relay", "relay"));
            eventually("the older one ends", || {
                assert!(newer.is_running());
                !running.is_running()
            });
            assert_eq!(running.exit_code(), Some(8));
            running = newer;
        }
        running.kill9();
    });
    succeed(stage::run(mysql, kafka, "relay", "relay").args(["--until-idle", "500ms"]));
    let written = mysql.query("SELECT COUNT(*) FROM relay.t").unwrap();
    let written: u64 = written[0][0].as_deref().unwrap().parse().unwrap();
    let ids: Vec<_> = records(kafka, "relay.relay.t")
        .iter()
        .map(|r| stage::after(r)["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=written).collect::<Vec<u64>>());
}

#[test]
fn until_idle_waits_for_an_event_that_is_on_its_way() {
    // Its own: what other tests write would have to come over the slow link as well.
    let (mysql, kafka) = (&MySql::start(MySqlOptions::default()).unwrap(), stage::kafka());
    mysql
        .sql("CREATE DATABASE slow; CREATE TABLE slow.t (id INT PRIMARY KEY, v LONGTEXT)")
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql("INSERT INTO slow.t VALUES (1, REPEAT('x', 600000)); INSERT INTO slow.t VALUES (2, 'small')")
        .unwrap();
    // Six seconds for the first row, of which the shorter half second of idleness must not make an end.
    let link = SlowLink::to(mysql.port(), 100_000).unwrap();
    let mut run = stage::run(mysql, kafka, "slow", "slow");
    run.args(["--source", &stage::source_at(link.port())]);
    succeed(run.args(["--start", &start, "--until-idle", "500ms"]));
    assert_eq!(stage::records(kafka, "slow.slow.t").len(), 2);
}
