//! What commands that run until they are told to stop have in common: logs and signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged when `RUST_LOG` does not say.
const LOG: &str = "info";

/// Logs to standard error, as `RUST_LOG` says.
pub(super) fn log() -> Result<(), String> {
    let said = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match said.trim() {
        "" => LOG,
        said => said,
    };
    let filter: Targets = filter
        .parse()
        .map_err(|error| format!("RUST_LOG is {filter:?}: {error}; write info, or squall=debug"))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(io::stderr);
    let log = tracing_subscriber::registry().with(lines).with(filter);
    log.try_init().map_err(|error| error.to_string())
}

/// The signals that end a process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
