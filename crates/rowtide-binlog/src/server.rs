//! What a server is and how it is set up: facts, positions, and what would keep a replica from working.

mod grants;
mod preflight;
mod version;

use std::collections::HashMap;

use rowtide_event::{BinlogPosition, GtidSet};

pub use self::grants::Grants;
pub use self::preflight::{Finding, Severity, may_list_replicas, preflight};
pub use self::version::{Flavour, ServerVersion};

use crate::client::{Client, ClientError, QueryResult, ResultRow};

/// A server's version and settings, as far as they matter to a replica. Settings that a server does not have are
/// empty, off or 0.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerInfo {
    /// The version.
    pub version: ServerVersion,
    /// The server's own identity: `server_uuid`, on MariaDB `server_uid`, or where it has neither (before 10.11.9) the
    /// server id as `server_id=7`.
    pub server_uuid: String,
    /// The server's id as a source.
    pub server_id: u32,
    /// Whether it writes a binlog.
    pub log_bin: bool,
    /// `ROW`, `STATEMENT` or `MIXED`.
    pub binlog_format: String,
    /// `FULL`, `MINIMAL` or `NOBLOB`.
    pub binlog_row_image: String,
    /// `FULL`, `MINIMAL`, or MariaDB's `NO_LOG`; empty where the server does not have it (MySQL before 8.0.1).
    pub binlog_row_metadata: String,
    /// `PARTIAL_JSON` or empty.
    pub binlog_row_value_options: String,
    /// `ON`, `OFF`, `ON_PERMISSIVE` or `OFF_PERMISSIVE`; empty on MariaDB.
    pub gtid_mode: String,
    /// All transactions of its history, on MariaDB of its binlog (`gtid_binlog_state`); empty where GTIDs are off.
    pub gtid_executed: GtidSet,
    /// Those that are in no binlog file any more; on MariaDB it is [`purged`] that tells.
    pub gtid_purged: GtidSet,
    /// How names of databases and tables are compared: 0 as they are, 1 and 2 without regard to case.
    pub lower_case_table_names: u8,
    /// `CRC32` or `NONE`.
    pub binlog_checksum: String,
    /// Bytes of the largest packet that it takes.
    pub max_allowed_packet: u64,
    /// Whether it compresses transactions in the binlog.
    pub binlog_transaction_compression: bool,
    /// Whether `utf8` is short for utf8mb4 in its statements, as on a MariaDB whose `old_mode` lacks `UTF8_IS_UTF8MB3`.
    pub utf8_is_utf8mb4: bool,
}

const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_id', 'log_bin', \
     'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options', 'gtid_mode', \
     'gtid_executed', 'gtid_purged', 'gtid_binlog_state', 'server_uid', 'lower_case_table_names', 'binlog_checksum', 'max_allowed_packet', \
     'binlog_transaction_compression', 'old_mode', 'version')";

