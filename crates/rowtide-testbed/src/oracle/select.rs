//! What a row looks like in Debezium's JSON, told by the server itself.
//!
//! The server computes as much of it as SQL can, so that nothing is shared with the code under test.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::column::Column;
use crate::MySql;
use crate::error::{Result, TestbedError};

const SHOWN: usize = 10;

/// What differs between a rebuilt table (rows by key, both JSON) and the server's.
pub(super) fn differences(
    server: &MySql,
    database: &str,
    table: &str,
    rebuilt: &HashMap<String, String>,
) -> Result<Vec<String>> {
    let columns = columns(server, database, table)?;
    let mut found = Vec::new();
    let mut rows = 0;
    server.query_each(&selection(&columns, database, table), |row| {
        rows += 1;
        if found.len() < SHOWN {
            found.extend(row_difference(&columns, &row, rebuilt)?);
        }
        Ok(())
    })?;
    if rows != rebuilt.len() {
        found.insert(0, format!("{rows} rows in the table, {} rebuilt", rebuilt.len()));
    }
    Ok(found)
}

fn columns(server: &MySql, database: &str, table: &str) -> Result<Vec<Column>> {
    let rows = server.query(&format!(
        "SELECT column_name, data_type, COALESCE(datetime_precision, numeric_precision, 0), column_key = 'PRI' \
         FROM information_schema.columns WHERE table_schema = '{database}' AND table_name = '{table}' \
         ORDER BY ordinal_position"
    ))?;
    let columns = rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter().flatten();
        let (name, data_type) = (cells.next()?, cells.next()?);
        let precision = cells.next()?.parse().ok()?;
        Some(Column::new(name, &data_type, precision, cells.next()? == "1"))
    });
    let columns = columns.collect::<Result<Vec<Column>>>()?;
    if !columns.iter().any(|column| column.in_key) {
        return Err(TestbedError::Unexpected(format!(
            "{database}.{table} is absent or has no primary key"
        )));
    }
    Ok(columns)
}

fn selection(columns: &[Column], database: &str, table: &str) -> String {
    let expressions: Vec<String> = columns.iter().map(Column::expression).collect();
    format!(
        "SET time_zone = '+00:00'; SELECT {} FROM `{database}`.`{table}`",
        expressions.join(", ")
    )
}

