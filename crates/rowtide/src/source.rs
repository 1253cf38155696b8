//! The source: connected, found fit, and asked for its binlog.

use rowtide_binlog::client::Client;
use rowtide_binlog::decoder::{Decoder, DecoderOptions};
use rowtide_binlog::replica::{DumpFrom, Replica, ReplicaOptions};
use rowtide_binlog::schema::NameCase;
use rowtide_binlog::server::{self, ConnectedReplica, Finding, Grants, ServerInfo, Severity};
use rowtide_event::Flavour;
use rowtide_event::encode::EncodeOptions;

use crate::backlog;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::history::HistoryWriter;
use crate::pipeline::CaptureSettings;
use crate::resume::{DumpStart, GtidState, Resume, ResumeRefused, SourceState};
use crate::shapes::Shapes;
use crate::visibility;

/// A connection to a server that can be captured.
pub(crate) struct Source {
    client: Client,
    info: ServerInfo,
    name_case: NameCase,
    pub(crate) state: SourceState,
    pub(crate) shapes: Shapes,
}

/// A binlog on its way, and what makes changes of it.
pub(crate) struct Dump {
    pub(crate) replica: Replica,
    pub(crate) decoder: Decoder,
    pub(crate) catalog: Catalog,
}

/// Connects, and reads what the server is, has and allows.
///
/// # Errors
/// [`Error::SourceUnfit`] lists everything that keeps the server from being captured.
pub(crate) async fn open(settings: &CaptureSettings) -> Result<Source, Error> {
    let mut client = Client::connect(&settings.source).await?;
    let info = ServerInfo::read(&mut client).await?;
    let grants = check_fit(&mut client, &info, settings).await?;
    let state = state(&mut client, &info).await?;
    let shapes = Shapes::read(&mut client, &info, settings, &state.end).await?;
    report(&visibility::findings(
        &info,
        &grants,
        &settings.tables,
        shapes.names(),
    ))?;
    let name_case = NameCase::of(info.lower_case_table_names);
    Ok(Source {
        client,
        info,
        name_case,
        state,
        shapes,
    })
}

async fn check_fit(
    client: &mut Client,
    info: &ServerInfo,
    settings: &CaptureSettings,
) -> Result<Grants, Error> {
    let grants = server::grants(client).await?;
    report(&server::preflight(info, &grants, settings.server_id))?;
    if !server::may_list_replicas(info, &grants) {
        return Ok(grants);
    }
    let replicas = server::connected_replicas(client).await?;
    let id = settings.server_id;
    if replicas.iter().any(|r| is_other(r, id, &settings.topic_prefix)) {
        return Err(Error::ServerIdInUse(id));
    }
    Ok(grants)
}

/// Logs warnings.
///
/// # Errors
/// As [`refuse_errors`].
fn report(findings: &[Finding]) -> Result<(), Error> {
    for finding in findings.iter().filter(|f| f.severity == Severity::Warning) {
        tracing::warn!("{}", described(finding));
    }
    refuse_errors(findings)
}

/// Whether a connected replica has the server id and is not the run of this topic prefix: such a one would be thrown out.
/// MariaDB tells a replica's name and no uuid.
pub(crate) fn is_other(replica: &ConnectedReplica, server_id: u32, topic_prefix: &str) -> bool {
    let ours = identity(server_id, topic_prefix);
    let same = match replica.uuid.as_str() {
        "" => replica.host == ours.name,
        uuid => uuid.eq_ignore_ascii_case(&ours.uuid().to_string()),
    };
    replica.server_id == server_id && !same
}

/// # Errors
/// [`Error::SourceUnfit`] with all findings that are errors.
pub(crate) fn refuse_errors(findings: &[Finding]) -> Result<(), Error> {
    let errors: Vec<String> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(described)
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::SourceUnfit(errors))
    }
}

/// A finding and its remedy in a line.
fn described(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    format!(
        "{severity}: {}. {}",
        finding.what.trim_end_matches('.'),
        finding.remedy
    )
}

fn replica_options(settings: &CaptureSettings) -> ReplicaOptions {
    ReplicaOptions {
        heartbeat_period: settings.heartbeat,
        ..identity(settings.server_id, &settings.topic_prefix)
    }
}

