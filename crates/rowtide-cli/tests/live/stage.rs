//! The servers that tests share, and the program under test.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rowtide_testbed::oracle::Oracle;
use rowtide_testbed::{
    CDC_PASSWORD, CDC_USER, Kafka, KafkaOptions, MySql, MySqlOptions, Record, Scratch, ServerVersion,
};

/// How long a condition may take to come true before a test gives up: long, since machines are slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// A MySQL with GTIDs and full row metadata, shared by the tests that do not restart it.
pub fn mysql() -> &'static MySql {
    static SHARED: OnceLock<MySql> = OnceLock::new();
    // The id is the one in the golden records.
    SHARED.get_or_init(|| {
        MySql::start(MySqlOptions {
            server_id: 97,
            ..MySqlOptions::default()
        })
        .unwrap()
    })
}

/// A broker, shared by the tests that do not restart it.
pub fn kafka() -> &'static Kafka {
    static SHARED: OnceLock<Kafka> = OnceLock::new();
    SHARED.get_or_init(|| Kafka::start(KafkaOptions::default()).unwrap())
}

/// The program with a clean environment and the password of the testbed's replica user.
pub fn rowtide() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowtide"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROWTIDE_")) {
        command.env_remove(name);
    }
    command
        .env("ROWTIDE_SOURCE_PASSWORD", CDC_PASSWORD)
        .stdin(Stdio::null());
    command
}

/// `--source` for a server of the testbed.
pub fn source(mysql: &MySql) -> String {
    source_at(mysql.port())
}

/// `--source` for what listens on a port.
pub fn source_at(port: u16) -> String {
    format!("mysql://{CDC_USER}@127.0.0.1:{port}")
}

/// A number that no other replica of this test process has.
pub fn next_server_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(5400);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// `rowtide run` from `mysql` to `kafka` for all tables of `database`, with `prefix` before its topics; with as many
/// workers as `LIVE_WORKERS` says, so that all tests can be run with several.
pub fn run(mysql: &MySql, kafka: &Kafka, prefix: &str, database: &str) -> Command {
    let mut command = rowtide();
    if let Ok(workers) = std::env::var("LIVE_WORKERS") {
        command.env("ROWTIDE_WORKERS", workers);
    }
    command
        .args([
            "run",
            "--source",
            &source(mysql),
            "--server-id",
            &next_server_id(),
        ])
        .args([
            "--include-table",
            &format!("{database}\\..*"),
            "--kafka",
            &kafka.bootstrap(),
        ])
        .args([
            "--topic-prefix",
            prefix,
            "--snapshot",
            "never",
            "--log-format",
            "text",
        ]);
    command
}

/// Runs to the end and insists on success.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{:?}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs to the end, insists on this exit code, and gives what was said.
pub fn fail(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// Insists on words in what was said.
pub fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in:\n{said}");
    }
}

/// A program that runs beside the test and ends with it.
pub struct Running {
    child: Child,
    log: Option<(Scratch, PathBuf)>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self {
            child: command
                .stdout(Stdio::null())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap(),
            log: None,
        }
    }

    /// Keeps what the program says, for [`Running::log`].
    pub fn start_with_log(command: &mut Command) -> Self {
        let folder = Scratch::new("log").unwrap();
        let path = folder.path().join("stderr");
        let file = std::fs::File::create(&path).unwrap();
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self {
            child,
            log: Some((folder, path)),
        }
    }

    /// What it has said until now.
    pub fn log(&self) -> String {
        let (_, path) = self.log.as_ref().unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The process number, for measurements.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let done = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Its exit code, once it has ended by itself.
    pub fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|s| s.code())
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Set when it goes out of scope, however that happens, so that a thread which waits for it ends.
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until the condition is true.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(
            begun.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The committed records of a topic, none if there is no such topic.
pub fn records(kafka: &Kafka, topic: &str) -> Vec<Record> {
    let exists = kafka.topics().unwrap().iter().any(|name| name == topic);
    if exists {
        kafka.read_all(&[topic], true).unwrap()
    } else {
        Vec::new()
    }
}

pub fn text(bytes: &Option<Vec<u8>>) -> Option<String> {
    bytes.as_ref().map(|b| String::from_utf8(b.clone()).unwrap())
}

/// The end of the server's binlog, as `--start` takes it.
pub fn position(mysql: &MySql) -> String {
    let statement = match mysql.version() {
        ServerVersion::MySql97 => "SHOW BINARY LOG STATUS",
        _ => "SHOW MASTER STATUS",
    };
    let status = mysql.query(statement).unwrap();
    format!(
        "position:{}:{}",
        status[0][0].as_deref().unwrap(),
        status[0][1].as_deref().unwrap()
    )
}

/// The GTIDs that the server has executed.
pub fn executed(mysql: &MySql) -> String {
    let rows = mysql.query("SELECT @@GLOBAL.gtid_executed").unwrap();
    rows[0][0].clone().unwrap_or_default().replace('\n', "")
}

/// `op` of a change record.
pub fn operation(record: &Record) -> String {
    let value: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
    value["op"].as_str().unwrap().to_owned()
}

/// `after` of a change record.
pub fn after(record: &Record) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
    value["after"].take()
}

/// What the visible records of a topic make of the table, and what is wrong with them.
pub fn judged(kafka: &Kafka, topic: &str) -> Oracle {
    let mut oracle = Oracle::default();
    kafka
        .consume(&[topic], true, |record| oracle.observe(&record))
        .unwrap();
    oracle
}

/// The checkpoint, as `rowtide checkpoint show` shows it.
pub fn checkpoint(kafka: &Kafka, prefix: &str) -> serde_json::Value {
    let mut show = rowtide();
    show.args(["checkpoint", "show", "--kafka", &kafka.bootstrap()]);
    let shown = succeed(show.args(["--topic-prefix", prefix])).stdout;
    serde_json::from_slice(&shown).unwrap()
}
