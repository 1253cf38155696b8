//! Binlog events: one file an event, each a pure function of bytes.
//!
//! Every reader here takes the event's *body*: what stands between the common [`Header`] and the checksum. Sizes and
//! layouts are those of the server's public sources (`libs/mysql/binlog/event/`).

mod event_type;
mod header;

pub mod annotate_rows;
pub mod binlog_checkpoint;
pub mod checksum;
pub mod describe;
pub mod file;
pub mod file_block;
pub mod format_description;
pub mod gtid;
pub mod gtid_list;
pub mod gtid_tagged;
pub mod heartbeat;
pub mod incident;
pub mod intvar;
pub mod mariadb_gtid;
pub mod query;
pub mod rand;
pub mod rotate;
pub mod rows;
pub mod rows_query;
pub mod start_encryption;
pub mod table_map;
pub mod transaction_payload;
pub mod user_var;
pub mod xa_prepare;
pub mod xid;

pub(crate) mod compressed;
pub(crate) mod unpack;

#[cfg(test)]
pub(crate) mod build;

pub use checksum::Checksum;
pub use event_type::EventType;
pub use file_block::FileBlock;
pub use format_description::FormatDescription;
pub use gtid::{CommitTimestamps, GtidEvent};
pub use header::{Header, HeaderFlags};
pub use heartbeat::Heartbeat;
pub use incident::Incident;
pub use intvar::Intvar;
pub use mariadb_gtid::{AlterPhase, MariadbGtidEvent, MariadbGtidFlags};
pub use query::{CharsetCollations, Collations, Query, StatusVariables};
pub use rotate::Rotate;
pub use rows::{Bitmap, Partition, RowsEvent, RowsHeader, RowsOperation};
pub use start_encryption::StartEncryption;
pub use table_map::{MapColumn, TableMap, TableMetadata, WireType};
pub use transaction_payload::{Compression, TransactionPayload};
pub use user_var::{UserValue, UserVar};
pub use xa_prepare::{XaPrepare, Xid};
