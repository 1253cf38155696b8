//! The text of JSON documents, brought into one form.

/// Text without spaces between tokens, and with strings in one way of escaping; numbers keep every character, so that
/// 1 is not 1.0. None if it is no JSON.
///
/// What the server prints and Debezium does not is taken away: the mark before binary values (`base64:type15:`), line
/// ends in them, and zeros at the end of a time.
pub(super) fn canonical(text: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let length = string_length(rest)?;
            let (string, after) = rest.split_at_checked(length)?;
            let value: String = serde_json::from_str(string).ok()?;
            written.push_str(&serde_json::to_string(plain(&value).as_str()).ok()?);
            rest = after;
        } else {
            if !first.is_ascii_whitespace() {
                written.push(first);
            }
            rest = rest.get(first.len_utf8()..)?;
        }
    }
    Some(written)
}

/// The same as an old server prints it, which leaves out `.0` behind a double: canonical text, without it.
pub(super) fn without_zero_fractions(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest).unwrap_or(rest.len()),
            _ => rest
                .find([',', ']', '}', '"', ':', '[', '{'])
                .map_or(rest.len(), |end| end.max(1)),
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        written.push_str(if first == '"' {
            token
        } else {
            token.strip_suffix(".0").unwrap_or(token)
        });
        rest = after;
    }
    written
}

/// The length of the string that the text begins with, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map(|position| position + 2)
}

fn plain(value: &str) -> String {
    if let Some((number, data)) = value
        .strip_prefix("base64:type")
        .and_then(|rest| rest.split_once(':'))
        && number.parse::<u8>().is_ok()
    {
        return data.replace('\n', "");
    }
    match value.split_once('.') {
        Some((clock, fraction)) if is_clock(clock) && fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{clock}{point}{fraction}")
        }
        _ => value.to_owned(),
    }
}

/// Whether text ends as `12:34:56`.
fn is_clock(text: &str) -> bool {
    let end = text.len().checked_sub(8).and_then(|start| text.get(start..));
    let fits = |(place, byte): (usize, u8)| match place {
        2 | 5 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    end.is_some_and(|end| end.bytes().enumerate().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_go_and_numbers_stay() {
        let text = r#"{ "a b": [1, 1.0, -0.0, 1e21 ], "é\u0001": null}"#;
        let expected = r#"{"a b":[1,1.0,-0.0,1e21],"é\u0001":null}"#;
        assert_eq!(canonical(text).as_deref(), Some(expected));
        assert_eq!(canonical("[1,").as_deref(), None);
    }

    #[test]
    fn old_servers_print_no_zero_fractions() {
        let text = r#"{"1.0":[1.0,-0.0,1.05,10.0,"2.0"]}"#;
        assert_eq!(without_zero_fractions(text), r#"{"1.0":[1,-0,1.05,10,"2.0"]}"#);
        assert_eq!(without_zero_fractions("1.0"), "1");
    }

    #[test]
    fn escapes_have_one_form() {
        assert_eq!(canonical(r#""\u00e9\/\"\\""#).as_deref(), Some(r#""é/\"\\""#));
    }

    #[test]
    fn values_of_sql_types_are_plain() {
        let text = r#"["base64:type15:AP8=", "-10:00:00.500000", "2020-01-02 03:04:05.000000", "1.500"]"#;
        let expected = r#"["AP8=","-10:00:00.5","2020-01-02 03:04:05","1.500"]"#;
        assert_eq!(canonical(text).as_deref(), Some(expected));
    }
}
