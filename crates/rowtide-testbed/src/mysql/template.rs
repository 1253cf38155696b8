//! An initialised data folder, made once and copied for each server.

use std::path::{Path, PathBuf};

use super::{CDC_PASSWORD, CDC_USER};
use crate::cache::{Cache, progress};
use crate::command::run;
use crate::error::{Result, TestbedError, file};
use crate::packages::MySqlPrograms;

/// Changes when what follows here changes, so that an older cache is not taken for it.
const TEMPLATE_VERSION: u32 = 1;

/// Makes the data folder if the cache has none: system tables, users, certificates.
pub(super) fn prepare(cache: &Cache, programs: &MySqlPrograms) -> Result<PathBuf> {
    let folder = cache.once(&format!("mysql-9.7-datadir-{TEMPLATE_VERSION}"), |part| {
        progress("mysql-9.7: making a data folder");
        initialise(programs, part)
    })?;
    Ok(folder.join("data"))
}

/// The arguments that every run of `mysqld` needs.
pub(super) fn usual_arguments(programs: &MySqlPrograms, datadir: &Path) -> Vec<String> {
    let base = programs.base();
    let place = |name: &str| base.join(name).display().to_string();
    vec![
        "--no-defaults".to_owned(),
        // The server refuses to run as root unless told; for other users this does nothing.
        "--user=root".to_owned(),
        format!("--basedir={}", base.display()),
        format!("--datadir={}", datadir.display()),
        format!("--lc-messages-dir={}", place("share/mysql")),
        format!("--character-sets-dir={}", place("share/mysql/charsets")),
        format!("--plugin-dir={}", place("lib/mysql/plugin")),
        "--secure-file-priv=".to_owned(),
        "--mysqlx=OFF".to_owned(),
        "--innodb-doublewrite=OFF".to_owned(),
    ]
}

fn initialise(programs: &MySqlPrograms, folder: &Path) -> Result<()> {
    let datadir = folder.join("data");
    if datadir.exists() {
        // Left by a run that was cut off: the server wants to begin with an empty one.
        std::fs::remove_dir_all(&datadir).map_err(file("remove", &datadir))?;
    }
    let users = folder.join("users.sql");
    std::fs::write(&users, user_statements()).map_err(file("write", &users))?;
    let mut command = programs.command("mysqld");
    command
        .args(usual_arguments(programs, &datadir))
        .arg("--initialize-insecure");
    command
        .arg("--innodb-redo-log-capacity=16M")
        .arg(format!("--init-file={}", users.display()));
    run(&mut command, "it comes with the testbed")?;
    if !datadir.join("server-cert.pem").exists() {
        return Err(TestbedError::Unexpected(
            "mysqld --initialize-insecure made no certificates".to_owned(),
        ));
    }
    // The server's UUID: each copy makes its own at its first start.
    let identity = datadir.join("auto.cnf");
    std::fs::remove_file(&identity).map_err(file("remove", &identity))
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
