//! Collations, and which one is meant where a statement does not name it.

mod names;

use std::fmt;
use std::sync::Arc;

use rowtide_event::Charset;

use crate::schema::Session;
use crate::server::Flavour;

/// How text is encoded and compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Collation(Arc<Named>);

/// Columns share it with their table.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Named {
    charset: Charset,
    name: Box<str>,
}

impl Collation {
    /// The collation of a name: its first part is the character set.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        // Before MySQL 8.0.30 utf8mb3 went by the name utf8.
        let name = match name.strip_prefix("utf8_") {
            Some(rest) => format!("utf8mb3_{rest}"),
            None => name,
        };
        let charset = name.split('_').next().and_then(Charset::from_name)?;
        let is_whole = name.contains('_') || matches!(charset, Charset::Binary | Charset::Filename);
        is_whole.then(|| Self::of(charset, &name))
    }

    /// The collation of an id in a server's binlog.
    pub fn from_id(id: u16, flavour: Flavour) -> Option<Self> {
        let name = match flavour {
            Flavour::MySql => name_of(id, names::NAMES).map(str::to_owned),
            Flavour::MariaDb => name_on_mariadb(id),
        };
        match name {
            Some(name) => Self::from_name(&name),
            // A newer one: its text can be read all the same.
            None => {
                let charset = Charset::from_collation(id)?;
                Some(Self::of(charset, &format!("{}_{id}", charset.name())))
            }
        }
    }

    /// Its character set.
    pub fn charset(&self) -> Charset {
        self.0.charset
    }

    /// Its name, with `utf8mb3` for what old servers call `utf8`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it is in use elsewhere.
    pub(super) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// The collation that a character set has where none is named.
    pub(super) fn default_of(charset: Charset, session: &Session<'_>) -> Self {
        let of_utf8mb4 = session
            .default_collation_for_utf8mb4
            .and_then(|id| Self::from_id(id, session.server.flavour));
        if charset == Charset::Utf8
            && let Some(collation) = of_utf8mb4
        {
            return collation;
        }
        if let Some(named) = session.charset_collations {
            let named = named
                .of(charset)
                .and_then(|id| Self::from_id(id, session.server.flavour));
            return named.unwrap_or_else(|| Self::built_in(charset));
        }
        Self::of(charset, default_name(charset, session))
    }

    /// The collation of a character set that compares bytes.
    pub(super) fn binary_of(charset: Charset) -> Self {
        match charset {
            Charset::Binary | Charset::Filename => Self::of(charset, charset.name()),
            _ => Self::of(charset, &format!("{}_bin", charset.name())),
        }
    }

    /// The collation that a character set has in MariaDB whatever its settings say.
    pub(super) fn built_in(charset: Charset) -> Self {
        match charset {
            Charset::Utf8 => Self::of(charset, "utf8mb4_general_ci"),
            _ => Self::of(charset, own_default(charset)),
        }
    }

    /// A collation as it was written, which on MariaDB may lack its character set.
    pub(super) fn in_context(name: &str, charset: Charset) -> Option<Self> {
        if name.starts_with("uca1400_") {
            return Some(Self::of(charset, &format!("{}_{name}", charset.name())));
        }
        Self::from_name(name)
    }

    fn of(charset: Charset, name: &str) -> Self {
        let name = name.into();
        Self(Arc::new(Named { charset, name }))
    }
}

