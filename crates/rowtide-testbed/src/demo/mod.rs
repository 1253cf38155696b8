//! `rowtide-testbed demo`: a shop on MySQL, `rowtide run`, and a consumer that shows what arrives.

mod ledger;
mod servers;
mod shop;
mod watcher;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rowtide_testbed::{Result, Scratch, ServerProcess, TestbedError};

use self::ledger::Ledger;
use self::servers::Servers;
use self::shop::Shop;
use self::watcher::Watcher;
use crate::DemoArguments;

/// The database, and the prefix of the topics.
const SHOP: &str = "shop";
/// How long the last changes may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the demo; returns whether every change arrived, and arrived once.
pub(crate) fn run(arguments: &DemoArguments) -> Result<bool> {
    let rowtide = rowtide_program(arguments)?;
    println!("Starting MySQL and Kafka …");
    let servers = Servers::start(arguments.engine, &arguments.compose_file)?;
    let mut shop = Shop::open(&servers.client())?;
    println!(
        "MySQL at {}, Kafka at {}. Starting rowtide …",
        servers.mysql, servers.bootstrap
    );
    let scratch = Scratch::new("demo")?;
    let log = scratch.path().join("rowtide.log");
    let mut replica =
        ServerProcess::start("rowtide", &mut command(&rowtide, &servers), &log, scratch.path())?;
    replica.await_ready(|| std::fs::read_to_string(&log).is_ok_and(|log| log.contains("streaming from")))?;

    println!(
        "The shop opens for {} s. Time is from the commit's confirmation to the consumer.\n",
        arguments.seconds
    );
    let ledger = Arc::new(Ledger::default());
    let watcher = Watcher::start(&servers.bootstrap, Arc::clone(&ledger))?;
    let worked = shop.work(Duration::from_secs(arguments.seconds), &ledger);
    let complete = worked.and_then(|()| await_arrivals(&ledger, &mut replica));
    replica.terminate()?;
    replica.await_exit()?;
    watcher.stop()?;
    complete?;
    summary(&ledger, &servers)
}

fn command(rowtide: &Path, servers: &Servers) -> Command {
    let mut command = Command::new(rowtide);
    command
        .env("ROWTIDE_SOURCE_PASSWORD", rowtide_testbed::CDC_PASSWORD)
        .arg("run");
    command
        .arg("--source")
        .arg(format!("mysql://{}@{}", rowtide_testbed::CDC_USER, servers.mysql));
    command.args([
        "--server-id",
        "5400",
        "--include-table",
        "shop\\..*",
        "--kafka",
        &servers.bootstrap,
    ]);
    command.args(["--topic-prefix", SHOP, "--snapshot", "never", "--start", "now"]);
    command
}

fn rowtide_program(arguments: &DemoArguments) -> Result<PathBuf> {
    let beside = || {
        std::env::current_exe()
            .ok()
            .map(|path| path.with_file_name("rowtide"))
    };
    let path = arguments
        .rowtide
        .clone()
        .or_else(beside)
        .unwrap_or_else(|| PathBuf::from("rowtide"));
    if path.is_file() {
        return Ok(path);
    }
    let advice = "build it with `cargo build -p rowtide-cli`, or name it with --rowtide";
    Err(TestbedError::Machine(format!(
        "no program {}; {advice}",
        path.display()
    )))
}

/// Waits until every change was seen, or no more can be hoped for: the summary then tells what is missing.
fn await_arrivals(ledger: &Ledger, replica: &mut ServerProcess) -> Result<()> {
    let begun = Instant::now();
    while ledger.missing() > 0 && begun.elapsed() < PATIENCE {
        replica.await_ready(|| true)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Counts once more, by reading the topics from their beginning now that nothing more is written.
fn summary(ledger: &Ledger, servers: &Servers) -> Result<bool> {
    let topics = Shop::TABLES.map(|table| format!("{SHOP}.{SHOP}.{table}"));
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let count = ledger.count(&rowtide_testbed::read_all(&servers.bootstrap, &topics, true)?)?;
    println!("\nchanges made    {:>7}", count.made);
    println!(
        "records seen    {:>7}   and {} tombstones",
        count.records, count.tombstones
    );
    println!("duplicates      {:>7}", count.duplicates);
    println!("missing         {:>7}", count.missing);
    if count.unknown > 0 {
        println!("never made      {:>7}", count.unknown);
    }
    if let Some((p50, p99)) = ledger.latency() {
        println!(
            "latency         p50 {p50:.1} ms, p99 {p99:.1} ms (the first record of each topic, which makes it, not counted)"
        );
    }
    let good = count.is_exact();
    println!(
        "{}",
        if good {
            "\nEvery change arrived exactly once."
        } else {
            "\nNOT every change arrived exactly once."
        }
    );
    Ok(good)
}
