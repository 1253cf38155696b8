//! The differences that are known: what each is, who is right and how we know.

use std::fmt;

use crate::compare::{Difference, PANIC_AT_TIME_BELOW_ZERO};

/// A difference.
pub struct Known {
    /// A type of column, or `event`.
    pub what: &'static str,
    /// Why the other decoder says something else.
    pub reason: &'static str,
    /// Who is right.
    pub right: Right,
    /// How we know.
    pub because: &'static str,
    /// Whether a difference in such a column or event is this one.
    pub is: fn(&Difference) -> bool,
}

/// Who is right.
pub enum Right {
    /// The other decoder is wrong, or lost the value.
    Rowtide,
    /// The other decoder says the same less exactly or in another form, and means to.
    Both,
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = match self.right {
            Right::Rowtide => "Rowtide is right",
            Right::Both => "both are right",
        };
        let (what, reason, because) = (self.what, self.reason, self.because);
        write!(f, "{what}: {reason}; {right}: {because}")
    }
}

impl Known {
    /// Whether this is a difference that is found.
    pub fn covers(&self, found: &Difference) -> bool {
        self.what == found.what && (self.is)(found)
    }
}

const SELECT: &str = "SELECT on the server prints what Rowtide has: tests/live_values/edge_values.rs";
const BOTH_TESTS: &str =
    "SELECT prints what Rowtide has (tests/live_values/edge_values.rs), and so does mysqlbinlog";

const STATEMENTS: &str = "the statements wrote what Rowtide has: tests/same_values.rs";

/// Of the crate `mysql_common`.
pub const MYSQL_COMMON: &[Known] = &[
    Known {
        what: "integer",
        reason: "it reads the sign of a MEDIUMINT and forgets it",
        right: Right::Rowtide,
        because: BOTH_TESTS,
        is: |found| {
            let number = |text: &str| text.parse::<i64>().unwrap();
            number(&found.ours) < 0 && number(&found.theirs) == number(&found.ours) + (1 << 24)
        },
    },
    Known {
        what: "YEAR",
        reason: YEAR_0,
        right: Right::Rowtide,
        because: SELECT,
        is: is_year_0,
    },
    Known {
        what: "event",
        reason: "it panics at a TIME below zero with digits of a second, where arithmetic is checked for overflow",
        right: Right::Rowtide,
        because: BOTH_TESTS,
        is: |found| found.theirs == PANIC_AT_TIME_BELOW_ZERO,
    },
    Known {
        what: "event",
        reason: "it counts YEAR among the columns that have a sign, which MySQL 8.0.15 does not, and refuses the row if it misses the byte",
        right: Right::Rowtide,
        because: "mysqlbinlog has the row, and the statement wrote what Rowtide has: tests/binlog_files.rs",
        is: |found| {
            found.ours.ends_with("_ROWS") && found.theirs == "can't parse: buf doesn't have enough data"
        },
    },
    whole_second("TIMESTAMP"),
    whole_second("DATETIME"),
    ROW_WITHOUT_COLUMNS,
    MARIADB_COMPRESSED_ROWS,
    Known {
        what: "event",
        reason: "it does not know the types of MariaDB's COMPRESSED columns",
        right: Right::Rowtide,
        because: STATEMENTS,
        is: |found| ["Unknown column type 140", "Unknown column type 141"].contains(&&*found.theirs),
    },
    Known {
        what: "JSON",
        reason: "it hands the differences of a document over and leaves it to its caller to apply them",
        right: Right::Both,
        because: "SELECT prints the document that Rowtide makes of them: tests/live_values/partial_json.rs",
        is: |found| found.theirs.ends_with(" differences"),
    },
];

