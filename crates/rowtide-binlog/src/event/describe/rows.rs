//! The rows of an event, with the names and types of their columns as far as the binlog tells them.

use rowtide_event::{Column, Malformed, Reader, Table, Value};

use crate::event::{RowsEvent, RowsOperation, TableMap};
use crate::row::{Documents, ImageLayout, PartialError, RowPlan};
use crate::schema::metadata;
use crate::server::Flavour;

/// A table as its last table map has it.
#[derive(Debug)]
pub(super) struct LoggedTable {
    pub(super) table: Table,
    pub(super) plan: RowPlan,
    /// Whether it has times in the form before MySQL 5.6 from a MariaDB: they may have digits of a second, of which the
    /// binlog does not tell, and are taken for times without.
    digits_untold: bool,
}

impl LoggedTable {
    /// Fails where the table has a column that cannot be decoded.
    pub(super) fn of(map: &TableMap<'_>) -> Result<Self, Malformed> {
        let table = metadata::as_logged(map)?;
        let plan =
            RowPlan::compile(map, &table).map_err(|_| Malformed::Invalid("TABLE_MAP column metadata"))?;
        let digits_untold = map.written_by.flavour == Flavour::MariaDb
            && map.columns.iter().any(|column| column.wire_type.is_old_time());
        Ok(Self {
            table,
            plan,
            digits_untold,
        })
    }

    /// How many rows an event has, or why they cannot be shown although the event may be whole.
    pub(super) fn count_rows(&self, event: &RowsEvent<'_>) -> Result<Result<u64, String>, Malformed> {
        match self.plan.count_rows(event) {
            Err(cause @ Malformed::Unsupported(_)) => Ok(Err(cause.to_string())),
            Err(_) if self.digits_untold => Ok(Err(
                "times in the form before MySQL 5.6 have digits of a second, and the binlog does not tell how many; where \
                 the server still has the table, `rowtide tail` asks it"
                    .to_owned(),
            )),
            counted => counted.map(Ok),
        }
    }
}

/// The rows of an event, decoded when they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct DescribedRows<'a> {
    pub(super) logged: &'a LoggedTable,
    pub(super) event: RowsEvent<'a>,
}

/// A row that was changed.
#[derive(Debug, Clone, Copy)]
pub struct DescribedRow<'v> {
    /// The row before, of an update and a delete.
    pub before: Option<RowImage<'v>>,
    /// The row after, of an insert and an update.
    pub after: Option<RowImage<'v>>,
}

/// The columns of a row.
#[derive(Debug, Clone, Copy)]
pub struct RowImage<'v> {
    columns: &'v [Column],
    values: &'v [Value<'v>],
}

impl<'v> RowImage<'v> {
    /// The columns that are in the image and their values. A column has its name where the binlog has it, and else `@1` for
    /// the first and so on.
    pub fn columns(&self) -> impl Iterator<Item = (&'v Column, &'v Value<'v>)> {
        let all = self.columns.iter().zip(self.values);
        all.filter(|(_, value)| **value != Value::Absent)
    }
}

impl DescribedRows<'_> {
    /// Calls `show` with each row.
    ///
    /// # Errors
    /// If a row is damaged, or `show` fails.
    pub fn each<E: From<Malformed>>(
        &self,
        mut show: impl FnMut(DescribedRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (plan, event) = (&self.logged.plan, &self.event);
        let mut documents = Documents::default();
        if event.operation == RowsOperation::PartialUpdate {
            match plan.rebuild(event, &mut documents) {
                // Documents that are not known are left out of the image.
                Ok(()) | Err(PartialError::NoDocument) => {}
                Err(PartialError::Malformed(cause)) => return Err(cause.into()),
            }
        }
        plan.check(event)?;
        let layouts = plan.layouts(event)?;
        let mut unread = Reader::new(event.rows);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut done = 0;
        let mut without_columns = event.one_row_without_columns;
        while !unread.is_empty() || std::mem::take(&mut without_columns) {
            plan.read_image(&layouts.before, &mut unread, &mut first)?;
            match event.operation {
                RowsOperation::Update => plan.read_image(&layouts.after, &mut unread, &mut second)?,
                RowsOperation::PartialUpdate => {
                    self.partial(
                        &layouts.after,
                        &mut unread,
                        &first,
                        &mut second,
                        (&documents, &mut done),
                    )?;
                }
                RowsOperation::Insert | RowsOperation::Delete => {}
            }
            show(self.row(&first, &second))?;
        }
        Ok(())
    }

    /// A difference without operations leaves the document as it was.
    fn partial<'v>(
        &self,
        layout: &ImageLayout<'_>,
        unread: &mut Reader<'v>,
        before: &[Value<'v>],
        after: &mut Vec<Value<'v>>,
        (documents, done): (&'v Documents, &mut usize),
    ) -> Result<(), Malformed> {
        self.logged
            .plan
            .read_partial_image(layout, unread, after, |column, diffs| {
                if diffs.is_empty() {
                    return Ok(before.get(column).copied().unwrap_or(Value::Absent));
                }
                let document = documents.at(*done);
                *done = done.saturating_add(1);
                Ok(document.map_or(Value::Absent, Value::Json))
            })
    }

    fn row<'v>(&'v self, first: &'v [Value<'v>], second: &'v [Value<'v>]) -> DescribedRow<'v> {
        let image = |values| {
            Some(RowImage {
                columns: &self.logged.table.columns,
                values,
            })
        };
        match self.event.operation {
            RowsOperation::Insert => DescribedRow {
                before: None,
                after: image(first),
            },
            RowsOperation::Delete => DescribedRow {
                before: image(first),
                after: None,
            },
            RowsOperation::Update | RowsOperation::PartialUpdate => DescribedRow {
                before: image(first),
                after: image(second),
            },
        }
    }
}
