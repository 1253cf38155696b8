//! Types and forms of values that only MariaDB has.

use super::edge_values::{assert_rows, assert_rows_of};
use super::mariadb;
use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};

#[tokio::test]
async fn addresses_and_unique_ids() {
    let columns = "u UUID, i6 INET6, i4 INET4, b16 BINARY(16), b4 BINARY(4), v4 VARBINARY(4)";
    let rows = [
        "'123e4567-e89b-12d3-a456-426655440000', '2001:db8::ff00:42:8329', '192.168.0.1', 'sixteen bytes!!!', 'four', 'four'",
        "'00000000-0000-0000-0000-000000000000', '::', '0.0.0.0', '', '', ''",
        "'ffffffff-ffff-ffff-ffff-ffffffffffff', '::ffff:255.255.255.255', '255.255.255.255', x'00', x'00000001', x'00'",
        "'123e4567-e89b-12d3-a456-420000000000', '2001:db8::', '10.0.0.0', x'6100', x'6100', x'6100'",
        // Version 7 of the standard: in another order in the table's own files.
        "'018f3f9c-2a00-7abc-8def-001122334400', '::1', '0.0.0.1', x'0000000000000000000000000000ff00', ' ', ' '",
        "NULL, NULL, NULL, NULL, NULL, NULL",
    ];
    assert_rows(mariadb(), columns, &rows).await;
}

#[tokio::test]
async fn vectors() {
    let columns = "v VECTOR(3), one VECTOR(1), most VECTOR(16000), b VARBINARY(12)";
    let long = format!("VEC_FromText(CONCAT('[', REPEAT('-1.25e-3,', {}), '7]'))", 15999);
    let rows = [
        format!("VEC_FromText('[1.1, 2.2, 3.3]'), VEC_FromText('[-0]'), {long}, 'twelve bytes'"),
        "VEC_FromText('[3.4028235e38, -1.2e-38, 0]'), VEC_FromText('[0]'), NULL, ''".to_owned(),
        "NULL, NULL, NULL, NULL".to_owned(),
    ];
    let newest = mariadb().filter(|server| server.version() == ServerVersion::MariaDb118);
    assert_rows(newest, columns, &rows.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn compressed_columns_of_every_length() {
    let columns = "v VARCHAR(255) COMPRESSED CHARACTER SET latin1, w VARCHAR(256) COMPRESSED CHARACTER SET utf8mb4,
        b VARBINARY(20000) COMPRESSED, tt TINYTEXT COMPRESSED CHARACTER SET latin1, t TEXT COMPRESSED, mb MEDIUMBLOB COMPRESSED,
        lb LONGBLOB COMPRESSED, u2 VARCHAR(300) COMPRESSED CHARACTER SET ucs2";
    let row = |length: usize| {
        let lengths = [255, 256, 20000, 255, 16383, 80_000, 70_000, 300].map(|most| length.min(most));
        let values = ["'a'", "'é'", "x'00'", "'b'", "'中'", "x'ff'", "x'0001'", "'я'"];
        let values = values.iter().zip(lengths);
        let values: Vec<_> = values.map(|(value, n)| format!("REPEAT({value}, {n})")).collect();
        values.join(", ")
    };
    // What is short is stored as it is, behind a head of its own.
    let rows = [0, 1, 99, 100, 101, 255, 300, 65_535, 100_000].map(row);
    let mut rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let nulls = ["NULL"; 8].join(", ");
    rows.push(&nulls);
    assert_rows(mariadb(), columns, &rows).await;
}

#[tokio::test]
async fn timestamps_to_2106() {
    let rows = [
        "'2038-01-19 03:14:08', '2038-01-19 03:14:08.000001'",
        "'2106-02-07 06:28:15', '2106-02-07 06:28:15.999999'",
        "'2070-06-01 12:00:00', '2070-06-01 12:00:00.5'",
        "0, 0",
        "NULL, NULL",
    ];
    let newest = mariadb().filter(|server| server.version() == ServerVersion::MariaDb118);
    assert_rows(newest, "t0 TIMESTAMP NULL, t6 TIMESTAMP(6) NULL", &rows).await;
}

/// As tables have them that were made before MySQL 5.6 or MariaDB 10.1.2, and all tables where the setting is off.
#[tokio::test]
async fn times_in_their_old_form() {
    let columns = |ty: &str| {
        let columns: Vec<_> = (0..=6).map(|fsp| format!("c{fsp} {ty}({fsp}) NULL")).collect();
        columns.join(", ")
    };
    let times = [
        "838:59:59.999999",
        "-838:59:59.999999",
        "-00:00:00.000001",
        "00:00:00",
        "-00:59:59.5",
        "24:00:00.1234",
    ];
    let dates = [
        "0000-00-00 00:00:00",
        "0000-01-01 00:00:00.000001",
        "2020-00-00 01:02:03.456789",
        "1000-01-01 00:00:00.9",
        "1970-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
    ];
    let moments = [
        "0000-00-00 00:00:00",
        "1970-01-01 00:00:01",
        "2024-02-29 23:59:59.999999",
        "2038-01-19 03:14:07",
    ];
    for version in mariadb().map(MySql::version) {
        let options = MySqlOptions::of(version).with("--mysql56-temporal-format=OFF");
        let server = &MySql::start(options).unwrap();
        for (ty, values) in [
            ("TIME", &times[..]),
            ("DATETIME", &dates),
            ("TIMESTAMP", &moments),
        ] {
            let row = |value: &&str| vec![format!("'{value}'"); 7].join(", ");
            let mut rows: Vec<_> = values.iter().map(row).collect();
            rows.push(["NULL"; 7].join(", "));
            let rows: Vec<_> = rows.iter().map(String::as_str).collect();
            assert_rows_of(server, &columns(ty), &rows).await;
        }
    }
}
