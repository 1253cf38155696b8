//! What of an event is not shown, and what is missing before it.

use rowtide_event::Malformed;

use super::{DescribedTable, Describer};
use crate::event::{EventType, Header, Query, RowsEvent, RowsHeader, RowsOperation};
use crate::row::{Documents, PartialError};

/// Where statements begin and end: the last rows of one say so, and its table maps are not valid behind them.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// The statement at hand.
    pub(super) number: u64,
    /// Whether it has rows and the last of them are still to come.
    is_open: bool,
}

impl Describer {
    /// Notes about an event whose fields were read.
    pub(super) fn notes(&mut self, header: &Header, body: &[u8]) -> Result<Vec<String>, Malformed> {
        use EventType as E;
        let event_type = header.event_type;
        let mut notes = Vec::new();
        if RowsOperation::of(event_type).is_some() {
            notes.extend(self.notes_of_rows(header, body)?);
        } else if self.ends_transaction(header, body)? && self.end_statement() {
            notes.push(
                "the transaction ends inside of a statement: the last rows of the statement are missing"
                    .to_owned(),
            );
        }
        let not_shown = match event_type {
            E::PreGaWriteRows | E::PreGaUpdateRows | E::PreGaDeleteRows => {
                "its rows are not shown: they are in the form of the development versions before MySQL 5.1.18, in which \
                 only the server that has the table can read them"
            }
            E::Load | E::CreateFile | E::ExecLoad | E::NewLoad | E::Slave | E::StartV3 => {
                "its contents are not shown: they are in the form of MySQL 4"
            }
            E::PartialRowData => {
                "its rows are not shown: rows events in pieces (binlog_row_event_fragment_threshold) are not supported yet"
            }
            E::Unknown(_) if !header.flags.is_ignorable() => {
                "its contents are not shown: this version of Rowtide does not know such events, which may not be skipped"
            }
            _ => return Ok(notes),
        };
        notes.push(not_shown.to_owned());
        Ok(notes)
    }

    fn notes_of_rows(&mut self, header: &Header, body: &[u8]) -> Result<Option<String>, Malformed> {
        let event_type = header.event_type;
        let post_header_len = self.post_header_len(event_type, event_type.usual_rows_post_header_len());
        let rows = RowsHeader::read(body, post_header_len)?;
        let note = match self.tables.get(&rows.table_id) {
            _ if rows.is_dummy() => None,
            Some(table) => table.note(self.statements.number, header, body, post_header_len)?,
            None => Some(format!(
                "its rows are not shown: the TABLE_MAP of table number {} is missing before them",
                rows.table_id
            )),
        };
        self.statements.is_open = true;
        if rows.ends_statement() {
            self.end_statement();
        }
        Ok(note)
    }

    /// Ends the statement at hand, and says whether it was still open.
    fn end_statement(&mut self) -> bool {
        self.statements.number = self.statements.number.wrapping_add(1);
        std::mem::take(&mut self.statements.is_open)
    }

    fn ends_transaction(&self, header: &Header, body: &[u8]) -> Result<bool, Malformed> {
        use EventType as E;
        Ok(match header.event_type {
            E::Query => {
                let query = Query::read(body, self.post_header_len(E::Query, 13))?;
                query.query == b"COMMIT"
            }
            E::Xid | E::XaPrepare | E::Gtid | E::GtidTagged | E::AnonymousGtid | E::MariadbGtid => true,
            _ => false,
        })
    }
}

