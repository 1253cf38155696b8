//! Statements made by code: each type in each form of definition, each character set, and clauses at random. What a
//! server refuses does not count.

use super::corpus::Script;

/// All scripts.
pub fn scripts() -> Vec<Script> {
    let mut scripts = vec![types(), charsets()];
    scripts.extend((1..=8).map(random));
    scripts
}

fn script(name: &str, statements: Vec<String>) -> Script {
    Script {
        name: name.to_owned(),
        statements,
        may_be_refused: true,
    }
}

/// Types as they may be written.
const TYPES: [&str; 120] = [
    "BIT",
    "BIT(1)",
    "BIT(9)",
    "BIT(64)",
    "TINYINT",
    "TINYINT(1)",
    "TINYINT(3)",
    "TINYINT(1) UNSIGNED",
    "INT1",
    "TINYINT ZEROFILL",
    "SMALLINT",
    "SMALLINT(4) UNSIGNED",
    "INT2",
    "MEDIUMINT",
    "MEDIUMINT UNSIGNED",
    "INT3",
    "MIDDLEINT",
    "INT",
    "INT(5)",
    "INT UNSIGNED",
    "INT SIGNED",
    "INT(5) ZEROFILL",
    "INT UNSIGNED ZEROFILL",
    "INTEGER",
    "INT4",
    "BIGINT",
    "BIGINT UNSIGNED",
    "BIGINT(10) ZEROFILL",
    "INT8",
    "BOOL",
    "BOOLEAN",
    "FLOAT",
    "FLOAT UNSIGNED",
    "FLOAT(7,3)",
    "FLOAT(24)",
    "FLOAT(25)",
    "FLOAT(53)",
    "FLOAT(5,2) ZEROFILL",
    "FLOAT4",
    "FLOAT8",
    "DOUBLE",
    "DOUBLE UNSIGNED",
    "DOUBLE(12,4)",
    "DOUBLE PRECISION",
    "DOUBLE PRECISION(10,2)",
    "REAL",
    "REAL(5,2)",
    "DECIMAL",
    "DECIMAL(5)",
    "DECIMAL(65,30)",
    "DECIMAL(10,2) UNSIGNED",
    "DECIMAL(10,2) ZEROFILL",
    "DEC",
    "DEC(5,5)",
    "NUMERIC",
    "NUMERIC(20,4)",
    "FIXED",
    "FIXED(18,6)",
    "DATE",
    "TIME",
    "TIME(0)",
    "TIME(3)",
    "DATETIME",
    "DATETIME(6)",
    "TIMESTAMP NULL",
    "TIMESTAMP(2) NULL",
    "YEAR",
    "YEAR(4)",
    "CHAR",
    "CHAR(0)",
    "CHAR(255)",
    "CHARACTER(3)",
    "CHAR VARYING(3)",
    "CHARACTER VARYING(3)",
    "VARCHAR(0)",
    "VARCHAR(255)",
    "VARCHAR(256)",
    "VARCHARACTER(5)",
    "NCHAR",
    "NCHAR(3)",
    "NVARCHAR(3)",
    "NATIONAL CHAR(3)",
    "NATIONAL VARCHAR(3)",
    "NATIONAL CHARACTER(4)",
    "NATIONAL CHAR VARYING(3)",
    "NCHAR VARCHAR(3)",
    "BINARY",
    "BINARY(0)",
    "BINARY(255)",
    "VARBINARY(0)",
    "VARBINARY(300)",
    "TINYBLOB",
    "BLOB",
    "BLOB(10)",
    "BLOB(255)",
    "BLOB(256)",
    "BLOB(65535)",
    "BLOB(65536)",
    "BLOB(16777216)",
    "MEDIUMBLOB",
    "LONGBLOB",
    "TINYTEXT",
    "TEXT",
    "TEXT(63)",
    "TEXT(64)",
    "TEXT(20000)",
    "TEXT(5000000)",
    "MEDIUMTEXT",
    "LONGTEXT",
    "LONG",
    "LONG VARCHAR",
    "LONG VARBINARY",
    "LONG CHAR VARYING",
    "ENUM('a','b''c','d,e','')",
    "SET('x','y z')",
    "JSON",
    "GEOMETRY",
    "POINT",
    "GEOMETRYCOLLECTION",
    "MULTIPOLYGON",
];

