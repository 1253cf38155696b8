//! The same statements on every server: what their binlog files hold is the same, value by value.

#![allow(clippy::unwrap_used, reason = "what helps a test fails with it")]

use std::path::Path;

use rowtide_binlog::event::describe::{Describer, Printed, RowImage};
use rowtide_binlog::event::file::BinlogFile;
use rowtide_event::Malformed;

/// The rows of a file, in order: `table: before -> after`, with all values as they are printed.
fn rows(name: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/binlog");
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let mut file = BinlogFile::open(&bytes[..], 1 << 30).unwrap();
    let mut describer = Describer::default();
    let mut lines = Vec::new();
    while let Some(event) = file.next_event().unwrap() {
        describer
            .describe::<Malformed>(&event.header, event.body, |description| {
                let (Some(rows), Some(table)) = (description.rows, description.tables.first()) else {
                    return Ok(());
                };
                rows.each(|row| {
                    let image = |image: Option<RowImage<'_>>| image.map_or(String::new(), printed);
                    lines.push(format!(
                        "{}: {} -> {}",
                        table,
                        image(row.before),
                        image(row.after)
                    ));
                    Ok(())
                })
            })
            .unwrap();
    }
    lines
}

fn printed(image: RowImage<'_>) -> String {
    let value = |(column, value): (&rowtide_event::Column, _)| match Printed::of(value, &column.ty).unwrap() {
        Printed::Null => "NULL".to_owned(),
        Printed::Number(text) | Printed::Exact(text) => text,
        Printed::Bytes(bytes) => bytes.to_string(),
        Printed::Text(text) => format!("{text:?}"),
    };
    image.columns().map(value).collect::<Vec<_>>().join(", ")
}

fn of_table(lines: &[String], table: &str) -> Vec<String> {
    let of = |line: &&String| {
        line.strip_prefix(table)
            .is_some_and(|rest| rest.starts_with(": "))
    };
    lines.iter().filter(of).cloned().collect()
}

/// The tables of types.sql, and how many changes of rows it makes to each.
const TABLES: [(&str, usize); 7] = [
    ("types.integers", 6),
    ("types.numbers", 6),
    ("types.times", 6),
    ("types.texts", 8),
    ("types.bytes", 3),
    ("types.choices", 5),
    ("types.shapes", 2),
];

/// Asserts that a file has the same as MySQL 9.7's in all tables but those `except`.
fn assert_same(name: &str, except: &[&str]) {
    let (ours, theirs) = (rows("mysql-9.7-types.binlog"), rows(name));
    for (table, changes) in TABLES {
        let theirs = of_table(&theirs, table);
        assert_eq!(theirs.len(), changes, "{name}, {table}");
        if !except.contains(&table) {
            assert_eq!(theirs, of_table(&ours, table), "{name}");
        }
    }
}

#[test]
fn full_metadata_gives_the_same_on_every_server() {
    for server in ["mysql-8.0", "mariadb-10.11", "mariadb-11.8"] {
        assert_same(&format!("{server}-types.binlog"), &[]);
    }
}

#[test]
fn minimal_metadata_lacks_the_members_of_enums_and_sets() {
    for server in ["mysql-8.0", "mysql-9.7", "mariadb-11.8"] {
        let name = format!("{server}-types-minimal.binlog");
        assert_same(&name, &["types.choices"]);
        let first = of_table(&rows(&name), "types.choices").swap_remove(0);
        assert_eq!(first, "types.choices:  -> 1, 1, 5, 65537");
    }
}

#[test]
fn without_metadata_signs_character_sets_and_members_are_not_known() {
    for name in ["mysql-5.7-types.binlog", "mariadb-11.8-types-no-log.binlog"] {
        assert_same(
            name,
            &["types.integers", "types.texts", "types.bytes", "types.choices"],
        );
        let lines = of_table(&rows(name), "types.integers");
        assert_eq!(
            lines[1],
            "types.integers:  -> 2, 127, 32767, 8388607, 2147483647, 9223372036854775807, -1, -1, -1, -1, -1"
        );
    }
}

