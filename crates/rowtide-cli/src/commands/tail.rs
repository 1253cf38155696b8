//! `rowtide tail`: changes as JSON lines on standard output.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use rowtide::ChangeStream;

use crate::settings::{
    CaptureSettings, ConfigArgument, ConfigFile, NameSettings, SourceSettings, TableSettings,
};
use crate::{exit, options, signals};

/// What to show.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    source: SourceSettings,
    #[command(flatten)]
    tables: TableSettings,
    #[command(flatten)]
    capture: CaptureSettings,
    #[command(flatten)]
    name: NameSettings,
    #[command(flatten)]
    config: ConfigArgument,

    /// The server id under which this look joins the source: another than that of the run, so that it is not taken from
    /// the file or the environment
    #[arg(long, value_name = "N", default_value_t = 5_399, value_parser = clap::value_parser!(u32).range(1..))]
    server_id: u32,

    /// Stop after so many changes
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
}

/// The source's name in the events of a look that was not given one.
pub(crate) const DEFAULT_NAME: &str = "tail";

/// Writes one line a change, in Debezium's format, until a signal.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let builder = builder(&arguments).map_err(exit::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let mut stream = builder.connect().await?;
        let mut left = arguments.count.unwrap_or(u64::MAX);
        let stop = signals::stop();
        tokio::pin!(stop);
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        while left > 0 {
            let event = tokio::select! {
                event = stream.next() => event?,
                () = &mut stop => None,
            };
            let Some(event) = event else { break };
            out.write_all(&event.value)?;
            out.write_all(b"\n")?;
            if !stream.has_more() {
                out.flush()?;
            }
            left -= 1;
        }
        out.flush()?;
        Ok(())
    })
}

fn builder(given: &Arguments) -> anyhow::Result<rowtide::change_stream::Builder> {
    let file = ConfigFile::read(&given.config)?;
    let source = file.fill(given.source.clone())?;
    let tables = file.fill(given.tables.clone())?;
    let capture = file.fill(given.capture.clone())?;
    let name = file.fill(given.name.clone())?;
    let name = name.topic_prefix.unwrap_or_else(|| DEFAULT_NAME.to_owned());
    let mut builder = ChangeStream::builder(options::source(&source)?, given.server_id, name)
        .tables(options::tables(&tables)?)
        .start(options::start(&capture)?)
        .absent_columns(options::absent_columns(&capture))
        .until_idle(capture.until_idle);
    if let Some(interval) = options::heartbeat(&capture)? {
        builder = builder.heartbeat(interval);
    }
    if let Some(bytes) = options::xa_held_bytes(&capture) {
        builder = builder.xa_held_bytes(bytes);
    }
    builder.check()?;
    Ok(builder)
}
