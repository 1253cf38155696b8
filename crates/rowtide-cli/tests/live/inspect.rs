//! `rowtide inspect`: the files of a real server, compared with what `mysqlbinlog` reads in them; filters; damage.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rowtide_testbed::{MySql, MySqlOptions, Scratch, ServerVersion};
use serde_json::{Value, json};

use crate::replication::{catch_up, follow};
use crate::stage::{self, assert_says, fail, succeed};

const USAGE: i32 = 2;
const STREAM: i32 = 7;

fn inspect(arguments: &[&str], files: &[&Path]) -> Command {
    let mut command = stage::rowtide();
    command.arg("inspect").args(arguments).args(files);
    command
}

fn text(arguments: &[&str], files: &[&Path]) -> String {
    String::from_utf8(succeed(&mut inspect(arguments, files)).stdout).unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The events that pass the filters.
fn events(arguments: &[&str], files: &[&Path]) -> Vec<Value> {
    let arguments = [&["--format", "json"], arguments].concat();
    objects(&succeed(&mut inspect(&arguments, files)))
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["type"].as_str().unwrap()).collect()
}

fn rows(events: &[Value]) -> Vec<Value> {
    events
        .iter()
        .filter_map(|e| e["rows"].as_array())
        .flatten()
        .cloned()
        .collect()
}

fn binlog(mysql: &MySql, number: u32) -> PathBuf {
    mysql.datadir().join(format!("binlog.{number:06}"))
}

fn server(metadata: &'static str) -> MySql {
    MySql::start(MySqlOptions {
        row_metadata: metadata,
        ..MySqlOptions::default()
    })
    .unwrap()
}

const CHANGES: &str = "CREATE DATABASE insp; USE insp; \
    CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), price DECIMAL(8,2), at DATETIME(3), bits BIT(4), \
        kind ENUM('small','big'), ratio DOUBLE); \
    INSERT INTO t VALUES (1, 'first', 19.90, '2026-01-02 03:04:05.678', 5, 'big', 0.25), (2, NULL, NULL, NULL, NULL, NULL, NULL); \
    UPDATE t SET name = 'second', price = -0.05 WHERE id = 2; \
    DELETE FROM t WHERE id = 1;";

/// Rows as `mysqlbinlog -vv` tells them: `{"before": {"@1": "1", ...}, "after": ...}`, all values as text.
fn rows_by_mysqlbinlog(said: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    let mut side = "";
    for line in said.lines().filter_map(|line| line.strip_prefix("### ")) {
        if line.starts_with("INSERT") || line.starts_with("UPDATE") || line.starts_with("DELETE") {
            rows.push(json!({}));
        } else if line == "WHERE" || line == "SET" {
            side = if line == "WHERE" { "before" } else { "after" };
        } else {
            let (value, _) = line.trim().split_once(" /*").unwrap();
            let (column, value) = value.split_once('=').unwrap();
            rows.last_mut().unwrap()[side][column] = match value {
                "NULL" => Value::Null,
                text if text.starts_with('\'') => json!(text.trim_matches('\'')),
                text => json!(text),
            };
        }
    }
    rows
}

/// Rows with all values as text.
fn as_text(mut rows: Vec<Value>) -> Vec<Value> {
    for row in &mut rows {
        for image in row.as_object_mut().unwrap().values_mut() {
            for value in image.as_object_mut().unwrap().values_mut() {
                if value.is_number() {
                    *value = json!(value.to_string());
                }
            }
        }
    }
    rows
}

/// Compares positions and rows with those that the server's own program reads; all has been written.
fn compare(mysql: &MySql) {
    let file = binlog(mysql, 1);
    let events = events(&[], &[&file]);
    let theirs = String::from_utf8(mysql.print_binlog("binlog.000001").unwrap()).unwrap();
    let mut positions: Vec<u64> = theirs
        .lines()
        .filter_map(|line| line.strip_prefix("# at ")?.parse().ok())
        .collect();
    // What it tells of the inside of a payload, it tells at the payload's end.
    let end = std::fs::metadata(&file).unwrap().len();
    positions.dedup();
    positions.retain(|pos| *pos < end);
    let outside = events.iter().filter(|e| e["in_payload"] == false);
    let ours: Vec<u64> = outside.map(|e| e["pos"].as_u64().unwrap()).collect();
    assert_eq!(ours, positions);
    let theirs = rows_by_mysqlbinlog(&theirs);
    assert!(theirs.len() >= 4);
    assert_eq!(as_text(rows(&events)), theirs);
}