#[test]
fn values_are_those_of_the_statements() {
    let lines = rows("mysql-9.7-types.binlog");
    let expected = [
        "types.integers:  -> 1, -128, -32768, -8388608, -2147483648, -9223372036854775808, 0, 0, 0, 0, 0",
        "types.integers:  -> 2, 127, 32767, 8388607, 2147483647, 9223372036854775807, 255, 65535, 16777215, 4294967295, \
         18446744073709551615",
        concat!(
            r#"types.times:  -> 1, "1000-01-01", "-838:59:59", "-00:00:00.1", "-838:59:58.000001", "#,
            r#""1000-01-01 00:00:00", "9999-12-31 23:59:59.99", "9999-12-31 23:59:59.999999", "#,
            r#""1970-01-01 00:00:01", "2038-01-19 03:14:07.999", "2038-01-19 03:14:07.999999", 1901"#
        ),
        r#"types.choices:  -> 2, "thréé", "", """#,
        "types.bytes:  -> 3, 0x61000000, 0x610000, 0x00, 0x00, 0x00, 0x00, 0x00",
        r#"types_new.documents:  -> 2, "[-32768,32767,-32769,65535,65536,-2147483649,4294967296,18446744073709551615,1e308]""#,
        "types_new.vectors:  -> 1, 0x0000803F000020C07684DF50, NULL",
        "types_new.computed: 2, NULL, NULL, NULL, 9 -> 2, 5, 6, 10, 9",
    ];
    for line in expected {
        assert!(lines.iter().any(|have| have == line), "{line}");
    }
}

#[test]
fn mariadb_types_are_told_by_both_versions() {
    let lines = rows("mariadb-11.8-types.binlog");
    assert_eq!(rows("mariadb-10.11-types.binlog"), lines);
    let packed = format!(
        "\"{}\", \"{}\", 0x{}",
        "ab".repeat(300),
        "é".repeat(500),
        "00FF".repeat(200)
    );
    let expected = [
        // The type is not in the metadata: these are the bytes of UUID and INET6.
        "types_new.addresses:  -> 3, 0xFFFFFFFFFFFF4FFFBFFFFFFFFFFFFFFF, 0x00000000000000000000FFFF01020304",
        &format!("types_new.packed:  -> 1, {packed}"),
        r#"types_new.documents:  -> 1, "{\"a\": [1, 1.0, \"x\"]}""#,
        "types_new.numbers:  -> 1001, 1, 9223372036854775806, 1, 1, 1000, 0, 0",
    ];
    for line in expected {
        assert!(lines.iter().any(|have| have == line), "{line}");
    }
}

#[test]
fn many_rows_in_rows_events_of_both_versions_with_and_without_checksums() {
    // INSERT ... SELECT takes its rows in an order of its own.
    let sorted = |name: &str| {
        let mut lines = rows(name);
        lines.sort();
        lines
    };
    let lines = sorted("mysql-9.7-big.binlog");
    assert_eq!(lines.len(), 10 + 300 + 150 + 200);
    for name in [
        "mysql-5.7-rows-v1",
        "mysql-9.7-no-checksum",
        "mariadb-11.8-no-checksum",
    ] {
        assert_eq!(sorted(&format!("{name}.binlog")), lines, "{name}");
    }
}

#[test]
fn compressed_transactions_and_tags() {
    let lines = rows("mysql-9.7-compressed.binlog");
    let t = of_table(&lines, "compressed.t");
    // One and its update, 199 and one more, 151 deleted, and the one that a savepoint left.
    assert_eq!(t.len(), 2 + 199 + 1 + 151 + 1);
    assert_eq!(
        of_table(&lines, "compressed.doc")[1..],
        [
            r#"compressed.doc: 1, "{\"a\":1,\"b\":[1,2,3]}" -> 1, "{\"a\":2,\"b\":[1,2,3]}""#,
            r#"compressed.doc: 1, "{\"a\":2,\"b\":[1,2,3]}" -> 1, "{\"a\":2,\"b\":[1,\"partial\",3]}""#,
        ]
    );
    let tags = ["tags.t:  -> 5", "tags.t:  -> 6", "tags.t:  -> 7"];
    assert_eq!(rows("mysql-9.7-tags.binlog"), tags);
}

#[test]
fn transactions_of_mariadb() {
    let lines = rows("mariadb-11.8-transactions.binlog");
    assert_eq!(rows("mariadb-10.11-transactions.binlog"), lines);
    let long = |word: &str| format!("10, {:?}", word.repeat(20));
    let (compressed, changed) = (long("compressed"), long("changed"));
    let t = of_table(&lines, "transactions.t");
    assert_eq!(
        t[7..10],
        [
            format!("transactions.t:  -> {compressed}"),
            format!("transactions.t: {compressed} -> {changed}"),
            format!("transactions.t: {changed} -> "),
        ]
    );
    assert_eq!(of_table(&lines, "transactions.m").len(), 2);
    assert_eq!(t[10..], ["transactions.t: 1 -> NULL", "transactions.t: 2 -> "]);
}
