//! Character sets, and text that they can hold.

use super::sql;
use crate::random::Random;

/// A character set by its name, with characters that it has besides those of ASCII.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Charset {
    pub(super) name: &'static str,
    characters: &'static str,
    /// The most bytes of a character.
    pub(super) width: u32,
}

const fn charset(name: &'static str, width: u32, characters: &'static str) -> Charset {
    Charset {
        name,
        characters,
        width,
    }
}

const WORLD: &str = "äßéøñ¿€Žждѐωλאשعسกฃ中文語日本かなカナ한국어″※℃";
const BEYOND: &str = "äß€ж中文𠮷𝄞😀🧑‍🚀\u{10FFFF}";

/// Two that hold all characters.
pub(super) const UTF8MB4: &Charset = &charset("utf8mb4", 4, BEYOND);
pub(super) const UTF16: &Charset = &charset("utf16", 4, BEYOND);

/// Character sets of MySQL and MariaDB.
pub(super) const OF_ALL: &[Charset] = &[
    charset("utf8mb4", 4, BEYOND),
    charset("utf8mb4", 4, WORLD),
    charset("utf8mb3", 3, WORLD),
    charset("latin1", 1, "äßéøñ¿€Žž™œ"),
    charset("ascii", 1, "@[]^{}~"),
    charset("ucs2", 2, WORLD),
    charset("utf16", 4, BEYOND),
    charset("utf16le", 4, BEYOND),
    charset("utf32", 4, BEYOND),
    charset("big5", 2, "中文語國體臺灣龍"),
    charset("gb2312", 2, "中文语国体龙台湾"),
    charset("gbk", 2, "中文語國體臺灣龍语国"),
    charset("sjis", 2, "日本語かなカナｶﾅ表ソ能"),
    charset("cp932", 2, "日本語かなカナｶﾅ表ソ①髙"),
    charset("ujis", 3, "日本語かなカナｶﾅ表丂"),
    charset("eucjpms", 3, "日本語かなカナｶﾅ①髙丂"),
    charset("euckr", 2, "한국어中文가힝"),
    charset("cp1250", 1, "ŁłŽžŐő€äß"),
    charset("cp1251", 1, "Жждёїќ€№"),
    charset("cp1256", 1, "عسلامپچ€é"),
    charset("cp1257", 1, "ĄąŠšŽž€ä"),
    charset("cp850", 1, "äßéøñ¿░▓█"),
    charset("cp852", 1, "ŁłŽžŐő█ä"),
    charset("cp866", 1, "ЖждёЁ█"),
    charset("latin2", 1, "ŁłŽžŐőäß"),
    charset("latin5", 1, "ĞğİıŞşäß"),
    charset("latin7", 1, "ĄąŠšŽžäß"),
    charset("greek", 1, "ωλάέΩ"),
    charset("hebrew", 1, "אשתםן"),
    charset("tis620", 1, "กฃ๏๛"),
    charset("koi8r", 1, "Жждё█≈"),
    charset("koi8u", 1, "ЖждёїєҐ"),
    charset("keybcs2", 1, "ČčŽžä█"),
    charset("macce", 1, "ŁłŽžäß"),
    charset("macroman", 1, "äßéøñ¿€œ"),
    charset("armscii8", 1, "ԱաՖֆ"),
    charset("geostd8", 1, "აჰ"),
    charset("dec8", 1, "äßéøñ¿œ"),
    charset("hp8", 1, "äßéøñ¿"),
    charset("swe7", 1, "åÄÖü"),
];

/// Character sets of MySQL alone.
pub(super) const OF_MYSQL: &[Charset] = &[charset("gb18030", 4, BEYOND), charset("gb18030", 4, WORLD)];

impl Charset {
    /// Text of up to so many characters, most of it in this character set.
    pub(super) fn text(&self, random: &mut Random, longest: u32) -> String {
        const COMMON: &[u8] = b"aAbBzZ09 \t\n'\"%_&<>;,\x00\x01";
        const ASCII: &[u8] = b"aAbBzZ09 \t\n'\"\\`%_&<>;,\x00\x01\x7f";
        // It has other letters in the place of some signs.
        let ascii = if self.name == "swe7" { COMMON } else { ASCII };
        let own: Vec<char> = self.characters.chars().collect();
        let length = match random.below(10) {
            0 => 0,
            1 => longest.min(400),
            _ => random.between(1, 12) as u32,
        };
        let character = |random: &mut Random| {
            if random.chance(40) {
                char::from(random.one_of(ascii))
            } else {
                random.one_of(&own)
            }
        };
        (0..length.min(longest)).map(|_| character(random)).collect()
    }

    /// Text as an SQL literal that says the same whatever the session's character set.
    pub(super) fn literal(&self, random: &mut Random, longest: u32) -> String {
        sql::text(&self.text(random, longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_longer_than_asked_for() {
        let mut random = Random::new(5);
        for charset in OF_ALL {
            for _ in 0..20 {
                assert!(charset.text(&mut random, 7).chars().count() <= 7);
            }
        }
    }
}
