//! A link to the source that stalls without an error, or breaks inside of an event of several packets: every change is
//! delivered once and in order all the same.

use std::process::Command;

use rowtide_testbed::{BrokenLink, MySql, MySqlOptions, ServerVersion};

use crate::stage::{self, Running, eventually};

/// A large row is so many of these, which base64 makes four letters of.
const TIMES: usize = 7_000_000;
const THREE_BYTES: &str = "row";
const IN_BASE64: &str = "cm93";

#[test]
fn a_mysql_that_falls_silent_is_connected_to_again() {
    falls_silent(ServerVersion::MySql97, "silent_mysql");
}

#[test]
fn a_mariadb_that_falls_silent_is_connected_to_again() {
    falls_silent(ServerVersion::MariaDb118, "silent_mariadb");
}

#[test]
fn links_to_mysql_that_break_inside_of_a_large_event() {
    breaks_inside(ServerVersion::MySql97, "broken_mysql");
}

#[test]
fn links_to_mariadb_that_break_inside_of_a_large_event() {
    breaks_inside(ServerVersion::MariaDb118, "broken_mariadb");
}

/// The first session looks through the binlog for statements, since it has no names. Its link breaks there, and so do those
/// of the next.
#[test]
fn links_that_break_in_the_look_ahead_of_the_first_attempt() {
    const BREAKS: usize = 3;
    for version in [ServerVersion::MySql97, ServerVersion::MariaDb118] {
        let name = format!("ahead_{}", version.name().replace(['-', '.'], "_"));
        let stage = Linked::without_names(version, &name);
        stage.insert(1);
        let large = format!("INSERT INTO {name}.t VALUES (2, REPEAT('{THREE_BYTES}', {TIMES}))");
        stage.server.sql(&large).unwrap();
        let all = u64::MAX - 1..=u64::MAX - 1;
        stage.link.break_after(7, all, 2_000_000..=9_000_000);
        let mut running = Running::start_with_log(&mut stage.run());
        eventually("the link has broken several times", || {
            assert!(running.is_running(), "{}", running.log());
            stage.link.broken() >= BREAKS
        });
        assert!(running.log().contains("is taken up again"), "{}", running.log());
        assert_eq!(stage.ids(), [0; 0], "{}", running.log());
        stage.link.pass_all();
        eventually("all rows are there", || stage.ids() == [1, 2]);
        running.terminate();
        assert_eq!(running.exit_code(), Some(0), "{version}");
    }
}

/// Nothing passes for a while, neither on the connection that is there nor on the next.
fn falls_silent(version: ServerVersion, name: &str) {
    let stage = Linked::to(version, name);
    let mut running = Running::start_with_log(stage.run().args(["--heartbeat-interval", "300ms"]));
    for round in 0..2 {
        let first = round * 10 + 1;
        stage.insert(first);
        eventually("the row before the silence is there", || {
            stage.ids().last() == Some(&first)
        });
        stage.link.pass_nothing();
        stage.insert(first + 1);
        eventually("the silence is noticed", || {
            running.log().matches("sent nothing for 0.9 s").count() > round as usize
        });
        stage.insert(first + 2);
        stage.link.pass_all();
        eventually("the rows of the silence are there", || {
            stage.ids().last() == Some(&(first + 2))
        });
    }
    assert_eq!(stage.ids(), [1, 2, 3, 11, 12, 13]);
    assert!(running.is_running(), "{}", running.log());
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));
}

/// Connections end inside of an event that takes two packets.
fn breaks_inside(version: ServerVersion, name: &str) {
    const BREAKS: usize = 4;
    let stage = Linked::to(version, name);
    let mut running = Running::start_with_log(&mut stage.run());
    stage.insert(1);
    eventually("it is under way", || stage.ids() == [1]);

    // From the end of the first packet on.
    let all = u64::MAX - 1..=u64::MAX - 1;
    stage.link.break_after(7, all, 16_777_219..=20_000_000);
    let database = &stage.name;
    let statements = format!(
        "BEGIN; INSERT INTO {database}.t VALUES (2, 'small'); \
         INSERT INTO {database}.t VALUES (3, REPEAT('{THREE_BYTES}', {TIMES})); \
         INSERT INTO {database}.t VALUES (4, 'small'); COMMIT;"
    );
    stage.server.sql(&statements).unwrap();
    stage.insert(5);
    eventually("the link has broken several times", || {
        assert!(running.is_running(), "{}", running.log());
        stage.link.broken() >= BREAKS
    });
    assert_eq!(stage.ids(), [1], "{}", running.log());
    stage.link.pass_all();
    eventually("all rows are there", || stage.ids().last() == Some(&5));
    assert_eq!(stage.ids(), [1, 2, 3, 4, 5]);
    let arrived = stage::after(&stage.records()[2]);
    let is_whole = arrived["b"].as_str() == Some(&IN_BASE64.repeat(TIMES));
    assert!(is_whole, "the large row differs");
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));
}

/// A server behind a link, with an empty table.
struct Linked {
    name: String,
    server: MySql,
    link: BrokenLink,
    start: String,
}

impl Linked {
    fn to(version: ServerVersion, name: &str) -> Self {
        Self::with(MySqlOptions::of(version), name)
    }

    fn without_names(version: ServerVersion, name: &str) -> Self {
        let row_metadata = "MINIMAL";
        let options = MySqlOptions {
            row_metadata,
            ..MySqlOptions::of(version)
        };
        Self::with(options, name)
    }

    fn with(options: MySqlOptions, name: &str) -> Self {
        let server = MySql::start(options.with("--max-allowed-packet=256M")).unwrap();
        let link = BrokenLink::new().unwrap();
        link.lead_to(server.port());
        server
            .sql(&format!(
                "CREATE DATABASE {name}; CREATE TABLE {name}.t (id INT PRIMARY KEY, b LONGBLOB)"
            ))
            .unwrap();
        Self {
            name: name.to_owned(),
            start: stage::position(&server),
            server,
            link,
        }
    }

    fn insert(&self, id: i64) {
        let insert = format!("INSERT INTO {}.t VALUES ({id}, 'small')", self.name);
        self.server.sql(&insert).unwrap();
    }

    /// What reads from the server by the link, and takes large rows.
    fn run(&self) -> Command {
        let mut run = stage::run(&self.server, stage::kafka(), &self.name, &self.name);
        run.args(["--source", &stage::source_at(self.link.port())])
            .args(["--source-ssl-mode", "disabled", "--start", &self.start])
            .args(["--kafka-config", "message.max.bytes=40000000"])
            .args(["--kafka-config", "queue.buffering.max.kbytes=65536"])
            .args(["--topic-config", "max.message.bytes=40000000"]);
        run
    }

    fn records(&self) -> Vec<rowtide_testbed::Record> {
        stage::records(stage::kafka(), &format!("{0}.{0}.t", self.name))
    }

    fn ids(&self) -> Vec<i64> {
        let id = |record| stage::after(record)["id"].as_i64().unwrap();
        self.records().iter().map(id).collect()
    }
}
