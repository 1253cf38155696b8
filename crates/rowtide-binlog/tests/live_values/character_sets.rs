//! Text in every character set of the server, against its own CONVERT.

use rowtide_event::{Charset, Flavour};

use super::follow::{Follow, now};
use super::text::hex;
use super::{all_servers, database, mariadb, server};
use rowtide_testbed::MySql;

/// What the server makes of codes: a row for each value of the first byte, a cell for each of the second.
fn converted(charset: &str, code: &str) -> Vec<Vec<Option<String>>> {
    // MySQL has it and lets nobody name it.
    let (server, set) = match charset {
        "filename" => (mariadb().last().unwrap(), ""),
        _ => (server(), "SET SESSION cte_max_recursion_depth = 300;"),
    };
    let query = format!(
        "SET SESSION group_concat_max_len = 1000000; {set}
         WITH RECURSIVE byte (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM byte WHERE n < 255),
           code (hi, lo, b) AS (SELECT h.n, l.n, UNHEX(CONCAT({code})) FROM byte h, byte l)
         SELECT GROUP_CONCAT(COALESCE(HEX(CONVERT(CONVERT(b USING {charset}) USING utf8mb4)), 'none') ORDER BY lo)
           FROM code GROUP BY hi ORDER BY hi"
    );
    let cell = |cell: &str| (cell != "none").then(|| cell.to_owned());
    let rows = server.query(&query).unwrap();
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row[0].as_deref().unwrap().split(',').map(cell).collect())
        .collect();
    assert!(rows.len() == 256 && rows.iter().all(|row| row.len() == 256));
    rows
}

/// Compares what we make of all codes of two bytes behind a prefix, and says how many are text.
fn assert_codes(charset: Charset, prefix: &[u8]) -> usize {
    let code = format!(
        "'{}', LPAD(HEX(h.n), 2, '0'), LPAD(HEX(l.n), 2, '0')",
        hex(prefix)
    );
    let (mut texts, mut wrong) = (0, Vec::new());
    for (high, row) in converted(charset.name(), &code).iter().enumerate() {
        for (low, expected) in row.iter().enumerate() {
            let code = [prefix, &[high as u8, low as u8]].concat();
            let mut text = Vec::new();
            let ours = charset.decode(&code, &mut text).ok().map(|()| hex(&text));
            texts += usize::from(ours.is_some());
            let refused = |server: &String| ours.is_none() && is_guess(charset, &code, server);
            if *expected != ours && !expected.as_ref().is_some_and(refused) {
                wrong.push(format!("{} is {expected:?}, not {ours:?}\n", hex(&code)));
            }
        }
    }
    let shown = wrong.iter().take(20).map(String::as_str).collect::<String>();
    assert!(wrong.is_empty(), "{charset:?}: {} codes\n{shown}", wrong.len());
    texts
}

/// Whether the server's text is one that Rowtide does not write: a question mark or U+FFFD where the character set has no
/// character, the rest of a code whose end is not one, or bytes that it lets pass though they are not ASCII.
fn is_guess(charset: Charset, code: &[u8], text: &str) -> bool {
    let characters = text.as_bytes().chunks(2);
    let questions = characters.clone().filter(|byte| byte == b"3F").count();
    let is_text = charset != Charset::Filename;
    let in_code = code.iter().filter(|byte| is_text && **byte == b'?').count();
    let cut = characters.len() == 1 && code.len() == 2 && hex(code).starts_with(text);
    let passed = charset == Charset::Ascii && !code.is_ascii();
    questions > in_code || passed || text.contains("EFBFBD") || cut
}

#[test]
fn every_code_of_two_bytes_is_what_the_server_says() {
    // No text in utf32 has two bytes, and of what is no text in bytes there is nothing to compare.
    let not_here = [Charset::Binary, Charset::Utf32];
    for charset in Charset::ALL.iter().filter(|charset| !not_here.contains(charset)) {
        let texts = assert_codes(*charset, &[]);
        let least = match charset {
            // Letters, digits, an underscore and NUL.
            Charset::Filename => 64 * 64,
            _ => 128 * 126,
        };
        assert!(texts >= least, "{charset:?}: {texts}");
    }
}

#[test]
fn longer_codes_are_what_the_server_says() {
    let longer: [(Charset, &[u8]); 18] = [
        (Charset::Filename, b"@"),
        (Charset::Filename, b"@00"),
        (Charset::Filename, b"@d7"),
        (Charset::Ujis, &[0x8f]),
        (Charset::EucJpMs, &[0x8f]),
        (Charset::Utf8, &[0xe0]),
        (Charset::Utf8, &[0xed]),
        (Charset::Utf8, &[0xf0, 0x9f]),
        (Charset::Utf8, &[0xf4, 0x8f]),
        (Charset::Utf8Mb3, &[0xe4]),
        (Charset::Utf16, &[0xd8, 0x3d]),
        (Charset::Utf16Le, &[0x3d, 0xd8]),
        (Charset::Utf32, &[0, 0]),
        (Charset::Utf32, &[0, 1]),
        (Charset::Utf32, &[0, 0x10]),
        (Charset::Gb18030, &[0x81, 0x30]),
        (Charset::Gb18030, &[0x84, 0x31]),
        (Charset::Gb18030, &[0x95, 0x32]),
    ];
    for (charset, prefix) in longer {
        let texts = assert_codes(charset, prefix);
        assert!(texts >= 256, "{charset:?} {prefix:?}: {texts}");
    }
}

