//! What an event says, for people: its name and its fields as text, and its rows.

mod fields;
mod notes;
mod printed;
mod rows;

use std::collections::HashMap;

use std::borrow::Cow;

use rowtide_event::gtid::mysql;
use rowtide_event::{Gtid, Malformed, TableId};

pub use self::printed::{Hexadecimal, Printed};
pub use self::rows::{DescribedRow, DescribedRows, RowImage};

use self::notes::Statements;
use self::rows::LoggedTable;
use crate::schema::statement::{self, Class};
use crate::schema::{NameCase, Session};

use crate::row::Uncompressed;

use super::compressed::uncompress_event;
use super::unpack::{Limits, Unpacker};
use super::{
    EventType, FileBlock, FormatDescription, GtidEvent, Header, Heartbeat, Incident, Intvar,
    MariadbGtidEvent, Query, Rotate, RowsEvent, RowsHeader, RowsOperation, TableMap, TransactionPayload,
    UserVar, XaPrepare, annotate_rows, binlog_checkpoint, gtid_list, gtid_tagged, rand, rows_query, xid,
};

/// An event in words.
#[derive(Debug)]
pub struct Description<'a> {
    /// Its header; the length is that of the event alone, also inside a payload.
    pub header: Header,
    /// The event's name, as the server calls it.
    pub type_name: &'static str,
    /// Whether it came out of the TRANSACTION_PAYLOAD that was described before it.
    pub inside_payload: bool,
    /// The transaction that it belongs to, where that has a GTID.
    pub gtid: Option<Gtid>,
    /// The tables that it is about: of a rows event, or changed by its statement.
    pub tables: Vec<TableId>,
    /// Names and values of its fields, in order. Passwords in statements are not shown.
    pub fields: Vec<(&'static str, String)>,
    /// Its rows, where it has any and they can be decoded.
    pub rows: Option<DescribedRows<'a>>,
    /// What of it is not shown, and why; what is missing before it.
    pub notes: Vec<String>,
}

