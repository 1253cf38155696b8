//! Column types.

use super::charset::Charset;
use super::dialect::Dialect;
use super::sql;
use crate::random::Random;

/// A type of a column, with all that its declaration says.
#[derive(Clone, Debug)]
pub(super) enum DataType {
    Integer {
        bits: u32,
        unsigned: bool,
        zerofill: bool,
    },
    Decimal {
        precision: u32,
        scale: u32,
        unsigned: bool,
    },
    Float {
        double: bool,
        /// Digits in all and behind the point.
        shape: Option<(u32, u32)>,
    },
    Bit {
        width: u32,
    },
    Year,
    Date,
    Time {
        digits: u32,
    },
    DateTime {
        digits: u32,
    },
    Timestamp {
        digits: u32,
    },
    Char {
        varying: bool,
        length: u32,
        charset: &'static Charset,
    },
    Text {
        size: &'static str,
        charset: &'static Charset,
    },
    Binary {
        varying: bool,
        length: u32,
    },
    Blob {
        size: &'static str,
    },
    Enum {
        members: Vec<String>,
        charset: &'static Charset,
    },
    Set {
        members: Vec<String>,
        charset: &'static Charset,
    },
    Json,
    Geometry {
        kind: &'static str,
        srid: Option<u32>,
    },
    Vector {
        elements: u32,
    },
    /// An address or an identifier: `UUID`, `INET4`, `INET6`.
    Word {
        kind: &'static str,
    },
}

const SIZES: [&str; 4] = ["TINY", "", "MEDIUM", "LONG"];
const GEOMETRIES: [&str; 8] = [
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
];

impl DataType {
    /// Any type that the server has.
    pub(super) fn choose(random: &mut Random, dialect: &Dialect) -> DataType {
        match random.below(19) {
            0..=2 => DataType::integer(random),
            3 => DataType::decimal(random),
            4 => DataType::float(random),
            5 => DataType::Bit {
                width: random.between(1, 64) as u32,
            },
            6..=8 => DataType::temporal(random),
            9..=10 => DataType::char(random, dialect, 300),
            11 => DataType::Text {
                size: random.one_of(&SIZES),
                charset: any_charset(random, dialect),
            },
            12 => DataType::binary(random, 300),
            13 => DataType::Blob {
                size: random.one_of(&SIZES),
            },
            14 => DataType::enumeration(random, dialect),
            15 => DataType::set(random, dialect),
            16 => DataType::Json,
            17 => DataType::geometry(random, dialect),
            _ => DataType::special(random, dialect),
        }
    }

    /// A type whose values are short and compare without surprises, for keys.
    pub(super) fn choose_for_key(random: &mut Random, dialect: &Dialect) -> DataType {
        match random.below(12) {
            0..=4 => DataType::integer(random),
            5 => DataType::decimal(random),
            6 => DataType::temporal(random),
            7 | 8 => DataType::char(random, dialect, 20),
            9 => DataType::binary(random, 20),
            10 => DataType::enumeration(random, dialect),
            _ => match dialect.words {
                [] => DataType::Bit {
                    width: random.between(8, 64) as u32,
                },
                words => DataType::Word {
                    kind: random.one_of(words),
                },
            },
        }
    }

    fn integer(random: &mut Random) -> DataType {
        let zerofill = random.chance(5);
        DataType::Integer {
            bits: random.one_of(&[8, 16, 24, 32, 64]),
            unsigned: zerofill || random.chance(40),
            zerofill,
        }
    }

    fn decimal(random: &mut Random) -> DataType {
        let precision = random.between(1, 65) as u32;
        let scale = random.between(0, u64::from(precision.min(30))) as u32;
        let (precision, scale) = match random.below(6) {
            0 => (65, 30),
            1 => (30, 30),
            _ => (precision, scale),
        };
        DataType::Decimal {
            precision,
            scale,
            unsigned: random.chance(10),
        }
    }

    fn float(random: &mut Random) -> DataType {
        let shape = random
            .chance(20)
            .then(|| (random.between(6, 12) as u32, random.between(0, 5) as u32));
        DataType::Float {
            double: random.chance(50),
            shape,
        }
    }