/// ucs2 alone lets half of a surrogate pair be stored. MySQL has several answers: converted to utf8mb4 the text is cut off
/// or NULL, which tells nothing of what is behind; to utf16 the half is a question mark, as it is here.
#[test]
fn half_a_surrogate_pair_is_the_question_mark_that_it_is_in_utf16() {
    for half in ["D800", "DBFF", "DC00", "DFFF"] {
        let query = format!("SELECT HEX(CONVERT(_ucs2 x'0061{half}0062' USING utf16))");
        let told = server().query(&query).unwrap();
        assert_eq!(told[0][0].as_deref(), Some("0061003F0062"), "{half}");
        let high = u16::from_str_radix(half, 16).unwrap().to_be_bytes();
        let stored = [&b"\0a"[..], &high, b"\0b"].concat();
        let shown = Charset::Ucs2.shown(&stored, Flavour::MySql);
        assert_eq!(shown.as_deref(), Some("a?b"), "{half}");
    }
    for invalid in ["_utf16 x'0061D8000062'", "_utf16le x'610000DC6200'"] {
        assert!(server().query(&format!("SELECT {invalid}")).is_err(), "{invalid}");
    }
}

#[test]
fn every_collation_is_of_its_character_set() {
    let known = |id: &str| Charset::from_collation(id.parse().unwrap()).map(Charset::name);
    let collations = server()
        .query("SELECT id, character_set_name FROM information_schema.collations")
        .unwrap();
    assert!(collations.len() > 280);
    for collation in collations {
        assert_eq!(
            known(collation[0].as_deref().unwrap()),
            collation[1].as_deref(),
            "{collation:?}"
        );
    }
}

/// One column of each character set and type, with its own characters and all that ASCII has.
#[tokio::test]
async fn columns_of_every_character_set() {
    for server in all_servers() {
        let name = database(server, "charset");
        let from = now(server).await;
        let mut sql = format!("USE {name};");
        for charset in character_sets(server) {
            sql += &format!(
                r#"CREATE TABLE {charset} (id INT PRIMARY KEY, c CHAR(60), v VARCHAR(300), t TEXT, m MEDIUMTEXT, l VARCHAR(10),
                    e ENUM('a', 'b', ''), s SET('a', 'b')) CHARACTER SET {charset};
                 INSERT IGNORE INTO {charset} VALUES
                    (1, 'aä ÿ中あ가яש€Ω🦀', 'Ü中あ가яש€Ω🦀 ', 'Ü中あ가яש€Ω🦀', REPEAT('中é', 3000), NULL, 'b', 'a,b'),
                    (2, '', '', '', '', '', '', ''), (3, 'trailing  ', ' both ', '\\\'\"~|{{}}\t\n\Z', NULL, 'x', 1, 3);
                 UPDATE {charset} SET l = 'ascii', c = LEFT(v, 3) WHERE id < 3;"#
            );
        }
        server.sql(&sql).unwrap();
        Follow::database(server, &name, &from).await.assert_equal(server);
    }
}

/// Of MariaDB; MySQL lets no column have it. A comma is no character of it, so that servers take and show no two members of a
/// SET.
#[tokio::test]
async fn columns_of_names_of_files() {
    for server in mariadb() {
        let name = database(server, "filename");
        let from = now(server).await;
        server
            .sql(&format!(
                r#"USE {name}; CREATE TABLE t (id INT PRIMARY KEY, c CHAR(60), v VARCHAR(300), t TEXT,
                    e ENUM('a b', 'ü', '') , s SET('a-', '中')) CHARACTER SET filename;
                 INSERT INTO t VALUES (1, 'aä ÿ中あ가яש€Ω', 'Ü中あ가яש€Ω @', REPEAT('中é.', 3000), 'ü', 'a-'),
                    (2, '', '', NULL, '', ''), (3, 'trailing  ', ' both ', '\\\'\"~|{{}}\t\n\Z\0', 'a b', 2);
                 UPDATE t SET c = LEFT(v, 3), e = 'ü' WHERE id < 3"#
            ))
            .unwrap();
        Follow::database(server, &name, &from).await.assert_equal(server);
    }
}

/// Those of the server, all of which Rowtide knows.
fn character_sets(server: &MySql) -> Vec<String> {
    let all = server
        .query("SELECT character_set_name FROM information_schema.character_sets")
        .unwrap();
    let names = all.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let names: Vec<_> = names.filter(|name| name != "binary").collect();
    for name in &names {
        assert!(Charset::from_name(name).is_some(), "{name}");
    }
    assert!(names.len() >= 38, "{names:?}");
    names
}
