//! A writer that never blocks and never fails: it passes the text to a thread of its own.
//!
//! Commands that serve others print and log through it. With direct writes, a log line would block all calls while the
//! reader of a pipe is stalled, and a closed pipe would abort a graceful shutdown. Lines that do not fit the buffer are
//! lost as a whole, and the next written line has their count.
//!
//! `tracing-appender` is similar. But it counts lines instead of bytes, and if its queue is full at the end, its guard
//! reports that on standard output, blocking.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes may wait for the thread. The same number may be in the process of being written.
const ROOM: usize = 1024 * 1024;
/// How long [`Aside::finish`] waits for a stalled reader.
const PATIENCE: Duration = Duration::from_secs(1);

/// Clones write to the same thread. Each write is accepted or lost as a whole.
#[derive(Clone)]
pub(super) struct Aside(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Bytes wait for the thread.
    filled: Condvar,
    /// The thread has written all waiting bytes.
    done: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines lost since `waiting` was last taken. While it is not 0 all lines are lost, so that there is a single gap.
    lost: u64,
    /// The thread is writing what it has taken.
    busy: bool,
}

impl Aside {
    /// Starts the thread, which lives as long as the process.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub(super) fn new(name: &str, out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            done: Condvar::new(),
        });
        let aside = Aside(Arc::clone(&shared));
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || shared.write_to(out))?;
        Ok(aside)
    }

    /// Waits for a limited time until everything is written.
    pub(super) fn finish(&self) {
        self.finish_within(PATIENCE);
    }

    /// Whether everything was written within this time.
    fn finish_within(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut state = self.0.lock();
        while state.busy || !state.waiting.is_empty() || state.lost > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.done.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Write for Aside {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.take(text);
        Ok(text.len())
    }

    /// As a single write, so that no part of a line is lost.
    fn write_fmt(&mut self, text: Arguments<'_>) -> io::Result<()> {
        self.write_all(text.to_string().as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// Ignores poisoning: the state is valid even after a panic between two assignments.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, text: &[u8]) {
        let mut state = self.lock();
        let idle = state.waiting.is_empty() && state.lost == 0;
        if state.lost > 0 || state.waiting.len() + text.len() > ROOM {
            state.lost += 1;
        } else {
            state.waiting.extend_from_slice(text);
        }
        if idle {
            self.filled.notify_one();
        }
    }

    fn write_to(&self, mut out: impl Write) {
        let mut text = Vec::new();
        loop {
            let lost = self.next(&mut text);
            if lost > 0 {
                // Writing to a vector does not fail.
                let _ = writeln!(
                    text,
                    "squall: {lost} lines were lost here: nobody has read them in time"
                );
            }
            // The reader is gone, which cannot be reported. Other writers continue.
            let _ = out.write_all(&text).and_then(|()| out.flush());
            text.clear();
            // Shrinks the buffer after a stall.
            text.shrink_to(ROOM / 16);
        }
    }

    /// Waits for text, swaps it with the empty `text`, and returns how many lines were lost after it.
    fn next(&self, text: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        state.busy = false;
        while state.waiting.is_empty() && state.lost == 0 {
            self.done.notify_all();
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.busy = true;
        std::mem::swap(&mut state.waiting, text);
        std::mem::take(&mut state.lost)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// A pipe whose reader takes one write at a time, on demand.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            match self.0.send(text.to_vec()) {
                Ok(()) => Ok(text.len()),
                Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pipe() -> (Aside, Receiver<Vec<u8>>) {
        let (writer, reader) = sync_channel(0);
        (Aside::new("aside", Pipe(writer)).expect("a thread"), reader)
    }

    #[test]
    fn what_is_written_arrives_in_order() {
        let (mut aside, reader) = pipe();
        for n in 0..1000 {
            writeln!(aside, "line {n}").expect("it never fails");
        }
        let mut all = Vec::new();
        while !all.ends_with(b"line 999\n") {
            all.extend(reader.recv().expect("more"));
        }
        let all = String::from_utf8(all).expect("UTF-8");
        let expected: String = (0..1000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(all, expected);
        assert!(aside.finish_within(Duration::from_secs(60)));
    }

    #[test]
    fn a_reader_that_does_not_read_keeps_nobody_waiting_and_is_told_what_it_lost() {
        let (mut aside, reader) = pipe();
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        let written = 5 * ROOM / 100;
        for _ in 0..written {
            aside.write_all(&line).expect("it never fails");
        }
        assert!(!aside.finish_within(Duration::ZERO), "nobody has read yet");

        let mut all = Vec::new();
        while !all.ends_with(b"in time\n") {
            all.extend(reader.recv().expect("more"));
        }
        let all = String::from_utf8(all).expect("UTF-8");
        let got = all.lines().filter(|line| line.starts_with("xxx")).count();
        let told = format!(
            "squall: {} lines were lost here: nobody has read them in time",
            written - got
        );
        assert_eq!(all.lines().last(), Some(&*told));
        assert!(
            all.len() <= 2 * ROOM + told.len() + 1,
            "{} bytes were kept",
            all.len()
        );
        assert!(aside.finish_within(Duration::from_secs(60)));

        aside.write_all(b"on it goes\n").expect("it never fails");
        assert_eq!(reader.recv().expect("more"), b"on it goes\n");
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        let (mut aside, reader) = pipe();
        drop(reader);
        aside.write_all(b"for nobody\n").expect("it never fails");
        aside.write_all(b"for nobody\n").expect("it never fails");
        assert!(aside.finish_within(Duration::from_secs(60)));
    }
}
