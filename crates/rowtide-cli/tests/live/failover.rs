//! A server is lost, and its replica takes over: Rowtide goes on there, from the checkpoint that it made at the lost one.

use std::process::Command;

use rowtide_testbed::oracle::Oracle;
use rowtide_testbed::{MySql, MySqlOptions, ServerVersion, SlowLink};

use crate::random_schemas::ssl_mode;
use crate::replication::{follow, take_over};
use crate::stage::{self, Running, assert_says, eventually, fail, succeed};

/// The checkpoint cannot be gone on with.
const CHECKPOINT: i32 = 6;

/// What Rowtide reads at the source.
const READ: &str = "CREATE DATABASE shop; USE shop;
    CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(20) CHARACTER SET latin1, price DECIMAL(10,2));
    INSERT INTO orders VALUES (1, 'kite', 12.50), (2, 'küche', 3), (3, 'kelp', 0.01);
    UPDATE orders SET price = price * 2 WHERE id < 3";
/// What the source has and nobody but its replica has read.
const UNREAD: &str = "USE shop; DELETE FROM orders WHERE id = 3;
    ALTER TABLE orders ADD COLUMN note VARCHAR(10) DEFAULT 'new' AFTER id;
    INSERT INTO orders (id, item, price) VALUES (4, 'knot', 4);
    CREATE TABLE parts (orders INT, place INT, PRIMARY KEY (orders, place));
    BEGIN; INSERT INTO parts VALUES (4, 1), (4, 2); UPDATE orders SET note = NULL WHERE id = 1; COMMIT";
/// What is written at the replica once it has taken over.
const PROMOTED: &str = "USE shop; INSERT INTO orders VALUES (5, 'own', 'knee', 5.5);
    ALTER TABLE parts ADD COLUMN weight DOUBLE; UPDATE parts SET weight = place / 4;
    UPDATE orders SET item = 'kitten' WHERE id = 1; DELETE FROM orders WHERE id = 2";

#[test]
fn mysql_97() {
    goes_on_at_the_replica(ServerVersion::MySql97);
}

#[test]
fn mysql_80_without_names() {
    let options = MySqlOptions {
        row_metadata: "MINIMAL",
        ..MySqlOptions::of(ServerVersion::MySql80)
    };
    goes_on(&options);
}

#[test]
fn mysql_57() {
    goes_on_at_the_replica(ServerVersion::MySql57);
}

#[test]
fn mariadb_118() {
    goes_on_at_the_replica(ServerVersion::MariaDb118);
}

#[test]
fn mariadb_1011() {
    goes_on_at_the_replica(ServerVersion::MariaDb1011);
}

fn goes_on_at_the_replica(version: ServerVersion) {
    goes_on(&MySqlOptions::of(version));
}

fn goes_on(options: &MySqlOptions) {
    let [source, replica] = [1, 2].map(|server_id| {
        let options = MySqlOptions {
            server_id,
            ..options.clone()
        };
        MySql::start(options.with("--log-slave-updates")).unwrap()
    });
    let prefix = format!("failover{}", options.server.number().replace('.', ""));
    follow(&source, &replica);
    source.sql(READ).unwrap();
    succeed(run(&source, &prefix).args(["--start", "earliest"]));
    source.sql(UNREAD).unwrap();
    take_over(&source, &replica);
    replica.sql(PROMOTED).unwrap();

    succeed(&mut run(&replica, &prefix));
    let seen = changes(&replica, &prefix);
    assert_eq!(
        seen,
        [
            (
                "orders",
                vec![
                    "1 c", "2 c", "3 c", "1 u", "2 u", "3 d", "4 c", "1 u", "5 c", "1 u", "2 d"
                ]
            ),
            ("parts", vec!["4 c", "4 c", "4 u", "4 u"]),
        ]
        .map(|(table, changes)| (table.to_owned(), changes.into_iter().map(str::to_owned).collect()))
    );

    // A second start has nothing to do, and the old source, which lacks what its replica has since, is refused.
    succeed(&mut run(&replica, &prefix));
    assert_eq!(changes(&replica, &prefix), seen);
    let said = fail(&mut run(&source, &prefix), CHECKPOINT);
    assert_says(&said, &["checkpoint"]);
}

#[test]
fn inside_a_mysql_transaction() {
    goes_on_inside(ServerVersion::MySql97, "--binlog-transaction-compression=ON");
}

#[test]
fn inside_a_mariadb_transaction() {
    goes_on_inside(ServerVersion::MariaDb118, "--log-bin-compress=ON");
}

