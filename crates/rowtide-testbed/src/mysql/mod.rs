//! A server of MySQL or MariaDB of one's own.

mod arguments;
mod client;
mod rows;
mod session;
mod template;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use client::Row;
pub use session::Session;

use crate::ServerVersion;
use crate::cache::Cache;
use crate::command;
use crate::error::Result;
use crate::packages::ServerPrograms;
use crate::scratch::Scratch;
use crate::server_process::{ServerProcess, free_port};
use crate::workload::{Changes, Workload};

/// The user made for replicas: it may read everything and write nothing.
pub const CDC_USER: &str = "cdc";
/// The password of [`CDC_USER`].
pub const CDC_PASSWORD: &str = "cdcpass";

/// Which server to start, and how it differs from the usual one.
#[derive(Clone, Debug)]
pub struct MySqlOptions {
    /// The server's flavour and version; MySQL 9.7 by default.
    pub server: ServerVersion,
    /// `gtid_mode` of MySQL, and with it `enforce_gtid_consistency`; on by default. MariaDB refuses to be without.
    pub gtid: bool,
    /// `binlog_row_metadata`: `FULL` by default, which is not the server's own default. Empty leaves it to the server,
    /// as for MySQL 5.7, which has no such setting.
    pub row_metadata: &'static str,
    /// `server_id`; 1 by default.
    pub server_id: u32,
    /// More arguments of the server, such as `--binlog-row-image=MINIMAL`; they win over the usual ones.
    pub arguments: Vec<String>,
}

impl MySqlOptions {
    /// The usual options for a server.
    pub fn of(server: ServerVersion) -> MySqlOptions {
        let row_metadata = match server {
            ServerVersion::MySql57 => "",
            _ => "FULL",
        };
        MySqlOptions {
            server,
            gtid: true,
            row_metadata,
            server_id: 1,
            arguments: Vec::new(),
        }
    }

    /// Adds an argument of the server.
    #[must_use]
    pub fn with(mut self, argument: &str) -> MySqlOptions {
        self.arguments.push(argument.to_owned());
        self
    }
}

impl Default for MySqlOptions {
    fn default() -> Self {
        MySqlOptions::of(ServerVersion::default())
    }
}

/// A running MySQL or MariaDB on 127.0.0.1, with a binary log of rows, that ends and is removed when dropped.
///
/// It does not care about durability. `root` has no password, from this machine; [`CDC_USER`] is the replica's user.
#[derive(Debug)]
pub struct MySql {
    programs: ServerPrograms,
    options: MySqlOptions,
    port: u16,
    // Before the folder: fields are dropped in order, and the server ends before its files do.
    process: Mutex<Option<ServerProcess>>,
    scratch: Scratch,
}

impl MySql {
    /// Fetches the server if the cache has none, starts a server and waits until it answers.
    pub fn start(options: MySqlOptions) -> Result<MySql> {
        let cache = Cache::open()?;
        let programs = ServerPrograms::fetch(&cache, options.server)?;
        let template = template::prepare(&cache, options.server, &programs)?;
        let scratch = Scratch::new("mysql")?;
        command::copy_folder(&template, &scratch.path().join("data"))?;
        let server = MySql {
            programs,
            options,
            port: free_port()?,
            process: Mutex::new(None),
            scratch,
        };
        server.launch()?;
        Ok(server)
    }

    /// Fetches a server and makes its data folder, if the cache has them not, so that later starts are quick.
    pub fn fetch(cache: &Cache, server: ServerVersion) -> Result<()> {
        let programs = ServerPrograms::fetch(cache, server)?;
        template::prepare(cache, server, &programs).map(|_| ())
    }

    /// Its flavour and version.
    pub fn version(&self) -> ServerVersion {
        self.options.server
    }

    /// Where it listens: always 127.0.0.1.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port; the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The unix socket.
    pub fn socket(&self) -> PathBuf {
        self.scratch.path().join("mysql.sock")
    }