/// The name is part of the replica's identity: a new run of the same source replaces a dead one on the server.
fn identity(server_id: u32, topic_prefix: &str) -> ReplicaOptions {
    let mut options = ReplicaOptions::new(server_id);
    options.name = topic_prefix.chars().take(MAX_REPLICA_NAME).collect();
    options
}

/// The server's limit for the name of a replica, in characters (HOSTNAME_LENGTH of older servers).
const MAX_REPLICA_NAME: usize = 60;

async fn state(client: &mut Client, info: &ServerInfo) -> Result<SourceState, Error> {
    let status = server::binlog_status(client)
        .await?
        .ok_or(ResumeRefused::NoFiles)?;
    let files = server::binary_logs(client).await?;
    let purged = server::purged(client, info, files.first()).await?;
    let gtids = info.has_gtids().then(|| GtidState {
        executed: status.executed.clone(),
        purged,
    });
    Ok(SourceState {
        server_uuid: info.server_uuid.clone(),
        gtids,
        files: files.into_iter().map(|f| (f.name, f.size)).collect(),
        end: status.position,
    })
}

impl Source {
    /// Whose server it is.
    pub(crate) fn flavour(&self) -> Flavour {
        self.info.version.flavour
    }

    /// Reads again what may have moved on since it was read, for a checkpoint that was read later: an older instance may
    /// have written it a moment ago.
    pub(crate) async fn look_again(&mut self, settings: &CaptureSettings) -> Result<(), Error> {
        let state = state(&mut self.client, &self.info).await?;
        if state.end != self.state.end {
            self.shapes = Shapes::read(&mut self.client, &self.info, settings, &state.end).await?;
        }
        self.state = state;
        Ok(())
    }

    /// Tables that are named in full must exist.
    pub(crate) fn check_literal_tables(&self, filter: &TableFilter) -> Result<(), Error> {
        match filter
            .literal_tables()
            .into_iter()
            .find(|id| !self.shapes.exists(id))
        {
            Some(missing) => Err(Error::UnknownTable(missing)),
            None => Ok(()),
        }
    }

    /// Where shapes come from the server: looks for statements that change them between here and there.
    async fn read_backlog(
        &mut self,
        settings: &CaptureSettings,
        resume: &Resume,
        history: &HistoryWriter,
    ) -> Result<(), Error> {
        let Some(end) = self.shapes.asked_at() else {
            return Ok(());
        };
        let client = Client::connect(&settings.source).await?;
        let found = backlog::statements(client, replica_options(settings), resume, end, history).await?;
        self.shapes.expect(found, &mut self.client).await
    }

    /// Asks for the binlog from where `resume` says.
    pub(crate) async fn dump(mut self, settings: &CaptureSettings, resume: &Resume) -> Result<Dump, Error> {
        let history = HistoryWriter::new(&settings.topic_prefix, self.info.version, self.name_case);
        self.read_backlog(settings, resume, &history).await?;
        let from = dump_from(&resume.dump);
        let replica = Replica::start(self.client, &from, &replica_options(settings)).await?;
        let decoder_options = DecoderOptions {
            checksum: replica.checksum(),
            transactions_left_out: replica.transactions_left_out(),
            ..DecoderOptions::default()
        };
        let decoder = Decoder::new(decoder_options, resume.first_position().clone());
        let catalog = Catalog::new(
            settings.tables.clone(),
            encode_options(settings, self.info.version.flavour),
            self.shapes,
            history,
        );
        Ok(Dump {
            replica,
            decoder,
            catalog,
        })
    }
}

pub(crate) fn dump_from(start: &DumpStart) -> DumpFrom {
    match start {
        DumpStart::Gtid(set) => DumpFrom::Gtid(set.clone()),
        DumpStart::Position(position) => DumpFrom::Position(position.clone()),
    }
}

fn encode_options(settings: &CaptureSettings, flavour: Flavour) -> EncodeOptions {
    EncodeOptions {
        topic_prefix: settings.topic_prefix.clone(),
        connector_name: flavour.connector().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tombstones_on_delete: settings.tombstones_on_delete,
        absent_columns: settings.absent_columns,
        ..EncodeOptions::default()
    }
}
