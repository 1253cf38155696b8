//! The `source` block of a record: where a change comes from.

use super::string;
use crate::SourceInfo;
use crate::encode::EncodeOptions;

/// What is the same for all events of a table, rendered once.
#[derive(Debug, Clone)]
pub(super) struct SourceText {
    /// The block's beginning up to the event's own parts.
    run: Box<[u8]>,
    /// `,"snapshot":"false","db":…`
    place: Box<[u8]>,
    /// `,"table":…,"server_id":`
    table: Box<[u8]>,
    include_query: bool,
}

/// Appends the `source` block of a record that is of no row, such as one of the schema-change topic: an object, with
/// number 0 for the row. `table` may be more than one table's name, or null.
pub fn write_source(
    source: &SourceInfo<'_>,
    database: &str,
    table: Option<&str>,
    options: &EncodeOptions,
    out: &mut Vec<u8>,
) {
    let text = SourceText::compile(database, table, options);
    text.write_head(source, out);
    out.push(b'0');
    text.write_tail(source, out);
}

impl SourceText {
    pub(super) fn compile(database: &str, table: Option<&str>, options: &EncodeOptions) -> Self {
        Self {
            run: run_part(options),
            place: place_part(database),
            table: table_part(table),
            include_query: options.include_query,
        }
    }

    /// Everything before the row's number.
    pub(super) fn write_head(&self, source: &SourceInfo<'_>, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        let us = digits.format(source.ts_us);
        out.extend_from_slice(&self.run);
        out.extend_from_slice(moment(us, 3));
        out.extend_from_slice(&self.place);
        out.extend_from_slice(us.as_bytes());
        out.extend_from_slice(b",\"ts_ns\":");
        out.extend_from_slice(us.as_bytes());
        if source.ts_us > 0 {
            out.extend_from_slice(b"000");
        }
        out.extend_from_slice(&self.table);
        integer(source.server_id, out);
        out.extend_from_slice(b",\"gtid\":");
        string::write_optional(source.gtid, out);
        out.extend_from_slice(b",\"file\":");
        string::write(source.file, out);
        out.extend_from_slice(b",\"pos\":");
        integer(source.pos, out);
        out.extend_from_slice(b",\"row\":");
    }

    /// Everything behind the row's number.
    pub(super) fn write_tail(&self, source: &SourceInfo<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"thread\":");
        match source.thread {
            Some(thread) => integer(thread, out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"query\":");
        string::write_optional(source.query.filter(|_| self.include_query), out);
        out.push(b'}');
    }
}

fn run_part(options: &EncodeOptions) -> Box<[u8]> {
    let mut text = b"{\"version\":".to_vec();
    string::write(&options.version, &mut text);
    text.extend_from_slice(b",\"connector\":");
    string::write(options.flavour.connector(), &mut text);
    text.extend_from_slice(b",\"name\":");
    string::write(&options.topic_prefix, &mut text);
    text.extend_from_slice(b",\"ts_ms\":");
    text.into_boxed_slice()
}

fn place_part(database: &str) -> Box<[u8]> {
    let mut text = b",\"snapshot\":\"false\",\"db\":".to_vec();
    string::write(database, &mut text);
    text.extend_from_slice(b",\"sequence\":null,\"ts_us\":");
    text.into_boxed_slice()
}

fn table_part(table: Option<&str>) -> Box<[u8]> {
    let mut text = b",\"table\":".to_vec();
    string::write_optional(table, &mut text);
    text.extend_from_slice(b",\"server_id\":");
    text.into_boxed_slice()
}

/// The digits of a time in a unit that is 10 to the power of `larger` times as large, rounded down.
pub(super) fn moment(digits: &str, larger: usize) -> &[u8] {
    let kept = digits.len().saturating_sub(larger);
    digits
        .as_bytes()
        .get(..kept)
        .filter(|kept| !kept.is_empty())
        .unwrap_or(b"0")
}

#[inline]
pub(super) fn integer(n: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_first_millisecond() {
        for (ts_us, times) in [
            (0, r#""ts_ms":0,"ts_us":0,"ts_ns":0"#),
            (999, r#""ts_ms":0,"ts_us":999,"ts_ns":999000"#),
            (1_000, r#""ts_ms":1,"ts_us":1000,"ts_ns":1000000"#),
            (
                u64::MAX,
                r#""ts_ms":18446744073709551,"ts_us":18446744073709551615,"ts_ns":18446744073709551615000"#,
            ),
        ] {
            let source = SourceInfo {
                ts_us,
                server_id: 1,
                gtid: None,
                file: "f",
                pos: 4,
                thread: None,
                query: None,
            };
            let mut json = Vec::new();
            write_source(&source, "d", None, &EncodeOptions::default(), &mut json);
            let json = String::from_utf8(json).unwrap();
            let json = json.replace(r#""snapshot":"false","db":"d","sequence":null,"#, "");
            assert!(json.contains(times), "{json}");
        }
    }

    #[test]
    fn a_source_of_no_row() {
        let source = SourceInfo {
            ts_us: 1_700_000_000_123_456,
            server_id: 97,
            gtid: None,
            file: "binlog.000001",
            pos: 157,
            thread: None,
            query: Some("DROP TABLE t"),
        };
        let options = EncodeOptions {
            topic_prefix: "shop".into(),
            version: "1".into(),
            ..EncodeOptions::default()
        };
        let mut json = Vec::new();
        write_source(&source, "shop", None, &options, &mut json);
        let expected = concat!(
            r#"{"version":"1","connector":"mysql","name":"shop","ts_ms":1700000000123,"snapshot":"false","db":"shop","#,
            r#""sequence":null,"ts_us":1700000000123456,"ts_ns":1700000000123456000,"table":null,"server_id":97,"#,
            r#""gtid":null,"file":"binlog.000001","pos":157,"row":0,"thread":null,"query":null}"#,
        );
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