/// Of `mysqlbinlog -vv`.
pub const MYSQLBINLOG: &[Known] = &[
    Known {
        what: "event",
        reason: "it does not know the column type GEOMETRY, and says nothing more of the event",
        right: Right::Rowtide,
        because: "mysql_common has the same bytes, and SELECT prints them: tests/live_values/edge_values.rs",
        is: |found| found.theirs.contains("Don't know how to handle column type=255"),
    },
    Known {
        what: "integer",
        reason: "it does not look at UNSIGNED, and prints a high number as one below zero",
        right: Right::Both,
        because: "it prints the number without a sign too, in brackets; mysql_common has what Rowtide has",
        is: |found| {
            let number = |text: &str| text.parse::<i128>().unwrap();
            let more = number(&found.ours) - number(&found.theirs);
            [8, 16, 24, 32, 64].iter().any(|bits| more == 1 << bits)
        },
    },
    Known {
        what: "JSON",
        reason: "it prints the functions that make the differences of a document",
        right: Right::Both,
        because: "SELECT prints the document that Rowtide makes of them: tests/live_values/partial_json.rs",
        is: |found| found.theirs.starts_with("JSON_") || found.theirs.starts_with('@'),
    },
    Known {
        what: "YEAR",
        reason: YEAR_0,
        right: Right::Rowtide,
        because: SELECT,
        is: is_year_0,
    },
    whole_second("TIMESTAMP"),
    whole_second("DATETIME"),
    Known {
        what: "row",
        reason: "it prints a row that is logged without columns, but no image of it",
        right: Right::Both,
        because: ONE_ROW,
        is: |found| found.ours.ends_with(" Some([])") && found.theirs.ends_with(" None None"),
    },
    six_digits("FLOAT"),
    six_digits("VECTOR"),
    as_stored("text"),
    as_stored("bytes"),
];

/// Of the crate `mysql_cdc`.
pub const MYSQL_CDC: &[Known] = &[
    Known {
        what: "event",
        reason: "it does not know the column type VECTOR, and refuses the TABLE_MAP",
        right: Right::Rowtide,
        because: "mysql_common and SELECT have the vectors that Rowtide has",
        is: |found| found.theirs.contains("Unknown column type 242"),
    },
    Known {
        what: "event",
        reason: "it does not know the types of MariaDB's COMPRESSED columns, and refuses the TABLE_MAP",
        right: Right::Rowtide,
        because: STATEMENTS,
        is: |found| found.theirs.contains("Unknown column type 141"),
    },
    MARIADB_COMPRESSED_ROWS,
    Known {
        what: "event",
        reason: "it does not read a PREVIOUS_GTIDS with tags",
        right: Right::Rowtide,
        because: "mysql_common and mysqlbinlog read it; the rows behind it are the same",
        is: |found| found.ours == "0 rows of PREVIOUS_GTIDS" && found.place.starts_with("mysql-9.7-tags"),
    },
    Known {
        what: "event",
        reason: "it takes names of members of ENUM and SET for UTF-8, and refuses the TABLE_MAP if they are in latin1",
        right: Right::Rowtide,
        because: "they are in the column's character set; SELECT prints the members that Rowtide has",
        is: |found| found.ours.ends_with(" of TABLE_MAP") && found.theirs.starts_with("FromUtf8Error"),
    },
    Known {
        what: "event",
        reason: "it cannot decode rows of a table whose TABLE_MAP it refused",
        right: Right::Rowtide,
        because: "mysql_common and mysqlbinlog have these rows",
        is: |found| {
            let tables = [
                "golden.t_vec",
                "golden.t_enumset",
                "golden.d3_new",
                "rich.vectors",
                "rich.members",
                "types_new.vectors",
                "types_new.packed",
            ];
            found.theirs.contains("No preceding TableMapEvent") && tables.contains(&found.table.as_str())
        },
    },
    Known {
        what: "event",
        reason: "it takes CHAR, VARCHAR, BINARY and VARBINARY for UTF-8, and refuses rows that have other bytes",
        right: Right::Rowtide,
        because: "mysql_common and mysqlbinlog have these bytes",
        is: |found| found.ours.contains("_ROWS") && found.theirs.starts_with("FromUtf8Error"),
    },
    Known {
        what: "event",
        reason: "it refuses rows that have a TIME below zero",
        right: Right::Rowtide,
        because: BOTH_TESTS,
        is: |found| found.theirs.contains("negative TIME values"),
    },
    Known {
        what: "event",
        reason: "it does not know PARTIAL_UPDATE_ROWS, and passes over the rows without a word",
        right: Right::Rowtide,
        because: "mysql_common and mysqlbinlog have these rows",
        is: |found| found.ours.ends_with("PARTIAL_UPDATE_ROWS") && found.theirs == "0 rows",
    },
    Known {
        what: "event",
        reason: "it does not know TRANSACTION_PAYLOAD, and passes over the rows inside without a word",
        right: Right::Rowtide,
        because: "mysql_common and mysqlbinlog have these rows",
        is: |found| found.ours.starts_with("payload with") && found.theirs == "0 rows",
    },
    Known {
        what: "event",
        reason: "it does not read a USER_VAR of 9.7",
        right: Right::Rowtide,
        because: "mysqlbinlog prints the variable; Rowtide needs nothing of it",
        is: |found| found.ours == "0 rows of USER_VAR",
    },
    Known {
        what: "YEAR",
        reason: YEAR_0,
        right: Right::Rowtide,
        because: SELECT,
        is: is_year_0,
    },
    whole_second("DATETIME"),
    ROW_WITHOUT_COLUMNS,
    milliseconds("DATETIME"),
    milliseconds("TIME"),
    milliseconds("TIMESTAMP"),
];

