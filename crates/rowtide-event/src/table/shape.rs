//! The shape of a table in one line.

use std::fmt::{self, Write};

use crate::{Column, ColumnType, FixedBinary, GeometryKind, IntegerWidth, Label, Table};

/// Shows a table's columns and key in one line: `(id int unsigned, name text utf8mb4 null, key (id))`.
///
/// Two tables are shown alike only if their columns and keys are the same. The table's name is not shown, nor which columns
/// are generated.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a>(&'a Table);

impl Table {
    /// Its columns and key, as they can be shown.
    pub fn shape(&self) -> Shape<'_> {
        Shape(self)
    }
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { columns, key, .. } = self.0;
        f.write_char('(')?;
        for (at, column) in columns.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            write_column(f, column)?;
        }
        for (at, index) in key.iter().enumerate() {
            f.write_str(match (at, columns.is_empty()) {
                (0, true) => "key (",
                (0, false) => ", key (",
                _ => ", ",
            })?;
            match columns.get(*index) {
                Some(column) => write_name(f, &column.name)?,
                None => write!(f, "#{index}")?,
            }
        }
        f.write_str(if key.is_empty() { ")" } else { "))" })
    }
}

fn write_column(f: &mut fmt::Formatter<'_>, column: &Column) -> fmt::Result {
    write_name(f, &column.name)?;
    f.write_char(' ')?;
    write_type(f, &column.ty)?;
    f.write_str(if column.nullable { " null" } else { "" })
}

/// A name with blanks or signs in it stands in backquotes.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    // `key (` begins the key.
    if !name.is_empty() && name.chars().all(is_plain) && name != "key" {
        return f.write_str(name);
    }
    write_quoted(f, name, '`')
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for c in text.chars() {
        match c {
            c if c == quote => write!(f, "{quote}{quote}")?,
            '\\' => f.write_str("\\\\")?,
            // One line stays one.
            c if c.is_control() => write!(f, "{}", c.escape_default())?,
            c => f.write_char(c)?,
        }
    }
    f.write_char(quote)
}

fn write_type(f: &mut fmt::Formatter<'_>, ty: &ColumnType) -> fmt::Result {
    match ty {
        ColumnType::Integer { width, unsigned } => {
            f.write_str(integer(*width))?;
            f.write_str(if *unsigned { " unsigned" } else { "" })
        }
        ColumnType::Float => f.write_str("float"),
        ColumnType::Double => f.write_str("double"),
        ColumnType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
        ColumnType::Bit { width } => write!(f, "bit({width})"),
        ColumnType::Year => f.write_str("year"),
        ColumnType::Date => f.write_str("date"),
        ColumnType::Time { fsp } => write_temporal(f, "time", *fsp),
        ColumnType::DateTime { fsp } => write_temporal(f, "datetime", *fsp),
        ColumnType::Timestamp { fsp } => write_temporal(f, "timestamp", *fsp),
        ColumnType::Text { charset } => write!(f, "text {}", charset.name()),
        ColumnType::Binary { length } => write!(f, "binary({length})"),
        ColumnType::Blob => f.write_str("blob"),
        ColumnType::Enum { members } => write_members(f, "enum", members),
        ColumnType::Set { members } => write_members(f, "set", members),
        ColumnType::Json => f.write_str("json"),
        ColumnType::Geometry(kind) => f.write_str(geometry(*kind)),
        ColumnType::Vector => f.write_str("vector"),
        ColumnType::FixedBinary(kind) => f.write_str(fixed_binary(*kind)),
    }
}

fn integer(width: IntegerWidth) -> &'static str {
    match width {
        IntegerWidth::Tiny => "tinyint",
        IntegerWidth::Small => "smallint",
        IntegerWidth::Medium => "mediumint",
        IntegerWidth::Int => "int",
        IntegerWidth::Big => "bigint",
    }
}

fn write_temporal(f: &mut fmt::Formatter<'_>, name: &str, fsp: u8) -> fmt::Result {
    match fsp {
        0 => f.write_str(name),
        _ => write!(f, "{name}({fsp})"),
    }
}