/// The transaction that was cut stands elsewhere in the replica's binlog, in smaller events, and compressed.
fn goes_on_inside(version: ServerVersion, compression: &str) {
    const DOUBLINGS: u32 = 13;
    const ROWS: u64 = 1 << DOUBLINGS;
    let source = MySql::start(MySqlOptions::of(version)).unwrap();
    let options = MySqlOptions {
        server_id: 2,
        ..MySqlOptions::of(version)
    };
    let options = options.with("--log-slave-updates").with(compression);
    let replica = MySql::start(options.with("--binlog-row-event-max-size=1024")).unwrap();
    follow(&source, &replica);
    source
        .sql("CREATE DATABASE shop; CREATE TABLE shop.parts (id INT PRIMARY KEY, n INT, text VARCHAR(300))")
        .unwrap();
    let doubling = |times| {
        let rows = 1 << times;
        format!("INSERT INTO parts SELECT id + {rows}, n, REPEAT(SHA2(id, 256), 4) FROM parts;")
    };
    let doublings: String = (0..DOUBLINGS).map(doubling).collect();
    let insert = "USE shop; BEGIN; INSERT INTO parts VALUES (1, 0, '');";
    let update = "UPDATE parts SET n = id WHERE id % 2 = 0; COMMIT";
    source.sql(&format!("{insert} {doublings} {update}")).unwrap();

    // Some 4 MB, that is 16 s: it is killed before the end on a fast machine, and on one that is slow to look.
    let link = SlowLink::to(source.port(), 1 << 18).unwrap();
    let prefix = format!("inside{}", version.number().replace('.', ""));
    let mut run_at_source = run(&source, &prefix);
    run_at_source.args(["--source", &stage::source_at(link.port()), "--start", "earliest"]);
    let mut running = Running::start(run_at_source.args(["--commit-bytes", "65536"]));
    let topic = format!("{prefix}.shop.parts");
    let ends = stage::kafka().ends(true).unwrap();
    let delivered = || ends.of(&topic).unwrap_or_default();
    eventually("a part of the transaction is delivered", || {
        assert!(running.is_running(), "it ended before it was killed");
        delivered() > 1_000
    });
    running.kill9();
    let cut_at = delivered();
    take_over(&source, &replica);
    succeed(&mut run(&replica, &prefix));
    let (oracle, seen) = judged(&topic);
    let inserts = (1..=ROWS).map(|id| format!("{id} c"));
    let updates = (1..=ROWS).filter(|id| id % 2 == 0).map(|id| format!("{id} u"));
    assert!(inserts.chain(updates).eq(seen), "{:?}", oracle.findings);
    assert!(cut_at.cast_unsigned() < ROWS * 3 / 2, "{cut_at}");
    let differences = oracle.differences(&replica, "shop", "parts").unwrap();
    assert_eq!(differences, Vec::<String>::new());
}

fn run(server: &MySql, prefix: &str) -> Command {
    let mut run = stage::run(server, stage::kafka(), prefix, "shop");
    run.args(["--until-idle", "500ms", "--source-ssl-mode", ssl_mode(server)]);
    run
}

/// The changes of each table as they stand in its topic, by the first column of its key; what they make of the tables is what
/// the server has.
fn changes(server: &MySql, prefix: &str) -> [(String, Vec<String>); 2] {
    ["orders", "parts"].map(|table| {
        let topic = format!("{prefix}.shop.{table}");
        let (oracle, seen) = judged(&topic);
        // Columns that ALTER TABLE adds do not follow from what came before.
        let found = &oracle.findings;
        assert_eq!(
            (found.duplicates, found.out_of_order),
            (0, 0),
            "{:?}",
            found.examples
        );
        let differences = oracle.differences(server, "shop", table).unwrap();
        assert_eq!(differences, Vec::<String>::new(), "{topic}");
        (table.to_owned(), seen)
    })
}

/// The changes in a topic by the first column of their keys, and what they make of the table.
fn judged(topic: &str) -> (Oracle, Vec<String>) {
    let (mut oracle, mut seen) = (Oracle::default(), Vec::new());
    stage::kafka()
        .consume(&[topic], true, |record| {
            if record.value.is_some() {
                let key: serde_json::Value = serde_json::from_slice(record.key.as_deref().unwrap()).unwrap();
                let id = key.as_object().and_then(|key| key.values().next()).unwrap();
                seen.push(format!("{id} {}", stage::operation(&record)));
            }
            oracle.observe(&record)
        })
        .unwrap();
    (oracle, seen)
}
