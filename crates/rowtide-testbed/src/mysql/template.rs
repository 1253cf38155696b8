//! An initialised data folder, made once and copied for each server.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CDC_PASSWORD, CDC_USER, arguments};
use crate::ServerVersion;
use crate::cache::{Cache, progress};
use crate::command::{run, run_with_input};
use crate::error::{Result, TestbedError, file};
use crate::packages::ServerPrograms;

/// Changes when what follows here changes, so that an older cache is not taken for it.
const TEMPLATE_VERSION: u32 = 1;
const ADVICE: &str = "it comes with the testbed";

/// Makes the data folder if the cache has none: system tables, users, certificates.
pub(super) fn prepare(cache: &Cache, version: ServerVersion, programs: &ServerPrograms) -> Result<PathBuf> {
    let folder = cache.once(&format!("{version}-datadir-{TEMPLATE_VERSION}"), |part| {
        progress(&format!("{version}: making a data folder"));
        let datadir = part.join("data");
        if datadir.exists() {
            // Left by a run that was cut off: the server wants to begin with an empty one.
            std::fs::remove_dir_all(&datadir).map_err(file("remove", &datadir))?;
        }
        let mut server = programs.server();
        server
            .args(arguments::usual(version, programs, &datadir))
            .arg(arguments::redo_log(version, 16));
        if version.is_mariadb() {
            std::fs::create_dir(&datadir).map_err(file("create", &datadir))?;
            bootstrap(server, version, &programs.folders().share)
        } else {
            initialise(server, version, part)
        }
    })?;
    Ok(folder.join("data"))
}

/// As MySQL does it.
fn initialise(mut server: Command, version: ServerVersion, folder: &Path) -> Result<()> {
    let users = folder.join("users.sql");
    std::fs::write(&users, user_statements()).map_err(file("write", &users))?;
    server
        .arg("--initialize-insecure")
        .arg(format!("--init-file={}", users.display()));
    run(&mut server, ADVICE)?;
    let datadir = folder.join("data");
    if version != ServerVersion::MySql57 && !datadir.join("server-cert.pem").exists() {
        let text = "mysqld --initialize-insecure made no certificates";
        return Err(TestbedError::Unexpected(text.to_owned()));
    }
    // The server's UUID: each copy makes its own at its first start.
    let identity = datadir.join("auto.cnf");
    std::fs::remove_file(&identity).map_err(file("remove", &identity))
}

/// As MariaDB's own installation script does it, for which a shell and programs of a full installation are needed.
fn bootstrap(mut server: Command, version: ServerVersion, share: &Path) -> Result<()> {
    let prefix = match version {
        ServerVersion::MariaDb1011 => "mysql",
        _ => "mariadb",
    };
    let scripts = [
        format!("{prefix}_system_tables.sql"),
        format!("{prefix}_performance_tables.sql"),
        format!("{prefix}_system_tables_data.sql"),
        "fill_help_tables.sql".to_owned(),
        "maria_add_gis_sp_bootstrap.sql".to_owned(),
        format!("{prefix}_sys_schema.sql"),
    ];
    let mut script = "CREATE DATABASE mysql;\nUSE mysql;\nSET @skip_auth_anonymous = 1;\n".to_owned();
    for name in scripts {
        let path = share.join(name);
        script.push_str(&std::fs::read_to_string(&path).map_err(file("read", &path))?);
    }
    // A bootstrapping server knows of no users until it reads their tables.
    script.push_str("FLUSH PRIVILEGES;\n");
    script.push_str(&user_statements());
    server.args(["--bootstrap", "--skip-log-bin"]);
    run_with_input(&mut server, script.into_bytes(), ADVICE)?;
    Ok(())
}

/// One statement a line, as `--init-file` wants it.
fn user_statements() -> String {
    format!(
        "CREATE USER root@'%' IDENTIFIED BY '';\n\
         GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n\
         CREATE USER {CDC_USER}@'%' IDENTIFIED BY '{CDC_PASSWORD}';\n\
         GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO {CDC_USER}@'%';\n"
    )
}