fn write_members(f: &mut fmt::Formatter<'_>, name: &str, members: &[Label]) -> fmt::Result {
    write!(f, "{name}(")?;
    for (at, member) in members.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { "," })?;
        match member {
            Label::Text(text) => write_quoted(f, text, '\'')?,
            Label::Bytes(_) => f.write_str(&member.quoted())?,
        }
    }
    f.write_char(')')
}

fn geometry(kind: GeometryKind) -> &'static str {
    match kind {
        GeometryKind::Any => "geometry",
        GeometryKind::Point => "point",
        GeometryKind::LineString => "linestring",
        GeometryKind::Polygon => "polygon",
        GeometryKind::MultiPoint => "multipoint",
        GeometryKind::MultiLineString => "multilinestring",
        GeometryKind::MultiPolygon => "multipolygon",
        GeometryKind::Collection => "geometrycollection",
    }
}

fn fixed_binary(kind: FixedBinary) -> &'static str {
    match kind {
        FixedBinary::Uuid => "uuid",
        FixedBinary::Inet4 => "inet4",
        FixedBinary::Inet6 => "inet6",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Charset, TableId};

    fn column(name: &str, ty: ColumnType, nullable: bool) -> Column {
        Column {
            name: name.to_owned(),
            ty,
            nullable,
            generated: false,
        }
    }

    fn shape(columns: Vec<Column>, key: Vec<usize>) -> String {
        let id = TableId::new("db", "t");
        let hidden = 0;
        Table {
            id,
            columns,
            key,
            hidden,
        }
        .shape()
        .to_string()
    }

    const ID: ColumnType = ColumnType::Integer {
        width: IntegerWidth::Int,
        unsigned: true,
    };

    #[test]
    fn in_one_line() {
        let (charset, members) = (
            Charset::Utf8,
            vec!["it's".into(), "a\\\n".into(), Label::Bytes([0xe4].into())],
        );
        let columns = vec![
            column("id", ID, false),
            column("name", ColumnType::Text { charset }, true),
            column("größe $", ColumnType::Enum { members }, false),
            column("at", ColumnType::DateTime { fsp: 3 }, true),
            column(
                "key",
                ColumnType::Decimal {
                    precision: 10,
                    scale: 2,
                },
                false,
            ),
        ];
        assert_eq!(
            shape(columns, vec![4, 0]),
            "(id int unsigned, name text utf8mb4 null, `größe $` enum('it''s','a\\\\\\n',x'E4'), at datetime(3) null, \
             `key` decimal(10,2), key (`key`, id))"
        );
        assert_eq!(
            shape(vec![column("a", ColumnType::Json, false)], vec![]),
            "(a json)"
        );
        assert_eq!(shape(vec![], vec![]), "()");
    }

    fn types() -> impl Strategy<Value = ColumnType> {
        let members = || prop::collection::vec("[',()\\\\a]{0,3}".prop_map(Label::from), 0..3);
        let small = 0..3_u8;
        prop_oneof![
            Just(ID),
            Just(ColumnType::Vector),
            Just(ColumnType::FixedBinary(FixedBinary::Uuid)),
            small.clone().prop_map(|fsp| ColumnType::Time { fsp }),
            small.prop_map(|scale| ColumnType::Decimal { precision: 11, scale }),
            members().prop_map(|members| ColumnType::Enum { members }),
            members().prop_map(|members| ColumnType::Set { members }),
            prop::sample::select(Charset::ALL).prop_map(|charset| ColumnType::Text { charset }),
        ]
    }

    fn tables() -> impl Strategy<Value = (Vec<Column>, Vec<usize>)> {
        let column = ("[a` ,key(\\\\\n]{0,3}|key", types(), any::<bool>());
        let column = column.prop_map(|(name, ty, nullable)| self::column(&name, ty, nullable));
        // Of columns of one name a key cannot tell which it means.
        let columns = prop::collection::vec(column, 0..3).prop_map(|mut columns| {
            columns.dedup_by(|a, b| a.name == b.name);
            columns
        });
        (columns, prop::collection::vec(0..3_usize, 0..3))
    }

    proptest! {
        #[test]
        fn what_differs_is_shown((a, b) in (tables(), tables())) {
            let line = shape(a.0.clone(), a.1.clone());
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(a == b, line == shape(b.0, b.1));
        }
    }
}
