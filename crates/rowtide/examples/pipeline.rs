//! The changes of one database, from MySQL to Kafka, exactly once, until Ctrl-C.
//!
//! The account needs `GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.*`. Run it with
//!
//! ```text
//! export ROWTIDE_SOURCE=mysql://cdc@127.0.0.1:3306 ROWTIDE_SOURCE_PASSWORD=…
//! export ROWTIDE_KAFKA=127.0.0.1:9092 ROWTIDE_INCLUDE_TABLE='shop\..*'
//! cargo run -p rowtide --example pipeline
//! ```
//!
//! and change something in the database `shop`: each table's changes are in the topic `example.shop.TABLE`. Started
//! again, it goes on where it ended, since Kafka holds the checkpoint. `ROWTIDE_INCLUDE_TABLE` may be left out to
//! capture every table.

use std::error::Error;
use std::process::ExitCode;

use rowtide::binlog::client::SourceOptions;
use rowtide::{Pipeline, SourceUrl, StartFrom, TableFilter};

/// A number that no other server or replica of the source has.
const SERVER_ID: u32 = 5_410;
/// The first part of every topic's name, and the key of the checkpoint.
const TOPIC_PREFIX: &str = "example";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pipeline: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let include: Vec<String> = std::env::var("ROWTIDE_INCLUDE_TABLE").into_iter().collect();
    let pipeline = Pipeline::builder(source()?, SERVER_ID, variable("ROWTIDE_KAFKA")?, TOPIC_PREFIX)
        .tables(TableFilter::new(&include, &[])?)
        .start(StartFrom::Now)
        .build()?;
    println!("Changes go to {TOPIC_PREFIX}.DATABASE.TABLE; Ctrl-C commits what was read and ends.");
    let done = pipeline.run_until(ctrl_c()).await?;
    println!("{} changes in {} commits", done.changes, done.commits);
    Ok(())
}

fn source() -> Result<SourceOptions, Box<dyn Error>> {
    let url: SourceUrl = variable("ROWTIDE_SOURCE")?.parse()?;
    let mut source = SourceOptions::new(url.host, url.port, url.user, variable("ROWTIDE_SOURCE_PASSWORD")?);
    source.socket = url.socket;
    Ok(source)
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("set {name}; the top of this example tells what to"))
}

async fn ctrl_c() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("pipeline: Ctrl-C cannot be listened for, so it ends at once: {error}");
    }
}
