//! The source's binlog damaged on its way: every change is delivered once and in order all the same, by the same run or by
//! one that is started after a stop.
//!
//! `ROWTIDE_RANDOM_SEED` and `ROWTIDE_RANDOM_ROUNDS` run other rounds, or more.

use std::process::Command;

use rowtide_testbed::{Damage, DamagedLink, MySql, MySqlOptions, ServerVersion};

use crate::random_schemas::number;
use crate::stage;

/// How many rows the table has in the end.
const ROWS: i64 = 60;
/// How often a program that has stopped is started again.
const STARTS: usize = 3;
/// The stream holds something that cannot be followed.
const STREAM: i32 = 7;
/// A panic.
const PANIC: i32 = 101;

#[test]
fn mysql_97() {
    comes_through(&MySqlOptions::of(ServerVersion::MySql97), Damage::ALL.len());
}

#[test]
fn mysql_97_without_gtids() {
    let options = MySqlOptions {
        gtid: false,
        ..MySqlOptions::of(ServerVersion::MySql97)
    };
    comes_through(&options, Damage::ALL.len());
}

#[test]
fn mysql_80() {
    comes_through(&MySqlOptions::of(ServerVersion::MySql80), 4);
}

#[test]
fn mysql_57() {
    comes_through(&MySqlOptions::of(ServerVersion::MySql57), 4);
}

#[test]
fn mariadb_118() {
    comes_through(&MySqlOptions::of(ServerVersion::MariaDb118), Damage::ALL.len());
}

#[test]
fn mariadb_1011() {
    comes_through(&MySqlOptions::of(ServerVersion::MariaDb1011), 4);
}

#[test]
fn without_checksums_nothing_panics() {
    let server = MySql::start(
        MySqlOptions::default()
            .with("--binlog-checksum=NONE")
            .with("--max-allowed-packet=256M"),
    )
    .unwrap();
    let stage = Damaged::on(&server);
    for seed in rounds(6) {
        for damage in [Damage::Flipped, Damage::Truncated] {
            stage.damage(damage, seed);
            let output = stage
                .run(&format!("{}_{seed}_{damage:?}", stage.name))
                .output()
                .unwrap();
            assert_ne!(output.status.code(), Some(PANIC), "{damage:?}, seed {seed}");
            assert!(stage.link.is_done());
        }
    }
}

/// Without checksums Rowtide looks at how transactions are put together.
#[test]
fn without_checksums_all_that_servers_write_passes() {
    const UNUSUAL: &str = "USE damaged;
        SET SESSION binlog_format = STATEMENT; INSERT INTO other (v) VALUES (RAND()); SET @u = 5;
        BEGIN; INSERT INTO other (v) VALUES (@u); INSERT INTO other (v) VALUES (LAST_INSERT_ID()); COMMIT;
        SET SESSION binlog_format = ROW;
        CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, v TEXT) ENGINE=MyISAM;
        CREATE TRIGGER written AFTER INSERT ON other FOR EACH ROW INSERT INTO log (v) VALUES (NEW.id);
        BEGIN; INSERT INTO other (v) VALUES ('a'), ('b'); SAVEPOINT s; INSERT INTO other (v) VALUES ('c');
        ROLLBACK TO s; INSERT INTO t VALUES (61, 'x'); COMMIT;
        UPDATE t, other SET t.v = 'y', other.v = 'z' WHERE t.id = 61 AND other.id = 0;
        DELETE FROM other; CREATE TABLE copied AS SELECT id, v FROM t WHERE id < 3;
        CREATE TABLE none AS SELECT id, v FROM t WHERE id < 0; INSERT INTO copied SELECT id, v FROM t WHERE id < 0;
        BEGIN; INSERT INTO t VALUES (62, 'x'); ROLLBACK; XA START 'x'; INSERT INTO t VALUES (62, 'x'); XA END 'x';
        XA PREPARE 'x'; XA COMMIT 'x'; CREATE TEMPORARY TABLE own (a INT); INSERT INTO own VALUES (1);
        INSERT INTO t SELECT 62 + a, 'x' FROM own; DROP TEMPORARY TABLE own";
    for version in ServerVersion::ALL {
        // With GTIDs some of it is refused.
        let options = MySqlOptions {
            gtid: version.is_mariadb(),
            ..MySqlOptions::of(version)
        };
        let options = options
            .with("--binlog-checksum=NONE")
            .with("--max-allowed-packet=256M");
        let server = MySql::start(options).unwrap();
        let stage = Damaged::on(&server);
        server.sql(UNUSUAL).unwrap();
        let prefix = format!("{}_unusual", stage.name);
        stage::succeed(&mut stage.run(&prefix));
        let rows = stage::records(stage::kafka(), &format!("{prefix}.damaged.t"));
        let done: Vec<(i64, String)> = rows
            .iter()
            .map(|row| (stage::after(row)["id"].as_i64().unwrap(), stage::operation(row)))
            .skip_while(|(id, _)| *id != 61)
            .collect();
        let created = |id| (id, "c".to_owned());
        assert_eq!(done, [created(61), created(62), created(63)], "{version}");
    }
}

