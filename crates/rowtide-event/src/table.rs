//! The shape of a table at one moment.

mod shape;

use std::fmt;

use crate::{Charset, FixedBinary, Label};

pub use shape::Shape;

/// A table's name: database and table, as the server spells them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId {
    /// The database (schema) the table is in.
    pub database: String,
    /// The table's own name.
    pub table: String,
}

impl TableId {
    /// A name from its two parts.
    pub fn new(database: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            table: table.into(),
        }
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// A table's columns and key: all that is needed to decode its rows and to name what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The table's name.
    pub id: TableId,
    /// All columns in the order of the row image, generated and invisible ones too.
    pub columns: Vec<Column>,
    /// Indexes into `columns` of the key, in the key's order: the primary key, or else the first unique key without a
    /// nullable column. Empty where the table has neither.
    pub key: Vec<usize>,
    /// How many columns at most the binlog has besides `columns` that no statement sees and no record has: the server adds
    /// them for indexes. MariaDB does so behind all others for unique keys of hashes, MySQL 8.0.13 to 8.0.17 for functional
    /// indexes: columns that are added later stand behind them.
    pub hidden: usize,
}

impl Table {
    /// The columns of the key, in the key's order.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().filter_map(|i| self.columns.get(*i))
    }
}

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// What it holds.
    pub ty: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether the server computes it from other columns, as far as that is known: table maps do not tell it.
    pub generated: bool,
}

/// What a column holds, as far as decoding and encoding depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// TINYINT to BIGINT, BOOL.
    Integer {
        /// How wide.
        width: IntegerWidth,
        /// Whether it is UNSIGNED.
        unsigned: bool,
    },
    /// FLOAT: 32 bits.
    Float,
    /// DOUBLE, REAL: 64 bits.
    Double,
    /// DECIMAL.
    Decimal {
        /// Digits in all, 1 to 65.
        precision: u8,
        /// Digits after the point, 0 to 30, on MariaDB to 38.
        scale: u8,
    },
    /// BIT(width), 1 to 64.
    Bit {
        /// Bits.
        width: u8,
    },
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// TIME with 0 to 6 digits of a second.
    Time {
        /// Digits of a second.
        fsp: u8,
    },
    /// DATETIME with 0 to 6 digits of a second.
    DateTime {
        /// Digits of a second.
        fsp: u8,
    },
    /// TIMESTAMP with 0 to 6 digits of a second.
    Timestamp {
        /// Digits of a second.
        fsp: u8,
    },
    /// CHAR, VARCHAR and the TEXT types.
    Text {
        /// The character set of its bytes.
        charset: Charset,
    },
    /// BINARY(length): values are padded to `length` with zero bytes.
    Binary {
        /// Declared length in bytes.
        length: u16,
    },
    /// VARBINARY and the BLOB types.
    Blob,
    /// ENUM.
    Enum {
        /// The members, the first has index 1.
        members: Vec<Label>,
    },
    /// SET.
    Set {
        /// The members, the first is bit 0.
        members: Vec<Label>,
    },
    /// JSON.
    Json,
    /// GEOMETRY and its subtypes.
    Geometry(GeometryKind),
    /// VECTOR.
    Vector,
    /// MariaDB's UUID, INET4 and INET6.
    FixedBinary(FixedBinary),
}

/// The width of an integer column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntegerWidth {
    /// TINYINT: 1 byte.
    Tiny,
    /// SMALLINT: 2 bytes.
    Small,
    /// MEDIUMINT: 3 bytes.
    Medium,
    /// INT: 4 bytes.
    Int,
    /// BIGINT: 8 bytes.
    Big,
}

/// Which geometry a column is declared to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GeometryKind {
    /// GEOMETRY: any of them.
    Any,
    /// POINT.
    Point,
    /// LINESTRING.
    LineString,
    /// POLYGON.
    Polygon,
    /// MULTIPOINT.
    MultiPoint,
    /// MULTILINESTRING.
    MultiLineString,
    /// MULTIPOLYGON.
    MultiPolygon,
    /// GEOMETRYCOLLECTION.
    Collection,
}
