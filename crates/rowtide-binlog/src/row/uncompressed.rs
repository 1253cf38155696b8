//! Rows events of MariaDB with compressed images or values, made such that a [`RowPlan`] reads them.

use rowtide_event::Malformed;

use crate::event::compressed::uncompress_event;
use crate::event::{EventType, RowsEvent};

use super::RowPlan;

/// What events and values are uncompressed into: kept, so that it need not be allocated for each event.
#[derive(Debug, Default)]
pub(crate) struct Uncompressed {
    rows: Vec<u8>,
    values: Vec<u8>,
}

impl Uncompressed {
    /// How much memory is kept from one event to the next.
    const KEEP: usize = 1 << 20;

    /// Whether [`open`](Self::open) has anything to do.
    pub(crate) fn is_needed(event_type: EventType, has_compressed_values: bool) -> bool {
        event_type.has_compressed_rows() || has_compressed_values
    }

    /// The event with its images as a plan reads them: neither they nor the values in them compressed.
    pub(crate) fn open<'a>(
        &'a mut self,
        mut event: RowsEvent<'a>,
        event_type: EventType,
        plan: &RowPlan,
        limit: usize,
    ) -> Result<RowsEvent<'a>, Malformed> {
        self.rows.clear();
        self.values.clear();
        if event_type.has_compressed_rows() {
            uncompress_event(event.rows, limit, &mut self.rows)?;
            event.rows = &self.rows;
        }
        if plan.has_compressed_values() {
            plan.uncompress_values(&event, limit, &mut self.values)?;
            event.rows = &self.values;
        }
        Ok(event)
    }

    /// Gives back memory that an exceptional event has taken.
    pub(crate) fn shrink(&mut self) {
        for buffer in [&mut self.rows, &mut self.values] {
            buffer.clear();
            buffer.shrink_to(Self::KEEP);
        }
    }
}
