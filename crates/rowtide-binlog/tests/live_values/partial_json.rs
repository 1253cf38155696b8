//! `binlog_row_value_options=PARTIAL_JSON`: documents rebuilt from differences.

use super::follow::{Follow, now};
use super::{database, mysql_since};
use rowtide_testbed::{MySql, ServerVersion};

const PARTIAL: &str = "SET binlog_row_value_options = 'PARTIAL_JSON'";

/// Each of these makes a difference of some kind, by the only three functions that the server logs so.
const UPDATES: &[&str] = &[
    "j = JSON_SET(j, '$.a', 2)",
    "j = JSON_REPLACE(j, '$.name', 'a much longer name than the one before it, so that it moves')",
    "j = JSON_REMOVE(j, '$.gone')",
    "j = JSON_SET(j, '$.new', CAST('{\"x\": [1, 1.0, 1e30]}' AS JSON), '$.a', NULL)",
    "j = JSON_SET(j, '$.list[1]', 'one', '$.list[99]', 'last', '$.list[last-1]', 'before it')",
    "j = JSON_REMOVE(j, '$.list[0]', '$.list[last]')",
    "j = JSON_SET(j, '$.deep.er[0].x', 1.50, '$.deep.er[0].y', CAST(1.50 AS DECIMAL(65,30)))",
    "j = JSON_SET(j, '$.scalar[0]', 'cell of no array')",
    "j = JSON_SET(j, '$.scalar[1]', 'becomes one')",
    "j = JSON_SET(j, '$.\"key with \\\\\" . [] é 😀\"', 1, '$.\"\"', 2, '$.é', 3)",
    "j = JSON_REPLACE(j, '$.\"key with \\\\\" . [] é 😀\"', 'changed')",
    "j = JSON_SET(j, '$.when', TIMESTAMP'2024-02-29 23:59:59.000001', '$.day', DATE'0001-01-01', '$.time', TIME'-838:59:59')",
    "j = JSON_SET(j, '$.blob', x'00ff10', '$.bits', b'101', '$.point', ST_GeomFromText('POINT(1 2)'), '$.big', 18446744073709551615)",
    "j = JSON_SET(j, '$.a', 1.0), k = JSON_REMOVE(k, '$[0]'), v = 'several columns'",
    "k = JSON_SET(k, '$[0].z', true, '$[1]', CAST('null' AS JSON), '$[100]', false)",
    "j = JSON_SET(JSON_REMOVE(JSON_REPLACE(j, '$.a', 5), '$.list'), '$.list', JSON_ARRAY())",
    "j = JSON_SET(j, '$.a', 5)",
    "j = JSON_SET(j, '$.text', REPEAT('x', 70000))",
    "j = JSON_SET(j, '$.text', 'short')",
    "j = JSON_SET(j, '$', CAST('{\"whole\": 1}' AS JSON))",
    "j = JSON_SET(j, '$.whole', 2), k = NULL",
];

/// Three rows of two documents between other columns.
async fn table(server: &MySql, engine: &str, key: &str) -> (String, rowtide_event::BinlogPosition) {
    let name = database(server, "partial");
    let from = now(server).await;
    let document = r#"{"a": 1, "name": "Joe", "gone": null, "list": [0, 1, 2, {"b": [3]}], "deep": {"er": [{}]},
        "scalar": "s", "text": "t", "double": 0.1}"#;
    server
        .sql(&format!(
            "USE {name}; CREATE TABLE t (id INT {key}, j JSON, v VARCHAR(100), n JSON, k JSON, g VARCHAR(20)
                GENERATED ALWAYS AS (LEFT(j->>'$.a', 20)) STORED) ENGINE = {engine};
             INSERT INTO t (id, j, v, k) VALUES (1, '{document}', 'v', '[{{\"y\": 1}}, 2, 3]'),
                (2, '{document}', NULL, '[[], 2]'), (3, NULL, 'null', NULL)"
        ))
        .unwrap();
    (name, from)
}

#[tokio::test]
async fn documents_are_whole_again() {
    for server in mysql_since(ServerVersion::MySql80) {
        for (engine, key) in [
            ("InnoDB", "PRIMARY KEY"),
            ("InnoDB", ""),
            ("MyISAM", "PRIMARY KEY"),
        ] {
            let (name, from) = table(server, engine, key).await;
            for update in UPDATES {
                server
                    .sql(&format!("USE {name}; {PARTIAL}; UPDATE t SET {update}"))
                    .unwrap();
            }
            let follow = Follow::database(server, &name, &from).await;
            follow.assert_equal(server);
            assert!(
                follow.partial_updates > 35,
                "{engine} {key}: {}",
                follow.partial_updates
            );
            assert_eq!((follow.inserts, follow.unavailable.len()), (3, 0));
        }
    }
}