    fn temporal(random: &mut Random) -> DataType {
        let digits = random.between(0, 6) as u32;
        match random.below(8) {
            0 => DataType::Year,
            1 => DataType::Date,
            2 | 3 => DataType::Time { digits },
            4 | 5 => DataType::DateTime { digits },
            _ => DataType::Timestamp { digits },
        }
    }

    fn char(random: &mut Random, dialect: &Dialect, longest: u64) -> DataType {
        let charset = any_charset(random, dialect);
        let varying = random.chance(60);
        // Not so long that a row of them would be too long for a page, but longer than a byte can count.
        let longest = if varying { longest } else { longest.min(70) };
        DataType::Char {
            varying,
            length: random.between(1, longest) as u32,
            charset,
        }
    }

    fn binary(random: &mut Random, longest: u64) -> DataType {
        let varying = random.chance(50);
        let longest = if varying { longest } else { longest.min(255) };
        DataType::Binary {
            varying,
            length: random.between(1, longest) as u32,
        }
    }

    fn enumeration(random: &mut Random, dialect: &Dialect) -> DataType {
        let charset = any_charset(random, dialect);
        let most = if random.chance(15) { 600 } else { 12 };
        DataType::Enum {
            members: members(random, dialect, charset, most),
            charset,
        }
    }

    fn set(random: &mut Random, dialect: &Dialect) -> DataType {
        let charset = any_charset(random, dialect);
        let most = if random.chance(30) { 64 } else { 9 };
        let mut members = members(random, dialect, charset, most);
        // A comma parts the members of a value.
        for member in &mut members {
            *member = member.replace(',', ";");
        }
        DataType::Set { members, charset }
    }

    fn geometry(random: &mut Random, dialect: &Dialect) -> DataType {
        let srid = dialect.srid_of_column && random.chance(30);
        DataType::Geometry {
            kind: random.one_of(&GEOMETRIES),
            srid: srid.then(|| random.one_of(&[0, 4326, 3857])),
        }
    }

    fn special(random: &mut Random, dialect: &Dialect) -> DataType {
        let elements = random.between(1, 20) as u32;
        match (dialect.words, dialect.vector) {
            ([], None) => DataType::integer(random),
            ([], Some(_)) => DataType::Vector { elements },
            (_, Some(_)) if random.chance(30) => DataType::Vector { elements },
            (words, _) => DataType::Word {
                kind: random.one_of(words),
            },
        }
    }

    /// As CREATE TABLE has it, up to attributes of the column.
    pub(super) fn declaration(&self) -> String {
        match self {
            DataType::Integer {
                bits,
                unsigned,
                zerofill,
            } => {
                let mut declaration = integer_name(*bits).to_owned();
                declaration.push_str(if *unsigned { " UNSIGNED" } else { "" });
                declaration.push_str(if *zerofill { " ZEROFILL" } else { "" });
                declaration
            }
            DataType::Decimal {
                precision,
                scale,
                unsigned,
            } => {
                let unsigned = if *unsigned { " UNSIGNED" } else { "" };
                format!("DECIMAL({precision},{scale}){unsigned}")
            }
            DataType::Float { double, shape } => {
                let name = if *double { "DOUBLE" } else { "FLOAT" };
                shape.map_or(name.to_owned(), |(digits, scale)| {
                    format!("{name}({digits},{scale})")
                })
            }
            DataType::Bit { width } => format!("BIT({width})"),
            DataType::Year => "YEAR".to_owned(),
            DataType::Date => "DATE".to_owned(),
            DataType::Time { digits } => format!("TIME({digits})"),
            DataType::DateTime { digits } => format!("DATETIME({digits})"),
            DataType::Timestamp { digits } => format!("TIMESTAMP({digits})"),
            DataType::Json => "JSON".to_owned(),
            DataType::Vector { elements } => format!("VECTOR({elements})"),
            DataType::Word { kind } => (*kind).to_owned(),
            DataType::Geometry { kind, srid } => {
                srid.map_or((*kind).to_owned(), |srid| format!("{kind} SRID {srid}"))
            }
            _ => self.declaration_of_string(),
        }
    }