/// Each type in a new table, added, modified to and changed to, with attributes before and behind each other.
fn types() -> Script {
    let mut statements = vec!["CREATE TABLE t (id INT PRIMARY KEY, c INT)".to_owned()];
    for (at, name) in TYPES.iter().enumerate() {
        let null = if name.ends_with("NULL") { "" } else { " NOT NULL" };
        let place = ["", " FIRST", " AFTER id"][at % 3];
        statements.push(format!(
            "CREATE TABLE n (a {name}, b {name}{null} COMMENT 'b, {at}', KEY (a))"
        ));
        statements.push(format!(
            "CREATE TABLE m (a {name}{null}, b {name} COMMENT 'it''s')"
        ));
        statements.push(format!("ALTER TABLE t ADD COLUMN x {name}{null}{place}"));
        statements.push(format!(
            "ALTER TABLE t CHANGE c c {name} COMMENT \"c{at}\"{place}"
        ));
        statements.push(format!("ALTER TABLE t MODIFY c {name}{null} FIRST, DROP x"));
        statements.push("DROP TABLE IF EXISTS n, m".to_owned());
    }
    script("types", statements)
}

const CHARSETS: [&str; 41] = [
    "binary", "utf8mb4", "utf8mb3", "ascii", "latin1", "latin2", "latin5", "latin7", "ucs2", "utf16",
    "utf16le", "utf32", "big5", "gb2312", "gbk", "gb18030", "sjis", "cp932", "ujis", "eucjpms", "euckr",
    "tis620", "armscii8", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "dec8",
    "geostd8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "macce", "macroman", "swe7",
];

/// Each character set for a table, a column and a database, and converted to from another.
fn charsets() -> Script {
    let mut statements = vec![
        "CREATE TABLE t (a CHAR(9), b VARCHAR(99), c TINYTEXT, d TEXT, e MEDIUMTEXT, f LONGTEXT)".to_owned(),
    ];
    for charset in CHARSETS {
        statements.push(format!(
            "CREATE TABLE n (a CHAR(3), b VARCHAR(3) BINARY, c ENUM('a'), d TEXT(99)) CHARACTER SET {charset}"
        ));
        statements.push(format!("ALTER TABLE n ADD x VARCHAR(9) CHARACTER SET utf8mb4, DEFAULT CHARACTER SET {charset}, ADD y TEXT"));
        statements.push(format!("CREATE TABLE m (a CHAR(3) CHARACTER SET {charset}, b TEXT CHARSET {charset} BINARY, c SET('a', 'b') COLLATE {charset}_bin)"));
        statements.push(format!("ALTER TABLE t CONVERT TO CHARACTER SET {charset}"));
        if charset == "binary" {
            statements.push("DROP TABLE t".to_owned());
            statements.push(statements[0].clone());
        }
        statements.push(format!("ALTER DATABASE CHARACTER SET {charset}"));
        statements.push("CREATE TABLE p (a CHAR(3), b NCHAR(3))".to_owned());
        statements.push("DROP TABLE IF EXISTS n, m, p".to_owned());
    }
    script("charsets_all", statements)
}

