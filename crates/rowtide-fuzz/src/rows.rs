//! Rows with the table map that says how they are laid out.

use rowtide_binlog::event::EventType;

use crate::events::{BEGIN, decode};
use crate::frames::{Frame, sections};

/// A TABLE_MAP, two bytes of its length before it, the number of a rows event's type, and that event's body.
pub fn rows(data: &[u8]) {
    let [map, rest] = sections(data);
    let Some((number, body)) = rest.split_first() else {
        return;
    };
    let table_map = Frame {
        event_type: EventType::TableMap,
        body: map,
    };
    let rows = Frame {
        event_type: EventType::from_number(*number),
        body,
    };
    decode([BEGIN, table_map, rows]);
}
