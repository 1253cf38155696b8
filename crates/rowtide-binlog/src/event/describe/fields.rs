//! The fields of each event, by their names.

use rowtide_event::Malformed;

use crate::event::heartbeat::HeartbeatPosition;
use crate::event::{
    FileBlock, FormatDescription, GtidEvent, Header, Heartbeat, Incident, Intvar, MariadbGtidEvent, Query,
    Rotate, TransactionPayload, XaPrepare,
};

use super::Fields;

pub(super) fn format_description(format: &FormatDescription) -> Fields {
    vec![
        ("server_version", format.server_version.clone()),
        ("created", format.created.to_string()),
        ("checksum", format!("{:?}", format.checksum).to_lowercase()),
    ]
}

pub(super) fn intvar(intvar: &Intvar) -> Result<Fields, Malformed> {
    let name = intvar
        .name()
        .ok_or(Malformed::Unsupported("variable of an INTVAR"))?;
    Ok(vec![(name, intvar.value.to_string())])
}

pub(super) fn file_block(block: &FileBlock<'_>) -> Fields {
    vec![
        ("file_id", block.file_id.to_string()),
        ("bytes", block.data.len().to_string()),
    ]
}

pub(super) fn rotate(rotate: &Rotate<'_>) -> Result<Fields, Malformed> {
    Ok(vec![
        ("file", rotate.file.to_owned()),
        ("position", rotate.pos.to_string()),
    ])
}

pub(super) fn query(query: &Query<'_>) -> Result<Fields, Malformed> {
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

pub(super) fn gtid(event: &GtidEvent<'_>) -> Result<Fields, Malformed> {
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

pub(super) fn mariadb_gtid(header: &Header, event: &MariadbGtidEvent<'_>) -> Fields {
    let mut fields = vec![
        ("gtid", event.id(header.server_id).to_string()),
        ("flags", format!("{:#04x}", event.flags.0)),
    ];
    if let Some(number) = event.group_commit {
        fields.push(("group_commit", number.to_string()));
    }
    if let Some(xid) = event.xid {
        fields.push(("xid", xid.to_string()));
    }
    if let Some(alter) = event.alter {
        fields.push(("alter", format!("{alter:?}").to_lowercase()));
    }
    if let Some(thread) = event.thread {
        fields.push(("thread_id", thread.to_string()));
    }
    fields
}

pub(super) fn heartbeat(heartbeat: &Heartbeat<'_>) -> Result<Fields, Malformed> {
    let pos = match heartbeat.pos {
        HeartbeatPosition::Low(pos) => u64::from(pos),
        HeartbeatPosition::Full(pos) => pos,
    };
    Ok(vec![
        ("file", heartbeat.file.to_owned()),
        ("position", pos.to_string()),
    ])
}

pub(super) fn payload(payload: &TransactionPayload<'_>) -> Result<Fields, Malformed> {
    let mut fields = vec![
        ("compression", format!("{:?}", payload.compression).to_lowercase()),
        ("bytes", payload.payload.len().to_string()),
    ];
    if let Some(size) = payload.uncompressed_size {
        fields.push(("uncompressed_bytes", size.to_string()));
    }
    Ok(fields)
}

pub(super) fn xa_prepare(prepare: &XaPrepare<'_>) -> Result<Fields, Malformed> {
    Ok(vec![
        ("xid", prepare.xid.to_string()),
        ("one_phase", prepare.one_phase.to_string()),
    ])
}

pub(super) fn incident(incident: &Incident<'_>) -> Result<Fields, Malformed> {
    Ok(vec![
        ("code", incident.code.to_string()),
        ("message", lossy(incident.message)),
    ])
}

/// A statement may be in any character set; what is shown to people need not be exact.
pub(super) fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
