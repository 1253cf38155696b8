//! A Kafka broker of one's own.

mod records;
mod secured;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

pub use records::{Ends, Record, consume, read_all};
pub use secured::{BrokerTls, Listener, Secured};

use crate::cache::Cache;
use crate::command;
use crate::error::{Result, TestbedError, file, kafka};
use crate::packages::{KafkaPrograms, VirtualMachine};
use crate::scratch::Scratch;
use crate::server_process::{ServerProcess, free_port};
use secured::Ports;

/// How a broker differs from the usual one.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// The heap of the broker in MB; 512 by default.
    pub heap_megabytes: u32,
    /// How its virtual machine is set.
    pub virtual_machine: VirtualMachine,
    /// More lines of `server.properties`, which win over the usual ones: `("auto.create.topics.enable", "false")`.
    pub settings: Vec<(String, String)>,
    /// Listeners beside the open one, which the others of the testbed use.
    pub secured: Secured,
}

impl KafkaOptions {
    /// As Kafka's start script sets a broker, for what runs long and is measured.
    pub fn sustained() -> KafkaOptions {
        KafkaOptions::sustained_with_heap(1024)
    }

    /// As [`sustained`](Self::sustained), for more partitions than Kafka's start script has a heap for.
    pub fn sustained_with_heap(heap_megabytes: u32) -> KafkaOptions {
        KafkaOptions {
            heap_megabytes,
            virtual_machine: VirtualMachine::Sustained {
                first_heap_megabytes: heap_megabytes,
            },
            settings: Vec::new(),
            secured: Secured::default(),
        }
    }
}

impl Default for KafkaOptions {
    fn default() -> Self {
        KafkaOptions {
            heap_megabytes: 512,
            virtual_machine: VirtualMachine::default(),
            settings: Vec::new(),
            secured: Secured::default(),
        }
    }
}

/// A running broker (and its controller: one KRaft node) on 127.0.0.1 that ends and is removed when dropped.
#[derive(Debug)]
pub struct Kafka {
    programs: KafkaPrograms,
    options: Box<KafkaOptions>,
    port: u16,
    controller_port: u16,
    secured_ports: Ports,
    // Before the folder: fields are dropped in order, and the broker ends before its files do.
    process: Mutex<Option<ServerProcess>>,
    scratch: Scratch,
}

impl Kafka {
    /// Fetches Kafka if the cache has none, starts a broker and waits until it answers.
    pub fn start(options: KafkaOptions) -> Result<Kafka> {
        Kafka::start_at(|_| options)
    }

    /// As [`start`](Self::start), with options that depend on the broker's port: clients may be told to take another way to it,
    /// which must be there when it is asked whether it answers.
    pub fn start_at(options: impl FnOnce(u16) -> KafkaOptions) -> Result<Kafka> {
        let programs = KafkaPrograms::fetch(&Cache::open()?)?;
        let scratch = Scratch::new("kafka")?;
        let (port, controller_port) = (free_port()?, free_port()?);
        let options = options(port);
        let secured_ports = Ports::choose(&options.secured)?;
        let broker = Kafka {
            programs,
            options: Box::new(options),
            port,
            controller_port,
            secured_ports,
            process: Mutex::new(None),
            scratch,
        };
        broker.format()?;
        broker.launch()?;
        Ok(broker)
    }

    /// `host:port` for clients; the same after a restart.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `host:port` of one of the [secured listeners](KafkaOptions::secured); the same after a restart.
    pub fn bootstrap_of(&self, listener: &str) -> Result<String> {
        Ok(format!("127.0.0.1:{}", self.secured_ports.of(listener)?))
    }

    /// The broker's log.
    pub fn log(&self) -> PathBuf {
        self.scratch.path().join("kafka.log")
    }