/// What cannot be learnt of a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerInfoError {
    /// A query failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A value that cannot be read.
    #[error("the server's {name} is `{value}`, which is not understood")]
    Value {
        /// The setting or column.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

impl ServerInfo {
    /// Asks the server.
    ///
    /// # Errors
    /// If the query fails, or a value is not understood.
    pub async fn read(client: &mut Client) -> Result<Self, ServerInfoError> {
        Self::of(&Settings::of(&client.query(VARIABLES).await?))
    }

    fn of(settings: &Settings) -> Result<Self, ServerInfoError> {
        let version: ServerVersion = parse("version", &settings.text("version"))?;
        Ok(Self {
            version,
            server_uuid: settings.identity(version.flavour),
            server_id: settings.number("server_id")?,
            log_bin: settings.is_on("log_bin"),
            binlog_format: settings.text("binlog_format"),
            binlog_row_image: settings.text("binlog_row_image"),
            binlog_row_metadata: settings.text("binlog_row_metadata"),
            binlog_row_value_options: settings.text("binlog_row_value_options"),
            gtid_mode: settings.text("gtid_mode"),
            gtid_executed: match version.flavour {
                Flavour::MySql => settings.gtid_set("gtid_executed")?,
                Flavour::MariaDb => settings.gtid_set("gtid_binlog_state")?,
            },
            gtid_purged: settings.gtid_set("gtid_purged")?,
            lower_case_table_names: settings.number("lower_case_table_names")?,
            binlog_checksum: settings.text("binlog_checksum"),
            max_allowed_packet: settings.number("max_allowed_packet")?,
            binlog_transaction_compression: settings.is_on("binlog_transaction_compression"),
            utf8_is_utf8mb4: settings.utf8_is_utf8mb4(version),
        })
    }

    /// Whether the binlog tells all about the shapes of tables: with FULL metadata, but for types that MariaDB logs as if they
    /// were others.
    pub fn logs_shapes(&self) -> bool {
        self.version.flavour == Flavour::MySql && self.binlog_row_metadata.eq_ignore_ascii_case("FULL")
    }

    /// Whether the binlog shows the hidden columns of functional indexes as if they were columns of the table.
    pub fn logs_hidden_columns(&self) -> bool {
        let version = self.version;
        version.flavour == Flavour::MySql && version.is_at_least(8, 0, 13) && !version.is_at_least(8, 0, 18)
    }

    /// Whether every transaction has a GTID, so that a stream can begin from a set of them.
    pub fn has_gtids(&self) -> bool {
        self.version.flavour == Flavour::MariaDb || self.gtid_mode.eq_ignore_ascii_case("ON")
    }
}

/// Variables by name.
struct Settings(HashMap<String, String>);

impl Settings {
    fn of(result: &QueryResult) -> Self {
        let text = |row: ResultRow<'_>, at| row.nth_text(at).unwrap_or_default().into_owned();
        Self(
            result
                .iter()
                .map(|row| (text(row, 0).to_lowercase(), text(row, 1)))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn is_on(&self, name: &str) -> bool {
        matches!(self.text(name).to_ascii_uppercase().as_str(), "ON" | "1")
    }

    fn number<T: std::str::FromStr + Default>(&self, name: &'static str) -> Result<T, ServerInfoError> {
        let value = self.text(name);
        if value.is_empty() {
            Ok(T::default())
        } else {
            parse(name, &value)
        }
    }

    fn identity(&self, flavour: Flavour) -> String {
        let known = match flavour {
            Flavour::MySql => self.text("server_uuid"),
            Flavour::MariaDb => self.text("server_uid"),
        };
        match (flavour, known.as_str()) {
            (Flavour::MariaDb, "") => format!("server_id={}", self.text("server_id")),
            _ => known,
        }
    }

    /// The flag came with 10.6.1; before that `utf8` was utf8mb3.
    fn utf8_is_utf8mb4(&self, version: ServerVersion) -> bool {
        let has_flag = version.flavour == Flavour::MariaDb && version.is_at_least(10, 6, 1);
        has_flag && !self.text("old_mode").contains("UTF8_IS_UTF8MB3")
    }

    fn gtid_set(&self, name: &'static str) -> Result<GtidSet, ServerInfoError> {
        parse(name, &self.text(name))
    }
}

fn parse<T: std::str::FromStr>(name: &'static str, value: &str) -> Result<T, ServerInfoError> {
    value.parse().map_err(|_| ServerInfoError::Value {
        name,
        value: value.to_owned(),
    })
}

/// How far a server's binlog goes.
#[derive(Debug, Clone, PartialEq)]
pub struct BinlogStatus {
    /// The end of the newest file.
    pub position: BinlogPosition,
    /// All transactions up to there; empty where GTIDs are off.
    pub executed: GtidSet,
}

/// Reads how far the server's binlog goes; `None` if it writes none.
///
/// # Errors
/// If the account lacks `REPLICATION CLIENT`, or the connection breaks.
pub async fn binlog_status(client: &mut Client) -> Result<Option<BinlogStatus>, ServerInfoError> {
    let status = query_either(client, "SHOW BINARY LOG STATUS", "SHOW MASTER STATUS").await?;
    let Some(row) = status.first() else {
        return Ok(None);
    };
    let position = BinlogPosition::new(row.text("File").unwrap_or_default(), number(row, "Position")?);
    let executed = match row.text("Executed_Gtid_Set") {
        Some(set) => parse("Executed_Gtid_Set", &set)?,
        // MariaDB's status has no GTIDs.
        None => gtid_set_of(client, "SELECT @@GLOBAL.gtid_binlog_state").await?,
    };
    Ok(Some(BinlogStatus { position, executed }))
}

/// Reads which transactions are in none of the server's binlog files any more.
///
/// # Errors
/// If the connection breaks.
pub async fn purged(
    client: &mut Client,
    info: &ServerInfo,
    oldest: Option<&BinlogFile>,
) -> Result<GtidSet, ServerInfoError> {
    match (info.version.flavour, oldest) {
        (Flavour::MariaDb, Some(file)) => {
            let name = file.name.replace('\\', r"\\").replace('\'', "''");
            gtid_set_of(client, &format!("SELECT BINLOG_GTID_POS('{name}', 4)")).await
        }
        _ => Ok(info.gtid_purged.clone()),
    }
}

async fn gtid_set_of(client: &mut Client, query: &str) -> Result<GtidSet, ServerInfoError> {
    let result = client.query(query).await?;
    let text = result.first().and_then(|row| row.nth_text(0)).unwrap_or_default();
    parse("GTID position", &text)
}

/// A file of the binlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinlogFile {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
}

/// Lists the server's binlog files, the oldest first.
///
/// # Errors
/// If the account lacks `REPLICATION CLIENT`, the server writes no binlog, or the connection breaks.
pub async fn binary_logs(client: &mut Client) -> Result<Vec<BinlogFile>, ServerInfoError> {
    let logs = client.query("SHOW BINARY LOGS").await?;
    let file = |row: ResultRow<'_>| {
        let name = row.text("Log_name").unwrap_or_default().into_owned();
        Ok(BinlogFile {
            name,
            size: number(row, "File_size")?,
        })
    };
    logs.iter().map(file).collect()
}

/// A replica that is connected to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedReplica {
    /// Its server id.
    pub server_id: u32,
    /// The name it gave, which may be empty.
    pub host: String,
    /// Its uuid; empty where the server does not say.
    pub uuid: String,
}

