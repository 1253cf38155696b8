//! The names of types, as a statement may write them.

use crate::schema::sql::Cursor;

macro_rules! type_names {
    ($($variant:ident = $words:literal;)*) => {
        /// A type's name as it was written: many types have several.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum TypeName {
            $($variant,)*
        }

        impl TypeName {
            const ALL: &[TypeName] = &[$(TypeName::$variant),*];

            /// Its words in upper case, with one space between them.
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }
        }
    };
}

// Where one name begins with another, the longer stands first.
type_names! {
    Bit = "BIT";
    TinyInt = "TINYINT"; Int1 = "INT1";
    SmallInt = "SMALLINT"; Int2 = "INT2";
    MediumInt = "MEDIUMINT"; Int3 = "INT3"; MiddleInt = "MIDDLEINT";
    Int = "INT"; Integer = "INTEGER"; Int4 = "INT4";
    BigInt = "BIGINT"; Int8 = "INT8"; Serial = "SERIAL";
    Bool = "BOOL"; Boolean = "BOOLEAN";
    Real = "REAL"; DoublePrecision = "DOUBLE PRECISION"; Double = "DOUBLE"; Float8 = "FLOAT8";
    Float = "FLOAT"; Float4 = "FLOAT4";
    Decimal = "DECIMAL"; Dec = "DEC"; Numeric = "NUMERIC"; Fixed = "FIXED"; Number = "NUMBER";
    Date = "DATE"; Time = "TIME"; DateTime = "DATETIME"; Timestamp = "TIMESTAMP"; Year = "YEAR";
    NationalCharacterVarying = "NATIONAL CHARACTER VARYING"; NationalCharVarying = "NATIONAL CHAR VARYING";
    NationalCharacter = "NATIONAL CHARACTER"; NationalChar = "NATIONAL CHAR";
    NationalVarCharacter = "NATIONAL VARCHARACTER"; NationalVarChar = "NATIONAL VARCHAR";
    NCharVarCharacter = "NCHAR VARCHARACTER"; NCharVarChar = "NCHAR VARCHAR"; NCharVarying = "NCHAR VARYING";
    NChar = "NCHAR"; NVarChar = "NVARCHAR";
    CharacterVarying = "CHARACTER VARYING"; CharVarying = "CHAR VARYING";
    Character = "CHARACTER"; Char = "CHAR";
    VarCharacter = "VARCHARACTER"; VarChar = "VARCHAR"; VarChar2 = "VARCHAR2";
    Binary = "BINARY"; VarBinary = "VARBINARY"; Raw = "RAW";
    TinyBlob = "TINYBLOB"; Blob = "BLOB"; MediumBlob = "MEDIUMBLOB"; LongBlob = "LONGBLOB";
    TinyText = "TINYTEXT"; Text = "TEXT"; MediumText = "MEDIUMTEXT"; LongText = "LONGTEXT"; Clob = "CLOB";
    LongVarBinary = "LONG VARBINARY"; LongVarCharacter = "LONG VARCHARACTER"; LongVarChar = "LONG VARCHAR";
    LongCharacterVarying = "LONG CHARACTER VARYING"; LongCharVarying = "LONG CHAR VARYING"; Long = "LONG";
    Enum = "ENUM"; Set = "SET"; Json = "JSON";
    Geometry = "GEOMETRY"; Point = "POINT"; LineString = "LINESTRING"; Polygon = "POLYGON";
    MultiPoint = "MULTIPOINT"; MultiLineString = "MULTILINESTRING"; MultiPolygon = "MULTIPOLYGON";
    GeometryCollection = "GEOMETRYCOLLECTION"; GeomCollection = "GEOMCOLLECTION";
    Vector = "VECTOR"; Inet4 = "INET4"; Inet6 = "INET6"; Uuid = "UUID";
}

impl TypeName {
    /// NATIONAL and its short forms: the character set is utf8mb3.
    pub fn is_national(self) -> bool {
        self.words().starts_with('N') && !matches!(self, Self::Numeric | Self::Number)
    }
}

impl Cursor<'_> {
    /// A type's name, if one is next.
    pub(super) fn type_name(&mut self) -> Option<TypeName> {
        let first = self.word_ahead(0)?.as_bytes().first()?.to_ascii_uppercase();
        TypeName::ALL
            .iter()
            .copied()
            .filter(|name| name.words().as_bytes().first() == Some(&first))
            .find(|name| self.accept_words(name.words()))
    }

    /// Passes over words with one space between them, if all of them are next.
    fn accept_words(&mut self, words: &str) -> bool {
        let is_next = |(ahead, word): (usize, &str)| self.word_is(ahead, word);
        let fits = words.split(' ').enumerate().all(is_next);
        if fits {
            words.split(' ').for_each(|_| {
                self.advance();
            });
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{NameCase, Session};

    #[test]
    fn every_name_is_read_whole() {
        let session = Session::new("db", "9.7.4".parse().unwrap(), NameCase::Matters);
        for name in TypeName::ALL {
            let text = name.words().to_lowercase();
            let mut cursor = Cursor::new(&text, session);
            assert_eq!(cursor.type_name(), Some(*name));
            assert!(!cursor.is_before_end(), "{text}");
        }
        assert_eq!(Cursor::new("INTO", session).type_name(), None);
        assert_eq!(Cursor::new("`INT`", session).type_name(), None);
    }

    #[test]
    fn national_types() {
        let national = TypeName::ALL.iter().filter(|name| name.is_national());
        assert_eq!(national.count(), 11);
    }
}