type Fields = Vec<(&'static str, String)>;

/// Describes the events of a file in their order: what a rows event says depends on the events before it.
#[derive(Default)]
pub struct Describer {
    format: FormatDescription,
    tables: HashMap<u64, DescribedTable>,
    gtid: Option<Gtid>,
    statements: Statements,
}

/// A table as rows events need it.
struct DescribedTable {
    id: TableId,
    /// Or why its rows cannot be decoded.
    logged: Result<LoggedTable, Malformed>,
    /// The statement that it is of.
    statement: u64,
}

/// Bytes of the largest event, compressed or not.
const MAX_EVENT: usize = 1 << 30;
/// Tables that are kept; a file with more DDL than that loses the names of the oldest.
const MOST_TABLES: usize = 65_536;

impl Describer {
    /// Calls `show` with the next event, and then with those inside it if it is a TRANSACTION_PAYLOAD. `body` is what is
    /// between header and checksum; of a FORMAT_DESCRIPTION, the checksum too.
    ///
    /// # Errors
    /// If the event is damaged or of an unknown format, or `show` fails.
    pub fn describe<E: From<Malformed>>(
        &mut self,
        header: &Header,
        body: &[u8],
        mut show: impl FnMut(&mut Description<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let plain = self.uncompressed(header, body)?;
        show(&mut self.one(header, &plain, false)?)?;
        if header.event_type != EventType::TransactionPayload {
            return Ok(());
        }
        let limits = Limits {
            event: MAX_EVENT,
            window_log: 27,
        };
        Unpacker::new().unpack(&TransactionPayload::read(body)?, limits, |event| {
            let (header, body) = Header::split(event)?;
            if header.event_type == EventType::TransactionPayload {
                return Err(Malformed::Invalid("TRANSACTION_PAYLOAD inside another").into());
            }
            show(&mut self.one(&header, body, true)?)
        })
    }

    /// The body of an event that MariaDB compressed, or whose rows have compressed values, as if it was not.
    fn uncompressed<'a>(&self, header: &Header, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Malformed> {
        let event_type = header.event_type;
        let head = |rest: &[u8]| {
            let head = body.len().saturating_sub(rest.len());
            body.get(..head).unwrap_or_default()
        };
        if event_type == EventType::QueryCompressed {
            let query = Query::read(body, self.post_header_len(event_type, 13))?;
            let mut plain = head(query.query).to_vec();
            uncompress_event(query.query, MAX_EVENT, &mut plain)?;
            return Ok(Cow::Owned(plain));
        }
        let logged = self
            .table(header, body)?
            .and_then(|table| table.logged.as_ref().ok());
        match (logged, RowsOperation::of(event_type)) {
            (Some(logged), Some(operation))
                if Uncompressed::is_needed(event_type, logged.plan.has_compressed_values()) =>
            {
                let usual = event_type.usual_rows_post_header_len();
                let event = RowsEvent::read(body, operation, self.post_header_len(event_type, usual))?;
                let mut uncompressed = Uncompressed::default();
                let opened = uncompressed.open(event, event_type, &logged.plan, MAX_EVENT)?;
                Ok(Cow::Owned([head(event.rows), opened.rows].concat()))
            }
            _ => Ok(Cow::Borrowed(body)),
        }
    }

    fn one<'a>(
        &'a mut self,
        header: &Header,
        body: &'a [u8],
        inside_payload: bool,
    ) -> Result<Description<'a>, Malformed> {
        let mut fields = self.fields(header, body)?;
        let notes = self.notes(header, body)?;
        if let EventType::Unknown(number) = header.event_type {
            fields.push(("number", number.to_string()));
            fields.push(("ignorable", header.flags.is_ignorable().to_string()));
        }
        self.follow_transaction(header, body)?;
        let tables = match header.event_type {
            EventType::Query | EventType::ExecuteLoadQuery | EventType::QueryCompressed => {
                self.statement(header.event_type, body, &mut fields)?
            }
            _ => self
                .table(header, body)?
                .map(|table| table.id.clone())
                .into_iter()
                .collect(),
        };
        Ok(Description {
            header: *header,
            type_name: header.event_type.name(),
            inside_payload,
            gtid: self.gtid.clone(),
            tables,
            fields,
            rows: self.described_rows(header, body)?,
            notes,
        })
    }

    /// A transaction lasts from its GTID to the next one, or to an event that stands between transactions.
    fn follow_transaction(&mut self, header: &Header, body: &[u8]) -> Result<(), Malformed> {
        use EventType as E;
        self.gtid = match header.event_type {
            E::Gtid => GtidEvent::read(body)?.id()?,
            E::GtidTagged => gtid_tagged::read(body)?.id()?,
            E::MariadbGtid => Some(Gtid::MariaDb(MariadbGtidEvent::read(body)?.id(header.server_id))),
            E::AnonymousGtid | E::FormatDescription | E::PreviousGtids | E::Rotate | E::Stop => None,
            _ => return Ok(()),
        };
        Ok(())
    }

    /// The tables that a statement changes, as far as that can be told; takes the passwords out of its text.
    fn statement(
        &self,
        event_type: EventType,
        body: &[u8],
        fields: &mut Fields,
    ) -> Result<Vec<TableId>, Malformed> {
        let query = Query::read(body, self.post_header_len(event_type, 13))?;
        let server = self.format.server();
        let session = Session::of(query.database, &query.variables, server, NameCase::Matters);
        let mut tables = Vec::new();
        for (_, text) in fields.iter_mut().filter(|(name, _)| *name == "query") {
            tables = match statement::classify(text, session) {
                Class::Table(statement) => statement.tables,
                Class::RowChange { table, .. } => table.into_iter().collect(),
                _ => Vec::new(),
            };
            if let Cow::Owned(redacted) = statement::redacted(text, session) {
                *text = redacted;
            }
        }
        Ok(tables)
    }

    /// The table of a table map or a rows event.
    fn table(&self, header: &Header, body: &[u8]) -> Result<Option<&DescribedTable>, Malformed> {
        let event_type = header.event_type;
        let usual = match event_type {
            EventType::TableMap => 8,
            _ if RowsOperation::of(event_type).is_some() => event_type.usual_rows_post_header_len(),
            _ => return Ok(None),
        };
        let rows = RowsHeader::read(body, self.post_header_len(event_type, usual))?;
        Ok(self.tables.get(&rows.table_id))
    }

    fn described_rows<'a>(
        &'a self,
        header: &Header,
        body: &'a [u8],
    ) -> Result<Option<DescribedRows<'a>>, Malformed> {
        let Some(operation) = RowsOperation::of(header.event_type) else {
            return Ok(None);
        };
        let logged = self
            .table(header, body)?
            .and_then(|table| table.logged.as_ref().ok());
        let usual = header.event_type.usual_rows_post_header_len();
        let event = RowsEvent::read(body, operation, self.post_header_len(header.event_type, usual))?;
        Ok(match logged {
            Some(logged) if logged.count_rows(&event)?.is_ok() => Some(DescribedRows { logged, event }),
            _ => None,
        })
    }

    fn post_header_len(&self, event_type: EventType, usual: usize) -> usize {
        self.format
            .post_header_len(event_type)
            .filter(|len| *len != 0)
            .unwrap_or(usual)
    }

    fn fields(&mut self, header: &Header, body: &[u8]) -> Result<Fields, Malformed> {
        use EventType as E;
        let event_type = header.event_type;
        let post_header_len = |usual| self.post_header_len(event_type, usual);
        match event_type {
            E::FormatDescription => {
                self.format = FormatDescription::read(body)?;
                self.tables.clear();
                Ok(fields::format_description(&self.format))
            }
            E::Rotate => fields::rotate(&Rotate::read(body)?),
            E::Query | E::ExecuteLoadQuery | E::QueryCompressed => {
                fields::query(&Query::read(body, post_header_len(13))?)
            }
            E::Xid => Ok(vec![("xid", xid::read(body)?.to_string())]),
            E::Intvar => fields::intvar(&Intvar::read(body)?),
            E::Rand => {
                let (first, second) = rand::read(body)?;
                Ok(vec![("seed1", first.to_string()), ("seed2", second.to_string())])
            }
            E::UserVar => {
                let variable = UserVar::read(body)?;
                Ok(vec![
                    ("name", variable.name.to_owned()),
                    ("value", variable.value.to_literal()),
                ])
            }
            E::BeginLoadQuery | E::AppendBlock | E::DeleteFile => {
                Ok(fields::file_block(&FileBlock::read(body)?))
            }
            E::Gtid | E::AnonymousGtid => fields::gtid(&GtidEvent::read(body)?),
            E::GtidTagged => fields::gtid(&gtid_tagged::read(body)?),
            E::PreviousGtids => Ok(vec![("gtids", mysql::GtidSet::decode(body)?.to_string())]),
            E::MariadbGtid => Ok(fields::mariadb_gtid(header, &MariadbGtidEvent::read(body)?)),
            E::GtidList => Ok(vec![("gtids", gtid_list::read(body)?.to_string())]),
            E::AnnotateRows => Ok(vec![("query", fields::lossy(annotate_rows::read(body)))]),
            E::BinlogCheckpoint => Ok(vec![("file", binlog_checkpoint::read(body)?.to_owned())]),
            E::TableMap => {
                let map = TableMap::read(body, post_header_len(8))?;
                let written_by = self.format.server();
                self.table_map(&TableMap { written_by, ..map })
            }
            E::RowsQuery => Ok(vec![("query", fields::lossy(rows_query::read(body)?))]),
            E::Heartbeat => fields::heartbeat(&Heartbeat::read(header, body)?),
            E::HeartbeatV2 => fields::heartbeat(&Heartbeat::read_v2(body)?),
            E::TransactionPayload => fields::payload(&TransactionPayload::read(body)?),
            E::XaPrepare => fields::xa_prepare(&XaPrepare::read(body)?),
            E::Incident => fields::incident(&Incident::read(body)?),
            _ => match RowsOperation::of(event_type) {
                Some(operation) => {
                    let usual = event_type.usual_rows_post_header_len();
                    self.rows(&RowsEvent::read(body, operation, post_header_len(usual))?)
                }
                None => Ok(Vec::new()),
            },
        }
    }

    fn table_map(&mut self, map: &TableMap<'_>) -> Result<Fields, Malformed> {
        let id = TableId::new(map.database, map.table);
        let name = id.to_string();
        if self.tables.len() >= MOST_TABLES {
            self.tables.clear();
        }
        let logged = LoggedTable::of(map);
        let statement = self.statements.number;
        let table = DescribedTable {
            id,
            logged,
            statement,
        };
        self.tables.insert(map.table_id, table);
        let columns = map.columns.iter().enumerate().map(|(at, column)| {
            let name = map.metadata.names.as_ref().and_then(|names| names.get(at));
            let null = if column.nullable { "" } else { " not null" };
            let sign = match column.wire_type {
                ty if ty.is_integer() && map.metadata.unsigned.is_none() => " of unknown sign",
                _ => "",
            };
            match name {
                Some(name) => format!("{name} {}{sign}{null}", column.wire_type),
                None => format!("{}{sign}{null}", column.wire_type),
            }
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        Ok(vec![
            ("table", name),
            ("table_id", map.table_id.to_string()),
            ("columns", columns),
        ])
    }

    fn rows(&self, event: &RowsEvent<'_>) -> Result<Fields, Malformed> {
        let table = self.tables.get(&event.header.table_id);
        let mut fields = Vec::new();
        if let Some(table) = table {
            fields.push(("table", table.id.to_string()));
        }
        if let Some(logged) = table.and_then(|table| table.logged.as_ref().ok()) {
            let count = logged.count_rows(event)?;
            fields.extend(count.ok().map(|count| ("rows", count.to_string())));
        }
        fields.push(("table_id", event.header.table_id.to_string()));
        fields.push(("columns", event.width.to_string()));
        fields.push(("columns_present", event.present.ones().to_string()));
        if event.operation.has_two_images() {
            fields.push(("columns_present_after", event.present_after.ones().to_string()));
        }
        if let Some(partition) = event.partition {
            fields.push(("partition", partition.id.to_string()));
            if let Some(source) = partition.source.filter(|source| *source != partition.id) {
                fields.push(("source_partition", source.to_string()));
            }
        }
        fields.push(("bytes", event.rows.len().to_string()));
        fields.push(("ends_statement", event.header.ends_statement().to_string()));
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::build::EventBuilder;
    use proptest::prelude::*;

    /// Describes an event without a checksum, and prints each value of its rows.
    fn describe(describer: &mut Describer, event: &[u8]) -> Result<Vec<String>, Malformed> {
        let (header, body) = Header::split(event)?;
        let mut told = Vec::new();
        describer.describe(&header, body, |event| {
            let number = event.gtid.as_ref().map(ToString::to_string);
            let number = number.as_deref().and_then(|gtid| gtid.rsplit(':').next());
            told.push(format!(
                "{} {} {:?} {}",
                event.type_name,
                number.unwrap_or("-"),
                event.tables,
                event.inside_payload
            ));
            let Some(rows) = event.rows else { return Ok(()) };
            rows.each(|row| {
                for image in [row.before, row.after].into_iter().flatten() {
                    for (column, value) in image.columns() {
                        told.push(format!("{} {:?}", column.name, Printed::of(value, &column.ty)?));
                    }
                }
                Ok::<_, Malformed>(())
            })
        })?;
        Ok(told)
    }

    #[test]
    fn a_payload_comes_first_and_then_what_is_in_it() {
        let mut describer = Describer::default();
        let gtid = EventBuilder::gtid(7).nested();
        assert_eq!(describe(&mut describer, &gtid).unwrap(), ["GTID 7 [] false"]);
        let inside = [
            EventBuilder::table_map(9, "shop", "t", 1),
            EventBuilder::write_rows(9, &[&[5]]),
        ];
        let payload = EventBuilder::payload(&inside, true).nested();
        let table = format!("{:?}", [TableId::new("shop", "t")]);
        assert_eq!(
            describe(&mut describer, &payload).unwrap(),
            [
                "TRANSACTION_PAYLOAD 7 [] false".to_owned(),
                format!("TABLE_MAP 7 {table} true"),
                format!("WRITE_ROWS 7 {table} true"),
                "c0 Number(\"5\")".to_owned(),
            ]
        );
        let rotate = EventBuilder::rotate("b.2", 4).nested();
        assert_eq!(describe(&mut describer, &rotate).unwrap(), ["ROTATE - [] false"]);
    }

    #[test]
    fn a_statement_tells_its_tables_and_not_its_passwords() {
        let event = EventBuilder::query("shop", "CREATE TABLE t (id INT) CONNECTION='hunter2'").nested();
        let (header, body) = Header::split(&event).unwrap();
        let mut seen = 0;
        Describer::default()
            .describe::<Malformed>(&header, body, |event| {
                seen += 1;
                assert_eq!(event.tables, [TableId::new("shop", "t")]);
                assert!(
                    event
                        .fields
                        .contains(&("query", "CREATE TABLE t (id INT) CONNECTION='***'".into()))
                );
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, 1);
    }

    #[test]
    fn a_statement_that_loads_a_file_has_more_in_front() {
        let file_and_its_name = [0; 13];
        let event = [
            &[1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0][..],
            &file_and_its_name,
            b"shop\0LOAD DATA INFILE 'f' INTO TABLE `t` (`a`)",
        ]
        .concat();
        let event = EventBuilder::new(EventType::ExecuteLoadQuery).body(&event);
        let table = format!("{:?}", [TableId::new("shop", "t")]);
        assert_eq!(
            describe(&mut Describer::default(), &event.nested()).unwrap(),
            [format!("EXECUTE_LOAD_QUERY - {table} false")]
        );
    }

    proptest! {
        #[test]
        fn never_panics(number in 0..=171_u8, body in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut describer = Describer::default();
            let _ = describe(&mut describer, &EventBuilder::table_map(9, "d", "t", 3).nested());
            let _ = describe(&mut describer, &EventBuilder::new(EventType::from_number(number)).body(&body).nested());
        }
    }
}