#[test]
fn what_is_damaged_whenever_it_is_read_stops_the_stream_before_it() {
    for version in [ServerVersion::MySql97, ServerVersion::MariaDb118] {
        let server = MySql::start(MySqlOptions::of(version).with("--max-allowed-packet=256M")).unwrap();
        let stage = Damaged::on(&server);
        for (seed, damage) in [(0, Damage::Flipped), (1, Damage::Truncated)] {
            let prefix = format!("{}_{damage:?}", stage.name);
            stage.link.damage_each_with(b"seven", damage, seed);
            let said = stage::fail(&mut stage.run(&prefix), STREAM);
            stage::assert_says(&said, &["damaged on the server's disk, in memory or on the way"]);
            // What is committed before the damage begins the row of pauses anew.
            let pauses = said.split("\"retry_in_s\":").skip(1);
            let pauses: Vec<&str> = pauses.filter_map(|rest| rest.split(',').next()).collect();
            assert!(pauses.ends_with(&["0", "1", "2"]), "{said}");
            // The transaction of the row has two others before it. Without names in the binlog, or where they may not be
            // there, statements are looked for before anything is delivered.
            let before: &[i64] = if version.is_mariadb() { &[] } else { &[1, 2, 3, 4] };
            assert_eq!(stage.delivered(&prefix), before, "{damage:?}");
            stage.link.pass_all();
            stage::succeed(&mut stage.run(&prefix));
            assert_eq!(
                stage.delivered(&prefix),
                (1..=ROWS).collect::<Vec<_>>(),
                "{damage:?}"
            );
        }
    }
}

/// Runs rounds of a server with these options, each with the next kind of damage.
fn comes_through(options: &MySqlOptions, usual: usize) {
    let server = MySql::start(options.clone().with("--max-allowed-packet=256M")).unwrap();
    let stage = Damaged::on(&server);
    for seed in rounds(usual as u64) {
        let damage = Damage::ALL[seed as usize % Damage::ALL.len()];
        stage.damage(damage, seed);
        let prefix = format!("{}_{seed}", stage.name);
        let mut codes = Vec::new();
        while codes.last() != Some(&Some(0)) && codes.len() < STARTS {
            let output = stage.run(&prefix).output().unwrap();
            codes.push(output.status.code());
            assert_ne!(output.status.code(), Some(PANIC), "{damage:?}, seed {seed}");
        }
        println!("{}: {damage:?}, seed {seed}: {codes:?}", stage.name);
        assert_eq!(codes.last(), Some(&Some(0)), "{damage:?}, seed {seed}: {codes:?}");
        if matches!(damage, Damage::Flipped | Damage::Truncated) {
            assert_eq!(codes.len(), 1, "{damage:?}, seed {seed}: {codes:?}");
        }
        assert!(stage.link.is_done());
        assert_eq!(
            stage.delivered(&prefix),
            (1..=ROWS).collect::<Vec<_>>(),
            "{damage:?}, seed {seed}"
        );
    }
}

