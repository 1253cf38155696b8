//! The edges of every type, one table for each family, against what SELECT prints.

use super::follow::{Follow, now};
use super::{all_servers, database, mysql_since};
use rowtide_testbed::{MySql, ServerVersion};

/// Zero dates and dates that no calendar has may be written.
const LOOSE: &str = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'";

/// Makes a table `t` of these columns behind a key, writes the rows by insert and by update, and compares.
pub async fn assert_rows(servers: impl Iterator<Item = &'static MySql>, columns: &str, rows: &[&str]) {
    for server in servers {
        assert_rows_of(server, columns, rows).await;
    }
}

pub async fn assert_rows_of(server: &MySql, columns: &str, rows: &[&str]) {
    assert_rows_in(server, "InnoDB", columns, rows).await;
}

pub async fn assert_rows_in(server: &MySql, engine: &str, columns: &str, rows: &[&str]) {
    let name = database(server, "edge");
    let from = now(server).await;
    let mut sql = format!(
        "USE {name}; {LOOSE}; CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, {columns}) ENGINE = {engine};"
    );
    for row in rows {
        sql += &format!("INSERT INTO t VALUES (NULL, {row});");
    }
    // Every row over every other, so that each value is also one before and after an update.
    let names: Vec<_> = columns_of(columns).collect();
    let set: Vec<_> = names.iter().map(|name| format!("a.{name} = b.{name}")).collect();
    let count = rows.len();
    sql += &format!(
        "CREATE TABLE copy LIKE t; INSERT INTO copy SELECT * FROM t; UPDATE t a, copy b SET {} WHERE b.id = a.id % {count} + 1;
         DELETE FROM t WHERE id % 7 = 3;",
        set.join(", ")
    );
    server.sql(&sql).unwrap();
    let follow = Follow::database(server, &name, &from).await;
    follow.assert_equal(server);
    assert_eq!((follow.inserts, follow.unavailable.len()), (2 * count, 0));
}

/// Names of columns: the first word of each definition. Commas inside of brackets separate no definitions.
fn columns_of(columns: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let definitions = columns.split(move |character| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        character == ',' && depth == 0
    });
    definitions.map(|definition| definition.split_whitespace().next().unwrap())
}

#[tokio::test]
async fn integers_of_every_width_and_sign() {
    let columns = "a TINYINT, au TINYINT UNSIGNED, b SMALLINT, bu SMALLINT UNSIGNED, c MEDIUMINT, cu MEDIUMINT UNSIGNED,
        d INT, du INT UNSIGNED, e BIGINT, eu BIGINT UNSIGNED, z INT(7) ZEROFILL, f BOOL, y YEAR";
    let rows = [
        "-128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, 7, TRUE, 1901",
        "127, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 0, 4294967295, FALSE, 2155",
        "-1, 128, -1, 32768, -1, 8388608, -1, 2147483648, -1, 9223372036854775808, 0, -128, 0",
        "0, 127, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 1, 127, 2000",
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    ];
    assert_rows(all_servers(), columns, &rows).await;
}

