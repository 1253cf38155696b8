//! A row, or the key's part of it, as a JSON object.

use super::bytes;
use super::string;
use super::value::ValueWriter;
use crate::encode::{AbsentColumns, EncodeError, EncodeOptions, UNAVAILABLE};
use crate::{Column, ColumnType, Flavour, Malformed, Value};

/// Writes the rows of one version of a table.
#[derive(Debug, Clone)]
pub(super) struct RowWriter {
    columns: Box<[ColumnWriter]>,
    flavour: Flavour,
}

#[derive(Debug, Clone)]
struct ColumnWriter {
    /// `,"name":`
    field: Box<[u8]>,
    value: ValueWriter,
    absent: Absent,
    name: Box<str>,
}

/// What stands for a value that the row image does not have.
#[derive(Debug, Clone)]
enum Absent {
    Refused,
    LeftOut,
    Shown(Box<[u8]>),
}

/// Which image of a row: the row as it is now is all there is of it for whoever keeps only the last record of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Image {
    Before,
    After,
}

impl RowWriter {
    pub(super) fn compile(columns: &[Column], options: &EncodeOptions) -> Self {
        let compile = |column| ColumnWriter::compile(column, options);
        Self {
            columns: columns.iter().map(compile).collect(),
            flavour: options.flavour,
        }
    }

    /// Appends all columns, those that are not part of the row image as the options say.
    pub(super) fn write(
        &self,
        image: Image,
        row: &[Value<'_>],
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if row.len() != self.columns.len() {
            return Err(EncodeError::Width {
                values: row.len(),
                columns: self.columns.len(),
            });
        }
        let start = out.len();
        for (column, value) in self.columns.iter().zip(row) {
            if matches!(value, Value::Absent) {
                column.write_absent(image, self.flavour, out)?;
            } else {
                column.write(value, scratch, out)?;
            }
        }
        close_object(start, out);
        Ok(())
    }

    /// Appends the columns of a key, all of which have to be part of the row image.
    pub(super) fn write_key(
        &self,
        key: &[usize],
        row: &[Value<'_>],
        scratch: &mut Vec<u8>,
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
            column.write(value, scratch, out)?;
        }
        close_object(start, out);
        Ok(())
    }
}

impl ColumnWriter {
    fn compile(column: &Column, options: &EncodeOptions) -> Self {
        let mut field = vec![b','];
        string::write(&column.name, &mut field);
        field.push(b':');
        Self {
            field: field.into_boxed_slice(),
            value: ValueWriter::compile(&column.ty),
            absent: match options.absent_columns {
                // No setting of the server would make it log the value, which others in the row tell.
                AbsentColumns::Stop if column.generated && options.flavour == Flavour::MariaDb => {
                    Absent::LeftOut
                }
                AbsentColumns::Stop => Absent::Refused,
                AbsentColumns::Omit => Absent::LeftOut,
                AbsentColumns::Placeholder => placeholder(&column.ty),
            },
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
    fn write_absent(&self, image: Image, flavour: Flavour, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match (&self.absent, image) {
            (Absent::Refused, Image::After) => Err(EncodeError::Absent {
                column: self.name.to_string(),
                source_flavour: flavour,
            }),
            (Absent::Refused, Image::Before) | (Absent::LeftOut, _) => Ok(()),
            (Absent::Shown(value), _) => {
                out.extend_from_slice(&self.field);
                out.extend_from_slice(value);
                Ok(())
            }
        }
    }

    #[cold]
    fn error(&self, cause: Malformed) -> EncodeError {
        EncodeError::Column {
            column: self.name.to_string(),
            cause,
        }
    }
}

/// The placeholder in the form of the column's values. Members of ENUM and SET are not free to choose.
fn placeholder(ty: &ColumnType) -> Absent {
    let mut value = Vec::new();
    match ty {
        ColumnType::Text { .. } | ColumnType::Json => string::write(UNAVAILABLE, &mut value),
        ColumnType::Binary { .. } | ColumnType::Blob => {
            if bytes::write(UNAVAILABLE.as_bytes(), &mut value).is_err() {
                return Absent::LeftOut;
            }
        }
        _ => return Absent::LeftOut,
    }
    Absent::Shown(value.into_boxed_slice())
}

/// Every field was written with a comma before it: the first one's place is the brace's.
fn close_object(start: usize, out: &mut Vec<u8>) {
    match out.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}
