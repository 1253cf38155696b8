//! What a row looks like in Debezium's JSON, told by the server itself.
//!
//! The server computes as much of it as SQL can, so that nothing is shared with the code under test.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::MySql;
use crate::error::{Result, TestbedError};

const SHOWN: usize = 10;

struct Column {
    name: String,
    data_type: String,
    /// Of a temporal type, digits after the point.
    precision: u32,
    in_key: bool,
}

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
    server.query_each(&selection(&columns, database, table)?, |row| {
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
        "SELECT column_name, data_type, COALESCE(datetime_precision, 0), column_key = 'PRI' \
         FROM information_schema.columns WHERE table_schema = '{database}' AND table_name = '{table}' \
         ORDER BY ordinal_position"
    ))?;
    let columns = rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter().flatten();
        Some(Column {
            name: cells.next()?,
            data_type: cells.next()?,
            precision: cells.next()?.parse().ok()?,
            in_key: cells.next()? == "1",
        })
    });
    let columns: Vec<Column> = columns.collect();
    if !columns.iter().any(|column| column.in_key) {
        return Err(TestbedError::Unexpected(format!(
            "{database}.{table} is absent or has no primary key"
        )));
    }
    Ok(columns)
}

fn selection(columns: &[Column], database: &str, table: &str) -> Result<String> {
    let expressions: Result<Vec<String>> = columns.iter().map(Column::expression).collect();
    Ok(format!(
        "SET time_zone = '+00:00'; SELECT {} FROM `{database}`.`{table}`",
        expressions?.join(", ")
    ))
}

