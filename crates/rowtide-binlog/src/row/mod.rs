//! Row images to [`Value`](rowtide_event::Value)s: a [`RowPlan`] is compiled once for each version of a table, and then decodes rows without
//! looking anything up and without allocating for a value.
//!
//! - `plan`: which decoder each column takes, and whether table and binlog agree
//! - `number`, `text`, `temporal`: the families of column types

mod number;
mod plan;
mod temporal;
mod text;

pub use plan::{RowPlan, ShapeMismatch};
