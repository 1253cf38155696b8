//! Strings of a document as JSON text.

/// Appends `text` in quotes. Only what JSON wants escaped is.
pub(super) fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\')) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        rest = match special.split_first() {
            Some((byte, after)) => {
                escape(*byte, out);
                after
            }
            None => special,
        };
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            // Below 0x20, so that the first two digits are 0 and the third is 0 or 1.
            let last = byte & 0x0f;
            let digit = if last < 10 {
                b'0' + last
            } else {
                b'a' + (last - 10)
            };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4 & 1), digit]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        write_quoted(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_must_be_is_escaped() {
        assert_eq!(
            quoted("é中😀/ \u{1}\"\\\n\u{2028}"),
            "\"é中😀/ \\u0001\\\"\\\\\\n\u{2028}\""
        );
    }

    #[test]
    fn every_control_character_has_four_digits() {
        for byte in (0..0x20u8).filter(|b| !matches!(b, 8 | 9 | 10 | 12 | 13)) {
            let text = char::from(byte).to_string();
            assert_eq!(quoted(&text), format!("\"\\u{byte:04x}\""));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text: String) {
            prop_assert_eq!(serde_json::from_str::<String>(&quoted(&text)).unwrap(), text);
        }
    }
}
