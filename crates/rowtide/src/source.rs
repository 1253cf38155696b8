//! The source: connected, found fit, and asked for its binlog.

use std::collections::HashSet;

use rowtide_binlog::client::Client;
use rowtide_binlog::decoder::{Decoder, DecoderOptions};
use rowtide_binlog::replica::{DumpFrom, Replica, ReplicaOptions};
use rowtide_binlog::schema::NameCase;
use rowtide_binlog::schema::tracked::{SchemaTracker, Tracked};
use rowtide_binlog::server::{self, ConnectedReplica, Finding, Grants, ServerInfo, ServerVersion, Severity};
use rowtide_event::encode::EncodeOptions;
use rowtide_event::{BinlogPosition, Flavour, TableId};

use crate::backlog;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::history::HistoryWriter;
use crate::pictures::Pictures;
use crate::pipeline::CaptureSettings;
use crate::resume::{DumpStart, GtidState, Resume, ResumeRefused, SourceState, is_before};
use crate::schema::{Names, Recovered, Schema, Seeds};
use crate::{unnamed, visibility};

/// A connection to a server that can be captured.
pub(crate) struct Source {
    pub(crate) client: Client,
    pub(crate) info: ServerInfo,
    name_case: NameCase,
    pub(crate) state: SourceState,
    names: Names,
}

/// What is known of tables where the stream begins, and what is to become of it.
#[derive(Debug)]
pub(crate) enum Known {
    /// What the schema history has; all that happens to tables is written to it.
    FromHistory(Recovered),
    /// Nothing, and nothing is written down.
    Nothing,
}

