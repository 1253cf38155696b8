//! A row, or the key's part of it, as a JSON object.

use super::string;
use super::value::ValueWriter;
use crate::encode::EncodeError;
use crate::{Column, Malformed, Value};

/// Writes the rows of one version of a table.
#[derive(Debug)]
pub(super) struct RowWriter {
    columns: Box<[ColumnWriter]>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct ColumnWriter {
    /// `,"name":`
    field: Box<[u8]>,
    value: ValueWriter,
    name: Box<str>,
}

impl RowWriter {
    pub(super) fn compile(columns: &[Column]) -> Self {
        Self {
            columns: columns.iter().map(ColumnWriter::compile).collect(),
            scratch: Vec::new(),
        }
    }

    /// Appends all columns that are part of the row image.
    pub(super) fn write(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if row.len() != self.columns.len() {
            return Err(EncodeError::Width {
                values: row.len(),
                columns: self.columns.len(),
            });
        }
        let start = out.len();
        for (column, value) in self.columns.iter().zip(row) {
            if !matches!(value, Value::Absent) {
                column.write(value, &mut self.scratch, out)?;
            }
        }
        close_object(start, out);
        Ok(())
    }

    /// Appends the columns of a key, all of which have to be part of the row image.
    pub(super) fn write_key(
        &mut self,
        key: &[usize],
        row: &[Value<'_>],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        for index in key {
            let (Some(column), Some(value)) = (self.columns.get(*index), row.get(*index)) else {
                return Err(EncodeError::Width {
                    values: row.len(),
                    columns: self.columns.len(),
                });
            };
            if matches!(value, Value::Absent) {
                return Err(EncodeError::KeyAbsent {
                    column: column.name.to_string(),
                });
            }
            column.write(value, &mut self.scratch, out)?;
        }
        close_object(start, out);
        Ok(())
    }
}

impl ColumnWriter {
    fn compile(column: &Column) -> Self {
        let mut field = vec![b','];
        string::write(&column.name, &mut field);
        field.push(b':');
        Self {
            field: field.into_boxed_slice(),
            value: ValueWriter::compile(&column.ty),
            name: column.name.as_str().into(),
        }
    }

    #[inline]
    fn write(&self, value: &Value<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.field);
        self.value
            .write(value, scratch, out)
            .map_err(|cause| self.error(cause))
    }

    #[cold]
    fn error(&self, cause: Malformed) -> EncodeError {
        EncodeError::Column {
            column: self.name.to_string(),
            cause,
        }
    }
}

/// Every field was written with a comma before it: the first one's place is the brace's.
fn close_object(start: usize, out: &mut Vec<u8>) {
    match out.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}
