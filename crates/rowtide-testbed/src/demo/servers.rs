//! The servers of the demo: containers where an engine answers, else processes of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rowtide_testbed::{
    CDC_PASSWORD, CDC_USER, Kafka, KafkaOptions, MySql, MySqlOptions, Result, Session, TestbedError,
};

use crate::Engine;

/// MySQL and Kafka, and how to reach them from this machine.
pub(super) struct Servers {
    /// `host:port` of MySQL.
    pub(super) mysql: String,
    /// `host:port` of Kafka.
    pub(super) bootstrap: String,
    kind: Kind,
}

enum Kind {
    Local(
        Box<MySql>,
        #[expect(dead_code, reason = "held so that it runs")] Kafka,
    ),
    Compose(Compose),
}

/// Services of a compose file, stopped when dropped.
struct Compose(PathBuf);

impl Servers {
    pub(super) fn start(engine: Engine, compose_file: &Path) -> Result<Servers> {
        let containers = match engine {
            Engine::Auto => compose_file.is_file() && engine_answers(),
            Engine::Local => false,
            Engine::Docker => true,
        };
        if containers {
            Servers::compose(compose_file)
        } else {
            Servers::local()
        }
    }

    /// The `mysql` program as root.
    pub(super) fn client(&self) -> Command {
        match &self.kind {
            Kind::Local(mysql, _) => mysql.client(),
            Kind::Compose(compose) => compose.client(),
        }
    }

    fn local() -> Result<Servers> {
        let mysql = Box::new(MySql::start(MySqlOptions::default())?);
        let kafka = Kafka::start(KafkaOptions::default())?;
        let address = format!("{}:{}", mysql.host(), mysql.port());
        Ok(Servers {
            mysql: address,
            bootstrap: kafka.bootstrap(),
            kind: Kind::Local(mysql, kafka),
        })
    }

    fn compose(file: &Path) -> Result<Servers> {
        let compose = Compose(file.to_path_buf());
        compose.run(&["up", "--detach", "--wait", "mysql", "kafka"])?;
        let mysql = compose.published("mysql", "3306")?;
        let bootstrap = compose.published("kafka", "9092")?;
        let mut session = Session::open(&compose.client())?;
        session.execute(&format!(
            "CREATE USER IF NOT EXISTS {CDC_USER}@'%' IDENTIFIED BY '{CDC_PASSWORD}'; \
             ALTER USER {CDC_USER}@'%' IDENTIFIED BY '{CDC_PASSWORD}'; \
             GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO {CDC_USER}@'%'"
        ))?;
        Ok(Servers {
            mysql,
            bootstrap,
            kind: Kind::Compose(compose),
        })
    }
}

impl Compose {
    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg("compose").arg("--file").arg(&self.0);
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command();
        let failed = |output: String| {
            TestbedError::Machine(format!(
                "`docker compose {}` failed:\n{output}",
                arguments.join(" ")
            ))
        };
        let output = command
            .args(arguments)
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Where a service's port is reached from this machine.
    fn published(&self, service: &str, port: &str) -> Result<String> {
        let address = self.run(&["port", service, port])?;
        Ok(address.replace("0.0.0.0", "127.0.0.1"))
    }

    fn client(&self) -> Command {
        let mut command = self.command();
        // The password of root, if any, is in the container's environment.
        let script = "exec env MYSQL_PWD=\"$MYSQL_ROOT_PASSWORD\" mysql --user=root \
            --default-character-set=utf8mb4 \"$@\"";
        command.args(["exec", "-T", "mysql", "sh", "-c", script, "sh"]);
        command
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        if let Err(error) = self.run(&["down", "--volumes"]) {
            eprintln!("rowtide-testbed: {error}");
        }
    }
}

fn engine_answers() -> bool {
    let mut command = Command::new("docker");
    command
        .args(["info"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
