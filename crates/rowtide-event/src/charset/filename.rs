//! MariaDB's `filename`: text as it stands in the names of files. What is neither a letter or digit of ASCII nor an underscore
//! is `@` and a code of two signs, or of four hexadecimal digits.
//!
//! The rules are those of `my_mb_wc_filename` in the server's ctype-utf8.c; the codes of two signs were asked of a MariaDB 11.8 by
//! `CONVERT(CONVERT(code USING filename) USING utf32)`, all of them.

use std::sync::OnceLock;

use super::push;

/// Appends text as UTF-8; none where something is not of it.
pub(super) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (code, length) = first(rest)?;
        push(char::from_u32(u32::from(code))?, out);
        rest = rest.get(length..)?;
    }
    Some(())
}

/// How many bytes the first character takes, or the half of a surrogate pair, which stands for itself.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    first(bytes).map(|(_, length)| length)
}

/// The first character, of 16 bits, and how many bytes it takes.
fn first(bytes: &[u8]) -> Option<(u16, usize)> {
    match bytes {
        [plain @ (0 | b'_'), ..] => Some((u16::from(*plain), 1)),
        [plain, ..] if plain.is_ascii_alphanumeric() => Some((u16::from(*plain), 1)),
        [b'@', b'@', b'@', ..] => Some((0, 3)),
        [b'@', a, b, rest @ ..] => match (of_two_signs(*a, *b), rest) {
            (Some(code), _) => Some((code, 3)),
            (None, [c, d, ..]) => Some((of_digits([*a, *b, *c, *d])?, 5)),
            _ => None,
        },
        _ => None,
    }
}

fn of_digits(digits: [u8; 4]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |code, digit| {
        let is_lower = digit.is_ascii_digit() || digit.is_ascii_lowercase();
        let value = char::from(*digit).to_digit(16).filter(|_| is_lower)?;
        Some(code << 4 | u16::try_from(value).ok()?)
    })
}

fn of_two_signs(a: u8, b: u8) -> Option<u16> {
    static TABLE: OnceLock<Box<[u16]>> = OnceLock::new();
    let table = TABLE.get_or_init(table);
    table.get(place([a, b])?).copied().filter(|code| *code != 0)
}

/// The place of a code of two signs in the table.
fn place(signs: [u8; 2]) -> Option<usize> {
    let [first, second] = signs.map(|sign| sign.checked_sub(b'0').filter(|at| *at < SIGNS));
    Some(usize::from(first?) * usize::from(SIGNS) + usize::from(second?))
}

/// The signs from `0` to DEL.
const SIGNS: u8 = 80;

/// The characters of all codes of two signs, 0 where there is none.
fn table() -> Box<[u16]> {
    let mut table = vec![0; usize::from(SIGNS) * usize::from(SIGNS)];
    for (first, characters) in CODES {
        let places = table.iter_mut().skip(place(**first).unwrap_or(usize::MAX));
        for (place, character) in places.zip(characters.encode_utf16()) {
            *place = character;
        }
    }
    table.into_boxed_slice()
}

