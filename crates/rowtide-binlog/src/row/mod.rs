//! Row images to [`Value`](rowtide_event::Value)s: a [`RowPlan`] is compiled once for each version of a table, and then decodes rows without
//! looking anything up and without allocating for a value.
//!
//! - `plan`: which decoder each column takes, and whether table and binlog agree
//! - `hidden`: where the hidden columns of functional indexes are
//! - `layout`: which columns the images of an event have, and where their values go
//! - `partial`: JSON columns that are logged as differences
//! - `number`, `text`, `temporal`: the families of column types
//! - `uncompressed`: what comes before, where MariaDB has compressed rows or values

mod hidden;
mod layout;
mod number;
mod partial;
mod plan;
mod temporal;
mod text;
mod uncompressed;

pub use layout::{ImageLayout, ImageLayouts};
pub(crate) use partial::{Documents, PartialError};
pub use plan::{RowPlan, ShapeMismatch};
pub(crate) use uncompressed::Uncompressed;
