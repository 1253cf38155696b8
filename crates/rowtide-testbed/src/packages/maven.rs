//! What Maven fetches: Kafka's classes, Debezium in Kafka Connect, and files inside other artifacts.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, progress};
use crate::command::run;
use crate::error::{Result, file};

/// The version of Kafka that is fetched; also in `kafka/pom.xml`.
const KAFKA_VERSION: &str = "4.3.1";
const KAFKA_POM: &str = include_str!("../../kafka/pom.xml");
/// The version of Debezium that is fetched; the worker's, which is Kafka's, is in `debezium/pom.xml`.
pub const DEBEZIUM_VERSION: &str = "3.6.1.Final";
const CONNECT_POM: &str = include_str!("../../debezium/pom.xml");
const MAVEN_ADVICE: &str = "install Maven (Debian: `apt install maven openjdk-17-jre-headless`)";

/// Where Kafka's classes are.
#[derive(Clone, Debug)]
pub struct KafkaPrograms {
    folder: PathBuf,
}

impl KafkaPrograms {
    /// Finds them in the cache, or fetches them by `mvn dependency:copy-dependencies`.
    pub fn fetch(cache: &Cache) -> Result<KafkaPrograms> {
        let folder = cache.once(&format!("kafka-{KAFKA_VERSION}"), |part| {
            progress(&format!("kafka-{KAFKA_VERSION}: fetching by Maven (about 60 MB)"));
            copy_dependencies(part, KAFKA_POM)?;
            write_log_settings(part)
        })?;
        Ok(KafkaPrograms { folder })
    }

    /// A Java virtual machine with Kafka's classes on its path, to be given a main class.
    pub fn java(&self, heap_megabytes: u32, virtual_machine: VirtualMachine) -> Command {
        java(&self.folder, heap_megabytes, virtual_machine)
    }
}

/// Where Debezium's connector for MySQL is, and the Kafka Connect worker that it runs in.
#[derive(Clone, Debug)]
pub struct DebeziumPrograms {
    folder: PathBuf,
}

impl DebeziumPrograms {
    /// Finds them in the cache, or fetches them.
    pub fn fetch(cache: &Cache) -> Result<DebeziumPrograms> {
        let name = format!("debezium-{DEBEZIUM_VERSION}-kafka-{KAFKA_VERSION}");
        let folder = cache.once(&name, |part| {
            progress(&format!("{name}: fetching by Maven (about 70 MB)"));
            copy_dependencies(part, CONNECT_POM)?;
            let artifact = format!("io.debezium:debezium-connector-mysql:{DEBEZIUM_VERSION}:zip:plugin");
            unpack_artifact(&artifact, "**", &part.join("plugins"))?;
            write_log_settings(part)
        })?;
        Ok(DebeziumPrograms { folder })
    }

    /// A Java virtual machine with the worker's classes on its path, to be given a main class.
    pub fn java(&self, heap_megabytes: u32, virtual_machine: VirtualMachine) -> Command {
        java(&self.folder, heap_megabytes, virtual_machine)
    }

    /// The worker's `plugin.path`.
    pub fn plugins(&self) -> PathBuf {
        self.folder.join("plugins")
    }
}

fn java(folder: &Path, heap_megabytes: u32, virtual_machine: VirtualMachine) -> Command {
    let mut command = Command::new("java");
    command.args(virtual_machine.options());
    if let VirtualMachine::Sustained { first_heap_megabytes } = virtual_machine {
        command.arg(format!("-Xms{first_heap_megabytes}m"));
    }
    command.arg(format!("-Xmx{heap_megabytes}m"));
    command.arg(format!(
        "-Dlog4j2.configurationFile={}",
        folder.join("log4j2.properties").display()
    ));
    command.arg("-cp").arg(folder.join("lib").join("*"));
    command
}

/// How a Java virtual machine compiles and collects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VirtualMachine {
    /// The quick compiler alone and one collector thread: tests are short and the machine is small.
    #[default]
    QuickStart,
    /// As Kafka's own start scripts have it, for what runs long and is measured.
    Sustained {
        /// The heap that it starts with, in MB: the scripts say 1024 for a broker and 256 for a Connect worker. A heap that
        /// has to grow is collected more often.
        first_heap_megabytes: u32,
    },
}

impl VirtualMachine {
    fn options(self) -> &'static [&'static str] {
        match self {
            VirtualMachine::QuickStart => &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
            VirtualMachine::Sustained { .. } => &[
                "-server",
                "-XX:+UseG1GC",
                "-XX:MaxGCPauseMillis=20",
                "-XX:InitiatingHeapOccupancyPercent=35",
                "-XX:+ExplicitGCInvokesConcurrent",
            ],
        }
    }
}

/// Unpacks from an artifact, `group:name:version` and where it is no jar its packaging and classifier, the files whose path matches a pattern of Maven's.
pub(super) fn unpack_artifact(artifact: &str, pattern: &str, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(file("create", folder))?;
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "dependency:unpack"])
        .arg(format!("-Dartifact={artifact}"))
        .arg(format!("-Dmdep.unpack.includes={pattern}"))
        .arg(format!("-DoutputDirectory={}", folder.display()))
        // The plugin keeps marks of what it unpacked, by default in a folder of the project that is worked on.
        .arg(format!("-DmarkersDirectory={}", folder.join("marks").display()))
        .current_dir(folder);
    run(&mut maven, MAVEN_ADVICE)?;
    Ok(())
}

fn copy_dependencies(folder: &Path, project: &str) -> Result<()> {
    let pom = folder.join("pom.xml");
    std::fs::write(&pom, project).map_err(file("write", &pom))?;
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "-f"])
        .arg(&pom)
        .arg("dependency:copy-dependencies");
    maven.arg(format!("-DoutputDirectory={}", folder.join("lib").display()));
    run(&mut maven, MAVEN_ADVICE)?;
    Ok(())
}

fn write_log_settings(folder: &Path) -> Result<()> {
    let settings = "status = error\n\
        appender.err.type = Console\n\
        appender.err.name = err\n\
        appender.err.target = SYSTEM_ERR\n\
        appender.err.layout.type = PatternLayout\n\
        appender.err.layout.pattern = %d %p %c{1}: %m%n\n\
        rootLogger.level = warn\n\
        rootLogger.appenderRef.err.ref = err\n";
    let path = folder.join("log4j2.properties");
    std::fs::write(&path, settings).map_err(file("write", &path))
}
