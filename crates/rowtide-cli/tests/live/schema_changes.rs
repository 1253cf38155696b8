//! The schema-change topic: statements arrive once and in their order, without passwords, and only where they are asked
//! for.

use rowtide_testbed::{MySql, MySqlOptions, Record, ServerVersion};
use serde_json::{Value, json};

use crate::stage::{self, Running, eventually, records, succeed};

const UNTIL_IDLE: [&str; 2] = ["--until-idle", "500ms"];
const PASSWORD: &str = "hunter2-canary";

/// What is told of a database; other tests change others of the same server.
fn told(prefix: &str, database: &str) -> Vec<Value> {
    let value = |record: Record| serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
    let all = records(stage::kafka(), prefix).into_iter().map(value);
    all.filter(|told: &Value| told["databaseName"] == database)
        .collect()
}

fn ddl(told: &[Value]) -> Vec<&str> {
    told.iter().map(|told| told["ddl"].as_str().unwrap()).collect()
}

fn named<'a>(told: &'a Value, field: &str) -> Vec<&'a str> {
    let changes = told["tableChanges"].as_array().unwrap().iter();
    changes.map(|change| change[field].as_str().unwrap()).collect()
}

#[test]
fn what_was_there_before_the_start_is_known() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql("CREATE DATABASE before_told CHARACTER SET latin1; CREATE DATABASE before_full; CREATE TABLE before_full.t (id INT)")
        .unwrap();
    let start = stage::position(mysql);
    let run = || {
        let mut run = stage::run(mysql, kafka, "known_before", "before_.*");
        run.args(["--start", &start]).args(UNTIL_IDLE);
        run
    };
    succeed(&mut run());
    mysql
        .sql("CREATE TABLE before_told.t (v VARCHAR(9)); ALTER TABLE before_full.t ADD v INT; ALTER TABLE before_told.t ADD w INT")
        .unwrap();
    succeed(&mut run());

    let columns = |told: &Value| {
        let columns = told["tableChanges"][0]["table"]["columns"].as_array();
        columns.map(|columns| {
            columns
                .iter()
                .map(|c| c["charsetName"].clone())
                .collect::<Vec<_>>()
        })
    };
    let empty = told("known_before", "before_told");
    let of_tables = empty
        .iter()
        .filter(|told| told["ddl"].as_str().unwrap().contains(" TABLE "));
    let empty: Vec<_> = of_tables.map(columns).collect();
    assert_eq!(
        empty,
        [
            Some(vec![json!("latin1")]),
            Some(vec![json!("latin1"), json!(null)])
        ]
    );
    let full = told("known_before", "before_full");
    assert_eq!(ddl(&full), ["ALTER TABLE before_full.t ADD v INT"]);
    assert_eq!(columns(&full[0]), Some(vec![json!(null), json!(null)]));
}

