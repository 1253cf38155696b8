//! What Maven fetches: Kafka's classes, and files inside other artifacts.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, progress};
use crate::command::run;
use crate::error::{Result, file};

/// The version of Kafka that is fetched; also in `kafka/pom.xml`.
const KAFKA_VERSION: &str = "4.3.1";
const POM: &str = include_str!("../../kafka/pom.xml");
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
            copy_dependencies(part)?;
            write_log_settings(part)
        })?;
        Ok(KafkaPrograms { folder })
    }

    /// A Java virtual machine with Kafka's classes on its path, to be given a main class.
    pub fn java(&self, heap_megabytes: u32, virtual_machine: VirtualMachine) -> Command {
        let mut command = Command::new("java");
        command.args(virtual_machine.options());
        command.arg(format!("-Xmx{heap_megabytes}m"));
        command.arg(format!(
            "-Dlog4j2.configurationFile={}",
            self.folder.join("log4j2.properties").display()
        ));
        command.arg("-cp").arg(self.folder.join("lib").join("*"));
        command
    }
}

/// How a Java virtual machine compiles and collects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VirtualMachine {
    /// The quick compiler alone and one collector thread: tests are short and the machine is small.
    #[default]
    QuickStart,
    /// As Kafka's own start script has it, for what runs long and is measured.
    Sustained,
}

impl VirtualMachine {
    fn options(self) -> &'static [&'static str] {
        match self {
            VirtualMachine::QuickStart => &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
            VirtualMachine::Sustained => &[
                "-server",
                "-XX:+UseG1GC",
                "-XX:MaxGCPauseMillis=20",
                "-XX:InitiatingHeapOccupancyPercent=35",
                "-XX:+ExplicitGCInvokesConcurrent",
            ],
        }
    }
}

/// Unpacks from an artifact, `group:name:version`, the files whose path matches a pattern of Maven's.
pub(super) fn unpack_artifact(artifact: &str, pattern: &str, folder: &Path) -> Result<()> {
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

fn copy_dependencies(folder: &Path) -> Result<()> {
    progress(&format!("kafka-{KAFKA_VERSION}: fetching by Maven (about 60 MB)"));
    let pom = folder.join("pom.xml");
    std::fs::write(&pom, POM).map_err(file("write", &pom))?;
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
