//! Tables as wide, members as many and values as long as the servers take them.

use super::all_servers;
use super::edge_values::{assert_rows_in, assert_rows_of};
use rowtide_testbed::ServerVersion;

/// Servers that keep tables in .frm files have less room for names.
fn has_room(version: ServerVersion) -> bool {
    matches!(version, ServerVersion::MySql80 | ServerVersion::MySql97)
}

#[tokio::test]
async fn as_many_members_as_an_enum_has() {
    for server in all_servers() {
        let count: u16 = if has_room(server.version()) { 65_535 } else { 7_000 };
        let members: Vec<_> = (0..count).map(|n| format!("'{n:x}'")).collect();
        let columns = format!("e ENUM({}) CHARACTER SET latin1", members.join(", "));
        let last = count.to_string();
        let half = (count / 2 + 1).to_string();
        assert_rows_of(
            server,
            &columns,
            &["1", "255", "256", "257", &half, &last, "0", "NULL"],
        )
        .await;
    }
}

/// The bits of NULL columns are more than 500 bytes.
#[tokio::test]
async fn as_many_columns_as_a_table_has() {
    for server in all_servers() {
        let count = if has_room(server.version()) { 4095 } else { 2_000 };
        let names: Vec<_> = (1..=count).map(|n| format!("c{n} TINYINT")).collect();
        let row = |value: fn(i32) -> Option<i32>| {
            let values = (1..=count).map(|n| value(n).map_or("NULL".to_owned(), |n| n.to_string()));
            values.collect::<Vec<_>>().join(", ")
        };
        let rows = [
            row(|n| Some(n % 127)),
            row(|n| (n % 2 == 0).then_some(-1)),
            row(|n| (n % 251 == 0).then_some(7)),
            row(|n| (n > 1_990).then_some(-128)),
            row(|_| None),
        ];
        let rows = rows.each_ref().map(String::as_str);
        assert_rows_in(server, "MyISAM", &names.join(", "), &rows).await;
    }
}

#[tokio::test]
async fn the_longest_values_of_a_row() {
    let row = |value: &str| format!("REPEAT({value}, 65000), REPEAT({value}, 255)");
    for server in all_servers() {
        for (columns, value) in [
            (
                "v VARCHAR(65000) CHARACTER SET latin1, c CHAR(255) CHARACTER SET latin1",
                "'é'",
            ),
            ("v VARBINARY(65000), c BINARY(255)", "x'ff'"),
        ] {
            assert_rows_of(server, columns, &[&row(value), "'', ''", "NULL, NULL"]).await;
        }
        // 768 and more bytes: the length of a CHAR is in two bytes of the table map, and so is that of its values.
        let columns = "c CHAR(255) CHARACTER SET utf8mb4, u CHAR(255) CHARACTER SET utf32, v VARCHAR(15000) CHARACTER SET utf8mb4";
        let rows = [
            "REPEAT('🦀', 255), REPEAT('🦀', 255), REPEAT('🦀', 15000)",
            "'', '', ''",
            "'a', 'b ', ' c '",
        ];
        assert_rows_of(server, columns, &rows).await;
    }
}
