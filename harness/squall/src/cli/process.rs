//! Logs and signals, for commands that run until they are stopped.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::aside::Aside;
use crate::report;

/// The default of `RUST_LOG`.
const LOG: &str = "info";

/// Logs to `err`, filtered by `RUST_LOG`. Panic messages go there too, because the standard library's hook blocks on the
/// reader of standard error.
pub(super) fn log(err: &Aside) -> Result<(), String> {
    let said = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match said.trim() {
        "" => LOG,
        said => said,
    };
    let filter: Targets = filter
        .parse()
        .map_err(|error| format!("RUST_LOG is {filter:?}: {error}; write info, or squall=debug"))?;
    let (lines, panics) = (err.clone(), err.clone());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || lines.clone());
    let log = tracing_subscriber::registry().with(lines).with(filter);
    log.try_init().map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(move |panic| {
        // Writing to it never fails.
        let _ = writeln!(panics.clone(), "{}", told(panic));
    }));
    Ok(())
}

/// Raises the process's descriptor limit to its maximum, as Go's runtime does, and returns the connections for each of
/// this many servers. A quarter of the descriptors, at least 64, is reserved for dialled connections and files.
pub(super) fn connections_of_each(servers: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let all = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    share(all, servers)
}

fn share(descriptors: Option<u64>, servers: usize) -> usize {
    const KEPT_MIN: u64 = 64;
    let Some(all) = descriptors else { return usize::MAX };
    let left = all.saturating_sub((all / 4).max(KEPT_MIN));
    let each = usize::try_from(left).unwrap_or(usize::MAX) / servers.max(1);
    each.max(1)
}

/// The location of a panic on its own line, then its message without terminal control characters.
fn said(panic: &PanicHookInfo<'_>) -> String {
    let text = panic.to_string();
    match text.split_once('\n') {
        Some((place, message)) => format!("{place}\n{}", report::clean(message)),
        None => report::clean(&text).into_owned(),
    }
}

/// The message of the standard library's hook, without its advice.
fn told(panic: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let (name, backtrace) = (thread.name().unwrap_or("<unnamed>"), Backtrace::capture());
    match backtrace.status() {
        BacktraceStatus::Captured => format!("thread '{name}' {}\n{backtrace}", said(panic)),
        _ => format!("thread '{name}' {}", said(panic)),
    }
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

    /// The name of the next signal.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_share_what_is_left_of_the_descriptors() {
        assert_eq!(share(None, 3), usize::MAX);
        assert_eq!(share(Some(1024), 1), 768);
        assert_eq!(share(Some(1024), 4), 192);
        assert_eq!(share(Some(100), 1), 36);
        assert_eq!(share(Some(10), 2), 1, "one at least");
        assert_eq!(
            share(Some(u64::MAX), 0),
            usize::try_from(u64::MAX - u64::MAX / 4).unwrap()
        );
        assert!(connections_of_each(1) > 1);
    }
}