#[test]
fn a_statement_is_told_with_what_it_made_of_the_table() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let start = stage::position(mysql);
    mysql
        .sql(
            "CREATE DATABASE told; USE told; CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a', 'b') DEFAULT 'b'); INSERT INTO t VALUES (1, 'a');
             ALTER TABLE t ADD n DECIMAL(5, 2) NOT NULL DEFAULT 1.5; DROP TABLE t",
        )
        .unwrap();
    let mut run = stage::run(mysql, kafka, "told", "told");
    succeed(run.args(["--start", &start]).args(UNTIL_IDLE));

    let told = told("told", "told");
    assert_eq!(
        ddl(&told),
        [
            "CREATE DATABASE told",
            "CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a', 'b') DEFAULT 'b')",
            "ALTER TABLE t ADD n DECIMAL(5, 2) NOT NULL DEFAULT 1.5",
            "DROP TABLE `told`.`t`",
        ]
    );
    let kinds: Vec<_> = told.iter().flat_map(|told| named(told, "type")).collect();
    assert_eq!(kinds, ["CREATE", "ALTER", "DROP"]);
    assert_eq!(told[0]["source"]["table"], Value::Null);
    let columns = &told[2]["tableChanges"][0]["table"]["columns"];
    assert_eq!(columns[1]["enumValues"], json!(["'a'", "'b'"]));
    assert_eq!(
        (&columns[2]["length"], &columns[2]["scale"]),
        (&json!(5), &json!(2))
    );
    assert_eq!(columns[2]["defaultValueExpression"], "1.5");
    for told in &told[1..] {
        assert_eq!(
            (&told["source"]["db"], &told["source"]["table"]),
            (&json!("told"), &json!("t"))
        );
        assert_eq!(told["source"]["thread"], Value::Null);
    }

    let raw = records(kafka, "told");
    let created = raw
        .iter()
        .find(|r| stage::text(&r.value).unwrap().contains("ENUM"))
        .unwrap();
    assert_eq!(
        (created.partition, stage::text(&created.key).as_deref()),
        (0, Some(r#"{"databaseName":"told"}"#))
    );
    let headers: Vec<&str> = created.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(headers[0], "__debezium.context.connectorLogicalName");
    assert_eq!(kafka.partitions("told").unwrap(), 1);
}

/// Statements with rows between them, one of them with more rows than are handed over at once.
const CHANGES: [&str; 9] = [
    "CREATE TABLE a (id INT PRIMARY KEY)",
    "ALTER TABLE a ADD v VARCHAR(200)",
    "RENAME TABLE a TO b",
    "CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(200))",
    "RENAME TABLE b TO tmp, c TO b, tmp TO c",
    "CREATE TABLE many SELECT n.id, REPEAT('x', 200) AS v FROM numbers.n",
    "CREATE INDEX i ON b (v)",
    "CREATE TABLE d LIKE b",
    "DROP TABLE b, c, d",
];

#[test]
fn statements_arrive_once_and_in_order_however_often_rowtide_is_killed() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql
        .sql(
            "CREATE DATABASE numbers; CREATE TABLE numbers.n (id INT PRIMARY KEY);
             SET cte_max_recursion_depth = 20000;
             INSERT INTO numbers.n WITH RECURSIVE c (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c WHERE id < 8000)
             SELECT id FROM c",
        )
        .unwrap();
    let start = stage::position(mysql);
    mysql
        .sql("CREATE DATABASE killed; CREATE TABLE killed.beat (id INT PRIMARY KEY)")
        .unwrap();
    let run = || {
        let mut run = stage::run(mysql, kafka, "killed", "killed");
        run.args(["--start", &start, "--commit-bytes", "200000"]);
        run
    };
    let beats = || records(kafka, "killed.killed.beat").len();
    for (n, change) in CHANGES.iter().enumerate() {
        let running = Running::start(&mut run());
        mysql
            .sql(&format!("USE killed; {change}; INSERT INTO beat VALUES ({n})"))
            .unwrap();
        // Now and then it dies with work under way, now and then with all of it done.
        if n % 3 == 0 {
            eventually("the changes arrive", || beats() > n);
        }
        running.kill9();
    }
    succeed(run().args(UNTIL_IDLE));
    assert_eq!(beats(), CHANGES.len());
    assert_eq!(records(kafka, "killed.killed.many").len(), 8000);

    let told = told("killed", "killed");
    let heads: Vec<String> = ddl(&told)
        .iter()
        .map(|ddl| ddl.split('(').next().unwrap().trim().to_owned())
        .collect();
    assert_eq!(
        heads,
        [
            "CREATE DATABASE killed",
            "CREATE TABLE killed.beat",
            "CREATE TABLE a",
            "ALTER TABLE a ADD v VARCHAR",
            "RENAME TABLE a TO b",
            "CREATE TABLE c",
            "RENAME TABLE b TO tmp",
            "RENAME TABLE c TO b",
            "RENAME TABLE tmp TO c",
            "CREATE TABLE `many`",
            "CREATE INDEX i ON b",
            "CREATE TABLE d LIKE b",
            "DROP TABLE `killed`.`b`",
            "DROP TABLE `killed`.`c`",
            "DROP TABLE `killed`.`d`",
        ]
    );
    let positions: Vec<u64> = told
        .iter()
        .map(|told| told["source"]["pos"].as_u64().unwrap())
        .collect();
    assert!(positions.is_sorted(), "{positions:?}");
    assert_eq!(named(&told[8], "id"), ["\"killed\".\"c\""]);
    assert!(
        told[9]["source"]["thread"].is_u64(),
        "a transaction with rows has a BEGIN, which tells the thread"
    );
}