impl DescribedTable {
    /// What is to be said about rows of the table.
    fn note(
        &self,
        statement: u64,
        header: &Header,
        body: &[u8],
        post_header_len: usize,
    ) -> Result<Option<String>, Malformed> {
        let logged = match &self.logged {
            Ok(logged) => logged,
            Err(cause) => {
                return Ok(Some(format!(
                    "its rows are not shown: {cause}, in table {}",
                    self.id
                )));
            }
        };
        if self.statement != statement {
            return Ok(Some(format!(
                "the TABLE_MAP of table {} is missing from the statement: its rows are shown as the last one has it",
                self.id
            )));
        }
        let Some(operation) = RowsOperation::of(header.event_type) else {
            return Ok(None);
        };
        let event = RowsEvent::read(body, operation, post_header_len)?;
        if let Err(cause) = logged.count_rows(&event)? {
            return Ok(Some(format!(
                "its rows are not shown: {cause}, in table {}",
                self.id
            )));
        }
        if operation != RowsOperation::PartialUpdate {
            return Ok(None);
        }
        match logged.plan.rebuild(&event, &mut Documents::default()) {
            Err(PartialError::NoDocument) => Ok(Some(
                "a JSON column is logged as a difference from a document that is not in the row image: its new value is \
                 nowhere in the binlog, and not shown"
                    .to_owned(),
            )),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::build::EventBuilder;

    /// The notes about each event, as they come behind each other.
    fn notes(events: &[EventBuilder]) -> Vec<Vec<String>> {
        let mut describer = Describer::default();
        let mut all = Vec::new();
        for event in events {
            let event = event.clone().nested();
            let (header, body) = Header::split(&event).unwrap();
            describer
                .describe::<Malformed>(&header, body, |event| {
                    all.push(event.notes.clone());
                    Ok(())
                })
                .unwrap();
        }
        all
    }

    fn map() -> EventBuilder {
        EventBuilder::table_map(9, "shop", "t", 1)
    }

    fn rows() -> EventBuilder {
        EventBuilder::write_rows(9, &[&[5]])
    }

    /// Rows that are not the last of their statement.
    fn first_rows() -> EventBuilder {
        let body = [9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0xff, 0, 5, 0, 0, 0];
        EventBuilder::new(EventType::WriteRows).body(&body)
    }

    #[test]
    fn whole_statements_have_none() {
        let events = [map(), first_rows(), rows(), map(), rows(), EventBuilder::xid(7)];
        assert!(notes(&events).concat().is_empty());
    }

    #[test]
    fn what_is_missing_is_said() {
        let without_map = notes(&[rows()]).concat();
        assert_eq!(
            without_map,
            ["its rows are not shown: the TABLE_MAP of table number 9 is missing before them"]
        );
        let second_without = notes(&[map(), rows(), rows()]);
        assert!(second_without[..2].concat().is_empty());
        assert_eq!(
            second_without[2],
            [
                "the TABLE_MAP of table shop.t is missing from the statement: its rows are shown as the last one has it"
            ]
        );
        let cut = notes(&[map(), first_rows(), EventBuilder::xid(7), EventBuilder::xid(8)]);
        assert_eq!(
            cut[2],
            ["the transaction ends inside of a statement: the last rows of the statement are missing"]
        );
        assert!(cut[3].is_empty());
    }

    #[test]
    fn images_that_do_not_tell_how_many_rows_there_are() {
        let body = [9, 0, 0, 0, 0, 0, 1, 0, 1, 0];
        let event = EventBuilder::new(EventType::WriteRowsV1).body(&body);
        assert_eq!(
            notes(&[map(), event])[1],
            ["its rows are not shown: a row image without any column is not supported, in table shop.t"]
        );
    }

    #[test]
    fn what_is_not_shown_is_said() {
        for (number, words) in [
            (20, "MySQL 5.1.18"),
            (6, "MySQL 4"),
            (172, "in pieces"),
            (99, "does not know such events"),
        ] {
            let event = EventBuilder::new(EventType::from_number(number)).body(&[0; 20]);
            let notes = notes(&[event]).concat();
            assert!(
                notes.len() == 1 && notes[0].contains(words),
                "{number}: {notes:?}"
            );
        }
        let ignorable = EventBuilder::new(EventType::from_number(99)).flags(0x80);
        assert!(notes(&[ignorable]).concat().is_empty());
        // A column that is the hidden one of a multi-valued index.
        let typed_array = [
            &[9, 0, 0, 0, 0, 0, 1, 0][..],
            b"\x04shop\0\x01t\0\x01\x14\x01\x08\x01",
        ]
        .concat();
        let typed_array = EventBuilder::new(EventType::TableMap).body(&typed_array);
        assert_eq!(
            notes(&[typed_array, rows()]).concat(),
            [
                "its rows are not shown: the hidden column of a multi-valued index is not supported, in table shop.t"
            ]
        );
    }
}
