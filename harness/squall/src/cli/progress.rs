//! A progress line for long runs. Only on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Shorter runs show no progress.
const PATIENCE: Duration = Duration::from_secs(2);
/// The update interval.
const TICK: Duration = Duration::from_secs(1);
/// Returns to the start of the line, and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Shows the progress of a run until it is dropped.
pub(super) struct Progress {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts, if standard error is a capable terminal.
    pub(super) fn begin(what: &str) -> Self {
        if !io::stderr().is_terminal() || is_dumb() {
            return Progress {
                over: None,
                thread: None,
            };
        }
        let (over, is_over) = mpsc::channel::<()>();
        let what = what.to_owned();
        let tell = move || {
            let (mut wait, mut seconds) = (PATIENCE, PATIENCE.as_secs());
            while let Err(RecvTimeoutError::Timeout) = is_over.recv_timeout(wait) {
                // Errors of a closed terminal are ignored.
                let _ = write!(io::stderr(), "{CLEAR}{}", line(&what, seconds));
                wait = TICK;
                seconds += TICK.as_secs();
            }
            if seconds > PATIENCE.as_secs() {
                let _ = write!(io::stderr(), "{CLEAR}");
            }
        };
        Progress {
            over: Some(over),
            thread: thread::Builder::new().spawn(tell).ok(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // The thread cannot fail.
            let _ = thread.join();
        }
    }
}

/// Whether the terminal supports only plain text.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn line(what: &str, seconds: u64) -> String {
    let what: String = crate::report::clean(what).chars().take(50).collect();
    format!(" running {what}: {seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_fits_and_steers_nothing() {
        assert_eq!(line("a storm", 3), " running a storm: 3 s");
        let long = line(&"\u{1b}x".repeat(100), 100);
        assert!(long.chars().count() < 80 && !long.contains('\u{1b}'), "{long}");
    }
}
