//! DATE, TIME, DATETIME and TIMESTAMP.

/// A DATE as the server stores it. Month and day may be zero ("zero in date"), and all three are for `0000-00-00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// A TIME: a signed span from -838:59:59.999999 to 838:59:59.999999, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Microseconds, negative for a negative TIME.
    pub micros: i64,
}

/// A DATETIME as the server stores it: a date, which may have zero parts, and a time of day. It has no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// The date.
    pub date: Date,
    /// Microseconds since midnight, below 86,400,000,000.
    pub micros: u64,
}

/// A TIMESTAMP: an instant in UTC, or the zero timestamp `0000-00-00 00:00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timestamp {
    /// `0000-00-00 00:00:00`, which is no instant.
    Zero,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Micros(u64),
}
