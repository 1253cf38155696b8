//! What would keep a run from running, without running it.

use std::collections::HashSet;

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::server::{self, ConnectedReplica, Finding, Grants, ServerInfo, Severity};
use rowtide_event::{Flavour, TableId};

use crate::error::Error;
use crate::filter::TableFilter;
use crate::schema;
use crate::source::{is_other, refuse_errors};
use crate::visibility;

/// What was found about a source.
#[derive(Debug)]
pub struct Report {
    /// Version and identity.
    pub server: String,
    /// Settings, grants and tables that are missing or in the way, each with what mends it.
    pub findings: Vec<Finding>,
    /// How many of the tables that the account sees are captured.
    pub captured_tables: usize,
}

impl Report {
    /// How many findings would stop a run.
    pub fn errors(&self) -> usize {
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        self.findings.iter().filter(is_error).count()
    }

    /// # Errors
    /// [`Error::SourceUnfit`] with all that would stop a run.
    pub fn verdict(&self) -> Result<(), Error> {
        refuse_errors(&self.findings)
    }
}

/// Connects to a source and looks at it as a run would that has this server id and, if it is known already, this topic
/// prefix.
///
/// # Errors
/// If it cannot be reached or refuses the login.
pub async fn source(
    options: &SourceOptions,
    server_id: u32,
    topic_prefix: Option<&str>,
    tables: &TableFilter,
) -> Result<Report, Error> {
    let mut client = Client::connect(options).await?;
    let info = ServerInfo::read(&mut client).await?;
    let grants = server::grants(&mut client).await?;
    let seen = schema::Names::ask(&mut client, tables).await?.captured;
    let mut findings = server::preflight(&info, &grants, server_id);
    findings.extend(visibility::findings(&info, &grants, tables, &seen));
    findings.extend(missing_tables(&grants, tables, &seen));
    if server::may_list_replicas(&info, &grants) {
        let replicas = server::connected_replicas(&mut client).await?;
        findings.extend(same_server_id(&replicas, server_id, topic_prefix));
    }
    Ok(Report {
        server: format!(
            "{} with the {} {}",
            info.version,
            identity(&info),
            info.server_uuid
        ),
        findings,
        captured_tables: seen.len(),
    })
}

/// What the server calls its identity.
fn identity(info: &ServerInfo) -> &'static str {
    match info.version.flavour {
        Flavour::MySql => "server_uuid",
        Flavour::MariaDb => "server_uid",
    }
}

fn missing_tables(grants: &Grants, tables: &TableFilter, seen: &HashSet<TableId>) -> Vec<Finding> {
    let named = tables.literal_tables();
    let missing = named.iter().filter(|id| !seen.contains(id));
    missing.map(|id| visibility::missing(grants, id)).collect()
}

/// A replica of the same id is another one, or the very run that is asked about: its name tells which.
fn same_server_id(
    replicas: &[ConnectedReplica],
    server_id: u32,
    topic_prefix: Option<&str>,
) -> Option<Finding> {
    let with_id = |r: &&ConnectedReplica| r.server_id == server_id;
    let (severity, what) = match topic_prefix {
        Some(prefix) => {
            replicas.iter().find(|r| is_other(r, server_id, prefix))?;
            (
                Severity::Error,
                format!("Another replica of the source has the server id {server_id}"),
            )
        }
        None => {
            replicas.iter().find(with_id)?;
            (
                Severity::Warning,
                format!(
                    "A replica of the source has the server id {server_id}: with --topic-prefix it could be told \
                     whether it is another than this one"
                ),
            )
        }
    };
    Some(Finding {
        severity,
        what,
        remedy: "Give this one a --server-id of its own; those in use: SHOW REPLICAS;".to_owned(),
    })
}
