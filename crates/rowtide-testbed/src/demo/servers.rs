//! The servers of the demo: containers where an engine answers, else processes of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rowtide_testbed::{
    CDC_PASSWORD, CDC_USER, Kafka, KafkaOptions, MySql, MySqlOptions, Result, Session, TestbedError,
    free_port,
};

use super::SHOP;
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

/// The demo's compose project: never that of a user who runs the same file, whose data must stay.
const PROJECT: &str = "rowtide-demo";

/// Services of a compose file in a project of their own, removed with their data when dropped.
struct Compose {
    file: PathBuf,
    /// Ports of this machine for MySQL and Kafka; those that the file names may be taken.
    ports: (u16, u16),
}

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

    /// Only the two servers are started, without what their first data holds of a shop.
    fn compose(file: &Path) -> Result<Servers> {
        let ports = (free_port()?, free_port()?);
        let compose = Compose {
            file: file.to_path_buf(),
            ports,
        };
        // What a demo left that was interrupted: its records would be counted with those of this one.
        compose.run(&["down", "--volumes"])?;
        compose.run(&["up", "--detach", "--wait", "mysql", "kafka"])?;
        let mysql = compose.published("mysql", "3306")?;
        let bootstrap = compose.published("kafka", "9092")?;
        let mut session = Session::open(&compose.client())?;
        session.execute(&format!(
            "CREATE USER IF NOT EXISTS {CDC_USER}@'%' IDENTIFIED BY '{CDC_PASSWORD}'; \
             ALTER USER {CDC_USER}@'%' IDENTIFIED BY '{CDC_PASSWORD}'; \
             GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO {CDC_USER}@'%'; \
             DROP DATABASE IF EXISTS {SHOP}"
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
        let (mysql, kafka) = self.ports;
        command
            .env("ROWTIDE_MYSQL_PORT", mysql.to_string())
            .env("ROWTIDE_KAFKA_PORT", kafka.to_string());
        command
            .args(["compose", "--project-name", PROJECT, "--file"])
            .arg(&self.file);
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
