//! Strings in the text of statements.

/// What a quoted string means: the quotes are taken off, a doubled quote is one, and a backslash makes its next
/// character special unless `NO_BACKSLASH_ESCAPES` was on. In front there may be `N` or a character set.
pub(in crate::schema) fn unquoted(raw: &str, escapes: bool) -> String {
    let mut text = String::with_capacity(raw.len());
    let Some(quote) = raw.chars().next().filter(|c| matches!(c, '\'' | '"' | '`')) else {
        return raw.to_owned();
    };
    let mut chars = raw.chars().skip(1).peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && escapes {
            match chars.next() {
                Some(escaped) => unescape(escaped, &mut text),
                None => break,
            }
        } else if c == quote {
            if chars.peek() != Some(&quote) {
                break;
            }
            chars.next();
            text.push(quote);
        } else {
            text.push(c);
        }
    }
    text
}

fn unescape(c: char, text: &mut String) {
    match c {
        '0' => text.push('\0'),
        'b' => text.push('\x08'),
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        'Z' => text.push('\x1a'),
        // These stay as they are, for LIKE.
        '%' | '_' => text.extend(['\\', c]),
        other => text.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_escapes() {
        for (raw, escapes, text) in [
            ("'a''b'", true, "a'b"),
            (r#""a'b""c""#, true, "a'b\"c"),
            (r"'a\'b\\c\n\t\0\Z\x\%\_'", true, "a'b\\c\n\t\0\u{1a}x\\%\\_"),
            (r"'a\'", false, r"a\"),
            ("'open", true, "open"),
            (r"'open\", true, "open"),
            ("''", true, ""),
        ] {
            assert_eq!(unquoted(raw, escapes), text, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(raw: String, escapes: bool) {
            let _ = unquoted(&raw, escapes);
        }

        #[test]
        fn what_is_quoted_comes_back(text: String) {
            let raw = format!("'{}'", text.replace('\\', r"\\").replace('\'', "''"));
            prop_assert_eq!(unquoted(&raw, true), text);
        }
    }
}
