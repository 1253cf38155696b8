//! The signals that ask a program to end.

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// Ready when SIGTERM or SIGINT (Ctrl-C) arrives.
pub async fn stop() {
    let name = tokio::select! {
        () = wait_for(SignalKind::terminate()) => "SIGTERM",
        () = wait_for(SignalKind::interrupt()) => "SIGINT",
    };
    info!(signal = name, "stopping: what was read is committed first");
}

async fn wait_for(kind: SignalKind) {
    match signal(kind) {
        Ok(mut arrivals) => {
            arrivals.recv().await;
        }
        Err(error) => {
            warn!(%error, "a signal cannot be listened for: it will end the program at once");
            std::future::pending::<()>().await;
        }
    }
}
