//! `rowtide check`: what would keep `run` from running, and the SQL that mends it.

use anyhow::Context;

use crate::settings::Settings;
use crate::{exit, options};

/// Connects to the source, reads its settings and grants, and to Kafka if one is named. Prints what it finds.
///
/// # Errors
/// The first thing that would keep `run` from running.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    let settings = settings.with_file().map_err(exit::usage)?;
    options::check(&settings).map_err(exit::usage)?;
    let source = options::source(&settings.source).map_err(exit::usage)?;
    let tables = options::tables(&settings.capture).map_err(exit::usage)?;
    let server_id = options::server_id(&settings.replica).map_err(exit::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = runtime.block_on(rowtide::check::source(&source, server_id, &tables))?;
    println!("source: {}", report.server);
    for table in &report.missing_tables {
        println!("error: there is no table {table}");
    }
    for line in report.lines() {
        println!("{line}");
    }
    println!("{} tables are captured", report.captured_tables);
    if settings.kafka.kafka.is_some() {
        options::pipeline(&settings).map_err(exit::usage)?.check_kafka()?;
        println!("Kafka: reachable, and fit to be written to");
    }
    report.verdict()?;
    println!("ok");
    Ok(())
}