fn rounds(usual: u64) -> std::ops::Range<u64> {
    let first = number("ROWTIDE_RANDOM_SEED").unwrap_or(0);
    first..first + number("ROWTIDE_RANDOM_ROUNDS").unwrap_or(usual)
}

/// A server with a binlog to be read, and a link to it.
struct Damaged {
    name: String,
    start: String,
    link: DamagedLink,
    /// How many packets the binlog has.
    packets: u64,
}

impl Damaged {
    fn on(server: &MySql) -> Self {
        let start = stage::position(server);
        let version = server.version();
        server.sql(&changes(version)).unwrap();
        let name = rowtide_testbed::shared::unique_name("damaged");
        let link = DamagedLink::to(server.port()).unwrap();
        let mut stage = Self {
            name,
            start,
            link,
            packets: 0,
        };
        let whole = format!("{}_whole", stage.name);
        stage::succeed(&mut stage.run(&whole));
        assert_eq!(stage.delivered(&whole), (1..=ROWS).collect::<Vec<_>>());
        stage.packets = stage.link.packets();
        stage
    }

    /// Damages some packet of the next binlog.
    fn damage(&self, damage: Damage, seed: u64) {
        let packet = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        self.link.damage(damage, packet % self.packets, seed);
    }

    fn run(&self, prefix: &str) -> Command {
        let mut command = stage::rowtide();
        command
            .args(["run", "--source", &stage::source_at(self.link.port())])
            .args([
                "--source-ssl-mode",
                "disabled",
                "--server-id",
                &stage::next_server_id(),
            ])
            .args(["--include-table", "damaged.t", "--start", &self.start])
            .args(["--kafka", &stage::kafka().bootstrap(), "--topic-prefix", prefix])
            .args(["--snapshot", "never", "--until-idle", "300ms"]);
        command
    }

    /// The ids of the rows in their topic.
    fn delivered(&self, prefix: &str) -> Vec<i64> {
        let records = stage::records(stage::kafka(), &format!("{prefix}.damaged.t"));
        let id = |record| stage::after(record)["id"].as_i64().unwrap();
        records.iter().map(id).collect()
    }
}

/// Rows in transactions of every kind, an event of more than 16 MiB, another file and a DDL among them.
fn changes(version: ServerVersion) -> String {
    let mut script = "CREATE DATABASE damaged; USE damaged; CREATE TABLE t (id INT PRIMARY KEY, v TEXT); \
                      CREATE TABLE other (id INT PRIMARY KEY AUTO_INCREMENT, v LONGBLOB);"
        .to_owned();
    for ten in 0..ROWS / 10 {
        let id = |n: i64| ten * 10 + n;
        if version == ServerVersion::MySql97 {
            let compressed = if ten % 2 == 1 { "ON" } else { "OFF" };
            script.push_str(&format!("SET binlog_transaction_compression = {compressed};"));
        }
        for n in 1..=4 {
            script.push_str(&format!(
                "INSERT INTO t VALUES ({}, REPEAT('{n}', {}));",
                id(n),
                n * 300
            ));
        }
        script.push_str(&format!(
            "BEGIN; INSERT INTO t VALUES ({}, 'five'), ({}, NULL); INSERT INTO other (v) VALUES ('x'); \
             INSERT INTO t VALUES ({}, 'seven'); COMMIT;",
            id(5),
            id(6),
            id(7)
        ));
        script.push_str(match ten {
            1 => "ALTER TABLE t ADD more INT;  ALTER TABLE t DROP more;",
            2 => "FLUSH BINARY LOGS;",
            3 => "INSERT INTO other (v) VALUES (REPEAT('big', 6000000));",
            _ => "CREATE TABLE gone (id INT PRIMARY KEY); DROP TABLE gone;",
        });
        for n in 8..=10 {
            script.push_str(&format!("INSERT INTO t VALUES ({}, 'last');", id(n)));
        }
    }
    script
}
