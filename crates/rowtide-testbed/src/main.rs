//! The program `rowtide-testbed`: real servers by one command, and the demo.

mod demo;

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand, ValueEnum};
use rowtide_testbed::workload::Workload;
use rowtide_testbed::{
    CDC_PASSWORD, CDC_USER, Cache, Kafka, KafkaOptions, MySql, MySqlOptions, Result, ServerVersion, binlogs,
    packages::KafkaPrograms, packages::ServerPrograms,
};

/// Real servers for Rowtide's demo, tests and benchmarks.
#[derive(Parser)]
#[command(name = "rowtide-testbed", version)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetch every server into the cache and make their data folders, so that nothing has to be fetched later.
    Fetch,
    /// Start MySQL and Kafka, say where they are, and run them until Ctrl-C or the end of the input.
    Up {
        /// Let the broker's virtual machine compile fully, as the measurements do: slower at first, faster in the end.
        #[arg(long)]
        sustained: bool,
    },
    /// Run a small shop, follow it with `rowtide run`, and show its changes as they arrive in Kafka.
    Demo(DemoArguments),
    /// Write the binlog files of testdata anew, by real servers from the SQL beside them.
    Binlogs(BinlogArguments),
    /// Put a load of changes into a server that runs already.
    Load(LoadArguments),
}

/// Arguments of `demo`.
#[derive(clap::Args)]
struct DemoArguments {
    /// Where the servers run.
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    engine: Engine,
    /// The program `rowtide`; by default the one beside this program.
    #[arg(long, env = "ROWTIDE_BIN")]
    rowtide: Option<PathBuf>,
    /// The compose file that a container engine is given; it has the services `mysql` and `kafka`.
    #[arg(long, default_value = "docker/compose.yaml")]
    compose_file: PathBuf,
    /// How long the shop is open, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// What runs the servers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Containers where an engine answers, else processes of this machine.
    Auto,
    /// Processes of this machine.
    Local,
    /// Containers, by `docker compose`.
    Docker,
}

/// Arguments of `binlogs`.
#[derive(clap::Args)]
struct BinlogArguments {
    /// The folder that has the SQL and gets the files.
    #[arg(long, default_value = "testdata/binlog")]
    folder: PathBuf,
    /// The names of the files; all of them if none is given.
    names: Vec<String>,
}

/// Arguments of `load`. The user is root without a password.
#[derive(clap::Args)]
struct LoadArguments {
    /// The unix socket of the server.
    #[arg(long)]
    socket: PathBuf,
    /// How many changes.
    #[arg(long, default_value_t = 1_000_000)]
    changes: u64,
    /// The same seed gives the same load.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The database, made if missing.
    #[arg(long, default_value = "load")]
    database: String,
    /// The table, made by the load.
    #[arg(long, default_value = "sbtest")]
    table: String,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Task::Fetch => fetch().map(|()| true),
        Task::Up { sustained } => up(sustained).map(|()| true),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Binlogs(arguments) => binlogs::write(&arguments.folder, &arguments.names).map(|()| true),
        Task::Load(arguments) => load(arguments).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rowtide-testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fetch() -> Result<()> {
    let cache = Cache::open()?;
    for server in ServerVersion::ALL {
        MySql::fetch(&cache, server)?;
    }
    KafkaPrograms::fetch(&cache)?;
    println!("all servers are in {}", cache.folder().display());
    Ok(())
}

fn up(sustained: bool) -> Result<()> {
    let mysql = MySql::start(MySqlOptions::default())?;
    let kafka = Kafka::start(match sustained {
        true => KafkaOptions::sustained(),
        false => KafkaOptions::default(),
    })?;
    println!(
        "mysql   127.0.0.1:{}  socket {}",
        mysql.port(),
        mysql.socket().display()
    );
    println!("        root without password; {CDC_USER} with password {CDC_PASSWORD} for replicas");
    println!("kafka   {}", kafka.bootstrap());
    println!("Ctrl-C ends them and removes their data.");
    // Ctrl-C ends this process at once, and then the watchdogs end the servers.
    let mut ignored = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut ignored);
    Ok(())
}

fn load(arguments: LoadArguments) -> Result<()> {
    let LoadArguments {
        socket,
        changes,
        seed,
        database,
        table,
    } = arguments;
    let mut client = ServerPrograms::fetch(&Cache::open()?, ServerVersion::default())?.client();
    client.arg("--user=root");
    client.arg(format!("--socket={}", socket.display()));
    let begun = Instant::now();
    let done = Workload {
        database,
        table,
        changes,
        seed,
    }
    .run(client)?;
    let (total, seconds) = (done.total(), begun.elapsed().as_secs_f64());
    println!(
        "{total} changes in {seconds:.1} s: {} c, {} u, {} d",
        done.inserts, done.updates, done.deletes
    );
    Ok(())
}