/// Pseudo-random numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn column(&mut self) -> &'static str {
        self.one_of(&["a", "b", "c", "d", "e", "f", "g", "h"])
    }

    fn place(&mut self) -> String {
        match self.below(5) {
            0 => " FIRST".to_owned(),
            1 | 2 => format!(" AFTER {}", self.column()),
            _ => String::new(),
        }
    }

    fn definition(&mut self) -> String {
        let ty = self.one_of(&[
            "INT",
            "BIGINT UNSIGNED",
            "VARCHAR(20)",
            "CHAR(5)",
            "VARCHAR(9) CHARACTER SET latin1",
            "DATETIME(3)",
            "DECIMAL(8,2)",
            "INT",
            "VARBINARY(30)",
            "TIMESTAMP NULL",
            "ENUM('p','q')",
            "TEXT",
            "CHAR(3) BINARY",
        ]);
        let attributes = self.one_of(&[
            "",
            "",
            "",
            " NOT NULL",
            " NOT NULL",
            " NULL",
            " UNIQUE",
            " COMMENT 'x'",
            " DEFAULT NULL",
            " KEY",
            " NOT NULL UNIQUE",
        ]);
        format!("{ty}{attributes}")
    }

    fn parts(&mut self) -> String {
        let part = |dice: &mut Self| {
            let prefix = dice.one_of(&["", "", "", "", "(2)", "(5)", " DESC"]);
            format!("{}{prefix}", dice.column())
        };
        let count = 1 + self.below(3);
        let parts: Vec<String> = (0..count).map(|_| part(self)).collect();
        parts.join(", ")
    }

    fn key(&mut self) -> &'static str {
        self.one_of(&["a", "b", "c", "d", "a_2", "b_2", "k1", "k2", "PRIMARY"])
    }

    fn clause(&mut self) -> String {
        let (column, other, key) = (self.column(), self.column(), self.key());
        match self.below(20) {
            0..=2 => format!("ADD COLUMN {column} {}{}", self.definition(), self.place()),
            3 | 4 => format!("DROP COLUMN {column}"),
            5 | 6 => format!("MODIFY {column} {}{}", self.definition(), self.place()),
            7 | 8 => format!("CHANGE {column} {other} {}{}", self.definition(), self.place()),
            9 => format!("RENAME COLUMN {column} TO {other}"),
            10 => format!(
                "ALTER {column} {}",
                self.one_of(&["SET DEFAULT '1'", "DROP DEFAULT", "SET DEFAULT NULL"])
            ),
            11 => format!("ADD UNIQUE ({})", self.parts()),
            12 => format!(
                "ADD {} {key} ({})",
                self.one_of(&["UNIQUE", "KEY", "INDEX"]),
                self.parts()
            ),
            13 => format!("ADD KEY ({})", self.parts()),
            14 => format!("DROP INDEX {key}"),
            15 => format!("RENAME INDEX {key} TO {}", self.key()),
            16 => "DROP PRIMARY KEY".to_owned(),
            17 => format!("ADD PRIMARY KEY ({})", self.parts()),
            18 => format!(
                "DEFAULT CHARACTER SET {}",
                self.one_of(&["latin1", "utf8mb4", "greek"])
            ),
            _ => format!("COMMENT '{column}{other}'"),
        }
    }
}

/// Tables under random statements of one clause to four.
fn random(seed: u64) -> Script {
    let mut dice = Dice(seed);
    let mut statements = Vec::new();
    for _ in 0..6 {
        statements.push("DROP TABLE IF EXISTS t".to_owned());
        let columns = format!(
            "a {}, b {}, c {}",
            dice.definition(),
            dice.definition(),
            dice.definition()
        );
        statements.push(format!("CREATE TABLE t ({columns}, KEY (b, c))"));
        statements.push(
            "CREATE TABLE IF NOT EXISTS t (a INT, b VARCHAR(20), c INT NOT NULL, UNIQUE (c))".to_owned(),
        );
        for _ in 0..40 {
            let count = 1 + dice.below(4);
            let clauses: Vec<String> = (0..count).map(|_| dice.clause()).collect();
            statements.push(format!("ALTER TABLE t {}", clauses.join(", ")));
        }
    }
    script(&format!("random_{seed}"), statements)
}
