//! DATE, TIME, DATETIME and TIMESTAMP.
//!
//! The binlog's forms are those of my_time.cc and `log_event.cc` of the server: packed integers, big-endian and offset
//! for the types with fractions, little-endian for DATE and for the types as they were before 5.6.

mod clock;
mod date;
mod datetime;
mod hires;
mod time;
mod timestamp;

pub use date::Date;
pub use datetime::DateTime;
pub use time::Time;
pub use timestamp::Timestamp;
