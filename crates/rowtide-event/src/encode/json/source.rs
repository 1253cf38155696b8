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
        out.extend_from_slice(&self.run);
        integer(source.ts_us / 1000, out);
        out.extend_from_slice(&self.place);
        integer(source.ts_us, out);
        out.extend_from_slice(b",\"ts_ns\":");
        integer(u128::from(source.ts_us) * 1000, out);
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

#[inline]
pub(super) fn integer(n: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

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
