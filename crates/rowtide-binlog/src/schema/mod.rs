//! A table's shape: from the binlog's own metadata, or from information_schema; and what a DDL touches.

pub mod information_schema;
pub mod metadata;
pub mod statement;

mod name_case;

pub use name_case::NameCase;
