//! The servers of a measurement and the program that is measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_event::BinlogPosition;
use rowtide_testbed::{CDC_PASSWORD, CDC_USER, Kafka, KafkaOptions, MySql, MySqlOptions};
use tokio::runtime::Runtime;

/// The account that the measurements write with.
pub const WRITER: &str = "writer";

/// A server and a broker of a measurement's own.
pub struct Servers {
    /// The source.
    pub mysql: MySql,
    /// The destination.
    pub kafka: Kafka,
}

impl Servers {
    /// Starts both.
    pub fn start() -> Result<Servers> {
        Servers::start_with(KafkaOptions::sustained())
    }

    /// Starts both, the broker with these options.
    pub fn start_with(kafka: KafkaOptions) -> Result<Servers> {
        Ok(Servers {
            mysql: start_mysql()?,
            kafka: Kafka::start(kafka)?,
        })
    }
}

/// A MySQL as the measurements want it, with an account to write.
pub fn start_mysql() -> Result<MySql> {
    let mysql = MySql::start(MySqlOptions::default())?;
    mysql.sql(&format!(
        "CREATE USER '{WRITER}'@'%' IDENTIFIED BY '{CDC_PASSWORD}'; GRANT ALL ON *.* TO '{WRITER}'@'%';"
    ))?;
    Ok(mysql)
}

/// The program that is measured.
#[derive(Clone, Debug)]
pub struct Rowtide {
    /// Where it is.
    pub program: PathBuf,
}

impl Rowtide {
    /// The program given, or the one beside this program.
    pub fn find(given: Option<PathBuf>) -> Result<Rowtide> {
        let beside = || Ok::<PathBuf, anyhow::Error>(std::env::current_exe()?.with_file_name("rowtide"));
        let program = given.map_or_else(beside, Ok)?;
        if !program.exists() {
            bail!(
                "{} is not there: build it with `cargo build --release -p rowtide-cli`, or name it with --rowtide",
                program.display()
            );
        }
        Ok(Rowtide { program })
    }

    /// The program without a task, in a clean environment. What it says goes to standard error.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROWTIDE_")) {
            command.env_remove(name);
        }
        command
            .env("ROWTIDE_SOURCE_PASSWORD", CDC_PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// The arguments of `rowtide run` between two servers for the tables of a pattern, with warnings only.
    pub fn arguments(&self, servers: &Servers, prefix: &str, tables: &str, start: &str) -> Vec<String> {
        let source = format!("mysql://{CDC_USER}@127.0.0.1:{}", servers.mysql.port());
        let kafka = servers.kafka.bootstrap();
        // The server forgets a replica that is gone only when it next has something to send to it.
        static SERVER_ID: AtomicU32 = AtomicU32::new(5400);
        let server_id = SERVER_ID.fetch_add(1, Ordering::Relaxed).to_string();
        let settings = [
            ("--source", source.as_str()),
            ("--server-id", &server_id),
            ("--kafka", &kafka),
            ("--topic-prefix", prefix),
            ("--include-table", tables),
            ("--start", start),
            ("--log", "warn"),
        ];
        let pairs = settings.iter().flat_map(|(name, value)| [*name, *value]);
        std::iter::once("run").chain(pairs).map(str::to_owned).collect()
    }

    /// `rowtide run` from the beginning of the log.
    pub fn run(&self, servers: &Servers, prefix: &str, tables: &str) -> Command {
        let mut command = self.command();
        command.args(self.arguments(servers, prefix, tables, "earliest"));
        command
    }
}

/// A connection of one's own, for measurements that a client program would blur.
pub struct Connection {
    runtime: Runtime,
    client: Client,
}

impl Connection {
    /// Logs in as the [`WRITER`].
    pub fn open(mysql: &MySql) -> Result<Connection> {
        let runtime = runtime()?;
        let client = runtime.block_on(Client::connect(&source(mysql, WRITER)))?;
        Ok(Connection { runtime, client })
    }

    /// Returns when the server has confirmed the statement.
    pub fn execute(&mut self, statement: &str) -> Result<()> {
        self.runtime.block_on(self.client.query(statement))?;
        Ok(())
    }
}

/// How to reach a server, unencrypted.
pub fn source(mysql: &MySql, user: &str) -> SourceOptions {
    let mut options = SourceOptions::new(mysql.host(), mysql.port(), user, CDC_PASSWORD);
    options.tls.mode = rowtide_binlog::tls::TlsMode::Disabled;
    options
}

/// A runtime of one thread.
pub fn runtime() -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot make a runtime")
}

/// Begins a new binlog file, and gives the place of its first event.
pub fn new_binlog_file(mysql: &MySql) -> Result<BinlogPosition> {
    mysql.sql("FLUSH BINARY LOGS")?;
    let rows = mysql.query("SHOW BINARY LOG STATUS")?;
    let name = rows.first().and_then(|row| row.first()).cloned().flatten();
    let name = name.context("the server has no binary log")?;
    Ok(BinlogPosition::new(name, 4))
}

/// Makes topics of one partition, many at once.
pub fn create_topics(kafka: &Kafka, topics: &[String], settings: &[(&str, &str)]) -> Result<()> {
    let (admin, options) = admin(kafka)?;
    for some in topics.chunks(TOPICS_AT_ONCE) {
        let new = some.iter().map(|topic| {
            let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
            settings
                .iter()
                .fold(new, |new, (name, value)| new.set(name, value))
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        for made in runtime()?.block_on(admin.create_topics(&new, &options))? {
            made.map_err(|(topic, code)| anyhow!("topic {topic} cannot be made: {code}"))?;
        }
    }
    Ok(())
}

const TOPICS_AT_ONCE: usize = 500;

/// Removes topics, so that a run of many rounds does not fill the disk.
pub fn delete_topics(kafka: &Kafka, topics: &[&str]) -> Result<()> {
    let (admin, options) = admin(kafka)?;
    for deleted in runtime()?.block_on(admin.delete_topics(topics, &options))? {
        deleted.map_err(|(topic, code)| anyhow!("topic {topic} cannot be removed: {code}"))?;
    }
    Ok(())
}

fn admin(kafka: &Kafka) -> Result<(AdminClient<DefaultClientContext>, AdminOptions)> {
    let admin = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .create()?;
    let patience = Some(Duration::from_secs(60));
    let options = AdminOptions::new()
        .operation_timeout(patience)
        .request_timeout(patience);
    Ok((admin, options))
}

/// The size of a file in bytes.
pub fn file_size(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    Ok(metadata.len())
}
