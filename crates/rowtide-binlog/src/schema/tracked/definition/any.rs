//! Tables with anything that a column, key or table may have.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use rowtide_event::{GeometryKind, IntegerWidth, Label, TableId};

use crate::schema::tracked::{
    BlobSize, Collation, ColumnAttributes, DataType, Declared, DefaultValue, Engine, Generation, Key,
    KeyKind, KeyPart, Literal, Period, Sign, SmolStr, TrackedColumn, TrackedTable, TypeName,
};

/// Names of types that a column may have been declared with.
const DECLARED: [TypeName; 12] = [
    TypeName::Int,
    TypeName::Integer,
    TypeName::Serial,
    TypeName::Bool,
    TypeName::Decimal,
    TypeName::Real,
    TypeName::NationalCharVarying,
    TypeName::VarChar,
    TypeName::LongVarChar,
    TypeName::Text,
    TypeName::Json,
    TypeName::Year,
];

fn text() -> impl Strategy<Value = String> {
    let alphabet = "['\"`\\\\a%_ \n\0\t*/#-()😀é]{0,6}";
    prop_oneof![alphabet, "[a-z]{1,5}"]
}

fn text_as<T: From<String> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    text().prop_map(T::from)
}

/// Names have no characters beyond utf8mb3.
fn name<T: From<String> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    text().prop_map(|text| T::from(text.replace('😀', "表")))
}

/// Of character sets in which 0xff is no text.
fn collation() -> impl Strategy<Value = Collation> {
    let names = vec![
        "utf8mb4_0900_ai_ci",
        "utf16_bin",
        "utf8mb3_general_ci",
        "utf8mb4_uca1400_ai_ci",
    ];
    select(names).prop_map(|name| Collation::from_name(name).unwrap())
}

fn sign() -> impl Strategy<Value = Sign> {
    select(vec![Sign::Signed, Sign::Unsigned, Sign::ZeroFill])
}

fn number() -> impl Strategy<Value = DataType> {
    use IntegerWidth as W;
    let width = select(vec![W::Tiny, W::Small, W::Medium, W::Int, W::Big]);
    let digits = || proptest::option::of((1..60_u8, 0..30_u8));
    prop_oneof![
        (width, sign(), proptest::option::of(1..=255_u8))
            .prop_map(|(width, sign, display)| DataType::Integer { width, sign, display }),
        (sign(), digits()).prop_map(|(sign, digits)| DataType::Float(sign, digits)),
        (sign(), digits()).prop_map(|(sign, digits)| DataType::Double(sign, digits)),
        (sign(), 1..=65_u8, 0..=30_u8).prop_map(|(sign, all, behind)| DataType::Decimal(sign, all, behind)),
        (1..=64_u8).prop_map(DataType::Bit),
    ]
}

fn moment() -> impl Strategy<Value = DataType> {
    (0..=6_u8, 0..5).prop_map(|(fsp, kind)| match kind {
        0 => DataType::Time(fsp),
        1 => DataType::DateTime(fsp),
        2 => DataType::Year,
        3 => DataType::Date,
        _ => DataType::Timestamp(fsp),
    })
}

fn long() -> impl Strategy<Value = DataType> {
    use BlobSize as B;
    let size = select(vec![B::Tiny, B::Normal, B::Medium, B::Long]);
    let member = prop_oneof![
        4 => text_as::<String>().prop_map(Label::from),
        1 => Just(Label::Bytes([0xff].into())),
    ];
    let members = || prop::collection::vec(member.clone(), 1..4).prop_map(Arc::<[Label]>::from);
    let kind = select(vec![
        GeometryKind::Any,
        GeometryKind::Point,
        GeometryKind::Collection,
    ]);
    prop_oneof![
        (0..16_000_u32).prop_map(DataType::Char),
        (0..16_000_u32).prop_map(DataType::VarChar),
        (0..16_000_u32).prop_map(DataType::Binary),
        (0..16_000_u32).prop_map(DataType::VarBinary),
        size.clone().prop_map(DataType::Text),
        size.prop_map(DataType::Blob),
        members().prop_map(DataType::Enum),
        members().prop_map(DataType::Set),
        kind.prop_map(DataType::Geometry),
        (1..5000_u32).prop_map(DataType::Vector),
        Just(DataType::Uuid),
        Just(DataType::Inet6),
    ]
}