#[test]
fn reads_what_mysqlbinlog_reads() {
    let mysql = server("MINIMAL");
    mysql.sql(CHANGES).unwrap();
    mysql
        .sql("SET SESSION binlog_transaction_compression = ON; INSERT INTO insp.t (id, name) VALUES (7, 'packed')")
        .unwrap();
    compare(&mysql);
}

#[test]
fn reads_what_the_programs_of_the_other_servers_read() {
    for version in [
        ServerVersion::MySql57,
        ServerVersion::MySql80,
        ServerVersion::MariaDb1011,
        ServerVersion::MariaDb118,
    ] {
        let mut options = MySqlOptions::of(version);
        if version != ServerVersion::MySql57 {
            options.row_metadata = "MINIMAL";
        }
        if matches!(version, ServerVersion::MariaDb1011 | ServerVersion::MariaDb118) {
            options = options
                .with("--log-bin-compress=ON")
                .with("--log-bin-compress-min-len=10");
        }
        let mysql = MySql::start(options).unwrap();
        mysql.sql(CHANGES).unwrap();
        compare(&mysql);
    }
}

#[test]
fn shows_names_and_values_and_the_inside_of_a_payload_in_its_transaction() {
    let mysql = server("FULL");
    mysql.sql(CHANGES).unwrap();
    mysql
        .sql(
            "SET SESSION binlog_transaction_compression = ON; INSERT INTO insp.t (id, name) VALUES (7, 'it''s'); \
             CREATE USER someone IDENTIFIED BY 'canary'",
        )
        .unwrap();
    let file = binlog(&mysql, 1);
    let shown = text(&[], &[&file]);
    assert_says(
        &shown,
        &[
            "insert id=1, name='first', price=19.90, at='2026-01-02 03:04:05.678', bits=b'0101', kind='big', ratio=0.25\n",
            "insert id=2, name=NULL, price=NULL, at=NULL, bits=NULL, kind=NULL, ratio=NULL\n",
            "update id=2, name=NULL",
            " to id=2, name='second', price=-0.05",
            "delete id=1, name='first'",
            "insert id=7, name='it\\'s'",
            "IDENTIFIED WITH 'caching_sha2_password' AS '***'",
        ],
    );
    let all = events(&[], &[&file]);
    let payload = all
        .iter()
        .position(|e| e["type"] == "TRANSACTION_PAYLOAD")
        .unwrap();
    let inside = &all[payload - 1..payload + 5];
    let expected = [
        "GTID",
        "TRANSACTION_PAYLOAD",
        "QUERY",
        "TABLE_MAP",
        "WRITE_ROWS",
        "XID",
    ];
    assert_eq!(types(inside), expected);
    for event in &inside[2..] {
        assert_eq!(event["in_payload"], true);
        assert_eq!(
            (&event["gtid"], &event["pos"]),
            (&inside[0]["gtid"], &inside[1]["pos"])
        );
    }
    assert_eq!(
        inside[4]["rows"],
        json!([{"after": {"id": 7, "name": "it's", "price": null, "at": null, "bits": null, "kind": null, "ratio": null}}])
    );
}

