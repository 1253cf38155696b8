//! What each server has, as data.

use super::charset::{self, Charset};
use crate::ServerVersion;

/// The types, settings and clauses of one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    /// Character sets besides those that all servers have.
    pub(super) more_charsets: &'static [Charset],
    /// JSON is a type with a binary form of its own, whose documents SQL takes apart.
    pub(super) binary_json: bool,
    /// Updates of documents can be logged as differences.
    pub(super) partial_json: bool,
    pub(super) vector: Option<Vector>,
    /// Types whose values are addresses and identifiers.
    pub(super) words: &'static [&'static str],
    /// `COMPRESSED` behind a type.
    pub(super) compressed_columns: bool,
    pub(super) invisible_columns: bool,
    /// `SRID` of a column.
    pub(super) srid_of_column: bool,
    /// Spatial reference systems that the server does not know are refused.
    pub(super) known_srids_only: bool,
    /// Labels of ENUM and SET may have characters that the server cannot print in INFORMATION_SCHEMA.
    pub(super) labels_beyond_bmp: bool,
    /// `DEFAULT (expression)`.
    pub(super) expression_defaults: bool,
    /// Indexes over expressions; MySQL 8.0.13 to 8.0.17 log their hidden columns.
    pub(super) functional_indexes: bool,
    /// The image before an update has virtual columns of long types as they were; MySQL 5.7.22 and 8.0.15 log memory there
    /// that they have freed.
    pub(super) logs_virtual_documents: bool,
    /// Images after an update have the generated columns that changed. MariaDB 11.8 has them in inserts only.
    pub(super) logs_generated_columns: bool,
    /// `RENAME COLUMN` in ALTER TABLE.
    pub(super) renames_columns: bool,
    /// `CREATE OR REPLACE TABLE`.
    pub(super) replaces_tables: bool,
    /// CREATE TABLE ... SELECT with GTIDs.
    pub(super) creates_selected: bool,
    /// `sql_generate_invisible_primary_key` is on in the round.
    pub(super) makes_keys: bool,
    /// Changes of cascading foreign keys are in the binlog.
    pub(super) logs_cascades: bool,
    pub(super) partitioned_myisam: bool,
    /// Values of `binlog_row_metadata`, none if there is no such setting.
    pub(super) row_metadata: &'static [&'static str],
    /// Session variables that change what the binlog holds and not what it means: each with its values.
    pub(super) binlog_variables: &'static [(&'static str, &'static [&'static str])],
}

/// How vectors are made from text, and the most elements of a column here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector {
    pub(super) function: &'static str,
    /// All vectors of a column have the same number of elements.
    pub(super) fixed: bool,
}

const OLDEST: Dialect = Dialect {
    more_charsets: charset::OF_MYSQL,
    binary_json: true,
    partial_json: false,
    vector: None,
    words: &[],
    compressed_columns: false,
    invisible_columns: false,
    srid_of_column: false,
    known_srids_only: false,
    labels_beyond_bmp: true,
    expression_defaults: false,
    functional_indexes: false,
    logs_virtual_documents: false,
    logs_generated_columns: true,
    renames_columns: false,
    replaces_tables: false,
    creates_selected: false,
    makes_keys: false,
    logs_cascades: false,
    partitioned_myisam: true,
    row_metadata: &[],
    binlog_variables: &[("binlog_rows_query_log_events", &["ON", "OFF"])],
};

const MYSQL_80: Dialect = Dialect {
    renames_columns: true,
    partial_json: true,
    srid_of_column: true,
    known_srids_only: true,
    expression_defaults: true,
    partitioned_myisam: false,
    row_metadata: &["FULL", "MINIMAL"],
    ..OLDEST
};

const MYSQL_97: Dialect = Dialect {
    creates_selected: true,
    vector: Some(Vector {
        function: "STRING_TO_VECTOR",
        fixed: false,
    }),
    invisible_columns: true,
    functional_indexes: true,
    logs_virtual_documents: true,
    logs_cascades: true,
    binlog_variables: &[
        ("binlog_rows_query_log_events", &["ON", "OFF"]),
        ("binlog_transaction_compression", &["ON", "OFF"]),
        ("sql_generate_invisible_primary_key", &["ON", "OFF", "OFF"]),
    ],
    ..MYSQL_80
};

const MARIADB_1011: Dialect = Dialect {
    renames_columns: true,
    replaces_tables: true,
    creates_selected: true,
    more_charsets: &[],
    binary_json: false,
    words: &["UUID", "INET4", "INET6"],
    compressed_columns: true,
    invisible_columns: true,
    // Expressions that end in a backslash make tables that the server cannot open.
    expression_defaults: false,
    row_metadata: &["FULL", "MINIMAL", "NO_LOG"],
    binlog_variables: &[("binlog_annotate_row_events", &["ON", "OFF"])],
    ..OLDEST
};

const MARIADB_118: Dialect = Dialect {
    vector: Some(Vector {
        function: "VEC_FromText",
        fixed: true,
    }),
    logs_generated_columns: false,
    ..MARIADB_1011
};

impl Dialect {
    pub(super) fn of(version: ServerVersion) -> Dialect {
        match version {
            ServerVersion::MySql57 => OLDEST,
            ServerVersion::MySql80 => MYSQL_80,
            ServerVersion::MySql97 => MYSQL_97,
            ServerVersion::MariaDb1011 => MARIADB_1011,
            ServerVersion::MariaDb118 => MARIADB_118,
        }
    }

    pub(super) fn charsets(&self) -> impl Iterator<Item = &'static Charset> {
        charset::OF_ALL.iter().chain(self.more_charsets)
    }
}