#[test]
fn nothing_is_written_where_it_is_not_asked_for() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql.sql("CREATE DATABASE untold").unwrap();
    let start = stage::position(mysql);
    mysql
        .sql("CREATE TABLE untold.t (id INT PRIMARY KEY); INSERT INTO untold.t VALUES (1)")
        .unwrap();
    let mut run = stage::run(mysql, kafka, "untold", "untold");
    run.args(["--start", &start, "--include-schema-changes", "false"]);
    succeed(run.args(UNTIL_IDLE));
    assert_eq!(records(kafka, "untold.untold.t").len(), 1);
    assert!(!kafka.topics().unwrap().contains(&"untold".to_owned()));
}

/// How many records of all topics of a prefix hold a text, wherever in them.
fn holding(prefix: &str, text: &str) -> usize {
    let kafka = stage::kafka();
    let own = |topic: &String| topic == prefix || topic.starts_with(&format!("{prefix}."));
    let topics: Vec<String> = kafka.topics().unwrap().into_iter().filter(own).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let holds = |bytes: &Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let records = kafka.read_all(&topics, false).unwrap().into_iter();
    records
        .filter(|record| {
            let headers = record.headers.iter().filter_map(|(_, value)| value.as_ref());
            headers.chain(&record.key).chain(&record.value).any(holds)
        })
        .count()
}

fn passwords_are_never_told(server: &MySql, prefix: &str, statements: &[&str], expected: &[&str]) {
    server.sql("CREATE DATABASE hush").unwrap();
    let mut all = vec!["SET sql_mode = ''", "USE hush"];
    all.extend(statements);
    all.push("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    server.sql(&all.join(";\n").replace("SECRET", PASSWORD)).unwrap();
    let mut run = stage::run(server, stage::kafka(), prefix, "hush");
    run.args(["--start", "earliest", "--log", "trace"])
        .args(["--include-schema-comments", "true"]);
    let output = succeed(run.args(UNTIL_IDLE));
    assert!(!String::from_utf8_lossy(&output.stderr).contains(PASSWORD));
    let told = told(prefix, "hush");
    assert_eq!(ddl(&told), expected);
    assert!(holding(prefix, "hush") > expected.len());
    assert_eq!(holding(prefix, PASSWORD), 0);
}

#[test]
fn passwords_are_never_told_of_mysql() {
    let server = MySql::start(MySqlOptions::default()).unwrap();
    passwords_are_never_told(
        &server,
        "hushmysql",
        &[
            "CREATE USER hushed IDENTIFIED BY 'SECRET'",
            "CREATE TABLE far (id INT PRIMARY KEY) ENGINE=FEDERATED CONNECTION='mysql://u:SECRET@h:3306/d/t'",
            "ALTER TABLE far CONNECTION='mysql://u:SECRET@h:3306/d/u'",
            "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO SET PASSWORD FOR hushed = 'SECRET'",
        ],
        &[
            "CREATE DATABASE hush",
            "CREATE TABLE far (id INT PRIMARY KEY) ENGINE=FEDERATED CONNECTION='***'",
            "ALTER TABLE far CONNECTION='***'",
            "CREATE DEFINER=`root`@`localhost` EVENT e ON SCHEDULE EVERY 1 YEAR DO SET PASSWORD FOR hushed = '***'",
            "CREATE TABLE t (id INT PRIMARY KEY)",
        ],
    );
}

#[test]
fn passwords_are_never_told_of_mariadb() {
    let server = MySql::start(MySqlOptions::of(ServerVersion::MariaDb118)).unwrap();
    passwords_are_never_told(
        &server,
        "hushmariadb",
        &[
            "CREATE USER hushed IDENTIFIED BY 'SECRET'",
            r#"CREATE TABLE far (id INT PRIMARY KEY) ENGINE=SPIDER COMMENT='host "h", password "SECRET"'"#,
            r#"ALTER TABLE far COMMENT='host "g", password "SECRET"'"#,
        ],
        &[
            "CREATE DATABASE hush",
            "CREATE TABLE far (id INT PRIMARY KEY) ENGINE=SPIDER COMMENT='***'",
            "ALTER TABLE far COMMENT='***'",
            "CREATE TABLE t (id INT PRIMARY KEY)",
        ],
    );
}
