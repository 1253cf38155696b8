//! The rows of a query, as text.

use std::borrow::Cow;

use rowtide_event::{Malformed, Reader};

use super::response::{ServerError, is_eof, is_ok};

/// The columns of the widest result that the server can send.
const MAX_COLUMNS: usize = 4096;
/// The largest result that is gathered in memory, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// All rows of a query, as the server wrote them: text in UTF-8, or bytes of binary columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryResult {
    /// The columns' names; none for a statement that returns no rows.
    pub columns: Vec<String>,
    /// The rows; `None` is NULL.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
}

/// One row of a [`QueryResult`].
#[derive(Debug, Clone, Copy)]
pub struct ResultRow<'a> {
    columns: &'a [String],
    values: &'a [Option<Vec<u8>>],
}

impl QueryResult {
    /// The rows, with access by column name.
    pub fn iter(&self) -> impl Iterator<Item = ResultRow<'_>> {
        self.rows.iter().map(|values| ResultRow {
            columns: &self.columns,
            values,
        })
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<ResultRow<'_>> {
        self.iter().next()
    }
}

impl<'a> ResultRow<'a> {
    /// The value of a column, whose name is compared without regard to case; `None` if it is NULL or there is no such
    /// column.
    pub fn bytes(&self, column: &str) -> Option<&'a [u8]> {
        let at = self.columns.iter().position(|c| c.eq_ignore_ascii_case(column))?;
        self.nth_bytes(at)
    }

    /// The value of a column as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self, column: &str) -> Option<Cow<'a, str>> {
        self.bytes(column).map(String::from_utf8_lossy)
    }

    /// The value of the column at `at`, from 0; `None` if it is NULL or there is no such column.
    pub fn nth_bytes(&self, at: usize) -> Option<&'a [u8]> {
        self.values.get(at)?.as_deref()
    }

    /// The value of the column at `at` as text; bytes that are no UTF-8 are replaced.
    pub fn nth_text(&self, at: usize) -> Option<Cow<'a, str>> {
        self.nth_bytes(at).map(String::from_utf8_lossy)
    }
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The server refused.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server's answer makes no sense.
    #[error("the server's answer to a query is not understood: {0}")]
    Malformed(#[from] Malformed),
    /// The server asked for a file of this machine.
    #[error("the server asked for a file of this machine (LOCAL INFILE), which it never gets")]
    LocalFile,
}

/// Makes a [`QueryResult`] of the packets that answer a query, one after the other.
#[derive(Debug, Default)]
pub struct ResultReader {
    result: QueryResult,
    expect: Expect,
    bytes: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum Expect {
    #[default]
    Head,
    Columns(usize),
    EndOfColumns,
    Rows,
}

impl ResultReader {
    /// Reads the next packet; gives the result with the last one.
    ///
    /// # Errors
    /// See [`QueryError`]. After [`QueryError::Server`] the connection can be used further; after others it cannot.
    pub fn feed(&mut self, packet: &[u8]) -> Result<Option<QueryResult>, QueryError> {
        if ServerError::is_in(packet) {
            return Err(ServerError::read(packet)?.into());
        }
        match self.expect {
            Expect::Head => self.head(packet),
            Expect::Columns(left) => self.column(packet, left),
            Expect::EndOfColumns if is_eof(packet) => {
                self.expect = Expect::Rows;
                Ok(None)
            }
            Expect::EndOfColumns => Err(Malformed::Invalid("end of columns").into()),
            Expect::Rows if is_eof(packet) => Ok(Some(std::mem::take(&mut self.result))),
            Expect::Rows => self.row(packet),
        }
    }

    fn head(&mut self, packet: &[u8]) -> Result<Option<QueryResult>, QueryError> {
        if is_ok(packet) {
            return Ok(Some(QueryResult::default()));
        }
        if packet.first() == Some(&0xfb) {
            return Err(QueryError::LocalFile);
        }
        let mut reader = Reader::new(packet);
        let columns = reader.packed_len("column count")?;
        reader.finish("column count")?;
        if columns == 0 || columns > MAX_COLUMNS {
            return Err(Malformed::Invalid("column count").into());
        }
        self.expect = Expect::Columns(columns);
        Ok(None)
    }

