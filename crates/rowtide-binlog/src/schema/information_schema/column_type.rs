//! COLUMN_TYPE of `information_schema.columns`: the type as the server would write it in a CREATE TABLE.

use rowtide_event::{ColumnType, FixedBinary, GeometryKind, IntegerWidth, Label};

/// What a COLUMN_TYPE says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ColumnTypeText {
    Known(ColumnType),
    /// CHAR, VARCHAR or a TEXT: its character set stands elsewhere.
    Characters,
}

impl ColumnTypeText {
    /// `None` if it is not a type that Rowtide can decode.
    pub(super) fn read(text: &str) -> Option<Self> {
        let parts = Parts::read(text)?;
        match parts.name.as_str() {
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                (!parts.unsigned).then_some(Self::Characters)
            }
            _ => parts.column_type().map(Self::Known),
        }
    }
}

/// A COLUMN_TYPE taken apart: `name(arguments) attributes`.
struct Parts<'a> {
    name: String,
    arguments: Option<&'a str>,
    unsigned: bool,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let name_end = text
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(name_end)?;
        let (arguments, attributes) = match rest.strip_prefix('(') {
            Some(rest) => {
                let (arguments, attributes) = rest.split_at_checked(arguments_end(rest)?)?;
                (Some(arguments), attributes.strip_prefix(')')?)
            }
            None => (None, rest),
        };
        let unsigned = unsigned(attributes)?;
        Some(Self {
            name: name.to_ascii_lowercase(),
            arguments,
            unsigned,
        })
    }

    fn column_type(&self) -> Option<ColumnType> {
        let integer = |width| {
            Some(ColumnType::Integer {
                width,
                unsigned: self.unsigned,
            })
        };
        match self.name.as_str() {
            "tinyint" => integer(IntegerWidth::Tiny),
            "smallint" => integer(IntegerWidth::Small),
            "mediumint" => integer(IntegerWidth::Medium),
            "int" => integer(IntegerWidth::Int),
            "bigint" => integer(IntegerWidth::Big),
            "float" => Some(ColumnType::Float),
            "double" => Some(ColumnType::Double),
            "decimal" => self.decimal(),
            "bit" => Some(ColumnType::Bit {
                width: self.number()?,
            }),
            "enum" => Some(ColumnType::Enum {
                members: members(self.arguments?)?,
            }),
            "set" => Some(ColumnType::Set {
                members: members(self.arguments?)?,
            }),
            "binary" => Some(ColumnType::Binary {
                length: self.number()?,
            }),
            "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Some(ColumnType::Blob),
            "json" => Some(ColumnType::Json),
            "vector" => Some(ColumnType::Vector),
            "uuid" => Some(ColumnType::FixedBinary(FixedBinary::Uuid)),
            "inet4" => Some(ColumnType::FixedBinary(FixedBinary::Inet4)),
            "inet6" => Some(ColumnType::FixedBinary(FixedBinary::Inet6)),
            _ => self.temporal().or_else(|| self.geometry()),
        }
    }

    fn decimal(&self) -> Option<ColumnType> {
        let (precision, scale) = self.arguments?.split_once(',')?;
        Some(ColumnType::Decimal {
            precision: precision.trim().parse().ok()?,
            scale: scale.trim().parse().ok()?,
        })
    }

    fn temporal(&self) -> Option<ColumnType> {
        let fsp = || match self.arguments {
            Some(_) => self.number(),
            None => Some(0),
        };
        match self.name.as_str() {
            "year" => Some(ColumnType::Year),
            "date" => Some(ColumnType::Date),
            "time" => Some(ColumnType::Time { fsp: fsp()? }),
            "datetime" => Some(ColumnType::DateTime { fsp: fsp()? }),
            "timestamp" => Some(ColumnType::Timestamp { fsp: fsp()? }),
            _ => None,
        }
    }

    fn geometry(&self) -> Option<ColumnType> {
        let kind = match self.name.as_str() {
            "geometry" => GeometryKind::Any,
            "point" => GeometryKind::Point,
            "linestring" => GeometryKind::LineString,
            "polygon" => GeometryKind::Polygon,
            "multipoint" => GeometryKind::MultiPoint,
            "multilinestring" => GeometryKind::MultiLineString,
            "multipolygon" => GeometryKind::MultiPolygon,
            "geomcollection" | "geometrycollection" => GeometryKind::Collection,
            _ => return None,
        };
        Some(ColumnType::Geometry(kind))
    }

    fn number<N: std::str::FromStr>(&self) -> Option<N> {
        self.arguments?.trim().parse().ok()
    }
}

