//! The command lines of the servers.

use std::path::Path;

use super::MySqlOptions;
use crate::ServerVersion;
use crate::error::{Result, TestbedError};
use crate::packages::ServerPrograms;

/// Where a server's files go, and the port it listens on.
pub(super) struct Place<'a> {
    pub(super) port: u16,
    pub(super) socket: &'a Path,
    pub(super) pid_file: &'a Path,
    /// For temporary files: a MariaDB that starts removes those of others.
    pub(super) temporary: &'a Path,
}

/// The arguments that every run of a server needs, the one that makes its data folder too.
pub(super) fn usual(version: ServerVersion, programs: &ServerPrograms, datadir: &Path) -> Vec<String> {
    let folders = programs.folders();
    let mut arguments = vec![
        "--no-defaults".to_owned(),
        // The server refuses to run as root unless told; for other users this does nothing.
        "--user=root".to_owned(),
        format!("--basedir={}", folders.base.display()),
        format!("--datadir={}", datadir.display()),
        format!("--lc-messages-dir={}", folders.share.display()),
        format!(
            "--character-sets-dir={}",
            folders.share.join("charsets").display()
        ),
        "--secure-file-priv=".to_owned(),
        "--innodb-doublewrite=OFF".to_owned(),
    ];
    if let Some(plugins) = &folders.plugins {
        arguments.push(format!("--plugin-dir={}", plugins.display()));
    }
    match version {
        ServerVersion::MySql80 | ServerVersion::MySql97 => arguments.push("--mysqlx=OFF".to_owned()),
        ServerVersion::MySql57 | ServerVersion::MariaDb1011 | ServerVersion::MariaDb118 => {}
    }
    arguments
}

/// The arguments of a server with these options, besides the [usual](usual) ones.
pub(super) fn of_options(options: &MySqlOptions, place: &Place<'_>) -> Result<Vec<String>> {
    let mut arguments = vec![
        "--bind-address=127.0.0.1".to_owned(),
        format!("--port={}", place.port),
        format!("--socket={}", place.socket.display()),
        format!("--pid-file={}", place.pid_file.display()),
        format!("--tmpdir={}", place.temporary.display()),
        format!("--server-id={}", options.server_id),
        "--log-bin=binlog".to_owned(),
        "--binlog-format=ROW".to_owned(),
        "--sync-binlog=0".to_owned(),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        "--innodb-buffer-pool-size=256M".to_owned(),
        "--skip-name-resolve".to_owned(),
        redo_log(options.server, 256),
    ];
    if !options.row_metadata.is_empty() {
        arguments.push(format!("--binlog-row-metadata={}", options.row_metadata));
    }
    arguments.extend(gtid(options)?);
    arguments.extend(options.arguments.iter().cloned());
    Ok(arguments)
}

/// The size of InnoDB's redo log, in MB.
pub(super) fn redo_log(version: ServerVersion, megabytes: u32) -> String {
    let name = match version {
        ServerVersion::MySql97 => "innodb-redo-log-capacity",
        _ => "innodb-log-file-size",
    };
    format!("--{name}={megabytes}M")
}

fn gtid(options: &MySqlOptions) -> Result<Vec<String>> {
    if options.server.is_mariadb() {
        if options.gtid {
            return Ok(Vec::new());
        }
        return Err(TestbedError::Machine("MariaDB has GTIDs always".to_owned()));
    }
    let switch = if options.gtid { "ON" } else { "OFF" };
    Ok(vec![
        format!("--gtid-mode={switch}"),
        format!("--enforce-gtid-consistency={switch}"),
    ])
}