#[tokio::test]
async fn floating_point_to_the_last_bit() {
    let columns =
        "f FLOAT, fm FLOAT(7,3), fp FLOAT(53), d DOUBLE, dm DOUBLE(20,5), r REAL, u DOUBLE UNSIGNED";
    let row = |n: &str| {
        format!(
            "{n}, LEAST(GREATEST({n}, -9999), 9999), {n}, {n}, LEAST(GREATEST({n}, -1e14), 1e14), {n}, ABS({n})"
        )
    };
    let numbers = [
        "0e0",
        "-0e0",
        "1e0",
        "0.1e0",
        "-3.14e0",
        "16777216e0",
        "16777217e0",
        "33554432e0",
        "1e-38",
        "1.401298464e-45",
        "-1.17549435e-38",
        "3.402823466e38",
        "-3.402823466e38",
        "123456.789e0",
        "1e15",
        "1e16",
        "1e-5",
        "9.999995e0",
        "1e21",
        "0.30000001192092896e0",
        "2.5e-7",
    ];
    let mut rows: Vec<_> = numbers.iter().map(|n| row(n)).collect();
    rows.push(
        "1e38, 0, 1.7976931348623157e308, -1.7976931348623157e308, 0, 2.2250738585072014e-308, 5e-324".into(),
    );
    rows.push("NULL, NULL, NULL, NULL, NULL, NULL, NULL".into());
    assert_rows(
        all_servers(),
        columns,
        &rows.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
}

#[tokio::test]
async fn decimals_of_every_size() {
    let sizes = [
        (1, 0),
        (1, 1),
        (2, 1),
        (5, 5),
        (9, 0),
        (9, 9),
        (10, 0),
        (10, 9),
        (10, 1),
        (18, 9),
        (19, 9),
        (19, 10),
        (27, 9),
        (30, 30),
        (38, 0),
        (38, 10),
        (65, 0),
        (65, 1),
        (65, 29),
        (65, 30),
        (64, 30),
        (36, 18),
        (37, 17),
    ];
    let columns: Vec<_> = sizes
        .iter()
        .map(|(p, s)| format!("c{p}_{s} DECIMAL({p},{s})"))
        .collect();
    let row = |value: &dyn Fn(usize, usize) -> String| {
        sizes
            .iter()
            .map(|(p, s)| value(*p, *s))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let digits = |n: usize, digits: &str| digits.chars().cycle().take(n).collect::<String>();
    let of = |sign: &str, pattern: &str, p: usize, s: usize| {
        format!("{sign}0{}.{}", digits(p - s, pattern), digits(s, pattern))
    };
    let rows = [
        row(&|p, s| of("", "9", p, s)),
        row(&|p, s| of("-", "9", p, s)),
        row(&|p, s| of("-", "1234567890", p, s)),
        row(&|p, s| of("", "0000000001", p, s)),
        row(&|p, s| of("-", "1000000000", p, s)),
        row(&|_, s| {
            if s == 0 {
                "1".into()
            } else {
                format!("-0.{}1", digits(s - 1, "0"))
            }
        }),
        row(&|_, _| "0".into()),
        row(&|_, _| "-0".into()),
        row(&|_, _| "NULL".into()),
    ];
    assert_rows(
        all_servers(),
        &columns.join(", "),
        &rows.each_ref().map(String::as_str),
    )
    .await;
}

#[tokio::test]
async fn bits_of_every_width() {
    let columns: Vec<_> = (1..=64).map(|width| format!("b{width} BIT({width})")).collect();
    let row = |value: fn(u32) -> u64| {
        (1..=64)
            .map(|width| value(width).to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let rows = [
        row(|width| u64::MAX >> (64 - width)),
        row(|width| 1 << (width - 1)),
        row(|_| 0),
        row(|_| 1),
        row(|width| 0xaaaa_aaaa_aaaa_aaaa >> (64 - width)),
        vec!["NULL"; 64].join(", "),
    ];
    assert_rows(
        all_servers(),
        &columns.join(", "),
        &rows.each_ref().map(String::as_str),
    )
    .await;
}

/// The same value for columns of each number of digits of a second.
fn of_every_precision(ty: &str) -> String {
    let columns: Vec<_> = (0..=6).map(|fsp| format!("c{fsp} {ty}({fsp}) NULL")).collect();
    columns.join(", ")
}

async fn assert_temporal(ty: &str, values: &[&str]) {
    let rows: Vec<_> = values.iter().map(|value| [*value; 7].join(", ")).collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    assert_rows(all_servers(), &of_every_precision(ty), &rows).await;
}

#[tokio::test]
async fn times_below_zero_and_above_a_day() {
    let values = [
        "'838:59:59.000000'",
        "'-838:59:59.000000'",
        "'838:59:58.999999'",
        "'-838:59:58.999999'",
        "'-00:00:00.000001'",
        "'-00:00:00.1'",
        "'-00:00:00.01'",
        "'-00:00:00.999'",
        "'-00:00:01'",
        "'-00:00:59.5'",
        "'-01:00:00.000001'",
        "'00:00:00'",
        "'00:00:00.000001'",
        "'23:59:59.999999'",
        "'24:00:00'",
        "'-24:00:00.1234'",
        "'100:00:00.12'",
        "'-511:59:59.9'",
        "'512:00:00'",
        "NULL",
    ];
    assert_temporal("TIME", &values).await;
}

#[tokio::test]
async fn dates_of_any_calendar_and_none() {
    let values = [
        "'0000-00-00 00:00:00'",
        "'0000-01-01 00:00:00.000001'",
        "'2020-00-00 01:02:03.456789'",
        "'2020-02-00 23:59:59'",
        "'2023-02-31 12:00:00.5'",
        "'0001-01-01 00:00:00'",
        "'1000-01-01 00:00:00.9'",
        "'1582-10-10 00:00:00'",
        "'1969-12-31 23:59:59.999'",
        "'1970-01-01 00:00:00'",
        "'2024-02-29 12:34:56.789012'",
        "'9999-12-31 23:59:59.000000'",
        "'9999-12-31 23:59:58.999999'",
        "NULL",
    ];
    assert_temporal("DATETIME", &values).await;
    let dates: Vec<_> = values
        .iter()
        .map(|value| value.get(..11).map_or("NULL".into(), |date| format!("{date}'")))
        .collect();
    assert_rows(
        all_servers(),
        "d DATE",
        &dates.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
}

#[tokio::test]
async fn timestamps_from_zero_to_their_end() {
    let values = [
        "'0000-00-00 00:00:00'",
        "'1970-01-01 00:00:01'",
        "'1970-01-01 00:00:01.000001'",
        "'1999-12-31 23:59:59.499999'",
        "'2024-02-29 23:59:59.9'",
        "'2038-01-19 03:14:07'",
        "'2038-01-19 03:14:06.999999'",
        "NULL",
    ];
    assert_temporal("TIMESTAMP", &values).await;
}

#[tokio::test]
async fn members_of_enum_and_set() {
    let members = |count: usize| {
        (1..=count)
            .map(|n| format!("'m{n}é'"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let widths = [1, 7, 8, 9, 16, 17, 24, 25, 32, 33, 40, 48, 56, 63, 64];
    let sets: Vec<_> = widths
        .iter()
        .map(|n| format!("s{n} SET({})", members(*n)))
        .collect();
    let columns = format!(
        "e1 ENUM('x'), e255 ENUM({}), e256 ENUM({}), e3 ENUM('', 'a,b', 'it''s') CHARACTER SET latin1, {}",
        members(255),
        members(256),
        sets.join(", ")
    );
    let all = widths.map(|n| (u64::MAX >> (64 - n)).to_string()).join(", ");
    let last = widths.map(|n| (1u64 << (n - 1)).to_string()).join(", ");
    let (none, null) = (vec!["0"; 15].join(", "), vec!["NULL"; 15].join(", "));
    let rows = [
        format!("'x', 255, 256, 3, {all}"),
        format!("1, 1, 1, 1, {last}"),
        format!("0, 0, 0, 0, {none}"),
        format!("NULL, 128, 255, 2, {null}"),
    ];
    // The server takes an index of 0 only where it may also truncate.
    assert_rows(all_servers(), &columns, &rows.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn bytes_and_texts_of_every_length() {
    let columns = "b0 BINARY(0), b1 BINARY(1), b BINARY(255), v0 VARBINARY(0), v255 VARBINARY(255), v256 VARBINARY(256),
        vm VARBINARY(20000), c0 CHAR(0), c CHAR(255), c4 CHAR(63), c5 CHAR(64), t255 VARCHAR(63), t256 VARCHAR(64),
        tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB, tt TINYTEXT, te TEXT, mt MEDIUMTEXT, lt LONGTEXT";
    let row = |byte: &str, text: &str, long: usize| {
        let repeat = |what: &str, n: usize| format!("REPEAT({what}, {n})");
        let widths = [0, 1, 255, 0, 255, 256, 20000].map(|n| repeat(byte, n));
        let texts = [0, 255, 63, 64, 63, 64].map(|n| repeat(text, n));
        let blobs = [255, 65535, long, long].map(|n| repeat(byte, n));
        let clobs = [63, 16383, long / 4, long / 4].map(|n| repeat(text, n));
        [&widths[..], &texts, &blobs, &clobs].concat().join(", ")
    };
    let few = |bytes: &str, text: &str| {
        format!(
        "'', {b1}, {bytes}, '', {bytes}, {bytes}, {bytes}, '', {text}, {text}, {text}, {text}, {text}, {bytes}, {bytes},
         {bytes}, {bytes}, {text}, {text}, {text}, {text}", b1 = format_args!("LEFT({bytes}, 1)"))
    };
    let rows = [
        row("x'00'", "'a'", 65536),
        row("x'ff'", "'🦀'", 70_000),
        row("x'20'", "' '", 300),
        few("x'000100'", "'trailing  '"),
        few("x'6100'", "' a '"),
        few("x'20'", "'é\\0x\\'\\\\'"),
        few("x''", "''"),
        vec!["NULL"; 21].join(", "),
    ];
    assert_rows(all_servers(), columns, &rows.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn places_with_their_reference_systems() {
    let columns = "g GEOMETRY, p POINT, l LINESTRING, y POLYGON, mp MULTIPOINT, ml MULTILINESTRING, my MULTIPOLYGON, gc GEOMETRYCOLLECTION";
    let text = |srid: u32, empty: &str| {
        let of = |wkt: &str| format!("ST_GeomFromText('{wkt}', {srid})");
        [
            of("POINT(1.5 -2)"),
            of("POINT(0 0)"),
            of("LINESTRING(0 0, 1 1, 2 -2)"),
            of("POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2))"),
            of("MULTIPOINT(0 0, 1 1)"),
            of("MULTILINESTRING((0 0, 1 1), (2 2, 3 3))"),
            of("MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))"),
            of(&format!(
                "GEOMETRYCOLLECTION(POINT(1 1), GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1)){empty})"
            )),
        ]
        .join(", ")
    };
    for server in all_servers() {
        // The text of an empty collection, and that of one inside of another, are what only some versions read.
        let (empty_text, empty) = match server.version() {
            ServerVersion::MySql57 => ("GEOMETRYCOLLECTION()", ""),
            ServerVersion::MySql80 | ServerVersion::MySql97 => {
                ("GEOMETRYCOLLECTION EMPTY", ", GEOMETRYCOLLECTION EMPTY")
            }
            ServerVersion::MariaDb1011 | ServerVersion::MariaDb118 => ("GEOMETRYCOLLECTION EMPTY", ""),
        };
        let empty_alone = format!(
            "ST_GeomFromText('{empty_text}'), NULL, NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('{empty_text}', 3857)"
        );
        let rows = [
            text(0, empty),
            text(4326, empty),
            text(3857, empty),
            empty_alone,
            ["NULL"; 8].join(", "),
        ];
        assert_rows_of(server, columns, &rows.each_ref().map(String::as_str)).await;
    }
    let rows = ["ST_GeomFromText('POINT(48.2 16.4)', 4326)", "NULL"];
    assert_rows(mysql_since(ServerVersion::MySql80), "s POINT SRID 4326", &rows).await;
}

#[tokio::test]
async fn vectors_of_any_length() {
    let columns = "v VECTOR(3), one VECTOR(1), usual VECTOR, most VECTOR(16383)";
    let long = format!("CONCAT('[', REPEAT('-1.25e-3,', {}), '7]')", 16382);
    let rows = [
        format!(
            "TO_VECTOR('[1.1, 2.2, 3.3]'), TO_VECTOR('[-0]'), TO_VECTOR('[3.4028235e38, -1.2e-38]'), TO_VECTOR({long})"
        ),
        "TO_VECTOR('[0]'), NULL, TO_VECTOR('[1,2,3,4,5]'), TO_VECTOR('[1]')".to_owned(),
    ];
    assert_rows(
        mysql_since(ServerVersion::MySql97),
        columns,
        &rows.each_ref().map(String::as_str),
    )
    .await;
}

#[tokio::test]
async fn documents_of_any_kind_and_size() {
    let deep = "CAST(CONCAT(REPEAT('[', 99), '1', REPEAT(']', 99)) AS JSON), NULL";
    let rows = [
        r#"'{"b": 1, "a": [true, false, null, 1.0, -0.0, 1e2, 1e-7, -1.5e300, 123456789.123, 0.1, 1e15, 1e16]}', '"text"'"#,
        "'[0, -1, 32767, -32768, 32768, -32769, 65535, 65536, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295,
          4294967296, 9223372036854775807, -9223372036854775808, 9223372036854775808, 18446744073709551615,
          18446744073709551616]', '7'",
        r#"'{"longer": 1, "z": 2, "a": 3, "é": 4, "": 5, "aa": {"k\\"\\\\\\n\\t\\u0001\\u007f": "\\u00e9\\ud83e\\udd80/\\\\u"}}', '1.0'"#,
        "JSON_ARRAY(CAST(1.50 AS DECIMAL(65,30)), CAST(-99999999999999999999.5 AS DECIMAL(65,1)), CAST(0 AS DECIMAL(5,5)), 0.10,
          18446744073709551615, -1, TRUE, NULL, 1e0, 2e-300), 'null'",
        "JSON_ARRAY(DATE'2024-02-29', DATE'0001-01-01', TIME'-838:59:59', TIME'00:00:00.5', TIME'-00:00:00.000001',
          TIMESTAMP'2024-02-29 23:59:59.999999', TIMESTAMP'1000-01-01 00:00:00', CAST('0000-00-00' AS DATE)), CAST(TIME'12:00:00' AS JSON)",
        "JSON_OBJECT('blob', x'00ff', 'bits', b'101', 'empty', CAST('' AS BINARY), 'long', REPEAT(x'01', 200)),
          CAST(x'cafe' AS JSON)",
        "JSON_OBJECT('point', ST_GeomFromText('POINT(1 2)'), 'double', 1e-1), CAST(1.50 AS JSON)",
        "JSON_OBJECT('text', REPEAT('x', 127), 't', REPEAT('é', 8192), 'u', REPEAT('x', 128), 'v', REPEAT('🦀', 70000)), '[]'",
        "(SELECT JSON_OBJECTAGG(CONCAT('k', n), n) FROM seq), '{}'",
        "(SELECT JSON_ARRAYAGG(JSON_OBJECT('n', n, 'd', n / 7, 'f', n / 3e0)) FROM seq), 'true'",
        deep,
        "NULL, NULL",
    ];
    let digit = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6
        UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    for server in mysql_since(ServerVersion::MySql80) {
        let name = database(server, "seq");
        server
            .sql(&format!(
                "USE {name}; CREATE TABLE seq (n INT PRIMARY KEY);
                 INSERT INTO seq SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n FROM {digit} a, {digit} b,
                   {digit} c, {digit} d, (SELECT 0 n UNION SELECT 1 UNION SELECT 2) e"
            ))
            .unwrap();
        let rows = rows.map(|row| row.replace("FROM seq", &format!("FROM {name}.seq")));
        assert_rows_of(server, "j JSON, k JSON", &rows.each_ref().map(String::as_str)).await;
    }
}