/// Where the closing parenthesis is, those in quotes passed over.
fn arguments_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            ')' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether it is unsigned; ZEROFILL makes it so. `None` if there is anything else, but for the comments by which MariaDB
/// tells temporal columns in the format of old versions and columns whose values it compresses.
fn unsigned(attributes: &str) -> Option<bool> {
    let mut unsigned = false;
    for word in attributes
        .replace("/* mariadb-5.3 */", "")
        .replace("/* mysql-5.6 */", "")
        .replace("/*M!100301 COMPRESSED*/", "")
        .split_whitespace()
    {
        match word.to_ascii_lowercase().as_str() {
            "unsigned" | "zerofill" => unsigned = true,
            _ => return None,
        }
    }
    Some(unsigned)
}

/// The members of `'a','b''c'`. The server doubles a quote, and writes a backslash before a backslash and in place of
/// zero, line feed and carriage return.
fn members(text: &str) -> Option<Vec<Label>> {
    let mut members = Vec::new();
    let mut rest = text;
    loop {
        let (member, after) = match rest.strip_prefix("x'") {
            Some(digits) => bytes(digits)?,
            None => member(rest.strip_prefix('\'')?)?,
        };
        members.push(member);
        if after.is_empty() {
            return Some(members);
        }
        rest = after.strip_prefix(',')?;
    }
}

/// The bytes of a member that is no text, as MySQL 8.0 and later show it in some character sets.
fn bytes(text: &str) -> Option<(Label, &str)> {
    let (digits, after) = text.split_once('\'')?;
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    Some((Label::Bytes(bytes?.into()), after))
}

