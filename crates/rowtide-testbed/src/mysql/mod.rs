//! A MySQL server of one's own.

mod client;
mod rows;
mod session;
mod template;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use client::Row;
pub use session::Session;

use crate::cache::Cache;
use crate::command;
use crate::error::Result;
use crate::packages::MySqlPrograms;
use crate::scratch::Scratch;
use crate::server_process::{ServerProcess, free_port};
use crate::workload::{Changes, Workload};

/// The user made for replicas: it may read everything and write nothing.
pub const CDC_USER: &str = "cdc";
/// The password of [`CDC_USER`].
pub const CDC_PASSWORD: &str = "cdcpass";

/// How a server of MySQL differs from the usual one.
#[derive(Clone, Debug)]
pub struct MySqlOptions {
    /// `gtid_mode`, and with it `enforce_gtid_consistency`; on by default.
    pub gtid: bool,
    /// `binlog_row_metadata`: `FULL` by default, which is not the server's own default.
    pub row_metadata: &'static str,
    /// `server_id`; 1 by default.
    pub server_id: u32,
    /// More arguments of `mysqld`, such as `--binlog-row-image=MINIMAL`; they win over the usual ones.
    pub arguments: Vec<String>,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        MySqlOptions {
            gtid: true,
            row_metadata: "FULL",
            server_id: 1,
            arguments: Vec::new(),
        }
    }
}

/// A running MySQL 9.7 on 127.0.0.1, with a binary log, that ends and is removed when dropped.
///
/// It does not care about durability. `root` has no password, from this machine; [`CDC_USER`] is the replica's user.
#[derive(Debug)]
pub struct MySql {
    programs: MySqlPrograms,
    options: MySqlOptions,
    port: u16,
    // Before the folder: fields are dropped in order, and the server ends before its files do.
    process: Mutex<Option<ServerProcess>>,
    scratch: Scratch,
}

impl MySql {
    /// Fetches MySQL if the cache has none, starts a server and waits until it answers.
    pub fn start(options: MySqlOptions) -> Result<MySql> {
        let cache = Cache::open()?;
        let programs = MySqlPrograms::fetch(&cache)?;
        let template = template::prepare(&cache, &programs)?;
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
        let mut command = self.programs.command("mysql");
        command.args(["--no-defaults", "--user=root", "--default-character-set=utf8mb4"]);
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

    /// What `mysqlbinlog` (of Debian's `mysql-client-core`) says with these arguments.
    pub fn mysqlbinlog(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = self.programs.command("mysqlbinlog");
        command.arg("--no-defaults").args(arguments);
        command::run(&mut command, "it comes with the testbed")
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
        let mut command = self.programs.command("mysqld");
        command.args(template::usual_arguments(&self.programs, &self.datadir()));
        command.args(self.arguments());
        let started = ServerProcess::start("MySQL", &mut command, &self.log(), self.scratch.path())?;
        process
            .insert(started)
            .await_ready(|| self.socket().exists() && self.query("SELECT 1").is_ok())
    }

    fn arguments(&self) -> Vec<String> {
        let place = |name: &str| self.scratch.path().join(name).display().to_string();
        let gtid = if self.options.gtid { "ON" } else { "OFF" };
        let mut arguments = vec![
            "--bind-address=127.0.0.1".to_owned(),
            format!("--port={}", self.port),
            format!("--socket={}", place("mysql.sock")),
            format!("--pid-file={}", place("mysqld.pid")),
            format!("--server-id={}", self.options.server_id),
            "--log-bin=binlog".to_owned(),
            format!("--binlog-row-metadata={}", self.options.row_metadata),
            format!("--gtid-mode={gtid}"),
            format!("--enforce-gtid-consistency={gtid}"),
            "--sync-binlog=0".to_owned(),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
            "--innodb-buffer-pool-size=256M".to_owned(),
            "--innodb-redo-log-capacity=256M".to_owned(),
            "--skip-name-resolve".to_owned(),
        ];
        arguments.extend(self.options.arguments.iter().cloned());
        arguments
    }

    fn process(&self) -> MutexGuard<'_, Option<ServerProcess>> {
        // A test that panicked while it held the lock left a process or none: both are whole.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn rows_are_read_back_and_outlive_restarts() {
        let server = MySql::start(MySqlOptions::default()).unwrap();
        server
            .sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v TEXT)")
            .unwrap();
        server
            .sql("INSERT INTO d.t VALUES (1, 'a<\\n\\'ü🦀'), (2, NULL), (3, 'NULL')")
            .unwrap();
        let rows = [
            vec![text("1"), text("a<\n'ü🦀")],
            vec![text("2"), None],
            vec![text("3"), text("NULL")],
        ];
        assert_eq!(server.query("SELECT * FROM d.t ORDER BY id").unwrap(), rows);

        server.restart().unwrap();
        server.kill9();
        assert_eq!(server.pid(), None);
        server.start_again().unwrap();
        assert_eq!(server.query("SELECT * FROM d.t ORDER BY id").unwrap(), rows);

        let settings =
            "SELECT @@gtid_mode, @@binlog_format, @@binlog_row_metadata, @@log_bin, @@have_statement_timeout";
        let expected = [vec![
            text("ON"),
            text("ROW"),
            text("FULL"),
            text("1"),
            text("YES"),
        ]];
        assert_eq!(server.query(settings).unwrap(), expected);
        let binlog = server.datadir().join("binlog.000001").display().to_string();
        let events = String::from_utf8(server.mysqlbinlog(&["-vv", &binlog]).unwrap()).unwrap();
        assert!(events.contains("### INSERT INTO `d`.`t`"), "{events}");
        assert!(server.datadir().join("server-cert.pem").exists());
    }

    #[test]
    fn refused_statements_are_explained_and_leave_a_session_usable() {
        let server = MySql::start(MySqlOptions {
            gtid: false,
            ..MySqlOptions::default()
        })
        .unwrap();
        let refused = server.sql("SELECT bogus").unwrap_err().to_string();
        assert!(refused.contains("Unknown column 'bogus'"), "{refused}");

        let mut session = server.session().unwrap();
        session.execute("SET @a = 7; BEGIN;").unwrap();
        let refused = session.execute("SELECT bogus").unwrap_err().to_string();
        assert!(refused.contains("Unknown column 'bogus'"), "{refused}");
        let row = vec![text("7"), text("OFF")];
        assert_eq!(session.query("SELECT @a, @@gtid_mode").unwrap(), [row]);
        server.kill9();
        assert!(session.execute("SELECT 1").is_err());
    }

    #[test]
    fn the_replica_user_may_dump_and_not_write() {
        let server = MySql::start(MySqlOptions::default()).unwrap();
        let mut client = server.programs.command("mysql");
        client.args([
            "--no-defaults",
            "--host=127.0.0.1",
            &format!("--port={}", server.port()),
        ]);
        client.args([
            &format!("--user={CDC_USER}"),
            &format!("--password={CDC_PASSWORD}"),
        ]);
        let refused = client::run_script(client, "SHOW BINARY LOG STATUS; CREATE DATABASE x").unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("Access denied for user 'cdc'@'%' to database 'x'"),
            "{refused}"
        );
    }
}
