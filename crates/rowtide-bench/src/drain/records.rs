//! Records in a file: what was read back from a topic, with the ends of the transactions that they were written in.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use rowtide_testbed::Record;

/// Writes records one after another.
pub struct RecordWriter {
    file: BufWriter<File>,
    next_offset: Option<i64>,
}

/// What stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A record: its key, its value, and its headers as they stand in the file.
    Record {
        /// The key, if it has one.
        key: Option<&'a [u8]>,
        /// The value, unless it is a tombstone.
        value: Option<&'a [u8]>,
        /// For [`headers`].
        headers: &'a [u8],
    },
    /// The transaction ends.
    Commit,
}

/// A header's name and its value.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

const RECORD: u8 = 1;
const COMMIT: u8 = 2;
const NONE: u32 = u32::MAX;

impl RecordWriter {
    /// Begins a file.
    pub fn create(path: &Path) -> Result<RecordWriter> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(RecordWriter {
            file: BufWriter::with_capacity(1 << 20, file),
            next_offset: None,
        })
    }

    /// Appends the next record of a partition. Where an offset is left out, a transaction's marker stands.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        if self.next_offset.is_some_and(|next| next != record.offset) {
            self.file.write_all(&[COMMIT])?;
        }
        self.next_offset = Some(record.offset + 1);
        self.file.write_all(&[RECORD])?;
        write_part(&mut self.file, record.key.as_deref())?;
        write_part(&mut self.file, record.value.as_deref())?;
        let mut headers = Vec::new();
        for (name, value) in &record.headers {
            write_part(&mut headers, Some(name.as_bytes()))?;
            write_part(&mut headers, value.as_deref())?;
        }
        write_part(&mut self.file, Some(&headers))
    }

    /// Ends the last transaction and the file.
    pub fn finish(mut self) -> Result<()> {
        self.file.write_all(&[COMMIT])?;
        Ok(self.file.flush()?)
    }
}

/// Calls `on_entry` with each entry of a file's bytes.
pub fn entries<'a>(mut bytes: &'a [u8], mut on_entry: impl FnMut(Entry<'a>) -> Result<()>) -> Result<()> {
    while let Some((kind, rest)) = bytes.split_first() {
        bytes = rest;
        match *kind {
            COMMIT => on_entry(Entry::Commit)?,
            RECORD => {
                let key = read_part(&mut bytes)?;
                let value = read_part(&mut bytes)?;
                let headers = read_part(&mut bytes)?.unwrap_or_default();
                on_entry(Entry::Record { key, value, headers })?;
            }
            _ => bail!("the file of records is damaged"),
        }
    }
    Ok(())
}

/// The headers of a record.
pub fn headers(mut bytes: &[u8]) -> Result<Vec<Header<'_>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let name = read_part(&mut bytes)?.unwrap_or_default();
        all.push((std::str::from_utf8(name)?, read_part(&mut bytes)?));
    }
    Ok(all)
}

fn write_part(to: &mut impl Write, part: Option<&[u8]>) -> Result<()> {
    let length = part.map_or(Ok(NONE), |part| u32::try_from(part.len()))?;
    to.write_all(&length.to_le_bytes())?;
    Ok(to.write_all(part.unwrap_or_default())?)
}

fn read_part<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    let (length, rest) = bytes
        .split_first_chunk::<4>()
        .context("the file of records is cut")?;
    let length = match u32::from_le_bytes(*length) {
        NONE => {
            *bytes = rest;
            return Ok(None);
        }
        length => usize::try_from(length)?,
    };
    let (part, rest) = rest
        .split_at_checked(length)
        .context("the file of records is cut")?;
    *bytes = rest;
    Ok(Some(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_the_ends_of_transactions_come_back() {
        let folder = rowtide_testbed::Scratch::new("records").unwrap();
        let path = folder.path().join("r");
        let mut writer = RecordWriter::create(&path).unwrap();
        let record = |offset: i64, value: Option<&[u8]>| Record {
            offset,
            key: Some(b"k".to_vec()),
            value: value.map(<[u8]>::to_vec),
            headers: vec![("h".to_owned(), Some(b"v".to_vec())), ("n".to_owned(), None)],
            ..Record::default()
        };
        for record in [record(5, Some(b"a")), record(6, None), record(8, Some(b""))] {
            writer.push(&record).unwrap();
        }
        writer.finish().unwrap();

        let bytes = std::fs::read(&path).unwrap();
        let mut seen = Vec::new();
        entries(&bytes, |entry| {
            seen.push(match entry {
                Entry::Commit => "commit".to_owned(),
                Entry::Record {
                    key,
                    value,
                    headers: h,
                } => {
                    assert_eq!(headers(h).unwrap(), [("h", Some(b"v".as_slice())), ("n", None)]);
                    format!("{key:?} {value:?}")
                }
            });
            Ok(())
        })
        .unwrap();
        let expected = [
            "Some([107]) Some([97])",
            "Some([107]) None",
            "commit",
            "Some([107]) Some([])",
            "commit",
        ];
        assert_eq!(seen, expected);
        let cut = &bytes[..bytes.len() - 3];
        assert!(entries(cut, |_| Ok(())).is_err());
    }
}
