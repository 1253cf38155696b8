//! `binlog_row_value_options=PARTIAL_JSON`: documents rebuilt from differences.

use super::follow::{Follow, now};
use super::{database, server};

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
async fn table(engine: &str, key: &str) -> (String, rowtide_event::BinlogPosition) {
    let name = database("partial");
    let from = now(server()).await;
    let document = r#"{"a": 1, "name": "Joe", "gone": null, "list": [0, 1, 2, {"b": [3]}], "deep": {"er": [{}]},
        "scalar": "s", "text": "t", "double": 0.1}"#;
    server()
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
    for (engine, key) in [
        ("InnoDB", "PRIMARY KEY"),
        ("InnoDB", ""),
        ("MyISAM", "PRIMARY KEY"),
    ] {
        let (name, from) = table(engine, key).await;
        for update in UPDATES {
            server()
                .sql(&format!("USE {name}; {PARTIAL}; UPDATE t SET {update}"))
                .unwrap();
            let follow = Follow::database(server(), &name, &from).await;
            follow.assert_equal(server());
        }
        let follow = Follow::database(server(), &name, &from).await;
        assert!(
            follow.partial_updates > 35,
            "{engine} {key}: {}",
            follow.partial_updates
        );
        assert_eq!((follow.inserts, follow.unavailable.len()), (3, 0));
    }
}