/// The same seed makes the same statements.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 29) % limit
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }

    fn key(&mut self) -> &'static str {
        self.one_of(&["a", "b", "é", ". b", "longer than the others"])
    }

    /// A document as SQL text without quotes around it.
    fn document(&mut self, depth: u64) -> String {
        let kind = match depth {
            0 => self.below(8),
            1 | 2 => self.below(12),
            _ => 8 + self.below(4),
        };
        match kind {
            0 => self
                .one_of(&["0", "-1", "32768", "4294967296", "18446744073709551615"])
                .into(),
            1 => self.one_of(&["1.0", "-2.5e-7", "1e300", "0.1"]).into(),
            2 => self.one_of(&["true", "false", "null"]).into(),
            3..=6 => format!(
                "\"{}\"",
                self.one_of(&["", "x", "é中🦀", "it''s \\\\\"quoted\\\\\""])
            ),
            7 => format!("\"{}\"", "long ".repeat(usize::try_from(self.below(60)).unwrap())),
            8 | 9 => {
                let cells: Vec<_> = (0..self.below(5)).map(|_| self.document(depth - 1)).collect();
                format!("[{}]", cells.join(","))
            }
            _ => {
                let member =
                    |random: &mut Self| format!("\"{}\": {}", random.key(), random.document(depth - 1));
                let members: Vec<_> = (0..self.below(5)).map(|_| member(self)).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    fn path(&mut self) -> String {
        let mut path = "$".to_owned();
        for _ in 0..=self.below(2) {
            if self.below(3) == 0 {
                path += self.one_of(&["[0]", "[1]", "[last]", "[last-1]", "[7]"]);
            } else {
                path += &format!(".\"{}\"", self.key());
            }
        }
        path
    }

    fn value(&mut self) -> String {
        match self.below(8) {
            0 => "CAST(1.50 AS DECIMAL(40,20))".into(),
            1 => "TIMESTAMP'2024-02-29 23:59:59.5'".into(),
            2 => "x'00ff'".into(),
            3 => "NULL".into(),
            _ => format!("CAST('{}' AS JSON)", self.document(2)),
        }
    }

    /// What becomes of a column: one function around another, each with one path or several.
    fn change(&mut self, column: &str) -> String {
        let mut expression = column.to_owned();
        for _ in 0..=self.below(2) {
            let function = self.one_of(&["JSON_SET", "JSON_REPLACE", "JSON_REMOVE"]);
            for _ in 0..=self.below(2) {
                let (path, value) = (self.path(), self.value());
                expression = match function {
                    "JSON_REMOVE" => format!("JSON_REMOVE({expression}, '{path}')"),
                    _ => format!("{function}({expression}, '{path}', {value})"),
                };
            }
        }
        format!("{column} = {expression}")
    }
}

/// A table and statements that change it.
fn random_statements(seed: u64) -> String {
    let mut random = Random(seed);
    let mut sql = "CREATE TABLE t (id INT PRIMARY KEY, j JSON, v INT, k JSON);\n".to_owned();
    for id in 0..20 {
        let (j, k) = (random.document(4), random.document(4));
        sql += &format!("INSERT INTO t VALUES ({id}, '{j}', 0, '{k}');\n");
    }
    for _ in 0..400 {
        let (j, k, id) = (random.change("j"), random.change("k"), random.below(20));
        let set = match random.below(3) {
            0 => j,
            1 => k,
            _ => format!("{j}, {k}"),
        };
        sql += &format!("UPDATE t SET {set}, v = v + 1 WHERE id IN ({id}, {id} + 1);\n");
    }
    sql
}

/// Statement after statement: what a row was before each is compared with what the one before it made of it, and in the end
/// all rows with SELECT.
#[tokio::test]
async fn random_changes_of_random_documents() {
    for (seed, version, settings) in [
        (1, ServerVersion::MySql80, "SET binlog_row_image = FULL"),
        (2, ServerVersion::MySql80, "SET binlog_row_image = NOBLOB"),
        (
            3,
            ServerVersion::MySql97,
            "SET binlog_transaction_compression = ON",
        ),
    ] {
        for server in mysql_since(version) {
            let name = database(server, "random");
            let from = now(server).await;
            let statements = random_statements(seed);
            server
                .sql(&format!("USE {name}; {PARTIAL}; {settings}; {statements}"))
                .unwrap();
            let follow = Follow::database(server, &name, &from).await;
            follow.assert_equal(server);
            assert!(
                follow.partial_updates > 300,
                "seed {seed}: {}",
                follow.partial_updates
            );
        }
    }
}
