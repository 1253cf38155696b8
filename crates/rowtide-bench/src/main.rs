//! The program `rowtide-bench`: measures the parts and writes the page.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use rowtide_bench::decode::sink::Depth;
use rowtide_bench::report::{self, Part as Measured};
use rowtide_bench::servers::Rowtide;
use rowtide_bench::{
    Extent, decode, drain, instructions, latency, peers, process, start_history, tables, workers,
};

/// Measures Rowtide on real servers, beside what bounds it.
#[derive(Parser)]
#[command(name = "rowtide-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure, and write the page.
    Run(RunArguments),
    /// Write the page of the results that are there.
    Report {
        /// Where the results are.
        #[arg(long, default_value = RESULTS)]
        results: PathBuf,
        /// The page; its plot goes beside it.
        #[arg(long, default_value = PAGE)]
        page: PathBuf,
    },
    /// Keep what a server sends for a workload of `decode` in a file, to be taken under a profiler by `take-recording`.
    Record {
        /// `sysbench`, `small`, `wide`, or a family of column types such as `decimals`.
        workload: String,
        /// The file.
        file: PathBuf,
        /// The size of the workload in percent.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
        percent: u64,
    },
    /// Take a recording so far, out of memory: what `run` counts the instructions of, and what to profile.
    TakeRecording {
        /// The file.
        file: PathBuf,
        /// How far.
        #[arg(long)]
        depth: Depth,
        /// How often.
        #[arg(long, default_value_t = 1)]
        passes: u64,
    },
    /// Produce records of a file by librdkafka alone; `run` calls it.
    #[command(hide = true)]
    ProduceAlone {
        file: PathBuf,
        #[arg(long)]
        kafka: String,
        #[arg(long)]
        topic: String,
    },
}

/// Arguments of `run`.
#[derive(clap::Args)]
struct RunArguments {
    /// What is measured; by default all that is Rowtide's own: not the peers.
    #[arg(long, value_delimiter = ',')]
    parts: Vec<Part>,
    /// How often each thing runs.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// The size of the workloads in percent: a small one tries the measurements out.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    percent: u64,
    /// The program `rowtide`; by default the one beside this program.
    #[arg(long, env = "ROWTIDE_BIN")]
    rowtide: Option<PathBuf>,
    /// Where the results are kept between runs.
    #[arg(long, default_value = RESULTS)]
    results: PathBuf,
    /// The page; its plot goes beside it.
    #[arg(long, default_value = PAGE)]
    page: PathBuf,
}

const RESULTS: &str = "target/bench";
const PAGE: &str = "docs/benchmarks.md";

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// A backlog to Kafka, beside librdkafka alone.
    Drain,
    /// Recorded packets to values and to JSON.
    Decode,
    /// From commit to consumer.
    Latency,
    /// Ten thousand tables, and tables that are not captured.
    Tables,
    /// Start, idleness, the size of the program.
    Process,
    /// Start with a long schema history and many tables.
    StartHistory,
    /// Decoding and encoding by one thread and by two.
    Workers,
    /// Instructions a row, counted by callgrind, with limits.
    Instructions,
    /// A real Debezium at the same work.
    Peers,
}

impl Part {
    const OWN: [Part; 7] = [
        Part::Drain,
        Part::Decode,
        Part::Latency,
        Part::Tables,
        Part::Process,
        Part::Workers,
        Part::Instructions,
    ];
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Task::Run(arguments) => run(&arguments),
        Task::Report { results, page } => report::write_page(&results, &page),
        Task::ProduceAlone { file, kafka, topic } => {
            let alone = drain::alone::produce(&file, &kafka, &topic)?;
            println!("{}", serde_json::to_string(&alone)?);
            Ok(())
        }
        Task::Record {
            workload,
            file,
            percent,
        } => decode::record(&workload, &file, percent),
        Task::TakeRecording { file, depth, passes } => instructions::take(&file, depth, passes),
    }
}

fn run(arguments: &RunArguments) -> Result<()> {
    let rowtide = Rowtide::find(arguments.rowtide.clone())?;
    let extent = Extent {
        rounds: usize::from(arguments.rounds),
        percent: arguments.percent,
    };
    let parts: &[Part] = match arguments.parts.as_slice() {
        [] => &Part::OWN,
        some => some,
    };
    let mut failed = Vec::new();
    for part in parts {
        let done = measure(*part, &rowtide, &extent).and_then(|measured| keep(*part, &measured, arguments));
        if let Err(error) = done {
            eprintln!("{part:?}: {error:#}");
            failed.push(format!("{part:?}"));
        }
    }
    if !failed.is_empty() {
        bail!("these parts failed, see above: {}", failed.join(", "));
    }
    eprintln!("{} is written", arguments.page.display());
    Ok(())
}

/// Writes down what a part gave; the page has the other parts' last results.
fn keep(part: Part, measured: &Measured, arguments: &RunArguments) -> Result<()> {
    measured.write(&arguments.results)?;
    report::write_page(&arguments.results, &arguments.page)?;
    // Instructions do not depend on the machine's mood: more of them than the limits allow is a failure.
    match part {
        Part::Instructions => instructions::check(measured),
        _ => Ok(()),
    }
}

fn measure(part: Part, rowtide: &Rowtide, extent: &Extent) -> Result<Measured> {
    match part {
        Part::Drain => drain::measure(rowtide, extent),
        Part::Decode => decode::measure(extent),
        Part::Latency => latency::measure(rowtide, extent),
        Part::Tables => tables::measure(rowtide, extent),
        Part::Process => process::measure(rowtide, extent),
        Part::StartHistory => start_history::measure(rowtide, extent),
        Part::Workers => workers::measure(extent),
        Part::Instructions => instructions::measure(extent),
        Part::Peers => peers::measure(rowtide, extent),
    }
}
