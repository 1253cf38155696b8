//! Debezium's process.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rowtide_testbed::packages::{DebeziumPrograms, VirtualMachine};
use rowtide_testbed::{CDC_PASSWORD, Cache, Scratch, free_port};

use crate::servers::{Connection, Servers, WRITER};
use crate::usage::Observed;

/// The topic prefix of all that Debezium writes.
pub const PREFIX: &str = "debezium";

/// How Debezium is set, besides where it reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuning {
    /// With its defaults, and those of Kafka's producer.
    Default,
    /// For many changes a second.
    Drain,
    /// For few, each soon.
    Latency,
}

impl Tuning {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Tuning::Default => &[],
            Tuning::Drain => &[
                ("max.batch.size", "16384"),
                ("max.queue.size", "65536"),
                ("poll.interval.ms", "10"),
                ("producer.override.batch.size", "1048576"),
                ("producer.override.linger.ms", "10"),
                ("producer.override.compression.type", "lz4"),
            ],
            Tuning::Latency => &[("poll.interval.ms", "1"), ("producer.override.linger.ms", "0")],
        }
    }

    /// The settings as text.
    pub fn listed(self) -> String {
        let lines = self
            .settings()
            .iter()
            .map(|(name, value)| format!("`{name}={value}`"));
        lines.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tuning::Default => "Debezium, default",
            Tuning::Drain => "Debezium, tuned for the drain",
            Tuning::Latency => "Debezium, tuned for latency",
        })
    }
}

/// A Debezium that has seen a server once, and goes on from there at each start.
pub struct Debezium<'a> {
    programs: DebeziumPrograms,
    servers: &'a Servers,
    scratch: Scratch,
}

impl<'a> Debezium<'a> {
    /// Lets it look at the server's tables and remember the place in the log: what comes after that is a backlog.
    pub fn prepare(servers: &'a Servers, connection: &mut Connection) -> Result<Debezium<'a>> {
        let debezium = Debezium {
            programs: DebeziumPrograms::fetch(&Cache::open()?)?,
            servers,
            scratch: Scratch::new("debezium")?,
        };
        connection.execute("CREATE DATABASE peers")?;
        connection.execute("CREATE TABLE peers.marks (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT)")?;
        let worker = [("offset.flush.interval.ms", "200")];
        let mut command = debezium.command(Tuning::Default, r"peers\.marks", &worker)?;
        let mut observed = Observed::start(&mut command)?;
        let begun = Instant::now();
        while !debezium.remembers()? {
            if !observed.runs()? || begun.elapsed() > PATIENCE {
                bail!("Debezium has remembered no place; what it said is above");
            }
            connection.execute("INSERT INTO peers.marks VALUES ()")?;
            std::thread::sleep(Duration::from_millis(200));
        }
        drop(observed);
        std::fs::copy(debezium.offsets(), debezium.remembered())?;
        Ok(debezium)
    }

    /// A worker that goes on from the place that was remembered, with the tables of a pattern.
    pub fn run(&self, tuning: Tuning, tables: &str) -> Result<Command> {
        std::fs::copy(self.remembered(), self.offsets())?;
        self.command(tuning, tables, &[])
    }

    /// Whether it has written down a place in the log, not one of its look at the tables.
    fn remembers(&self) -> Result<bool> {
        let path = self.offsets();
        if !path.exists() {
            return Ok(false);
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.contains("\"pos\"") && !text.contains("\"snapshot\""))
    }

    fn command(&self, tuning: Tuning, tables: &str, worker: &[(&str, &str)]) -> Result<Command> {
        let settings = self.scratch.path().join("worker.properties");
        let connector = self.scratch.path().join("connector.properties");
        std::fs::write(&settings, self.worker(worker)?)?;
        std::fs::write(&connector, self.connector(tuning, tables))?;
        let mut command = self.programs.java(
            HEAP_MB,
            VirtualMachine::Sustained {
                first_heap_megabytes: 256,
            },
        );
        command
            .arg("org.apache.kafka.connect.cli.ConnectStandalone")
            .args([settings, connector])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Ok(command)
    }

    fn worker(&self, more: &[(&str, &str)]) -> Result<String> {
        let json = "org.apache.kafka.connect.json.JsonConverter";
        let mut text = format!(
            "bootstrap.servers={}\nlisteners=http://127.0.0.1:{}\nplugin.path={}\noffset.storage.file.filename={}\n\
             key.converter={json}\nkey.converter.schemas.enable=false\n\
             value.converter={json}\nvalue.converter.schemas.enable=false\n",
            self.servers.kafka.bootstrap(),
            free_port()?,
            self.programs.plugins().display(),
            self.offsets().display()
        );
        more.iter()
            .for_each(|(name, value)| text.push_str(&format!("{name}={value}\n")));
        Ok(text)
    }

    fn connector(&self, tuning: Tuning, tables: &str) -> String {
        let mysql = &self.servers.mysql;
        let kafka = self.servers.kafka.bootstrap();
        let pattern = tables.replace('\\', r"\\");
        let mut text = format!(
            "name={PREFIX}\nconnector.class=io.debezium.connector.mysql.MySqlConnector\ntasks.max=1\n\
             database.hostname={}\ndatabase.port={}\ndatabase.user={WRITER}\ndatabase.password={CDC_PASSWORD}\n\
             database.server.id=5399\ntopic.prefix={PREFIX}\ntable.include.list={pattern}\nsnapshot.mode=no_data\n\
             schema.history.internal.kafka.bootstrap.servers={kafka}\n\
             schema.history.internal.kafka.topic={PREFIX}-history\n\
             topic.creation.default.replication.factor=1\ntopic.creation.default.partitions=1\n",
            mysql.host(),
            mysql.port()
        );
        for (name, value) in tuning.settings() {
            text.push_str(&format!("{name}={value}\n"));
        }
        text
    }

    fn offsets(&self) -> PathBuf {
        self.scratch.path().join("offsets")
    }

    fn remembered(&self) -> PathBuf {
        self.scratch.path().join("remembered")
    }
}

const HEAP_MB: u32 = 2048;
const PATIENCE: Duration = Duration::from_secs(120);
