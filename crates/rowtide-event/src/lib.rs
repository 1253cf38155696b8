//! What a change is, and how it is written down.
//!
//! This crate does no I/O and knows no async: it holds the vocabulary that every other crate of Rowtide speaks.
//!
//! - [`value`]: one column of one row, borrowed from the bytes it was read from
//! - [`decimal`], [`json`], [`temporal`]: the families of values that need more than a number or a slice
//! - [`fixed_binary`]: MariaDB's UUID and INET types
//! - [`charset`]: the server's character sets and how their bytes become UTF-8
//! - [`label`]: members of ENUM and SET
//! - [`table`]: the shape of a table: columns, types, key
//! - [`flavour`]: MySQL or MariaDB
//! - [`gtid`], [`position`]: where in a server's history something stands
//! - [`change`]: a row change with its source, as it is handed to an encoder
//! - [`encode`]: change to record bytes, by a plan compiled once for each version of a table

pub mod change;
pub mod charset;
pub mod decimal;
pub mod encode;
pub mod fixed_binary;
pub mod flavour;
pub mod gtid;
pub mod json;
pub mod label;
pub mod malformed;
pub mod position;
pub mod table;
pub mod temporal;
pub mod value;

pub use change::{Operation, RowChange, SourceInfo};
pub use charset::Charset;
pub use decimal::Decimal;
pub use fixed_binary::FixedBinary;
pub use flavour::Flavour;
pub use gtid::{Gtid, GtidSet};
pub use label::Label;
pub use malformed::{Malformed, Reader};
pub use position::BinlogPosition;
pub use table::{Column, ColumnType, GeometryKind, IntegerWidth, Shape, Table, TableId};
pub use temporal::{Date, DateTime, Time, Timestamp};
pub use value::Value;
