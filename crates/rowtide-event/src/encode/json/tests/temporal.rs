//! DATE, TIME, DATETIME, TIMESTAMP and YEAR.

use super::*;
use crate::{Date, DateTime, Time, Timestamp};

fn at(year: u16, month: u8, day: u8, hour: u64, minute: u64, second: u64, micros: u64) -> Value<'static> {
    let micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
    Value::DateTime(DateTime {
        date: Date { year, month, day },
        micros,
    })
}

fn temporal() -> Table {
    table(
        "t_temporal",
        &[],
        &[
            ("d", ColumnType::Date),
            ("t6", ColumnType::Time { fsp: 6 }),
            ("dt3", ColumnType::DateTime { fsp: 3 }),
            ("dt6", ColumnType::DateTime { fsp: 6 }),
            ("ts2", ColumnType::Timestamp { fsp: 2 }),
            ("y", ColumnType::Year),
        ],
    )
}

#[test]
fn dates_and_times() {
    let date = |year, month, day| Value::Date(Date { year, month, day });
    let time = |micros| Value::Time(Time { micros });
    let ts = |micros| Value::Timestamp(Timestamp::Micros(micros));
    check(
        &temporal(),
        &[
            (
                &[
                    date(9999, 12, 31),
                    time(3_020_398_999_999),
                    at(9999, 12, 31, 23, 59, 59, 999_000),
                    at(9999, 12, 31, 23, 59, 59, 999_999),
                    ts(2_147_483_647_490_000),
                    Value::Year(2155),
                ],
                r#"{"d":2932896,"t6":3020398999999,"dt3":253402300799999,"dt6":253402300799999999,"ts2":"2038-01-19T03:14:07.49Z","y":2155}"#,
            ),
            (
                &[
                    date(1000, 1, 1),
                    time(-1),
                    at(1969, 12, 31, 23, 59, 59, 999_000),
                    at(1969, 12, 31, 23, 59, 59, 999_999),
                    ts(1_000_000),
                    Value::Year(1901),
                ],
                r#"{"d":-354285,"t6":-1,"dt3":-1,"dt6":-1,"ts2":"1970-01-01T00:00:01.00Z","y":1901}"#,
            ),
            (
                &[
                    date(1582, 10, 10),
                    time(-3_723_456_789),
                    at(1582, 10, 10, 10, 10, 10, 0),
                    at(2262, 4, 12, 0, 0, 0, 0),
                    ts(1_783_126_923_450_000),
                    Value::Year(2000),
                ],
                r#"{"d":-141432,"t6":-3723456789,"dt3":-12219688190000,"dt6":9223372800000000,"ts2":"2026-07-04T01:02:03.45Z","y":2000}"#,
            ),
        ],
    );
}

#[test]
fn dates_that_are_none_are_null() {
    let zero = Date {
        year: 0,
        month: 0,
        day: 0,
    };
    let row = [
        Value::Date(Date {
            year: 2024,
            month: 0,
            day: 0,
        }),
        Value::Time(Time { micros: 0 }),
        Value::DateTime(DateTime {
            date: zero,
            micros: 0,
        }),
        at(2024, 12, 0, 10, 11, 12, 500_000),
        Value::Timestamp(Timestamp::Zero),
        Value::Year(0),
    ];
    check(
        &temporal(),
        &[(
            &row,
            r#"{"d":null,"t6":0,"dt3":null,"dt6":null,"ts2":null,"y":0}"#,
        )],
    );
}
