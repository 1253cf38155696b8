//! A table's shape: from the binlog's own metadata, from information_schema, or from the statements that made it.

mod ddl;
pub mod definitions;
pub mod information_schema;
pub mod metadata;
pub mod statement;
pub mod tracked;

mod layout;
mod name_case;
mod sequence;
mod session;
mod sql;
mod text;

pub use layout::is_servers_text;
pub use name_case::NameCase;
pub use sequence::is_sequence;
pub use session::Session;
pub use text::statement_text;