    /// The number of the broker's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(ServerProcess::id)
    }

    /// Makes a topic, with settings such as `("cleanup.policy", "compact")`.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self
            .client_config()
            .create()
            .map_err(kafka("make an admin client"))?;
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let made = block_on(admin.create_topics([&topic], &options)).map_err(kafka("create a topic"))?;
        for result in made {
            let refused = |(topic, code)| TestbedError::Unexpected(format!("topic {topic}: {code}"));
            result.map_err(refused)?;
        }
        Ok(())
    }

    /// Deletes the records of partition 0 of a topic that stand before an offset.
    pub fn delete_records(&self, topic: &str, before: i64) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self
            .client_config()
            .create()
            .map_err(kafka("make an admin client"))?;
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topic, 0, Offset::Offset(before))
            .map_err(kafka("name an offset"))?;
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let deleted = block_on(admin.delete_records(&offsets, &options)).map_err(kafka("delete records"))?;
        for partition in deleted.elements() {
            partition.error().map_err(kafka("delete records"))?;
        }
        Ok(())
    }

    /// The topics that are there, Kafka's own (`__…`) left out.
    pub fn topics(&self) -> Result<Vec<String>> {
        records::topics(&self.bootstrap())
    }

    /// How many partitions a topic has, 0 if it is not there.
    pub fn partitions(&self, topic: &str) -> Result<usize> {
        records::partitions_of(&self.bootstrap(), topic)
    }

    /// All records of the topics up to now; see [`read_all`].
    pub fn read_all(&self, topics: &[&str], read_committed: bool) -> Result<Vec<Record>> {
        read_all(&self.bootstrap(), topics, read_committed)
    }

    /// All records of the topics up to now, one by one; see [`consume`].
    pub fn consume(
        &self,
        topics: &[&str],
        read_committed: bool,
        on_record: impl FnMut(Record) -> Result<()>,
    ) -> Result<()> {
        consume(&self.bootstrap(), topics, read_committed, on_record)
    }

    /// Tells how far topics have grown, again and again; it outlives restarts of the broker.
    ///
    /// With `read_committed` a topic's end is the end of what is stable.
    pub fn ends(&self, read_committed: bool) -> Result<Ends> {
        Ends::new(&self.bootstrap(), read_committed)
    }

    /// Runs one of Kafka's own programs, such as `org.apache.kafka.tools.GetOffsetShell`, and returns its output.
    pub fn java(&self, class: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.programs.java(256, VirtualMachine::QuickStart);
        // In other locales Java takes what is not ASCII for question marks.
        command.env("LC_ALL", "C.UTF-8");
        command.arg(class).args(arguments);
        let output = command::run(&mut command, "install Java 17 or later")?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Writes records by Kafka's own Java producer, which chooses the partitions: what other clients are measured by.
    ///
    /// Keys and values are text without tabs and line ends.
    pub fn produce_by_java(&self, topic: &str, records: &[(String, String)]) -> Result<()> {
        let mut command = self.programs.java(256, VirtualMachine::QuickStart);
        command.arg("org.apache.kafka.tools.ConsoleProducer");
        command.args(["--bootstrap-server", &self.bootstrap(), "--topic", topic]);
        command.args(["--reader-property", "parse.key=true"]);
        let lines: String = records
            .iter()
            .map(|(key, value)| format!("{key}\t{value}\n"))
            .collect();
        command::run_with_input(&mut command, lines.into_bytes(), "install Java 17 or later")?;
        Ok(())
    }

    /// Stops the broker in good order and starts it again, on the same port and data.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.launch()
    }

    /// Starts a broker that was stopped or killed, on the same port and data.
    pub fn start_again(&self) -> Result<()> {
        self.launch()
    }

    /// Stops the broker in good order and keeps its data.
    pub fn stop(&self) -> Result<()> {
        let mut process = self.process();
        if let Some(process) = process.as_ref() {
            process.terminate()?;
        }
        process.take().map_or(Ok(()), ServerProcess::await_exit)
    }

    /// Kills the broker as `kill -9` does, and keeps its data.
    pub fn kill9(&self) {
        self.process().take();
    }

    fn launch(&self) -> Result<()> {
        let mut process = self.process();
        let options = &self.options;
        let mut command: Command = self
            .programs
            .java(options.heap_megabytes, options.virtual_machine);
        command.arg("kafka.Kafka").arg(self.settings_file());
        let started = ServerProcess::start("Kafka", &mut command, &self.log(), self.scratch.path())?;
        process.insert(started).await_ready(|| self.answers())
    }

    /// Whether a client can reach the broker; a closed port is told at once, without a client's retries.
    fn answers(&self) -> bool {
        if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            return false;
        }
        let client: std::result::Result<BaseConsumer, _> = self.client_config().create();
        let metadata = client.and_then(|client| client.fetch_metadata(None, Duration::from_secs(5)));
        metadata.is_ok_and(|metadata| metadata.brokers().len() == 1)
    }

    fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set_log_level(RDKafkaLogLevel::Emerg);
        config
    }

    fn format(&self) -> Result<()> {
        let path = self.settings_file();
        std::fs::write(&path, self.settings()?).map_err(file("write", &path))?;
        let path = path.display().to_string();
        let cluster = self.java("kafka.tools.StorageTool", &["random-uuid"])?;
        let users = self.options.secured.format_arguments();
        let mut arguments = vec!["format", "-t", cluster.trim(), "-c", &path];
        arguments.extend(users.iter().map(String::as_str));
        self.java("kafka.tools.StorageTool", &arguments)?;
        Ok(())
    }

    fn settings_file(&self) -> PathBuf {
        self.scratch.path().join("server.properties")
    }

    fn settings(&self) -> Result<String> {
        let (port, controller) = (self.port, self.controller_port);
        let secured = &self.options.secured;
        let more = secured.addresses(&self.secured_ports);
        let mut text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{more}\n\
             controller.listener.names=CONTROLLER\nlog.dirs={}\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\n",
            self.scratch.path().join("data").display()
        );
        text.push_str(&secured.settings(self.scratch.path())?);
        for (key, value) in &self.options.settings {
            text.push_str(&format!("{key}={value}\n"));
        }
        Ok(text)
    }

    fn process(&self) -> MutexGuard<'_, Option<ServerProcess>> {
        // A test that panicked while it held the lock left a process or none: both are whole.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for one future on this thread; the Kafka client completes it from a thread of its own.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;

    #[test]
    fn records_are_read_back_committed_only_and_across_restarts() {
        let kafka = Kafka::start(KafkaOptions::default()).unwrap();
        kafka
            .create_topic("live.a", 2, &[("cleanup.policy", "compact")])
            .unwrap();
        let mut config = kafka.client_config();
        config.set("transactional.id", "testbed");
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(Duration::from_secs(30)).unwrap();
        let send = |key: &str, value: &str| {
            let headers = OwnedHeaders::new().insert(Header {
                key: "h",
                value: Some("v"),
            });
            producer
                .send(
                    BaseRecord::to("live.a")
                        .partition(1)
                        .key(key)
                        .payload(value)
                        .headers(headers),
                )
                .map_err(|(error, _)| error)
                .unwrap();
            producer.flush(Duration::from_secs(30)).unwrap();
        };
        producer.begin_transaction().unwrap();
        send("k1", "kept");
        producer.commit_transaction(Duration::from_secs(30)).unwrap();
        producer.begin_transaction().unwrap();
        send("k2", "given up");
        producer.abort_transaction(Duration::from_secs(30)).unwrap();

        let committed = kafka.read_all(&["live.a", "absent"], true).unwrap();
        assert_eq!(committed.len(), 1);
        let record = &committed[0];
        assert_eq!(
            (record.topic.as_str(), record.partition, record.offset),
            ("live.a", 1, 0)
        );
        assert_eq!(record.key.as_deref(), Some(b"k1".as_slice()));
        assert_eq!(record.value.as_deref(), Some(b"kept".as_slice()));
        assert_eq!(record.headers, vec![("h".to_owned(), Some(b"v".to_vec()))]);
        assert_eq!(kafka.read_all(&["live.a"], false).unwrap().len(), 2);

        kafka.restart().unwrap();
        assert_eq!(kafka.read_all(&["live.a"], true).unwrap(), committed);
        kafka.kill9();
        assert_eq!(kafka.pid(), None);
        kafka.start_again().unwrap();
        assert_eq!(kafka.read_all(&["live.a"], true).unwrap(), committed);
        assert_eq!(kafka.topics().unwrap(), ["live.a"]);
        assert_eq!(
            (
                kafka.partitions("live.a").unwrap(),
                kafka.partitions("absent").unwrap()
            ),
            (2, 0)
        );

        let arguments = ["--bootstrap-server", &kafka.bootstrap(), "--topic", "live.a"];
        let offsets = kafka
            .java("org.apache.kafka.tools.GetOffsetShell", &arguments)
            .unwrap();
        assert!(offsets.contains("live.a:1:4"), "{offsets}");
        let ends = kafka.ends(true).unwrap();
        assert_eq!((ends.of("live.a").unwrap(), ends.of("absent").unwrap()), (4, 0));
    }
}