    /// A column definition: catalog, database, table, original table, and then the name.
    fn column(&mut self, packet: &[u8], left: usize) -> Result<Option<QueryResult>, QueryError> {
        const WHAT: &str = "column definition";
        let mut reader = Reader::new(packet);
        for _ in 0..4 {
            reader.packed_bytes(WHAT)?;
        }
        let name = reader.packed_bytes(WHAT)?;
        self.count(name.len())?;
        self.result
            .columns
            .push(String::from_utf8_lossy(name).into_owned());
        self.expect = if left > 1 {
            Expect::Columns(left - 1)
        } else {
            Expect::EndOfColumns
        };
        Ok(None)
    }

    fn row(&mut self, packet: &[u8]) -> Result<Option<QueryResult>, QueryError> {
        const NULL: u8 = 0xfb;
        self.count(packet.len())?;
        let mut reader = Reader::new(packet);
        let mut row = Vec::with_capacity(self.result.columns.len());
        for _ in 0..self.result.columns.len() {
            if reader.rest().first() == Some(&NULL) {
                reader.u8("row")?;
                row.push(None);
            } else {
                row.push(Some(reader.packed_bytes("row")?.to_vec()));
            }
        }
        reader.finish("row")?;
        self.result.rows.push(row);
        Ok(None)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_BYTES {
            Err(Malformed::TooLarge("query result"))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];

    fn column(name: &str) -> Vec<u8> {
        let mut packet = vec![3];
        packet.extend(b"def\0\0\0");
        packet.push(name.len() as u8);
        packet.extend(name.as_bytes());
        packet.extend([0, 12, 45, 0, 0, 0, 0, 0, 253, 0, 0, 0, 0, 0]);
        packet
    }

    fn read(packets: &[&[u8]]) -> Result<Option<QueryResult>, QueryError> {
        let mut reader = ResultReader::default();
        let mut result = None;
        for packet in packets {
            assert_eq!(result, None);
            result = reader.feed(packet)?;
        }
        Ok(result)
    }

    #[test]
    fn rows_and_nulls() {
        let (a, b) = (column("Name"), column("value"));
        let result = read(&[&[2], &a, &b, EOF, b"\x03one\xfb", b"\0\x012", EOF])
            .unwrap()
            .unwrap();
        assert_eq!(result.columns, ["Name", "value"]);
        let text: Vec<_> = result.iter().map(|r| (r.text("NAME"), r.nth_text(1))).collect();
        assert_eq!(
            text,
            [(Some("one".into()), None), (Some("".into()), Some("2".into()))]
        );
        assert_eq!(result.first().unwrap().bytes("none"), None);
        assert_eq!(result.first().unwrap().nth_bytes(2), None);
    }

    #[test]
    fn no_rows_and_no_result() {
        assert_eq!(
            read(&[&[0, 0, 0, 2, 0, 0, 0]]).unwrap(),
            Some(QueryResult::default())
        );
        let a = column("a");
        assert_eq!(read(&[&[1], &a, EOF, EOF]).unwrap().unwrap().rows.len(), 0);
        assert_eq!(read(&[&[1], &a, EOF]), Ok(None));
    }

    #[test]
    fn errors_come_at_any_place_and_files_are_never_given() {
        let a = column("a");
        let err = b"\xff\x14\x04#HY000no";
        for before in [&[][..], &[&[1][..]], &[&[1], &a, EOF], &[&[1], &a, EOF, b"\x01x"]] {
            let packets: Vec<&[u8]> = before.iter().copied().chain([&err[..]]).collect();
            assert!(matches!(read(&packets), Err(QueryError::Server(e)) if e.code == 1044));
        }
        assert_eq!(read(&[b"\xfb/etc/passwd"]), Err(QueryError::LocalFile));
    }

    #[test]
    fn rows_that_do_not_fit_their_columns() {
        let a = column("a");
        let malformed = |m| Err(QueryError::Malformed(m));
        assert_eq!(
            read(&[&[1], &a, EOF, b"\x05one"]),
            malformed(Malformed::Truncated("row"))
        );
        assert_eq!(
            read(&[&[1], &a, EOF, b"\x01a\x01b"]),
            malformed(Malformed::Trailing("row"))
        );
        assert_eq!(
            read(&[&[1], &a, b"\x01a"]),
            malformed(Malformed::Invalid("end of columns"))
        );
        assert_eq!(
            read(&[&[0xfc, 0xff, 0xff]]),
            malformed(Malformed::Invalid("column count"))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_packets_never_panic(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut reader = ResultReader::default();
            for packet in &packets {
                if !matches!(reader.feed(packet), Ok(None)) {
                    return Ok(());
                }
            }
        }
    }
}