/// Lists the replicas that are connected to the server.
///
/// # Errors
/// If the account lacks `REPLICATION SLAVE`, or the connection breaks.
pub async fn connected_replicas(client: &mut Client) -> Result<Vec<ConnectedReplica>, ServerInfoError> {
    let replicas = query_either(client, "SHOW REPLICAS", "SHOW SLAVE HOSTS").await?;
    let replica = |row: ResultRow<'_>| {
        let text = |new, old| {
            row.text(new)
                .or_else(|| row.text(old))
                .unwrap_or_default()
                .into_owned()
        };
        let server_id = text("Server_Id", "Server_id");
        Ok(ConnectedReplica {
            server_id: parse("Server_Id", &server_id)?,
            host: text("Host", "Host"),
            uuid: text("Replica_UUID", "Slave_UUID"),
        })
    };
    replicas.iter().map(replica).collect()
}

/// Reads what the account may do, the roles that are active for it included.
///
/// # Errors
/// If the connection breaks.
pub async fn grants(client: &mut Client) -> Result<Grants, ServerInfoError> {
    let shown = client.query("SHOW GRANTS").await?;
    Ok(shown.iter().filter_map(|row| row.nth_text(0)).collect())
}

/// Runs a statement by its new name, and by its old one on a server that does not know the new one.
async fn query_either(client: &mut Client, new: &str, old: &str) -> Result<QueryResult, ClientError> {
    const PARSE_ERROR: u16 = 1064;
    match client.query(new).await {
        Err(error) if error.code() == Some(PARSE_ERROR) => client.query(old).await,
        result => result,
    }
}

fn number<T: std::str::FromStr>(row: ResultRow<'_>, name: &'static str) -> Result<T, ServerInfoError> {
    parse(name, &row.text(name).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_without_regard_to_case_and_may_be_missing() {
        let row = |name: &str, value: &str| vec![Some(name.into()), Some(value.into())];
        let settings = Settings::of(&QueryResult {
            columns: vec!["Variable_name".into(), "Value".into()],
            rows: vec![
                row("Log_Bin", "ON"),
                row("server_id", "7"),
                row("max_allowed_packet", "x"),
            ],
        });
        assert!(settings.is_on("log_bin"));
        assert!(!settings.is_on("binlog_transaction_compression"));
        assert_eq!(settings.number::<u32>("server_id").unwrap(), 7);
        assert_eq!(settings.number::<u8>("lower_case_table_names").unwrap(), 0);
        let error = settings.number::<u64>("max_allowed_packet").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server's max_allowed_packet is `x`, which is not understood"
        );
    }
}
