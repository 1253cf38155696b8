//! What the server is made to log for the decoder.

use anyhow::Result;
use rowtide_event::BinlogPosition;
use rowtide_testbed::MySql;

use super::recording::Recording;
use crate::Extent;
use crate::servers::new_binlog_file;

/// A workload: statements that a server logs in a file of its own.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// A word for it.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    script: fn(u64) -> String,
    /// Row changes of the full extent.
    rows: u64,
    /// Of one family of column types.
    pub family: bool,
}

/// Rows of which many stand in one event.
pub const SYSBENCH: Workload = Workload {
    name: "sysbench",
    what: "sysbench rows, 1,000 a transaction",
    script: sysbench,
    rows: 1_000_000,
    family: false,
};

/// The three workloads that decoders were compared with.
pub const WORKLOADS: [Workload; 3] = [
    SYSBENCH,
    Workload {
        name: "small",
        what: "transactions of one row: a third inserts, half updates, a sixth deletes",
        script: small,
        rows: 300_000,
        family: false,
    },
    Workload {
        name: "wide",
        what: "rows of 40 mixed columns",
        script: wide,
        rows: 200_000,
        family: false,
    },
];

/// One for each family of column types: ten columns of it beside the key.
pub const FAMILIES: [Workload; 8] = [
    family("integers", |rows| ten(rows, "BIGINT", "FLOOR((RAND()-0.5)*1e15)")),
    family("doubles", |rows| ten(rows, "DOUBLE", "(RAND()-0.5)*1e6")),
    family("decimals", |rows| ten(rows, "DECIMAL(18,4)", "(RAND()-0.5)*1e12")),
    family("text", |rows| {
        ten(rows, "VARCHAR(80)", "CONCAT('text number ', n, ' – ', RAND())")
    }),
    family("latin1", |rows| {
        ten(
            rows,
            "VARCHAR(80) CHARACTER SET latin1",
            "CONCAT('Stück ', n, ' ', RAND())",
        )
    }),
    family("times", |rows| {
        ten(
            rows,
            "DATETIME(6)",
            "'2020-01-01 00:00:00.123456' + INTERVAL FLOOR(RAND()*1e8) SECOND",
        )
    }),
    family("enums", |rows| {
        ten(rows, "ENUM('new','paid','sent','lost')", "1+FLOOR(RAND()*4)")
    }),
    family("json", |rows| {
        ten(
            rows,
            "JSON",
            "JSON_OBJECT('id', n, 'name', CONCAT('name ', n), 'tags', JSON_ARRAY(1, 2.5, 'x', NULL))",
        )
    }),
];

const fn family(name: &'static str, script: fn(u64) -> String) -> Workload {
    Workload {
        name,
        what: "ten columns of one family",
        script,
        rows: 50_000,
        family: true,
    }
}

impl Workload {
    /// Has a server log it, and takes down what the server then sends.
    pub fn record(&self, mysql: &MySql, extent: &Extent) -> Result<Recording> {
        let from = self.log(mysql, extent)?;
        let recording = Recording::take(mysql, &from)?;
        mysql.sql("DROP DATABASE decode")?;
        Ok(recording)
    }

    /// Has a server log it, as changes of `decode.t`, in a file of its own, and says where that begins.
    pub fn log(&self, mysql: &MySql, extent: &Extent) -> Result<BinlogPosition> {
        mysql.sql(NUMBERS)?;
        let script = (self.script)(extent.of(self.rows).max(BLOCK));
        let from = new_binlog_file(mysql)?;
        mysql.sql(&format!("USE decode;\n{script}"))?;
        Ok(from)
    }
}

/// Rows of a transaction where it has more than one.
const BLOCK: u64 = 1_000;

const NUMBERS: &str = "DROP DATABASE IF EXISTS decode; CREATE DATABASE decode; USE decode; \
    CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY); \
    INSERT INTO numbers WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n+1 FROM s WHERE n < 1000) SELECT n FROM s;";

/// One INSERT … SELECT for every thousand rows.
fn blocks(rows: u64, expressions: &str) -> String {
    let statement = |block| {
        let base = block * BLOCK;
        format!("INSERT INTO t SELECT n+{base},{expressions} FROM numbers ORDER BY n;\n")
    };
    (0..rows.div_ceil(BLOCK)).map(statement).collect()
}

fn groups(count: usize) -> String {
    let group = "LPAD(FLOOR(RAND()*99999999999),11,'0')";
    format!("CONCAT_WS('-',{})", vec![group; count].join(","))
}

fn sysbench(rows: u64) -> String {
    let table = "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, \
                 pad CHAR(60) NOT NULL);\n";
    let expressions = format!("FLOOR(RAND()*1000000),{},{}", groups(10), groups(5));
    format!("{table}{}", blocks(rows, &expressions))
}

