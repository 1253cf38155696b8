//! `rowtide tail`: changes as JSON lines on standard output.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use rowtide::ChangeStream;

use crate::settings::SourceSettings;
use crate::{exit, options, signals};

/// What to show.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    source: SourceSettings,

    /// Stop after so many changes
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
}

/// The server id of a look that was not given one.
pub(crate) const DEFAULT_SERVER_ID: u32 = 5_399;
/// The source's name in the events of a look that was not given one.
pub(crate) const DEFAULT_NAME: &str = "tail";

/// Writes one line a change, in Debezium's format, until a signal.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let builder = builder(&arguments.source).map_err(exit::usage)?;
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

fn builder(settings: &SourceSettings) -> anyhow::Result<rowtide::change_stream::Builder> {
    let prefix = settings
        .topic_prefix
        .clone()
        .unwrap_or_else(|| DEFAULT_NAME.to_owned());
    let server_id = settings.server_id.unwrap_or(DEFAULT_SERVER_ID);
    let mut builder = ChangeStream::builder(options::source(settings)?, server_id, prefix)
        .tables(options::tables(settings)?)
        .start(options::start(settings)?)
        .until_idle(settings.until_idle);
    if let Some(interval) = settings.heartbeat_interval {
        builder = builder.heartbeat(options::heartbeat(interval)?);
    }
    builder.check()?;
    Ok(builder)
}