#[test]
fn filters_by_table_gtid_time_and_position_over_several_files() {
    let mysql = server("FULL");
    mysql
        .sql(
            "CREATE DATABASE insp; CREATE TABLE insp.a (id INT PRIMARY KEY); CREATE TABLE insp.b (id INT PRIMARY KEY); \
             SET timestamp = 1000000000; INSERT INTO insp.a VALUES (1); SET timestamp = 1000000060; \
             INSERT INTO insp.b VALUES (2); FLUSH BINARY LOGS; SET timestamp = 1000000120; INSERT INTO insp.a VALUES (3)",
        )
        .unwrap();
    let (first, second) = (binlog(&mysql, 1), binlog(&mysql, 2));
    let files = [first.as_path(), second.as_path()];
    let ids = |arguments: &[&str]| -> Vec<i64> {
        let rows = rows(&events(arguments, &files));
        rows.iter()
            .map(|row| row["after"]["id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(ids(&[]), [1, 2, 3]);
    assert_eq!(ids(&["--include-table", "INSP\\.a"]), [1, 3]);
    assert_eq!(ids(&["--exclude-table", "insp\\.a"]), [2]);
    let of_b = events(&["--include-table", "insp.b"], &files);
    assert_eq!(types(&of_b), ["QUERY", "TABLE_MAP", "WRITE_ROWS"], "its DDL too");

    assert_eq!(ids(&["--since", "2001-09-09 01:47:40"]), [2, 3]);
    assert_eq!(
        ids(&[
            "--since",
            "2001-09-09T01:47:40Z",
            "--until",
            "2001-09-09T01:48:40Z"
        ]),
        [2]
    );

    let uuid = mysql.query("SELECT @@server_uuid").unwrap()[0][0]
        .clone()
        .unwrap();
    assert_eq!(ids(&["--gtid", &format!("{uuid}:4,{uuid}:6-9")]), [1, 3]);
    let one = events(&["--gtid", &format!("{uuid}:5")], &files);
    assert_eq!(types(&one), ["GTID", "QUERY", "TABLE_MAP", "WRITE_ROWS", "XID"]);

    let all = events(&[], &[&first]);
    let at = |id: i64| {
        let event = all.iter().find(|e| e["rows"][0]["after"]["id"] == id).unwrap();
        event["pos"].as_u64().unwrap().to_string()
    };
    assert_eq!(
        ids(&["--from-position", &at(2)]),
        [2, 3],
        "the first file from there, the second whole"
    );
    let until = events(&["--from-position", &at(1), "--to-position", &at(2)], &[&first]);
    assert_eq!(types(&until), ["WRITE_ROWS", "XID", "GTID", "QUERY", "TABLE_MAP"]);

    let wrong = fail(&mut inspect(&["--gtid", "nothing"], &files), USAGE);
    assert_says(&wrong, &["--gtid"]);
}

#[test]
fn a_damaged_file_is_shown_up_to_the_damage_which_is_named() {
    let mysql = server("FULL");
    mysql.sql(CHANGES).unwrap();
    let whole = std::fs::read(binlog(&mysql, 1)).unwrap();
    let good = events(&[], &[&binlog(&mysql, 1)]);
    let last = good.last().unwrap()["pos"].as_u64().unwrap();
    let folder = Scratch::new("damaged").unwrap();
    let file = folder.path().join("binlog.000042");
    let damage = |bytes: &[u8], words: &[&str]| {
        std::fs::write(&file, bytes).unwrap();
        let output = inspect(&["--format", "json"], &[&file]).output().unwrap();
        assert_eq!(output.status.code(), Some(STREAM));
        let place = format!("binlog.000042:{last}: ");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_says(&said, &[&[place.as_str()], words].concat());
        assert_eq!(
            objects(&output).len(),
            good.len() - 1,
            "what comes before it is shown"
        );
    };
    damage(&whole[..whole.len() - 3], &["ends inside of the event"]);
    let mut flipped = whole.clone();
    let at = usize::try_from(last).unwrap() + 20;
    flipped[at] ^= 0x10;
    damage(&flipped, &["checksum"]);
    // What is behind the last position that is asked for is not read.
    std::fs::write(&file, &flipped).unwrap();
    let before = events(&["--to-position", &last.to_string()], &[&file]);
    assert_eq!(before.len(), good.len() - 1);
}

/// A file without one of its events, each of a kind, and with the checksums of all others right.
#[test]
fn a_missing_event_is_said_where_it_is_missing() {
    let folder = Scratch::new("missing").unwrap();
    let file = folder.path().join("mysql-9.7-golden.binlog");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/binlog/mysql-9.7-golden.binlog");
    let whole = std::fs::read(&path).unwrap();
    let all = events(&[], &[&path]);
    for (missing, words) in [
        ("WRITE_ROWS", "but the event before it ended at"),
        ("XID", "but the event before it ended at"),
        (
            "TABLE_MAP",
            "its rows are not shown: the TABLE_MAP of table number",
        ),
    ] {
        let at = all.iter().position(|event| event["type"] == missing).unwrap();
        let number = |event: &Value, field: &str| usize::try_from(event[field].as_u64().unwrap()).unwrap();
        let (pos, end) = (number(&all[at], "pos"), number(&all[at], "end_pos"));
        std::fs::write(&file, [&whole[..pos], &whole[end..]].concat()).unwrap();
        let output = inspect(&["--format", "json"], &[&file]).output().unwrap();
        assert_eq!(output.status.code(), Some(STREAM));
        let shown = objects(&output);
        assert_eq!(shown.len(), all.len() - 1, "all others are shown");
        let noted: Vec<_> = shown.iter().filter(|event| event["notes"].is_array()).collect();
        assert_eq!(noted[0]["pos"], pos);
        assert!(noted[0]["notes"].to_string().contains(words), "{}", noted[0]);
        let place = format!("golden.binlog:{pos}: ");
        assert_says(&String::from_utf8_lossy(&output.stderr), &[&place, words]);
        let text = inspect(&[], &[&file]).output().unwrap();
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        let note = |line: &&str| line.starts_with("           ! ") && line.contains(words);
        assert!(text.lines().any(|line| note(&line)), "{text}");
    }
}

#[test]
fn what_is_no_binlog_is_refused_by_name() {
    let folder = Scratch::new("nobinlog").unwrap();
    let file = folder.path().join("notes.txt");
    let said = fail(&mut inspect(&[], &[&file]), USAGE);
    assert_says(&said, &["cannot open", "notes.txt"]);
    std::fs::write(&file, "just text").unwrap();
    assert_says(
        &fail(&mut inspect(&[], &[&file]), USAGE),
        &["notes.txt", "not a binlog file"],
    );
    std::fs::write(&file, b"\xfdbin\x01\x02\x03\x04").unwrap();
    assert_says(
        &fail(&mut inspect(&[], &[&file]), USAGE),
        &["notes.txt", "encrypted"],
    );
}

#[test]
fn what_stands_in_the_place_of_an_event_is_named() {
    let folder = Scratch::new("noevent").unwrap();
    let file = folder.path().join("binlog.000007");
    let name = "mysql-9.7-no-checksum.binlog";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/binlog");
    let whole = std::fs::read(path.join(name)).unwrap();
    let count = events(&[], &[&path.join(name)]).len();
    let joined = [whole.clone(), whole.clone()].concat();
    let zeros = [whole.clone(), vec![0; 4096]].concat();
    for (bytes, code, words) in [
        (joined, USAGE, "another binlog file begins at"),
        (zeros, STREAM, "zeros in place of an event at"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let output = inspect(&["--format", "json"], &[&file]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_says(&said, &["binlog.000007", words, &whole.len().to_string()]);
        assert_eq!(objects(&output).len(), count, "what comes before it is shown");
    }
    std::fs::write(&file, "").unwrap();
    assert_says(
        &fail(&mut inspect(&[], &[&file]), USAGE),
        &["binlog.000007", "is empty"],
    );
    // START_V3, as MySQL 4.1 begins its files.
    let first = [&[0xfe, b'b', b'i', b'n', 1, 2, 3, 4, 1][..], &[1; 90]].concat();
    std::fs::write(&file, first).unwrap();
    assert_says(
        &fail(&mut inspect(&[], &[&file]), USAGE),
        &["binlog.000007", "MySQL 4.1 or older"],
    );
}

#[test]
fn reads_the_standard_input_and_ends_quietly_where_nobody_reads() {
    let mysql = server("FULL");
    mysql.sql(CHANGES).unwrap();
    let file = std::fs::File::open(binlog(&mysql, 1)).unwrap();
    let mut piped = inspect(&["--format", "json"], &[Path::new("-")]);
    let output = piped.stdin(Stdio::from(file)).output().unwrap();
    assert!(output.status.success());
    assert_eq!(rows(&objects(&output)).len(), 4);

    let path = binlog(&mysql, 1);
    let many: Vec<&Path> = std::iter::repeat_n(path.as_path(), 200).collect();
    let mut child = inspect(&[], &many)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn reads_the_relay_log_of_a_replica() {
    let (source, replica) = (
        server("FULL"),
        MySql::start(MySqlOptions {
            server_id: 2,
            ..MySqlOptions::default()
        })
        .unwrap(),
    );
    source.sql(CHANGES).unwrap();
    replica.sql("SET GLOBAL relay_log_purge = OFF").unwrap();
    follow(&source, &replica);
    catch_up(&source, &replica);
    let mut logs: Vec<PathBuf> = std::fs::read_dir(replica.datadir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("relay-bin.0"))
        .collect();
    logs.sort();
    let files: Vec<&Path> = logs.iter().map(PathBuf::as_path).collect();
    assert_eq!(
        rows(&events(&[], &files)),
        rows(&events(&[], &[&binlog(&source, 1)]))
    );
}
