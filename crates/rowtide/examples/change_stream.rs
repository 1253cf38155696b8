//! The changes of any server as they come, one line each: no Kafka, no state.
//!
//! The account needs `GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.*`. Run it with
//!
//! ```text
//! export ROWTIDE_SOURCE=mysql://cdc@127.0.0.1:3306 ROWTIDE_SOURCE_PASSWORD=…
//! cargo run -p rowtide --example change_stream
//! ```
//!
//! and change something. A line is the topic that the change would go to, its key and its value, as JSON.

use std::error::Error;
use std::process::ExitCode;

use rowtide::binlog::client::SourceOptions;
use rowtide::{ChangeEvent, ChangeStream, SourceUrl};

/// A number that no other server or replica of the source has.
const SERVER_ID: u32 = 5_411;
/// The source's name in the events.
const SOURCE_NAME: &str = "example";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("change_stream: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut changes = ChangeStream::builder(source()?, SERVER_ID, SOURCE_NAME)
        .connect()
        .await?;
    eprintln!("Waiting for changes; Ctrl-C ends.");
    loop {
        let change = tokio::select! {
            change = changes.next() => change?,
            stop = tokio::signal::ctrl_c() => return Ok(stop?),
        };
        match change {
            Some(change) => print(&change),
            None => return Ok(()),
        }
    }
}

fn print(change: &ChangeEvent) {
    let key = change.key.as_deref().map_or("-".into(), String::from_utf8_lossy);
    println!(
        "{} {key} {}",
        change.topic,
        String::from_utf8_lossy(&change.value)
    );
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