/// A member up to its closing quote, and what comes after it.
fn member(text: &str) -> Option<(Label, &str)> {
    let mut member = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => match chars.as_str().strip_prefix('\'') {
                Some(rest) => {
                    member.push('\'');
                    chars = rest.chars();
                }
                None => return Some((member.into(), chars.as_str())),
            },
            '\\' => member.push(match chars.next()? {
                '0' => '\0',
                'n' => '\n',
                'r' => '\r',
                other => other,
            }),
            other => member.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(text: &str) -> ColumnType {
        match ColumnTypeText::read(text) {
            Some(ColumnTypeText::Known(ty)) => ty,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn members_of(text: &str) -> Vec<Label> {
        match known(text) {
            ColumnType::Enum { members } | ColumnType::Set { members } => members,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn numbers() {
        let integer = |width, unsigned| ColumnType::Integer { width, unsigned };
        assert_eq!(known("tinyint(1)"), integer(IntegerWidth::Tiny, false));
        assert_eq!(known("smallint"), integer(IntegerWidth::Small, false));
        assert_eq!(known("mediumint unsigned"), integer(IntegerWidth::Medium, true));
        assert_eq!(
            known("int(5) unsigned zerofill"),
            integer(IntegerWidth::Int, true)
        );
        assert_eq!(known("bigint(20)"), integer(IntegerWidth::Big, false));
        assert_eq!(
            known("decimal(10,2) unsigned"),
            ColumnType::Decimal {
                precision: 10,
                scale: 2
            }
        );
        assert_eq!(known("bit(9)"), ColumnType::Bit { width: 9 });
        assert_eq!(known("float(7,3)"), ColumnType::Float);
        assert_eq!(known("float unsigned"), ColumnType::Float);
        assert_eq!(known("double(12,4)"), ColumnType::Double);
    }

    #[test]
    fn times() {
        assert_eq!(known("year(4)"), ColumnType::Year);
        assert_eq!(known("date"), ColumnType::Date);
        assert_eq!(known("time"), ColumnType::Time { fsp: 0 });
        assert_eq!(known("datetime(6)"), ColumnType::DateTime { fsp: 6 });
        assert_eq!(known("timestamp(3)"), ColumnType::Timestamp { fsp: 3 });
        assert_eq!(
            known("timestamp /* mariadb-5.3 */"),
            ColumnType::Timestamp { fsp: 0 }
        );
    }

    #[test]
    fn strings_and_bytes() {
        for text in [
            "char(5)",
            "varchar(300)",
            "tinytext",
            "text",
            "mediumtext",
            "longtext",
        ] {
            assert_eq!(
                ColumnTypeText::read(text),
                Some(ColumnTypeText::Characters),
                "{text}"
            );
        }
        for text in ["varbinary(20)", "tinyblob", "blob", "mediumblob", "longblob"] {
            assert_eq!(known(text), ColumnType::Blob, "{text}");
        }
        assert_eq!(known("binary(4)"), ColumnType::Binary { length: 4 });
        assert_eq!(known("json"), ColumnType::Json);
        assert_eq!(known("vector(2048)"), ColumnType::Vector);
    }

    #[test]
    fn types_of_mariadb() {
        for (text, ty) in [
            ("uuid", FixedBinary::Uuid),
            ("inet4", FixedBinary::Inet4),
            ("inet6", FixedBinary::Inet6),
        ] {
            assert_eq!(known(text), ColumnType::FixedBinary(ty));
        }
        let compressed = ColumnTypeText::read("varchar(10) /*M!100301 COMPRESSED*/");
        assert_eq!(compressed, Some(ColumnTypeText::Characters));
        assert_eq!(known("blob /*M!100301 COMPRESSED*/"), ColumnType::Blob);
        assert_eq!(known("time(3) /* mariadb-5.3 */"), ColumnType::Time { fsp: 3 });
    }

    #[test]
    fn geometries() {
        assert_eq!(known("geometry"), ColumnType::Geometry(GeometryKind::Any));
        assert_eq!(
            known("geomcollection"),
            ColumnType::Geometry(GeometryKind::Collection)
        );
        assert_eq!(
            known("geometrycollection"),
            ColumnType::Geometry(GeometryKind::Collection)
        );
        for (text, kind) in [
            ("point", GeometryKind::Point),
            ("linestring", GeometryKind::LineString),
            ("polygon", GeometryKind::Polygon),
            ("multipoint", GeometryKind::MultiPoint),
            ("multilinestring", GeometryKind::MultiLineString),
            ("multipolygon", GeometryKind::MultiPolygon),
        ] {
            assert_eq!(known(text), ColumnType::Geometry(kind));
        }
    }

    #[test]
    fn members_are_unescaped() {
        assert_eq!(
            members_of("enum('a',x'78e479')"),
            ["a".into(), Label::Bytes(b"x\xe4y"[..].into())]
        );
        assert_eq!(
            members_of("enum('a','b''c','','d,e','f)','é')"),
            ["a", "b'c", "", "d,e", "f)", "é"].map(Label::from)
        );
        assert_eq!(
            members_of(r"set('back\\slash','n\n','z\0','\\''),(')"),
            ["back\\slash", "n\n", "z\0", "\\'),("].map(Label::from)
        );
    }

    #[test]
    fn others_are_not_known() {
        for text in [
            "",
            "int compressed",
            "uuid unsigned zerofill x",
            "enum('a'",
            "enum()",
            "enum",
            "bit",
            "decimal(300,2)",
            "text unsigned",
            "time(x)",
            "set('a''",
            "set('a'b)",
        ] {
            assert_eq!(ColumnTypeText::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = ColumnTypeText::read(&text);
        }

        #[test]
        fn never_panics_on_what_looks_like_a_type(text in r"(enum|set|decimal|bit|time|int)\(?['\\a,)(]{0,12}") {
            let _ = ColumnTypeText::read(&text);
        }

        #[test]
        fn members_survive(list in prop::collection::vec(r"[a-z'\\(), ]{0,5}", 1..5)) {
            let quoted = list.iter().map(|m| format!("'{}'", m.replace('\\', r"\\").replace('\'', "''")));
            let text = format!("enum({})", quoted.collect::<Vec<_>>().join(","));
            let list: Vec<Label> = list.into_iter().map(Label::from).collect();
            prop_assert_eq!(members_of(&text), list);
        }
    }
}