fn declared() -> impl Strategy<Value = Declared> {
    let numbers = proptest::option::of((any::<u32>(), proptest::option::of(any::<u8>())));
    let members = proptest::option::of(prop::collection::vec(text_as(), 1..4));
    let of_members = (
        select(vec![TypeName::Enum, TypeName::Set]),
        members,
        any::<bool>(),
    );
    prop_oneof![
        (select(DECLARED.to_vec()), numbers, any::<bool>()).prop_map(|(name, numbers, binary)| Declared {
            name,
            length: numbers.map(|(length, _)| length),
            scale: numbers.and_then(|(_, scale)| scale),
            binary,
            members: None,
        }),
        of_members.prop_map(|(name, members, binary)| Declared {
            name,
            length: None,
            scale: None,
            binary,
            members: members.map(Arc::new),
        }),
    ]
}

fn default() -> impl Strategy<Value = Option<Arc<DefaultValue>>> {
    let literal = (text(), any::<bool>()).prop_map(|(text, backslash_escapes)| {
        let written = format!("'{}'", text.replace('\'', "''"));
        DefaultValue::Literal(Literal {
            written,
            backslash_escapes,
        })
    });
    let value = prop_oneof![
        Just(DefaultValue::Null),
        (0..=6_u8).prop_map(DefaultValue::Now),
        text().prop_map(DefaultValue::Expression),
        literal,
    ];
    proptest::option::of(value.prop_map(Arc::new))
}

fn generation() -> impl Strategy<Value = Generation> {
    prop_oneof![
        4 => Just(Generation::None),
        1 => text_as().prop_map(Generation::Virtual),
        1 => text_as().prop_map(Generation::Stored),
        1 => Just(Generation::RowStart),
        1 => Just(Generation::RowEnd),
    ]
}

fn column() -> impl Strategy<Value = TrackedColumn> {
    let data_type = prop_oneof![number(), moment(), long()];
    let moments = (default(), proptest::option::of(0..=6_u8));
    let flags = any::<[bool; 4]>();
    let others = (generation(), proptest::option::of(any::<u32>()), text_as());
    (name(), data_type, declared(), collation(), moments, flags, others).prop_map(
        |(name, data_type, declared, collation, (default, on_update), flags, (generation, srid, comment))| {
            let [nullable, auto_increment, invisible, compressed] = flags;
            let attributes = ColumnAttributes {
                collation: data_type.is_text().then_some(collation),
                data_type,
                declared,
                nullable,
                default,
                auto_increment,
                on_update,
                generation,
                invisible,
                compressed,
                srid,
            };
            TrackedColumn {
                name,
                comment,
                attributes: Arc::new(attributes),
            }
        },
    )
}

fn key() -> impl Strategy<Value = Key> {
    use KeyKind as K;
    let kinds = vec![
        K::Primary,
        K::Unique,
        K::Plain,
        K::FullText,
        K::Spatial,
        K::Vector,
        K::Foreign,
    ];
    let column = proptest::option::of(name::<SmolStr>().prop_map(|name| format!("k{name}").into()));
    let part = (column, 0..9_u32, any::<bool>());
    let part = part.prop_map(|(column, prefix, descending)| KeyPart {
        prefix: Some(prefix).filter(|prefix| *prefix > 5 && column.is_some()),
        column,
        descending,
    });
    let parts = prop::collection::vec(part, 1..4);
    (name(), select(kinds), parts, any::<bool>()).prop_map(|(name, kind, parts, invisible)| Key {
        name,
        kind,
        parts,
        invisible,
        hash: false,
        without_overlaps: false,
    })
}

pub(super) fn without_what_only_mariadb_has(mut table: TrackedTable) -> TrackedTable {
    table.period = None;
    table.keys.retain(|key| key.kind != KeyKind::Vector);
    for column in &mut table.columns {
        column.compressed = false;
        if matches!(column.generation, Generation::RowStart | Generation::RowEnd) {
            column.generation = Generation::None;
        }
    }
    table
}

/// Keys name columns that are not there: then nothing follows from what columns are.
pub(super) fn table() -> impl Strategy<Value = TrackedTable> {
    let columns = prop::collection::vec(column(), 0..5);
    let keys = prop::collection::vec(key(), 0..4);
    let period = proptest::option::of([name(), name(), name()]);
    let flags = any::<[bool; 5]>();
    (
        name::<String>(),
        collation(),
        text_as(),
        columns,
        keys,
        period,
        flags,
    )
        .prop_map(
            |(
                name,
                collation,
                comment,
                columns,
                keys,
                period,
                [system_versioned, is_sequence, may_be_view, is_usual, is_memory],
            )| {
                TrackedTable {
                    id: TableId::new("db", name),
                    collation,
                    comment,
                    columns,
                    keys,
                    period: period.map(|[name, from, to]| Box::new(Period { name, from, to })),
                    system_versioned,
                    is_sequence,
                    engine: match (is_usual, is_memory) {
                        (true, _) => Engine::Usual,
                        (false, true) => Engine::Memory,
                        (false, false) => Engine::Other,
                    },
                    may_be_view,
                }
            },
        )
}
