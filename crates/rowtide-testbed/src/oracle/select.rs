//! What a row looks like in Debezium's JSON, told by the server itself.
//!
//! The server computes as much of it as SQL can, so that nothing is shared with the code under test.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::column::Column;
use super::keys;
use super::rebuilt::{Rebuilt, canonical_key};
use crate::error::{Result, TestbedError};
use crate::{MySql, ServerVersion};

const SHOWN: usize = 10;

/// What differs between a rebuilt table and the server's. Columns that were never told are not compared if
/// `images_are_partial`.
pub(super) fn differences(
    server: &MySql,
    database: &str,
    table: &str,
    rebuilt: &Rebuilt,
    images_are_partial: bool,
) -> Result<Vec<String>> {
    let key = keys::of_table(server, database, table)?;
    let columns = columns(server, database, table, &key)?;
    let mut compared = Compared {
        columns: &columns,
        rebuilt,
        images_are_partial,
        expected: HashMap::new(),
        found: Vec::new(),
        rows: 0,
    };
    server.query_each(&selection(&columns, database, table), |row| {
        compared.row(&row, &key)
    })?;
    compared.finish()
}

fn columns(server: &MySql, database: &str, table: &str, key: &[String]) -> Result<Vec<Column>> {
    let rows = server.query(&format!(
        "SELECT column_name, data_type, COALESCE(datetime_precision, numeric_precision, 0) \
         FROM information_schema.columns WHERE table_schema = '{database}' AND table_name = '{}' \
         ORDER BY ordinal_position",
        table.replace('\'', "''")
    ))?;
    let columns = rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter().flatten();
        let (name, data_type) = (cells.next()?, cells.next()?);
        let precision = cells.next()?.parse().ok()?;
        let in_key = key.contains(&name);
        Some(Column::new(name, &data_type, precision, in_key))
    });
    let mut columns = columns.collect::<Result<Vec<Column>>>()?;
    for column in &mut columns {
        column.zero_fractions_are_hidden = server.version() == ServerVersion::MySql57;
    }
    if columns.is_empty() {
        return Err(TestbedError::Unexpected(format!("{database}.{table} is absent")));
    }
    Ok(columns)
}

fn selection(columns: &[Column], database: &str, table: &str) -> String {
    let expressions: Vec<String> = columns.iter().map(Column::expression).collect();
    format!(
        "SET time_zone = '+00:00'; SELECT {} FROM `{database}`.`{}`",
        expressions.join(", "),
        table.replace('`', "``")
    )
}

/// A comparison as it goes through the server's rows.
struct Compared<'a> {
    columns: &'a [Column],
    rebuilt: &'a Rebuilt,
    images_are_partial: bool,
    /// Rows of a table without a key, and how many there are of each.
    expected: HashMap<String, i64>,
    found: Vec<String>,
    rows: usize,
}

impl Compared<'_> {
    fn row(&mut self, row: &[Option<String>], key: &[String]) -> Result<()> {
        self.rows += 1;
        let mut expected = BTreeMap::new();
        for (column, cell) in self.columns.iter().zip(row) {
            expected.insert(column.name.clone(), column.value(cell.as_deref())?);
        }
        if key.is_empty() {
            let text = serde_json::to_string(&expected).unwrap_or_default();
            *self.expected.entry(text).or_default() += 1;
        } else if self.found.len() < SHOWN {
            self.keyed_row(&expected)?;
        }
        Ok(())
    }

    fn keyed_row(&mut self, expected: &BTreeMap<String, Value>) -> Result<()> {
        let key = self.columns.iter().filter(|column| column.in_key);
        let key = key.filter_map(|column| Some((column.name.clone(), expected.get(&column.name)?.clone())));
        let key = canonical_key(key.collect());
        let Some(arrived) = self.rebuilt.keyed.get(&key) else {
            self.found.push(format!("row {} is missing", shortened(&key)));
            return Ok(());
        };
        let arrived = self.meaning(arrived)?;
        for (name, value) in expected {
            // As text, in which -0.0 is not 0.0.
            let value = value.to_string();
            let told = match arrived.get(name).map(Value::to_string) {
                Some(told) if told == value => continue,
                None if self.images_are_partial => continue,
                told => told.unwrap_or("nothing".to_owned()),
            };
            let value = shortened(&value);
            let (key, told) = (shortened(&key), shortened(&told));
            self.found.push(format!(
                "row {key}: column {name} is {value} on the server, {told} as rebuilt"
            ));
        }
        Ok(())
    }

    /// A row as it arrived, its values in the form that the server's are brought into.
    fn meaning(&self, row: &str) -> Result<BTreeMap<String, Value>> {
        let mut row: BTreeMap<String, Value> = serde_json::from_str(row)
            .map_err(|error| TestbedError::Unexpected(format!("a rebuilt row is no JSON: {error}")))?;
        for column in self.columns {
            if let Some(value) = row.get_mut(&column.name) {
                *value = column.meaning(value.take());
            }
        }
        Ok(row)
    }

    fn finish(mut self) -> Result<Vec<String>> {
        for (row, count) in &self.rebuilt.keyless {
            let text = serde_json::to_string(&self.meaning(row)?).unwrap_or_default();
            *self.expected.entry(text).or_default() -= count;
        }
        let mut differing: Vec<_> = self.expected.iter().filter(|(_, count)| **count != 0).collect();
        // Rows that differ in one column stand beside each other.
        differing.sort();
        for (row, count) in differing.into_iter().take(SHOWN) {
            let which = if *count > 0 { "missing" } else { "too many" };
            self.found
                .push(format!("{} rows {which}: {}", count.abs(), shortened(row)));
        }
        if self.rows != self.rebuilt.len() {
            let message = format!("{} rows in the table, {} rebuilt", self.rows, self.rebuilt.len());
            self.found.insert(0, message);
        }
        Ok(self.found)
    }
}

/// The start of a text that may be very long.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 600;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared;

    /// Columns that every server has: type, a value in SQL, the same in JSON.
    const COMMON: &[[&str; 3]] = &[
        ["BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615"],
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
    fn fill(server: &MySql, database: &str, columns: &[[&str; 3]]) -> Rebuilt {
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
        let mut rebuilt = Rebuilt::default();
        rebuilt.keyed = HashMap::from([
            ("{\"id\":1}".to_owned(), format!("{{\"id\":1{full}}}")),
            ("{\"id\":2}".to_owned(), format!("{{\"id\":2{empty}}}")),
        ]);
        rebuilt
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
            let found = differences(server, &database, "t", &rebuilt, false).unwrap();
            assert_eq!(found, Vec::<String>::new(), "{version}");
        }
    }

    #[test]
    fn wrong_and_missing_rows_are_found() {
        let server = shared::mysql().unwrap();
        let database = shared::unique_name("oracle");
        let mut rebuilt = fill(server, &database, &[["INT", "7", "8"]]);
        rebuilt.keyed.remove("{\"id\":2}");
        let expected = [
            "2 rows in the table, 1 rebuilt",
            "row {\"id\":1}: column c0 is 7 on the server, 8 as rebuilt",
            "row {\"id\":2} is missing",
        ];
        assert_eq!(
            differences(server, &database, "t", &rebuilt, false).unwrap(),
            expected
        );
    }
}