    /// The data folder: binary logs (`binlog.000001` …) and certificates (`ca.pem` …) are there.
    pub fn datadir(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// The server's error log.
    pub fn log(&self) -> PathBuf {
        self.scratch.path().join("mysqld.log")
    }

    /// The number of the server's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(ServerProcess::id)
    }

    /// Runs a script by the `mysql` program as `root`, in utf8mb4; returns the rows of all results together.
    ///
    /// It stops at the first statement that the server refuses. `DELIMITER` is known.
    pub fn sql(&self, script: &str) -> Result<Vec<Row>> {
        client::run_script(self.client(), script)
    }

    /// The rows of one query. NULL is `None`; zero bytes are read as blanks: select `HEX(column)` of binary columns.
    pub fn query(&self, statement: &str) -> Result<Vec<Row>> {
        self.sql(statement)
    }

    /// As [`MySql::query`], handing each row over as it comes, for results that are large.
    pub fn query_each(&self, statement: &str, on_row: impl FnMut(Row) -> Result<()>) -> Result<()> {
        client::stream_rows(self.client(), statement, on_row)
    }

    /// The `mysql` program set up to talk to this server as `root` through its socket, for large scripts by a pipe.
    pub fn client(&self) -> Command {
        let mut command = self.programs.client();
        command.arg("--user=root");
        command.arg(format!("--socket={}", self.socket().display()));
        command
    }

    /// Runs a load; returns what it did.
    pub fn load(&self, workload: &Workload) -> Result<Changes> {
        workload.run(self.client())
    }

    /// A connection that stays, and whose statements return when the server has confirmed them.
    pub fn session(&self) -> Result<Session> {
        Session::open(&self.client())
    }

    /// A connection that stays, of another user, through TCP as replicas come.
    pub fn session_as(&self, user: &str, password: &str) -> Result<Session> {
        let mut client = self.programs.client();
        client.args(["--protocol=TCP", "--host=127.0.0.1"]);
        client.args([format!("--port={}", self.port), format!("--user={user}")]);
        // Not on the command line, which the client would warn of.
        client.env("MYSQL_PWD", password);
        Session::open(&client)
    }

    /// What `mysqlbinlog` or `mariadb-binlog` says with these arguments.
    pub fn mysqlbinlog(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        self.programs.mysqlbinlog(arguments)
    }

    /// What that program says with `-vv` of one of this server's binary logs, such as `binlog.000001`.
    pub fn print_binlog(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.datadir().join(name);
        self.mysqlbinlog(&["-vv", &path.display().to_string()])
    }

    /// Stops the server in good order and starts it again, on the same port and data.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.launch()
    }

    /// Starts a server that was stopped or killed, on the same port and data.
    pub fn start_again(&self) -> Result<()> {
        self.launch()
    }

    /// Stops the server in good order, by `SHUTDOWN`, and keeps its data.
    pub fn stop(&self) -> Result<()> {
        let mut process = self.process();
        if process.is_some() {
            self.sql("SHUTDOWN")?;
        }
        process.take().map_or(Ok(()), ServerProcess::await_exit)
    }

    /// Kills the server as `kill -9` does, and keeps its data.
    pub fn kill9(&self) {
        self.process().take();
    }

    fn launch(&self) -> Result<()> {
        let mut process = self.process();
        let place = arguments::Place {
            port: self.port,
            socket: &self.socket(),
            pid_file: &self.scratch.path().join("mysqld.pid"),
            temporary: self.scratch.path(),
        };
        let mut command = self.programs.server();
        command
            .args(arguments::usual(self.version(), &self.programs, &self.datadir()))
            .args(arguments::of_options(&self.options, &place)?);
        let name = self.version().name();
        let started = ServerProcess::start(name, &mut command, &self.log(), self.scratch.path())?;
        process
            .insert(started)
            .await_ready(|| self.socket().exists() && self.query("SELECT 1").is_ok())
    }

    fn process(&self) -> MutexGuard<'_, Option<ServerProcess>> {
        // A test that panicked while it held the lock left a process or none: both are whole.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