/// By a procedure, so that no client stands between the transactions: each statement is one.
fn small(rows: u64) -> String {
    let (c, pad) = (groups(10), groups(5));
    format!(
        "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL);\n\
         DELIMITER //\n\
         CREATE PROCEDURE work(pairs INT) BEGIN\n\
         DECLARE i INT DEFAULT 0;\n\
         WHILE i < pairs DO\n\
         INSERT INTO t VALUES (2*i, i, {c}, {pad});\n\
         INSERT INTO t VALUES (2*i+1, i, {c}, {pad});\n\
         UPDATE t SET k=k+1 WHERE id=2*i;\n\
         UPDATE t SET c={c} WHERE id=2*i;\n\
         UPDATE t SET k=k+1 WHERE id=2*i+1;\n\
         DELETE FROM t WHERE id=2*i;\n\
         SET i=i+1;\n\
         END WHILE;\n\
         END//\n\
         DELIMITER ;\n\
         CALL work({});\n",
        rows / 6
    )
}

fn wide(rows: u64) -> String {
    let columns: Vec<String> = WIDE
        .iter()
        .enumerate()
        .map(|(at, (definition, _))| format!("c{at} {definition}"))
        .collect();
    let expressions: Vec<&str> = WIDE.iter().map(|(_, expression)| *expression).collect();
    let table = format!(
        "CREATE TABLE t (id INT NOT NULL PRIMARY KEY,{});\n",
        columns.join(",")
    );
    format!("{table}{}", blocks(rows, &expressions.join(",")))
}

/// Columns and what they are filled with; with the key they are 40.
const WIDE: [(&str, &str); 39] = [
    ("TINYINT", "n%256-128"),
    ("TINYINT UNSIGNED", "n%256"),
    ("SMALLINT", "n*7-3000"),
    ("MEDIUMINT", "-n*11"),
    ("INT", "FLOOR(RAND()*1e9)"),
    ("INT UNSIGNED", "FLOOR(RAND()*4e9)"),
    ("BIGINT", "FLOOR(RAND()*1e18)"),
    ("BIGINT UNSIGNED", "FLOOR(RAND()*1e18)"),
    ("FLOAT", "RAND()*1000"),
    ("DOUBLE", "RAND()*1e6"),
    ("DECIMAL(10,2)", "RAND()*1e7"),
    ("DECIMAL(18,6)", "RAND()*-1e9"),
    ("DECIMAL(30,10)", "RAND()*1e15"),
    ("DECIMAL(5,0)", "n"),
    ("BIT(1)", "n%2"),
    ("BIT(20)", "n"),
    ("CHAR(20)", "CONCAT('char ', n)"),
    ("CHAR(36)", "UUID()"),
    ("VARCHAR(50)", "CONCAT('name ', n)"),
    ("VARCHAR(100)", "CONCAT('Überschrift ', n)"),
    ("VARCHAR(300)", "REPEAT('v', n%60)"),
    ("VARCHAR(50) CHARACTER SET latin1", "CONCAT('Größe ', n)"),
    ("VARCHAR(50) CHARACTER SET ascii", "CONCAT('key-', n)"),
    ("TEXT", "REPEAT('text ', n%10)"),
    ("BINARY(16)", "UNHEX(REPLACE(UUID(),'-',''))"),
    ("VARBINARY(40)", "UNHEX(REPEAT('AB',n%20))"),
    ("BLOB", "REPEAT('blob', n%8)"),
    ("DATE", "'2020-01-01' + INTERVAL n DAY"),
    ("TIME", "SEC_TO_TIME(n*37)"),
    ("TIME(3)", "SEC_TO_TIME(n*37.125)"),
    ("DATETIME", "'2020-01-01' + INTERVAL n MINUTE"),
    ("DATETIME(3)", "'2020-01-01 00:00:00.125' + INTERVAL n MINUTE"),
    ("DATETIME(6)", "'2020-01-01 00:00:00.123456' + INTERVAL n SECOND"),
    ("TIMESTAMP NULL", "'2020-01-01' + INTERVAL n HOUR"),
    ("TIMESTAMP(6) NULL", "'2020-01-01 00:00:00.5' + INTERVAL n HOUR"),
    ("YEAR", "1901+n%200"),
    ("ENUM('new','paid','sent','lost')", "1+n%4"),
    ("SET('a','b','c','d')", "n%16"),
    ("JSON", "JSON_OBJECT('id', n, 'tags', JSON_ARRAY('x', 2.5))"),
];

fn ten(rows: u64, definition: &str, expression: &str) -> String {
    let columns: String = (0..10)
        .map(|at| format!(",c{at} {definition} NOT NULL"))
        .collect();
    let table = format!("CREATE TABLE t (id INT NOT NULL PRIMARY KEY{columns});\n");
    format!("{table}{}", blocks(rows, &[expression; 10].join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_whole_blocks_with_keys_that_go_on() {
        let sql = blocks(2_500, "1");
        assert_eq!(sql.lines().count(), 3);
        assert!(sql.contains("SELECT n+2000,1 FROM numbers"), "{sql}");
    }

    #[test]
    fn the_wide_table_has_forty_columns() {
        let sql = wide(1);
        let table = sql.lines().next().unwrap();
        assert!(table.contains(",c38 JSON)"), "{table}");
    }
}