/// Codes of two signs, and the characters of them and those that follow, 80 for each first sign.
#[rustfmt::skip]
const CODES: &[(&[u8; 2], &str)] = &[
    (b"0G", "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓ"), (b"0g", "àáâãäåæçèéêëìíîïðñòó"), (b"1G", "ÔÕÖ"), (b"1K", "ØÙÚÛÜÝÞŸĀĂĄĆĈĊČĎ"),
    (b"1g", "ôõößøùúûüýþÿāăąćĉċčď"), (b"2G", "ĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮ"), (b"2X", "ĲĴĶ"), (b"2g", "đēĕėęěĝğġģĥħĩīĭįıĳĵķ"),
    (b"3H", "ĹĻĽĿŁŃŅŇ"), (b"3Q", "ŊŌŎŐŒŔŖŘŚŜ"), (b"3g", "ĸĺļľŀłńņňŉŋōŏőœŕŗřśŝ"), (b"4G", "ŞŠŢŤŦŨŪŬŮŰŲŴŶŹŻŽ"),
    (b"4g", "şšţťŧũūŭůűųŵŷźżžſ"), (b"5y", "ΐ"), (b"6G", "ΆΈΉΊ"), (b"6L", "Α"), (b"6N", "ΓΔΕΖΗ"), (b"6T", "Ι"),
    (b"6V", "ΛΜΝΞΟ"), (b"6g", "άέήίΰαβγδεζηθικλμνξο"), (b"7H", "Ρ"), (b"7K", "ΤΥ"), (b"7N", "ΧΨΩΪΫΌΎΏ"),
    (b"7W", "ΒΘϒϓ"), (b"7g", "πρςστυφχψωϊϋόύώ"), (b"7w", "ϐϑ"), (b"8G", "ϔΦΠ"), (b"8L", "ϚϜϞϠϢϤϦϨϪϬϮΚ"),
    (b"8Y", "Σ"), (b"8h", "ϕϖϗϙϛϝϟϡϣϥϧϩϫϭϯϰϱϲϳ"), (b"9L", "ϽϾϿ"), (b"9g", "ϵ϶ϸϻϼ"),
    (b"@A", "ⒶⒷⒸⒹⒺⒻⒼⒽⒾⒿⓀⓁⓂⓃⓄⓅⓆⓇⓈⓉⓊⓋⓌⓍⓎⓏ"), (b"@a", "ⓐⓑⓒⓓⓔⓕⓖⓗⓘⓙⓚⓛⓜⓝⓞⓟⓠⓡⓢⓣⓤⓥⓦⓧⓨⓩ"), (b"A@", "Ａ"), (b"B@", "Ｂ"),
    (b"C@", "Ｃ"), (b"D@", "Ｄ"), (b"E@", "Ｅ"), (b"F@", "Ｆ"), (b"G0", "АФЈѸҦӍӴ"), (b"G8", "ՄⅠ"), (b"G@", "Ｇ"),
    (b"Gb", "ƳǞȈȰ"), (b"Gl", "ḀḨṐṸṠẾỦἈἪ"), (b"Gv", "Ὤᾈᾬ"), (b"H0", "БХЉѺҨ"), (b"H6", "ӶԱՅⅡ"), (b"H@", "Ｈ"),
    (b"Ha", "ƂƵǠȊȲ"), (b"Hh", "Ɲ"), (b"Hl", "ḂḪṒṺ"), (b"Hq", "ỀỨἉἫ"), (b"Hv", "Ὥᾉᾭ"), (b"I0", "ВЦЊѼҪӐӸԲՆⅢ"),
    (b"I@", "Ｉ"), (b"Ia", "ƄƸǢȌ"), (b"Il", "ḄḬṔṼ"), (b"Iq", "ỂỪἊἬ"), (b"Iv", "Ὦᾊᾮ"), (b"J0", "ГЧЋѾҬӒ"),
    (b"J7", "ԳՇⅣ"), (b"J@", "Ｊ"), (b"Ja", "Ƈ"), (b"Jc", "ǤȎ"), (b"Jg", "Ɠ"), (b"Ji", "Ʈ"), (b"Jl", "ḆḮṖṾ"),
    (b"Jq", "ỄỬἋἭ"), (b"Jv", "Ὧᾋᾯ"), (b"K0", "ДШЌҀҮӔ"), (b"K7", "ԴՈⅤ"), (b"K@", "Ｋ"), (b"Ka", "Ƌ"), (b"Kc", "ǦȐ"),
    (b"Kh", "Ɵ"), (b"Kl", "ḈḰṘẀ"), (b"Kq", "ỆỮἌἮ"), (b"Kv", "ᾺᾌᾸ"), (b"L0", "ЕЩЍ"), (b"L4", "ҰӖ"), (b"L7", "ԵՉⅥ"),
    (b"L@", "Ｌ"), (b"Lc", "ǨȒ"), (b"Li", "Ʊ"), (b"Ll", "ḊḲṚẂẠỈỰἍἯὙΆᾍᾹ"), (b"M0", "ЖЪЎҊҲӘ"), (b"M7", "ԶՊⅦ"),
    (b"M@", "Ｍ"), (b"Ma", "Ƒ"), (b"Mc", "ǪȔ"), (b"Mg", "Ɣ"), (b"Mi", "Ʋ"), (b"Ml", "ḌḴṜẄẢỊỲἎἸ"), (b"Mv", "Ὲᾎ"),
    (b"N0", "ЗЫЏҌҴӚ"), (b"N7", "ԷՋⅧ"), (b"N@", "Ｎ"), (b"Na", "ǶƼǬȖ"), (b"Nl", "ḎḶṞẆẤỌỴἏἹὛΈᾏᾼῨ"), (b"O0", "ИЬѠҎҶӜ"),
    (b"O7", "ԸՌⅨ"), (b"O@", "Ｏ"), (b"Oa", "ƘǄǮȘȺ"), (b"Ol", "ḐḸ"), (b"Oo", "ẈẦỎỶἘἺ"), (b"Ov", "Ὴᾘ"), (b"Oy", "Ῡ"),
    (b"P0", "ЙЭѢҐҸӞԀԹՍⅩ"), (b"P@", "Ｐ"), (b"Pa", "ȽǇ"), (b"Pd", "ȚȻ"), (b"Pl", "ḒḺṢẊẨỐỸἙἻὝΉᾙ"),
    (b"Q0", "КЮѤҒҺӠԂԺՎⅪ"), (b"Q@", "Ｑ"), (b"Qb", "ǊǱȜȾƁ"), (b"Ql", "ḔḼṤẌẪỒ"), (b"Qs", "ἚἼ"), (b"Qv", "Ὶᾚ"),
    (b"R0", "ЛЯѦҔҼӢԄԻՏⅫ"), (b"R@", "Ｒ"), (b"Ra", "ȠǍǴȞ"), (b"Rf", "ƆƗ"), (b"Rl", "ḖḾṦẎẬỔ"), (b"Rs", "ἛἽὟΊᾛ"),
    (b"S0", "МЀѨҖҾӤԆԼՐⅬ"), (b"S@", "Ｓ"), (b"Sa", "ƠǏǸ"), (b"Sg", "Ɩ"), (b"Sl", "ḘṀṨẐẮỖ"), (b"Ss", "ἜἾ"),
    (b"Sv", "Ὸᾜ"), (b"Sy", "Ῥ"), (b"T0", "НЁѪҘӀӦԈԽՑⅭ"), (b"T@", "Ｔ"), (b"Ta", "ƢǑǺȢ"), (b"Tf", "Ɖ"), (b"Ti", "Ʒ"),
    (b"Tl", "ḚṂṪẒẰỘ"), (b"Ts", "ἝἿ"), (b"Tv", "Όᾝῌ"), (b"U0", "ОЂѬҚӁӨԊԾՒⅮ"), (b"U@", "Ｕ"), (b"Ua", "ƤǓǼȤ"),
    (b"Uf", "Ɗ"), (b"Ul", "ḜṄṬẔẲỚ"), (b"Ut", "Ὀ"), (b"Uv", "Ὺᾞ"), (b"V0", "ПЃѮҜӃӪԌԿՓⅯ"), (b"V@", "Ｖ"),
    (b"Va", "ƧǕǾȦ"), (b"Vh", "ƦɁ"), (b"Vl", "ḞṆṮ"), (b"Vp", "ẴỜ"), (b"Vt", "Ὁ"), (b"Vv", "Ύᾟ"), (b"W0", "РЄѰҞӅӬԎՀՔ"),
    (b"W@", "Ｗ"), (b"Wb", "ǗȀȨ"), (b"Wf", "Ə"), (b"Wl", "ḠṈṰ"), (b"Wp", "ẶỞ"), (b"Wt", "ὊὨῺᾨ"), (b"X0", "СЅѲҠӇӮ"),
    (b"X7", "ՁՕ"), (b"X@", "Ｘ"), (b"Xb", "ǙȂȪ"), (b"Xl", "ḢṊṲ"), (b"Xp", "ẸỠ"), (b"Xt", "ὋὩΏᾩ"), (b"Y0", "ТІѴҢӉӰ"),
    (b"Y7", "Ղ"), (b"Y@", "Ｙ"), (b"Ya", "ƬǛȄȬ"), (b"Yf", "ƐƜƩ"), (b"Yl", "ḤṌṴ"), (b"Yp", "ẺỢ"), (b"Ys", "ἨὌὪ"),
    (b"Yw", "ᾪῘῼ"), (b"Z0", "УЇѶҤӋӲ"), (b"Z7", "Ճ"), (b"Z@", "Ｚ"), (b"Za", "ƯƎȆȮ"), (b"Zl", "ḦṎṶ"), (b"Zp", "ẼỤ"),
    (b"Zs", "ἩὍὫ"), (b"Zw", "ᾫῙ"), (b"a@", "ａ"), (b"b@", "ｂ"), (b"c@", "ｃ"), (b"d@", "ｄ"), (b"e@", "ｅ"), (b"f@", "ｆ"),
    (b"g0", "афјѹҧӎӵ"), (b"g8", "մⅰ"), (b"g@", "ｇ"), (b"ga", "ƀƴǟȉȱ"), (b"gg", "ɝɱʅʙʭḁḩṑṹẛếủἀἢ"), (b"gv", "ὤᾀᾤῒ"),
    (b"h0", "бхљѻҩ"), (b"h6", "ӷայⅱ"), (b"h@", "ｈ"), (b"ha", "ƃƶǡȋȳ"), (b"hg", "ɞɲʆʚʮḃḫṓṻ"), (b"hq", "ềứἁἣ"),
    (b"hv", "ὥᾁᾥΐῶ"), (b"i0", "вцњѽҫӑӹբնⅲ"), (b"i@", "ｉ"), (b"ia", "ƅƹǣȍȴ"), (b"ig", "ɟɳʇʛʯḅḭṕṽ"), (b"iq", "ểừἂἤ"),
    (b"iv", "ὦᾂᾦ"), (b"iz", "ῷ"), (b"j0", "гчћѿҭӓ"), (b"j7", "գշⅳ"), (b"j@", "ｊ"), (b"ja", "ƈƺǥȏȵ"), (b"jg", "ɠɴʈʜ"),
    (b"jl", "ḇḯṗṿ"), (b"jq", "ễửἃἥ"), (b"jv", "ὧᾃᾧ"), (b"k0", "дшќҁүӕ"), (b"k7", "դոⅴ"), (b"k@", "ｋ"),
    (b"ka", "ƌƻǧȑȶ"), (b"kg", "ɡɵʉʝ"), (b"kl", "ḉḱṙẁ"), (b"kq", "ệữἄἦὐὰᾄᾰῖ"), (b"l0", "ещѝ"), (b"l4", "ұӗ"),
    (b"l7", "եչⅵ"), (b"l@", "ｌ"), (b"la", "ƍ"), (b"lc", "ǩȓȷ"), (b"lg", "ɢɶʊʞ"), (b"ll", "ḋḳṛẃạỉựἅἧὑάᾅᾱῗ"),
    (b"m0", "жъўҋҳә"), (b"m7", "զպⅶ"), (b"m@", "ｍ"), (b"ma", "ƒƾǫȕȸ"), (b"mg", "ɣɷʋʟ"), (b"ml", "ḍḵṝẅảịỳἆἰὒὲᾆᾲ"),
    (b"n0", "зыџҍҵӛ"), (b"n7", "էջⅷ"), (b"n@", "ｎ"), (b"na", "ƕƽǭȗȹɐɤɸʌʠ"), (b"nl", "ḏḷṟẇấọỵἇἱὓέᾇᾳῠ"),
    (b"o0", "иьѡҏҷӝ"), (b"o7", "ըռⅸ"), (b"o@", "ｏ"), (b"oa", "ƙǆǯș"), (b"of", "ɑɥɹʍʡ"), (b"ol", "ḑḹṡẉầỏỷἐἲὔὴᾐᾴῡ"),
    (b"p0", "йэѣґҹӟԁթսⅹ"), (b"p@", "ｐ"), (b"pa", "ƚǉǰțȼɒɦɺʎʢ"), (b"pl", "ḓḻṣẋẩốỹἑἳὕήᾑ"), (b"py", "ῢ"),
    (b"q0", "кюѥғһӡԃժվⅺ"), (b"q@", "ｑ"), (b"qa", "ƛǌǳȝ"), (b"qf", "ɓɧɻʏʣ"), (b"ql", "ḕḽṥẍẫồ"), (b"qs", "ἒἴὖὶᾒᾶΰ"),
    (b"r0", "ляѧҕҽӣԅիտⅻ"), (b"r@", "ｒ"), (b"ra", "ƞǎǵȟȿɔɨɼʐʤ"), (b"rl", "ḗḿṧẏậổ"), (b"rs", "ἓἵὗίᾓᾷῤ"),
    (b"s0", "мѐѩҗҿӥԇլրⅼ"), (b"s@", "ｓ"), (b"sa", "ơǐǹȡɀɕɩɽʑʥ"), (b"sl", "ḙṁṩẑắỗ"), (b"ss", "ἔἶ"), (b"sv", "ὸᾔῂῥ"),
    (b"t0", "нёѫҙ"), (b"t5", "ӧԉխցⅽ"), (b"t@", "ｔ"), (b"ta", "ƣǒǻȣ"), (b"tf", "ɖɪɾʒʦ"), (b"tl", "ḛṃṫẓằộ"),
    (b"ts", "ἕἷ"), (b"tv", "όᾕῃῦ"), (b"u0", "ођѭқӂөԋծւⅾ"), (b"u@", "ｕ"), (b"ua", "ƥǔǽȥ"), (b"uf", "ɗɫɿʓʧ"),
    (b"ul", "ḝṅṭẕẳớ"), (b"ut", "ὀ"), (b"uv", "ὺᾖῄῧ"), (b"v0", "пѓѯҝӄӫԍկփⅿ"), (b"v@", "ｖ"), (b"va", "ƨǖǿȧ"),
    (b"vf", "ɘɬʀʔʨ"), (b"vl", "ḟṇṯẖẵờ"), (b"vt", "ὁ"), (b"vv", "ύᾗ"), (b"w0", "рєѱҟӆӭԏհք"), (b"w@", "ｗ"),
    (b"wa", "ƪǘȁȩ"), (b"wf", "əɭʁʕʩ"), (b"wl", "ḡṉṱẗặở"), (b"wt", "ὂὠὼᾠῆ"), (b"x0", "сѕѳҡӈӯ"), (b"x7", "ձօ"),
    (b"x@", "ｘ"), (b"xa", "ƫǚȃȫ"), (b"xf", "ɚɮʂʖʪ"), (b"xl", "ḣṋṳẘẹỡ"), (b"xt", "ὃὡώᾡῇῲ"), (b"y0", "тіѵңӊӱ"),
    (b"y7", "ղ"), (b"y@", "ｙ"), (b"ya", "ƭǜȅȭ"), (b"yf", "ɛɯʃʗʫ"), (b"yl", "ḥṍṵẙẻợ"), (b"ys", "ἠὄὢ"), (b"yw", "ᾢῐῳ"),
    (b"z0", "уїѷҥӌӳ"), (b"z7", "ճ"), (b"z@", "ｚ"), (b"za", "ưǝȇȯ"), (b"zf", "ɜɰʄʘʬ"), (b"zl", "ḧṏṷẚẽụ"),
    (b"zs", "ἡὅὣ"), (b"zw", "ᾣῑῴ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        decode(bytes, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn names_of_files() {
        // Answers of a MariaDB 11.8.
        for (bytes, expected) in [
            ("plain_123", "plain_123"),
            ("a@0020b@002d@1o@20ac@002e@0040", "a b-\u{fc}\u{20ac}.@"),
            ("@0k@0G@zy@0041", "\u{e4}\u{c0}\u{1ff4}A"),
            ("@@@@0000\0", "\0\0\0"),
            ("", ""),
        ] {
            assert_eq!(text(bytes.as_bytes()).as_deref(), Some(expected), "{bytes}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_file() {
        for bytes in [
            "a b",
            "@",
            "@00",
            "@000",
            "@00E9",
            "@zz",
            "@\u{fc}00",
            "\u{fc}",
            "-",
        ] {
            assert_eq!(text(bytes.as_bytes()), None, "{bytes}");
        }
        assert_eq!(text(b"@d83d"), None);
        assert_eq!(length(b"@d83dx"), Some(5));
    }
}