/// What is wrong with one row, named by its key.
fn row_difference(
    columns: &[Column],
    row: &[Option<String>],
    rebuilt: &HashMap<String, String>,
) -> Result<Option<String>> {
    let (mut key, mut expected) = (Map::new(), Map::new());
    for (column, cell) in columns.iter().zip(row) {
        let value = cell
            .as_deref()
            .map_or(Ok(Value::Null), |text| column.value(text))?;
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
    for column in columns.iter().filter(|column| column.data_type == "json") {
        parse_in_place(&mut arrived, &column.name);
    }
    let differing = expected
        .iter()
        .find(|(name, value)| arrived.get(*name) != Some(value));
    Ok(differing.map(|(name, _)| format!("row {key}: column {name} differs")))
}

/// The text of a JSON column is compared by its meaning.
fn parse_in_place(row: &mut Map<String, Value>, column: &str) {
    if let Some(value) = row.get_mut(column)
        && let Some(parsed) = value.as_str().and_then(|text| serde_json::from_str(text).ok())
    {
        *value = parsed;
    }
}

impl Column {
    /// The SQL that gives what [`Column::value`] takes.
    fn expression(&self) -> Result<String> {
        let name = format!("`{}`", self.name);
        let micros = format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {name})");
        Ok(match self.data_type.as_str() {
            "date" => format!("DATEDIFF({name}, '1970-01-01')"),
            "datetime" if self.precision <= 3 => format!("{micros} DIV 1000"),
            "datetime" => micros,
            "time" => {
                format!("TIME_TO_SEC({name}) * 1000000 + IF({name} < 0, -1, 1) * MICROSECOND({name})")
            }
            "timestamp" => format!("CONCAT(REPLACE({name}, ' ', 'T'), 'Z')"),
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                format!("HEX({name})")
            }
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "decimal" | "double"
            | "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
            | "json" => name,
            other => {
                let column = &self.name;
                let text = format!("column {column}: the oracle does not know the type {other}");
                return Err(TestbedError::Unexpected(text));
            }
        })
    }

    /// The JSON of a cell, with Debezium's default options.
    fn value(&self, text: &str) -> Result<Value> {
        let value = match self.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "date" | "datetime"
            | "time" => {
                // An unsigned BIGINT above the signed range comes as the same 64 bits.
                let signed = text.parse::<i64>().ok();
                signed
                    .or_else(|| text.parse::<u64>().ok().map(u64::cast_signed))
                    .map(Value::from)
            }
            "double" => text.parse::<f64>().ok().map(Value::from),
            "decimal" => unscaled(text).map(|bytes| Value::from(STANDARD.encode(bytes))),
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                unhex(text).map(|bytes| Value::from(STANDARD.encode(bytes)))
            }
            "json" => serde_json::from_str(text).ok(),
            _ => Some(Value::from(text)),
        };
        let column = &self.name;
        value.ok_or_else(|| {
            TestbedError::Unexpected(format!("column {column}: cannot read the server's value"))
        })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    Some(
        digits?
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

/// The digits of a decimal as a whole number: two's complement, big-endian, no byte more than needed.
///
/// Up to 38 digits.
fn unscaled(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|character| *character != '.').collect();
    let bytes = digits.parse::<i128>().ok()?.to_be_bytes();
    let redundant = |pair: &[u8]| {
        matches!(pair, [0, next] if *next < 0x80) || matches!(pair, [0xFF, next] if *next >= 0x80)
    };
    let skipped = bytes.windows(2).take_while(|pair| redundant(pair)).count();
    bytes.get(skipped..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared;

    #[test]
    fn decimals_are_as_short_as_they_can_be() {
        assert_eq!(unscaled("0.00"), Some(vec![0]));
        assert_eq!(unscaled("1.27"), Some(vec![0x7F]));
        assert_eq!(unscaled("1.28"), Some(vec![0, 0x80]));
        assert_eq!(unscaled("-1.28"), Some(vec![0x80]));
        assert_eq!(unscaled("-1.29"), Some(vec![0xFF, 0x7F]));
    }

    #[test]
    fn a_table_equals_its_rows_and_a_wrong_value_is_found() {
        let server = shared::mysql().unwrap();
        let database = shared::unique_name("oracle");
        let sql = format!(
            "CREATE DATABASE {database}; USE {database}; SET time_zone = '+00:00';
             CREATE TABLE t (id INT PRIMARY KEY, u BIGINT UNSIGNED, p DECIMAL(6,2), d DATE, a DATETIME(3),
               b DATETIME(6), s TIMESTAMP(2) NULL, m TIME(6), r VARBINARY(9), v VARCHAR(9), j JSON);
             INSERT INTO t VALUES (1, 18446744073709551615, -1.29, '1970-01-11', '1970-01-01 00:00:01.5',
               '1970-01-01 00:00:01.5', '2020-01-02 03:04:05.06', '-00:00:01.5', x'00FF', 'ä<', '{{\"k\": [1]}}');
             INSERT INTO t (id) VALUES (2);"
        );
        server.sql(&sql).unwrap();
        let full = r#"{"id":1,"u":-1,"p":"/38=","d":10,"a":1500,"b":1500000,"s":"2020-01-02T03:04:05.06Z",
            "m":-1500000,"r":"AP8=","v":"ä<","j":"{\"k\":[1]}"}"#;
        let empty = r#"{"id":2,"u":null,"p":null,"d":null,"a":null,"b":null,"s":null,"m":null,"r":null,"v":null,
            "j":null}"#;
        let mut rebuilt = HashMap::new();
        rebuilt.insert("{\"id\":1}".to_owned(), full.to_owned());
        rebuilt.insert("{\"id\":2}".to_owned(), empty.to_owned());
        let judge = |rebuilt: &_| differences(server, &database, "t", rebuilt).unwrap();
        assert_eq!(judge(&rebuilt), Vec::<String>::new());

        rebuilt.insert(
            "{\"id\":1}".to_owned(),
            full.replace("1500000,\"s\"", "1500001,\"s\""),
        );
        rebuilt.remove("{\"id\":2}");
        let expected = [
            "2 rows in the table, 1 rebuilt",
            "row {\"id\":1}: column b differs",
            "row {\"id\":2} is missing",
        ];
        assert_eq!(judge(&rebuilt), expected);
    }
}