const ONE_ROW: &str = "the statement wrote one row, and SELECT on the server has it";

/// Of two of them.
const ROW_WITHOUT_COLUMNS: Known = Known {
    what: "event",
    reason: "it finds no row in an event whose rows have no columns",
    right: Right::Rowtide,
    because: ONE_ROW,
    is: |found| found.ours == "1 rows of WRITE_ROWS" && found.theirs == "0 rows",
};

/// Of two of them.
const MARIADB_COMPRESSED_ROWS: Known = Known {
    what: "event",
    reason: "it does not know MariaDB's compressed rows events, and passes over the rows without a word",
    right: Right::Rowtide,
    because: "mariadb-binlog has these rows",
    is: |found| found.ours.ends_with("_ROWS_COMPRESSED_V1") && found.theirs == "0 rows",
};

/// Of MariaDB's COMPRESSED columns.
const fn as_stored(what: &'static str) -> Known {
    Known {
        what,
        reason: "MariaDB's prints the bytes of a COMPRESSED column as they are stored, with a head and compressed",
        right: Right::Rowtide,
        because: STATEMENTS,
        is: |found| {
            // A byte that says how it is compressed, or that it is not.
            let is_compressed = |text: &str| text.starts_with("\"\\x8");
            let as_it_is = found.ours.replacen('"', "\"\\x00", 1);
            is_compressed(&found.theirs) && !is_compressed(&found.ours) || found.theirs == as_it_is
        },
    }
}

const fn whole_second(what: &'static str) -> Known {
    Known {
        what,
        reason: "MySQL 5.7.22 and 8.0.15 may store a whole second as a fraction, and it shows the second before",
        right: Right::Rowtide,
        because: "it is the server's bug 29120569; the statement's moment rounds to what Rowtide has: tests/binlog_files.rs",
        is: |found| found.theirs.ends_with(".1000000") || found.table == "corners.seconds",
    }
}

const YEAR_0: &str = "it adds 1900 to a YEAR of zero too";

fn is_year_0(found: &Difference) -> bool {
    (found.ours.as_str(), found.theirs.as_str()) == ("0000", "1900")
}

const fn six_digits(what: &'static str) -> Known {
    Known {
        what,
        reason: "it prints six digits of a number of 32 bits",
        right: Right::Both,
        because: "mysql_common has the same bits as Rowtide",
        is: |found| {
            let six = |text: &str| -> Vec<String> {
                let numbers = text.split(',').map(|number| number.parse::<f64>().unwrap());
                numbers.map(|number| format!("{number:.5e}")).collect()
            };
            six(&found.ours) == six(&found.theirs)
        },
    }
}

const fn milliseconds(what: &'static str) -> Known {
    Known {
        what,
        reason: "it keeps milliseconds only",
        right: Right::Rowtide,
        because: BOTH_TESTS,
        is: |found| {
            let milliseconds = |text: &str| {
                text.len()
                    .checked_sub(3)
                    .and_then(|end| text.get(..end).map(str::to_owned))
            };
            found.theirs.ends_with("000") && milliseconds(&found.ours) == milliseconds(&found.theirs)
        },
    }
}