/// What is wrong with one row, named by its key.
fn row_difference(
    columns: &[Column],
    row: &[Option<String>],
    rebuilt: &HashMap<String, String>,
) -> Result<Option<String>> {
    let (mut key, mut expected) = (Map::new(), Map::new());
    for (column, cell) in columns.iter().zip(row) {
        let value = column.value(cell.as_deref())?;
        if column.in_key {
            key.insert(column.name.clone(), value.clone());
        }
        expected.insert(column.name.clone(), value);
    }
    let key = Value::Object(key).to_string();
    let Some(arrived) = rebuilt.get(&key) else {
        return Ok(Some(format!("row {key} is missing")));
    };
    let unreadable = |error| TestbedError::Unexpected(format!("row {key}: {error}"));
    let mut arrived: Map<String, Value> = serde_json::from_str(arrived).map_err(unreadable)?;
    let differing = columns.iter().find(|column| {
        let arrived = arrived.remove(&column.name).map(|value| column.meaning(value));
        arrived.as_ref() != expected.get(&column.name)
    });
    Ok(differing.map(|column| format!("row {key}: column {} differs", column.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerVersion, shared};

    /// Columns that every server has: type, a value in SQL, the same in JSON.
    const COMMON: &[[&str; 3]] = &[
        ["BIGINT UNSIGNED", "18446744073709551615", "-1"],
        ["DECIMAL(6,2)", "-1.29", "\"/38=\""],
        ["FLOAT", "1.1", "1.1"],
        ["DOUBLE", "-2.5e-7", "-2.5e-7"],
        ["BIT(10)", "b'100000010'", "\"AgE=\""],
        ["BIT(1)", "b'1'", "true"],
        ["YEAR", "1999", "1999"],
        ["DATE", "'1970-01-11'", "10"],
        ["DATE", "'0000-00-00'", "null"],
        ["DATETIME(3)", "'1969-12-31 23:59:58.5'", "-1500"],
        ["DATETIME(6)", "'1970-01-01 00:00:01.5'", "1500000"],
        [
            "TIMESTAMP(2) NULL",
            "'2020-01-02 03:04:05.06'",
            "\"2020-01-02T03:04:05.06Z\"",
        ],
        ["TIMESTAMP NULL", "'0000-00-00 00:00:00'", "null"],
        ["TIME(6)", "'-00:00:00.5'", "-500000"],
        ["TIME(6)", "'-838:59:58.000001'", "-3020398000001"],
        ["TIME", "'01:00:01'", "3601000000"],
        ["VARBINARY(9)", "x'00FF'", "\"AP8=\""],
        [
            "VARCHAR(9) CHARACTER SET utf8mb4",
            "'ä<🦀\\0\\n'",
            "\"ä<🦀\\u0000\\n\"",
        ],
        ["VARCHAR(9) CHARACTER SET latin1", "'é'", "\"é\""],
        ["ENUM('a','b')", "'b'", "\"b\""],
        ["SET('a','b')", "'a,b'", "\"a,b\""],
        [
            "POINT",
            "ST_GeomFromText('POINT(1.5 -2.5)')",
            r#"{"x":1.5,"y":-2.5,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":null}"#,
        ],
        [
            "GEOMETRY",
            "ST_GeomFromText('POINT(1 2)')",
            r#"{"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null}"#,
        ],
    ];
    const MYSQL: &[[&str; 3]] = &[["JSON", "'{\"k\": [1]}'", r#""{\"k\":[1]}""#]];
    const MYSQL_97: &[[&str; 3]] = &[["VECTOR(2)", "STRING_TO_VECTOR('[1.1,-2]')", "[1.1,-2.0]"]];
    /// JSON is text there, with its blanks.
    const MARIADB: &[[&str; 3]] = &[
        ["JSON", "'{\"k\":  [1]}'", r#""{\"k\":  [1]}""#],
        [
            "UUID",
            "'123E4567-E89B-12D3-A456-426655440000'",
            "\"123e4567-e89b-12d3-a456-426655440000\"",
        ],
        ["INET4", "'192.0.2.1'", "\"192.0.2.1\""],
        ["INET6", "'2001:DB8::1'", "\"2001:db8::1\""],
        ["TEXT COMPRESSED", "'aaaa'", "\"aaaa\""],
    ];
    const MARIADB_118: &[[&str; 3]] = &[["VECTOR(2)", "VEC_FromText('[1.1,-2]')", "[1.1,-2.0]"]];

    /// A table with a row of values and a row of nulls, and the two rows in JSON.
    fn fill(server: &MySql, database: &str, columns: &[[&str; 3]]) -> HashMap<String, String> {
        let (mut definition, mut values) = (String::new(), String::new());
        let (mut full, mut empty) = (String::new(), String::new());
        for (number, [data_type, sql, json]) in columns.iter().enumerate() {
            definition.push_str(&format!(", c{number} {data_type}"));
            values.push_str(&format!(", {sql}"));
            full.push_str(&format!(",\"c{number}\":{json}"));
            empty.push_str(&format!(",\"c{number}\":null"));
        }
        let sql = format!(
            "CREATE DATABASE {database}; USE {database}; SET time_zone = '+00:00', sql_mode = '';
             CREATE TABLE t (id INT PRIMARY KEY{definition});
             INSERT INTO t VALUES (1{values}); INSERT INTO t (id) VALUES (2);"
        );
        server.sql(&sql).unwrap();
        HashMap::from([
            ("{\"id\":1}".to_owned(), format!("{{\"id\":1{full}}}")),
            ("{\"id\":2}".to_owned(), format!("{{\"id\":2{empty}}}")),
        ])
    }

    #[test]
    fn every_type_of_every_server_equals_its_rows() {
        for version in ServerVersion::ALL {
            let (flavour, own): (_, &[[&str; 3]]) = match version {
                ServerVersion::MySql57 | ServerVersion::MySql80 => (MYSQL, &[]),
                ServerVersion::MySql97 => (MYSQL, MYSQL_97),
                ServerVersion::MariaDb1011 => (MARIADB, &[]),
                ServerVersion::MariaDb118 => (MARIADB, MARIADB_118),
            };
            let server = shared::server(version).unwrap();
            let database = shared::unique_name("oracle");
            let rebuilt = fill(server, &database, &[COMMON, flavour, own].concat());
            let found = differences(server, &database, "t", &rebuilt).unwrap();
            assert_eq!(found, Vec::<String>::new(), "{version}");
        }
    }

    #[test]
    fn wrong_and_missing_rows_are_found() {
        let server = shared::mysql().unwrap();
        let database = shared::unique_name("oracle");
        let mut rebuilt = fill(server, &database, &[["INT", "7", "8"]]);
        rebuilt.remove("{\"id\":2}");
        let expected = [
            "2 rows in the table, 1 rebuilt",
            "row {\"id\":1}: column c0 differs",
            "row {\"id\":2} is missing",
        ];
        assert_eq!(differences(server, &database, "t", &rebuilt).unwrap(), expected);
    }
}