    /// The same with `COMPRESSED`, which stands before the character set.
    pub(super) fn compressed(&self) -> String {
        let declaration = self.declaration();
        match declaration.split_once(" CHARACTER SET") {
            Some((ty, charset)) => format!("{ty} COMPRESSED CHARACTER SET{charset}"),
            None => format!("{declaration} COMPRESSED"),
        }
    }

    fn declaration_of_string(&self) -> String {
        let labels = |members: &[String]| {
            let labels: Vec<String> = members.iter().map(|member| sql::plain(member)).collect();
            labels.join(",")
        };
        let varying = |varying: &bool| if *varying { "VAR" } else { "" };
        match self {
            DataType::Char {
                varying: v,
                length,
                charset,
            } => {
                format!("{}CHAR({length}) CHARACTER SET {}", varying(v), charset.name)
            }
            DataType::Text { size, charset } => format!("{size}TEXT CHARACTER SET {}", charset.name),
            DataType::Binary { varying: v, length } => format!("{}BINARY({length})", varying(v)),
            DataType::Blob { size } => format!("{size}BLOB"),
            DataType::Enum { members, charset } => {
                format!("ENUM({}) CHARACTER SET {}", labels(members), charset.name)
            }
            DataType::Set { members, charset } => {
                format!("SET({}) CHARACTER SET {}", labels(members), charset.name)
            }
            _ => String::new(),
        }
    }

    /// Whether MySQL takes a literal as its default.
    pub(super) fn has_literal_default(&self) -> bool {
        !matches!(
            self,
            DataType::Text { .. }
                | DataType::Blob { .. }
                | DataType::Json
                | DataType::Geometry { .. }
                | DataType::Vector { .. }
                | DataType::Word { .. }
        )
    }

    /// The character set of its labels, if it has some.
    pub(super) fn labels_in(&self) -> Option<&'static str> {
        match self {
            DataType::Enum { charset, .. } | DataType::Set { charset, .. } => Some(charset.name),
            _ => None,
        }
    }

    /// Whether it has labels with characters that the server shows as question marks.
    pub(super) fn has_labels_beyond_bmp(&self) -> bool {
        let is_beyond = |label: &String| label.chars().any(|character| character > '\u{FFFF}');
        match self {
            DataType::Enum { members, .. } | DataType::Set { members, .. } => members.iter().any(is_beyond),
            _ => false,
        }
    }

    /// The same in another character set; whether it is of text.
    pub(super) fn convert(&mut self, to: &'static Charset) -> bool {
        match self {
            DataType::Char { charset, .. }
            | DataType::Text { charset, .. }
            | DataType::Enum { charset, .. }
            | DataType::Set { charset, .. } => {
                *charset = to;
                true
            }
            _ => false,
        }
    }

    /// Whether `COMPRESSED` may follow.
    pub(super) fn is_compressible(&self) -> bool {
        match self {
            DataType::Char { varying, .. } | DataType::Binary { varying, .. } => *varying,
            DataType::Text { .. } | DataType::Blob { .. } => true,
            _ => false,
        }
    }
}

fn integer_name(bits: u32) -> &'static str {
    match bits {
        8 => "TINYINT",
        16 => "SMALLINT",
        24 => "MEDIUMINT",
        32 => "INT",
        _ => "BIGINT",
    }
}

fn any_charset(random: &mut Random, dialect: &Dialect) -> &'static Charset {
    let all: Vec<&'static Charset> = dialect.charsets().collect();
    if random.chance(30) {
        all[0]
    } else {
        random.one_of(&all)
    }
}

/// Labels that no collation takes for each other: each has a number.
fn members(random: &mut Random, dialect: &Dialect, charset: &Charset, most: u64) -> Vec<String> {
    let count = if most > 100 { most } else { random.between(1, most) };
    let member = |number| {
        let text = charset.text(random, 6);
        let is_refused = |character: char| {
            let beyond = character > '\u{FFFF}' && !dialect.labels_beyond_bmp;
            beyond || character.is_ascii_control() || character == '\\'
        };
        let plain = text.replace(is_refused, "");
        format!("{}{number}", plain.trim_end())
    };
    (0..count).map(member).collect()
}
