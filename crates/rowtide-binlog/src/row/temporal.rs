//! DATE, TIME, DATETIME and TIMESTAMP, as MySQL 5.6 and later write them and as older tables still have them.

use rowtide_event::{ColumnType, Date, DateTime, Malformed, Reader, Time, Timestamp, Value};

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
    /// MariaDB's old form with digits of a second.
    HiresTime(u8),
    /// MariaDB's old form with digits of a second.
    HiresDateTime(u8),
    /// MariaDB's old form with digits of a second.
    HiresTimestamp(u8),
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
            // The old forms have no digits of a second on the wire; MariaDB's that have some are known by the table.
            (WireType::OldTime, ColumnType::Time { fsp: 0 }) => Self::OldTime,
            (WireType::OldDateTime, ColumnType::DateTime { fsp: 0 }) => Self::OldDateTime,
            (WireType::OldTimestamp, ColumnType::Timestamp { fsp: 0 }) => Self::OldTimestamp,
            (WireType::OldTime, ColumnType::Time { fsp }) => Self::HiresTime(*fsp),
            (WireType::OldDateTime, ColumnType::DateTime { fsp }) => Self::HiresDateTime(*fsp),
            (WireType::OldTimestamp, ColumnType::Timestamp { fsp }) => Self::HiresTimestamp(*fsp),
            _ => return None,
        })
    }

    #[inline(always)]
    pub(super) fn read<'a>(self, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        Ok(match self {
            Self::Date => Value::Date(Date::read(reader)?),
            Self::Time(fsp) => Value::Time(Time::read(reader, fsp)?),
            Self::DateTime(fsp) => Value::DateTime(DateTime::read(reader, fsp)?),
            Self::Timestamp(fsp) => Value::Timestamp(Timestamp::read(reader, fsp)?),
            Self::OldTime => Value::Time(Time::read_old(reader)?),
            Self::OldDateTime => Value::DateTime(DateTime::read_old(reader)?),
            Self::OldTimestamp => Value::Timestamp(Timestamp::read_old(reader)?),
            Self::HiresTime(fsp) => Value::Time(Time::read_hires(reader, fsp)?),
            Self::HiresDateTime(fsp) => Value::DateTime(DateTime::read_hires(reader, fsp)?),
            Self::HiresTimestamp(fsp) => Value::Timestamp(Timestamp::read_hires(reader, fsp)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(wire: WireType, ty: &ColumnType, bytes: &'a [u8]) -> Result<Value<'a>, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = TemporalDecoder::compile(wire, ty).unwrap().read(&mut reader)?;
        reader.finish("test")?;
        Ok(value)
    }

    #[test]
    fn each_type_takes_its_own_bytes() {
        let date = Date {
            year: 2026,
            month: 11,
            day: 21,
        };
        let stored = (21_u32 | 11 << 5 | 2026 << 9).to_le_bytes();
        assert_eq!(
            read(WireType::Date, &ColumnType::Date, &stored[..3]),
            Ok(Value::Date(date))
        );
        let time = read(WireType::Time(0), &ColumnType::Time { fsp: 0 }, &[0x80, 0, 1]);
        assert_eq!(time, Ok(Value::Time(Time { micros: 1_000_000 })));
        let timestamp = read(
            WireType::Timestamp(3),
            &ColumnType::Timestamp { fsp: 3 },
            &[0, 0, 0, 1, 0x13, 0x88],
        );
        assert_eq!(timestamp, Ok(Value::Timestamp(Timestamp::Micros(1_500_000))));
        let zero = read(
            WireType::DateTime(0),
            &ColumnType::DateTime { fsp: 0 },
            &[0x80, 0, 0, 0, 0],
        );
        let date = Date {
            year: 0,
            month: 0,
            day: 0,
        };
        assert_eq!(zero, Ok(Value::DateTime(DateTime { date, micros: 0 })));
    }

    #[test]
    fn old_forms() {
        let time = read(
            WireType::OldTime,
            &ColumnType::Time { fsp: 0 },
            &[0x40, 0xe2, 0x01],
        );
        assert_eq!(
            time,
            Ok(Value::Time(Time {
                micros: 45_296_000_000
            }))
        );
        let timestamp = read(
            WireType::OldTimestamp,
            &ColumnType::Timestamp { fsp: 0 },
            &[0, 0, 0, 0],
        );
        assert_eq!(timestamp, Ok(Value::Timestamp(Timestamp::Zero)));
        let date = Date {
            year: 2026,
            month: 11,
            day: 21,
        };
        let stored = 20_261_121_000_001_u64.to_le_bytes();
        let old = read(WireType::OldDateTime, &ColumnType::DateTime { fsp: 0 }, &stored);
        assert_eq!(
            old,
            Ok(Value::DateTime(DateTime {
                date,
                micros: 1_000_000
            }))
        );
    }

    #[test]
    fn digits_of_a_second_must_agree() {
        assert_eq!(
            TemporalDecoder::compile(WireType::Time(3), &ColumnType::Time { fsp: 0 }),
            None
        );
        assert_eq!(
            TemporalDecoder::compile(WireType::OldTime, &ColumnType::Time { fsp: 3 }),
            Some(TemporalDecoder::HiresTime(3))
        );
        assert_eq!(
            TemporalDecoder::compile(WireType::DateTime(0), &ColumnType::Timestamp { fsp: 0 }),
            None
        );
    }
}
