//! Records are JSON whatever is in the rows.

use proptest::prelude::*;

use super::*;
use crate::{Date, DateTime, Flavour, GeometryKind, Label, Time, Timestamp};

/// A column of each type.
fn any_type() -> impl Strategy<Value = ColumnType> {
    let member = (
        prop::collection::vec(any::<u8>(), 0..4),
        prop::sample::select(Charset::ALL),
    );
    let member = member.prop_map(|(bytes, charset)| Label::of(&bytes, charset, Flavour::MySql));
    let members = || prop::collection::vec(member.clone(), 0..4);
    prop_oneof![
        (0u8..=7).prop_map(|fsp| ColumnType::DateTime { fsp }),
        (0u8..=6).prop_map(|fsp| ColumnType::Timestamp { fsp }),
        (0u8..=65).prop_map(|width| ColumnType::Bit { width }),
        prop::sample::select(Charset::ALL).prop_map(|charset| ColumnType::Text { charset }),
        members().prop_map(|members| ColumnType::Enum { members }),
        members().prop_map(|members| ColumnType::Set { members }),
        (0u16..9).prop_map(|length| ColumnType::Binary { length }),
        prop::sample::select(vec![
            INT,
            ColumnType::Integer {
                width: IntegerWidth::Big,
                unsigned: true
            },
            ColumnType::Float,
            ColumnType::Double,
            ColumnType::Year,
            ColumnType::Date,
            ColumnType::Time { fsp: 0 },
            ColumnType::Blob,
            ColumnType::Json,
            ColumnType::Geometry(GeometryKind::Point),
            ColumnType::Geometry(GeometryKind::Any),
            ColumnType::Vector,
        ]),
    ]
}

/// Values of all kinds that a number and some bytes can stand for.
fn values<'a>(number: u64, bytes: &'a [u8]) -> Vec<Value<'a>> {
    let [low, high, ..] = number.to_le_bytes();
    let small = u16::from_le_bytes([low, high]);
    let date = Date {
        year: small % 10_000,
        month: low % 14,
        day: high % 33,
    };
    vec![
        Value::Null,
        Value::Int(number.cast_signed()),
        Value::UInt(number),
        Value::Float(f32::from_bits(number as u32)),
        Value::Double(f64::from_bits(number)),
        Value::Bit(number),
        Value::Text(bytes),
        Value::Binary(bytes),
        Value::Date(date),
        Value::Time(Time {
            micros: number.cast_signed(),
        }),
        Value::DateTime(DateTime {
            date,
            micros: number % 86_400_000_000,
        }),
        Value::Timestamp(Timestamp::Micros(number % (1 << 52))),
        Value::Year(small),
        Value::Enum(u16::from(low % 6)),
        Value::Set(number % 9),
        Value::Json(bytes),
        Value::Geometry(bytes),
        Value::Vector(bytes),
    ]
}

proptest! {
    #[test]
    fn a_record_is_json_whatever_the_row_holds(
        ty in any_type(), name in "\\PC*", number: u64, bytes in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        let t = table("t", &[0], &[(&name, ty)]);
        let mut encoder = encoder(&t, &options());
        for value in values(number, &bytes) {
            let mut batch = RecordBatch::default();
            let row = [value];
            if encoder.encode(&RowChange::Update { before: &row, after: &row }, 0, &mut batch).is_ok() {
                let record = batch.records.pop().unwrap();
                for span in [record.key.unwrap(), record.value.unwrap()] {
                    let json: serde_json::Value = serde_json::from_slice(batch.slice(&span)).unwrap();
                    prop_assert!(json.is_object());
                }
            } else {
                prop_assert!(batch.bytes.is_empty());
            }
        }
    }
}
