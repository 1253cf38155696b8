//! What would keep a run from running, without running it.

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::server::{self, Finding, ServerInfo};
use rowtide_event::TableId;

use crate::error::Error;
use crate::filter::TableFilter;
use crate::shapes;
use crate::source::{described, refuse_errors};

/// What was found about a source.
#[derive(Debug)]
pub struct Report {
    /// Version and identity.
    pub server: String,
    /// Settings and grants that are missing or in the way.
    pub findings: Vec<Finding>,
    /// Tables that the filter names in full and the server does not have.
    pub missing_tables: Vec<TableId>,
    /// How many tables are captured.
    pub captured_tables: usize,
}

impl Report {
    /// The findings as lines of text.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.findings.iter().map(described)
    }

    /// # Errors
    /// What would stop a run.
    pub fn verdict(&self) -> Result<(), Error> {
        refuse_errors(&self.findings)?;
        match self.missing_tables.first() {
            Some(missing) => Err(Error::UnknownTable(missing.clone())),
            None => Ok(()),
        }
    }
}

/// Connects to a source and looks at it as a run would.
///
/// # Errors
/// If it cannot be reached or refuses the login.
pub async fn source(options: &SourceOptions, server_id: u32, tables: &TableFilter) -> Result<Report, Error> {
    let mut client = Client::connect(options).await?;
    let info = ServerInfo::read(&mut client).await?;
    let grants = server::grants(&mut client).await?;
    let findings = server::preflight(&info, &grants, server_id);
    let names = shapes::captured_names(&mut client, tables).await?;
    let missing_tables = tables
        .literal_tables()
        .into_iter()
        .filter(|id| !names.contains(id))
        .collect();
    let server = format!("{} with the server_uuid {}", info.version, info.server_uuid);
    Ok(Report {
        server,
        findings,
        missing_tables,
        captured_tables: names.len(),
    })
}
