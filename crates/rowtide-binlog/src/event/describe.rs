//! What an event says, for people: its name and its fields as text.

use std::collections::HashMap;

use rowtide_event::{GtidSet, Malformed};

use crate::row::RowPlan;
use crate::schema::metadata;

use super::heartbeat::HeartbeatPosition;
use super::unpack::{Limits, Unpacker};
use super::{
    EventType, FormatDescription, GtidEvent, Header, Heartbeat, Incident, Query, Rotate, RowsEvent,
    RowsOperation, TableMap, TransactionPayload, XaPrepare, gtid_tagged, rows_query, xid,
};

/// An event's name and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The event's name, as the server calls it.
    pub type_name: &'static str,
    /// Names and values of its fields, in order. Rows are counted, not shown.
    pub fields: Vec<(&'static str, String)>,
    /// The events inside a TRANSACTION_PAYLOAD.
    pub inside: Vec<Description>,
}

type Fields = Vec<(&'static str, String)>;

/// Describes the events of a file in their order: what a rows event says depends on the events before it.
#[derive(Default)]
pub struct Describer {
    format: FormatDescription,
    tables: HashMap<u64, DescribedTable>,
}

/// A table as rows events need it.
struct DescribedTable {
    name: String,
    /// `None` where the table has a column that cannot be decoded.
    plan: Option<RowPlan>,
}

/// Tables that are kept; a file with more DDL than that loses the names of the oldest.
const MOST_TABLES: usize = 65_536;

impl Describer {
    /// Describes the next event. `body` is what is between header and checksum; of a FORMAT_DESCRIPTION, the checksum
    /// too.
    pub fn describe(&mut self, header: &Header, body: &[u8]) -> Result<Description, Malformed> {
        let mut fields = self.fields(header, body)?;
        if let EventType::Unknown(number) = header.event_type {
            fields.push(("number", number.to_string()));
            fields.push(("ignorable", header.flags.is_ignorable().to_string()));
        }
        let inside = match header.event_type {
            EventType::TransactionPayload => self.inside(&TransactionPayload::read(body)?)?,
            _ => Vec::new(),
        };
        Ok(Description {
            type_name: header.event_type.name(),
            fields,
            inside,
        })
    }

    fn inside(&mut self, payload: &TransactionPayload<'_>) -> Result<Vec<Description>, Malformed> {
        let limits = Limits {
            event: 1 << 30,
            window_log: 27,
        };
        let mut inside = Vec::new();
        Unpacker::new().unpack::<Malformed>(payload, limits, |event| {
            let (header, body) = Header::split(event)?;
            if header.event_type == EventType::TransactionPayload {
                return Err(Malformed::Invalid("TRANSACTION_PAYLOAD inside another"));
            }
            inside.push(self.describe(&header, body)?);
            Ok(())
        })?;
        Ok(inside)
    }

    fn fields(&mut self, header: &Header, body: &[u8]) -> Result<Fields, Malformed> {
        use EventType as E;
        let event_type = header.event_type;
        let post_header_len = |usual| {
            self.format
                .post_header_len(event_type)
                .filter(|len| *len != 0)
                .unwrap_or(usual)
        };
        match event_type {
            E::FormatDescription => {
                self.format = FormatDescription::read(body)?;
                self.tables.clear();
                Ok(format_description(&self.format))
            }
            E::Rotate => rotate(&Rotate::read(body)?),
            E::Query | E::ExecuteLoadQuery => query(&Query::read(body, post_header_len(13))?),
            E::Xid => Ok(vec![("xid", xid::read(body)?.to_string())]),
            E::Gtid | E::AnonymousGtid => gtid(&GtidEvent::read(body)?),
            E::GtidTagged => gtid(&gtid_tagged::read(body)?),
            E::PreviousGtids => Ok(vec![("gtids", GtidSet::decode(body)?.to_string())]),
            E::TableMap => self.table_map(&TableMap::read(body, post_header_len(8))?),
            E::RowsQuery => Ok(vec![("query", lossy(rows_query::read(body)?))]),
            E::Heartbeat => heartbeat(&Heartbeat::read(header, body)?),
            E::HeartbeatV2 => heartbeat(&Heartbeat::read_v2(body)?),
            E::TransactionPayload => payload(&TransactionPayload::read(body)?),
            E::XaPrepare => xa_prepare(&XaPrepare::read(body)?),
            E::Incident => incident(&Incident::read(body)?),
            _ => match RowsOperation::of(event_type) {
                Some(operation) => {
                    let usual = if event_type.number() < 30 { 8 } else { 10 };
                    self.rows(&RowsEvent::read(body, operation, post_header_len(usual))?)
                }
                None => Ok(Vec::new()),
            },
        }
    }

    fn table_map(&mut self, map: &TableMap<'_>) -> Result<Fields, Malformed> {
        let name = format!("{}.{}", map.database, map.table);
        let plan = metadata::types_only(map)
            .ok()
            .and_then(|table| RowPlan::compile(map, &table).ok());
        if self.tables.len() >= MOST_TABLES {
            self.tables.clear();
        }
        self.tables.insert(
            map.table_id,
            DescribedTable {
                name: name.clone(),
                plan,
            },
        );
        let columns = map.columns.iter().enumerate().map(|(at, column)| {
            let name = map.metadata.names.as_ref().and_then(|names| names.get(at));
            let null = if column.nullable { "" } else { " not null" };
            match name {
                Some(name) => format!("{name} {}{null}", column.wire_type),
                None => format!("{}{null}", column.wire_type),
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
            fields.push(("table", table.name.clone()));
        }
        if let Some(plan) = table.and_then(|table| table.plan.as_ref()) {
            fields.push(("rows", plan.count_rows(event)?.to_string()));
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

fn format_description(format: &FormatDescription) -> Fields {
    vec![
        ("server_version", format.server_version.clone()),
        ("created", format.created.to_string()),
        ("checksum", format!("{:?}", format.checksum).to_lowercase()),
    ]
}

fn rotate(rotate: &Rotate<'_>) -> Result<Fields, Malformed> {
    Ok(vec![
        ("file", rotate.file.to_owned()),
        ("position", rotate.pos.to_string()),
    ])
}

fn query(query: &Query<'_>) -> Result<Fields, Malformed> {
    let mut fields = vec![
        ("database", query.database.to_owned()),
        ("query", lossy(query.query)),
        ("thread_id", query.thread_id.to_string()),
    ];
    if query.error_code != 0 {
        fields.push(("error_code", query.error_code.to_string()));
    }
    if let Some(mode) = query.variables.sql_mode {
        fields.push(("sql_mode", format!("{mode:#x}")));
    }
    if let Some(collations) = query.variables.collations {
        fields.push(("client_collation", collations.client.to_string()));
    }
    Ok(fields)
}

fn gtid(event: &GtidEvent<'_>) -> Result<Fields, Malformed> {
    let mut fields = Vec::new();
    if let Some(gtid) = event.id()? {
        fields.push(("gtid", gtid.to_string()));
    }
    if let Some(commit) = event.commit {
        fields.push(("committed_us", commit.immediate_us.to_string()));
        fields.push(("originally_committed_us", commit.original_us.to_string()));
    }
    if let Some(len) = event.transaction_length {
        fields.push(("transaction_length", len.to_string()));
    }
    if let Some(version) = event.original_server_version {
        fields.push(("original_server_version", version.to_string()));
    }
    Ok(fields)
}

fn heartbeat(heartbeat: &Heartbeat<'_>) -> Result<Fields, Malformed> {
    let pos = match heartbeat.pos {
        HeartbeatPosition::Low(pos) => u64::from(pos),
        HeartbeatPosition::Full(pos) => pos,
    };
    Ok(vec![
        ("file", heartbeat.file.to_owned()),
        ("position", pos.to_string()),
    ])
}

fn payload(payload: &TransactionPayload<'_>) -> Result<Fields, Malformed> {
    let mut fields = vec![
        ("compression", format!("{:?}", payload.compression).to_lowercase()),
        ("bytes", payload.payload.len().to_string()),
    ];
    if let Some(size) = payload.uncompressed_size {
        fields.push(("uncompressed_bytes", size.to_string()));
    }
    Ok(fields)
}

fn xa_prepare(prepare: &XaPrepare<'_>) -> Result<Fields, Malformed> {
    Ok(vec![
        ("xid", prepare.xid.to_string()),
        ("one_phase", prepare.one_phase.to_string()),
    ])
}

fn incident(incident: &Incident<'_>) -> Result<Fields, Malformed> {
    Ok(vec![
        ("code", incident.code.to_string()),
        ("message", lossy(incident.message)),
    ])
}

/// A statement may be in any character set; what is shown to people need not be exact.
fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
