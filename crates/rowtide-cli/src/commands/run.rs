//! `rowtide run`: changes to Kafka.

use anyhow::Context;
use tracing::info;

use crate::settings::Settings;
use crate::{exit, options, progress_line, signals};

/// Runs the pipeline until a signal, or until the source is idle if that was asked for.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    let settings = settings.with_file().map_err(exit::usage)?;
    let pipeline = options::pipeline(&settings).map_err(exit::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let report = tokio::spawn(progress_line::report(pipeline.stats()));
        let done = pipeline.run_until(signals::stop()).await;
        report.abort();
        let done = done?;
        info!(
            changes = done.changes,
            records = done.records,
            commits = done.commits,
            "stopped"
        );
        Ok(())
    })
}
