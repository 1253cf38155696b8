//! One file a command.

pub mod check;
pub mod checkpoint;
pub mod inspect;
pub mod run;
pub mod schema;
pub mod tail;
