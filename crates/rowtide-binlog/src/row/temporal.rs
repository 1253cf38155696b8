//! DATE, TIME, DATETIME and TIMESTAMP, as MySQL 5.6 and later write them and as older tables still have them.

use rowtide_event::{ColumnType, Malformed, Reader, Value};

use crate::event::WireType;

/// Reads a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TemporalDecoder {
    Date,
    /// Digits of a second.
    Time(u8),
    /// Digits of a second.
    DateTime(u8),
    /// Digits of a second.
    Timestamp(u8),
    OldTime,
    OldDateTime,
    OldTimestamp,
}

impl TemporalDecoder {
    pub(super) fn compile(wire: WireType, ty: &ColumnType) -> Option<Self> {
        Some(match (wire, ty) {
            (WireType::Date, ColumnType::Date) => Self::Date,
            (WireType::Time(digits), ColumnType::Time { fsp }) if digits == *fsp => Self::Time(digits),
            (WireType::DateTime(digits), ColumnType::DateTime { fsp }) if digits == *fsp => {
                Self::DateTime(digits)
            }
            (WireType::Timestamp(digits), ColumnType::Timestamp { fsp }) if digits == *fsp => {
                Self::Timestamp(digits)
            }
            // The old forms have no digits of a second; a server that gives them some leaves the wire ambiguous.
            (WireType::OldTime, ColumnType::Time { fsp: 0 }) => Self::OldTime,
            (WireType::OldDateTime, ColumnType::DateTime { fsp: 0 }) => Self::OldDateTime,
            (WireType::OldTimestamp, ColumnType::Timestamp { fsp: 0 }) => Self::OldTimestamp,
            _ => return None,
        })
    }

    #[inline]
    pub(super) fn read<'a>(self, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        let _ = (self, reader);
        Err(Malformed::Unsupported("a date or time"))
    }
}
