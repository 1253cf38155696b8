//! Reads what the `mysql` program writes with `--xml`.
//!
//! Of its formats this is the one that tells NULL from the text `NULL` and keeps line ends. It is not quite XML:
//! zero bytes come as blanks and bytes that are not UTF-8 come as they are.

use std::io::BufRead;

use crate::error::{Result, TestbedError};

/// Something met while reading.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    /// A row of a result.
    Row(Vec<Option<String>>),
    /// The end of a result; its rows came before.
    ResultEnd,
    /// Text between results: the client's error messages, when they go to the same pipe.
    Message(String),
}

/// Takes the output apart as it comes.
pub(super) struct Reader<R> {
    input: R,
    row: Vec<Option<String>>,
    in_field: bool,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Reader {
            input,
            row: Vec::new(),
            in_field: false,
        }
    }

    /// The next piece; `None` where the output ends.
    pub(super) fn next_piece(&mut self) -> Result<Option<Piece>> {
        loop {
            if !self.in_field && !self.at_tag()? {
                return self.message();
            }
            let mut chunk = Vec::new();
            // Every `>` of a value is escaped, so each one ends a tag.
            if self.input.read_until(b'>', &mut chunk).map_err(unreadable)? == 0 {
                return Ok(None);
            }
            let chunk = String::from_utf8_lossy(&chunk);
            let (text, tag) = chunk.split_once('<').unwrap_or((&chunk, ""));
            if let Some(piece) = self.take(text, tag) {
                return Ok(Some(piece));
            }
        }
    }

    /// Passes over blanks; whether a tag follows.
    fn at_tag(&mut self) -> Result<bool> {
        loop {
            let bytes = self.input.fill_buf().map_err(unreadable)?;
            let blanks = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = bytes.get(blanks).copied();
            let ended = bytes.is_empty();
            self.input.consume(blanks);
            match next {
                Some(byte) => return Ok(byte == b'<'),
                None if ended => return Ok(false),
                None => {}
            }
        }
    }

    /// A line that is no part of a result. It may be the last for long: nothing behind it is waited for.
    fn message(&mut self) -> Result<Option<Piece>> {
        let mut line = Vec::new();
        let length = self.input.read_until(b'\n', &mut line).map_err(unreadable)?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        Ok((length > 0).then_some(Piece::Message(text)))
    }

    fn take(&mut self, text: &str, tag: &str) -> Option<Piece> {
        if tag.starts_with("/field") {
            self.row.push(Some(unescape(text)));
            self.in_field = false;
        } else if tag.starts_with("field ") {
            self.in_field = !tag.ends_with("/>");
            if !self.in_field {
                self.row.push(None);
            }
        } else if tag.starts_with("/row") {
            return Some(Piece::Row(std::mem::take(&mut self.row)));
        } else if tag.starts_with("/resultset") {
            return Some(Piece::ResultEnd);
        }
        None
    }
}

fn unreadable(source: std::io::Error) -> TestbedError {
    TestbedError::Unexpected(format!("cannot read the mysql program's output: {source}"))
}

fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // The ampersand last, for what it makes is not to be read again.
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(output: &str) -> Vec<Piece> {
        let mut reader = Reader::new(output.as_bytes());
        std::iter::from_fn(|| reader.next_piece().unwrap()).collect()
    }

    #[test]
    fn null_empty_and_escaped_values_are_told_apart() {
        let output = "<?xml version=\"1.0\"?>\n\n<resultset statement=\"select &lt;\n\" xmlns:xsi=\"x\">\n  <row>\n\
            \t<field name=\"a\">1</field>\n\t<field name=\"b\" xsi:nil=\"true\" />\n\
            \t<field name=\"c\">a&lt;b&gt;&amp;lt;&quot;\n\t\\ NULL</field>\n\t<field name=\"e\"></field>\n\
            \x20 </row>\n</resultset>\n";
        let value = |text: &str| Some(text.to_owned());
        let row = vec![value("1"), None, value("a<b>&lt;\"\n\t\\ NULL"), value("")];
        assert_eq!(pieces(output), vec![Piece::Row(row), Piece::ResultEnd]);
    }

    #[test]
    fn messages_stand_between_results() {
        let output = "ERROR 1054 (42S22) at line 2: Unknown column\n<?xml version=\"1.0\"?>\n\n\
            <resultset statement=\"select 2\" xmlns:xsi=\"x\"></resultset>\n";
        let message = "ERROR 1054 (42S22) at line 2: Unknown column".to_owned();
        assert_eq!(pieces(output), vec![Piece::Message(message), Piece::ResultEnd]);
    }
}