/// Whether statements that are still to come are looked for where the binlog carries the shapes of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookAhead {
    /// They are not: it takes time.
    IfNeeded,
    /// They are.
    Always,
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
    let names = Names::ask(&mut client, &settings.tables).await?;
    report(&visibility::findings(
        &info,
        &grants,
        &settings.tables,
        &names.captured,
    ))?;
    let name_case = NameCase::of(info.lower_case_table_names);
    Ok(Source {
        client,
        info,
        name_case,
        state,
        names,
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

pub(crate) fn replica_options(settings: &CaptureSettings) -> ReplicaOptions {
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

    /// Which server it is.
    pub(crate) fn version(&self) -> ServerVersion {
        self.info.version
    }

    /// Whether `utf8` is short for utf8mb4 there.
    pub(crate) fn utf8_is_utf8mb4(&self) -> bool {
        self.info.utf8_is_utf8mb4
    }

    /// How it compares names.
    pub(crate) fn name_case(&self) -> NameCase {
        self.name_case
    }

    /// Reads again what may have moved on since it was read, for a checkpoint that was read later: an older instance may
    /// have written it a moment ago.
    pub(crate) async fn look_again(&mut self, settings: &CaptureSettings) -> Result<(), Error> {
        let state = state(&mut self.client, &self.info).await?;
        if state.end != self.state.end {
            self.names = Names::ask(&mut self.client, &settings.tables).await?;
        }
        self.state = state;
        Ok(())
    }

    /// Tables that are named in full must exist.
    pub(crate) fn check_literal_tables(&self, filter: &TableFilter) -> Result<(), Error> {
        match filter
            .literal_tables()
            .into_iter()
            .find(|id| !self.names.captured.contains(id))
        {
            Some(missing) => Err(Error::UnknownTable(missing)),
            None => Ok(()),
        }
    }

    /// Asks the server for captured tables that are not known, and for databases. Views are told of where the answer holds
    /// anyway: to look ahead for them alone is not worth while.
    async fn seeds(
        &mut self,
        settings: &CaptureSettings,
        resume: &Resume,
        known: &Known,
        look_ahead: LookAhead,
        history: &HistoryWriter,
    ) -> Result<Option<Seeds>, Error> {
        let is_logged = self.info.logs_shapes() && !self.info.logs_hidden_columns();
        let unknown = match known {
            Known::FromHistory(recovered) => self.not_in(recovered),
            Known::Nothing if is_logged => Vec::new(),
            Known::Nothing => self.names.captured.iter().cloned().collect(),
        };
        let knows_databases = match known {
            Known::FromHistory(recovered) => recovered.has_image,
            Known::Nothing => is_logged,
        };
        let knows_all = unknown.is_empty() && knows_databases;
        let views = match known {
            Known::Nothing if is_logged => HashSet::new(),
            _ => self.folded_views(),
        };
        if knows_all && views.is_empty() {
            return Ok(None);
        }
        let (client, source) = (&mut self.client, &settings.source);
        let mut seeds = Seeds::ask(client, source, &self.info, &unknown, views, &self.state.end).await?;
        if self.is_at(resume, seeds.after()) {
            seeds.reach();
        } else if (!is_logged && !knows_all) || look_ahead == LookAhead::Always {
            let client = Client::connect(&settings.source).await?;
            let options = replica_options(settings);
            let found = backlog::statements(client, options, resume, seeds.after(), history).await?;
            seeds.expect(found);
        }
        Ok(Some(seeds))
    }

    fn folded_views(&self) -> HashSet<TableId> {
        let views = self.names.views.iter();
        views.map(|id| self.name_case.folded_table(id)).collect()
    }

    fn not_in(&self, recovered: &Recovered) -> Vec<TableId> {
        let is_known = |id: &TableId| {
            let folded = self.name_case.folded_table(id);
            matches!(recovered.tracker.table(&folded), Tracked::Known(_))
        };
        self.names
            .captured
            .iter()
            .filter(|id| !is_known(id))
            .cloned()
            .collect()
    }

    /// Whether the stream begins behind everything that the server had at `end`, which is where it stood when the state
    /// was read if nothing has happened since.
    fn is_at(&self, resume: &Resume, end: &BinlogPosition) -> bool {
        if self.state.end != *end || resume.inside.is_some() {
            return false;
        }
        match (&resume.dump, &self.state.gtids) {
            (DumpStart::Gtid(done), Some(state)) => state.executed.is_subset_of(done),
            _ => !is_before(&resume.position, end),
        }
    }

    /// Asks for the binlog from where `resume` says.
    pub(crate) async fn dump(
        mut self,
        settings: &CaptureSettings,
        resume: &Resume,
        known: Known,
        look_ahead: LookAhead,
    ) -> Result<Dump, Error> {
        let history = HistoryWriter::new(
            &settings.topic_prefix,
            self.info.version,
            self.name_case,
            settings.comments,
        )
        .with_schema_changes(settings.include_schema_changes)
        .with_utf8_is_utf8mb4(self.info.utf8_is_utf8mb4);
        let seeds = self.seeds(settings, resume, &known, look_ahead, &history).await?;
        let options = replica_options(settings);
        let mut client = self.client;
        if let Some(from) = &resume.unnamed_from {
            unnamed::refuse(client, options.clone(), from).await?;
            client = Client::connect(&settings.source).await?;
        }
        let (replica, decoder) = start(client, &resume.dump, resume.first_position(), &options).await?;
        let writes_topics = matches!(known, Known::FromHistory(_));
        let (tracker, pictures) = match known {
            Known::FromHistory(recovered) => {
                let pictures = Pictures::of(&recovered);
                (recovered.tracker, pictures)
            }
            Known::Nothing => (SchemaTracker::new(), Pictures::none()),
        };
        let schema = Schema::new(tracker, seeds, self.name_case, settings.disagreement);
        let options = encode_options(settings, self.info.version.flavour);
        let mut catalog = Catalog::new(settings.tables.clone(), options, schema, history, pictures);
        if !writes_topics {
            catalog.share_topics();
        }
        catalog.arrive(&resume.position);
        Ok(Dump {
            replica,
            decoder,
            catalog,
        })
    }
}

/// Asks for the binlog, with a decoder for what comes. Its first event stands at `position`, as far as that is known.
pub(crate) async fn start(
    client: Client,
    from: &DumpStart,
    position: &BinlogPosition,
    options: &ReplicaOptions,
) -> Result<(Replica, Decoder), Error> {
    let from = match from {
        DumpStart::Gtid(set) => DumpFrom::Gtid(set.clone()),
        DumpStart::Position(position) => DumpFrom::Position(position.clone()),
    };
    let replica = Replica::start(client, &from, options).await?;
    let decoder_options = DecoderOptions {
        checksum: replica.checksum(),
        left_out: replica.left_out(),
        ..DecoderOptions::default()
    };
    let decoder = Decoder::new(decoder_options, position.clone());
    Ok((replica, decoder))
}

fn encode_options(settings: &CaptureSettings, flavour: Flavour) -> EncodeOptions {
    EncodeOptions {
        topic_prefix: settings.topic_prefix.clone(),
        flavour,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tombstones_on_delete: settings.tombstones_on_delete,
        absent_columns: settings.absent_columns,
        ..EncodeOptions::default()
    }
}