fn name_of(id: u16, names: &[(u16, &'static str)]) -> Option<&'static str> {
    let at = names.binary_search_by_key(&id, |(id, _)| *id).ok()?;
    names.get(at).map(|(_, name)| *name)
}

/// MariaDB adds 1,024 to the id of a collation for its sister that does not pad, and has collations of UCA 14.0.0 for
/// five character sets from 2,048.
fn name_on_mariadb(id: u16) -> Option<String> {
    match id {
        0..1024 => name_of(id, names::OF_MARIADB)
            .or_else(|| name_of(id, names::NAMES))
            .map(str::to_owned),
        1024..2048 => {
            let (first, last) = name_of(id.checked_sub(1024)?, names::NAMES)?.rsplit_once('_')?;
            Some(format!("{first}_nopad_{last}"))
        }
        _ => uca1400(id),
    }
}

/// 256 ids for each character set, 8 of them for each language.
fn uca1400(id: u16) -> Option<String> {
    let charset = Charset::from_collation(id)?.name();
    let language = names::UCA1400.get(usize::from((id >> 3) & 0x1f))?;
    let language = if language.is_empty() {
        String::new()
    } else {
        format!("_{language}")
    };
    let pad = if id & 4 == 0 { "" } else { "_nopad" };
    let accent = if id & 2 == 0 { "ai" } else { "as" };
    let case = if id & 1 == 0 { "ci" } else { "cs" };
    Some(format!("{charset}_uca1400{language}{pad}_{accent}_{case}"))
}

impl fmt::Display for Collation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes of the longest character.
pub(super) fn max_char_len(charset: Charset) -> u64 {
    match charset {
        Charset::Filename => 5,
        Charset::Utf8 | Charset::Utf16 | Charset::Utf16Le | Charset::Utf32 | Charset::Gb18030 => 4,
        Charset::Utf8Mb3 | Charset::Ujis | Charset::EucJpMs => 3,
        Charset::Ucs2
        | Charset::Big5
        | Charset::Gb2312
        | Charset::Gbk
        | Charset::Sjis
        | Charset::Cp932
        | Charset::EucKr => 2,
        _ => 1,
    }
}

/// The bytes of a text, where they are simple to tell; `None` for text of East Asia in its own character sets.
pub(super) fn encoded(text: &str, charset: Charset) -> Option<Vec<u8>> {
    match charset {
        Charset::Utf8 | Charset::Utf8Mb3 | Charset::Binary => Some(text.as_bytes().to_vec()),
        Charset::Ucs2 | Charset::Utf16 => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        Charset::Utf16Le => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        Charset::Utf32 => Some(text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect()),
        _ => text.chars().map(|c| single_byte(c, charset)).collect(),
    }
}

fn single_byte(c: char, charset: Charset) -> Option<u8> {
    let is_it = |byte: &u8| {
        let decoded = charset.decode_borrowed(std::slice::from_ref(byte));
        decoded.is_ok_and(|text| text.chars().eq([c]))
    };
    (0..=u8::MAX).find(is_it)
}

fn default_name(charset: Charset, session: &Session<'_>) -> &'static str {
    let server = session.server;
    let uca1400 = server.flavour == Flavour::MariaDb && server.is_at_least(11, 5, 0);
    match charset {
        Charset::Utf8 if uca1400 => "utf8mb4_uca1400_ai_ci",
        Charset::Utf8Mb3 if uca1400 => "utf8mb3_uca1400_ai_ci",
        Charset::Ucs2 if uca1400 => "ucs2_uca1400_ai_ci",
        Charset::Utf16 if uca1400 => "utf16_uca1400_ai_ci",
        Charset::Utf32 if uca1400 => "utf32_uca1400_ai_ci",
        Charset::Utf8 if server.flavour == Flavour::MySql && server.is_at_least(8, 0, 1) => {
            "utf8mb4_0900_ai_ci"
        }
        Charset::Utf8 => "utf8mb4_general_ci",
        other => own_default(other),
    }
}

/// The default of a character set but utf8mb4, which has others on other servers.
fn own_default(charset: Charset) -> &'static str {
    match charset {
        Charset::Binary => "binary",
        Charset::Big5 => "big5_chinese_ci",
        Charset::Cp1251 => "cp1251_general_ci",
        Charset::Cp932 => "cp932_japanese_ci",
        Charset::Dec8 => "dec8_swedish_ci",
        Charset::EucJpMs => "eucjpms_japanese_ci",
        Charset::EucKr => "euckr_korean_ci",
        Charset::Filename => "filename",
        Charset::Gb18030 => "gb18030_chinese_ci",
        Charset::Gb2312 => "gb2312_chinese_ci",
        Charset::Gbk => "gbk_chinese_ci",
        Charset::Hp8 => "hp8_english_ci",
        Charset::Latin1 => "latin1_swedish_ci",
        Charset::Latin5 => "latin5_turkish_ci",
        Charset::Sjis => "sjis_japanese_ci",
        Charset::Swe7 => "swe7_swedish_ci",
        Charset::Tis620 => "tis620_thai_ci",
        Charset::Ujis => "ujis_japanese_ci",
        other => general(other),
    }
}

/// The many whose default is simply `_general_ci`.
fn general(charset: Charset) -> &'static str {
    let is_general =
        |(_, name): &&(u16, &'static str)| name.strip_prefix(charset.name()) == Some("_general_ci");
    names::NAMES
        .iter()
        .find(is_general)
        .map_or("binary", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::NameCase;

    fn default_on(server: &str, charset: Charset) -> String {
        let session = Session::new("", server.parse().unwrap(), NameCase::Matters);
        Collation::default_of(charset, &session).to_string()
    }

    #[test]
    fn names_and_ids() {
        let latin = Collation::from_name("LATIN1_german1_ci").unwrap();
        assert_eq!(
            (latin.charset(), latin.name()),
            (Charset::Latin1, "latin1_german1_ci")
        );
        let from_id = |id| Collation::from_id(id, Flavour::MySql);
        assert_eq!(from_id(5), Some(latin));
        assert_eq!(Collation::from_name("utf8_bin"), from_id(83));
        assert_eq!(Collation::from_name("binary"), from_id(63));
        assert_eq!(from_id(330), None);
        for none in ["latin1", "klingon_ci", ""] {
            assert_eq!(Collation::from_name(none), None, "{none}");
        }
        assert_eq!(
            Collation::in_context("uca1400_ai_ci", Charset::Utf8)
                .unwrap()
                .name(),
            "utf8mb4_uca1400_ai_ci"
        );
    }

    #[test]
    fn ids_of_mariadb() {
        for (id, name) in [
            (8, "latin1_swedish_ci"),
            (17, "filename"),
            (245, "utf8mb4_croatian_mysql561_ci"),
            (608, "utf8mb4_croatian_ci"),
            (1025, "big5_chinese_nopad_ci"),
            (1067, "macce_nopad_bin"),
            (1270, "utf8mb4_unicode_520_nopad_ci"),
            (2048, "utf8mb3_uca1400_ai_ci"),
            (2304, "utf8mb4_uca1400_ai_ci"),
            (2343, "utf8mb4_uca1400_slovenian_nopad_as_cs"),
            (3264, "utf32_uca1400_croatian_ai_ci"),
        ] {
            assert_eq!(Collation::from_id(id, Flavour::MariaDb).unwrap().name(), name);
        }
    }

    #[test]
    fn defaults_by_server() {
        assert_eq!(default_on("9.7.4", Charset::Utf8), "utf8mb4_0900_ai_ci");
        assert_eq!(default_on("5.7.44", Charset::Utf8), "utf8mb4_general_ci");
        assert_eq!(default_on("10.11.6-MariaDB", Charset::Utf8), "utf8mb4_general_ci");
        assert_eq!(
            default_on("11.8.2-MariaDB", Charset::Utf8),
            "utf8mb4_uca1400_ai_ci"
        );
        for charset in Charset::ALL {
            let name = default_on("9.7.4", *charset);
            assert_eq!(Collation::from_name(&name).unwrap().charset(), *charset, "{name}");
        }
    }
}
